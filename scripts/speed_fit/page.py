"""docs/results/planner.md: figures, by backend and family, and the worst devices."""
import collections
import math

import numpy as np

from speed_fit.figures import device_weights, errors, quantile
from speed_fit.form import HOST, column
from speed_fit.validation import repeats, summarise


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


def bounds(decode, judged):
    """What no model of chips can know: how far results of one and the same configuration differ, and who is badly told."""
    rows, differences = repeats(judged)
    e, w = errors(differences), device_weights(rows)
    lines = ["", "## What bounds it", "",
             f"{len(rows)} rows of {len({r['hardware'] for r in rows})} devices have another of the same device, backend, model,"
             f" type and test, from other builds, sources or conditions: they differ from it by {percent(quantile(e, w, 0.5))} in"
             f" the median and by {percent(quantile(e, w, 0.9))} at the 90th percentile. So much of the error is the"
             " results', not the model's.", "",
             "Devices of which more than a quarter of the rows err by more than 25 %, each with its share of all devices'"
             " weight beyond that:", "", "| hardware | rows | beyond 25 % | weight |", "|---|---|---|---|"]
    rows = [r for held, _ in decode.values() for r in held]
    beyond = errors(np.concatenate([e for _, e in decode.values()])) > 0.25
    count, bad = collections.Counter(r["hardware"] for r in rows), collections.Counter()
    for row, is_bad in zip(rows, beyond):
        bad[row["hardware"]] += bool(is_bad)
    for hardware in sorted(count, key=lambda h: (-bad[h] / count[h], h)):
        if bad[hardware] > count[hardware] / 4:
            lines.append(f"| {hardware} | {count[hardware]} | {bad[hardware]} | "
                         f"{percent(bad[hardware] / count[hardware] / len(count))} |")
    weight = sum(bad[h] / count[h] for h in count) / len(count)
    lines.append(f"| all devices | {len(rows)} | {sum(bad.values())} | {percent(weight)} |")
    return lines


def told_line(phase, results, judged):
    rows = sum(len(held) for held, _ in results.values())
    return (f"{phase}: {rows} of {len(judged)} rows are predicted ({percent(rows / len(judged))});")


def report(decode, prefill, baseline, experts, judged):
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
              "Sampling errors of coverage are over devices.", "",
              told_line("Decode", decode, judged["decode"]) + " " + told_line("prefill", prefill, judged["prefill"])
              + " the others are of a maker's first device with a backend, or (decode) of a build from before 2025 of a late"
              " backend (ROCm, Vulkan, SYCL) on a family that no other chip is known of: the program says so in place of a number.",
              "", "## By backend", "",
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
              "Median over a device's rows with one backend. Shares of the bandwidth: measured tokens/s times the bytes of"
              " the weights.", "",
              "| hardware | backend | rows | predicted / measured | why |", "|---|---|---|---|---|"]
    found = collections.defaultdict(list)
    for held, residuals in decode.values():
        for row, residual in zip(held, residuals):
            found[(row["hardware"], row["backend"])].append((row, residual))
    middle = lambda part: float(np.median([residual for _, residual in part]))
    worst = sorted(found.items(), key=lambda item: (-abs(middle(item[1])), item[0]))[:16]
    for (hardware, backend), part in worst:
        lines.append(f"| {hardware} | {backend} | {len(part)} | {math.exp(middle(part)):.2f} | "
                     f"{why([row for row, _ in part], judged['decode'])} |")
    lines += bounds(decode, judged["decode"])
    if experts:
        lines += ["", "## Mixtures of experts", "",
                  "Not part of the figures above: read by active experts from their Programs, with one factor each for"
                  " decode and prefill fitted to these very rows.", "", "| phase | rows | median error |", "|---|---|---|"]
        for phase, values in experts.items():
            lines.append(f"| {phase} | {len(values)} | {percent(float(np.median(errors(np.array(values)))))} |")
    return "\n".join(lines) + "\n"


def share_reached(row):
    return row["measured"] * row["work"]["weight_bytes"] / row["bandwidth"]


# What is known of a device beyond its rows; figures stand before it, computed.
CAUSES = (("Lunar Lake", "its processor reads through four cores for performance"),
          ("890M", "an integrated GPU beside 131K of context"),
          ("H200", "405B at 2 bits, whose kernels are bound by unpacking"),
          ("B70", "the two 70B files of 2 and 3 bits run at a third of the others' share"),
          ("EPYC", "which nodes of the socket hold the pages is not stated"),
          ("(CPU only)", "with a thread sweep, which one other processor has"),
          ("M1 Max", "types of 3 bits and K, which its siblings' rows lack"),
          ("M1 7c", "two of its rows ran in 8 GB that they nearly fill"),
          ("780M", "a laptop's memory and power limit are not stated"),
          ("M3 Ultra", "two dies, of which its family has no other"))


def span(years):
    first, last = int(min(years)), int(max(years))
    return f"{first}" if first == last else f"{first} to {last}"


def why(rows, judged):
    """How much of its bandwidth a device reached beside others of its family and backend, in which years, and a cause."""
    one = rows[0]
    others = [r for r in judged if r["chip"] != one["chip"]
              and (r["family"], r["backend"]) == (one["family"], one["backend"])]
    text = f"reached {np.median([share_reached(r) for r in rows]):.2f} of its bandwidth"
    if others:
        middle = quantile(column(others, share_reached), device_weights(others), 0.5)
        count = len({r["hardware"] for r in others})
        text += f", {count} other{'s' * (count > 1)} of its family {middle:.2f}"
    else:
        text += ", no other chip of its family has that backend"
    text += f"; builds of {span([r['year'] for r in rows])}"
    if others:
        text += f", theirs {span([r['year'] for r in others])}"
    if one["backend"] == HOST:
        return text + "; behind one PCIe lane of a small board"
    cause = [cause for part, cause in CAUSES if part in one["hardware"]]
    return text + (f"; {cause[0]}" if cause else "")
