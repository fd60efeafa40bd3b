"""Text of others on a terminal: no control sequence passes, and every character has its width."""

import unicodedata

# Controls, invisible marks (also those that turn the direction of writing), halves of characters, line ends.
_UNSAFE = {"Cc", "Cf", "Cs", "Co", "Cn", "Zl", "Zp"}


def clean(text: object) -> str:
    """The text on one line, with everything that is not plainly visible written out as in a Python string."""
    return "".join(_shown(character) for character in str(text))


def _shown(character: str) -> str:
    if character.isascii():
        return character if character.isprintable() else character.encode("unicode_escape").decode()
    if unicodedata.category(character) in _UNSAFE:
        return character.encode("unicode_escape").decode()
    return character


def width(text: str) -> int:
    """Columns on a terminal."""
    return sum(_columns(character) for character in text)


def _columns(character: str) -> int:
    if unicodedata.category(character) in ("Mn", "Me"):
        return 0
    return 2 if unicodedata.east_asian_width(character) in ("W", "F") else 1


def fitted(text: str, columns: int) -> str:
    """The text in at most so many columns; what was cut ends in an ellipsis."""
    if width(text) <= columns:
        return text
    kept, left = [], columns - 1
    for character in text:
        left -= _columns(character)
        if left < 0:
            break
        kept.append(character)
    return "".join(kept) + "…"


def padded(text: str, columns: int, *, right: bool = False) -> str:
    """The text with spaces up to so many columns."""
    spaces = " " * max(0, columns - width(text))
    return spaces + text if right else text + spaces
