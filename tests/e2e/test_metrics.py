"""What /metrics says agrees with what was done."""

import re


def metric(http, name, **labels):
    """The sum over the series of this name that have these labels."""
    total, found = 0.0, False
    for line in http.get("/metrics").text.splitlines():
        series = re.fullmatch(r"(\w+)(?:\{(.*)\})? (\S+)", line)
        if series is None or series.group(1) != name:
            continue
        have = dict(re.findall(r'(\w+)="([^"]*)"', series.group(2) or ""))
        if all(have.get(key) == value for key, value in labels.items()):
            total, found = total + float(series.group(3)), True
    assert found, f"no {name} with {labels}"
    return total


def embed(http, text):
    answer = http.post("/v1/embeddings", json={"model": "all-MiniLM-L6-v2", "input": text})
    assert answer.status_code == 200
    return answer.json()


def test_repeated_texts_come_from_the_cache(http):
    embed(http, "something else first")
    before = {name: metric(http, f"vecnest_embedding_cache_{name}") for name in ("hits_total", "misses_total", "bytes")}
    first = embed(http, "a text that nothing else in the tests uses")
    assert metric(http, "vecnest_embedding_cache_misses_total") == before["misses_total"] + 1
    assert metric(http, "vecnest_embedding_cache_bytes") > before["bytes"] + 384 * 4
    again = embed(http, "a text that nothing else in the tests uses")
    assert again == first
    assert metric(http, "vecnest_embedding_cache_hits_total") == before["hits_total"] + 1


def test_models_say_what_they_take(http):
    # 6 layers of 12 x 384 x 384 weights, 4 bytes each, and biases; the file has the tables as well.
    packed = metric(http, "vecnest_model_packed_bytes", model="all-MiniLM-L6-v2", precision="f32")
    assert 0 <= packed - 6 * 12 * 384 * 384 * 4 < 200_000
    assert metric(http, "vecnest_model_memory_bytes", model="all-MiniLM-L6-v2", precision="f32") == packed
    assert metric(http, "vecnest_model_mapped_bytes", model="all-MiniLM-L6-v2") == 90_868_376


def test_tokens_of_bulk_imports_count(http, name):
    http.put(f"/collections/{name}", json={"vectors": {"size": 384, "distance": "Cosine"}})
    before = metric(http, "vecnest_encoder_tokens_total")
    answer = http.post(f"/collections/{name}/points/bulk", content='{"id": 1, "text": "hello world"}\n')
    assert answer.status_code == 200, answer.text
    assert metric(http, "vecnest_encoder_tokens_total") == before + 4  # [CLS] hello world [SEP]
