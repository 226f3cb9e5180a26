"""Writes series.json next to this file: reference values of the metrics of series, operating points and alarm rates.

Run: pip install scikit-learn scipy statsmodels matplotlib; pip install --no-deps TSB-AD==1.5; python series.py
(the authors' TSB-AD 1.5, scikit-learn 1.9, SciPy 1.17, statsmodels 0.15). All data are synthetic and seeded. "latency" imitates
the request latencies of NAB's ec2_request_latency_system_failure: a constant level with noise, spikes, and two failures.
"""

import json
import pathlib

import numpy as np
from scipy import stats
from sklearn import metrics
from TSB_AD.evaluation.basic_metrics import generate_curve
from TSB_AD.utils.slidingWindows import find_length_rank

rng = np.random.default_rng(20220711)


def volume(name, scores, labels, windows):
    scores, labels = np.round(np.asarray(scores, float), 6), np.asarray(labels, int)
    volumes = []
    for window in windows:
        *_, roc, pr = generate_curve(labels, scores, window)
        volumes.append({"window": window, "roc": float(roc), "pr": float(pr)})
    return {"name": name, "scores": scores.tolist(), "is_anomaly": (labels > 0).tolist(), "volumes": volumes}


def labelled(n, stretches):
    labels = np.zeros(n, int)
    for start, end in stretches:
        labels[start:end] = 1
    return labels


def latency(n):
    values = 45 + rng.normal(0, 1.5, n) + (rng.random(n) < 0.02) * rng.exponential(20, n)
    values[n // 2 : n // 2 + 25] += 15
    values[-40:-10] *= 1.6
    return np.round(values, 3)


def window(name, series):
    return {"name": name, "series": np.asarray(series).tolist(), "window": int(find_length_rank(np.asarray(series)))}


def operating(name, scores, labels):
    scores, labels = np.asarray(scores, float), np.asarray(labels, bool)
    fpr, tpr, _ = metrics.roc_curve(labels, scores, drop_intermediate=False)
    precision, recall, thresholds = metrics.precision_recall_curve(labels, scores)
    sums = np.maximum(precision + recall, 1e-300)
    f1 = 2 * precision * recall / sums
    best = max(f1)
    at = max(t for t, value in zip(thresholds, f1) if value > best - 1e-12)
    return {
        "name": name,
        "scores": scores.tolist(),
        "is_anomaly": labels.tolist(),
        "rates": [0.001, 0.01, 0.05, 0.25, 0.5],
        "recalls": [float(tpr[fpr <= rate].max()) for rate in [0.001, 0.01, 0.05, 0.25, 0.5]],
        "best_f1": float(metrics.f1_score(labels, scores >= at)),
        "threshold": float(at),
    }


def band(n, m, rate, level=0.95):
    k = int(np.floor(rate * (n + 1) * (1 + 1e-12)))
    law = stats.betabinom(m, k, n + 1 - k)
    tail = (1 - level) / 2
    return {
        "n": n, "m": m, "rate": rate, "level": level, "expected": k / (n + 1),
        "low": float(law.ppf(tail)) / m, "high": float(law.ppf(1 - tail)) / m,
    }


def proportion(successes, trials, level=0.95):
    interval = stats.binomtest(successes, trials).proportion_ci(level, method="exact")
    return {"successes": successes, "trials": trials, "level": level, "low": interval.low, "high": interval.high}


def main():
    series = latency(400)
    truth = labelled(400, [(195, 230), (355, 392)])
    smooth = np.convolve(np.abs(series - 45), np.ones(9) / 9, "same")
    short = labelled(60, [(0, 4), (20, 21), (24, 30), (56, 60)])
    dense = labelled(80, [(s, s + 2) for s in range(3, 80, 6)])
    waves = np.sin(np.arange(700) * 2 * np.pi / 57) + rng.normal(0, 0.1, 700)
    few = rng.integers(0, 4, 120)
    golden = {
        "volumes": [
            volume("latency", smooth, truth, [0, 1, 2, 9, 40, 125]),
            volume("latency, raw", np.abs(series - 45), truth, [20]),
            volume("noise", rng.random(300), labelled(300, [(100, 120), (200, 201)]), [10, 60]),
            volume("perfect", truth[150:250], truth[150:250], [0, 10]),
            volume("reversed", 1 - truth[150:250], truth[150:250], [0, 10]),
            volume("constant", np.full(50, 0.5), labelled(50, [(10, 20)]), [0, 8]),
            volume("few levels", rng.integers(0, 3, 60) + short, short, [0, 3, 12, 50]),
            volume("borders overlap", rng.random(80) + 0.5 * dense, dense, [4, 7, 30]),
            volume("a window longer than the series", rng.random(30), labelled(30, [(12, 15)]), [100]),
            volume("two points", [0.2, 0.9], [0, 1], [0, 4]),
            volume("all but one", rng.random(40), 1 - labelled(40, [(17, 18)]), [0, 6]),
            volume("late by three", np.roll(labelled(100, [(40, 60)]), 3), labelled(100, [(40, 60)]), [0, 6, 20]),
        ],
        "windows": [
            window("waves of 57 points", np.round(waves, 4)),
            window("latency", series),
            window("noise", np.round(rng.normal(0, 1, 450), 4)),
            window("constant", np.full(60, 2.0)),
            window("a short wave, period 4", [float(i % 4) for i in range(90)]),
            window("a ramp", [float(i) for i in range(80)]),
            window("three values", [1.0, 5.0, 2.0]),
            window("long period", np.round(np.sin(np.arange(1000) * 2 * np.pi / 350), 4)),
        ],
        "operating": [
            operating("continuous", np.round(rng.normal(0, 1, 90) + 2 * (np.arange(90) < 30), 6), np.arange(90) < 30),
            operating("few levels", few, few + rng.integers(0, 3, 120) > 3),
            operating("constant", np.zeros(9), [0, 1, 0, 1, 1, 0, 0, 0, 0]),
            operating("perfect", [1, 2, 3, 4], [0, 0, 1, 1]),
            operating("reversed", [4, 3, 2, 1], [0, 0, 1, 1]),
            operating("two samples", [1, 2], [0, 1]),
        ],
        "bands": [
            band(19, 100, 0.05), band(73, 2627, 0.05), band(199, 2627, 0.005), band(583, 1000, 0.01),
            band(6734, 9711, 0.005), band(6734, 9711, 0.01), band(6734, 9711, 0.05), band(99, 1, 0.01),
            band(999, 50_000, 0.01, 0.99), band(9, 20, 0.5, 0.5), band(20_000, 100_000, 0.9),
        ],
        "proportions": [
            proportion(0, 10), proportion(10, 10), proportion(3, 10), proportion(27, 2627), proportion(1, 1),
            proportion(500, 100_000, 0.99),
        ],
    }
    path = pathlib.Path(__file__).with_name("series.json")
    path.write_text(json.dumps(golden, separators=(",", ":")).replace('{"n', '\n{"n') + "\n")


if __name__ == "__main__":
    main()
