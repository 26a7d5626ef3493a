#!/usr/bin/env python3
"""Writes tests/data/inspection.json: what inspections of tiny-bert-cls and tiny-words.txt must find,
computed by NumPy in float64 out of the models' files, the forward pass by the plain code of
make_tiny_models.py; and tests/data/tiny-bert-mlm: a BERT with a masked-language-model head and
random weights, saved by `transformers`, with the logits that it computes.

Needs PyPI's transformers 5.24.0, torch 2.15.0, safetensors 0.8.0, tokenizers 0.23.3. usage: make_inspection.py
"""

import itertools
import json
import pathlib
import sys

import numpy as np
import safetensors.numpy
import torch
import transformers

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parent))

from make_tiny_models import DATA, SPECIAL, WORDS, hidden_states, make_tokenizer  # noqa: E402

TEXT = "The cat sat on the mat, running."
SENTENCES = ["The cat sat on the mat.", "A big red cat running!", "rain: sunny Cat, dog"]
MASKED = "the [MASK] sat on a mat"


def cosine(a, b):
    return float(a @ b / np.linalg.norm(a) / np.linalg.norm(b))


def floats(values):
    return [round(float(v), 7) for v in values]


def stream(states):
    """The numbers of a residual stream; the model pools the first token."""
    layers = []
    for i, x in enumerate(states):
        pairs = [cosine(x[a], x[b]) for a, b in itertools.combinations(range(len(x)), 2)]
        layer = {"norms": floats(np.linalg.norm(x, axis=1)),
                 "cosine_to_first": floats(cosine(a, b) for a, b in zip(x, states[0])),
                 "pooled_cosine_to_last": cosine(x[0], states[-1][0]), "mean_cosine": float(np.mean(pairs))}
        if i > 0:
            layer["added"] = floats(np.linalg.norm(x - states[i - 1], axis=1))
            layer["cosine_to_previous"] = floats(cosine(a, b) for a, b in zip(x, states[i - 1]))
        layers.append(layer)
    return layers


def context(states, ids, word):
    """One word, a single token, in several sentences."""
    places = [sentence.index(word) for sentence in ids]
    layers = []
    for layer in zip(*states):
        words = [x[place] for x, place in zip(layer, places)]
        others = [cosine(a, b) for x, y in itertools.combinations(layer, 2) for a in x for b in y]
        layers.append({"cosines": floats(cosine(a, b) for a in words for b in words),
                       "baseline": float(np.mean(others))})
    return layers


def readings(states, table, ids):
    """Vectors by reading, pooled by the mean."""
    pooled = [x.mean(axis=0) for x in states]
    return [table[ids].mean(axis=0), *pooled, np.mean(pooled, axis=0), (pooled[0] + pooled[-1]) / 2]


def nearest(words, rows, vector, leave_out, count):
    units = rows / np.linalg.norm(rows, axis=1, keepdims=True)
    cosines = units @ (vector / np.linalg.norm(vector))
    order = [i for i in np.argsort(-cosines, kind="stable") if words[i] not in leave_out]
    return [[words[i], round(float(cosines[i]), 7)] for i in order[:count]]


def inspect_words():
    lines = (DATA / "tiny-words.txt").read_text(encoding="utf-8").splitlines()[1:]
    words = [line.split(" ")[0] for line in lines]
    rows = np.array([[float(v) for v in line.split(" ")[1:]] for line in lines])
    unit = {w: r / np.linalg.norm(r) for w, r in zip(words, rows)}
    a, b, c = words[:3]
    return {"near": words[1], "neighbors": nearest(words, rows, unit[words[1]], [words[1]], 5),
            "analogy": [a, b, c], "nearest": nearest(words, rows, unit[a] - unit[b] + unit[c], [a, b, c], 5)}


def inspect_bert():
    weights = {k: v.astype(np.float64)
               for k, v in safetensors.numpy.load_file(DATA / "tiny-bert-cls/model.safetensors").items()}
    table = weights["embeddings.word_embeddings.weight"]
    vocabulary = {token: i for i, token in enumerate(SPECIAL + WORDS.split())}
    tokenizer = make_tokenizer(vocabulary)
    ids = tokenizer.encode(TEXT).ids
    states = hidden_states(weights, ids)
    sentences = [tokenizer.encode(sentence).ids for sentence in SENTENCES]
    sentence_states = [hidden_states(weights, sentence) for sentence in sentences]
    pair = [readings(s, table, i) for s, i in zip(sentence_states[:2], sentences[:2])]
    return {"text": TEXT, "ids": ids, "tokens": tokenizer.encode(TEXT).tokens,
            "row_norms": floats(np.linalg.norm(table[ids], axis=1)), "stream": stream(states),
            "sentences": SENTENCES, "context": context(sentence_states, sentences, vocabulary["cat"]),
            "reading_cosines": floats(cosine(a, b) for a, b in zip(*pair)),
            "scores": [floats(row) for row in states[-1] @ table.T]}


def make_masked():
    directory = DATA / "tiny-bert-mlm"
    vocabulary = {token: i for i, token in enumerate(SPECIAL + WORDS.split())}
    torch.manual_seed(7)
    model = transformers.BertForMaskedLM(transformers.BertConfig(
        vocab_size=len(vocabulary), hidden_size=20, num_hidden_layers=1, num_attention_heads=2,
        intermediate_size=28, max_position_embeddings=16, initializer_range=0.4)).eval()
    with torch.no_grad():
        for name, parameter in model.named_parameters():
            if name.endswith("bias"):
                parameter.normal_(0, 0.3)
    model.save_pretrained(directory)
    (directory / "generation_config.json").unlink(missing_ok=True)
    (directory / "vocab.txt").write_text("".join(t + "\n" for t in vocabulary))
    ids = make_tokenizer(vocabulary).encode(MASKED).ids
    with torch.no_grad():
        logits = model(torch.tensor([ids])).logits[0].double().numpy()
    row = {"text": MASKED, "ids": ids, "logits": [floats(position) for position in logits]}
    (directory / "reference.json").write_text(json.dumps(row) + "\n")


if __name__ == "__main__":
    (DATA / "inspection.json").write_text(
        json.dumps({"bert": inspect_bert(), "words": inspect_words()}, indent=None) + "\n")
    make_masked()
