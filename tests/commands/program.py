"""Runs the built `ceiling` for the tests beside this file. Standard library only."""
import contextlib
import json
import os
import pathlib
import subprocess
import tempfile

BINARY = os.environ["CEILING_BINARY"]
DATA = pathlib.Path(os.environ["CEILING_TEST_DATA"])


class Result:
    def __init__(self, code, output, errors):
        self.code, self.output, self.errors = code, output, errors

    def json(self):
        return json.loads(self.output)


def ceiling(*arguments, stdin=None, environment=None, timeout=120):
    """Runs the program to its end; stdin is text."""
    done = subprocess.run(
        [BINARY, *map(str, arguments)],
        input=stdin,
        stdin=subprocess.DEVNULL if stdin is None else None,
        capture_output=True,
        text=True,
        timeout=timeout,
        env={**os.environ, **(environment or {})},
    )
    return Result(done.returncode, done.stdout, done.stderr)


def model(name):
    """A real model that `./run fetch` has put in place; its absence is a failure, with the remedy."""
    cache = os.environ.get("XDG_CACHE_HOME") or os.path.expanduser("~/.cache")
    folder = os.environ.get("CEILING_MODELS") or os.path.join(cache, "ceiling", "models")
    path = pathlib.Path(folder) / name
    if not path.is_file():
        raise AssertionError(f"no model {path}: run ./run fetch first")
    return path


@contextlib.contextmanager
def models_folder(name):
    """The environment of a program whose models folder holds that model alone, whatever else the user has."""
    with tempfile.TemporaryDirectory() as folder:
        (pathlib.Path(folder) / name).symlink_to(model(name))
        yield {"CEILING_MODELS": folder}


SMOLLM2 = "SmolLM2-135M-Instruct.Q4_1.gguf"
GEMMA3 = "gemma-3-270m-q4_k_m.gguf"
