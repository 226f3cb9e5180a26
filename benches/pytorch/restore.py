#!/usr/bin/env python3
"""The restoring network in PyTorch, with the settings of the presets `restoring` and `restoring-…`.

    python restore.py [--set olivetti|fashion-mnist|cifar10-subset] [--damage blocks|centre|scratches|blur|motion|downscale]
                      [--data DIR] [--seeds 0,1,2] [--epochs N] [--train N] [--batch N] [--channels 16,32,64] [--threads N]

The preset `restoring`: --epochs 150 --batch 8 --channels 16,32,64,96,96
`restoring-downscale`:  --set cifar10-subset --damage downscale --epochs 8

Trains the U-Net of `ae_models::blocks::unet` on images that are damaged anew at every step, and prints the PSNR of at most
300 test images, evenly spaced, damaged, filled in smoothly where holes are told, and restored: the mean over the images of
10 log10(1 / MSE). The kernel of a blur is told, as with `deblur`.

DIR holds SET/FILE; the faces are olivetti_400x64x64_u8.bin.gz, 400 upright images of bytes. Needs torch and numpy.
"""
import argparse, gzip, os, time
import numpy as np
import torch, torch.nn as nn, torch.nn.functional as F

CHANNELS, BLOCKS = (16, 32, 64), 1
BLURS = "blur", "motion"


def read(folder, name):
    """Training and test images [N, C, H, W] in [0, 1]."""
    def content(file):
        with gzip.open(os.path.join(folder, name, file), "rb") as f:
            return np.frombuffer(f.read(), np.uint8)
    if name == "olivetti":
        images = content("olivetti_400x64x64_u8.bin.gz").reshape(400, 1, 64, 64)
        parts = images[:350], images[350:]
    elif name == "cifar10-subset":
        files = "cifar10_train_first4000.bin.gz", "cifar10_test_first1000.bin.gz"
        parts = [content(file).reshape(-1, 3073)[:, 1:].reshape(-1, 3, 32, 32) for file in files]
    else:
        parts = [content(f"{part}-images-idx3-ubyte.gz")[16:].reshape(-1, 1, 28, 28) for part in ("train", "t10k")]
    return [torch.from_numpy(np.array(part)).float() / 255 for part in parts]


def each(padded, kernels):
    """Each image [B, C, H, W] with its kernel [B, K, K], by one convolution of as many groups."""
    n, channels, height, width = padded.shape
    groups = n * channels
    result = F.conv2d(padded.reshape(1, groups, height, width), kernels.unsqueeze(1).repeat_interleave(channels, 0), groups=groups)
    return result.view(n, channels, *result.shape[2:])


def convolved(x, kernels):
    return each(F.pad(x, [kernels.shape[1] // 2] * 4, mode="replicate"), kernels.flip(1, 2))


def spread(x, kernels):
    """The transpose of `convolved`."""
    reach, (height, width) = kernels.shape[1] // 2, x.shape[2:]
    wide = each(F.pad(x, [2 * reach] * 4), kernels)
    rows = wide[:, :, reach:reach + height].clone()
    rows[:, :, 0] += wide[:, :, :reach].sum(2)
    rows[:, :, -1] += wide[:, :, reach + height:].sum(2)
    both = rows[..., reach:reach + width].clone()
    both[..., 0] += rows[..., :reach].sum(3)
    both[..., -1] += rows[..., reach + width:].sum(3)
    return both


def kernels_of(kind, n):
    """Gaussians of 1.6 pixels, or lines of 7 pixels in random directions: [B, K, K]."""
    side = 11 if kind == "blur" else 9
    at = torch.arange(side).float() - side // 2
    down, across = at.view(1, -1, 1), at.view(1, 1, -1)
    if kind == "blur":
        weights = torch.exp((down ** 2 + across ** 2) / (-2 * 1.6 ** 2)).expand(n, side, side)
    else:
        angle = torch.rand(n, 1, 1) * np.pi
        along = (across * angle.cos() + down * angle.sin()).clamp(-3, 3)
        weights = (1 - torch.hypot(down - along * angle.sin(), across - along * angle.cos())).clamp_min(0)
    return weights / weights.sum((1, 2), keepdim=True)


def damage(kind, x):
    """The damaged images, and what is told: 1 where they are whole, or the kernels of a blur."""
    n, _, height, width = x.shape
    rows, columns = torch.arange(height).view(-1, 1).float(), torch.arange(width).view(1, -1).float()
    if kind == "blocks":
        side = round(0.25 * min(height, width))
        top = torch.floor(torch.rand(n, 4, 1, 1) * (height - side + 1))
        left = torch.floor(torch.rand(n, 4, 1, 1) * (width - side + 1))
        lost = (rows >= top) & (rows < top + side) & (columns >= left) & (columns < left + side)
        lost = lost.any(1, keepdim=True).float()
    elif kind == "centre":
        lost = torch.zeros(n, 1, height, width)
        lost[:, :, height // 4:height // 4 + height // 2, width // 4:width // 4 + width // 2] = 1
    elif kind in BLURS:
        kernels = kernels_of(kind, n)
        return (convolved(x, kernels) + 0.01 * torch.randn_like(x)).clamp(0, 1), kernels
    elif kind == "scratches":
        through = lambda side: torch.rand(n, 4, 1, 1) * side - 0.5
        angle = torch.rand(n, 4, 1, 1) * np.pi
        apart = (rows - through(height)) * angle.cos() - (columns - through(width)) * angle.sin()
        lost = (apart.abs() < 1).any(1, keepdim=True).float()
        return x * (1 - lost) + lost, 1 - lost
    else:
        small = F.avg_pool2d(x, 2)
        large = F.interpolate(small, scale_factor=2, mode="bicubic", antialias=True)
        return large.clamp(0, 1), None
    return x * (1 - lost) + 0.5 * lost, 1 - lost


def laplacian(x):
    p = F.pad(x, [1] * 4, mode="replicate")
    return p[..., :-2, 1:-1] + p[..., 2:, 1:-1] + p[..., 1:-1, :-2] + p[..., 1:-1, 2:] - 4 * x


def pyramid(x, whole):
    height, width = x.shape[2:]
    if height == width == 1:
        return x * whole
    smaller = lambda t: F.avg_pool2d(t, 2, ceil_mode=True)
    weight = smaller(whole)
    coarse = pyramid(smaller(x * whole) / weight.clamp_min(1e-7), (weight > 0).float())
    guess = F.interpolate(coarse, scale_factor=2, mode="bilinear")[:, :, :height, :width]
    filled = x * whole + guess * (1 - whole)
    for _ in range(2):
        filled = filled + laplacian(filled) * (1 - whole) / 4
    return filled


def fill(x, whole):
    """`ae_models::damage::fill`: sixteen steps of conjugate gradients from the pyramid towards the surface of least bending."""
    filled = pyramid(x, whole)
    operator = lambda u: laplacian(laplacian(u)) * (1 - whole)
    return descend(operator, filled, -operator(filled))


def slopes(x):
    p = F.pad(x, [0, 1, 0, 1], mode="replicate")
    return p[..., 1:, :-1] - x, p[..., :-1, 1:] - x


def from_slopes(down, right):
    """The transpose of `slopes`, for slopes that are 0 at the border."""
    return F.pad(down, [0, 0, 1, 0])[..., :-1, :] + F.pad(right, [1, 0])[..., :-1] - down - right


def deblur(x, kernels):
    """`ae_models::damage::deblur`: four times eight steps towards the least of ½ |K u - x|² + w Σ √(|∇u|² + ε²)."""
    u, seen = x, spread(x, kernels)
    for _ in range(4):
        weights = 8 * 0.01 ** 2 / (sum(s.square() for s in slopes(u)).sum(1, keepdim=True) + 1e-4).sqrt()
        operator = lambda u: spread(convolved(u, kernels), kernels) + from_slopes(*(s * weights for s in slopes(u)))
        u = descend(operator, u, seen - operator(u), 8)
    return u


def descend(operator, u, residual, steps=16):
    product = lambda a, b: (a * b).sum((2, 3), keepdim=True)
    ratio = lambda a, b: a / b.clamp_min(1e-38)
    direction, length = residual, product(residual, residual)
    for _ in range(steps):
        image = operator(direction)
        stride = ratio(length, product(direction, image))
        u, residual = u + direction * stride, residual - image * stride
        before, length = length, product(residual, residual)
        direction = residual + direction * ratio(length, before)
    return u


def start(layer, std=None):
    """Glorot's uniform weights, as every layer has here that says nothing else."""
    nn.init.normal_(layer.weight, 0, std) if std else nn.init.xavier_uniform_(layer.weight)
    nn.init.zeros_(layer.bias)
    return layer


class Residual(nn.Module):
    def __init__(self, channels):
        super().__init__()
        self.first = nn.Conv2d(channels, channels, 3, 1, 1)
        self.second = start(nn.Conv2d(channels, channels, 1))
        nn.init.kaiming_normal_(self.first.weight, nonlinearity="relu"), nn.init.zeros_(self.first.bias)

    def forward(self, x):
        return x + self.second(F.relu(self.first(F.relu(x))))


class UNet(nn.Module):
    def __init__(self, inputs, outputs):
        super().__init__()
        blocks = lambda width: [Residual(width) for _ in range(BLOCKS)]
        before = (inputs,) + CHANNELS
        self.down = nn.ModuleList(nn.Sequential(start(nn.Conv2d(before[i], width, 3, 1 if i == 0 else 2, 1)), *blocks(width))
                                  for i, width in enumerate(CHANNELS))
        self.up = nn.ModuleList(nn.Sequential(start(nn.Conv2d(below, width, 1)), nn.Upsample(scale_factor=2))
                                for width, below in zip(CHANNELS, CHANNELS[1:]))
        self.merged = nn.ModuleList(nn.Sequential(*blocks(width)) for width in CHANNELS)
        self.head = start(nn.Conv2d(CHANNELS[0], outputs, 3, 1, 1), 0.02)

    def forward(self, x):
        grid = 2 ** (len(CHANNELS) - 1)
        height, width = x.shape[2:]
        levels = [F.pad(x, [0, -width % grid, 0, -height % grid], mode="replicate")]
        for network in self.down:
            levels.append(network(levels[-1]))
        back = self.merged[-1](levels[-1])
        for here, up, merged in zip(levels[-2:0:-1], self.up[::-1], self.merged[-2::-1]):
            back = merged(here + up(back))
        return self.head(F.relu(back))[:, :, :height, :width]


def restore(network, images, told):
    if told is None:
        return images + network(images)
    if told.dim() == 3:
        images = deblur(images, told)
        return images + network(images)
    whole = told
    images = fill(images, whole)
    return images + network(torch.cat([images, whole], 1)) * (1 - whole)


def psnr(a, b):
    return -10 * torch.log10((a - b).square().mean([1, 2, 3])).mean().item()


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--set", default="olivetti")
    parser.add_argument("--damage", default="blocks")
    parser.add_argument("--data", default="data/cache")
    parser.add_argument("--seeds", default="0,1,2")
    parser.add_argument("--epochs", type=int, default=60)
    parser.add_argument("--train", type=int)
    parser.add_argument("--batch", type=int, default=16)
    parser.add_argument("--channels", default="16,32,64")
    parser.add_argument("--threads", type=int, default=1)
    args = parser.parse_args()
    torch.set_num_threads(args.threads)
    global CHANNELS
    CHANNELS = tuple(map(int, args.channels.split(",")))
    train, test = read(args.data, args.set)
    n = min(300, len(test))
    test = test[[i * len(test) // n for i in range(n)]]
    found = []
    for seed in map(int, args.seeds.split(",")):
        torch.manual_seed(seed)
        rows = train[torch.randperm(len(train))[:args.train]]
        network = UNet(rows.shape[1] + (args.damage in ("blocks", "centre", "scratches")), rows.shape[1])
        steps = args.epochs * -(-len(rows) // args.batch)
        optimizer = torch.optim.Adam(network.parameters(), 2e-3)
        schedule = torch.optim.lr_scheduler.CosineAnnealingLR(optimizer, steps)
        began, loss_sum = time.time(), 0.0
        for epoch in range(args.epochs):
            for batch in torch.randperm(len(rows)).split(args.batch):
                x = rows[batch]
                turned = torch.rand(len(x), 1, 1, 1) < 0.5
                x = torch.where(turned, x.flip(3), x)
                loss = F.mse_loss(restore(network, *damage(args.damage, x)), x)
                optimizer.zero_grad(), loss.backward(), optimizer.step(), schedule.step()
        with torch.no_grad():
            torch.manual_seed(1000 + seed)
            damaged, told = damage(args.damage, test)
            restored = torch.cat([restore(network, d, t).clamp(0, 1) for d, t in zip(
                damaged.split(50), [None] * n if told is None else told.split(50))])
        found.append(psnr(restored, test))
        print(f"seed {seed}: {found[-1]:.2f} dB (damaged: {psnr(damaged, test):.2f} dB) after {time.time() - began:.0f} s", flush=True)
    print(f"{args.set}, {args.damage}: {np.mean(found):.2f} ± {np.std(found, ddof=1) if len(found) > 1 else 0:.2f} dB")


if __name__ == "__main__":
    main()
