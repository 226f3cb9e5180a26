#!/usr/bin/env python3
"""What PyTorch's own layers for sequences and tokens give, for tests/sequence_layers.rs.

    python sequence_layers.py > sequence_layers.json        (needs torch; made with PyTorch 2.11)

Parameter k (in the order of torch's layer) holds 0.3 sin(0.7 i + k + 1) at flat index i, the input holds
sin(0.4 i); the loss whose gradient is taken is the sum of output · cos(0.3 i). All in double precision.
"""
import json
import torch
import torch.nn as nn
import torch.nn.functional as F

torch.set_default_dtype(torch.float64)


def wave(shape, amplitude, rate, phase):
    n = torch.tensor(shape).prod().item()
    return (amplitude * torch.sin(rate * torch.arange(n) + phase)).view(shape)


def fill(parameters):
    with torch.no_grad():
        for k, p in enumerate(parameters):
            p.copy_(wave(p.shape, 0.3, 0.7, k + 1.0))


def case(name, forward, parameters, shape):
    parameters = list(parameters)
    fill(parameters)
    for p in parameters:
        p.grad = None
    x = wave(shape, 1.0, 0.4, 0.0).requires_grad_()
    y = forward(x)
    (y * wave(y.shape, 1.0, 0.3, torch.pi / 2)).sum().backward()
    r = lambda t: [round(v, 7) for v in t.flatten().tolist()]
    return {"name": name, "output": r(y), "input_gradient": r(x.grad), "parameter_gradients": [round(p.grad.sum().item(), 6) for p in parameters]}


class Block(nn.Module):
    """A pre-norm block out of nn.MultiheadAttention, an implementation other than the one under test."""

    def __init__(s, width, heads):
        super().__init__()
        s.n1, s.a, s.n2 = nn.LayerNorm(width), nn.MultiheadAttention(width, heads, batch_first=True), nn.LayerNorm(width)
        s.up, s.down = nn.Linear(width, 4 * width), nn.Linear(4 * width, width)

    def ordered(s):
        a = s.a
        return [s.n1.weight, s.n1.bias, a.in_proj_weight, a.in_proj_bias, a.out_proj.weight, a.out_proj.bias,
                s.n2.weight, s.n2.bias, s.up.weight, s.up.bias, s.down.weight, s.down.bias]

    def forward(s, x):
        h = s.n1(x)
        x = x + s.a(h, h, h, need_weights=True)[0]
        return x + s.down(F.gelu(s.up(s.n2(x))))


class Temporal(nn.Module):
    """Bai et al.'s block with their chomp (padding on both sides, the right one cut off)."""

    def __init__(s, inputs, channels, kernel, dilation):
        super().__init__()
        past = (kernel - 1) * dilation
        s.one = nn.Conv1d(inputs, channels, kernel, padding=past, dilation=dilation)
        s.two = nn.Conv1d(channels, channels, kernel, padding=past, dilation=dilation)
        s.skip = nn.Conv1d(inputs, channels, 1)

    def forward(s, x):
        x = x.transpose(1, 2)
        t = x.shape[2]
        h = F.relu(s.one(x)[:, :, :t])
        h = F.relu(s.two(h)[:, :, :t])
        return F.relu(h + s.skip(x)).transpose(1, 2)


lstm, gru, block, temporal = nn.LSTM(3, 4, batch_first=True), nn.GRU(3, 4, batch_first=True), Block(8, 2), Temporal(3, 4, 3, 2)
both_lstm, both_gru = [of(3, 4, batch_first=True, bidirectional=True) for of in (nn.LSTM, nn.GRU)]
cases = [
    case("lstm", lambda x: lstm(x)[0], lstm.parameters(), (2, 5, 3)),
    case("lstm, last state", lambda x: lstm(x)[1][0][-1], lstm.parameters(), (2, 5, 3)),
    case("gru", lambda x: gru(x)[0], gru.parameters(), (2, 5, 3)),
    case("gru, last state", lambda x: gru(x)[1][-1], gru.parameters(), (2, 5, 3)),
    case("transformer block", block, block.ordered(), (2, 5, 8)),
    case("temporal block", temporal, temporal.parameters(), (2, 9, 3)),
    case("lstm, both ways", lambda x: both_lstm(x)[0], both_lstm.parameters(), (2, 5, 3)),
    case("gru, both ways, last states", lambda x: both_gru(x)[1].transpose(0, 1).flatten(1), both_gru.parameters(), (2, 5, 3)),
]
print(json.dumps(cases).replace('{"name"', '\n{"name"'))
