//! What the command line asks for.

use anyhow::{Context, bail, ensure};
use std::ffi::OsString;
use std::fmt;
use std::path::PathBuf;

pub(crate) const HELP: &str = "\
Compare the training speed of presets with PyTorch doing the same work, interleaved, on this machine

Usage: cargo xtask bench --against-pytorch [OPTIONS] [PRESET[@BATCH]]...

  PRESET[@BATCH]     What to measure, with a batch of 128 unless it says otherwise [default: all of the table in
                     benches/README.md]
  --rounds N         Measurements of each side, interleaved [default: 5]
  --seconds S        Training time of one measurement, about [default: 4]
  --threads N        Threads of both sides [default: as each chooses]
  --modes LIST       PyTorch's modes: eager, compile, or both [default: eager,compile]
  --device NAME      cpu or cuda, for both sides; the floor is counted on a CPU only [default: cpu]
  --out FOLDER       Where bench.json, table.md and floor.png go [default: target/against-pytorch]
  --python PATH      A Python that has torch 2.11.0 and numpy, instead of the one that is installed
  --quick            One short round of each: shows that everything works, and its figures mean little

The first run installs PyTorch into a virtual environment, target/pytorch-<version>, which needs Python's module venv
and 1 GB, or 5 GB where only the CUDA build is to be had. Data come from the cache or the mirror, as for `ae train`.
A measurement is `ae train` itself, with its curves, events and checkpoints; PyTorch's is benches/pytorch/peers.py, with
resident data and the fused optimizer. The table on standard output holds medians, and the ratio to PyTorch's faster mode:
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

const BATCH: usize = 128;

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
    let mut options = Options {
        subjects: Vec::new(),
        rounds: 5,
        seconds: 4.0,
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
            Long("seconds") => options.seconds = parser.value()?.parse()?,
            Long("threads") => options.threads = parser.value()?.parse()?,
            Long("modes") => options.modes = modes(&parser.value()?.string()?)?,
            Long("device") => options.device = parser.value()?.string()?,
            Long("out") => options.out = Some(parser.value()?.into()),
            Long("python") => options.python = Some(parser.value()?.into()),
            Long("quick") => options.quick = true,
            // The task runner hands over the flag that chose this program.
            Long("against-pytorch") => {}
            Long("help") | Short('h') => return Ok(None),
            Value(word) => options.subjects.push(subject(&word.string()?)?),
            other => return Err(other.unexpected().into()),
        }
    }
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
    if options.subjects.is_empty() {
        options.subjects = DEFAULT.iter().map(|word| subject(word)).collect::<anyhow::Result<_>>()?;
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

fn subject(word: &str) -> anyhow::Result<Subject> {
    let (preset, batch) = match word.split_once('@') {
        Some((preset, batch)) => {
            let number = batch.parse().ok().filter(|&number| number > 0);
            (preset, number.with_context(|| format!("'{word}' has no batch size after its @"))?)
        }
        None => (word, BATCH),
    };
    ensure!(
        TWINS.contains(&preset),
        "no twin of '{preset}' in benches/pytorch/peers.py; there are {}",
        TWINS.join(", ")
    );
    Ok(Subject { preset: preset.into(), batch })
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
    }
}
