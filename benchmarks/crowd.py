"""Concurrent clients that write down what they saw complete: JSON and streams, some leave in the middle."""

import asyncio
import itertools
import os
import random
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import aiohttp
import orjson

MODEL = "deepseek-chat"
_DONE = b"data: [DONE]\n\n"
_MOST_TOKENS = 60
ANSWERED, LEFT, LOST, BROKEN = "answered", "left", "lost", "broken"


@dataclass(frozen=True, slots=True)
class Caller:
    """A key that clients use; ids are public ones."""

    name: str
    secret: str
    key: str
    project: str
    organization: str


@dataclass(frozen=True, slots=True)
class Seen:
    """An answer that a client saw complete; tokens None where the answer does not say them."""

    request_id: str
    key: str
    input: int | None
    output: int | None


class Journal:
    """What was seen complete, a JSON line each, on the disk before the client goes on."""

    def __init__(self, path: Path) -> None:
        self._file = os.open(path, os.O_WRONLY | os.O_APPEND | os.O_CREAT, 0o644)

    async def note(self, seen: Seen) -> None:
        await asyncio.to_thread(self._write, orjson.dumps(seen) + b"\n")

    def _write(self, line: bytes) -> None:
        os.write(self._file, line)
        os.fsync(self._file)

    def close(self) -> None:
        os.close(self._file)


def read_journal(path: Path) -> list[Seen]:
    """Everything that was noted."""
    return [Seen(**orjson.loads(line)) for line in path.read_bytes().splitlines()]


@dataclass(frozen=True, slots=True)
class Request:
    """One thing that a client will do. A stream is left after `leave_after` events, a JSON answer with `patience`."""

    name: str
    caller: Caller
    stream: bool
    max_tokens: int | None = None
    include_usage: bool = True
    leave_after: int | None = None
    # Seconds.
    patience: float = 60.0

    @property
    def messages(self) -> list[dict[str, Any]]:
        return [{"role": "user", "content": "Say something, please."}]

    def body(self) -> bytes:
        body: dict[str, Any] = {"model": MODEL, "messages": self.messages, "user": self.name}
        if self.max_tokens is not None:
            body["max_tokens"] = self.max_tokens
        if self.stream:
            body["stream"] = True
            if self.include_usage:
                body["stream_options"] = {"include_usage": True}
        return orjson.dumps(body)


@dataclass
class Crowd:
    """Clients in front of one server. `counts`: how requests ended, by outcome or status; `said`: the last refusal in
    the server's own words, by status.
    """

    url: str
    journal: Journal
    counts: Counter[str] = field(default_factory=Counter)
    said: dict[str, str] = field(default_factory=dict)

    def session(self) -> aiohttp.ClientSession:
        """A client without a limit of connections; close it."""
        return aiohttp.ClientSession(connector=aiohttp.TCPConnector(limit=0), timeout=aiohttp.ClientTimeout(total=None))

    async def ask(self, http: aiohttp.ClientSession, request: Request) -> str:
        """Send one request and note a complete answer; how it ended: an outcome, or the status of a refusal."""
        try:
            async with asyncio.timeout(request.patience):
                ended = await self._ask(http, request)
        except TimeoutError:
            ended = LEFT
        except (aiohttp.ClientError, OSError):
            ended = LOST
        self.counts[ended] += 1
        return ended

    async def _ask(self, http: aiohttp.ClientSession, request: Request) -> str:
        headers = {"Authorization": f"Bearer {request.caller.secret}", "Content-Type": "application/json"}
        async with http.post(f"{self.url}/v1/chat/completions", data=request.body(), headers=headers) as answer:
            if answer.status != 200:
                self.said[str(answer.status)] = (await answer.text(errors="replace"))[:300]
                return str(answer.status)
            if request.stream:
                content = await _read_stream(answer, request.leave_after)
                if content is None:
                    answer.close()
                    return LEFT
                if not content.endswith(_DONE):
                    return BROKEN
                usage = _usage_of_stream(content)
            else:
                usage = orjson.loads(await answer.read())["usage"]
            put, got = (usage["prompt_tokens"], usage["completion_tokens"]) if usage else (None, None)
            seen = Seen(answer.headers["x-request-id"], request.caller.key, put, got)
        # A client that lost its patience has read the answer all the same.
        await asyncio.shield(self.journal.note(seen))
        return ANSWERED


async def _read_stream(answer: aiohttp.ClientResponse, leave_after: int | None) -> bytes | None:
    """All of it; None when the client leaves, which it does not once it saw the end."""
    content = b""
    async for part in answer.content.iter_any():
        content += part
        if content.endswith(_DONE):
            break
        if leave_after is not None and content.count(b"\n\n") >= leave_after:
            return None
    return content


def _usage_of_stream(content: bytes) -> dict[str, int] | None:
    last = content.removesuffix(_DONE).rstrip().rpartition(b"\n\n")[2].removeprefix(b"data: ")
    usage: dict[str, int] | None = orjson.loads(last).get("usage")
    return usage


class Storm:
    """A crowd that asks on and on, by chance; `callers` may be changed while it runs."""

    def __init__(self, crowd: Crowd, seed: str, callers: list[Caller]) -> None:
        self._crowd = crowd
        self._seed = seed
        self._numbers: Iterator[int] = itertools.count(1)
        self._stopping = False
        self.callers = callers

    def stop(self) -> None:
        """Begin nothing new."""
        self._stopping = True

    async def run(self, clients: int) -> None:
        """Until it is stopped."""
        async with self._crowd.session() as http, asyncio.TaskGroup() as group:
            for _ in range(clients):
                group.create_task(self._client(http))

    async def _client(self, http: aiohttp.ClientSession) -> None:
        while not self._stopping:
            name = str(next(self._numbers))
            chance = random.Random(f"{self._seed}/{name}")
            ended = await self._crowd.ask(http, self._request(name, chance))
            # A client that is refused or finds nobody waits a little before it comes again.
            await asyncio.sleep(chance.uniform(0.0, {ANSWERED: 0.02, LOST: 0.3}.get(ended, 0.1)))

    def _request(self, name: str, chance: random.Random) -> Request:
        stream = chance.random() < 0.5
        leaves = chance.random() < 0.12
        # The patient ones see what is answered while the database is away.
        patience = chance.uniform(8.0, 15.0) if chance.random() < 0.3 else chance.uniform(2.0, 4.0)
        return Request(
            name,
            chance.choice(self.callers),
            stream,
            max_tokens=chance.choice([None, *(chance.randint(1, _MOST_TOKENS) for _ in range(4))]),
            include_usage=chance.random() < 0.7,
            leave_after=chance.randint(1, 20) if leaves and stream else None,
            patience=chance.uniform(0.0, 0.5) if leaves and not stream else patience,
        )
