"""Mail of the embedded set-up."""

from django.core.mail import EmailMessage, get_connection


def test_a_mail_is_a_file_and_its_link_is_printed(settings, tmp_path, capsys):
    settings.MAIL_DIR = tmp_path / "mail"
    connection = get_connection("config.mail.FolderBackend")
    link = "http://127.0.0.1:8000/accounts/confirm-email/MQ:1abc-DEF_x/"
    message = EmailMessage("Confirm", f"Open\n{link}\nplease.", "house@example.com", ["alice@example.com"])
    assert connection.send_messages([message]) == 1
    (path,) = settings.MAIL_DIR.iterdir()
    assert path.suffix == ".eml"
    assert link in path.read_text()
    printed = capsys.readouterr().out
    assert "mail to alice@example.com: Confirm" in printed
    assert f"\n  {link}\n" in printed
