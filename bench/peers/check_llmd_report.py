"""Whether reports that `ceiling lab export --format llmd-benchmark-report` wrote are what that package reads.

    python3 bench/peers/check_llmd_report.py FILE.json ...

Uses the installed PyPI package; where there is none, installs it into the cache folder first (network). Ends with 0
if every file is valid, 1 if one is not, 77 if the package cannot be had.
"""
import importlib
import json
import os
import subprocess
import sys
from pathlib import Path

VERSION = "0.2.1"
CACHE = Path(os.environ.get("XDG_CACHE_HOME", Path.home() / ".cache")) / "ceiling" / f"llmd-benchmark-report-{VERSION}"


def report_class():
    sys.path.append(str(CACHE))
    try:
        from llmd_benchmark_report.schema_v0_2 import BenchmarkReportV02
    except ImportError:
        done = subprocess.run([sys.executable, "-m", "pip", "--disable-pip-version-check", "install", "--quiet",
                               "--target", str(CACHE), f"llmd-benchmark-report=={VERSION}"],
                              capture_output=True, text=True)
        if done.returncode != 0:
            print(f"llmd-benchmark-report {VERSION} cannot be installed: {done.stderr.strip()[-300:]}")
            sys.exit(77)
        importlib.invalidate_caches()
        from llmd_benchmark_report.schema_v0_2 import BenchmarkReportV02
    return BenchmarkReportV02


def main():
    report = report_class()
    wrong = 0
    for name in sys.argv[1:]:
        try:
            report.model_validate(json.loads(Path(name).read_text()))
            print(f"{name}: valid")
        except ValueError as error:
            wrong = 1
            print(f"{name}: {error}")
    sys.exit(wrong)


if __name__ == "__main__":
    main()
