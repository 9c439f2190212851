#!/usr/bin/env python3
"""Measures the CUDA device on synthetic models of real shapes, each row in fresh processes, and keeps every raw result.

    bench/cuda/rows.py CEILING OUT_FOLDER [--models FOLDER] [--processes N] [--rows NAME,...] [--seconds LIMIT]

Writes OUT_FOLDER/ROW.json: the processes' own JSON one after another, with the device's state around them. Prints a
table. Models are made once in --models and stay there. A row that would start after LIMIT is left out, and said so.
"""
import argparse
import json
import pathlib
import statistics
import subprocess
import sys
import time

# name: (shape, type, flags of bench)
ROWS = {
    "8b-q4-tg": ("8B", "Q4_K_M", ["-p", "0", "-n", "128", "-d", "0,4096"]),
    "8b-q4-pp": ("8B", "Q4_K_M", ["-p", "512", "-n", "0"]),
    "1b-q4-tg": ("1B", "Q4_K_M", ["-p", "512", "-n", "128"]),
    "1b-bf16-tg": ("1B", "BF16", ["-p", "0", "-n", "128"]),
    "8b-f16": ("8B", "F16", ["-p", "512", "-n", "128"]),
    "8b-q8": ("8B", "Q8_0", ["-p", "512", "-n", "128"]),
    "70b-q4": ("70B", "Q4_K_M", ["-p", "512", "-n", "64"]),
    "spill-70b-24gib": ("70B", "Q4_K_M", ["-p", "512", "-n", "8", "--device-memory", "24GiB"]),
}
# Budgets that hold about 24, 16, 8 and 0 of the 32 layers of 8B Q4_K_M (the result names them).
for layers, budget in ((24, 3633), (16, 2655), (8, 1678), (0, 800)):
    for way, prompt in (("cpu", "0"), ("stream", "512"), ("auto", "512")):
        ROWS[f"spill-8b-{layers:02}-{way}"] = ("8B", "Q4_K_M", ["-p", prompt, "-n", "16", "--device-memory",
                                                                 f"{budget}MiB", "--spill", way])
STATE = "name,driver_version,clocks.sm,clocks.mem,clocks_event_reasons.active,temperature.gpu,power.draw,power.limit," \
        "ecc.mode.current,memory.used,utilization.gpu"


def state():
    asked = subprocess.run(["nvidia-smi", f"--query-gpu={STATE}", "--format=csv"], capture_output=True, text=True)
    return asked.stdout.strip() or asked.stderr.strip()


def model(arguments, shape, kind):
    path = pathlib.Path(arguments.models) / f"{shape}-{kind}.gguf"
    if not path.exists():
        start = time.monotonic()
        subprocess.run([arguments.ceiling, "synth", "--shape", shape, "--type", kind, "--vocabulary", "49152",
                        "-o", path], check=True, capture_output=True)
        print(f"made {path.name} in {time.monotonic() - start:.1f} s", flush=True)
    return path


def measure(arguments, row):
    shape, kind, flags = ROWS[row]
    path = model(arguments, shape, kind)
    runs, before = [], state()
    for index in range(arguments.processes):
        last = index + 1 == arguments.processes
        extra = ["--profile"] if last and not row.startswith("spill") else []
        command = [arguments.ceiling, "bench", "-m", path, "--device", "cuda", "-r", "5", "--json", *flags, *extra]
        done = subprocess.run(command, capture_output=True, text=True)
        if done.returncode != 0:
            print(f"{row}: {done.stderr.strip()}", flush=True)
            return
        runs.append(json.loads(done.stdout))
    pathlib.Path(arguments.out).mkdir(parents=True, exist_ok=True)
    text = json.dumps({"row": row, "shape": shape, "type": kind, "flags": flags, "before": before, "after": state(),
                       "processes": runs}, separators=(",", ":"))
    (pathlib.Path(arguments.out) / f"{row}.json").write_text(text)
    for test in range(len(runs[0]["results"])):
        of_test = [run["results"][test] for run in runs]
        middle = {key: statistics.median(one[key] for one in of_test) for key in ("gb_per_s", "mbu", "gop_per_s")}
        speeds = [one["tokens_per_s"]["median"] for one in of_test]
        print(f"{row:<12} {of_test[0]['test']:<14} {statistics.median(speeds):10.1f} tokens/s "
              f"({min(speeds):.1f}-{max(speeds):.1f}) {middle['gb_per_s']:8.1f} GB/s {100 * middle['mbu']:6.1f} % "
              f"{middle['gop_per_s'] / 1e3:8.1f} Top/s  ceiling {runs[-1]['ceiling']['median']:.0f} GB/s  "
              f"upload {runs[-1].get('upload', {}).get('gb_per_s', 0):.1f} GB/s", flush=True)
    for profile in runs[-1].get("profile", []):
        print(f"  {profile['test']}: {profile['seconds_per_step'] * 1e3:.3f} ms a step")
        for line in profile["operations"][:9]:
            print(f"    {line['label']:<48} {line['seconds_per_step'] * 1e3:8.3f} ms {line['gb_per_s']:8.1f} GB/s")


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("ceiling")
    parser.add_argument("out")
    parser.add_argument("--models", default="/dev/shm")
    parser.add_argument("--processes", type=int, default=5)
    parser.add_argument("--rows", default=",".join(ROWS))
    parser.add_argument("--seconds", type=float, default=1e9)
    arguments = parser.parse_args()
    start = time.monotonic()
    for row in arguments.rows.split(","):
        if time.monotonic() - start > arguments.seconds:
            print(f"{row}: left out, the time is up", flush=True)
            continue
        measure(arguments, row)


if __name__ == "__main__":
    sys.exit(main())
