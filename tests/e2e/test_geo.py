"""Areas as filters, with the unmodified qdrant-client: the answers are those of shapely and of a
haversine in numpy, and those of the client's local mode; with and without an index, after changes
and restarts."""

import uuid

import numpy as np
import pytest

qdrant_client = pytest.importorskip("qdrant_client")
shapely = pytest.importorskip("shapely")
from qdrant_client import QdrantClient, models  # noqa: E402
from qdrant_client.http.exceptions import UnexpectedResponse  # noqa: E402

from server import Server, missing  # noqa: E402

COUNT = 600
EARTH_RADIUS = 6371008.8
FIELDS = ("place", "places", "stops[].at")
NO_PLACES = (None, [], "13.4,52.5", 7, {"lon": 13.4}, {"lon": "13.4", "lat": 52.5}, [13.4, 52.5])


def place(lon, lat):
    return {"lon": float(lon), "lat": float(lat)}


def random_place(rng):
    # Half of them lie close together.
    if rng.random() < 0.5:
        return place(rng.normal(10, 8), rng.normal(50, 6))
    return place(rng.uniform(-180, 180), rng.uniform(-90, 90))


def payloads(seed, count):
    rng = np.random.default_rng(seed)
    made = []
    for i in range(count):
        payload = {
            "place": random_place(rng),
            "places": [random_place(rng) for _ in range(rng.integers(0, 4))],
            "stops": [{"at": random_place(rng), "n": j} for j in range(rng.integers(0, 3))],
        }
        if i % 9 == 0:
            payload["place"] = NO_PLACES[i // 9 % len(NO_PLACES)]
            payload["places"].append(NO_PLACES[i // 9 % len(NO_PLACES)])
        if i % 11 == 0:
            del payload["place"]
        made.append(payload)
    return made


def point(lon, lat):
    return models.GeoPoint(lon=lon, lat=lat)


def box(left, top, right, bottom):
    return {
        "geo_bounding_box": models.GeoBoundingBox(
            top_left=point(left, top), bottom_right=point(right, bottom)
        )
    }


def circle(lon, lat, radius):
    return {"geo_radius": models.GeoRadius(center=point(lon, lat), radius=radius)}


def polygon(exterior, *interiors):
    def ring(corners):
        return models.GeoLineString(points=[point(*corner) for corner in [*corners, corners[0]]])

    holes = [ring(corners) for corners in interiors]
    return {"geo_polygon": models.GeoPolygon(exterior=ring(exterior), interiors=holes or None)}


def star(rng, middle, size):
    """Corners round the middle; scaled down they lie within."""
    count = rng.integers(4, 12)
    angles = (np.arange(count) + rng.uniform(0, 0.8, count)) * 2 * np.pi / count
    reach = rng.uniform(0.3, 1, count) * size
    corners = np.stack([np.cos(angles) * 2 * reach, np.sin(angles) * reach], axis=1)
    return lambda scale: (middle + scale * corners).tolist()


def random_areas(seed, count):
    rng = np.random.default_rng(seed)
    areas = []
    for i in range(count):
        middle = np.array([rng.normal(10, 8), rng.normal(50, 6)])
        size = 10 ** rng.uniform(-1, 1.2)
        left, right = np.sort(rng.uniform(-180, 180, 2))
        bottom, top = np.sort(rng.uniform(-90, 90, 2))
        areas.append(circle(*middle, size * 1e5))
        areas.append(circle(left, top, rng.uniform(0, 1.5e7)))
        areas.append(box(left, top, right, bottom))
        areas.append(box(right, top, left, bottom))  # across the antimeridian
        corners = star(rng, middle, size)
        areas.append(polygon(corners(1)))
        areas.append(polygon(corners(1), corners(0.5)))
    return areas


def distances(center, places):
    lon, lat = np.radians(places).T
    to_lon, to_lat = np.radians([center.lon, center.lat])
    haversine = (
        np.sin((lat - to_lat) / 2) ** 2
        + np.cos(lat) * np.cos(to_lat) * np.sin((lon - to_lon) / 2) ** 2
    )
    return 2 * EARTH_RADIUS * np.arcsin(np.sqrt(haversine))


def contains(area, places):
    """Which of the places, an array of longitudes and latitudes, the area contains."""
    (kind, shape), = area.items()
    if kind == "geo_radius":
        return distances(shape.center, places) <= shape.radius
    if kind == "geo_polygon":
        rings = [
            [(corner.lon, corner.lat) for corner in ring.points]
            for ring in [shape.exterior, *(shape.interiors or [])]
        ]
        return shapely.covers(shapely.Polygon(rings[0], rings[1:]), shapely.points(places))
    top_left, bottom_right = shape.top_left, shape.bottom_right
    east = places[:, 0] >= top_left.lon
    west = places[:, 0] <= bottom_right.lon
    across = top_left.lon > bottom_right.lon
    height = (places[:, 1] <= top_left.lat) & (places[:, 1] >= bottom_right.lat)
    return height & ((east | west) if across else (east & west))


def places_of(payload, field):
    if field == "place":
        found = [payload.get("place")]
    elif field == "places":
        found = payload["places"]
    else:
        found = [stop["at"] for stop in payload["stops"]]
    numbers = [one for one in found if isinstance(one, dict)]
    return [
        (one["lon"], one["lat"])
        for one in numbers
        if all(isinstance(one.get(axis), float) for axis in ("lon", "lat"))
    ]


def expected(stored, field, area):
    pairs = [(id, one) for id, payload in stored.items() for one in places_of(payload, field)]
    inside = contains(area, np.array([one for _, one in pairs]))
    return sorted({id for (id, _), yes in zip(pairs, inside) if yes})


def where(field, area):
    return models.Filter(must=[models.FieldCondition(key=field, **area)])


def ids_of(client, name, rule):
    return sorted(hit.id for hit in client.scroll(name, scroll_filter=rule, limit=10 * COUNT)[0])


def make(client, name):
    config = models.VectorParams(size=2, distance=models.Distance.DOT)
    client.create_collection(name, vectors_config=config)


def store(client, name, stored):
    client.upsert(
        name,
        models.Batch(
            ids=list(stored), vectors=[[1.0, 0.0]] * len(stored), payloads=list(stored.values())
        ),
        wait=True,
    )


def index(client, name):
    client.create_payload_index(name, "place", models.PayloadSchemaType.GEO, wait=True)
    client.create_payload_index(name, "places", models.GeoIndexParams(type="geo"), wait=True)
    client.create_payload_index(name, "stops[].at", "geo", wait=True)


@pytest.fixture(scope="module", params=["no index", "indexed after", "indexed before"])
def filled(qdrant, request):
    """A collection with a history, the same in local mode, and what they hold."""
    name = f"geo-{uuid.uuid4().hex[:8]}"
    local = QdrantClient(":memory:")
    stored = dict(enumerate(payloads(1, COUNT)))
    for client in (qdrant, local):
        make(client, name)
    if request.param == "indexed before":
        index(qdrant, name)
    moved = dict(zip(range(100, 160), payloads(2, 60)))
    for client in (qdrant, local):
        store(client, name, stored)
        store(client, name, moved)
        client.delete(name, models.PointIdsList(points=list(range(200, 230))), wait=True)
        client.set_payload(name, {"place": place(10, 50)}, points=[1, 2, 3], wait=True)
        client.delete_payload(name, ["place"], points=[4, 5], wait=True)
    stored |= moved
    stored = {id: payload for id, payload in stored.items() if not 200 <= id < 230}
    stored |= {id: {**stored[id], "place": place(10, 50)} for id in (1, 2, 3)}
    stored |= {id: {**stored[id], "place": None} for id in (4, 5)}
    if request.param == "indexed after":
        index(qdrant, name)
    yield qdrant, local, name, stored
    qdrant.delete_collection(name)


@pytest.mark.parametrize("field", FIELDS)
def test_answers_are_those_of_two_other_calculations(filled, field):
    remote, local, name, stored = filled
    found = 0
    for area in random_areas(3, 25):
        rule = where(field, area)
        ids = expected(stored, field, area)
        assert ids_of(remote, name, rule) == ids, area
        assert remote.count(name, count_filter=rule).count == len(ids)
        assert ids_of(local, name, rule) == ids, area
        found += len(ids)
    assert found > 1000


def test_areas_combine_with_other_conditions(filled):
    remote, local, name, _ = filled
    areas = random_areas(4, 10)
    for one, other in zip(areas, areas[5:]):
        place_in, places_in = (
            models.FieldCondition(key=field, **area)
            for field, area in (("place", one), ("places", other))
        )
        stop = models.NestedCondition(
            nested=models.Nested(
                key="stops",
                filter=models.Filter(
                    must=[
                        models.FieldCondition(key="at", **one),
                        models.FieldCondition(key="n", match=models.MatchValue(value=1)),
                    ]
                ),
            )
        )
        for rule in (
            models.Filter(must=[place_in, places_in]),
            models.Filter(must_not=[place_in, places_in]),
            models.Filter(should=[place_in, stop]),
            models.Filter(must=[stop]),
            models.Filter(must=[places_in], must_not=[stop, place_in]),
        ):
            assert ids_of(remote, name, rule) == ids_of(local, name, rule)


@pytest.mark.parametrize("indexed", [False, True])
def test_borders_belong_to_areas(qdrant, name, indexed):
    make(qdrant, name)
    if indexed:
        index(qdrant, name)
    corners = [(10, 20), (14, 20), (14, 24), (10, 24), (12, 20), (12, 22), (180, 0), (-180, 0)]
    stored = {id: {"place": place(*corner)} for id, corner in enumerate(corners)}
    stored[8] = {"place": place(12, 95)}
    stored[9] = {"place": place(181, 22)}
    store(qdrant, name, stored)

    def ids(area):
        return ids_of(qdrant, name, where("place", area))

    square = [(10, 20), (14, 20), (14, 24), (10, 24)]
    assert ids(box(10, 24, 14, 20)) == [0, 1, 2, 3, 4, 5]
    assert ids(box(12, 22, 12, 22)) == [5]
    assert ids(box(180, 0, -180, 0)) == [6, 7]
    assert ids(box(-180, 90, 180, -90)) == list(range(8))
    assert ids(circle(12, 22, 0)) == [5]
    assert ids(circle(180, 0, 1)) == [6, 7]
    assert ids(circle(0, 90, 2.1e7)) == list(range(8))
    assert ids(polygon(square)) == [0, 1, 2, 3, 4, 5]
    assert ids(polygon(square, [(11, 21), (13, 21), (13, 23), (11, 23)])) == [0, 1, 2, 3, 4]
    assert ids(polygon(square, [(12, 22), (13, 22), (13, 23), (12, 23)])) == [0, 1, 2, 3, 4, 5]


def test_the_index_shows_and_serves(filled, http):
    remote, _, name, stored = filled
    schema = remote.get_collection(name).payload_schema
    for field, index in schema.items():
        assert index.data_type == models.PayloadSchemaType.GEO
        assert index.points == sum(bool(places_of(one, field)) for one in stored.values())
    rule = where("place", circle(10, 50, 500_000))
    body = {
        "query": [1, 0],
        "filter": rule.model_dump(exclude_none=True),
        "params": {"explain": True},
    }
    plan = http.post(f"/collections/{name}/points/query", json=body).json()["result"]["plan"]
    if schema:
        assert set(schema) == set(FIELDS)
        assert plan["filter_indexed"] == ["place"] and plan["filter_unindexed"] == []
        assert plan["filter_payloads"] == 0
    else:
        assert plan["filter_indexed"] == [] and plan["filter_unindexed"] == ["place"]
        assert plan["filter_payloads"] == len(stored)
    with pytest.raises(UnexpectedResponse) as refused:
        remote.facet(name, "place")
    assert refused.value.status_code == 400 and "place" in str(refused.value)


@pytest.mark.parametrize("end", ["stop", "kill"])
def test_a_restart_finds_the_index(tmp_path, end):
    if reason := missing():
        pytest.skip(reason)
    areas = random_areas(5, 5)
    with Server(tmp_path) as server:
        client = QdrantClient(url=server.url, prefer_grpc=False, timeout=60)
        make(client, "c")
        stored = dict(enumerate(payloads(6, 200)))
        store(client, "c", stored)
        index(client, "c")
        store(client, "c", dict(zip(range(50), payloads(7, 50))))
        stored |= dict(zip(range(50), payloads(7, 50)))
        getattr(server, end)()
        server.start()
        client = QdrantClient(url=server.url, prefer_grpc=False, timeout=60)
        assert set(client.get_collection("c").payload_schema) == set(FIELDS)
        for field in FIELDS:
            for area in areas:
                assert ids_of(client, "c", where(field, area)) == expected(stored, field, area)
