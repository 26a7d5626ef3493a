"""scripts/bulk_import.py, against a server and against one that only pretends."""

import base64
import http.server
import json
import pathlib
import signal
import subprocess
import sys
import threading
import time

import pytest

SCRIPT = pathlib.Path(__file__).resolve().parents[2] / "scripts" / "bulk_import.py"
TEXTS = ["a cat sleeps on the sofa", "stock markets fell sharply", "fresh bread from the oven"]


class Pretender:
    """A server that keeps what it is sent; `answers`: statuses of the next upserts before it
    takes one, with Retry-After for 429; "drop" closes the connection."""

    def __init__(self):
        self.points, self.answers, self.times, self.keys = {}, [], [], set()
        self.exists, self.size, self.delay, self.uuid = False, None, 0.0, "first"
        self.at_once, self.most_at_once = 0, 0
        self.lock = threading.Lock()
        pretender = self

        class Handler(http.server.BaseHTTPRequestHandler):
            protocol_version = "HTTP/1.1"

            def log_message(self, *_):
                pass

            def do_GET(self):
                pretender.keys.add(self.headers.get("api-key"))
                models = {"data": [{"id": "small", "dimensions": 5}]}
                about = {"exists": pretender.exists, "vecnest": {"uuid": pretender.uuid}}
                self.reply(200, models if self.path == "/v1/models" else {"result": about})

            def do_PUT(self):
                body = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
                if "points" in body:
                    return pretender.upsert(self, body["points"])
                pretender.exists, pretender.size = True, body["vectors"]["size"]
                return self.reply(200, {"result": True})

            def reply(self, status, body, **headers):
                data = json.dumps(body).encode()
                self.send_response(status)
                self.send_header("Content-Length", str(len(data)))
                for name, value in headers.items():
                    self.send_header(name.replace("_", "-"), value)
                self.end_headers()
                self.wfile.write(data)

        self.http = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self.http.daemon_threads = True
        self.url = f"http://127.0.0.1:{self.http.server_address[1]}"
        threading.Thread(target=self.http.serve_forever, daemon=True).start()

    def upsert(self, handler, points):
        with self.lock:
            self.times.append(time.monotonic())
            answer = self.answers.pop(0) if self.answers else 200
            self.at_once += 1
            self.most_at_once = max(self.most_at_once, self.at_once)
        time.sleep(self.delay)
        with self.lock:
            self.at_once -= 1
        if answer == "drop":
            handler.close_connection = True
        elif answer != 200:
            handler.reply(answer, {"status": {"error": "busy"}}, Retry_After="1")
        elif any(point["payload"].get("poison") for point in points):
            handler.reply(400, {"status": {"error": "poison"}})
        else:
            with self.lock:
                self.points.update((point["id"], point) for point in points)
            handler.reply(200, {"result": {"status": "completed"}})


@pytest.fixture
def pretender():
    running = Pretender()
    yield running
    running.http.shutdown()
    running.http.server_close()


def command(tmp_path, url, *arguments):
    base = [sys.executable, str(SCRIPT), "--url", url, "--state-dir", str(tmp_path / "state")]
    return base + ["--collection", "c", *map(str, arguments)]


def run(tmp_path, url, *arguments):
    return subprocess.run(
        command(tmp_path, url, *arguments), capture_output=True, text=True, timeout=120
    )


def write_vectors(tmp_path, count, poisoned=()):
    file = tmp_path / "vectors.jsonl"
    with file.open("w") as stream:
        for i in range(1, count + 1):
            stream.write(json.dumps({"id": i, "vector": [i, 1], "poison": i in poisoned}) + "\n")
    return file


FILES = {
    "jsonl": "".join(json.dumps({"id": 7 + i, "text": text, "n": i}) + "\n" for i, text in enumerate(TEXTS)),
    "csv": "id,text,n\r\n" + "".join(f'{7 + i},"{text}",{i}\r\n' for i, text in enumerate(TEXTS)),
    "tsv": "id\ttext\tn\n" + "".join(f"{7 + i}\t{text}\t{i}\n" for i, text in enumerate(TEXTS)),
}


@pytest.mark.parametrize("kind", FILES)
def test_texts_into_the_real_server(tmp_path, server, http, name, kind):
    file = tmp_path / f"texts.{kind}"
    file.write_bytes(FILES[kind].encode())
    done = run(tmp_path, server.url, "--collection", name, file)
    assert done.returncode == 0, done.stderr
    assert "3 points imported, 0 lines failed" in done.stderr
    query = {"query": {"text": "a pet takes a nap"}, "limit": 1, "with_payload": True}
    answer = http.post(f"/collections/{name}/points/query", json=query).json()
    best = answer["result"]["points"][0]
    assert best["id"] == 7 and best["payload"] == {"text": TEXTS[0], "n": 0}


def test_npy_with_payload(tmp_path, pretender):
    numpy = pytest.importorskip("numpy")
    file, payload = tmp_path / "v.npy", tmp_path / "p.jsonl"
    numpy.save(file, numpy.arange(8, dtype="float32").reshape(4, 2))
    payload.write_text('{"a": 1}\n\n{"id": 50, "a": 3}\n[1]\n')
    done = run(tmp_path, pretender.url, "--payload", payload, "--first-id", 10, file)
    assert done.returncode == 1 and f"{file}:4: payload" in done.stderr, done.stderr
    assert pretender.size == 2
    assert {i: point["payload"] for i, point in pretender.points.items()} == {10: {"a": 1}, 11: {}, 50: {"a": 3}}
    sent = base64.b64decode(pretender.points[50]["vector"]["base64"])
    assert numpy.frombuffer(sent, dtype="<f4").tolist() == [4, 5]


def test_npy_of_any_numbers_into_the_real_server(tmp_path, server, http, name):
    numpy = pytest.importorskip("numpy")
    file = tmp_path / "v.npy"
    vectors = numpy.array([[1, 2.5], [numpy.nan, 1], [1e300, 1], [-3, 0.1]], dtype="float64")
    numpy.save(file, vectors)
    done = run(tmp_path, server.url, "--collection", name, "--distance", "Dot", file)
    assert done.returncode == 1, done.stderr
    assert f"{file}:2: " in done.stderr and "component 0 is nan" in done.stderr
    assert f"{file}:3: " in done.stderr and "component 0 is inf" in done.stderr
    found = http.post(f"/collections/{name}/points", json={"ids": [1, 2, 3, 4], "with_vector": True}).json()
    got = {point["id"]: point["vector"] for point in found["result"]}
    assert sorted(got) == [1, 4]
    numpy.testing.assert_array_equal(numpy.array([got[1], got[4]], dtype="float32"),
                                     vectors[[0, 3]].astype("float32"))


def test_a_first_vector_that_is_no_base64(tmp_path, server, name):
    file = tmp_path / "v.jsonl"
    file.write_text('{"vector": {"base64": "AACA!w=="}}\n')
    done = run(tmp_path, server.url, "--collection", name, file)
    assert done.returncode == 2 and "the first vector, which tells the collection's width" in done.stderr


def test_npy_of_what_are_no_numbers(tmp_path, pretender):
    numpy = pytest.importorskip("numpy")
    file = tmp_path / "v.npy"
    numpy.save(file, numpy.array([[1j, 2]]))
    done = run(tmp_path, pretender.url, file)
    assert done.returncode == 2 and "expected an array of numbers, this one has complex128" in done.stderr


def test_parquet(tmp_path, pretender):
    pyarrow = pytest.importorskip("pyarrow")
    parquet = pytest.importorskip("pyarrow.parquet")
    file = tmp_path / "t.parquet"
    columns = {"id": list(range(1, 6)), "vector": [[float(i), 0.0] for i in range(5)], "n": list("abcde")}
    parquet.write_table(pyarrow.table(columns), file)
    done = run(tmp_path, pretender.url, "--batch", 2, file)
    assert done.returncode == 0, done.stderr
    assert pretender.points[5] == {"id": 5, "vector": [4.0, 0.0], "payload": {"n": "e"}}


@pytest.mark.parametrize("kind, package", [("npy", "numpy"), ("parquet", "pyarrow")])
def test_missing_packages_are_named(tmp_path, pretender, kind, package):
    file, blocked = tmp_path / f"x.{kind}", tmp_path / "blocked"
    file.write_bytes(b"")
    blocked.mkdir()
    (blocked / f"{package}.py").write_text("raise ImportError")
    script = f"import sys, runpy; sys.path.insert(0, {str(blocked)!r}); sys.argv = sys.argv[1:]; "
    script += "runpy.run_path(sys.argv[0], run_name='__main__')"
    arguments = command(tmp_path, pretender.url, file)
    arguments[1:1] = ["-c", script]
    done = subprocess.run(arguments, capture_output=True, text=True, timeout=60)
    assert done.returncode == 2 and f"pip install {package}" in done.stderr, done.stderr


def test_text_objects_fields_and_key(tmp_path, pretender):
    file = tmp_path / "t.jsonl"
    file.write_text('{"body": "hello", "meta": {"k": 1}, "other": 2}\n')
    options = ["--text-field", "body", "--payload-field", "meta", "--model", "small", "--api-key", "s"]
    done = run(tmp_path, pretender.url, *options, file)
    assert done.returncode == 0, done.stderr
    vector = {"text": "hello", "model": "small"}
    assert pretender.points == {1: {"id": 1, "vector": vector, "payload": {"k": 1}}}
    assert pretender.size == 5 and pretender.keys == {"s"}


def test_waits_as_long_as_asked(tmp_path, pretender):
    pretender.answers = [429, 503, "drop"]
    file = write_vectors(tmp_path, 5)
    done = run(tmp_path, pretender.url, file)
    assert done.returncode == 0, done.stderr
    assert len(pretender.points) == 5 and len(pretender.times) == 4
    first, second, third, _ = pretender.times
    assert second - first >= 0.95 and third - second >= 0.95


def test_gives_up_and_goes_on_later(tmp_path, pretender):
    pretender.answers = [200] + ["drop"] * 3
    file = write_vectors(tmp_path, 20)
    options = ["--batch", 5, "--parallel", 1, "--retries", 2]
    done = run(tmp_path, pretender.url, *options, file)
    assert done.returncode == 2 and "given up after 3 attempts" in done.stderr
    pretender.answers = []
    done = run(tmp_path, pretender.url, *options, file)
    assert done.returncode == 0 and "going on after line 5" in done.stderr, done.stderr
    assert len(pretender.points) == 20


def test_bad_lines(tmp_path, pretender):
    file, report = write_vectors(tmp_path, 40, poisoned={17, 30}), tmp_path / "errors.jsonl"
    lines = file.read_bytes().splitlines()
    lines[2], lines[3] = b"{no", b'{"id": 4}'
    lines[4], lines[5] = b'{"id": 5, "vector": [NaN]}', b'{"id": 6, "text": "\xe9"}'
    file.write_bytes(b"\n".join(lines))
    done = run(tmp_path, pretender.url, "--errors", report, file)
    assert done.returncode == 1
    assert "34 points imported, 6 lines failed" in done.stderr
    errors = [json.loads(line) for line in report.read_text().splitlines()]
    assert [error["line"] for error in errors] == [3, 4, 5, 6, 17, 30]
    assert all(f"{file}:{error['line']}: " in done.stderr for error in errors)
    assert "poison" in errors[-1]["error"]
    assert list((tmp_path / "state").glob("*")) == []


def test_csv_rows(tmp_path, pretender):
    file = tmp_path / "a.csv"
    rows = [b"id,x,vector", b'1,"a ""b"",\nc","[1,2]"', b'2,007,"[1,2]"', b"3,few"]
    rows += [b"4,1.50,7", b"5,1.50,", b'6,1.50,"[1,2]"', b'7,"open', b"8,9,10,11"]
    rows += [b'9,"\xe9\n","[1,2]"', '10,"\u00e9","[1,2]"'.encode(), b'11,"open']
    file.write_bytes(b"\xef\xbb\xbf" + b"\r\n".join(rows) + b"\r\n")
    done = run(tmp_path, pretender.url, file)
    assert done.returncode == 1
    reasons = {5: "has 2 fields", 6: "vector", 7: "has neither", 9: "text follows", 10: "has 4 fields"}
    reasons.update({11: "not UTF-8", 14: "a quote is not closed"})
    for line, reason in reasons.items():
        assert f"{file}:{line}: {reason}" in done.stderr
    payloads = {i: point["payload"]["x"] for i, point in pretender.points.items()}
    assert payloads[1] == 'a "b",\nc' and payloads[2] == "007" and payloads[6] == 1.5 and payloads[10] == "\u00e9"


def test_requests_run_at_the_same_time(tmp_path, pretender):
    pretender.delay = 0.05
    done = run(tmp_path, pretender.url, "--batch", 5, "--parallel", 4, write_vectors(tmp_path, 100))
    assert done.returncode == 0, done.stderr
    assert len(pretender.points) == 100 and 1 < pretender.most_at_once <= 4


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGKILL])
def test_goes_on_after_an_interruption(tmp_path, pretender, number):
    file = write_vectors(tmp_path, 300, poisoned={1})
    report = tmp_path / "errors.jsonl"
    pretender.delay = 0.02
    arguments = ["--batch", 5, "--parallel", 2, "--errors", report, file]
    process = subprocess.Popen(command(tmp_path, pretender.url, *arguments), stderr=subprocess.PIPE)
    deadline = time.monotonic() + 30
    while len(pretender.points) < 100 and time.monotonic() < deadline:
        time.sleep(0.005)
    process.send_signal(number)
    process.communicate(timeout=30)
    assert process.returncode == (130 if number == signal.SIGINT else -signal.SIGKILL)
    requests = len(pretender.times)
    done = run(tmp_path, pretender.url, *arguments)
    assert "going on after line" in done.stderr
    # The line that failed in the first run still counts.
    assert done.returncode == 1 and "1 lines failed" in done.stderr
    assert [json.loads(line)["line"] for line in report.read_text().splitlines()] == [1]
    assert set(pretender.points) == set(range(2, 301))
    assert len(pretender.times) - requests < 50


def test_restart_and_lost_collection_begin_again(tmp_path, pretender):
    file = write_vectors(tmp_path, 20)
    options = ["--batch", 5, "--parallel", 1, "--retries", 0]
    for forget in ("--restart", "lost", "another"):
        pretender.answers = [200, "drop"]
        assert run(tmp_path, pretender.url, *options, file).returncode == 2
        pretender.points.clear()
        pretender.exists = forget != "lost"
        pretender.uuid = "second" if forget == "another" else "first"
        extra = [forget] if forget == "--restart" else []
        done = run(tmp_path, pretender.url, *options, *extra, file)
        assert done.returncode == 0 and "20 points imported" in done.stderr, done.stderr
        assert len(pretender.points) == 20


def test_chunks_into_the_real_server(tmp_path, server, http, name):
    file = tmp_path / "long.jsonl"
    texts = [" ".join(f"word{i} of line {j}." for j in range(60)) for i in range(6)]
    file.write_text("".join(json.dumps({"id": i, "text": text}) + "\n" for i, text in enumerate(texts)))
    options = ["--collection", name, "--batch", 2]
    done = run(tmp_path, server.url, *options, file)
    assert done.returncode == 0 and "6 points imported" in done.stderr, done.stderr
    assert "6 of 6 texts were cut to the 256 tokens that all-MiniLM-L6-v2 reads" in done.stderr
    assert "--chunk-tokens 256" in done.stderr
    done = run(tmp_path, server.url, *options, "--no-truncate", file)
    assert done.returncode == 1 and "0 points imported, 6 lines failed" in done.stderr
    done = run(tmp_path, server.url, *options, "--chunk-tokens", 128, "--chunk-overlap", 16, file)
    assert done.returncode == 0 and "6 lines in chunks of at most 128 tokens" in done.stderr
    assert "were cut" not in done.stderr
    body = {"limit": 1000, "with_payload": True}
    points = http.post(f"/collections/{name}/points/scroll", json=body).json()["result"]["points"]
    assert f"{len(points)} points imported" in done.stderr and len(points) > 12
    for point in points:
        about = point["payload"]["chunk"]
        assert point["payload"]["text"] == texts[about["parent"]][about["start"] : about["end"]]


def test_help_and_mistakes(tmp_path):
    done = run(tmp_path, "http://127.0.0.1:1", "--help")
    assert done.returncode == 0 and "parquet" in done.stdout and "Examples" in done.stdout
    file = tmp_path / "a.jsonl"
    file.write_text("{}\n")
    done = run(tmp_path, "http://127.0.0.1:1", "--chunk-overlap", 3, file)
    assert done.returncode == 2 and "less than --chunk-tokens" in done.stderr
    done = run(tmp_path, "ftp://x", file)
    assert done.returncode == 2 and "expected for example" in done.stderr
    done = run(tmp_path, "http://127.0.0.1:1", "--retries", 1, file)
    assert done.returncode == 2 and "given up" in done.stderr
