#!/usr/bin/env python3
"""`ceiling score` against exact float32 passes over the same weights (tests/data/reference)."""
import json
import pathlib
import tempfile
import unittest

import tiny_gguf
from program import DATA, GEMMA3, SMOLLM2, ceiling, model


def reference(name, folder="reference"):
    return DATA / folder / f"{name}.json"


class RealModels(unittest.TestCase):
    """Our products take int8 activations, the reference float32: equal but for rounding."""

    def check(self, file, name, folder="reference"):
        cases = reference(name, folder)
        result = ceiling("score", "-m", model(file), "--input", cases, "--json", timeout=600)
        self.assertEqual(result.code, 0, result.errors)
        scores, truths = result.json(), json.loads(cases.read_text())
        self.assertEqual([s["name"] for s in scores], [t["name"] for t in truths])
        nats = expected_nats = predicted = same = positions = 0
        for score, truth in zip(scores, truths):
            with self.subTest(truth["name"]):
                self.assertEqual(score["tokens"], truth["tokens"])
                self.assertEqual(len(score["argmax"]), len(truth["argmax"]))
                self.assertAlmostEqual(score["mean_nll"] / truth["mean_nll"], 1, delta=0.015)
                self.assertEqual(len(score["next_top10"]), 10)
                exact = dict(map(tuple, truth["next_top10"]))
                # Of ten nearly equal tokens the last may change places with the eleventh.
                self.assertGreaterEqual(len(exact.keys() & {token for token, _ in score["next_top10"]}), 7)
            count = len(truth["tokens"]) - 1
            nats += score["mean_nll"] * count
            expected_nats += truth["mean_nll"] * count
            predicted += count
            same += sum(ours == exact for ours, exact in zip(score["argmax"], truth["argmax"]))
            positions += len(truth["argmax"])
        self.assertAlmostEqual(nats / expected_nats, 1, delta=0.005)
        self.assertGreaterEqual(same / positions, 0.95)

    def test_smollm2(self):
        self.check(SMOLLM2, "smollm2-135m-q4_1")

    def test_gemma3(self):
        self.check(GEMMA3, "gemma3-270m-q4_k_m")

    def test_short_texts_of_many_kinds(self):
        self.check(SMOLLM2, "smollm2-135m-q4_1", "accuracy")
        self.check(GEMMA3, "gemma3-270m-q4_k_m", "accuracy")


class AgainstTheReferenceDevice(unittest.TestCase):
    def short_case(self):
        truth = json.loads(reference("smollm2-135m-q4_1").read_text())[0]
        return truth, json.dumps([{"name": "plain", "tokens": truth["tokens"]}])

    def test_divergence_is_small_and_told_for_each_position(self):
        truth, cases = self.short_case()
        score = ceiling("score", "-m", model(SMOLLM2), "--input", "-", "--json", "--against", "reference",
                        stdin=cases).json()[0]
        self.assertEqual(len(score["kl"]), len(truth["tokens"]))
        self.assertGreater(sum(score["kl"]), 0)
        self.assertLess(max(score["kl"]), 0.1)

    def test_the_reference_device_is_exact(self):
        truth, cases = self.short_case()
        score = ceiling("score", "-m", model(SMOLLM2), "--input", "-", "--json", "--device", "reference",
                        stdin=cases).json()[0]
        self.assertEqual(score["argmax"], truth["argmax"])
        self.assertAlmostEqual(score["mean_nll"], truth["mean_nll"], places=4)
        for (token, log_probability), (exact_token, exact) in zip(score["next_top10"], truth["next_top10"]):
            self.assertEqual(token, exact_token)
            self.assertAlmostEqual(log_probability, exact, places=3)

    def test_people_get_a_table(self):
        _, cases = self.short_case()
        result = ceiling("score", "-m", model(SMOLLM2), "--input", "-", "--against", "reference", stdin=cases)
        self.assertRegex(result.output, r"plain +5 +3\.\d+ +\d+\.\d+\n")
        self.assertRegex(result.output, r"KL divergence mean 0\.\d+")


class BadInput(unittest.TestCase):
    def test_what_cannot_be_scored(self):
        with tempfile.TemporaryDirectory() as folder:
            tiny = tiny_gguf.write(pathlib.Path(folder) / "tiny.gguf")
            for code, cases, part in (
                (4, "{", "not JSON"),
                (2, "[]", "no cases"),
                (2, '[{"name": "none", "text": ""}]', "'none' has no tokens"),
                (2, '[{"tokens": [1, 32]}]', "token 32 is outside"),
                (2, json.dumps([{"tokens": [1] * 65}]), "the model knows 64"),
            ):
                with self.subTest(part):
                    result = ceiling("score", "-m", tiny, "--input", "-", stdin=cases)
                    self.assertEqual(result.code, code, result.errors)
                    self.assertIn(part, result.errors)
                    self.assertEqual(result.output, "")


if __name__ == "__main__":
    unittest.main()
