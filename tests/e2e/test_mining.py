"""Hard negatives and learning from pairs, by the command line. BM25 is compared with bm25s."""

import json
import os
import signal
import subprocess
import time

import pytest
from server import Server, missing

bm25s = pytest.importorskip("bm25s")
np = pytest.importorskip("numpy")

# Texts about few things, so that every question has near misses. Words are their own stems.
THINGS = ["cat", "dog", "fox", "owl", "hen", "cow", "pig", "rat"]
PLACES = ["barn", "wood", "town", "lake", "hill"]
DEEDS = ["slept", "sang", "ran", "swam"]
TEXTS = [f"the {thing} {deed} in the {place}" for thing in THINGS for place in PLACES for deed in DEEDS]


def question(text):
    _, thing, deed, _, _, place = text.split()
    return f"who {deed} at the {place}: a {thing}"


def vecnest(*arguments, check=True):
    done = subprocess.run([os.environ["VECNEST_BINARY"], *map(str, arguments)], capture_output=True, text=True, timeout=600)
    assert not check or done.returncode == 0, done.stderr
    return done


def embed(texts):
    done = subprocess.run([os.environ["VECNEST_BINARY"], "embed"], input="\n".join(texts), capture_output=True, text=True, check=True)
    return np.array([json.loads(line)["embedding"] for line in done.stdout.splitlines()])


def write_lines(path, lines):
    path.write_text("".join(json.dumps(line) + "\n" for line in lines), encoding="utf-8")
    return path


def read_lines(path):
    return [json.loads(line) for line in path.read_text(encoding="utf-8").split("\n") if line]


@pytest.fixture(scope="module")
def data(tmp_path_factory):
    if reason := missing():
        pytest.skip(reason)
    folder = tmp_path_factory.mktemp("mining")
    texts = write_lines(folder / "texts.jsonl", [{"id": i, "text": text} for i, text in enumerate(TEXTS)])
    vecnest("import", "--data", folder / "data", "--collection", "c", texts)
    return folder / "data"


@pytest.fixture
def pairs(tmp_path):
    return write_lines(tmp_path / "pairs.jsonl", [{"query": question(t), "positive": t} for t in TEXTS[::4]])


def mine(where, value, pairs, output, *more, check=True):
    return vecnest("mine-negatives", where, value, "--collection", "c", "--pairs", pairs, "--output", output, *more, check=check)


def test_bm25_finds_what_bm25s_finds(data, pairs, tmp_path):
    # No margin worth the name: what BM25 ranks is what comes out.
    mine("--data", data, pairs, tmp_path / "mined.jsonl", "--mine-by", "bm25", "--margin", 1, "--negatives", 3, "--language", "none")
    mined = read_lines(tmp_path / "mined.jsonl")
    assert len(mined) > len(TEXTS) / 8
    reference = bm25s.BM25(method="lucene", k1=1.2, b=0.75)
    split = lambda texts: [text.replace(":", "").split() for text in texts]
    reference.index(split(TEXTS), show_progress=False)
    vectors = {text: vector for text, vector in zip(TEXTS, embed(TEXTS))}
    for line, query in zip(mined, embed([line["query"] for line in mined])):
        scores = reference.get_scores(split([line["query"]])[0])
        by_text = dict(zip(TEXTS, scores.tolist()))
        negatives = [line[f"negative_{i}"] for i in (1, 2, 3)]
        assert line["positive"] not in negatives and len(set(negatives)) == 3
        assert line["positive"] == max(by_text, key=by_text.get)
        # The best by their words, but for what is as near to the question as its answer.
        limit = query @ vectors[line["positive"]]
        near = {text for text in TEXTS if query @ vectors[text] >= limit}
        assert not near & set(negatives)
        wanted = sorted((score for text, score in by_text.items() if text not in near), reverse=True)[:3]
        assert [by_text[text] for text in negatives] == pytest.approx(wanted, rel=1e-5)


def test_a_server_mines_the_same(data, pairs, tmp_path):
    for method in ("both", "bm25", "model"):
        mine("--data", data, pairs, tmp_path / f"{method}.jsonl", "--mine-by", method, "--depth", 20)
    with Server(data) as server:
        for method in ("both", "bm25", "model"):
            output = tmp_path / f"{method}-server.jsonl"
            mine("--url", server.url, pairs, output, "--mine-by", method, "--depth", 20)
            assert read_lines(output) == read_lines(tmp_path / f"{method}.jsonl")


def test_mined_pairs_teach_the_collection(data, pairs, tmp_path):
    mined = tmp_path / "mined.jsonl"
    mine("--data", data, pairs, mined)
    adapted = vecnest("adapt", "--data", data, "--collection", "c", "--pairs", mined, "--steps", 20)
    assert "adapted (pairs)" in adapted.stdout
    rounds = vecnest("adapt", "--data", data, "--collection", "c", "--pairs", pairs, "--rounds", 2, "--mine-dimensions", 64, "--steps", 20)
    assert rounds.stdout.count("adapted (pairs)") == 2
    with Server(data) as server:
        again = vecnest("adapt", "--url", server.url, "--collection", "c", "--pairs", mined, "--steps", 20)
        assert "adapted (pairs)" in again.stdout
    undone = vecnest("adapt", "--data", data, "--collection", "c", "--method", "none")
    assert "no adaptor" in undone.stdout


def test_what_is_wrong_is_said(data, pairs, tmp_path):
    output = tmp_path / "out.jsonl"

    def refused(lines, *more):
        bad = tmp_path / "bad.jsonl"
        bad.write_text(lines, encoding="utf-8")
        done = mine("--data", data, bad, output, *more, check=False)
        assert done.returncode == 1 and not output.exists()
        return done.stderr

    assert "bad.jsonl, line 2" in refused('{"query": "q", "positive": "p"}\nnot json\n')
    assert "positive: expected a text" in refused('{"query": "q"}')
    assert "unknown field" in refused('{"query": "q", "positive": "p", "negative": "n"}')
    assert "no pairs" in refused("\n")
    assert "word for word" in refused('{"query": "q", "positive": "not a text of the collection"}')
    assert "klingon" in refused('{"query": "q", "positive": "p"}', "--language", "klingon")
    nowhere = mine("--data", data, pairs, tmp_path / "no" / "such" / "folder", check=False)
    assert nowhere.returncode == 1 and "cannot write into" in nowhere.stderr
    together = vecnest("adapt", "--data", data, "--collection", "c", "--rounds", 2, check=False)
    assert together.returncode == 1 and "--pairs" in together.stderr


def test_an_interrupt_leaves_no_half_file(data, tmp_path):
    many = write_lines(tmp_path / "many.jsonl", [{"query": f"{i} {question(t)}", "positive": t} for i in range(100) for t in TEXTS])
    output = tmp_path / "out.jsonl"
    command = [os.environ["VECNEST_BINARY"], "mine-negatives", "--data", data, "--collection", "c", "--pairs", many, "--output", output]
    running = subprocess.Popen(list(map(str, command)), stderr=subprocess.PIPE, text=True)
    time.sleep(3)
    running.send_signal(signal.SIGINT)
    assert "interrupted" in running.communicate(timeout=60)[1]
    assert running.returncode == 130
    assert list(tmp_path.glob("out*")) == []
