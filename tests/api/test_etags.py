"""ETag, If-Match and If-None-Match: nobody's edit is lost."""

import re

import pytest
from django.utils import timezone

from accounts import invitations, projects
from accounts.models import ApiKey
from accounts.roles import Role
from billing import exports, limits, webhooks
from billing.exports import Target
from billing.limits import Terms
from tests.api.client import Door, fault
from tests.api.test_description import described
from tests.api.test_together import together
from tests.dashboard.metered import record, request_of
from tests.people import house

REMOVED = ("limits", "webhooks", "members", "scheduled-exports")
# Ended in a test of their own, or only in a state of their own.
ELSEWHERE = {
    "/api/v1/invitations/{invitation_id}",
    "/api/v1/projects/{project_id}/members/{user_id}",
    "/api/v1/projects/{project_id}",
}


class Objects:
    """One of each that can be edited: its path, and an edit."""

    def __init__(self, alice):
        bob = alice.member("Bob", Role.VIEWER)
        self.key, _ = alice.key("k")
        limit = limits.set_limit(self.key, Terms("requests", 50, "month"), alice.actor)
        endpoint = webhooks.create_endpoint(alice.organization, "https://example.com/hooks", alice.actor).endpoint
        project = projects.create(alice.organization, "Storefront", alice.actor)
        target = Target("books", access_key_id="AKIAEXAMPLE", secret_access_key="not-a-real-one")
        export = exports.to_bucket(alice.organization, target, alice.actor)
        self.edits = {
            f"v1/keys/{self.key.public_id}": {"name": "renamed"},
            f"v1/limits/{limit.public_id}": {"amount": "65"},
            f"v1/webhooks/{endpoint.public_id}": {"description": "changed"},
            f"v1/projects/{project.public_id}": {"name": "renamed"},
            f"v1/members/{bob.public_id}": {"role": "developer"},
            f"v1/scheduled-exports/{export.public_id}": {"enabled": False},
            "v1/organization": {"name": "renamed"},
        }


@pytest.fixture
def objects(alice):
    return Objects(alice)


@pytest.mark.django_db
def test_every_edit_is_tried_here(objects):
    """So that a new one cannot forget the condition that its description promises."""
    tried = {re.sub(r"/\w+_\w+$", "", path) for path in objects.edits}
    for path, item in described()["paths"].items():
        place = re.sub(r"/\{\w+\}$", "", path.removeprefix("/api/"))
        if {"patch", "put"} & set(item):
            assert place in tried, path
        if "delete" in item and path not in ELSEWHERE:
            assert place.removeprefix("v1/") in REMOVED, path


@pytest.mark.django_db
def test_who_has_it_already_gets_304(admin, objects):
    for path in objects.edits:
        tag = admin.get(path)["ETag"]
        again = admin.get(path, if_none_match=f'"other", W/{tag}')
        assert (again.status_code, again.content, again["ETag"]) == (304, b"", tag), path
        assert admin.get(path, if_none_match="*").status_code == 304
        assert admin.get(path, if_none_match='"other"').status_code == 200


@pytest.mark.django_db
def test_an_edit_needs_the_current_tag_if_it_names_one(admin, objects):
    for path, body in objects.edits.items():
        old = admin.get(path)["ETag"]
        changed = admin.send("PATCH", path, body, if_match=old)
        assert changed.status_code == 200, (path, changed.content)
        assert changed["ETag"] != old
        refused = admin.send("PATCH", path, body, if_match=old)
        assert fault(refused) == (412, "precondition_failed", "If-Match"), path
        assert admin.send("PATCH", path, body, if_match=f"W/{changed['ETag']}").status_code == 412
        assert admin.send("PATCH", path, body, if_match="nonsense").status_code == 412
        assert admin.send("PATCH", path, body, if_match=f'"x", {changed["ETag"]}').status_code == 200, path
        assert admin.send("PATCH", path, body, if_match="*").status_code == 200
        assert admin.send("PATCH", path, body).status_code == 200


@pytest.mark.django_db
def test_a_removal_needs_it_too(admin, objects):
    for path in objects.edits:
        if path.partition("/")[2].partition("/")[0] in REMOVED:
            tag = admin.get(path)["ETag"]
            assert fault(admin.send("DELETE", path, if_match='"other"'))[0] == 412
            assert admin.get(path).status_code == 200
            assert admin.send("DELETE", path, if_match=tag).status_code == 200
            assert fault(admin.send("DELETE", path, if_match="*"))[0] == 404


@pytest.mark.django_db
def test_an_archived_project_is_ended_under_a_condition(alice, admin, objects):
    [path] = [path for path in objects.edits if path.startswith("v1/projects/")]
    admin.post(f"{path}/archive")
    assert fault(admin.send("DELETE", path, if_match='"other"'))[0] == 412
    assert admin.send("DELETE", path, if_match=admin.get(path)["ETag"]).status_code == 200


@pytest.mark.django_db
def test_an_invitation_and_work_in_a_project_are_ended_under_a_condition(alice, admin):
    invitation = invitations.invite(alice.organization, "tom@example.com", "viewer", alice.actor).invitation
    path = f"v1/invitations/{invitation.public_id}"
    assert fault(admin.send("DELETE", path, if_match='"other"'))[0] == 412
    assert admin.send("DELETE", path, if_match="*").status_code == 200
    dora = alice.member("Dora", Role.DEVELOPER)
    path = f"v1/projects/{alice.project.public_id}/members/{dora.public_id}"
    assert fault(admin.send("DELETE", path, if_match='"other"'))[0] == 412
    assert admin.send("DELETE", path, if_match="*").status_code == 200


@pytest.mark.django_db
def test_use_is_no_edit(admin, objects):
    """A key that is used and a limit that is spent from may be edited with the tag of before; the answer is new."""
    path = f"v1/keys/{objects.key.public_id}"
    old = admin.get(path)["ETag"]
    record(request_of(objects.key, timezone.now()))
    assert admin.get(path, if_none_match=old).status_code == 200
    assert admin.send("PATCH", path, {"name": "renamed"}, if_match=old).status_code == 200


@pytest.mark.django_db
def test_what_is_not_there_is_404_whatever_the_condition(admin):
    for condition in ("*", '"x"'):
        assert fault(admin.send("PATCH", "v1/keys/key_nothing", {"name": "x"}, if_match=condition))[0] == 404


@pytest.mark.database
def test_of_edits_with_one_tag_exactly_one_wins(own_database):
    alix = house("Alix")
    secret = alix.key("admin", scopes=("management",))[1]
    path = f"v1/keys/{alix.key('k')[0].public_id}"
    tag = Door(secret).get(path)["ETag"]
    answers = together(
        *[
            lambda number=number: Door(secret).send("PATCH", path, {"requests_per_minute": number}, if_match=tag)
            for number in range(1, 6)
        ]
    )
    assert sorted(answer.status_code for answer in answers) == [200, 412, 412, 412, 412]
    [won] = [answer.json()["requests_per_minute"] for answer in answers if answer.status_code == 200]
    assert ApiKey.objects.get(name="k").requests_per_minute == won
