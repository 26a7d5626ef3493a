"""What the server does to a collection that it is left alone with."""

import os
import subprocess
import time

import httpx
import numpy
import pytest
from server import Server, missing
from test_metrics import metric

WIDTH = 32
BATCH = 2000

if reason := missing():
    pytest.skip(reason, allow_module_level=True)


def upsert(http, vectors, first):
    for start in range(0, len(vectors), BATCH):
        part = vectors[start:start + BATCH]
        ids = list(range(first + start, first + start + len(part)))
        answer = http.put("/collections/c/points?wait=false",
                          json={"batch": {"ids": ids, "vectors": part.tolist()}})
        assert answer.status_code == 200, answer.text


def segments(http):
    return metric(http, "vecnest_segments", collection="c")


def await_segments(http, count, points):
    def reached():
        described = http.get("/collections/c").json()["result"]
        return segments(http) == count and described["indexed_vectors_count"] == points

    deadline = time.monotonic() + 120
    while not reached():
        assert time.monotonic() < deadline, (segments(http), http.get("/collections/c").text)
        time.sleep(0.1)


def nearest(http, vector):
    answer = http.post("/collections/c/points/query", json={"query": vector.tolist(), "limit": 10})
    assert answer.status_code == 200, answer.text
    return [point["id"] for point in answer.json()["result"]["points"]]


def test_a_collection_at_rest_becomes_one_graph(tmp_path):
    vectors = numpy.random.default_rng(1).normal(size=(21_000, WIDTH)).astype("f4").round(4)
    with Server(tmp_path, "--rest-seconds", "0") as server, httpx.Client(base_url=server.url, timeout=60) as http:
        http.put("/collections/c", json={"vectors": {"size": WIDTH, "distance": "Euclid"}})
        upsert(http, vectors[:10_000], 0)
        await_segments(http, 1, 10_000)
        upsert(http, vectors[10_000:20_000], 10_000)
        await_segments(http, 2, 20_000)
        time.sleep(1)
        assert segments(http) == 2
    # As after an update of the program: by itself, whatever was written before.
    with Server(tmp_path, "--rest-seconds", "0.2") as server, httpx.Client(base_url=server.url, timeout=60) as http:
        await_segments(http, 1, 20_000)
        # What grows beside a graph gets one, too; then nothing is left to do.
        upsert(http, vectors[20_000:], 20_000)
        assert segments(http) == 1
        time.sleep(1)
        assert http.get("/collections/c").json()["result"]["indexed_vectors_count"] == 20_000  # 1,000 are too few
        upsert(http, vectors[:200] + 100, 30_000)
        await_segments(http, 2, 21_200)
        everything = numpy.concatenate([vectors, vectors[:200] + 100])
        hits = 0
        for query in vectors[:20_000:1000]:
            distances = ((everything - query) ** 2).sum(axis=1)
            best = set(numpy.argsort(distances)[:10].tolist())
            hits += len(best & {id - 9_000 if id >= 30_000 else id for id in nearest(http, query)})
        assert hits >= 0.95 * 200


def test_an_end_does_not_wait_for_a_large_merge(tmp_path):
    vectors = numpy.random.default_rng(2).normal(size=(60_000, WIDTH)).astype("f4").round(4)
    with Server(tmp_path, "--rest-seconds", "0") as server, httpx.Client(base_url=server.url, timeout=60) as http:
        http.put("/collections/c", json={"vectors": {"size": WIDTH, "distance": "Euclid"},
                                         "hnsw_config": {"m": 64, "ef_construct": 800}})
        for first in (0, 30_000):
            upsert(http, vectors[first:first + 30_000], first)
    with Server(tmp_path, "--rest-seconds", "0.1"):
        time.sleep(1)
        start = time.monotonic()
    assert time.monotonic() - start < 10


def test_a_rest_without_end_or_meaning_is_refused(tmp_path):
    for wrong in ("-1", "3601", "soon"):
        ended = subprocess.run([os.environ["VECNEST_BINARY"], "serve", "--data", str(tmp_path), "--rest-seconds", wrong],
                               capture_output=True, text=True, timeout=60)
        assert ended.returncode != 0
        assert "--rest-seconds" in ended.stderr
