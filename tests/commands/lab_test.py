#!/usr/bin/env python3
"""`ceiling lab`, as a user runs it: on small plans, to its end, interrupted, killed, and tampered with."""
import csv
import json
import pathlib
import shutil
import signal
import subprocess
import tempfile
import time
import unittest

from program import BINARY, GEMMA3, SMOLLM2, ceiling, model


def cell(name, size, file, **more):
    small = {"prompt_tokens": 8, "least_tokens": 3, "most_tokens": 4}
    return {"id": name, "size": size, "type": "Q4", "model": {"kind": "file", "file": str(file)}, **small, **more}


def plan(folder, cells, blocks):
    """A plan file. Tests share their machine with others: that excludes nothing here."""
    path = pathlib.Path(folder) / "small.json"
    path.write_text(json.dumps({"format": "ceiling-plan/1", "blocks": blocks, "cells": cells, "seed": 11,
                                "exclusions": {"others_share_above": 1000, "throttle_events_above": 1e9}}))
    return path


def entries(run):
    path = pathlib.Path(run) / "ledger.jsonl"
    if not path.exists():
        return []
    lines = path.read_text().split("\n")[:-1]
    return [json.loads(line) for line in lines]


def of_type(run, name):
    return [entry for entry in entries(run) if entry["type"] == name]


class Lab(unittest.TestCase):
    def setUp(self):
        self.folder = pathlib.Path(tempfile.mkdtemp())
        self.addCleanup(shutil.rmtree, self.folder)
        self.out = self.folder / "run"

    def start(self, *arguments):
        process = subprocess.Popen([BINARY, "lab", *map(str, arguments)], stdin=subprocess.DEVNULL,
                                   stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)
        self.addCleanup(process.stdout.close)
        self.addCleanup(process.stderr.close)
        return process

    def wait_for_trials(self, process, count):
        until = time.monotonic() + 120
        while len(of_type(self.out, "trial")) < count:
            self.assertIsNone(process.poll(), "the lab ended before it was interrupted")
            self.assertLess(time.monotonic(), until, "no trial was recorded in two minutes")
            time.sleep(0.02)

    def two_cells(self, blocks):
        return plan(self.folder, [cell("smol", "135M", model(SMOLLM2)), cell("gemma", "270M", model(GEMMA3))], blocks)

    def test_from_plan_to_report(self):
        done = ceiling("lab", "--plan", self.two_cells(2), "--out", self.out, "--predict", "135M=80:60-110",
                       "--predict", "gemma=33")
        self.assertEqual(done.code, 0, done.errors)
        self.assertIn("6 trials", done.output)
        summary = done.output[done.output.index("270M at Q4 makes"):]
        self.assertLessEqual(len(summary.splitlines()), 20)
        self.assertIn("No verdict", summary)
        self.assertTrue(summary.rstrip().endswith(f"Report: {self.out}/report.html"))

        # The order is the seed's, each cell in each block, the reference at both ends.
        order = [entry["data"]["cell"] for entry in of_type(self.out, "trial")]
        self.assertEqual(order, ["smol", "gemma", "smol"] * 2)
        # Each trial's own physics: bytes a token times speed over the probe is the share.
        with (self.out / "results.csv").open(newline="") as file:
            rows = list(csv.DictReader(file))
        self.assertEqual(len(rows), 6)
        for row in rows:
            share = (float(row["tokens_per_s"]) * float(row["bytes_per_token"])
                     / (float(row["memory_gb_per_s"]) * 1e9))
            self.assertAlmostEqual(share, float(row["share_of_ceiling"]), places=9)
            self.assertEqual(row["weights"], "real")
        page = (self.out / "report.html").read_text()
        for part in ("no verdict", "The module’s claims", "135M at Q4", "user", "What must agree", "prefers-color-scheme"):
            self.assertIn(part, page)
        self.assertEqual(ceiling("lab", "verify", self.out).code, 0)

        # What was sealed is what was said.
        said = {p["cell"]: p["median"] for p in json.loads((self.out / "plan.json").read_text())["predictions"]
                if p["by"] == "user"}
        self.assertEqual(said, {"smol": 80, "gemma": 33})
        self.compare()
        self.tamper()

    def compare(self):
        same = ceiling("compare", self.out, self.out, "--json")
        self.assertEqual(same.code, 0, same.errors)
        cells = json.loads(same.output)[0]["cells"]
        self.assertEqual([cell["cell"] for cell in cells], ["smol", "gemma"])
        for cell in cells:
            self.assertAlmostEqual(cell["speed"]["value"], 1, places=9)
            self.assertEqual(cell["p_holm"], 1)
        self.assertEqual(ceiling("compare", self.out, self.out, "--vary", "weather").code, 2)

    def tamper(self):
        ledger = self.out / "ledger.jsonl"
        text = ledger.read_text()
        lines = text.splitlines(keepends=True)

        def verify_with(changed, expected):
            ledger.write_text("".join(changed))
            found = ceiling("lab", "verify", self.out)
            self.assertEqual(found.code, 4, found.output)
            self.assertIn(expected, found.output)

        digit = text.index('"prefill_s":0.') + len('"prefill_s":0.') + 2
        verify_with(text[:digit] + str((int(text[digit]) + 1) % 10) + text[digit + 1:], "does not match its hash")
        verify_with(lines[:4] + lines[5:], "line 5")
        verify_with(lines[:4] + [lines[5], lines[4]] + lines[6:], "reordered")
        verify_with(lines[:6] + [lines[5]] + lines[6:], "a line was added")
        verify_with(lines[:-2], "last lines were removed")
        ledger.write_text(text)

        plan_file = self.out / "plan.json"
        sealed = plan_file.read_text()
        plan_file.write_text(sealed.replace('"median": 33', '"median": 31'))
        found = ceiling("lab", "verify", self.out)
        self.assertEqual(found.code, 4)
        self.assertIn("not the plan that was sealed", found.output)
        self.assertEqual(ceiling("lab", "report", self.out).code, 4)
        plan_file.write_text(sealed)

        (self.out / "report.html").write_text("<p>12 tokens/s</p>")
        self.assertEqual(ceiling("lab", "verify", self.out).code, 4)
        self.assertEqual(ceiling("lab", "report", self.out).code, 0)
        self.assertEqual(ceiling("lab", "verify", self.out).code, 0)

    def refused_until_finished(self):
        for command in ("reveal", "report"):
            asked = ceiling("lab", command, self.out)
            self.assertEqual(asked.code, 3, asked.output)
            self.assertNotIn("61.5", asked.output + asked.errors)
        self.assertEqual(ceiling("lab", "verify", self.out).code, 3)
        self.assertEqual(ceiling("compare", self.out, self.out).code, 3)
        self.assertFalse(list(self.out.glob("report.*")) + list(self.out.glob("results.*")))

    def test_interrupted_and_killed_it_goes_on(self):
        process = self.start("--plan", self.two_cells(2), "--out", self.out, "--predict", "gemma=61.5")
        self.wait_for_trials(process, 1)
        self.refused_until_finished()
        second = ceiling("lab", "--resume", self.out)
        self.assertEqual(second.code, 3, "two runs in one folder")
        process.send_signal(signal.SIGINT)
        _, errors = process.communicate(timeout=60)
        self.assertEqual(process.returncode, 130, errors)
        self.assertIn(f"ceiling lab --resume {self.out}", errors)

        before = len(of_type(self.out, "trial"))
        process = self.start("--resume", self.out)
        self.wait_for_trials(process, before + 1)
        process.kill()
        process.wait()
        self.assertIn("not finished", ceiling("lab", "status", self.out).output)
        self.refused_until_finished()

        done = ceiling("lab", "--resume", self.out)
        self.assertEqual(done.code, 0, done.errors)
        self.assertEqual([entry["data"]["cell"] for entry in of_type(self.out, "trial")],
                         ["smol", "gemma", "smol"] * 2)
        self.assertEqual(len(of_type(self.out, "resumed")), 2)
        self.assertEqual(ceiling("lab", "verify", self.out).code, 0)
        self.assertIn("resumed after", (self.out / "report.md").read_text())
        again = ceiling("lab", "--resume", self.out)  # finished: shows the answer again
        self.assertEqual(again.code, 0, again.errors)

    def test_step_by_step(self):
        one = plan(self.folder, [cell("smol", "135M", model(SMOLLM2))], 1)
        self.assertEqual(ceiling("lab", "plan", "--plan", one, "--out", self.out).code, 0)
        self.assertIn("not sealed", ceiling("lab", "status", self.out).output)
        self.assertEqual(ceiling("lab", "run", self.out).code, 3)
        sealed = ceiling("lab", "seal", self.out)
        self.assertEqual(sealed.code, 0, sealed.errors)
        self.assertEqual(ceiling("lab", "seal", self.out).code, 3)
        self.assertIn("0 of 1 trials", ceiling("lab", "status", self.out).output)
        ran = ceiling("lab", "run", self.out)
        self.assertEqual(ran.code, 0, ran.errors)
        self.assertIn(of_type(self.out, "sealed")[0]["data"]["digest"], sealed.output)
        self.assertEqual(ceiling("lab", "reveal", self.out).code, 0)

    @unittest.skipUnless(shutil.which("ssh-keygen"), "ssh-keygen is not installed")
    def test_a_signature_says_who_sealed(self):
        key, signers = self.folder / "key", self.folder / "signers"
        subprocess.run(["ssh-keygen", "-q", "-t", "ed25519", "-N", "", "-f", key], check=True)
        signers.write_text("ada@example.org " + key.with_suffix(".pub").read_text())
        one = plan(self.folder, [cell("smol", "135M", model(SMOLLM2))], 1)
        self.assertEqual(ceiling("lab", "plan", "--plan", one, "--out", self.out).code, 0)
        sealed = ceiling("lab", "seal", self.out, "--sign", key)
        self.assertEqual(sealed.code, 0, sealed.errors)

        def verify(who):
            return ceiling("lab", "verify", self.out, "--signers", signers, "--signer", who)

        good = verify("ada@example.org")
        self.assertIn("ok: the seal is signed by ada@example.org", good.output)
        self.assertEqual(good.code, 3)  # sound, and not finished
        self.assertEqual(verify("eve@example.org").code, 4)
        text = self.out / "seal.txt"
        text.write_text(text.read_text().replace("seal ", "seal 0"))
        forged = verify("ada@example.org")
        self.assertEqual(forged.code, 4)
        self.assertIn("not this run's seal", forged.errors)
        missing = ceiling("lab", "seal", self.out, "--sign", self.folder / "no-key")
        self.assertEqual(missing.code, 1, missing.output)

    def test_synthetic_weights_are_labelled_and_kept(self):
        synthetic = {"id": "0.5B-Q4_0", "size": "0.5B", "type": "Q4_0", "prompt_tokens": 4, "least_tokens": 2,
                     "most_tokens": 2,
                     "model": {"kind": "synthetic", "shape": "0.5B", "recipe": "Q4_0", "vocabulary": 1024}}
        models = self.folder / "models"
        done = ceiling("lab", "--plan", plan(self.folder, [synthetic], 1), "--out", self.out,
                       environment={"CEILING_MODELS": str(models)})
        self.assertEqual(done.code, 0, done.errors)
        self.assertIn("speed only", done.output)
        self.assertIn("synthetic: speed only", (self.out / "results.csv").read_text())
        self.assertEqual(len(list(models.glob("synthetic-0.5B-Q4_0-*.gguf"))), 1)
        # A file that was changed in between is found.
        made = next(models.glob("*.gguf"))
        with made.open("r+b") as file:
            file.seek(-1, 2)
            last = file.read(1)
            file.seek(-1, 2)
            file.write(bytes([last[0] ^ 1]))
        ledger = self.out / "ledger.jsonl"
        ledger.write_text("".join(ledger.read_text().splitlines(keepends=True)[:2]))  # only just started
        changed = ceiling("lab", "--resume", self.out, environment={"CEILING_MODELS": str(models)})
        self.assertEqual(changed.code, 4, changed.errors)
        self.assertIn("not the one that the run was started with", changed.errors)

    def test_a_cold_load_has_its_own_clock(self):
        smol = shutil.copy(model(SMOLLM2), self.folder / "smol.gguf")  # nobody else keeps its pages
        cells = [cell("smol", "135M", smol), cell("smol-cold", "135M", smol, work="cold-load")]
        done = ceiling("lab", "--plan", plan(self.folder, cells, 1), "--out", self.out)
        self.assertEqual(done.code, 0, done.errors)
        warm, cold, _ = [entry["data"]["result"] for entry in of_type(self.out, "trial")]
        self.assertEqual(cold["cell"], "smol-cold")
        self.assertLess(cold["cached_share"], 0.5)  # what was in the cache was evicted
        self.assertGreater(cold["load_s"], warm["load_s"])  # all its pages are in that clock
        self.assertEqual(cold["touch_s"], 0)
        self.assertIn("From cold, 135M at Q4 is in memory after", (self.out / "report.md").read_text())
        self.assertEqual(ceiling("lab", "verify", self.out).code, 0)

    def test_memory_of_others_is_taken_only_when_its_owner_says_so(self):
        cells = [cell("smol", "135M", model(SMOLLM2)),
                 cell("smol-full", "135M", model(SMOLLM2), work="fill", fill=0.9, fill_by="ballast")]
        refused = ceiling("lab", "--plan", plan(self.folder, cells, 1), "--out", self.out)
        self.assertEqual(refused.code, 3, refused.output)
        self.assertIn("--ballast", refused.errors)
        self.assertFalse((self.out / "ledger.jsonl").exists(), "nothing was sealed")
        self.assertEqual(ceiling("lab", "seal", self.out).code, 0)
        self.assertEqual(ceiling("lab", "run", self.out).code, 3)
        self.assertEqual(ceiling("lab", "--resume", self.out).code, 3)

    def test_watts_that_were_typed_in(self):
        one = plan(self.folder, [cell("smol", "135M", model(SMOLLM2))], 2)
        done = ceiling("lab", "--plan", one, "--out", self.out, "--watts", "48.5")
        self.assertEqual(done.code, 0, done.errors)
        self.assertEqual(json.loads((self.out / "plan.json").read_text())["machine"]["wall_watts"], 48.5)
        self.assertIn("48.5 W were typed in before the run", (self.out / "report.md").read_text())
        self.assertEqual(ceiling("lab", "verify", self.out).code, 0)
        self.assertEqual(ceiling("lab", "--plan", one, "--out", self.folder / "b", "--watts", "-3").code, 2)

    def test_what_is_wrong_is_named(self):
        one = plan(self.folder, [cell("smol", "135M", model(SMOLLM2))], 1)
        self.assertEqual(ceiling("lab", "--resume", self.folder / "nowhere").code, 2)
        wrong = ceiling("lab", "--plan", one, "--out", self.out, "--predict", "9B=3")
        self.assertEqual(wrong.code, 2)
        self.assertIn("there is no cell '9B'; this plan has smol", wrong.errors)
        self.assertFalse(self.out.exists(), "nothing half-written")
        one.write_text('{"format": "ceiling-plan/1", "cells": [{"id": "a"}]}')
        self.assertEqual(ceiling("lab", "--plan", one, "--out", self.out).code, 4)
        missing = plan(self.folder, [cell("smol", "135M", self.folder / "missing.gguf")], 1)
        gone = ceiling("lab", "--plan", missing, "--out", self.out)
        self.assertEqual(gone.code, 1)
        self.assertIn("missing.gguf", gone.errors)
        self.assertEqual(len(gone.errors.splitlines()), 1)
        self.assertEqual(ceiling("lab", "--blocks", "0").code, 2)


if __name__ == "__main__":
    unittest.main()
