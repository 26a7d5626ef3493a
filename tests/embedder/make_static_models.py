#!/usr/bin/env python3
"""Writes static models with random rows below tests/data, and what the original programs make of
texts with them.

tiny-model2vec: F32, WordPiece, normalised, max_length 12; saved and read by model2vec. (Long texts have
short tokens, for model2vec first cuts a text at max_length times the median token's length.)
tiny-model2vec-shared: F16 rows with a mapping and F64 weights, no limit; saved and read by model2vec.
tiny-wordllama: F16, BPE with byte fallback in Llama-2's form; read by wordllama.
tiny-words.bin, tiny-words.txt, tiny-glove.txt: saved and averaged by gensim, the last without the
first line, as GloVe writes it.

Needs PyPI's model2vec 0.10.0, wordllama 0.4.0.post1, gensim 4.4.0, tokenizers 0.23.3.
usage: make_static_models.py
"""

import json
import pathlib
import shutil
import sys

import gensim
import model2vec
import numpy as np
import safetensors.numpy
import tokenizers
import wordllama.inference
from tokenizers import models, normalizers, processors, trainers

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parent))

from make_tiny_models import DATA, SPECIAL, WORDS, make_tokenizer  # noqa: E402

TEXTS = ["", "the cat sat on the mat.", "Big red dogs running, sunny!", "zzz qqq", "[UNK] cat [MASK]",
         "zzz rain zzz?", "a ! " * 9, "z " * 11 + "a cat", "café über 中文 🙂", "  a  "]
WORD_TEXTS = [("", []), ("the CAT sat", ["the", "cat", "sat"]), ("nothing known", []),
              ("the cat, the mat.", ["the", "cat", ",", "the", "mat", "."]),
              ("a u.s. dog don't (e-mail)", ["a", "u.s.", "dog", "do", "n't", "e-mail"]),
              ("café\u00a0中文", ["café", "中文"])]
TABLE_WORDS = "the cat sat mat , . a u.s. dog do n't n e-mail café 中文 rain </s>".split()
CORPUS = ["the cat sat on the mat", "big red dogs running in the rain", "a sunny day, a cat",
          "the the the dog dog sat", "running and sitting"] * 3


def write_reference(path, texts, vectors):
    with open(path, "w", encoding="utf-8") as out:
        for text, vector in zip(texts, vectors):
            row = {"text": text, "vector": [round(float(v), 7) for v in vector]}
            out.write(json.dumps(row, ensure_ascii=False, separators=(",", ":")) + "\n")


def fresh(name):
    directory = DATA / name
    shutil.rmtree(directory, ignore_errors=True)
    directory.mkdir(parents=True)
    return directory


def make_model2vec(name, rng, width, shared):
    vocabulary = {token: i for i, token in enumerate(SPECIAL + WORDS.split())}
    rows = 9 if shared else len(vocabulary)
    vectors = rng.normal(0, 1, (rows, width)).astype(np.float16 if shared else np.float32)
    options = {"normalize": True, "max_length": 12}
    if shared:
        options = {"normalize": False, "max_length": None,
                   "token_mapping": rng.integers(0, rows, len(vocabulary)),
                   "weights": rng.uniform(0.1, 2, len(vocabulary))}
    model = model2vec.StaticModel(vectors, make_tokenizer(vocabulary),
                                  config={"model_type": "model2vec"}, **options)
    directory = fresh(name)
    model.save_pretrained(directory)
    (directory / "README.md").unlink(missing_ok=True)
    write_reference(directory / "reference.jsonl", TEXTS,
                    model2vec.StaticModel.from_pretrained(directory).encode(TEXTS))


def make_bpe():
    """A tokenizer of the form of Llama-2's, trained on a few lines."""
    alphabet = ["<unk>", "<s>", "</s>"] + [f"<0x{byte:02X}>" for byte in range(256)]
    tokenizer = tokenizers.Tokenizer(models.BPE(unk_token="<unk>", fuse_unk=True, byte_fallback=True))
    tokenizer.normalizer = normalizers.Sequence(
        [normalizers.Prepend("\u2581"), normalizers.Replace(" ", "\u2581")])
    trainer = trainers.BpeTrainer(vocab_size=len(alphabet) + 70, special_tokens=alphabet,
                                  show_progress=False)
    tokenizer.train_from_iterator([word for line in CORPUS for word in line.split()], trainer)
    description = json.loads(tokenizer.to_str())
    description["added_tokens"] = description["added_tokens"][:3]
    tokenizer = tokenizers.Tokenizer.from_str(json.dumps(description))
    tokenizer.post_processor = processors.TemplateProcessing(
        single="<s> $A", pair="<s> $A <s> $B", special_tokens=[("<s>", 1)])
    return tokenizer


def make_wordllama(name, rng, width):
    directory = fresh(name)
    tokenizer = make_bpe()
    tokenizer.save(str(directory / "tokenizer.json"))
    rows = rng.normal(0, 1, (tokenizer.get_vocab_size(), width)).astype(np.float16)
    safetensors.numpy.save_file({"embedding.weight": rows}, directory / "model.safetensors")
    (directory / "modules.json").write_text(json.dumps(
        [{"idx": 0, "name": "0", "path": "", "type": "sentence_transformers.models.StaticEmbedding"}]))
    ids = [tokenizer.encode(text, add_special_tokens=False).ids for text in TEXTS]
    (directory / "ids.json").write_text(json.dumps(ids) + "\n")
    model = wordllama.inference.WordLlamaInference(rows, tokenizer)
    write_reference(directory / "reference.jsonl", TEXTS, model.embed(TEXTS))


def make_words(rng, width):
    table = gensim.models.KeyedVectors(width)
    table.add_vectors(TABLE_WORDS, rng.normal(0, 1, (len(TABLE_WORDS), width)).astype(np.float32))
    table.save_word2vec_format(DATA / "tiny-words.bin", binary=True)
    table.save_word2vec_format(DATA / "tiny-words.txt", binary=False)
    table.save_word2vec_format(DATA / "tiny-glove.txt", binary=False, write_header=False)
    table = gensim.models.KeyedVectors.load_word2vec_format(DATA / "tiny-words.bin", binary=True)
    vectors = [table.get_mean_vector(words, pre_normalize=False) if words else np.zeros(width)
               for _, words in WORD_TEXTS]
    write_reference(DATA / "tiny-words.jsonl", [text for text, _ in WORD_TEXTS], vectors)


if __name__ == "__main__":
    make_model2vec("tiny-model2vec", np.random.default_rng(3), 19, False)
    make_model2vec("tiny-model2vec-shared", np.random.default_rng(4), 7, True)
    make_wordllama("tiny-wordllama", np.random.default_rng(5), 13)
    make_words(np.random.default_rng(6), 11)
