"""--device vulkan, auto, and prompts on one unit with answers on another. Without a driver they say so and are skipped."""
import unittest

from program import SMOLLM2, ceiling, model

PROMPT = ("run", "-m", model(SMOLLM2), "--raw", "-p", "The capital of France is", "-n", "6", "--temp", "0", "--json")



class Vulkan(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        first = ceiling("run", "-m", model(SMOLLM2), "-p", "Hi", "-n", "1", "--device", "vulkan")
        cls.missing = first.errors.strip() if first.code != 0 else None
        if cls.missing:
            assert first.code == 1 and "--device cpu" in first.errors, first.errors
            assert len(first.errors.strip().splitlines()) == 1, first.errors
            raise unittest.SkipTest(cls.missing)
        cls.expected = ceiling(*PROMPT).json()

    def test_it_answers_as_the_cpu_does(self):
        self.assertEqual(ceiling(*PROMPT, "--device", "vulkan").json()["tokens"], self.expected["tokens"])

    def test_prompts_and_answers_may_run_on_different_units(self):
        for prefill, decode in (("vulkan", "cpu"), ("cpu", "vulkan")):
            result = ceiling(*PROMPT, "--prefill-device", prefill, "--decode-device", decode)
            self.assertEqual(result.code, 0, result.errors)
            self.assertEqual(result.json()["tokens"], self.expected["tokens"], (prefill, decode))

    def test_auto_says_what_it_takes(self):
        result = ceiling(*PROMPT, "--device", "auto")
        self.assertEqual(result.code, 0, result.errors)
        line = result.errors.splitlines()[0]
        self.assertRegex(line, r"^device (cpu|vulkan|cuda): .* reads .* GB/s")
        if "llvmpipe" in line:  # software that computes on the CPU is never taken for a faster unit
            self.assertRegex(line, r"^device (cpu|cuda): .*llvmpipe.* computes on the CPU itself")

    def test_features_are_named(self):
        result = ceiling(*PROMPT, "--device", "vulkan", environment={"CEILING_VULKAN": "speed"})
        self.assertEqual(result.code, 2)
        self.assertIn("speed", result.errors)


if __name__ == "__main__":
    unittest.main()
