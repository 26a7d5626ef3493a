"""Looking into models: what the server and the command line say, against NumPy over the model's own file
(the forward pass by the plain code of make_tiny_models.py) and Hugging Face's tokenizer."""

import collections
import json
import os
import pathlib
import signal
import subprocess
import sys
import time

import numpy as np
import pytest
import safetensors.numpy
import tokenizers

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parents[1] / "embedder"))

from make_tiny_models import hidden_states  # noqa: E402
from server import MODEL  # noqa: E402

TEXT = "The embankment of the river."
SENTENCES = ["He sat on the bank of the river.", "The Bank raised its rates.", "banks: a bank, indeed"]
TOLERANCE = 2e-5


class Reference:
    """The model, read by other programs."""

    def __init__(self, directory):
        self.weights = {name: values.astype(np.float64) for name, values
                        in safetensors.numpy.load_file(directory / "model.safetensors").items()}
        self.table = self.weights["embeddings.word_embeddings.weight"]
        self.norms = np.linalg.norm(self.table, axis=1)
        self.units = self.table / self.norms[:, None]
        self.tokenizer = tokenizers.Tokenizer.from_file(str(directory / "tokenizer.json"))
        self.tokenizer.no_padding()
        self.tokenizer.no_truncation()

    def ids(self, text, special=True):
        return self.tokenizer.encode(text, add_special_tokens=special).ids

    def states(self, text):
        return hidden_states(self.weights, self.ids(text), layers=6, heads=12)

    def nearest(self, vector, leave_out, count):
        cosines = self.units @ (vector / np.linalg.norm(vector))
        special = {i for token, i in self.tokenizer.get_vocab().items()
                   if token.startswith("[unused") or token in ("[PAD]", "[UNK]", "[CLS]", "[SEP]", "[MASK]")}
        order = [i for i in np.argsort(-cosines) if i not in leave_out and i not in special]
        return [(int(i), cosines[i]) for i in order[:count]]


@pytest.fixture(scope="module", name="reference")
def fixture_reference():
    folders = [os.environ.get("VECNEST_MODELS", ""), pathlib.Path.home() / ".cache/vecnest/models"]
    for folder in folders:
        if (pathlib.Path(folder) / MODEL / "model.safetensors").exists():
            return Reference(pathlib.Path(folder) / MODEL)
    return pytest.skip(f"set VECNEST_MODELS to a directory that contains {MODEL}")


@pytest.fixture(scope="module", name="ask")
def fixture_ask(http):
    """Asks, and checks that the answer is as the OpenAPI document says."""
    schemathesis = pytest.importorskip("schemathesis")
    schema = schemathesis.openapi.from_dict(http.get("/openapi.json").json())

    def send(what, **body):
        answer = http.post(f"/v1/inspect/{what}", json=body)
        assert answer.status_code == 200, answer.text
        schema[f"/v1/inspect/{what}"]["POST"].validate_response(answer)
        return answer.json()

    return send


def cosine(a, b):
    return a @ b / np.linalg.norm(a) / np.linalg.norm(b)


def expect_neighbors(found, expected, norms):
    assert [row["id"] for row in found] == [i for i, _ in expected]
    assert [row["cosine"] for row in found] == pytest.approx([c for _, c in expected], abs=TOLERANCE)
    assert [row["norm"] for row in found] == pytest.approx([norms[i] for i, _ in expected], rel=1e-6)


def test_tokens(ask, reference):
    answer = ask("tokens", text=TEXT, rows=True)
    encoding = reference.tokenizer.encode(TEXT)
    assert [token["id"] for token in answer["tokens"]] == encoding.ids
    assert [token["text"] for token in answer["tokens"]] == encoding.tokens
    assert [token["row"] for token in answer["tokens"]] == reference.table[encoding.ids].tolist()
    assert [token["norm"] for token in answer["tokens"]] == pytest.approx(list(reference.norms[encoding.ids]))
    assert [token.get("special", False) for token in answer["tokens"]] == [
        token in ("[CLS]", "[SEP]") for token in encoding.tokens]
    rows, width = reference.table.shape
    assert answer["table"]["parameters"] == rows * width == 30522 * 384
    assert answer["table"]["bytes"] == 4 * rows * width
    assert "row" not in ask("tokens", text=TEXT)["tokens"][0]


@pytest.mark.parametrize("term", ["bank", "Bank", "embeddings", "##ing"])
def test_neighbors(ask, reference, term):
    answer = ask("neighbors", term=term, limit=8)
    known = reference.tokenizer.token_to_id(term)
    ids = reference.ids(term, special=False) if known is None else [known]
    assert [token["id"] for token in answer["tokens"]] == ids
    expect_neighbors(answer["neighbors"], reference.nearest(reference.table[ids].mean(axis=0), ids, 8),
                     reference.norms)


def test_analogy(ask, reference):
    answer = ask("analogy", a="king", b="man", c="woman", limit=5)
    ids = [reference.tokenizer.token_to_id(word) for word in ("king", "man", "woman")]
    a, b, c = reference.units[ids]
    expect_neighbors(answer["nearest"], reference.nearest(a - b + c, ids, 5), reference.norms)
    assert answer["nearest"][0]["text"] == "queen"


def test_analogy_of_texts(ask, http):
    terms = ["a cat eats fish", "a cat", "a dog"]
    candidates = ["a dog eats meat", "stock prices fell", "a dog", "a puppy has dinner"]
    answer = ask("analogy", **dict(zip("abc", terms)), candidates=candidates)
    body = {"model": MODEL, "input": terms + candidates}
    vectors = np.array([e["embedding"] for e in http.post("/v1/embeddings", json=body).json()["data"]])
    target = vectors[0] - vectors[1] + vectors[2]
    expected = sorted(((cosine(target, vectors[3 + i]), i) for i in (0, 1, 3)), reverse=True)
    assert [row["index"] for row in answer["nearest"]] == [i for _, i in expected]
    assert [row["cosine"] for row in answer["nearest"]] == pytest.approx([c for c, _ in expected], abs=1e-5)


def test_layers(ask, reference):
    answer = ask("layers", text=TEXT)
    states = reference.states(TEXT)
    assert [layer["layer"] for layer in answer["layers"]] == list(range(7))
    for i, (layer, x) in enumerate(zip(answer["layers"], states)):
        assert layer["norms"] == pytest.approx(list(np.linalg.norm(x, axis=1)), rel=1e-5)
        assert layer["cosine_to_first"] == pytest.approx([cosine(a, b) for a, b in zip(x, states[0])], abs=TOLERANCE)
        pooled = cosine(x.mean(axis=0), states[-1].mean(axis=0))
        assert layer["pooled_cosine_to_last"] == pytest.approx(pooled, abs=TOLERANCE)
        others = [cosine(x[a], x[b]) for a in range(len(x)) for b in range(a)]
        assert layer["mean_cosine"] == pytest.approx(np.mean(others), abs=TOLERANCE)
        if i > 0:
            assert layer["added"] == pytest.approx(list(np.linalg.norm(x - states[i - 1], axis=1)), rel=1e-4)
            before = [cosine(a, b) for a, b in zip(x, states[i - 1])]
            assert layer["cosine_to_previous"] == pytest.approx(before, abs=TOLERANCE)


def test_context(ask, reference):
    answer = ask("context", word="bank", sentences=SENTENCES)
    bank = reference.tokenizer.token_to_id("bank")
    places = [reference.ids(sentence).index(bank) for sentence in SENTENCES]
    states = [reference.states(sentence) for sentence in SENTENCES]
    assert [[token["text"] for token in tokens] for tokens in answer["tokens"]] == [["bank"]] * 3
    assert np.array(answer["table"]["cosines"]) == pytest.approx(np.ones((3, 3)))
    for number, layer in enumerate(answer["layers"]):
        words = [s[number][place] for s, place in zip(states, places)]
        expected = np.array([[cosine(a, b) for a in words] for b in words])
        assert np.array(layer["cosines"]) == pytest.approx(expected, abs=TOLERANCE)
        pairs = [(0, 1), (0, 2), (1, 2)]
        assert layer["mean"] == pytest.approx(np.mean([expected[pair] for pair in pairs]), abs=TOLERANCE)
        baseline = [cosine(a, b) for i, j in pairs for a in states[i][number] for b in states[j][number]]
        assert layer["baseline"] == pytest.approx(np.mean(baseline), abs=TOLERANCE)


def test_projection(ask, reference):
    answer = ask("projection", text=TEXT, positions="all", limit=4)
    scores = reference.states(TEXT)[-1] @ reference.table.T
    assert answer["head"] is False and answer["tied"] is True
    assert answer["multiply_adds"] == scores.size * 384
    assert len(answer["positions"]) == len(scores)
    for position, row in zip(answer["positions"], scores):
        assert [token["score"] for token in position["best"]] == pytest.approx(np.sort(row)[::-1][:4], abs=1e-3)
        assert position["best"][0]["id"] == int(np.argmax(row))
    last = ask("projection", text=TEXT, limit=4)["positions"]
    assert [p["position"] for p in last] == [len(scores) - 1]
    assert [t["id"] for t in last[0]["best"]] == [t["id"] for t in answer["positions"][-1]["best"]]


def test_rare_tokens(ask, reference):
    texts = ["The embankment, the unbelievable embankment.", "Photosynthesis: the river's embankment"]
    answer = ask("rare-tokens", texts=texts, limit=3)
    words = collections.Counter("the embankment the unbelievable embankment photosynthesis the river's embankment".split())
    pieces = {word: reference.ids(word, special=False) for word in words}
    assert answer["words"] == 9 and answer["distinct_words"] == 5
    assert answer["tokens"] == sum(len(pieces[word]) * count for word, count in words.items())
    order = sorted(words, key=lambda word: (-len(pieces[word]), -words[word], word))
    assert [use["word"] for use in answer["broken"]] == order[:3]
    for use in answer["broken"]:
        assert [token["id"] for token in use["tokens"]] == pieces[use["word"]]
        assert use["rarest"]["norm"] == pytest.approx(reference.norms[use["rarest"]["id"]])
    assert sum(band["tokens"] for band in answer["bands"]) == 30522 - 5 - sum(
        token.startswith("[unused") for token in reference.tokenizer.get_vocab())


@pytest.mark.parametrize("what, body, status, says", [
    ("tokens", {"text": "a " * 300}, 400, "reads at most 256"),
    ("tokens", {"text": "a", "model": "nobody"}, 404, "model 'nobody' is not loaded"),
    ("tokens", {"text": ""}, 400, "text: must not be empty"),
    ("layers", {"text": " \t "}, 400, f"text: has nothing in it that {MODEL} reads"),
    ("projection", {"text": "  "}, 400, f"text: has nothing in it that {MODEL} reads"),
    ("analogy", {"a": "a", "b": "b", "c": "c", "candidates": ["a", "a " * 300]}, 400, "candidates[1]: the text has 302"),
    ("neighbors", {"term": "\U00010600"}, 404, "is not in the table of tokens"),
    ("context", {"word": "bank", "sentences": ["a bank", "a river"]}, 400, "sentences[1]: the word 'bank'"),
    ("context", {"word": " ", "sentences": ["a bank", "a river"]}, 400, f"word: has nothing in it that {MODEL} reads"),
    ("context", {"word": "bank", "sentences": ["a bank"] * 33}, 400, "sentences: 33 texts, expected 2 to 32"),
    ("layers", {"text": "a", "layers": 1}, 400, "layers"),
])
def test_refusals(http, what, body, status, says):
    answer = http.post(f"/v1/inspect/{what}", json=body)
    assert answer.status_code == status
    assert says in answer.json()["error"]["message"]


def test_a_deadline_is_kept(http):
    body = {"a": "a", "b": "b", "c": "c", "candidates": ["some words " * 50 + str(i) for i in range(2000)]}
    begin = time.monotonic()
    answer = http.post("/v1/inspect/analogy?timeout=0.05", json=body)
    assert answer.status_code == 504
    assert time.monotonic() - begin < 5


@pytest.fixture(name="inspect")
def fixture_inspect(server):
    def run(*arguments):
        command = [os.environ["VECNEST_BINARY"], "inspect", *map(str, arguments)]
        return subprocess.run(command, check=True, capture_output=True, text=True).stdout

    return run


def test_analogies_of_a_file(inspect, tmp_path):
    rng = np.random.default_rng(1)
    words = [f"word{i}" for i in range(60)]
    rows = rng.normal(0, 1, (60, 8)).astype(np.float32)
    lines = [" ".join([word, *map(repr, map(float, row))]) for word, row in zip(words, rows)]
    (tmp_path / "table.txt").write_text("\n".join(lines) + "\n")
    units = rows / np.linalg.norm(rows, axis=1, keepdims=True)
    questions, right = [], [0, 0]
    for number in range(80):
        a, b, c, d = rng.choice(60, 4, replace=False)
        cosines = units @ (units[b] - units[a] + units[c])
        cosines[[a, b, c]] = -9
        if number % 2 == 0:
            d = int(np.argmax(cosines))
        right[number // 40] += int(d == np.argmax(cosines))
        questions.append([words[i] for i in (a, b, c, d)])
    (tmp_path / "google.txt").write_text("".join(
        (": first\n" if i == 0 else ": second\n" if i == 40 else "") + " ".join(q) + "\n"
        for i, q in enumerate(questions)))
    (tmp_path / "table.tsv").write_text("section\ta\tb\tc\td\n" + "".join(
        "\t".join(["first" if i < 40 else "second", *q]) + "\n" for i, q in enumerate(questions)))
    for name in ("google.txt", "table.tsv"):
        report = json.loads(inspect("analogies", "--json", "--model", tmp_path / "table.txt", tmp_path / name))
        assert [(s["name"], s["asked"], s["right"]) for s in report["sections"]] == [
            ("first", 40, right[0]), ("second", 40, right[1])]
        assert report["candidates"] == 60
    assert "second" in inspect("analogies", "--model", tmp_path / "table.txt", tmp_path / "google.txt")


def ranks(values):
    values = np.asarray(values)
    return np.array([(values < v).sum() + ((values == v).sum() - 1) / 2 for v in values])


def test_layer_scores(inspect, reference, tmp_path):
    pairs = [(5, "A man plays a guitar.", "A man is playing guitar."), (0.5, "A dog runs.", "Stock prices fell."),
             (2.5, "A child eats.", "A child drinks."), (4, "The river is deep.", "The water of the river is deep."),
             (1, "He reads a book.", "She drives a car."), (3, "It rains.", "It is a wet day.")]
    (tmp_path / "pairs.tsv").write_text("score\tsentence1\tsentence2\n" + "".join(
        f"{score}\t{a}\t{b}\n" for score, a, b in pairs))
    report = json.loads(inspect("layer-scores", "--json", tmp_path / "pairs.tsv"))
    assert report["pairs"] == 6 and report["pooling"] == "mean"
    scores = {score["reading"]: score["mean"] for score in report["scores"]}
    states = [[reference.states(text) for text in pair[1:]] for pair in pairs]
    gold = ranks([pair[0] for pair in pairs])
    readings = {str(n): (lambda s, n=n: s[n].mean(axis=0)) for n in range(7)}
    readings["mean of all layers"] = lambda s: np.mean(s, axis=0).mean(axis=0)
    readings["mean of first and last layer"] = lambda s: (s[0] + s[-1]).mean(axis=0)
    for name, read in readings.items():
        cosines = [cosine(read(a), read(b)) for a, b in states]
        assert scores[name] == pytest.approx(np.corrcoef(ranks(cosines), gold)[0, 1], abs=1e-9), name
    assert set(scores) == {"table", *readings}


def test_the_command_line_says_what_the_server_says(inspect, ask):
    same = [("tokens", ["--json", TEXT], {"text": TEXT, "rows": True}),
            ("neighbors", ["--json", "--limit", "3", "bank"], {"term": "bank", "limit": 3}),
            ("layers", ["--json", TEXT], {"text": TEXT}),
            ("context", ["--json", "--model", MODEL, "bank", *SENTENCES], {"word": "bank", "sentences": SENTENCES})]
    for what, arguments, body in same:
        assert json.loads(inspect(what, *arguments)) == ask(what, **body), what
    table = inspect("tokens", TEXT)
    assert "11.7 million parameters" in table and "embankment" in table
    assert "queen" in inspect("analogy", "king", "man", "woman").splitlines()[1]
    assert "river" in inspect("projection", "--positions", "all", TEXT)


def test_words_are_taken_as_they_stand(inspect, ask):
    """CLI11 reads "[a,b]" as a list of two where an option takes any number of values."""
    for term in ("[CLS]", "[a,b]", "{}", "##ing"):
        assert json.loads(inspect("neighbors", "--json", term)) == ask("neighbors", term=term), term
    assert json.loads(inspect("neighbors", "--json", "--", "--json")) == ask("neighbors", term="--json")
    said = json.loads(inspect("analogy", "--json", "[CLS]", "[a,b]", "[]"))
    assert said == ask("analogy", a="[CLS]", b="[a,b]", c="[]")
    for what in ("tokens", "layers"):
        body = {"rows": True} if what == "tokens" else {}
        assert json.loads(inspect(what, "--json", "[a,b]")) == ask(what, text="[a,b]", **body)
    sentences = ["[bank, river]", "bank,river", "[bank]", *(f"bank {i}" for i in range(29))]
    assert json.loads(inspect("context", "bank", *sentences, "--json")) == ask("context", word="bank", sentences=sentences)
    assert "[bank, river]  [bank]" in inspect("context", "bank", *sentences)


@pytest.mark.parametrize("arguments, says", [
    (["tokens", ""], "text: must not be empty"),
    (["layers", "  "], f"text: has nothing in it that {MODEL} reads"),
    (["projection", ""], "text: must not be empty"),
    (["neighbors", ""], "must not be empty"),
    (["analogy", "a", "", "c"], "must not be empty"),
    (["context", "bank", "a bank", "a river"], "sentence 2: the word 'bank' does not occur in it"),
    (["context", "bank", "", "a bank"], "sentence 1: must not be empty"),
    (["context", "bank", "a bank"], "sentences: 1 texts, expected 2 to 32"),
    (["context", "bank", *["a bank"] * 33], "sentences: 33 texts, expected 2 to 32"),
    (["tokens", "a " * 300], "text: the text has 302 tokens"),
])
def test_the_command_line_refuses_what_the_server_refuses(server, arguments, says):
    done = subprocess.run([os.environ["VECNEST_BINARY"], "inspect", *arguments], capture_output=True, text=True)
    assert done.returncode == 1 and done.stdout == ""
    assert done.stderr.startswith("vecnest: ") and says in done.stderr and done.stderr.count("\n") == 1, done.stderr


def test_candidates_are_counted_from_one(server, tmp_path):
    (tmp_path / "lines.txt").write_text("a dog eats\n\n" + "a " * 300 + "\n")
    command = [os.environ["VECNEST_BINARY"], "inspect", "analogy", "--candidates", tmp_path / "lines.txt", "a", "b", "c"]
    done = subprocess.run(command, capture_output=True, text=True)
    assert done.returncode == 1 and "candidate 2: the text has 302 tokens" in done.stderr


def test_ctrl_c_ends_a_long_inspection(server, tmp_path):
    (tmp_path / "pairs.tsv").write_text("score\tsentence1\tsentence2\n" + "".join(
        f"{i % 6}\t{'many words ' * 40}{i}\t{'other words ' * 40}{i}\n" for i in range(20000)))
    process = subprocess.Popen([os.environ["VECNEST_BINARY"], "inspect", "layer-scores", tmp_path / "pairs.tsv"],
                               stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)
    time.sleep(2)
    process.send_signal(signal.SIGINT)
    out, errors = process.communicate(timeout=20)
    assert process.returncode == 130, errors
    assert out == "" and "cancelled" in errors
