"""Ctrl-C in the middle of generated kernels, which use the stack pointer for other ends than the stack."""

import itertools
import os
import signal
import subprocess
import time

import pytest
from server import missing

WORDS = "man woman king queen boy girl father mother son daughter uncle aunt paris france rome italy berlin germany london england".split()


@pytest.mark.parametrize("seconds", (0.5, 1.0, 1.5, 2.0))
def test_analogies_end_with_130(tmp_path, seconds):
    if reason := missing():
        pytest.skip(reason)
    questions = tmp_path / "questions.txt"
    lines = (" ".join(words) for words in itertools.permutations(WORDS, 4))
    questions.write_text(": all\n" + "\n".join(itertools.islice(lines, 60_000)), encoding="utf-8")
    command = [os.environ["VECNEST_BINARY"], "inspect", "analogies", str(questions)]
    running = subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)
    time.sleep(seconds)
    running.send_signal(signal.SIGINT)
    output, error = running.communicate(timeout=60)
    # Before the model is loaded nothing is caught, and the signal itself ends the program.
    assert running.returncode in (130, -signal.SIGINT), (running.returncode, error)
    assert output == ""
