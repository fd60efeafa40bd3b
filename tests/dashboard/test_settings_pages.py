"""Settings: profile, organization and data, without scripts."""

import json

import pytest

from accounts import keys
from accounts.models import ApiKeySecret, AuditEntry, Organization, User
from accounts.roles import Role
from tests.dashboard.people_at_work import browser
from tests.people import PASSWORD, House, house

pytestmark = pytest.mark.django_db


@pytest.fixture
def alice() -> House:
    return house("Alice")


def test_name_and_time_zone_of_the_profile(alice: House) -> None:
    client = browser(alice.owner)
    answer = client.post("/settings/", {"name": " Alice \n Liddell ", "time_zone": "Asia/Shanghai"})
    assert answer.status_code == 302
    user = User.objects.get(pk=alice.owner.pk)
    assert (user.name, user.time_zone) == ("Alice Liddell", "Asia/Shanghai")
    entry = AuditEntry.objects.get(action="user.profile_changed")
    assert entry.changes["time_zone"] == ["UTC", "Asia/Shanghai"]
    page = client.get("/settings/").content.decode()
    assert '<option value="Asia/Shanghai" selected>Shanghai (UTC+8)</option>' in page


@pytest.mark.parametrize("zone", ["Mars/Olympus", "", "../../etc/passwd"])
def test_a_wrong_zone_is_refused_and_the_name_kept(alice: House, zone: str) -> None:
    answer = browser(alice.owner).post("/settings/", {"name": "Typed", "time_zone": zone})
    assert answer.status_code == 422
    page = answer.content.decode()
    assert "<title>Error: " in page
    assert 'value="Typed"' in page
    assert User.objects.get(pk=alice.owner.pk).time_zone == "UTC"


def test_an_old_zone_name_stays_until_it_is_changed(alice: House) -> None:
    User.objects.update(time_zone="PRC")
    client = browser(User.objects.get())
    assert '<option value="PRC" selected>' in client.get("/settings/").content.decode()
    assert client.post("/settings/", {"name": "A", "time_zone": "PRC"}).status_code == 302


def test_name_and_zone_of_the_organization(alice: House) -> None:
    client = browser(alice.owner)
    client.post("/settings/organization/", {"name": "Northwind <b>", "time_zone": "Asia/Kolkata"})
    organization = Organization.objects.get()
    assert (organization.name, organization.time_zone) == ("Northwind <b>", "Asia/Kolkata")
    page = client.get("/settings/organization/").content.decode()
    assert "Northwind &lt;b&gt;" in page
    assert "Northwind <b>" not in page
    assert "Kolkata (UTC+5:30)" in page
    assert "Organization changed: Alice&#x27;s → Northwind &lt;b&gt;" in page
    wrong = client.post("/settings/organization/", {"name": "", "time_zone": "Asia/Kolkata"})
    assert wrong.status_code == 422
    assert Organization.objects.get().name == "Northwind <b>"


def test_copying_is_allowed_used_and_taken_back(alice: House) -> None:
    old, _ = alice.key("old")
    client = browser(alice.owner)
    assert "Only a fingerprint of each secret is kept" in client.get("/settings/organization/").content.decode()
    client.post("/settings/organization/copying/", {"allowed": "yes"})
    alice.organization.refresh_from_db()
    issued = keys.create(alice.project, "new", alice.actor)
    assert ApiKeySecret.objects.exclude(sealed="").get().api_key == issued.api_key
    shown = client.post(f"/keys/{issued.api_key.public_id}/reveal/", {"password": PASSWORD})
    assert shown.context["secret"] == issued.secret
    assert "1 secret is kept now." in client.get("/settings/organization/").content.decode()
    page = client.post("/settings/organization/copying/", {"allowed": "no"}, follow=True).content.decode()
    assert "1 kept secret was erased." in page
    assert not ApiKeySecret.objects.exclude(sealed="").exists()
    assert client.get(f"/keys/{issued.api_key.public_id}/reveal/").status_code == 404
    actions = AuditEntry.objects.filter(action__startswith="organization.copying").order_by("pk")
    assert [one.action for one in actions] == ["organization.copying_allowed", "organization.copying_stopped"]
    assert actions[1].changes == {"secrets_erased": 1}
    assert old.status() == "active"


@pytest.mark.parametrize("role", [Role.DEVELOPER, Role.BILLING, Role.VIEWER])
def test_only_owners_and_admins_change_the_organization(alice: House, role: Role) -> None:
    client = browser(alice.member("Bob", role))
    assert "/settings/organization/" not in client.get("/settings/").content.decode()
    assert client.get("/settings/organization/").status_code == 403
    assert client.post("/settings/organization/", {"name": "X", "time_zone": "UTC"}).status_code == 403
    assert client.post("/settings/organization/copying/", {"allowed": "yes"}).status_code == 403
    organization = Organization.objects.get()
    assert (organization.name, organization.keys_can_be_revealed) == ("Alice's", False)


def test_an_admin_changes_it_and_charlie_changes_only_the_own(alice: House) -> None:
    charlie = house("Charlie")
    browser(charlie.owner).post("/settings/organization/", {"name": "Mine", "time_zone": "UTC"})
    assert set(Organization.objects.values_list("name", flat=True)) == {"Alice's", "Mine"}
    browser(alice.member("Bob", Role.ADMIN)).post("/settings/organization/copying/", {"allowed": "yes"})
    assert Organization.objects.get(pk=alice.organization.pk).keys_can_be_revealed
    assert not Organization.objects.get(pk=charlie.organization.pk).keys_can_be_revealed


def test_changes_need_post_and_the_form_of_the_page(alice: House) -> None:
    assert browser(alice.owner).get("/settings/organization/copying/").status_code == 405
    strict = browser(alice.owner, enforce_csrf_checks=True)
    assert strict.post("/settings/organization/copying/", {"allowed": "yes"}).status_code == 403
    assert not Organization.objects.get().keys_can_be_revealed


def test_the_own_data_are_a_file_without_secrets_and_without_other_people(alice: House) -> None:
    bob = alice.member("Bob", Role.DEVELOPER)
    issued = keys.create(alice.project, "bobs", alice.actor, owner=bob)
    answer = browser(bob).get("/settings/data/export/")
    assert answer["content-disposition"] == f'attachment; filename="{bob.public_id}.json"'
    assert "no-store" in answer["cache-control"]
    text = answer.content.decode()
    found = json.loads(text)
    assert found["account"]["email"] == "bob@example.com"
    assert found["memberships"][0]["role"] == "developer"
    assert found["own_keys"][0]["id"] == issued.api_key.public_id
    assert found["sessions"][0]["ip"] == "127.0.0.1"
    for hidden in ("alice@example.com", issued.secret, bob.password, ApiKeySecret.objects.get().fingerprint):
        assert hidden not in text
