#!/usr/bin/env python3
"""Where 50 steps of torch.optim.RMSprop lead, in double precision, on the function of tests/optimizers.rs.

    python rmsprop.py > rmsprop.json        (needs torch; made with PyTorch 2.11)
"""
import json
import math
import torch

CONFIGS = [
    dict(),
    dict(alpha=0.9, epsilon=1e-5),
    dict(momentum=0.9, weight_decay=0.1),
    dict(centered=True),
    dict(centered=True, momentum=0.5, alpha=0.95, weight_decay=0.01),
]

cases = []
for config in CONFIGS:
    start = [math.cos(i * 0.37) * 2 for i in range(40)]
    x = torch.tensor(start, dtype=torch.float64, requires_grad=True)
    options = dict(config)
    if "epsilon" in options:
        options["eps"] = options.pop("epsilon")
    optimizer = torch.optim.RMSprop([x], lr=0.01, **options)
    for t in range(1, 51):
        optimizer.zero_grad()
        centre = math.sin(t * 0.7)
        ((x - centre) ** 4 / 4 + x ** 2 / 10).sum().backward()
        optimizer.step()
    cases.append({"config": config, "end": [round(v, 9) for v in x.tolist()]})
print(json.dumps(cases).replace('{"config"', '\n{"config"'))
