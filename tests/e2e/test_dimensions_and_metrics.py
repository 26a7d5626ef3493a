"""Any width and any metric over the vectors of one collection."""

import time

import numpy as np
import pytest

WIDTH = 384
COUNT = 400


def norm(x):
    return x / np.linalg.norm(x, axis=-1, keepdims=True)


def scores(metric, query, vectors):
    if metric == "Cosine":
        return norm(vectors) @ norm(query)
    if metric == "Dot":
        return vectors @ query
    if metric == "Euclid":
        return np.linalg.norm(vectors - query, axis=1)
    return np.abs(vectors - query).sum(axis=1)


def best(metric, values, count=10):
    return np.argsort(-values if metric in ("Cosine", "Dot") else values, kind="stable")[:count]


def fill(http, name, vectors, distance):
    body = {"vectors": {"size": vectors.shape[1], "distance": distance}}
    assert http.put(f"/collections/{name}", json=body).status_code == 200
    for first in range(0, len(vectors), 1000):
        part = vectors[first:first + 1000]
        batch = {"ids": list(range(first, first + len(part))), "vectors": part.tolist()}
        answer = http.put(f"/collections/{name}/points?wait=true", json={"batch": batch})
        assert answer.status_code == 200, answer.text


def ask(http, name, query, **params):
    body = {"query": query.tolist(), "limit": 10, "params": {"explain": True, **params}}
    answer = http.post(f"/collections/{name}/points/query", json=body)
    assert answer.status_code == 200, answer.text
    result = answer.json()["result"]
    return [p["id"] for p in result["points"]], [p["score"] for p in result["points"]], result["plan"]


@pytest.fixture(scope="module")
def vectors():
    return np.random.default_rng(1).normal(size=(COUNT, WIDTH)).astype(np.float32)


@pytest.fixture(scope="module")
def queries():
    return np.random.default_rng(2).normal(size=(4, WIDTH)).astype(np.float32)


@pytest.fixture(scope="module")
def unit(http, vectors):
    fill(http, "unit-norm", norm(vectors), "Cosine")
    return "unit-norm"


@pytest.fixture(scope="module")
def plain(http, vectors):
    # Lengths from a tenth to ten: the metrics disagree about the order.
    lengths = np.geomspace(0.1, 10, COUNT, dtype=np.float32)[:, None]
    scaled = norm(vectors) * lengths
    fill(http, "any-norm", scaled, "Cosine")
    return "any-norm", scaled


@pytest.mark.parametrize("exact", [True, False])
@pytest.mark.parametrize("width", [384, 128, 96, 64])
def test_dimensions(http, unit, vectors, queries, width, exact):
    cut = norm(norm(vectors)[:, :width].astype(np.float64))
    for query in queries:
        ids, got, plan = ask(http, unit, query, dimensions=width, exact=exact)
        expected = cut @ norm(query[:width].astype(np.float64))
        order = best("Cosine", expected)
        assert ids == order.tolist()
        assert got == pytest.approx(expected[order].tolist(), abs=1e-5)
        assert plan["dimensions"] == width
        # A query of just that width asks the same.
        assert ask(http, unit, query[:width], dimensions=width, exact=exact)[0] == ids


@pytest.mark.parametrize("metric", ["Cosine", "Dot", "Euclid", "Manhattan"])
def test_metric_on_unit_vectors(http, unit, vectors, queries, metric):
    for query in norm(queries):
        expected = scores(metric, query.astype(np.float64), norm(vectors).astype(np.float64))
        order = best(metric, expected)
        ids, got, plan = ask(http, unit, query, metric=metric)
        assert ids == order.tolist()
        assert got == pytest.approx(expected[order].tolist(), abs=1e-3)
        assert plan["metric"] == metric


@pytest.mark.parametrize("metric", ["Cosine", "Dot", "Euclid", "Manhattan"])
def test_metric_on_vectors_of_any_length(http, plain, queries, metric):
    name, stored = plain
    for query in queries:
        expected = scores(metric, query.astype(np.float64), stored.astype(np.float64))
        order = best(metric, expected)
        ids, got, plan = ask(http, name, query, metric=metric)
        assert ids == order.tolist()
        assert got == pytest.approx(expected[order].tolist(), rel=1e-4, abs=1e-4)
        assert plan["metric"] == metric


def test_metrics_disagree_here(http, plain, queries):
    name, _ = plain
    answers = {m: tuple(ask(http, name, queries[0], metric=m)[0]) for m in ("Cosine", "Dot", "Euclid")}
    assert len(set(answers.values())) == 3


@pytest.mark.parametrize("metric", ["Dot", "Euclid", "Manhattan"])
def test_metric_at_a_smaller_width(http, plain, queries, metric):
    """The plan says whether the prefixes were scaled to unit length; the answer fits to it."""
    name, stored = plain
    for query in queries:
        ids, got, plan = ask(http, name, query, metric=metric, dimensions=64, exact=True)
        cut, short = stored[:, :64].astype(np.float64), query[:64].astype(np.float64)
        if plan["renormalized"]:
            cut, short = norm(cut), norm(short)
        expected = scores(metric, short, cut)
        order = best(metric, expected)
        assert ids == order.tolist()
        assert got == pytest.approx(expected[order].tolist(), rel=1e-4, abs=1e-4)


def test_plan(http, unit, queries):
    _, _, plan = ask(http, unit, queries[0], exact=True)
    assert plan["exact"] is True and plan["strategy"]
    assert plan["distances"] >= COUNT
    assert set(plan["time"]) == {"embed", "filter", "search", "fetch"}
    silent = http.post(
        f"/collections/{unit}/points/query", json={"query": queries[0].tolist()}
    ).json()["result"]
    assert "plan" not in silent


def test_default_metric_can_be_changed(http, name, vectors, queries):
    stored = vectors * np.geomspace(0.1, 10, COUNT, dtype=np.float32)[:, None]
    fill(http, name, stored, "Cosine")
    query = queries[0]
    for metric in ("Dot", "Euclid", "Cosine"):
        body = {"vectors": {"": {"distance": metric}}}
        assert http.patch(f"/collections/{name}", json=body).json()["result"] is True
        ids, _, plan = ask(http, name, query)
        expected = scores(metric, query.astype(np.float64), stored.astype(np.float64))
        assert ids == best(metric, expected).tolist()
        assert plan["metric"] == metric
        shown = http.get(f"/collections/{name}").json()["result"]["config"]["params"]["vectors"]
        assert shown["distance"] == metric


def test_graphs_follow_the_default_metric(http):
    """Vectors of unlike lengths, with a graph; queries go on while another one is built."""
    name, count, width = "follows", 9000, 32
    generator = np.random.default_rng(5)
    points = (generator.normal(size=(40, width))[generator.integers(40, size=count)]
              + 0.5 * generator.normal(size=(count, width))).astype(np.float32)
    fill(http, name, points, "Cosine")
    for _ in range(600):
        if http.get(f"/collections/{name}").json()["result"]["indexed_vectors_count"] == count:
            break
        time.sleep(0.1)
    query = generator.normal(size=width)
    assert "graph" in ask(http, name, query)[2]["strategy"]
    expected = best("Dot", scores("Dot", query, points.astype(np.float64))).tolist()
    answer = http.patch(f"/collections/{name}", json={"vectors": {"": {"distance": "Dot"}}})
    assert answer.status_code == 200, answer.text
    for _ in range(600):
        ids, _, plan = ask(http, name, query)
        assert plan["metric"] == "Dot"
        if plan["strategy"] == "graph":
            break
        assert ids == expected
        time.sleep(0.05)
    assert plan["strategy"] == "graph"
    assert len(set(ids) & set(expected)) >= 9


def test_default_metric_of_an_unknown_vector(http, unit):
    body = {"vectors": {"other": {"distance": "Dot"}}}
    answer = http.patch(f"/collections/{unit}", json=body)
    assert answer.status_code in (400, 404) and "other" in answer.text


def test_recall_decides_how_far_graphs_are_searched(http):
    # Topics in few directions, as embeddings have them: enough points for a sealed segment.
    generator = np.random.default_rng(3)
    factors = generator.normal(size=(24, 128))
    points = norm(generator.normal(size=(9000, 24)) @ factors + 0.5 * generator.normal(size=(9000, 128)))
    queries = norm(generator.normal(size=(40, 24)) @ factors)
    fill(http, "recall", points.astype(np.float32), "Cosine")
    for _ in range(600):
        info = http.get("/collections/recall").json()["result"]
        if info["indexed_vectors_count"] == len(points):
            break
        time.sleep(0.1)
    assert info["indexed_vectors_count"] == len(points)

    def measure(**params):
        hits, plan = 0, None
        for query in queries:
            ids, _, plan = ask(http, "recall", query, **params)
            hits += len(set(ids) & set(best("Cosine", points @ query)))
        return hits / (10 * len(queries)), plan

    low, low_plan = measure(recall=0.85)
    high, high_plan = measure(recall=0.98)
    assert low_plan["hnsw_ef"] < high_plan["hnsw_ef"]
    assert low >= 0.8
    assert high >= 0.96
    assert measure(recall=1.0)[0] == 1.0
    few = ask(http, "recall", queries[0], hnsw_ef=64, quantization={"rescore": False})[2]
    many = ask(http, "recall", queries[0], hnsw_ef=64, quantization={"ignore": True})[2]
    assert (few["candidates"], many["candidates"]) == (10, 64)


def test_widths_are_those_of_numpy(http, unit, vectors):
    """64 vectors evenly spread are the queries, each left out of its answers."""
    answer = http.get(f"/collections/{unit}/widths")
    assert answer.status_code == 200, answer.text
    result = answer.json()["result"]
    assert (result["vector"], result["queries"]) == ("", 64)
    widths = {row["dimensions"]: row for row in result["widths"]}
    assert list(widths) == [8, 16, 32, 64, 96, 128, 192, 256, 384]
    whole = norm(vectors.astype(np.float64))

    def top(width, query):
        cut = norm(whole[:, :width])
        values = cut @ cut[query]
        values[query] = -np.inf
        return set(best("Cosine", values))

    for width in (8, 32, 128, 384):
        kept = np.mean([len(top(width, q * COUNT // 64) & top(WIDTH, q * COUNT // 64)) / 10
                        for q in range(64)])
        assert widths[width]["recall"] == pytest.approx(kept, abs=0.004)
    assert widths[384]["bytes_per_query"] == COUNT * WIDTH * 4  # few enough to be scanned
    assert all(row["queries_per_second"] > 0 for row in widths.values())


def test_widths_of_what_is_not_there(http, unit):
    assert http.get("/collections/nothing/widths").status_code == 404
    wrong = http.get(f"/collections/{unit}/widths?vector=title")
    assert wrong.status_code == 400 and "title" in wrong.json()["status"]["error"]
    unknown = http.get(f"/collections/{unit}/widths?vektor=title")
    assert unknown.status_code == 400 and "vector" in unknown.json()["status"]["error"]


def bfloat16(x):
    bits = np.ascontiguousarray(x, dtype=np.float32).view(np.uint32).astype(np.uint64)
    rounded = (bits + 0x7FFF + (bits >> 16 & 1)) & 0xFFFF0000
    return rounded.astype(np.uint32).view(np.float32)


@pytest.mark.parametrize("datatype", ["float16", "bfloat16"])
def test_vectors_of_16_bits_are_those_of_numpy(http, datatype, vectors, queries):
    """What is stored, returned and compared are the rounded vectors, to the bit."""
    rounded = vectors.astype(np.float16).astype(np.float32) if datatype == "float16" else bfloat16(vectors)
    assert not np.array_equal(rounded, vectors)
    name = f"narrow-{datatype}"
    body = {"vectors": {"size": WIDTH, "distance": "Dot", "datatype": datatype}}
    assert http.put(f"/collections/{name}", json=body).status_code == 200
    told = http.get(f"/collections/{name}").json()["result"]
    assert told["vecnest"]["vectors"][""]["datatype"] == datatype
    # Qdrant's clients know the one name and refuse the other.
    assert told["config"]["params"]["vectors"].get("datatype") == (datatype if datatype == "float16" else None)
    batch = {"ids": list(range(COUNT)), "vectors": vectors.tolist()}
    assert http.put(f"/collections/{name}/points?wait=true", json={"batch": batch}).status_code == 200
    answer = http.post(f"/collections/{name}/points", json={"ids": list(range(COUNT)), "with_vector": True})
    stored = {p["id"]: p["vector"] for p in answer.json()["result"]}
    assert np.array_equal(np.array([stored[i] for i in range(COUNT)], dtype=np.float32), rounded)
    for query in queries:
        ids, got, _ = ask(http, name, query, exact=True)
        expected = rounded.astype(np.float64) @ query.astype(np.float64)
        assert ids == best("Dot", expected).tolist()
        assert got == pytest.approx(expected[ids].tolist(), rel=1e-5, abs=1e-5)


def test_datatypes_that_do_not_fit(http):
    body = {"vectors": {"size": 2, "distance": "Dot", "datatype": "float8"}}
    wrong = http.put("/collections/narrow-wrong", json=body)
    assert wrong.status_code == 400 and "bfloat16" in wrong.json()["status"]["error"]
    body["vectors"]["datatype"] = "float16"
    assert http.put("/collections/narrow-wrong", json=body).status_code == 200
    far = http.put("/collections/narrow-wrong/points?wait=true",
                   json={"points": [{"id": 1, "vector": [1, 70000]}]})
    assert far.status_code == 400
    assert "float16" in far.json()["status"]["error"] and "70000" in far.json()["status"]["error"]
    near = http.put("/collections/narrow-wrong/points?wait=true",
                    json={"points": [{"id": 1, "vector": [1e-8, -2e-8]}]})
    assert near.status_code == 400 and "zero" in near.json()["status"]["error"]
    zero = http.put("/collections/narrow-wrong/points?wait=true",
                    json={"points": [{"id": 1, "vector": [0, 0]}]})
    assert zero.status_code == 200
