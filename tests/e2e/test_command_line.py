"""What the command line has in common: how it refuses its options."""

import os
import subprocess

import pytest


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
