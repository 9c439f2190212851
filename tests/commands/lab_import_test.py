#!/usr/bin/env python3
"""`ceiling lab import`: figures of others, each judged by what it states."""
import pathlib
import tempfile
import unittest

from program import DATA, ceiling

PUBLISHED = pathlib.Path(__file__).resolve().parents[2] / "data" / "published.csv"


class Import(unittest.TestCase):
    def test_the_published_table(self):
        done = ceiling("lab", "import", PUBLISHED)
        self.assertEqual(done.code, 0, done.errors)
        self.assertIn("0 comparable", done.output)
        for reason in ("hash of the model file", "residency of the tensors", "power mode", "measured memory bandwidth"):
            self.assertIn(reason, done.output)
        self.assertLess(len(done.output.splitlines()), 120)

        (table,) = ceiling("lab", "import", PUBLISHED, "--json").json()
        summary = table["summary"]
        rows = len(PUBLISHED.read_text().splitlines()) - 1
        self.assertEqual(summary["figures"] + summary["broken"], rows)
        self.assertEqual(summary["figures"], len(table["figures"]))
        verdicts = ("comparable", "with reservations", "not comparable")
        self.assertEqual(sum(summary[v] for v in verdicts), summary["figures"])
        self.assertEqual(summary["missing"]["hash of the model file"], summary["figures"])
        for figure in table["figures"]:
            self.assertIn(figure["comparability"], verdicts)
            self.assertTrue(figure["missing"])

    def test_llama_bench(self):
        done = ceiling("lab", "import", DATA / "outside/llama-bench.json")
        self.assertEqual(done.code, 0, done.errors)
        self.assertIn("tg16 @ d128: 8 tokens/s: not comparable", done.output)
        self.assertIn("could not be read: [2]", done.output)

    def test_what_cannot_be_read_is_named(self):
        with tempfile.TemporaryDirectory() as folder:
            for text in ("", "a,b\n1,2\n", '[{"n_gen": 1', "\x00\x01"):
                path = pathlib.Path(folder) / "x"
                path.write_text(text)
                done = ceiling("lab", "import", path)
                self.assertEqual(done.code, 4, (text, done.output, done.errors))
                self.assertEqual(len(done.errors.splitlines()), 1)
        self.assertEqual(ceiling("lab", "import", "/no/such/file").code, 2)


if __name__ == "__main__":
    unittest.main()
