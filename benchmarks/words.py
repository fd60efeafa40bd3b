"""Texts and prompts of an exact number of tokens."""

import random
from typing import Any

from gateway import tokens

_LEXICON = (
    "the of and to in is that for it as with was on be by this are or from at which have not an but were they all we "
    "when there can more if no out so said what up its about into than them only other new some could time these two "
    "may then do first any my now such like our over man me even most made after also well must through back years "
    "where much your way down should because long each just state people those too good very still great work life"
)
_LONGEST = 40_000
# The shortest prompt that the chat template can make: a system message without a word.
SHORTEST_PROMPT = 2


class Words:
    """Every word is one token, wherever the text begins; `seed` chooses the words."""

    def __init__(self, seed: int = 1) -> None:
        words = [word for word in _LEXICON.split() if _is_one_token(word)]
        chosen = random.Random(seed).choices(words, k=_LONGEST)
        self._text = " ".join(chosen)
        self._ends = [0]
        for word in chosen:
            self._ends.append(self._ends[-1] + len(word) + 1)

    def text(self, count: int, start: int = 0) -> str:
        """`count` tokens; `start` varies which. Raises ValueError above 40,000."""
        if count > _LONGEST:
            raise ValueError(f"{count} tokens are more than this text has.")
        start %= _LONGEST - count + 1
        return self._text[self._ends[start] : self._ends[start + count] - 1] if count else ""

    def pieces(self, count: int) -> list[str]:
        """The tokens of text(count), one by one."""
        return [self._text[max(0, self._ends[at] - 1) : self._ends[at + 1] - 1] for at in range(count)]

    def prompt(self, count: int, start: int = 0) -> list[dict[str, Any]]:
        """Messages of exactly `count` tokens with the chat template; raises ValueError below 2."""
        if count < SHORTEST_PROMPT:
            raise ValueError(f"No prompt has {count} tokens: the chat template alone has {SHORTEST_PROMPT}.")
        role = "user" if count > SHORTEST_PROMPT else "system"
        markers = tokens.count_prompt([{"role": role, "content": ""}])
        return [{"role": role, "content": self.text(count - markers, start)}]


def _is_one_token(word: str) -> bool:
    return tokens.count_text(word) == tokens.count_text(f" {word}") == 1
