"""The form of src/fit/speed_model.h, and how its parameters are found.

Each logarithm is a sum of terms that nest (all machines, vendor, family, backend, ...), each pulled to 0 by a normal
prior whose width is a hyperparameter; residuals of the logarithm of tokens/s are Student-t, so that bad rows pull
little; a device's rows share a weight.
"""
import collections
import math

import numpy as np

TYPES = ("eight", "tables", "super_blocks", "small_blocks")  # plain floats are the base
TYPES_OF_BACKEND = ("floats", *TYPES)
HOST = "small_host"  # a card on a small board: what it reads and waits for is the board's, less the card's

FREEDOM = 3  # of the Student-t
DEVICE_WEIGHT = 0.5  # rows of one device weigh count ** -this
MIDDLE_BANDWIDTH = 400e9  # bytes/s; as in src/fit/speed_model.cc
# How much wider than CUDA's and Metal's the residuals of others are taken to be.
NOISE = {"cuda": 1, "metal": 1, "cpu": 8}
LATE_NOISE = 1.5


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
    return of_backend(f"{quantity}/build", row, sign * row["build"])


def of_backend(quantity, row, factor):
    return [(quantity, factor), (f"{quantity}/backend={row['backend']}", factor)]


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
        # A year before a late backend grew up, its results say so much less of today's.
        weight = column(rows, lambda r: count[r["hardware"]] ** -DEVICE_WEIGHT * self.choice["early"] ** r["youth"])
        scale = self.choice["scale"] * column(rows, lambda r: NOISE.get(r["spread"], LATE_NOISE))
        damping = 1e-2

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
                if round(float(self.x[i]), 6) != 0 or "/family=" in name or "/vendor=" in name}


def sorted_unique(rows):
    keys = {(r["vendor"], r["family"], r["backend"]) for r in rows}
    return sorted(keys)


class Decode(Fit):
    def declare(self, keys):
        c, add = self.choice, self.terms.add
        add("share", 1.6, 0.5)
        add("share/youth", -1, 0.5)
        add("share/bandwidth", 0, c["bandwidth"])
        add("share/bandwidth/backend=cpu", 0, 0.7)  # cores that are few keep few reads on their way
        add("unpack", 0.5, 1)
        add("unpack/byte", 1, 1.5)
        add("fixed", math.log(50e-6), 1)
        add("fixed/build", 0.05, 0.2)
        add("fixed/bandwidth", 0, 0.4)  # wide devices have more to start and to wait for
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
            self.declare_backend(vendor, family, backend)

    def declare_backend(self, vendor, family, backend):
        c, add = self.choice, self.terms.add
        host = backend == HOST
        share = 1 if host else c["share_backend"]
        fixed = 0.2 if host else 1
        add(f"share/backend={backend}", 0, share)
        add(f"share/backend={backend}/vendor={vendor}", 0, share)
        add(f"share/backend={backend}/family={family}", 0, c["share_backend_family"])
        add(f"share/youth/backend={backend}", 0, 0.6)
        add(f"fixed/backend={backend}", 0, fixed * c["fixed_backend"])
        add(f"fixed/backend={backend}/vendor={vendor}", 0, fixed * c["fixed_vendor"])
        add(f"fixed/backend={backend}/family={family}", 0, 0.02 if host else c["fixed_family"])
        add(f"fixed/build/backend={backend}", 0, c["build"])
        add(f"unpack/backend={backend}", 0, c["unpack_backend"])
        add(f"unpack/build/backend={backend}", 0, c["build"])
        add(f"kv/backend={backend}", 0, 0.5)
        add(f"kv/without_flash/backend={backend}", 0, 0.5)
        for kind in TYPES_OF_BACKEND:
            add(f"unpack/backend={backend}/type={kind}", 0, c["unpack_type"])
        for kind in TYPES:
            add(f"unpack/build/backend={backend}/type={kind}", 0, 0.3)

    def prepare(self, rows):
        design = self.terms.design
        common = lambda r: nested("unpack", r) + build("unpack", r, -1)
        wide = lambda r: math.log(r["bandwidth"] / MIDDLE_BANDWIDTH)
        return dict(
            share=design(rows, lambda r: nested("share", r)
                         + of_backend("share/youth", r, r["youth"]) + of_backend("share/bandwidth", r, wide(r))),
            fixed=design(rows, lambda r: nested("fixed", r) + build("fixed", r, -1) + [("fixed/bandwidth", wide(r))]),
            weight=design(rows, lambda r: common(r) + [
                (f"unpack/type={r['work']['type']}", 1),
                (f"unpack/build/type={r['work']['type']}", -r["build"]),
                (f"unpack/backend={r['backend']}/type={r['work']['type']}", 1),
                (f"unpack/build/backend={r['backend']}/type={r['work']['type']}", -r["build"])]),
            byte=design(rows, lambda r: common(r) + [("unpack/byte", 1)]),
            kv=design(rows, lambda r: of_backend("kv", r, 1) + [("kv/build", -r["build"])]
                      + ([] if r["flash_attention"] else of_backend("kv/without_flash", r, 1))),
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
