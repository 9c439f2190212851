#!/usr/bin/env python3
"""`ceiling quantize` and `ceiling eval`, as a user runs them on a real model."""
import pathlib
import struct
import tempfile
import unittest

import tiny_gguf
from program import DATA, SMOLLM2, ceiling, model

TEXT = DATA / "reference" / "README.md"


def long_text(folder):
    """English prose, repeated until it makes a few windows."""
    path = pathlib.Path(folder) / "text.txt"
    path.write_text(TEXT.read_text(encoding="utf-8") * 3, encoding="utf-8")
    return path


class RealModel(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        cls.folder = tempfile.TemporaryDirectory()
        cls.addClassCleanup(cls.folder.cleanup)
        cls.path = pathlib.Path(cls.folder.name)
        cls.text = long_text(cls.path)
        cls.source = model(SMOLLM2)
        cls.q8 = cls.path / "q8.gguf"
        cls.written = ceiling("quantize", cls.source, cls.q8, "--type", "Q8_0", "--json")

    def evaluated(self, *arguments):
        result = ceiling("eval", *arguments, "--text", self.text, "--window", "64", "--windows", "2", "--json")
        self.assertEqual(result.code, 0, result.errors)
        return result.json()

    def test_the_report_is_about_the_file_that_was_written(self):
        self.assertEqual((self.written.code, self.written.errors), (0, ""))
        report = self.written.json()
        self.assertEqual(report["bytes"], self.q8.stat().st_size)
        kinds = {tensor["to"] for tensor in report["tensors"]}
        self.assertEqual(kinds, {"F32", "Q8_0"})
        self.assertLess(report["mean_squared_error"] ** 0.5, 0.01 * report["weight_rms"])

    def test_eight_bits_cost_next_to_nothing(self):
        answer = self.evaluated(self.q8, "--reference", self.source)
        self.assertEqual((answer["windows"], answer["window"], answer["counted_tokens"]), (2, 64, 2 * 31))
        divergence = answer["divergence"]
        self.assertGreaterEqual(divergence["top_agreement"], 0.95)
        self.assertTrue(0 <= divergence["mean_kl"] < 0.01, divergence)
        ratio = answer["model"]["perplexity"] / answer["reference"]["perplexity"]
        self.assertTrue(0.95 < ratio < 1.05, answer)
        self.assertGreater(answer["model"]["perplexity_standard_error"], 0)

    def test_fewer_bits_cost_more_and_a_calibration_text_wins_some_back(self):
        plain, weighed = self.path / "plain.gguf", self.path / "weighed.gguf"
        done = ceiling("quantize", self.source, plain, "--type", "Q2_K")
        self.assertEqual((done.code, done.errors), (0, ""))
        self.assertIn("no block of the recipe's type fits their columns", done.output)
        importances = self.path / "importances.gguf"
        done = ceiling("quantize", self.source, weighed, "--type", "Q2_K", "--calibrate", self.text,
                       "--save-importances", importances)
        self.assertEqual((done.code, done.errors), (0, ""))
        self.assertEqual(importances.read_bytes()[:4], b"GGUF")
        cost = {
            name: self.evaluated(path, "--reference", self.source)["divergence"]["mean_kl"]
            for name, path in (("plain", plain), ("weighed", weighed))
        }
        self.assertGreater(cost["plain"], 0.02)
        self.assertLess(cost["weighed"], cost["plain"])

    def test_eval_for_people(self):
        result = ceiling("eval", self.q8, "--text", self.text, "--window", "64", "--windows", "1")
        self.assertEqual((result.code, result.errors), (0, ""))
        self.assertRegex(result.output, r"^perplexity [\d.]+ \+- [\d.]+ +\(1 windows of 64 tokens, .*31 tokens\)")


class BadInput(unittest.TestCase):
    def refused(self, code, part, *arguments):
        result = ceiling(*arguments)
        self.assertEqual((result.code, result.output), (code, ""), result.errors)
        self.assertIn(part, result.errors)
        self.assertTrue(result.errors.startswith("ceiling: "), result.errors)
        self.assertEqual(result.errors.count("\n"), 1, result.errors)

    def test_quantize(self):
        source = model(SMOLLM2)
        with tempfile.TemporaryDirectory() as folder:
            out = pathlib.Path(folder) / "out.gguf"
            self.refused(2, "Q4_K_M", "quantize", source, out, "--type", "Q4_Z")
            self.refused(2, "is the input file", "quantize", source, source, "--type", "Q8_0")
            self.refused(1, "nowhere.gguf", "quantize", "/nowhere.gguf", out, "--type", "Q8_0")
            self.refused(1, "/nowhere/out.gguf", "quantize", source, "/nowhere/out.gguf", "--type", "Q8_0")
            short = pathlib.Path(folder) / "short.txt"
            short.write_text("Too short.")
            for path in (source, out):
                self.refused(2, "reads or writes", "quantize", source, out, "--type", "Q8_0", "--calibrate", short,
                             "--save-importances", path)
            self.refused(2, "at least 16", "quantize", source, out, "--type", "Q8_0", "--calibrate", short)
            self.refused(1, "none.txt", "quantize", source, out, "--type", "Q8_0", "--calibrate", "/none.txt")
            self.assertEqual([path.name for path in pathlib.Path(folder).iterdir()], ["short.txt"])

    def test_a_weight_that_is_no_number(self):
        with tempfile.TemporaryDirectory() as folder:
            source = tiny_gguf.write(pathlib.Path(folder) / "source.gguf")
            data = bytearray(source.read_bytes())
            data[-8:-4] = struct.pack("<f", float("inf"))  # the last but one of output_norm.weight
            source.write_bytes(data)
            out, text = source.with_name("out.gguf"), source.with_name("text.txt")
            text.write_text("abcdefgh" * 20)
            self.refused(4, "'output_norm.weight': weight 30", "quantize", source, out, "--type", "Q8_0")
            self.assertFalse(out.exists())
            self.refused(4, "no number", "eval", source, "--text", text, "--window", "16")

    def test_eval(self):
        source = model(SMOLLM2)
        with tempfile.TemporaryDirectory() as folder:
            short = pathlib.Path(folder) / "short.txt"
            short.write_text("A few words are no window of 512 tokens.")
            self.refused(2, "fewer than one window of 512", "eval", source, "--text", short)
            self.refused(2, "window 9", "eval", source, "--text", short, "--window", "9")
            self.refused(1, "none.txt", "eval", source, "--text", "/none.txt")


if __name__ == "__main__":
    unittest.main()
