"""The test button sends a signed message and says what came of it; an old one can be sent again."""

from billing import webhooks
from billing.models import Delivery
from tests.billing.receiver import listening
from tests.dashboard.people_at_work import browser
from tests.people import house


def test_a_test_message_is_sent_and_can_be_sent_again(own_database: str, settings: object) -> None:
    settings.WEBHOOKS_ALLOW_PRIVATE = True  # type: ignore[attr-defined]
    alice = house("Alice")
    with listening() as receiver:
        issued = webhooks.create_endpoint(alice.organization, receiver.url, alice.actor)
        client = browser(alice.owner)
        url = f"/limits/webhooks/{issued.endpoint.public_id}/"
        page = client.post(f"{url}test/", follow=True).content.decode()
        assert "The test message was taken" in page and "webhook.test" in page
        assert receiver.got[0].signed_by(issued.secret)
    delivery = Delivery.objects.get()
    client.post(f"{url}deliveries/{delivery.public_id}/replay/")
    delivery.refresh_from_db()
    assert delivery.state == "pending"
    assert client.post(f"{url}deliveries/dlv_none/replay/").status_code == 404
    # Nobody listens any more.
    assert "The test message failed" in client.post(f"{url}test/", follow=True).content.decode()
