"""Text that is made to be slow or to break the tokenizer costs linear time and raises nothing."""

import asyncio
import inspect
import random
import time

import pytest

from gateway import tokens

MEBIBYTE = 1 << 20
LETTERS = random.Random(3)
HOSTILE = {
    "one letter": "a" * MEBIBYTE,
    "spaces": " " * MEBIBYTE,
    "newlines": "\n" * MEBIBYTE,
    "tabs and spaces": "\t " * (MEBIBYTE // 2),
    "controls": "\0" * MEBIBYTE,
    "marks": "!" * MEBIBYTE,
    "combining": "\u0301" * (MEBIBYTE // 2),
    "chinese": "汉" * (MEBIBYTE // 3),
    "random letters": "".join(LETTERS.choice("etaoinshrdlu") for _ in range(MEBIBYTE)),
    "words of 99": "".join(" " if at % 100 == 0 else LETTERS.choice("etaoinshrdlu") for at in range(MEBIBYTE)),
    "spaces before digits": (" " * 1000 + "5") * (MEBIBYTE // 1001),
}


@pytest.mark.parametrize("name", HOSTILE)
def test_a_mebibyte_is_counted_in_linear_time(name):
    text = HOSTILE[name]
    tokens.warm()
    started = time.process_time()
    count = tokens.count_text(text)
    seconds = time.process_time() - started
    assert 0 < count <= len(text.encode())
    # Measured: 0.02 to 0.16 s.
    assert seconds < 2


def test_windows_do_not_change_the_count_of_real_text():
    source = inspect.getsource(inspect)
    assert len(source) > 2 * tokens._WINDOW
    assert tokens.count_text(source) == len(tokens._vocabulary().encode_ordinary(source))


def test_windows_change_an_unbroken_text_by_less_than_a_thousandth():
    text = HOSTILE["random letters"][:200_000]
    assert tokens.count_text(text) == pytest.approx(len(tokens._vocabulary().encode_ordinary(text)), rel=0.001)


def test_counting_aside_lets_the_loop_run_on():
    async def watch() -> tuple[int, int]:
        counting = asyncio.create_task(tokens.count_text_aside(HOSTILE["one letter"] * 4))
        turns = 0
        while not counting.done():
            await asyncio.sleep(0.001)
            turns += 1
        return await counting, turns

    count, turns = asyncio.run(watch())
    assert count == tokens.count_text(HOSTILE["one letter"] * 4)
    assert turns > 20


def test_counting_aside_gives_the_same_count():
    messages = [{"role": "user", "content": "Hello there. " * 5000}]

    async def count(size: int) -> int:
        return await tokens.count_prompt_aside(messages, None, size)

    assert asyncio.run(count(65_000)) == asyncio.run(count(10)) == tokens.count_prompt(messages)
