#!/usr/bin/env python3
"""Fine-tunes a model on pairs of questions and answers, so that prefixes of its vectors are useful (matryoshka).

    scripts/finetune.py --pairs mined.jsonl --model all-MiniLM-L6-v2 --output ~/.cache/vecnest/models/my-model

The work is sentence-transformers': MultipleNegativesRankingLoss (InfoNCE with in-batch and hard negatives; Henderson et al.
2017) inside MatryoshkaLoss (Kusupati et al. 2022). Pairs are what `vecnest mine-negatives` writes: JSON lines with "query",
"positive" and any number of "negative_1", "negative_2"... The result is a model directory that Vecnest loads. Packages:
scripts/finetune_requirements.txt.
"""

import argparse
import contextlib
import json
import os
import pathlib
import shutil
import signal
import sys

INTERRUPTED = 130
WIDTHS = [32, 64, 96, 128, 192, 256, 384, 512, 768, 1024]


def parse_arguments():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--pairs", required=True, type=pathlib.Path, help="JSON lines, as mine-negatives writes them")
    parser.add_argument("--model", default="all-MiniLM-L6-v2", help="name of a fetched model, or a directory (default: %(default)s)")
    parser.add_argument("--output", required=True, type=pathlib.Path, help="directory for the new model; must not be there yet")
    parser.add_argument("--epochs", type=positive(float), default=1, help="times through all pairs (default: %(default)s)")
    parser.add_argument("--batch", type=positive(int), default=32, help="pairs in a step (default: %(default)s)")
    parser.add_argument("--learning-rate", type=positive(float), default=2e-5, help="at its highest (default: %(default)s)")
    parser.add_argument("--temperature", type=positive(float), default=0.05, help="of the softmax over cosines (default: %(default)s)")
    parser.add_argument("--widths", type=widths, help="prefixes that shall be of use, as 64,128,384 (default: all usual ones)")
    parser.add_argument("--max-tokens", type=positive(int), help="cut texts to so many tokens while training (default: the model's)")
    parser.add_argument("--negatives", type=int, help="take only so many of each pair's negatives; 0: none (default: all)")
    parser.add_argument("--seed", type=int, default=1)
    return parser.parse_args()


def positive(kind):
    def parse(text):
        value = kind(text)
        if not value > 0:
            raise argparse.ArgumentTypeError(f"{text} is not more than 0")
        return value

    return parse


def widths(text):
    return sorted({positive(int)(part) for part in text.split(",")}, reverse=True)


def find_model(name):
    """A directory by itself, or a model that scripts/fetch_model has fetched."""
    cache = os.environ.get("XDG_CACHE_HOME") or pathlib.Path.home() / ".cache"
    models = pathlib.Path(os.environ.get("VECNEST_MODELS") or pathlib.Path(cache) / "vecnest" / "models")
    for path in (pathlib.Path(name), models / name):
        if (path / "config.json").is_file():
            return path
    sys.exit(f"error: no model '{name}': neither a directory nor under {models}; scripts/fetch_model fetches one")


def read_pairs(path, negatives):
    """Columns of texts, in the order that the loss takes them."""
    columns = {}
    # Not splitlines: a text may have other ends of lines in it.
    for number, line in enumerate(path.read_text(encoding="utf-8").split("\n"), 1):
        if not line.strip():
            continue
        try:
            record = json.loads(line)
            names = ["query", "positive"]
            while f"negative_{len(names) - 1}" in record and (negatives is None or len(names) - 2 < negatives):
                names.append(f"negative_{len(names) - 1}")
            texts = [record[name] for name in names]
        except (ValueError, KeyError, TypeError) as error:
            sys.exit(f"error: {path}, line {number}: no pair: {error}")
        if not all(isinstance(text, str) and text for text in texts):
            sys.exit(f"error: {path}, line {number}: every member must be a text")
        if columns and list(columns) != names:
            sys.exit(f"error: {path}, line {number}: {len(names) - 2} negatives, but lines before have {len(columns) - 2}")
        for name, text in zip(names, texts):
            columns.setdefault(name, []).append(text)
    if not columns:
        sys.exit(f"error: {path}: no pairs")
    return columns


def prompts_of(model, columns):
    """The prefixes under which the model reads questions and documents."""
    query = model.prompts.get("query") or ""
    document = model.prompts.get("document") or model.prompts.get("passage") or ""
    return {name: query if name == "query" else document for name in columns}


class Interrupts:
    """Ctrl-C, told where nothing is half done.

    Libraries that load, or load others in the middle of their work, take it for a failure of their own or drop it. A
    second one is not waited with.
    """

    def __init__(self):
        self.came = False
        signal.signal(signal.SIGINT, self.note)

    def note(self, *_):
        if self.came:
            raise KeyboardInterrupt
        self.came = True
        print("interrupted; ending after this step", file=sys.stderr)

    def check(self):
        if self.came:
            raise KeyboardInterrupt


def train(options, columns, folder, interrupts):
    try:
        import datasets
        import sentence_transformers as st
        import transformers
        from sentence_transformers.base.sampler import BatchSamplers
        from sentence_transformers.sentence_transformer import losses
    except ImportError as error:
        sys.exit(f"error: {error}; install the packages of scripts/finetune_requirements.txt")

    class EndsWhenInterrupted(transformers.TrainerCallback):
        def on_step_end(self, *_, **__):
            interrupts.check()

    interrupts.check()
    directory = find_model(options.model)
    model = st.SentenceTransformer(str(directory), device="cpu")
    if options.max_tokens:
        usual = model.max_seq_length
        model.max_seq_length = min(options.max_tokens, usual)
    full = model.get_embedding_dimension()
    chosen = options.widths or sorted({width for width in WIDTHS if width < full} | {full}, reverse=True)
    if chosen[0] > full:
        sys.exit(f"error: --widths: the model's vectors have only {full} dimensions")
    inner = losses.MultipleNegativesRankingLoss(model, scale=1 / options.temperature)
    trainer = st.SentenceTransformerTrainer(
        model=model,
        args=st.SentenceTransformerTrainingArguments(
            output_dir=str(folder / "checkpoints"),
            num_train_epochs=options.epochs,
            per_device_train_batch_size=options.batch,
            learning_rate=options.learning_rate,
            warmup_steps=0.1,  # of all steps
            seed=options.seed,
            data_seed=options.seed,
            use_cpu=True,
            save_strategy="no",
            report_to="none",
            logging_steps=10,
            logging_first_step=True,
            batch_sampler=BatchSamplers.NO_DUPLICATES,  # else a query's own answer is its wrong choice
            prompts=prompts_of(model, columns),
        ),
        train_dataset=datasets.Dataset.from_dict(columns),
        loss=losses.MatryoshkaLoss(model, inner, matryoshka_dims=chosen),
        callbacks=[EndsWhenInterrupted()],
    )
    interrupts.check()
    trainer.train()
    if options.max_tokens:
        model.max_seq_length = usual
    model.save(str(folder / "model"))
    return [entry["loss"] for entry in trainer.state.log_history if "loss" in entry]


def main():
    options = parse_arguments()
    if options.output.exists():
        sys.exit(f"error: {options.output} is there already")
    columns = read_pairs(options.pairs, options.negatives)
    interrupts = Interrupts()
    folder = options.output.with_name(options.output.name + ".part")
    shutil.rmtree(folder, ignore_errors=True)
    folder.mkdir(parents=True)
    try:
        with contextlib.redirect_stdout(sys.stderr):  # progress; the result alone is standard output
            losses = train(options, columns, folder, interrupts)
        interrupts.check()
        (folder / "model").rename(options.output)
    except KeyboardInterrupt:
        print("interrupted; nothing was written", file=sys.stderr)
        return INTERRUPTED
    finally:
        shutil.rmtree(folder, ignore_errors=True)
    print(f"loss {losses[0]:.4f} at first, {losses[-1]:.4f} at last, {len(columns['query'])} pairs")
    print(options.output)
    return 0


if __name__ == "__main__":
    sys.exit(main())
