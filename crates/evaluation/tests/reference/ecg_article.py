"""The reference of presets/ecg.toml: the articles' protocol on ECG5000 in PyTorch with ten seeds, compared with a
constant prediction, the median of the normal training beats.

    python ecg_article.py FOLDER        # holds ECG5000_TRAIN.tsv and ECG5000_TEST.tsv

With PyTorch 2.11 on a CPU, mean and sample standard deviation over the seeds 0-9: accuracy 0.9374 ± 0.0058, of the
constant 0.9382 ± 0.0061; mean absolute error on the test beats 0.0324 ± 0.0031, of the constant 0.0334 ± 0.0025.
"""

import sys
from pathlib import Path

import numpy as np
import torch
from torch import nn

WIDTHS = [140, 32, 16, 8, 16, 32, 140]


def figures(beats, seed):
    """Accuracy and mean absolute error over the test beats, of the network and of the median training beat."""
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
    found = []
    for rebuild in (network, lambda _: normal.median(0).values):
        with torch.no_grad():
            scores = [(rebuild(x) - x).abs().mean(1).numpy() for x in (normal, rows)]
        found += [((scores[1] > scores[0].mean() + scores[0].std()) == truth).mean(), scores[1].mean()]
    return found


if __name__ == "__main__":
    torch.set_num_threads(1)
    files = [Path(sys.argv[1]) / f"ECG5000_{part}.tsv" for part in ("TRAIN", "TEST")]
    beats = np.concatenate([np.loadtxt(file) for file in files])
    values = np.array([figures(beats, seed) for seed in range(10)])
    names = ["accuracy", "test MAE", "accuracy of the median", "test MAE of the median"]
    for name, column in zip(names, values.T):
        print(f"{name}: {column.mean():.4f} ± {column.std(ddof=1):.4f}", np.round(column, 4))
