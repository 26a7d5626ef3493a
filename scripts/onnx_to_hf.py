#!/usr/bin/env python3
"""Turns an ONNX export of a BERT-shaped sentence encoder into a Hugging Face directory.

    onnx_to_hf.py --onnx model.onnx --tokenizer tokenizer.json --heads 12 --pooling cls \
        [--query-prefix TEXT] [--document-prefix TEXT] OUT_DIRECTORY

Exporters keep the tensors' names except those of the matrix products' weights: these are stored
transposed as onnx::MatMul_NNN, and the node that reads one says which it is, for example
/encoder/layer.0/attention/self/query/MatMul. Needs the PyPI packages onnx, numpy and safetensors.
"""

import argparse
import json
import pathlib
import re
import shutil
import sys

import numpy as np
import onnx
from onnx import numpy_helper
from safetensors.numpy import save_file

PRODUCT = re.compile(r"/(encoder/layer\.\d+/.+)/MatMul$")


def read_tensors(path):
    graph = onnx.load(str(path)).graph
    stored = {initializer.name: initializer for initializer in graph.initializer}
    tensors = {}
    for name, initializer in stored.items():
        if name.startswith(("embeddings.", "encoder.")) and not name.endswith("position_ids"):
            tensors[name] = numpy_helper.to_array(initializer)
    for node in graph.node:
        match = PRODUCT.search(node.name)
        if node.op_type != "MatMul" or not match:
            continue
        weights = [name for name in node.input if name in stored]
        if len(weights) == 1 and weights[0].startswith("onnx::"):
            name = match.group(1).replace("/", ".") + ".weight"
            tensors[name] = numpy_helper.to_array(stored[weights[0]]).T
    return {name: np.ascontiguousarray(tensors[name], np.float32) for name in sorted(tensors)}


def count_layers(tensors):
    return 1 + max(int(m.group(1)) for m in (re.match(r"encoder\.layer\.(\d+)\.", n) for n in tensors) if m)


def check(tensors):
    """Every layer must be whole: an exporter with other names would leave weights out."""
    parts = ["attention.self.query", "attention.self.key", "attention.self.value",
             "attention.output.dense", "attention.output.LayerNorm", "intermediate.dense",
             "output.dense", "output.LayerNorm"]
    wanted = ["embeddings.word_embeddings.weight", "embeddings.position_embeddings.weight",
              "embeddings.token_type_embeddings.weight", "embeddings.LayerNorm.weight",
              "embeddings.LayerNorm.bias"]
    for layer in range(count_layers(tensors)):
        wanted += [f"encoder.layer.{layer}.{part}.{kind}" for part in parts for kind in ("weight", "bias")]
    missing = [name for name in wanted if name not in tensors]
    if missing:
        sys.exit(f"error: not a BERT export that is known here; missing: {', '.join(missing[:5])}")


def write_json(path, value):
    path.write_text(json.dumps(value, indent=2) + "\n", encoding="utf-8")


def write_directory(out, tensors, args):
    words = tensors["embeddings.word_embeddings.weight"]
    out.mkdir(parents=True, exist_ok=True)
    write_json(out / "config.json", {
        "architectures": ["BertModel"],
        "model_type": "bert",
        "hidden_act": "gelu",
        "hidden_size": words.shape[1],
        "intermediate_size": tensors["encoder.layer.0.intermediate.dense.weight"].shape[0],
        "layer_norm_eps": 1e-12,
        "max_position_embeddings": tensors["embeddings.position_embeddings.weight"].shape[0],
        "num_attention_heads": args.heads,
        "num_hidden_layers": count_layers(tensors),
        "position_embedding_type": "absolute",
        "type_vocab_size": tensors["embeddings.token_type_embeddings.weight"].shape[0],
        "vocab_size": words.shape[0],
    })
    modules = ["Transformer", "Pooling", "Normalize"]
    write_json(out / "modules.json", [
        {"idx": i, "name": str(i), "path": f"{i}_{name}" if i else "",
         "type": f"sentence_transformers.models.{name}"} for i, name in enumerate(modules)])
    (out / "1_Pooling").mkdir(exist_ok=True)
    write_json(out / "1_Pooling" / "config.json", {
        "word_embedding_dimension": words.shape[1],
        "pooling_mode_cls_token": args.pooling == "cls",
        "pooling_mode_mean_tokens": args.pooling == "mean",
        "pooling_mode_max_tokens": False,
    })
    write_json(out / "sentence_bert_config.json", {"max_seq_length": 512, "do_lower_case": False})
    write_json(out / "config_sentence_transformers.json", {
        "prompts": {"query": args.query_prefix, "document": args.document_prefix}})
    # The exporter's limits on length are not the model's.
    tokenizer = json.loads(args.tokenizer.read_text(encoding="utf-8"))
    tokenizer["truncation"] = tokenizer["padding"] = None
    (out / "tokenizer.json").write_text(json.dumps(tokenizer, ensure_ascii=False), encoding="utf-8")
    save_file(tensors, out / "model.safetensors", metadata={"format": "pt"})


def main():
    parser = argparse.ArgumentParser(description=__doc__,
                                     formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--onnx", type=pathlib.Path, required=True)
    parser.add_argument("--tokenizer", type=pathlib.Path, required=True)
    parser.add_argument("--heads", type=int, required=True, help="attention heads")
    parser.add_argument("--pooling", choices=["mean", "cls"], required=True)
    parser.add_argument("--query-prefix", default="")
    parser.add_argument("--document-prefix", default="")
    parser.add_argument("out", type=pathlib.Path)
    args = parser.parse_args()
    tensors = read_tensors(args.onnx)
    check(tensors)
    part = args.out.with_name(args.out.name + ".part")
    shutil.rmtree(part, ignore_errors=True)
    write_directory(part, tensors, args)
    shutil.rmtree(args.out, ignore_errors=True)
    part.rename(args.out)


if __name__ == "__main__":
    main()
