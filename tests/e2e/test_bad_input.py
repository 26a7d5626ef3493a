"""Whatever is sent gets an answer that says what is wrong, in the dialect of the route, and the
process goes on."""

import json
import os
import socket
import subprocess

import pytest

from server import Server, missing

VECTOR = [0.1, 0.2, 0.3, 0.4]


@pytest.fixture(scope="module")
def collection(http):
    name = "bad-input"
    body = {"vectors": {"size": 4, "distance": "Cosine"}}
    assert http.put(f"/collections/{name}", json=body).status_code == 200
    point = {"id": 1, "vector": VECTOR, "payload": {"a": 1}}
    url = f"/collections/{name}/points?wait=true"
    assert http.put(url, json={"points": [point]}).status_code == 200
    yield f"/collections/{name}"
    # After all of it, everything still works and nothing bad got in.
    assert http.get("/readyz").status_code == 200
    assert http.post(f"/collections/{name}/points/count", json={}).json()["result"]["count"] == 1


def send(http, method, url, content):
    headers = {"content-type": "application/json"}
    return http.request(method, url, content=content, headers=headers)


def qdrant_error(response, status, *parts):
    assert response.status_code == status, response.text
    body = response.json()
    assert set(body) == {"status", "time"} and set(body["status"]) == {"error"}
    for part in parts:
        assert part in body["status"]["error"], body
    return body["status"]["error"]


def openai_error(response, status, *parts):
    assert response.status_code == status, response.text
    body = response.json()
    assert set(body) == {"error"} and set(body["error"]) == {"message", "type", "param", "code"}
    for part in parts:
        assert part in body["error"]["message"], body
    return body["error"]


MALFORMED = {
    "nothing": b"",
    "cut off": b'{"points": [{"id": 2, "vector": [0.1',
    "two documents": b"{}{}",
    "single quotes": b"{'points': []}",
    "NaN": b'{"points": [{"id": 2, "vector": [NaN, 0, 0, 0]}]}',
    "Infinity": b'{"points": [{"id": 2, "vector": [Infinity, 0, 0, 0]}]}',
    "beyond a double": b'{"points": [{"id": 2, "vector": [1e999, 0, 0, 0]}]}',
    "not UTF-8": b'{"points": [{"id": 2, "vector": [1, 0, 0, 0], "payload": {"a": "\xff\xfe"}}]}',
    "half a surrogate": b'{"points": [{"id": 2, "vector": [1, 0, 0, 0], "payload": {"a": "\\ud800"}}]}',
    "binary": bytes(range(256)),
    "deep lists": b"[" * 100_000,
    "deep objects": b'{"a":' * 100_000 + b"1" + b"}" * 100_000,
    "deep payload": b'{"points": [{"id": 2, "vector": [1,0,0,0], "payload": {"a": '
    + b"[" * 500 + b"]" * 500 + b"}}]}",
}


@pytest.mark.parametrize("which", MALFORMED)
def test_malformed_json(http, collection, which):
    answer = send(http, "PUT", collection + "/points", MALFORMED[which])
    qdrant_error(answer, 400, "request body")
    openai_error(send(http, "POST", "/v1/embeddings", MALFORMED[which]), 400, "request body")


def point(**changes):
    return {"points": [{"id": 2, "vector": VECTOR, **changes}]}


BAD_UPSERTS = {
    "narrow": (point(vector=[1, 2, 3]), "4"),
    "wide": (point(vector=[1, 2, 3, 4, 5]), "4"),
    "no numbers": (point(vector=[]), "4"),
    "beyond a float": (point(vector=[1e300, 0, 0, 0]), "points[0].vector[0]"),
    "a string inside": (point(vector=[1, "2", 3, 4]), "points[0].vector[1]"),
    "null inside": (point(vector=[1, None, 3, 4]), "points[0].vector[1]"),
    "multivector": (point(vector=[[1, 2, 3, 4]]), "points[0].vector"),
    "sparse": (point(vector={"indices": [1], "values": [1.0]}), "points[0].vector"),
    "unknown name": (point(vector={"other": VECTOR}), "other"),
    "vector a string": (point(vector="x"), "points[0].vector"),
    "text a number": (point(vector={"text": 5}), "points[0].vector.text"),
    "text and more": (point(vector={"text": "a", "colour": 1}), "points[0].vector.colour"),
    "no vector": ({"points": [{"id": 2}]}, "points[0].vector"),
    "no id": ({"points": [{"vector": VECTOR}]}, "points[0].id"),
    "negative id": (point(id=-1), "points[0].id"),
    "fractional id": (point(id=1.5), "points[0].id"),
    "too large an id": (point(id=2**64), "points[0].id"),
    "name as id": (point(id="seven"), "points[0].id"),
    "boolean id": (point(id=True), "points[0].id"),
    "list as id": (point(id=[1]), "points[0].id"),
    "payload a list": (point(payload=[1]), "points[0].payload"),
    "unknown field of a point": (point(colour=1), "points[0].colour"),
    "unknown field": ({**point(), "colour": 1}, "colour"),
    "points an object": ({"points": {}}, "points"),
    "a list": ([], "request body"),
    "neither shape": ({}, "request body"),
    "uneven columns": ({"batch": {"ids": [2, 3], "vectors": [VECTOR]}}, "batch.vectors"),
    "second point is bad": ({"points": [point()["points"][0], {"id": "x"}]}, "points[1].id"),
}


@pytest.mark.parametrize("which", BAD_UPSERTS)
def test_bad_upserts(http, collection, which):
    body, names = BAD_UPSERTS[which]
    qdrant_error(http.put(collection + "/points?wait=true", json=body), 400, names)


def query(**fields):
    return {"query": VECTOR, **fields}


def where(condition):
    return query(filter={"must": [condition]})


PLACE = {"lon": 13.4, "lat": 52.5}

BAD_QUERIES = {
    "narrow": (query(query=[1, 2]), "4"),
    "limit zero": (query(limit=0), "limit"),
    "limit negative": (query(limit=-5), "limit"),
    "limit a string": (query(limit="10"), "limit"),
    "offset negative": (query(offset=-1), "offset"),
    "unknown field": (query(colour=1), "colour"),
    "unknown vector": (query(using="other"), "other"),
    "threshold a string": (query(score_threshold="high"), "score_threshold"),
    "unknown parameter": (query(params={"speed": 1}), "params.speed"),
    "unknown metric": (query(params={"metric": "Cosinus"}), "params.metric"),
    "no dimensions": (query(params={"dimensions": 0}), "params.dimensions"),
    "too many dimensions": (query(params={"dimensions": 5}), "params.dimensions"),
    "exact a number": (query(params={"exact": 1}), "params.exact"),
    "not supported": (query(prefetch=[{"query": VECTOR}]), "prefetch"),
    "recommend": (query(query={"recommend": {"positive": [1]}}), "query.recommend"),
    "selector": (query(with_payload={"include": 1}), "with_payload.include"),
    "filter a list": (query(filter=[]), "filter"),
    "unknown clause": (query(filter={"may": []}), "filter.may"),
    "no test": (where({"key": "a"}), "filter.must[0]"),
    "two tests": (where({"key": "a", "is_null": True, "is_empty": True}), "filter.must[0]"),
    "unknown test": (where({"key": "a", "like": "x"}), "filter.must[0].like"),
    "float in match": (where({"key": "a", "match": {"value": 1.5}}), "filter.must[0].match.value"),
    "range of strings": (where({"key": "a", "range": {"gt": "x"}}), "filter.must[0].range.gt"),
    "bad id": (where({"has_id": ["x"]}), "filter.must[0].has_id[0]"),
    "no center": (where({"key": "a", "geo_radius": {"radius": 1}}), "geo_radius.center"),
    "no radius": (where({"key": "a", "geo_radius": {"center": PLACE}}), "geo_radius.radius"),
    "negative radius": (
        where({"key": "a", "geo_radius": {"center": PLACE, "radius": -1}}),
        "filter.must[0].geo_radius.radius",
    ),
    "latitude": (
        where({"key": "a", "geo_radius": {"center": {"lon": 0, "lat": 90.5}, "radius": 1}}),
        "filter.must[0].geo_radius.center.lat",
    ),
    "longitude": (
        where({"key": "a", "geo_bounding_box": {"top_left": {"lon": 200, "lat": 0}, "bottom_right": PLACE}}),
        "filter.must[0].geo_bounding_box.top_left.lon",
    ),
    "upside down": (
        where({"key": "a", "geo_bounding_box": {"top_left": {"lon": 0, "lat": 0}, "bottom_right": PLACE}}),
        "filter.must[0].geo_bounding_box.top_left.lat",
    ),
    "altitude": (
        where({"key": "a", "geo_radius": {"center": {**PLACE, "alt": 1}, "radius": 1}}),
        "filter.must[0].geo_radius.center.alt",
    ),
    "short ring": (
        where({"key": "a", "geo_polygon": {"exterior": {"points": [PLACE] * 3}}}),
        "filter.must[0].geo_polygon.exterior.points",
    ),
    "open ring": (
        where({"key": "a", "geo_polygon": {"exterior": {"points": [PLACE] * 3 + [{"lon": 9, "lat": 9}]}}}),
        "filter.must[0].geo_polygon.exterior.points",
    ),
    "open hole": (
        where(
            {
                "key": "a",
                "geo_polygon": {
                    "exterior": {"points": [PLACE] * 4},
                    "interiors": [{"points": [PLACE] * 3 + [{"lon": 9, "lat": 9}]}],
                },
            }
        ),
        "filter.must[0].geo_polygon.interiors[0].points",
    ),
}


@pytest.mark.parametrize("which", BAD_QUERIES)
def test_bad_queries(http, collection, which):
    body, names = BAD_QUERIES[which]
    qdrant_error(http.post(collection + "/points/query", json=body), 400, names)


def test_filter_nested_too_deep(http, collection):
    rule = {"must": []}
    for _ in range(50):
        rule = {"must": [rule]}
    body = query(filter=rule)
    qdrant_error(http.post(collection + "/points/query", json=body), 400, "filter", "deep")


BAD_COLLECTIONS = {
    "no vectors": ({}, "vectors"),
    "no size": ({"vectors": {"size": None, "distance": "Dot"}}, "vectors"),
    "size zero": ({"vectors": {"size": 0, "distance": "Dot"}}, "vectors.size"),
    "size huge": ({"vectors": {"size": 1_000_000, "distance": "Dot"}}, "size"),
    "no distance": ({"vectors": {"size": 4}}, "vectors.distance"),
    "unknown distance": ({"vectors": {"size": 4, "distance": "Hamming"}}, "Hamming"),
    "unknown field": ({"vectors": {"size": 4, "distance": "Dot", "x": 1}}, "vectors.x"),
    "sparse": ({"vectors": {}, "sparse_vectors": {"s": {}}}, "sparse_vectors"),
}


@pytest.mark.parametrize("which", BAD_COLLECTIONS)
def test_bad_collections(http, collection, which):
    body, names = BAD_COLLECTIONS[which]
    qdrant_error(http.put("/collections/never", json=body), 400, names)
    assert not http.get("/collections/never/exists").json()["result"]["exists"]


@pytest.mark.parametrize("name", ["a%2Fb", "a%5Cb", "%3Cb%3E", "x" * 256, "a%00b", "a%0Ab"])
def test_bad_collection_names(http, collection, name):
    body = {"vectors": {"size": 4, "distance": "Dot"}}
    qdrant_error(http.put(f"/collections/{name}", json=body), 400)


def test_path_that_is_not_utf8(http, collection):
    qdrant_error(http.get("/collections/%FF"), 400, "path")


@pytest.mark.parametrize(
    ("method", "path", "body"),
    [
        ("GET", "", None),
        ("PUT", "/points", point()),
        ("POST", "/points", {"ids": [1]}),
        ("GET", "/points/1", None),
        ("POST", "/points/query", query()),
        ("POST", "/points/query/batch", {"searches": [query()]}),
        ("POST", "/points/scroll", {}),
        ("POST", "/points/count", {}),
        ("POST", "/points/delete", {"points": [1]}),
        ("POST", "/points/payload", {"points": [1], "payload": {}}),
        ("PATCH", "", {"vectors": {"": {"distance": "Dot"}}}),
    ],
)
def test_unknown_collection(http, collection, method, path, body):
    answer = http.request(method, "/collections/no-such" + path, json=body)
    qdrant_error(answer, 404, "no-such")


def test_unknown_collection_for_a_bulk_import(http, collection):
    qdrant_error(http.post("/collections/no-such/points/bulk", content=b"{}\n"), 404, "no-such")


def test_unknown_point(http, collection):
    qdrant_error(http.get(collection + "/points/77"), 404, "77")
    qdrant_error(http.get(collection + "/points/seven"), 400, "seven")


def test_bad_selectors_of_writes(http, collection):
    both = {"points": [1], "filter": {}}
    qdrant_error(http.post(collection + "/points/delete", json=both), 400, "points", "filter")
    qdrant_error(http.post(collection + "/points/delete", json={}), 400, "points", "filter")
    keys = {"points": [1], "keys": [1]}
    qdrant_error(http.post(collection + "/points/payload/delete", json=keys), 400, "keys[0]")
    qdrant_error(http.put(collection + "/points?wait=maybe", json=point()), 400, "wait")


def test_bad_batches(http, collection):
    for operations, names in [
        ({"operations": {}}, "operations"),
        ({"operations": [{"drop": {}}]}, "operations[0]"),
        ({"operations": [{"upsert": {"points": [{"id": "x"}]}}]}, "operations[0].upsert.points[0]"),
    ]:
        qdrant_error(http.post(collection + "/points/batch", json=operations), 400, names)


def test_wrong_content_type(http, collection):
    headers = {"content-type": "text/plain"}
    body = json.dumps(point())
    answer = http.put(collection + "/points", content=body, headers=headers)
    qdrant_error(answer, 415, "text/plain")
    openai_error(http.post("/v1/embeddings", content=b"{}", headers=headers), 415, "text/plain")


def test_wrong_method(http, collection):
    answer = http.delete(collection + "/points")
    qdrant_error(answer, 405, "DELETE")
    assert answer.headers["allow"]
    openai_error(http.get("/v1/embeddings"), 405, "POST")


def test_unknown_path(http, collection):
    qdrant_error(http.get("/no/such/path"), 404, "/no/such/path")
    openai_error(http.get("/v1/completions"), 404, "/v1/completions")


def test_bad_embeddings(http, collection):
    base = {"model": "all-MiniLM-L6-v2", "input": "x"}
    for changes, names in [
        ({"input": None}, "input"),
        ({"input": 5}, "input"),
        ({"input": ["a", 5]}, "input[1]"),
        ({"input": [[1, "a"]]}, "input[0][1]"),
        ({"input": [-1]}, "input[0]"),
        ({"model": None}, "model"),
        ({"dimensions": 0}, "dimensions"),
        ({"dimensions": "64"}, "dimensions"),
        ({"encoding_format": "hex"}, "encoding_format"),
        ({"colour": 1}, "colour"),
    ]:
        error = openai_error(http.post("/v1/embeddings", json={**base, **changes}), 400, names)
        assert error["param"] == names, error


def test_too_large_a_body_is_answered(http, collection):
    huge = b'{"points": [' + b" " * (9 << 20) + b"]}"
    qdrant_error(send(http, "PUT", collection + "/points", huge), 413, "bytes")

    def parts():
        for _ in range(9 * 16):
            yield b" " * (64 << 10)

    # Without a length the server notices on the way.
    qdrant_error(send(http, "PUT", collection + "/points", parts()), 413, "bytes")
    openai_error(send(http, "POST", "/v1/embeddings", huge), 413, "bytes")


def raw(server, data):
    with socket.create_connection(("127.0.0.1", server.port), timeout=20) as connection:
        connection.sendall(data)
        connection.shutdown(socket.SHUT_WR)
        answer = b""
        while part := connection.recv(65536):
            answer += part
        return answer


def test_what_is_not_http(server, collection):
    for data in [b"\x16\x03\x01\x02\x00\x01\x00\x01", b"hello\r\n\r\n", b"GET / HTTP/9.9\r\n\r\n"]:
        answer = raw(server, data)
        assert answer == b"" or answer.startswith(b"HTTP/1.1 400")
    long = b"GET / HTTP/1.1\r\nhost: x\r\nx-long: " + b"a" * 100_000 + b"\r\n\r\n"
    assert raw(server, long).startswith(b"HTTP/1.1 431")
    assert server.alive()


def test_connection_closed_in_the_middle(server, http, collection):
    for data in [b"", b"PUT", b"PUT /collections/bad-input/points HTTP/1.1\r\ncontent-length: 10\r\n\r\n{"]:
        raw(server, data)
    assert http.get("/healthz").status_code == 200


def test_api_key(tmp_path):
    httpx = pytest.importorskip("httpx")
    openai = pytest.importorskip("openai")
    qdrant_client = pytest.importorskip("qdrant_client")
    if reason := missing():
        pytest.skip(reason)
    with Server(tmp_path, "--api-key", "secret") as locked:
        for headers in [{}, {"api-key": "wrong"}, {"authorization": "Bearer secre"}]:
            answer = httpx.get(locked.url + "/collections", headers=headers)
            qdrant_error(answer, 401, "api-key")
            error = openai_error(httpx.get(locked.url + "/v1/models", headers=headers), 401)
            assert error["type"] == "authentication_error"
        for headers in [{"api-key": "secret"}, {"authorization": "Bearer secret"}]:
            assert httpx.get(locked.url + "/collections", headers=headers).status_code == 200
        assert httpx.get(locked.url + "/healthz").status_code == 200
        client = qdrant_client.QdrantClient(url=locked.url, api_key="secret")
        assert client.get_collections().collections == []
        wrong = openai.OpenAI(base_url=locked.url + "/v1", api_key="wrong", max_retries=0)
        with pytest.raises(openai.AuthenticationError):
            wrong.models.list()
        assert openai.OpenAI(base_url=locked.url + "/v1", api_key="secret").models.list().data


@pytest.mark.parametrize("listen", ["127.0.0.1:70000", "127.0.0.1:-1", "127.0.0.1:x", "127.0.0.1"])
def test_listen_addresses_are_checked(tmp_path, listen):
    command = [os.environ["VECNEST_BINARY"], "serve", "--data", tmp_path / "data", "--listen", listen]
    done = subprocess.run(command, capture_output=True, text=True, timeout=60)
    assert done.returncode != 0
    assert f"--listen {listen}: expected HOST:PORT" in done.stderr


def serve(tmp_path, *arguments):
    command = [os.environ["VECNEST_BINARY"], "serve", *arguments]
    return subprocess.run(command, capture_output=True, text=True, timeout=60, cwd=tmp_path)


@pytest.mark.parametrize(
    "text, reason",
    [
        ("listen = 127.0.0.1:99999", "--data"),
        ('data = "d"\nlisten = "127.0.0.1:99999"', "--listen 127.0.0.1:99999"),
        ('data = "d"\napi-kye = "secret"', "'api-kye' is not an option"),
        ('[serve]\ndata = "d"\nlisten = "127.0.0.1:99999"', "--listen 127.0.0.1:99999"),
        ('data = "d"\n[search]\nlimit = 3', "'search.limit' is not an option"),
        ("rubbish line", "is not an option"),
        ('data = "d"\nmax-body-mb = -3', "max-body-mb"),
    ],
)
def test_configuration_files_are_read(tmp_path, text, reason):
    (tmp_path / "vecnest.conf").write_text(text + "\n")
    done = serve(tmp_path, "--config", "vecnest.conf")
    assert done.returncode != 0
    assert reason in done.stderr, done.stderr


def test_the_command_line_wins_over_the_configuration(tmp_path):
    (tmp_path / "vecnest.conf").write_text('data = "d"\nlisten = "127.0.0.1:99999"\n')
    done = serve(tmp_path, "--config", "vecnest.conf", "--listen", "nonsense")
    assert "--listen nonsense" in done.stderr, done.stderr


@pytest.mark.parametrize("command", [["verify"], ["search", "--collection", "c", "text"]])
def test_no_database_is_made_by_looking_for_one(tmp_path, command):
    command = [os.environ["VECNEST_BINARY"], *command, "--data", tmp_path]
    done = subprocess.run(command, capture_output=True, text=True, timeout=60)
    assert done.returncode != 0 and "is not a data directory" in done.stderr
    assert list(tmp_path.iterdir()) == []


def test_a_batch_is_read_before_it_is_begun(http, collection):
    upsert = {"upsert": {"points": [{"id": 77, "vector": VECTOR}]}}
    answer = http.post(f"{collection}/points/batch?wait=true", json={"operations": [upsert, {"bogus": {}}]})
    assert answer.status_code == 400 and "operations[1]" in answer.json()["status"]["error"]
    assert http.get(f"{collection}/points/77").status_code == 404


def test_vector_updates_take_no_payload(http, collection):
    point = {"id": 1, "vector": VECTOR, "payload": {"x": 1}}
    answer = http.put(f"{collection}/points/vectors?wait=true", json={"points": [point]})
    assert answer.status_code == 400 and "points[0].payload" in answer.json()["status"]["error"]


def test_models_are_listed_and_unknown_ones_refused():
    binary = os.environ["VECNEST_BINARY"]
    listed = subprocess.run([binary, "models", "list"], capture_output=True, text=True, timeout=60)
    assert listed.returncode == 0
    assert "all-MiniLM-L6-v2\t" in listed.stdout
    fetch = [binary, "models", "fetch", "no-such-model"]
    done = subprocess.run(fetch, capture_output=True, text=True, timeout=60)
    assert done.returncode != 0 and "known: all-MiniLM-L6-v2" in done.stderr


def test_unknown_parameters(http, collection):
    body = {"points": [point()]}
    answer = http.put(f"{collection}/points?wiat=true", json=body)
    qdrant_error(answer, 400, "wiat", "consistency, ordering, timeout, wait")
    answer = http.post("/v1/embeddings?dimensions=3", json={"model": "all-MiniLM-L6-v2", "input": "a"})
    assert openai_error(answer, 400, "timeout")["param"] == "dimensions"
    for timeout in ("5", "never"):
        answer = http.post(f"{collection}/points/bulk?timeout={timeout}", content='{"id": 2, "vector": [1, 2, 3, 4]}\n')
        qdrant_error(answer, 400, "a bulk import has no time limit")
    assert http.get("/healthz?probe=7").status_code == 200


def test_an_empty_text_is_refused_wherever_it_stands(http, name):
    """Where an empty text of an embeddings request is, see test_openai_client.py."""
    http.put(f"/collections/{name}", json={"vectors": {"size": 384, "distance": "Cosine"}})
    base = f"/collections/{name}/points"
    empty = {"text": ""}
    points = [{"id": 1, "vector": {"text": "a"}}, {"id": 2, "vector": empty}]
    qdrant_error(http.put(base, json={"points": points}), 400, "point 2, vector '': the text must not be empty")
    chunked = [{"id": 3, "vector": {**empty, "chunk": {"max_tokens": 64}}}]
    qdrant_error(http.put(base, json={"points": chunked}), 400, "point 3", "must not be empty")
    qdrant_error(http.post(f"{base}/query", json={"query": empty}), 400, "must not be empty")
    answer = http.post(f"{base}/bulk", content='{"id": 4, "text": ""}\n{"id": 5, "text": "b"}\n')
    assert answer.status_code == 207
    assert "must not be empty" in json.loads(answer.text.splitlines()[0])["error"]
    assert http.post(f"{base}/count", json={}).json()["result"]["count"] == 1


@pytest.mark.skipif(missing() is not None, reason=str(missing()))
def test_two_models_of_one_name(tmp_path):
    (tmp_path / "sub").mkdir()
    files = [tmp_path / "tiny.txt", tmp_path / "sub" / "tiny.txt"]
    for number, file in enumerate(files):
        file.write_text(f"word {number} 1\n")
    command = [os.environ["VECNEST_BINARY"], "serve", "--data", str(tmp_path / "data"), "--listen", "127.0.0.1:0"]
    for file in files:
        command += ["--model", str(file)]
    done = subprocess.run(command, capture_output=True, text=True, timeout=60)
    assert done.returncode != 0
    assert str(files[0]) in done.stderr and str(files[1]) in done.stderr
