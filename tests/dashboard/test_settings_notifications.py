"""Settings, Notifications: each member chooses, security mail stays."""

import pytest
from django.core import mail

from accounts.models import AuditEntry, Membership
from accounts.roles import Role
from billing import delivering, dispatching, mails, recipients
from billing.models import EventType
from tests.billing.news import say, tell, verify
from tests.dashboard.people_at_work import browser
from tests.people import House, house

pytestmark = pytest.mark.django_db
URL = "/settings/notifications/"


@pytest.fixture
def alice() -> House:
    made = house("Alice")
    verify(made.owner)
    return made


def _told() -> list[str]:
    return sorted(message.to[0] for message in mail.outbox)


def test_everything_is_told_until_one_chooses(alice: House) -> None:
    page = browser(alice.owner).get(URL).content.decode()
    assert page.count("checked") == len(mails.types())
    assert "It cannot be turned off" in page and ">Always<" in page


def test_who_mutes_an_event_gets_no_mail_of_it_and_others_do(alice: House) -> None:
    verify(bob := alice.member("Bob", Role.ADMIN))
    kept = [EventType.WEBHOOK_DISABLED.value]
    assert browser(bob).post(URL, {"mail": kept}).status_code == 302
    muted = Membership.objects.get(user=bob).muted_mails
    assert muted == sorted(set(mails.types()) - set(kept))
    assert AuditEntry.objects.get(action="member.mails_chosen").actor == bob
    say(alice.organization)
    tell()
    assert _told() == ["alice@example.com"]
    page = browser(bob).get(URL).content.decode()
    assert page.count("checked") == 1


def test_turned_on_again_it_comes_again(alice: House) -> None:
    client = browser(alice.owner)
    client.post(URL, {})
    say(alice.organization)
    tell()
    assert _told() == []
    client.post(URL, {"mail": [one.value for one in EventType]})
    assert Membership.objects.get(user=alice.owner).muted_mails == []
    say(alice.organization)
    tell()
    assert _told() == ["alice@example.com"]


def test_muted_between_writing_down_and_sending_is_not_sent(alice: House) -> None:
    say(alice.organization)
    dispatching.dispatch_messages()
    browser(alice.owner).post(URL, {})
    delivering.deliver_due()
    assert _told() == []


def test_unknown_types_are_ignored(alice: House) -> None:
    browser(alice.owner).post(URL, {"mail": ["nothing", "<img>", *[one.value for one in EventType]]})
    assert Membership.objects.get(user=alice.owner).muted_mails == []


def test_developers_choose_what_they_are_told_of_their_keys(alice: House) -> None:
    client = browser(alice.member("Dev", Role.DEVELOPER))
    assert client.get(URL).content.decode().count('type="checkbox"') == len(recipients.ABOUT_KEYS)
    assert client.post(URL, {"mail": ["key.revoked"]}).status_code == 302
    member = Membership.objects.get(user__email="dev@example.com")
    assert member.muted_mails == ["key.created", "key.regenerated"]
    # As billing member there is nothing of keys to choose, and what was chosen stays.
    Membership.objects.filter(pk=member.pk).update(role=Role.BILLING)
    client.post(URL, {"mail": [one.value for one in EventType if one != EventType.BALANCE_LOW]})
    member.refresh_from_db()
    assert member.muted_mails == ["balance.low", "key.created", "key.regenerated"]


def test_a_role_that_is_not_told_has_nothing_to_choose(alice: House) -> None:
    client = browser(alice.member("Dev", Role.VIEWER))
    page = client.get(URL).content.decode()
    assert "Viewers are not told" in page and 'type="checkbox"' not in page and "/limits/webhooks/" not in page
    assert client.post(URL, {}).status_code == 403
    assert Membership.objects.get(user__email="dev@example.com").muted_mails == []


def test_the_choice_is_of_one_organization(alice: House) -> None:
    charlie = house("Charlie")
    Membership.objects.create(user=alice.owner, organization=charlie.organization, role=Role.ADMIN)
    browser(alice.owner).post(URL, {})
    assert len(Membership.objects.get(user=alice.owner, organization=alice.organization).muted_mails) == len(
        mails.types()
    )
    assert Membership.objects.get(user=alice.owner, organization=charlie.organization).muted_mails == []


def test_the_limits_page_names_who_wants_at_least_some_of_the_mails(alice: House) -> None:
    client = browser(alice.owner)
    client.post(URL, {"mail": [EventType.LIMIT_THRESHOLD_REACHED.value]})
    assert client.get("/limits/").context["recipients"] == ["alice@example.com"]
    client.post(URL, {})
    assert "has a confirmed address and wants them" in client.get("/limits/").content.decode()
