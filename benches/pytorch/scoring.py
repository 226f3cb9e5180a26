#!/usr/bin/env python3
"""Mean absolute errors of the `ecg` network (140-32-16-8-16-32-140) in PyTorch: one row, and a million. Beside
`cargo xtask bench scoring`; prints medians.

    venv/bin/python benches/pytorch/scoring.py [--threads N]
"""
import argparse, statistics, time
import torch, torch.nn as nn


def median_of(f, times):
    f()
    taken = []
    for _ in range(times):
        start = time.perf_counter(); f(); taken.append(time.perf_counter() - start)
    return statistics.median(taken)


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--threads", type=int, default=0)
    args = parser.parse_args()
    if args.threads: torch.set_num_threads(args.threads)
    sizes = [140, 32, 16, 8, 16, 32, 140]
    layers = []
    for i in range(len(sizes) - 1):
        layers += [nn.Linear(sizes[i], sizes[i + 1]), nn.Sigmoid() if i == len(sizes) - 2 else nn.ReLU()]
    model = nn.Sequential(*layers).eval()
    rows = torch.rand(1_000_000, 140)
    with torch.inference_mode():
        whole = lambda x: (model(x) - x).abs().mean(1)
        blocks = lambda: torch.cat([whole(b) for b in rows.split(4096)])
        one = median_of(lambda: whole(rows[:1]).item(), 2000)
        print(f"one row: {one * 1e6:.1f} us")
        for name, f in (("at once", lambda: whole(rows)), ("in blocks of 4096", blocks)):
            taken = median_of(f, 5)
            print(f"a million rows, {name}: {taken:.3f} s, {1 / taken:.2f} million rows/s")


if __name__ == "__main__":
    main()
