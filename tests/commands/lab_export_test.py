#!/usr/bin/env python3
"""`ceiling lab export`: a recorded run in the formats of other programs, read by their own readers."""
import csv
import io
import pathlib
import shutil
import subprocess
import sys
import tempfile
import unittest

from program import DATA, ceiling

CHECK = pathlib.Path(__file__).resolve().parents[2] / "bench/peers/check_llmd_report.py"


class Export(unittest.TestCase):
    def setUp(self):
        self.folder = pathlib.Path(tempfile.mkdtemp())
        self.addCleanup(shutil.rmtree, self.folder)
        self.run_folder = self.folder / "run"
        shutil.copytree(DATA / "lab/run", self.run_folder)

    def export(self, format, *more):
        return ceiling("lab", "export", self.run_folder, "--format", format, *more)

    def test_llama_bench(self):
        done = self.export("llama-bench")
        self.assertEqual(done.code, 0, done.errors)
        entries = done.json()
        self.assertEqual(len(entries) % 2, 0)
        for entry in entries:
            tokens = entry["n_prompt"] + entry["n_gen"]
            for ns, speed in zip(entry["samples_ns"], entry["samples_ts"], strict=True):
                self.assertAlmostEqual(tokens / ns * 1e9 / speed, 1, places=9)
            mean = sum(entry["samples_ts"]) / len(entry["samples_ts"])
            self.assertAlmostEqual(entry["avg_ts"] / mean, 1, places=9)
        written = self.folder / "mine.json"
        written.write_text(done.output)
        self.assertEqual(ceiling("lab", "import", written).code, 0)

    def test_csv_is_the_one_of_the_run(self):
        rows = list(csv.DictReader(io.StringIO(self.export("csv").output)))
        self.assertEqual(ceiling("lab", "report", self.run_folder).code, 0)
        with (self.run_folder / "results.csv").open(newline="") as file:
            self.assertEqual(rows, list(csv.DictReader(file)))

    def test_llmd_reports_are_valid(self):
        out = self.folder / "out"
        done = self.export("llmd-benchmark-report", "--out", out)
        self.assertEqual(done.code, 0, done.errors)
        written = sorted(out.iterdir())
        self.assertEqual(sorted(done.output.split()), [str(path) for path in written])
        checked = subprocess.run([sys.executable, CHECK, *written], capture_output=True, text=True, timeout=600)
        if checked.returncode == 77:
            self.skipTest(checked.stdout)
        self.assertEqual(checked.returncode, 0, checked.stdout + checked.stderr)

    def test_what_is_wrong_is_named(self):
        several = self.export("llmd-benchmark-report")
        self.assertEqual(several.code, 2)
        self.assertIn("--cell", several.errors)
        self.assertEqual(self.export("llmd-benchmark-report", "--cell", "none").code, 2)
        self.assertEqual(self.export("xml").code, 2)
        ledger = self.run_folder / "ledger.jsonl"
        ledger.write_text("".join(ledger.read_text().splitlines(keepends=True)[:3]))
        self.assertEqual(self.export("csv").code, 3)  # not finished


if __name__ == "__main__":
    unittest.main()
