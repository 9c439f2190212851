#!/usr/bin/env python3
"""Writes NAME.json beside this file: what the reference device (float32, exact but for rounding) makes of texts.json.

    python3 tests/data/accuracy/make.py [CEILING]     some minutes; the models as `./run fetch --tests` puts them

Short texts of many kinds: where few tokens are averaged, an error of rounding shows most.
"""
import json
import os
import pathlib
import subprocess
import sys

HERE = pathlib.Path(__file__).parent
CACHE = os.environ.get("XDG_CACHE_HOME") or os.path.expanduser("~/.cache")
MODELS = pathlib.Path(os.environ.get("CEILING_MODELS") or os.path.join(CACHE, "ceiling", "models"))
NAMES = {"smollm2-135m-q4_1": "SmolLM2-135M-Instruct.Q4_1.gguf", "gemma3-270m-q4_k_m": "gemma-3-270m-q4_k_m.gguf"}

ceiling = sys.argv[1] if len(sys.argv) > 1 else HERE.parents[2] / "build/release/ceiling"
for name, file in NAMES.items():
    scores = subprocess.run([ceiling, "score", "-m", MODELS / file, "--input", HERE / "texts.json", "--device",
                             "reference", "--json"], check=True, capture_output=True, text=True).stdout
    cases = json.loads(scores)
    (HERE / f"{name}.json").write_text("[\n" + ",\n".join(json.dumps(case) for case in cases) + "\n]\n")
