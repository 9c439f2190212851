#!/usr/bin/env python3
"""`ceiling inspect`, as a user runs it."""
import hashlib
import os
import pathlib
import struct
import tempfile
import unittest

from program import DATA, GEMMA3, SMOLLM2, ceiling, model, models_folder


def text(value):
    raw = value.encode() if isinstance(value, str) else value
    return struct.pack("<Q", len(raw)) + raw


def gguf(tensors=b"", tensor_count=0, keys=b"", key_count=0, version=3):
    return b"GGUF" + struct.pack("<IQQ", version, tensor_count, key_count) + keys + tensors


class RealModels(unittest.TestCase):
    def test_smollm2_json(self):
        path = model(SMOLLM2)
        facts = ceiling("inspect", path, "--json", "--sha256").json()
        self.assertEqual(facts["file"]["bytes"], path.stat().st_size)
        self.assertEqual(facts["file"]["sha256"], hashlib.sha256(path.read_bytes()).hexdigest())
        self.assertEqual(facts["architecture"], "llama")
        self.assertEqual(facts["licence"], "apache-2.0")
        self.assertEqual(facts["recipe"], "Q4_1")
        self.assertFalse(facts["synthetic"])
        self.assertEqual(facts["parameters"], 134515008)
        self.assertEqual({t["type"]: t["tensors"] for t in facts["types"]}, {"Q4_1": 210, "Q8_0": 1, "F32": 61})
        self.assertEqual(sum(t["bytes"] for t in facts["types"]), facts["tensor_bytes"])
        self.assertEqual(facts["tokenizer"]["chat_format"], "chatml")
        # Tied embeddings: every byte of every tensor is read once a token.
        reads = facts["read_per_token"]
        self.assertTrue(reads["tied_embeddings"])
        self.assertEqual(reads["weight_bytes"], facts["tensor_bytes"])
        # 30 layers, 3 heads of 64 for keys and as many for values, 2 bytes each.
        self.assertEqual(reads["kv_bytes_added_per_token"], 30 * 2 * 3 * 64 * 2)
        tokens = facts["metadata"]["tokenizer.ggml.tokens"]["value"]
        self.assertEqual((tokens["element"], tokens["count"], len(tokens["first"])), ("string", 49152, 16))
        self.assertNotIn("tensors", facts)

    def test_tensors_lie_where_it_says(self):
        path = model(GEMMA3)
        facts = ceiling("inspect", "-m", path, "--tensors", "--json").json()
        self.assertEqual(len(facts["tensors"]), facts["tensor_count"])
        self.assertEqual(sum(t["bytes"] for t in facts["tensors"]), facts["tensor_bytes"])
        norm = next(t for t in facts["tensors"] if t["name"] == "output_norm.weight")
        self.assertEqual((norm["type"], norm["shape"]), ("F32", [640]))
        with open(path, "rb") as file:
            file.seek(norm["offset"])
            weights = struct.unpack("<640f", file.read(norm["bytes"]))
        self.assertTrue(all(-1000 < w < 1000 for w in weights) and any(w > 1 for w in weights))

    def test_text_for_a_person(self):
        shown = ceiling("inspect", model(GEMMA3)).output
        for part in ("gemma3: 18 layers", "268 million", "Q4_K_M", "262144 tokens", "Read for each generated token"):
            self.assertIn(part, shown)
        self.assertLessEqual(max(map(len, shown.splitlines())), 160)
        self.assertNotIn("\x1b", shown)

    def test_a_name_instead_of_a_path(self):
        with models_folder(SMOLLM2) as environment:
            shown = ceiling("inspect", "smollm2", environment=environment)
        self.assertEqual(shown.code, 0, shown.errors)
        self.assertIn("chatml", shown.output)


class OtherFiles(unittest.TestCase):
    def setUp(self):
        self.folder = tempfile.TemporaryDirectory()
        self.addCleanup(self.folder.cleanup)

    def file(self, content, name="t.gguf"):
        path = pathlib.Path(self.folder.name) / name
        path.write_bytes(content)
        return path

    def refused(self, path, code, *parts):
        result = ceiling("inspect", path)
        self.assertEqual(result.code, code, result.errors)
        self.assertEqual(result.output, "")
        self.assertEqual(result.errors.count("\n"), 1, result.errors)  # one line
        for part in ("ceiling: ", *parts):
            self.assertIn(part, result.errors)

    def test_sound_but_unknown_architecture_is_described(self):
        keys = text("general.architecture") + struct.pack("<I", 8) + text("mamba")
        facts = ceiling("inspect", self.file(gguf(keys=keys, key_count=1)), "--json").json()
        self.assertEqual(facts["architecture"], "mamba")
        self.assertFalse(facts["program"]["runs"])
        self.assertIn("mamba", facts["program"]["reason"])
        self.assertIn("llama", facts["program"]["reason"])
        self.assertIsNone(facts["read_per_token"])

    def test_synthetic_weights_are_labelled(self):
        keys = text("ceiling.synthetic") + struct.pack("<IB", 7, 1)
        path = self.file(gguf(keys=keys, key_count=1))
        self.assertIn("synthetic: random numbers, for speed only", ceiling("inspect", path).output)
        self.assertTrue(ceiling("inspect", path, "--json").json()["synthetic"])

    def test_vocabulary_only(self):
        result = ceiling("inspect", DATA / "gguf" / "vocabulary.gguf")
        self.assertEqual(result.code, 0, result.errors)
        self.assertIn("a vocabulary without weights", result.output)
        self.assertIn("3 tokens", result.output)

    def test_values_of_every_type(self):
        keys = ceiling("inspect", DATA / "gguf" / "small.gguf", "--json").json()["metadata"]
        self.assertEqual(keys["test.i64"], {"type": "i64", "value": -(1 << 60)})
        self.assertEqual(keys["test.bool"], {"type": "bool", "value": True})
        self.assertEqual(keys["test.string"]["value"], "caf\u00e9 \u2603")
        self.assertEqual(keys["test.strings"]["value"], {"element": "string", "count": 3, "first": ["a", "", "\u0120b"]})

    def test_text_from_the_file_cannot_steer_the_terminal(self):
        name = text("general.name") + struct.pack("<I", 8) + text(b"\x1b]0;owned\x07\xff\n")
        path = self.file(gguf(keys=name, key_count=1))
        shown = ceiling("inspect", path)
        self.assertEqual(shown.code, 0)
        self.assertNotIn("\x1b", shown.output)
        self.assertNotIn("\x07", shown.output)
        self.assertIn("\\x1b]0;owned", shown.output)
        self.assertIn("owned", ceiling("inspect", path, "--json").json()["name"])

    def test_damaged_files(self):
        whole = (DATA / "gguf" / "small.gguf").read_bytes()
        self.refused(self.file(whole[:700], "cut.gguf"), 4, "cut.gguf", "truncated")
        self.refused(self.file(b"PK\x03\x04" + bytes(100)), 4, "not a GGUF file")
        self.refused(self.file(gguf(key_count=1 << 60)), 4, "1152921504606846976 metadata keys")
        self.refused(self.file(gguf(version=4)), 1, "version 4")
        tensor = text("w") + struct.pack("<IQIQ", 1, 256, 16, 0)
        self.refused(self.file(gguf(tensors=tensor, tensor_count=1) + bytes(4096)), 1, "IQ2_XXS", "Q4_K")

    def test_files_that_cannot_be_read(self):
        self.refused(pathlib.Path(self.folder.name) / "none.gguf", 1, "none.gguf")
        self.refused(self.folder.name, 1, "not a regular file")
        self.refused(self.file(b""), 1, "empty")
        if os.geteuid() != 0:
            locked = self.file(gguf(), "locked.gguf")
            locked.chmod(0)
            self.refused(locked, 1, "permission")

    def test_wrong_usage(self):
        self.assertEqual(ceiling("inspect", "--frobnicate").code, 2)


unittest.main()
