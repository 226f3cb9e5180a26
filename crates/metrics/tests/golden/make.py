"""Writes golden.json next to this file: reference values of confusion, ranking, reconstruction and summary metrics.

Made with Python 3, numpy 2.4.6, scipy 1.17.1, scikit-learn 1.9.1, scikit-image 0.26.0:
    pip install numpy scipy scikit-learn scikit-image && python make.py
"""

import json
import pathlib

import numpy as np
from scipy import stats
from skimage.metrics import peak_signal_noise_ratio, structural_similarity
from sklearn import metrics

rng = np.random.default_rng(20260101)


def rounded(array, digits=4):
    return np.round(np.asarray(array, dtype=float), digits)


def confusion(name, flagged, anomaly):
    flagged, anomaly = np.asarray(flagged, bool), np.asarray(anomaly, bool)
    tn, fp, fn, tp = metrics.confusion_matrix(anomaly, flagged, labels=[False, True]).ravel()

    def rates(truth, decided):
        options = dict(zero_division=0)
        return {
            "accuracy": metrics.accuracy_score(truth, decided),
            "precision": metrics.precision_score(truth, decided, **options),
            "recall": metrics.recall_score(truth, decided, **options),
            "f1": metrics.f1_score(truth, decided, **options),
            "specificity": metrics.recall_score(truth, decided, pos_label=False, **options),
        }

    return {
        "name": name,
        "flagged": flagged.tolist(),
        "is_anomaly": anomaly.tolist(),
        "counts": [int(tp), int(fp), int(tn), int(fn)],
        "anomaly_positive": rates(anomaly, flagged),
        "normal_positive": rates(~anomaly, ~flagged),
    }


def ranking(name, scores, anomaly):
    scores, anomaly = rounded(scores, 6), np.asarray(anomaly, bool)
    fpr, tpr, roc_thresholds = metrics.roc_curve(anomaly, scores, drop_intermediate=False)
    precision, recall, thresholds = metrics.precision_recall_curve(anomaly, scores)
    return {
        "name": name,
        "scores": scores.tolist(),
        "is_anomaly": anomaly.tolist(),
        "auroc": metrics.roc_auc_score(anomaly, scores),
        "average_precision": metrics.average_precision_score(anomaly, scores),
        "prevalence": float(anomaly.mean()),
        # The first threshold is infinite; JSON has no such number.
        "roc_thresholds": roc_thresholds[1:].tolist(),
        "false_positive_rates": fpr.tolist(),
        "true_positive_rates": tpr.tolist(),
        # By falling threshold, like the ROC curve.
        "pr_thresholds": thresholds[::-1].tolist(),
        "precisions": precision[::-1].tolist(),
        "recalls": recall[::-1].tolist(),
    }


def pictures(name, shape, data_range, noise, digits=3):
    n, c, h, w = shape
    rows, columns = np.mgrid[0:h, 0:w]
    smooth = np.sin(rows / 3.0) * np.cos(columns / 4.0) * 0.4 + 0.5
    original = np.clip(smooth + rng.normal(0, 0.1, shape), 0, 1) * data_range
    noisy = np.clip(original + rng.normal(0, noise * data_range, shape), 0, data_range)
    original, noisy = rounded(original, digits), rounded(noisy, digits)
    similarity = [
        structural_similarity(
            x, y, channel_axis=0, data_range=data_range,
            gaussian_weights=True, sigma=1.5, use_sample_covariance=False,
        )
        for x, y in zip(original, noisy)
    ]
    return {
        "name": name,
        "shape": list(shape),
        "data_range": data_range,
        "original": original.ravel().tolist(),
        "reconstruction": noisy.ravel().tolist(),
        "mse": float(np.mean((original - noisy) ** 2)),
        "mae": float(np.mean(np.abs(original - noisy))),
        "psnr": float(peak_signal_noise_ratio(original, noisy, data_range=data_range)),
        "psnr_per_sample": [
            float(peak_signal_noise_ratio(x, y, data_range=data_range)) for x, y in zip(original, noisy)
        ],
        "ssim": [float(s) for s in similarity],
    }


def summary(name, values, level=0.95):
    values = np.asarray(values, dtype=float)
    low, high = stats.t.interval(level, len(values) - 1, loc=values.mean(), scale=stats.sem(values))
    return {
        "name": name,
        "values": values.tolist(),
        "level": level,
        "mean": float(values.mean()),
        "std": float(values.std()),
        "sample_std": float(values.std(ddof=1)),
        "low": float(low),
        "high": float(high),
    }


def main():
    truth = rng.random(60) < 0.3
    separated = rng.normal(0, 1, 60) + 1.5 * truth
    few = rng.integers(0, 4, 80)
    golden = {
        "confusion": [
            confusion("mixed", rng.random(50) < 0.4, rng.random(50) < 0.4),
            confusion("nothing flagged", [0] * 6, [0, 1, 0, 1, 1, 0]),
            confusion("everything flagged", [1] * 6, [0, 1, 0, 1, 1, 0]),
            confusion("no anomalies", [0, 1, 0, 0], [0, 0, 0, 0]),
            confusion("only anomalies", [0, 1, 0, 0], [1, 1, 1, 1]),
            confusion("only anomalies, nothing flagged", [0, 0, 0], [1, 1, 1]),
            confusion("all right", [0, 1, 1, 0], [0, 1, 1, 0]),
            confusion("all wrong", [1, 0, 0, 1], [0, 1, 1, 0]),
        ],
        "ranking": [
            ranking("continuous", separated, truth),
            ranking("four levels", few, (few + rng.integers(0, 3, 80)) > 3),
            ranking("all tied", [0.5] * 7, [0, 1, 0, 1, 1, 0, 0]),
            ranking("perfect", [0.1, 0.2, 0.8, 0.9], [0, 0, 1, 1]),
            ranking("reversed", [0.1, 0.2, 0.8, 0.9], [1, 1, 0, 0]),
            ranking("one anomaly in the middle of a tie", [1, 2, 2, 2, 3], [0, 0, 1, 0, 0]),
            ranking("negative scores", [-3, -1.5, -1.5, -0.25, 0, 0], [0, 1, 0, 1, 0, 1]),
            ranking("two samples", [1, 2], [0, 1]),
        ],
        "pictures": [
            pictures("grey", (2, 1, 16, 19), 1.0, 0.05),
            pictures("colour", (2, 3, 13, 12), 1.0, 0.3),
            pictures("bytes, smallest size", (1, 1, 11, 11), 255.0, 0.1, digits=0),
        ],
        "summary": [
            summary("five seeds", [0.941, 0.938, 0.945, 0.936, 0.9425]),
            summary("two values", [3.0, 5.0]),
            summary("99 percent", [1.0, 2.0, 4.0, 8.0, 16.0, 32.0], level=0.99),
            summary("large offset", [1e9 + 1, 1e9 + 2, 1e9 + 3]),
            summary("forty", rounded(rng.normal(10, 3, 40)), level=0.9),
        ],
    }
    path = pathlib.Path(__file__).with_name("golden.json")
    path.write_text(json.dumps(golden, separators=(",", ":")).replace('{"name"', '\n{"name"') + "\n")


if __name__ == "__main__":
    main()
