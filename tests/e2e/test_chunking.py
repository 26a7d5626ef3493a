"""Long documents as chunks, and what is said about how texts were read. Token counts are compared
with Hugging Face's tokenizer, ids with Python's uuid."""

import json
import pathlib
import os
import uuid

import pytest

from server import MODEL, Server, missing

tokenizers = pytest.importorskip("tokenizers")

SENTENCES = [
    "The lighthouse keeper climbed the stairs at dusk, as he had done every evening for thirty years.",
    "Inflation rose by 3.2 percent in March; economists had expected less.",
    "Knead the dough for ten minutes, cover it, and let it rise until it has doubled in size!",
    "Die Größe des Moleküls überraschte die Forscher. 猫在窗台上睡觉。",
    "Did the committee publish its findings? It did not, although reporters asked repeatedly.",
    "antidisestablishmentarianism https://example.org/a/very/long/path?with=queries&and=more",
]
CHUNKS = uuid.uuid5(uuid.NAMESPACE_DNS, "chunk.vecnest")


def document(sentences):
    """A text whose parts differ, paragraphs included."""
    parts = (f"{i}. {SENTENCES[i % len(SENTENCES)]}" + "\n\n " [i % 3] for i in range(sentences))
    return "".join(parts)


@pytest.fixture(scope="module")
def tokenizer():
    folder = pathlib.Path(os.environ.get("VECNEST_MODELS", pathlib.Path.home() / ".cache/vecnest/models"))
    made = tokenizers.Tokenizer.from_file(str(folder / MODEL / "tokenizer.json"))
    made.no_truncation()
    made.no_padding()
    return made


@pytest.fixture
def collection(http, name):
    body = {"vectors": {"size": 384, "distance": "Cosine"}}
    assert http.put(f"/collections/{name}", json=body).status_code == 200
    return f"/collections/{name}"


def upsert(http, collection, *points):
    answer = http.put(collection + "/points?wait=true", json={"points": points})
    return answer.status_code, answer.json()


def scroll(http, collection, **body):
    body = {"limit": 10_000, "with_payload": True, **body}
    return http.post(collection + "/points/scroll", json=body).json()["result"]["points"]


def chunks_of(http, collection, parent):
    match = {"must": [{"key": "chunk.parent", "match": {"value": parent}}]}
    points = scroll(http, collection, filter=match)
    return sorted(points, key=lambda point: point["payload"]["chunk"]["index"])


def check_chunks(points, text, parent, tokenizer, max_tokens, overlap):
    data = text.encode()
    end = 0
    for i, point in enumerate(points):
        about = point["payload"]["chunk"]
        assert about["parent"] == parent and about["index"] == i and about["count"] == len(points)
        piece = data[about["start"] : about["end"]].decode()
        assert point["payload"]["text"] == piece
        assert point["id"] == str(uuid.uuid5(CHUNKS, f"{parent}/{i}"))
        assert len(tokenizer.encode(piece).ids) <= max_tokens
        if i:
            repeated = data[about["start"] : end].decode()
            assert about["start"] <= end < about["end"]
            assert len(tokenizer.encode(repeated).ids) - 2 <= overlap
        end = about["end"]
    assert points[0]["payload"]["chunk"]["start"] == 0 and end == len(data)


@pytest.mark.parametrize("max_tokens, overlap", [(256, 0), (64, 16), (10, 7), (100, 50)])
def test_chunks_of_a_document(http, collection, tokenizer, max_tokens, overlap):
    text = document(60)
    chunk = {"max_tokens": max_tokens, "overlap": overlap}
    point = {"id": 7, "vector": {"text": text, "chunk": chunk}, "payload": {"text": text, "title": "T"}}
    status, answer = upsert(http, collection, point)
    assert status == 200, answer
    points = chunks_of(http, collection, 7)
    check_chunks(points, text, 7, tokenizer, max_tokens, overlap)
    assert answer["result"]["points"] == answer["result"]["chunks"] == len(points)
    assert "truncated" not in answer["result"]
    assert all(point["payload"]["title"] == "T" for point in points)
    # Full apart from what ends at a sentence.
    total = len(tokenizer.encode(text).ids)
    assert len(points) <= total / (0.6 * (max_tokens - 2 - overlap)) + 1
    # The usage is what the reference counts.
    used = answer["usage"]["inference"]["models"][MODEL]
    assert used["tokens"] == sum(len(tokenizer.encode(p["payload"]["text"]).ids) for p in points)
    assert used["texts"] == len(points) and used["truncated"] == 0


def test_sentences_are_kept_together(http, collection):
    text = " ".join(SENTENCES[:3] * 20)
    upsert(http, collection, {"id": 1, "vector": {"text": text, "chunk": {"max_tokens": 64}}, "payload": {"text": text}})
    ends = [point["payload"]["text"].rstrip()[-1] for point in chunks_of(http, collection, 1)]
    assert sum(end in ".!?" for end in ends) > 0.7 * len(ends)


def test_the_end_of_a_document_is_found(http, collection):
    text = document(60) + " The treasure is buried under the old oak behind the mill."
    chunk = {"max_tokens": 64, "overlap": 16}
    upsert(http, collection, {"id": 1, "vector": {"text": text, "chunk": chunk}, "payload": {"text": text}})
    query = {"query": {"text": "where is the treasure hidden?"}, "limit": 1, "with_payload": True}
    best = http.post(collection + "/points/query", json=query).json()["result"]["points"][0]
    assert "treasure" in best["payload"]["text"] and best["payload"]["chunk"]["parent"] == 1


def test_a_shorter_version_leaves_nothing_behind(http, collection):
    parent = str(uuid.uuid4())

    def write(sentences, **more):
        vector = {"text": document(sentences), "chunk": {"max_tokens": 40}, **more}
        status, answer = upsert(http, collection, {"id": parent, "vector": vector})
        assert status == 200
        return answer["result"]

    first = write(60)
    again = write(60)
    assert again["points"] == first["points"] and "removed_chunks" not in again
    less = write(20)
    assert less["removed_chunks"] == first["points"] - less["points"] > 0
    assert len(scroll(http, collection)) == less["points"]
    single = write(1)
    assert single["points"] == 1 and [point["id"] for point in scroll(http, collection)] == [parent]
    write(20)
    assert write(20, chunk=None)["removed_chunks"] == less["points"]
    points = scroll(http, collection)
    assert [(point["id"], point["payload"]) for point in points] == [(parent, {})]


def test_a_document_is_deleted_by_its_parent(http, collection):
    for parent in (1, 2):
        upsert(http, collection, {"id": parent, "vector": {"text": document(30), "chunk": {"max_tokens": 40}}})
    match = {"filter": {"must": [{"key": "chunk.parent", "match": {"value": 1}}]}}
    deleted = http.post(collection + "/points/delete?wait=true", json=match).json()["result"]["points"]
    assert deleted > 5 and {p["payload"]["chunk"]["parent"] for p in scroll(http, collection)} == {2}


def test_all_or_nothing(http, collection):
    good = {"id": 1, "vector": {"text": document(30), "chunk": {"max_tokens": 40}}}
    bad = {"id": 2, "vector": {"text": document(30), "chunk": {"max_tokens": 257}}}
    status, answer = upsert(http, collection, good, bad)
    assert status == 400
    error = answer["status"]["error"]
    assert "point 2" in error and "10 to 256" in error and "257" in error
    assert scroll(http, collection) == []


def test_batch_operations_and_columns(http, collection):
    text = document(20)
    vectors = [{"text": text, "chunk": {"max_tokens": 40}}, {"text": "short", "chunk": {"max_tokens": 40}}]
    operations = [{"upsert": {"batch": {"ids": [1, 2], "vectors": vectors, "payloads": [None, None]}}}]
    answer = http.post(collection + "/points/batch?wait=true", json={"operations": operations}).json()
    count = len(chunks_of(http, collection, 1))
    assert count > 1 and answer["result"][0]["points"] == count + 1
    assert chunks_of(http, collection, 2)[0]["id"] == 2


@pytest.mark.parametrize(
    "method, path, body, reason",
    [
        ("POST", "/points/query", {"query": {"text": "a", "chunk": {"max_tokens": 40}}}, "the query: 'chunk'"),
        (
            "PUT",
            "/points/vectors",
            {"points": [{"id": 1, "vector": {"text": "a", "chunk": {"max_tokens": 40}}}]},
            "point 1, vector '': 'chunk'",
        ),
        (
            "PUT",
            "/points",
            {"points": [{"id": 1, "vector": {"text": "a", "chunk": {"max_tokens": 40}}, "payload": {"chunk": 1}}]},
            "a member 'chunk'",
        ),
        (
            "PUT",
            "/points",
            {"points": [{"id": 1, "vector": {"": {"text": "a", "chunk": {"max_tokens": 40}}, "b": [1]}}]},
            "points with one vector, this one has 2",
        ),
        ("PUT", "/points", {"points": [{"id": 1, "vector": {"text": [1], "chunk": {"max_tokens": 40}}}]}, "a string"),
        ("POST", "/points/query", {"query": {"text": "a " * 300, "truncate": False}}, "the query: the text has 302 tokens"),
        (
            "PUT",
            "/points",
            {"points": [{"id": 5, "vector": {"text": "a " * 300, "options": {"truncate": False}}}]},
            "point 5, vector '': the text has 302 tokens, all-MiniLM-L6-v2 reads at most 256",
        ),
    ],
)
def test_refusals_are_explained(http, collection, method, path, body, reason):
    answer = http.request(method, collection + path, json=body)
    assert answer.status_code == 400 and reason in answer.json()["status"]["error"], answer.text


def test_token_ids_are_not_chunked(http):
    body = {"model": MODEL, "input": [[101, 102]], "chunk": {"max_tokens": 40}}
    answer = http.post("/v1/embeddings", json=body)
    assert answer.status_code == 400 and "chunk" in answer.json()["error"]["message"]


def test_what_was_read_is_told(http, collection):
    identity = http.get("/v1/models").json()["data"][0]["identity"]
    points = [{"id": 1, "vector": {"text": "short"}}, {"id": 2, "vector": {"text": "long " * 400, "options": {"prefix": "x: "}}}]
    answer = upsert(http, collection, *points)[1]
    assert answer["result"]["truncated"] == [2]
    used = {"tokens": 3 + 256, "texts": 2, "truncated": 1, "max_tokens": 256, "identity": identity, "prefixes": ["", "x: "]}
    assert answer["usage"]["inference"]["models"] == {MODEL: used}
    query = {"query": {"text": "long " * 400, "options": {"prefix": "q: "}}}
    answer = http.post(collection + "/points/query", json=query).json()
    text = {"tokens": 256, "truncated": True, "max_tokens": 256, "model": MODEL, "identity": identity, "prefix": "q: "}
    assert answer["result"]["text"] == text
    assert answer["usage"]["inference"]["models"][MODEL]["truncated"] == 1


def test_bulk_lines_and_defaults(http, collection, tokenizer):
    text = document(40)
    lines = [
        {"id": 1, "text": text, "payload": {"text": text}},
        {"id": 2, "text": text, "payload": {"text": text}, "chunk": {"max_tokens": 30, "overlap": 5}},
        {"id": 3, "text": text, "payload": {"chunk": 1}},
        {"id": 4, "text": "short"},
    ]
    content = "\n".join(map(json.dumps, lines)).encode()
    answer = http.post(collection + "/points/bulk?chunk_max_tokens=64&chunk_overlap=16", content=content)
    failed, summary = map(json.loads, answer.text.splitlines())
    assert answer.status_code == 207 and failed["line"] == 3 and "'chunk'" in failed["error"]
    first, second = chunks_of(http, collection, 1), chunks_of(http, collection, 2)
    check_chunks(first, text, 1, tokenizer, 64, 16)
    check_chunks(second, text, 2, tokenizer, 30, 5)
    assert summary["imported"] == 3 and summary["points"] == len(first) + len(second) + 1
    assert summary["truncated"] == 0
    assert summary["tokens"] == summary["usage"]["inference"]["models"][MODEL]["tokens"]


def test_bulk_tells_what_was_cut(http, collection):
    lines = [{"id": i, "text": "long " * (400 if i % 2 else 4)} for i in range(10)]
    content = "\n".join(map(json.dumps, lines)).encode()
    summary = json.loads(http.post(collection + "/points/bulk", content=content).text)
    assert summary["truncated"] == 5 and summary["truncated_ids"] == [1, 3, 5, 7, 9]
    answer = http.post(collection + "/points/bulk?truncate=false", content=content)
    assert [json.loads(line).get("line") for line in answer.text.splitlines()] == [2, 4, 6, 8, 10, None]
    answer = http.post(collection + "/points/bulk?chunk_max_tokens=5&chunk_overlap=5", content=content)
    assert answer.status_code == 400 and "chunk.overlap" in answer.json()["status"]["error"]


def test_the_unmodified_qdrant_client(qdrant, name, tokenizer):
    models = pytest.importorskip("qdrant_client").models
    qdrant.create_collection(name, models.VectorParams(size=384, distance=models.Distance.COSINE))
    text = document(40)
    options = {"chunk": {"max_tokens": 64, "overlap": 8}, "truncate": False}
    vector = models.Document(text=text, model=MODEL, options=options)
    done = qdrant.upsert(name, [models.PointStruct(id=1, vector=vector, payload={"text": text})], wait=True)
    assert done.status == models.UpdateStatus.COMPLETED
    of_parent = models.Filter(must=[models.FieldCondition(key="chunk.parent", match=models.MatchValue(value=1))])
    points, _ = qdrant.scroll(name, scroll_filter=of_parent, limit=1000)
    points = [point.model_dump() for point in points]
    points.sort(key=lambda point: point["payload"]["chunk"]["index"])
    check_chunks(points, text, 1, tokenizer, 64, 8)
    found = qdrant.query_points(name, query=models.Document(text="inflation", model=MODEL), limit=3)
    assert len(found.points) == 3
    # The envelope parses with what stands in it beside Qdrant's own members.
    answer = qdrant.http.search_api.query_points(name, query_request=models.QueryRequest(query=models.Document(text="inflation", model=MODEL)))
    assert answer.usage.inference.models[MODEL].tokens == 3
    qdrant.delete(name, of_parent, wait=True)
    assert qdrant.count(name).count == 0


@pytest.mark.skipif(missing() is not None, reason=str(missing()))
def test_the_log_names_models_and_cuts(tmp_path):
    import httpx

    with Server(tmp_path) as server, httpx.Client(base_url=server.url) as http:
        about = http.get("/v1/models").json()["data"][0]
        http.put("/collections/c", json={"vectors": {"size": 384, "distance": "Cosine"}})
        points = [{"id": i, "vector": {"text": "long " * (400 if i else 1)}} for i in range(3)]
        http.put("/collections/c/points", json={"points": points})
        http.put("/collections/c/points", json={"points": points[:1]})
    models = [line for line in server.log if f"model {MODEL}" in line]
    assert len(models) == 1 and about["identity"] in models[0] and "reads 256 tokens" in models[0] and "f32" in models[0]
    cuts = [line for line in server.log if "were cut" in line]
    assert len(cuts) == 1 and "collection 'c': 2 of 3 texts were cut to the 256 tokens" in cuts[0]
