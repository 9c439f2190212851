"""`ceiling eval` beside llama.cpp: perplexity of one text, and divergence from a reference, by both.

    python3 bench/peers/compare.py --setup        llama-cpp-python and numpy, once
    python3 bench/peers/perplexity.py TEXT [--windows 40] --out docs/results/perplexity
    python3 bench/peers/perplexity.py TEXT --model FILE [--reference FILE]      one of your own, nothing written

Without --model: both real models as they are, and types that `ceiling quantize` makes of them, against them. llama.cpp's
side follows its own perplexity tool: the text's tokens with the start token where the file asks for one, cut into
windows of 512, the first token of each replaced by the start token, the cache empty at each window's start, tokens 257
to 511 predicted; logits by llama-cpp-python, sums here in float64. Ends with 1 if a perplexity of the two programs
differs by more than its standard error.
"""
import argparse
import ctypes
import hashlib
import json
import math
import os
import subprocess
import sys
import time
from pathlib import Path

from compare import CACHE, CEILING, MODELS, PEER, PEER_VERSION, probe, write

WINDOW = 512
SMOLLM2, GEMMA = MODELS / "SmolLM2-135M-Instruct.Q4_1.gguf", MODELS / "gemma-3-270m-q4_k_m.gguf"
# Name, file, type to make of it first: against the file itself then.
CASES = [("SmolLM2 135M, Q4_1", SMOLLM2, None), ("Gemma 3 270M, Q4_K_M", GEMMA, None),
         ("SmolLM2 135M, Q4_1 to Q2_K", SMOLLM2, "Q2_K"), ("SmolLM2 135M, Q4_1 to Q4_K_M", SMOLLM2, "Q4_K_M"),
         ("Gemma 3 270M, Q4_K_M to Q3_K_M", GEMMA, "Q3_K_M")]


# ---- Under the peer's Python ----

class Model:
    def __init__(self, api, path, threads):
        self.api = api
        self.silent = api.llama_log_callback(lambda level, text, data: None)  # kept: C calls it later
        api.llama_log_set(self.silent, ctypes.c_void_p(0))
        api.llama_backend_init()
        self.model = api.llama_model_load_from_file(path.encode(), api.llama_model_default_params())
        if not self.model:
            sys.exit(f"llama.cpp cannot load {path}")
        self.vocabulary = api.llama_model_get_vocab(self.model)
        self.size = api.llama_vocab_n_tokens(self.vocabulary)
        parameters = api.llama_context_default_params()
        parameters.n_ctx = parameters.n_batch = WINDOW
        parameters.n_threads = parameters.n_threads_batch = threads
        self.context = api.llama_init_from_model(self.model, parameters)

    def tokens(self, text):
        room = len(text) + 8
        array = (self.api.llama_token * room)()
        count = self.api.llama_tokenize(self.vocabulary, text, len(text), array, room, True, False)
        return list(array[:count])

    def run(self, tokens):
        """One window from an empty cache; row(i) tells the logits of its second half then."""
        api = self.api
        if api.llama_vocab_get_add_bos(self.vocabulary):
            tokens = [api.llama_vocab_bos(self.vocabulary)] + tokens[1:]
        batch = api.llama_batch_init(WINDOW, 0, 1)
        batch.n_tokens = WINDOW
        for i, token in enumerate(tokens):
            batch.token[i], batch.pos[i], batch.n_seq_id[i] = token, i, 1
            batch.seq_id[i][0] = 0
            batch.logits[i] = i >= WINDOW // 2
        api.llama_memory_clear(api.llama_get_memory(self.context), True)
        if api.llama_decode(self.context, batch) != 0:
            sys.exit("llama_decode failed")
        api.llama_batch_free(batch)

    def log_probabilities(self, i):
        import numpy
        logits = numpy.ctypeslib.as_array(self.api.llama_get_logits_ith(self.context, i), (self.size,))
        logits = logits.astype(numpy.float64)
        logits -= logits.max()
        return logits - math.log(numpy.exp(logits).sum())


def mean_and_error(values):
    import numpy
    return float(numpy.mean(values)), float(numpy.std(values, ddof=1)) / math.sqrt(len(values))


def worker(path, reference_path, text, windows, threads):
    import llama_cpp
    import numpy
    model = Model(llama_cpp, path, int(threads))
    reference = Model(llama_cpp, reference_path, int(threads)) if reference_path else None
    tokens = model.tokens(Path(text).read_bytes())
    count = len(tokens) // WINDOW if windows == "0" else min(int(windows), len(tokens) // WINDOW)
    losses, divergences, agreed = [], [], []
    for window in (tokens[w * WINDOW:(w + 1) * WINDOW] for w in range(count)):
        for side in [model] + ([reference] if reference else []):
            side.run(window)
        for i in range(WINDOW // 2, WINDOW - 1):
            ours = model.log_probabilities(i)
            losses.append(-ours[window[i + 1]])
            if reference:
                theirs = reference.log_probabilities(i)
                divergences.append(float((numpy.exp(theirs) * (theirs - ours)).sum()))
                agreed.append(ours.argmax() == theirs.argmax())
    mean, error = mean_and_error(losses)
    out = {"tokens": len(losses), "windows": count, "perplexity": math.exp(mean), "error": math.exp(mean) * error}
    if reference:
        out["mean_kl"], out["mean_kl_error"] = mean_and_error(divergences)
        out["p99_kl"], out["top_agreement"] = float(numpy.quantile(divergences, 0.99)), float(numpy.mean(agreed))
    print(json.dumps(out))


# ---- Under any Python ----

def output_of(command):
    done = subprocess.run([str(c) for c in command], capture_output=True, text=True)
    if done.returncode != 0:
        sys.exit(f"{' '.join(str(c) for c in command)}\nended with {done.returncode}: {done.stderr[-2000:]}")
    return done.stdout


def llama_cpp_side(path, reference, flags):
    command = [PEER / "bin/python", __file__, "--worker", path, reference or "", flags.text, flags.windows, flags.threads]
    return json.loads(output_of(command).splitlines()[-1])


def ceiling_side(path, reference, flags):
    command = [CEILING, "eval", path, "--text", flags.text, "--window", WINDOW, "--windows", flags.windows,
               "--threads", flags.threads, "--json"]
    answer = json.loads(output_of(command + (["--reference", reference] if reference else [])))
    model = answer["model"]
    out = {"tokens": answer["counted_tokens"], "windows": answer["windows"], "perplexity": model["perplexity"],
           "error": model["perplexity_standard_error"]}
    if reference:
        divergence = answer["divergence"]
        out |= {"mean_kl": divergence["mean_kl"], "mean_kl_error": divergence["mean_kl_standard_error"],
                "p99_kl": divergence["p99_kl"], "top_agreement": divergence["top_agreement"]}
    return out


def measure(name, path, reference, flags):
    row = {"name": name, "ceiling": ceiling_side(path, reference, flags),
           "llama_cpp": llama_cpp_side(path, reference, flags), "when": time.strftime("%Y-%m-%d %H:%M:%S %z")}
    row["agree"] = (row["ceiling"]["tokens"] == row["llama_cpp"]["tokens"] and
                    abs(row["ceiling"]["perplexity"] - row["llama_cpp"]["perplexity"]) <= row["llama_cpp"]["error"])
    print(name)
    for side in ("llama_cpp", "ceiling"):
        print(f"  {side:10}", "  ".join(f"{key} {value:.5g}" for key, value in row[side].items()), flush=True)
    return row


def default_cases():
    for name, path, kind in CASES:
        made = CACHE / f"perplexity-{kind}.gguf" if kind else path
        if kind:
            output_of([CEILING, "quantize", path, made, "--type", kind])
        yield name, made, path if kind else None
        if kind:
            made.unlink()


def table(rows):
    lines = ["| model | perplexity, llama.cpp | Ceiling | ratio | mean KL from the reference, llama.cpp | Ceiling | "
             "99 % below, llama.cpp | Ceiling | same top token, llama.cpp | Ceiling |",
             "|---|---:|---:|---:|---:|---:|---:|---:|---:|---:|"]
    for row in rows:
        sides = row["llama_cpp"], row["ceiling"]
        cells = [f"{s['perplexity']:.3f} ± {s['error']:.3f}" for s in sides]
        cells.append(f"{sides[1]['perplexity'] / sides[0]['perplexity']:.4f}")
        there = "mean_kl" in sides[0]
        cells += [f"{s['mean_kl']:.4f} ± {s['mean_kl_error']:.4f}" if there else "" for s in sides]
        cells += [f"{s['p99_kl']:.3f}" if there else "" for s in sides]
        cells += [f"{s['top_agreement']:.2%}" if there else "" for s in sides]
        lines.append(f"| {row['name']} | {' | '.join(cells)} |")
    return "\n".join(lines)


def save(flags, rows):
    text = flags.text.read_bytes()
    digest = hashlib.sha256(text).hexdigest()
    conditions = {"text": flags.text.name, "sha256": digest, "processor": probe()["machine"]["cpu"],
                  "threads": flags.threads, "peer": f"llama-cpp-python {PEER_VERSION}"}
    write(flags.out.with_suffix(".json"), json.dumps({"conditions": conditions, "rows": rows}, indent=1) + "\n")
    one = rows[0]["ceiling"]
    write(flags.out.with_suffix(".md"),
          f"# Perplexity and divergence beside llama.cpp\n\nMade by `python3 bench/peers/perplexity.py TEXT --windows "
          f"{flags.windows} --out docs/results/{flags.out.name}` on {rows[-1]['when'][:10]}: {conditions['processor']}, "
          f"{conditions['peer']}. Text: {flags.text.name} ({len(text)} bytes, SHA-256 {digest[:16]}...). Windows of "
          f"{WINDOW} tokens, each from an empty cache, tokens 257 to 511 predicted: {one['windows']} windows, "
          f"{one['tokens']} tokens in the first row. ±: standard errors over the text; both programs meet the same text, "
          f"so they differ far less than that. A type that was made of a file has that file as its reference; KL in "
          f"nats.\n\n{table(rows)}\n")


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("text", type=Path)
    parser.add_argument("--model", type=Path)
    parser.add_argument("--reference", type=Path)
    parser.add_argument("--windows", type=int, default=40)
    parser.add_argument("--threads", type=int, default=len(os.sched_getaffinity(0)))
    parser.add_argument("--out", type=Path)
    flags = parser.parse_args()
    rows = []
    for case in [(flags.model.stem, flags.model, flags.reference)] if flags.model else default_cases():
        rows.append(measure(*case, flags))
        if flags.out:
            save(flags, rows)
    if not all(row["agree"] for row in rows):
        sys.exit("the two do not agree within the standard error")


if __name__ == "__main__":
    if sys.argv[1:2] == ["--worker"]:
        worker(*sys.argv[2:])
    else:
        main()
