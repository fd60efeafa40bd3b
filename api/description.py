"""The words before the routes in the OpenAPI description. No Django here: the settings read it."""

from api.codes import CODES

_CONVENTIONS = """\
Keys and usage for automation: what the console does, a script can do.

**Who calls.** Send an API key with the `management` scope as `Authorization: Bearer sk-...` or `api-key: sk-...`. It
acts for its whole organization and cannot chat. A key with the `usage` scope may only `GET`: usage, costs, requests,
refusals and exports of its own project; limits and alerts; the balance, the plan, models, prices and status. A key with
the `ingest` scope may only `POST /events`, for its own project. A console session works too: its role decides, and
changes need `X-CSRFToken`.

**Conventions.** Instants are ISO 8601 in UTC with `Z`. Amounts are decimal strings of USD, exact to nine places, never
JSON numbers. Ids are opaque texts such as `key_…`. What belongs to another organization answers 404. Unknown members
are refused.

**Lists** come in pages: pass `next_cursor` as `cursor` until `has_more` is false.

**Repeating safely.** Every POST takes an `Idempotency-Key` header of your own choice. The same key with the same
request has one effect and gets the same answer (`Idempotency-Replayed: true`), for 24 hours, also when the first answer
was lost. An answer that carried a secret repeats it for 10 minutes to the same credential, then never again (410). A
request that was refused leaves no trace: correct it and use the same key.

**Edits.** A single object has an `ETag`. A PATCH or DELETE with `If-Match` is made only while it is current, else 412;
without it in any case. `If-None-Match` answers 304 while the whole answer would be the same.

**Limits.** `x-ratelimit-limit-requests`, `-remaining-requests` and `-reset-requests` come with every answer to a known
caller; a 429 says in `Retry-After` how many seconds to wait. Every answer has an `x-request-id`.

**Errors** have one shape, `{"error": {"message", "type", "param", "code", "errors"?}}`:
"""


def text() -> str:
    """Markdown: the conventions, then every error code with cause and fix."""
    rows = [
        f"| {code.status} | {f'`{name}`' if name else 'null'} | {code.cause} | {code.fix} |"
        for name, code in CODES.items()
    ]
    return "\n".join([_CONVENTIONS, "| status | code | cause | fix |", "| --- | --- | --- | --- |", *rows])
