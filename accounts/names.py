"""Names that people give to things and to themselves."""

# They join letters of some scripts, and emoji; anything else that cannot be seen is refused.
_JOINERS = "\u200c\u200d"


def is_shown(name: str) -> bool:
    """Whether it hides nothing: no control characters, no turns of direction."""
    seen = name.translate(dict.fromkeys(map(ord, _JOINERS)))
    return bool(seen.strip()) and seen.isprintable()
