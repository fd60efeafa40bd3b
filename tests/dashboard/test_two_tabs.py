"""A form acts in the organization that its page showed, whatever another tab switched to since."""

import re

import pytest
from django.test import Client

from accounts.models import Invitation, Membership
from accounts.roles import Role
from tests.dashboard.people_at_work import browser
from tests.people import House, house

pytestmark = pytest.mark.django_db


@pytest.fixture
def alice() -> House:
    return house("Alice")


@pytest.fixture
def other(alice: House) -> House:
    """Dora's house, where Alice is an admin."""
    dora = house("Dora")
    Membership.objects.create(organization=dora.organization, user=alice.owner, role=Role.ADMIN)
    return dora


def _switch(client: Client, to: House) -> None:
    client.post(f"/organizations/{to.organization.public_id}/switch/")


def _unseen(client: Client, path: str) -> dict[str, str]:
    """The hidden fields of the page's own form."""
    text = client.get(path).content.decode()
    form = text[text.index("<main") :].rpartition("<textarea")[0].rpartition("<form")[2]
    return dict(re.findall(r'type="hidden" name="(\w+)" value="([^"]*)"', form))


def test_a_form_of_the_first_tab_stays_with_its_organization(alice: House, other: House) -> None:
    client = browser(alice.owner)
    fields = _unseen(client, "/members/invite/") | {"emails": "erin@example.com", "role": Role.VIEWER}
    _switch(client, other)
    answer = client.post("/members/invite/", fields)
    assert answer.status_code == 302
    assert Invitation.objects.get().organization == alice.organization
    # What is shown next is where it happened.
    assert client.get(answer["location"]).context["organization"] == alice.organization


def test_a_refused_form_is_shown_again_in_its_organization(alice: House, other: House) -> None:
    client = browser(alice.owner)
    fields = _unseen(client, "/members/invite/") | {"emails": "nobody", "role": Role.VIEWER}
    _switch(client, other)
    answer = client.post("/members/invite/", fields)
    assert answer.status_code == 422
    assert answer.context["organization"] == alice.organization
    assert alice.organization.public_id in answer.content.decode().partition("<main")[2]


def test_a_form_of_an_organization_that_was_left_changes_no_other(alice: House, other: House) -> None:
    client = browser(alice.owner)
    _switch(client, other)
    fields = _unseen(client, "/members/invite/") | {"emails": "erin@example.com", "role": Role.VIEWER}
    Membership.objects.get(organization=other.organization, user=alice.owner).delete()
    assert client.post("/members/invite/", fields).status_code == 404
    assert not Invitation.objects.exists()


def test_the_role_in_the_forms_organization_decides(alice: House, other: House) -> None:
    client = browser(alice.owner)
    Membership.objects.filter(organization=other.organization, user=alice.owner).update(role=Role.VIEWER)
    form = {"in_organization": other.organization.public_id, "emails": "erin@example.com", "role": Role.VIEWER}
    assert client.post("/members/invite/", form).status_code == 403
    assert not Invitation.objects.exists()
