"""Codes that graphs are walked by, chosen in Qdrant's words by its own client, and changed while queries are answered."""

import time

import httpx
import pytest
from server import Server, missing

np = pytest.importorskip("numpy")
qdrant_client = pytest.importorskip("qdrant_client")
models = qdrant_client.models

WIDTH = 256
COUNT = 12000
CHOICES = {
    "int8": models.ScalarQuantization(scalar=models.ScalarQuantizationConfig(type=models.ScalarType.INT8, quantile=0.99)),
    "int4": models.ProductQuantization(product=models.ProductQuantizationConfig(compression=models.CompressionRatio.X8)),
    "binary": models.BinaryQuantization(binary=models.BinaryQuantizationConfig(always_ram=True)),
}


def vectors(count, seed):
    """Clusters of unit vectors that fill some 30 dimensions."""
    fixed = np.random.default_rng(1)
    factors, topics = fixed.normal(size=(32, WIDTH)), fixed.normal(size=(40, 32))
    random = np.random.default_rng(seed)
    points = (topics[random.integers(40, size=count)] + 0.8 * random.normal(size=(count, 32))) @ factors
    points += 1.5 * random.normal(size=points.shape)
    return (points / np.linalg.norm(points, axis=1, keepdims=True)).astype(np.float32)


@pytest.fixture(scope="module")
def points():
    return vectors(COUNT, 2)


@pytest.fixture(scope="module")
def server(tmp_path_factory, points):
    if reason := missing():
        pytest.skip(reason)
    with Server(tmp_path_factory.mktemp("quantization")) as running:
        client = connect(running)
        client.create_collection(
            "c",
            vectors_config=models.VectorParams(size=WIDTH, distance=models.Distance.COSINE),
            quantization_config=CHOICES["int8"],
        )
        for start in range(0, COUNT, 1000):
            ids = list(range(start, start + 1000))
            client.upsert("c", models.Batch(ids=ids, vectors=points[start : start + 1000].tolist()), wait=True)
        yield running


def connect(server):
    return qdrant_client.QdrantClient(url=server.url, prefer_grpc=False, timeout=60)


def wait_until_green(url):
    deadline = time.monotonic() + 120
    while httpx.get(f"{url}/collections/c").json()["result"]["status"] != "green":
        assert time.monotonic() < deadline, "not optimised in two minutes"
        time.sleep(0.1)


def recall(client, points, queries):
    hits = 0
    for query in queries:
        exact = points.astype(np.float64) @ query
        found = client.query_points("c", query=query.tolist(), limit=10).points
        assert [p.score for p in found] == pytest.approx([exact[p.id] for p in found], abs=1e-5)
        hits += len({p.id for p in found} & set(np.argsort(-exact)[:10].tolist()))
    return hits / (10 * len(queries))


def test_changes_rebuild_segments_and_keep_answers(server, points):
    client = connect(server)
    queries = vectors(40, 3)
    memory = {}
    for name, floor in (("int8", 0.95), ("int4", 0.95), ("binary", 0.9)):
        assert client.update_collection("c", quantization_config=CHOICES[name])
        wait_until_green(server.url)
        info = client.get_collection("c")
        wanted = CHOICES[name].model_dump(exclude_none=True)
        key = next(iter(wanted))
        told = info.config.quantization_config.model_dump(exclude_none=True)
        assert key in told
        assert info.config.params.vectors.quantization_config.model_dump(exclude_none=True) == told
        detail = httpx.get(f"{server.url}/collections/c").json()["result"]["vecnest"]["vectors"][""]
        assert detail["quantization"] == name
        memory[name] = detail["memory_bytes"]
        assert recall(client, points, queries) >= floor, name
    assert memory["binary"] < memory["int4"] < memory["int8"]


def test_choices_survive_a_restart_and_can_be_taken_back(server, points):
    client = connect(server)
    client.update_collection("c", vectors_config={"": models.VectorParamsDiff(quantization_config=CHOICES["binary"])})
    wait_until_green(server.url)
    server.stop()
    server.start()
    client = connect(server)
    assert client.get_collection("c").config.quantization_config.binary is not None
    client.update_collection("c", quantization_config=models.Disabled.DISABLED)
    wait_until_green(server.url)
    assert client.get_collection("c").config.quantization_config is None
    assert recall(client, points, vectors(40, 3)) >= 0.95


@pytest.mark.parametrize(
    "wrong, named",
    [
        ({"scalar": {"type": "int2"}}, "scalar.type"),
        ({"product": {"compression": "x5"}}, "product.compression"),
        ({"binary": {}, "scalar": {}}, "expected exactly one of"),
        ({"turbo": {}}, "turbo"),
        ([], "quantization_config"),
    ],
)
def test_unknown_choices_are_named(server, wrong, named):
    body = {"vectors": {"size": 2, "distance": "Dot"}, "quantization_config": wrong}
    answer = httpx.put(f"{server.url}/collections/wrong", json=body)
    assert answer.status_code == 400 and named in answer.json()["status"]["error"]
    assert httpx.get(f"{server.url}/collections/wrong").status_code == 404
