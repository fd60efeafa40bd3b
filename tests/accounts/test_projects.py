"""What the verbs of a project promise."""

import pytest
from django.core.exceptions import ValidationError

from accounts import keys, projects
from accounts.actor import Actor
from accounts.models import AuditEntry, Project
from accounts.roles import Role
from tests.billing.desk import admitted, ask, refused, serve_all_models
from tests.people import House, house, person

pytestmark = pytest.mark.django_db


@pytest.fixture
def alice() -> House:
    made = house()
    serve_all_models()
    return made


def test_archiving_stops_the_very_next_request_and_restoring_ends_it(alice: House) -> None:
    key, secret = alice.key()
    admitted(ask(key, secret))
    projects.archive(alice.project, alice.actor)
    assert refused(ask(key, secret)).kind == "disabled"
    projects.restore(alice.project, alice.actor)
    admitted(ask(key, secret))


def test_restoring_wakes_no_key_that_was_stopped_by_itself(alice: House) -> None:
    key, secret = alice.key()
    keys.disable(key, alice.actor)
    projects.archive(alice.project, alice.actor)
    projects.restore(alice.project, alice.actor)
    assert refused(ask(key, secret)).kind == "disabled"


def test_who_leaves_a_project_loses_their_own_keys_in_it_alone(alice: House) -> None:
    bob = alice.member("Bob", Role.DEVELOPER)
    other = projects.create(alice.organization, "Other", alice.actor)
    own = keys.create(alice.project, "bobs", Actor(bob), owner=bob)
    elsewhere = keys.create(other, "bobs", Actor(bob), owner=bob)
    assert projects.remove_member(alice.project, bob, alice.actor) == 1
    assert refused(ask(own.api_key, own.secret)).kind == "revoked"
    admitted(ask(elsewhere.api_key, elsewhere.secret))


def test_a_stranger_is_not_added(alice: House) -> None:
    with pytest.raises(ValidationError, match="Only members"):
        projects.add_member(alice.project, person("Charlie"), alice.actor)


def test_names_are_unique_in_their_organization_only(alice: House) -> None:
    with pytest.raises(ValidationError, match="already a project"):
        projects.create(alice.organization, " Default ", alice.actor)
    dora = house("Dora")
    assert projects.create(dora.organization, "Storefront", dora.actor).name == "Storefront"


def test_there_is_a_most_of_projects(alice: House, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(projects, "MOST_PROJECTS", 1)
    with pytest.raises(ValidationError, match="at most 1 projects"):
        projects.create(alice.organization, "Second", alice.actor)


def test_a_verb_that_changes_nothing_leaves_no_trace(alice: House) -> None:
    before = AuditEntry.objects.count()
    projects.restore(alice.project, alice.actor)
    projects.rename(alice.project, "Default", alice.actor)
    projects.remove_member(alice.project, person("Charlie"), alice.actor)
    assert AuditEntry.objects.count() == before
    assert Project.objects.get(pk=alice.project.pk).name == "Default"
