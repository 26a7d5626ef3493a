#!/usr/bin/env python3
"""Imports files into a running Vecnest server.

Formats, by the file's ending: JSON lines (.jsonl, .ndjson), .csv, .tsv (with a header row), .npy
(one vector a row; give the payloads with --payloads FILE.jsonl), .parquet.

The collection is made when it is missing. Requests run in parallel, are tried again when the
server is busy (429, 503) or away, and a run that was interrupted goes on where it stopped. Lines
that the server refuses are listed with the reason and do not keep the others out; the exit code is
1 when there were any.

Needs only the standard library; .npy needs the package numpy, .parquet needs pyarrow.
"""

import argparse
import collections
import concurrent.futures
import csv
import hashlib
import http.client
import itertools
import json
import os
import pathlib
import sys
import threading
import time
import urllib.parse

SHOWN_ERRORS = 20


class ServerError(Exception):
    """The server refused a request; `status` is the HTTP code."""

    def __init__(self, status, message):
        super().__init__(message)
        self.status = status


class Client:
    """One kept-alive connection a thread. Tries again while the server is busy or away."""

    def __init__(self, url, api_key, attempts):
        self.url = urllib.parse.urlsplit(url)
        if self.url.scheme not in ("http", "https") or not self.url.hostname:
            sys.exit(f"--url {url}: expected http://HOST:PORT")
        self.api_key = api_key
        self.attempts = attempts
        self.local = threading.local()

    def connection(self):
        if getattr(self.local, "connection", None) is None:
            kind = (http.client.HTTPSConnection if self.url.scheme == "https"
                    else http.client.HTTPConnection)
            self.local.connection = kind(self.url.hostname, self.url.port, timeout=600)
        return self.local.connection

    def once(self, method, path, body):
        headers = {"Content-Type": "application/json"}
        if self.api_key:
            headers["api-key"] = self.api_key
        connection = self.connection()
        try:
            connection.request(method, self.url.path.rstrip("/") + path, body, headers)
            response = connection.getresponse()
            return response.status, response.headers, response.read()
        except (OSError, http.client.HTTPException):
            connection.close()
            self.local.connection = None
            raise

    def call(self, method, path, value=None):
        """The "result" of the answer. Raises ServerError, or the last connection error."""
        body = None if value is None else json.dumps(value, allow_nan=False)
        pause = 0.1
        for attempt in range(1, self.attempts + 1):
            try:
                status, headers, content = self.once(method, path, body)
                if status < 300:
                    answer = json.loads(content)
                    return answer.get("result", answer)
                error = ServerError(status, error_message(status, content))
                if status not in (429, 503):
                    raise error
                retry_after = headers.get("Retry-After", "")
                pause = max(pause, float(retry_after) if retry_after.isdigit() else 0)
            except (OSError, http.client.HTTPException) as problem:
                error = problem
            if attempt == self.attempts:
                raise error
            time.sleep(min(pause, 10))
            pause *= 2


def error_message(status, content):
    try:
        return json.loads(content)["status"]["error"]
    except (ValueError, KeyError, TypeError):
        return f"HTTP {status}: {content[:200].decode('utf-8', 'replace')}"


# -- Readers: each yields (line number, record or exception).

def read_jsonl(path):
    with path.open(encoding="utf-8") as lines:
        for number, line in enumerate(lines, start=1):
            if line.strip():
                try:
                    yield number, json.loads(line)
                except ValueError as error:
                    yield number, ValueError(f"not valid JSON: {error}")


def cell_value(cell):
    """A column's text as a number, a list ... when it reads as one and is written back the same."""
    if cell == "":
        return None
    try:
        value = json.loads(cell)
    except ValueError:
        return cell
    return cell if isinstance(value, (int, float)) and json.dumps(value) != cell else value


def read_separated(path, separator):
    with path.open(encoding="utf-8", newline="") as file:
        options = {"quoting": csv.QUOTE_NONE} if separator == "\t" else {}
        rows = csv.reader(file, delimiter=separator, **options)
        header = next(rows, None)
        if header is None:
            sys.exit(f"{path}: the header row is missing")
        for row in rows:
            if not row:
                continue
            if len(row) != len(header):
                yield rows.line_num, ValueError(f"has {len(row)} fields, the header {len(header)}")
            else:
                yield rows.line_num, dict(zip(header, map(cell_value, row)))


def read_npy(path, payloads, fields):
    try:
        import numpy
    except ImportError:
        sys.exit(f"{path}: reading .npy needs the package numpy (pip install numpy)")
    vectors = numpy.load(path, mmap_mode="r", allow_pickle=False)
    if vectors.ndim != 2:
        sys.exit(f"{path}: expected a matrix with a vector a row, got {vectors.ndim} dimensions")
    sides = read_jsonl(payloads) if payloads else itertools.repeat((0, {}))
    for number, (vector, (_, side)) in enumerate(zip(vectors, sides), start=1):
        if isinstance(side, Exception):
            yield number, side
        else:
            yield number, {**side, fields.vector_field: vector.astype(float).tolist()}


def read_parquet(path):
    try:
        import pyarrow.parquet
    except ImportError:
        sys.exit(f"{path}: reading .parquet needs the package pyarrow (pip install pyarrow)")
    number = 0
    for batch in pyarrow.parquet.ParquetFile(path).iter_batches():
        for record in batch.to_pylist():
            number += 1
            yield number, record


def read(path, arguments):
    kind = arguments.format or path.suffix.lstrip(".")
    if kind in ("jsonl", "ndjson"):
        return read_jsonl(path)
    if kind in ("csv", "tsv"):
        return read_separated(path, "," if kind == "csv" else "\t")
    if kind == "npy":
        return read_npy(path, arguments.payloads, arguments)
    if kind == "parquet":
        return read_parquet(path)
    sys.exit(f"{path}: format '{kind}' is not known; expected jsonl, csv, tsv, npy or parquet")


def count(path, arguments):
    """How many records there are, for the progress bar; an upper bound where lines are counted."""
    kind = arguments.format or path.suffix.lstrip(".")
    if kind == "npy":
        import numpy
        return len(numpy.load(path, mmap_mode="r", allow_pickle=False))
    if kind == "parquet":
        import pyarrow.parquet
        return pyarrow.parquet.ParquetFile(path).metadata.num_rows
    with path.open("rb") as file:
        lines = sum(block.count(b"\n") for block in iter(lambda: file.read(1 << 20), b""))
    return lines if kind in ("jsonl", "ndjson") else max(lines - 1, 0)


def to_point(record, number, arguments):
    """A record as the server takes it."""
    if not isinstance(record, dict):
        raise ValueError("expected an object")
    identity = record.get(arguments.id_field)
    vector = record.get(arguments.vector_field)
    text = record.get(arguments.text_field)
    if vector is None:
        if text is None:
            raise ValueError(
                f"has neither '{arguments.text_field}' nor '{arguments.vector_field}'")
        vector = {"text": str(text), "model": arguments.model}
    if arguments.payload_field:
        payload = record.get(arguments.payload_field) or {}
    else:
        payload = {name: value for name, value in record.items()
                   if name not in (arguments.id_field, arguments.vector_field)}
    point = {"id": number if identity is None else identity, "vector": vector, "payload": payload}
    json.dumps(point, allow_nan=False)  # what JSON cannot hold is this line's problem
    return point


class Progress:
    """A bar on a terminal, a line every few seconds elsewhere."""

    def __init__(self, total, done):
        self.total, self.done, self.first = max(total, 1), done, done
        self.start = self.drawn = time.monotonic()
        self.terminal = sys.stderr.isatty()

    def add(self, points):
        self.done += points
        if time.monotonic() - self.drawn > (0.1 if self.terminal else 5):
            self.draw()

    def draw(self, last=False):
        self.drawn = time.monotonic()
        rate = (self.done - self.first) / max(self.drawn - self.start, 1e-9)
        share = min(self.done / self.total, 1)
        left = (self.total - self.done) / rate if rate > 0 else 0
        bar = ("#" * int(30 * share)).ljust(30, ".")
        end = "\n" if last or not self.terminal else ""
        minutes, seconds = divmod(int(max(left, 0)), 60)
        print(f"{chr(13) if self.terminal else ''}[{bar}] {share:4.0%} {self.done} points "
              f"{rate:.0f}/s left {minutes}:{seconds:02}  ", end=end, file=sys.stderr, flush=True)


class Importer:
    def __init__(self, client, arguments):
        self.client = client
        self.arguments = arguments
        self.path = "/collections/" + urllib.parse.quote(arguments.collection, safe="")
        self.imported = 0
        self.failed = 0
        self.errors = arguments.errors.open("w", encoding="utf-8") if arguments.errors else None

    def ensure_collection(self, point):
        if self.client.call("GET", self.path + "/exists")["exists"]:
            return
        vector = point["vector"]
        if isinstance(vector, list):
            size = len(vector)
        else:
            models = self.client.call("GET", "/v1/models")["data"]
            wanted = [model for model in models
                      if self.arguments.model in ("", model["id"])]
            if not wanted:
                sys.exit("the server has no such model, so it takes no texts")
            size = wanted[0]["dimensions"]
        self.client.call("PUT", self.path, {
            "vectors": {"size": size, "distance": self.arguments.distance}})

    def fail(self, file, line, reason):
        self.failed += 1
        if self.failed <= SHOWN_ERRORS:
            print(f"\n{file}:{line}: {reason}", file=sys.stderr)
        if self.failed == SHOWN_ERRORS:
            print("further lines are only counted", file=sys.stderr)
        if self.errors:
            self.errors.write(json.dumps({"file": str(file), "line": line, "error": str(reason)}) + "\n")
            self.errors.flush()

    def upsert(self, batch):
        """Writes a batch; the lines that were refused with their reasons."""
        def put(points):
            self.client.call("PUT", self.path + "/points?wait=true", {"points": points})
        try:
            put([point for _, point in batch])
            return []
        except ServerError as error:
            if not 400 <= error.status < 500 or error.status == 404:
                raise
            if len(batch) == 1:
                return [(batch[0][0], error)]
        # One bad point refuses the batch: find out which, half by half.
        middle = len(batch) // 2
        return self.upsert(batch[:middle]) + self.upsert(batch[middle:])

    def batches(self, file, skip, first_id):
        """Yields (records read so far, batch)."""
        batch = []
        done = 0
        for done, (line, record) in enumerate(read(file, self.arguments), start=1):
            if done <= skip:
                continue
            try:
                if isinstance(record, Exception):
                    raise record
                batch.append((line, to_point(record, first_id + done - 1, self.arguments)))
            except (ValueError, TypeError) as error:
                self.fail(file, line, error)
            if len(batch) >= self.arguments.batch:
                yield done, batch
                batch = []
        yield done, batch

    def run_file(self, file, first_id):
        state = StateFile(self.arguments, file)
        skip = 0 if self.arguments.restart else state.load()
        if skip:
            print(f"{file}: going on after {skip} records, where the last import stopped",
                  file=sys.stderr)
        progress = Progress(count(file, self.arguments), skip)
        waiting = collections.deque()  # in the order of the file, so that what is done is a prefix
        done = skip

        def settle():
            nonlocal done
            batch_done, batch, future = waiting.popleft()
            refused = future.result() if future else []
            for line, reason in refused:
                self.fail(file, line, reason)
            self.imported += len(batch) - len(refused)
            progress.add(batch_done - done)
            done = batch_done
            state.save(done)

        with concurrent.futures.ThreadPoolExecutor(self.arguments.parallel) as pool:
            try:
                for batch_done, batch in self.batches(file, skip, first_id):
                    if batch and not self.imported and not waiting:
                        self.ensure_collection(batch[0][1])
                    future = pool.submit(self.upsert, batch) if batch else None
                    waiting.append((batch_done, batch, future))
                    while len(waiting) >= 2 * self.arguments.parallel:
                        settle()
                while waiting:
                    settle()
            except BaseException:
                pool.shutdown(cancel_futures=True)
                raise
        progress.draw(last=True)
        return done

    def run(self):
        first_id = self.arguments.first_id
        for file in self.arguments.files:
            first_id += self.run_file(file, first_id)
        for file in self.arguments.files:
            StateFile(self.arguments, file).remove()
        print(f"{self.imported} points imported, {self.failed} lines failed", file=sys.stderr)
        return 1 if self.failed else 0


class StateFile:
    """How many records of a file are in, under a name made of what is imported where."""

    def __init__(self, arguments, file):
        facts = file.stat()
        self.key = "\n".join(map(str, (arguments.url, arguments.collection, file.resolve(),
                                       facts.st_size, facts.st_mtime_ns)))
        cache = pathlib.Path(os.environ.get("XDG_CACHE_HOME") or pathlib.Path.home() / ".cache")
        digest = hashlib.sha256(self.key.encode()).hexdigest()[:16]
        self.path = cache / "vecnest" / "import" / f"{digest}.json"

    def load(self):
        try:
            state = json.loads(self.path.read_text(encoding="utf-8"))
            return state["records"] if state["key"] == self.key else 0
        except (OSError, ValueError, KeyError, TypeError):
            return 0

    def save(self, records):
        self.path.parent.mkdir(parents=True, exist_ok=True)
        part = self.path.with_suffix(".part")
        part.write_text(json.dumps({"key": self.key, "records": records}), encoding="utf-8")
        part.replace(self.path)

    def remove(self):
        self.path.unlink(missing_ok=True)


def parse_arguments():
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("files", nargs="+", type=pathlib.Path)
    parser.add_argument("--url", default="http://127.0.0.1:6333", help="default: %(default)s")
    parser.add_argument("--collection", required=True)
    parser.add_argument("--format", choices=["jsonl", "csv", "tsv", "npy", "parquet"])
    parser.add_argument("--id-field", default="id", help="without it points are numbered")
    parser.add_argument("--text-field", default="text")
    parser.add_argument("--vector-field", default="vector")
    parser.add_argument("--payload-field", default="",
                        help="object that is the payload; default: all fields but id and vector")
    parser.add_argument("--payloads", type=pathlib.Path, help="JSON lines beside an .npy file")
    parser.add_argument("--first-id", type=int, default=1)
    parser.add_argument("--model", default="", help="of texts; default: the server's")
    parser.add_argument("--distance", default="Cosine", help="of a collection that is made")
    parser.add_argument("--batch", type=int, default=256, help="points a request")
    parser.add_argument("--parallel", type=int, default=2, help="requests at a time")
    parser.add_argument("--attempts", type=int, default=10, help="of a request, when the server is busy")
    parser.add_argument("--api-key", default=os.environ.get("VECNEST_API_KEY", ""))
    parser.add_argument("--errors", type=pathlib.Path, help="write failed lines here, JSON lines")
    parser.add_argument("--restart", action="store_true", help="begin again instead of going on")
    arguments = parser.parse_args()
    for file in arguments.files:
        if not file.is_file():
            parser.error(f"{file} is no file")
    return arguments


def main():
    arguments = parse_arguments()
    client = Client(arguments.url, arguments.api_key, arguments.attempts)
    try:
        return Importer(client, arguments).run()
    except KeyboardInterrupt:
        print("\ninterrupted; the same command goes on from here", file=sys.stderr)
        return 130
    except ServerError as error:
        print(f"\nthe server refused: {error}", file=sys.stderr)
        return 2
    except (OSError, http.client.HTTPException) as error:
        print(f"\n{arguments.url}: {error}", file=sys.stderr)
        return 2


if __name__ == "__main__":
    sys.exit(main())
