"""Sends rows of a trace through the gateway and checks every answer."""

import asyncio
from collections.abc import Callable, Iterator

import aiohttp
import orjson

from benchmarks.trace import Row
from benchmarks.words import Words

_MOST_FAILURES = 20


class Sender:
    """`concurrency` requests at a time; rows in `streamed` are asked for as streams."""

    def __init__(self, url: str, secret: str, model: str, streamed: set[int], done: Callable[[Row], None]) -> None:
        self._url = f"{url}/v1/chat/completions"
        self._headers = {"Authorization": f"Bearer {secret}", "Content-Type": "application/json"}
        self._model = model
        self._streamed = streamed
        self._done = done
        self._words = Words(seed=2)
        self.failures: list[str] = []
        self._stopping = asyncio.Event()

    def stop(self) -> None:
        """Send no more; what is under way is waited for."""
        self._stopping.set()

    async def send(self, rows: list[Row], concurrency: int) -> None:
        """All rows, in their order; ends early after 20 failures."""
        waiting = iter(rows)
        connector = aiohttp.TCPConnector(limit=0)
        timeout = aiohttp.ClientTimeout(total=600)
        async with (
            aiohttp.ClientSession(connector=connector, headers=self._headers, timeout=timeout) as http,
            asyncio.TaskGroup() as group,
        ):
            for _ in range(concurrency):
                group.create_task(self._work(http, waiting))

    async def _work(self, http: aiohttp.ClientSession, waiting: Iterator[Row]) -> None:
        for row in waiting:
            if self._stopping.is_set():
                return
            try:
                problem = await self._ask(http, row)
            except (aiohttp.ClientError, TimeoutError, OSError) as error:
                problem = f"{type(error).__name__}: {error}"
            if problem is None:
                self._done(row)
                continue
            if self._stopping.is_set():
                # The same interrupt stopped the gateway; the row is sent again when the replay goes on.
                return
            self.failures.append(f"row {row.number}: {problem}")
            if len(self.failures) >= _MOST_FAILURES:
                self.stop()

    async def _ask(self, http: aiohttp.ClientSession, row: Row) -> str | None:
        """What is wrong with the answer; None when it is right."""
        body: dict[str, object] = {
            "model": self._model,
            "messages": self._words.prompt(row.input, start=row.number * 7),
            "max_tokens": row.output,
            "user": str(row.number),
        }
        is_streamed = row.number in self._streamed
        if is_streamed:
            body |= {"stream": True, "stream_options": {"include_usage": True}}
        async with http.post(self._url, data=orjson.dumps(body)) as answer:
            content = await answer.read()
        if answer.status != 200:
            return f"status {answer.status}: {content[:300].decode(errors='replace')}"
        return _problem_of_stream(content, row) if is_streamed else _problem_of_json(content, row)


def _problem_of_json(content: bytes, row: Row) -> str | None:
    answer = orjson.loads(content)
    if len(answer["choices"][0]["message"]["content"].split(" ")) != row.output:
        return "the answer has another number of words"
    return _problem_of_usage(answer["usage"], row)


def _problem_of_stream(content: bytes, row: Row) -> str | None:
    if not content.endswith(b"data: [DONE]\n\n"):
        return f"the stream has no end: {content[-200:].decode(errors='replace')}"
    events = [event.removeprefix(b"data: ") for event in content.split(b"\n\n") if event.startswith(b"data: {")]
    chunks = [orjson.loads(event) for event in events]
    pieces = sum(1 for chunk in chunks for choice in chunk["choices"] if choice["delta"].get("content"))
    if pieces != row.output:
        return f"{pieces} pieces came instead of {row.output}"
    return _problem_of_usage(chunks[-1].get("usage"), row)


def _problem_of_usage(usage: dict[str, int] | None, row: Row) -> str | None:
    if not usage or (usage["prompt_tokens"], usage["completion_tokens"]) != (row.input, row.output):
        return f"usage is {usage}, the row is {row.input} and {row.output}"
    return None
