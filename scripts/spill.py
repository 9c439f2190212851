#!/usr/bin/env python3
"""Do layer times add where a model spills? Published runs with part of the layers on the device: data/spill.csv.

    python3 scripts/spill.py            # prints the table that docs/planner.md cites

Runs of one machine, model, type and test that differ in the layers on the device (`ngl`) are a sweep. Each run between two
others is predicted from those two, as src/fit/planner.cc adds times: seconds a token between them are a line over the
layers. Standard library.
"""
import argparse
import collections
import csv
import pathlib
import statistics

ROOT = pathlib.Path(__file__).resolve().parent.parent
SAME = ("hardware", "engine", "engine_version", "backend", "model", "quant", "test")


def sweeps(path):
    """(names, [(layers, tokens/s), ...] ascending) of the decode runs that differ in nothing but layers."""
    found = collections.defaultdict(dict)
    with open(path, newline="") as file:
        for row in csv.DictReader(file):
            decode = row["test"].startswith(("tg", "gen"))
            if decode and row["ngl"].isdigit():
                found[tuple(row[name] for name in SAME)][int(row["ngl"])] = float(row["tokens_per_s"])
    return [(names, sorted(runs.items())) for names, runs in sorted(found.items()) if len(runs) > 2]


def between(below, above, layers):
    """Tokens/s with so many layers on the device, from runs with fewer and with more."""
    share = (layers - below[0]) / (above[0] - below[0])
    return 1 / ((1 - share) / below[1] + share / above[1])


def predictions(runs):
    """(layers, measured, predicted from the neighbours) of each run between two others."""
    return [(runs[i][0], runs[i][1], between(runs[i - 1], runs[i + 1], runs[i][0])) for i in range(1, len(runs) - 1)]


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--spill", default=ROOT / "data/spill.csv", type=pathlib.Path)
    errors = []
    print("| hardware | backend | model | type | layers on it | measured | predicted | error |\n|---|---|---|---|---|---|---|---|")
    for names, runs in sweeps(parser.parse_args().spill):
        _, _, _, backend, model, kind, _ = names
        for layers, measured, predicted in predictions(runs):
            errors.append(abs(predicted / measured - 1))
            print(f"| {names[0]} | {backend} | {model} | {kind} | {layers} of {runs[-1][0]} | {measured:.2f} | {predicted:.2f} | "
                  f"{100 * (predicted / measured - 1):+.1f} % |")
    print(f"\n{len(errors)} runs: median error {100 * statistics.median(errors):.1f} %, largest {100 * max(errors):.1f} %.")


if __name__ == "__main__":
    main()
