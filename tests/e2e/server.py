"""Starts and ends the program under test."""

import os
import pathlib
import re
import signal
import subprocess
import threading
import time
import urllib.error
import urllib.request

MODEL = "all-MiniLM-L6-v2"
LISTENING = re.compile(r"listening on http://[^ ;]*:(\d+)")


def missing():
    """What stands in the way of running the tests, or None."""
    binary = os.environ.get("VECNEST_BINARY")
    if not binary:
        return "VECNEST_BINARY is not set: build the program and name it there"
    if not os.access(binary, os.X_OK):
        return f"VECNEST_BINARY={binary} is not a program"
    models = os.environ.get("VECNEST_MODELS")
    folders = [models] if models else []
    folders += [pathlib.Path(binary).parent / "models", pathlib.Path.home() / ".cache/vecnest/models"]
    if not any((pathlib.Path(folder) / MODEL / "config.json").exists() for folder in folders):
        return f"the model {MODEL} is in none of {[str(folder) for folder in folders]}"
    return None


class Server:
    """One process on a free port. Usable as a context manager."""

    def __init__(self, data, *options):
        self.data = pathlib.Path(data)
        self.options = options
        self.process = None
        self.port = None
        self.log = []

    @property
    def url(self):
        return f"http://127.0.0.1:{self.port}"

    def start(self, ready_seconds=60):
        command = [os.environ["VECNEST_BINARY"], "serve", "--data", str(self.data)]
        command += ["--listen", "127.0.0.1:0", "--model", MODEL, *self.options]
        self.port = None
        self.log = []
        found = threading.Event()
        self.process = subprocess.Popen(command, stderr=subprocess.PIPE, text=True)
        threading.Thread(target=self._read_log, args=(self.process, found), daemon=True).start()
        if not found.wait(30):
            raise RuntimeError("the server did not say where it listens: " + "".join(self.log))
        deadline = time.monotonic() + ready_seconds
        while True:
            try:
                urllib.request.urlopen(self.url + "/readyz", timeout=5).close()
                return self
            except (urllib.error.URLError, ConnectionError, TimeoutError):
                if self.process.poll() is not None or time.monotonic() > deadline:
                    raise RuntimeError("the server did not become ready: " + "".join(self.log))
                time.sleep(0.02)

    def _read_log(self, process, found):
        for line in process.stderr:
            self.log.append(line)
            match = LISTENING.search(line)
            if match:
                self.port = int(match.group(1))
                found.set()
        found.set()

    def alive(self):
        return self.process.poll() is None

    def stop(self):
        """Ends the server as a service manager would; it must end well."""
        self.process.send_signal(signal.SIGTERM)
        code = self.process.wait(timeout=60)
        assert code == 0, f"exit code {code}: " + "".join(self.log)

    def kill(self):
        self.process.kill()
        self.process.wait()

    def __enter__(self):
        return self.start()

    def __exit__(self, kind, *_):
        if kind is None and self.alive():
            self.stop()
        elif self.alive():
            self.kill()
