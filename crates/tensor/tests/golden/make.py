#!/usr/bin/env python3
"""Reference values of the formulas in ae-tensor, from SciPy's distributions and numerical integration.

    python make.py > formulas.json        (needs numpy and scipy; made with numpy 2.4.6, scipy of the same day)

Nothing here uses the formulas under test: densities come from scipy.stats, divergences from quadrature of
q·(log q - log p), the Jacobian norm from central differences.
"""
import json
import numpy as np
from scipy import integrate, stats

rng = np.random.default_rng(0)
out = {}

x = np.round(rng.uniform(0.02, 0.98, (2, 3)), 4)
bits = np.array([[0.0, 1.0, 1.0], [1.0, 0.0, 0.0]])
o = np.round(rng.normal(0, 1.5, (2, 3)), 4)
log_var = np.round(rng.normal(-0.5, 0.7, (2, 3)), 4)
p = 1 / (1 + np.exp(-o))
floor = -12.0
soft = np.log1p(np.exp(log_var - floor)) + floor
out["likelihood"] = {
    "target": x.tolist(), "bits": bits.tolist(), "output": o.tolist(), "log_var": log_var.tolist(),
    "bernoulli_bits": (-stats.bernoulli(p).logpmf(bits)).sum(1).tolist(),
    "bernoulli_grey": (-(x * stats.bernoulli(p).logpmf(1) + (1 - x) * stats.bernoulli(p).logpmf(0))).sum(1).tolist(),
    "gaussian_0.3": (-stats.norm(o, 0.3).logpdf(x)).sum(1).tolist(),
    "gaussian_learned": (-stats.norm(o, np.exp(soft / 2)).logpdf(x)).sum(1).tolist(),
    "laplace_0.7": (-stats.laplace(o, 0.7).logpdf(x)).sum(1).tolist(),
    "beta_binomial": (-stats.betabinom(255, *(np.exp(7 * np.tanh(it / 7)) for it in (o, log_var))).logpmf(np.round(255 * x))).sum(1).tolist(),
}

def kl(m1, s1, m2, s2):
    q, r = stats.norm(m1, s1), stats.norm(m2, s2)
    f = lambda t: q.pdf(t) * (q.logpdf(t) - r.logpdf(t))
    return integrate.quad(f, m1 - 12 * s1, m1 + 12 * s1, epsabs=1e-13, epsrel=1e-12, limit=400)[0]

m1, m2 = np.round(rng.normal(0, 1, (2, 3)), 4), np.round(rng.normal(0, 1, (2, 3)), 4)
v1, v2 = np.round(rng.normal(-0.4, 0.8, (2, 3)), 4), np.round(rng.normal(0.2, 0.5, (2, 3)), 4)
g = np.vectorize(kl)
out["divergence"] = {
    "mean": m1.tolist(), "log_var": v1.tolist(), "other_mean": m2.tolist(), "other_log_var": v2.tolist(),
    "to_standard": g(m1, np.exp(v1 / 2), 0.0, 1.0).sum(1).tolist(),
    "to_other": g(m1, np.exp(v1 / 2), m2, np.exp(v2 / 2)).sum(1).tolist(),
    "observed": [0.02, 0.3, 0.9],
    "bernoulli_0.05": [float(stats.entropy([0.05, 0.95], [q, 1 - q])) for q in (0.02, 0.3, 0.9)],
}

w, b, inputs = np.round(rng.normal(0, 1, (3, 4)), 4), np.round(rng.normal(0, 1, 3), 4), np.round(rng.normal(0, 1, (2, 4)), 4)
layer = lambda t: 1 / (1 + np.exp(-(w @ t + b)))
norms = []
for t in inputs:
    j = np.stack([(layer(t + e) - layer(t - e)) / 2e-6 for e in 1e-6 * np.eye(4)], 1)
    norms.append(float((j ** 2).sum()))
out["jacobian"] = {"weight": w.tolist(), "bias": b.tolist(), "input": inputs.tolist(), "norm": norms}

z = np.round(rng.normal(0, 1, (2, 3)), 4)
weights = np.round(rng.normal(-90, 8, (4, 2)), 4)
q = [stats.multivariate_normal(m, np.diag(np.exp(v))) for m, v in zip(m1, v1)]
out["density"] = {
    "mean": m1.tolist(), "log_var": v1.tolist(), "z": z.tolist(),
    "log_prob": [float(d.logpdf(t)) for d, t in zip(q, z)],
    "standard_log_prob": [float(stats.multivariate_normal(np.zeros(3)).logpdf(t)) for t in z],
    "log_weights": weights.tolist(),
    "log_mean_exp": (np.log(np.mean(np.exp(weights + 90), 0)) - 90).tolist(),
    "free_bits_0.4": [float(np.maximum(g(m1, np.exp(v1 / 2), 0.0, 1.0).mean(0), 0.4).sum())],
}
print(json.dumps(out, indent=1))
