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
    budget = ""
    if "--device-memory" in row["flags"]:
        held = [s for s in row["processes"][0]["placement"] if s["residency"] == "copied"]
        budget = f", {row['flags'][row['flags'].index('--device-memory') + 1]} of device memory ({held[-1]['holds'] if held else 'nothing'})"
    return (f"| {row['shape']} {row['type']}{budget} | {of_test[0]['test']} | {statistics.median(speeds):.1f} ({min(speeds):.1f}-{max(speeds):.1f}) "
            f"| {middle['gb_per_s']:.0f} | {100 * middle['mbu']:.1f} % | {middle['gop_per_s'] / 1e3:.1f} | {upload} |")


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
            print(line(row, test))
    notes = folder / "notes.md"
    if notes.exists():
        print("\n" + notes.read_text().strip())
    print("\n## What eats the rest")
    for row in found:
        for text in rest(row):
            print(text)


if __name__ == "__main__":
    main()
