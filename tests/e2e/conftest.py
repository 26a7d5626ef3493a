"""Fixtures: a running server, its clients, and collections with names of their own."""

import pathlib
import sys
import uuid

import pytest

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parent))

from server import Server, missing  # noqa: E402


@pytest.fixture(scope="session")
def server(tmp_path_factory):
    if reason := missing():
        pytest.skip(reason)
    with Server(tmp_path_factory.mktemp("data"), "--max-body-mb", "8") as running:
        yield running


@pytest.fixture(scope="session")
def http(server):
    """Plain HTTP to the server, for what the official clients would not send."""
    import httpx

    with httpx.Client(base_url=server.url, timeout=60) as client:
        yield client


@pytest.fixture(scope="session")
def qdrant(server):
    qdrant_client = pytest.importorskip("qdrant_client")
    client = qdrant_client.QdrantClient(
        url=server.url, prefer_grpc=False, cloud_inference=True, timeout=60
    )
    yield client
    client.close()


@pytest.fixture
def name():
    return f"test-{uuid.uuid4().hex[:12]}"


@pytest.fixture
def collection(request, http, name):
    """The path of an empty collection of vectors as wide as the module's WIDTH."""
    body = {"vectors": {"size": request.module.WIDTH, "distance": "Dot"}}
    assert http.put(f"/collections/{name}", json=body).status_code == 200
    return f"/collections/{name}"
