"""What operators watch of the writer: how large its batches are, how long they take, how long calls wait for it."""

from collections.abc import Callable

from prometheus_client import CollectorRegistry, Counter, Gauge, Histogram, generate_latest

_SECONDS = (0.001, 0.002, 0.005, 0.01, 0.02, 0.05, 0.1, 0.2, 0.5, 1.0, 2.0, 5.0)
_SIZES = (1, 2, 4, 8, 16, 32, 64, 128, 256)


class BridgeFigures:
    """One bridge's figures, readable as numbers and as Prometheus text."""

    def __init__(self, waiting: Callable[[], float], held: Callable[[], float], alive: Callable[[], bool]) -> None:
        self.batches = 0
        self.replays = 0
        self.spooled = 0
        registry = self._registry = CollectorRegistry()
        self._size = Histogram(
            "meterhouse_batch_size", "Calls committed in one transaction.", buckets=_SIZES, registry=registry
        )
        self._commit = Histogram(
            "meterhouse_batch_seconds", "Time of one batch with its commit.", buckets=_SECONDS, registry=registry
        )
        self._wait = Histogram(
            "meterhouse_queue_wait_seconds",
            "How long the oldest call of a batch had waited for its turn.",
            buckets=_SECONDS,
            registry=registry,
        )
        self._replays = Counter(
            "meterhouse_batch_replays", "Batches that were rolled back and replayed singly.", registry=registry
        )
        self._spooled = Counter(
            "meterhouse_spooled_settlements",
            "Settlements written to the local spool because the database was away.",
            registry=registry,
        )
        self._refusals = Counter(
            "meterhouse_refusals", "Refused requests, also of keys that do not exist.", ["code"], registry=registry
        )
        self._measured("meterhouse_queue_length", "Calls that wait for the writer.", waiting)
        self._measured("meterhouse_active_holds", "Holds of requests that this process has under way.", held)
        self._measured("meterhouse_bridge_alive", "1: the writer runs and its leases are renewed.", alive)

    def batch(self, size: int, seconds: float, waited: float) -> None:
        """One batch was committed, or replayed singly."""
        self.batches += 1
        self._size.observe(size)
        self._commit.observe(seconds)
        self._wait.observe(waited)

    def replay(self) -> None:
        """A batch was rolled back."""
        self.replays += 1
        self._replays.inc()

    def spool(self) -> None:
        """A settlement went to the disk."""
        self.spooled += 1
        self._spooled.inc()

    def refusal(self, code: str) -> None:
        """A request was refused with this error code."""
        self._refusals.labels(code).inc()

    def text(self) -> bytes:
        """Everything in Prometheus' text format."""
        return generate_latest(self._registry)

    def _measured(self, name: str, text: str, value: Callable[[], float]) -> None:
        Gauge(name, text, registry=self._registry).set_function(value)
