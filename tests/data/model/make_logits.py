"""Writes tiny models of each architecture and logits.json: what llama.cpp computes with them.

Needs the packages gguf and llama-cpp-python (0.3.36 was used). All tensors are float32 and so is the
KV cache, so llama.cpp's arithmetic is float32 too. Run it in this folder.
"""

import json

import gguf
import llama_cpp
import numpy as np

WIDTH, HIDDEN, HEADS, KV_HEADS, VOCABULARY = 32, 48, 4, 2, 40
TOKENS = [(7 * i * i + 3 * i + 1) % VOCABULARY for i in range(24)]
MODELS = {
    # heads wider than their share; Llama 3's frequency divisors; tied output
    "llama": dict(layers=2, head_width=16, rope_freqs=True, tied=True),
    "qwen2": dict(layers=2, head_width=8, biases=True, base=1000000.0),
    "qwen3": dict(layers=2, head_width=16, head_norms=True, base=1000000.0, linear=2.0),
    # past the window, with a global layer that has its own base and scale
    "gemma3": dict(layers=7, head_width=8, head_norms=True, post_norms=True, tied=True, base=1000000.0,
                   linear=8.0, window=8),
}


def write(architecture, o):
    random = np.random.default_rng(1)
    writer = gguf.GGUFWriter(f"{architecture}.gguf", architecture)
    writer.add_block_count(o["layers"])
    writer.add_context_length(64)
    writer.add_embedding_length(WIDTH)
    writer.add_feed_forward_length(HIDDEN)
    writer.add_head_count(HEADS)
    writer.add_head_count_kv(KV_HEADS)
    writer.add_key_length(o["head_width"])
    writer.add_value_length(o["head_width"])
    writer.add_rope_dimension_count(o["head_width"])
    writer.add_rope_freq_base(o.get("base", 10000.0))
    writer.add_layer_norm_rms_eps(1e-6)
    writer.add_vocab_size(VOCABULARY)
    writer.add_tokenizer_model("none")
    if "linear" in o:
        writer.add_rope_scaling_type(gguf.RopeScalingType.LINEAR)
        writer.add_rope_scaling_factor(o["linear"])
    if "window" in o:
        writer.add_sliding_window(o["window"])

    def matrix(name, rows, cols):
        writer.add_tensor(name, random.normal(0, 1.5 / np.sqrt(cols), (rows, cols)).astype(np.float32))

    def vector(name, cols, middle=1.0):
        writer.add_tensor(name, random.normal(middle, 0.3, cols).astype(np.float32))

    matrix("token_embd.weight", VOCABULARY, WIDTH)
    if o.get("rope_freqs"):
        writer.add_tensor("rope_freqs.weight", np.linspace(1, 8, o["head_width"] // 2, dtype=np.float32))
    queries, keys = HEADS * o["head_width"], KV_HEADS * o["head_width"]
    for i in range(o["layers"]):
        vector(f"blk.{i}.attn_norm.weight", WIDTH)
        for name, rows in (("q", queries), ("k", keys), ("v", keys)):
            matrix(f"blk.{i}.attn_{name}.weight", rows, WIDTH)
            if o.get("biases"):
                vector(f"blk.{i}.attn_{name}.bias", rows, 0.0)
            if o.get("head_norms") and name != "v":
                vector(f"blk.{i}.attn_{name}_norm.weight", o["head_width"])
        matrix(f"blk.{i}.attn_output.weight", WIDTH, queries)
        vector(f"blk.{i}.ffn_norm.weight", WIDTH)
        matrix(f"blk.{i}.ffn_gate.weight", HIDDEN, WIDTH)
        matrix(f"blk.{i}.ffn_up.weight", HIDDEN, WIDTH)
        matrix(f"blk.{i}.ffn_down.weight", WIDTH, HIDDEN)
        if o.get("post_norms"):
            vector(f"blk.{i}.post_attention_norm.weight", WIDTH)
            vector(f"blk.{i}.post_ffw_norm.weight", WIDTH)
    vector("output_norm.weight", WIDTH)
    if not o.get("tied"):
        matrix("output.weight", VOCABULARY, WIDTH)
    writer.write_header_to_file()
    writer.write_kv_data_to_file()
    writer.write_tensors_to_file()
    writer.close()


def logits_of(path):
    """Logits after the last token."""
    model = llama_cpp.llama_model_load_from_file(path.encode(), llama_cpp.llama_model_default_params())
    parameters = llama_cpp.llama_context_default_params()
    parameters.n_ctx, parameters.n_threads = 64, 1
    parameters.type_k = parameters.type_v = 0  # float32
    parameters.flash_attn_type = 0  # off
    context = llama_cpp.llama_init_from_model(model, parameters)
    tokens = (llama_cpp.llama_token * len(TOKENS))(*TOKENS)
    batch = llama_cpp.llama_batch_get_one(tokens, len(TOKENS))
    assert llama_cpp.llama_decode(context, batch) == 0
    values = llama_cpp.llama_get_logits_ith(context, -1)[:VOCABULARY]
    llama_cpp.llama_free(context)
    llama_cpp.llama_model_free(model)
    return [round(float(v), 6) for v in values]


def main():
    models = []
    for architecture, options in MODELS.items():
        write(architecture, options)
        models.append(dict(file=f"{architecture}.gguf", logits=logits_of(f"{architecture}.gguf")))
    with open("logits.json", "w") as file:
        json.dump(dict(tokens=TOKENS, models=models), file, indent=0)


main()
