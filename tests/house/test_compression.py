"""Pages come compressed to those who take it; streams and the REST API do not."""

import gzip

import pytest
from django.test import Client

from tests.people import house

pytestmark = [pytest.mark.django_db, pytest.mark.anywhere]


@pytest.fixture
def client() -> Client:
    alice = house()
    client = Client(headers={"accept-encoding": "gzip"})
    client.force_login(alice.owner, backend="django.contrib.auth.backends.ModelBackend")
    return client


def test_a_page_is_a_fraction_of_its_size(client: Client) -> None:
    answer = client.get("/")
    assert answer["Content-Encoding"] == "gzip"
    assert "Accept-Encoding" in answer["Vary"]
    page = gzip.decompress(answer.content)
    assert b"</html>" in page
    assert len(answer.content) < len(page) / 3
    plain = client.get("/", headers={"accept-encoding": "identity"})
    assert "Content-Encoding" not in plain
    assert b"</html>" in plain.content


def test_a_file_is_sent_as_it_is_made(client: Client) -> None:
    answer = client.get("/usage/export.csv")
    assert answer.streaming
    assert "Content-Encoding" not in answer


def test_an_answer_of_the_api_keeps_its_strong_etag(client: Client) -> None:
    answer = client.get("/api/v1/organization")
    assert answer.status_code == 200
    assert "Content-Encoding" not in answer
    assert answer["ETag"].startswith('"')
