#!/usr/bin/env python3
"""Import files into a collection of a running Vecnest server.

Formats, by the file's ending or --format:
  jsonl, ndjson  one JSON object a line
  csv, tsv       a header row, then one point a row
  npy            a NumPy array of vectors, one point a row (needs numpy); fields: --payload FILE.jsonl
  parquet        one point a row (needs pyarrow)

A point is embedded by the server from its text field, unless it has a vector. All its other
fields, and the text, become its payload. Without an id field points are numbered in the order of
the files.

An interrupted import goes on where it stopped when the same command is run again. Lines that fail
are reported and do not stop the rest. Exit code: 0 all lines are in, 1 some failed, 2 the import
could not go on, 130 interrupted.

Examples:
  bulk_import.py --collection notes notes.jsonl
  bulk_import.py --url http://host:6333 --collection shop --text-field title --parallel 4 shop.csv
  bulk_import.py --collection images --payload images.jsonl vectors.npy
"""

import argparse
import base64
import collections
import concurrent.futures
import hashlib
import http.client
import json
import os
import pathlib
import random
import re
import signal
import sys
import threading
import time
import urllib.parse

MAX_ROW_BYTES = 1 << 20  # a quote that stays open for longer is a mistake
MAX_SHOWN_ERRORS = 20
FIRST_PAUSE = 0.1
LONGEST_PAUSE = 10.0
LONGEST_ASKED = 60.0
BUSY = (429, 502, 503, 504)
REFUSED = (400, 413, 422)  # because of what is in the request

# Where a reader stands: bytes (or rows), lines, points and failed lines so far.
Position = collections.namedtuple("Position", "offset line items failed", defaults=(0, 0, 0, 0))
# A record, or why there is none; `offset` and `last_line`: where reading goes on after it.
Row = collections.namedtuple("Row", "line offset last_line record error")


class Fatal(Exception):
    """Ends the import."""


class BadLine(Exception):
    """Concerns one line."""


class Refused(Exception):
    """The server does not take this batch."""


# -- Reading


def no_constant(name):
    raise ValueError(f"{name} is not JSON")


def parse_json(text):
    return json.loads(text, parse_constant=no_constant)


def cell_value(cell):
    """A column's text as JSON: a number, true, false, a list or an object if it reads as one. What
    JSON would not give back as it was ("007", "1e5", twenty digits) stays a string."""
    if cell[0] not in "-0123456789tf[{":
        return cell
    try:
        value = parse_json(cell)
    except (ValueError, RecursionError):
        return cell
    if isinstance(value, float) and (len(cell) > 15 or "e" in cell.lower()):
        return cell
    if isinstance(value, int) and not -(2**63) <= value < 2**64:
        return cell
    return value


def read_jsonl(path, start):
    with open(path, "rb") as stream:
        stream.seek(start.offset)
        line, offset = start.line, start.offset
        for raw in stream:
            line += 1
            if offset == 0 and raw.startswith(b"\xef\xbb\xbf"):
                raw, offset = raw[3:], 3
            offset += len(raw)
            if not raw.strip():
                continue
            try:
                yield Row(line, offset, line, parse_json(raw.decode("utf-8")), None)
            except (ValueError, RecursionError) as error:
                yield Row(line, offset, line, None, f"not JSON: {error}")


def split_row(text, separator):
    """The cells of one row; None when a quote is still open at its end (RFC 4180)."""
    if separator != "," or '"' not in text:
        return text.rstrip("\r\n").split(separator)
    cells, at = [], 0
    while True:
        if text[at : at + 1] == '"':
            end = at + 1
            while True:
                end = text.find('"', end)
                if end < 0:
                    return None
                if text[end + 1 : end + 2] != '"':
                    break
                end += 2
            cell = text[at + 1 : end].replace('""', '"')
            at = end + 1
            if text[at : at + 1] not in ("", ",", "\r", "\n"):
                raise BadLine("text follows a closing quote")
        else:
            cell = ""
        stop = text.find(",", at)
        rest = text[at:] if stop < 0 else text[at:stop]
        cells.append(cell + (rest.rstrip("\r\n") if stop < 0 else rest))
        if stop < 0:
            return cells
        at = stop + 1


def read_row(stream, separator):
    """(cells, lines); cells is None at the end. Leaves `stream` after the row. Every byte is one
    character yet: see decode_cells."""
    raw = stream.readline()
    if not raw:
        return None, 0
    second_line, lines = stream.tell(), 1
    while True:
        try:
            cells = split_row(raw.decode("latin-1"), separator)
        except BadLine:
            stream.seek(second_line)
            raise
        if cells is not None:
            return cells, lines
        more = stream.readline()
        if not more or len(raw) > MAX_ROW_BYTES:
            stream.seek(second_line)
            raise BadLine("a quote is not closed")
        raw += more
        lines += 1


def decode_cells(cells):
    try:
        return [cell if cell.isascii() else cell.encode("latin-1").decode("utf-8") for cell in cells]
    except UnicodeDecodeError as error:
        raise BadLine(f"not UTF-8: {error.reason}")


def read_separated(path, start, separator, text_field):
    with open(path, "rb") as stream:
        try:
            header, line = read_row(stream, separator)
            header = decode_cells(header or [])
        except BadLine as error:
            raise Fatal(f"{path}: header row: {error}")
        if not header:
            raise Fatal(f"{path}: the header row is missing")
        header[0] = header[0].lstrip("\ufeff")
        if start.offset:
            stream.seek(start.offset)
            line = start.line
        while True:
            first = line + 1
            try:
                cells, lines = read_row(stream, separator)
                if cells is None:
                    return
                line += lines
                if cells == [""]:
                    continue
                if len(cells) != len(header):
                    raise BadLine(f"has {len(cells)} fields, the header {len(header)}")
                pairs = ((name, cell) for name, cell in zip(header, decode_cells(cells)) if cell)
                record = {name: cell if name == text_field else cell_value(cell) for name, cell in pairs}
                yield Row(first, stream.tell(), line, record, None)
            except BadLine as error:
                line = max(line, first)
                yield Row(first, stream.tell(), line, None, str(error))


def need(module, package, what):
    try:
        return __import__(module, fromlist=["_"])
    except ImportError:
        raise Fatal(f"{what} files need the Python package {package}: pip install {package}")


def read_npy(path, start, args):
    numpy = need("numpy", "numpy", ".npy")
    try:
        vectors = numpy.load(path, mmap_mode="r", allow_pickle=False)
    except ValueError as error:
        raise Fatal(f"{path}: {error}")
    if vectors.ndim != 2:
        raise Fatal(f"{path}: expected an array of two dimensions, this one has {vectors.ndim}")
    if vectors.dtype.kind not in "biuf":
        raise Fatal(f"{path}: expected an array of numbers, this one has {vectors.dtype}")
    payloads = open(args.payload, "rb") if args.payload else None
    for row in range(len(vectors)):
        raw = payloads.readline() if payloads else b"{}"
        if row < start.offset:
            continue
        try:
            record = parse_json(raw.decode("utf-8")) if raw.strip() else {}
            with numpy.errstate(over="ignore"):  # the server names a component that is no float
                floats = vectors[row].astype("<f4").tobytes()
            record[args.vector_field] = {"base64": base64.b64encode(floats).decode()}
            yield Row(row + 1, row + 1, row + 1, record, None)
        except (ValueError, TypeError) as error:
            yield Row(row + 1, row + 1, row + 1, None, f"payload: {error}")


def read_parquet(path, start, args):
    parquet = need("pyarrow.parquet", "pyarrow", ".parquet").ParquetFile(path)
    row = 0
    for batch in parquet.iter_batches(batch_size=args.batch):
        if row + batch.num_rows <= start.offset:
            row += batch.num_rows
            continue
        for record in batch.to_pylist():
            row += 1
            if row > start.offset:
                yield Row(row, row, row, record, None)


def open_file(path, args, start):
    """(rows, total): `total` is of what offsets count."""
    kind = args.format or pathlib.Path(path).suffix.lstrip(".").lower()
    if kind in ("jsonl", "ndjson"):
        return read_jsonl(path, start), os.path.getsize(path)
    if kind in ("csv", "tsv"):
        separator = "," if kind == "csv" else "\t"
        return read_separated(path, start, separator, args.text_field), os.path.getsize(path)
    if kind == "npy":
        numpy = need("numpy", "numpy", ".npy")
        return read_npy(path, start, args), len(numpy.load(path, mmap_mode="r", allow_pickle=False))
    if kind == "parquet":
        parquet = need("pyarrow.parquet", "pyarrow", ".parquet")
        return read_parquet(path, start, args), parquet.ParquetFile(path).metadata.num_rows
    raise Fatal(f"{path}: format '{kind}' is not known; see --format")


def to_point(record, args, number):
    """The point of a record, as JSON."""
    if not isinstance(record, dict):
        raise BadLine("expected an object")
    name = record.get(args.id_field)
    if isinstance(name, str) and re.fullmatch("[0-9]+", name):
        name = int(name)
    text, vector = record.get(args.text_field), record.get(args.vector_field)
    if vector is None:
        if text is None:
            raise BadLine(f"has neither '{args.text_field}' nor '{args.vector_field}'")
        if not isinstance(text, str):
            raise BadLine(f"{args.text_field}: expected a string")
        vector = {"text": text, "model": args.model}
        if args.chunk_tokens:
            vector["chunk"] = {"max_tokens": args.chunk_tokens, "overlap": args.chunk_overlap}
        if args.no_truncate:
            vector["truncate"] = False
    elif not isinstance(vector, (list, dict)):
        raise BadLine(f"{args.vector_field}: expected a list of numbers or {{\"base64\": ...}}")
    if args.payload_field:
        payload = record.get(args.payload_field) or {}
        if not isinstance(payload, dict):
            raise BadLine(f"{args.payload_field}: expected an object")
    else:
        skipped = (args.id_field, args.vector_field)
        payload = {key: value for key, value in record.items() if key not in skipped}
    point = {"id": number if name is None else name, "vector": vector, "payload": payload}
    try:
        return json.dumps(point, allow_nan=False, default=str)
    except (ValueError, RecursionError) as error:
        raise BadLine(str(error))


# -- The server


class Outcome:
    """Lines that were refused, points that were written, and how models read the texts."""

    def __init__(self, refused=(), answer=None, points=0):
        self.refused = list(refused)  # (line, error)
        answer = answer or {}
        result = answer.get("result")
        self.points = result.get("points", points) if isinstance(result, dict) else points
        self.models = {}  # name: texts, truncated, max_tokens
        inference = (answer.get("usage") or {}).get("inference") or {}
        for name, model in inference.get("models", {}).items():
            counts = [model.get(key, 0) for key in ("texts", "truncated", "max_tokens")]
            self.models[name] = counts

    def add(self, other):
        self.refused += other.refused
        self.points += other.points
        for name, (texts, truncated, max_tokens) in other.models.items():
            known = self.models.get(name, (0, 0, 0))
            self.models[name] = [known[0] + texts, known[1] + truncated, max_tokens]
        return self


class Server:
    """Requests with retries. Thread-safe: every thread has a connection of its own."""

    def __init__(self, args):
        parts = urllib.parse.urlsplit(args.url)
        if parts.scheme not in ("http", "https") or not parts.hostname:
            raise Fatal(f"--url {args.url}: expected for example http://127.0.0.1:6333")
        secure = parts.scheme == "https"
        self.kind = http.client.HTTPSConnection if secure else http.client.HTTPConnection
        self.address = (parts.hostname, parts.port or (443 if secure else 80))
        self.prefix = parts.path.rstrip("/")
        self.headers = {"Content-Type": "application/json"}
        if args.api_key:
            self.headers["api-key"] = args.api_key
        self.args = args
        self.local = threading.local()

    def send(self, method, path, body):
        connection = getattr(self.local, "connection", None)
        if connection is None:
            connection = self.kind(*self.address, timeout=self.args.timeout)
            self.local.connection = connection
        try:
            connection.request(method, self.prefix + path, body, self.headers)
            response = connection.getresponse()
            return response.status, response.getheader("Retry-After"), response.read()
        except (OSError, http.client.HTTPException):
            connection.close()
            self.local.connection = None
            raise

    def call(self, method, path, body=None):
        """The answer's result."""
        answer = self.call_for_all(method, path, body)
        return answer.get("result", answer)

    def call_for_all(self, method, path, body=None):
        """The answer. Waits and tries again while the server is busy or not there."""
        pause = FIRST_PAUSE
        for attempt in range(1, self.args.retries + 2):
            asked = 0.0
            try:
                status, retry_after, answer = self.send(method, path, body)
                if status < 300:
                    return json.loads(answer)
                problem = f"{error_of(answer)} (HTTP {status})"
                if status in REFUSED:
                    raise Refused(problem)
                if status not in BUSY:
                    raise Fatal(problem)
                if retry_after and re.fullmatch("[0-9]+", retry_after.strip()):
                    asked = min(float(retry_after), LONGEST_ASKED)
            except (OSError, http.client.HTTPException, json.JSONDecodeError) as error:
                problem = f"{self.args.url}: {error or type(error).__name__}"
            if attempt <= self.args.retries:
                if attempt == 3:
                    print(f"waiting: {problem}", file=sys.stderr)
                time.sleep(max(asked, pause * random.uniform(0.5, 1.0)))
                pause = min(2 * pause, LONGEST_PAUSE)
        raise Fatal(f"given up after {self.args.retries + 1} attempts: {problem}")

    def upsert(self, collection, points):
        """What became of [(line, point as JSON)]."""
        if not points:
            return Outcome()
        body = '{"points":[' + ",".join(point for _, point in points) + "]}"
        try:
            path = f"/collections/{quote(collection)}/points?wait=true"
            return Outcome(answer=self.call_for_all("PUT", path, body), points=len(points))
        except Refused as error:
            if len(points) == 1:
                return Outcome(refused=[(points[0][0], str(error))])
        # One bad point refuses the batch: find it by halves.
        half = len(points) // 2
        return self.upsert(collection, points[:half]).add(self.upsert(collection, points[half:]))

    def has(self, collection):
        return bool(self.call("GET", f"/collections/{quote(collection)}/exists").get("exists"))

    def identity(self, collection):
        """The collection's uuid, which another one of the same name does not have."""
        return self.call("GET", f"/collections/{quote(collection)}")["vecnest"]["uuid"]

    def create(self, collection, first, args):
        vector = json.loads(first)["vector"]
        if isinstance(vector, list):
            width = len(vector)
        elif isinstance(vector, dict) and isinstance(vector.get("base64"), str):
            text = vector["base64"]
            try:
                width = len(base64.b64decode(text + "=" * (-len(text) % 4), validate=True)) // 4
            except ValueError as error:
                raise Fatal(f"the first vector, which tells the collection's width: {error}")
        elif isinstance(vector, dict) and isinstance(vector.get("text"), str):
            models = self.call("GET", "/v1/models")["data"]
            fitting = [model for model in models if args.model in ("", model["id"])]
            if not fitting:
                raise Fatal(f"the server has no model {args.model}".rstrip() + ": it takes no texts")
            width = fitting[0]["dimensions"]
        else:
            raise Fatal("the collection is missing; create it first, its vectors have names")
        body = {"vectors": {"size": width, "distance": args.distance}}
        self.call("PUT", f"/collections/{quote(collection)}", json.dumps(body))


def quote(part):
    return urllib.parse.quote(part, safe="")


def error_of(answer):
    text = answer.decode("utf-8", "replace")[:500]
    try:
        return str(json.loads(answer)["status"]["error"])
    except (ValueError, KeyError, TypeError):
        return text


# -- Progress, errors, state


class Progress:
    """On a terminal a line that is redrawn; elsewhere a line every few seconds."""

    def __init__(self, total, start):
        self.total, self.start = total, start
        self.began = self.drawn = time.monotonic()
        self.terminal = sys.stderr.isatty()

    def update(self, position, last=False):
        now = time.monotonic()
        if not last and now - self.drawn < (0.1 if self.terminal else 5.0):
            return
        self.drawn = now
        seconds = max(now - self.began, 1e-9)
        share = min(1.0, position.offset / self.total) if self.total else 1.0
        rate = (position.items - self.start.items) / seconds
        speed = (position.offset - self.start.offset) / seconds
        left = seconds if last else (self.total - position.offset) / speed if speed > 0 else 0
        bar = ("#" * int(30 * share)).ljust(30, ".")
        clock = f"{int(left) // 60}:{int(left) % 60:02}"
        text = f"[{bar}] {100 * share:3.0f} % {position.items} points {rate:.0f}/s"
        text += f" {'in' if last else 'left'} {clock}"
        end = "\n" if last or not self.terminal else ""
        print(("\r" if self.terminal else "") + text + "  ", end=end, file=sys.stderr, flush=True)


class Errors:
    """Lines that failed: the first ones are shown, all are counted and written to a file."""

    def __init__(self, path, going_on):
        self.stream = open(path, "a" if going_on else "w", encoding="utf-8") if path else None
        self.shown = 0

    def add(self, path, line, error):
        self.shown += 1
        if self.shown <= MAX_SHOWN_ERRORS:
            clear = "\r\x1b[K" if sys.stderr.isatty() else ""
            print(f"{clear}{path}:{line}: {error}", file=sys.stderr)
        if self.shown == MAX_SHOWN_ERRORS:
            print("further lines that fail are only counted", file=sys.stderr)
        if self.stream:
            entry = {"file": str(path), "line": line, "error": error}
            self.stream.write(json.dumps(entry) + "\n")
            self.stream.flush()


class State:
    """How far a file has got, under a name made of what is imported where."""

    def __init__(self, path, args):
        about = os.stat(path)
        # Whatever decides on what is made of the file's lines.
        fields = [args.format, args.first_id, args.id_field, args.text_field, args.vector_field]
        self.key = [args.url, args.collection, os.path.abspath(path), about.st_size, about.st_mtime_ns]
        self.key += [*fields, args.payload_field, args.model]
        self.key += [args.chunk_tokens, args.chunk_overlap, args.no_truncate]
        digest = hashlib.sha256(json.dumps(self.key).encode()).hexdigest()[:16]
        self.path = pathlib.Path(args.state_dir) / f"{digest}.json"

    def load(self, identity):
        """Where the file stopped for this very collection."""
        try:
            saved = json.loads(self.path.read_text(encoding="utf-8"))
            same = saved["key"] == self.key and saved["collection"] == identity
            return Position(*saved["position"]) if same else Position()
        except (OSError, ValueError, KeyError, TypeError):
            return Position()

    def save(self, identity, position):
        self.path.parent.mkdir(parents=True, exist_ok=True)
        part = self.path.with_suffix(".part")
        saved = {"key": self.key, "collection": identity, "position": position}
        part.write_text(json.dumps(saved), encoding="utf-8")
        part.replace(self.path)

    def remove(self):
        if self.path.exists():
            self.path.unlink()


# -- The import


class Batch:
    def __init__(self):
        self.points = []  # (line, point as JSON)
        self.errors = []  # (line, error)
        self.end = None  # the last Row


class Importer:
    def __init__(self, args):
        self.args = args
        self.server = Server(args)
        self.interrupted = False
        self.total = Outcome()
        self.imported = 0  # lines
        self.failed = 0

    def interrupt(self, number, _frame):
        """The first time between two batches, the second time at once."""
        self.interrupted = True
        signal.signal(number, signal.SIG_DFL)

    def run(self):
        args = self.args
        exists = self.server.has(args.collection)
        self.identity = self.server.identity(args.collection) if exists else None
        # What an earlier run says it has written is worth nothing when the collection is gone.
        go_on = exists and not args.restart
        states = [State(path, args) for path in args.files]
        starts = [state.load(self.identity) if go_on else Position() for state in states]
        self.errors = Errors(args.errors, any(start.offset for start in starts))
        for number in (signal.SIGINT, signal.SIGTERM):
            signal.signal(number, self.interrupt)
        before = 0
        with concurrent.futures.ThreadPoolExecutor(args.parallel) as pool:
            for path, state, start in zip(args.files, states, starts):
                before += self.import_file(pool, path, state, start, before)
                if self.interrupted:
                    print("interrupted; the same command goes on from here", file=sys.stderr)
                    return 130
        for state in states:
            state.remove()
        self.summarize()
        return 1 if self.failed else 0

    def summarize(self):
        print(f"{self.total.points} points imported, {self.failed} lines failed", file=sys.stderr)
        if self.args.chunk_tokens:
            chunks = f"chunks of at most {self.args.chunk_tokens} tokens"
            print(f"they are {self.imported} lines in {chunks}", file=sys.stderr)
        for name, (texts, truncated, most) in self.total.models.items():
            if truncated:
                advice = f"--chunk-tokens {most} makes several points of such a text instead"
                cut = f"{truncated} of {texts} texts were cut to the {most} tokens that {name} reads"
                print(f"{cut}; {advice}", file=sys.stderr)

    def import_file(self, pool, path, state, start, before):
        """Sends the file's batches and remembers those acknowledged, in their order."""
        rows, total = open_file(path, self.args, start)
        if start.offset:
            where = f"line {start.line}, where the last import stopped"
            print(f"{path}: going on after {where}", file=sys.stderr)
        self.failed += start.failed
        progress, position = Progress(total, start), start
        waiting = collections.deque()
        batches = self.batches(rows, before + start.items)
        more = True
        while more or waiting:
            batch = None if self.interrupted else next(batches, None)
            more = batch is not None
            if more:
                if batch.points and self.identity is None:
                    self.server.create(self.args.collection, batch.points[0][1], self.args)
                    self.identity = self.server.identity(self.args.collection)
                upsert = self.server.upsert
                waiting.append((batch, pool.submit(upsert, self.args.collection, batch.points)))
            while waiting and (not more or len(waiting) >= 2 * self.args.parallel or waiting[0][1].done()):
                batch, future = waiting.popleft()
                position = self.acknowledge(path, batch, future.result(), position)
                state.save(self.identity, position)
                progress.update(position)
        progress.update(position, last=True)
        return position.items

    def acknowledge(self, path, batch, outcome, position):
        refused, outcome.refused = outcome.refused, []
        self.total.add(outcome)
        errors = sorted(batch.errors + refused)
        for line, error in errors:
            self.errors.add(path, line, error)
        self.imported += len(batch.points) - len(refused)
        self.failed += len(errors)
        items = position.items + len(batch.points) + len(batch.errors)
        return Position(batch.end.offset, batch.end.last_line, items, position.failed + len(errors))

    def batches(self, rows, before):
        batch = Batch()
        for count, row in enumerate(rows):
            try:
                if row.error:
                    raise BadLine(row.error)
                number = self.args.first_id + before + count
                batch.points.append((row.line, to_point(row.record, self.args, number)))
            except BadLine as error:
                batch.errors.append((row.line, str(error)))
            batch.end = row
            if len(batch.points) + len(batch.errors) >= self.args.batch:
                yield batch
                batch = Batch()
        if batch.end:
            yield batch


def parse_arguments():
    formats = ["jsonl", "ndjson", "csv", "tsv", "npy", "parquet"]
    cache = os.environ.get("XDG_CACHE_HOME") or pathlib.Path.home() / ".cache"
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    add = parser.add_argument
    add("files", nargs="+", metavar="FILE")
    add("--url", default="http://127.0.0.1:6333", help="server (default: %(default)s)")
    add("--collection", required=True, help="made when it is missing")
    add("--api-key", default=os.environ.get("VECNEST_API_KEY", ""), help="or $VECNEST_API_KEY")
    add("--format", choices=formats, help="default: by the file's ending")
    add("--id-field", default="id", metavar="NAME", help="default: id; without it points are numbered")
    add("--text-field", default="text", metavar="NAME", help="default: text")
    add("--vector-field", default="vector", metavar="NAME", help="default: vector")
    add("--payload-field", metavar="NAME", help="object that becomes the payload; default: all fields")
    add("--payload", metavar="FILE", help="JSON lines with the other fields of a .npy file's rows")
    add("--first-id", type=int, default=1, metavar="N", help="first number where ids are missing")
    add("--model", default="", help="model for texts; default: the collection's, or the server's")
    add("--chunk-tokens", type=int, default=0, metavar="N",
        help="cut every text into chunks of at most N tokens, special tokens and prefix included; each "
        "becomes a point that names its line's id in payload.chunk.parent (default: a text is one "
        "point, and cut when the model can't read all of it)")
    add("--chunk-overlap", type=int, default=0, metavar="M",
        help="tokens that the next chunk repeats, less than --chunk-tokens")
    add("--no-truncate", action="store_true",
        help="lines with a text longer than the model reads fail instead of being cut")
    add("--distance", default="Cosine", choices=["Cosine", "Dot", "Euclid", "Manhattan"],
        help="metric of a collection that is made (default: %(default)s)")
    add("--batch", type=int, default=256, metavar="N", help="points a request (default: %(default)s)")
    add("--parallel", type=int, default=2, metavar="N", help="requests at a time (default: %(default)s)")
    add("--retries", type=int, default=10, metavar="N", help="of a request (default: %(default)s)")
    add("--timeout", type=float, default=300, metavar="S", help="seconds to wait for an answer")
    add("--errors", metavar="FILE", help="write lines that failed to this file, JSON lines")
    add("--restart", action="store_true", help="begin again instead of going on")
    add("--state-dir", default=str(pathlib.Path(cache) / "vecnest" / "bulk_import"), metavar="DIR",
        help="where progress is remembered (default: %(default)s)")
    args = parser.parse_args()
    if args.batch < 1 or args.parallel < 1 or args.retries < 0 or args.first_id < 0:
        parser.error("--batch and --parallel must be at least 1, --retries and --first-id at least 0")
    if args.chunk_tokens < 0 or args.chunk_overlap < 0:
        parser.error("--chunk-tokens and --chunk-overlap must not be negative")
    if args.chunk_overlap and args.chunk_overlap >= args.chunk_tokens:
        parser.error("--chunk-overlap must be less than --chunk-tokens")
    for path in args.files + ([args.payload] if args.payload else []):
        if not os.path.isfile(path):
            parser.error(f"{path}: no such file")
    return args


def main():
    args = parse_arguments()
    try:
        return Importer(args).run()
    except (Fatal, Refused, OSError) as error:
        print(f"bulk_import: {error}", file=sys.stderr)
        return 2


if __name__ == "__main__":
    sys.exit(main())
