"""One fresh process of llama.cpp (through llama-cpp-python's C interface): loads, warms up, times, prints JSON.

usage: llama_cpp_worker.py MODEL THREADS PROMPT GENERATE DEPTH SEQUENCES
Times are of llama_decode alone (no sampling, no text), as llama-bench takes them.
"""
import ctypes
import json
import random
import sys
import time

import llama_cpp as api


def decode(context, tokens):
    array = (api.llama_token * len(tokens))(*tokens)
    if api.llama_decode(context, api.llama_batch_get_one(array, len(tokens))) != 0:
        raise SystemExit("llama_decode failed")
    api.llama_synchronize(context)


def decode_step(context, tokens, position):
    """One token for each of several sequences."""
    batch = api.llama_batch_init(len(tokens), 0, 1)
    batch.n_tokens = len(tokens)
    for i, token in enumerate(tokens):
        batch.token[i] = token
        batch.pos[i] = position
        batch.n_seq_id[i] = 1
        batch.seq_id[i][0] = i
        batch.logits[i] = 1
    if api.llama_decode(context, batch) != 0:
        raise SystemExit("llama_decode failed")
    api.llama_synchronize(context)
    api.llama_batch_free(batch)


def main():
    path = sys.argv[1]
    threads, prompt, generate, depth, sequences = map(int, sys.argv[2:7])
    silent = api.llama_log_callback(lambda level, text, data: None)
    api.llama_log_set(silent, ctypes.c_void_p(0))
    api.llama_backend_init()
    start = time.perf_counter()
    model = api.llama_model_load_from_file(path.encode(), api.llama_model_default_params())
    parameters = api.llama_context_default_params()
    parameters.n_ctx = (max(prompt, depth + generate) + 64) * sequences
    parameters.n_threads = parameters.n_threads_batch = threads
    parameters.n_seq_max = sequences
    context = api.llama_init_from_model(model, parameters)
    loaded = time.perf_counter() - start
    vocabulary = api.llama_vocab_n_tokens(api.llama_model_get_vocab(model))
    rng = random.Random(1)
    draw = lambda n: [rng.randrange(vocabulary) for _ in range(n)]
    memory = api.llama_get_memory(context)
    result = {"load_s": loaded}
    if prompt:
        decode(context, draw(prompt))  # warm-up: pages touched, buffers allocated
        api.llama_memory_clear(memory, True)
        tokens = draw(prompt)
        start = time.perf_counter()
        for i in range(0, prompt, 512):
            decode(context, tokens[i : i + 512])
        result["prefill_tokens_per_s"] = prompt / (time.perf_counter() - start)
        api.llama_memory_clear(memory, True)
    if generate:
        tokens = draw(depth)
        for i in range(0, depth, 512):
            decode(context, tokens[i : i + 512])
        warm = 2
        for i in range(warm):
            decode_step(context, draw(sequences), depth + i)
        start = time.perf_counter()
        for i in range(generate):
            decode_step(context, draw(sequences), depth + warm + i)
        result["decode_tokens_per_s"] = generate * sequences / (time.perf_counter() - start)
    print(json.dumps(result))


main()
