"""What SIGTERM does to requests under way: they have ten seconds, then they end with 503."""

import threading
import time

import httpx
import pytest
from server import Server, missing
from test_metrics import metric

pytestmark = pytest.mark.skipif(missing() is not None, reason=str(missing()))
LONG = " and the river goes on between the hills" * 40


def test_calls_that_outlast_the_drain_end_with_503(tmp_path):
    texts = [f"text {i}{LONG}" for i in range(2000)]  # minutes of work
    lines = "".join(f'{{"id": {i}, "text": "line {i}{LONG}"}}\n' for i in range(2000))
    answers = {}
    with Server(tmp_path, "--threads", "1") as server:
        with httpx.Client(base_url=server.url, timeout=60) as http:
            http.put("/collections/c", json={"vectors": {"size": 384, "distance": "Cosine"}})

            def ask(name, path, **request):
                with httpx.Client(base_url=server.url, timeout=120) as client:
                    answers[name] = client.post(path, **request)

            body = {"model": "all-MiniLM-L6-v2", "input": texts, "truncate": True}
            clients = [
                threading.Thread(target=ask, args=("embed", "/v1/embeddings"), kwargs={"json": body}),
                threading.Thread(target=ask, args=("bulk", "/collections/c/points/bulk"), kwargs={"content": lines}),
            ]
            for client in clients:
                client.start()
            deadline = time.monotonic() + 30
            while metric(http, "vecnest_encoder_passes_total") < 10:
                assert time.monotonic() < deadline, "the work has not begun"
                time.sleep(0.1)
        start = time.monotonic()
        server.stop()
        assert 9 < time.monotonic() - start < 18
        for client in clients:
            client.join(30)
    assert {name: answer.status_code for name, answer in answers.items()} == {"embed": 503, "bulk": 503}
    assert "shutting down" in answers["embed"].json()["error"]["message"]
    assert "send all of them again" in answers["bulk"].json()["status"]["error"]
    assert all(answer.headers["retry-after"] == "1" for answer in answers.values())
