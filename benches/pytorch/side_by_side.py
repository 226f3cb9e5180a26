#!/usr/bin/env python3
"""Training speed of the presets beside PyTorch doing the same work, interleaved in one run on one machine.

    python3 -m venv venv && venv/bin/pip install torch==2.11.0 numpy scikit-learn
    cargo build --release
    venv/bin/python benches/pytorch/side_by_side.py --data DIR [--rounds 3] [--threads N] [--compile] [PRESET ...]

DIR holds mnist/ and ecg5000/ as `peers.py` says. For each preset and round, `ae train` takes about as many steps as
`peers.py --steps`; the table holds medians over the rounds, and the ratio of the medians: above 1, ours is faster.
Ours includes what every run does: curves, events, checkpoints. Leave the machine alone meanwhile.
"""
import argparse, json, os, statistics, subprocess, sys, tempfile

HERE = os.path.dirname(os.path.abspath(__file__))
# Preset: variant of peers.py, steps of a round.
PRESETS = {
    "vanilla": ("vanilla", 400), "deep": ("deep", 400), "hinton": ("hinton", 120), "sparse": ("sparse", 400),
    "contractive": ("contractive", 400), "denoising": ("denoising", 60), "conv": ("conv", 60), "vae": ("vae", 300),
    "cvae-conv": ("cvae-conv", 40), "ecg": ("ecg", 40), "lstm": ("lstm", 40), "mae": ("mae", 30), "gan": ("gan", 20),
}
ECG_ROWS = 292


def ours(ae, preset, steps, batch, data, threads):
    settings = [f"training.batch={batch}"]
    if preset in ("ecg", "lstm"):
        settings += [f"training.epochs={max(1, round(steps * batch / ECG_ROWS))}"]
    else:
        settings += ["training.epochs=1", f"data.max_train={steps * batch}", "data.max_test=1000"]
    with tempfile.TemporaryDirectory() as folder:
        command = [ae, "train", preset, "--quiet", "--out", os.path.join(folder, "run"), "--mirror", data]
        command += [word for setting in settings for word in ("--set", setting)]
        if threads:
            command += ["--threads", str(threads)]
        subprocess.run(command, check=True, stdout=subprocess.DEVNULL)
        with open(os.path.join(folder, "run", "record.json")) as file:
            return json.load(file)["seconds"]["samples_per_second"]


def theirs(variant, steps, batch, data, threads, mode):
    command = [sys.executable, os.path.join(HERE, "peers.py"), variant, "--data", data, "--mode", mode]
    command += ["--steps", str(steps), "--batch", str(batch), "--threads", str(threads)]
    out = subprocess.run(command, check=True, capture_output=True, text=True).stdout
    return json.loads(out.strip().splitlines()[-1])["samples_per_s"]


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("presets", nargs="*", default=list(PRESETS), metavar="PRESET", help=", ".join(PRESETS))
    parser.add_argument("--data", required=True)
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--batch", type=int, default=128)
    parser.add_argument("--threads", type=int, default=0, help="of both sides; 0: as each chooses")
    parser.add_argument("--compile", action="store_true", help="also PyTorch's torch.compile")
    parser.add_argument("--ae", default=os.path.join(HERE, "..", "..", "target", "release", "ae"))
    args = parser.parse_args()
    unknown = [preset for preset in args.presets if preset not in PRESETS]
    if unknown:
        parser.error(f"no peer for {', '.join(unknown)}; there are {', '.join(PRESETS)}")
    modes = ["eager", "compile"] if args.compile else ["eager"]
    print("| preset | ours, samples/s | " + " | ".join(f"PyTorch {mode}" for mode in modes) + " | ratio |")
    print("|---|" + "---:|" * (len(modes) + 2))
    for preset in args.presets:
        variant, steps = PRESETS[preset]
        mine, peers = [], {mode: [] for mode in modes}
        for _ in range(args.rounds):
            mine.append(ours(args.ae, preset, steps, args.batch, args.data, args.threads))
            for mode in modes:
                peers[mode].append(theirs(variant, steps, args.batch, args.data, args.threads, mode))
        median = statistics.median(mine)
        others = [statistics.median(peers[mode]) for mode in modes]
        cells = " | ".join(f"{other:,.0f}" for other in others)
        print(f"| {preset} | {median:,.0f} | {cells} | {median / max(others):.2f} |", flush=True)


if __name__ == "__main__":
    main()
