"""Ceiling beside llama.cpp on this machine: fresh processes, alternating, ratios with intervals.

    python3 bench/peers/compare.py --setup                  builds llama-cpp-python natively (some minutes)
    python3 bench/peers/compare.py [--only TEXT] [--pairs 10] --out docs/results/NAME
    python3 bench/peers/compare.py --merge OTHER.json --out docs/results/NAME    takes over another file's rows

Writes NAME.json (every pair, with its conditions) and NAME.md (the table). Rows can be run in pieces: pairs are
added to those that NAME.json has of the same builds of both programs on the same processor; --again drops a row's
old pairs first. Models: the two real ones, and synthetic weights of real shapes that `ceiling synth` makes in the
cache folder.
"""
import argparse
import functools
import hashlib
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
    subprocess.run([PEER / "bin/pip", "install", f"llama-cpp-python=={PEER_VERSION}", "gguf", "numpy"], check=True)


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
    """The pairs of one row: both programs' tokens/s, our share of the read bandwidth, when, and the load before."""
    path = model_file(model)
    done = []
    for pair in range(pairs):
        now = {"when": time.strftime("%Y-%m-%d %H:%M:%S %z"), "load": round(os.getloadavg()[0], 2)}
        for side in ("ceiling", "peer") if pair % 2 == 0 else ("peer", "ceiling"):
            if side == "ceiling":
                now["ceiling"], now["mbu"] = run_ceiling(path, threads, prompt, generate, depth, sequences)
            else:
                now["llama_cpp"] = run_peer(path, threads, prompt, generate, depth, sequences)
        done.append(now)
    return done


def summary(pairs):
    """Medians, ratio with its interval and share of a row's pairs."""
    ours, theirs = [p["ceiling"] for p in pairs], [p["llama_cpp"] for p in pairs]
    ratio, low, high = ratio_interval(ours, theirs)
    shares = [p["mbu"] for p in pairs if p["mbu"]]
    return {"ceiling": statistics.median(ours), "llama_cpp": statistics.median(theirs), "ratio": ratio, "low": low,
            "high": high, "share": statistics.median(shares) if shares else None}


def table(rows):
    lines = ["| work | threads | pairs | Ceiling tokens/s | llama.cpp tokens/s | ratio (95 % interval) | share of read bandwidth |",
             "|---|---|---|---|---|---|---|"]
    for row in rows:
        s = summary(row["pairs"])
        share = f"{s['share']:.2f}" if s["share"] and "decode" in row["work"] else ""
        lines.append(f"| {row['work']} | {row['threads']} | {len(row['pairs'])} | {s['ceiling']:.2f} | {s['llama_cpp']:.2f} | "
                     f"{s['ratio']:.2f}x ({s['low']:.2f}-{s['high']:.2f}) | {share} |")
    return "\n".join(lines)


def builds():
    """What must not change between the pairs of a row."""
    return {"ceiling_sha256": hashlib.sha256(CEILING.read_bytes()).hexdigest()[:16],
            "peer": f"llama-cpp-python {PEER_VERSION}, built here, defaults", "kernel": platform.release(),
            "processor": probe()["machine"]["cpu"]}


@functools.cache
def probe():
    output = subprocess.run([CEILING, "probe", "--json", "--quick"], check=True, capture_output=True, text=True).stdout
    return json.loads(output)


def read_rows(path):
    return json.loads(path.read_text())["rows"] if path.exists() else []


def write(path, text):
    """Aside, then renamed: a reader sees the old file or the whole new one."""
    aside = path.with_name(path.name + ".part")
    with open(aside, "w") as out:
        out.write(text)
        out.flush()
        os.fsync(out.fileno())
    os.replace(aside, path)


def save(out, rows, machine):
    order = [work[0] for work in workload()]
    rows.sort(key=lambda row: order.index(row["work"]) if row["work"] in order else len(order))
    out.parent.mkdir(parents=True, exist_ok=True)
    write(out.with_suffix(".json"), json.dumps({"probe": machine, "rows": rows}, indent=1) + "\n")
    days = sorted({pair["when"][:10] for row in rows for pair in row["pairs"]})
    write(out.with_suffix(".md"),
          f"# Ceiling beside llama.cpp\n\nMade by `python3 bench/peers/compare.py --out docs/results/{out.name}` on "
          f"{' and '.join(days)}, in pieces (`--only`): fresh processes in alternating order, medians, ratio of geometric "
          f"means. llama.cpp is {rows[0]['builds']['peer']}. `{out.name}.json` has every pair with its time, the load "
          f"before it and the builds.\n\n{table(rows)}\n")


def merge(out, others):
    files = [path for path in [out.with_suffix(".json"), *others] if path.exists()]
    rows = {row["work"]: row for path in files for row in read_rows(path)}
    save(out, list(rows.values()), json.loads(files[-1].read_text())["probe"])


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--setup", action="store_true")
    parser.add_argument("--only", action="append", default=[], help="work whose name holds this text (repeatable)")
    parser.add_argument("--pairs", type=int, default=10)
    parser.add_argument("--again", action="store_true", help="drop the old pairs of the rows that are run")
    parser.add_argument("--merge", type=Path, action="append", default=[], help="take this file's rows; measure nothing")
    parser.add_argument("--out", type=Path)
    arguments = parser.parse_args()
    if arguments.setup:
        return setup()
    if arguments.merge:
        return merge(arguments.out or parser.error("--merge needs --out"), arguments.merge)
    if not (PEER / "bin/python").exists():
        sys.exit(f"llama-cpp-python is not in {PEER}: run this with --setup first")
    wanted = [work for work in workload() if not arguments.only or any(text in work[0] for text in arguments.only)]
    if not wanted:
        sys.exit("no work has such a name; see workload() in this file")
    conditions = builds()
    rows = read_rows(arguments.out.with_suffix(".json")) if arguments.out else []
    for work in wanted:
        row = next((r for r in rows if r["work"] == work[0]), None)
        if row is None or arguments.again or row["builds"] != conditions:
            rows = [r for r in rows if r["work"] != work[0]]
            row = {"work": work[0], "threads": work[2], "builds": conditions, "pairs": []}
            rows.append(row)
        row["pairs"] += measure(*work, arguments.pairs)
        s = summary(row["pairs"])
        print(f"{work[0]:36} {s['ceiling']:9.2f} {s['llama_cpp']:9.2f}  {s['ratio']:5.2f}x ({s['low']:.2f}-{s['high']:.2f})"
              + (f"  share {s['share']:.3f}" if s["share"] else ""), flush=True)
        if arguments.out:
            save(arguments.out, rows, probe())


if __name__ == "__main__":
    main()
