#!/usr/bin/env python3
"""Rules of the house that a compiler does not check: the direction of includes, a test for every
source file, no left-over marks. Prints what breaks them and exits with 1."""

import pathlib
import re
import sys

ROOT = pathlib.Path(__file__).resolve().parent.parent
LEAVES = ("embedder", "index", "storage")
ALLOWED = {
    "embedder": {"embedder"},
    "index": {"index"},
    "storage": {"storage"},
    "engine": {"engine", *LEAVES},
    "net": {"net", "engine"},
}
# Included by these files only; their exceptions and types end there.
SINGLE_HOMES = {"hnswlib/": {"index/hnsw_builder.cc"}, "rocksdb/": {"storage/store.cc"},
                "LBFGS": {"engine/evaluation/logistic_regression.cc"}}
INCLUDE = re.compile(r'#include [<"]([^>"]+)[>"]')
MARKS = re.compile(r"\b(TO" r"DO|FIX" r"ME|XX" r"X|HA" r"CK)\b")


def main():
    problems = []
    tests = {path.stem for path in (ROOT / "tests").rglob("*_test.cc")}
    for folder, allowed in ALLOWED.items():
        for path in sorted((ROOT / folder).rglob("*")):
            if path.suffix not in (".cc", ".h"):
                continue
            name = path.relative_to(ROOT).as_posix()
            text = path.read_text(encoding="utf-8")
            for included in INCLUDE.findall(text):
                top = included.split("/")[0]
                if top in ALLOWED and top not in allowed:
                    problems.append(f"{name}: includes {included}; {folder} may include {sorted(allowed)}")
                for prefix, homes in SINGLE_HOMES.items():
                    if included.startswith(prefix) and name not in homes:
                        problems.append(f"{name}: includes {included}, which belongs to {sorted(homes)}")
            if MARKS.search(text):
                problems.append(f"{name}: a left-over mark")
            tested = path.suffix != ".cc" or "cli" in path.parts or path.stem + "_test" in tests
            # Routes are tested over HTTP, by the clients they are made for.
            if not tested and not path.stem.startswith("routes_"):
                problems.append(f"{name}: no {path.stem}_test.cc")
    print("\n".join(problems) or "all rules are kept")
    return 1 if problems else 0


if __name__ == "__main__":
    sys.exit(main())
