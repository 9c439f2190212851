#!/usr/bin/env python3
"""`ceiling run`, as a user runs it."""
import pathlib
import signal
import subprocess
import tempfile
import unittest

import tiny_gguf
from program import BINARY, GEMMA3, SMOLLM2, ceiling, model, models_folder

SMOL = ("run", "-m", model(SMOLLM2), "--temp", "0")


class Answers(unittest.TestCase):
    def test_text_on_stdout_and_one_closing_line_on_stderr(self):
        result = ceiling(*SMOL, "--raw", "-p", "The capital of France is", "-n", "8")
        self.assertEqual(result.code, 0, result.errors)
        self.assertTrue(result.output.startswith(" Paris"), result.output)
        self.assertRegex(
            result.errors,
            r"^load [\d.]+ m?s, prefill 5 tokens at [\d.]+/s, decode 7 at [\d.]+/s: [\d.]+ GB/s, "
            r"\d+ % of the ceiling \([\d.]+ GB/s\)\n$",
        )

    def test_the_chat_format_is_used_unless_raw(self):
        question = "What is the capital of France?"
        chat = ceiling(*SMOL, "-p", question, "-n", "1", "--json").json()
        raw = ceiling(*SMOL, "-p", question, "-n", "1", "--json", "--raw").json()
        self.assertEqual(raw["prefill"]["tokens"], 7)
        self.assertGreater(chat["prefill"]["tokens"], 20)

    def test_json_holds_the_clocks_apart_and_adds_up(self):
        result = ceiling(*SMOL, "--raw", "-p", "One, two, three,", "-n", "12", "--json").json()
        self.assertEqual(len(result["tokens"]), 12)
        self.assertEqual(result["stop_reason"], "length")
        decode = result["decode"]
        self.assertEqual(decode["tokens"], 11)
        self.assertAlmostEqual(decode["tokens_per_s"], 11 / decode["seconds"], places=3)
        self.assertAlmostEqual(decode["gb_per_s"], decode["bytes"] / decode["seconds"] / 1e9, places=6)
        self.assertAlmostEqual(
            decode["share_of_ceiling"], decode["gb_per_s"] / result["ceiling_gb_per_s"], places=6)
        # Each token reads all of the weights: the file without its vocabulary, and a little KV.
        self.assertAlmostEqual(decode["bytes"] / 11 / 96.6e6, 1, delta=0.01)
        self.assertGreater(result["load_s"], 0)
        self.assertGreater(result["prefill"]["seconds"], 0)

    def test_same_seed_same_text(self):
        def text(seed):
            return ceiling("run", "-m", model(SMOLLM2), "-p", "Tell me a story.", "-n", "16", "--temp", "1.2",
                           "--seed", seed, "--json").json()["tokens"]
        self.assertEqual(text(5), text(5))
        self.assertNotEqual(text(5), text(6))

    def test_a_stop_text_ends_the_answer_before_it(self):
        arguments = (*SMOL, "--raw", "-p", "The capital of France is", "-n", "24", "--json")
        free = ceiling(*arguments).json()["text"]
        stop = free[6:9]
        result = ceiling(*arguments, "--stop", stop).json()
        self.assertEqual(result["text"], free[:free.index(stop)])
        self.assertEqual(result["stop_reason"], "stop text")

    def test_the_prompt_may_come_from_standard_input(self):
        result = ceiling(*SMOL, "--raw", "-p", "-", "-n", "2", "--json", stdin="The capital of France is")
        self.assertEqual(result.json()["prefill"]["tokens"], 5)

    def test_a_model_is_found_by_a_part_of_its_name(self):
        with models_folder(GEMMA3) as environment:
            result = ceiling("run", "-m", "GEMMA", "-p", "Hello", "-n", "1", environment=environment)
        self.assertEqual(result.code, 0, result.errors)

    def test_no_m_means_the_default_model(self):
        result = ceiling("run", "-p", "Hello", "-n", "1", environment={"CEILING_MODELS": str(model(SMOLLM2).parent)})
        self.assertEqual(result.code, 0, result.errors)

    def test_an_interrupt_stops_the_answer_and_says_so(self):
        process = subprocess.Popen([BINARY, *map(str, SMOL), "-p", "Write a long story.", "-c", "2048"],
                                   stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)
        process.stdout.read(1)
        process.send_signal(signal.SIGINT)
        _, errors = process.communicate(timeout=60)
        self.assertEqual(process.returncode, 130)
        self.assertIn("ceiling: interrupted\n", errors)


class BadInput(unittest.TestCase):
    def refused(self, code, parts, *arguments, environment=None):
        """One line that names the cause and the remedy, nothing on stdout, no file left behind."""
        result = ceiling("run", *arguments, environment=environment)
        self.assertEqual(result.code, code, result.errors)
        self.assertEqual(result.output, "")
        for part in parts:
            self.assertIn(part, result.errors)
        self.assertEqual(result.errors.count("\n"), 1, result.errors)
        self.assertTrue(result.errors.startswith("ceiling: "), result.errors)

    def setUp(self):
        folder = tempfile.TemporaryDirectory()
        self.addCleanup(folder.cleanup)
        self.folder = pathlib.Path(folder.name)

    def tiny(self, change=None, **arguments):
        entries = tiny_gguf.keys(**arguments)
        entries.update(change or {})
        return tiny_gguf.write(self.folder / "tiny.gguf", entries)

    def test_a_tiny_model_runs_at_all(self):
        result = ceiling("run", "-m", self.tiny(), "-p", "abc", "-n", "4", "--json")
        self.assertEqual(result.code, 0, result.errors)
        self.assertEqual(len(result.json()["tokens"]), 4)

    def test_an_empty_prompt(self):
        self.refused(2, ["prompt is empty", "-p"], "-m", self.tiny(), "-p", "")

    def test_a_prompt_of_zero_tokens(self):
        self.refused(2, ["no tokens"], "-m", self.tiny(), "-p", "Ü")

    def test_a_prompt_longer_than_the_context(self):
        self.refused(2, ["40 tokens do not fit", "-c"], "-m", self.tiny(), "-p", "a" * 40, "-c", "32")

    def test_a_full_context_ends_the_answer(self):
        result = ceiling("run", "-m", self.tiny(), "-p", "abc", "-c", "16", "--json").json()
        self.assertEqual(result["stop_reason"], "context full")
        self.assertEqual(len(result["tokens"]), 14)

    def test_a_context_beyond_the_models(self):
        self.refused(2, ["context of 65", "the model knows 64"], "-m", self.tiny(), "-p", "abc", "-c", "65")

    def test_a_context_beyond_the_memory(self):
        huge = self.tiny(context=4_000_000_000)
        self.refused(1, ["not enough memory", "KV cache", "-c"], "-m", huge, "-p", "abc", "-c", "4000000000")

    def test_a_missing_file(self):
        self.refused(1, ["/nowhere/model.gguf"], "-m", "/nowhere/model.gguf", "-p", "abc")

    def test_an_unknown_name_lists_those_there(self):
        self.tiny()
        self.refused(1, ["'nosuch'", "tiny.gguf"], "-m", "nosuch", "-p", "abc",
                     environment={"CEILING_MODELS": str(self.folder)})

    def test_an_ambiguous_name_lists_the_candidates(self):
        for name in ("model-a.gguf", "model-b.gguf"):
            tiny_gguf.write(self.folder / name)
        self.refused(2, ["model-a.gguf or model-b.gguf"], "-m", "model", "-p", "abc",
                     environment={"CEILING_MODELS": str(self.folder)})

    def test_the_default_model_not_fetched_yet(self):
        self.refused(1, ["SmolLM2", "./run fetch"], "-p", "abc", environment={"CEILING_MODELS": str(self.folder)})

    def test_an_unknown_architecture_lists_those_supported(self):
        self.refused(1, ["'perceptron'", "llama", "gemma3"], "-m", self.tiny(architecture="perceptron"), "-p", "abc")

    def test_a_file_that_is_no_model(self):
        path = self.folder / "text.gguf"
        path.write_text("not a model at all, but long enough to hold a header")
        self.refused(4, ["text.gguf"], "-m", path, "-p", "abc")

    def test_a_truncated_file(self):
        path = self.tiny()
        path.write_bytes(path.read_bytes()[:-100])
        self.refused(4, ["tiny.gguf"], "-m", path, "-p", "abc")

    def test_an_unknown_device_and_a_flag_out_of_range(self):
        for arguments in (("--device", "abacus"), ("-t", "0"), ("--kv", "q3"), ("--temp", "-1"), ("--top-p", "2")):
            with self.subTest(arguments):
                result = ceiling("run", "-m", self.tiny(), "-p", "abc", *arguments)
                self.assertEqual(result.code, 2, result.errors)
                self.assertNotEqual(result.errors, "")


if __name__ == "__main__":
    unittest.main()
