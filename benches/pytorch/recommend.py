#!/usr/bin/env python3
"""Mult-VAE and Mult-DAE (Liang et al., 2018) in PyTorch, with the settings of the presets `mult_vae` and `mult_dae`.

    python recommend.py mult_vae|mult_dae [--set movielens-100k|movielens-1m] [--data DIR] [--seeds 0,1,2] [--epochs N]

Splits users as the data set does (films with 4 stars or more count as liked; users with fewer than 5 of them are left
out; 10 % of the users validate, 20 % of 100K and 10 % of 1M test; 20 % of what a test user liked is hidden), but with
draws of its own, so its figures are those of other users of the same set. Prints NDCG@100, Recall@20 and Recall@50 of
each seed and their means. `--beta 0 --dropout 0` trains what the bar has to notice.

DIR holds movielens-100k/u.data and movielens-1m/ratings_user_movie_rating.dat.gz.
"""
import argparse, gzip, json, os
import numpy as np
import torch, torch.nn as nn, torch.nn.functional as F


def likes(name, folder):
    if name == "movielens-1m":
        with gzip.open(os.path.join(folder, name, "ratings_user_movie_rating.dat.gz"), "rt") as f:
            ratings = np.array([line.split("::")[:3] for line in f], dtype=np.int64)
    else:
        ratings = np.loadtxt(os.path.join(folder, name, "u.data"), dtype=np.int64)[:, :3]
    _, users = np.unique(ratings[:, 0], return_inverse=True)
    _, films = np.unique(ratings[:, 1], return_inverse=True)
    table = np.zeros((users.max() + 1, films.max() + 1), np.float32)
    liked = ratings[:, 2] >= 4
    table[users[liked], films[liked]] = 1
    return table[table.sum(1) >= 5]


def split(table, test, seed):
    rng = np.random.default_rng(seed)
    order = rng.permutation(len(table))
    n_test = round(len(table) * test)
    n_validation = round((len(table) - n_test) * 0.1)
    test, train = order[:n_test], order[n_test + n_validation:]
    kept = table[train].sum(0) > 0
    train, test = table[train][:, kept], table[test][:, kept]
    test = test[test.sum(1) >= 2]
    given, hidden = test.copy(), np.zeros_like(test)
    for row in range(len(test)):
        films = np.flatnonzero(test[row])
        chosen = rng.choice(films, max(1, int(0.2 * len(films))), replace=False)
        given[row, chosen], hidden[row, chosen] = 0, 1
    return train, given, hidden


class Model(nn.Module):
    def __init__(self, variant, films):
        super().__init__()
        self.variational = variant == "mult_vae"
        if self.variational:
            self.encoder = nn.Sequential(nn.Linear(films, 600), nn.Tanh(), nn.Linear(600, 400))
            self.decoder = nn.Sequential(nn.Linear(200, 600), nn.Tanh(), nn.Linear(600, films))
        else:
            self.encoder = nn.Sequential(nn.Linear(films, 200), nn.Tanh())
            self.decoder = nn.Linear(200, films)
        for layer in self.modules():
            if isinstance(layer, nn.Linear):
                nn.init.xavier_uniform_(layer.weight)
                nn.init.zeros_(layer.bias)

    def forward(self, x, dropout):
        h = F.dropout(F.normalize(x), dropout, self.training)
        code = self.encoder(h)
        if not self.variational:
            return self.decoder(code), None
        mean, log_var = code.chunk(2, 1)
        z = mean + torch.randn_like(mean) * (0.5 * log_var).exp() if self.training else mean
        return self.decoder(z), 0.5 * (mean.square() + log_var.exp() - log_var - 1).sum(1).mean()


def figures(scores, hidden):
    places = np.argsort(-scores, axis=1, kind="stable")[:, :100]
    hits = np.take_along_axis(hidden, places, 1)
    gains = 1 / np.log2(np.arange(100) + 2)
    relevant = hidden.sum(1).astype(int)
    best = np.array([gains[:min(n, 100)].sum() for n in relevant])
    recall = lambda k: (hits[:, :k].sum(1) / np.minimum(relevant, k)).mean()
    return {"ndcg_100": ((hits * gains).sum(1) / best).mean(), "recall_20": recall(20), "recall_50": recall(50)}


def run(args, seed):
    table = likes(args.set, args.data)
    train, given, hidden = map(torch.tensor, split(table, 0.1 if args.set == "movielens-1m" else 0.2, seed))
    torch.manual_seed(seed)
    model = Model(args.variant, train.shape[1])
    optimizer = torch.optim.Adam(model.parameters(), lr=1e-3)
    per_epoch = -(-len(train) // args.batch)
    steps, step = args.epochs * per_epoch, 0
    for _ in range(args.epochs):
        for rows in torch.randperm(len(train)).split(args.batch):
            x = train[rows]
            output, kl = model(x, args.dropout)
            loss = -(F.log_softmax(output, 1) * x).sum(1).mean()
            if model.variational:
                loss = loss + args.beta * min(1.0, step / (0.8 * steps)) * kl
            else:
                loss = loss + 2e-5 * sum(p.square().sum() for n, p in model.named_parameters() if n.endswith("weight"))
            optimizer.zero_grad()
            loss.backward()
            optimizer.step()
            step += 1
    model.eval()
    with torch.no_grad():
        scores, _ = model(given, 0)
    return figures(scores.masked_fill(given > 0, -torch.inf).numpy(), hidden.numpy())


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("variant", choices=["mult_vae", "mult_dae"])
    parser.add_argument("--set", default="movielens-100k", choices=["movielens-100k", "movielens-1m"])
    parser.add_argument("--data", default="data/cache")
    parser.add_argument("--seeds", default="0,1,2")
    parser.add_argument("--epochs", type=int, default=100)
    parser.add_argument("--batch", type=int, default=100)
    parser.add_argument("--beta", type=float, default=0.2)
    parser.add_argument("--dropout", type=float, default=0.5)
    parser.add_argument("--threads", type=int, default=1)
    args = parser.parse_args()
    torch.set_num_threads(args.threads)
    each = {seed: run(args, seed) for seed in map(int, args.seeds.split(","))}
    mean = {name: float(np.mean([it[name] for it in each.values()])) for name in next(iter(each.values()))}
    std = {name: float(np.std([it[name] for it in each.values()], ddof=1)) if len(each) > 1 else 0.0 for name in mean}
    print(json.dumps({"each": {s: {n: float(v) for n, v in it.items()} for s, it in each.items()}, "mean": mean, "std": std}))


if __name__ == "__main__":
    main()
