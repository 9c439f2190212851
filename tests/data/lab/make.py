#!/usr/bin/env python3
"""Writes run/: a finished run of the lab on a machine of known truth, by docs/formats.md alone.

Nothing here is shared with the program: canonical JSON, seal, chain, seeded order and intervals are written a second
time, so that a mistake in one of them shows. `make.py` writes run/plan.json, run/nonce, run/ledger.jsonl and
expected.json.
"""
import hashlib
import json
import math
import pathlib
import random

HERE = pathlib.Path(__file__).parent
MASK = (1 << 64) - 1
T_975_4 = 2.7764451051977987  # Student's t, 4 degrees of freedom
NONCE = hashlib.sha256(b"a nonce for a test").hexdigest()


def canonical(value):
    """RFC 8785 for what is in here: ASCII names, and numbers whose repr is ECMAScript's."""
    def number(x):
        if isinstance(x, float) and x.is_integer() and abs(x) < 1e15:
            return str(int(x))
        if not isinstance(x, float):
            return str(x)
        text = repr(x)
        if "e" in text:  # Python writes 1e-07, ECMAScript 1e-7, and 0.00001 in full
            mantissa, exponent = text.split("e")
            power = int(exponent)
            if -7 < power < 0:
                digits = mantissa.replace(".", "").replace("-", "")
                return ("-" if x < 0 else "") + "0." + "0" * (-power - 1) + digits
            return f"{mantissa}e{power:+d}"
        return text

    if isinstance(value, dict):
        return "{" + ",".join(json.dumps(k) + ":" + canonical(value[k]) for k in sorted(value)) + "}"
    if isinstance(value, list):
        return "[" + ",".join(map(canonical, value)) + "]"
    if isinstance(value, bool) or value is None:
        return json.dumps(value)
    if isinstance(value, (int, float)):
        return number(value)
    return json.dumps(value, ensure_ascii=False)


def mersenne_twister_64(seed):
    """Matsumoto and Nishimura's MT19937-64."""
    n, m = 312, 156
    state = [seed]
    for i in range(1, n):
        state.append((6364136223846793005 * (state[-1] ^ (state[-1] >> 62)) + i) & MASK)
    index = n
    while True:
        if index == n:
            for i in range(n):
                x = (state[i] & 0xFFFFFFFF80000000) | (state[(i + 1) % n] & 0x7FFFFFFF)
                state[i] = state[(i + m) % n] ^ (x >> 1) ^ (0xB5026F5AA96619E9 if x & 1 else 0)
            index = 0
        y = state[index]
        index += 1
        y ^= (y >> 29) & 0x5555555555555555
        y ^= (y << 17) & 0x71D67FFFEDA60000
        y ^= (y << 37) & 0xFFF7EEE000000000
        yield y ^ (y >> 43)


def schedule(seed, blocks, cells, reference):
    draws = mersenne_twister_64(seed)

    def below(bound):
        excess = (1 << 64) % bound
        while (draw := next(draws)) > MASK - excess:
            pass
        return draw % bound

    for _ in range(blocks):
        order = [cell for cell in range(cells) if cell != reference]
        for i in range(len(order), 1, -1):
            j = below(i)
            order[i - 1], order[j] = order[j], order[i - 1]
        yield [reference, *order, reference]


CELLS = [  # id, size, type, model, bytes a token, share of the ceiling, fixed share of the rest
    ("SmolLM2-135M", "135M", "Q4_1", {"kind": "file", "file": "SmolLM2-135M-Instruct.Q4_1.gguf"}, 99.8e6, 0.46, 0.7),
    ("1B-Q4_K_M", "1B", "Q4_K_M", "1B", 0.67e9, 0.83, 0.4),
    ("1B-Q4_K_M-cold", "1B", "Q4_K_M", "1B", 0.67e9, 0.83, 0.4),  # from a file evicted from the page cache
    ("1B-Q8_0", "1B", "Q8_0", "1B", 1.14e9, 0.90, 0.4),
    ("7B-Q4_K_M", "7B", "Q4_K_M", "7B", 3.98e9, 0.94, 0.2),
]


def cell(item):
    name, size, kind, model, *_ = item
    if isinstance(model, str):
        model = {"kind": "synthetic", "shape": model, "recipe": kind, "seed": 1, "vocabulary": 49152}
    work = {"work": "cold-load"} if name.endswith("-cold") else {}
    return {"id": name, "size": size, "type": kind, "model": model, **work, "device": "cpu", "threads": 2, "prompt_tokens": 128,
            "least_tokens": 16, "most_tokens": 64, "most_decode_s": 10}


def prediction(name, by, median, spread):
    value = {"cell": name, "by": by, "median": median}
    if spread:
        value |= {"p80": [median / spread, median * spread], "p95": [median / spread**1.53, median * spread**1.53]}
    return value


def plan():
    why = "This version of the lab measures speeds and shares of the ceiling; it does not intervene"
    return {
        "format": "ceiling-plan/1", "kind": "quick", "created": "2026-01-02T03:00:00Z", "program_version": "0.1.0",
        "machine": {"cpu": "Example CPU, 2 cores, avx512, virtual machine (KVM)", "system": "Debian GNU/Linux 12 (bookworm)",
                    "threads": 2, "memory_bytes": 25216598016, "read_gb_per_s": 38.1, "read_gb_per_s_range": [31.0, 43.5],
                    "fma_gflop_per_s": 231, "int8_gop_per_s": 921},
        "seed": 2026, "blocks": 5, "reference": "SmolLM2-135M",
        "exclusions": {"others_share_above": 0.02, "swap_in_pages_above": 0, "throttle_events_above": 0,
                       "slept_s_above": 0.5, "clock_jump_s_above": 1, "no_verdict_above": 0.1},
        "estimate_s": 214.5,
        "cells": [cell(item) for item in CELLS],
        "predictions": [prediction("SmolLM2-135M", "program", 190.0, 1.35), prediction("1B-Q4_K_M", "program", 44.0, 1.3),
                        prediction("1B-Q8_0", "program", 28.0, 1.25), prediction("7B-Q4_K_M", "program", 7.4, 1.25),
                        prediction("7B-Q4_K_M", "user", 12.0, None), prediction("SmolLM2-135M", "user", 120.0, 1.4)],
        "hypotheses": [
            {"id": "H1", "claim": "Decode is bounded by memory bandwidth, not by arithmetic",
             "threshold": "Supported if the 90 % interval of the elasticity to bandwidth lies inside 0.80 to 1.10.",
             "untested": why},
            {"id": "H2", "claim": "Quantised models run proportionally faster than their parameter count alone predicts",
             "threshold": "Supported if the slope of log time on log bytes lies inside 0.85 to 1.15.", "untested": why},
            {"id": "H3", "claim": "Speed degrades gracefully as a model approaches the available memory",
             "threshold": "Refuted if some step of 0.05 loses half.", "untested": why}],
        "left_out": [{"what": "32B at Q4_K_M", "why": "needs 19.6 GiB of memory, 18.9 GiB are available"}],
    }


def trial(item, memory, noise, others):
    name, _, _, _, bytes_a_token, share, fixed = item
    count = 64
    cold = name.endswith("-cold")
    token_s = [bytes_a_token / (share * memory) * (1 + noise + 0.01 * math.sin(i)) for i in range(count)]
    mean = sum(token_s) / count
    spare = mean * (1 - share)
    slice_bytes = 134217728
    operations = bytes_a_token * 3.4
    return {
        "cell": name, "device": "2 threads, avx512", "residency": "shared", "threads": 2, "file_bytes": int(bytes_a_token),
        "cached_share": 0 if cold else 1, "touch_s": 0 if cold else bytes_a_token / 9e9,
        "load_s": (0.02 + bytes_a_token / 2e11 + (bytes_a_token / 0.8e9 if cold else 0)) * (1 + noise), "prompt_tokens": 128,
        "prefill_s": 128 * operations / 3.1e11, "first_token_s": 128 * operations / 3.1e11 + 2e-5,
        "prefill_operations": 128 * operations, "prefill_bytes": int(bytes_a_token), "token_s": token_s,
        "decode_read_bytes": int(bytes_a_token) * count, "decode_operations": operations * count,
        "slices": [{"after_token": i, "bytes": slice_bytes, "seconds": slice_bytes / memory} for i in range(0, 65, 8)],
        "profile": [{"label": "matmul Q4_K ffn_gate+ffn_up", "seconds_per_token": mean - spare * fixed, "bytes_per_token": 1},
                    {"label": "attention", "seconds_per_token": spare * fixed * 0.3, "bytes_per_token": 0},
                    {"label": "wait at barriers", "seconds_per_token": spare * fixed * 0.7, "bytes_per_token": 0}],
        "resident_bytes": int(bytes_a_token) + 70 * 2**20,
        "conditions": {"elapsed_s": mean * count * 1.4, "slept_s": 0, "clock_jump_s": 0, "steal_share": 0.0007,
                       "others_share": others, "load_1min": 1.1, "major_faults": 0, "swap_in_pages": 0, "swap_out_pages": 0,
                       "memory_stall_s": 0, "refaults": 0},
    }


class Chain:
    def __init__(self):
        self.lines, self.previous, self.now = [], "0" * 64, 1767322800.0

    def add(self, kind, data, seconds=0.25):
        self.now = round(self.now + seconds, 3)
        entry = {"data": data, "entry": len(self.lines), "previous": self.previous, "time": self.now, "type": kind}
        self.previous = hashlib.sha256(b"ceiling ledger entry 1\0" + canonical(entry).encode()).hexdigest()
        self.lines.append(canonical(entry | {"hash": self.previous}))


def run_blocks(chain, the_plan, shares):
    noise = random.Random(5)
    for block, order in enumerate(schedule(the_plan["seed"], the_plan["blocks"], len(CELLS), 0)):
        again = []
        places = [(slot, index, False) for slot, index in enumerate(order)]
        for slot, index, repeat in places:
            memory = 38e9 * math.exp(noise.gauss(0, 0.09))
            others = 0.043 if (block, slot) == (2, 2) and not repeat else abs(noise.gauss(0.003, 0.002))
            result = trial(CELLS[index], memory, noise.gauss(0, 0.012), others)
            where = {"block": block, "slot": slot, "repeat": repeat, "cell": CELLS[index][0]}
            excluded = [] if others <= 0.02 else [f"other processes took {100 * others:.1f} % of our processors' time"]
            chain.add("begun", where)
            if (block, slot) == (3, 1):
                chain.add("aborted", where | {"failed": False, "reason": "interrupted by the user"}, 4)
                chain.add("resumed", {"gap_s": 372.5, "torn_bytes": 0}, 372.5)
                chain.add("begun", where)
            seconds = sum(result["token_s"]) * 1.4 + result["prefill_s"] + 1
            chain.add("trial", where | {"excluded": excluded, "result": result}, seconds)
            if excluded:
                again.append((slot, index, True))
                places.append(again[-1])
            elif not CELLS[index][0].endswith("-cold"):
                speed = result["decode_read_bytes"] / sum(result["token_s"])
                shares.setdefault(CELLS[index][0], {}).setdefault(block, []).append(speed / memory)


def main():
    the_plan = plan()
    (HERE / "run").mkdir(exist_ok=True)
    (HERE / "run/plan.json").write_text(json.dumps(the_plan, indent=2) + "\n")
    (HERE / "run/nonce").write_text(NONCE + "\n")
    seal = hashlib.sha256(b"ceiling plan seal 1\0" + bytes.fromhex(NONCE) + canonical(the_plan).encode()).hexdigest()
    chain, shares = Chain(), {}
    chain.add("sealed", {"digest": seal})
    chain.add("started", {
        "program_version": "0.1.0", "program_sha256": hashlib.sha256(b"program").hexdigest(),
        "os": "Debian GNU/Linux 12 (bookworm)", "kernel": "6.1.0", "power_profile": "",
        "models": [{"cell": item[0], "name": f"{item[0]}.gguf", "bytes": int(item[4]),
                    "sha256": hashlib.sha256(item[0].encode()).hexdigest()} for item in CELLS]}, 20)
    run_blocks(chain, the_plan, shares)
    chain.add("finished", {"trials": sum(line.count('"type":"trial"') for line in chain.lines)})
    chain.add("revealed", {"nonce": NONCE})
    (HERE / "run/ledger.jsonl").write_text("".join(line + "\n" for line in chain.lines))

    expected = {"seal": seal, "head": chain.previous, "share": {}}
    for name, blocks in shares.items():
        logs = [math.log(sum(values) / len(values)) for _, values in sorted(blocks.items())]
        mean = sum(logs) / len(logs)
        deviation = math.sqrt(sum((x - mean) ** 2 for x in logs) / (len(logs) - 1))
        half = T_975_4 * deviation / math.sqrt(len(logs))
        expected["share"][name] = [math.exp(mean), math.exp(mean - half), math.exp(mean + half)]
    (HERE / "expected.json").write_text(json.dumps(expected, indent=2) + "\n")


if __name__ == "__main__":
    main()
