#!/usr/bin/env python3
"""The table of docs/results/cuda from the raw results that rows.py kept: bench/cuda/page.py FOLDER > FOLDER/README.md"""
import json
import pathlib
import statistics
import sys

HEAD = """# CUDA: what was measured

Synthetic weights of real shape (vocabulary 49152, seed 1), KV cache in float16, logits for the last row only. Each row:
{processes} fresh processes of `ceiling bench --device cuda -r 5`, made by `bench/cuda/rows.py`; the raw results, with the device's state
before and after, are the JSON files beside this page. "ceiling" is the share of the read bandwidth that the same processes
measured on the device between tokens; a prompt is bound by arithmetic, so its own measure is Top/s (10^12 operations a second).

Device: {device}

| model | test | tokens/s (least-most of the processes) | GB/s | ceiling | Top/s | upload GB/s |
|---|---|---|---|---|---|---|
"""


def rows(folder):
    for path in sorted(folder.glob("*.json")):
        yield json.loads(path.read_text())


def line(row, test):
    of_test = [process["results"][test] for process in row["processes"]]
    speeds = [one["tokens_per_s"]["median"] for one in of_test]
    middle = {key: statistics.median(one[key] for one in of_test) for key in ("gb_per_s", "mbu", "gop_per_s")}
    uploads = [process["upload"]["gb_per_s"] for process in row["processes"] if "upload" in process]
    upload = f"{statistics.median(uploads):.1f}" if uploads else ""
    return (f"| {row['shape']} {row['type']} | {of_test[0]['test']} | {statistics.median(speeds):.1f} ({min(speeds):.1f}-{max(speeds):.1f}) "
            f"| {middle['gb_per_s']:.0f} | {100 * middle['mbu']:.1f} % | {middle['gop_per_s'] / 1e3:.1f} | {upload} |")


SPILLED = """
## What does not fit

`--device-memory` leaves so many layers on the device; `--spill` says who runs the others: the CPU, the device over its link, or
both in turns; "auto" chose by the rates measured. {processes} fresh processes a row. "predicted" adds up what each unit reads at the
rate that the same process measured between the tokens (the device's memory, the host's; the link before), with fixed times;
both it and its error are the processes' medians.

| model | budget | on the device | spill | test | tokens/s (least-most) | predicted | error | over the link, a token |
|---|---|---|---|---|---|---|---|---|
"""


def spilled(row):
    return "--device-memory" in row["flags"]


def flag(row, name, default):
    return row["flags"][row["flags"].index(name) + 1] if name in row["flags"] else default


def spilled_line(row, test):
    of_test = [process["results"][test] for process in row["processes"]]
    speeds = [one["tokens_per_s"]["median"] for one in of_test]
    held = [part["holds"] for part in row["processes"][0]["placement"] if part["residency"] == "copied"]
    predicted, error = "", ""
    if "prediction" in of_test[0]:
        predicted = f"{statistics.median(one['prediction']['tokens_per_s'] for one in of_test):.1f}"
        error = f"{100 * statistics.median(one['prediction']['error'] for one in of_test):+.1f} %"
    crossing = statistics.median(one.get("link_bytes_per_token", 0) for one in of_test)
    return (f"| {row['shape']} {row['type']} | {flag(row, '--device-memory', '')} | {', '.join(held) or 'nothing'} | {flag(row, '--spill', 'auto')} "
            f"| {of_test[0]['test']} | {statistics.median(speeds):.1f} ({min(speeds):.1f}-{max(speeds):.1f}) | {predicted} | {error} "
            f"| {crossing / 1e9:.3f} GB |")


def rest(row):
    """What eats the rest: the profile of the last process, operation by operation."""
    for profile in row["processes"][-1].get("profile", []):
        yield f"\n### {row['shape']} {row['type']}, {profile['test']}\n"
        yield f"A step takes {1e3 * profile['seconds_per_step']:.3f} ms when each operation is timed by itself, without overlap.\n"
        yield "| operation | ms | share | GB/s | calls a step |\n|---|---|---|---|---|"
        for one in profile["operations"]:
            if one["share_of_time"] < 0.005:
                continue
            yield (f"| {one['label']} | {1e3 * one['seconds_per_step']:.3f} | {100 * one['share_of_time']:.1f} % "
                   f"| {one['gb_per_s']:.0f} | {one['calls_per_step']:.0f} |")


def main():
    folder = pathlib.Path(sys.argv[1])
    found = list(rows(folder))
    first = found[0]["processes"][0]
    print(HEAD.format(processes=len(found[0]["processes"]), device=first["device_description"]), end="")
    for row in found:
        for test in range(len(row["processes"][0]["results"])):
            if not spilled(row):
                print(line(row, test))
    rows_spilled = list(filter(spilled, found))
    if rows_spilled:
        print(SPILLED.format(processes=len(rows_spilled[0]["processes"])), end="")
    for row in rows_spilled:
        for test in range(len(row["processes"][0]["results"])):
            print(spilled_line(row, test))
    notes = folder / "notes.md"
    if notes.exists():
        print("\n" + notes.read_text().strip())
    print("\n## What eats the rest")
    for row in found:
        for text in rest(row):
            print(text)


if __name__ == "__main__":
    main()
