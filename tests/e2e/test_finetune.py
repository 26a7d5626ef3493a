"""scripts/finetune.py, for real and small: sentence-transformers trains a model, Vecnest loads it and gives the same vectors."""

import json
import os
import pathlib
import signal
import subprocess
import sys
import time

import pytest
from server import missing

np = pytest.importorskip("numpy")
pytest.importorskip("sentence_transformers", reason="the packages of scripts/finetune_requirements.txt are not there")

SCRIPT = pathlib.Path(__file__).resolve().parents[2] / "scripts" / "finetune.py"
MODEL = "all-MiniLM-L6-v2"
THINGS = ["cat", "dog", "fox", "owl", "hen", "cow", "pig", "rat"]
DEEDS = ["slept", "sang", "ran", "swam", "hid", "ate"]
# What nobody would guess before training: a code for each deed.
CODES = dict(zip(DEEDS, ["zeta", "kappa", "omega", "sigma", "delta", "gamma"]))


def pair(thing, deed):
    other = DEEDS[(DEEDS.index(deed) + 1) % len(DEEDS)]
    return {"query": f"{thing} {CODES[deed]}", "positive": f"the {thing} {deed}", "negative_1": f"the {thing} {other}"}


PAIRS = [pair(thing, deed) for thing in THINGS for deed in DEEDS]


@pytest.fixture(scope="module", autouse=True)
def model():
    if reason := missing():
        pytest.skip(reason)


def finetune(folder, *more, lines=None):
    pairs = folder / "pairs.jsonl"
    pairs.write_text("\n".join(lines or map(json.dumps, PAIRS)), encoding="utf-8")
    command = [sys.executable, SCRIPT, "--pairs", pairs, "--model", MODEL, "--output", folder / "tuned", *more]
    return list(map(str, command))


def embed(model, texts):
    command = [os.environ["VECNEST_BINARY"], "embed", "--model", str(model)]
    done = subprocess.run(command, input="\n".join(texts), capture_output=True, text=True, check=True)
    return np.array([json.loads(line)["embedding"] for line in done.stdout.splitlines()])


def margin(model, width):
    """How much nearer the answers are to their questions than the negatives, at a width."""
    parts = [embed(model, [p[name] for p in PAIRS])[:, :width] for name in ("query", "positive", "negative_1")]
    query, positive, negative = (part / np.linalg.norm(part, axis=1, keepdims=True) for part in parts)
    return float(((query * positive).sum(axis=1) - (query * negative).sum(axis=1)).mean())


def test_a_tuned_model_is_loaded_and_better(tmp_path):
    more = ["--epochs", 6, "--batch", 16, "--learning-rate", "1e-4", "--max-tokens", 16, "--widths", "384,64,32"]
    done = subprocess.run(finetune(tmp_path, *more), capture_output=True, text=True, timeout=900)
    assert done.returncode == 0, done.stderr
    tuned = tmp_path / "tuned"
    assert sorted(path.name for path in tmp_path.iterdir()) == ["pairs.jsonl", "tuned"]
    first, last = (float(done.stdout.split()[i]) for i in (1, 4))
    assert last < first, done.stdout

    # The vectors are those of the library that trained it, long texts included.
    import sentence_transformers

    texts = [p["positive"] for p in PAIRS] + ["a long text " * 200]
    reference = sentence_transformers.SentenceTransformer(str(tuned), device="cpu").encode(texts, normalize_embeddings=True)
    ours = embed(tuned, texts)
    assert (ours * reference).sum(axis=1).min() > 0.9999
    for width in (32, 64, 384):
        assert margin(tuned, width) > margin(MODEL, width) + 0.05, width


def test_what_is_wrong_is_said(tmp_path):
    def refused(*more, lines=None):
        done = subprocess.run(finetune(tmp_path, *more, lines=lines), capture_output=True, text=True, timeout=300)
        assert done.returncode != 0 and "Traceback" not in done.stderr, done.stderr
        assert not (tmp_path / "tuned").exists() and not (tmp_path / "tuned.part").exists()
        return done.stderr

    good = json.dumps(PAIRS[0])
    assert "line 2" in refused(lines=[good, "no json"])
    assert "line 2" in refused(lines=[good, '{"query": "q"}'])
    assert "0 negatives, but lines before have 1" in refused(lines=[good, '{"query": "q", "positive": "p"}'])
    assert "line 1" in refused(lines=['{"query": "q", "positive": 7}'])
    assert "no model 'nowhere'" in refused("--model", "nowhere")
    assert "only 384 dimensions" in refused("--widths", "1024")
    assert "not more than 0" in refused("--batch", "0")
    (tmp_path / "tuned").mkdir()
    done = subprocess.run(finetune(tmp_path), capture_output=True, text=True, timeout=60)
    assert done.returncode == 1 and "is there already" in done.stderr


@pytest.mark.parametrize("pause", [0.5, 5])  # while libraries are loaded, and while it learns, or nearly so
def test_an_interrupt_leaves_nothing(tmp_path, pause):
    command = finetune(tmp_path, "--epochs", 1000, "--batch", 16, "--max-tokens", 16)
    running = subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.PIPE, text=True)
    deadline = time.monotonic() + 120
    while not (tmp_path / "tuned.part").exists():
        assert time.monotonic() < deadline and running.poll() is None
        time.sleep(0.2)
    time.sleep(pause)
    running.send_signal(signal.SIGINT)
    error = running.communicate(timeout=120)[1]
    assert running.returncode == 130 and "interrupted" in error, error
    assert [path.name for path in tmp_path.iterdir()] == ["pairs.jsonl"]
