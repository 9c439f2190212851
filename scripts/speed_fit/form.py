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


def column(rows, get):
    return np.array([get(row) for row in rows], dtype=float)


def groups_of(row):
    """What a quantity's terms are nested in, from the widest: (level, name of the group)."""
    vendor, family, backend = row["vendor"], row["family"], row["backend"]
    return (("vendor", f"vendor={vendor}"), ("family", f"family={family}"), ("backend", f"backend={backend}"),
            ("backend_vendor", f"backend={backend}/vendor={vendor}"),
            ("backend_family", f"backend={backend}/family={family}"))


def nested(quantity, row):
    return [(quantity, 1)] + [(f"{quantity}/{group}", 1) for _, group in groups_of(row)]


def of_backend(quantity, row, factor):
    return [(quantity, factor), (f"{quantity}/backend={row['backend']}", factor)]


def of_type(quantity, row, factor):
    kind = row["work"]["type"]
    return [(f"{quantity}/type={kind}", factor), (f"{quantity}/backend={row['backend']}/type={kind}", factor)]


class Terms:
    """Names of parameters with their priors; design matrices over rows."""

    def __init__(self):
        self.index, self.mean, self.width = {}, [], []

    def add(self, name, mean, width):
        if name not in self.index:
            self.index[name] = len(self.mean)
            self.mean.append(mean)
            self.width.append(width)

    def nest(self, quantity, row, widths):
        """Terms of the levels that `widths` names, each with that width around 0."""
        for level, group in groups_of(row):
            if level in widths:
                self.add(f"{quantity}/{group}", 0, widths[level])

    def of_backend(self, quantity, row, width, kinds=(), kind_width=0.0):
        backend = row["backend"]
        if width:
            self.add(f"{quantity}/backend={backend}", 0, width)
        for kind in kinds:
            self.add(f"{quantity}/backend={backend}/type={kind}", 0, kind_width)

    def design(self, rows, terms_of):
        matrix = np.zeros((len(rows), len(self.mean)))
        for i, row in enumerate(rows):
            for name, factor in terms_of(row):
                if name in self.index:
                    matrix[i, self.index[name]] += factor
        return matrix


class Fit:
    """A robust, penalised least-squares fit of log tokens/s (Gauss-Newton with damping).

    A kind of fit declares its terms, prepares what a row gives, and says what parts its time has.
    """

    def __init__(self, rows, choice):
        self.choice, self.terms = choice, Terms()
        self.declare()
        seen = {(r["vendor"], r["family"], r["backend"]): r for r in rows}
        for key in sorted(seen):
            self.declare_group(seen[key])
        self.x = np.array(self.terms.mean, dtype=float)
        self.run(rows)

    def evaluate(self, x, data, with_jacobian):
        """log tokens/s, from parts of the time: (seconds, slopes of their logarithm)."""
        parts = self.parts(x, data)
        total = sum(seconds for seconds, _ in parts)
        value = data["tokens"] - np.log(total)
        if not with_jacobian:
            return value
        return value, -sum((seconds / total)[:, None] * slopes() for seconds, slopes in parts)

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


class Decode(Fit):
    def declare(self):
        add = self.terms.add
        add("share", 1.6, 0.5)
        add("share/youth", -1, 0.5)
        add("share/bandwidth", 0, self.choice["bandwidth"])
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

    def declare_group(self, row):
        c, terms = self.choice, self.terms
        host = row["backend"] == HOST
        share = 1 if host else c["share_backend"]
        fixed = 0.2 if host else 1
        terms.nest("share", row, dict(vendor=c["vendor"], family=c["family"], backend=share, backend_vendor=share,
                                      backend_family=c["share_backend_family"]))
        terms.nest("fixed", row, dict(backend=fixed * c["fixed_backend"], backend_vendor=fixed * c["fixed_vendor"],
                                      backend_family=0.02 if host else c["fixed_family"]))
        terms.nest("unpack", row, dict(family=c["unpack_family"], backend=c["unpack_backend"]))
        terms.of_backend("share/youth", row, 0.6)
        terms.of_backend("fixed/build", row, c["build"])
        terms.of_backend("unpack/build", row, c["build"], TYPES, 0.3)
        terms.of_backend("unpack", row, 0, TYPES_OF_BACKEND, c["unpack_type"])
        terms.of_backend("kv", row, 0.5)
        terms.of_backend("kv/without_flash", row, 0.5)

    def prepare(self, rows):
        design = self.terms.design
        common = lambda r: nested("unpack", r) + of_backend("unpack/build", r, -r["build"])
        wide = lambda r: math.log(r["bandwidth"] / MIDDLE_BANDWIDTH)
        return dict(
            share=design(rows, lambda r: nested("share", r) + of_backend("share/youth", r, r["youth"])
                         + of_backend("share/bandwidth", r, wide(r))),
            fixed=design(rows, lambda r: nested("fixed", r) + of_backend("fixed/build", r, -r["build"])
                         + [("fixed/bandwidth", wide(r))]),
            weight=design(rows, lambda r: common(r) + of_type("unpack", r, 1) + of_type("unpack/build", r, -r["build"])),
            byte=design(rows, lambda r: common(r) + [("unpack/byte", 1)]),
            kv=design(rows, lambda r: of_backend("kv", r, 1) + [("kv/build", -r["build"])]
                      + ([] if r["flash_attention"] else of_backend("kv/without_flash", r, 1))),
            read_s=column(rows, lambda r: r["work"]["weight_bytes"] / r["bandwidth"]),
            weight_s=column(rows, lambda r: r["work"]["weights"] / r["unpack_flops"]),
            byte_s=column(rows, lambda r: r["work"]["weight_bytes"] / r["unpack_flops"]),
            kv_s=column(rows, lambda r: max(r["work"]["kv_bytes"], 1) / r["bandwidth"]),
            layers=column(rows, lambda r: r["work"]["layers"]), tokens=0.0)

    def parts(self, x, d):
        share = 1 / (1 + np.exp(-(d["share"] @ x)))
        read = d["read_s"] / share
        by_weight = d["weight_s"] * np.exp(d["weight"] @ x)
        by_byte = d["byte_s"] * np.exp(d["byte"] @ x)
        unpack = by_weight + by_byte
        stream = np.hypot(read, unpack)

        def stream_slopes():
            return (-((read / stream) ** 2 * (1 - share))[:, None] * d["share"]
                    + (unpack / stream**2 * by_weight)[:, None] * d["weight"]
                    + (unpack / stream**2 * by_byte)[:, None] * d["byte"])

        return [(d["layers"] * np.exp(d["fixed"] @ x), lambda: d["fixed"]), (stream, stream_slopes),
                (d["kv_s"] * np.exp(d["kv"] @ x), lambda: d["kv"])]


class Prefill(Fit):
    def declare(self):
        add = self.terms.add
        add("rate", 0, 1)
        add("rate/vector", 0.8, 0.2)
        add("rate/matrix", 0.4, 0.3)
        add("rate/build", 0, 0.5)
        add("attention", 1, 1)
        add("attention/without_flash", 0.5, 0.7)
        add("fixed", math.log(30e-6), 1)
        for kind in TYPES:
            add(f"rate/type={kind}", 0, 0.5)

    def declare_group(self, row):
        c, terms = self.choice, self.terms
        levels = ("vendor", "family", "backend", "backend_vendor", "backend_family")
        terms.nest("rate", row, {level: c[level] for level in levels})
        terms.of_backend("rate/build", row, c["build"])
        terms.of_backend("rate", row, 0, TYPES, c["type"])
        terms.of_backend("attention", row, 0.7)

    def prepare(self, rows):
        design = self.terms.design
        vector = lambda r: math.log(r["unpack_flops"] / 1e12)
        return dict(
            rate=design(rows, lambda r: nested("rate", r) + of_backend("rate/build", r, r["build"])
                        + [("rate/vector", vector(r)), ("rate/matrix", math.log(r["matrix_flops"] / r["unpack_flops"]))]
                        + of_type("rate", r, 1)),
            attention=design(rows, lambda r: of_backend("attention", r, 1)
                             + ([] if r["flash_attention"] else [("attention/without_flash", 1)])),
            fixed=design(rows, lambda r: [("fixed", 1)]),
            linear=column(rows, lambda r: r["work"]["linear_operations"] / 1e12),
            quadratic=column(rows, lambda r: r["work"]["attention_operations"] / 1e12),
            layers=column(rows, lambda r: r["work"]["layers"]),
            tokens=np.log(column(rows, lambda r: r["work"]["tokens"])))

    def parts(self, x, d):
        inverse = np.exp(-(d["rate"] @ x))
        return [(d["linear"] * inverse, lambda: -d["rate"]),
                (d["quadratic"] * np.exp(d["attention"] @ x) * inverse, lambda: d["attention"] - d["rate"]),
                (d["layers"] * np.exp(d["fixed"] @ x), lambda: d["fixed"])]
