"""Adaptors: prefixes of a collection's vectors tell more, and nothing else changes. Compared with NumPy."""

import os
import signal
import subprocess
import time

import pytest
from server import Server, missing

np = pytest.importorskip("numpy")
safetensors = pytest.importorskip("safetensors.numpy")
httpx = pytest.importorskip("httpx")

WIDTH = 128
COUNT = 9000
QUERIES = 100
POINTS = "/collections/c/points"
ADAPT = "/collections/c/adapt"


def vectors(count, seed):
    """Clusters of unit vectors with fewer and fewer of their differences along each further axis, turned at random."""
    fixed = np.random.default_rng(1)
    turn = np.linalg.qr(fixed.normal(size=(WIDTH, WIDTH)))[0]
    spread = 1 / np.sqrt(np.arange(1, WIDTH + 1))
    topics = fixed.normal(size=(40, WIDTH)) * spread
    random = np.random.default_rng(seed)
    points = topics[random.integers(40, size=count)] + random.normal(size=(count, WIDTH)) * spread
    points = points @ turn
    return (points / np.linalg.norm(points, axis=1, keepdims=True)).astype(np.float32)


@pytest.fixture(scope="module")
def points():
    return vectors(COUNT, 2)


@pytest.fixture(scope="module")
def queries():
    return vectors(QUERIES, 3)


@pytest.fixture(scope="module")
def server(tmp_path_factory, points):
    if reason := missing():
        pytest.skip(reason)
    with Server(tmp_path_factory.mktemp("adapt")) as running:
        with httpx.Client(base_url=running.url, timeout=60) as http:
            create(http, points)
        yield running


@pytest.fixture
def http(server):
    with httpx.Client(base_url=server.url, timeout=60) as client:
        yield client


def create(http, points, name="c"):
    ok(http.put(f"/collections/{name}", json={"vectors": {"size": WIDTH, "distance": "Cosine"}}))
    for start in range(0, len(points), 1000):
        upsert(http, points, range(start, min(start + 1000, len(points))), name)


def upsert(http, points, ids, name="c"):
    body = {"points": [{"id": i, "vector": points[i].tolist()} for i in ids]}
    ok(http.put(f"/collections/{name}/points?wait=true", json=body))


def ok(response):
    assert response.status_code == 200, response.text
    return response.json()["result"]


def adapt(http, method, name="c"):
    started = ok(http.post(f"/collections/{name}/adapt", json={"method": method}))
    assert started["phase"] in ("waiting", "training", "indexing", "done")
    return wait(http, name)


def wait(http, name="c"):
    deadline = time.monotonic() + 300
    while True:
        job = ok(http.get(f"/collections/{name}/adapt"))
        if job["phase"] not in ("waiting", "training", "indexing"):
            return job
        assert 0 <= job["progress"] <= 1
        assert time.monotonic() < deadline
        time.sleep(0.05)


def adaptor(http):
    return ok(http.get("/collections/c"))["vecnest"]["vectors"][""].get("adaptor")


def search(http, query, **params):
    body = {"query": query.tolist(), "limit": 10, "params": params}
    found = ok(http.post(f"{POINTS}/query", json=body))["points"]
    return [p["id"] for p in found], np.array([p["score"] for p in found])


def kept(http, points, queries, width, **params):
    """The share of the ten nearest at the full width that searches at `width` find."""
    nearest = np.argsort(-(queries @ points.T), axis=1)[:, :10]
    answers = [search(http, q, dimensions=width, **params)[0] for q in queries]
    return np.mean([len(set(a) & set(n)) / 10 for a, n in zip(answers, nearest.tolist())])


def test_full_width_stays_and_prefixes_are_those_of_numpy(http, points, queries):
    truncated = {w: kept(http, points, queries, w) for w in (16, 32, 64)}
    before = [search(http, q, exact=True) for q in queries]
    assert adapt(http, "rotation")["phase"] == "done"
    assert kept(http, points, queries, WIDTH) >= 0.97
    assert adaptor(http)["method"] == "rotation" and adaptor(http)["samples"] == COUNT
    for query, (ids, scores) in zip(queries, before):
        now, now_scores = search(http, query, exact=True)
        np.testing.assert_allclose(now_scores, scores, atol=1e-5)
        assert now == ids

    wide = points.astype(np.float64)
    _, axes = np.linalg.eigh(wide.T @ wide)
    turned, turned_queries = wide @ axes[:, ::-1], queries @ axes[:, ::-1]
    for width in (16, 32, 64):
        cut = turned[:, :width] / np.linalg.norm(turned[:, :width], axis=1, keepdims=True)
        asked = turned_queries[:, :width] / np.linalg.norm(turned_queries[:, :width], axis=1, keepdims=True)
        expected = -np.sort(-(asked @ cut.T), axis=1)[:, :10]
        found = 0
        for query, scores in zip(queries, expected):
            np.testing.assert_allclose(search(http, query, dimensions=width, exact=True)[1], scores, atol=2e-5)
            found += np.sum(search(http, query, dimensions=width)[1] >= scores[9] - 2e-5)
        if width >= 64:
            assert found >= 0.97 * 10 * QUERIES
        assert kept(http, points, queries, width) > truncated[width] + 0.1


def test_learned_prefixes_rank_as_the_whole(http, points, queries):
    adapt(http, "none")
    truncated = {w: kept(http, points, queries, w) for w in (16, 32, 64)}
    job = adapt(http, "prefixes")
    assert job["phase"] == "done" and job["progress"] == 1 and job["seconds"] > 0
    assert adaptor(http)["method"] == "prefixes"
    for width, share in truncated.items():
        assert kept(http, points, queries, width) > share + 0.1
    widths = {row["dimensions"]: row["recall"] for row in ok(http.get("/collections/c/widths"))["widths"]}
    assert widths[64] > 0.7


def test_vectors_are_returned_as_they_came(http, points):
    adapt(http, "prefixes")
    body = {"ids": [7], "with_vector": True}
    np.testing.assert_array_equal(np.float32(ok(http.post(POINTS, json=body))[0]["vector"]), points[7])


def test_requests_that_cannot_be_met(http):
    assert http.post("/collections/nothing/adapt", json={}).status_code == 404
    assert http.get("/collections/nothing/adapt").status_code == 404
    assert http.delete("/collections/nothing/adapt").status_code == 404
    for body in ({"method": "whiten"}, {"samples": 5}, {"vector": "title"}, {"extra": 1}, []):
        wrong = http.post(ADAPT, json=body)
        assert wrong.status_code == 400 and wrong.json()["status"]["error"], body
    assert ok(http.delete(ADAPT)) is False
    assert ok(http.post(ADAPT))["request"]["method"] == "prefixes"  # all have defaults
    assert ok(http.get("/collections/c"))["status"] == "yellow"
    assert ok(http.delete(ADAPT)) is True
    assert wait(http)["phase"] == "cancelled"
    ok(http.put("/collections/small", json={"vectors": {"size": 4, "distance": "Cosine"}}))
    few = http.post("/collections/small/adapt", json={})
    assert few.status_code == 400 and "0 vectors" in few.json()["status"]["error"]


def test_queries_are_whole_vectors(http, points):
    adapt(http, "none")
    body = {"query": points[0][:32].tolist(), "params": {"dimensions": 32}}
    ok(http.post(f"{POINTS}/query", json=body))
    adapt(http, "rotation")
    refused = http.post(f"{POINTS}/query", json=body)
    assert refused.status_code == 400 and f"all {WIDTH}" in refused.json()["status"]["error"]


def test_manhattan_is_refused_while_there_is_an_adaptor(http, points):
    adapt(http, "rotation")
    body = {"query": points[0].tolist(), "params": {"metric": "Manhattan"}}
    refused = http.post(f"{POINTS}/query", json=body)
    assert refused.status_code == 400 and "adaptor" in refused.json()["status"]["error"]
    assert adapt(http, "none")["phase"] == "done"
    assert adaptor(http) is None
    ok(http.post(f"{POINTS}/query", json=body))


def test_the_command_line_shows_progress_and_can_be_interrupted(server, http):
    adapt(http, "none")
    command = [os.environ["VECNEST_BINARY"], "adapt", "--url", server.url, "--collection", "c"]
    with subprocess.Popen([*command, "--seed", "7"], stderr=subprocess.PIPE, text=True) as running:
        deadline = time.monotonic() + 60
        while (job := ok(http.get(ADAPT)))["phase"] not in ("waiting", "training") or job["request"]["seed"] != 7:
            assert time.monotonic() < deadline and running.poll() is None, running.poll()
            time.sleep(0.01)
        running.send_signal(signal.SIGINT)
        time.sleep(0.02)
        running.send_signal(signal.SIGINT)  # as from `timeout`, which signals its group as well
        error = running.stderr.read()
        assert running.wait() == 130, error
    assert "as it was" in error
    assert adaptor(http) is None
    done = subprocess.run([*command, "--method", "rotation"], capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    assert "adapted (rotation)" in done.stdout and "%" in done.stderr
    assert adaptor(http)["method"] == "rotation"
    wrong = subprocess.run([*command, "--method", "whiten"], capture_output=True, text=True, check=False)
    assert wrong.returncode == 1 and "prefixes, rotation, pairs, none" in wrong.stderr


def read_adaptor(data):
    """The rotation and scales of an adaptor's file, by the reference reader of its format."""
    tensors = safetensors.load(data)
    return tensors["rotation"].astype(np.float64), tensors["scales"].astype(np.float64)


def run(*options, **settings):
    command = [os.environ["VECNEST_BINARY"], *map(str, options)]
    return subprocess.run(command, capture_output=True, check=False, timeout=120, **settings)


def test_an_adaptor_goes_from_one_collection_to_another(server, http, points, queries, tmp_path):
    adapt(http, "prefixes")
    learned = adaptor(http)
    data = http.get("/collections/c/adaptor")
    assert data.status_code == 200 and data.headers["content-type"] == "application/octet-stream"
    rotation, scales = read_adaptor(data.content)
    np.testing.assert_allclose(rotation @ rotation.T, np.eye(WIDTH), atol=1e-5)

    empty = {"vectors": {"size": WIDTH, "distance": "Cosine"}}
    ok(http.put("/collections/d", json=empty))
    assert http.get("/collections/d/adaptor").status_code == 404
    ok(http.put("/collections/d/adaptor", content=data.content))
    job = wait(http, "d")
    assert job["phase"] == "done" and job["made"] == "prefixes" and job["request"]["method"] == "given"
    upsert(http, points, range(1000), "d")
    assert ok(http.get("/collections/d"))["vecnest"]["vectors"][""]["adaptor"] == learned
    width = 16
    cut = (points[:1000] @ rotation.T * scales)[:, :width]
    asked = (queries @ rotation.T * scales)[:, :width]
    near = asked @ cut.T / np.linalg.norm(cut, axis=1) / np.linalg.norm(asked, axis=1, keepdims=True)
    for query, scores in zip(queries[:10], near):
        body = {"query": query.tolist(), "params": {"dimensions": width, "exact": True}}
        found = ok(http.post("/collections/d/points/query", json=body))["points"]
        np.testing.assert_allclose([p["score"] for p in found], -np.sort(-scores)[:10], atol=2e-5)

    file = tmp_path / "c.safetensors"
    exported = run("adapt", "--url", server.url, "--collection", "c", "--export", file)
    assert exported.returncode == 0 and file.read_bytes() == data.content, exported.stderr
    ok(http.put("/collections/e", json=empty))
    given = run("adapt", "--url", server.url, "--collection", "e", "--from", file)
    assert given.returncode == 0 and b"adapted (prefixes)" in given.stdout, given.stderr
    assert ok(http.get("/collections/e"))["vecnest"]["vectors"][""]["adaptor"] == learned

    ok(http.put("/collections/wider", json={"vectors": {"size": WIDTH + 1, "distance": "Cosine"}}))
    damaged = data.content[:-1] + bytes([data.content[-1] ^ 1])
    for name, content in (("wider", data.content), ("d", damaged), ("d", b""), ("d", b"{}")):
        refused = http.put(f"/collections/{name}/adaptor", content=content)
        assert refused.status_code == 400 and "adaptor" in refused.json()["status"]["error"], refused.text
    assert http.put("/collections/nothing/adaptor", content=data.content).status_code == 404
    told = http.post("/collections/d/adapt", json={"method": "given"})
    assert told.status_code == 400 and "PUT" in told.json()["status"]["error"]
    for name in ("d", "e", "wider"):
        ok(http.delete(f"/collections/{name}"))


def test_adaptors_of_a_data_directory(tmp_path, points):
    if reason := missing():
        pytest.skip(reason)
    data = tmp_path / "data"
    with Server(data) as server, httpx.Client(base_url=server.url, timeout=60) as http:
        create(http, points[:1000])
        ok(http.put("/collections/empty", json={"vectors": {"size": WIDTH, "distance": "Cosine"}}))
    file = tmp_path / "a.safetensors"
    none = run("adapt", "--data", data, "--collection", "c", "--export", file)
    assert none.returncode == 1 and b"no adaptor" in none.stderr and not file.exists()
    assert run("adapt", "--data", data, "--collection", "c", "--method", "rotation").returncode == 0
    assert run("adapt", "--data", data, "--collection", "c", "--export", file).returncode == 0
    rotation, scales = read_adaptor(file.read_bytes())
    assert rotation.shape == (WIDTH, WIDTH) and np.all(scales == 1)
    given = run("adapt", "--data", data, "--collection", "empty", "--from", file)
    assert given.returncode == 0, given.stderr
    with Server(data) as server, httpx.Client(base_url=server.url, timeout=60) as http:
        assert http.get("/collections/empty/adaptor").content == file.read_bytes()
    # Through links and pipes, which stay what they are.
    link = tmp_path / "link"
    link.symlink_to(tmp_path / "target")
    (tmp_path / "target").write_text("before")
    assert run("adapt", "--data", data, "--collection", "c", "--export", link).returncode == 0
    assert link.is_symlink() and (tmp_path / "target").read_bytes() == file.read_bytes()
    piped = run("adapt", "--data", data, "--collection", "c", "--export", "/dev/stdout")
    assert piped.returncode == 0 and piped.stdout.startswith(file.read_bytes())
    for wrong in (("--export", ""), ("--export", link, "--method", "none"), ("--from", file, "--steps", "5")):
        assert run("adapt", "--data", data, "--collection", "c", *wrong).returncode > 100, wrong
    assert run("adapt", "--data", data, "--collection", "c", "--export", link).returncode == 0
    assert link.read_bytes() == file.read_bytes()
    other = tmp_path / "other"
    other.write_text("no adaptor")
    for wrong in (("--from", file, "--method", "rotation"), ("--method", "given"), ("--from", other)):
        refused = run("adapt", "--data", data, "--collection", "empty", *wrong)
        assert refused.returncode == 1 and refused.stderr, wrong


def test_killed_at_any_moment_nothing_is_lost(tmp_path, points):
    """What was acknowledged before and while an adaptor is made is there, with the old one or the new one."""
    if reason := missing():
        pytest.skip(reason)
    data = tmp_path / "data"
    some = points[:2000]
    with Server(data) as server, httpx.Client(base_url=server.url, timeout=60) as http:
        create(http, some)
    states = set()
    for attempt in range(8):
        server = Server(data).start()
        with httpx.Client(base_url=server.url, timeout=60) as http:
            ok(http.post(ADAPT, json={"method": "rotation" if attempt % 2 else "none", "seed": attempt}))
            upsert(http, points, range(2000 + attempt, 2001 + attempt))
            if attempt in (1, 2):
                assert wait(http)["phase"] == "done"  # one with an adaptor, one without
            else:
                time.sleep(0.05 * attempt)
        server.kill()
        with Server(data) as server, httpx.Client(base_url=server.url, timeout=60) as http:
            assert ok(http.get("/collections/c"))["points_count"] == 2001 + attempt
            states.add(adaptor(http) is not None)
            for i in (0, 1999, 2000 + attempt):
                ids, scores = search(http, points[i])
                assert ids[0] == i and abs(scores[0] - 1) < 1e-5
        verified = subprocess.run(
            [os.environ["VECNEST_BINARY"], "verify", "--data", str(data)], capture_output=True, text=True, check=False
        )
        assert verified.returncode == 0, verified.stdout + verified.stderr
    assert states == {False, True}  # whatever the moments of the others
