#!/usr/bin/env python3
"""Fits data/speed_model.json to published results, and says how good it is on chips that it never saw.

    python3 scripts/fit_speed.py --ceiling build/release/ceiling            # fit, validate, write both files
    python3 scripts/fit_speed.py --ceiling ... --without AD102 -o model.json  # a fit that never saw a chip
    python3 scripts/fit_speed.py --ceiling ... --fit-only                   # no validation, some seconds

Needs Python 3.9 and numpy. Counts (bytes, operations, conditions of each row) come from the program itself:
`ceiling fit --validate data/published.csv --workloads`. The same rows give the same bytes.

The form is that of src/fit/speed_model.h. Each logarithm is a sum of terms that nest (all machines, vendor, family,
backend, ...), each pulled to 0 by a normal prior whose width is a hyperparameter; residuals of the logarithm of
tokens/s are Student-t, so that bad rows pull little; a device's rows share a weight. Hyperparameters are chosen inside
the validation, by leaving out chips of what is left (nested).
"""
import argparse
import collections
import json
import math
import pathlib
import subprocess
import sys

import numpy as np

ROOT = pathlib.Path(__file__).resolve().parent.parent
TRAINED_ENGINES = ("llama.cpp", "LM Studio llama.cpp", "ollama or llama.cpp")
JUDGED_ENGINES = ("llama.cpp", "LM Studio llama.cpp")
TYPES = ("eight", "tables", "super_blocks", "small_blocks")  # plain floats are the base

# Widths of the priors. The first is the one that a fit without validation uses; which of them a fold uses is chosen
# without that fold.
DECODE_BASE = dict(vendor=0.2, family=0.15, share_backend=0.3, share_backend_family=0.1, fixed_backend=0.5,
                   fixed_vendor=0.4, fixed_family=0.2, unpack_backend=0.5, unpack_family=0.05, unpack_type=0.2,
                   fixed_build=0.2, unpack_build=0.2, scale=0.035)
DECODE_CHOICES = [
    dict(DECODE_BASE, fixed_build=0.1, unpack_build=0.1, scale=0.025),
    dict(DECODE_BASE, fixed_build=0.1, unpack_build=0.1, scale=0.025, fixed_family=0.4),
    dict(DECODE_BASE, fixed_family=0.4, unpack_build=0.1),
    dict(DECODE_BASE, vendor=0.6, fixed_backend=1.2, fixed_vendor=1.2),
]
PREFILL_CHOICES = [
    dict(vendor=0.5, family=0.3, backend=0.5, backend_vendor=0.4, backend_family=0.3, type=0.3, build=0.4, scale=0.1),
    dict(vendor=0.5, family=0.15, backend=0.5, backend_vendor=0.4, backend_family=0.15, type=0.2, build=0.2,
         scale=0.08),
    dict(vendor=0.8, family=0.5, backend=0.8, backend_vendor=0.6, backend_family=0.5, type=0.4, build=0.4, scale=0.12),
]
FREEDOM = 3  # of the Student-t
DEVICE_WEIGHT = 0.7  # rows of one device weigh count ** -this
EARLY_WEIGHT = 0.3  # a year before a late backend grew up, its results say so much less of today's


class Terms:
    """Names of parameters with their priors; design matrices over rows."""

    def __init__(self):
        self.index, self.mean, self.width = {}, [], []

    def add(self, name, mean, width):
        if name not in self.index:
            self.index[name] = len(self.mean)
            self.mean.append(mean)
            self.width.append(width)

    def design(self, rows, terms_of):
        matrix = np.zeros((len(rows), len(self.mean)))
        for i, row in enumerate(rows):
            for name, factor in terms_of(row):
                if name in self.index:
                    matrix[i, self.index[name]] += factor
        return matrix


def nested(quantity, row):
    return [(quantity, 1), (f"{quantity}/vendor={row['vendor']}", 1), (f"{quantity}/family={row['family']}", 1),
            (f"{quantity}/backend={row['backend']}", 1),
            (f"{quantity}/backend={row['backend']}/vendor={row['vendor']}", 1),
            (f"{quantity}/backend={row['backend']}/family={row['family']}", 1)]


def build(quantity, row, sign):
    return [(f"{quantity}/build", sign * row["build"]),
            (f"{quantity}/build/backend={row['backend']}", sign * row["build"])]


def column(rows, get):
    return np.array([get(row) for row in rows], dtype=float)


class Fit:
    """A robust, penalised least-squares fit of log tokens/s (Gauss-Newton with damping)."""

    def __init__(self, rows, choice):
        self.choice, self.terms = choice, Terms()
        self.declare(sorted_unique(rows))
        self.x = np.array(self.terms.mean, dtype=float)
        self.run(rows)

    def run(self, rows):
        mean, width = np.array(self.terms.mean), np.array(self.terms.width)
        data, y = self.prepare(rows), np.log(column(rows, lambda r: r["measured"]))
        count = collections.Counter(r["hardware"] for r in rows)
        weight = column(rows, lambda r: count[r["hardware"]] ** -DEVICE_WEIGHT * EARLY_WEIGHT ** r["youth"])
        scale, damping = self.choice["scale"], 1e-2

        def cost(x):
            residual = (y - self.evaluate(x, data, False)) / scale
            return (np.sum(weight * (FREEDOM + 1) / 2 * np.log1p(residual**2 / FREEDOM))
                    + 0.5 * np.sum(((x - mean) / width) ** 2))

        best = cost(self.x)
        for _ in range(60):
            f, jacobian = self.evaluate(self.x, data, True)
            residual = y - f
            w = weight * (FREEDOM + 1) / (FREEDOM + (residual / scale) ** 2) / scale**2
            normal = jacobian.T @ (w[:, None] * jacobian) + np.diag(1 / width**2)
            gradient = jacobian.T @ (w * residual) - (self.x - mean) / width**2
            for _ in range(8):
                step = np.linalg.solve(normal + damping * np.diag(np.diag(normal)), gradient)
                trial = self.x + np.clip(step, -1, 1)
                now = cost(trial)
                if now < best:
                    damping = max(damping / 3, 1e-6)
                    break
                damping *= 4
            else:
                return
            done, best, self.x = best - now < 1e-3, now, trial
            if done:
                return

    def predict(self, rows):
        return self.evaluate(self.x, self.prepare(rows), False)

    def parameters(self):
        return {name: round(float(self.x[i]), 6) for name, i in sorted(self.terms.index.items())
                if round(float(self.x[i]), 6) != 0 or "/family=" in name}


def sorted_unique(rows):
    keys = {(r["vendor"], r["family"], r["backend"]) for r in rows}
    return sorted(keys)


class Decode(Fit):
    def declare(self, keys):
        c, add = self.choice, self.terms.add
        add("share", 1.6, 0.5)
        add("share/youth", -0.5, 0.3)
        add("unpack", 0.5, 1)
        add("unpack/byte", 1, 1.5)
        add("fixed", math.log(50e-6), 1)
        add("fixed/build", 0.05, 0.2)
        add("unpack/build", 0.2, 0.1)  # later builds are faster: a wrong sign is another cause in disguise
        add("kv", 0, 1)
        add("kv/build", 0, 0.5)
        add("kv/without_flash", 0, 1)
        for kind in TYPES:
            add(f"unpack/type={kind}", 0, 0.7)
            add(f"unpack/build/type={kind}", 0, 0.3)
        for vendor, family, backend in keys:
            add(f"share/vendor={vendor}", 0, c["vendor"])
            add(f"share/family={family}", 0, c["family"])
            add(f"unpack/family={family}", 0, c["unpack_family"])
            add(f"share/backend={backend}", 0, c["share_backend"])
            add(f"share/backend={backend}/vendor={vendor}", 0, c["share_backend"])
            add(f"share/backend={backend}/family={family}", 0, c["share_backend_family"])
            add(f"fixed/backend={backend}", 0, c["fixed_backend"])
            add(f"fixed/backend={backend}/vendor={vendor}", 0, c["fixed_vendor"])
            add(f"fixed/backend={backend}/family={family}", 0, c["fixed_family"])
            add(f"fixed/build/backend={backend}", 0, c["fixed_build"])
            add(f"unpack/backend={backend}", 0, c["unpack_backend"])
            add(f"unpack/build/backend={backend}", 0, c["unpack_build"])
            add(f"kv/backend={backend}", 0, 0.5)
            for kind in TYPES:
                add(f"unpack/backend={backend}/type={kind}", 0, c["unpack_type"])

    def prepare(self, rows):
        design = self.terms.design
        common = lambda r: nested("unpack", r) + build("unpack", r, -1)
        return dict(
            share=design(rows, lambda r: nested("share", r) + [("share/youth", r["youth"])]),
            fixed=design(rows, lambda r: nested("fixed", r) + build("fixed", r, -1)),
            weight=design(rows, lambda r: common(r) + [(f"unpack/type={r['work']['type']}", 1),
                                                       (f"unpack/build/type={r['work']['type']}", -r["build"]),
                                                       (f"unpack/backend={r['backend']}/type={r['work']['type']}", 1)]),
            byte=design(rows, lambda r: common(r) + [("unpack/byte", 1)]),
            kv=design(rows, lambda r: [("kv", 1), (f"kv/backend={r['backend']}", 1)]
                      + [("kv/build", -r["build"])] + ([] if r["flash_attention"] else [("kv/without_flash", 1)])),
            read_s=column(rows, lambda r: r["work"]["weight_bytes"] / r["bandwidth"]),
            weight_s=column(rows, lambda r: r["work"]["weights"] / r["unpack_flops"]),
            byte_s=column(rows, lambda r: r["work"]["weight_bytes"] / r["unpack_flops"]),
            kv_s=column(rows, lambda r: max(r["work"]["kv_bytes"], 1) / r["bandwidth"]),
            layers=column(rows, lambda r: r["work"]["layers"]))

    def evaluate(self, x, d, with_jacobian):
        share = 1 / (1 + np.exp(-(d["share"] @ x)))
        read = d["read_s"] / share
        by_weight = d["weight_s"] * np.exp(d["weight"] @ x)
        by_byte = d["byte_s"] * np.exp(d["byte"] @ x)
        unpack = by_weight + by_byte
        fixed = d["layers"] * np.exp(d["fixed"] @ x)
        kv = d["kv_s"] * np.exp(d["kv"] @ x)
        stream = np.hypot(read, unpack)
        total = fixed + stream + kv
        if not with_jacobian:
            return -np.log(total)
        of_read, of_unpack = read**2 / stream / total, unpack / stream / total
        jacobian = -((fixed / total)[:, None] * d["fixed"] - (of_read * (1 - share))[:, None] * d["share"]
                     + (of_unpack * by_weight)[:, None] * d["weight"] + (of_unpack * by_byte)[:, None] * d["byte"]
                     + (kv / total)[:, None] * d["kv"])
        return -np.log(total), jacobian


class Prefill(Fit):
    def declare(self, keys):
        c, add = self.choice, self.terms.add
        add("rate", 0, 1)
        add("rate/vector", 0.8, 0.2)
        add("rate/matrix", 0.4, 0.3)
        add("rate/build", 0, 0.5)
        add("attention", 1, 1)
        add("attention/without_flash", 0.5, 0.7)
        add("fixed", math.log(30e-6), 1)
        for kind in TYPES:
            add(f"rate/type={kind}", 0, 0.5)
        for vendor, family, backend in keys:
            add(f"rate/vendor={vendor}", 0, c["vendor"])
            add(f"rate/family={family}", 0, c["family"])
            add(f"rate/backend={backend}", 0, c["backend"])
            add(f"rate/backend={backend}/vendor={vendor}", 0, c["backend_vendor"])
            add(f"rate/backend={backend}/family={family}", 0, c["backend_family"])
            add(f"rate/build/backend={backend}", 0, c["build"])
            add(f"attention/backend={backend}", 0, 0.7)
            for kind in TYPES:
                add(f"rate/backend={backend}/type={kind}", 0, c["type"])

    def prepare(self, rows):
        design = self.terms.design
        vector = lambda r: math.log(r["unpack_flops"] / 1e12)
        return dict(
            rate=design(rows, lambda r: nested("rate", r) + build("rate", r, 1)
                        + [("rate/vector", vector(r)), ("rate/matrix", math.log(r["matrix_flops"] / r["unpack_flops"])),
                           (f"rate/type={r['work']['type']}", 1),
                           (f"rate/backend={r['backend']}/type={r['work']['type']}", 1)]),
            attention=design(rows, lambda r: [("attention", 1), (f"attention/backend={r['backend']}", 1)]
                             + ([] if r["flash_attention"] else [("attention/without_flash", 1)])),
            fixed=design(rows, lambda r: [("fixed", 1)]),
            linear=column(rows, lambda r: r["work"]["linear_operations"] / 1e12),
            quadratic=column(rows, lambda r: r["work"]["attention_operations"] / 1e12),
            layers=column(rows, lambda r: r["work"]["layers"]),
            tokens=np.log(column(rows, lambda r: r["work"]["tokens"])))

    def evaluate(self, x, d, with_jacobian):
        inverse = np.exp(-(d["rate"] @ x))
        quadratic = d["quadratic"] * np.exp(d["attention"] @ x) * inverse
        products = d["linear"] * inverse + quadratic
        fixed = d["layers"] * np.exp(d["fixed"] @ x)
        total = products + fixed
        if not with_jacobian:
            return d["tokens"] - np.log(total)
        jacobian = -((fixed / total)[:, None] * d["fixed"] - (products / total)[:, None] * d["rate"]
                     + (quadratic / total)[:, None] * d["attention"])
        return d["tokens"] - np.log(total), jacobian


# Figures in which every device counts once.

def device_weights(rows):
    count = collections.Counter(r["hardware"] for r in rows)
    return np.array([1 / count[r["hardware"]] for r in rows])


def quantile(values, weights, share):
    order = np.argsort(values, kind="stable")
    below = np.cumsum(weights[order]) / np.sum(weights)
    return float(values[order][min(np.searchsorted(below, share), len(values) - 1)])


def errors(residuals):
    return np.abs(np.expm1(residuals))


def leave_chips_out(kind, rows, judged, choice, chips):
    """Residuals (log predicted - log measured) of the judged rows of each chip, from a fit without that chip."""
    out = {}
    for chip in chips:
        held = [r for r in judged if r["chip"] == chip]
        if held:
            fit = kind([r for r in rows if r["chip"] != chip], choice)
            out[chip] = (held, fit.predict(held) - np.log(column(held, lambda r: r["measured"])))
    return out


def figure(results):
    rows = [r for held, _ in results.values() for r in held]
    residuals = np.concatenate([e for _, e in results.values()])
    e, w = errors(residuals), device_weights(rows)
    return quantile(e, w, 0.5) + 0.3 * quantile(e, w, 0.75) + 0.2 * quantile(e, w, 0.9)


def folds_of(chips, count):
    return [chips[i::count] for i in range(count)]


def fold_figure(kind, rows, judged, choice, folds):
    """As figure(leave_chips_out), leaving out whole folds: what choosing among hyperparameters can afford."""
    results = {}
    for i, fold in enumerate(folds):
        held = [r for r in judged if r["chip"] in fold]
        if held:
            fit = kind([r for r in rows if r["chip"] not in fold], choice)
            results[i] = (held, fit.predict(held) - np.log(column(held, lambda r: r["measured"])))
    return figure(results)


def choose(kind, rows, judged, choices, folds):
    scores = [fold_figure(kind, rows, judged, choice, folds) for choice in choices]
    return choices[int(np.argmin(scores))]


def nested_validation(kind, rows, judged, choices):
    chips = sorted({r["chip"] for r in judged})
    results = {}
    for fold in folds_of(chips, 5):
        inner = [c for c in chips if c not in fold]
        choice = choose(kind, [r for r in rows if r["chip"] not in fold],
                        [r for r in judged if r["chip"] not in fold], choices, folds_of(inner, 6))
        results.update(leave_chips_out(kind, rows, judged, choice, fold))
    return {chip: results[chip] for chip in chips}


def half_widths(rows, residuals):
    """Half-widths of 80 and 95 % intervals by spread group, drawn to those of all where devices are few."""
    weights, size = device_weights(rows), np.abs(residuals)
    overall = [quantile(size, weights, share) for share in (0.8, 0.95)]
    out = {"other": overall}
    for group in sorted({r["spread"] for r in rows}):
        of_group = np.array([r["spread"] == group for r in rows])
        own = [quantile(size[of_group], weights[of_group], share) for share in (0.8, 0.95)]
        devices = len({r["hardware"] for r, inside in zip(rows, of_group) if inside})
        pull = 3 / (devices + 3)
        out[group] = [(1 - pull) * a + pull * b for a, b in zip(own, overall)]
    for group, (p80, p95) in out.items():
        out[group] = [p80, max(p95, 1.5 * p80)]
    return out


def interval_score(residual, half, alpha):
    return 2 * half + 2 / alpha * max(0.0, abs(residual) - half)


def intervals(results):
    """Coverage and interval score, each chip judged by widths that come from the other chips."""
    found = []
    for chip, (held, residuals) in results.items():
        rest_rows = [r for c, (h, _) in results.items() if c != chip for r in h]
        rest = np.concatenate([e for c, (_, e) in results.items() if c != chip])
        widths = half_widths(rest_rows, rest)
        for row, residual in zip(held, residuals):
            half = widths.get(row["spread"], widths["other"])
            found.append((row, abs(residual) <= half[0], abs(residual) <= half[1],
                          interval_score(residual, half[0], 0.2)))
    return found


def constant_share(rows, judged):
    """The baseline: tokens/s = share x bandwidth / bytes, one share a family (vendor where a chip is its family)."""
    results = {}
    share = lambda r: math.log(r["measured"] * r["work"]["weight_bytes"] / r["bandwidth"])
    for chip in sorted({r["chip"] for r in judged}):
        held = [r for r in judged if r["chip"] == chip]
        residuals = []
        for row in held:
            for same in (lambda r: r["family"] == row["family"], lambda r: r["vendor"] == row["vendor"],
                         lambda r: True):
                known = [r for r in rows if r["chip"] != chip and same(r)]
                if known:
                    break
            middle = quantile(np.array([share(r) for r in known]), device_weights(known), 0.5)
            residuals.append(middle - share(row))
        results[chip] = (held, np.array(residuals))
    return results


def mean_with_error(values, rows):
    by_device = collections.defaultdict(list)
    for value, row in zip(values, rows):
        by_device[row["hardware"]].append(float(value))
    means = np.array([np.mean(v) for v in by_device.values()])
    return float(np.mean(means)), float(np.std(means, ddof=1) / math.sqrt(len(means)))


def summarise(results):
    rows = [r for held, _ in results.values() for r in held]
    residuals = np.concatenate([e for _, e in results.values()])
    e, w = errors(residuals), device_weights(rows)
    found = intervals(results)
    return dict(rows=len(rows), devices=len({r["hardware"] for r in rows}), chips=len(results),
                median=quantile(e, w, 0.5), p90=quantile(e, w, 0.9),
                coverage80=mean_with_error([f[1] for f in found], rows),
                coverage95=mean_with_error([f[2] for f in found], rows),
                score=mean_with_error([f[3] for f in found], rows)[0])


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


def spread_json(phase, results, fit, experts):
    rows = [r for held, _ in results.values() for r in held]
    widths = half_widths(rows, np.concatenate([e for _, e in results.values()]))
    out = {f"{phase}/{g}": {"p80": round(a, 4), "p95": round(b, 4)} for g, (a, b) in widths.items()}
    if experts:
        size = np.abs(experts)
        out[f"{phase}/experts"] = {"p80": round(float(np.quantile(size, 0.8)), 4),
                                   "p95": round(float(np.quantile(size, 0.95)), 4)}
    return out


def unseen_family_factor(results, rows):
    """How much wider residuals are where the fit knew no other chip of the family."""
    chips = collections.defaultdict(set)
    for row in rows:
        chips[(row["vendor"], row["family"])].add(row["chip"])
    parts = {True: [], False: []}
    for held, residuals in results.values():
        for row, residual in zip(held, residuals):
            parts[len(chips[(row["vendor"], row["family"])]) == 1].append((row, abs(residual)))
    width = {alone: quantile(np.array([e for _, e in part]), device_weights([r for r, _ in part]), 0.8)
             for alone, part in parts.items()}
    return max(1.0, width[True] / width[False])


def segments(results):
    out = collections.defaultdict(dict)
    for chip, (held, residuals) in results.items():
        for group in sorted({r["spread"] for r in held}):
            inside = [i for i, r in enumerate(held) if r["spread"] == group]
            out[group][chip] = ([held[i] for i in inside], residuals[inside])
    return dict(sorted(out.items()))


def families(results):
    out = collections.defaultdict(lambda: ([], []))
    for held, residuals in results.values():
        for row, residual in zip(held, residuals):
            out[(row["vendor"], row["family"])][0].append(row)
            out[(row["vendor"], row["family"])][1].append(residual)
    return dict(sorted(out.items()))


def percent(value):
    return f"{100 * value:.1f} %"


def report(decode, prefill, baseline, experts):
    d, p, b = summarise(decode), summarise(prefill), summarise(baseline)
    lines = ["# The planner on hardware that it never saw", "",
             "Made by `scripts/fit_speed.py`; made again from the same rows, the page is the same. Each chip (its bins and"
             " siblings with it) is predicted by a fit that never saw it; hyperparameters are chosen inside, without the"
             " fold that is judged. Rows: llama.cpp, one device, dense models, file size stated. A device counts once,"
             " however many rows it has. Errors are predicted / measured - 1.", "",
             "| figure | decode | prefill | one constant share a family (decode) | wanted |", "|---|---|---|---|---|",
             f"| rows, devices, chips | {d['rows']}, {d['devices']}, {d['chips']} | {p['rows']}, {p['devices']}, "
             f"{p['chips']} | the same | |",
             f"| median error | {percent(d['median'])} | {percent(p['median'])} | {percent(b['median'])} | 6 %; prefill"
             " 20 % |",
             f"| 90th percentile | {percent(d['p90'])} | {percent(p['p90'])} | {percent(b['p90'])} | 25 % |"]
    for level in (80, 95):
        cells = [f"{percent(s[f'coverage{level}'][0])} +- {percent(s[f'coverage{level}'][1])}" for s in (d, p, b)]
        lines.append(f"| coverage of {level} % intervals | {cells[0]} | {cells[1]} | {cells[2]} | {level} % |")
    lines += [f"| interval score (80 %) | {d['score']:.3f} | {p['score']:.3f} | {b['score']:.3f} | |",
              f"| of the constant share's | {d['score'] / b['score']:.2f} | | 1 | 0.70 |", "",
              "Sampling errors of coverage are over devices.", "", "## By backend", "",
              "| backend | devices | median | 90th | prefill devices | median | 90th |", "|---|---|---|---|---|---|---|"]
    both = [segments(decode), segments(prefill)]
    for group in sorted(set(both[0]) | set(both[1])):
        cells = []
        for part in both:
            if group not in part:
                cells += ["-", "-", "-"]
                continue
            rows = [r for held, _ in part[group].values() for r in held]
            e = errors(np.concatenate([x for _, x in part[group].values()]))
            w = device_weights(rows)
            cells += [str(len({r["hardware"] for r in rows})), percent(quantile(e, w, 0.5)), percent(quantile(e, w, 0.9))]
        lines.append(f"| {group} | " + " | ".join(cells) + " |")
    lines += ["", "## Decode by family", "", "| vendor | family | devices | rows | median | bias of the median |",
              "|---|---|---|---|---|---|"]
    for (vendor, family), (rows, residuals) in families(decode).items():
        e, w = errors(np.array(residuals)), device_weights(rows)
        bias = quantile(np.expm1(np.array(residuals)), w, 0.5)
        lines.append(f"| {vendor} | {family} | {len({r['hardware'] for r in rows})} | {len(rows)} | "
                     f"{percent(quantile(e, w, 0.5))} | {100 * bias:+.1f} % |")
    lines += ["", "## The worst devices, and why", "",
              "Median over a device's rows with one backend.", "",
              "| hardware | backend | rows | predicted / measured | why |", "|---|---|---|---|---|"]
    found = collections.defaultdict(list)
    for held, residuals in decode.values():
        for row, residual in zip(held, residuals):
            found[(row["hardware"], row["backend"])].append(residual)
    worst = sorted(found.items(), key=lambda item: (-abs(np.median(item[1])), item[0]))[:16]
    for (hardware, backend), residuals in worst:
        lines.append(f"| {hardware} | {backend} | {len(residuals)} | {math.exp(np.median(residuals)):.2f} | "
                     f"{why(hardware, backend)} |")
    if experts:
        lines += ["", "## Mixtures of experts", "",
                  "Not part of the figures above: read by active experts from their Programs, with one factor each for"
                  " decode and prefill fitted to these very rows.", "", "| phase | rows | median error |", "|---|---|---|"]
        for phase, values in experts.items():
            lines.append(f"| {phase} | {len(values)} | {percent(float(np.median(errors(np.array(values)))))} |")
    return "\n".join(lines) + "\n"


def why(hardware, backend):
    reasons = (("Lunar Lake", "builds of 2024, whose Intel backends reached 0.16 to 0.54 of the bandwidth; no other chip of"
                              " its kind is known"),
               ("890M", "one run of a 27B model at 0.40 of the bandwidth, half of what its siblings reach"),
               ("Radeon VII", "ROCm in January 2024 reached 0.20 of its HBM; no sibling is known"),
               ("MI300X", "ROCm in October 2024 reached 0.13 of its HBM; no sibling is known"),
               ("H200", "one 405B model at 2 bits, whose kernels are bound by unpacking"),
               ("A100", "HBM of which May 2024 builds reached 0.33 to 0.51; no sibling is known"),
               ("B70", "its figures are of 2026, Intel's other cards' of 2024 and 2025; two 70B rows at 2 and 3 bits run at"
                       " a third"),
               ("B580", "two rows, one behind a single PCIe lane"),
               ("EPYC", "server processors differ in how memory is set up, and three rows are all there is"),
               ("7950X", "its threads differ from the other processor with a thread sweep"),
               ("4090", "no other NVIDIA card with this backend is known; two rows"),
               ("7900 XT", "the early ROCm builds of its three rows differ from its siblings' later ones"),
               ("(CPU only)", "its threads differ from the other processor with a thread sweep"))
    if backend == "small_host":
        return "a card behind one PCIe lane of a small board: its driver and board decide"
    for part, reason in reasons:
        if part in hardware:
            return reason
    return ""


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--ceiling", default=str(ROOT / "build/release/ceiling"), help="the built program")
    parser.add_argument("--published", default=str(ROOT / "data/published.csv"))
    parser.add_argument("--without", help="a chip (or hardware name) that the fit must not see")
    parser.add_argument("--fit-only", action="store_true", help="keep the spread of the file that is there")
    parser.add_argument("-o", "--output", default=str(ROOT / "data/speed_model.json"))
    parser.add_argument("--report", default=str(ROOT / "docs/results/planner.md"))
    arguments = parser.parse_args()

    rows = read_rows(arguments.ceiling, arguments.published)
    if arguments.without:
        chips = {r["chip"] for r in rows if arguments.without in (r["chip"], r["hardware"])}
        rows = [r for r in rows if r["chip"] not in chips]
    model, results, experts_found = {}, {}, {}
    spread, unseen = {}, 1.0
    for phase, kind, choices in (("decode", Decode, DECODE_CHOICES), ("prefill", Prefill, PREFILL_CHOICES)):
        dense, judged, experts = split(rows, phase)
        chips = sorted({r["chip"] for r in judged})
        quick = arguments.fit_only or arguments.without
        choice = choices[0] if quick else choose(kind, dense, judged, choices, folds_of(chips, 6))
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
        if not quick:
            results[phase] = nested_validation(kind, dense, judged, choices)
            spread.update(spread_json(phase, results[phase], fit, experts_found[phase]))
            if kind is Decode:
                baseline = constant_share(dense, judged)
                unseen = unseen_family_factor(results[phase], dense)
    if not results:
        kept = json.loads((ROOT / "data/speed_model.json").read_text())
        spread, unseen = kept["spread"], kept["unseen_family"]
    model["spread"], model["unseen_family"] = spread, round(unseen, 4)
    pathlib.Path(arguments.output).write_text(json.dumps(model, indent=1, sort_keys=True) + "\n")
    if results:
        text = report(results["decode"], results["prefill"], baseline, experts_found)
        pathlib.Path(arguments.report).write_text(text)
        print(text)


if __name__ == "__main__":
    main()
