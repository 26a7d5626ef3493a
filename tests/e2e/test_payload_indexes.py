"""Payload indexes with the unmodified qdrant-client: every answer with them is the answer of the
client's local mode, which has none; facets, the collection's schema, and restarts."""

import uuid

import pytest

qdrant_client = pytest.importorskip("qdrant_client")
from qdrant_client import QdrantClient, models  # noqa: E402
from qdrant_client.http.exceptions import UnexpectedResponse  # noqa: E402

from server import Server, missing  # noqa: E402
from test_qdrant_client import (  # noqa: E402
    COUNT,
    FILTERS,
    fill,
    ids_of,
    make,
    match,
    payloads,
    random_vectors,
    within,
)

SCHEMA = {
    "color": models.PayloadSchemaType.KEYWORD,
    "size": models.IntegerIndexParams(type="integer", lookup=True, range=True),
    "price": models.PayloadSchemaType.FLOAT,
    "sold": models.PayloadSchemaType.BOOL,
    "tags": models.KeywordIndexParams(type="keyword", is_tenant=False),
    "day": models.PayloadSchemaType.DATETIME,
    "parts[].kind": models.PayloadSchemaType.KEYWORD,
    "parts[].count": models.PayloadSchemaType.INTEGER,
    "parts": models.PayloadSchemaType.KEYWORD,
    "maker.city": models.PayloadSchemaType.KEYWORD,
    "note": models.TextIndexParams(type="text", tokenizer=models.TokenizerType.WORD),
    "key": models.PayloadSchemaType.UUID,
}


def index(client, name):
    for field, schema in SCHEMA.items():
        done = client.create_payload_index(name, field, schema, wait=True)
        assert done.status == models.UpdateStatus.COMPLETED


@pytest.fixture(scope="module", params=["indexed after", "indexed before"])
def twins(qdrant, request):
    name = f"indexed-{uuid.uuid4().hex[:8]}"
    local = QdrantClient(":memory:")
    for client in (qdrant, local):
        make(client, name)
    if request.param == "indexed before":
        index(qdrant, name)
    for client in (qdrant, local):
        fill(client, name, COUNT)
        # Points that came, changed and went.
        client.delete(name, models.PointIdsList(points=list(range(40, 60))), wait=True)
        client.set_payload(name, {"color": "red", "size": 12}, points=list(range(10)), wait=True)
        client.delete_payload(name, ["tags"], points=list(range(20, 30)), wait=True)
        client.upsert(
            name,
            models.Batch(
                ids=list(range(50, 70)),
                vectors=random_vectors(20, seed=8).tolist(),
                payloads=payloads(20, seed=9),
            ),
            wait=True,
        )
    if request.param == "indexed after":
        index(qdrant, name)
    return qdrant, local, name


@pytest.mark.parametrize("which", FILTERS)
def test_answers_are_those_of_local_mode(twins, which):
    remote, local, name = twins
    rule = FILTERS[which]
    expected = sorted(ids_of(local.scroll(name, scroll_filter=rule, limit=COUNT)[0]))
    assert ids_of(remote.scroll(name, scroll_filter=rule, limit=COUNT)[0]) == expected
    assert remote.count(name, count_filter=rule).count == len(expected)
    paged, offset = [], None
    while True:
        page, offset = remote.scroll(name, scroll_filter=rule, limit=7, offset=offset)
        paged += ids_of(page)
        if offset is None:
            break
    assert paged == expected
    for query in random_vectors(3, seed=10).tolist():
        here = remote.query_points(name, query=query, query_filter=rule, limit=15).points
        there = local.query_points(name, query=query, query_filter=rule, limit=15).points
        assert ids_of(here) == ids_of(there)


def hits_of(answer):
    return [(hit.value, hit.count) for hit in answer.hits]


@pytest.mark.parametrize("key", ["color", "size", "sold", "tags", "parts[].kind", "maker.city"])
@pytest.mark.parametrize("which", [None, "must", "should", "range", "nothing", "nested"])
def test_facets_are_those_of_local_mode(twins, key, which):
    remote, local, name = twins
    rule = FILTERS[which] if which else None
    for limit in (3, 100):
        here = remote.facet(name, key, facet_filter=rule, limit=limit, exact=True)
        assert hits_of(here) == hits_of(local.facet(name, key, facet_filter=rule, limit=limit))


def test_facets_need_an_index_that_has_them(twins):
    remote, _, name = twins
    for key in ("price", "nobody"):
        with pytest.raises(UnexpectedResponse) as refused:
            remote.facet(name, key)
        assert refused.value.status_code == 400 and key in str(refused.value)


def test_the_collection_tells_its_schema(twins):
    remote, _, name = twins
    schema = remote.get_collection(name).payload_schema
    assert set(schema) == set(SCHEMA)
    assert schema["color"].data_type == models.PayloadSchemaType.KEYWORD
    assert schema["color"].points == remote.count(name).count
    assert schema["size"].params.lookup is True
    assert schema["key"].points == 0


def test_the_plan_names_what_was_used(twins, http):
    _, _, name = twins
    rule = models.Filter(must=[match("color", "red"), match("maker.age", 30)])
    body = {
        "query": random_vectors(1)[0].tolist(),
        "filter": rule.model_dump(exclude_none=True),
        "params": {"explain": True},
    }
    plan = http.post(f"/collections/{name}/points/query", json=body).json()["result"]["plan"]
    assert plan["filter_indexed"] == ["color"]
    assert plan["filter_unindexed"] == ["maker.age"]
    assert 0 < plan["filter_payloads"] < COUNT


def test_changes_by_filter(qdrant, name):
    make(qdrant, name)
    index(qdrant, name)
    fill(qdrant, name, 200)
    small = models.Filter(must=[within("size", lt=5)])
    count = qdrant.count(name, count_filter=small).count
    assert 0 < count < 200
    qdrant.set_payload(name, {"color": "small"}, points=small, wait=True)
    assert qdrant.count(name, count_filter=models.Filter(must=[match("color", "small")])).count == count
    qdrant.delete(name, models.FilterSelector(filter=small), wait=True)
    assert qdrant.count(name).count == 200 - count
    assert qdrant.count(name, count_filter=small).count == 0


def test_indexes_come_and_go(qdrant, name):
    make(qdrant, name)
    fill(qdrant, name, 50)
    rule = models.Filter(must=[match("size", 7)])
    before = qdrant.count(name, count_filter=rule).count
    for schema in ("integer", "keyword", "float"):
        qdrant.create_payload_index(name, "size", schema)
        assert qdrant.get_collection(name).payload_schema["size"].data_type == schema
        assert qdrant.count(name, count_filter=rule).count == before
    qdrant.delete_payload_index(name, "size")
    qdrant.delete_payload_index(name, "size")
    assert qdrant.get_collection(name).payload_schema == {}
    assert qdrant.count(name, count_filter=rule).count == before
    with pytest.raises(UnexpectedResponse) as refused:
        qdrant.create_payload_index(name, "a[", "keyword")
    assert refused.value.status_code == 400


@pytest.mark.parametrize("end", ["stop", "kill"])
def test_a_restart_finds_them(tmp_path, end):
    if reason := missing():
        pytest.skip(reason)
    with Server(tmp_path) as server:
        client = QdrantClient(url=server.url, prefer_grpc=False, timeout=60)
        make(client, "c")
        fill(client, "c", 100)
        index(client, "c")
        client.delete("c", models.PointIdsList(points=[1, 2, 3]), wait=True)
        client.set_payload("c", {"color": "late"}, points=[5, 6], wait=True)
        counts = {which: client.count("c", count_filter=rule).count for which, rule in FILTERS.items()}
        getattr(server, end)()
        server.start()
        client = QdrantClient(url=server.url, prefer_grpc=False, timeout=60)
        for which, rule in FILTERS.items():
            assert client.count("c", count_filter=rule).count == counts[which]
        late = models.Filter(must=[match("color", "late")])
        assert client.count("c", count_filter=late).count == 2
        assert set(client.get_collection("c").payload_schema) == set(SCHEMA)
