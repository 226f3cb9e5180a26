"""Writes codes.json next to this file: reference values of the metrics of codes and samples.

Made with Python 3, numpy 2.4.6, scipy 1.17.1, scikit-learn 1.9.1:
    pip install numpy scipy scikit-learn && python codes.py
"""

import json
import pathlib

import numpy as np
from scipy.linalg import sqrtm, subspace_angles
from scipy.spatial.distance import pdist
from sklearn.manifold import trustworthiness
from sklearn.metrics.pairwise import rbf_kernel
from sklearn.neighbors import KNeighborsClassifier

rng = np.random.default_rng(20260102)


def normal(*shape, scale=1.0, shift=0.0):
    return np.round(rng.normal(shift, scale, shape), 3)


def matrix(array):
    return {"shape": list(array.shape), "values": array.ravel().tolist()}


def frechet(name, a, b):
    mean = a.mean(0) - b.mean(0)
    ca, cb = np.atleast_2d(np.cov(a, rowvar=False)), np.atleast_2d(np.cov(b, rowvar=False))
    root = sqrtm(ca @ cb)
    value = mean @ mean + np.trace(ca) + np.trace(cb) - 2 * np.trace(np.real(root))
    return {"name": name, "a": matrix(a), "b": matrix(b), "distance": float(value)}


def mmd(name, x, y, bandwidths=None):
    widths = bandwidths or [float(np.median(pdist(np.vstack([x, y]))))]

    def kernel(p, q):
        return np.mean([rbf_kernel(p, q, gamma=1 / (2 * w * w)) for w in widths], axis=0)

    n, m = len(x), len(y)
    within_x = (kernel(x, x).sum() - n) / (n * (n - 1))
    within_y = (kernel(y, y).sum() - m) / (m * (m - 1))
    value = within_x + within_y - 2 * kernel(x, y).mean()
    return {"name": name, "x": matrix(x), "y": matrix(y), "bandwidths": bandwidths or [], "mmd": float(value)}


def trust(name, x, embedding, k):
    value = trustworthiness(x, embedding, n_neighbors=k)
    return {"name": name, "x": matrix(x), "embedding": matrix(embedding), "k": k, "trust": float(value)}


def knn(name, n_train, n_test, width, k, n_classes, spread):
    centres = normal(n_classes, width, scale=2.0)
    draw = lambda n: rng.integers(0, n_classes, n)
    train_labels, test_labels = draw(n_train), draw(n_test)
    train = np.round(centres[train_labels] + rng.normal(0, spread, (n_train, width)), 3)
    test = np.round(centres[test_labels] + rng.normal(0, spread, (n_test, width)), 3)
    fitted = KNeighborsClassifier(k, algorithm="brute").fit(train, train_labels)
    return {
        "name": name, "k": k, "accuracy": float(fitted.score(test, test_labels)),
        "train": matrix(train), "train_labels": train_labels.tolist(),
        "test": matrix(test), "test_labels": test_labels.tolist(),
    }


def angles(name, a, b):
    return {"name": name, "a": matrix(a), "b": matrix(b), "angles": np.sort(subspace_angles(a, b))[::-1].tolist()}


base = normal(7, 3)
nearly = base + 1e-7 * rng.normal(0, 1, (7, 3))
cloud = normal(40, 5)
golden = {
    "frechet": [
        frechet("two clouds", normal(28, 4), normal(24, 4, scale=1.5, shift=0.5)),
        frechet("one feature", normal(12, 1), normal(9, 1, scale=3.0)),
        frechet("correlated", normal(30, 3) @ np.array([[1, 0.9, 0], [0, 0.2, 0.5], [0.1, 0, 1]]), normal(30, 3)),
        frechet("fewer samples than features", normal(5, 6), normal(20, 6, scale=0.3)),
    ],
    "mmd": [
        mmd("median", normal(20, 3), normal(15, 3, shift=0.7)),
        mmd("median of an even number", normal(5, 2), normal(3, 2)),
        mmd("one width", normal(12, 2), normal(12, 2, scale=2.0), [0.8]),
        mmd("three widths", normal(10, 4), normal(14, 4), [0.5, 1.0, 4.0]),
    ],
    "trustworthiness": [
        trust("two of five dimensions", cloud, np.ascontiguousarray(cloud[:, :2]), 5),
        trust("noise", cloud, normal(40, 2), 7),
        trust("greatest k", normal(13, 3), normal(13, 2), 6),
        trust("one neighbour", cloud[:20], cloud[:20, 3:], 1),
    ],
    "knn": [
        knn("one", 60, 30, 3, 1, 4, 1.0),
        knn("five", 60, 30, 3, 5, 4, 1.5),
        knn("even, with tied votes", 40, 40, 2, 4, 5, 2.0),
        knn("all", 12, 8, 2, 12, 3, 1.0),
    ],
    "angles": [
        angles("planes", normal(6, 2), normal(6, 2)),
        angles("line and space", normal(8, 1), normal(8, 4)),
        angles("nearly the same", base, nearly),
        angles("dependent columns", np.hstack([base, base[:, :1] * 2]), normal(7, 2)),
        angles("at right angles", np.eye(5)[:, :2], np.eye(5)[:, 2:]),
    ],
}
path = pathlib.Path(__file__).with_name("codes.json")
path.write_text(json.dumps(golden, separators=(",", ":")).replace('{"name"', '\n{"name"') + "\n")
