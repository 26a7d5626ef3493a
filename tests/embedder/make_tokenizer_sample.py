#!/usr/bin/env python3
"""Writes tests/data/tokenizer_sample.jsonl: generated strings with the ids of Hugging Face's
`tokenizers` (PyPI, 0.23.3 when the file was made), without truncation.

usage: make_tokenizer_sample.py MODEL_DIRECTORY   (all-MiniLM-L6-v2)

The strings come from the generator of tests/e2e/test_tokenizer_fuzz.py, short ones only.
"""

import json
import pathlib
import sys

import tokenizers

TESTS = pathlib.Path(__file__).resolve().parents[1]
sys.path.insert(0, str(TESTS / "e2e"))

from test_tokenizer_fuzz import Generator  # noqa: E402  pylint: disable=wrong-import-position

COUNT = 3_000
MOST_CHARACTERS = 36
SEED = 1


def main():
    model = pathlib.Path(sys.argv[1])
    tokenizer = tokenizers.Tokenizer.from_file(str(model / "tokenizer.json"))
    tokenizer.no_truncation()
    tokenizer.no_padding()
    generator = Generator(SEED, tokenizer.get_vocab())
    with open(TESTS / "data" / "tokenizer_sample.jsonl", "w", encoding="utf-8") as out:
        written = 0
        while written < COUNT:
            text = generator.string()
            if len(text) > MOST_CHARACTERS:
                continue
            ids = tokenizer.encode(text).ids
            out.write(json.dumps({"text": text, "ids": ids}, separators=(",", ":")) + "\n")
            written += 1


if __name__ == "__main__":
    main()
