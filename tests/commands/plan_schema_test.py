#!/usr/bin/env python3
"""The published schema of plans (docs/plan.schema.json) and the program take and refuse the same plans."""
import copy
import json
import pathlib
import shutil
import tempfile
import unittest

import jsonschema

from program import SMOLLM2, ceiling, model

SCHEMA = json.loads((pathlib.Path(__file__).parents[2] / "docs/plan.schema.json").read_text())


def base():
    file = {"kind": "file", "file": str(model(SMOLLM2))}
    small = {"size": "135M", "type": "Q4_1", "model": file, "prompt_tokens": 4, "least_tokens": 2, "most_tokens": 2}
    return {"format": "ceiling-plan/1", "blocks": 2, "seed": 1,
            "cells": [{"id": "a", **small}, {"id": "b", **small},
                      {"id": "t", **small, "work": "treatments", "treatments": [{}, {"bytes": 0.1}]},
                      {"id": "f", **small, "work": "fill", "fill": 0.9},
                      {"id": "o", **small, "engine": {"kind": "llama-bench", "where": "/opt/llama-bench"}},
                      {"id": "s", **small, "engine": {"kind": "openai", "where": "http://h:1", "served": "m"}}],
            "design": {"same": ["a", "b"], "treated": "t", "fills": ["f"]}, "thresholds": {"same_within": 0.03},
            "extensions": [4, 6], "exclusions": {"others_share_above": 0.05}}


# Each a change that makes a sound plan unsound.
WRONG = {
    "another format": lambda p: p.update(format="ceiling-plan/2"),
    "no cells": lambda p: p.update(cells=[]),
    "an unknown member": lambda p: p.update(block=3),
    "an unknown member of a cell": lambda p: p["cells"][0].update(thread=2),
    "text for a number": lambda p: p.update(blocks="3"),
    "a negative number": lambda p: p["cells"][0].update(prompt_tokens=-1),
    "unknown work": lambda p: p["cells"][0].update(work="rest"),
    "treatments without the work": lambda p: p["cells"][0].update(treatments=[{"bytes": 1}]),
    "the work without treatments": lambda p: p["cells"][2].pop("treatments"),
    "an unknown threshold": lambda p: p["thresholds"].update(speed=1),
    "one label for an A/A pair": lambda p: p["design"].update(same=["a"]),
    "an unknown model kind": lambda p: p["cells"][0]["model"].update(kind="cloud"),
    "a line break in a name": lambda p: p["cells"][0].update(id="a\nb"),
    "an unknown engine": lambda p: p["cells"][4]["engine"].update(kind="vllm"),
    "an engine without its program": lambda p: p["cells"][4]["engine"].pop("where"),
    "a served model of a program": lambda p: p["cells"][4]["engine"].update(served="m"),
    "a server without its model": lambda p: p["cells"][5]["engine"].pop("served"),
    "another engine from cold": lambda p: p["cells"][4].update(work="cold-load"),
    "a memory filled three times": lambda p: p["cells"][3].update(fill=3),
    "an unknown device": lambda p: p["cells"][0].update(device="npu"),
    "treatments on another device": lambda p: p["cells"][2].update(device="cuda"),
    "a budget of the CPU's memory": lambda p: p["cells"][3].update(fill_by="budget"),
    "a group for a device's memory": lambda p: p["cells"][3].update(device="cuda"),
    "a budget that fills nothing": lambda p: p["cells"][0].update(device="cuda", fill_by="budget"),
    "a card's memory beside a share": lambda p: p["cells"][3].update(device="cuda", fill_by="budget", limit_bytes=1 << 30),
    "a card's memory without a budget": lambda p: p["cells"][0].update(limit_bytes=1 << 30),
    "another engine on a device": lambda p: p["cells"][4].update(device="cuda"),
}


class PlanSchema(unittest.TestCase):
    def setUp(self):
        self.folder = pathlib.Path(tempfile.mkdtemp())
        self.addCleanup(shutil.rmtree, self.folder)
        self.validator = jsonschema.Draft202012Validator(SCHEMA)
        self.count = 0

    def ask(self, plan):
        """Whether the program takes the plan; what it wrote if it does."""
        self.count += 1
        file = self.folder / f"{self.count}.json"
        file.write_text(json.dumps(plan))
        out = self.folder / f"run{self.count}"
        # A wrong plan is refused before the machine is measured.
        done = ceiling("lab", "plan", "--plan", file, "--out", out)
        return done, out / "plan.json"

    def test_the_schema_is_sound(self):
        jsonschema.Draft202012Validator.check_schema(SCHEMA)

    def test_what_the_program_writes_is_valid(self):
        self.validator.validate(base())
        done, written = self.ask(base())
        self.assertEqual(done.code, 0, done.errors)
        self.validator.validate(json.loads(written.read_text()))
        recorded = pathlib.Path(__file__).parents[1] / "data/lab/run/plan.json"
        self.validator.validate(json.loads(recorded.read_text()))

    def test_cells_on_devices_are_valid(self):
        plan = base()
        plan["cells"].append({**plan["cells"][0], "id": "d", "device": "vulkan"})
        plan["cells"].append({**plan["cells"][3], "id": "e", "device": "cuda", "fill_by": "budget", "fill": 2})
        card = {**plan["cells"][3], "id": "g", "device": "cuda", "fill_by": "budget", "limit_bytes": 24 << 30}
        del card["fill"]
        plan["cells"].append(card)
        plan["machine"] = {"cpu": "c", "system": "s", "threads": 1, "memory_bytes": 1, "read_gb_per_s": 1,
                           "read_gb_per_s_range": [1, 1], "fma_gflop_per_s": 1, "int8_gop_per_s": 1,
                           "devices": [{"device": "cuda", "name": "n", "memory_bytes": 80, "read_gb_per_s": 3000,
                                        "read_gb_per_s_range": [2900, 3100], "link_gb_per_s": 55}]}
        self.validator.validate(plan)
        plan["machine"]["devices"][0]["speed"] = 1
        self.assertFalse(self.validator.is_valid(plan))

    def test_both_refuse_the_same(self):
        for name, change in WRONG.items():
            with self.subTest(name):
                plan = copy.deepcopy(base())
                change(plan)
                self.assertFalse(self.validator.is_valid(plan), "the schema takes it")
                done, written = self.ask(plan)
                self.assertEqual(done.code, 4, f"the program: {done.errors}")
                self.assertFalse(written.exists())


if __name__ == "__main__":
    unittest.main()
