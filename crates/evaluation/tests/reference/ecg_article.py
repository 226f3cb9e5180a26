"""The reference of presets/ecg.toml: the articles' protocol on ECG5000 in PyTorch, accuracy for ten seeds.

    python ecg_article.py FOLDER        # holds ECG5000_TRAIN.tsv and ECG5000_TEST.tsv

With PyTorch 2.11 on a CPU: 0.9374 ± 0.0058 over the seeds 0-9 (mean, sample standard deviation).
"""

import sys
from pathlib import Path

import numpy as np
import torch
from torch import nn

WIDTHS = [140, 32, 16, 8, 16, 32, 140]


def accuracy(beats, seed):
    torch.manual_seed(seed)
    order = np.random.default_rng(seed).permutation(len(beats))
    train, test = beats[order[:4000]], beats[order[4000:]]
    low, high = train[:, 1:].min(), train[:, 1:].max()

    def scaled(rows):
        return torch.tensor((rows[:, 1:] - low) / (high - low), dtype=torch.float32)

    normal, rows, truth = scaled(train[train[:, 0] == 1]), scaled(test), test[:, 0] != 1
    layers = []
    for inputs, outputs in zip(WIDTHS, WIDTHS[1:]):
        layer = nn.Linear(inputs, outputs)
        nn.init.xavier_uniform_(layer.weight)
        nn.init.zeros_(layer.bias)
        layers += [layer, nn.ReLU()]
    layers[-1] = nn.Sigmoid()
    network = nn.Sequential(*layers)
    optimizer = torch.optim.Adam(network.parameters(), 1e-3)
    for _ in range(20):
        for batch in normal[torch.randperm(len(normal))].split(512):
            loss = (network(batch) - batch).abs().mean()
            optimizer.zero_grad()
            loss.backward()
            optimizer.step()
    with torch.no_grad():
        scores = [(network(x) - x).abs().mean(1).numpy() for x in (normal, rows)]
    return ((scores[1] > scores[0].mean() + scores[0].std()) == truth).mean()


if __name__ == "__main__":
    torch.set_num_threads(1)
    files = [Path(sys.argv[1]) / f"ECG5000_{part}.tsv" for part in ("TRAIN", "TEST")]
    beats = np.concatenate([np.loadtxt(file) for file in files])
    values = [accuracy(beats, seed) for seed in range(10)]
    print(np.round(values, 4), f"{np.mean(values):.4f} ± {np.std(values, ddof=1):.4f}")
