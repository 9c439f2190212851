#!/usr/bin/env python3
"""`ceiling bench`: that what it reports is consistent, never how fast it is."""
import hashlib
import os
import pathlib
import statistics
import tempfile
import unittest

import tiny_gguf
from program import GEMMA3, SMOLLM2, ceiling, model


def bench(*arguments, file=None):
    result = ceiling("bench", "-m", file or model(SMOLLM2), *arguments, "--json")
    assert result.code == 0, result.errors
    return result.json()


class Report(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        cls.report = bench("-p", "24", "-n", "16", "-r", "3", "--profile")
        cls.results = {result["test"]: result for result in cls.report["results"]}

    def test_the_tests_asked_for(self):
        self.assertEqual(list(self.results), ["pp24", "tg16"])
        for result in self.results.values():
            self.assertEqual(len(result["tokens_per_s"]["samples"]), 3)
            self.assertEqual(result["tokens_per_s"]["median"], statistics.median(result["tokens_per_s"]["samples"]))

    def test_rates_follow_from_bytes_and_time(self):
        for result in self.results.values():
            rate = result["bytes_per_token"] * result["tokens_per_s"]["median"] / 1e9
            self.assertAlmostEqual(result["gb_per_s"] / rate, 1, places=6)
            ceiling_rate = statistics.median(result["slices_gb_per_s"])
            self.assertAlmostEqual(result["mbu"], rate / ceiling_rate, places=6)

    def test_at_least_thirty_slices_between_the_tokens(self):
        self.assertGreaterEqual(len(self.results["tg16"]["slices_gb_per_s"]), 30)

    def test_a_decoded_token_reads_the_weights_once_and_a_prompt_shares_them(self):
        weights = self.report["model"]["weight_bytes"]
        self.assertAlmostEqual(self.results["tg16"]["bytes_per_token"] / weights, 1, delta=0.02)
        self.assertAlmostEqual(self.results["pp24"]["bytes_per_token"] * 24 / weights, 1, delta=0.02)

    def test_the_model_is_named_by_its_hash(self):
        path = model(SMOLLM2)
        self.assertEqual(self.report["model"]["sha256"], hashlib.sha256(path.read_bytes()).hexdigest())
        self.assertEqual(self.report["model"]["bytes"], path.stat().st_size)

    def test_weights_are_not_copied_and_memory_stays_below_its_bound(self):
        for report in (self.report, bench("-p", "8", "-n", "2", "-r", "1", file=model(GEMMA3))):
            memory = report["memory"]
            self.assertEqual(memory["weights_copied_bytes"], 0)
            bound = report["model"]["bytes"] + memory["kv_bytes"] + 150e6
            self.assertLess(memory["peak_resident_bytes"], bound)

    def test_the_profile_names_the_work_of_each_test(self):
        self.assertEqual([profile["test"] for profile in self.report["profile"]], ["pp24", "tg16"])
        decode = self.report["profile"][1]
        read = sum(kind["bytes_per_step"] for kind in decode["operations"])
        self.assertAlmostEqual(read / self.results["tg16"]["bytes_per_token"], 1, delta=0.02)

    def test_the_profile_accounts_for_the_time(self):
        # Another program may take the processor between two of the profiler's clocks: three tries.
        accounted = [bench("-p", "0", "-n", "16", "-r", "1", "--profile")["profile"][0]["accounted"] for _ in range(3)]
        self.assertGreaterEqual(max(accounted), 0.97)
        self.assertLessEqual(max(accounted), 1.001)


class Variants(unittest.TestCase):
    def test_depth_adds_the_kv_cache_that_is_read(self):
        near, far = bench("-p", "0", "-n", "2", "-d", "0,100", "-r", "1")["results"]
        self.assertEqual((near["test"], far["test"]), ("tg2", "tg2@d100"))
        # 30 layers of 3 heads of 64, keys and values in float16.
        self.assertAlmostEqual(far["bytes_per_token"] - near["bytes_per_token"], 100 * 30 * 3 * 64 * 2 * 2, delta=1)

    def test_sequences_share_the_weights(self):
        one = bench("-p", "0", "-n", "2", "-r", "1")["results"][0]
        four = bench("-p", "0", "-n", "2", "-r", "1", "--batch", "4")["results"][0]
        self.assertEqual(four["test"], "tg2@b4")
        self.assertAlmostEqual(four["bytes_per_token"] / one["bytes_per_token"], 0.25, delta=0.01)

    def test_a_list_of_threads_shows_the_knee(self):
        if len(os.sched_getaffinity(0)) < 2:
            self.skipTest("one processor has no knee")
        result = ceiling("bench", "-m", model(SMOLLM2), "-t", "1,2", "-p", "0", "-n", "4", "-r", "1")
        self.assertEqual(result.code, 0, result.errors)
        self.assertRegex(result.output, r"tg4: (1 thread gives|2 threads give) all but 3 % of the best")
        self.assertRegex(result.output, r"(?m)^tg4 +1 ")
        self.assertRegex(result.output, r"(?m)^tg4 +2 ")
        self.assertIn("weights copied 0 bytes", result.output)

    def test_a_changed_file_is_hashed_again(self):
        with tempfile.TemporaryDirectory() as folder:
            path = tiny_gguf.write(pathlib.Path(folder) / "tiny.gguf")
            for name in ("One", "Three"):
                tiny_gguf.write(path, {**tiny_gguf.keys(), "general.name": name})
                report = bench("-p", "2", "-n", "2", "-r", "1", file=path)
                self.assertEqual(report["model"]["sha256"], hashlib.sha256(path.read_bytes()).hexdigest())


class Load(unittest.TestCase):
    def setUp(self):
        folder = tempfile.TemporaryDirectory()
        self.addCleanup(folder.cleanup)
        self.copy = pathlib.Path(folder.name) / "copy.gguf"  # no other process has it mapped
        with open(self.copy, "wb") as file:
            file.write(model(SMOLLM2).read_bytes())
            os.fsync(file.fileno())  # pages that were never written cannot be evicted

    def test_warm_sessions_and_one_from_the_disk(self):
        load = bench("-p", "0", "-n", "2", "-r", "3", "--load", file=self.copy)["load"]
        self.assertEqual(len(load["warm"]), 3)
        for times in (*load["warm"], load["cold"]):
            for clock in ("ready_s", "first_step_s", "later_step_s"):
                self.assertGreater(times[clock], 0)
        brought_in = load["cached_after"] - load["cached_before"]
        self.assertAlmostEqual(load["disk_bytes"] / load["file_bytes"], max(brought_in, 0), delta=1e-6)
        seconds = load["cold"]["ready_s"] + load["cold"]["first_step_s"]
        self.assertAlmostEqual(load["disk_gb_per_s"] * seconds * 1e9, load["disk_bytes"], delta=2)

    def test_people_are_told(self):
        result = ceiling("bench", "-m", self.copy, "-p", "0", "-n", "2", "-r", "1", "--load")
        self.assertEqual(result.code, 0, result.errors)
        self.assertRegex(result.output, r"load: from the page cache ready after .+ first token .+ later steps")
        self.assertRegex(result.output, r"(?m)^from the disk")


class BadInput(unittest.TestCase):
    def test_what_cannot_be_measured(self):
        with tempfile.TemporaryDirectory() as folder:
            tiny = tiny_gguf.write(pathlib.Path(folder) / "tiny.gguf")
            for code, arguments, part in (
                (2, ("-p", "0", "-n", "0"), "nothing to measure"),
                (2, ("-p", "65"), "the model knows 64"),
                (2, ("-t", "100000", "-p", "2", "-n", "2"), "100000 threads"),
                (2, ("-r", "0"), "-r"),
                (2, ("-p", "x"), "-p"),
            ):
                with self.subTest(arguments):
                    result = ceiling("bench", "-m", tiny, *arguments)
                    self.assertEqual(result.code, code, result.errors)
                    self.assertIn(part, result.errors)


if __name__ == "__main__":
    unittest.main()
