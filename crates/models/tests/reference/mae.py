#!/usr/bin/env python3
"""A small masked autoencoder as He et al. write it: mask tokens put back in their places, error on masked patches only.

    python mae.py > mae.json        (needs torch; made with PyTorch 2.11)

Images 2×8×12 in patches of 4 (6 tokens), 2 visible; encoder width 8, one block of 2 heads; decoder width 4, one block of
2 heads. Parameter k holds 0.3 sin(0.7 i + k + 1) at flat index i, the images sin(0.4 i). In double precision.
"""
import json
import torch
import torch.nn as nn
import torch.nn.functional as F

torch.set_default_dtype(torch.float64)
ORDERS = [[4, 1, 0, 3, 5, 2], [2, 3, 5, 0, 1, 4], [0, 5, 1, 2, 4, 3]]  # of each image; the first two are visible
ROWS, COLUMNS, KEEP = 2, 3, 2


def wave(shape, amplitude, rate, phase):
    n = torch.tensor(shape).prod().item()
    return (amplitude * torch.sin(rate * torch.arange(n) + phase)).view(shape)


def positions(width):
    out = torch.zeros(ROWS * COLUMNS, width)
    for row in range(ROWS):
        for column in range(COLUMNS):
            values = []
            for place in (row, column):
                angles = [place / 10000 ** (4 * i / width) for i in range(width // 4)]
                values += [torch.sin(torch.tensor(a)) for a in angles] + [torch.cos(torch.tensor(a)) for a in angles]
            out[row * COLUMNS + column] = torch.stack(values)
    return out


class Block(nn.Module):
    def __init__(s, width, heads):
        super().__init__()
        s.n1, s.a, s.n2 = nn.LayerNorm(width), nn.MultiheadAttention(width, heads, batch_first=True), nn.LayerNorm(width)
        s.up, s.down = nn.Linear(width, 4 * width), nn.Linear(4 * width, width)

    def ordered(s):
        a = s.a
        return [*s.n1.parameters(), a.in_proj_weight, a.in_proj_bias, a.out_proj.weight, a.out_proj.bias,
                *s.n2.parameters(), *s.up.parameters(), *s.down.parameters()]

    def forward(s, x):
        h = s.n1(x)
        x = x + s.a(h, h, h, need_weights=True)[0]
        return x + s.down(F.gelu(s.up(s.n2(x))))


embed, encoder, norm, bridge = nn.Linear(32, 8), Block(8, 2), nn.LayerNorm(8), nn.Linear(8, 4)
mask, decoder, last, head = nn.Parameter(torch.zeros(1, 1, 4)), Block(4, 2), nn.LayerNorm(4), nn.Linear(4, 32)
parameters = [*embed.parameters(), *encoder.ordered(), *norm.parameters(), *bridge.parameters(), mask,
              *decoder.ordered(), *last.parameters(), *head.parameters()]
with torch.no_grad():
    for k, p in enumerate(parameters):
        p.copy_(wave(p.shape, 0.3, 0.7, k + 1.0))

x = wave((3, 2, 8, 12), 1.0, 0.4, 0.0)
patches = F.unfold(x, 4, stride=4).transpose(1, 2)
total, count = 0.0, 0
for image, order in zip(patches, ORDERS):
    visible = order[:KEEP]
    tokens = bridge(norm(encoder((embed(image) + positions(8))[visible].unsqueeze(0))))[0]
    full = mask[0].expand(6, 4).clone()
    full[visible] = tokens
    predicted = head(last(decoder((full + positions(4)).unsqueeze(0))))[0]
    for i in range(6):
        if i not in visible:
            total, count = total + ((predicted[i] - image[i]) ** 2).mean(), count + 1
loss = total / count
loss.backward()
code = norm(encoder(embed(patches) + positions(8))).mean(1)
print(json.dumps({
    "orders": ORDERS,
    "loss": round(loss.item(), 9),
    "code": [round(v, 7) for v in code.flatten().tolist()],
    "gradients": [round(p.grad.sum().item(), 7) for p in parameters],
}))
