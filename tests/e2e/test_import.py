"""Bulk import: `vecnest import` into a directory and a server, and scripts/bulk_import.py."""

import http.server
import json
import os
import pathlib
import signal
import subprocess
import sys
import threading
import time

import httpx
import numpy
import pytest

ROOT = pathlib.Path(__file__).resolve().parents[2]
BINARY = os.environ.get("VECNEST_BINARY", "")
pytestmark = pytest.mark.skipif(not BINARY, reason="VECNEST_BINARY names no vecnest binary")


@pytest.fixture
def home(tmp_path, monkeypatch):
    """Keeps the state files of one test from the next."""
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
    return tmp_path


@pytest.fixture(params=["directory", "server", "script"])
def importer(request, home, server):
    """Runs an import the given way and reads the points back: (run, points)."""
    url = server.url
    data = home / "data"
    collection = f"c{time.time_ns()}"
    ways = {
        "directory": [BINARY, "import", "--data", str(data)],
        "server": [BINARY, "import", "--url", url],
        "script": [sys.executable, str(ROOT / "scripts/bulk_import.py"), "--url", url],
    }

    def run(*arguments):
        command = [*ways[request.param], "--collection", collection, *map(str, arguments)]
        return subprocess.run(command, capture_output=True, text=True, timeout=120, check=False)

    def points():
        if request.param != "directory":
            body = {"limit": 10000, "with_vector": True}
            answer = httpx.post(f"{url}/collections/{collection}/points/scroll", json=body).json()
            return {point["id"]: point for point in answer["result"]["points"]}
        with serving(data) as local:
            body = {"limit": 10000, "with_vector": True}
            answer = httpx.post(f"{local}/collections/{collection}/points/scroll", json=body).json()
            return {point["id"]: point for point in answer["result"]["points"]}

    return run, points


class serving:
    """A server of its own over a data directory, without a model's help."""

    def __init__(self, data):
        self.data = data

    def __enter__(self):
        self.process = subprocess.Popen(
            [BINARY, "serve", "--data", str(self.data), "--listen", "127.0.0.1:0"],
            stderr=subprocess.PIPE, text=True)
        for line in self.process.stderr:
            if "listening on " in line:
                url = line.split("listening on ")[1].split(";")[0].strip()
            if "ready:" in line:
                break
        return url

    def __exit__(self, *_):
        self.process.terminate()
        self.process.wait(30)


def write_jsonl(path, records):
    path.write_text("".join(json.dumps(record) + "\n" for record in records))
    return path


def test_json_lines_with_bad_ones(importer, home):
    run, points = importer
    file = home / "a.jsonl"
    lines = [json.dumps({"id": i, "vector": [i, 1, 2], "tag": f"t{i}"}) for i in range(600)]
    lines[3] = "{broken"
    lines[5] = json.dumps({"id": 5})
    lines[300] = json.dumps({"id": 300, "vector": [1, 2]})
    file.write_text("\n".join(lines) + "\n")
    result = run(file, "--errors", home / "errors.jsonl", "--distance", "Euclid")
    assert result.returncode == 1, result.stderr
    assert "597 points imported, 3 lines failed" in result.stderr
    failed = [json.loads(line) for line in (home / "errors.jsonl").read_text().splitlines()]
    assert sorted(entry["line"] for entry in failed) == [4, 6, 301]
    assert any("expected dim: 3, got 2" in entry["error"] for entry in failed)
    found = points()
    assert len(found) == 597
    assert found[7]["payload"] == {"tag": "t7"} and found[7]["vector"] == [7, 1, 2]


@pytest.mark.parametrize("separator,name", [(",", "a.csv"), ("\t", "a.tsv")])
def test_separated_files(importer, home, separator, name):
    run, points = importer
    rows = [["id", "text", "year", "code"], ["10", "the cat sat", "1999", "007"],
            ["11", 'a "big" dog' if separator == "\t" else '"a ""big"", dog"', "2000", "x"]]
    file = home / name
    file.write_text("\n".join(separator.join(row) for row in rows) + "\n")
    result = run(file)
    assert result.returncode == 0, result.stderr
    found = points()
    assert found[10]["payload"] == {"text": "the cat sat", "year": 1999, "code": "007"}
    assert found[11]["payload"]["text"] == ('a "big" dog' if separator == "\t" else 'a "big", dog')
    assert len(found[10]["vector"]) == 384


def test_records_without_ids_are_numbered_over_all_files(importer, home):
    run, points = importer
    first = write_jsonl(home / "1.jsonl", [{"vector": [1, 0]}, {"vector": [2, 0]}])
    second = write_jsonl(home / "2.jsonl", [{"vector": [3, 0]}])
    assert run(first, second, "--first-id", 100, "--distance", "Dot").returncode == 0
    assert {identity: point["vector"] for identity, point in points().items()} == {
        100: [1, 0], 101: [2, 0], 102: [3, 0]}


def test_an_interrupted_import_goes_on(home, server):
    """Ends an import in the middle; the second run says where it goes on, and nothing is missing."""
    file = write_jsonl(home / "big.jsonl",
                       [{"id": i, "text": f"text number {i} about things"} for i in range(3000)])
    collection = f"c{time.time_ns()}"
    command = [BINARY, "import", "--url", server.url, "--collection", collection, "--batch", "64",
               str(file)]
    process = subprocess.Popen(command, stderr=subprocess.PIPE, text=True)
    path = f"{server.url}/collections/{collection}"
    deadline = time.time() + 60
    while time.time() < deadline:
        answer = httpx.get(path)
        if answer.status_code == 200 and answer.json()["result"]["points_count"] > 100:
            break
        time.sleep(0.02)
    process.send_signal(signal.SIGINT)
    _, errors = process.communicate(timeout=60)
    assert process.returncode == 1 and "goes on from here" in errors
    second = subprocess.run(command, capture_output=True, text=True, timeout=120, check=False)
    assert second.returncode == 0, second.stderr
    assert "going on after line" in second.stderr
    assert httpx.get(path).json()["result"]["points_count"] == 3000


def script(home, url, *arguments):
    return subprocess.run(
        [sys.executable, str(ROOT / "scripts/bulk_import.py"), "--url", url, "--collection",
         f"c{home.name}".replace("_", "")[:40], *map(str, arguments)],
        capture_output=True, text=True, timeout=120, check=False)


def test_numpy_with_payloads(home, server):
    vectors = numpy.random.default_rng(0).normal(size=(50, 8)).astype("float32")
    numpy.save(home / "v.npy", vectors)
    payloads = write_jsonl(home / "p.jsonl", [{"n": i} for i in range(50)])
    result = script(home, server.url, home / "v.npy", "--payloads", payloads, "--distance", "Dot")
    assert result.returncode == 0, result.stderr
    name = f"c{home.name}".replace("_", "")[:40]
    point = httpx.get(f"{server.url}/collections/{name}/points/5").json()["result"]
    assert point["payload"] == {"n": 4}
    assert numpy.allclose(point["vector"], vectors[4], atol=1e-6)


def test_parquet(home, server):
    pyarrow = pytest.importorskip("pyarrow")
    import pyarrow.parquet
    table = pyarrow.table({"id": [1, 2], "vector": [[1.0, 2.0], [3.0, 4.0]], "tag": ["a", "b"]})
    pyarrow.parquet.write_table(table, home / "t.parquet")
    result = script(home, server.url, home / "t.parquet", "--distance", "Dot")
    assert result.returncode == 0, result.stderr
    name = f"c{home.name}".replace("_", "")[:40]
    point = httpx.get(f"{server.url}/collections/{name}/points/2").json()["result"]
    assert point["payload"] == {"tag": "b"} and point["vector"] == [3, 4]


class BusyServer(http.server.BaseHTTPRequestHandler):
    """Says 429 to every other request."""

    requests = 0
    points = 0

    def answer(self):
        length = int(self.headers.get("Content-Length") or 0)
        body = self.rfile.read(length)
        BusyServer.requests += 1
        busy = BusyServer.requests % 2 == 1
        if not busy and self.path.endswith("wait=true"):
            BusyServer.points += len(json.loads(body)["points"])
        content = json.dumps({"result": {"exists": True}} if not busy
                             else {"status": {"error": "busy"}}).encode()
        self.send_response(429 if busy else 200)
        if busy:
            self.send_header("Retry-After", "0")
        self.send_header("Content-Length", str(len(content)))
        self.end_headers()
        self.wfile.write(content)

    do_GET = do_PUT = answer

    def log_message(self, *_):
        pass


@pytest.mark.parametrize("way", ["script", "binary"])
def test_a_busy_server_is_asked_again(home, way):
    BusyServer.requests = BusyServer.points = 0
    busy = http.server.ThreadingHTTPServer(("127.0.0.1", 0), BusyServer)
    threading.Thread(target=busy.serve_forever, daemon=True).start()
    url = f"http://127.0.0.1:{busy.server_port}"
    file = write_jsonl(home / "a.jsonl", [{"id": i, "vector": [1, 2]} for i in range(100)])
    program = ([sys.executable, str(ROOT / "scripts/bulk_import.py")] if way == "script"
               else [BINARY, "import"])
    result = subprocess.run(
        [*program, "--url", url, "--collection", "c", "--batch", "25", str(file)],
        capture_output=True, text=True, timeout=60, check=False)
    busy.shutdown()
    assert result.returncode == 0, result.stderr
    assert BusyServer.points == 100
    assert BusyServer.requests >= 10
