"""Numbers on pages have the marks that the person chose; what machines read stays as it is."""

import pytest
import time_machine
from django.test import Client
from django.utils import timezone

from accounts.models import User
from billing import grants
from foundation import shown_numbers
from foundation.money import NANO
from tests.dashboard.metered import logged_in, record, request_of
from tests.people import House, house

pytestmark = pytest.mark.django_db


@pytest.fixture
def alice() -> House:
    made = house()
    grants.give(made.organization, 12_345_678 * NANO // 10)
    return made


def choose(client: Client, name: str) -> int:
    sent = {"name": "Alice", "time_zone": "UTC", "language": "", "number_format": name}
    return client.post("/settings/", sent).status_code


@pytest.mark.parametrize(
    ("name", "shown"),
    [
        ("", "$1,234,567.80"),
        ("point", "$1.234.567,80"),
        ("space", "$1\u202f234\u202f567,80"),
        ("apostrophe", "$1’234’567.80"),
    ],
)
def test_it_is_chosen_in_the_profile(alice: House, name: str, shown: str) -> None:
    client = logged_in(alice.owner)
    assert choose(client, name) == 302
    page = client.get("/billing/").content.decode()
    assert (shown in page and '"1234587.80"' in page) or '"1234567.80"' in page
    assert ("data-marks" in page) == bool(name)
    # The choice of one request is not that of the next.
    assert "data-marks" not in Client().get("/models/").content.decode()
    assert shown_numbers.marks() == ""


def test_another_format_is_refused(alice: House) -> None:
    assert choose(logged_in(alice.owner), "roman") == 422
    assert User.objects.get(pk=alice.owner.pk).number_format == ""


def test_files_are_not_concerned(alice: House) -> None:
    key, _ = alice.key("web")
    record(request_of(key, alice.organization.created_at, input_tokens=1_234_567))
    client = logged_in(alice.owner)
    # This month's credit is given when a balance is first asked for, and the last row of the history is that of now.
    client.get("/billing/")
    with time_machine.travel(timezone.now(), tick=False):
        same_files(client)


def same_files(client: Client) -> None:
    for address in ("/usage/export.csv", "/usage/requests/export.csv", "/billing/export.csv"):
        before = b"".join(client.get(address).streaming_content)  # type: ignore[attr-defined]
        choose(client, "point")
        assert b"".join(client.get(address).streaming_content) == before  # type: ignore[attr-defined]
        choose(client, "")
