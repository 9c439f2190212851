#!/usr/bin/env python3
"""`ceiling lab --engine`: other engines beside this program, under the same protocol; played by small fakes."""
import csv
import http.server
import json
import pathlib
import shutil
import tempfile
import threading
import time
import unittest

from program import SMOLLM2, ceiling, model

# Answers as llama-bench does, with a token of 10 ms.
FAKE_BENCH = """#!/usr/bin/env python3
import json, sys
if "--help" in sys.argv:
    sys.exit(0)
flags = dict(zip(sys.argv[1::2], sys.argv[2::2]))
prompt, generated = int(flags["-p"]), int(flags["-n"])
print(json.dumps([{"build_commit": "abc1234", "build_number": 7000, "backends": "CPU", "cpu_info": "Test CPU",
                   "n_threads": int(flags["-t"]), "n_prompt": prompt, "n_gen": generated,
                   "n_depth": int(flags.get("-d", 0)), "samples_ns": [generated * 10_000_000 + prompt * 1_000_000]}]))
"""


class FakeServer(http.server.BaseHTTPRequestHandler):
    """Completions, streamed: a token every 5 ms."""
    protocol_version = "HTTP/1.1"

    def log_message(self, *arguments):
        pass

    def answer(self, status, kind, body):
        self.send_response(status)
        self.send_header("Content-Type", kind)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def do_GET(self):
        self.answer(404, "text/plain", b"")

    def do_POST(self):
        asked = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
        if not asked["stream"]:
            return self.answer(200, "application/json", b'{"choices":[{"text":"x"}]}')
        self.send_response(200)
        self.send_header("Content-Type", "text/event-stream")
        self.send_header("Connection", "close")
        self.end_headers()
        for _ in range(asked["max_tokens"]):
            time.sleep(0.005)
            self.wfile.write(b'data: {"choices":[{"text":"x"}]}\n\n')
            self.wfile.flush()
        usage = {"choices": [], "usage": {"prompt_tokens": 9, "completion_tokens": asked["max_tokens"]}}
        self.wfile.write(b"data: " + json.dumps(usage).encode() + b"\n\ndata: [DONE]\n\n")


class Engines(unittest.TestCase):
    def setUp(self):
        self.folder = pathlib.Path(tempfile.mkdtemp())
        self.addCleanup(shutil.rmtree, self.folder)
        self.out = self.folder / "run"

    def plan(self, blocks=2):
        cell = {"id": "smol", "size": "135M", "type": "Q4_1", "model": {"kind": "file", "file": str(model(SMOLLM2))},
                "prompt_tokens": 8, "least_tokens": 3, "most_tokens": 4}
        path = self.folder / "small.json"
        path.write_text(json.dumps({"format": "ceiling-plan/1", "blocks": blocks, "cells": [cell], "seed": 5,
                                    "exclusions": {"others_share_above": 1000, "throttle_events_above": 1e9}}))
        return path

    def bench(self):
        path = self.folder / "llama-bench"
        path.write_text(FAKE_BENCH)
        path.chmod(0o755)
        return path

    def results(self):
        return [entry["data"]["result"] for line in (self.out / "ledger.jsonl").read_text().splitlines()
                if (entry := json.loads(line))["type"] == "trial"]

    def test_llama_bench_beside_this_program(self):
        done = ceiling("lab", "--plan", self.plan(), "--out", self.out, "--engine", f"llama-bench={self.bench()}")
        self.assertEqual(done.code, 0, done.errors)
        self.assertIn("135M at Q4_1, llama-bench: ", done.output)
        others = [r for r in self.results() if r["cell"] == "smol-llama-bench"]
        self.assertEqual(len(others), 2)
        for result in others:
            self.assertAlmostEqual(result["decoded"]["seconds"] / result["decoded"]["tokens"], 0.01)
            self.assertEqual(result["engine"], "llama.cpp abc1234 (7000), CPU")
            self.assertEqual({s["after_token"] for s in result["slices"]}, {0, result["decoded"]["tokens"]})
            self.assertIn("memory was read before and after, not between tokens", result["missing"])
            self.assertNotIn("first_token_s", result)
        with (self.out / "results.csv").open(newline="") as file:
            rows = [row for row in csv.DictReader(file) if row["cell"] == "smol-llama-bench"]
        for row in rows:
            self.assertAlmostEqual(float(row["tokens_per_s"]), 100, places=6)
            self.assertEqual(row["first_token_s"], "")
            self.assertGreater(float(row["share_of_ceiling"]), 0)
        started = json.loads((self.out / "ledger.jsonl").read_text().splitlines()[1])
        self.assertEqual(started["data"]["engines"][0]["cell"], "smol-llama-bench")
        self.assertIn("Other engines", (self.out / "report.html").read_text())
        self.assertEqual(ceiling("lab", "verify", self.out).code, 0)

    def test_a_server(self):
        with http.server.ThreadingHTTPServer(("127.0.0.1", 0), FakeServer) as server:
            threading.Thread(target=server.serve_forever, daemon=True).start()
            url = f"http://127.0.0.1:{server.server_address[1]}/v1"
            done = ceiling("lab", "--plan", self.plan(), "--out", self.out, "--engine", f"openai={url}", "--served",
                           "135M=some:135m")
            server.shutdown()
        self.assertEqual(done.code, 0, done.errors)
        others = [r for r in self.results() if r["cell"] == "smol-openai"]
        self.assertEqual(len(others), 2)
        for result in others:
            self.assertEqual(result["prompt_tokens"], 9)
            self.assertEqual(len(result["token_s"]), 4)
            self.assertGreater(result["first_token_s"], 0.005)
            self.assertNotIn("prefill_s", result)
            self.assertNotIn("others_share", result["conditions"])
            self.assertTrue(any("offers no unloading" in what for what in result["missing"]))
        self.assertEqual(ceiling("lab", "verify", self.out).code, 0)

    def test_an_engine_that_breaks_is_left_out_and_the_run_goes_on(self):
        bench = self.bench()
        bench.write_text(FAKE_BENCH.replace('print(', 'sys.exit("out of memory")\nprint('))
        done = ceiling("lab", "--plan", self.plan(3), "--out", self.out, "--engine", f"llama-bench={bench}")
        self.assertEqual(done.code, 0, done.errors)
        self.assertNotIn("smol-llama-bench", {r["cell"] for r in self.results()})
        self.assertIn("out of memory", (self.out / "report.md").read_text())
        self.assertEqual(ceiling("lab", "verify", self.out).code, 0)

    def test_what_is_wrong_is_found_before_the_run(self):
        plan = self.plan()
        for engine, code in (("vllm=x", 2), ("llama-bench", 2), (f"llama-bench={self.folder}/none", 1),
                             ("openai=http://127.0.0.1:9", 2), ("llama-cpp-python=/no/python", 1)):
            done = ceiling("lab", "plan", "--plan", plan, "--out", self.out, "--engine", engine)
            self.assertEqual(done.code, code, (engine, done.errors))
            self.assertEqual(len(done.errors.splitlines()), 1)
        for served in (["--served", "7B"], ["--served", "7B=x"]):
            self.assertEqual(ceiling("lab", "plan", "--plan", plan, "--out", self.out, *served).code, 2)
        dead = ceiling("lab", "plan", "--plan", plan, "--out", self.out, "--engine", "openai=http://127.0.0.1:9",
                       "--served", "135M=x")
        self.assertEqual(dead.code, 1, dead.errors)
        self.assertFalse(self.out.exists())


if __name__ == "__main__":
    unittest.main()
