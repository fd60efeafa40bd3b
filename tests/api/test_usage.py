import itertools
from datetime import UTC, datetime

import pytest

from accounts import keys
from accounts.models import Project, ProjectMembership
from accounts.roles import Role
from tests.api.client import Door, fault
from usage import rollups
from usage.models import PendingRollup

pytestmark = pytest.mark.django_db
_numbers = itertools.count(1)


def use(key, at, charge, model="deepseek-chat"):
    PendingRollup.objects.create(
        event_id=next(_numbers), organization=key.organization, project=key.project, api_key=key, model=model,
        bucket=at, requests=1, input_tokens=6, cached_input_tokens=4, output_tokens=5, charge=charge,
    )  # fmt: skip
    rollups.fold_pending()


@pytest.fixture
def shanghai(alice):
    alice.organization.time_zone = "Asia/Shanghai"
    alice.organization.save()
    return alice


def test_days_are_the_organizations(shanghai, admin):
    key, _ = shanghai.key("k")
    use(key, datetime(2026, 3, 1, 15, 45, tzinfo=UTC), 217_000)
    use(key, datetime(2026, 3, 1, 16, 0, tzinfo=UTC), 1)
    body = admin.get("v1/usage?from=2026-03-01&to=2026-03-02").json()
    assert (body["object"], body["time_zone"], body["interval"]) == ("usage", "Asia/Shanghai", "day")
    assert [(one["start"], one["end"]) for one in body["data"]] == [
        ("2026-02-28T16:00:00Z", "2026-03-01T16:00:00Z"),
        ("2026-03-01T16:00:00Z", "2026-03-02T16:00:00Z"),
    ]
    assert [one["results"][0]["cost"] for one in body["data"]] == ["0.000217", "0.000000001"]
    assert body["totals"] == {
        "requests": 2, "input_tokens": 20, "cached_input_tokens": 8, "output_tokens": 10, "cost": "0.000217001",
    }  # fmt: skip


def test_a_day_that_changes_the_clock_has_its_hours(alice, admin):
    alice.organization.time_zone = "Europe/Berlin"
    alice.organization.save()
    for day, hours in (("2026-03-29", 23), ("2026-10-25", 25), ("2026-06-01", 24)):
        body = admin.get(f"v1/usage?interval=hour&from={day}&to={day}").json()
        assert len(body["data"]) == hours


@pytest.mark.parametrize("group", ["model", "key", "project"])
def test_it_groups_dearest_first(alice, admin, group):
    other = Project.objects.create(organization=alice.organization, name="Other")
    one, two = alice.key("one")[0], keys.create(other, "two", alice.actor).api_key
    use(one, datetime(2026, 3, 1, tzinfo=UTC), 1)
    use(two, datetime(2026, 3, 1, tzinfo=UTC), 2, "deepseek-coder")
    body = admin.get(f"v1/usage?from=2026-03-01&to=2026-03-01&by={group}").json()
    named = {
        "model": [("deepseek-coder", "deepseek-coder"), ("deepseek-chat", "deepseek-chat")],
        "key": [(two.public_id, "two"), (one.public_id, "one")],
        "project": [(other.public_id, "Other"), (alice.project.public_id, "Default")],
    }[group]
    assert [(row["id"], row["name"]) for row in body["data"][0]["results"]] == named
    assert [(row["id"], row["name"]) for row in body["groups"]] == named


def test_it_filters(alice, admin):
    one, two = alice.key("one")[0], alice.key("two")[0]
    use(one, datetime(2026, 3, 1, tzinfo=UTC), 1)
    use(two, datetime(2026, 3, 1, tzinfo=UTC), 2, "deepseek-coder")

    def cost(query):
        return admin.get(f"v1/usage?from=2026-03-01&to=2026-03-01&{query}").json()["totals"]["requests"]

    assert cost("") == 2
    assert cost(f"key={one.public_id}") == cost("model=deepseek-chat") == 1
    assert cost(f"project={alice.project.public_id}") == 2
    assert cost("model=other") == 0
    assert cost("model=deepseek-chat&model=deepseek-coder") == cost(f"key={one.public_id}&key={two.public_id}") == 2


@pytest.fixture
def people(alice):
    """A key of the project, the playground, and Bob's key with more than both."""
    bob = alice.member("Bob", Role.DEVELOPER)
    at = datetime(2026, 3, 1, tzinfo=UTC)
    use(alice.key("shared")[0], at, 1)
    use(keys.playground_key(alice.project), at, 2)
    own = keys.create(alice.project, "own", alice.actor, owner=bob).api_key
    use(own, at, 3)
    use(own, at, 4, "deepseek-coder")
    return bob


def test_members_are_whose_keys_they_are_as_on_the_page(people, alice, admin):
    days = "from=2026-03-01&to=2026-03-01"
    body = admin.get(f"v1/usage?{days}&by=member").json()
    groups = [(row["id"], row["name"], row["requests"], row["cost"]) for row in body["groups"]]
    assert groups == [
        (people.public_id, "Bob", 2, "0.000000007"),
        ("playground", "Playground", 1, "0.000000002"),
        (None, "Keys of projects", 1, "0.000000001"),
    ]
    assert body["data"][0]["results"] == body["groups"]
    costs = admin.get(f"v1/costs?{days}&by=member").json()
    assert [(row["id"], row["amount"]) for row in costs["groups"]] == [(one[0], one[3]) for one in groups]
    narrowed = admin.get(f"v1/usage?{days}&by=member&member={people.public_id}&model=deepseek-coder").json()
    assert [(row["name"], row["cost"]) for row in narrowed["groups"]] == [("Bob", "0.000000004")]
    assert admin.get(f"v1/usage?{days}&member={alice.owner.public_id}").json()["totals"]["requests"] == 0
    both = f"member={alice.owner.public_id}&member={people.public_id}"
    assert admin.get(f"v1/usage?{days}&{both}").json()["totals"]["requests"] == 2
    lines = b"".join(admin.get(f"v1/exports/usage?{days}&member={people.public_id}&format=csv").streaming_content)
    assert lines.count(b"own") == 2 and b"shared" not in lines
    # As far back as by anything else.
    assert len(admin.get("v1/usage?from=2025-03-02&to=2026-03-01&by=member").json()["data"]) == 365


def test_a_stranger_is_no_member(people, alice, charlie, admin):
    for who in (charlie.owner.public_id, "user_nothing"):
        assert fault(admin.get(f"v1/usage?member={who}")) == (404, "not_found", "member")
    reader = Door(alice.key("reader", scopes=("usage",))[1])
    for query in ("by=member", f"member={people.public_id}"):
        assert fault(reader.get(f"v1/usage?{query}"))[:2] == (403, "insufficient_permissions")
    groups = Door(user=people).get("v1/usage?from=2026-03-01&to=2026-03-01&by=member").json()["groups"]
    assert [one["name"] for one in groups] == ["Bob", "Playground", "Keys of projects"]


def test_bob_sees_what_his_role_may(alice):
    other = Project.objects.create(organization=alice.organization, name="Other")
    use(alice.key("one")[0], datetime(2026, 3, 1, tzinfo=UTC), 1)
    use(keys.create(other, "two", alice.actor).api_key, datetime(2026, 3, 1, tzinfo=UTC), 2)
    path = "v1/usage?from=2026-03-01&to=2026-03-01"
    viewer = Door(user=alice.member("Bob", Role.VIEWER)).get(path).json()["totals"]
    assert (viewer["requests"], viewer["cost"]) == (2, None)
    bela = alice.member("Bela", Role.DEVELOPER, works_here=False)
    ProjectMembership.objects.create(project=other, user=bela)
    developer = Door(user=bela)
    assert developer.get(path).json()["totals"]["cost"] == "0.000000002"
    assert fault(developer.get(f"{path}&project={alice.project.public_id}"))[0] == 404


def test_a_key_that_reads_usage_sees_its_project(alice):
    other = Project.objects.create(organization=alice.organization, name="Other")
    use(alice.key("one")[0], datetime(2026, 3, 1, tzinfo=UTC), 1)
    use(keys.create(other, "two", alice.actor).api_key, datetime(2026, 3, 1, tzinfo=UTC), 2)
    reader = Door(alice.key("reader", scopes=("usage",))[1])
    assert reader.get("v1/usage?from=2026-03-01&to=2026-03-01").json()["totals"]["cost"] == "0.000000001"
    assert fault(reader.get(f"v1/usage?project={other.public_id}"))[0] == 404


def test_charlies_usage_is_his(alice, charlie, admin):
    use(charlie.key("c")[0], datetime(2026, 3, 1, tzinfo=UTC), 1)
    assert admin.get("v1/usage?from=2026-03-01&to=2026-03-01").json()["totals"]["requests"] == 0


@pytest.mark.parametrize(
    ("query", "param"),
    [
        ("from=x", "from"),
        ("from=1900-01-01", "from"),
        ("from=9999-12-31", "from"),
        ("from=2026-03-02&to=2026-03-01", "to"),
        ("from=2024-01-01&to=2026-01-01", "from"),
        ("interval=hour&from=2026-01-01&to=2026-02-01", "from"),
        ("interval=minute", "interval"),
        ("by=user", "by"),
        ("by=model&by=key", "by"),
        ("model=%00", "model.0"),
        ("key=%00", "key.0"),
        ("member=%00", "member.0"),
        ("keys=key_x", "keys"),
    ],
)
def test_it_says_what_is_wrong(admin, query, param):
    status, _, named = fault(admin.get(f"v1/usage?{query}"))
    assert (status, named) == (400, param)


def test_a_day_that_is_none_is_shown_how_to_write(admin):
    for day in ("2026-02-30", "yesterday", "30.11.2026"):
        error = admin.get(f"v1/usage?from={day}").json()["error"]
        assert (error["param"], error["message"]) == ("from", "Write a day such as 2026-11-30.")


def test_without_days_it_shows_the_last_thirty(admin):
    assert len(admin.get("v1/usage").json()["data"]) == 30
