#!/usr/bin/env python3
"""`ceiling tradeoff`, as a user runs it: one type, the shortest of measurements."""
import json
import pathlib
import tempfile
import unittest

from program import DATA, SMOLLM2, ceiling, model

QUICK = ("--blocks", "1", "-p", "8", "-n", "2", "--window", "32", "--windows", "1")


class Tradeoff(unittest.TestCase):
    def test_a_report_of_one_type(self):
        with tempfile.TemporaryDirectory() as folder:
            text = DATA / "reference" / "README.md"
            out = pathlib.Path(folder) / "run"
            result = ceiling(
                "tradeoff", model(SMOLLM2), "--types", "Q8_0", "--text", text, "--out", out, *QUICK
            )
            self.assertEqual((result.code, result.errors), (0, ""))
            self.assertLessEqual(result.output.count("\n"), 20)
            self.assertIn("itself quantised, Q4_1", result.output)
            self.assertTrue(result.output.endswith("run/report.html\n"))
            names = sorted(path.name for path in out.iterdir())
            self.assertEqual(names, ["report.html", "report.md", "tradeoff.json"])
            report = json.loads((out / "tradeoff.json").read_text())
            eight, source = report["types"]
            self.assertEqual((eight["type"], source["source"]), ("Q8_0", True))
            self.assertGreater(eight["bytes"], source["bytes"])
            self.assertLess(eight["mean_kl"], 0.02)
            self.assertGreater(min(eight["decode_tokens_per_s"]["samples"]), 0)

    def test_bad_input(self):
        text = DATA / "reference" / "README.md"
        for part, arguments in (
            ("Q4_Z", ("--types", "Q4_Z", "--text", text)),
            ("named twice", ("--types", "Q8_0,Q8_0", "--text", text)),
            ("--types", ("--text", text)),
            ("none.txt", ("--types", "Q8_0", "--text", "/none.txt")),
        ):
            with self.subTest(part), tempfile.TemporaryDirectory() as folder:
                result = ceiling("tradeoff", model(SMOLLM2), *arguments, "--out", folder)
                self.assertEqual((result.code, result.output), (2, ""), result.errors)
                self.assertIn(part, result.errors)
                self.assertEqual(list(pathlib.Path(folder).iterdir()), [])


if __name__ == "__main__":
    unittest.main()
