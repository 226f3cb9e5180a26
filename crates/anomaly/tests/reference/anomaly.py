"""Makes anomaly.json: numbers of scikit-learn and SciPy that this crate is compared with.

    python anomaly.py > anomaly.json        # numpy 2.4, scikit-learn 1.8, SciPy 1.17
"""
import json

import numpy as np
from scipy import stats
from sklearn.covariance import LedoitWolf
from sklearn.ensemble import IsolationForest

rng = np.random.default_rng(0)


def few(values):
    return [[round(float(v), 6) for v in row] for row in values]


def ledoit_wolf():
    plane = rng.normal(size=(30, 2)) @ rng.normal(size=(2, 6)) + 0.05 * rng.normal(size=(30, 6))
    cases = []
    for rows in (rng.normal(size=(5, 8)), rng.normal(size=(60, 3)) * [1, 10, 0.1], plane):
        rows = np.array(few(rows))
        fitted = LedoitWolf().fit(rows)
        cases.append({"rows": rows.tolist(), "shrinkage": fitted.shrinkage_, "covariance": fitted.covariance_.tolist()})
    return cases


def isolation_forest():
    """Means over 20 forests, so that what is left is the algorithm and not the draw."""
    train = np.array(few(rng.normal(size=(400, 3))))
    rows = np.array(few(np.concatenate([rng.normal(size=(6, 3)), 4 * rng.normal(size=(6, 3))])))
    forests = [IsolationForest(n_estimators=100, max_samples=256, random_state=seed).fit(train) for seed in range(20)]
    scores = np.array([-forest.score_samples(rows) for forest in forests])
    return {"train": train.tolist(), "rows": rows.tolist(), "mean": scores.mean(0).tolist(), "std": scores.std(0).tolist()}


def pareto():
    """Maximum likelihood of the generalised Pareto distribution, location 0."""
    cases = []
    for shape, n in ((-0.3, 200), (0.0, 300), (0.2, 500), (0.4, 150), (0.1, 40)):
        sample = stats.genpareto.rvs(shape, scale=2.0, size=n, random_state=rng)
        sample = np.round(sample, 6)
        sample = sample[sample > 0]
        fitted, _, scale = stats.genpareto.fit(sample, floc=0)
        from scipy.optimize import minimize

        best = minimize(
            lambda p: stats.genpareto.nnlf((p[0], 0, np.exp(p[1])), sample),
            (fitted, np.log(scale)),
            method="Nelder-Mead",
            options={"xatol": 1e-10, "fatol": 1e-12, "maxiter": 10000},
        )
        cases.append({"excesses": sample.tolist(), "shape": best.x[0], "scale": float(np.exp(best.x[1])), "nll": best.fun})
    return cases


print(json.dumps({"ledoit_wolf": ledoit_wolf(), "isolation_forest": isolation_forest(), "pareto": pareto()}))
