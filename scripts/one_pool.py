#!/usr/bin/env python3
"""Shows that weights are in memory once: two processes, and in one of them two compute units, run a model.

  one_pool.py [--ceiling PROGRAM] MODEL.gguf...

One process runs prompts on the CPU and answers on the Vulkan device, the other runs both on the Vulkan device, at
the same time. While they run, the mapping's own Pss (smaps; each page counts once, shared among those who have it)
is added up over both, and anonymous memory is listed. Fails unless the sum stays within one copy of the file, no
weight byte was copied, and anonymous memory does not grow with the model.
"""
import argparse
import json
import os
import subprocess
import sys
import time

MIB = 1 << 20
PAUSE = 0.5  # seconds between readings, each of which walks all of the mapping
SLACK = 1.01  # of one copy
GROWTH = 0.1  # of what a larger model is larger by: KV cache and activations, no second copy


def memory(pid, path):
    """Bytes of the mapping of `path` (rss, pss) and of anonymous memory, now; None once the process has ended."""
    totals = {"rss": 0, "pss": 0, "anonymous": 0}
    ours = False
    try:
        with open(f"/proc/{pid}/smaps") as smaps:
            for line in smaps:
                field = line.split()
                if not field[0].endswith(":"):  # a mapping's head line
                    ours = line.rstrip("\n").endswith(path)
                elif field[0] == "Anonymous:":
                    totals["anonymous"] += int(field[1]) * 1024
                elif ours and field[0] in ("Rss:", "Pss:"):
                    totals[field[0][:-1].lower()] += int(field[1]) * 1024
    except (FileNotFoundError, ProcessLookupError):
        return None
    return totals


def run(ceiling, model):
    """A moment at which both processes have all of it in memory, and what each says that it copied."""
    test = ["-m", model, "-p", "16", "-n", "4", "-r", "1", "--json"]
    commands = [[ceiling, "bench", *test, "--prefill-device", "cpu", "--decode-device", "vulkan"],
                [ceiling, "bench", *test, "--device", "vulkan"]]
    processes = [subprocess.Popen(c, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL) for c in commands]
    moments = []
    while all(p.poll() is None for p in processes):
        now = [memory(p.pid, model) for p in processes]
        if None not in now:
            moments.append(now)
        time.sleep(PAUSE)
    results = [json.loads(p.communicate()[0] or "null") for p in processes]
    if None in results or not moments:
        sys.exit(f"one_pool: a process failed: {[p.returncode for p in processes]}")
    # A reading takes time: while pages are still being mapped it counts some once too often.
    most = max(sum(m["rss"] for m in now) for now in moments)
    full = [now for now in moments if sum(m["rss"] for m in now) == most]
    return min(full, key=lambda now: sum(m["pss"] for m in now)), [r["memory"]["weights_copied_bytes"] for r in results]


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--ceiling", default="build/release/ceiling")
    parser.add_argument("models", nargs="+")
    arguments = parser.parse_args()
    faults = []
    grown = []
    print(f"{'MiB':<36}{'file':>9}{'Rss A':>9}{'Rss B':>9}{'Pss A+B':>9}{'anon. A':>9}{'anon. B':>9}{'copied':>8}")
    for model in map(os.path.realpath, arguments.models):
        size = os.path.getsize(model)
        (a, b), copied = run(arguments.ceiling, model)
        pss = a["pss"] + b["pss"]
        row = [size, a["rss"], b["rss"], pss, a["anonymous"], b["anonymous"], sum(copied)]
        print(f"{os.path.basename(model):<36}" + "".join(f"{v / MIB:>{8 if i == 6 else 9}.1f}" for i, v in enumerate(row)))
        grown.append((size, max(a["anonymous"], b["anonymous"])))
        if pss > SLACK * size:
            faults.append(f"{model}: the mapping takes {pss / size:.2f} copies")
        if sum(copied) > 0:
            faults.append(f"{model}: {sum(copied)} bytes of weights were copied")
    (least, its_anonymous), (most, anonymous) = min(grown), max(grown)
    if most > least and anonymous - its_anonymous > GROWTH * (most - least):
        faults.append(f"anonymous memory grows by {(anonymous - its_anonymous) / (most - least):.2f} bytes a byte of model")
    print("\n".join(faults) or "one copy")
    sys.exit(1 if faults else 0)


if __name__ == "__main__":
    main()
