"""What the command line has in common: how it refuses its options, and what it writes while it works."""

import os
import pty
import re
import signal
import socket
import subprocess

import pytest
from server import Server, missing

np = pytest.importorskip("numpy")
httpx = pytest.importorskip("httpx")

COUNT, WIDTH = 12_000, 64
CLEAR = "\r\x1b[K"


def run(*arguments):
    if "VECNEST_BINARY" not in os.environ:
        pytest.skip("set VECNEST_BINARY to the program")
    return subprocess.run([os.environ["VECNEST_BINARY"], *map(str, arguments)], capture_output=True, text=True)


@pytest.mark.parametrize("arguments, code, says, command", [
    ([], 106, "subcommand is required", "vecnest"),
    (["serch"], 106, "required; not expected: serch", "vecnest"),
    (["search"], 106, "--collection is required", "vecnest search"),
    (["search", "--collection", "c", "words"], 106, "--data or --url is required", "vecnest search"),
    (["search", "--collection", "c", "words", "--limt", "3"], 109, "--limt", "vecnest search"),
    (["geometry", "--url", "http://127.0.0.1:1", "--collection", "c", "--samples", "1"], 105, "--samples: Value 1",
     "vecnest geometry"),
    (["inspect"], 106, "subcommand is required", "vecnest inspect"),
    (["inspect", "neighbors"], 106, "term is required", "vecnest inspect neighbors"),
    (["inspect", "neighbors", "a", "b"], 109, "not expected: b", "vecnest inspect neighbors"),
    (["models", "fetch"], 106, "name is required", "vecnest models fetch"),
])
def test_what_is_wrong_is_one_line(arguments, code, says, command):
    done = run(*arguments)
    assert done.returncode == code and done.stdout == ""
    wrong, hint = done.stderr.splitlines()
    assert wrong.startswith("vecnest: ") and says in wrong
    assert hint == f"Run `{command} --help` for the options"
    help_page = run(*command.split()[1:], "--help")
    assert help_page.returncode == 0 and "Options:" in help_page.stdout


class Terminal:
    """A program whose standard error is a terminal."""

    def __init__(self, *arguments):
        if "VECNEST_BINARY" not in os.environ:
            pytest.skip("set VECNEST_BINARY to the program")
        self.end, inside = pty.openpty()
        command = [os.environ["VECNEST_BINARY"], *map(str, arguments)]
        self.process = subprocess.Popen(command, stdout=subprocess.PIPE, stderr=inside, text=True)
        os.close(inside)
        self.written = ""

    def read_until(self, pattern):
        while not re.search(pattern, self.written):
            assert self.read(), self.written
        return self

    def read(self):
        try:
            data = os.read(self.end, 65536)
        except OSError:  # the program has ended
            return False
        self.written += data.decode(errors="replace")
        return bool(data)

    def finish(self):
        """What stands on the screen in the end, line by line, and what came on standard output."""
        while self.read():
            pass
        os.close(self.end)
        output = self.process.communicate(timeout=60)[0]
        written = re.sub("\x1b\\[[0-9;]*m", "", self.written.replace("\r\n", "\n"))  # colours
        return [line.split(CLEAR)[-1] for line in written.split("\n")], output


@pytest.fixture(scope="module", name="data")
def fixture_data(tmp_path_factory):
    """A data directory that no server uses, with a collection of vectors."""
    if reason := missing():
        pytest.skip(reason)
    directory = tmp_path_factory.mktemp("data")
    rows = np.random.default_rng(1).normal(size=(COUNT, WIDTH)).astype(np.float32).round(4).tolist()
    with Server(directory) as running, httpx.Client(base_url=running.url, timeout=60) as http:
        body = {"vectors": {"size": WIDTH, "distance": "Cosine"}}
        assert http.put("/collections/c", json=body).status_code == 200
        for first in range(0, COUNT, 2000):
            points = [{"id": i, "vector": rows[i]} for i in range(first, first + 2000)]
            assert http.put("/collections/c/points?wait=true", json={"points": points}).status_code == 200
    return directory


def test_log_lines_stand_above_the_bar(data):
    screen, _ = Terminal("adapt", "--data", data, "--collection", "c", "--method", "rotation").finish()
    logged = [line for line in screen if "[info]" in line or "[warning]" in line]
    assert any("was adapted" in line for line in logged), screen
    assert all(line.startswith("[20") and " % " not in line for line in logged), logged
    bars = [line for line in screen if " % " in line]
    assert bars and all(line.startswith("[#") or line.startswith("[.") for line in bars), bars


def test_geometry_shows_how_far_it_is(data):
    screen, output = Terminal("geometry", "--data", data, "--collection", "c", "--samples", COUNT).finish()
    assert f"{COUNT} of {COUNT} vectors" in output
    (bar,) = [line for line in screen if " % " in line]
    assert bar.startswith("[####") and "100 % measuring in " in bar


def test_ctrl_c_ends_geometry(data):
    terminal = Terminal("geometry", "--data", data, "--collection", "c", "--samples", COUNT).read_until(r" [1-9]\d? % measuring")
    terminal.process.send_signal(signal.SIGINT)
    screen, output = terminal.finish()
    assert terminal.process.returncode == 130 and output == "", screen
    assert "vecnest: the call was cancelled" in screen


def test_ctrl_c_ends_waiting_for_a_server():
    with socket.create_server(("127.0.0.1", 0)) as silent:
        url = f"http://127.0.0.1:{silent.getsockname()[1]}"
        terminal = Terminal("geometry", "--url", url, "--collection", "c").read_until("waiting for the server 0:01")
        terminal.process.send_signal(signal.SIGINT)
        screen, output = terminal.finish()
    assert terminal.process.returncode == 130 and output == "", screen
    assert screen == ["vecnest: the call was cancelled", ""]  # nothing is left of the waiting
