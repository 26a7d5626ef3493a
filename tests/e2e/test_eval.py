"""vecnest eval: every number is computed again from `vecnest embed`'s vectors by NumPy, SciPy, scikit-learn and trec_eval."""

import io
import json
import os
import pathlib
import random
import signal
import subprocess
import sys
import time

import pytest
from server import MODEL, missing

np = pytest.importorskip("numpy")
stats = pytest.importorskip("scipy.stats")
pytest.importorskip("sklearn")
pytrec_eval = pytest.importorskip("pytrec_eval")
safetensors = pytest.importorskip("safetensors.numpy")
Image = pytest.importorskip("PIL.Image")

from sklearn.cluster import KMeans  # noqa: E402
from sklearn.linear_model import LogisticRegression  # noqa: E402
from sklearn.metrics import accuracy_score, average_precision_score, f1_score, v_measure_score  # noqa: E402

ROOT = pathlib.Path(__file__).resolve().parents[2]
WIDTHS = (24, 384)
METRICS = ("cosine", "dot", "euclid", "manhattan")
TOPICS = ("noun.animal", "noun.food", "noun.person", "noun.time")

pytestmark = pytest.mark.skipif(missing() is not None, reason=str(missing()))


def run(*options):
    command = [os.environ["VECNEST_BINARY"], "eval", *map(str, options)]
    return subprocess.run(command, capture_output=True, text=True, timeout=300)


def evaluate(folder, *options):
    file = folder / "out.json"
    done = run(*options, "--json", file)
    assert done.returncode == 0, done.stderr
    return json.loads(file.read_text()), done.stdout


def failed(*options):
    done = run(*options)
    assert done.returncode == 1, done.stdout
    return done.stderr.splitlines()[-1]


def embed(texts, width, model=MODEL, kind="document", adaptor=None):
    command = [os.environ["VECNEST_BINARY"], "embed", "--model", str(model), "--format", "npy"]
    command += ["--dimensions", str(width), "--type", kind]
    command += ["--adaptor", str(adaptor)] if adaptor else []
    done = subprocess.run(command, input="\n".join(texts).encode(), capture_output=True, check=True, timeout=120)
    return np.load(io.BytesIO(done.stdout)).astype(np.float64)


def similarities(a, b, metric):
    """Of each row of a with each of b; larger is nearer."""
    if metric == "cosine":
        a = a / np.linalg.norm(a, axis=1, keepdims=True)
        b = b / np.linalg.norm(b, axis=1, keepdims=True)
    if metric in ("cosine", "dot"):
        return a @ b.T
    difference = a[:, None, :] - b[None, :, :]
    return -np.abs(difference).sum(axis=2) if metric == "manhattan" else -np.sqrt((difference**2).sum(axis=2))


def write_tsv(path, header, rows):
    path.write_text("".join("\t".join(map(str, row)) + "\n" for row in [header, *rows]), encoding="utf-8")
    return path


def result(found, **wanted):
    chosen = [one for one in found["results"] if all(one[key] == value for key, value in wanted.items())]
    assert len(chosen) == 1, (wanted, len(chosen))
    return chosen[0]["scores"]


@pytest.fixture(scope="module")
def glosses(tmp_path_factory):
    """Definitions of WordNet with a topic and, of some, a sentence that uses the word."""
    file = tmp_path_factory.mktemp("wordnet") / "glosses.jsonl"
    made = subprocess.run([sys.executable, ROOT / "scripts/wordnet_corpus.py", "--limit", "8000", file], capture_output=True)
    if made.returncode != 0:
        pytest.skip("WordNet is not installed: apt-get install wordnet-base")
    return [json.loads(line) for line in file.read_text(encoding="utf-8").splitlines()]


@pytest.fixture(scope="module")
def labelled(glosses):
    chosen = []
    for topic in TOPICS:
        chosen += [(topic, one["text"]) for one in glosses if one["topic"] == topic][:70]
    random.Random(1).shuffle(chosen)
    return chosen


def test_similarity_and_pair_classification(tmp_path, labelled):
    some = labelled[:120]
    pairs = [(some[i], some[j]) for i in range(60) for j in (i + 1, i + 30, i + 60)]
    scores = [len(set(a[1].split()) & set(b[1].split())) / 2 for a, b in pairs]
    same = [int(a[0] == b[0]) for a, b in pairs]
    columns = [(a[1], b[1], score, yes) for (a, b), score, yes in zip(pairs, scores, same)]
    file = write_tsv(tmp_path / "pairs.tsv", ("sentence1", "sentence2", "score", "label"), columns)
    options = ("--task", f"sts:{file},name=s", f"pairs:{file},name=p", "--dimensions", ",".join(map(str, WIDTHS)))
    found, _ = evaluate(tmp_path, *options, "--metric", ",".join(METRICS))
    for width in WIDTHS:
        vectors = embed([text for _, text in some], width)
        places = {text: row for row, (_, text) in enumerate(some)}
        for metric in METRICS:
            all_near = similarities(vectors, vectors, metric)
            near = np.array([all_near[places[a[1]], places[b[1]]] for a, b in pairs])
            sts = result(found, task="s", dimensions=width, metric=metric)
            assert sts["spearman"] == pytest.approx(stats.spearmanr(near, scores).statistic, abs=1e-3)
            assert sts["pearson"] == pytest.approx(stats.pearsonr(near, scores).statistic, abs=1e-3)
            ap = result(found, task="p", dimensions=width, metric=metric)["ap"]
            assert ap == pytest.approx(average_precision_score(same, near), abs=1e-3)


def write_beir(folder, documents, queries, qrels):
    (folder / "qrels").mkdir(parents=True)
    lines = [json.dumps({"_id": key, "title": title, "text": text}) for key, title, text in documents]
    (folder / "corpus.jsonl").write_text("\n".join(lines) + "\n")
    lines = [json.dumps({"_id": key, "text": text}) for key, text in queries]
    (folder / "queries.jsonl").write_text("\n".join(lines) + "\n")
    rows = [(query, document, grade) for query, grades in qrels.items() for document, grade in grades.items()]
    write_tsv(folder / "qrels" / "test.tsv", ("query-id", "corpus-id", "score"), rows)


def trec_eval(qrels, run_scores):
    evaluator = pytrec_eval.RelevanceEvaluator(qrels, {"ndcg_cut.10", "recall.100", "recip_rank"})
    each = list(evaluator.evaluate(run_scores).values())
    return {name: np.mean([one[key] for one in each])
            for name, key in (("ndcg@10", "ndcg_cut_10"), ("recall@100", "recall_100"), ("mrr", "recip_rank"))}


def reciprocal_at_10(qrels, run_scores):
    """As BEIR's mrr, with trec_eval's order of documents that score the same."""
    ranks = []
    for query, scores in run_scores.items():
        best = sorted(scores, key=lambda one: (scores[one], one), reverse=True)[:10]
        ranks.append(next((1 / (i + 1) for i, one in enumerate(best) if qrels[query].get(one, 0) > 0), 0))
    return np.mean(ranks)


def test_retrieval(tmp_path, glosses):
    """Sentences look for the definition of their word; equal documents, grades, queries without an answer."""
    used = [one for one in glosses if one["examples"]][:60]
    documents = [(f"d{i}", one["words"][0], one["text"]) for i, one in enumerate(used + glosses[:500])]
    documents += [("e0", "", documents[0][2]), ("e1", *documents[5][1:]), ("e2", *documents[5][1:])]
    queries = [(f"q{i}", one["examples"][0]) for i, one in enumerate(used)]
    qrels = {f"q{i}": {f"d{i}": 2, f"d{(i + 7) % 60}": 1, f"d{i + 100}": -1, f"d{i + 120}": 0} for i in range(58)}
    qrels["q5"]["e1"] = 1
    qrels["q6"] = {"d6": 0}
    write_beir(tmp_path / "beir", documents, queries, qrels)
    found, table = evaluate(tmp_path, "--task", tmp_path / "beir", "--dimensions", "24,384", "--metric", ",".join(METRICS))
    texts = [f"{title} {text}".strip() for _, title, text in documents]
    for width in WIDTHS:
        near_texts = embed(texts, width)
        near_queries = embed([text for _, text in queries[:58]], width, kind="query")
        for metric in METRICS:
            near = similarities(near_queries, near_texts, metric).astype(np.float32)
            ranked = {f"q{i}": {one[0]: float(s) for one, s in zip(documents, near[i])} for i in range(58)}
            ours = result(found, task="beir", dimensions=width, metric=metric)
            for name, value in trec_eval(qrels, ranked).items():
                assert ours[name] == pytest.approx(value, abs=1e-3), (name, width, metric)
            assert ours["mrr@10"] == pytest.approx(reciprocal_at_10(qrels, ranked), abs=1e-3)
    assert f"{100 * ours['ndcg@10']:.2f}" in table


def learned_adaptor(folder, texts):
    """What `vecnest adapt` learns from a collection of these texts, as a file."""
    lines = folder / "texts.jsonl"
    lines.write_text("".join(json.dumps({"id": i, "text": text}) + "\n" for i, text in enumerate(texts)))
    file = folder / "adaptor.safetensors"
    collection = ["--data", str(folder / "data"), "--collection", "c"]
    model = ["--model", MODEL]
    for command in (["import", *collection, *model, str(lines)], ["adapt", *collection], ["adapt", *collection, "--export", str(file)]):
        subprocess.run([os.environ["VECNEST_BINARY"], *command], check=True, capture_output=True, timeout=120)
    return file


def test_adaptors_and_ranking_again(tmp_path, glosses):
    used = [one for one in glosses if one["examples"]][:40]
    documents = [(f"d{i:03}", "", one["text"]) for i, one in enumerate(used + glosses[:300])]
    queries = [(f"q{i}", one["examples"][0]) for i, one in enumerate(used)]
    qrels = {f"q{i}": {f"d{i:03}": 1} for i in range(40)}
    write_beir(tmp_path / "beir", documents, queries, qrels)
    file = learned_adaptor(tmp_path, [text for _, _, text in documents])
    found, table = evaluate(tmp_path, "--task", tmp_path / "beir", "--dimensions", "24,384", "--adaptor", f"none,rotation,prefixes,{file}", "--rerank", "20")
    assert {one["adaptor"] for one in found["adaptors"]} == {"rotation", "prefixes", str(file)}
    assert found["adaptors"][2]["seconds"] == 0

    tensors = safetensors.load_file(file)
    texts = embed([text for _, _, text in documents], 384)
    asked = embed([text for _, text in queries], 384, kind="query")
    def turned(rows, width):
        rows = rows @ tensors["rotation"].T.astype(np.float64)
        return (rows * tensors["scales"])[:, :width] if width < 384 else rows
    expected = turned(texts, 24)
    np.testing.assert_allclose(embed([text for _, _, text in documents], 24, adaptor=file),
                               expected / np.linalg.norm(expected, axis=1, keepdims=True), atol=1e-5)
    np.testing.assert_allclose(embed([text for _, _, text in documents], 384, adaptor=file), turned(texts, 384), atol=1e-5)

    near = similarities(turned(asked, 24), expected, "cosine").astype(np.float32)
    names = [key for key, _, _ in documents]
    ours = result(found, adaptor=str(file), dimensions=24)
    ranked = {f"q{i}": dict(zip(names, map(float, near[i]))) for i in range(40)}
    for name, value in trec_eval(qrels, ranked).items():
        assert ours[name] == pytest.approx(value, abs=1e-3), name
    # The best twenty by prefixes, ranked by whole vectors.
    whole = similarities(asked, texts, "cosine").astype(np.float32)
    best = np.argsort(-near, axis=1)[:, :20]
    again = {f"q{i}": {names[d]: float(whole[i, d]) for d in best[i]} for i in range(40)}
    assert ours["reranked_ndcg@10"] == pytest.approx(trec_eval(qrels, again)["ndcg@10"], abs=1e-3)
    nearest = np.argsort(-whole, axis=1)[:, :10]
    kept = np.mean([len(set(sorted(best[i], key=lambda d: -whole[i, d])[:10]) & set(nearest[i])) / 10 for i in range(40)])
    assert ours["kept@10"] == pytest.approx(kept, abs=5e-3)
    assert "kept@10" in table
    # Whole vectors answer as before, and what eval learns from the task is what a collection of it would.
    for name in ("rotation", "prefixes", str(file)):
        assert result(found, adaptor=name, dimensions=384)["ndcg@10"] == pytest.approx(result(found, adaptor="none", dimensions=384)["ndcg@10"], abs=1e-3)
        assert "kept@10" not in result(found, adaptor=name, dimensions=384)
    learned = result(found, adaptor="prefixes", dimensions=24)["kept@10"]
    assert learned == pytest.approx(ours["kept@10"], abs=0.05)
    assert learned > result(found, adaptor="none", dimensions=24)["kept@10"] + 0.1

    # Codes at the full width are ranked again as well.
    coded, _ = evaluate(tmp_path, "--task", tmp_path / "beir", "--codes", "binary", "--rerank", "340")
    assert result(coded)["reranked_ndcg@10"] == pytest.approx(result(found, adaptor="none", dimensions=384)["ndcg@10"], abs=1e-6)
    assert result(coded)["kept@10"] == 1 and result(coded)["ndcg@10"] != result(coded)["reranked_ndcg@10"]

    assert "neither none, rotation or prefixes nor a file" in failed("--task", tmp_path / "beir", "--adaptor", "pca")
    assert "Manhattan" in failed("--task", tmp_path / "beir", "--metric", "manhattan", "--adaptor", "rotation")


@pytest.mark.parametrize("topics", [2, 4])
def test_classification(tmp_path, labelled, topics):
    """Two labels have one weight vector in scikit-learn, more have one each."""
    rows = [row for row in labelled if row[0] in TOPICS[:topics]]
    half = len(rows) * 2 // 3
    write_tsv(tmp_path / "train.tsv", ("label", "text"), rows[:half])
    write_tsv(tmp_path / "test.tsv", ("label", "text"), rows[half:])
    found, _ = evaluate(tmp_path, "--task", f"classification:{tmp_path},name=c", "--dimensions", "24,384")
    for width in WIDTHS:
        vectors = embed([text for _, text in rows], width)
        labels = [label for label, _ in rows]
        guesses = LogisticRegression(max_iter=5000, tol=1e-8).fit(vectors[:half], labels[:half]).predict(vectors[half:])
        ours = result(found, task="c", dimensions=width, metric=None)
        assert ours["accuracy"] == pytest.approx(accuracy_score(labels[half:], guesses), abs=1e-3)
        assert ours["f1_macro"] == pytest.approx(f1_score(labels[half:], guesses, average="macro"), abs=1e-3)
    few, _ = evaluate(tmp_path, "--task", f"classification:{tmp_path},name=c", "--samples-per-label", 4, "--experiments", 5)
    assert 0.3 < result(few, task="c")["accuracy"] <= result(found, task="c", dimensions=384)["accuracy"] + 0.05


def test_clusters_are_no_worse(tmp_path, labelled):
    file = write_tsv(tmp_path / "all.tsv", ("text", "label"), [(text, label) for label, text in labelled])
    found, _ = evaluate(tmp_path, "--task", f"clustering:{file},name=c", "--dimensions", "24,384")
    for width in WIDTHS:
        vectors = embed([text for _, text in labelled], width)
        theirs = KMeans(len(TOPICS), n_init=10, random_state=0).fit(vectors)
        assert result(found, task="c", dimensions=width)["inertia"] <= theirs.inertia_ * 1.01


def write_table(path, words, vectors):
    path.write_text("".join(f"{word} {' '.join(map(str, row))}\n" for word, row in zip(words, vectors)))
    return path


def test_v_measure(tmp_path):
    """Groups that both find, with labels of which a quarter says something else."""
    chance = np.random.default_rng(2)
    groups = chance.integers(6, size=300)
    vectors = np.round(4 * chance.normal(size=(6, 10))[groups] + chance.normal(size=(300, 10)), 5)
    labels = [int(chance.integers(6)) if chance.random() < 0.25 else int(group) for group in groups]
    words = [f"w{i}" for i in range(300)]
    table = write_table(tmp_path / "words.txt", words, vectors)
    file = write_tsv(tmp_path / "all.tsv", ("text", "label"), zip(words, labels))
    found, _ = evaluate(tmp_path, "--task", f"clustering:{file}", "--model", table)
    theirs = KMeans(6, n_init=50, random_state=0).fit(vectors)
    assert result(found)["inertia"] == pytest.approx(theirs.inertia_, rel=1e-4)
    expected = v_measure_score(labels, theirs.labels_)
    assert 0.3 < expected < 0.9
    assert result(found)["v_measure"] == pytest.approx(expected, abs=1e-3)


def test_analogies_of_a_table_of_words(tmp_path):
    """Pairs that differ by nearly the same step, among words that do not."""
    chance = np.random.default_rng(1)
    step = chance.normal(size=20)
    words, vectors = [], []
    for i in range(12):
        base = chance.normal(size=20)
        words += [f"a{i}", f"b{i}"]
        vectors += [base, base + step + 0.7 * chance.normal(size=20)]
    words += [f"w{i}" for i in range(300)]
    vectors = np.round(np.concatenate([vectors, 1.5 * chance.normal(size=(300, 20))]), 5)
    table = write_table(tmp_path / "words.txt", words, vectors)
    asked = [(f"s{i % 2}", f"a{i}", f"b{i}", f"a{j}", f"b{j}") for i in range(12) for j in range(12) if i != j]
    asked.append(("s0", "a0", "b0", "a1", "unheard"))
    file = write_tsv(tmp_path / "asked.tsv", ("section", "a", "b", "c", "d"), asked)
    options = ("--task", f"analogy:{file},name=a", "--model", table, "--metric", ",".join(METRICS))
    found, _ = evaluate(tmp_path, *options)
    for metric in METRICS:
        ours = result(found, metric=metric)
        assert ours["coverage"] == pytest.approx(132 / 133)
        for section in ("s0", "s1"):
            assert ours[f"accuracy:{section}"] == pytest.approx(solved(words, vectors, asked[:-1], section, metric), abs=1e-3)
    assert 0.1 < result(found, metric="cosine")["accuracy"] < 1
    few, _ = evaluate(tmp_path, "--task", f"analogy:{file},vocabulary=4", "--model", table)
    assert result(few)["coverage"] == pytest.approx(2 / 133)


def solved(words, vectors, asked, section, metric):
    if metric == "cosine":
        vectors = vectors / np.linalg.norm(vectors, axis=1, keepdims=True)
    right = []
    for a, b, c, d in (one[1:] for one in asked if one[0] == section):
        rows = [words.index(word) for word in (a, b, c, d)]
        near = similarities((vectors[rows[1]] - vectors[rows[0]] + vectors[rows[2]])[None], vectors, metric)[0]
        near[rows[:3]] = -np.inf
        right.append(near.argmax() == rows[3])
    return np.mean(right)


def test_codes_precisions_and_plot(tmp_path, labelled):
    pairs = [(a[1], b[1], int(a[0] == b[0])) for a, b in zip(labelled[:100], labelled[100:200])]
    file = write_tsv(tmp_path / "it's.tsv", ("sentence1", "sentence2", "label"), pairs)
    plot = tmp_path / "it's $(a) `plot`.png"
    found, table = evaluate(tmp_path, "--task", f"pairs:{file},name=it's", "--codes", "f32,f16,bf16,int8,int4,binary", "--precision", "f32,int8", "--dimensions", "24,96,384", "--plot", plot)
    assert len(table.splitlines()) == 1 + 12
    vectors = [embed([pair[side] for pair in pairs], 96) for side in (0, 1)]
    half = [rows.astype(np.float16).astype(np.float64) for rows in vectors]
    near = np.diag(similarities(*half, "cosine"))
    f16 = result(found, codes="f16", precision="f32", dimensions=96)["ap"]
    assert f16 == pytest.approx(average_precision_score([pair[2] for pair in pairs], near), abs=1e-3)
    values = {one["codes"]: one["scores"]["ap"] for one in found["results"] if (one["dimensions"], one["precision"]) == (384, "f32")}
    assert values["bf16"] == pytest.approx(values["f32"], abs=0.01)
    assert values["int8"] == pytest.approx(values["f32"], abs=0.01)
    assert values["binary"] != values["f32"]
    assert plot.read_bytes().startswith(b"\x89PNG\r\n\x1a\n")
    with Image.open(plot) as image:
        assert image.size == (1000, 420)
        assert len(image.convert("RGB").getcolors(1 << 20)) > 12
    assert sorted(one.name for one in tmp_path.iterdir()) == sorted(["it's.tsv", plot.name, "out.json"])


def test_constant_similarity_is_null(tmp_path):
    file = write_tsv(tmp_path / "s.tsv", ("sentence1", "sentence2", "score"), [("sun", "sun", 1), ("rain", "rain", 2)])
    found, table = evaluate(tmp_path, "--task", file, "--metric", "manhattan")
    assert result(found)["spearman"] is None
    assert table.splitlines()[1].endswith(" -")


def test_mistakes_are_told(tmp_path, labelled):
    good = write_tsv(tmp_path / "s.tsv", ("sentence1", "sentence2", "score"), [("sun", "the sun", 1), ("rain", "sun", 2)])
    bad = tmp_path / "bad.tsv"
    bad.write_text("sentence1\tsentence2\tscore\nsun\train\t1\nsun\train\n")
    assert "bad.tsv line 3: 2 fields between tabs, expected 3" in failed("--task", bad)
    assert "there is no such file" in failed("--task", tmp_path / "none.tsv")
    assert "expected 1 to 384 (the width of all-MiniLM-L6-v2)" in failed("--task", good, "--dimensions", "385")
    assert "cannot write into" in failed("--task", good, "--json", tmp_path / "none" / "x.json")
    assert "unknown type of task" in failed("--task", f"rank:{good}")
    assert "--memory-mb allows more" in failed("--task", big(tmp_path), "--memory-mb", "1")
    one = write_tsv(tmp_path / "one.tsv", ("text", "label"), [("a", "x"), ("b", "x")])
    assert "all rows have one label" in failed("--task", f"clustering:{one}")
    done = subprocess.run([os.environ["VECNEST_BINARY"], "eval", "--task", good, "--plot", tmp_path / "p.png"],
                          capture_output=True, text=True, env={**os.environ, "PATH": str(tmp_path)}, timeout=60)
    assert done.returncode == 1 and "apt-get install gnuplot-nox" in done.stderr


def big(folder, count=2000):
    rows = [(f"sun {i}", f"rain {i}", i) for i in range(count)]
    return write_tsv(folder / "big.tsv", ("sentence1", "sentence2", "score"), rows)


def test_ctrl_c_leaves_nothing(tmp_path):
    file = big(tmp_path, count=40000)  # half a minute of work at least
    json_file = tmp_path / "out.json"
    json_file.write_text("before")
    command = [os.environ["VECNEST_BINARY"], "eval", "--task", file, "--json", json_file, "--plot", tmp_path / "p.png"]
    process = subprocess.Popen(command, stderr=subprocess.PIPE, stdout=subprocess.PIPE, text=True)
    time.sleep(2)
    process.send_signal(signal.SIGINT)
    out, error = process.communicate(timeout=30)
    assert process.returncode == 130, error
    assert out == "" and "nothing was written" in error
    assert json_file.read_text() == "before"
    assert sorted(one.name for one in tmp_path.iterdir()) == ["big.tsv", "out.json"]


@pytest.mark.skipif("VECNEST_DATA" not in os.environ, reason="VECNEST_DATA names no directory of evaluation data")
def test_similarity_of_real_pairs(tmp_path):
    """400 pairs of the STS benchmark."""
    source = pathlib.Path(os.environ["VECNEST_DATA"]) / "stsb" / "dev.tsv"
    header, *rows = [line.split("\t") for line in source.read_text(encoding="utf-8").splitlines()[:401]]
    file = write_tsv(tmp_path / "dev.tsv", header, rows)
    found, _ = evaluate(tmp_path, "--task", file, "--dimensions", "64,384")
    for width in (64, 384):
        first, second = (embed([row[side] for row in rows], width) for side in (1, 2))
        theirs = stats.spearmanr((first * second).sum(axis=1), [float(row[0]) for row in rows]).statistic
        assert result(found, dimensions=width)["spearman"] == pytest.approx(theirs, abs=1e-3)
