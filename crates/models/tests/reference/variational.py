#!/usr/bin/env python3
"""Losses and gradients of the variational variants on tiny nets, by PyTorch's own distributions and autograd.

    python variational.py > variational.json        (needs torch; made with PyTorch 2.11)

Parameter j of a net holds 0.6 * sin(1.7 * i + j) at place i; sample values are 0.5 + 0.4 * sin(0.9 * i), bits are
whether these exceed 0.5, draws are 1.2 * cos(1.3 * i), labels are the row modulo 3. All in double precision.
Nothing here uses the closed forms under test: divergences and densities come from torch.distributions.
"""
import json
import torch
from torch import nn
from torch.distributions import Bernoulli, Independent, Normal, kl_divergence

torch.set_default_dtype(torch.float64)
ROWS, VALUES, HIDDEN, LATENT, CLASSES, DRAWS = 3, 6, 5, 2, 3, 4


def wave(shape, amplitude, frequency, function):
    n = 1
    for side in shape:
        n *= side
    return (amplitude * function(frequency * torch.arange(n))).view(shape)


def net(extra):
    """784-400-20 in small; `extra` numbers come beside the input and beside the latents."""
    encoder = nn.Sequential(nn.Linear(VALUES + extra, HIDDEN), nn.Tanh(), nn.Linear(HIDDEN, 2 * LATENT))
    decoder = nn.Sequential(nn.Linear(LATENT + extra, HIDDEN), nn.Tanh(), nn.Linear(HIDDEN, VALUES))
    parameters = [*encoder.parameters(), *decoder.parameters()]
    with torch.no_grad():
        for j, p in enumerate(parameters):
            p.copy_((0.6 * torch.sin(1.7 * torch.arange(p.numel()) + j)).view(p.shape))
    return encoder, decoder, parameters


grey = 0.5 + wave((ROWS, VALUES), 0.4, 0.9, torch.sin)
bits = (grey > 0.5).double()
one_hot = nn.functional.one_hot(torch.arange(ROWS) % CLASSES, CLASSES).double()
prior = Independent(Normal(torch.zeros(LATENT), torch.ones(LATENT)), 1)


def posterior(encoder, x):
    mean, log_var = encoder(x).chunk(2, 1)
    return Normal(mean, (log_var / 2).exp())


def cross_entropy(logits, x):
    return nn.functional.binary_cross_entropy_with_logits(logits, x, reduction="none").sum(-1)


def result(terms, parameters, total):
    gradients = torch.autograd.grad(total, parameters)
    return {
        "terms": {name: value.item() for name, value in terms.items()},
        "gradient_sums": [float(g.sum()) for g in gradients],
        "gradient_norms": [float(g.norm()) for g in gradients],
    }


def elbo(x, price, condition=None):
    encoder, decoder, parameters = net(0 if condition is None else CLASSES)
    beside = lambda t: t if condition is None else torch.cat([t, condition], 1)
    q = posterior(encoder, beside(x))
    z = q.loc + q.scale * wave((ROWS, LATENT), 1.2, 1.3, torch.cos)
    reconstruction = cross_entropy(decoder(beside(z)), x).mean()
    per_dimension = kl_divergence(q, Normal(0.0, 1.0))
    kl, cost = per_dimension.sum(1).mean(), price(per_dimension)
    terms = {"reconstruction": reconstruction, "kl": kl, "weighted_kl": cost, "negative_elbo": reconstruction + kl}
    return result(terms, parameters, reconstruction + cost)


def iwae():
    encoder, decoder, parameters = net(0)
    q = posterior(encoder, bits)
    z = q.loc + q.scale * wave((DRAWS, ROWS, LATENT), 1.2, 1.3, torch.cos)
    likelihood = Independent(Bernoulli(logits=decoder(z)), 1)
    weights = likelihood.log_prob(bits) + prior.log_prob(z) - Independent(q, 1).log_prob(z)
    bound = -(weights.exp().mean(0).log()).mean()
    return result({"negative_iwae_bound": bound, "negative_elbo": -weights.mean()}, parameters, bound)


mean_kl = lambda kl: kl.sum(1).mean()
print(json.dumps({
    "plain": elbo(grey, mean_kl),
    "weight_4": elbo(grey, lambda kl: 4 * mean_kl(kl)),
    "free_bits_0.3": elbo(grey, lambda kl: torch.maximum(kl.mean(0), torch.tensor(0.3)).sum()),
    "capacity_5_gamma_3": elbo(grey, lambda kl: 3 * (mean_kl(kl) - 5).abs()),
    "conditional": elbo(bits, mean_kl, one_hot),
    "iwae": iwae(),
}, indent=1))
