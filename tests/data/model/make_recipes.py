"""Writes recipes.json: the tensor types that llama.cpp's own quantiser gives to models of several shapes, without
and with importances.

Needs the packages gguf and llama-cpp-python (0.3.36 was used). Tensors hold random numbers: types do
not depend on them. Run it in this folder.
"""

import ctypes
import json
import os
import re
import tempfile

import gguf
import llama_cpp
import numpy as np

FILE_TYPES = {
    "F32": 0, "F16": 1, "BF16": 32, "Q4_0": 2, "Q4_1": 3, "Q5_0": 8, "Q5_1": 9, "Q8_0": 7, "Q2_K": 10,
    "Q3_K_S": 11, "Q3_K_M": 12, "Q3_K_L": 13, "Q4_K_S": 14, "Q4_K_M": 15, "Q5_K_S": 16, "Q5_K_M": 17,
    "Q6_K": 18, "IQ4_NL": 25, "IQ4_XS": 30,
}
SHAPES = [
    dict(name="own key heads", architecture="llama", layers=32, width=256, feed_forward=256, heads=4, kv_heads=4, tied=False),
    dict(name="four share", architecture="llama", layers=32, width=256, feed_forward=256, heads=4, kv_heads=1, tied=False),
    dict(name="as 70B", architecture="llama", layers=80, width=256, feed_forward=256, heads=8, kv_heads=1, tied=False),
    dict(name="awkward, tied", architecture="llama", layers=30, width=96, feed_forward=512, heads=3, kv_heads=1, tied=True),
    dict(name="awkward, untied", architecture="qwen2", layers=24, width=224, feed_forward=96, heads=7, kv_heads=1, tied=False),
    dict(name="no block fits", architecture="llama", layers=9, width=80, feed_forward=256, heads=5, kv_heads=1, tied=False),
    dict(name="eight experts", architecture="llama", layers=16, width=256, feed_forward=256, heads=4, kv_heads=1, tied=False, experts=8),
    dict(name="more experts", architecture="llama", layers=16, width=256, feed_forward=256, heads=4, kv_heads=2, tied=False, experts=16),
]
VOCABULARY = 64


def write(shape, path):
    writer = gguf.GGUFWriter(path, shape["architecture"])
    writer.add_block_count(shape["layers"])
    writer.add_context_length(128)
    writer.add_embedding_length(shape["width"])
    writer.add_feed_forward_length(shape["feed_forward"])
    writer.add_head_count(shape["heads"])
    writer.add_head_count_kv(shape["kv_heads"])
    writer.add_layer_norm_rms_eps(1e-5)
    experts = shape.get("experts", 0)
    if experts:
        writer.add_expert_count(experts)
        writer.add_expert_used_count(2)
    random = np.random.default_rng(1)

    def add(name, *dims):
        writer.add_tensor(name, random.standard_normal(dims, dtype=np.float32))

    width, hidden = shape["width"], shape["feed_forward"]
    kv = width // shape["heads"] * shape["kv_heads"]
    add("token_embd.weight", VOCABULARY, width)
    for i in range(shape["layers"]):
        add(f"blk.{i}.attn_norm.weight", width)
        add(f"blk.{i}.attn_q.weight", width, width)
        add(f"blk.{i}.attn_k.weight", kv, width)
        add(f"blk.{i}.attn_v.weight", kv, width)
        if shape["architecture"] == "qwen2":
            add(f"blk.{i}.attn_q.bias", width)
            add(f"blk.{i}.attn_k.bias", kv)
            add(f"blk.{i}.attn_v.bias", kv)
        add(f"blk.{i}.attn_output.weight", width, width)
        add(f"blk.{i}.ffn_norm.weight", width)
        if experts:
            add(f"blk.{i}.ffn_gate_inp.weight", experts, width)
        ending, groups = ("_exps", [experts]) if experts else ("", [])
        add(f"blk.{i}.ffn_gate{ending}.weight", *groups, hidden, width)
        add(f"blk.{i}.ffn_up{ending}.weight", *groups, hidden, width)
        add(f"blk.{i}.ffn_down{ending}.weight", *groups, width, hidden)
    add("output_norm.weight", width)
    if not shape["tied"]:
        add("output.weight", VOCABULARY, width)
    writer.write_header_to_file()
    writer.write_kv_data_to_file()
    writer.write_tensors_to_file()
    writer.close()


def types_of(path):
    """Tensor kind -> its types from the first layer to the last, as "4xQ6_K 2xQ4_K"."""
    kinds = {}
    tensors = sorted(gguf.GGUFReader(path).tensors, key=lambda t: int((re.findall(r"blk\.(\d+)", t.name) or [0])[0]))
    for tensor in tensors:
        runs = kinds.setdefault(re.sub(r"blk\.\d+\.", "", tensor.name), [])
        if runs and runs[-1][0] == tensor.tensor_type.name:
            runs[-1][1] += 1
        else:
            runs.append([tensor.tensor_type.name, 1])
    return {kind: " ".join(f"{count}x{name}" for name, count in runs) for kind, runs in kinds.items()}


def importances(path):
    """Ones for every matrix, as the C interface takes them: an array that ends with an empty entry."""
    entries = []
    for tensor in gguf.GGUFReader(path).tensors:
        if len(tensor.shape) > 1:
            ones = np.ones(int(tensor.shape[0]) * int(tensor.shape[2] if len(tensor.shape) > 2 else 1), np.float32)
            data = ones.ctypes.data_as(ctypes.POINTER(ctypes.c_float))
            entries.append(llama_cpp.llama_model_imatrix_data(tensor.name.encode(), data, ones.size))
            entries[-1].kept = ones
    array = (llama_cpp.llama_model_imatrix_data * (len(entries) + 1))(*entries)
    array.kept = entries
    return array


def quantised(source, target, parameters):
    types = {}
    for name, file_type in FILE_TYPES.items():
        parameters.nthread, parameters.ftype = 1, file_type
        assert llama_cpp.llama_model_quantize(source.encode(), target.encode(), ctypes.byref(parameters)) == 0
        types[name] = types_of(target)
    return types


def main():
    out = []
    with tempfile.TemporaryDirectory() as folder:
        for shape in SHAPES:
            source, target = os.path.join(folder, "in.gguf"), os.path.join(folder, "out.gguf")
            write(shape, source)
            parameters = llama_cpp.llama_model_quantize_default_params()
            types = quantised(source, target, parameters)
            kept = importances(source)
            parameters.imatrix = ctypes.cast(kept, type(parameters.imatrix))
            out.append(dict(shape, types=types, types_with_importances=quantised(source, target, parameters)))
    with open("recipes.json", "w") as file:
        shapes = ",\n".join(json.dumps(shape, separators=(",", ":")) for shape in out)
        file.write(f"[{shapes}]\n")


main()
