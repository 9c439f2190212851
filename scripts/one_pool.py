#!/usr/bin/env python3
"""Shows that weights are in memory once, however many processes and compute units read them.

  one_pool.py [--ceiling PROGRAM] MODEL.gguf...         pages of the mapped file
  one_pool.py --own-pages [--ceiling PROGRAM] MODEL.gguf...

Two processes run a model at the same time: A reads the prompt on the CPU and answers on the Vulkan device, B does both
on the Vulkan device. Each is stopped once it has the whole model in memory; when both are, the mapping's own Pss (smaps:
each page counts once, shared among those who have it) is added up over both, and anonymous memory is listed. Fails
unless each had the whole model, the sum is one copy, no weight byte was copied, and anonymous memory does not grow with
the model.

With --own-pages, A runs once more as where a driver takes no pages of a file: the model is then in anonymous memory.
Fails unless that is one copy too: nothing of the file mapped or in the page cache, and as much anonymous memory more.
"""
import argparse
import ctypes
import json
import mmap
import os
import signal
import subprocess
import sys
import time

MIB = 1 << 20
PAUSE = 0.2  # seconds between readings
WHOLE = 0.95  # of the file, from where on a process has it in memory
SLACK = 1.01  # of one copy
GROWTH = 0.1  # of what a larger model is larger by: KV cache and activations, no second copy
LEFT = 0.05  # of the file, that the page cache may still have
TEST = ["-p", "16", "-n", "4", "-r", "1", "--json"]
MIXED = ["--prefill-device", "cpu", "--decode-device", "vulkan"]
ONLY_VULKAN = ["--device", "vulkan"]
NO_FILE_PAGES = {"CEILING_VULKAN": "host_import,subgroups"}


def memory(pid, path):
    """Bytes of the mapping of `path` (rss, pss) and of anonymous memory, now; None once the process has ended."""
    totals = {"rss": 0, "pss": 0, "anonymous": 0, "mappings": 0}
    ours = False
    try:
        with open(f"/proc/{pid}/smaps") as smaps:
            for line in smaps:
                field = line.split()
                if not field[0].endswith(":"):  # a mapping's head line
                    ours = line.rstrip("\n").endswith(path)
                    totals["mappings"] += ours
                elif field[0] == "Anonymous:":
                    totals["anonymous"] += int(field[1]) * 1024
                elif ours and field[0] in ("Rss:", "Pss:"):
                    totals[field[0][:-1].lower()] += int(field[1]) * 1024
    except (FileNotFoundError, ProcessLookupError):
        return None
    return totals


def cached(path):
    """Bytes of a file that the page cache has."""
    with open(path, "rb") as file, mmap.mmap(file.fileno(), 0, access=mmap.ACCESS_COPY) as view:
        pages = (len(view) + mmap.PAGESIZE - 1) // mmap.PAGESIZE
        state = (ctypes.c_ubyte * pages)()
        start = ctypes.c_char.from_buffer(view)
        failed = ctypes.CDLL(None, use_errno=True).mincore(
            ctypes.c_void_p(ctypes.addressof(start)), ctypes.c_size_t(len(view)), state)
        del start
        if failed:
            raise OSError(ctypes.get_errno(), "mincore")
        return sum(s & 1 for s in state) * mmap.PAGESIZE


def wait_and_stop(processes, path, ready):
    """Stops each process once its memory is `ready`; all of their memory then, when nothing moves.

    A reading takes time, and counts what moves meanwhile once too often: two in a row must be `ready`.
    """
    going = list(processes)
    before = set()
    while going:
        for process in list(going):
            now = memory(process.pid, path)
            if process.poll() is not None or now is None:
                sys.exit(f"one_pool: {' '.join(process.args)} ended before it had the whole model in such memory")
            if not ready(now):
                before.discard(process)
            elif process not in before:
                before.add(process)
            else:
                process.send_signal(signal.SIGSTOP)
                going.remove(process)
        time.sleep(PAUSE)
    return [memory(process.pid, path) for process in processes]


def run(ceiling, model, sides, ready, environment=None, look=lambda: None):
    """Memory of each process when all were ready, what `look` saw then, and what each says that it copied."""
    processes = [subprocess.Popen([ceiling, "bench", "-m", model, *TEST, *side], stdout=subprocess.PIPE,
                                  stderr=subprocess.DEVNULL, env={**os.environ, **(environment or {})}) for side in sides]
    try:
        moment = wait_and_stop(processes, model, ready)
        seen = look()
        for process in processes:
            process.send_signal(signal.SIGCONT)
        results = [json.loads(process.communicate()[0] or "null") for process in processes]
    finally:
        for process in processes:
            process.kill()
    if None in results:
        sys.exit(f"one_pool: a process failed: {[p.returncode for p in processes]}")
    return moment, seen, [r["memory"]["weights_copied_bytes"] for r in results]


def row(model, values):
    print(f"{os.path.basename(model):<36}" + "".join(f"{v / MIB:>9.1f}" for v in values))


def file_pages(ceiling, models):
    """Two processes on the pages of each file; what was wrong."""
    faults, grown = [], []
    print(f"{'MiB':<36}{'file':>9}{'Rss A':>9}{'Rss B':>9}{'Pss A+B':>9}{'anon. A':>9}{'anon. B':>9}{'copied':>9}")
    for model in models:
        size = os.path.getsize(model)
        (a, b), _, copied = run(ceiling, model, [MIXED, ONLY_VULKAN], lambda now: now["rss"] >= WHOLE * size)
        pss = a["pss"] + b["pss"]
        row(model, [size, a["rss"], b["rss"], pss, a["anonymous"], b["anonymous"], sum(copied)])
        grown.append((size, max(a["anonymous"], b["anonymous"])))
        if min(a["rss"], b["rss"]) < WHOLE * size:
            faults.append(f"{model}: a process had only {min(a['rss'], b['rss']) / size:.2f} of it in memory")
        if pss > SLACK * size:
            faults.append(f"{model}: the mapping takes {pss / size:.2f} copies")
        if sum(copied) > 0:
            faults.append(f"{model}: {sum(copied)} bytes of weights were copied")
    (least, its_anonymous), (most, anonymous) = min(grown), max(grown)
    if most > least and anonymous - its_anonymous > GROWTH * (most - least):
        faults.append(f"anonymous memory grows by {(anonymous - its_anonymous) / (most - least):.2f} bytes a byte of model")
    return faults


def own_pages(ceiling, models):
    """One process with each model in anonymous memory; what was wrong."""
    faults = []
    print(f"{'MiB':<36}{'file':>9}{'mapped':>9}{'in cache':>9}{'anon.':>9}{'before':>9}{'copied':>9}")
    for model in models:
        size = os.path.getsize(model)
        (in_place,), _, _ = run(ceiling, model, [MIXED], lambda now: now["rss"] >= WHOLE * size)
        least = in_place["anonymous"] + (1 - LEFT) * size

        def taken_over(now):  # while it is being read, the file is still mapped
            return now["mappings"] == 0 and now["anonymous"] >= least

        (own,), in_cache, copied = run(ceiling, model, [MIXED], taken_over, NO_FILE_PAGES, lambda: cached(model))
        row(model, [size, own["pss"], in_cache, own["anonymous"], in_place["anonymous"], sum(copied)])
        more = own["anonymous"] - in_place["anonymous"]
        if not (1 - LEFT) * size <= more <= (1 + GROWTH) * size:
            faults.append(f"{model}: anonymous memory grew by {more / size:.2f} copies")
        if in_cache > LEFT * size:
            faults.append(f"{model}: the page cache still has {in_cache / size:.2f} of it")
        if sum(copied) > 0:
            faults.append(f"{model}: {sum(copied)} bytes of weights were copied besides")
    return faults


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--ceiling", default="build/release/ceiling")
    parser.add_argument("--own-pages", action="store_true")
    parser.add_argument("models", nargs="+")
    arguments = parser.parse_args()
    prove = own_pages if arguments.own_pages else file_pages
    faults = prove(arguments.ceiling, [os.path.realpath(model) for model in arguments.models])
    print("\n".join(faults) or "one copy")
    sys.exit(1 if faults else 0)


if __name__ == "__main__":
    main()
