"""What `--device vulkan` says where there is no driver, or not enough memory: cause and remedy, and no crash."""
import os
import pathlib
import resource
import subprocess
import tempfile
import time
import unittest

import tiny_gguf
from program import BINARY, SMOLLM2, ceiling, model

RUN = ("run", "-m", model(SMOLLM2), "--raw", "-p", "The capital of France is", "-n", "2", "--temp", "0")
# What the loader looks at: the old name and the new.
NO_DRIVER = {"VK_ICD_FILENAMES": "/nonexistent", "VK_DRIVER_FILES": "/nonexistent"}
COPIES = {"CEILING_VULKAN": "none"}


def obstacle():
    """Why nothing here can run, or None."""
    first = ceiling(*RUN, "--device", "vulkan")
    return None if first.code == 0 else first.errors.strip()


def no_software():
    """Why no device here takes its memory from the process, or None."""
    choice = ceiling(*RUN, "--device", "auto")
    return None if "computes on the CPU itself" in choice.errors else f"no software Vulkan: {choice.errors.strip()}"


def largest_address_space(command, environment):
    """The most of its address space that a program takes while it runs, as far as readings see."""
    most = 0
    with subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL, env=environment) as process:
        while process.poll() is None:
            try:
                status = pathlib.Path(f"/proc/{process.pid}/status").read_text()
            except (FileNotFoundError, ProcessLookupError):
                break
            peaks = [int(line.split()[1]) for line in status.splitlines() if line.startswith("VmPeak:")]
            most = max([most, *peaks])
            time.sleep(0.005)
    return most * 1024


class VulkanFailures(unittest.TestCase):
    def one_line(self, result, *parts):
        self.assertEqual(result.code, 1, result.errors)
        self.assertEqual(len(result.errors.strip().splitlines()), 1, result.errors)
        for part in parts:
            self.assertIn(part, result.errors)

    def test_without_a_driver_it_says_what_to_install(self):
        result = ceiling(*RUN, "--device", "vulkan", environment=NO_DRIVER)
        self.one_line(result, "install", "--device cpu")

    def test_auto_does_without_a_driver(self):
        result = ceiling(*RUN, "--device", "auto", environment=NO_DRIVER)
        self.assertEqual(result.code, 0, result.errors)
        self.assertNotIn("vulkan", result.errors)

    def test_a_context_that_does_not_fit(self):
        if reason := obstacle():
            self.skipTest(reason)
        with tempfile.TemporaryDirectory() as folder:
            path = tiny_gguf.write(pathlib.Path(folder) / "tiny.gguf", tiny_gguf.keys(context=5_000_000))
            result = ceiling("run", "-m", path, "--raw", "-p", "ab", "-n", "1", "-c", "5000000", "--device", "vulkan")
        self.one_line(result, "the KV cache", "-c")

    def test_weights_that_do_not_fit(self):
        if reason := no_software():
            self.skipTest(reason)
        environment = {**os.environ, **COPIES}
        with tempfile.TemporaryDirectory() as folder:
            path = pathlib.Path(folder) / "wide.gguf"
            size = tiny_gguf.write_holes(path, 2, 4096, 8192)
            small = pathlib.Path(folder) / "small.gguf"
            tiny_gguf.write_holes(small, 2, 256, 512)
            arguments = ("run", "-m", path, "--raw", "-p", "ab", "-n", "1", "-c", "64", "--device", "vulkan")
            usual = largest_address_space(
                [BINARY, *map(str, ("run", "-m", small, *arguments[3:]))], environment)
            # Room for the mapping and half of the copy.
            limit = usual + size + size // 2
            done = subprocess.run([BINARY, *map(str, arguments)], capture_output=True, text=True, timeout=120,
                                  env=environment, stdin=subprocess.DEVNULL,
                                  preexec_fn=lambda: resource.setrlimit(resource.RLIMIT_AS, (limit, limit)))
        self.assertEqual(done.returncode, 1, done.stderr)
        self.assertIn("for the weights", done.stderr)
        self.assertIn("--device-memory", done.stderr)


if __name__ == "__main__":
    unittest.main()
