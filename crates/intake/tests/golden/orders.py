#!/usr/bin/env python3
"""Prints golden orders and splits from an independent ChaCha8 and Fisher-Yates. Standard library only.

`src/order.rs` and `tests/own_data.rs` expect these values.
"""
import hashlib
import struct


def chacha8_words(key):
    """u32 words of ChaCha with 8 rounds: 64-bit counter from 0, 64-bit stream 0 (djb's layout)."""
    state = [0x61707865, 0x3320646E, 0x79622D32, 0x6B206574, *struct.unpack("<8I", key), 0, 0, 0, 0]

    def quarter(x, a, b, c, d):
        for p, q, r, turn in ((a, b, d, 16), (c, d, b, 12), (a, b, d, 8), (c, d, b, 7)):
            x[p] = (x[p] + x[q]) & 0xFFFFFFFF
            v = x[r] ^ x[p]
            x[r] = ((v << turn) | (v >> (32 - turn))) & 0xFFFFFFFF

    while True:
        x = list(state)
        for _ in range(4):
            for i in range(4):
                quarter(x, i, 4 + i, 8 + i, 12 + i)
            for i in range(4):
                quarter(x, i, 4 + (i + 1) % 4, 8 + (i + 2) % 4, 12 + (i + 3) % 4)
        yield from ((a + b) & 0xFFFFFFFF for a, b in zip(x, state))
        state[12] = (state[12] + 1) & 0xFFFFFFFF


def stream(seed, purpose, step):
    return chacha8_words(hashlib.sha256(b"ae-stream-1" + struct.pack("<QQ", seed, step) + purpose).digest())


def shuffle(items, words):
    for last in range(len(items) - 1, 0, -1):
        low, high = next(words), next(words)
        index = ((high << 32 | low) * (last + 1)) >> 64
        items[last], items[index] = items[index], items[last]
    return items


def epoch_order(n, seed, epoch):
    return shuffle(list(range(n)), stream(seed, b"shuffle", epoch))


def test_rows(seed):
    """20 % of 100 rows, stratified by label; every tenth row has the first label."""
    words = stream(seed, b"split", 0)
    bad = shuffle([i for i in range(100) if i % 10 == 0], words)
    good = shuffle([i for i in range(100) if i % 10 != 0], words)
    return sorted(bad[:2] + good[:18])


if __name__ == "__main__":
    for seed, epoch in ((7, 0), (7, 1), (8, 0)):
        print(epoch_order(10, seed, epoch))
    print(sum((i + 1) * row for i, row in enumerate(epoch_order(60_000, 7, 3))))
    print(test_rows(3))
