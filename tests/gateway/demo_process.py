"""The demo provider as its own process, for tests."""

import subprocess
import sys
from pathlib import Path

from tests.waiting import LONG

ROOT = Path(__file__).resolve().parents[2]


class DemoProcess:
    """Started as the server starts it: its port is its first line, its standard input its life."""

    def __init__(self, *options: str) -> None:
        self.process = subprocess.Popen(
            [sys.executable, "-m", "gateway.demo", "--port", "0", *options],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
            cwd=ROOT,
        )
        assert self.process.stdout
        self.first_line = self.process.stdout.readline()
        self.url = f"http://127.0.0.1:{self.first_line.strip()}/v1"

    def close(self) -> None:
        assert self.process.stdin
        assert self.process.stdout
        self.process.stdin.close()
        try:
            self.process.wait(LONG)
        except subprocess.TimeoutExpired:
            self.process.kill()
            self.process.wait()
        self.process.stdout.close()


def body(text: str = "Hello there, how are you today?", **members: object) -> dict[str, object]:
    return {"model": "any-model", "messages": [{"role": "user", "content": text}], **members}
