"""Bulk imports: NDJSON of any length, one status line for each line that failed."""

import json

import pytest

WIDTH = 4


def send(http, collection, content):
    answer = http.post(collection + "/points/bulk", content=content)
    lines = [json.loads(line) for line in answer.text.splitlines()]
    assert answer.headers["content-type"].startswith("application/x-ndjson")
    return answer.status_code, lines[:-1], lines[-1]


def count(http, collection):
    return http.post(collection + "/points/count", json={}).json()["result"]["count"]


def line(i, **changes):
    return json.dumps({"id": i, "vector": [i, 1, 2, 3], "payload": {"i": i}, **changes})


def test_good_lines(http, collection):
    content = "\n".join(line(i) for i in range(3000)).encode()
    status, failed, summary = send(http, collection, content)
    assert (status, failed) == (200, [])
    assert summary == {"imported": 3000, "failed": 0, "status": "ok"}
    assert count(http, collection) == 3000


def test_good_and_bad_lines(http, collection):
    lines = [line(i) for i in range(1000)]
    lines[10] = "{"
    lines[20] = ""  # blank lines are skipped
    lines[30] = json.dumps({"id": 30})
    lines[40] = line(40, vector=[1, 2])
    lines[50] = line(50, colour="red")
    lines[60] = line("sixty")
    lines[70] = "[1, 2]"
    lines[999] = '{"id": 999, "vector": [1, 2, 3'
    status, failed, summary = send(http, collection, "\n".join(lines).encode())
    assert status == 207
    assert sorted(entry["line"] for entry in failed) == [11, 31, 41, 51, 61, 71, 1000]
    errors = {entry["line"]: entry["error"] for entry in failed}
    assert "vector" in errors[31] and "text" in errors[31]
    assert str(WIDTH) in errors[41]
    assert "colour" in errors[51] and "sixty" in errors[61]
    assert summary["imported"] == 992 and summary["failed"] == 7
    assert count(http, collection) == 992


def test_parts_cut_anywhere(http, collection):
    content = "\r\n".join(line(i, payload={"t": "käse" * i}) for i in range(50)).encode()

    def parts():
        for start in range(0, len(content), 7):
            yield content[start : start + 7]

    status, failed, summary = send(http, collection, parts())
    assert (status, failed, summary["imported"]) == (200, [], 50)
    points = http.post(collection + "/points", json={"ids": [49]}).json()["result"]
    assert points[0]["payload"] == {"t": "käse" * 49}


def test_more_than_a_request_may_have(http, collection):
    """The limit of a body (8 MiB in these tests) does not count here."""
    filler = "x" * 20_000
    total = 1000

    def parts():
        for i in range(total):
            yield (line(i, payload={"filler": filler}) + "\n").encode()

    status, failed, summary = send(http, collection, parts())
    assert (status, failed, summary["imported"]) == (200, [], total)
    assert count(http, collection) == total


def test_nothing(http, collection):
    status, failed, summary = send(http, collection, b"")
    assert (status, failed, summary["imported"]) == (200, [], 0)


def test_texts(http, name):
    body = {"vectors": {"size": 384, "distance": "Cosine"}}
    assert http.put(f"/collections/{name}", json=body).status_code == 200
    texts = ["a cat on a mat", "interest rates rise", "how to bake bread"]
    content = "\n".join(json.dumps({"id": i, "text": text}) for i, text in enumerate(texts))
    status, failed, summary = send(http, f"/collections/{name}", content.encode())
    assert (status, failed, summary["imported"]) == (200, [], 3)
    query = {"query": {"text": "kitten", "model": "all-MiniLM-L6-v2"}, "limit": 1}
    answer = http.post(f"/collections/{name}/points/query", json=query).json()
    assert answer["result"]["points"][0]["id"] == 0
