#!/usr/bin/env python3
"""Writes WordNet's glosses as JSON lines: the corpus of scripts/quickstart.

Reads the data files of Debian's package wordnet-base. A line is
{"id", "text", "words", "part_of_speech", "topic", "examples"}; `text` is the definition.
"""

import argparse
import json
import pathlib
import random

# The lexicographer files of WordNet 3.0, by number (lexnames(5WN)).
TOPICS = """adj.all adj.pert adv.all noun.Tops noun.act noun.animal noun.artifact noun.attribute
noun.body noun.cognition noun.communication noun.event noun.feeling noun.food noun.group
noun.location noun.motive noun.object noun.person noun.phenomenon noun.plant noun.possession
noun.process noun.quantity noun.relation noun.shape noun.state noun.substance noun.time verb.body
verb.change verb.cognition verb.communication verb.competition verb.consumption verb.contact
verb.creation verb.emotion verb.motion verb.perception verb.possession verb.social verb.stative
verb.weather adj.ppl""".split()
NAMES = {"n": "noun", "v": "verb", "a": "adjective", "s": "adjective", "r": "adverb"}


def synsets(path):
    """Yields the synsets of one data file as dictionaries."""
    for line in path.read_text(encoding="utf-8").splitlines():
        if line.startswith("  ") or " | " not in line:
            continue
        fields, gloss = line.split(" | ", 1)
        fields = fields.split(" ")
        count = int(fields[3], 16)
        words = [fields[4 + 2 * i].replace("_", " ").split("(")[0] for i in range(count)]
        definition, *examples = [part.strip() for part in gloss.strip().split('; "')]
        yield {
            "text": definition.rstrip(";"),
            "words": words,
            "part_of_speech": NAMES[fields[2]],
            "topic": TOPICS[int(fields[1])],
            "examples": [example.strip('" ;') for example in examples],
        }


def main():
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("output", type=pathlib.Path)
    parser.add_argument("--directory", type=pathlib.Path, default="/usr/share/wordnet")
    parser.add_argument("--limit", type=int, default=12000, help="so many, chosen by a fixed seed")
    arguments = parser.parse_args()
    entries = []
    for part in ("noun", "verb", "adj", "adv"):
        entries.extend(synsets(arguments.directory / f"data.{part}"))
    if len(entries) > arguments.limit:
        entries = random.Random(1).sample(entries, arguments.limit)
    with arguments.output.open("w", encoding="utf-8") as output:
        for number, entry in enumerate(entries, start=1):
            output.write(json.dumps({"id": number, **entry}, ensure_ascii=False) + "\n")
    print(f"{len(entries)} texts in {arguments.output}")


if __name__ == "__main__":
    main()
