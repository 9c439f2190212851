#!/usr/bin/env python3
"""How well `ceiling fit` predicts a size that a lab did not run: each decode cell of a finished lab is left out in turn.

    python3 scripts/next_size.py --run runs/LAB --ceiling build/release/ceiling

`ceiling fit --lab LAB --lab-without CELL` (without its twins of the same shape and type too) predicts that shape's share of
the ceiling, and the share that the lab measured (median of the trials that count) stands beside it. Sizes
of which the program knows a shape are tried; a model from a file teaches only. Standard library.
"""
import argparse
import csv
import json
import pathlib
import statistics
import subprocess
import sys

ROOT = pathlib.Path(__file__).resolve().parent.parent


def shape_and_type(cell):
    model = cell["model"]
    return (model.get("shape"), model.get("recipe")) if model["kind"] == "synthetic" else (None, None)


def predicted_share(ceiling, run, cell, left_out, read_gb_per_s):
    shape, kind = shape_and_type(cell)
    command = [ceiling, "fit", "--lab", str(run), "--bandwidth", str(read_gb_per_s), "--shape", shape, "--type", kind,
               "-p", str(cell["prompt_tokens"]), "--json"] + [f"--lab-without={name}" for name in sorted(left_out)]
    done = subprocess.run(command, capture_output=True, text=True)
    if done.returncode != 0:
        sys.exit(f"next_size: {' '.join(command)} failed: {done.stderr.strip()}")
    (answer,) = json.loads(done.stdout)
    return answer["tokens_per_s"]["median"] / answer["ceiling_tokens_per_s"]


def leave_sizes_out(run, ceiling):
    plan = json.loads((run / "plan.json").read_text())
    with open(run / "results.csv", newline="") as file:
        rows = list(csv.DictReader(file))
    cells = [c for c in plan["cells"] if c.get("work", "decode") == "decode" and c.get("engine", "ceiling") == "ceiling"]
    found = []
    for cell in cells:
        alike = {c["id"] for c in cells if shape_and_type(c) == shape_and_type(cell)}
        shares = [float(r["share_of_ceiling"]) for r in rows
                  if r["cell"] == cell["id"] and not r["excluded"] and r["share_of_ceiling"]]
        if shape_and_type(cell)[0] is None or not shares:
            continue
        predicted = predicted_share(ceiling, run, cell, alike, plan["machine"]["read_gb_per_s"])
        found.append((cell["id"], len(shares), statistics.median(shares), predicted))
    return plan, found


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--run", required=True, type=pathlib.Path, help="folder of a finished lab; only read")
    parser.add_argument("--ceiling", default=str(ROOT / "build/release/ceiling"))
    arguments = parser.parse_args()
    plan, found = leave_sizes_out(arguments.run, arguments.ceiling)
    print(f"Lab of {plan['created']} on {plan['machine']['cpu']}, {plan['machine']['threads']} threads.\n")
    print("| left out | trials | measured share | predicted share | error |\n|---|---|---|---|---|")
    for name, trials, measured, predicted in found:
        print(f"| {name} | {trials} | {measured:.3f} | {predicted:.3f} | {100 * (predicted / measured - 1):+.1f} % |")
    errors = [abs(predicted / measured - 1) for _, _, measured, predicted in found]
    print(f"\n{sum(e <= 0.05 for e in errors)} of {len(errors)} within 5 %; median {100 * statistics.median(errors):.1f} %,"
          f" largest {100 * max(errors):.1f} %.")


if __name__ == "__main__":
    main()
