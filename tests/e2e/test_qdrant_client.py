"""The unmodified qdrant-client over REST. Where the client has a local mode of its own, both are
given the same data and must give the same answers."""

import uuid

import numpy as np
import pytest

qdrant_client = pytest.importorskip("qdrant_client")
from qdrant_client import QdrantClient, models  # noqa: E402
from qdrant_client.http.exceptions import UnexpectedResponse  # noqa: E402

WIDTH = 16
COUNT = 300


def random_vectors(count, width=WIDTH, seed=7):
    return np.random.default_rng(seed).normal(size=(count, width)).astype(np.float32)


def make(client, name, distance=models.Distance.COSINE, width=WIDTH):
    client.create_collection(
        name, vectors_config=models.VectorParams(size=width, distance=distance)
    )


def ids_of(points):
    return [point.id for point in points]


# -- Collections.


def test_one_unnamed_vector(qdrant, name):
    assert not qdrant.collection_exists(name)
    assert qdrant.create_collection(
        name, vectors_config=models.VectorParams(size=8, distance=models.Distance.DOT)
    )
    assert qdrant.collection_exists(name)
    info = qdrant.get_collection(name)
    assert info.config.params.vectors.size == 8
    assert info.config.params.vectors.distance == models.Distance.DOT
    assert info.points_count == 0
    assert info.status == models.CollectionStatus.GREEN
    assert name in [c.name for c in qdrant.get_collections().collections]
    with pytest.raises(UnexpectedResponse) as refused:
        make(qdrant, name)
    assert refused.value.status_code == 409
    assert qdrant.delete_collection(name)
    assert not qdrant.collection_exists(name)
    assert not qdrant.delete_collection(name)
    with pytest.raises(UnexpectedResponse) as missing:
        qdrant.get_collection(name)
    assert missing.value.status_code == 404


def test_named_vectors(qdrant, name):
    qdrant.create_collection(
        name,
        vectors_config={
            "small": models.VectorParams(size=4, distance=models.Distance.EUCLID),
            "large": models.VectorParams(size=8, distance=models.Distance.COSINE),
        },
    )
    config = qdrant.get_collection(name).config.params.vectors
    assert config["small"].size == 4 and config["large"].size == 8
    assert config["small"].distance == models.Distance.EUCLID
    qdrant.upsert(
        name,
        [
            models.PointStruct(id=1, vector={"small": [1, 0, 0, 0], "large": [1.0] * 8}),
            models.PointStruct(id=2, vector={"small": [0, 1, 0, 0]}),
        ],
        wait=True,
    )
    hits = qdrant.query_points(name, query=[0, 1, 0, 0], using="small", with_vectors=True).points
    assert ids_of(hits) == [2, 1]
    assert set(hits[0].vector) == {"small"}
    assert ids_of(qdrant.query_points(name, query=[1.0] * 8, using="large").points) == [1]
    only = qdrant.retrieve(name, [1], with_vectors=["small"])[0]
    assert only.vector == {"small": [1, 0, 0, 0]}
    has = models.Filter(must=[models.HasVectorCondition(has_vector="large")])
    assert qdrant.count(name, count_filter=has).count == 1


def test_update_collection_accepts_hints(qdrant, name):
    make(qdrant, name)
    assert qdrant.update_collection(
        name, optimizers_config=models.OptimizersConfigDiff(indexing_threshold=10)
    )


def test_collection_metadata(qdrant, name):
    qdrant.create_collection(
        name,
        vectors_config=models.VectorParams(size=4, distance=models.Distance.DOT),
        metadata={"owner": "tests"},
    )
    assert qdrant.get_collection(name).config.metadata == {"owner": "tests"}


# -- Writes.


def test_both_shapes_of_upsert(qdrant, name):
    make(qdrant, name, models.Distance.DOT, 4)
    key = str(uuid.uuid4())
    done = qdrant.upsert(
        name,
        models.Batch(ids=[1, key], vectors=[[1, 2, 3, 4], [5, 6, 7, 8]], payloads=[{"a": 1}, {}]),
        wait=True,
    )
    assert done.status == models.UpdateStatus.COMPLETED
    qdrant.upsert(name, [models.PointStruct(id=3, vector=[0, 0, 0, 1], payload={"b": [1, 2]})])
    found = qdrant.retrieve(name, [key, 3, 1, 99], with_vectors=True)
    assert ids_of(found) == [key, 3, 1]
    assert found[0].vector == [5, 6, 7, 8] and not found[0].payload
    assert found[1].payload == {"b": [1, 2]}
    assert found[2].payload == {"a": 1}


def test_named_columns(qdrant, name):
    qdrant.create_collection(
        name, vectors_config={"v": models.VectorParams(size=2, distance=models.Distance.DOT)}
    )
    qdrant.upsert(name, models.Batch(ids=[1, 2], vectors={"v": [[1, 2], [3, 4]]}), wait=True)
    assert qdrant.retrieve(name, [2], with_vectors=True)[0].vector == {"v": [3, 4]}


def test_upsert_replaces_the_point(qdrant, name):
    make(qdrant, name, models.Distance.DOT, 2)
    qdrant.upsert(name, [models.PointStruct(id=1, vector=[1, 2], payload={"a": 1})], wait=True)
    qdrant.upsert(name, [models.PointStruct(id=1, vector=[3, 4], payload={"b": 2})], wait=True)
    point = qdrant.retrieve(name, [1], with_vectors=True)[0]
    assert point.payload == {"b": 2} and point.vector == [3, 4]
    assert qdrant.count(name).count == 1


def test_upload_collection(qdrant, name):
    make(qdrant, name)
    qdrant.upload_collection(name, vectors=random_vectors(500), ids=range(500), wait=True)
    assert qdrant.count(name).count == 500


def test_delete_by_ids_and_filter(qdrant, name):
    make(qdrant, name)
    fill(qdrant, name, 100)
    qdrant.delete(name, models.PointIdsList(points=[1, 2, 3]), wait=True)
    assert qdrant.count(name).count == 97
    rule = models.Filter(
        must=[models.FieldCondition(key="color", match=models.MatchValue(value="red"))]
    )
    before = qdrant.count(name, count_filter=rule).count
    assert before > 0
    qdrant.delete(name, models.FilterSelector(filter=rule), wait=True)
    assert qdrant.count(name, count_filter=rule).count == 0
    assert qdrant.count(name).count == 97 - before


def test_payload_operations(qdrant, name):
    make(qdrant, name, models.Distance.DOT, 2)
    qdrant.upsert(
        name,
        [models.PointStruct(id=i, vector=[i, 1], payload={"a": i, "n": {"x": 1}}) for i in (1, 2, 3)],
        wait=True,
    )

    def payload(point):
        return qdrant.retrieve(name, [point])[0].payload

    qdrant.set_payload(name, {"b": True}, points=[1, 2], wait=True)
    assert payload(1) == {"a": 1, "n": {"x": 1}, "b": True}
    assert payload(3) == {"a": 3, "n": {"x": 1}}
    qdrant.set_payload(name, {"y": 2}, points=[1], key="n", wait=True)
    assert payload(1)["n"] == {"x": 1, "y": 2}
    qdrant.overwrite_payload(name, {"c": None}, points=[2], wait=True)
    assert payload(2) == {"c": None}
    qdrant.delete_payload(name, ["a", "n.x"], points=[1], wait=True)
    assert payload(1) == {"n": {"y": 2}, "b": True}
    rule = models.Filter(must=[models.FieldCondition(key="b", match=models.MatchValue(value=True))])
    qdrant.set_payload(name, {"seen": "yes"}, points=rule, wait=True)
    assert payload(1)["seen"] == "yes" and "seen" not in payload(3)
    qdrant.clear_payload(name, [1], wait=True)
    assert not payload(1)
    assert qdrant.count(name).count == 3


def test_update_and_delete_vectors(qdrant, name):
    qdrant.create_collection(
        name,
        vectors_config={
            "a": models.VectorParams(size=2, distance=models.Distance.DOT),
            "b": models.VectorParams(size=2, distance=models.Distance.DOT),
        },
    )
    qdrant.upsert(
        name,
        [models.PointStruct(id=1, vector={"a": [1, 2], "b": [3, 4]}, payload={"k": 1})],
        wait=True,
    )
    qdrant.update_vectors(name, [models.PointVectors(id=1, vector={"a": [9, 9]})], wait=True)
    point = qdrant.retrieve(name, [1], with_vectors=True)[0]
    assert point.vector == {"a": [9, 9], "b": [3, 4]} and point.payload == {"k": 1}
    qdrant.delete_vectors(name, ["b"], [1], wait=True)
    assert qdrant.retrieve(name, [1], with_vectors=True)[0].vector == {"a": [9, 9]}
    assert qdrant.query_points(name, query=[1, 1], using="b").points == []


def test_batch_update_points(qdrant, name):
    make(qdrant, name, models.Distance.DOT, 2)
    results = qdrant.batch_update_points(
        name,
        [
            models.UpsertOperation(
                upsert=models.PointsList(
                    points=[
                        models.PointStruct(id=i, vector=[i, i], payload={"i": i}) for i in range(5)
                    ]
                )
            ),
            models.SetPayloadOperation(
                set_payload=models.SetPayload(payload={"mark": 1}, points=[0, 1])
            ),
            models.DeleteOperation(delete=models.PointIdsList(points=[4])),
            models.ClearPayloadOperation(clear_payload=models.PointIdsList(points=[3])),
            models.OverwritePayloadOperation(
                overwrite_payload=models.SetPayload(payload={"new": 1}, points=[2])
            ),
            models.DeletePayloadOperation(
                delete_payload=models.DeletePayload(keys=["i"], points=[0])
            ),
            models.UpdateVectorsOperation(
                update_vectors=models.UpdateVectors(
                    points=[models.PointVectors(id=1, vector=[7, 7])]
                )
            ),
        ],
        wait=True,
    )
    assert len(results) == 7
    assert all(result.status == models.UpdateStatus.COMPLETED for result in results)
    points = {p.id: p for p in qdrant.scroll(name, with_vectors=True)[0]}
    assert sorted(points) == [0, 1, 2, 3]
    assert points[0].payload == {"mark": 1}
    assert points[1].payload == {"i": 1, "mark": 1} and points[1].vector == [7, 7]
    assert points[2].payload == {"new": 1}
    assert not points[3].payload


# -- Reads.


def test_scroll_pages(qdrant, name):
    make(qdrant, name)
    fill(qdrant, name, 95)
    seen, offset, pages = [], None, 0
    while True:
        page, offset = qdrant.scroll(name, limit=20, offset=offset)
        seen += ids_of(page)
        pages += 1
        if offset is None:
            break
    assert pages == 5 and seen == list(range(95))


def test_selectors(qdrant, name):
    make(qdrant, name, models.Distance.DOT, 2)
    payload = {"a": 1, "b": {"c": 2, "d": 3}, "e": [{"f": 1, "g": 2}]}
    qdrant.upsert(name, [models.PointStruct(id=1, vector=[1, 2], payload=payload)], wait=True)

    def first(**options):
        return qdrant.query_points(name, query=[1, 1], **options).points[0]

    assert first().payload == payload and first().vector is None
    assert first(with_payload=False).payload is None
    assert first(with_payload=["a"]).payload == {"a": 1}
    assert first(with_payload=["b.c"]).payload == {"b": {"c": 2}}
    assert first(
        with_payload=models.PayloadSelectorExclude(exclude=["b.c", "e"])
    ).payload == {"a": 1, "b": {"d": 3}}
    assert first(
        with_payload=models.PayloadSelectorInclude(include=["a", "b.d"])
    ).payload == {"a": 1, "b": {"d": 3}}
    assert first(with_vectors=True).vector == [1, 2]


def test_cosine_vectors_come_back_with_unit_length(qdrant, name):
    make(qdrant, name, models.Distance.COSINE, 2)
    qdrant.upsert(name, [models.PointStruct(id=1, vector=[3, 4])], wait=True)
    assert qdrant.retrieve(name, [1], with_vectors=True)[0].vector == pytest.approx([0.6, 0.8])


SCORES = {
    models.Distance.COSINE: lambda q, x: (x @ q)
    / (np.linalg.norm(x, axis=1) * np.linalg.norm(q)),
    models.Distance.DOT: lambda q, x: x @ q,
    models.Distance.EUCLID: lambda q, x: np.linalg.norm(x - q, axis=1),
    models.Distance.MANHATTAN: lambda q, x: np.abs(x - q).sum(axis=1),
}


def best_first(scores, distance):
    similarity = distance in (models.Distance.COSINE, models.Distance.DOT)
    return np.argsort(-scores if similarity else scores, kind="stable")


@pytest.mark.parametrize("distance", SCORES, ids=lambda d: d.value)
def test_distances(qdrant, name, distance):
    vectors = random_vectors(COUNT)
    make(qdrant, name, distance)
    qdrant.upsert(name, models.Batch(ids=list(range(COUNT)), vectors=vectors.tolist()), wait=True)
    for query in random_vectors(5, seed=8):
        scores = SCORES[distance](query.astype(np.float64), vectors.astype(np.float64))
        order = best_first(scores, distance)
        hits = qdrant.query_points(name, query=query.tolist(), limit=20).points
        assert ids_of(hits) == order[:20].tolist()
        assert [h.score for h in hits] == pytest.approx(scores[order[:20]].tolist(), abs=1e-4)
        # An offset shifts the same list.
        shifted = qdrant.query_points(name, query=query.tolist(), limit=5, offset=7).points
        assert ids_of(shifted) == order[7:12].tolist()
        # A threshold cuts it.
        cut = float((scores[order[9]] + scores[order[10]]) / 2)
        above = qdrant.query_points(name, query=query.tolist(), limit=50, score_threshold=cut).points
        assert ids_of(above) == order[:10].tolist()


def test_query_by_id(qdrant, name):
    vectors = random_vectors(50)
    make(qdrant, name)
    qdrant.upsert(name, models.Batch(ids=list(range(50)), vectors=vectors.tolist()), wait=True)
    scores = SCORES[models.Distance.COSINE](vectors[3], vectors)
    expected = [i for i in best_first(scores, models.Distance.COSINE).tolist() if i != 3]
    assert ids_of(qdrant.query_points(name, query=3, limit=10).points) == expected[:10]
    with pytest.raises(UnexpectedResponse) as refused:
        qdrant.query_points(name, query=999)
    assert refused.value.status_code in (400, 404) and "999" in str(refused.value)


def test_query_without_a_vector_lists_points(qdrant, name):
    make(qdrant, name)
    fill(qdrant, name, 20)
    assert ids_of(qdrant.query_points(name, limit=5).points) == [0, 1, 2, 3, 4]


def test_query_batch(qdrant, name):
    vectors = random_vectors(60)
    make(qdrant, name)
    qdrant.upsert(name, models.Batch(ids=list(range(60)), vectors=vectors.tolist()), wait=True)
    queries = random_vectors(4, seed=9).tolist()
    answers = qdrant.query_batch_points(
        name, [models.QueryRequest(query=q, limit=3 + i) for i, q in enumerate(queries)]
    )
    for i, query in enumerate(queries):
        single = qdrant.query_points(name, query=query, limit=3 + i).points
        assert ids_of(answers[i].points) == ids_of(single)


TEXTS = [
    "A cat sleeps on the warm window sill.",
    "The stock market fell sharply on Monday.",
    "Bake the bread at 220 degrees for half an hour.",
    "The telescope found a planet outside the solar system.",
    "The goalkeeper saved a penalty in the last minute.",
]


def test_texts(qdrant, name):
    make(qdrant, name, models.Distance.COSINE, 384)
    qdrant.upsert(
        name,
        [
            models.PointStruct(
                id=i,
                vector=models.Document(text=text, model="sentence-transformers/all-MiniLM-L6-v2"),
                payload={"text": text},
            )
            for i, text in enumerate(TEXTS)
        ],
        wait=True,
    )
    for text, expected in [
        ("a kitten taking a nap", 0),
        ("shares and investors", 1),
        ("recipe", 2),
        ("astronomy", 3),
        ("football", 4),
    ]:
        document = models.Document(text=text, model="sentence-transformers/all-MiniLM-L6-v2")
        assert qdrant.query_points(name, query=document).points[0].id == expected
    # A stored text finds itself with a score of one.
    itself = models.Document(text=TEXTS[2], model="sentence-transformers/all-MiniLM-L6-v2")
    hit = qdrant.query_points(name, query=itself, limit=1).points[0]
    assert hit.id == 2 and hit.score == pytest.approx(1, abs=1e-5)


def test_text_of_an_unknown_model_is_refused(qdrant, name):
    make(qdrant, name, models.Distance.COSINE, 384)
    with pytest.raises(UnexpectedResponse) as refused:
        qdrant.upsert(
            name, [models.PointStruct(id=1, vector=models.Document(text="x", model="no/such"))]
        )
    assert refused.value.status_code in (400, 404) and "no/such" in str(refused.value)
    assert qdrant.count(name).count == 0


def test_texts_for_a_wider_vector_are_refused(qdrant, name):
    make(qdrant, name, models.Distance.COSINE, 500)
    with pytest.raises(UnexpectedResponse) as refused:
        qdrant.upsert(
            name,
            [models.PointStruct(id=1, vector=models.Document(text="x", model="all-MiniLM-L6-v2"))],
        )
    assert refused.value.status_code == 400 and "384" in str(refused.value)


# -- Filters, against the client's local mode.


def payloads(count, seed=3):
    rng = np.random.default_rng(seed)
    colors = ["red", "green", "blue", "käse"]
    made = []
    for i in range(count):
        payload = {
            "color": colors[rng.integers(4)],
            "size": int(rng.integers(0, 20)),
            "price": float(np.round(rng.uniform(0, 100), 2)),
            "sold": bool(rng.integers(2)),
            "tags": [colors[j] for j in rng.choice(4, size=rng.integers(0, 3), replace=False)],
            "maker": {"city": ["Ulm", "Bonn"][rng.integers(2)], "age": int(rng.integers(1, 90))},
            "parts": [
                {"kind": ["bolt", "nut"][rng.integers(2)], "count": int(rng.integers(0, 5))}
                for _ in range(rng.integers(0, 4))
            ],
            "day": f"2024-{rng.integers(1, 13):02}-{rng.integers(1, 28):02}T12:00:00Z",
        }
        if i % 5 == 0:
            payload["note"] = None
        if i % 7 == 0:
            del payload["price"]
        if i % 11 == 0:
            payload["note"] = "n"
        made.append(payload)
    return made


def fill(client, name, count):
    client.upsert(
        name,
        models.Batch(
            ids=list(range(count)),
            vectors=random_vectors(count).tolist(),
            payloads=payloads(count),
        ),
        wait=True,
    )


def match(key, value):
    return models.FieldCondition(key=key, match=models.MatchValue(value=value))


def within(key, **bounds):
    return models.FieldCondition(key=key, range=models.Range(**bounds))


RED, SOLD, BIG = match("color", "red"), match("sold", True), within("size", gte=12)

FILTERS = {
    "must": models.Filter(must=[RED, SOLD]),
    "should": models.Filter(should=[RED, BIG]),
    "must_not": models.Filter(must_not=[RED, BIG]),
    "all clauses": models.Filter(must=[SOLD], should=[RED, BIG], must_not=[match("size", 3)]),
    "min_should": models.Filter(
        min_should=models.MinShould(conditions=[RED, SOLD, BIG], min_count=2)
    ),
    "empty": models.Filter(),
    "nothing": models.Filter(must=[match("color", "purple")]),
    "match integer": models.Filter(must=[match("size", 7)]),
    "match unicode": models.Filter(must=[match("color", "käse")]),
    "match in a list": models.Filter(must=[match("tags", "blue")]),
    "match any": models.Filter(
        must=[models.FieldCondition(key="color", match=models.MatchAny(any=["red", "blue"]))]
    ),
    "match any integer": models.Filter(
        must=[models.FieldCondition(key="size", match=models.MatchAny(any=[1, 2, 3]))]
    ),
    "match any in a list": models.Filter(
        must=[models.FieldCondition(key="tags", match=models.MatchAny(any=["red", "blue"]))]
    ),
    "match except": models.Filter(
        must=[models.FieldCondition(key="color", match=models.MatchExcept(**{"except": ["red"]}))]
    ),
    "range": models.Filter(must=[within("price", gt=20, lte=60.5)]),
    "range of integers": models.Filter(must=[within("size", gte=5, lt=9)]),
    "datetime range": models.Filter(
        must=[
            models.FieldCondition(
                key="day",
                range=models.DatetimeRange(gte="2024-03-01T00:00:00Z", lt="2024-07-01T00:00:00Z"),
            )
        ]
    ),
    "values count": models.Filter(
        must=[models.FieldCondition(key="parts", values_count=models.ValuesCount(gte=2))]
    ),
    "has_id": models.Filter(must=[models.HasIdCondition(has_id=[1, 5, 250, 9999])]),
    "not has_id": models.Filter(must_not=[models.HasIdCondition(has_id=list(range(100)))]),
    "is_null": models.Filter(
        must=[models.IsNullCondition(is_null=models.PayloadField(key="note"))]
    ),
    "is_empty": models.Filter(
        must=[models.IsEmptyCondition(is_empty=models.PayloadField(key="note"))]
    ),
    "is_empty list": models.Filter(
        must=[models.IsEmptyCondition(is_empty=models.PayloadField(key="tags"))]
    ),
    "not is_empty": models.Filter(
        must_not=[models.IsEmptyCondition(is_empty=models.PayloadField(key="price"))]
    ),
    "nested key": models.Filter(must=[match("maker.city", "Ulm"), within("maker.age", lt=40)]),
    "key in a list": models.Filter(must=[match("parts[].kind", "bolt")]),
    "key at an index": models.Filter(must=[match("parts[0].kind", "nut")]),
    "range in a list": models.Filter(must=[within("parts[].count", gte=4)]),
    "nested": models.Filter(
        must=[
            models.NestedCondition(
                nested=models.Nested(
                    key="parts",
                    filter=models.Filter(
                        must=[match("kind", "bolt"), within("count", gte=3)]
                    ),
                )
            )
        ]
    ),
    "filter in a filter": models.Filter(
        should=[
            models.Filter(must=[RED, SOLD]),
            models.Filter(must=[BIG], must_not=[SOLD]),
        ]
    ),
}


@pytest.fixture(scope="module")
def twins(qdrant):
    """The same points in the server and in the client's local mode."""
    name = f"twins-{uuid.uuid4().hex[:8]}"
    local = QdrantClient(":memory:")
    for client in (qdrant, local):
        make(client, name)
        fill(client, name, COUNT)
    return qdrant, local, name


@pytest.mark.parametrize("which", FILTERS)
def test_filters_agree_with_local_mode(twins, which):
    remote, local, name = twins
    rule = FILTERS[which]
    expected = ids_of(local.scroll(name, scroll_filter=rule, limit=COUNT)[0])
    assert ids_of(remote.scroll(name, scroll_filter=rule, limit=COUNT)[0]) == sorted(expected)
    assert remote.count(name, count_filter=rule).count == len(expected)
    for query in random_vectors(3, seed=10).tolist():
        here = remote.query_points(name, query=query, query_filter=rule, limit=15).points
        there = local.query_points(name, query=query, query_filter=rule, limit=15).points
        assert ids_of(here) == ids_of(there)
        assert [h.score for h in here] == pytest.approx([t.score for t in there], abs=1e-4)
        assert [h.payload for h in here] == [t.payload for t in there]


def test_match_text(twins):
    remote, _, name = twins
    rule = models.Filter(
        must=[models.FieldCondition(key="color", match=models.MatchText(text="ree"))]
    )
    found = remote.scroll(name, scroll_filter=rule, limit=COUNT)[0]
    assert found and {point.payload["color"] for point in found} == {"green"}
