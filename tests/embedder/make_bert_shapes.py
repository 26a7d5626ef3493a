#!/usr/bin/env python3
"""Writes tests/data/bert_shapes.jsonl: what BERT models of the published shapes give with weights from
an integer hash, computed in NumPy (float64) by make_tiny_models.py's code. bert_shapes_test.cc makes
the same weights and compares.

usage: make_bert_shapes.py
       make_bert_shapes.py --check MODEL_DIRECTORY HEADS GOLDEN_LAYERS
The second form holds the reference itself against hidden states that another implementation made of
real weights: tests/data/golden/golden-MODEL-layers.jsonl.
"""

import json
import struct
import sys

import numpy as np

from make_tiny_models import DATA, hidden_states

VOCABULARY, POSITIONS, TOKEN_TYPES = 200, 512, 2
SHAPES = [("minilm-l12", 12, 384, 12, 1536, "mean"), ("bge-base", 12, 768, 12, 3072, "cls"),
          ("e5-large", 24, 1024, 16, 4096, "mean")]
LENGTHS = [2, 37, 128]


def hashed(tensor, count):
    """`count` integers from -128 to 127 (the lowbias32 hash of the position)."""
    x = np.arange(count, dtype=np.uint32) + np.uint32(tensor * 0x9E3779B1 & 0xFFFFFFFF)
    for shift, factor in ((16, 0x7FEB352D), (15, 0x846CA68B)):
        x ^= x >> np.uint32(shift)
        x *= np.uint32(factor)
    x ^= x >> np.uint32(16)
    return (x >> np.uint32(24)).astype(np.uint8).view(np.int8).astype(np.float64)


class HashedWeights:
    """Tensors by name, made when they are asked for. All values are exact in bfloat16."""

    def __init__(self, layers, width, intermediate):
        square, wide, narrow = (width, width), (intermediate, width), (width, intermediate)
        shapes = {"embeddings.word_embeddings.weight": (VOCABULARY, width),
                  "embeddings.position_embeddings.weight": (POSITIONS, width),
                  "embeddings.token_type_embeddings.weight": (TOKEN_TYPES, width)}
        norms = ["embeddings.LayerNorm"]
        for layer in range(layers):
            base = f"encoder.layer.{layer}."
            for name, shape in (("attention.self.query", square), ("attention.self.key", square),
                                ("attention.self.value", square), ("attention.output.dense", square),
                                ("intermediate.dense", wide), ("output.dense", narrow)):
                shapes[base + name + ".weight"] = shape
                shapes[base + name + ".bias"] = (shape[0],)
            norms += [base + "attention.output.LayerNorm", base + "output.LayerNorm"]
        for name in norms:
            shapes[name + ".weight"] = (width,)
            shapes[name + ".bias"] = (width,)
        # Numbered by the order of their names, which is C++'s std::map's too.
        self.tensors = {name: (i, shapes[name]) for i, name in enumerate(sorted(shapes))}

    def __getitem__(self, name):
        number, shape = self.tensors[name]
        values = hashed(number, int(np.prod(shape)))
        if name.endswith("LayerNorm.weight"):
            values = 1 + np.floor(values / 4) / 128
        else:
            values = values / 2048
        return values.reshape(shape)


def token_ids(length):
    return [(int(value) + 128) * VOCABULARY // 256 for value in hashed(1000 + length, length)]


def make():
    with open(DATA / "bert_shapes.jsonl", "w", encoding="utf-8") as out:
        for name, layers, width, heads, intermediate, pooling in SHAPES:
            weights = HashedWeights(layers, width, intermediate)
            for length in LENGTHS:
                ids = token_ids(length)
                last = hidden_states(weights, ids, layers, heads)[-1]
                vector = last[0] if pooling == "cls" else last.mean(axis=0)
                vector /= np.linalg.norm(vector)
                row = {"name": name, "layers": layers, "width": width, "heads": heads,
                       "intermediate": intermediate, "pooling": pooling, "ids": ids,
                       "vector": [round(float(v), 7) for v in vector]}
                out.write(json.dumps(row, separators=(",", ":")) + "\n")
                print(name, length, flush=True)


def read_safetensors(path):
    data = path.read_bytes()
    size = struct.unpack("<Q", data[:8])[0]
    tensors = {}
    for name, entry in json.loads(data[8:8 + size]).items():
        if name != "__metadata__" and entry["dtype"] == "F32":
            begin, end = (8 + size + offset for offset in entry["data_offsets"])
            tensors[name] = np.frombuffer(data[begin:end], "<f4").reshape(entry["shape"]).astype(float)
    return tensors


def check(model, heads, golden):
    weights = read_safetensors(model / "model.safetensors")
    largest = 0
    for line in golden.read_text(encoding="utf-8").splitlines():
        row = json.loads(line)
        states = hidden_states(weights, row["ids"], len(row["layers_mean"]) - 1, heads)
        for state, mean in zip(states, row["layers_mean"]):
            largest = max(largest, np.abs(state.mean(axis=0) - mean).max())
        largest = max(largest, np.abs(states[-1][0] - row["last_hidden_row0"]).max())
    print(f"{model.name}: largest difference {largest:.1e}")
    assert largest < 1e-5


if __name__ == "__main__":
    if sys.argv[1:2] == ["--check"]:
        check(type(DATA)(sys.argv[2]), int(sys.argv[3]), type(DATA)(sys.argv[4]))
    else:
        make()
