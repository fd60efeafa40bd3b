"""The prices that an event was charged at: their rows are in the catalog, for that model, class and organization."""

from collections.abc import Iterator

from billing.verification.difference import Difference, compare, difference
from billing.verification.rows import EventRow
from catalog.models import Price, TokenClass


class PinnedPrices:
    """Remembers the prices of the catalog that were met, which are few."""

    def __init__(self) -> None:
        self._known: dict[int, Price | None] = {}
        self._right: set[tuple[str, int, str, int, int, int]] = set()

    def check(self, event: EventRow) -> Iterator[Difference]:
        """Each price row exists and says what the event pinned."""
        # Most events of an organization and model are charged at the very same rows.
        said = (
            event.model, event.organization_id, event.price_ids,
            event.input_price, event.cached_input_price, event.output_price,
        )  # fmt: skip
        if said in self._right:
            return
        found = list(self._differences(event))
        if found:
            yield from found
        else:
            self._right.add(said)

    def _differences(self, event: EventRow) -> Iterator[Difference]:
        ids = event.price_ids.split(",")
        prices = (event.input_price, event.cached_input_price, event.output_price)
        if len(ids) != len(prices) or not all(text.isdecimal() for text in ids):
            yield difference("event", event.id, "price rows", "three ids", event.price_ids)
            return
        for token_class, text, unit_price in zip(TokenClass.values, ids, prices, strict=True):
            price = self._price(int(text))
            if price is None:
                yield difference("event", event.id, f"price row of {token_class}", f"price {text}", None)
                continue
            about = f"of price {text}, pinned for {token_class},"
            organization_id = price.organization_id or event.organization_id
            yield from compare(
                "event",
                event.id,
                [
                    (f"model {about}", price.model.name, event.model),
                    (f"class {about}", price.token_class, token_class),
                    (f"unit price {about} pico-USD", price.unit_price, unit_price),
                    (f"organization {about}", organization_id, event.organization_id),
                ],
            )

    def _price(self, pk: int) -> Price | None:
        if pk not in self._known:
            self._known[pk] = Price.objects.select_related("model").filter(pk=pk).first()
        return self._known[pk]
