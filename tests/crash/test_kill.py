"""Kills the server with SIGKILL while clients write, again and again: what was acknowledged is
there afterwards, what was deleted stays deleted, and nothing is built twice.

Environment: VECNEST_BINARY and VECNEST_MODELS as for the tests beside these; VECNEST_KILLS (6)."""

import json
import os
import pathlib
import random
import subprocess
import sys
import threading
import time

import pytest

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parent.parent / "e2e"))

from server import Server, missing  # noqa: E402

httpx = pytest.importorskip("httpx")
np = pytest.importorskip("numpy")

KILLS = int(os.environ.get("VECNEST_KILLS", "6"))
WIDTH = 8
WRITERS = 3
IDS_PER_WRITER = 4000
POINTS = "/collections/crash/points"


@pytest.fixture
def data(tmp_path):
    if reason := missing():
        pytest.skip(reason)
    return tmp_path / "data"


class Writer(threading.Thread):
    """Writes to ids of its own until the server is gone. `acknowledged` is what must be there;
    `open` holds the states that the one unanswered write may have left behind."""

    def __init__(self, url, number, acknowledged):
        super().__init__()
        self.url = url
        self.first = number * IDS_PER_WRITER
        self.acknowledged = acknowledged
        self.open = {}
        self.writes = 0
        self.error = None

    def run(self):
        rng = random.Random()
        try:
            with httpx.Client(base_url=self.url, timeout=30) as client:
                while True:
                    self.write(client, rng)
        except httpx.TransportError:
            pass
        except Exception as error:  # shown by the main thread
            self.error = error

    def write(self, client, rng):
        count = rng.choice([1, 1, 5, 100])
        ids = rng.sample(range(self.first, self.first + IDS_PER_WRITER), count)
        known = [i for i in ids if self.acknowledged.get(i) is not None]
        kind = rng.choice(["upsert", "upsert", "upsert", "vectors", "payload", "delete"])
        url, method = POINTS, "PUT"
        if kind == "upsert" or not known:
            after = {i: (value(rng), rng.randrange(10**9)) for i in ids}
            points = [
                {"id": i, "vector": vector, "payload": {"stamp": stamp}}
                for i, (vector, stamp) in after.items()
            ]
            body = {"points": points}
        elif kind == "vectors":
            after = {i: (value(rng), self.acknowledged[i][1]) for i in known}
            url += "/vectors"
            body = {"points": [{"id": i, "vector": state[0]} for i, state in after.items()]}
        elif kind == "payload":
            stamp = rng.randrange(10**9)
            after = {i: (self.acknowledged[i][0], stamp) for i in known}
            url, method = url + "/payload", "POST"
            body = {"points": known, "payload": {"stamp": stamp}}
        else:
            after = {i: None for i in ids}
            url, method = url + "/delete", "POST"
            body = {"points": ids}
        self.open = after
        answer = client.request(method, url + "?wait=true", json=body)
        assert answer.status_code == 200, answer.text
        self.acknowledged.update(after)
        self.open = {}
        self.writes += 1


def value(rng):
    # Eighths are floats and survive the way through JSON unchanged.
    return [rng.randrange(-800, 800) / 8 for _ in range(WIDTH)]


def stored(client):
    found, offset = {}, None
    while True:
        body = {"limit": 5000, "with_vector": True, "offset": offset}
        page = client.post(POINTS + "/scroll", json=body).json()["result"]
        for point in page["points"]:
            found[point["id"]] = (point["vector"], point["payload"]["stamp"])
        offset = page["next_page_offset"]
        if offset is None:
            return found


def check(client, acknowledged, open_writes):
    found = stored(client)
    assert client.post(POINTS + "/count", json={}).json()["result"]["count"] == len(found)
    for writer_open in open_writes:
        # One batch is applied whole or not at all.
        was = [found.get(i) == acknowledged.get(i) for i in writer_open]
        now = [found.get(i) == state for i, state in writer_open.items()]
        assert all(was) or all(now), "half of a batch was applied"
        for i in writer_open:
            acknowledged[i] = found.get(i)
    expected = {i: state for i, state in acknowledged.items() if state is not None}
    assert found == expected
    # The index agrees with the store: some points find themselves, nothing deleted is found.
    for i in random.sample(sorted(expected), min(30, len(expected))):
        query = {"query": expected[i][0], "limit": 3}
        hits = client.post(POINTS + "/query", json=query).json()["result"]["points"]
        assert hits[0]["score"] == 0 and i in [hit["id"] for hit in hits]
        assert all(hit["id"] in expected for hit in hits)


def verify(data):
    command = [os.environ["VECNEST_BINARY"], "verify", "--data", str(data)]
    done = subprocess.run(command, capture_output=True, text=True, timeout=300, check=False)
    assert done.returncode == 0, done.stdout + done.stderr


def test_kill_while_writing(data):
    server = Server(data).start()
    body = {"vectors": {"size": WIDTH, "distance": "Euclid"}}
    assert httpx.put(server.url + "/collections/crash", json=body).status_code == 200
    acknowledged = {}
    writes = 0
    for _ in range(KILLS):
        shares = [{} for _ in range(WRITERS)]
        for i, state in acknowledged.items():
            shares[i // IDS_PER_WRITER][i] = state
        writers = [Writer(server.url, i, shares[i]) for i in range(WRITERS)]
        for writer in writers:
            writer.start()
        time.sleep(random.uniform(0.5, 4))
        server.kill()
        for writer in writers:
            writer.join()
            assert writer.error is None, writer.error
            acknowledged.update(writer.acknowledged)
            writes += writer.writes
        server.start()
        with httpx.Client(base_url=server.url, timeout=60) as client:
            check(client, acknowledged, [writer.open for writer in writers])
    assert writes > 10 * KILLS
    server.stop()
    verify(data)


def test_kill_during_a_bulk_import(data):
    """What a bulk import had not reported may be there or not, but nothing is damaged, and the
    same import again completes it."""
    server = Server(data).start()
    body = {"vectors": {"size": WIDTH, "distance": "Euclid"}}
    httpx.put(server.url + "/collections/crash", json=body)
    rng = random.Random(5)
    total = 30_000
    lines = "\n".join(
        json.dumps({"id": i, "vector": value(rng), "payload": {"stamp": i}}) for i in range(total)
    ).encode()
    killer = threading.Timer(random.uniform(0.1, 0.6), server.kill)
    killer.start()
    try:
        httpx.post(server.url + POINTS + "/bulk", content=lines, timeout=60)
    except httpx.TransportError:
        pass
    killer.join()
    server.start()
    with httpx.Client(base_url=server.url, timeout=120) as client:
        assert len(stored(client)) <= total
        summary = json.loads(client.post(POINTS + "/bulk", content=lines).text.splitlines()[-1])
        assert summary["imported"] == total
        assert client.post(POINTS + "/count", json={}).json()["result"]["count"] == total
    server.kill()  # it was acknowledged
    server.start()
    assert httpx.post(server.url + POINTS + "/count", json={}).json()["result"]["count"] == total
    server.stop()
    verify(data)


def test_restart_does_not_rebuild(data):
    """Segments that were sealed are mapped at the next start: it is quick, has them at once, and answers the same to the bit."""
    total, width = 20_000, 32

    def answers(client):
        queries = [{"query": vectors[i].tolist(), "limit": 10} for i in range(0, total, 1000)]
        return [client.post(POINTS + "/query", json=query).json()["result"]["points"] for query in queries]

    vectors = np.random.default_rng(4).normal(size=(total, width)).astype(np.float32)
    server = Server(data).start()
    with httpx.Client(base_url=server.url, timeout=120) as client:
        body = {"vectors": {"size": width, "distance": "Cosine"}}
        client.put("/collections/crash", json=body)
        for first in range(0, total, 2000):
            part = vectors[first : first + 2000]
            batch = {"ids": list(range(first, first + len(part))), "vectors": part.tolist()}
            assert client.put(POINTS + "?wait=true", json={"batch": batch}).status_code == 200
        deadline = time.monotonic() + 120
        while True:
            before = client.get("/collections/crash").json()["result"]
            if before["status"] == "green" and before["indexed_vectors_count"] > 0:
                break
            assert time.monotonic() < deadline, before
            time.sleep(0.2)
        expected = answers(client)
    segments = {path: path.stat().st_mtime_ns for path in data.rglob("segment-*")}
    assert segments
    server.kill()
    started = time.monotonic()
    server.start()
    seconds = time.monotonic() - started
    with httpx.Client(base_url=server.url, timeout=60) as client:
        after = client.get("/collections/crash").json()["result"]
        assert after["indexed_vectors_count"] >= before["indexed_vectors_count"] > 0
        assert after["points_count"] == total
        found = answers(client)
        assert [points[0]["id"] for points in found] == list(range(0, total, 1000))
        assert found == expected
    assert seconds < 15
    assert segments == {path: path.stat().st_mtime_ns for path in data.rglob("segment-*")}
    server.stop()
    verify(data)
