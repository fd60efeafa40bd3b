import pytest
from django.core.cache import cache

from tests.api.client import Door
from tests.people import house


@pytest.fixture(autouse=True)
def the_api_alone(settings):
    settings.ROOT_URLCONF = "tests.api.urls"
    cache.clear()
    yield
    cache.clear()


@pytest.fixture
def alice(db):
    return house()


@pytest.fixture
def charlie(db):
    return house("Charlie")


@pytest.fixture
def admin(alice):
    """Alice's script, with a key that manages."""
    return Door(alice.key("admin", scopes=("management",))[1])
