"""`python -m gateway.demo --port 0 --delay-ms 4`: the demo provider as a process of its own."""

import argparse

from gateway import tokens
from gateway.demo.app import DemoApp
from gateway.demo.listener import serve

_DELAY_MS = 4.0


def main() -> None:
    """Serve until standard input ends or SIGTERM comes."""
    parser = argparse.ArgumentParser(prog="gateway.demo", description="An OpenAI-compatible provider that echoes.")
    parser.add_argument("--port", type=int, default=0, help="0: any free port")
    parser.add_argument("--delay-ms", type=float, default=_DELAY_MS, help="milliseconds a token")
    options = parser.parse_args()
    tokens.warm()
    serve(DemoApp(options.delay_ms / 1000), options.port)


if __name__ == "__main__":
    main()
