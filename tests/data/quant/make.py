#!/usr/bin/env python3
"""Writes the dequantisation vectors beside this file, with the public `gguf` package as the truth.

    python3 -m venv venv && venv/bin/pip install gguf==0.19.0 numpy && venv/bin/python make.py

TYPE.bin holds, little-endian: u32 weights, u32 block bytes, the blocks, the float32 weights.
Blocks are random bytes with their half-precision scales replaced by chosen ones: ordinary, zero,
negative zero, subnormal, largest, negative.
"""
import pathlib
import struct

import gguf
import numpy as np

# Byte offsets of the halves in a block.
HALVES = {
    "Q4_0": [0], "Q4_1": [0, 2], "Q5_0": [0], "Q5_1": [0, 2], "Q8_0": [0],
    "Q2_K": [80, 82], "Q3_K": [108], "Q4_K": [0, 2], "Q5_K": [0, 2], "Q6_K": [208],
    "IQ4_NL": [0], "IQ4_XS": [0],
}
EXTREMES = np.array([0.0, -0.0, 6e-8, -6e-8, 6.1e-5, -3.05e-5, 65504.0, -65504.0], np.float16)


def blocks_of(name, rng):
    _, size = gguf.GGML_QUANT_SIZES[gguf.GGMLQuantizationType[name]]
    # Random blocks with ordinary scales, every pair of extreme scales, every byte equal.
    chosen = [tuple(rng.normal(0, 0.02, 2)) for _ in range(8)]
    chosen += [(a, b) for a in EXTREMES for b in EXTREMES[:: 1 if len(HALVES[name]) > 1 else 8]]
    chosen += [(0.01, 0.02), (-0.01, 0.5)]
    blocks = rng.integers(0, 256, (len(chosen), size), np.uint8)
    blocks[-2], blocks[-1] = 0, 255
    for block, scales in zip(blocks, chosen):
        for offset, scale in zip(HALVES[name], scales):
            block[offset : offset + 2] = np.frombuffer(np.float16(scale).tobytes(), np.uint8)
    return blocks


def floats_of(name, rng):
    if name == "F32":
        edges = np.array([0.0, -0.0, 1e-45, -1e-39, 3e38, -3e38], np.float32)
        return np.concatenate([rng.normal(0, 1, 58).astype(np.float32), edges]).view(np.uint8).reshape(1, -1)
    values = rng.integers(0, 1 << 16, 512).astype(np.uint16)
    exponent = 0x7C00 if name == "F16" else 0x7F80
    values = values[(values & exponent) != exponent]  # finite ones
    edges = [0, 0x8000, 1, 0x8001, 0x03FF, 0x0400, 0x007F, 0x0080, exponent - 1, (exponent - 1) | 0x8000]
    return np.concatenate([values, np.array(edges, np.uint16)]).view(np.uint8).reshape(1, -1)


def main():
    here = pathlib.Path(__file__).parent
    for number, name in enumerate([*HALVES, "F16", "BF16", "F32"]):
        rng = np.random.default_rng(1000 + number)
        data = blocks_of(name, rng) if name in HALVES else floats_of(name, rng)
        with np.errstate(over="ignore"):
            weights = gguf.quants.dequantize(data, gguf.GGMLQuantizationType[name]).astype(np.float32)
        assert np.isfinite(weights).all()
        header = struct.pack("<II", weights.size, data.size)
        (here / f"{name}.bin").write_bytes(header + data.tobytes() + weights.tobytes())


main()
