#!/usr/bin/env python3
"""Writes tests/data/tiny-bert-cls and tests/data/tiny-bert-max: BERT models with random weights,
and what they must give, computed by the plain NumPy code below in float64.

tiny-bert-cls: F32, vocab.txt, CLS pooling, normalised, prompts.
tiny-bert-max: F16 and BF16 weights named "bert.…", tokenizer.json, max pooling, not normalised.

Widths are no multiples of any vector size on purpose. Ids come from Hugging Face's `tokenizers`
(PyPI). usage: make_tiny_models.py
"""

import json
import math
import pathlib
import struct

import numpy as np
import tokenizers
from tokenizers import models, normalizers, pre_tokenizers, processors

DATA = pathlib.Path(__file__).resolve().parents[1] / "data"
WIDTH, HEADS, INTERMEDIATE, LAYERS, POSITIONS = 36, 3, 70, 2, 24
EPSILON = 1e-12
SPECIAL = ["[PAD]", "[UNK]", "[CLS]", "[SEP]", "[MASK]"]
WORDS = "a the cat dog sat on mat sun rain big red run ##s ##ning ##ny ? ! . , : query passage un ##known"
TEXTS = ["", "the cat sat on the mat.", "Big red dogs running, sunny!", "[MASK] rain zzz?",
         "a " * 40, "query: unknown"]
PROMPTS = {"query": "query: ", "passage": "passage: "}


def write_safetensors(path, tensors):
    """tensors: name -> (dtype, float32 array)."""
    header, blobs, offset = {}, [], 0
    for name, (dtype, values) in tensors.items():
        if dtype == "F32":
            blob = values.astype("<f4").tobytes()
        elif dtype == "F16":
            blob = values.astype("<f2").tobytes()
        else:
            blob = (values.astype("<f4").view("<u4") >> 16).astype("<u2").tobytes()
        header[name] = {"dtype": dtype, "shape": list(values.shape),
                        "data_offsets": [offset, offset + len(blob)]}
        offset += len(blob)
        blobs.append(blob)
    text = json.dumps(header).encode()
    text += b" " * (-len(text) % 8)
    path.write_bytes(struct.pack("<Q", len(text)) + text + b"".join(blobs))


def as_stored(dtype, values):
    """The values that a reader of `dtype` gets."""
    values = values.astype(np.float32)
    if dtype == "F16":
        return values.astype(np.float16).astype(np.float32)
    if dtype == "BF16":
        return (values.view(np.uint32) & np.uint32(0xFFFF0000)).view(np.float32)
    return values


def random_weights(rng, vocabulary, dtypes, prefix):
    shapes = {"embeddings.word_embeddings.weight": (vocabulary, WIDTH),
              "embeddings.position_embeddings.weight": (POSITIONS, WIDTH),
              "embeddings.token_type_embeddings.weight": (2, WIDTH),
              "embeddings.LayerNorm.weight": (WIDTH,), "embeddings.LayerNorm.bias": (WIDTH,)}
    for layer in range(LAYERS):
        base = f"encoder.layer.{layer}."
        for name, outputs, inputs in (("attention.self.query", WIDTH, WIDTH),
                                      ("attention.self.key", WIDTH, WIDTH),
                                      ("attention.self.value", WIDTH, WIDTH),
                                      ("attention.output.dense", WIDTH, WIDTH),
                                      ("intermediate.dense", INTERMEDIATE, WIDTH),
                                      ("output.dense", WIDTH, INTERMEDIATE)):
            shapes[base + name + ".weight"] = (outputs, inputs)
            shapes[base + name + ".bias"] = (outputs,)
        for name in ("attention.output.LayerNorm", "output.LayerNorm"):
            shapes[base + name + ".weight"] = (WIDTH,)
            shapes[base + name + ".bias"] = (WIDTH,)
    stored, weights = {}, {}
    for i, (name, shape) in enumerate(shapes.items()):
        values = rng.normal(0, 0.3, shape) + (1 if name.endswith("LayerNorm.weight") else 0)
        dtype = dtypes[i % len(dtypes)]
        weights[name] = as_stored(dtype, values).astype(np.float64)
        stored[prefix + name] = (dtype, as_stored(dtype, values))
    return stored, weights


def layer_norm(x, scale, shift):
    mean = x.mean(axis=-1, keepdims=True)
    variance = ((x - mean) ** 2).mean(axis=-1, keepdims=True)
    return (x - mean) / np.sqrt(variance + EPSILON) * scale + shift


def hidden_states(w, ids, layers=LAYERS, heads=HEADS):
    """x_0 .. x_layers of one sequence, straight from the paper. `w`: name -> float64 array."""
    def linear(x, name):
        return x @ w[name + ".weight"].T + w[name + ".bias"]

    def norm(x, name):
        return layer_norm(x, w[name + ".weight"], w[name + ".bias"])

    x = (w["embeddings.word_embeddings.weight"][ids]
         + w["embeddings.position_embeddings.weight"][:len(ids)]
         + w["embeddings.token_type_embeddings.weight"][0])
    x = norm(x, "embeddings.LayerNorm")
    states = [x]
    size = x.shape[1] // heads
    for layer in range(layers):
        base = f"encoder.layer.{layer}."
        q, k, v = (linear(x, base + "attention.self." + n) for n in ("query", "key", "value"))
        context = np.empty_like(x)
        for h in range(heads):
            part = slice(h * size, (h + 1) * size)
            scores = q[:, part] @ k[:, part].T / math.sqrt(size)
            weights = np.exp(scores - scores.max(axis=-1, keepdims=True))
            context[:, part] = weights / weights.sum(axis=-1, keepdims=True) @ v[:, part]
        x = norm(x + linear(context, base + "attention.output.dense"),
                 base + "attention.output.LayerNorm")
        inner = linear(x, base + "intermediate.dense")
        inner = inner * 0.5 * (1 + np.vectorize(math.erf)(inner / math.sqrt(2)))
        x = norm(x + linear(inner, base + "output.dense"), base + "output.LayerNorm")
        states.append(x)
    return states


def make_tokenizer(vocabulary):
    tokenizer = tokenizers.Tokenizer(models.WordPiece(vocabulary, unk_token="[UNK]"))
    tokenizer.normalizer = normalizers.BertNormalizer()
    tokenizer.pre_tokenizer = pre_tokenizers.BertPreTokenizer()
    tokenizer.add_special_tokens(SPECIAL)
    tokenizer.post_processor = processors.TemplateProcessing(
        single="[CLS] $A [SEP]", pair="[CLS] $A [SEP] $B:1 [SEP]:1",
        special_tokens=[("[CLS]", vocabulary["[CLS]"]), ("[SEP]", vocabulary["[SEP]"])])
    return tokenizer


def write_json(path, value):
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(json.dumps(value, indent=1) + "\n", encoding="utf-8")


def make(name, seed, dtypes, prefix, pooling, normalize, max_tokens):
    directory = DATA / name
    vocabulary = {token: i for i, token in enumerate(SPECIAL + WORDS.split())}
    tokenizer = make_tokenizer(vocabulary)
    stored, weights = random_weights(np.random.default_rng(seed), len(vocabulary), dtypes, prefix)
    write_json(directory / "config.json", {
        "model_type": "bert", "hidden_size": WIDTH, "num_hidden_layers": LAYERS,
        "num_attention_heads": HEADS, "intermediate_size": INTERMEDIATE, "hidden_act": "gelu",
        "vocab_size": len(vocabulary), "max_position_embeddings": POSITIONS,
        "type_vocab_size": 2, "layer_norm_eps": EPSILON})
    write_safetensors(directory / "model.safetensors", stored)
    modules = [("", "Transformer"), ("1_Pooling", "Pooling")]
    modules += [("2_Normalize", "Normalize")] if normalize else []
    write_json(directory / "modules.json", [
        {"idx": i, "name": str(i), "path": path, "type": f"sentence_transformers.models.{kind}"}
        for i, (path, kind) in enumerate(modules)])
    modes = {f"pooling_mode_{mode}": mode.startswith(pooling)
             for mode in ("cls_token", "mean_tokens", "max_tokens")}
    write_json(directory / "1_Pooling" / "config.json",
               {"word_embedding_dimension": WIDTH, **modes})
    write_json(directory / "sentence_bert_config.json",
               {"max_seq_length": max_tokens, "do_lower_case": False})
    if pooling == "cls":
        (directory / "vocab.txt").write_text("".join(t + "\n" for t in vocabulary))
        write_json(directory / "tokenizer_config.json", {"do_lower_case": True})
        write_json(directory / "config_sentence_transformers.json",
                   {"prompts": PROMPTS, "default_prompt_name": None})
    else:
        tokenizer.save(str(directory / "tokenizer.json"))
    tokenizer.enable_truncation(max_tokens)
    with open(directory / "reference.jsonl", "w", encoding="utf-8") as out:
        for kind in ("query", "passage"):
            for text in TEXTS:
                ids = tokenizer.encode((PROMPTS[kind] if pooling == "cls" else "") + text).ids
                states = hidden_states(weights, ids)
                vector = states[-1][0] if pooling == "cls" else states[-1].max(axis=0)
                if normalize:
                    vector = vector / np.linalg.norm(vector)
                row = {"type": kind, "text": text, "ids": ids,
                       "vector": [round(float(v), 7) for v in vector],
                       "state_means": [[round(float(v), 7) for v in s.mean(axis=0)]
                                       for s in states]}
                out.write(json.dumps(row, separators=(",", ":")) + "\n")


if __name__ == "__main__":
    make("tiny-bert-cls", 1, ["F32"], "", "cls", True, 16)
    make("tiny-bert-max", 2, ["F16", "BF16", "F32"], "bert.", "max", False, 20)
