#!/usr/bin/env python3
"""Bare `ceiling`: what a stranger sees first."""
import re
import tempfile
import unittest

from program import SMOLLM2, ceiling, model


class FirstAnswer(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        cls.result = ceiling(environment={"CEILING_MODELS": str(model(SMOLLM2).parent)})

    def test_it_fits_a_screen_of_eighty_columns(self):
        self.assertEqual((self.result.code, self.result.errors), (0, ""))
        lines = self.result.output.splitlines()
        self.assertLessEqual(len(lines), 40)
        self.assertLessEqual(max(map(len, lines)), 80, max(lines, key=len))

    def test_the_ceiling_of_each_size_is_the_read_rate_over_its_bytes(self):
        rate = float(re.search(r"Its ceiling +([\d.]+) GB/s", self.result.output)[1])
        sizes = re.findall(r"^  ([\d.]+B) +([\d.]+) (MiB|GiB) .* ([\d.]+) +([\d.]+)-([\d.]+)$", self.result.output, re.M)
        self.assertGreaterEqual(len(sizes), 1)
        for name, amount, unit, most, low, high in sizes:
            read = float(amount) * {"MiB": 2**20, "GiB": 2**30}[unit]
            self.assertAlmostEqual(float(most) / (rate * 1e9 / read), 1, delta=0.03, msg=name)
            self.assertLess(float(low), float(high))
            self.assertLessEqual(float(high), float(most))

    def test_every_size_is_listed(self):
        for name in ("0.5B", "1B", "3B", "7B", "8B", "13B", "32B", "70B"):
            self.assertRegex(self.result.output, rf"(?m)^  {name} ")

    def test_one_sentence_with_its_share(self):
        self.assertRegex(self.result.output, r"[\d.]+ tokens/s: [\d.]+ GB/s, \d+ % of the ceiling")
        self.assertIn("./run chat", self.result.output)

    def test_without_a_model_it_says_how_to_get_one(self):
        with tempfile.TemporaryDirectory() as empty:
            result = ceiling(environment={"CEILING_MODELS": empty})
        self.assertEqual(result.code, 0, result.errors)
        self.assertIn("./run fetch", result.output)
        self.assertIn("Next", result.output)


if __name__ == "__main__":
    unittest.main()
