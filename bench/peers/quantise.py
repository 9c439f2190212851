"""`ceiling quantize` beside llama.cpp's own quantiser on the same tensors: errors, divergence from the source, tensor
types, time, and whether llama.cpp and the `gguf` package load what Ceiling wrote.

    python3 bench/peers/compare.py --setup        llama-cpp-python and gguf, once
    python3 bench/peers/quantise.py --out docs/results/quantise

Sources (--source FILE for others): the real models in F16, as their quantised files dequantise, and two layers of
synthetic weights of the 1B shape, whose columns every block fits. Each type is made twice by both programs: without
importances, and with those that `ceiling quantize --calibrate TEXT` finds, which llama.cpp is given too.

Errors are read back from both files by the `gguf` package: for each matrix that changed its type, the root mean square
of what a weight is off over that of the weights, with importances weighed by them. Of matrices with more than 4096
rows every n-th row counts. "Worst matrix" is the largest ratio of Ceiling's error to llama.cpp's among the matrices
that both gave the same type. Divergence: `ceiling eval` of both files on another text, the source being the reference
(not of synthetic weights, which predict nothing). NAME.json keeps all of it; rows of the sources and types that are
not measured again stay.
"""
import argparse
import ctypes
import json
import math
import os
import platform
import subprocess
import sys
import time
from pathlib import Path

from compare import CACHE, CEILING, MODELS, PEER, PEER_VERSION, probe, write

# llama.h, enum llama_ftype
FILE_TYPES = {"F32": 0, "F16": 1, "BF16": 32, "Q8_0": 7, "Q6_K": 18, "Q5_K_M": 17, "Q5_K_S": 16, "Q5_1": 9, "Q5_0": 8,
              "Q4_K_M": 15, "Q4_K_S": 14, "Q4_1": 3, "Q4_0": 2, "IQ4_NL": 25, "IQ4_XS": 30, "Q3_K_L": 13, "Q3_K_M": 12,
              "Q3_K_S": 11, "Q2_K": 10}
MOST_ROWS = 4096  # of a matrix whose errors are read back
SOURCES = CACHE / "sources"  # not among the models, where `-m smollm2` would find two
WINDOWS = 1  # of the text that is calibrated on
EVALUATED_WINDOWS = 2  # of 512 tokens, of the text that is evaluated
REAL = {"SmolLM2-135M": "SmolLM2-135M-Instruct.Q4_1.gguf", "Gemma-3-270M": "gemma-3-270m-q4_k_m.gguf"}
SYNTHETIC = "synthetic-1B-two-layers"


# ---- Under the peer's Python: what needs llama_cpp or gguf ----

def peer_importances(path):
    """The importances of an imatrix file as llama.cpp's C interface takes them; None without a file."""
    import gguf
    import llama_cpp
    import numpy
    if not path:
        return None
    stored = {tensor.name: tensor.data for tensor in gguf.GGUFReader(path).tensors}
    entries, kept = [], []
    for name in [name.removesuffix(".in_sum2") for name in stored if name.endswith(".in_sum2")]:
        means = numpy.ascontiguousarray(stored[name + ".in_sum2"] / stored[name + ".counts"], numpy.float32).ravel()
        kept.append(means)
        data = means.ctypes.data_as(ctypes.POINTER(ctypes.c_float))
        entries.append(llama_cpp.llama_model_imatrix_data(name.encode(), data, means.size))
    array = (llama_cpp.llama_model_imatrix_data * (len(entries) + 1))(*entries)  # ends with an empty entry
    array.kept = kept
    return array


def peer_quantise(source, target, kind, threads, importances):
    import llama_cpp
    silent = llama_cpp.llama_log_callback(lambda level, text, data: None)
    llama_cpp.llama_log_set(silent, ctypes.c_void_p(0))
    parameters = llama_cpp.llama_model_quantize_default_params()
    parameters.ftype, parameters.nthread = FILE_TYPES[kind], int(threads)
    weighed = peer_importances(importances)
    if weighed:
        parameters.imatrix = ctypes.cast(weighed, type(parameters.imatrix))
    start = time.monotonic()
    code = llama_cpp.llama_model_quantize(source.encode(), target.encode(), ctypes.byref(parameters))
    if code != 0:
        sys.exit(f"llama_model_quantize returned {code}")
    print(json.dumps(time.monotonic() - start))


def peer_generates(path):
    """How many tokens llama.cpp makes of what Ceiling wrote: 4 are asked for."""
    import llama_cpp
    model = llama_cpp.Llama(path, n_ctx=64, n_threads=2, verbose=False)
    tokens = model.generate(model.tokenize(b"Once upon a time"), temp=0.0)
    return sum(1 for _, token in zip(range(4), tokens) if 0 <= token < model.n_vocab())


def matrix_errors(exact, written, importance):
    """Weighed squares of the errors of the written matrices, and of the exact one."""
    import gguf
    import numpy
    step = max(1, len(exact.data) // MOST_ROWS)
    rows = [gguf.quants.dequantize(numpy.ascontiguousarray(t.data.reshape(-1, t.data.shape[-1])[::step]),
                                   t.tensor_type).astype(numpy.float64) for t in (exact, *written)]
    weight = 1.0 if importance is None else importance.astype(numpy.float64)
    return [float((weight * (other - rows[0]) ** 2).sum()) for other in rows[1:]], float((weight * rows[0] ** 2).sum())


def compare_files(source, ours, theirs, importances):
    import gguf
    by_name = [{tensor.name: tensor for tensor in gguf.GGUFReader(path).tensors} for path in (source, ours, theirs)]
    weights = {}
    if importances:
        weights = {t.name.removesuffix(".in_sum2"): t.data.ravel() for t in gguf.GGUFReader(importances).tensors}
    off, total, worst, worst_name, differ, types = [0.0, 0.0], 0.0, 0.0, "", [], {}
    for name, exact in by_name[0].items():
        written = [files[name] for files in by_name[1:]]
        types[written[0].tensor_type.name] = types.get(written[0].tensor_type.name, 0) + 1
        if written[0].tensor_type != written[1].tensor_type:
            differ.append(f"{name}: {written[0].tensor_type.name}, not {written[1].tensor_type.name}")
        elif written[0].tensor_type != exact.tensor_type:
            squares, size = matrix_errors(exact, written, weights.get(name))
            off, total = [a + b for a, b in zip(off, squares)], total + size
            ratio = math.sqrt(squares[0] / squares[1]) if squares[1] > 0 else float(squares[0] > 0)
            if ratio > worst:
                worst, worst_name = ratio, name
    relative = [math.sqrt(o / total) if total else 0.0 for o in off]
    print(json.dumps({"errors": relative, "worst": worst, "worst_matrix": worst_name, "differ": differ, "types": types,
                      "generates": peer_generates(ours)}))


def first_layers(source, target, layers):
    """A copy of a file with its first layers alone."""
    import gguf
    reader = gguf.GGUFReader(source)
    architecture = reader.get_field("general.architecture").contents()
    writer = gguf.GGUFWriter(target, architecture)
    for name, field in reader.fields.items():
        if name.startswith("GGUF.") or name == "general.architecture":
            continue
        value = layers if name == f"{architecture}.block_count" else field.contents()
        kind = field.types[0]
        writer.add_key_value(name, value, kind, field.types[-1] if kind == gguf.GGUFValueType.ARRAY else None)
    for tensor in reader.tensors:
        part = tensor.name.split(".")
        if part[0] != "blk" or int(part[1]) < layers:
            writer.add_tensor(tensor.name, tensor.data, raw_dtype=tensor.tensor_type)
    writer.write_header_to_file()
    writer.write_kv_data_to_file()
    writer.write_tensors_to_file()
    writer.close()


def worker(name, *arguments):
    {"quantise": peer_quantise, "compare": compare_files,
     "cut": lambda source, target: first_layers(source, target, 2)}[name](*arguments)


# ---- Under any Python ----

def run(command):
    done = subprocess.run([str(c) for c in command], capture_output=True, text=True)
    if done.returncode != 0:
        sys.exit(f"{' '.join(str(c) for c in command)}\nended with {done.returncode}: {done.stderr[-2000:]}")
    return done.stdout


def under_peer(*arguments):
    return run([PEER / "bin/python", __file__, "--worker", *arguments])


def default_sources():
    """F16 files of the real models, and two layers of a synthetic one; made where they are not there."""
    SOURCES.mkdir(parents=True, exist_ok=True)
    for name, file in REAL.items():
        path = SOURCES / f"{name}-F16.gguf"
        if not path.exists():
            run([CEILING, "quantize", MODELS / file, path, "--type", "F16"])
        yield path
    path, whole = SOURCES / f"{SYNTHETIC}.gguf", SOURCES / f"{SYNTHETIC}.whole.gguf"
    if not path.exists():
        run([CEILING, "synth", "--shape", "1B", "--type", "F16", "--vocabulary", "8192", "-o", whole])
        under_peer("cut", whole, path)
        whole.unlink()
    yield path


def divergence(file, source, text, threads):
    """Of what a file predicts from what its source does: nats a token, mean with its standard error, and agreement."""
    found = json.loads(run([CEILING, "eval", file, "--text", text, "--reference", source,
                            "--windows", EVALUATED_WINDOWS, "-t", threads, "--json"]))
    return {**found["divergence"], "tokens": found["counted_tokens"]}


def measure(source, kind, threads, text, evaluated, importances):
    """One row; with importances (the file where both find them), or without (None)."""
    ours, theirs = CACHE / f"ours-{kind}.gguf", CACHE / f"theirs-{kind}.gguf"
    try:
        command = [CEILING, "quantize", source, ours, "--type", kind, "-t", threads, "--json"]
        if importances:
            command += ["--calibrate", text, "--calibrate-windows", WINDOWS, "--save-importances", importances]
        start = time.monotonic()
        run(command)
        seconds = [time.monotonic() - start,
                   json.loads(under_peer("quantise", source, theirs, kind, threads, importances or "").splitlines()[-1])]
        row = {"source": source.stem, "type": kind, "importances": bool(importances),
               "when": time.strftime("%Y-%m-%d %H:%M:%S %z"), "seconds": seconds, "bytes": ours.stat().st_size,
               **json.loads(under_peer("compare", source, ours, theirs, importances or "").splitlines()[-1])}
        if not source.stem.startswith(SYNTHETIC):
            row["divergence"] = [divergence(file, source, evaluated, threads) for file in (ours, theirs)]
    finally:
        for path in (ours, theirs):
            path.unlink(missing_ok=True)
    print(f"{row['source']:24} {kind:7} {'weighed' if importances else 'plain':8} error {row['errors'][0]:.5f} "
          f"{row['errors'][1]:.5f}  worst matrix {row['worst']:.4f} {row['worst_matrix']}  {seconds[0]:.1f} s "
          f"{seconds[1]:.1f} s  {divergence_cell(row)}  "
          f"{'same types' if not row['differ'] else 'types differ: ' + row['differ'][0]}", flush=True)
    return row


def cell(row):
    if row is None:
        return " | | "
    if row["errors"] == [0, 0]:
        return "0 | 0 | "
    return f"{row['errors'][0]:.3%} | {row['errors'][1]:.3%} | {row['worst']:.3f}"


def divergence_cell(row):
    if not row or "divergence" not in row:
        return " | "
    return " | ".join(f"{d['mean_kl']:.4f} ± {d['mean_kl_standard_error']:.4f}" for d in row["divergence"])


def table(rows):
    lines = ["| type | error, Ceiling | llama.cpp | worst matrix | weighed error, Ceiling | llama.cpp | worst matrix | "
             "divergence, Ceiling | llama.cpp | with importances, Ceiling | llama.cpp | "
             "tensor types | loads | Ceiling, s | llama.cpp, s |",
             "|---|---:|---:|---:|---:|---:|---:|---:|---:|---:|---:|---|---|---:|---:|"]
    for kind in FILE_TYPES:
        both = [next((r for r in rows if r["type"] == kind and r["importances"] == known), None) for known in (False, True)]
        there = [row for row in both if row]
        if not there:
            continue
        differ = sum(len(row["differ"]) for row in there)
        loads = all(row["generates"] == 4 for row in there)
        seconds = " | ".join(f"{s:.1f}" for s in there[0]["seconds"])
        lines.append(f"| {kind} | {cell(both[0])} | {cell(both[1])} | "
                     f"{divergence_cell(both[0])} | {divergence_cell(both[1])} | {'same' if not differ else f'{differ} differ'} | "
                     f"{'yes' if loads else 'no'} | {seconds} |")
    return "\n".join(lines)


def page(data, name):
    days = sorted({row["when"][:10] for row in data["rows"]})
    conditions = data["conditions"]
    text = (f"# Quantising beside llama.cpp\n\nMade by `python3 bench/peers/quantise.py --out docs/results/{name}` on "
            f"{' and '.join(days)}: {conditions['processor']}, {conditions['threads']} threads, {conditions['peer']}; "
            f"importances from the first 512 tokens of {conditions['text']}. Errors: root mean square of what a weight is off, over that of the "
            f"weights, of the matrices that changed their type; weighed: with importances, by them. Worst matrix: the "
            f"largest ratio of Ceiling's error to llama.cpp's in one matrix. Tensor types: by name, in both files, with "
            f"and without importances. Divergence: mean Kullback-Leibler divergence from the source, nats a token, with its "
            f"standard error, over {EVALUATED_WINDOWS} windows of {conditions.get('evaluated')} (`ceiling eval`). Loads: the `gguf` package reads it back, and llama.cpp makes 4 tokens with it. "
            f"Seconds: one run without importances, disk included, on a machine that others used too; they tell tenths "
            f"at best.\n\nThe real models are F16 as their quantised files dequantise ({', '.join(REAL.values())}): types whose "
            f"steps hold those weights nearly exactly show smaller errors than they would on the models themselves.\n")
    for source in dict.fromkeys(row["source"] for row in data["rows"]):
        text += f"\n## {source}\n\n{table([row for row in data['rows'] if row['source'] == source])}\n"
    return text


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--source", type=Path, action="append", help="a float file; default: see above")
    parser.add_argument("--type", action="append", choices=FILE_TYPES)
    parser.add_argument("--text", type=Path, default=Path(__file__).parents[2] / "LICENSE", help="to calibrate on")
    parser.add_argument("--evaluate", type=Path, default=Path(__file__).parents[2] / "docs/method.md",
                        help="the text on which the files are compared with their source")
    parser.add_argument("--threads", type=int, default=len(os.sched_getaffinity(0)))
    parser.add_argument("--out", type=Path)
    arguments = parser.parse_args()
    stored = arguments.out.with_suffix(".json") if arguments.out else None
    rows = json.loads(stored.read_text())["rows"] if stored and stored.exists() else []
    conditions = {"threads": arguments.threads, "text": arguments.text.name, "evaluated": arguments.evaluate.name,
                  "kernel": platform.release(),
                  "peer": f"llama-cpp-python {PEER_VERSION}", "processor": probe()["machine"]["cpu"]}
    for source in arguments.source or default_sources():
        for kind in arguments.type or FILE_TYPES:
            importances = CACHE / "importances.gguf"
            made = [measure(source, kind, arguments.threads, arguments.text, arguments.evaluate, known)
                    for known in (None, importances)]
            importances.unlink()
            rows = [r for r in rows if (r["source"], r["type"]) != (source.stem, kind)] + made
            if stored:
                data = {"conditions": conditions, "rows": rows}
                write(stored, json.dumps(data, indent=1) + "\n")
                write(arguments.out.with_suffix(".md"), page(data, arguments.out.name))


if __name__ == "__main__":
    if sys.argv[1:2] == ["--worker"]:
        worker(*sys.argv[2:])
    else:
        main()
