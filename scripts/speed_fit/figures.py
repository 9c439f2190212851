"""Figures in which every device counts once, however many rows it has."""
import collections
import math

import numpy as np


def device_weights(rows):
    count = collections.Counter(r["hardware"] for r in rows)
    return np.array([1 / count[r["hardware"]] for r in rows])


def quantile(values, weights, share):
    order = np.argsort(values, kind="stable")
    below = np.cumsum(weights[order]) / np.sum(weights)
    return float(values[order][min(np.searchsorted(below, share), len(values) - 1)])


def errors(residuals):
    return np.abs(np.expm1(residuals))


def mean_with_error(values, rows):
    by_device = collections.defaultdict(list)
    for value, row in zip(values, rows):
        by_device[row["hardware"]].append(float(value))
    means = np.array([np.mean(v) for v in by_device.values()])
    return float(np.mean(means)), float(np.std(means, ddof=1) / math.sqrt(len(means)))
