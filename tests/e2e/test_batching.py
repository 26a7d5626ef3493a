"""Texts of requests that come at the same time are encoded together; those nobody waits for are not."""

import concurrent.futures
import json
import socket
import time

import httpx
import pytest
from server import Server, missing
from test_metrics import metric

EMBEDDINGS = "/v1/embeddings"


def words(count, start):
    """Distinct texts, so that none comes from the cache."""
    return [f"text number {start + i} of the batching tests, about rivers and hills" for i in range(count)]


def body(texts):
    return {"model": "all-MiniLM-L6-v2", "input": texts}


def test_texts_of_many_clients_share_passes_and_keep_their_bits(http):
    texts = words(160, 0)
    before = {kind: metric(http, f"vecnest_encoder_pass{kind}_total") for kind in ("es", "_texts")}
    with concurrent.futures.ThreadPoolExecutor(16) as clients:
        answers = list(clients.map(lambda text: http.post(EMBEDDINGS, json=body([text])).json(), texts))
    passes = metric(http, "vecnest_encoder_passes_total") - before["es"]
    assert metric(http, "vecnest_encoder_pass_texts_total") - before["_texts"] == len(texts)
    assert passes < len(texts) * 0.7
    # More than the cache looks at: encoded once more, now in one call.
    together = http.post(EMBEDDINGS, json=body(texts)).json()
    for alone, item in zip(answers, together["data"], strict=True):
        assert alone["data"][0]["embedding"] == item["embedding"]


def test_work_of_a_client_that_left_is_dropped(server, http):
    before = metric(http, "vecnest_encoder_dropped_texts_total")
    passes = metric(http, "vecnest_encoder_passes_total")
    content = json.dumps(body(words(2048, 10_000))).encode()
    head = f"POST {EMBEDDINGS} HTTP/1.1\r\nHost: x\r\nContent-Type: application/json\r\nContent-Length: {len(content)}\r\n\r\n"
    with socket.create_connection(("127.0.0.1", server.port)) as connection:
        connection.sendall(head.encode() + content)
        deadline = time.monotonic() + 20
        while metric(http, "vecnest_encoder_passes_total") == passes:
            assert time.monotonic() < deadline, "the work did not begin"
            time.sleep(0.01)
    deadline = time.monotonic() + 20
    while metric(http, "vecnest_encoder_dropped_texts_total") == before:
        assert time.monotonic() < deadline, "the work went on"
        time.sleep(0.05)


@pytest.mark.parametrize("path", [EMBEDDINGS, "/collections/{name}/points"])
def test_what_is_late_is_dropped(http, name, path):
    http.put(f"/collections/{name}", json={"vectors": {"size": 384, "distance": "Cosine"}})
    texts = words(2000, 20_000)
    points = [{"id": i, "vector": {"text": text}} for i, text in enumerate(texts)]
    request = {"json": body(texts)} if path == EMBEDDINGS else {"json": {"points": points}}
    method = "POST" if path == EMBEDDINGS else "PUT"
    answer = http.request(method, path.format(name=name) + "?timeout=0.05", **request)
    assert answer.status_code == 504, answer.text
    assert "time given to the call is over" in answer.text
    assert http.post(f"/collections/{name}/points/count", json={}).json()["result"]["count"] == 0


@pytest.mark.parametrize("timeout", ["abc", "0", "0.0009", "-1", "nan", "inf", "1e9", ""])
def test_a_timeout_is_a_number_of_seconds(http, timeout):
    answer = http.post(f"{EMBEDDINGS}?timeout={timeout}", json=body(["a"]))
    assert answer.status_code == 400
    described = http.get("/openapi.json").json()["components"]["parameters"]["timeout"]["schema"]
    bounds = f"from {described['minimum']} to {described['maximum']}"
    assert bounds in answer.json()["error"]["message"]
    assert http.post(f"{EMBEDDINGS}?timeout={described['maximum']}", json=body(["a"])).status_code == 200


@pytest.mark.skipif(missing() is not None, reason=str(missing()))
def test_beyond_the_queue_requests_are_refused_at_once(tmp_path):
    with Server(tmp_path, "--threads", "1", "--queue", "2") as small:
        with httpx.Client(base_url=small.url, timeout=120) as http:
            def ask(number):
                return http.post(EMBEDDINGS, json=body(words(60, number * 1000)))

            with concurrent.futures.ThreadPoolExecutor(30) as clients:
                answers = list(clients.map(ask, range(30)))
            codes = {answer.status_code for answer in answers}
            assert codes == {200, 429}
            refused = next(answer for answer in answers if answer.status_code == 429)
            assert refused.headers["retry-after"] == "1"
            assert refused.json()["error"]["type"] == "rate_limit_error"


def test_requests_in_quick_succession_on_one_connection(http):
    """Each answer is followed at once by the next request, whose bytes the watch for the client's leaving sees."""
    start = time.monotonic()
    for _ in range(400):
        assert http.get("/collections").status_code == 200
    assert time.monotonic() - start < 20
