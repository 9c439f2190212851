"""`ceiling fit` as a user would run it: answers, comparisons, judged rows, bad input."""
import csv
import io
import json
import pathlib
import shutil
import statistics
import tempfile
import unittest

from program import DATA, ceiling
from tiny_gguf import keys, write as write_model

PUBLISHED = pathlib.Path(__file__).resolve().parents[2] / "data" / "published.csv"
COLUMNS = ["hardware", "engine", "engine_version", "backend", "model", "params_b", "quant", "file_size_gb", "test",
           "tokens_per_s"]


def rows_file(folder, rows):
    path = pathlib.Path(folder) / "rows.csv"
    text = io.StringIO()
    writer = csv.writer(text, lineterminator="\n")
    writer.writerow(COLUMNS)
    writer.writerows(rows)
    path.write_text(text.getvalue())
    return path


class Answers(unittest.TestCase):
    def test_a_machine_of_the_catalogue(self):
        result = ceiling("fit", "--hardware", "4090", "--shape", "70B", "--json")
        self.assertEqual(result.code, 0, result.errors)
        (answer,) = result.json()
        self.assertEqual(answer["inputs"]["hardware"], "RTX 4090")
        self.assertEqual(answer["verdict"], "spills")
        self.assertLess(answer["tokens_per_s"]["interval95"][0], answer["tokens_per_s"]["interval80"][0])
        self.assertGreater(answer["residency"]["spilled_bytes"], 10e9)
        self.assertIn("spilled", answer["reason"])

    def test_every_size_as_a_table(self):
        result = ceiling("fit", "--hardware", "Apple M4 Pro 20c")
        self.assertEqual(result.code, 0, result.errors)
        for word in ("70B", "tokens/s", "fits comfortably", "inputs"):
            self.assertIn(word, result.output)

    def test_overrides_change_the_answer(self):
        def speed(*more):
            return ceiling("fit", "--hardware", "4090", "--shape", "8B", "--json", *more).json()[0]["tokens_per_s"]["median"]

        self.assertGreater(speed("--bandwidth", "2000"), 1.2 * speed())
        self.assertLess(speed("--type", "F16"), speed())

    def test_every_input_can_be_overridden(self):
        def inputs(*more):
            result = ceiling("fit", "--hardware", "7950X", "--memory", "64GiB", "--shape", "8B", "--json", *more)
            self.assertEqual(result.code, 0, result.errors)
            return result.json()[0]

        plain = inputs()
        self.assertEqual(plain["inputs"]["threads"], 16)  # its cores, from the catalogue
        self.assertLess(inputs("--threads", "2")["tokens_per_s"]["median"], plain["tokens_per_s"]["median"])
        self.assertEqual(inputs("--usable", "20GiB")["memory"]["usable_bytes"], 20 << 30)
        self.assertEqual(inputs("--usable", "3GiB")["verdict"], "does not fit")
        text = ceiling("fit", "--hardware", "7950X", "--memory", "64GiB", "--shape", "8B").output
        for word in ("16 threads", "--usable", "--host-bandwidth", "KV f16", "first token"):
            self.assertIn(word, text)
        self.assertEqual(text.count("95 %:"), 2)  # of tokens a second and of the first token

    def test_a_recommendation(self):
        result = ceiling("fit", "--hardware", "RTX 4060", "--shape", "8B", "--recommend", "--json")
        daily, evaluation, small = result.json()
        self.assertEqual(daily["type"], "Q4_K_M")
        self.assertIsNone(evaluation["type"])
        self.assertIn("rms", small["quality"])

    def test_machines_that_reach_a_speed(self):
        found = ceiling("fit", "--want", "15", "--shape", "70B", "--json").json()
        names = [entry["inputs"]["hardware"] for entry in found]
        self.assertIn("H200 SXM 141GB", names)
        self.assertNotIn("RTX 4090", names)
        self.assertTrue(all(entry["tokens_per_s"]["median"] >= 15 for entry in found))

    def test_what_is_worth_improving(self):
        result = ceiling("fit", "--hardware", "4090", "--shape", "8B", "--what-if", "bandwidth=1.5x", "--what-if",
                         "fixed=0.5x")
        self.assertEqual(result.code, 0, result.errors)
        self.assertIn("all of them", result.output)
        for machine in (["--hardware", "4090"], ["--bandwidth", "30"]):  # of the catalogue, and this one
            answer = ceiling("fit", *machine, "--shape", "0.5B", "--json", "--what-if", "fixed=0.5x", "--what-if",
                             "compute=4x", "--what-if", "bandwidth=1.5x").json()
            before = answer["before"]
            for after, faster in zip(answer["after"], ("tokens_per_s", "first_token_s", "tokens_per_s")):
                old, new = before[faster]["median"], after[faster]["median"]
                self.assertGreater(old / new if faster == "first_token_s" else new / old, 1.01, (machine, after["change"]))

    def test_a_comparison_with_its_page(self):
        with tempfile.TemporaryDirectory() as folder:
            page = pathlib.Path(folder) / "page.html"
            result = ceiling("fit", "--compare", "RTX 4090,Apple M3 Ultra 80c", "--report", "--out", page)
            self.assertEqual(result.code, 0, result.errors)
            self.assertIn("no longer fits from", result.output)
            text = page.read_text()
            self.assertEqual(text.count('role="img"'), 6)  # three plots, each wide and narrow
            self.assertNotIn("<script", text)
            for told in ("At 70B,", "24.0 GiB", "384 GiB", "DDR5-5600"):  # the largest size; memory; what spills
                self.assertIn(told, text)
            for drawing in text.split("<svg")[1:]:
                self.assertLess(len(drawing.split("</svg>")[0]), 40_000)


class Files(unittest.TestCase):
    def test_the_front_of_a_file_is_enough(self):
        with tempfile.TemporaryDirectory() as folder:
            whole = pathlib.Path(folder) / "whole.gguf"
            write_model(whole, keys(context=64))
            data = whole.read_bytes()
            front = pathlib.Path(folder) / "front.gguf"
            front.write_bytes(data[: len(data) // 4])
            arguments = ["fit", "--hardware", "4090", "-c", "64", "-p", "16", "--json", "-m"]
            answers = [ceiling(*arguments, path) for path in (whole, front)]
            self.assertEqual([a.code for a in answers], [0, 0], answers[1].errors)
            self.assertEqual(answers[0].json()[0]["memory"], answers[1].json()[0]["memory"])
            front.write_bytes(data[:200])
            self.assertEqual(ceiling(*arguments, front).code, 4)


class Learning(unittest.TestCase):
    def setUp(self):
        folder = tempfile.TemporaryDirectory()
        self.addCleanup(folder.cleanup)
        self.run_folder = pathlib.Path(folder.name) / "run"
        shutil.copytree(DATA / "lab" / "run", self.run_folder)
        self.assertEqual(ceiling("lab", "report", self.run_folder).code, 0)

    def fit(self, *more):
        return ceiling("fit", "--bandwidth", "38.1", "--shape", "7B", "-p", "128", "--json", *more)

    def share(self, *more):
        result = self.fit(*more)
        self.assertEqual(result.code, 0, result.errors)
        answer = result.json()[0]
        return answer["tokens_per_s"]["median"] / answer["ceiling_tokens_per_s"]

    def test_a_lab_run_teaches_this_machine(self):
        with open(self.run_folder / "results.csv", newline="") as file:
            measured = statistics.median(float(row["share_of_ceiling"]) for row in csv.DictReader(file)
                                         if row["cell"] == "7B-Q4_K_M" and not row["excluded"])
        self.assertAlmostEqual(self.share("--lab", self.run_folder), measured, delta=0.05 * measured)
        self.assertGreater(abs(self.share() - measured), 0.05 * measured)
        result = self.fit("--lab", self.run_folder)
        self.assertIn("(4 cells)", result.json()[0]["inputs"]["speeds"])

    def test_the_page_of_an_earlier_version_changes_nothing(self):
        share = self.share("--lab", self.run_folder)
        (self.run_folder / "report.html").write_text("the page of an earlier version")
        (self.run_folder / "report.md").unlink()
        self.assertEqual(self.share("--lab", self.run_folder), share)
        self.assertEqual(ceiling("lab", "verify", self.run_folder).code, 4)

    def test_each_cell_is_told_from_the_others(self):
        result = ceiling("fit", "--lab", self.run_folder, "--leave-out", "--json")
        self.assertEqual(result.code, 0, result.errors)
        cells = result.json()["cells"]
        self.assertEqual([c["cell"] for c in cells if c["type_taught"]], ["1B-Q4_K_M", "7B-Q4_K_M"])
        for cell in cells:
            self.assertAlmostEqual(cell["error"], cell["predicted_share"] / cell["measured_share"] - 1, places=9)
        text = ceiling("fit", "--lab", self.run_folder, "--leave-out")
        self.assertRegex(text.output, r"\d of 2 cells whose type another model teaches within 5 %")
        self.assertEqual(ceiling("fit", "--leave-out").code, 2)

    def test_the_cache_s_type_changes_the_speed(self):
        def ask(kv):
            result = ceiling("fit", "--bandwidth", "8", "--shape", "7B", "-c", "4096", "-p", "3000", "--kv", kv, "--json")
            self.assertEqual(result.code, 0, result.errors)
            return result.json()[0]
        half, eight = ask("f16"), ask("q8_0")
        self.assertLess(eight["token_s"]["kv"], 0.7 * half["token_s"]["kv"])
        self.assertGreater(eight["tokens_per_s"]["median"], 1.05 * half["tokens_per_s"]["median"])
        self.assertEqual(eight["token_s"]["stream"], half["token_s"]["stream"])

    def test_a_run_that_was_changed_teaches_nothing(self):
        results = self.run_folder / "results.csv"
        text = results.read_bytes()
        results.write_bytes(text.replace(b",0.", b",0.1", 1))
        refused = self.fit("--lab", self.run_folder)
        self.assertEqual(refused.code, 4)
        self.assertIn("results.csv is not what the ledger gives", refused.errors)
        results.write_bytes(text)
        self.assertEqual(self.fit("--lab", self.run_folder).code, 0)
        ledger = self.run_folder / "ledger.jsonl"
        ledger.write_bytes(ledger.read_bytes().replace(b'"type":"trial"', b'"type":"trial "', 1))
        self.assertEqual(self.fit("--lab", self.run_folder).code, 4)


class Judging(unittest.TestCase):
    def test_published_rows(self):
        result = ceiling("fit", "--validate", PUBLISHED, "--json")
        self.assertEqual(result.code, 0, result.errors)
        answer = result.json()
        self.assertEqual(set(answer), {"rows", "summary"})
        with open(PUBLISHED, newline="") as file:
            published = list(csv.DictReader(file))
        self.assertEqual(len(answer["rows"]), len(published))
        for row, source in zip(answer["rows"], published):
            self.assertEqual(row["hardware"], source["hardware"])
            if row["predicted"] is None:
                self.assertTrue(row["reason"])
            else:
                self.assertAlmostEqual(row["error"], row["predicted"] / row["measured"] - 1, places=9)
                self.assertLessEqual(row["interval95"][0], row["interval80"][0])
        judgeable = [r for r, s in zip(answer["rows"], published)
                     if s["engine"] == "llama.cpp" and s["file_size_gb"]
                     and r.get("reason") not in ("several devices", "unknown hardware",
                                                 "the hardware's bandwidth is unknown")]
        predicted = sum(r["predicted"] is not None for r in judgeable)
        self.assertGreaterEqual(predicted / len(judgeable), 0.95)

    def test_broken_cells_are_named_and_the_rest_judged(self):
        good = ["RTX 4090", "llama.cpp", "b4008", "CUDA", "LLaMA 7B v2", "6.74", "Q4_0", "3.56 GiB", "tg128", "187"]
        with tempfile.TemporaryDirectory() as folder:
            path = rows_file(folder, [good, good[:9] + ["fast"], good[:7] + ["3.56 parsecs"] + good[8:], good])
            answer = ceiling("fit", "--validate", path, "--json").json()
        self.assertEqual([r["predicted"] is None for r in answer["rows"]], [False, True, True, False])
        broken = answer["summary"]["broken_cells"]
        self.assertEqual([(b["row"], b["column"]) for b in broken], [(3, "tokens_per_s"), (4, "file_size_gb")])

    def test_a_file_without_the_columns(self):
        with tempfile.TemporaryDirectory() as folder:
            path = pathlib.Path(folder) / "rows.csv"
            path.write_text("hardware,speed\nRTX 4090,3\n")
            result = ceiling("fit", "--validate", path, "--json")
        self.assertEqual(result.code, 4)
        self.assertIn("lacks", result.errors)


class BadInput(unittest.TestCase):
    def refused(self, *arguments):
        result = ceiling("fit", *arguments)
        self.assertEqual(result.code, 2, result.output)
        return result.errors + result.output

    def test_names(self):
        self.assertIn("RTX 4090", self.refused("--hardware", "RTX 4091", "--shape", "8B"))
        ambiguous = self.refused("--hardware", "m4 pro", "--shape", "8B")
        self.assertIn("Apple M4 Pro 16c; Apple M4 Pro 20c", ambiguous)
        unknown = self.refused("--hardware", "4090", "--shape", "Qwen3.5 8B")
        self.assertIn("Qwen3.5 9B", unknown)
        self.assertEqual(unknown.split("nearest are ")[1].split("; sizes")[0].count(";"), 2, unknown)  # three of them
        self.assertIn("RTX 4090; ", self.refused("--compare", "4090,RTX 4091"))
        self.assertIn("unknown", self.refused("--hardware", "4090", "--shape", "8B", "--type", "Q9"))

    def test_numbers(self):
        self.assertIn("4096", self.refused("--hardware", "4090", "--shape", "7B", "-c", "8192"))
        for arguments in (["--bandwidth", "0"], ["--bandwidth", "-5"], ["-c", "0"], ["--want", "-1"]):
            self.refused("--hardware", "4090", "--shape", "8B", *arguments)
        self.assertIn("'-5' is not a number above 0", self.refused("--hardware", "4090", "--bandwidth", "-5"))
        for option in ("--memory", "--host-memory"):
            self.assertIn("more than 0", self.refused("--hardware", "4090", "--shape", "8B", option, "0"))
            self.refused("--hardware", "4090", "--shape", "8B", option, "-5GiB")
        self.assertIn("bandwidth=1.5x", self.refused("--hardware", "4090", "--shape", "8B", "--what-if", "magic=2x"))

    def test_questions_that_lack_or_exclude_something(self):
        for question in (["--want", "15"], ["--hardware", "4090", "--what-if", "memory=48GiB"]):
            self.assertIn("--shape 70B or -m FILE", self.refused(*question))
        for two in (["--want", "15", "--recommend"], ["--compare", "4090", "--want", "15"], ["--compare", "4090", "--shape", "8B"],
                    ["--want", "15", "--shape", "8B", "--hardware", "4090"]):
            self.assertIn("excludes", self.refused(*two))
        self.refused("--hardware", "4090", "--shape", "8B", "--usable", "0")
        self.assertIn("more than there is", self.refused("--hardware", "4090", "--shape", "8B", "--usable", "48GiB"))
        self.assertIn("--hardware", self.refused("--shape", "8B", "--threads", "4", "--bandwidth", "30"))

    def test_a_backend_that_the_hardware_has_no_driver_for(self):
        self.assertIn("does not run on RTX 4090", self.refused("--hardware", "4090", "--shape", "8B", "--backend", "metal"))
        self.assertIn("expected cuda", self.refused("--hardware", "4090", "--shape", "8B", "--backend", "glide"))

    def test_a_full_name_is_found_by_its_words(self):
        for words, name in (("4090", "RTX 4090"), ("NVIDIA GeForce RTX 4090", "RTX 4090"), ("rtx4090", "RTX 4090"),
                            ("m4 pro 20c", "Apple M4 Pro 20c")):
            answer = ceiling("fit", "--hardware", words, "--shape", "8B", "--json").json()[0]
            self.assertEqual(answer["inputs"]["hardware"], name)

    def test_a_row_for_a_machine_that_is_missing(self):
        result = ceiling("fit", "--describe", "--bandwidth", "30.5")
        header, row = list(csv.reader(io.StringIO(result.output)))
        with open(PUBLISHED.parent / "hardware.csv", newline="") as file:
            self.assertEqual(header, next(csv.reader(file)))
        self.assertEqual(len(row), len(header))
        self.assertEqual(row[header.index("bandwidth_gb_s")], "30.5")


if __name__ == "__main__":
    unittest.main()
