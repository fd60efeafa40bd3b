"""How many tokens of each class one request used."""

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class TokenCounts:
    """Disjoint token classes: `input` excludes `cached_input`; reasoning tokens are part of `output`."""

    input: int
    cached_input: int
    output: int
    # The part of `output` that was reasoning, as the provider counts it; None: not known. It is no class of its own.
    reasoning: int | None = None

    @property
    def prompt(self) -> int:
        """All input tokens, cached or not."""
        return self.input + self.cached_input

    @property
    def total(self) -> int:
        """Input, cached input and output together."""
        return self.input + self.cached_input + self.output


NOTHING = TokenCounts(0, 0, 0)
