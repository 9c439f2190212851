#!/usr/bin/env python3
"""Writes the GGUF files beside this script with the public `gguf` package; the fuzzer's seeds too.

small.gguf: every value type, three tensors. aligned.gguf: alignment 256, block types.
vocabulary.gguf: a tokenizer and no tensors.

    python3 -m venv venv && venv/bin/pip install gguf==0.19.0 numpy && venv/bin/python make.py
"""
import pathlib

import gguf
import numpy as np


HERE = pathlib.Path(__file__).parent


def finish(writer):
    writer.write_header_to_file()
    writer.write_kv_data_to_file()
    writer.write_tensors_to_file()
    writer.close()


def small():
    writer = gguf.GGUFWriter(HERE / "small.gguf", "llama")
    writer.add_uint8("test.u8", 200)
    writer.add_int8("test.i8", -100)
    writer.add_uint16("test.u16", 60000)
    writer.add_int16("test.i16", -30000)
    writer.add_uint32("test.u32", 4000000000)
    writer.add_int32("test.i32", -2000000000)
    writer.add_float32("test.f32", 0.1)
    writer.add_uint64("test.u64", 1 << 60)
    writer.add_int64("test.i64", -(1 << 60))
    writer.add_float64("test.f64", 0.1)
    writer.add_bool("test.bool", True)
    writer.add_string("test.string", "caf\u00e9 \u2603")
    writer.add_array("test.strings", ["a", "", "\u0120b"])
    writer.add_array("test.i32s", [-1, 0, 7])
    writer.add_array("test.f32s", [0.5, -1.25])
    writer.add_array("test.bools", [True, False, True])
    rows = np.arange(12, dtype=np.float32).reshape(3, 4)
    writer.add_tensor("first.weight", rows)
    writer.add_tensor("second.weight", rows[0, :3].astype(np.float16))
    packed = np.arange(2 * 34, dtype=np.uint8).reshape(2, 34)
    writer.add_tensor("third.weight", packed, raw_dtype=gguf.GGMLQuantizationType.Q8_0)
    finish(writer)


def aligned():
    writer = gguf.GGUFWriter(HERE / "aligned.gguf", "gemma3")
    writer.add_custom_alignment(256)
    for name in ("Q4_0", "Q5_1", "Q4_K", "Q6_K", "IQ4_XS", "BF16"):
        kind = gguf.GGMLQuantizationType[name]
        elements, size = gguf.GGML_QUANT_SIZES[kind]
        writer.add_tensor(f"blk.0.{name.lower()}", np.zeros((1, size * (256 // elements)), np.uint8), raw_dtype=kind)
    finish(writer)


def vocabulary():
    writer = gguf.GGUFWriter(HERE / "vocabulary.gguf", "qwen2")
    writer.add_tokenizer_model("gpt2")
    writer.add_tokenizer_pre("qwen2")
    writer.add_token_list(["a", "b", "ab"])
    writer.add_token_types([1, 1, 3])
    writer.add_token_merges(["a b"])
    writer.add_token_scores([0.0, -1.0, -2.0])
    writer.add_eos_token_id(2)
    finish(writer)


small()
aligned()
vocabulary()
