"""What a form of the console refuses comes back with 422, the words, and what was typed; everywhere alike."""

import pytest

from tests.dashboard.metered import logged_in
from tests.people import House, house

pytestmark = pytest.mark.django_db
FORMS = {
    "/keys/create/": {"name": ""},
    "/keys/{key}/regenerate/": {"grace": "never", "token": "1"},
    "/keys/{key}/rename/": {"name": ""},
    "/keys/{key}/restrict/": {"scopes": []},
    "/getting-started/key/": {"name": ""},
    "/projects/create/": {"name": ""},
    "/projects/{project}/rename/": {"name": ""},
    "/projects/{project}/members/add/": {"member": ""},
    "/limits/add/": {"amount": "much", "subject": "{organization}"},
    "/limits/webhooks/add/": {"url": ""},
    "/members/invite/": {"emails": "nobody", "role": "developer"},
    "/billing/redeem/": {"code": ""},
    "/settings/": {"time_zone": "Mars/Olympus"},
    "/settings/organization/": {"name": ""},
    "/settings/organization/access/": {"allowed_domains": "no domain"},
}


@pytest.fixture
def alice() -> House:
    return house()


@pytest.mark.parametrize("url", FORMS)
def test_it_is_422_and_says_what_is_wrong(alice: House, url: str) -> None:
    ids = {
        "key": alice.key("web")[0].public_id,
        "project": alice.project.public_id,
        "organization": alice.organization.public_id,
    }
    sent = {name: value.format(**ids) if isinstance(value, str) else value for name, value in FORMS[url].items()}
    answer = logged_in(alice.owner).post(url.format(**ids), {"csrfmiddlewaretoken": "x"} | sent)
    assert answer.status_code == 422
    text = answer.content.decode()
    assert "<title>Error:" in text and 'role="alert"' in text
