#!/usr/bin/env python3
"""What goes wrong under a run of the lab, as its user sees it: exit code, message, and that nothing is lost."""
import os
import pathlib
import resource
import shutil
import subprocess
import tempfile
import time
import unittest

from lab_test import cell, of_type, plan
from program import BINARY, GEMMA3, SMOLLM2, ceiling, model

CLOCK = os.environ.get("CEILING_TEST_CLOCK", "")


class BadInput(unittest.TestCase):
    def setUp(self):
        self.folder = pathlib.Path(tempfile.mkdtemp())
        self.addCleanup(shutil.rmtree, self.folder, ignore_errors=True)
        self.out = self.folder / "run"

    def plan_of(self, blocks, smol=None):
        return plan(self.folder, [cell("smol", "135M", smol or model(SMOLLM2)), cell("gemma", "270M", model(GEMMA3))],
                    blocks)

    def start(self, *arguments, **more):
        process = subprocess.Popen([BINARY, "lab", *map(str, arguments)], stdin=subprocess.DEVNULL,
                                   stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, **more)
        self.addCleanup(process.stdout.close)
        self.addCleanup(process.stderr.close)
        return process

    def wait_for(self, process, kind, count):
        until = time.monotonic() + 120
        while len(of_type(self.out, kind)) < count:
            self.assertIsNone(process.poll(), "the lab ended too soon")
            self.assertLess(time.monotonic(), until, f"no {kind} was recorded in two minutes")
            time.sleep(0.01)

    def goes_on_to_the_end(self, order):
        done = ceiling("lab", "--resume", self.out)
        self.assertEqual(done.code, 0, done.errors)
        self.assertEqual([entry["data"]["cell"] for entry in of_type(self.out, "trial")], order)
        verified = ceiling("lab", "verify", self.out)
        self.assertEqual(verified.code, 0, verified.output + verified.errors)

    def interrupted_run(self):
        process = self.start("--plan", self.plan_of(3), "--out", self.out)
        self.wait_for(process, "trial", 2)
        process.kill()
        process.wait()

    def test_a_damaged_ledger_stops_a_run_that_would_go_on(self):
        self.interrupted_run()
        ledger = self.out / "ledger.jsonl"
        text = ledger.read_text()
        lines = text.splitlines(keepends=True)
        digit = text.index('"load_s":0.') + len('"load_s":0.') + 1
        damages = {
            "does not match its hash": text[:digit] + str((int(text[digit]) + 1) % 10) + text[digit + 1:],
            "lines were removed or reordered": "".join(lines[:2] + lines[3:]),
            "a line was added or reordered": "".join(lines[:3] + [lines[2]] + lines[3:]),
            "line 3": "".join(lines[:2] + [lines[3], lines[2]] + lines[4:]),
        }
        for message, damaged in damages.items():
            for command in (["--resume"], ["status"], ["report"], ["verify"]):
                with self.subTest(message=message, command=command[0]):
                    ledger.write_text(damaged)
                    found = ceiling("lab", *command, self.out)
                    self.assertEqual(found.code, 4, found.output + found.errors)
                    self.assertIn(message, found.output + found.errors)
                    self.assertEqual(ledger.read_text(), damaged, "evidence was changed")
        ledger.write_text(text)
        self.goes_on_to_the_end(["smol", "gemma", "smol"] * 3)

    def test_a_plan_changed_after_sealing(self):
        self.interrupted_run()
        sealed = (self.out / "plan.json").read_text()
        (self.out / "plan.json").write_text(sealed.replace('"blocks": 3', '"blocks": 2'))
        for command in ("--resume", "run", "status", "report", "verify"):
            found = ceiling("lab", command, self.out)
            self.assertEqual(found.code, 4, command)
            self.assertIn("the plan that was sealed", found.output + found.errors)
        (self.out / "plan.json").write_text(sealed)
        self.goes_on_to_the_end(["smol", "gemma", "smol"] * 3)

    def test_two_runs_in_one_folder(self):
        self.interrupted_run()
        before = {path.name: path.read_bytes() for path in self.out.iterdir()}
        second = ceiling("lab", "--plan", self.plan_of(1), "--out", self.out)
        self.assertEqual(second.code, 3, second.output)
        self.assertIn(f"go on with --resume {self.out}, or name another folder", second.errors)
        self.assertEqual({path.name: path.read_bytes() for path in self.out.iterdir()}, before)

    def changed_while_running(self, change):
        """The lab, ended by what `change` did to its model's file after the second trial; the file's first bytes."""
        smol = pathlib.Path(shutil.copy(model(SMOLLM2), self.folder / "smol.gguf"))
        whole = smol.read_bytes()
        process = self.start("--plan", self.plan_of(6, smol), "--out", self.out)
        self.wait_for(process, "trial", 2)
        change(smol)
        output, errors = process.communicate(timeout=120)
        return process.returncode, output, errors, smol, whole

    def test_a_model_that_changes_between_trials(self):
        def one_byte_at_the_old_time(smol):
            times = os.stat(smol)
            with smol.open("r+b") as file:
                file.seek(-4097, 2)
                byte = file.read(1)[0]
                file.seek(-4097, 2)
                file.write(bytes([byte ^ 1]))
            os.utime(smol, ns=(times.st_atime_ns, times.st_mtime_ns))

        code, _, errors, smol, whole = self.changed_while_running(one_byte_at_the_old_time)
        self.assertEqual(code, 4, errors)
        self.assertIn("'smol.gguf' is not the one that the run was started with: put it back", errors)
        recorded = len(of_type(self.out, "trial"))
        again = ceiling("lab", "--resume", self.out)
        self.assertEqual(again.code, 4, again.errors)
        self.assertEqual(len(of_type(self.out, "trial")), recorded, "measured on with another model")
        smol.write_bytes(whole)
        self.goes_on_to_the_end(["smol", "gemma", "smol"] * 6)
        self.assertIn("the model file of smol changed since the run was started", (self.out / "report.md").read_text())

    def test_a_model_that_is_copied_over_by_the_same_goes_on(self):
        def replace(smol):
            copy = shutil.copy(smol, self.folder / "copy.gguf")
            os.replace(copy, smol)

        code, output, errors, _, _ = self.changed_while_running(replace)
        self.assertEqual(code, 0, output + errors)
        self.assertFalse(of_type(self.out, "deviation"))
        self.assertIn("before the first trial and after the last", (self.out / "report.md").read_text())

    def test_a_model_that_is_taken_away(self):
        code, _, errors, smol, whole = self.changed_while_running(os.unlink)
        self.assertEqual(code, 1, errors)
        self.assertIn("smol.gguf", errors)
        smol.write_bytes(whole)
        done = ceiling("lab", "--resume", self.out)
        self.assertEqual(done.code, 0, done.errors)

    def test_a_file_that_may_not_grow_in_the_middle_of_a_block(self):
        def limit():
            resource.setrlimit(resource.RLIMIT_FSIZE, (14_000, 14_000))

        process = self.start("--plan", self.plan_of(3), "--out", self.out, preexec_fn=limit)
        _, errors = process.communicate(timeout=120)
        self.assertEqual(process.returncode, 1, errors)
        self.assertIn("ledger.jsonl': File too large; raise the limit of file size", errors)
        recorded = len(of_type(self.out, "trial"))
        self.assertGreater(recorded, 0)
        self.assertLess(recorded, 9)
        self.assertEqual(ceiling("lab", "verify", self.out).code, 3)  # sound, not finished
        self.goes_on_to_the_end(["smol", "gemma", "smol"] * 3)

    def test_a_disk_that_is_full_in_the_middle_of_a_block(self):
        disk = self.folder / "disk"
        disk.mkdir()
        mounted = subprocess.run(["mount", "-t", "tmpfs", "-o", "size=256k", "tmpfs", disk], capture_output=True,
                                 check=False)
        if mounted.returncode != 0:
            self.skipTest("no file system may be mounted here: " + mounted.stderr.decode())
        self.addCleanup(subprocess.run, ["umount", disk], check=True)
        self.out = disk / "run"
        process = self.start("--plan", self.plan_of(4), "--out", self.out)
        self.wait_for(process, "trial", 2)
        filler = disk / "filler"
        try:
            with filler.open("wb", buffering=0) as file:
                while True:
                    file.write(bytes(4096))
        except OSError:
            pass
        _, errors = process.communicate(timeout=120)
        self.assertEqual(process.returncode, 1, errors)
        self.assertIn("ledger.jsonl': No space left on device; free space there", errors)
        recorded = len(of_type(self.out, "trial"))
        self.assertGreaterEqual(recorded, 2)
        self.assertLess(recorded, 12)
        filler.unlink()
        self.goes_on_to_the_end(["smol", "gemma", "smol"] * 4)

    def with_clocks(self, command, slept_s=0, jump_s=0):
        once = self.folder / "once"
        once.touch()
        done = ceiling("lab", "--plan", self.plan_of(2), "--out", self.out,
                       environment={"LD_PRELOAD": CLOCK, "CLOCK_COMMAND": command, "CLOCK_ONCE": str(once),
                                    "CLOCK_SLEPT_S": str(slept_s), "CLOCK_JUMP_S": str(jump_s)})
        self.assertEqual(done.code, 0, done.errors)
        self.assertFalse(once.exists(), "no process saw the clocks change")
        verified = ceiling("lab", "verify", self.out)
        self.assertEqual(verified.code, 0, verified.output + verified.errors)
        return (self.out / "report.md").read_text()

    def excluded_once(self, why):
        trials = of_type(self.out, "trial")
        self.assertEqual([t["data"]["excluded"] for t in trials if t["data"]["excluded"]], [[why]])
        self.assertEqual([t["data"]["repeat"] for t in trials].count(True), 1)
        self.assertEqual(len(trials), 7)

    @unittest.skipUnless(CLOCK, "no library that changes clocks")
    def test_a_machine_that_sleeps_during_a_trial(self):
        report = self.with_clocks("trial", slept_s=600)
        self.excluded_once("the machine slept for 600.0 s")
        self.assertIn("excluded: the machine slept for 600.0 s", report)

    @unittest.skipUnless(CLOCK, "no library that changes clocks")
    def test_a_clock_that_jumps_during_a_trial(self):
        report = self.with_clocks("trial", jump_s=-3600)
        self.excluded_once("the wall clock jumped by -3600.0 s")
        self.assertIn("excluded: the wall clock jumped by -3600.0 s", report)

    @unittest.skipUnless(CLOCK, "no library that changes clocks")
    def test_a_machine_that_sleeps_between_trials(self):
        report = self.with_clocks("lab", slept_s=600)
        self.assertIn("the machine slept for 600.0 s between two trials", report)
        self.assertEqual(len(of_type(self.out, "trial")), 6)

    @unittest.skipUnless(CLOCK, "no library that changes clocks")
    def test_a_clock_that_jumps_between_trials(self):
        report = self.with_clocks("lab", jump_s=-7200)
        self.assertIn("the wall clock jumped by -7200.0 s between two trials", report)
        self.assertEqual(len(of_type(self.out, "trial")), 6)


if __name__ == "__main__":
    unittest.main()
