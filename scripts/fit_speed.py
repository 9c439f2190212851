#!/usr/bin/env python3
"""Fits data/speed_model.json to published results, and says how good it is on chips that it never saw.

    python3 scripts/fit_speed.py --ceiling build/release/ceiling            # fit, validate, write both files
    python3 scripts/fit_speed.py --ceiling ... --without AD102 -o model.json  # a fit that never saw a chip
    python3 scripts/fit_speed.py --ceiling ... --fit-only -o model.json     # no validation, some seconds: the same bytes

Needs Python 3.9 and numpy. Counts (bytes, operations, conditions of each row) come from the program itself:
`ceiling fit --validate data/published.csv --workloads`. The same rows give the same bytes.

The form of the model and how it is fitted: speed_fit/form.py; the validation: speed_fit/validation.py.
"""
import argparse
import json
import pathlib
import subprocess
import sys

import numpy as np

from speed_fit.figures import device_weights, quantile
from speed_fit.form import Decode, Prefill, column
from speed_fit.page import report
from speed_fit.validation import (choose, constant_share, folds_of, nested_validation, spread_json,
                                  unseen_family_factor)

ROOT = pathlib.Path(__file__).resolve().parent.parent
TRAINED_ENGINES = ("llama.cpp", "LM Studio llama.cpp", "ollama or llama.cpp")
JUDGED_ENGINES = ("llama.cpp", "LM Studio llama.cpp")

# Widths of the priors; which of them a fold uses is chosen without that fold. The file keeps those of the fit to all rows
# ("chosen"), which a fit without validation takes.
DECODE_BASE = dict(vendor=0.2, family=0.15, share_backend=0.1, share_backend_family=0.05, fixed_backend=0.5,
                   fixed_vendor=0.4, fixed_family=0.1, unpack_backend=0.5, unpack_family=0.05, unpack_type=0.5,
                   build=0.1, bandwidth=0.01, early=0.5, scale=0.025)
DECODE_CHOICES = [
    DECODE_BASE,
    dict(DECODE_BASE, fixed_family=0.2),
    dict(DECODE_BASE, bandwidth=0.3),
    dict(DECODE_BASE, vendor=0.4, family=0.3),
]
PREFILL_CHOICES = [
    dict(vendor=0.5, family=0.3, backend=0.5, backend_vendor=0.4, backend_family=0.3, type=0.3, build=0.4,
         early=0.3, scale=0.1),
    dict(vendor=0.5, family=0.15, backend=0.5, backend_vendor=0.4, backend_family=0.15, type=0.2, build=0.2,
         early=0.3, scale=0.08),
    dict(vendor=0.8, family=0.5, backend=0.8, backend_vendor=0.6, backend_family=0.5, type=0.4, build=0.4, early=0.3,
         scale=0.12),
]


def expert_term(fit, rows, kind):
    """One factor for mixtures of experts: what leaves their median residual at 0, devices weighing alike."""
    if not rows:
        return 0.0
    residual = np.log(column(rows, lambda r: r["measured"]))
    weights = device_weights(rows)
    if kind is Prefill:
        return quantile(residual - fit.predict(rows), weights, 0.5)
    low, high = -2.0, 4.0
    name = "fixed/experts"
    fit.terms.add(name, 0, 1)
    fit.x = np.append(fit.x, 0.0)
    index = fit.terms.index[name]
    data = fit.prepare(rows)
    data["fixed"][:, index] = 1
    for _ in range(40):
        fit.x[index] = (low + high) / 2
        middle = quantile(residual - fit.evaluate(fit.x, data, False), weights, 0.5)
        low, high = (low, fit.x[index]) if middle > 0 else (fit.x[index], high)
    return float(fit.x[index])


def read_rows(ceiling, published):
    done = subprocess.run([ceiling, "fit", "--validate", str(published), "--workloads"], capture_output=True, text=True)
    if done.returncode != 0:
        sys.exit(f"fit_speed: {ceiling} failed: {done.stderr.strip()}")
    return json.loads(done.stdout)


def split(rows, phase):
    """Dense rows to fit, those of them to judge, and rows of mixtures of experts."""
    of_phase = [r for r in rows if r["work"]["phase"] == phase and r["engine"] in TRAINED_ENGINES]
    dense = [r for r in of_phase if not r["work"]["experts"]]
    judged = [r for r in dense if r["sized"] and r["engine"] in JUDGED_ENGINES]
    return dense, judged, [r for r in of_phase if r["work"]["experts"]]


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--ceiling", default=str(ROOT / "build/release/ceiling"), help="the built program")
    parser.add_argument("--published", default=str(ROOT / "data/published.csv"))
    parser.add_argument("--without", help="a chip (or hardware name) that the fit must not see")
    parser.add_argument("--fit-only", action="store_true", help="keep spread and widths of the file that is there")
    parser.add_argument("-o", "--output", default=str(ROOT / "data/speed_model.json"))
    parser.add_argument("--report", default=str(ROOT / "docs/results/planner.md"))
    arguments = parser.parse_args()

    rows = read_rows(arguments.ceiling, arguments.published)
    if arguments.without:
        chips = {r["chip"] for r in rows if arguments.without in (r["chip"], r["hardware"])}
        rows = [r for r in rows if r["chip"] not in chips]
    kept = json.loads((ROOT / "data/speed_model.json").read_text())
    model, results, experts_found, all_judged = {"chosen": {}}, {}, {}, {}
    spread, unseen = {}, 1.0
    for phase, kind, choices in (("decode", Decode, DECODE_CHOICES), ("prefill", Prefill, PREFILL_CHOICES)):
        dense, judged, experts = split(rows, phase)
        chips = sorted({r["chip"] for r in judged})
        quick = arguments.fit_only or arguments.without
        choice = kept["chosen"][phase] if quick else choose(kind, dense, judged, choices, folds_of(chips, 6))
        model["chosen"][phase] = choice
        fit = kind(dense, choice)
        term = expert_term(fit, experts, kind)
        model[phase] = fit.parameters()
        name = "fixed/experts" if kind is Decode else "rate/experts"
        model[phase][name] = round(term, 6)
        model[phase] = dict(sorted(model[phase].items()))
        if kind is Decode:
            data = fit.prepare(experts)
            data["fixed"][:, fit.terms.index[name]] = 1
            predicted = fit.evaluate(fit.x, data, False)
        else:
            predicted = fit.predict(experts) + term
        experts_found[phase] = list(predicted - np.log(column(experts, lambda r: r["measured"])))
        all_judged[phase] = judged
        if not quick:
            results[phase] = nested_validation(kind, dense, judged, choices)
            spread.update(spread_json(phase, results[phase], fit, experts_found[phase]))
            if kind is Decode:
                baseline = constant_share(dense, judged)
                unseen = unseen_family_factor(results[phase], dense)
    if not results:
        spread, unseen = kept["spread"], kept["unseen_family"]
    model["spread"], model["unseen_family"] = spread, round(unseen, 4)
    pathlib.Path(arguments.output).write_text(json.dumps(model, indent=1, sort_keys=True) + "\n")
    if results:
        text = report(results["decode"], results["prefill"], baseline, experts_found, all_judged)
        pathlib.Path(arguments.report).write_text(text)
        print(text)


if __name__ == "__main__":
    main()
