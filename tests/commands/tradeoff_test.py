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
            self.assertIn("itself quantised (Q4_1)", result.output.splitlines()[0])
            self.assertIn("none is recommended for its quality", result.output)
            self.assertEqual(result.output.count("not shown"), 3)
            self.assertTrue(result.output.endswith("run/report.html\n"))
            names = sorted(path.name for path in out.iterdir())
            self.assertEqual(names, ["report.html", "report.md", "tradeoff.json"])
            report = json.loads((out / "tradeoff.json").read_text())
            eight, source = report["types"]
            self.assertEqual((eight["type"], source["source"]), ("Q8_0", True))
            self.assertGreater(eight["bytes"], source["bytes"])
            self.assertLess(eight["mean_kl"], 0.02)
            self.assertGreater(min(eight["decode_tokens_per_s"]["samples"]), 0)
            self.assertEqual(eight["dominated_by"], [], "one block tells no speeds apart")
            self.assertIsNone(report["decode_ratio_told_apart"])

    def test_floats_made_from_a_quantised_file_do_not_pass_for_the_model(self):
        with tempfile.TemporaryDirectory() as folder:
            floats = pathlib.Path(folder) / "floats.gguf"
            made = ceiling("quantize", model(SMOLLM2), floats, "--type", "F16")
            self.assertEqual(made.code, 0, made.errors)
            text = DATA / "reference" / "README.md"
            result = ceiling(
                "tradeoff", floats, "--types", "Q8_0,F32", "--text", text, "--out", folder,
                "--json", "--blocks", "2", *QUICK[2:]
            )
            self.assertEqual((result.code, result.errors), (0, ""))
            report = result.json()
            self.assertEqual(report["reference_quantised_to"], "Q4_1")
            self.assertIn("itself quantised (Q4_1)", report["answer"])
            memory, eight, balance = report["statements"]
            self.assertEqual(memory["outcome"], "not supported")
            self.assertRegex(memory["because"], r"3\.7\d times")
            self.assertEqual([eight["outcome"], balance["outcome"]], ["not shown"] * 2)

    def test_bad_input(self):
        text = DATA / "reference" / "README.md"
        for part, arguments in (
            ("Q4_Z", ("--types", "Q4_Z", "--text", text)),
            ("named twice", ("--types", "Q8_0,Q8_0", "--text", text)),
            ("--types", ("--text", text)),
            ("none.txt", ("--types", "Q8_0", "--text", "/none.txt")),
        ):
            with self.subTest(part), tempfile.TemporaryDirectory() as folder:
                result = ceiling("tradeoff", model(SMOLLM2), *arguments, "--window", "64", "--out", folder)
                self.assertEqual((result.code, result.output), (2, ""), result.errors)
                self.assertIn(part, result.errors)
                self.assertEqual(list(pathlib.Path(folder).iterdir()), [])

    def test_a_text_too_short_is_told_before_files_are_made(self):
        with tempfile.TemporaryDirectory() as folder, tempfile.NamedTemporaryFile("w") as text:
            text.write("Too short.")
            text.flush()
            result = ceiling("tradeoff", model(SMOLLM2), "--types", "Q8_0", "--text", text.name, "--out", folder)
            self.assertEqual((result.code, result.output), (2, ""), result.errors)
            self.assertIn("fewer than one window", result.errors)
            self.assertEqual(list(pathlib.Path(folder).iterdir()), [])


if __name__ == "__main__":
    unittest.main()
