#!/usr/bin/env python3
"""The variational presets in plain PyTorch: where the references of their [[expected]] come from.

    python variational_peers.py PRESET DATA [--seed S] [--epochs N] [--images N]

PRESET is cvae-conv, beta_vae, cvae, vae-nll or iwae; DATA holds the four idx files of MNIST. Prints one JSON object
with held-out figures in nats per image: the negative ELBO over all test images (one draw each) and, for vae-nll and
iwae, the negative log-likelihood by 5,000 importance samples of the first --images test images. Networks,
initialisation (Glorot-uniform, zero biases, the output's bias at the logit of the mean pixel), optimizer, schedule
and binarization are those of the presets.
"""
import argparse, gzip, json, math, os, time
import numpy as np
import torch
import torch.nn.functional as F
from torch import nn

PRESETS = {
    "cvae-conv": dict(latent=2, conv=True),
    "beta_vae": dict(beta=4.0),
    "cvae": dict(classes=10),
    "vae-nll": dict(hidden=[200, 200], latent=50, act=nn.Tanh, bits=True, batch=20, epochs=13, eps=1e-4, stages=True),
    "iwae": dict(hidden=[200, 200], latent=50, act=nn.Tanh, bits=True, batch=20, epochs=13, eps=1e-4, stages=True, k=5),
}


def idx(path):
    with gzip.open(path) as f:
        raw = f.read()
    shape = [int.from_bytes(raw[4 + 4 * i:8 + 4 * i], "big") for i in range(raw[3])]
    return torch.from_numpy(np.frombuffer(raw, np.uint8, offset=4 + 4 * raw[3]).reshape(shape).copy())


def dense(sizes, act):
    layers = []
    for a, b in zip(sizes, sizes[1:]):
        layers += [nn.Linear(a, b), act()]
    return nn.Sequential(*layers[:-1])


class Net(nn.Module):
    def __init__(self, mean, hidden=(400,), latent=20, act=nn.ReLU, classes=0, conv=False, **_):
        super().__init__()
        if conv:
            self.enc = nn.Sequential(nn.Unflatten(1, (1, 28, 28)), nn.Conv2d(1, 32, 3, 2, 1), act(), nn.Conv2d(32, 64, 3, 2, 1), act(),
                                     nn.Flatten(), nn.Linear(64 * 49, 2 * latent))
            self.dec = nn.Sequential(nn.Linear(latent, 32 * 49), act(), nn.Unflatten(1, (32, 7, 7)), nn.ConvTranspose2d(32, 64, 3, 2, 1, 1), act(),
                                     nn.ConvTranspose2d(64, 32, 3, 2, 1, 1), act(), nn.Conv2d(32, 1, 3, 1, 1), nn.Flatten())
        else:
            self.enc = dense([784 + classes, *hidden, 2 * latent], act)
            self.dec = dense([latent + classes, *reversed(hidden), 784], act)
        for m in self.modules():
            if isinstance(m, (nn.Linear, nn.Conv2d, nn.ConvTranspose2d)):
                nn.init.xavier_uniform_(m.weight)
                nn.init.zeros_(m.bias)
                last = m
        with torch.no_grad():
            last.bias.fill_(math.log(mean / (1 - mean)))

    def posterior(self, x, y):
        return self.enc(x if y is None else torch.cat([x, y], 1)).chunk(2, 1)

    def nll(self, z, x, y):
        out = self.dec(z if y is None else torch.cat([z, y], 1))
        return F.binary_cross_entropy_with_logits(out, x, reduction="none").sum(-1)


def log_weights(net, x, k):
    m, lv = net.posterior(x, None)
    e = torch.randn(k, *m.shape)
    z = m + (lv / 2).exp() * e
    log_q = -0.5 * (e ** 2 + lv + math.log(2 * math.pi)).sum(-1)
    log_p = -0.5 * (z ** 2 + math.log(2 * math.pi)).sum(-1)
    nll = net.nll(z.flatten(0, 1), x.repeat(k, 1), None).view(k, -1)
    return log_p - log_q - nll


def elbo_terms(net, x, y):
    m, lv = net.posterior(x, y)
    z = m + (lv / 2).exp() * torch.randn_like(m)
    return net.nll(z, x, y).mean(), (-0.5 * (1 + lv - m ** 2 - lv.exp())).sum(1).mean()


def main():
    p = argparse.ArgumentParser()
    p.add_argument("preset", choices=PRESETS)
    p.add_argument("data")
    p.add_argument("--seed", type=int, default=0)
    p.add_argument("--epochs", type=int)
    p.add_argument("--images", type=int, default=1000)
    p.add_argument("--threads", type=int, default=1)
    a = p.parse_args()
    torch.set_num_threads(a.threads)
    torch.manual_seed(a.seed)
    c = PRESETS[a.preset]
    batch, epochs, k = c.get("batch", 128), a.epochs or c.get("epochs", 10), c.get("k", 1)
    read = lambda name: idx(os.path.join(a.data, name + "-ubyte.gz"))
    images = lambda name: (read(name).float() / 255).flatten(1)
    xtr, xte = images("train-images-idx3"), images("t10k-images-idx3")
    hot = lambda name: F.one_hot(read(name).long(), 10).float() if c.get("classes") else None
    ytr, yte = hot("train-labels-idx1"), hot("t10k-labels-idx1")
    net = Net(float(xtr.mean()), **c)
    opt = torch.optim.Adam(net.parameters(), 1e-3, eps=c.get("eps", 1e-8), fused=True)
    draw = (lambda x: (torch.rand_like(x) < x).float()) if c.get("bits") else (lambda x: x)
    t = time.perf_counter()
    for epoch in range(epochs):
        if c.get("stages"):  # stage i lasts 3^i epochs at 0.001 * 10^(-i/7)
            stage = next(i for i in range(20) if epoch < (3 ** (i + 1) - 1) // 2)
            opt.param_groups[0]["lr"] = 1e-3 * 10 ** (-stage / 7)
        order = torch.randperm(len(xtr))
        for i in range(0, len(xtr), batch):
            rows = order[i:i + batch]
            x, y = draw(xtr[rows]), None if ytr is None else ytr[rows]
            if k > 1:
                loss = -(torch.logsumexp(log_weights(net, x, k), 0) - math.log(k)).mean()
            else:
                nll, kl = elbo_terms(net, x, y)
                loss = nll + c.get("beta", 1.0) * kl
            opt.zero_grad(set_to_none=True)
            loss.backward()
            opt.step()
    out = dict(preset=a.preset, seed=a.seed, epochs=epochs, seconds=time.perf_counter() - t)
    with torch.no_grad():
        bits = draw(xte)
        terms = [elbo_terms(net, bits[i:i + 1000], None if yte is None else yte[i:i + 1000]) for i in range(0, len(xte), 1000)]
        out["reconstruction"], out["kl"] = (float(torch.stack(t).mean()) for t in zip(*terms))
        out["negative_elbo"] = out["reconstruction"] + out["kl"]
        if k > 1:
            w = torch.cat([log_weights(net, bits[i:i + 1000], k) for i in range(0, len(bits), 1000)], 1)
            out["negative_iwae_bound"] = float(-(torch.logsumexp(w, 0) - math.log(k)).mean())
        if c.get("bits") and a.images:
            nll = [-(torch.logsumexp(torch.cat([log_weights(net, bits[i:i + 20], 250) for _ in range(20)]), 0) - math.log(5000))
                   for i in range(0, a.images, 20)]
            out["nll"], out["images"] = float(torch.cat(nll).mean()), a.images
        means = torch.cat([net.posterior(bits[i:i + 1000], None if yte is None else yte[i:i + 1000])[0] for i in range(0, len(bits), 1000)])
        out["active_units"] = int((means.var(0) > 0.01).sum())
    print(json.dumps(out), flush=True)


if __name__ == "__main__":
    main()
