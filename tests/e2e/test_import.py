"""vecnest import and vecnest search, on a data directory and against a server."""

import json
import os
import re
import signal
import subprocess
import time

import pytest

from server import missing

pytestmark = pytest.mark.skipif(missing() is not None, reason=str(missing()))

TEXTS = ["a cat sleeps on the sofa", "stock markets fell sharply", "fresh bread from the oven"]
FILES = {
    "jsonl": "".join(json.dumps({"id": 7 + i, "text": text, "n": i}) + "\n" for i, text in enumerate(TEXTS)),
    "csv": "id,text,n\r\n" + "".join(f'{7 + i},"{text}",{i}\r\n' for i, text in enumerate(TEXTS)),
    "tsv": "id\ttext\tn\n" + "".join(f"{7 + i}\t{text}\t{i}\n" for i, text in enumerate(TEXTS)),
}


@pytest.fixture(autouse=True)
def cache(tmp_path, monkeypatch):
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))


def command(*arguments):
    return [os.environ["VECNEST_BINARY"], *map(str, arguments)]


def run(*arguments):
    return subprocess.run(command(*arguments), capture_output=True, text=True, timeout=300)


def search(*arguments):
    done = run("search", "--json", *arguments)
    assert done.returncode == 0, done.stderr
    return json.loads(done.stdout)["points"]


def scroll(http, name, limit=1000, vectors=False):
    body = {"limit": limit, "with_payload": True, "with_vector": vectors}
    return http.post(f"/collections/{name}/points/scroll", json=body).json()["result"]["points"]


def count(http, name):
    answer = http.post(f"/collections/{name}/points/count", json={"exact": True})
    return answer.json()["result"]["count"]


def vector_lines(count, bad=()):
    for i in range(count):
        size = 3 if i in bad else 4
        yield json.dumps({"id": i + 1, "vector": [1.0 + i % 97] + [0.5] * (size - 1), "n": i}) + "\n"


def states(folder):
    return list((folder / "import").glob("*"))


@pytest.mark.parametrize("kind", FILES)
def test_formats_into_a_directory(tmp_path, kind):
    data, file = tmp_path / "data", tmp_path / f"texts.{kind}"
    file.write_text(FILES[kind], newline="")
    done = run("import", "--data", data, "--collection", "c", file)
    assert done.returncode == 0, done.stderr
    assert "3 points imported, 0 lines failed" in done.stderr
    assert states(data) == []
    best = search("--data", data, "--collection", "c", "--limit", 1, "a pet takes a nap")
    assert best[0]["id"] == 7
    assert best[0]["payload"] == {"text": TEXTS[0], "n": 0}


@pytest.mark.parametrize("kind", FILES)
def test_formats_into_a_server(tmp_path, server, http, name, kind):
    file = tmp_path / "texts.data"
    file.write_text(FILES[kind], newline="")
    done = run("import", "--url", server.url, "--collection", name, "--format", kind, file)
    assert done.returncode == 0, done.stderr
    assert [point["id"] for point in scroll(http, name)] == [7, 8, 9]
    filter_ = json.dumps({"must": [{"key": "n", "range": {"gte": 1}}]})
    options = ["--limit", 1, "--dimensions", 128, "--filter", filter_]
    best = search("--url", server.url, "--collection", name, *options, "a pet takes a nap")
    assert best[0]["id"] in (8, 9)


def test_csv_cells(tmp_path, server, http, name):
    rows = [
        b'\xef\xbb\xbfid,body,price,code,empty,vector\r\n',
        b'1,"he said ""no"",\nthen left",1.50,007,,"[1,0]"\r\n',
        b'2,123,2,1e5,,"[0,1]"\r\n',
    ]
    file = tmp_path / "cells.csv"
    file.write_bytes(b"".join(rows))
    options = ["--text-field", "body"]
    done = run("import", "--url", server.url, "--collection", name, *options, file)
    assert done.returncode == 0, done.stderr
    first, second = scroll(http, name, vectors=True)
    assert first["payload"] == {"body": 'he said "no",\nthen left', "price": 1.5, "code": "007"}
    assert second["payload"] == {"body": "123", "price": 2, "code": "1e5"}
    assert second["vector"] == [0, 1]


def test_numbered_points_and_payload_field(tmp_path, server, http, name):
    files = []
    for part in range(2):
        files.append(tmp_path / f"part{part}.ndjson")
        lines = [{"v": [part, i], "meta": {"part": part}, "other": 1} for i in range(1, 3)]
        files[-1].write_text("".join(json.dumps(line) + "\n" for line in lines))
    options = ["--vector-field", "v", "--payload-field", "meta", "--first-id", 100, "--distance", "Dot"]
    done = run("import", "--url", server.url, "--collection", name, *options, *files)
    assert done.returncode == 0, done.stderr
    points = scroll(http, name)
    assert [point["id"] for point in points] == [100, 101, 102, 103]
    assert [point["payload"] for point in points] == [{"part": 0}] * 2 + [{"part": 1}] * 2


def bad_file(tmp_path):
    """30 lines; those of number 3, 5, 8, 9 and 12 are bad."""
    lines = list(vector_lines(30, bad={2}))
    lines[4] = "{not json\n"
    lines[7] = '{"id": 8}\n'
    lines[8] = '{"id": "no-id", "vector": [1, 2, 3, 4]}\n'
    file = tmp_path / "bad.jsonl"
    file.write_bytes("".join(lines).encode().replace(b'"id": 12,', b'"id": 12, "x": "\xe9",'))
    return file


@pytest.mark.parametrize("where", ["data", "url"])
def test_bad_lines_do_not_stop_the_rest(tmp_path, server, name, where):
    file, report = bad_file(tmp_path), tmp_path / "errors.jsonl"
    target = tmp_path / "data" if where == "data" else server.url
    options = [f"--{where}", target, "--collection", name, "--batch", 10, "--errors", report]
    done = run("import", *options, file)
    assert done.returncode == 1
    assert "25 points imported, 5 lines failed" in done.stderr
    errors = [json.loads(line) for line in report.read_text().splitlines()]
    assert sorted(error["line"] for error in errors) == [3, 5, 8, 9, 12]
    assert {error["file"] for error in errors} == {str(file)}
    for number in (3, 5, 8, 9, 12):
        assert f"{file}:{number}: " in done.stderr


def test_broken_csv_rows(tmp_path, server, http, name):
    file = tmp_path / "broken.csv"
    rows = [b"id,x,vector", b'1,\xe9,"[1,2]"', b'2,,"[1,2]"', b"3,few", b'4,"open', b"5,[2]", b"6,ok,7,8"]
    rows += [b'7,"open', b'8,"closed","[1,2]"', b'9,"open']
    file.write_bytes(b"\n".join(rows) + b"\n")
    done = run("import", "--url", server.url, "--collection", name, file)
    assert done.returncode == 1
    assert [point["id"] for point in scroll(http, name)] == [2, 8]
    reasons = {2: "UTF-8", 4: "has 2 fields", 6: "has 2 fields", 7: "has 4", 8: "text follows", 10: "not closed"}
    for line, reason in reasons.items():
        assert re.search(f"{file}:{line}: .*{reason}", done.stderr), done.stderr


def test_errors_shown_are_limited(tmp_path, server, name):
    file = tmp_path / "bad.jsonl"
    file.write_text("".join(vector_lines(1)) + "no\n" * 500)
    done = run("import", "--url", server.url, "--collection", name, file)
    assert done.returncode == 1
    assert done.stderr.count(f"{file}:") == 20
    assert "1 points imported, 500 lines failed" in done.stderr


def interrupt(arguments, state_folder, number):
    """Starts the command and ends it once it has remembered some progress."""
    process = subprocess.Popen(command(*arguments), stderr=subprocess.PIPE, text=True)
    deadline = time.monotonic() + 60
    while not any(state_folder.glob("*.json")) and time.monotonic() < deadline:
        assert process.poll() is None, process.stderr.read()
        time.sleep(0.005)
    process.send_signal(number)
    process.communicate(timeout=60)
    return process.returncode


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGKILL])
@pytest.mark.parametrize("where", ["data", "url"])
def test_goes_on_after_an_interruption(tmp_path, server, name, where, number):
    data, file = tmp_path / "data", tmp_path / "many.jsonl"
    file.write_text("".join(vector_lines(3000)))
    target = data if where == "data" else server.url
    arguments = ["import", f"--{where}", target, "--collection", name, "--batch", 5, file]
    folder = data / "import" if where == "data" else tmp_path / "cache/vecnest/import"
    code = interrupt(arguments, folder, number)
    assert code == (130 if number == signal.SIGINT else -signal.SIGKILL)
    done = run(*arguments)
    assert done.returncode == 0, done.stderr
    assert "going on after line" in done.stderr
    assert 0 < int(done.stderr.split(" points imported")[0].split()[-1]) < 3000
    assert list(folder.glob("*")) == []
    if where == "data":
        report = run("verify", "--data", data)
        assert report.returncode == 0 and "points: 3000" in report.stdout, report.stdout


def test_restart_and_lost_collection_begin_again(tmp_path, server, http, name):
    file = tmp_path / "many.jsonl"
    file.write_text("".join(vector_lines(3000)))
    arguments = ["import", "--url", server.url, "--collection", name, file]
    folder = tmp_path / "cache/vecnest/import"
    interrupt([*arguments, "--batch", 5], folder, signal.SIGINT)
    done = run(*arguments, "--restart")
    assert "going on" not in done.stderr
    assert "3000 points imported" in done.stderr
    interrupt([*arguments, "--batch", 5], folder, signal.SIGINT)
    http.delete(f"/collections/{name}")
    done = run(*arguments)
    assert "going on" not in done.stderr
    assert count(http, name) == 3000


def test_another_collection_of_the_name_begins_again(tmp_path, server, http, name):
    file = tmp_path / "many.jsonl"
    file.write_text("".join(vector_lines(3000)))
    arguments = ["import", "--url", server.url, "--collection", name, file]
    interrupt([*arguments, "--batch", 5], tmp_path / "cache/vecnest/import", signal.SIGINT)
    http.delete(f"/collections/{name}")
    width = len(json.loads(next(iter(vector_lines(1))))["vector"])
    http.put(f"/collections/{name}", json={"vectors": {"size": width, "distance": "Cosine"}})
    done = run(*arguments)
    assert "going on" not in done.stderr
    assert count(http, name) == 3000


def long_lines(count):
    for i in range(count):
        words = " ".join(f"word{i} of line {j}." for j in range(60))
        yield json.dumps({"id": i + 1, "text": words, "n": i}) + "\n"


@pytest.mark.parametrize("where", ["data", "url"])
def test_chunks(tmp_path, server, http, name, where):
    data, file = tmp_path / "data", tmp_path / "long.jsonl"
    file.write_text("".join(long_lines(5)))
    target = data if where == "data" else server.url
    arguments = ["import", f"--{where}", target, "--collection", name]
    done = run(*arguments, file)
    assert done.returncode == 0, done.stderr
    assert "5 points imported" in done.stderr
    assert "5 of 5 texts were cut to the 256 tokens that all-MiniLM-L6-v2 reads" in done.stderr
    assert "--chunk-tokens 256" in done.stderr
    for _ in range(2):  # the second time everything is replaced
        done = run(*arguments, "--chunk-tokens", 128, "--chunk-overlap", 16, file)
        assert done.returncode == 0, done.stderr
        points = int(done.stderr.split(" points imported")[0].split()[-1])
        assert points > 10 and "5 lines in chunks of at most 128 tokens" in done.stderr
        assert "were cut" not in done.stderr
    options = [f"--{where}", target, "--collection", name, "--limit", 1000]
    found = search(*options, "word3 of line 59")
    assert len(found) == points
    assert found[0]["payload"]["chunk"]["parent"] == 4 and found[0]["payload"]["n"] == 3
    parents = [point["payload"]["chunk"]["parent"] for point in found]
    assert sorted(set(parents)) == [1, 2, 3, 4, 5]
    texts = {json.loads(line)["id"]: json.loads(line)["text"] for line in long_lines(5)}
    for point in found:
        about = point["payload"]["chunk"]
        assert point["payload"]["text"] == texts[about["parent"]][about["start"] : about["end"]]


@pytest.mark.parametrize("where", ["data", "url"])
def test_texts_that_may_not_be_cut(tmp_path, server, name, where):
    file = tmp_path / "mixed.jsonl"
    lines = list(long_lines(3))
    lines[1] = json.dumps({"id": 2, "text": "short"}) + "\n"
    file.write_text("".join(lines))
    target = tmp_path / "data" if where == "data" else server.url
    done = run("import", f"--{where}", target, "--collection", name, "--no-truncate", file)
    assert done.returncode == 1 and "1 points imported, 2 lines failed" in done.stderr
    assert re.search(f"{file}:3: point 3, vector '': the text has \\d+ tokens", done.stderr), done.stderr


def test_an_interrupted_import_of_chunks_is_whole(tmp_path, server, http, name):
    file = tmp_path / "long.jsonl"
    file.write_text("".join(long_lines(60)))
    arguments = ["import", "--url", server.url, "--collection", name, "--batch", 2]
    arguments += ["--chunk-tokens", 64, file]
    interrupt(arguments, tmp_path / "cache/vecnest/import", signal.SIGKILL)
    # With other chunks it is another import.
    other = run(*arguments, "--chunk-overlap", 8)
    assert "going on" not in other.stderr and other.returncode == 0, other.stderr
    done = run(*arguments)
    assert "going on after line" in done.stderr and done.returncode == 0, done.stderr
    again = run(*arguments)
    total = int(again.stderr.split(" points imported")[0].split()[-1])
    assert count(http, name) == total


def test_search_says_when_the_question_was_cut(tmp_path):
    data, file = tmp_path / "data", tmp_path / "texts.jsonl"
    file.write_text(FILES["jsonl"])
    assert run("import", "--data", data, "--collection", "c", file).returncode == 0
    done = run("search", "--data", data, "--collection", "c", "bakery " * 300)
    assert "the question was cut to the 256 tokens that all-MiniLM-L6-v2 reads" in done.stderr
    assert "cut" not in run("search", "--data", data, "--collection", "c", "bakery").stderr


@pytest.mark.parametrize(
    "arguments, reason",
    [
        (["--collection", "c"], "--data or --url"),
        (["--data", "d", "--collection", "c", "--chunk-tokens", "9", "--chunk-overlap", "9"], "less than --chunk-tokens"),
        (["--data", "d", "--collection", "c", "--chunk-overlap", "9"], "less than --chunk-tokens"),
        (["--url", "ftp://x", "--collection", "c"], "expected http://"),
        (["--data", "d", "--collection", "c", "--format", "xml"], "is not known"),
        (["--url", "http://127.0.0.1:1", "--collection", "c", "--precision", "int8"], "--url excludes --precision"),
        (["--data", "d", "--collection", "c", "--precision", "int4"], "int4"),
        (["--data", "d", "--collection", "c", "--distance", "Odd"], "Odd"),
    ],
)
def test_mistakes_are_explained(tmp_path, monkeypatch, arguments, reason):
    monkeypatch.chdir(tmp_path)
    file = tmp_path / "a.jsonl"
    file.write_text("".join(vector_lines(1)))
    done = run("import", *arguments, file)
    assert done.returncode != 0
    assert reason in done.stderr


def test_search_prints_rank_score_id_and_text(tmp_path):
    data, file = tmp_path / "data", tmp_path / "texts.jsonl"
    file.write_text(FILES["jsonl"])
    assert run("import", "--data", data, "--collection", "c", file).returncode == 0
    options = ["--exact", "--explain", "--metric", "Euclid", "--limit", 2]
    done = run("search", "--data", data, "--collection", "c", *options, "bakery")
    assert done.returncode == 0, done.stderr
    first = done.stdout.splitlines()[0].split()
    assert first[0] == "1." and first[2] == "9"
    assert TEXTS[2] in done.stdout and '{"n":2}' in done.stdout and '"exact": true' in done.stdout
    lost = run("search", "--data", data, "--collection", "none", "bakery")
    assert lost.returncode == 1 and "none" in lost.stderr


@pytest.mark.parametrize("where", ["directory", "server"])
@pytest.mark.parametrize("tokens", [7, 257])
def test_chunks_that_no_model_reads_are_refused_at_the_start(tmp_path, server, name, where, tokens):
    file = tmp_path / "long.jsonl"
    file.write_text("".join(json.dumps({"text": "many words " * 300}) + "\n" for _ in range(3)))
    target = ["--url", server.url] if where == "server" else ["--data", tmp_path / "data"]
    done = run("import", *target, "--collection", name, "--chunk-tokens", tokens, file)
    assert done.returncode != 0
    assert f"--chunk-tokens {tokens}: expected 8 to 256" in done.stderr
    assert "long.jsonl" not in done.stderr  # no line was tried
