#!/usr/bin/env python3
"""Perplexity of one model file and text by `ceiling eval` and by llama.cpp, side by side.

usage: perplexity.py MODEL TEXT [--windows N] [--threads N] [--ceiling PATH]
Needs llama-cpp-python and numpy. llama.cpp's side follows its own perplexity tool: the text's tokens with the
start token where the file asks for one, cut into windows of 512, the first token of each replaced by the start
token, the cache empty at each window's start, tokens 257 to 511 predicted.
"""
import argparse
import ctypes
import json
import math
import subprocess

import llama_cpp as api
import numpy

WINDOW = 512


class Model:
    def __init__(self, path, threads):
        self.silent = api.llama_log_callback(lambda level, text, data: None)  # kept: C calls it later
        api.llama_log_set(self.silent, ctypes.c_void_p(0))
        api.llama_backend_init()
        self.model = api.llama_model_load_from_file(path.encode(), api.llama_model_default_params())
        if not self.model:
            raise SystemExit(f"llama.cpp cannot load {path}")
        self.vocabulary = api.llama_model_get_vocab(self.model)
        self.size = api.llama_vocab_n_tokens(self.vocabulary)
        parameters = api.llama_context_default_params()
        parameters.n_ctx = parameters.n_batch = WINDOW
        parameters.n_threads = parameters.n_threads_batch = threads
        self.context = api.llama_init_from_model(self.model, parameters)

    def tokens(self, text):
        room = len(text) + 8
        array = (api.llama_token * room)()
        count = api.llama_tokenize(self.vocabulary, text, len(text), array, room, True, False)
        return list(array[:count])

    def window_losses(self, tokens):
        """Negative log-likelihoods of the second half of a window."""
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
            raise SystemExit("llama_decode failed")
        losses = []
        for i in range(WINDOW // 2, WINDOW - 1):
            logits = numpy.ctypeslib.as_array(api.llama_get_logits_ith(self.context, i), (self.size,))
            logits = logits.astype(numpy.float64)
            top = logits.max()
            losses.append(top + math.log(numpy.exp(logits - top).sum()) - logits[tokens[i + 1]])
        api.llama_batch_free(batch)
        return losses


def llama_cpp(path, text, windows, threads):
    model = Model(path, threads)
    tokens = model.tokens(text)
    count = len(tokens) // WINDOW if windows == 0 else min(windows, len(tokens) // WINDOW)
    losses = [loss for w in range(count) for loss in model.window_losses(tokens[w * WINDOW : (w + 1) * WINDOW])]
    mean = float(numpy.mean(losses))
    error = float(numpy.std(losses, ddof=1)) / math.sqrt(len(losses))
    return {"tokens": len(losses), "perplexity": math.exp(mean), "error": math.exp(mean) * error}


def ceiling(program, path, text, windows, threads):
    command = [program, "eval", path, "--text", text, "--window", str(WINDOW), "--windows", str(windows)]
    command += ["--threads", str(threads), "--json"]
    answer = json.loads(subprocess.run(command, check=True, capture_output=True, text=True).stdout)
    model = answer["model"]
    return {
        "tokens": answer["counted_tokens"],
        "perplexity": model["perplexity"],
        "error": model["perplexity_standard_error"],
    }


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("model")
    parser.add_argument("text")
    parser.add_argument("--windows", type=int, default=0)
    parser.add_argument("--threads", type=int, default=2)
    parser.add_argument("--ceiling", default="build/release/ceiling")
    flags = parser.parse_args()
    with open(flags.text, "rb") as file:
        text = file.read()
    sides = {
        "llama.cpp": llama_cpp(flags.model, text, flags.windows, flags.threads),
        "ceiling": ceiling(flags.ceiling, flags.model, flags.text, flags.windows, flags.threads),
    }
    for name, side in sides.items():
        print(f"{name:10} {side['perplexity']:10.4f} +- {side['error']:.4f}   {side['tokens']} tokens")
    ratio = sides["ceiling"]["perplexity"] / sides["llama.cpp"]["perplexity"]
    print(f"ratio      {ratio:10.5f}")
    same = sides["ceiling"]["tokens"] == sides["llama.cpp"]["tokens"]
    difference = abs(sides["ceiling"]["perplexity"] - sides["llama.cpp"]["perplexity"])
    if not same or difference > sides["llama.cpp"]["error"]:
        raise SystemExit("the two do not agree within the standard error")


if __name__ == "__main__":
    main()
