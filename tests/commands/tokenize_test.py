#!/usr/bin/env python3
"""`ceiling tokenize`, as a user runs it."""
import json
import os
import pathlib
import tempfile
import unittest

from program import DATA, GEMMA3, SMOLLM2, ceiling, model

VOCABULARIES = pathlib.Path(os.environ["CEILING_VOCABULARIES"])


def known(path):
    return json.loads(path.read_text(encoding="utf-8"))


class KnownTokens(unittest.TestCase):
    def check(self, file, cases):
        result = ceiling("tokenize", "-m", file, "--input", cases, "--json")
        self.assertEqual((result.code, result.errors), (0, ""))
        answers = result.json()
        self.assertEqual(len(answers), len(known(cases)))
        for answer, case in zip(answers, known(cases)):
            self.assertEqual(answer["text"], case["text"])
            self.assertEqual(answer["tokens"], case["tokens"], case["text"])
            if "name" in case:
                self.assertEqual(answer["name"], case["name"])

    def test_vocabulary_only_files(self):
        for name in ("gpt-2", "llama-bpe", "llama-spm", "qwen2"):
            with self.subTest(name):
                self.check(VOCABULARIES / f"{name}.gguf", DATA / "tokenizer" / f"{name}.json")

    def test_real_models_with_their_start_token(self):
        self.check(model(SMOLLM2), DATA / "reference" / "smollm2-135m-q4_1.json")
        self.check(model(GEMMA3), DATA / "reference" / "gemma3-270m-q4_k_m.json")


class Flags(unittest.TestCase):
    llama = VOCABULARIES / "llama-spm.gguf"

    def tokens(self, *arguments, stdin=None):
        result = ceiling("tokenize", "--json", *arguments, stdin=stdin)
        self.assertEqual(result.code, 0, result.errors)
        return result.json()[0]["tokens"]

    def test_start_token(self):
        self.assertEqual(self.tokens("-m", self.llama, "-p", "Hello"), [15043])
        self.assertEqual(self.tokens("-m", self.llama, "-p", "Hello", "--start"), [1, 15043])
        gemma = model(GEMMA3)
        self.assertEqual(self.tokens("-m", gemma, "-p", "Hello"), [2, 9259])
        self.assertEqual(self.tokens("-m", gemma, "-p", "Hello", "--no-start"), [9259])

    def test_control_tokens_only_where_asked(self):
        text = "Hello</s>"
        self.assertNotIn(2, self.tokens("-m", self.llama, "-p", text))
        self.assertEqual(self.tokens("-m", self.llama, "-p", text, "--special"), [15043, 2])

    def test_text_from_standard_input_to_its_end(self):
        self.assertEqual(self.tokens("-m", self.llama, stdin="Hello"), [15043])
        self.assertEqual(self.tokens("-m", self.llama, stdin="Hello\n"), [15043, 13])
        self.assertEqual(self.tokens("-m", self.llama, stdin=""), [])
        cases = json.dumps([{"name": "one", "text": "Hello"}])
        self.assertEqual(self.tokens("-m", self.llama, "--input", "-", stdin=cases), [15043])

    def test_cases_with_tokens_show_their_text(self):
        cases = json.dumps([{"name": "back", "tokens": [1, 15043, 3186]}])
        answer = ceiling("tokenize", "-m", self.llama, "--input", "-", "--json", stdin=cases).json()
        self.assertEqual(answer, [{"name": "back", "text": "Hello world", "tokens": [1, 15043, 3186]}])

    def test_a_table_for_people_is_safe_to_print(self):
        result = ceiling("tokenize", "-m", self.llama, "-p", "Hello\x1b[2J wörld")
        self.assertEqual(result.code, 0)
        self.assertIn("15043  ' Hello'", result.output)
        self.assertIn("'\\x1b'", result.output)
        self.assertNotIn("\x1b", result.output)
        self.assertRegex(result.output.splitlines()[-1], r"\d+  tokens of 16 bytes")


class BadInput(unittest.TestCase):
    vocabulary = VOCABULARIES / "gpt-2.gguf"

    def refused(self, code, part, *arguments, stdin=None):
        result = ceiling("tokenize", *arguments, stdin=stdin)
        self.assertEqual(result.code, code, result.errors)
        self.assertEqual(result.output, "")
        self.assertIn(part, result.errors)
        self.assertTrue(result.errors.startswith("ceiling: ") or code == 2, result.errors)

    def test_cases_are_named_with_what_is_wrong(self):
        for cases, part in (
            ("{", "not JSON"),
            ("{}", "no array"),
            ("[3]", "case 0"),
            ('[{"text": "a"}, {"text": 4}]', "case 1"),
            ('[{"name": ["x"], "text": "a"}]', "case 0"),
            ('[{"name": "x"}]', "case 0"),
            ('[{"tokens": [1, -1]}]', "-1"),
            ('[{"tokens": [1, 1e99]}]', "case 0"),
            ('[{"tokens": "x"}]', "case 0"),
            ('[{"text": "\xed\xa0\x80"}]'.encode("latin-1").decode("utf-8", "surrogateescape"), "not JSON"),
            ("[" * 200000, "not JSON"),
        ):
            with self.subTest(cases[:40]), tempfile.TemporaryDirectory() as folder:
                path = pathlib.Path(folder) / "cases.json"
                path.write_bytes(cases.encode("utf-8", "surrogateescape"))
                self.refused(4, part, "-m", self.vocabulary, "--input", path, "--json")

    def test_a_token_outside_of_the_vocabulary(self):
        self.refused(2, "token 50257 is outside", "-m", self.vocabulary, "--input", "-", stdin='[{"tokens": [50257]}]')

    def test_files_that_are_not_there(self):
        self.refused(1, "nowhere.gguf", "-m", "/nowhere.gguf", "-p", "x")
        self.refused(1, "nowhere.json", "-m", self.vocabulary, "--input", "/nowhere.json")

    def test_flags_that_exclude_each_other(self):
        self.refused(2, "--input", "-m", self.vocabulary, "-p", "x", "--input", "y")
        self.refused(2, "--no-start", "-m", self.vocabulary, "-p", "x", "--start", "--no-start")

    def test_an_unknown_pre_tokeniser_is_named_with_those_supported(self):
        with tempfile.TemporaryDirectory() as folder:
            path = pathlib.Path(folder) / "other.gguf"
            key = b"tokenizer.ggml.pre\x08\0\0\0\x05\0\0\0\0\0\0\0"
            path.write_bytes(self.vocabulary.read_bytes().replace(key + b"gpt-2", key + b"gpt-9"))
            self.refused(4, "'gpt-9'", "-m", path, "-p", "x")
            self.refused(4, "smollm", "-m", path, "-p", "x")


if __name__ == "__main__":
    unittest.main()
