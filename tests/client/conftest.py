from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from tests.client.cli import Cli
from tests.client.lossy import Fate, Wire
from tests.dashboard.docs_examples import secrets
from tests.running import RunningServer


@pytest.fixture(scope="module")
def known(server: RunningServer) -> dict[str, str]:
    """The keys of a reader."""
    return secrets(server)


@pytest.fixture
def meterhouse(server: RunningServer, known: dict[str, str], tmp_path: Path) -> Cli:
    """The command line of somebody whose environment says who they are."""
    return Cli(tmp_path, {"METERHOUSE_URL": server.url, "METERHOUSE_ADMIN_KEY": known["METERHOUSE_ADMIN_KEY"]})


@pytest.fixture
def wire(server: RunningServer) -> Iterator[Callable[[Fate], Wire]]:
    made: list[Wire] = []

    def make(fate: Fate) -> Wire:
        made.append(Wire(server.url, fate))
        return made[-1]

    yield make
    for one in made:
        one.close()
