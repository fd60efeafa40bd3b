"""Read server-sent events from a provider's bytes, wherever they are cut."""

DONE = b"[DONE]"


class EventReader:
    """Feed it bytes, get the data of whole events; CRLF, comments and other fields are understood and dropped."""

    __slots__ = ("_buffer", "_data")

    def __init__(self) -> None:
        self._buffer = b""
        self._data: list[bytes] = []

    def feed(self, part: bytes) -> list[bytes]:
        """The data of every event that is complete with this part."""
        buffer = self._buffer + part if self._buffer else part
        if b"\r" in buffer:
            # A CR at the very end may be the first half of a CRLF.
            held = b"\r" if buffer.endswith(b"\r") else b""
            buffer = buffer[: len(buffer) - len(held)].replace(b"\r\n", b"\n").replace(b"\r", b"\n") + held
        if self._data or b"\n\n" not in buffer:
            *lines, self._buffer = buffer.split(b"\n")
            return self._read(lines)
        *blocks, self._buffer = buffer.split(b"\n\n")
        events = [block[6:] for block in blocks if block.startswith(b"data: ")]
        if len(events) == len(blocks) and buffer.count(b"\n") == 2 * len(blocks) + self._buffer.count(b"\n"):
            return events
        return self._read_blocks(blocks)

    def _read_blocks(self, blocks: list[bytes]) -> list[bytes]:
        events: list[bytes] = []
        for block in blocks:
            if block.startswith(b"data: ") and b"\n" not in block:
                events.append(block[6:])
            else:
                events += self._read([*block.split(b"\n"), b""])
        return events

    def _read(self, lines: list[bytes]) -> list[bytes]:
        events = []
        for line in lines:
            if line.startswith(b"data:"):
                self._data.append(line[6:] if line.startswith(b"data: ") else line[5:])
            elif not line and self._data:
                events.append(self._data[0] if len(self._data) == 1 else b"\n".join(self._data))
                self._data = []
        return events

    def finish(self) -> list[bytes]:
        """The last event of a stream that ended without a blank line."""
        return self.feed(b"\n\n")
