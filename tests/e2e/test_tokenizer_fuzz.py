"""The tokenizers give the ids of Hugging Face's `tokenizers` on generated Unicode strings.

Needs the environment variables VECNEST_TOKENIZE_DRIVER (the tokenize_driver binary) and
VECNEST_MODELS (a directory that holds all-MiniLM-L6-v2), and the PyPI package `tokenizers`. Byte-pair
encoding is compared with the small tokenizer of tests/data/tiny-wordllama, and with Llama-2's when
VECNEST_MODELS holds wordllama-256.
VECNEST_FUZZ_SEED picks another run.
"""

import json
import os
import pathlib
import random
import subprocess
import unicodedata

import pytest

tokenizers = pytest.importorskip("tokenizers")

COUNT = 120_000
SEED = int(os.environ.get("VECNEST_FUZZ_SEED", "20240607"))

WHITESPACE = "\t\n\v\f\r \x1c\x1d\x1e\x1f\x85\xa0\u1680\u180e\u2000\u2003\u200a\u2028\u2029\u202f\u205f\u3000\ufeff\u200b"
PUNCTUATION = "!\"#$%&'()*+,-./:;<=>?@[\\]^_`{|}~¡§«·»¿‐–—‘’“”…‹›※⁇、。〈〉「」・！？；：؟،।॥\u166d\u2e5b"
CONTROLS = "\x00\x01\x07\x08\x0e\x1b\x7f\x80\x9f\xad\u200c\u200d\u200e\u202a\u2060\u2066\ufffd\ue000\ufff9\U000e0001\U000f0000"
SPECIALS = ["[CLS]", "[SEP]", "[MASK]", "[PAD]", "[UNK]", "[cls]", "[unused1]", "##ing", "[MAS", "K]", "[[CLS]]", "[CLS"]
EMOJI = ["👩‍👩‍👧‍👦", "🏳️‍🌈", "👍🏽", "🇩🇪", "❤️", "☺", "1️⃣", "🏴\U000e0067\U000e0062\U000e007f"]
TRICKY = "İıſẞßΣςσǅﬁﬀÅÅKΩ≠≮≯가각힣각ﹰ豈丽\u0344\u0340\u0341\u1e9b\u0fb2\u0f71\u0f80\u1134\U0001d15e\u037e\u1fef\u212b"
BLOCKS = [(0x20, 0x7E), (0xA0, 0x24F), (0x250, 0x36F), (0x370, 0x52F), (0x530, 0x6FF), (0x700, 0xDFF),
          (0xE00, 0x11FF), (0x1200, 0x1CFF), (0x1D00, 0x1FFF), (0x2000, 0x2BFF), (0x2C00, 0x2FFF),
          (0x3000, 0x33FF), (0x3400, 0x9FFF), (0xA000, 0xABFF), (0xAC00, 0xD7FF), (0xF900, 0xFFFF),
          (0x10000, 0x11FFF), (0x12000, 0x16FFF), (0x1B000, 0x1FAFF), (0x20000, 0x3FFFF)]


def scalar(rng, low=0, high=0x10FFFF):
    while True:
        c = rng.randint(low, high)
        if not 0xD800 <= c <= 0xDFFF:
            return chr(c)


class Generator:
    """Strings out of parts that each stress one rule of the tokenizer."""

    def __init__(self, seed, vocabulary):
        self.rng = random.Random(seed)
        self.words = sorted(t.removeprefix("##") for t in vocabulary)
        self.marks = [chr(c) for c in range(0x110000)
                      if not 0xD800 <= c <= 0xDFFF and unicodedata.combining(chr(c))]
        self.parts = [
            lambda r: r.choice(self.words),
            lambda r: "".join(r.choices(self.words, k=r.randint(2, 4))),
            lambda r: "".join(r.choice((str.upper, str.title, str.lower))(r.choice(self.words))
                              for _ in range(2)),
            lambda r: r.choice(WHITESPACE) * r.randint(1, 2),
            lambda r: "".join(r.choices(PUNCTUATION, k=r.randint(1, 3))),
            lambda r: r.choice(CONTROLS),
            lambda r: r.choice(SPECIALS),
            lambda r: r.choice(EMOJI),
            lambda r: "".join(r.choices(TRICKY, k=r.randint(1, 4))),
            lambda r: "".join(r.choices(self.marks, k=r.randint(1, 5))),
            lambda r: r.choice("aeionAEEOUyЖΑが") + "".join(r.choices(self.marks, k=r.randint(1, 4))),
            lambda r: "".join(scalar(r) for _ in range(r.randint(1, 6))),
            lambda r: self.block_word(r),
            lambda r: self.block_word(r),
            lambda r: unicodedata.normalize(r.choice(("NFC", "NFD", "NFKC", "NFKD")), self.block_word(r)),
            lambda r: r.choice("abxé中́") * r.randint(95, 105),
        ]

    @staticmethod
    def block_word(rng):
        low, high = rng.choice(BLOCKS)
        return "".join(scalar(rng, low, high) for _ in range(rng.randint(1, 12)))

    def string(self):
        return "".join(
            self.rng.choice(self.parts)(self.rng) + self.rng.choice(("", "", " "))
            for _ in range(self.rng.randint(1, 10)))


def every_code_point():
    """Each scalar value alone, inside a word, and among combining marks."""
    for c in range(0x110000):
        if not 0xD800 <= c <= 0xDFFF:
            yield f"{chr(c)} a{chr(c)}b e\u302e{chr(c)}\u0334\U0001d165"


def mismatches(driver, model, reference, strings):
    """Pairs of string and ids (theirs, ours) that differ."""
    lines = "".join(json.dumps(s) + "\n" for s in strings)
    run = subprocess.run([driver, model], input=lines, capture_output=True, text=True, check=True)
    ours = [json.loads(line) for line in run.stdout.splitlines()]
    theirs = [e.ids for e in reference.encode_batch(strings)]
    assert len(ours) == len(theirs)
    return [(s, t, o) for s, t, o in zip(strings, theirs, ours) if t != o]


@pytest.fixture(name="setup", scope="module")
def fixture_setup():
    driver = os.environ.get("VECNEST_TOKENIZE_DRIVER")
    models = os.environ.get("VECNEST_MODELS")
    if not driver or not models:
        pytest.skip("set VECNEST_TOKENIZE_DRIVER and VECNEST_MODELS to run the tokenizer fuzz")
    model = pathlib.Path(models) / "all-MiniLM-L6-v2"
    if not (model / "tokenizer.json").exists():
        pytest.skip(f"{model}/tokenizer.json is not there")
    reference = tokenizers.Tokenizer.from_file(str(model / "tokenizer.json"))
    reference.no_truncation()
    reference.no_padding()
    return driver, str(model), reference


def check(setup, strings, name):
    driver, model, reference = setup
    count = 0
    wrong = []
    chunk = 20_000
    for start in range(0, len(strings), chunk):
        part = strings[start:start + chunk]
        wrong += mismatches(driver, model, reference, part)
        count += len(part)
    print(f"{name}: {count} strings, {len(wrong)} mismatches")
    assert not wrong, [(s, [f"{ord(c):04x}" for c in s], t, o) for s, t, o in wrong[:3]]


def test_generated_strings(setup):
    generator = Generator(SEED, setup[2].get_vocab())
    strings = [generator.string() for _ in range(COUNT)]
    check(setup, strings, f"seed {SEED}")


@pytest.mark.parametrize("clean", [True, False])
@pytest.mark.parametrize("chinese", [True, False])
@pytest.mark.parametrize("strip, lower", [(True, False), (False, True), (False, False), (None, True)])
def test_other_settings(setup, tmp_path, clean, chinese, strip, lower):
    """Every switch of the normaliser, with a vocabulary in which most characters are known."""
    description = json.loads((pathlib.Path(setup[1]) / "tokenizer.json").read_text())
    description["normalizer"].update(clean_text=clean, handle_chinese_chars=chinese,
                                     strip_accents=strip, lowercase=lower)
    vocabulary = description["model"]["vocab"]
    known = [chr(c) for c in range(0x20000) if not 0xD800 <= c <= 0xDFFF]
    for token in known + ["##" + c for c in known]:
        vocabulary.setdefault(token, len(vocabulary))
    text = json.dumps(description)
    (tmp_path / "tokenizer.json").write_text(text)
    reference = tokenizers.Tokenizer.from_str(text)
    reference.no_truncation()
    reference.no_padding()
    generator = Generator(SEED + 1, setup[2].get_vocab())
    strings = [generator.string() for _ in range(4_000)]
    check((setup[0], str(tmp_path), reference), strings,
          f"clean {clean}, chinese {chinese}, strip {strip}, lower {lower}")


def test_every_code_point(setup):
    check(setup, list(every_code_point()), "every code point")


class BpeGenerator(Generator):
    """The same with what is special to byte-pair encoding in Llama-2's form."""

    def __init__(self, seed, vocabulary):
        super().__init__(seed, vocabulary)
        literals = ["<s>", "</s>", "<unk>", "<0x41>", "<0x0A>", "<s", "s>", "\u2581", "\u2581\u2581"]
        self.parts += [
            lambda r: r.choice(literals),
            lambda r: " " * r.randint(1, 20),
            lambda r: "".join(r.choice(self.words) for _ in range(6)).replace("\u2581", " "),
            lambda r: " ".join(r.choice(self.words) for _ in range(6)).replace("\u2581", ""),
        ]


BPE_MODELS = [pathlib.Path(__file__).resolve().parents[1] / "data" / "tiny-wordllama",
              pathlib.Path(os.environ.get("VECNEST_MODELS", "")) / "wordllama-256"]


@pytest.mark.parametrize("model", BPE_MODELS, ids=lambda path: path.name)
def test_byte_pair_encoding(model):
    driver = os.environ.get("VECNEST_TOKENIZE_DRIVER")
    if not driver or not (model / "tokenizer.json").exists():
        pytest.skip("set VECNEST_TOKENIZE_DRIVER, and VECNEST_MODELS to a directory with wordllama-256")
    reference = tokenizers.Tokenizer.from_file(str(model / "tokenizer.json"))
    generator = BpeGenerator(SEED, reference.get_vocab())
    strings = [generator.string() for _ in range(COUNT // 2)]
    check((driver, str(model), reference), strings, model.name)
    check((driver, str(model), reference), list(every_code_point())[::7], f"{model.name}, code points")


@pytest.mark.parametrize("fallback, fuse, unknown", [
    (False, False, "<unk>"), (False, True, "<unk>"), (False, False, None), (True, False, "<unk>")])
@pytest.mark.parametrize("across", [False, True])
def test_other_byte_pair_settings(tmp_path, fallback, fuse, unknown, across):
    """Unknown characters, and merges that reach from one word into the next."""
    driver = os.environ.get("VECNEST_TOKENIZE_DRIVER")
    if not driver:
        pytest.skip("set VECNEST_TOKENIZE_DRIVER")
    description = json.loads((BPE_MODELS[0] / "tokenizer.json").read_text())
    model = description["model"]
    model.update(byte_fallback=fallback, fuse_unk=fuse, unk_token=unknown)
    if across:
        for left, right in (("t", "\u2581"), ("\u2581", "\u2581"), ("t\u2581", "the")):
            model["vocab"].setdefault(left + right, len(model["vocab"]))
            model["merges"].insert(5, [left, right])
    text = json.dumps(description)
    (tmp_path / "tokenizer.json").write_text(text)
    reference = tokenizers.Tokenizer.from_str(text)
    generator = BpeGenerator(SEED + 2, reference.get_vocab())
    strings = [generator.string() for _ in range(4_000)]
    check((driver, str(tmp_path), reference), strings, f"{fallback}, {fuse}, {unknown}, {across}")
