#!/usr/bin/env python3
"""Anomaly detectors of other Python packages, run on two arrays. `ae eval benchmark --peers PYTHON` runs this script
with the Python that the user names, and puts the scores beside those of our own detectors.

    python peers.py --list
    python peers.py FOLDER --suite tabular [--seed N] [--only KEY,KEY] [--limit SECONDS]
    python peers.py FOLDER --suite series --window W [--seed N] [--only KEY,KEY] [--limit SECONDS]

`--list` prints one JSON object a line for each detector: {"key", "name", "suite",
"is_network", "version"}.

A run reads `train.npy` and `test.npy` (float64, `[N, D]`) from FOLDER, fits each detector of the suite on the rows of
`train.npy`, which are all normal, and writes the scores of the rows of `test.npy` to `<key>.npy` in FOLDER: float64,
`[N_test]`, higher is more anomalous. It prints one JSON object a line as each detector finishes, which is either
    {"key", "fit_seconds", "score_seconds", "peak_mib", "replaced"}    or    {"key", "failed": "the reason, one line"}
`peak_mib` is what fitting and scoring added to the resident memory of the process at its peak; it is null where the
system does not tell, which is anywhere but on Linux. `replaced` counts the scores that were NaN or infinite; each of
them became the largest finite score.

The exit status is 1, with one sentence on stderr, where a package or an array is missing, and 0 where detectors fail.

tabular: a row is a sample. Columns are standardised by the training rows; a constant column is only centred. The
    detectors are PyOD's with their defaults, except that the autoencoder trains for 30 epochs rather than 10, that
    the networks use smaller batches where there are fewer rows than one batch, and that PCA, which divides by the
    variance of each component, leaves out the components that have none. ECOD and COPOD rank each test row within
    the training and test rows together, so their scores depend on the whole test set. PyOD also scores the training
    rows when it fits, which `fit_seconds` includes; imports and compilation it leaves out.
series: a row is a point in time with F channels, and the test points follow the training points directly. Channels are
    standardised by the training points. The samples are windows of W points, `[W * F]`; the score of a point is that
    of the window that ends with it, so the first test windows reach back into the training points. Sub-sequence PCA
    is TSB-AD's `Sub_PCA` (PyOD's PCA on windows), except that TSB-AD gives a score to the middle of a window.

One worker process runs the detectors one after the other, so that packages are imported once. Each detector draws its
random numbers from the seed alone. If a detector takes longer than the limit, or the worker crashes, the detector has
failed and a new worker goes on with the next one. Tested with PyOD 3.6.
"""
import argparse, collections, contextlib, importlib, importlib.metadata, importlib.util, inspect
import json, os, queue, random, re, subprocess, sys, tempfile, threading, time

try:
    import numpy as np
except ImportError:  # `main` says which packages are missing
    np = None

PACKAGES = {"pyod": "pyod", "torch": "torch", "sklearn": "scikit-learn", "numpy": "numpy"}  # module: its name in pip
IMPORT_SECONDS = 60  # added to the limit while packages are being imported
STARTED = "started"  # what the worker says when a detector is ready and its time begins
BATCH = 32  # PyOD's default; it drops an incomplete batch, and cannot train on fewer rows than one batch


Detector = collections.namedtuple("Detector", "suite key name path settings", defaults=[{}])
DETECTORS = [
    Detector("tabular", "pyod_knn", "k nearest neighbours (PyOD)", "knn.KNN"),
    Detector("tabular", "pyod_lof", "local outlier factor (PyOD)", "lof.LOF"),
    Detector("tabular", "pyod_iforest", "isolation forest (PyOD)", "iforest.IForest"),
    Detector("tabular", "pyod_pca", "PCA (PyOD)", "pca.PCA"),
    Detector("tabular", "pyod_ecod", "ECOD (PyOD)", "ecod.ECOD"),
    Detector("tabular", "pyod_copod", "COPOD (PyOD)", "copod.COPOD"),
    Detector("tabular", "pyod_hbos", "HBOS (PyOD)", "hbos.HBOS"),
    Detector("tabular", "pyod_ocsvm", "one-class SVM (PyOD)", "ocsvm.OCSVM"),
    Detector("tabular", "pyod_gmm", "Gaussian mixture (PyOD)", "gmm.GMM"),
    Detector("tabular", "pyod_autoencoder", "autoencoder (PyOD)", "auto_encoder.AutoEncoder", {"epoch_num": 30}),
    Detector("tabular", "pyod_vae", "VAE (PyOD)", "vae.VAE"),
    Detector("tabular", "pyod_deep_svdd", "Deep SVDD (PyOD)", "deep_svdd.DeepSVDD"),
    Detector("tabular", "pyod_lunar", "LUNAR (PyOD)", "lunar.LUNAR"),
    Detector("series", "sub_pca", "sub-sequence PCA (PyOD)", "pca.PCA"),
    Detector("series", "sub_knn", "nearest sub-sequence (PyOD)", "knn.KNN", {"n_neighbors": 1}),
    Detector("series", "sub_lof", "sub-sequence local outlier factor (PyOD)", "lof.LOF"),
    Detector("series", "sub_iforest", "sub-sequence isolation forest (PyOD)", "iforest.IForest"),
    Detector("series", "sub_ocsvm", "sub-sequence one-class SVM (PyOD)", "ocsvm.OCSVM"),
]
NETWORKS = {"auto_encoder", "vae", "deep_svdd", "lunar"}  # modules of detectors that take minutes


def rank(rows):
    """How many principal components have a variance above rounding errors."""
    count = int(np.linalg.matrix_rank(np.atleast_2d(np.cov(rows, rowvar=False)), hermitian=True))
    if count == 0:
        raise ValueError("no column varies in the training rows")
    return count


def make(detector, rows, seed):
    """The unfitted PyOD object: the detector's own settings, and what depends on the rows or the seed."""
    module, name = detector.path.split(".")
    kind = getattr(importlib.import_module(f"pyod.models.{module}"), name)
    wanted = {"random_state": seed, "verbose": 0, "n_features": rows.shape[1], "batch_size": min(BATCH, len(rows))}
    if name == "PCA":
        wanted["n_components"] = rank(rows)
    accepted = inspect.signature(kind).parameters
    return kind(**{key: value for key, value in wanted.items() if key in accepted}, **detector.settings)


def standardised(train, test):
    center, scale = train.mean(axis=0), train.std(axis=0)
    constant = train.max(axis=0) == train.min(axis=0)  # its computed deviation can be a rounding error instead of 0
    center[constant] = train[0, constant]
    scale[constant | (scale == 0)] = 1
    return (train - center) / scale, (test - center) / scale


def windows(points, length):
    """The windows of `[T, F]` points, one a row: `[T - length + 1, F * length]`."""
    return np.lib.stride_tricks.sliding_window_view(points, length, axis=0).reshape(len(points) - length + 1, -1)


def read_arrays(folder, window):
    """The training and test samples, standardised and cut into windows for a series."""
    arrays = []
    for name in ("train.npy", "test.npy"):
        array = np.load(os.path.join(folder, name)).astype(np.float64)
        if array.ndim != 2 or 0 in array.shape:
            raise ValueError(f"{name} must be a table with rows and columns, got the shape {list(array.shape)}")
        if broken := int((~np.isfinite(array)).sum()):
            raise ValueError(f"{name} holds NaN or infinite values, {broken} in all")
        arrays.append(array)
    train, test = arrays
    if train.shape[1] != test.shape[1]:
        raise ValueError(f"train.npy has {train.shape[1]} columns, test.npy has {test.shape[1]}")
    if window and len(train) < window:
        raise ValueError(f"train.npy has {len(train)} points, fewer than the window of {window}")
    train, test = standardised(train, test)
    if window:
        test = windows(np.concatenate([train[len(train) - window + 1:], test]), window)
        train = windows(train, window)
    return train, test


def resident_mib(field):
    """`VmRSS`, what is resident now, or `VmHWM`, the most since `forget_peak`; None where the system does not tell."""
    try:
        with open("/proc/self/status") as status:
            found = re.search(rf"^{field}:\s*(\d+) kB", status.read(), re.MULTILINE)
        return int(found[1]) / 2**10 if found else None
    except OSError:
        return None


def forget_peak():
    with contextlib.suppress(OSError), open("/proc/self/clear_refs", "w") as refs:
        refs.write("5")


def warm_up(detector, columns, seed):
    """Does what only a first fit does, imports and compilation, so that `fit_seconds` leaves it out."""
    with contextlib.suppress(Exception):  # the fit itself will tell
        if "torch" in sys.modules:
            import torch
            torch.optim.Adam([torch.zeros(1, requires_grad=True)]).step()
        else:
            rows = np.random.default_rng(seed).normal(size=(64, columns))
            warm = make(detector, rows, seed)
            warm.fit(rows)
            warm.decision_function(rows)


def run_detector(detector, train, test, seed, path):
    """Fits and scores, writes the scores to `path`, and returns the report."""
    random.seed(seed)
    np.random.seed(seed)
    forget_peak()
    before = resident_mib("VmRSS")
    start = time.perf_counter()
    detector.fit(train)
    fitted = time.perf_counter()
    scores = np.asarray(detector.decision_function(test), dtype=np.float64).ravel()
    scored = time.perf_counter()
    peak = resident_mib("VmHWM")
    if len(scores) != len(test):
        raise ValueError(f"{len(scores)} scores for {len(test)} test rows")
    finite = np.isfinite(scores)
    if not finite.any():
        raise ValueError("no score is finite")
    scores[~finite] = scores[finite].max()
    np.save(path, scores)
    return {"fit_seconds": round(fitted - start, 4), "score_seconds": round(scored - fitted, 4),
            "peak_mib": None if None in (before, peak) else round(max(0.0, peak - before), 1),
            "replaced": int((~finite).sum())}


def failure(error):
    return {"failed": " ".join(f"{type(error).__name__}: {error}".split())[:300]}


def work(args, detectors):
    """The worker: for each detector in turn, STARTED when it is ready to fit, then its report."""
    reports = os.fdopen(os.dup(1), "w")
    os.dup2(2, 1)  # whatever a package prints must not mix with the reports

    say = lambda report: print(json.dumps(report), file=reports, flush=True)

    leave_with_parent = lambda: (os.read(0, 1), os._exit(1))  # the read returns when the parent has gone
    threading.Thread(target=leave_with_parent, daemon=True).start()
    try:
        train, test = read_arrays(args.folder, args.window)
    except Exception as error:
        return [say(failure(error)) for _ in detectors]
    for detector in detectors:
        try:
            unfitted = make(detector, train, args.seed)
            warm_up(detector, train.shape[1], args.seed)
            say(STARTED)
            say(run_detector(unfitted, train, test, args.seed, os.path.join(args.folder, f"{detector.key}.npy")))
        except Exception as error:
            say(failure(error))


def start_worker(args, keys, errors):
    """Starts a worker on the keys. What it says arrives in the queue, and None when it has ended."""
    command = [sys.executable, os.path.abspath(__file__), args.folder, "--worker", "--suite", args.suite, "--seed",
               str(args.seed), "--window", str(args.window), "--only", ",".join(keys)]
    environment = dict(os.environ, PYTHONWARNINGS="ignore", TQDM_DISABLE="1")
    environment.setdefault("OMP_WAIT_POLICY", "passive")  # else small networks crawl where other processes are busy
    pipe = subprocess.PIPE
    worker = subprocess.Popen(command, stdin=pipe, stdout=pipe, stderr=errors, env=environment, text=True)
    reports = queue.Queue()

    def forward():
        for line in worker.stdout:
            reports.put(json.loads(line))
        reports.put(None)

    threading.Thread(target=forward, daemon=True).start()
    return worker, reports


def ending(worker, errors):
    """Why a worker that should still run has ended, in one line."""
    code = worker.wait()
    if code < 0:
        return f"the process was killed by signal {-code}"
    errors.seek(0)
    last = errors.read().decode(errors="replace").strip().rpartition("\n")[2]
    return f"the process ended with exit code {code}: {last}"[:300]


def next_report(args, worker, reports, errors):
    """The report of the detector that runs now, and whether the worker can go on."""
    seconds = args.limit + IMPORT_SECONDS
    while True:
        try:
            report = reports.get(timeout=seconds)
        except queue.Empty:
            return {"failed": f"took longer than the limit of {args.limit:g} s"}, False
        if report is None:
            return {"failed": ending(worker, errors)}, False
        if report != STARTED:
            return report, True
        seconds = args.limit


def supervise(args, keys):
    """Runs the detectors in one worker, and in a new one after each that was lost; prints the reports."""
    keys = collections.deque(keys)
    while keys:
        with tempfile.TemporaryFile() as errors:
            worker, reports = start_worker(args, keys, errors)
            try:
                usable = True
                while keys and usable:
                    report, usable = next_report(args, worker, reports, errors)
                    print(json.dumps({"key": keys.popleft(), **report}), flush=True)
            finally:
                worker.kill()
                worker.wait()


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("folder", nargs="?")
    parser.add_argument("--list", action="store_true", help="print the detectors")
    parser.add_argument("--suite", choices=("tabular", "series"))
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--window", type=int, default=0, help="points of a window, for the series suite")
    parser.add_argument("--only", help="keys of the detectors to run, with commas between them")
    parser.add_argument("--limit", type=float, default=600, help="seconds that a detector may take, 600 if not given")
    parser.add_argument("--worker", action="store_true", help=argparse.SUPPRESS)
    args = parser.parse_args()
    missing = [pip for module, pip in PACKAGES.items() if importlib.util.find_spec(module) is None]
    if missing:
        sys.exit(f"{sys.executable} lacks {', '.join(missing)}; install all that is needed with: "
                 f"pip install {' '.join(PACKAGES.values())}")
    if args.list:
        version = f"pyod {importlib.metadata.version('pyod')}"
        for suite, key, name, path, _ in DETECTORS:
            network = path.split(".")[0] in NETWORKS
            print(json.dumps({"key": key, "name": name, "suite": suite, "is_network": network, "version": version}))
        return
    if not (args.folder and args.suite):
        parser.error("needs a folder and --suite, or --list")
    if (args.suite == "series") != (args.window > 0):
        parser.error("--window must be at least 1 for the series suite, and is not for the tabular one")
    suite = {detector.key: detector for detector in DETECTORS if detector.suite == args.suite}
    keys = args.only.split(",") if args.only else list(suite)
    if unknown := [key for key in keys if key not in suite]:
        parser.error(f"no detector '{unknown[0]}' in the {args.suite} suite; known: {', '.join(suite)}")
    args.seed %= 2**32  # what NumPy takes
    if args.worker:
        return work(args, [suite[key] for key in keys])
    if absent := [name for name in ("train.npy", "test.npy") if not os.path.isfile(os.path.join(args.folder, name))]:
        sys.exit(f"{args.folder} holds no {absent[0]}")
    for key in keys:  # scores of an earlier run must not pass for those of a detector that fails in this one
        with contextlib.suppress(FileNotFoundError):
            os.remove(os.path.join(args.folder, f"{key}.npy"))
    supervise(args, keys)


if __name__ == "__main__":
    main()
