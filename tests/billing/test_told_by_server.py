"""From a request that reaches a limit to the receiver and the mailbox, by the real server and its clock."""

import json
import time
import urllib.request
from email import message_from_bytes, policy

import pytest

from accounts.actor import SYSTEM
from accounts.models import Organization
from billing import webhooks
from tests.billing.receiver import listening
from tests.databases import using

pytestmark = [pytest.mark.server, pytest.mark.database]


def ask(server):
    data = json.dumps({"model": "deepseek-chat", "messages": [{"role": "user", "content": "hello"}]}).encode()
    headers = {"Authorization": f"Bearer {server.first_start['API key']}", "Content-Type": "application/json"}
    with urllib.request.urlopen(
        urllib.request.Request(f"{server.url}/v1/chat/completions", data, headers), timeout=60
    ) as answer:
        assert answer.status == 200


def subjects(server):
    """Of the mails that the operator got."""
    mails = [
        message_from_bytes(path.read_bytes(), policy=policy.default) for path in server.data_dir.glob("mail/*.eml")
    ]
    return [mail["subject"] for mail in mails if mail["to"] == server.first_start["e-mail"]]


def until(condition, seconds=90):
    ends = time.monotonic() + seconds
    while time.monotonic() < ends and not condition():
        time.sleep(0.1)
    assert condition()


def test_who_reaches_a_limit_is_told(server_factory, settings, django_db_blocker):
    settings.WEBHOOKS_ALLOW_PRIVATE = True
    encryption_key = "e" * 40
    settings.ENCRYPTION_KEY = encryption_key
    server = server_factory(WEBHOOKS_ALLOW_PRIVATE="1", ENCRYPTION_KEY=encryption_key)
    with listening() as receiver, django_db_blocker.unblock():
        with using(server.database_url):
            organization = Organization.objects.get()
            issued = webhooks.create_endpoint(organization, receiver.url, SYSTEM)
        server.manage(
            "set_limit", "--organization", organization.public_id, "--requests", "2", "--thresholds", "50,100"
        )
        ask(server)
        until(lambda: len(receiver.got) == 1)
        ask(server)
        until(lambda: len(receiver.got) == 2)
        until(lambda: len(subjects(server)) == 3)
        # Long enough for anything that would come twice.
        time.sleep(3)
    half, full = receiver.got
    assert all(got.signed_by(issued.secret) for got in receiver.got) and half.id != full.id
    assert (half.json["type"], half.json["data"]["used"], half.json["data"]["limit"]) == (
        "limit.threshold_reached", "1", "2",
    )  # fmt: skip
    assert full.json["type"] == "limit.reached" and full.json["data"]["is_hard"] is True
    told = subjects(server)
    # What the first start made is told too.
    told.remove("New API key: first-key")
    name = organization.name
    assert sorted(told) == sorted(
        [
            f"{name} has used 50% of its monthly request limit: 1 of 2 requests",
            f"{name} reached its monthly request limit of 2 requests",
        ]
    )
