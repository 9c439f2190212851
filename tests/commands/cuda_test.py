"""--device cuda where there is none, and the flags of a device's own memory."""
import unittest

from program import SMOLLM2, ceiling, model


class Cuda(unittest.TestCase):
    def test_without_a_device_it_says_what_to_do(self):
        result = ceiling("bench", "-m", model(SMOLLM2), "--device", "cuda", "-p", "8", "-n", "2", "-r", "1")
        if result.code == 0:
            self.skipTest("there is a device")
        self.assertEqual(result.code, 1)
        self.assertRegex(result.errors, "install|nvidia-smi|--device cpu")
        self.assertEqual(len(result.errors.strip().splitlines()), 1)
        self.assertEqual(result.output, "")

    def test_a_limit_is_for_memory_of_a_device(self):
        result = ceiling("run", "-m", model(SMOLLM2), "-p", "Hi", "-n", "1", "--device-memory", "1GiB")
        self.assertEqual(result.code, 2)
        self.assertIn("--device-memory", result.errors)

    def test_a_limit_is_a_size(self):
        result = ceiling("run", "-m", model(SMOLLM2), "-p", "Hi", "-n", "1", "--device-memory", "plenty")
        self.assertEqual(result.code, 2)
        self.assertIn("plenty", result.errors)

    def test_ways_to_spill_are_named(self):
        result = ceiling("run", "-m", model(SMOLLM2), "-p", "Hi", "-n", "1", "--spill", "overboard")
        self.assertEqual(result.code, 2)
        for part in ("--spill", "overboard", "stream"):
            self.assertIn(part, result.errors)

    def test_a_budget_below_one_layer(self):
        arguments = ("bench", "-m", model(SMOLLM2), "--device", "cuda", "-p", "0", "-n", "2", "-r", "1", "--device-memory", "1MiB")
        result = ceiling(*arguments, "--spill", "stream")
        if "--device cpu" in result.errors or "install" in result.errors:
            self.skipTest("there is no device")
        self.assertEqual(result.code, 1)
        for part in ("--device-memory", "--spill cpu"):
            self.assertIn(part, result.errors)
        result = ceiling(*arguments, "--json")
        self.assertEqual(result.code, 0, result.errors)
        self.assertEqual({part["unit"] for part in result.json()["placement"]}, {"cpu"})

    def test_no_spill_is_nothing_to_the_cpu(self):
        result = ceiling("run", "-m", model(SMOLLM2), "-p", "Hi", "-n", "1", "--no-spill", "--json")
        self.assertEqual(result.code, 0, result.errors)


if __name__ == "__main__":
    unittest.main()
