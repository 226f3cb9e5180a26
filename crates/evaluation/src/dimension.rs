//! `ae eval dimension`: compares codes with principal component analysis of the same size for dimensionality
//! reduction.

use crate::anomaly::autoencoder;
use crate::codes;
use crate::context::{Context, Wanted};
use crate::error::EvaluationError;
use crate::held_out::strided;
use crate::maps::Shown;
use crate::outcome::{Evaluation, ResultTable};
use crate::pictures::Units;
use crate::spread::{self, Figures, Quantity, SPREAD};
use crate::subject::Models;
use crate::tasks::RunTask;
pub(crate) use ae_catalogue::tasks::DIMENSION as TASK;
use ae_metrics::{knn_accuracy, trustworthiness};
use ae_models::Batch;
use ae_report::gallery::{Entry, Gallery};
use ae_report::picture::{self, About, Map};
use ae_tensor::{Pca, Tensor, array};
use ae_training::experiment::Run;
use indexmap::IndexMap;
use ndarray::Array2;
use std::path::PathBuf;

pub(crate) const RUN: RunTask = |context, _| {
    let models = Models::of(context, &[])?;
    let runs = models.names();
    evaluate(context, |seed| {
        if runs.is_empty() {
            return presets(&SIZES, |coder, size| coder.wanted(size, seed));
        }
        let group = runs.iter().map(|name| Ok((name.to_string(), models.wanted(name, seed)?)));
        Ok(vec![group.collect::<Result<_, EvaluationError>>()?])
    })
};

/// Models, each with its name in the metrics. Those of a group are followed by PCA of their code sizes.
type Group = Vec<(String, Wanted)>;

/// A group of each size.
fn presets(
    sizes: &[i64],
    wanted: impl Fn(&Coder, i64) -> Result<Wanted, EvaluationError>,
) -> Result<Vec<Group>, EvaluationError> {
    let group = |&size: &i64| {
        CODERS.iter().map(|coder| Ok((coder.preset.to_string(), wanted(coder, size)?))).collect()
    };
    sizes.iter().map(group).collect()
}

/// Code sizes; codes of two dimensions are drawn.
const SIZES: [i64; 3] = [2, 8, 32];
/// Neighbours for both figures; scikit-learn's default.
const NEIGHBOURS: usize = 5;
/// Test rows for trustworthiness and scatter plots.
const TRUST_ROWS: usize = 3000;
/// Training rows for k-NN classification.
const TRAIN_ROWS: usize = 10_000;
/// Test rows for k-NN classification.
const TEST_ROWS: usize = 10_000;

const TRUSTWORTHINESS: Quantity = Quantity::share("trustworthiness", "trustworthiness", 4);
const ACCURACY: Quantity = Quantity::share("knn_accuracy", "k-NN accuracy", 4);
const FIGURES: [Quantity; 2] = [TRUSTWORTHINESS, ACCURACY];

/// A preset whose codes are evaluated.
struct Coder {
    preset: &'static str,
    settings: &'static [&'static str],
    /// The setting of the code size.
    size: &'static str,
}

const CODERS: [Coder; 2] = [
    Coder { preset: "deep", settings: &["model.deep.code_activation=identity"], size: "model.deep.code" },
    Coder { preset: "vae", settings: &[], size: "model.vae.latent" },
];

/// Results by the code's name in the metrics and its size.
type Scores = IndexMap<(String, i64), Figures>;

/// The rows of one seed.
struct Trial {
    seed: u64,
    /// Training rows of the k-NN classifier.
    train: Labelled,
    /// Rows to classify.
    test: Labelled,
    /// Rows for trustworthiness.
    trust: Labelled,
    /// Those rows as a reader sees them.
    shown: Shown,
    /// Names of the labels.
    names: Vec<String>,
    pca: Pca,
}

/// Rows with their labels.
struct Labelled {
    rows: Tensor,
    labels: Vec<i64>,
}

/// Codes of the three parts of a trial, `[N, D]` each.
struct Codes {
    train: Array2<f32>,
    test: Array2<f32>,
    trust: Array2<f32>,
}

fn evaluate(
    context: &mut Context<'_>,
    groups: impl Fn(u64) -> Result<Vec<Group>, EvaluationError>,
) -> Result<(Evaluation, PathBuf), EvaluationError> {
    let mut draft = Evaluation::begin(context, &TASK)?;
    let mut scores = Scores::new();
    let mut maps = Vec::new();
    for (place, seed) in context.seeds.clone().into_iter().enumerate() {
        let mut trial: Option<Trial> = None;
        let groups = groups(seed)?;
        draft.expect(groups.iter().map(Vec::len).sum::<usize>() * context.seeds.len());
        for group in &groups {
            let mut sizes = Vec::new();
            for (name, wanted) in group {
                let run = draft.trained(context, wanted)?;
                if trial.is_none() {
                    let new = Trial::new(&run, seed)?;
                    new.judge("data", &new.codes(|rows| rows.flatten(1, -1)), &mut scores)?;
                    trial = Some(new);
                }
                let Some(trial) = &trial else { continue };
                let autoencoder = autoencoder(&run)?;
                let codes = trial.codes(|rows| codes::of_batch(autoencoder, rows));
                trial.judge(name, &codes, &mut scores)?;
                let size = codes.test.ncols() as i64;
                if !sizes.contains(&size) {
                    sizes.push(size);
                }
                if place == 0 && size == 2 {
                    maps.push(trial.map(name, &codes));
                }
            }
            let Some(trial) = &trial else { continue };
            for size in sizes.into_iter().filter(|&size| size <= trial.pca.most()) {
                let codes = trial.codes(|rows| trial.pca.codes(rows, size));
                trial.judge(PCA, &codes, &mut scores)?;
                if place == 0 && size == 2 {
                    maps.push(trial.map(PCA, &codes));
                    trial.draw(&draft.gallery, &maps)?;
                }
            }
        }
    }
    let mut rows = Vec::new();
    for ((name, size), figures) in &scores {
        let mut row = vec![title(name).to_string(), size.to_string()];
        row.extend(figures.cells(&FIGURES)?);
        rows.push(row);
        figures.enter(&mut draft.evaluation.metrics, &format!("{name}/{size}"))?;
    }
    draft.evaluation.tables.push(ResultTable {
        title: "Neighbours".into(),
        columns: spread::columns(&["code", "dimensions"], &FIGURES),
        rows,
        note: format!("Higher is better. Trustworthiness is 1 if all neighbours are preserved. {SPREAD}"),
    });
    draft.finish(format!(
        "Trustworthiness (Venna & Kaski, 2001) measures to what extent the {NEIGHBOURS} nearest neighbours of a code are also \
         neighbours in the data, among {TRUST_ROWS} test rows. The k-NN accuracy is the share of {TEST_ROWS} test rows whose \
         label is the most frequent among their {NEIGHBOURS} nearest codes of {TRAIN_ROWS} training rows. If a set has more \
         rows, evenly spaced ones are used; if it has fewer, all. Labels play no part in training. {}The code of a \
         variational model is the mean of its posterior.",
        match context.subject.has_runs() {
            true => "",
            false =>
                "Both models are presets with a different code size. The code of `deep` is linear here, because a rectified \
                 code of two dimensions leaves most of the plane unused. ",
        }
    ))
}

/// Name of PCA in the metrics.
const PCA: &str = "pca";

/// A code's name in tables and pictures.
fn title(name: &str) -> &str {
    match name {
        "data" => "the raw data",
        PCA => "PCA",
        preset => preset,
    }
}

impl Coder {
    fn wanted(&self, size: i64, seed: u64) -> Result<Wanted, EvaluationError> {
        let with_size = format!("{}={size}", self.size);
        let settings: Vec<&str> = self.settings.iter().copied().chain([with_size.as_str()]).collect();
        Wanted::preset(self.preset, &settings, seed)
    }
}

impl Trial {
    fn new(run: &Run, seed: u64) -> Result<Self, EvaluationError> {
        let splits = &run.splits;
        let part = |rows: Batch| {
            let labels = codes::labels(splits, &rows)?;
            Ok::<_, EvaluationError>(Labelled { rows: rows.values, labels })
        };
        let trust = strided(&splits.test, TRUST_ROWS);
        Ok(Trial {
            seed,
            train: part(strided(&splits.train, TRAIN_ROWS))?,
            test: part(strided(&splits.test, TEST_ROWS))?,
            shown: Shown::of(&trust.values, &Units::of(splits)),
            trust: part(trust)?,
            names: splits.dataset.label_names.clone(),
            pca: Pca::fit(splits.train.values()),
        })
    }

    fn codes(&self, by: impl Fn(&Tensor) -> Tensor) -> Codes {
        let of = |part: &Labelled| array::to_rows(&codes::represent(&part.rows, &by));
        Codes { train: of(&self.train), test: of(&self.test), trust: of(&self.trust) }
    }

    fn judge(&self, name: &str, codes: &Codes, scores: &mut Scores) -> Result<(), EvaluationError> {
        let size = codes.test.ncols() as i64;
        let failed = || EvaluationError::metric(format!("{}, {size} dimensions", title(name)));
        let data = array::to_rows(&self.trust.rows);
        let trust = trustworthiness(&data, &codes.trust, NEIGHBOURS).map_err(failed())?;
        let accuracy =
            knn_accuracy(&codes.train, &self.train.labels, &codes.test, &self.test.labels, NEIGHBOURS);
        let figures = scores.entry((name.to_string(), size)).or_default();
        figures.push(self.seed, &TRUSTWORTHINESS, trust);
        figures.push(self.seed, &ACCURACY, accuracy.map_err(failed())?);
        Ok(())
    }

    /// Two-dimensional codes of the rows for trustworthiness.
    fn map(&self, name: &str, codes: &Codes) -> Map {
        let explained = 1.0 - self.pca.variance_beyond(2) / self.pca.total_variance().max(f64::MIN_POSITIVE);
        let title = match name {
            PCA => format!("PCA, {:.0} % of the variance", 100.0 * explained),
            _ => title(name).to_string(),
        };
        let axes = if name == PCA {
            ["first component", "second component"]
        } else {
            ["first latent", "second latent"]
        };
        Map { title, axes: axes.map(String::from), points: codes.trust.clone() }
    }

    fn draw(&self, gallery: &Gallery, maps: &[Map]) -> Result<(), EvaluationError> {
        let label =
            |label: &i64| self.names.get(*label as usize).cloned().unwrap_or_else(|| label.to_string());
        let labels: Vec<String> = self.trust.labels.iter().map(label).collect();
        let entry = Entry {
            file: "maps.png".into(),
            title: "Two-dimensional codes".into(),
            caption: format!("{} test rows, coloured by label, seed {}.", labels.len(), self.seed),
            order: 0,
        };
        let about = About { labels: &labels, figures: None, samples: Some(self.shown.samples()) };
        Ok(gallery.add(entry, |path| picture::maps(path, maps, about))?)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::testing::{Bench, labelled, wanted};

    fn sized(name: &str, size: i64, seed: u64, data: &std::path::Path) -> Wanted {
        let setting = if name == "deep" { "code" } else { "latent" };
        let model = serde_json::from_str(&format!(r#"{{"{name}": {{"{setting}": {size}}}}}"#));
        let mut wanted = labelled(wanted(name, name, data, 30, seed));
        wanted.experiment.model = model.unwrap();
        wanted
    }

    #[test]
    fn every_size_is_compared_with_pca_and_the_data() {
        let bench = Bench::new();
        let data = bench.waves(true);
        let (evaluation, report) = bench
            .with(&[0, 1], |context| {
                evaluate(context, |seed| {
                    presets(&[2, 4], |coder, size| Ok(sized(coder.preset, size, seed, &data)))
                })
            })
            .unwrap();
        let table = &evaluation.tables[0];
        let rows: Vec<String> = table.rows.iter().map(|row| format!("{} {}", row[0], row[1])).collect();
        assert_eq!(rows, ["the raw data 16", "deep 2", "vae 2", "PCA 2", "deep 4", "vae 4", "PCA 4"]);
        assert!(table.rows.iter().all(|row| row.len() == table.columns.len()));
        let metric = |name: &str| evaluation.metrics[name];
        assert_eq!(metric("data/16/trustworthiness"), 1.0);
        assert_eq!(metric("pca/2/knn_accuracy"), 1.0, "inverted waves are easy");
        assert!(metric("pca/4/trustworthiness") > metric("pca/2/trustworthiness"));
        assert!(metric("deep/2/seed1/trustworthiness") > 0.5);
        let page = std::fs::read_to_string(report).unwrap();
        for map in ["deep", "vae", "PCA, "] {
            assert!(page.contains(&format!(r#"{{"title":"{map}"#)), "{map}");
        }
        assert_eq!(evaluation.runs.len(), 8);
    }

    #[test]
    fn presets_take_their_size() {
        for coder in &CODERS {
            let wanted = coder.wanted(8, 0).unwrap();
            assert!(wanted.command.contains("=8 --seed 0"), "{}", wanted.command);
        }
    }

    #[test]
    fn data_without_labels_are_refused() {
        let bench = Bench::new();
        let data = bench.waves(false);
        let of = |seed| presets(&[2], |coder, size| Ok(sized(coder.preset, size, seed, &data)));
        let error = bench.with(&[0], |context| evaluate(context, of)).unwrap_err().to_string();
        assert!(error.contains("has no labelled training and test rows, which this task needs"), "{error}");
    }
}
