"""vecnest embed: texts on standard input to vectors on standard output."""

import io
import json
import os
import pathlib
import random
import subprocess
import sys

import numpy
import pytest
from server import missing

pytestmark = pytest.mark.skipif(missing() is not None, reason=str(missing()))
TINY = pathlib.Path(__file__).resolve().parents[1] / "data" / "tiny-bert-max"

# Runs a command and prints the largest memory that it had, in KiB.
PEAK = """
import resource, subprocess, sys
with open(sys.argv[1], "rb") as texts, open("/dev/null", "wb") as nowhere:
    subprocess.run(sys.argv[2:], stdin=texts, stdout=nowhere, check=True)
print(resource.getrusage(resource.RUSAGE_CHILDREN).ru_maxrss)
"""


def embed(lines, *options):
    command = [os.environ["VECNEST_BINARY"], "embed", "--model", str(TINY), *options]
    done = subprocess.run(command, input="\n".join(lines).encode(), capture_output=True, timeout=120)
    assert done.returncode == 0, done.stderr.decode()
    return done.stdout


def test_both_formats_say_the_same():
    lines = ["the cat sat", "a big red dog", "the cat sat", ""]
    rows = [json.loads(line)["embedding"] for line in embed(lines + ["sun"]).splitlines()]
    array = numpy.load(io.BytesIO(embed(lines + ["sun"], "--format", "npy")))
    assert array.dtype == numpy.float32 and array.shape == (5, len(rows[0]))
    numpy.testing.assert_array_equal(array, numpy.array(rows, dtype=numpy.float32))
    assert numpy.load(io.BytesIO(embed([], "--format", "npy"))).shape == (0, 0)


@pytest.mark.parametrize("layout", ["npy", "jsonl"])
def test_memory_does_not_grow_with_the_number_of_texts(tmp_path, layout):
    """100,000 more vectors of 36 numbers would be 14 MB, their texts and tokens 8 MB more."""
    words = "the cat sat on mat big red dog sun rain".split()
    chosen = random.Random(1)
    peaks = []
    for count in (100_000, 200_000):
        file = tmp_path / f"{count}.txt"
        file.write_text("".join(" ".join(chosen.choices(words, k=chosen.randint(2, 12))) + "\n" for _ in range(count)))
        command = [os.environ["VECNEST_BINARY"], "embed", "--model", str(TINY), "--format", layout]
        done = subprocess.run([sys.executable, "-c", PEAK, str(file), *command], capture_output=True, text=True, check=True)
        peaks.append(int(done.stdout))
    assert peaks[1] - peaks[0] < 6 * 1024, peaks


def test_errors_name_the_line_of_the_input():
    """Also in a later batch than the first."""
    lines = ["the cat"] * 1500 + ["the cat sat " * 50, "sun"]
    command = [os.environ["VECNEST_BINARY"], "embed", "--model", str(TINY), "--no-truncate"]
    done = subprocess.run(command, input="\n".join(lines).encode(), capture_output=True, timeout=120)
    assert done.returncode != 0
    assert "line 1501: the text has 15" in done.stderr.decode()
    done = subprocess.run(command, input=b"sun\nthe \xff\n", capture_output=True, timeout=120)
    assert "line 2: the text is not valid UTF-8 at byte 4" in done.stderr.decode()
