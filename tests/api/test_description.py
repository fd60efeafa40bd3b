import functools

import jsonschema
import pytest
from django.core.management import call_command

from api.codes import CODES
from api.examples import ANSWERS, BODIES
from api.money_examples import FILES
from tests.api.client import Door

pytestmark = [pytest.mark.django_db, pytest.mark.anywhere]


@functools.cache
def described():
    """The description as it is served; it does not depend on data."""
    return Door().get("openapi.json").json()


@pytest.fixture
def description():
    return described()


def operations(description):
    return {
        operation["operationId"]: (path, operation)
        for path, item in description["paths"].items()
        for operation in item.values()
    }


def test_the_description_is_valid(tmp_path):
    call_command("spectacular", "--validate", "--fail-on-warn", "--file", str(tmp_path / "openapi.yml"))


def test_everybody_may_read_it(description):
    assert description["openapi"].startswith("3.1")
    assert {"/api/v1/me", "/api/v1/keys", "/api/v1/keys/{key_id}", "/api/v1/usage"} <= set(description["paths"])
    assert Door().get("openapi.yaml").content.startswith(b"openapi: 3.1")


def test_no_schema_is_described_by_what_its_base_says_to_us(description):
    said = {name: schema.get("description", "") for name, schema in description["components"]["schemas"].items()}
    assert said["EventInRequest"] and not said["KeyListOut"] and not said["KeyCreateRequest"]
    assert not [name for name, text in said.items() if "inherits" in text or "misspelt" in text]


def test_every_operation_says_how_it_fails(description):
    for path, operation in operations(description).values():
        assert {"401", "403", "405", "429", "500", "503"} <= set(operation["responses"]), path
        for status, answer in operation["responses"].items():
            assert answer["description"], (path, status)
            if not status.startswith(("2", "304")):
                (content,) = answer["content"].values()
                assert content["schema"] == {"$ref": "#/components/schemas/Fault"}
                assert {
                    CODES[example["value"]["error"]["code"]].status for example in content["examples"].values()
                } == {int(status)}


def test_every_code_is_explained(description):
    for name, code in CODES.items():
        assert f"| {code.status} | {f'`{name}`' if name else 'null'} |" in description["info"]["description"]


def test_either_header_or_a_session_opens_every_route(description):
    for _, operation in operations(description).values():
        assert operation["security"] == [{"key": []}, {"key_header": []}, {"session": []}]
    assert set(description["components"]["securitySchemes"]) == {"key", "key_header", "session"}


def test_examples_keep_to_the_schemas(description):
    found = operations(description)
    assert set(ANSWERS) | set(FILES) == set(found)
    assert set(BODIES) == {name for name, (_, operation) in found.items() if "requestBody" in operation}
    for _, operation in found.values():
        contents = [answer.get("content", {}) for answer in operation["responses"].values()]
        contents += [operation["requestBody"]["content"]] if "requestBody" in operation else []
        for told in (told for content in contents for told in content.values()):
            for example in [told.get("example"), *(one["value"] for one in told.get("examples", {}).values())]:
                if example is not None:
                    check(example, told["schema"], description)


def check(value, schema, description):
    """Raises ValidationError; as strict as the schema could be."""
    whole = {"$schema": "https://json-schema.org/draft/2020-12/schema", **schema, "components": closed(description)}
    jsonschema.Draft202012Validator(whole, format_checker=jsonschema.FormatChecker()).validate(value)


def closed(description):
    """The components, with no room for members that they do not name."""
    schemas = description["components"]["schemas"]
    return {"schemas": {name: {**schema, "additionalProperties": False} for name, schema in schemas.items()}}
