import pytest
from django.core.management import call_command

from tests.api.client import Door


def test_the_description_is_valid(tmp_path):
    call_command("spectacular", "--validate", "--fail-on-warn", "--file", str(tmp_path / "openapi.yml"))


@pytest.mark.django_db
def test_everybody_may_read_it():
    body = Door().get("openapi.json").json()
    assert body["openapi"].startswith("3.")
    assert {"/api/v1/me", "/api/v1/keys", "/api/v1/keys/{key_id}", "/api/v1/usage"} <= set(body["paths"])
    for item in body["paths"].values():
        for operation in item.values():
            assert "429" in operation["responses"]
