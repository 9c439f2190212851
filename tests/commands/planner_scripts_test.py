"""The planner's scripts, as docs/planner.md names them."""
import pathlib
import re
import subprocess
import sys
import tempfile
import unittest

SCRIPTS = pathlib.Path(__file__).resolve().parents[2] / "scripts"


def printed(script, *arguments):
    done = subprocess.run([sys.executable, SCRIPTS / script, *map(str, arguments)], capture_output=True, text=True, timeout=120)
    if done.returncode != 0:
        raise AssertionError(done.stderr)
    return done.stdout


class Spill(unittest.TestCase):
    def test_layer_times_add(self):
        text = printed("spill.py")
        runs, middle = re.search(r"(\d+) runs: median error ([\d.]+) %", text).groups()
        self.assertGreaterEqual(int(runs), 8)
        self.assertLess(float(middle), 5)

    def test_a_run_that_does_not_add_is_seen(self):
        header = "hardware,engine,engine_version,backend,model,quant,test,ngl,tokens_per_s\n"
        with tempfile.TemporaryDirectory() as folder:
            path = pathlib.Path(folder) / "spill.csv"
            path.write_text(header + "".join(f"x,e,1,CUDA,m,Q4_0,tg128,{n},{speed}\n" for n, speed in ((0, 1), (1, 3), (2, 2))))
            self.assertIn("| 1 of 2 | 3.00 | 1.33 | -55.6 % |", printed("spill.py", "--spill", path))


if __name__ == "__main__":
    unittest.main()
