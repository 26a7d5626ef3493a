"""What the server does to a collection that it is left alone with."""

import os
import pathlib
import shutil
import subprocess
import time

import httpx
import numpy
import pytest
from server import Server, missing
from test_metrics import metric

WIDTH = 32
SEALED = 8192  # DatabaseOptions::seal_threshold

if reason := missing():
    pytest.skip(reason, allow_module_level=True)


def upsert(http, vectors, first):
    """In batches that are sealed as a whole, so that no rows remain."""
    for start in range(0, len(vectors), SEALED):
        part = vectors[start:start + SEALED]
        ids = list(range(first + start, first + start + len(part)))
        answer = http.put("/collections/c/points?wait=false",
                          json={"batch": {"ids": ids, "vectors": part.tolist()}})
        assert answer.status_code == 200, answer.text


def segments(http):
    return metric(http, "vecnest_segments", collection="c")


def described(http):
    return http.get("/collections/c").json()["result"]


def wait_until(http, reached):
    deadline = time.monotonic() + 120
    while not reached():
        assert time.monotonic() < deadline, (segments(http), described(http))
        time.sleep(0.05)


def await_segments(http, count, points):
    wait_until(http, lambda: segments(http) == count and described(http)["indexed_vectors_count"] == points)


def test_writes_and_background_work_give_way_to_queries(tmp_path):
    with serve(tmp_path, 0.2) as server:
        own = os.getpriority(os.PRIO_PROCESS, 0)
        expected = {own, min(own + 10, 19), 19}

        def niceness():
            tasks = os.listdir(f"/proc/{server.process.pid}/task")
            return {os.getpriority(os.PRIO_PROCESS, int(task)) for task in tasks}

        deadline = time.monotonic() + 60  # each thread gives way by itself, once it runs
        while niceness() != expected:
            assert time.monotonic() < deadline, niceness()
            time.sleep(0.05)


def nearest(http, vector):
    answer = http.post("/collections/c/points/query", json={"query": vector.tolist(), "limit": 10})
    assert answer.status_code == 200, answer.text
    return [point["id"] for point in answer.json()["result"]["points"]]


def random_vectors(count):
    return numpy.random.default_rng(1).normal(size=(count, WIDTH)).astype("f4").round(4)


def fill_two_segments(http, vectors, **config):
    http.put("/collections/c", json={"vectors": {"size": WIDTH, "distance": "Euclid"}, **config})
    for count in (1, 2):
        upsert(http, vectors[(count - 1) * SEALED:count * SEALED], (count - 1) * SEALED)
        await_segments(http, count, count * SEALED)


def serve(data, rest):
    return Server(data, "--rest-seconds", str(rest))


def client(server):
    return httpx.Client(base_url=server.url, timeout=60)


def test_a_collection_at_rest_becomes_one_graph(tmp_path):
    vectors = random_vectors(2 * SEALED + 3000)
    points = 2 * SEALED
    with serve(tmp_path, 0) as server, client(server) as http:
        fill_two_segments(http, vectors)
        time.sleep(1)
        assert segments(http) == 2
        assert described(http)["status"] == "green"
    # As after an update of the program: by itself, whatever was written before.
    with serve(tmp_path, 0.2) as server, client(server) as http:
        wait_until(http, lambda: described(http)["status"] == "green")
        assert segments(http) == 1
        # So few are scanned as fast.
        upsert(http, vectors[points:points + 1000], points)
        time.sleep(1)
        assert described(http)["indexed_vectors_count"] == points
        assert described(http)["status"] == "green"
        upsert(http, vectors[points + 1000:], points + 1000)
        await_segments(http, 2, points + 3000)  # and a large segment is not rebuilt for few
        hits = 0
        for query in vectors[::1000]:
            distances = ((vectors - query) ** 2).sum(axis=1)
            best = set(numpy.argsort(distances)[:10].tolist())
            hits += len(best & set(nearest(http, query)))
        assert hits >= 0.95 * 10 * len(vectors[::1000])


@pytest.fixture(scope="module")
def two_segments(tmp_path_factory):
    """A data directory with two segments whose graphs take long to build, and how long."""
    data = tmp_path_factory.mktemp("two")
    start = time.monotonic()
    with serve(data, 0) as server, client(server) as http:
        fill_two_segments(http, random_vectors(2 * SEALED), hnsw_config={"m": 100, "ef_construct": 1500})
    return data, time.monotonic() - start


@pytest.fixture
def slow_to_merge(two_segments, tmp_path):
    return pathlib.Path(shutil.copytree(two_segments[0], tmp_path / "data"))


def await_merge(data):
    """The file that a merge at rest writes. Only such a merge is left to be done."""
    deadline = time.monotonic() + 60
    while not (files := list(data.glob("segments/**/*.tmp"))):
        assert time.monotonic() < deadline
        time.sleep(0.02)
    return files[0]


def test_an_end_does_not_wait_for_a_merge(slow_to_merge):
    with serve(slow_to_merge, 0.1):
        await_merge(slow_to_merge)
        start = time.monotonic()
    assert time.monotonic() - start < 5


def test_many_writes_end_a_merge(slow_to_merge):
    with serve(slow_to_merge, 0.1) as server, client(server) as http:
        file = await_merge(slow_to_merge)
        assert described(http)["status"] == "yellow"
        before = file.with_suffix("")
        # Few do not.
        upsert(http, random_vectors(1000), 100_000)
        time.sleep(0.5)
        assert file.exists() and not before.exists()
        upsert(http, random_vectors(2 * SEALED)[1000:], 101_000)
        deadline = time.monotonic() + 5
        while file.exists():
            assert time.monotonic() < deadline
            time.sleep(0.02)
        assert not before.exists(), "it was finished"


def test_a_deleted_collection_is_not_merged(two_segments, slow_to_merge):
    with serve(slow_to_merge, 0.1) as server, client(server) as http:
        file = await_merge(slow_to_merge)
        assert http.delete("/collections/c").status_code == 200
        # Its thread is free for others at once: theirs is done before that merge could be.
        start = time.monotonic()
        http.put("/collections/c", json={"vectors": {"size": WIDTH, "distance": "Euclid"}})
        upsert(http, random_vectors(2 * SEALED), 0)
        await_segments(http, 1, 2 * SEALED)
        assert time.monotonic() - start < two_segments[1]
        assert not file.exists()


def test_a_rest_without_end_or_meaning_is_refused(tmp_path):
    for wrong in ("-1", "3601", "soon"):
        ended = subprocess.run([os.environ["VECNEST_BINARY"], "serve", "--data", str(tmp_path), "--rest-seconds", wrong],
                               capture_output=True, text=True, timeout=60)
        assert ended.returncode != 0
        assert "--rest-seconds" in ended.stderr
