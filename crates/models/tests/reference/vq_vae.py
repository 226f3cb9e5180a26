#!/usr/bin/env python3
"""Two steps of vector quantisation by plain loops over codes, and the gradients of the loss by PyTorch's autograd.

    python vq_vae.py > vq_vae.json        (made with torch 2.11, float64)

The averages follow appendix A.1 of van den Oord et al. (2017), with the counts smoothed as in the authors' Sonnet
(`VectorQuantizerEMA`). The decoder is a fixed linear map, so that a gradient reaches the codes through the quantiser.
"""
import json
import torch

torch.manual_seed(0)
torch.set_default_dtype(torch.float64)
B, D, H, W, K = 2, 3, 2, 2, 4
DECAY, BETA, EPSILON = 0.9, 0.25, 1e-5

entries = torch.randn(K, D).round(decimals=3)
counts = torch.rand(K).mul(4).round(decimals=3)
sums = (entries * counts[:, None]).clone()
weight = torch.randn(D * H * W).round(decimals=3)
out = {"decay": DECAY, "beta": BETA, "entries": entries.tolist(), "counts": counts.tolist(), "sums": sums.tolist(),
       "weight": weight.tolist(), "steps": []}

for step in range(2):
    codes = torch.randn(B, D, H, W).round(decimals=3).requires_grad_(True)
    target = torch.randn(B).round(decimals=3)
    indices = torch.zeros(B, H, W, dtype=torch.int64)
    chosen = torch.zeros(B, D, H, W)
    n, m = torch.zeros(K), torch.zeros(K, D)
    for b in range(B):
        for y in range(H):
            for x in range(W):
                z = codes[b, :, y, x].detach()
                i = min(range(K), key=lambda k: float(((z - entries[k]) ** 2).sum()))
                indices[b, y, x] = i
                chosen[b, :, y, x] = entries[i]
                n[i] += 1
                m[i] += z
    passed = codes + (chosen - codes).detach()
    reconstruction = ((passed.flatten(1) @ weight - target) ** 2).mean()
    commitment = BETA * ((codes - chosen) ** 2).mean()
    (reconstruction + commitment).backward()
    shares = n[n > 0] / n.sum()
    counts = DECAY * counts + (1 - DECAY) * n
    sums = DECAY * sums + (1 - DECAY) * m
    total = counts.sum()
    entries = sums / ((counts + EPSILON) / (total + K * EPSILON) * total)[:, None]
    out["steps"].append({
        "codes": codes.flatten().tolist(), "target": target.tolist(), "indices": indices.flatten().tolist(),
        "chosen": chosen.flatten().tolist(), "reconstruction": reconstruction.item(), "commitment": commitment.item(),
        "gradient": codes.grad.flatten().tolist(), "perplexity": torch.exp(-(shares * shares.log()).sum()).item(),
        "entries": entries.flatten().tolist(), "counts": counts.tolist(), "sums": sums.flatten().tolist(),
    })
print(json.dumps(out))
