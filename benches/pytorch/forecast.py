#!/usr/bin/env python3
"""The composite LSTM autoencoder (Srivastava et al., 2015) in PyTorch, with the settings of the presets `composite-ecg`
and `composite`.

    python forecast.py beats|digits [--data DIR] [--seeds 0,1,2] [--epochs N] [--conditional] [--no-reconstruction]

`beats` forecasts the last 40 points of the beats of ECG5000 from the first 100, of all classes: 400 of the 500 beats of
the training file, 4,500 test beats. `digits` forecasts ten frames of 32x32 of moving digits, and prints nats and squared
error a frame. Splits, sequences and weights are drawn as the presets draw them, but by NumPy and PyTorch, so figures
agree up to the spread over seeds. Prints the figures of each seed and their means.

DIR holds ecg5000/ECG5000_TRAIN.tsv and ECG5000_TEST.tsv, and mnist/*-images-idx3-ubyte.gz.
"""
import argparse, gzip, os
import numpy as np
import torch, torch.nn as nn, torch.nn.functional as F


class Composite(nn.Module):
    def __init__(self, features, units, given, future, conditional, reconstruct, mean):
        super().__init__()
        self.given, self.future, self.conditional = given, future, conditional
        self.encoder = nn.LSTM(features, units, batch_first=True)
        self.predictor = nn.LSTM(features if conditional else 1, units, batch_first=True)
        self.to_future = nn.Linear(units, features)
        self.reconstructor = nn.LSTM(1, units, batch_first=True) if reconstruct else None
        self.to_past = nn.Linear(units, features) if reconstruct else None
        for lstm in [self.encoder, self.predictor] + ([self.reconstructor] if reconstruct else []):
            nn.init.xavier_uniform_(lstm.weight_ih_l0)
            for gate in lstm.weight_hh_l0.data.split(units):
                nn.init.orthogonal_(gate)
            nn.init.zeros_(lstm.bias_ih_l0), nn.init.zeros_(lstm.bias_hh_l0)
            lstm.bias_ih_l0.data[units:2 * units] = 1
        for linear in [self.to_future] + ([self.to_past] if reconstruct else []):
            nn.init.xavier_uniform_(linear.weight), nn.init.constant_(linear.bias, mean)

    def forward(self, x, activation, truth=None):
        """Outputs before the activation: the future, and the given steps in reverse order."""
        n = len(x)
        _, state = self.encoder(x[:, :self.given])
        past = None
        if self.reconstructor is not None:
            past = self.to_past(self.reconstructor(torch.ones(n, self.given, 1), state)[0])
        if not self.conditional:
            return self.to_future(self.predictor(torch.ones(n, self.future, 1), state)[0]), past
        if truth is not None:
            before = torch.cat([torch.zeros_like(truth[:, :1]), truth[:, :-1]], 1)
            return self.to_future(self.predictor(before, state)[0]), past
        before, outputs = torch.zeros(n, 1, x.shape[2]), []
        for _ in range(self.future):
            states, state = self.predictor(before, state)
            outputs.append(self.to_future(states))
            before = activation(outputs[-1])
        return torch.cat(outputs, 1), past


def train(model, batches, epochs, steps, loss, activation):
    optimizer = torch.optim.Adam(model.parameters(), 1e-3)
    schedule = torch.optim.lr_scheduler.CosineAnnealingLR(optimizer, epochs * steps)
    for epoch in range(epochs):
        for x in batches(epoch):
            future, past = model(x, activation, x[:, model.given:])
            total = loss(future, x[:, model.given:])
            if past is not None:
                total = total + loss(past, x[:, :model.given].flip(1))
            optimizer.zero_grad()
            total.backward()
            nn.utils.clip_grad_norm_(model.parameters(), 1.0)
            optimizer.step()
            schedule.step()


def beats(args, seed):
    read = lambda name: torch.tensor(np.loadtxt(os.path.join(args.data, "ecg5000", name)), dtype=torch.float32)
    order = np.random.default_rng(seed).permutation(500)[:400]
    learned, test = read("ECG5000_TRAIN.tsv")[order, 1:, None], read("ECG5000_TEST.tsv")[:, 1:, None]
    model = Composite(1, 64, 100, 40, args.conditional, not args.no_reconstruction, learned.mean().item())
    generator = torch.Generator().manual_seed(seed)
    batches = lambda _: learned[torch.randperm(400, generator=generator)].split(16)
    train(model, batches, args.epochs or 100, 25, F.mse_loss, lambda x: x)
    with torch.no_grad():
        error = model(test, lambda x: x)[0] - test[:, 100:]
    return {"mse": error.square().mean().item(), "mae": error.abs().mean().item()}


def digits_of(args, name):
    with gzip.open(os.path.join(args.data, "mnist", name), "rb") as f:
        return np.frombuffer(f.read(), np.uint8, offset=16).reshape(-1, 28, 28)


def sequences(digits, n, rng):
    frames = np.zeros((n, 20, 64, 64), np.uint8)
    for sequence in frames:
        for _ in range(2):
            digit, place = digits[rng.integers(len(digits))], rng.random(2)
            angle = rng.random() * 2 * np.pi
            velocity = np.array([np.sin(angle), np.cos(angle)]) * 0.1
            for frame in sequence:
                place = place + velocity
                velocity = np.where((place < 0) | (place > 1), -velocity, velocity)
                place = place.clip(0, 1)
                top, left = (place * 36).astype(int)
                part = frame[top:top + 28, left:left + 28]
                np.maximum(part, digit, out=part)
    small = frames.reshape(n, 20, 32, 2, 32, 2).mean((3, 5), dtype=np.float32) / 255
    return torch.from_numpy(small).view(n, 20, 1024)


def digits(args, seed):
    learned, rng = digits_of(args, "train-images-idx3-ubyte.gz"), np.random.default_rng(seed)
    test = sequences(digits_of(args, "t10k-images-idx3-ubyte.gz"), 1000, np.random.default_rng(99))
    mean = sequences(learned, 100, rng).mean().item()
    model = Composite(1024, 512, 10, 10, args.conditional, not args.no_reconstruction, np.log(mean / (1 - mean)))
    n = 10000 // 32
    batches = lambda _: (sequences(learned, 32, rng) for _ in range(n))
    train(model, batches, args.epochs or 4, n, F.binary_cross_entropy_with_logits, torch.sigmoid)
    with torch.no_grad():
        logits, truth = model(test, torch.sigmoid)[0], test[:, 10:]
    nats = F.binary_cross_entropy_with_logits(logits, truth, reduction="sum") / truth[..., 0].numel()
    squares = (logits.sigmoid() - truth).square().sum() / truth[..., 0].numel()
    return {"nats": nats.item(), "squared_error": squares.item()}


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("task", choices=["beats", "digits"])
    parser.add_argument("--data", default="data/cache")
    parser.add_argument("--seeds", default="0,1,2")
    parser.add_argument("--epochs", type=int)
    parser.add_argument("--conditional", action="store_true")
    parser.add_argument("--no-reconstruction", action="store_true")
    args = parser.parse_args()
    torch.set_num_threads(1)
    all_figures = []
    for seed in map(int, args.seeds.split(",")):
        torch.manual_seed(seed)
        figures = (beats if args.task == "beats" else digits)(args, seed)
        all_figures.append(figures)
        print(seed, {name: round(value, 4) for name, value in figures.items()}, flush=True)
    for name in all_figures[0]:
        values = np.array([figures[name] for figures in all_figures])
        print(f"{name}: {values.mean():.4f} ± {values.std(ddof=1) if len(values) > 1 else 0:.4f}")


if __name__ == "__main__":
    main()
