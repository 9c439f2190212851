"""How good a fit is on chips that it never saw, and how wide its intervals must be.

Hyperparameters are chosen inside the validation, by leaving out chips of what is left (nested).
"""
import collections
import math

import numpy as np

from speed_fit.figures import device_weights, errors, mean_with_error, quantile
from speed_fit.form import column

EARLY = 0.6  # years before a late backend grew up, beyond which only a known family is predicted


def told(rows, judged):
    """Those of the judged rows that a fit to `rows` speaks of: as SpeedModel::unknown (src/fit/speed_model.h)."""
    pairs = {(r["vendor"], r["backend"]) for r in rows}
    families = {r["family"] for r in rows}
    return [r for r in judged if (r["vendor"], r["backend"]) in pairs
            and (r["family"] in families or r["youth"] <= EARLY or r["work"]["phase"] == "prefill")]


def leave_chips_out(kind, rows, judged, choice, chips):
    """Residuals (log predicted - log measured) of the judged rows of each chip, from a fit without that chip."""
    out = {}
    for chip in chips:
        known = [r for r in rows if r["chip"] != chip]
        held = told(known, [r for r in judged if r["chip"] == chip])
        if held:
            fit = kind(known, choice)
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
        known = [r for r in rows if r["chip"] not in fold]
        held = told(known, [r for r in judged if r["chip"] in fold])
        if held:
            fit = kind(known, choice)
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
    return {chip: results[chip] for chip in chips if chip in results}


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
        held = told([r for r in rows if r["chip"] != chip], [r for r in judged if r["chip"] == chip])
        if not held:
            continue
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


def repeats(judged):
    """Rows of one device, backend, model, type and test against the median of the others like them."""
    alike = collections.defaultdict(list)
    for row in judged:
        alike[tuple(row[k] for k in ("hardware", "backend", "counted_as", "quant", "test"))].append(row)
    rows, differences = [], []
    for group in alike.values():
        logs = np.log(column(group, lambda r: r["measured"]))
        for i in range(len(group) if len(group) > 1 else 0):
            rows.append(group[i])
            differences.append(logs[i] - np.median(np.delete(logs, i)))
    return rows, np.array(differences)


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
