"""The unmodified openai client."""

import base64
import json
import pathlib

import numpy as np
import pytest

openai = pytest.importorskip("openai")

MODEL = "all-MiniLM-L6-v2"
GOLDEN = pathlib.Path(__file__).resolve().parent.parent / "data/golden"
GOLDEN /= "golden-all-MiniLM-L6-v2.jsonl"


@pytest.fixture(scope="module")
def client(server):
    with openai.OpenAI(base_url=server.url + "/v1", api_key="none", max_retries=0) as made:
        yield made


@pytest.fixture(scope="module")
def golden():
    rows = [json.loads(line) for line in GOLDEN.read_text(encoding="utf-8").splitlines()]
    # The endpoint takes no empty text, and refuses long ones unless told to cut them.
    return [row for row in rows if row["text"]]


def embed(client, texts, **options):
    answer = client.embeddings.create(model=MODEL, input=texts, **options)
    assert [item.index for item in answer.data] == list(range(len(answer.data)))
    return np.array([item.embedding for item in answer.data]), answer


def test_golden_vectors(client, golden):
    texts = [row["text"] for row in golden]
    vectors, answer = embed(client, texts, extra_body={"truncate": True})
    expected = np.array([row["vector"] for row in golden])
    assert np.abs(vectors - expected).max() < 1e-4
    assert answer.usage.prompt_tokens == sum(len(row["ids"]) for row in golden)
    assert answer.usage.total_tokens == answer.usage.prompt_tokens
    assert answer.model == MODEL


def test_token_ids(client, golden):
    rows = golden[:40]
    vectors, _ = embed(client, [row["ids"] for row in rows])
    assert np.abs(vectors - np.array([row["vector"] for row in rows])).max() < 1e-4
    single, answer = embed(client, rows[0]["ids"])
    assert len(answer.data) == 1
    assert np.abs(single[0] - np.array(rows[0]["vector"])).max() < 1e-4


def test_string_and_list(client):
    one, _ = embed(client, "a text")
    many, answer = embed(client, ["another", "a text"])
    assert one.shape == (1, 384) and many.shape == (2, 384)
    assert np.abs(one[0] - many[1]).max() < 1e-5
    assert answer.object == "list" and answer.data[0].object == "embedding"


def test_float_and_base64(client, http):
    floats, _ = embed(client, ["a text"], encoding_format="float")
    body = {"model": MODEL, "input": ["a text"], "encoding_format": "base64"}
    raw = http.post("/v1/embeddings", json=body).json()["data"][0]["embedding"]
    decoded = np.frombuffer(base64.b64decode(raw), dtype="<f4")
    assert decoded.shape == (384,)
    assert np.abs(decoded - floats[0]).max() < 1e-6
    # The client's default is base64; it decodes it by itself.
    assert np.abs(embed(client, ["a text"])[0] - floats).max() < 1e-6


@pytest.mark.parametrize("width", [1, 64, 128, 384])
def test_dimensions(client, width):
    full, _ = embed(client, ["one", "two"])
    cut, _ = embed(client, ["one", "two"], dimensions=width)
    assert cut.shape == (2, width)
    prefix = full[:, :width]
    prefix = prefix / np.linalg.norm(prefix, axis=1, keepdims=True)
    assert np.abs(cut - prefix).max() < 1e-5
    assert np.linalg.norm(cut, axis=1) == pytest.approx([1, 1], abs=1e-5)


def test_too_many_dimensions(client):
    with pytest.raises(openai.BadRequestError, match="dimensions"):
        embed(client, "x", dimensions=385)


def test_usage_counts_special_tokens(client):
    _, answer = embed(client, "hello world")
    assert answer.usage.prompt_tokens == 4


def test_model_names(client):
    for model in (MODEL, "sentence-transformers/all-MiniLM-L6-v2", "ALL-minilm-l6-v2"):
        assert client.embeddings.create(model=model, input="x").model == MODEL


def test_unknown_model(client):
    with pytest.raises(openai.NotFoundError) as caught:
        client.embeddings.create(model="text-embedding-3-small", input="x")
    assert "text-embedding-3-small" in caught.value.message
    assert MODEL in caught.value.message
    assert caught.value.code == "model_not_found"


def test_too_long_names_the_item(client):
    long = "word " * 1000
    with pytest.raises(openai.BadRequestError) as caught:
        embed(client, ["short", "fine", long])
    assert "input[2]" in caught.value.message
    assert caught.value.type == "invalid_request_error"
    assert caught.value.param == "input[2]"


def test_truncate(client):
    long = "word " * 1000
    cut, answer = embed(client, [long], extra_body={"truncate": True})
    assert answer.usage.prompt_tokens == 256
    assert answer.data[0].truncated is True
    fits, answer = embed(client, ["word " * 254])
    assert np.abs(cut - fits).max() < 1e-5
    assert not hasattr(answer.data[0], "truncated")


def test_input_type(client):
    # This model has no prefixes: both kinds give one vector.
    query, _ = embed(client, "x y", extra_body={"input_type": "query"})
    document, _ = embed(client, "x y", extra_body={"input_type": "document"})
    assert np.abs(query - document).max() < 1e-6
    with pytest.raises(openai.BadRequestError, match="input_type"):
        embed(client, "x", extra_body={"input_type": "passage"})


@pytest.mark.parametrize(
    ("given", "names"),
    [
        ([], "input"),
        ("", r"input"),
        (["x", ""], r"input\[1\]"),
        ([[101, 102], []], r"input\[1\]"),
        ([[101, 99999999]], r"input\[0\]"),
        (["x"] * 2049, "2049"),
    ],
    ids=["no inputs", "empty", "empty item", "no tokens", "token out of range", "too many"],
)
def test_bad_inputs(client, given, names):
    with pytest.raises(openai.BadRequestError, match=names):
        embed(client, given)


def test_models(client):
    models = client.models.list().data
    assert [model.id for model in models] == [MODEL]
    assert models[0].object == "model"
    one = client.models.retrieve(MODEL)
    assert one.dimensions == 384 and one.max_tokens == 256 and len(one.identity) >= 16
    with pytest.raises(openai.NotFoundError):
        client.models.retrieve("nope")


def test_many_at_once(client):
    texts = [f"text number {i} " + "word " * (i % 50) for i in range(300)]
    together, _ = embed(client, texts)
    apart = np.concatenate([embed(client, [text])[0] for text in texts[::60]])
    assert np.abs(together[::60] - apart).max() < 1e-5


def test_what_was_read_is_told(client):
    long = "word " * 400
    _, answer = embed(client, ["a text", long], extra_body={"truncate": True})
    # The client keeps members that it does not know.
    assert [item.tokens for item in answer.data] == [4, 256]
    assert answer.data[1].truncated is True and not hasattr(answer.data[0], "truncated")
    model = next(model for model in client.models.list() if model.id == MODEL)
    assert answer.identity == model.identity and answer.prefix == ""
