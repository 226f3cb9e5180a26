//! What the command line asks for.

use anyhow::{Context, bail, ensure};
use serde::Serialize;
use std::ffi::OsString;
use std::fmt;
use std::path::PathBuf;

pub(crate) const HELP: &str = "\
Compare the speed of presets with PyTorch doing the same work, interleaved, on this machine

Usage: cargo xtask bench --against-pytorch [OPTIONS] [PRESET[@BATCH]]...

  PRESET[@BATCH]     What to measure, with a batch of 128 unless it says otherwise [default: all of the table in
                     benches/README.md]
  --inference        Time calls of trained models instead of training, with 1, 128 and 1,024 samples unless a preset
                     names its batch
  --rounds N         Measurements of each side, interleaved [default: 5]
  --seconds S        Length of one measurement, about [default: 4, of calls 1]
  --threads N        Threads of both sides [default: as each chooses]
  --modes LIST       PyTorch's modes: eager, compile, or both [default: eager,compile]
  --device NAME      cpu or cuda, for both sides; the floor is counted on a CPU only [default: cpu]
  --out FOLDER       Where bench.json, table.md and floor.png go [default: target/against-pytorch, and of calls
                     target/against-pytorch-inference]
  --python PATH      A Python that has torch 2.11.0 and numpy, instead of the one that is installed
  --quick            One short round of each: shows that everything works, and its figures mean little

The first run installs PyTorch into a virtual environment, target/pytorch-<version>, which needs Python's module venv
and 1 GB, or 5 GB where only the CUDA build is to be had. Data come from the cache or the mirror, as for `ae train`.
A measurement is `ae train` itself, with its curves, events and checkpoints; PyTorch's is benches/pytorch/peers.py, with
resident data and the fused optimizer. A call is the reconstruction of a batch by a model that `ae train` saved. The table on standard output holds medians, and the ratio to PyTorch's faster mode:
above 1, ours is faster. Leave the machine alone meanwhile; all presets take about two hours on two cores.";

/// The presets with a twin in `peers.py`, in the order of its `build`.
const TWINS: &[&str] = &[
    "vanilla",
    "deep",
    "hinton",
    "sparse",
    "sparse-kl",
    "sparse-topk",
    "contractive",
    "denoising",
    "denoising-masking",
    "denoising-salt",
    "conv",
    "conv-unpool",
    "vae",
    "beta_vae",
    "cvae",
    "cvae-conv",
    "vae-nll",
    "iwae",
    "ecg",
    "ecg-long",
    "lstm",
    "gru",
    "mae",
    "gan",
];

/// What is measured unless presets are named.
const DEFAULT: &[&str] = &[
    "vanilla",
    "deep",
    "hinton",
    "sparse",
    "contractive",
    "denoising",
    "conv",
    "vae",
    "cvae-conv",
    "ecg@32",
    "ecg@512",
    "lstm",
    "mae",
    "gan",
];

/// What is called of these: they differ in how they are trained only, or at which batch.
const CALLED: &[&str] =
    &["vanilla", "deep", "hinton", "vae", "ecg", "conv", "denoising", "cvae-conv", "lstm", "mae", "gan"];

const BATCH: usize = 128;
/// Samples of a call.
const CALLS: [usize; 3] = [1, BATCH, 1024];

/// What is timed.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "lowercase")]
pub(crate) enum What {
    /// Steps of `ae train`.
    Training,
    /// Calls of a model that it saved.
    Inference,
}

impl What {
    /// What is done again and again.
    pub(crate) fn once(self) -> &'static str {
        match self {
            What::Training => "training step",
            What::Inference => "call",
        }
    }

    /// Name of the folder for the results, in cargo's output folder.
    pub(crate) fn folder(self) -> &'static str {
        match self {
            What::Training => "against-pytorch",
            What::Inference => "against-pytorch-inference",
        }
    }

    /// Seconds of a measurement.
    fn seconds(self) -> f64 {
        match self {
            What::Training => 4.0,
            What::Inference => 1.0,
        }
    }
}

/// A preset at a batch size.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Subject {
    pub(crate) preset: String,
    pub(crate) batch: usize,
}

/// As on the command line.
impl fmt::Display for Subject {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Subject { preset, batch } = self;
        if *batch == BATCH { write!(f, "{preset}") } else { write!(f, "{preset}@{batch}") }
    }
}

/// How PyTorch runs the training step.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Mode {
    Eager,
    Compile,
}

impl Mode {
    pub(crate) fn name(self) -> &'static str {
        match self {
            Mode::Eager => "eager",
            Mode::Compile => "compile",
        }
    }
}

/// The arguments, checked.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Options {
    pub(crate) what: What,
    pub(crate) subjects: Vec<Subject>,
    pub(crate) rounds: usize,
    pub(crate) seconds: f64,
    /// 0: as each side chooses.
    pub(crate) threads: usize,
    pub(crate) modes: Vec<Mode>,
    pub(crate) device: String,
    pub(crate) out: Option<PathBuf>,
    pub(crate) python: Option<PathBuf>,
    pub(crate) quick: bool,
}

/// `None` if help is asked for.
pub(crate) fn parse(args: impl IntoIterator<Item = OsString>) -> anyhow::Result<Option<Options>> {
    use lexopt::Arg::{Long, Short, Value};
    use lexopt::ValueExt;
    let (mut words, mut seconds) = (Vec::new(), None);
    let mut options = Options {
        what: What::Training,
        subjects: Vec::new(),
        rounds: 5,
        seconds: 0.0,
        threads: 0,
        modes: vec![Mode::Eager, Mode::Compile],
        device: "cpu".into(),
        out: None,
        python: None,
        quick: false,
    };
    let mut parser = lexopt::Parser::from_args(args);
    while let Some(arg) = parser.next()? {
        match arg {
            Long("rounds") => options.rounds = parser.value()?.parse()?,
            Long("seconds") => seconds = Some(parser.value()?.parse()?),
            Long("threads") => options.threads = parser.value()?.parse()?,
            Long("modes") => options.modes = modes(&parser.value()?.string()?)?,
            Long("device") => options.device = parser.value()?.string()?,
            Long("out") => options.out = Some(parser.value()?.into()),
            Long("python") => options.python = Some(parser.value()?.into()),
            Long("inference") => options.what = What::Inference,
            Long("quick") => options.quick = true,
            // The task runner hands over the flag that chose this program.
            Long("against-pytorch") => {}
            Long("help") | Short('h') => return Ok(None),
            Value(word) => words.push(word.string()?),
            other => return Err(other.unexpected().into()),
        }
    }
    options.seconds = seconds.unwrap_or_else(|| options.what.seconds());
    ensure!(options.rounds >= 1, "--rounds 0 measures nothing; give at least 1");
    ensure!(
        options.seconds > 0.0 && options.seconds <= 600.0,
        "--seconds {} is out of range; give more than 0 and at most 600",
        options.seconds
    );
    ensure!(
        matches!(options.device.as_str(), "cpu" | "cuda"),
        "unknown device '{}'; give cpu or cuda",
        options.device
    );
    if options.quick {
        (options.rounds, options.seconds) = (1, 0.2);
    }
    let (default, batches): (_, &[usize]) = match options.what {
        What::Training => (DEFAULT, &[BATCH]),
        What::Inference => (CALLED, &CALLS),
    };
    if words.is_empty() {
        words = default.iter().map(|&word| word.into()).collect();
    }
    for word in &words {
        options.subjects.extend(subjects(word, batches)?);
    }
    if options.what == What::Inference {
        ensure!(options.device == "cpu", "calls are timed on the CPU only; leave out --device");
    }
    Ok(Some(options))
}

fn modes(list: &str) -> anyhow::Result<Vec<Mode>> {
    let mut modes = Vec::new();
    for word in list.split(',') {
        let mode = match word.trim() {
            "eager" => Mode::Eager,
            "compile" => Mode::Compile,
            other => bail!("unknown mode '{other}' of PyTorch; give eager, compile, or eager,compile"),
        };
        if !modes.contains(&mode) {
            modes.push(mode);
        }
    }
    Ok(modes)
}

/// What a word names, at each of `batches` unless it names one.
fn subjects(word: &str, batches: &[usize]) -> anyhow::Result<Vec<Subject>> {
    let (preset, batches) = match word.split_once('@') {
        Some((preset, batch)) => {
            let number = batch.parse().ok().filter(|&number| number > 0);
            (preset, vec![number.with_context(|| format!("'{word}' has no batch size after its @"))?])
        }
        None => (word, batches.to_vec()),
    };
    ensure!(
        TWINS.contains(&preset),
        "no twin of '{preset}' in benches/pytorch/peers.py; there are {}",
        TWINS.join(", ")
    );
    Ok(batches.into_iter().map(|batch| Subject { preset: preset.into(), batch }).collect())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn of(words: &[&str]) -> anyhow::Result<Option<Options>> {
        parse(words.iter().map(OsString::from))
    }

    #[test]
    fn presets_may_name_their_batch() {
        let options =
            of(&["ecg@32", "vae", "--modes", "compile,compile", "--threads", "1"]).unwrap().unwrap();
        let named = |preset: &str, batch| Subject { preset: preset.into(), batch };
        assert_eq!(options.subjects, [named("ecg", 32), named("vae", 128)]);
        assert_eq!((options.modes.as_slice(), options.threads), ([Mode::Compile].as_slice(), 1));
        assert_eq!(of(&[]).unwrap().unwrap().subjects.len(), DEFAULT.len());
        assert_eq!(of(&["--help"]).unwrap(), None);
    }

    #[test]
    fn calls_have_three_batches_unless_one_is_named() {
        let options = of(&["vae", "gan@7", "--inference"]).unwrap().unwrap();
        let batches: Vec<usize> = options.subjects.iter().map(|subject| subject.batch).collect();
        assert_eq!((batches, options.what), (vec![1, 128, 1024, 7], What::Inference));
        assert_eq!((options.seconds, of(&[]).unwrap().unwrap().seconds), (1.0, 4.0));
        let all = of(&["--inference"]).unwrap().unwrap().subjects;
        assert_eq!(all.len(), 3 * CALLED.len());
        assert!(CALLED.iter().all(|name| TWINS.contains(name)));
    }

    #[test]
    fn mistakes_are_refused_with_what_would_be_right() {
        let check = |words: &[&str], expected: &str| {
            let error = of(words).unwrap_err().to_string();
            assert!(error.contains(expected), "{error}");
        };
        check(&["vq_vae"], "no twin of 'vq_vae'");
        check(&["vae@"], "'vae@' has no batch size");
        check(&["vae@0"], "'vae@0' has no batch size");
        check(&["--modes", "fast"], "unknown mode 'fast'");
        check(&["--rounds", "0"], "give at least 1");
        check(&["--seconds", "NaN"], "more than 0");
        check(&["--device", "tpu"], "give cpu or cuda");
        check(&["--device", "cuda", "--inference"], "on the CPU only");
    }
}
