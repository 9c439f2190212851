#!/usr/bin/env python3
"""Writes rows.bin and peer_errors.txt beside this file: what llama.cpp's own quantiser leaves.

    venv/bin/pip install gguf==0.19.0 numpy llama-cpp-python==0.3.36
    venv/bin/python peer_errors.py

rows.bin, float32: 3 rows of 2048 weights (normal, Laplace, Student t with 4 degrees of freedom),
then the importances of the 2048 columns. peer_errors.txt: a line for each type and row: type, row,
sum of squared errors without importances, sum of importance x squared error with them.
"""
import ctypes
import importlib.util
import pathlib

import gguf
import numpy as np

HERE = pathlib.Path(__file__).parent
COLS = 2048
TYPES = ["Q4_0", "Q4_1", "Q5_0", "Q5_1", "Q8_0", "Q2_K", "Q3_K", "Q4_K", "Q5_K", "Q6_K", "IQ4_NL", "IQ4_XS"]


def peer():
    package = pathlib.Path(importlib.util.find_spec("llama_cpp").origin).parent
    library = ctypes.CDLL(str(package / "lib" / "libggml-base.so"))
    quantise = library.ggml_quantize_chunk
    quantise.restype = ctypes.c_size_t
    wide = ctypes.c_int64
    quantise.argtypes = [ctypes.c_int, ctypes.c_void_p, ctypes.c_void_p, wide, wide, wide, ctypes.c_void_p]
    return quantise


def error(quantise, kind, row, importance):
    elements, size = gguf.GGML_QUANT_SIZES[kind]
    blocks = np.zeros(COLS // elements * size, np.uint8)
    weights = None if importance is None else importance.ctypes.data
    quantise(kind.value, row.ctypes.data, blocks.ctypes.data, 0, 1, COLS, weights)
    off = gguf.quants.dequantize(blocks, kind).astype(np.float64) - row
    return float((off**2 * (1 if importance is None else importance)).sum())


def main():
    rng = np.random.default_rng(2026)
    rows = [rng.normal(0, 0.02, COLS), rng.laplace(0, 0.02, COLS), 0.02 * rng.standard_t(4, COLS)]
    rows = [row.astype(np.float32) for row in rows]
    importance = rng.lognormal(0, 1.5, COLS).astype(np.float32)
    (HERE / "rows.bin").write_bytes(b"".join(a.tobytes() for a in [*rows, importance]))
    quantise = peer()
    with open(HERE / "peer_errors.txt", "w") as out:
        for name in TYPES:
            kind = gguf.GGMLQuantizationType[name]
            for i, row in enumerate(rows):
                plain, weighted = error(quantise, kind, row, None), error(quantise, kind, row, importance)
                print(name, i, f"{plain:.9g}", f"{weighted:.9g}", file=out)


main()
