"""What a person chooses for the playground in the profile reaches its page."""

import pytest

from accounts.models import AuditEntry, User
from tests.dashboard.people_at_work import browser
from tests.people import house

pytestmark = pytest.mark.django_db
PROFILE = {"name": "Alice", "time_zone": "UTC", "language": ""}


def test_everything_is_on_until_it_is_switched_off() -> None:
    alice = house("Alice")
    client = browser(alice.owner)
    before = client.get("/playground/").content.decode()
    for name in ("streams", "announces", "shortcuts"):
        assert f'data-{name}="yes"' in before
    client.post("/settings/", {**PROFILE, "announces_answers": "on"})
    user = User.objects.get()
    assert (user.streams_answers, user.announces_answers, user.uses_shortcuts) == (False, True, False)
    assert AuditEntry.objects.get(action="user.profile_changed").changes["streams_answers"] == [True, False]
    after = client.get("/playground/").content.decode()
    assert 'data-streams="no"' in after and 'data-announces="yes"' in after and 'data-shortcuts="no"' in after


def test_what_scripts_read_is_not_translated() -> None:
    alice = house("Alice")
    client = browser(alice.owner)
    client.post("/settings/", {**PROFILE, "language": "zh-hans", "streams_answers": "on"})
    page = client.get("/playground/").content.decode()
    assert 'data-streams="yes"' in page and 'data-demo="no"' in page
