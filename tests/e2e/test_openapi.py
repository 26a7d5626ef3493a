"""The OpenAPI document against the server it describes."""

import re

import pytest

ROUTES = """
GET /
GET /collections
GET /collections/{collection}
PUT /collections/{collection}
PATCH /collections/{collection}
DELETE /collections/{collection}
DELETE /collections/{collection}/adapt
GET /collections/{collection}/adapt
POST /collections/{collection}/adapt
GET /collections/{collection}/adaptor
PUT /collections/{collection}/adaptor
GET /collections/{collection}/exists
POST /collections/{collection}/facet
PUT /collections/{collection}/index
DELETE /collections/{collection}/index/{field}
PUT /collections/{collection}/points
POST /collections/{collection}/points
GET /collections/{collection}/points/{id}
POST /collections/{collection}/points/batch
POST /collections/{collection}/points/bulk
POST /collections/{collection}/points/count
POST /collections/{collection}/points/delete
PUT /collections/{collection}/points/payload
POST /collections/{collection}/points/payload
POST /collections/{collection}/points/payload/clear
POST /collections/{collection}/points/payload/delete
POST /collections/{collection}/points/query
POST /collections/{collection}/points/query/batch
POST /collections/{collection}/points/scroll
POST /collections/{collection}/points/search
POST /collections/{collection}/points/search/batch
PUT /collections/{collection}/points/vectors
POST /collections/{collection}/points/vectors/delete
GET /collections/{collection}/geometry
GET /collections/{collection}/widths
GET /healthz
GET /livez
GET /metrics
GET /openapi.json
GET /readyz
POST /v1/embeddings
POST /v1/inspect/analogy
POST /v1/inspect/context
POST /v1/inspect/layers
POST /v1/inspect/neighbors
POST /v1/inspect/projection
POST /v1/inspect/rare-tokens
POST /v1/inspect/tokens
GET /v1/models
GET /v1/models/{model}
""".split("\n")[1:-1]

METHODS = ("GET", "PUT", "POST", "PATCH", "DELETE")


@pytest.fixture(scope="module")
def document(http):
    return http.get("/openapi.json").json()


def test_every_route_is_described(document):
    described = {
        f"{method.upper()} {path}" for path, item in document["paths"].items() for method in item
    }
    assert described == set(ROUTES)


@pytest.mark.parametrize("path", sorted({route.split()[1] for route in ROUTES}))
def test_the_server_has_these_methods_and_no_others(http, path):
    """A method that the path does not have lists those that it has; none of them is undescribed."""
    answer = http.request("OPTIONS", re.sub(r"{\w+}", "1", path))
    assert answer.status_code == 405
    allowed = set(answer.headers["allow"].split(", "))
    described = {route.split()[0] for route in ROUTES if route.split()[1] == path}
    # "/points/{id}" fits to "/points/query", too: those are other rows of the list.
    assert described <= allowed <= set(METHODS)
    others = {
        route.split()[0]
        for route in ROUTES
        if re.fullmatch(re.sub(r"{\w+}", "[^/]+", route.split()[1]), re.sub(r"{\w+}", "1", path))
    }
    assert allowed == described | others


def test_references_resolve(document):
    def walk(node):
        if isinstance(node, dict):
            if "$ref" in node:
                target = document
                for part in node["$ref"].removeprefix("#/").split("/"):
                    target = target[part]
            for value in node.values():
                walk(value)
        elif isinstance(node, list):
            for value in node:
                walk(value)

    walk(document)
    ids = [operation["operationId"] for item in document["paths"].values() for operation in item.values()]
    assert len(ids) == len(set(ids))


# NDJSON can't be made from a schema; test_bulk.py sends it.
@pytest.mark.parametrize("route", [route for route in ROUTES if not route.endswith("/bulk")])
def test_generated_requests(server, document, route):
    """Requests made from the document, good and bad: never a 5xx, and JSON where it is promised."""
    schemathesis = pytest.importorskip("schemathesis")
    hypothesis = pytest.importorskip("hypothesis")

    schema = schemathesis.openapi.from_dict(document)
    schema.config.update(base_url=server.url)
    method, path = route.split()

    @hypothesis.settings(
        max_examples=15,
        deadline=None,
        database=None,
        derandomize=True,
        suppress_health_check=list(hypothesis.HealthCheck),
    )
    @hypothesis.given(case=schema[path][method].as_strategy())
    def send(case):
        answer = case.call()
        # A made-up time limit may be over before the answer is there.
        timed_out = answer.status_code == 504 and "timeout" in (case.query or {})
        assert answer.status_code < 500 or timed_out, answer.text
        if answer.status_code >= 400:
            assert isinstance(answer.json(), dict)

    send()
    assert server.alive()


def test_answers_about_texts_fit_the_document(server, document, http, name):
    """The other way round: what the server says of chunks, tokens and cuts is described."""
    schemathesis = pytest.importorskip("schemathesis")
    schema = schemathesis.openapi.from_dict(document)
    base = "/collections/{collection}"
    http.put(f"/collections/{name}", json={"vectors": {"size": 384, "distance": "Cosine"}})

    def check(method, path, body, **parts):
        answer = http.request(method, path.format(collection=name), json=body)
        assert answer.status_code == 200, answer.text
        schema[path][method].validate_response(answer)
        return answer.json()

    long = {"text": "many words " * 300}
    chunked = {**long, "chunk": {"max_tokens": 64}}
    points = [{"id": 1, "vector": chunked}, {"id": 2, "vector": long}]
    first = check("PUT", base + "/points", {"points": points})
    assert first["result"]["chunks"] and first["result"]["truncated"] and first["usage"]
    points[0]["vector"]["text"] = "few words"
    assert check("PUT", base + "/points", {"points": points})["result"]["removed_chunks"]
    assert check("POST", base + "/points/query", {"query": long})["result"]["text"]["truncated"]
    check("POST", base + "/points/query/batch", {"searches": [{"query": long}, {"query": [0.0] * 384}]})
    body = {"model": "all-MiniLM-L6-v2", "input": [long["text"]], "truncate": True}
    assert check("POST", "/v1/embeddings", body)["data"][0] != {}
    answer = http.post("/v1/embeddings", json=body)
    answer._content = answer.content.replace(b'"identity"', b'"nonsense"')
    with pytest.raises(schemathesis.core.failures.FailureGroup):
        schema["/v1/embeddings"]["POST"].validate_response(answer)
