"""Static models give the vectors that model2vec and wordllama give.

Needs VECNEST_BINARY, VECNEST_MODELS (a directory that holds all-MiniLM-L6-v2, for its tokenizer) and
the PyPI packages model2vec and wordllama. The latter brings its weights along, which are derived from
Llama-2's: they are used here and nowhere else.
"""

import json
import os
import pathlib
import random
import shutil
import subprocess

import numpy as np
import pytest
import safetensors.numpy
import tokenizers

from test_tokenizer_fuzz import Generator

TEXTS = ["", " ", "The cat sat on the mat.", "Interest rates rose again; markets fell 3 %.", "中文 and emoji 👍🏽",
         "caf\u00e9 \u00fcber stra\u00dfe", "<s> [CLS] <unk> [UNK]", "a\tb  c", "x" * 300]


@pytest.fixture(name="binary")
def fixture_binary():
    binary = os.environ.get("VECNEST_BINARY")
    if not binary:
        pytest.skip("VECNEST_BINARY is not set")
    return binary


def embed(binary, model, texts):
    """`vecnest embed` reads a text a line."""
    run = subprocess.run([binary, "embed", "--model", str(model)], check=True, capture_output=True,
                         input="".join(text + "\n" for text in texts).encode())
    return np.array([json.loads(line)["embedding"] for line in run.stdout.splitlines()])


def lines(generator, count):
    """Texts that can be given as lines."""
    texts = TEXTS + [generator.string() for _ in range(count)]
    return [text.replace("\n", " ").replace("\r", " ") for text in texts]


@pytest.mark.parametrize("dtype, normalize, shared, tolerance", [
    (np.float32, True, False, 1e-5), (np.float32, False, True, 1e-5), (np.float16, False, False, 2e-3)])
def test_model2vec(binary, tmp_path, dtype, normalize, shared, tolerance):
    model2vec = pytest.importorskip("model2vec")
    source = pathlib.Path(os.environ.get("VECNEST_MODELS", "")) / "all-MiniLM-L6-v2/tokenizer.json"
    if not source.exists():
        pytest.skip(f"{source} is not there")
    tokenizer = tokenizers.Tokenizer.from_file(str(source))
    rng = np.random.default_rng(1)
    tokens = tokenizer.get_vocab_size()
    rows = 500 if shared else tokens
    options = {}
    if shared:
        options = {"token_mapping": rng.integers(0, rows, tokens), "weights": rng.uniform(0, 2, tokens)}
    model = model2vec.StaticModel(rng.normal(0, 1, (rows, 48)).astype(dtype), tokenizer,
                                  config={"model_type": "model2vec"}, normalize=normalize, **options)
    model.save_pretrained(tmp_path / "model")
    texts = lines(Generator(2, tokenizer.get_vocab()), 300)
    words = [word for word in tokenizer.get_vocab() if word.isalpha() and len(word) < 5]
    texts.append(" ".join(random.Random(3).choices(words, k=700)))  # more than the limit of 512
    ours = embed(binary, tmp_path / "model", texts)
    theirs = model2vec.StaticModel.from_pretrained(tmp_path / "model").encode(texts)
    difference = np.abs(ours - theirs).max()
    print(f"largest difference {difference:.2e}")
    assert difference < tolerance
    assert not ours[0].any() and ours[2].any()


def test_wordllama(binary, tmp_path):
    inference = pytest.importorskip("wordllama.inference")
    package = pathlib.Path(inference.__file__).parent
    shutil.copy(package / "weights/l2_supercat_256.safetensors", tmp_path / "model.safetensors")
    shutil.copy(package / "tokenizers/l2_supercat_tokenizer_config.json", tmp_path / "tokenizer.json")
    (tmp_path / "modules.json").write_text(json.dumps(
        [{"idx": 0, "name": "0", "path": "", "type": "sentence_transformers.models.StaticEmbedding"}]))
    theirs = inference.WordLlamaInference(
        safetensors.numpy.load_file(tmp_path / "model.safetensors")["embedding.weight"],
        tokenizers.Tokenizer.from_file(str(tmp_path / "tokenizer.json")))
    texts = lines(Generator(4, theirs.tokenizer.get_vocab()), 300)
    difference = np.abs(embed(binary, tmp_path, texts) - theirs.embed(texts)).max()
    print(f"largest difference {difference:.2e}")
    assert difference < 1e-5
