"""Vectors as base64 of little-endian floats, wherever a vector may stand, against NumPy's bytes."""

import base64
import json

import numpy as np
import pytest

WIDTH = 24


def packed(vector):
    return {"base64": base64.b64encode(np.asarray(vector, dtype="<f4").tobytes()).decode()}


@pytest.fixture(scope="module")
def vectors():
    return np.random.default_rng(3).normal(size=(60, WIDTH)).astype("<f4")


def stored(http, collection, ids):
    body = {"ids": ids, "with_vector": True}
    return [p["vector"] for p in http.post(f"{collection}/points", json=body).json()["result"]]


def put(http, collection, body):
    answer = http.put(f"{collection}/points?wait=true", json=body)
    assert answer.status_code == 200, answer.text


def test_written_in_each_shape(http, collection, vectors):
    put(http, collection, {"points": [{"id": 1, "vector": packed(vectors[1])}]})
    put(http, collection, {"batch": {"ids": [2, 3], "vectors": [packed(vectors[2]), vectors[3].tolist()]}})
    line = json.dumps({"id": 4, "vector": packed(vectors[4])})
    assert http.post(f"{collection}/points/bulk", content=line).json()["imported"] == 1
    update = {"points": [{"id": 1, "vector": packed(vectors[5])}]}
    assert http.put(f"{collection}/points/vectors?wait=true", json=update).status_code == 200
    np.testing.assert_array_equal(np.array(stored(http, collection, [1, 2, 3, 4]), dtype="<f4"),
                                  vectors[[5, 2, 3, 4]])


def test_asked_in_each_shape(http, collection, vectors):
    batch = {"ids": list(range(len(vectors))), "vectors": vectors.tolist()}
    put(http, collection, {"batch": batch})
    query = packed(vectors[0])
    expected = np.argsort(-(vectors @ vectors[0]), kind="stable")[:5].tolist()

    def ids(path, body):
        answer = http.post(f"{collection}/points/{path}", json=body)
        assert answer.status_code == 200, answer.text
        found = answer.json()["result"]
        return [p["id"] for p in (found["points"] if isinstance(found, dict) else found)]

    exact = {"limit": 5, "params": {"exact": True}}
    assert ids("query", {"query": query, **exact}) == expected
    assert ids("query", {"query": {"nearest": query}, **exact}) == expected
    assert ids("search", {"vector": query, **exact}) == expected
    assert ids("search", {"vector": {"name": "", "vector": query}, **exact}) == expected


def test_what_embeddings_answer_can_be_stored(http, name):
    body = {"input": ["a cat"], "encoding_format": "base64"}
    answer = http.post("/v1/embeddings", json={"model": http.get("/v1/models").json()["data"][0]["id"], **body})
    embedding = answer.json()["data"][0]["embedding"]
    width = len(base64.b64decode(embedding)) // 4
    config = {"vectors": {"size": width, "distance": "Cosine"}}
    assert http.put(f"/collections/{name}", json=config).status_code == 200
    put(http, f"/collections/{name}", {"points": [{"id": 1, "vector": {"base64": embedding}}]})
    query = {"query": {"text": "a cat"}, "limit": 1}
    found = http.post(f"/collections/{name}/points/query", json=query).json()["result"]["points"]
    assert found[0]["score"] == pytest.approx(1, abs=0.05)  # with another prefix, where the model has some


@pytest.mark.parametrize("text, said", [
    ("AACAPw==" * 2, "is not base64"),
    ("äöü", "is not base64"),
    ("AACAPwA=", "5 bytes"),
    (packed([1, float("nan")])["base64"], "component 1 is nan"),
    (packed([float("-inf")])["base64"], "component 0 is -inf"),
    (packed([1, 2])["base64"], "expected dim: 24, got 2"),
    (7, "base64: expected "),
])
def test_what_is_wrong_is_named(http, collection, text, said):
    vector = {"base64": text}
    answer = http.put(f"{collection}/points", json={"points": [{"id": 1, "vector": vector}]})
    assert answer.status_code == 400 and said in answer.json()["status"]["error"], answer.text
    answer = http.post(f"{collection}/points/query", json={"query": vector})
    assert answer.status_code == 400 and said in answer.json()["status"]["error"], answer.text


def test_null_is_no_vector(http, collection):
    body = {"query": {"base64": None}}
    answer = http.post(f"{collection}/points/query", json=body)
    assert answer.status_code == 400 and "query.base64: missing" in answer.json()["status"]["error"]
    body = {"batch": {"ids": [1], "vectors": [{"base64": None}]}}
    answer = http.put(f"{collection}/points", json=body)
    assert answer.status_code == 400 and "vectors[0].base64: missing" in answer.json()["status"]["error"]
