#!/usr/bin/env python3
"""`ceiling lab --device`: cells on other devices than the CPU; without one it says so, and nothing is written."""
import csv
import json
import pathlib
import shutil
import tempfile
import unittest

from lab_test import cell, of_type, plan
from program import SMOLLM2, ceiling, model


class LabDevices(unittest.TestCase):
    def setUp(self):
        self.folder = pathlib.Path(tempfile.mkdtemp())
        self.addCleanup(shutil.rmtree, self.folder)
        self.out = self.folder / "run"

    def test_a_device_that_is_not_there_ends_it_at_once(self):
        for devices in ("cuda", "cpu,cuda"):
            found = ceiling("lab", "--quick", "--device", devices, "--out", self.out)
            if found.code == 0:
                self.skipTest("there is a device")
            self.assertEqual(found.code, 1, found.errors)
            self.assertRegex(found.errors, "install|nvidia-smi|--device cpu")
            self.assertEqual(len(found.errors.strip().splitlines()), 1, found.errors)
            self.assertFalse(self.out.exists(), "nothing half-written")

    def test_what_is_wrong_is_named(self):
        self.assertEqual(ceiling("lab", "plan", "--device", "npu", "--out", self.out).code, 2)
        both = ceiling("lab", "plan", "--device", "cuda,vulkan", "--out", self.out)
        self.assertEqual(both.code, 2)
        self.assertIn("cpu,cuda,vulkan", both.errors)
        one = plan(self.folder, [cell("smol", "135M", model(SMOLLM2))], 1)
        named = ceiling("lab", "plan", "--plan", one, "--device", "vulkan", "--out", self.out)
        self.assertEqual(named.code, 2)
        self.assertIn("name their devices themselves", named.errors)
        one = plan(self.folder, [cell("smol", "135M", model(SMOLLM2), device="npu")], 1)
        unknown = ceiling("lab", "plan", "--plan", one, "--out", self.out)
        self.assertEqual(unknown.code, 4)
        self.assertIn("device is 'npu'", unknown.errors)
        self.assertFalse(self.out.exists(), "nothing half-written")

    def test_a_cell_on_another_device_is_held_against_its_own_memory(self):
        first = ceiling("run", "-m", model(SMOLLM2), "-p", "Hi", "-n", "1", "--device", "vulkan")
        if first.code != 0:
            self.skipTest(first.errors.strip())
        cells = [cell("smol", "135M", model(SMOLLM2)), cell("smol-vulkan", "135M", model(SMOLLM2), device="vulkan")]
        done = ceiling("lab", "--plan", plan(self.folder, cells, 2), "--out", self.out)
        self.assertEqual(done.code, 0, done.errors)
        trials = {entry["data"]["cell"]: entry["data"]["result"] for entry in of_type(self.out, "trial")}
        self.assertNotEqual(trials["smol"]["device"], trials["smol-vulkan"]["device"])
        self.assertEqual(trials["smol-vulkan"]["slices"][0]["bytes"], 1 << 30)
        sealed = json.loads((self.out / "plan.json").read_text())
        self.assertEqual([d["device"] for d in sealed["machine"]["devices"]], ["vulkan"])
        self.assertGreater(sealed["machine"]["devices"][0]["read_gb_per_s"], 0)
        with (self.out / "results.csv").open(newline="") as file:
            devices = {row["cell"]: row["device"] for row in csv.DictReader(file)}
        self.assertEqual(devices, {"smol": "cpu", "smol-vulkan": "vulkan"})
        self.assertIn("135M at Q4 on vulkan", (self.out / "report.md").read_text())
        self.assertEqual(ceiling("lab", "verify", self.out).code, 0)


if __name__ == "__main__":
    unittest.main()
