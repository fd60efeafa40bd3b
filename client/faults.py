"""What can go wrong: in plain words, with the way out, and with the exit code that a script sees."""

import ssl
from enum import IntEnum
from typing import Any


class Exit(IntEnum):
    """Documented in the help and on the documentation's page: these numbers stay."""

    DONE = 0
    SERVER = 1
    USAGE = 2
    LOGIN = 3
    FORBIDDEN = 4
    NOT_FOUND = 5
    CONFLICT = 6
    TOO_MANY = 7
    UNREACHABLE = 8
    REFUSED = 9
    INTERRUPTED = 130


class Failed(Exception):
    """`message` says what happened, `fix` what to do about it; `code` is the API's, where it gave one."""

    def __init__(self, exit_code: Exit, message: str, fix: str = "", code: str | None = None) -> None:
        super().__init__(message)
        self.exit = exit_code
        self.message = message
        self.fix = fix
        self.code = code

    def as_json(self) -> dict[str, Any]:
        """For `--json`."""
        return {"error": {"message": self.message, "fix": self.fix, "code": self.code, "exit": int(self.exit)}}


_BY_STATUS = {
    400: (Exit.REFUSED, ""),
    401: (Exit.LOGIN, "Log in with a live key: meterhouse login. A new one is made on the API keys page."),
    402: (Exit.REFUSED, ""),
    403: (Exit.FORBIDDEN, "Use a key with the permission Management API, or ask an admin of the organization."),
    404: (Exit.NOT_FOUND, "Check the id, and with meterhouse whoami in which organization you are."),
    409: (Exit.CONFLICT, "Look at how it is now, then try again."),
    410: (Exit.CONFLICT, "Regenerate the key to get a secret that can be shown."),
    412: (Exit.CONFLICT, "Somebody else changed it meanwhile. Look at how it is now, then try again."),
    429: (Exit.TOO_MANY, "Try again later, or ask for less at once."),
}
_NETWORKS = "The key may be used from some networks only. Call from one of them, or use another key."
_FIXES = {"ip_not_allowed": _NETWORKS, "organization_suspended": "A member sees the reason in the console."}


def of_answer(status: int, body: Any) -> Failed:
    """An answer of the API that is no success."""
    error = body.get("error") if isinstance(body, dict) else None
    if not isinstance(error, dict):
        if 300 <= status < 400:
            return Failed(
                Exit.UNREACHABLE, "The address leads elsewhere.", "Log in with the address that it leads to, in full."
            )
        exit_code = _BY_STATUS.get(status, (Exit.SERVER, ""))[0]
        fix = "Is it the address of Meterhouse itself, without a path?" if status < 500 else "Try again in a moment."
        return Failed(exit_code, f"The server answered {status}, and not as Meterhouse does.", fix)
    exit_code, fix = _BY_STATUS.get(status, (Exit.SERVER, "Try again in a moment."))
    code = error.get("code")
    lines = [str(error.get("message") or f"The server answered {status}.")]
    parts = error.get("errors")
    for part in parts[1:] if isinstance(parts, list) else ():
        if isinstance(part, dict):
            lines.append(f"{part.get('param')}: {part.get('message')}")
    return Failed(exit_code, "\n".join(lines), _FIXES.get(str(code), fix), None if code is None else str(code))


def of_connection(error: Exception, url: str) -> Failed:
    """No answer, or none to the end."""
    reason = getattr(error, "reason", None)
    cause = reason if isinstance(reason, Exception) else error
    if isinstance(cause, ssl.SSLCertVerificationError):
        return Failed(
            Exit.UNREACHABLE,
            f"The certificate of {url} is not trusted: {cause.verify_message}",
            "Check the host's name. For a private authority set SSL_CERT_FILE to its certificate.",
        )
    if isinstance(cause, ssl.SSLError):
        return Failed(
            Exit.UNREACHABLE, f"{url} does not speak TLS as expected: {cause.reason}", "Is it https:// or http://?"
        )
    if isinstance(cause, ConnectionRefusedError):
        return Failed(Exit.UNREACHABLE, f"Nothing listens at {url}.", "Is the server running, and the port right?")
    if isinstance(cause, TimeoutError):
        return Failed(Exit.UNREACHABLE, f"{url} did not answer in time.", "Try again, or wait longer with --timeout.")
    said = str(cause) or type(cause).__name__
    return Failed(Exit.UNREACHABLE, f"No answer from {url}: {said}", "Check the address and your network.")
