#!/usr/bin/env python3
"""One training step of a tiny DCGAN, a tiny adversarial autoencoder and a tiny VAE-GAN: losses, gradients, moments.

    python adversarial.py > adversarial.json        (made with torch 2.11, float64)

Networks, batch normalisation and gradients are PyTorch's own; the losses are written with probabilities and
logarithms, as the papers have them. The draws of the latents and of the prior are those that the models make from
`Noise::new(7, 0)`, which the test verifies.
"""
import json
import torch
from torch import nn

# A start whose batches vary: batch normalisation divides by the deviation of four samples, and what single precision
# rounds grows with it. (With seed 1 the variances fall to 0.01, and the bound of the test depends on the processor.)
torch.manual_seed(2)
torch.set_default_dtype(torch.float64)
LATENTS = torch.tensor([
    0.580366849899292, 1.4100024700164795, -1.9939078092575073, -1.4026092290878296, 1.2725582122802734,
    1.5788594484329224, -1.5247161388397217, -0.5473436713218689, -0.988765299320221, -1.2394946813583374,
    0.7727119326591492, 2.404616594314575]).view(4, 3)
PRIOR = torch.tensor([
    -0.6541866064071655, 1.398657202720642, 0.0856490507721901, -1.2204352617263794, -1.3416903018951416,
    -0.01401553675532341, 0.4331448972225189, 0.7152166962623596]).view(4, 2)
REPARAMETERISE = torch.tensor([
    1.2464981079101563, -0.6735236644744873, -0.9374401569366455, 1.4017378091812134, -0.24141886830329895,
    -1.1807136535644531, -0.5198900103569031, 0.3998718559741974, -0.5840297341346741, -1.8516596555709839,
    0.5795798897743225, 1.9386776685714722]).view(4, 3)
LEAKY = lambda: nn.LeakyReLU(0.2)


def numbers(tensor):
    return [round(v, 10) for v in tensor.detach().flatten().tolist()]


def start(networks):
    """Round numbers, so that they are the same in single precision up to its own rounding."""
    for network in networks.values():
        for p in network.parameters():
            p.data = torch.randn_like(p).mul(0.5).round(decimals=3)


def result(networks, groups, losses, figures, batch, draws):
    out = {"batch": numbers(batch), "draws": numbers(draws), "figures": figures, "losses": {}, "parameters": {},
           "gradients": {}, "buffers": {}}
    for group, members in groups.items():
        out["losses"][group] = losses[group].item()
        for name in members:
            parameters = dict(networks[name].named_parameters())
            gradients = torch.autograd.grad(losses[group], parameters.values(), retain_graph=True)
            for (leaf, p), g in zip(parameters.items(), gradients):
                out["parameters"][f"{name}.{leaf}"] = numbers(p)
                out["gradients"][f"{name}.{leaf}"] = numbers(g)
            for leaf, b in networks[name].named_buffers():
                if not leaf.endswith("num_batches_tracked"):
                    out["buffers"][f"{name}.{leaf}".replace("running_var", "running_variance")] = numbers(b)
    return out


def players(real, fake):
    """Losses of generator and discriminator, and the shares that the discriminator tells rightly."""
    p, q = torch.sigmoid(real), torch.sigmoid(fake)
    return -torch.log(q).mean(), -(torch.log(p).mean() + torch.log(1 - q).mean()), \
        (p > 0.5).double().mean().item(), (q <= 0.5).double().mean().item()


def image_generator():
    # Images of 1×5×4; the odd side needs an output padding.
    return nn.Sequential(
        nn.Linear(3, 3), nn.BatchNorm1d(3), nn.ReLU(), nn.Unflatten(1, (3, 1, 1)),
        nn.ConvTranspose2d(3, 2, 4, 2, 1), nn.BatchNorm2d(2), nn.ReLU(),
        nn.ConvTranspose2d(2, 1, 4, 2, 1, output_padding=(1, 0)))


def convolutions():
    return [nn.Conv2d(1, 2, 4, 2, 1), LEAKY(), nn.Conv2d(2, 3, 4, 2, 1), nn.BatchNorm2d(3), LEAKY()]


def gan():
    generator = image_generator()
    discriminator = nn.Sequential(*convolutions(), nn.Flatten(), nn.Linear(3, 1))
    networks = {"generator": generator, "discriminator": discriminator}
    start(networks)
    batch = torch.rand(4, 1, 5, 4).round(decimals=3)
    fakes = torch.sigmoid(generator(LATENTS))
    loss_g, loss_d, right_real, right_fake = players(discriminator(batch), discriminator(fakes))
    bound = (torch.log(torch.tensor(4.0)) - loss_d) / 2
    figures = {"accuracy_real": right_real, "accuracy_fake": right_fake, "jensen_shannon": bound.item()}
    groups = {"generator": ["generator"], "discriminator": ["discriminator"]}
    return result(networks, groups, {"generator": loss_g, "discriminator": loss_d}, figures, batch, LATENTS)


def aae():
    encoder = nn.Sequential(nn.Flatten(), nn.Linear(6, 4), nn.ReLU(), nn.Linear(4, 2))
    decoder = nn.Sequential(nn.Linear(2, 4), nn.ReLU(), nn.Linear(4, 6))
    discriminator = nn.Sequential(nn.Flatten(), nn.Linear(2, 3), LEAKY(), nn.Linear(3, 1))
    networks = {"encoder": encoder, "decoder": decoder, "discriminator": discriminator}
    start(networks)
    batch = torch.rand(4, 6).round(decimals=3)
    codes = encoder(batch)
    error = ((torch.sigmoid(decoder(codes)) - batch) ** 2).mean()
    loss_g, loss_d, right_prior, right_codes = players(discriminator(PRIOR), discriminator(codes))
    figures = {"mse": error.item(), "accuracy_prior": right_prior, "accuracy_codes": right_codes}
    groups = {"autoencoder": ["encoder", "decoder"], "discriminator": ["discriminator"]}
    losses = {"autoencoder": error + 0.05 * loss_g, "discriminator": loss_d}
    return result(networks, groups, losses, figures, batch, PRIOR)


def vae_gan():
    encoder = nn.Sequential(*convolutions(), nn.Flatten(), nn.Linear(3, 6))
    decoder = image_generator()
    features = nn.Sequential(*convolutions())
    discriminator = nn.Sequential(nn.Flatten(), nn.Linear(3, 1))
    networks = {"encoder": encoder, "decoder": decoder, "features": features, "discriminator": discriminator}
    start(networks)
    batch = torch.rand(4, 1, 5, 4).round(decimals=3)
    mean, log_variance = encoder(batch).chunk(2, 1)
    images = torch.sigmoid(decoder(mean + (log_variance / 2).exp() * REPARAMETERISE))
    samples = torch.sigmoid(decoder(LATENTS))
    seen, of_images, of_samples = features(batch), features(images), features(samples)
    real, fakes = discriminator(seen), torch.cat([discriminator(of_images), discriminator(of_samples)])
    similarity = ((of_images - seen.detach()) ** 2).flatten(1).sum(1).mean() / 2
    kl = (mean ** 2 + log_variance.exp() - 1 - log_variance).sum(1).mean() / 2
    _, loss_d, right_real, right_fake = players(real, fakes)
    fooled = -torch.log(torch.sigmoid(fakes[:4])).mean() - torch.log(torch.sigmoid(fakes[4:])).mean()
    figures = {"mse": ((images - batch) ** 2).mean().item(), "accuracy_real": right_real, "accuracy_fake": right_fake}
    groups = {"encoder": ["encoder"], "decoder": ["decoder"], "discriminator": ["features", "discriminator"]}
    losses = {"encoder": kl + similarity, "decoder": 0.02 * similarity + fooled, "discriminator": loss_d}
    return result(networks, groups, losses, figures, batch, torch.cat([REPARAMETERISE, LATENTS]))


print(json.dumps({"gan": gan(), "aae": aae(), "vae_gan": vae_gan()}))
