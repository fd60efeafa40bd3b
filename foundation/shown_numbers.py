"""The marks between thousands and before decimals that the reader chose; digits are the same everywhere."""

from contextvars import ContextVar

# By name: between thousands, before decimals. The empty name is what pages write unless somebody chose another.
FORMATS = {
    "": (",", "."),
    "point": (".", ","),
    "space": ("\u202f", ","),
    "apostrophe": ("\u2019", "."),
}
_chosen: ContextVar[str] = ContextVar("number_format", default="")


def use(name: str) -> None:
    """From now on, in this request; a name that is not known is the usual one."""
    _chosen.set(name if name in FORMATS else "")


def marks() -> str:
    """The two marks in use, for scripts; empty for the usual ones."""
    name = _chosen.get()
    return "".join(FORMATS[name]) if name else ""


def written(text: str) -> str:
    """A number such as 1,234.56 with the marks of the reader."""
    name = _chosen.get()
    return example(text, name) if name else text


def example(text: str, name: str) -> str:
    """The same with the marks of that name."""
    thousands, decimal = FORMATS[name]
    return text.translate({ord(","): thousands, ord("."): decimal})
