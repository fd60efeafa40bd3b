"""The session ended while a page was open: what is sent changes nothing, says so, and leads back to its page."""

import pytest

from tests.dashboard.people_at_work import browser
from tests.people import PASSWORD, House, house

pytestmark = pytest.mark.django_db
SAID = "You were logged out, so nothing was changed."


@pytest.fixture
def alice() -> House:
    return house("Alice")


@pytest.mark.parametrize("path", ["/members/transfer/", "/settings/data/keep/", "/settings/security/sessions/1/end/"])
def test_a_form_that_came_too_late_leads_back_to_its_page(alice: House, path: str) -> None:
    client = browser(None)
    page = "/keys/?status=all"
    answer = client.post(path, {"name": "typed"}, headers={"referer": f"http://testserver{page}#top"})
    assert answer.status_code == 302
    page_of_log_in = client.get(answer["location"]).content.decode()
    assert SAID in page_of_log_in and 'class="flash error"' in page_of_log_in
    done = client.post(answer["location"], {"login": alice.owner.email, "password": PASSWORD})
    assert done["location"] == page
    assert client.get(done["location"]).status_code == 200


def test_a_button_whose_address_takes_no_get_leads_to_a_page(alice: House) -> None:
    key, _ = alice.key("one")
    client = browser(None)
    answer = client.post(f"/keys/{key.public_id}/disable/", {"csrfmiddlewaretoken": "x"})
    done = client.post(answer["location"], {"login": alice.owner.email, "password": PASSWORD})
    assert client.get(done["location"]).status_code == 200
    key.refresh_from_db()
    assert key.disabled_at is None


def test_no_form_leads_to_another_site(alice: House) -> None:
    answer = browser(None).post("/keys/create/", {"name": "typed"}, headers={"referer": "https://elsewhere.example/"})
    assert answer["location"] == "/accounts/login/?next=/"


def test_a_page_that_is_only_looked_at_says_nothing(alice: House) -> None:
    client = browser(None)
    answer = client.get("/usage/?period=7d")
    assert answer["location"] == "/accounts/login/?next=/usage/%3Fperiod%3D7d"
    assert SAID not in client.get(answer["location"]).content.decode()
