"""`ceiling quantize` beside llama.cpp's own quantiser: time, size, error of the weights, and whether llama.cpp loads
what Ceiling wrote.

    python3 bench/peers/compare.py --setup        llama-cpp-python, once; then its bin/pip install gguf
    python3 bench/peers/quantise.py [--source FILE] [--type Q4_K_M ...] [--threads N] --out docs/results/quantise

The source is a float file; without --source, synthetic F16 weights of the 0.5B shape. Errors are over all matrices
that changed their type: root mean square of what a weight is off, over the root mean square of the weights, read back
from both files by the `gguf` package (so both also load there). Times are whole runs, disk included, in turns.
"""
import argparse
import ctypes
import json
import os
import subprocess
import sys
import time
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
CEILING = ROOT / "build/release/ceiling"
CACHE = Path(os.environ.get("XDG_CACHE_HOME", Path.home() / ".cache")) / "ceiling"
PEER = Path(os.environ.get("CEILING_PEER", CACHE / "peer"))
# llama.h, enum llama_ftype
FILE_TYPES = {"F16": 1, "Q4_0": 2, "Q4_1": 3, "Q8_0": 7, "Q5_0": 8, "Q5_1": 9, "Q2_K": 10, "Q3_K_S": 11, "Q3_K_M": 12,
              "Q3_K_L": 13, "Q4_K_S": 14, "Q4_K_M": 15, "Q5_K_S": 16, "Q5_K_M": 17, "Q6_K": 18, "IQ4_NL": 25,
              "IQ4_XS": 30, "BF16": 32}


def peer_quantise(source, target, kind, threads):
    import llama_cpp
    parameters = llama_cpp.llama_model_quantize_default_params()
    parameters.ftype, parameters.nthread = FILE_TYPES[kind], threads
    code = llama_cpp.llama_model_quantize(str(source).encode(), str(target).encode(), ctypes.byref(parameters))
    if code != 0:
        sys.exit(f"llama_model_quantize returned {code}")


def peer_loads(path):
    import llama_cpp
    model = llama_cpp.Llama(str(path), n_ctx=64, verbose=False)
    return len(model.create_completion([1, 2, 3], max_tokens=2)["choices"]) == 1


def timed(command):
    start = time.monotonic()
    subprocess.run([str(c) for c in command], check=True, capture_output=True, text=True)
    return time.monotonic() - start


def tensors(path):
    import gguf
    return {tensor.name: tensor for tensor in gguf.GGUFReader(path).tensors}


def errors(source, ours, theirs):
    """Relative errors of both files, and tensors whose types differ."""
    import gguf
    import numpy
    from_source, from_ours, from_theirs = tensors(source), tensors(ours), tensors(theirs)
    off, total, differ = [0.0, 0.0], 0.0, []
    for name, tensor in from_source.items():
        written = from_ours[name], from_theirs[name]
        if written[0].tensor_type != written[1].tensor_type:
            differ.append(name)
        if written[0].tensor_type == tensor.tensor_type:
            continue
        exact = gguf.quants.dequantize(tensor.data, tensor.tensor_type).astype(numpy.float32)
        total += float(numpy.vdot(exact, exact))
        for side, other in enumerate(written):
            delta = gguf.quants.dequantize(other.data, other.tensor_type) - exact
            off[side] += float(numpy.vdot(delta, delta))
    return [(o / total) ** 0.5 for o in off], differ


def worker(arguments):
    """Runs under the peer's Python: what needs llama_cpp or gguf."""
    if arguments[0] == "quantise":
        return peer_quantise(arguments[1], arguments[2], arguments[3], int(arguments[4]))
    relative, differ = errors(*arguments[1:4])
    print(json.dumps({"errors": relative, "differ": differ, "loads": peer_loads(arguments[2])}))


def measure(source, kind, threads, folder):
    python, here = PEER / "bin/python", Path(__file__)
    ours, theirs = folder / f"ours-{kind}.gguf", folder / f"theirs-{kind}.gguf"
    try:
        seconds = [timed([CEILING, "quantize", source, ours, "--type", kind, "-t", threads]),
                   timed([python, here, "--worker", "quantise", source, theirs, kind, threads])]
        report = subprocess.run([str(c) for c in [python, here, "--worker", "compare", source, ours, theirs]],
                                check=True, capture_output=True, text=True).stdout
        row = {"type": kind, "seconds": seconds, "bytes": [ours.stat().st_size, theirs.stat().st_size],
               **json.loads(report.splitlines()[-1])}
    finally:
        for path in (ours, theirs):
            path.unlink(missing_ok=True)
    print(f"{kind:8} {seconds[0]:7.1f} s {seconds[1]:7.1f} s  error {row['errors'][0]:.5f} {row['errors'][1]:.5f}  "
          f"{'same types' if not row['differ'] else 'types differ: ' + ', '.join(row['differ'][:3])}", flush=True)
    return row


def table(rows):
    lines = ["| type | Ceiling, s | llama.cpp, s | Ceiling's relative error | llama.cpp's | tensor types | loads in llama.cpp |",
             "|---|---:|---:|---:|---:|---|---|"]
    for row in rows:
        same = "same" if not row["differ"] else f"{len(row['differ'])} differ"
        lines.append(f"| {row['type']} | {row['seconds'][0]:.1f} | {row['seconds'][1]:.1f} | {row['errors'][0]:.3%} | "
                     f"{row['errors'][1]:.3%} | {same} | {'yes' if row['loads'] else 'no'} |")
    return "\n".join(lines)


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--source", type=Path)
    parser.add_argument("--type", action="append", choices=FILE_TYPES)
    parser.add_argument("--threads", type=int, default=len(os.sched_getaffinity(0)))
    parser.add_argument("--out", type=Path)
    parser.add_argument("--append", action="store_true", help="keep the rows of other types that --out has")
    arguments = parser.parse_args()
    source = arguments.source or CACHE / "models/synthetic-0.5B-F16.gguf"
    if not source.exists():
        subprocess.run([CEILING, "synth", "--shape", "0.5B", "--type", "F16", "-o", source], check=True)
    rows = [measure(source, kind, arguments.threads, source.parent) for kind in arguments.type or FILE_TYPES]
    if not arguments.out:
        return
    data = arguments.out.with_suffix(".json")
    if arguments.append and data.exists():
        chosen = {row["type"] for row in rows}
        rows += [row for row in json.loads(data.read_text())["rows"] if row["type"] not in chosen]
        rows.sort(key=lambda row: list(FILE_TYPES).index(row["type"]))
    data.write_text(json.dumps({"source": source.name, "threads": arguments.threads, "rows": rows}, indent=1) + "\n")
    arguments.out.with_suffix(".md").write_text(
        f"# Quantising beside llama.cpp\n\nMade by `python3 bench/peers/quantise.py --out docs/results/"
        f"{arguments.out.name}` on {time.strftime('%Y-%m-%d')}, {arguments.threads} threads, source `{source.name}`. "
        f"One run each, disk included: times differ by tenths from run to run. Errors: root mean square of all weights "
        f"that changed their type.\n\n{table(rows)}\n")


if sys.argv[1:2] == ["--worker"]:
    worker(sys.argv[2:])
else:
    main()
