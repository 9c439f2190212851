"""Ceiling beside llama.cpp on this machine: fresh processes, alternating, ratios with intervals.

    python3 bench/peers/compare.py --setup                  builds llama-cpp-python natively (some minutes)
    python3 bench/peers/compare.py [--only TEXT] [--pairs 10] --out docs/results/NAME

Writes NAME.json (every sample, conditions) and NAME.md (the table). Models: the two real ones, and
synthetic weights of real shapes that `ceiling synth` makes in the cache folder.
"""
import argparse
import json
import math
import os
import platform
import statistics
import subprocess
import sys
import time
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
CEILING = ROOT / "build/release/ceiling"
CACHE = Path(os.environ.get("XDG_CACHE_HOME", Path.home() / ".cache")) / "ceiling"
MODELS = Path(os.environ.get("CEILING_MODELS", CACHE / "models"))
PEER = Path(os.environ.get("CEILING_PEER", CACHE / "peer"))
PEER_VERSION = "0.3.36"
WORKER = Path(__file__).with_name("llama_cpp_worker.py")
# 97.5 % quantiles of Student's t for 1..30 degrees of freedom.
T975 = [12.706, 4.303, 3.182, 2.776, 2.571, 2.447, 2.365, 2.306, 2.262, 2.228, 2.201, 2.179, 2.160, 2.145,
        2.131, 2.120, 2.110, 2.101, 2.093, 2.086, 2.080, 2.074, 2.069, 2.064, 2.060, 2.056, 2.052, 2.048,
        2.045, 2.042]


def setup():
    subprocess.run([sys.executable, "-m", "venv", PEER], check=True)
    subprocess.run([PEER / "bin/pip", "install", f"llama-cpp-python=={PEER_VERSION}"], check=True)


def workload():
    """(name, model file or (shape, type), threads, prompt, generate, depth, sequences, unit)."""
    cores = len(os.sched_getaffinity(0))
    real = {"SmolLM2-135M Q4_1": "SmolLM2-135M-Instruct.Q4_1.gguf",
            "Gemma 3 270M Q4_K_M": "gemma-3-270m-q4_k_m.gguf"}
    for name, file in real.items():
        yield f"decode {name}", MODELS / file, cores, 0, 128, 0, 1
        yield f"prefill 512 {name}", MODELS / file, cores, 512, 0, 0, 1
    for shape, count in (("1B", 64), ("3B", 24), ("7B", 16)):
        for kind in ("Q4_K_M", "Q4_0", "Q8_0", "F16"):
            yield f"decode {shape} {kind}", (shape, kind), cores, 0, count, 0, 1
    for kind in ("Q4_K_M", "Q4_0", "Q8_0", "F16"):
        yield f"decode one thread 1B {kind}", ("1B", kind), 1, 0, 32, 0, 1
    yield "decode depth 4096 1B Q4_K_M", ("1B", "Q4_K_M"), cores, 0, 32, 4096, 1
    for shape in ("1B", "7B"):
        for kind in ("Q4_K_M", "Q4_0", "Q8_0", "Q4_1", "Q5_0", "Q2_K", "Q3_K_M", "Q5_K_M", "Q6_K", "IQ4_XS",
                     "F16", "BF16"):
            yield f"prefill 512 {shape} {kind}", (shape, kind), cores, 512, 0, 0, 1
    for sequences in (4, 8):
        yield f"decode batch {sequences} 1B Q4_K_M", ("1B", "Q4_K_M"), cores, 0, 32, 0, sequences


def model_file(model):
    if isinstance(model, Path):
        return model
    path = MODELS / f"synthetic-{model[0]}-{model[1]}.gguf"
    if not path.exists():
        subprocess.run([CEILING, "synth", "--shape", model[0], "--type", model[1], "-o", path], check=True)
    return path


def run_ceiling(path, threads, prompt, generate, depth, sequences):
    command = [CEILING, "bench", "-m", path, "-t", threads, "-p", prompt, "-n", generate, "-d", depth, "-r", 1,
               "--batch", sequences, "--json"]
    output = subprocess.run([str(c) for c in command], check=True, capture_output=True, text=True).stdout
    result = json.loads(output)["results"][0]
    return result["tokens_per_s"]["samples"][0], result.get("mbu")


def run_peer(path, threads, prompt, generate, depth, sequences):
    command = [PEER / "bin/python", WORKER, path, threads, prompt, generate, depth, sequences]
    output = subprocess.run([str(c) for c in command], check=True, capture_output=True, text=True).stdout
    result = json.loads(output.splitlines()[-1])
    return result["prefill_tokens_per_s" if prompt else "decode_tokens_per_s"]


def ratio_interval(ours, theirs):
    logs = [math.log(a / b) for a, b in zip(ours, theirs)]
    mean, half = statistics.fmean(logs), 0.0
    if len(logs) > 1:
        half = T975[min(len(logs) - 2, 29)] * statistics.stdev(logs) / math.sqrt(len(logs))
    return math.exp(mean), math.exp(mean - half), math.exp(mean + half)


def measure(name, model, threads, prompt, generate, depth, sequences, pairs):
    path = model_file(model)
    ours, theirs, shares = [], [], []
    for pair in range(pairs):
        order = (0, 1) if pair % 2 == 0 else (1, 0)
        for side in order:
            if side == 0:
                speed, share = run_ceiling(path, threads, prompt, generate, depth, sequences)
                ours.append(speed)
                shares.append(share)
            else:
                theirs.append(run_peer(path, threads, prompt, generate, depth, sequences))
    ratio, low, high = ratio_interval(ours, theirs)
    row = {"work": name, "threads": threads, "ceiling_tokens_per_s": ours, "llama_cpp_tokens_per_s": theirs,
           "ratio": ratio, "ratio_95": [low, high], "mbu": shares}
    share = statistics.median(s for s in shares if s) if any(shares) else None
    print(f"{name:36} {statistics.median(ours):9.2f} {statistics.median(theirs):9.2f}  "
          f"{ratio:5.2f}x ({low:.2f}-{high:.2f})" + (f"  share {share:.3f}" if share else ""), flush=True)
    return row


def table(rows):
    lines = ["| work | Ceiling tokens/s | llama.cpp tokens/s | ratio (95 % interval) | share of read bandwidth |",
             "|---|---|---|---|---|"]
    for row in rows:
        shares = [s for s in row["mbu"] if s]
        share = f"{statistics.median(shares):.2f}" if shares and "decode" in row["work"] else ""
        low, high = row["ratio_95"]
        lines.append(f"| {row['work']} | {statistics.median(row['ceiling_tokens_per_s']):.2f} | "
                     f"{statistics.median(row['llama_cpp_tokens_per_s']):.2f} | "
                     f"{row['ratio']:.2f}x ({low:.2f}-{high:.2f}) | {share} |")
    return "\n".join(lines)


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--setup", action="store_true")
    parser.add_argument("--only", action="append", default=[], help="work whose name holds this text (repeatable)")
    parser.add_argument("--pairs", type=int, default=10)
    parser.add_argument("--out", type=Path)
    arguments = parser.parse_args()
    if arguments.setup:
        return setup()
    if not (PEER / "bin/python").exists():
        sys.exit(f"llama-cpp-python is not in {PEER}: run this with --setup first")
    machine = subprocess.run([CEILING, "probe", "--json", "--quick"], check=True, capture_output=True, text=True)
    rows = [measure(*work, arguments.pairs) for work in workload()
            if not arguments.only or any(text in work[0] for text in arguments.only)]
    if not rows:
        sys.exit("no work has such a name; see workload() in this file")
    if arguments.out:
        conditions = {"when": time.strftime("%Y-%m-%d %H:%M:%S %z"), "kernel": platform.release(),
                      "pairs": arguments.pairs, "peer": f"llama-cpp-python {PEER_VERSION}, built here, defaults",
                      "probe": json.loads(machine.stdout)}
        arguments.out.parent.mkdir(parents=True, exist_ok=True)
        arguments.out.with_suffix(".json").write_text(
            json.dumps({"conditions": conditions, "rows": rows}, indent=1) + "\n")
        arguments.out.with_suffix(".md").write_text(
            f"# Ceiling beside llama.cpp\n\nMade by `python3 bench/peers/compare.py --pairs {arguments.pairs} --out "
            f"docs/results/{arguments.out.name}` on {time.strftime('%Y-%m-%d')}: fresh processes in alternating order, "
            f"medians, ratio of geometric means. llama.cpp is {conditions['peer']}.\n\n{table(rows)}\n")


main()
