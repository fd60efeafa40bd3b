"""`meterhouse`: read the arguments, do it, and end with the right exit code."""

import json
import os
import signal
import sys
from argparse import Namespace

from client import login
from client.arguments import parser
from client.calls import Api
from client.faults import Exit, Failed
from client.screen import Screen, screen

_USUAL_TIMEOUT = 30.0


def main(arguments: list[str] | None = None) -> int:
    """The exit code."""
    asked = parser().parse_args(arguments)
    asked.timeout = getattr(asked, "timeout", _USUAL_TIMEOUT)
    shown = screen(
        as_json=getattr(asked, "json", False),
        columns=getattr(asked, "width", None),
        no_colour=getattr(asked, "no_color", False),
    )
    try:
        _run(asked, shown)
        shown.flush()
    except Failed as failed:
        shown.passing("")
        if shown.as_json:
            shown.tell(json.dumps(failed.as_json(), indent=2))
        else:
            shown.error(failed.message, failed.fix)
        return failed.exit
    except KeyboardInterrupt:
        shown.tell("")
        return Exit.INTERRUPTED
    except BrokenPipeError:
        # Whoever read us has enough, as `head` does; nothing more can be said on stdout.
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return 128 + signal.SIGPIPE
    except (KeyError, TypeError, ValueError, ArithmeticError) as error:
        shown.error(f"The server's answer is not as expected: {type(error).__name__} {error}", "Is it another version?")
        return Exit.SERVER
    return Exit.DONE


def _run(asked: Namespace, shown: Screen) -> None:
    if asked.local:
        asked.run(asked, shown)
        return
    found = login.find()
    asked.run(asked, shown, Api(found.url, found.key, asked.timeout, shown.tell))


if __name__ == "__main__":
    sys.exit(main())
