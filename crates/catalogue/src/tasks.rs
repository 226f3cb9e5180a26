//! The tasks of `ae eval`: what each is called, what it says about itself, and its options. What it does is in the file of
//! the same name of the crate `ae-evaluation`.

mod own;

use own::OWN;
use std::collections::BTreeMap;

/// A task of `ae eval`.
#[derive(Clone, Copy, Debug)]
pub struct Task {
    /// Its name on the command line and in the folder of its results, `runs/eval-<name>`.
    pub name: &'static str,
    /// Title of the report.
    pub title: &'static str,
    /// One line of help, without a full stop.
    pub about: &'static str,
    /// Default seeds.
    pub seeds: &'static [u64],
    /// Its options besides the seeds.
    pub options: &'static [TaskOption],
}

/// An option of one task.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct TaskOption {
    /// Its name, without the dashes.
    pub name: &'static str,
    /// Placeholder of the value in the help: `SET|FILE`; empty for a switch, which has none.
    pub value: &'static str,
    /// Help text, without a full stop.
    pub about: &'static str,
    /// The default value.
    pub default: Option<&'static str>,
    /// Whether it may be given several times.
    pub repeats: bool,
    /// The option that must be given with it.
    pub requires: Option<&'static str>,
}

/// Values of a task's options, by the option's name.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct OptionValues(BTreeMap<String, Vec<String>>);

/// All tasks, in alphabetical order.
pub const TASKS: &[Task] = &[
    ANOMALY,
    BENCHMARK,
    COMPRESSION,
    DENOISE,
    DIMENSION,
    FEATURES,
    FORECAST,
    GENERATE,
    LIKELIHOOD,
    PRETRAIN,
    RECOMMEND,
    RECONSTRUCTION,
    REGIMES,
    RESTORE,
    RETRIEVAL,
    SEARCH,
    SELECTION,
];

impl OptionValues {
    /// Sets an option to these values.
    pub fn set(&mut self, name: &str, values: Vec<String>) {
        self.0.insert(name.into(), values);
    }

    /// The names of the options that are set.
    pub fn names(&self) -> impl Iterator<Item = &String> {
        self.0.keys()
    }

    /// All values of an option, in the order given.
    pub fn all(&self, name: &str) -> &[String] {
        self.0.get(name).map_or(&[], Vec::as_slice)
    }

    /// The value of an option that does not repeat.
    pub fn one(&self, name: &str) -> Option<&str> {
        self.all(name).last().map(String::as_str)
    }
}

/// The task `anomaly`.
pub const ANOMALY: Task = Task {
    name: "anomaly",
    title: "Anomalous heartbeats by reconstruction error",
    about: "Anomaly detectors compared with baselines: heartbeats, network connections, series, or your own table",
    seeds: &[0, 1, 2, 3, 4, 5, 6, 7, 8, 9],
    options: &[
        TaskOption {
            name: "data",
            value: "SET|FILE",
            about: "ecg5000, nsl-kdd, nab, ucr-anomaly, a file of the UCR anomaly archive, or, with --labels, your \
                    own file: independent rows, or the steps of a long series, which is split in time order",
            default: Some("ecg5000"),
            repeats: false,
            requires: None,
        },
        TaskOption {
            name: "labels",
            value: "COLUMN",
            about: "Column of your file that says whether a row is normal",
            default: None,
            repeats: false,
            requires: None,
        },
        TaskOption {
            name: "normal",
            value: "VALUE",
            about: "Value of that column that means normal; may be given several times [default: normal]",
            default: None,
            repeats: true,
            requires: Some("labels"),
        },
        TaskOption {
            name: "set",
            value: "KEY=VALUE",
            about: "Setting for reading your file, as in `ae detect fit`: input.window=48, 'input.ignore=[\"id\"]', \
                    input.layout=table; may be given several times",
            default: None,
            repeats: true,
            requires: Some("labels"),
        },
    ],
};

/// The task `benchmark`.
pub const BENCHMARK: Task = Task {
    name: "benchmark",
    title: "Anomaly detection on public benchmarks",
    about: "The default detector of `ae detect fit` beside others, on the public sets with labels",
    seeds: &[0, 1, 2, 3, 4],
    options: &[
        TaskOption {
            name: "suite",
            value: "tabular|series",
            about: "Which sets: tables of independent rows, or long series",
            default: Some("tabular"),
            repeats: false,
            requires: None,
        },
        TaskOption {
            name: "set",
            value: "NAME",
            about: "A set of the suite, such as cardio; may be given several times [default: all]",
            default: None,
            repeats: true,
            requires: None,
        },
        TaskOption {
            name: "peers",
            value: "PYTHON",
            about: "Also run the detectors of PyOD, with this Python, after `pip install pyod torch scikit-learn numpy`",
            default: None,
            repeats: false,
            requires: None,
        },
        TaskOption {
            name: "network-seeds",
            value: "N",
            about: "Run the networks of PyOD, which take an hour a seed, with the first N seeds only [default: all]",
            default: None,
            repeats: false,
            requires: Some("peers"),
        },
    ],
};

/// The task `compression`.
pub const COMPRESSION: Task = Task {
    name: "compression",
    title: "Compression: bits per pixel against quality",
    about: "Rate and distortion of a learned compressor, beside JPEG, WebP and AVIF, and on pictures of another kind; images \
            stored exactly, beside PNG and WebP",
    seeds: &[0],
    options: &[],
};

/// The task `denoise`.
pub const DENOISE: Task = Task {
    name: "denoise",
    title: "Cleaning damaged images",
    about: "Cleaning of damaged images: three kinds of damage at five levels, compared with a median filter and PCA",
    seeds: &[0],
    options: OWN,
};

/// The task `dimension`.
pub const DIMENSION: Task = Task {
    name: "dimension",
    title: "Dimensionality reduction by codes",
    about: "Codes of 2, 8 and 32 dimensions compared with PCA: preserved neighbours, and scatter plots",
    seeds: &[0],
    options: OWN,
};

/// The task `features`.
pub const FEATURES: Task = Task {
    name: "features",
    title: "Codes as features for a classifier",
    about: "Codes as features for a classifier with 100, 1,000 and 10,000 labels, compared with pixels and PCA",
    seeds: &[0],
    options: OWN,
};

/// The task `forecast`.
pub const FORECAST: Task = Task {
    name: "forecast",
    title: "Forecasts: what comes next in a sequence",
    about: "Forecasts of heartbeats, series and moving digits, beside persistence, seasons and a linear model",
    seeds: &[0, 1, 2],
    options: &[TaskOption {
        name: "data",
        value: "SET",
        about: "The sequences: ecg5000, nab, or moving-mnist",
        default: Some("ecg5000"),
        repeats: false,
        requires: None,
    }],
};

/// The task `generate`.
pub const GENERATE: Task = Task {
    name: "generate",
    title: "New samples",
    about: "New samples: distance from held-out images, classes, interpolations, latent spaces",
    seeds: &[0],
    options: OWN,
};

/// The task `likelihood`.
pub const LIKELIHOOD: Task = Task {
    name: "likelihood",
    title: "Likelihood of held-out samples",
    about: "Likelihood of held-out images by importance sampling, active latents, and a rate-distortion curve over β",
    seeds: &[0],
    options: OWN,
};

/// The task `pretrain`.
pub const PRETRAIN: Task = Task {
    name: "pretrain",
    title: "Pre-training without labels, fine-tuning with few",
    about: "Pre-training without labels against random weights, fine-tuned with 100, 1,000, 5,000 or all labels",
    seeds: &[0, 1, 2, 3, 4],
    options: &[],
};

/// The task `recommend`.
pub const RECOMMEND: Task = Task {
    name: "recommend",
    title: "Recommendation: ratings predicted, and likes ranked",
    about: "Predicted ratings and ranked likes of autorec, mult_vae and mult_dae, beside the usual recommenders",
    seeds: &[0, 1, 2],
    options: &[TaskOption {
        name: "data",
        value: "SET",
        about: "The ratings: movielens-100k, or movielens-1m, with the settings of the tier full where a preset has it",
        default: Some("movielens-100k"),
        repeats: false,
        requires: None,
    }],
};

/// The task `reconstruction`.
pub const RECONSTRUCTION: Task = Task {
    name: "reconstruction",
    title: "Reconstruction of held-out images",
    about: "Reconstruction of held-out images by each variant, compared with PCA at the same code size",
    seeds: &[0],
    options: OWN,
};

/// The task `regimes`.
pub const REGIMES: Task = Task {
    name: "regimes",
    title: "Optimisation regimes",
    about: "Comparison of full batches, mini-batches and single samples, of optimizers, and of learning-rate schedules",
    seeds: &[0],
    options: &[],
};

/// The task `restore`.
pub const RESTORE: Task = Task {
    name: "restore",
    title: "Restoring damaged images",
    about: "Holes, scratches, watermarks, blur and small sizes undone, compared with classical methods",
    seeds: &[0],
    options: &[
        TaskOption {
            name: "set",
            value: "NAME",
            about: "A set of images, such as olivetti; may be given several times [default: all]",
            default: None,
            repeats: true,
            requires: None,
        },
        TaskOption {
            name: "damage",
            value: "NAME",
            about: "A kind of damage, such as blocks; may be given several times [default: all]",
            default: None,
            repeats: true,
            requires: None,
        },
    ],
};

/// The task `retrieval`.
pub const RETRIEVAL: Task = Task {
    name: "retrieval",
    title: "Search for documents on the same subject",
    about: "Text retrieval by codes of 10 numbers and of 128 bits, compared with LSA, tf-idf and BM25",
    seeds: &[0],
    options: &[],
};

/// The task `search`.
pub const SEARCH: Task = Task {
    name: "search",
    title: "Search for images of the same class",
    about: "Image search by codes and by binary codes of 64 and 256 bits, compared with pixels, PCA and random bits",
    seeds: &[0],
    options: OWN,
};

/// The task `selection`.
pub const SELECTION: Task = Task {
    name: "selection",
    title: "Selection of a detector on normal beats only",
    about: "Selection of the detector `ecg-best`: candidates judged on normal heartbeats and damaged copies of them",
    seeds: &[0, 1, 2, 3, 4],
    options: &[],
};

#[cfg(test)]
mod tests {
    use super::*;
    use std::collections::BTreeSet;

    #[test]
    fn the_list_is_in_order_and_its_help_is_worded_alike() {
        assert!(TASKS.is_sorted_by(|a, b| a.name < b.name), "alphabetical, each once");
        for task in TASKS {
            let seeds: BTreeSet<u64> = task.seeds.iter().copied().collect();
            assert!(!seeds.is_empty() && seeds.len() == task.seeds.len(), "{}", task.name);
            let helps = task.options.iter().map(|option| option.about).chain([task.about]);
            for help in helps {
                assert!(!help.is_empty() && !help.contains('\n') && !help.ends_with('.'), "{help}");
            }
            for option in task.options {
                let is_there = |name: &str| task.options.iter().any(|other| other.name == name);
                assert!(option.requires.is_none_or(is_there), "{} requires what is missing", option.name);
            }
            assert_ne!(task.takes_runs(), !task.why_no_runs().is_empty(), "{}", task.name);
        }
    }
}
