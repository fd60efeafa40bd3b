"""Production refuses to start half-configured, and says what to do."""

import os
import subprocess
import sys

import pytest

from tests.running import ROOT
from tests.waiting import LONG

SECRET = "k" * 48
GOOD = {
    "METERHOUSE_ENV": "production",
    "SECRET_KEY": SECRET,
    "KEY_PEPPER": SECRET[::-1] + "p",
    "ENCRYPTION_KEY": SECRET + "e",
    "ALLOWED_HOSTS": "console.example.com",
}


def load(tmp_path, expression="'ok'", **environment):
    """What an expression over the settings prints, or the error that loading them raises."""
    code = f"from config import settings; print({expression})"
    kept = {"PATH": os.environ["PATH"], "DATA_DIR": str(tmp_path / "data")}
    done = subprocess.run(
        [sys.executable, "-c", code],
        cwd=ROOT,
        env={**kept, **environment},
        capture_output=True,
        text=True,
        timeout=2 * LONG,
        check=False,
    )
    return done.stdout.strip() if done.returncode == 0 else done.stderr.strip().splitlines()[-1]


def test_production_starts_with_everything_set(tmp_path):
    assert load(tmp_path, **GOOD) == "ok"


@pytest.mark.parametrize("name", ["SECRET_KEY", "KEY_PEPPER", "ENCRYPTION_KEY", "ALLOWED_HOSTS"])
def test_production_refuses_what_is_missing(tmp_path, name):
    without = {key: value for key, value in GOOD.items() if key != name}
    assert f"ImproperlyConfigured: {name} is missing" in load(tmp_path, **without)
    assert not (tmp_path / "data").exists()


def test_production_refuses_a_short_secret(tmp_path):
    assert "KEY_PEPPER has fewer than 32 characters" in load(tmp_path, **{**GOOD, "KEY_PEPPER": "short"})


def test_production_refuses_debug(tmp_path):
    assert "DEBUG is on in production" in load(tmp_path, **GOOD, DEBUG="true")


def test_a_flag_is_yes_or_no(tmp_path):
    assert "DEBUG='maybe': write true or false." in load(tmp_path, DEBUG="maybe")


def test_a_secret_may_be_a_file(tmp_path):
    path = tmp_path / "secret"
    path.write_text("from a file, quite long, and with an end of line\n")
    said = load(tmp_path, "settings.SECRET_KEY", SECRET_KEY_FILE=str(path))
    assert said == "from a file, quite long, and with an end of line"


def test_a_missing_secret_file_is_named(tmp_path):
    assert "SECRET_KEY_FILE: " in load(tmp_path, SECRET_KEY_FILE=str(tmp_path / "nothing"))


def test_embedded_secrets_are_made_once_and_private(tmp_path):
    expression = "settings.SECRET_KEY, settings.KEY_PEPPER, settings.ENCRYPTION_KEY"
    first = load(tmp_path, expression)
    assert load(tmp_path, expression) == first
    folder = tmp_path / "data" / "secrets"
    assert {path.name for path in folder.iterdir()} == {"secret_key", "key_pepper", "encryption_key"}
    assert {path.stat().st_mode & 0o777 for path in folder.iterdir()} == {0o600}
    assert len({path.read_text() for path in folder.iterdir()}) == 3


def test_production_cookies_are_secure(tmp_path):
    expression = "settings.SESSION_COOKIE_SECURE, settings.CSRF_COOKIE_SECURE, settings.DEBUG, settings.DEMO_PROVIDER"
    assert load(tmp_path, expression, **GOOD) == "True True False False"


def test_a_link_is_an_address_that_people_can_follow(tmp_path):
    good = {"SUPPORT_URL": "mailto:help@example.com", "DOCS_URL": "https://docs.example.com"}
    assert load(tmp_path, "settings.SUPPORT_URL + settings.FORUM_URL", **good) == "mailto:help@example.com"
    assert "CHAT_URL='javascript:x': write https://" in load(tmp_path, CHAT_URL="javascript:x")


@pytest.mark.parametrize(
    ("name", "value", "said"),
    [
        ("DATABASE_URL", "postgres", "write postgresql://"),
        ("DATABASE_URL", "mysql://user:hidden@host/name", "write postgresql://"),
        ("DATABASE_URL", "postgresql://user:hid/den@host/name", "In a password"),
        ("REDIS_URL", "127.0.0.1:6379", "write redis://"),
        ("EMAIL_URL", "mail.example.com", "write smtp://"),
        ("EMAIL_URL", "smtp://user:hidden@host:port", "write smtp://"),
        ("TRUSTED_PROXIES", "127.0.0.1, nginx", "'nginx' is no network"),
        ("CSRF_TRUSTED_ORIGINS", "console.example.com", "Write such as https://"),
        ("ALLOWED_HOSTS", "https://console.example.com", "Write the host name alone"),
        ("PUBLIC_URL", "console.example.com", "write https://"),
        ("LOG_LEVEL", "loud", "write one of DEBUG, INFO"),
        ("DRAIN_SECONDS", "nan", "write a number"),
        ("SHUTDOWN_DELAY", "-1", "write a number, 0 or more"),
        ("API_REQUESTS_PER_MINUTE", "inf", "write a number, 1 or more"),
    ],
)
def test_nonsense_is_refused_by_name_and_without_its_password(tmp_path, name, value, said):
    line = load(tmp_path, **{name: value})
    assert f"ImproperlyConfigured: {name}" in line
    assert said in line
    assert "hid" not in line


def test_an_empty_setting_is_none(tmp_path):
    empty = {"DATABASE_URL": "", "REDIS_URL": "", "EMAIL_URL": "", "LOG_LEVEL": "", "PUBLIC_URL": ""}
    assert load(tmp_path, "settings.DATABASES['default']['NAME']", **empty).endswith("meterhouse.sqlite3")


def test_a_shell_reads_the_example_of_settings_as_systemd_does():
    told = 'set -a; . deploy/meterhouse.env; printf \'%s|%s\' "$DEFAULT_FROM_EMAIL" "$SHUTDOWN_DELAY"'
    done = subprocess.run(["/bin/sh", "-c", told], cwd=ROOT, env={}, capture_output=True, text=True, check=False)
    assert (done.stderr, done.stdout) == ("", "Meterhouse <meterhouse@example.com>|5")
