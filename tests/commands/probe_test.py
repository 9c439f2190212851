#!/usr/bin/env python3
"""`ceiling probe`, as a user runs it."""
import unittest

from program import SMOLLM2, ceiling, model


class Probe(unittest.TestCase):
    def test_json_holds_readings_that_could_be_true(self):
        result = ceiling("probe", "--quick", "--json", "-t", "1", "--file", model(SMOLLM2))
        self.assertEqual((result.code, result.errors), (0, ""))
        report = result.json()
        self.assertEqual(report["schema"], "ceiling.probe.1")
        memory, file = report["bandwidth"]
        self.assertEqual((memory["source"], file["source"]), ("memory", "file"))
        for reading in (memory, file):
            rate = reading["gb_per_s"]
            self.assertGreater(rate["p05"], 0.05)
            self.assertLess(rate["p95"], 2000)  # no core reads faster
            self.assertLessEqual(rate["p05"], rate["median"])
            self.assertGreaterEqual(len(rate["sorted"]), 9)
        kinds = [reading["arithmetic"] for reading in report["compute"]]
        self.assertEqual(kinds[0], "float32")
        self.assertEqual(kinds[-1], "int8")
        before, after = report["conditions"]["before"], report["conditions"]["after"]
        self.assertGreater(after["monotonic_s"], before["monotonic_s"])
        for warning in report["warnings"]:
            self.assertTrue(warning["what"] and warning["remedy"])

    def test_wrong_use_is_said_so(self):
        self.assertEqual(ceiling("probe", "-t", "0").code, 2)
        many = ceiling("probe", "-t", "4096")
        self.assertEqual(many.code, 2)
        self.assertIn("give 1 to", many.errors)
        missing = ceiling("probe", "--file", "/no/such/model.gguf")
        self.assertEqual((missing.code, missing.output), (1, ""))
        self.assertIn("/no/such/model.gguf", missing.errors)


if __name__ == "__main__":
    unittest.main()
