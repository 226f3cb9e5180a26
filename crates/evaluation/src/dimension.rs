//! `ae eval dimension`: codes as a reduction of dimensions, beside principal component analysis of the same size.

use crate::anomaly::autoencoder;
use crate::codes;
use crate::context::{Context, Wanted};
use crate::error::EvaluationError;
use crate::outcome::{Evaluation, Table};
use crate::spread::{self, Figure};
use ae_anomaly::Pca;
use ae_metrics::{knn_accuracy, trustworthiness};
use ae_report::gallery::{Entry, Gallery};
use ae_report::picture;
use ae_training::experiment::Run;
use ndarray::{Array2, s};
use std::path::PathBuf;

/// Seeds that the task is run with unless others are given.
pub const SEEDS: &[u64] = &[0];

/// Sizes of the codes; those of the first are drawn.
const SIZES: [i64; 3] = [2, 8, 32];
/// Presets, and the setting that holds the size of the code.
const MODELS: [(&str, &[&str]); 2] =
    [("deep", &["model.deep.code_activation=identity", "model.deep.code="]), ("vae", &["model.vae.latent="])];
/// Neighbours of both figures; scikit-learn's default.
const NEIGHBOURS: usize = 5;
/// Test rows that trustworthiness compares with each other.
const TRUST_ROWS: usize = 3000;
/// Training rows among which neighbours are looked for.
const TRAIN_ROWS: usize = 10_000;
/// Test rows that are classified.
const TEST_ROWS: usize = 10_000;
/// Points of a scatter plot.
const SCATTERED: usize = 3000;

/// A row of the table.
struct Entrant {
    title: String,
    name: String,
    size: i64,
    seeds: Vec<(u64, Vec<Figure>)>,
}

/// The rows of one seed: flattened values and labels.
struct Rows {
    train: Array2<f32>,
    test: Array2<f32>,
    train_labels: Vec<i64>,
    test_labels: Vec<i64>,
}

/// Trains what is missing, and compares. Returns the results and the report's path,
/// `runs/eval-dimension/<id>/report.html`.
///
/// # Errors
/// Where a model cannot be trained, or a file not written; see [`EvaluationError`].
pub fn run(context: &mut Context<'_>) -> Result<(Evaluation, PathBuf), EvaluationError> {
    evaluate(context, &SIZES, |name, size, seed| {
        let settings =
            MODELS.iter().find(|(model, _)| *model == name).map_or(&[][..], |(_, settings)| *settings);
        let with_size = |setting: &&str| match setting.ends_with('=') {
            true => format!("{setting}{size}"),
            false => setting.to_string(),
        };
        let settings: Vec<String> = settings.iter().map(with_size).collect();
        Wanted::preset(name, &settings.iter().map(String::as_str).collect::<Vec<_>>(), seed)
    })
}

fn evaluate(
    context: &mut Context<'_>,
    sizes: &[i64],
    wanted: impl Fn(&str, i64, u64) -> Result<Wanted, EvaluationError>,
) -> Result<(Evaluation, PathBuf), EvaluationError> {
    context.check_seeds()?;
    let seeds = context.seeds.clone();
    let folder = context.folder("dimension");
    let gallery = Gallery::new(folder.join("images"));
    let mut evaluation = Evaluation {
        task: "dimension".into(),
        title: "Codes as a reduction of dimensions".into(),
        method: format!(
            "Trustworthiness (Venna & Kaski, 2001) asks how far the {NEIGHBOURS} nearest neighbours of a code are \
             neighbours among the data, over the first {TRUST_ROWS} test rows. The k-NN accuracy is the share of the \
             first {TEST_ROWS} test rows whose label is that of most of their {NEIGHBOURS} nearest codes among the \
             first {TRAIN_ROWS} training rows. Labels have no part in training. Both models are their presets with \
             another size of the code; the code of `deep` is linear here, because two rectified numbers leave most of \
             the plane unused. The code of `vae` is the mean of its posterior."
        ),
        command: context.command("dimension"),
        seeds: seeds.clone(),
        ..Evaluation::default()
    };
    let mut entrants: Vec<Entrant> = Vec::new();
    for &seed in &seeds {
        let mut baseline: Option<(Rows, Pca)> = None;
        for &size in sizes {
            for (name, _) in MODELS {
                let run = context.trained(&wanted(name, size, seed)?)?;
                let model = autoencoder(&run)?;
                if baseline.is_none() {
                    let rows = rows(&run)?;
                    add(
                        &mut entrants,
                        "data",
                        "the data themselves",
                        seed,
                        (&rows.train, &rows.test),
                        &rows,
                    )?;
                    baseline = Some((rows, Pca::fit(run.splits.train.values())));
                }
                let Some((rows, pca)) = &baseline else { continue };
                let [n_train, n_test] = [rows.train.nrows(), rows.test.nrows()];
                let train = codes::matrix(&codes::encode(model, &run.splits.train, n_train));
                let test = codes::matrix(&codes::encode(model, &run.splits.test, n_test));
                add(&mut entrants, name, name, seed, (&train, &test), rows)?;
                let draws = seed == seeds[0] && size == 2;
                if draws {
                    scatter(&gallery, &run, name, &test, &rows.test_labels)?;
                }
                // Once for each size.
                if name == MODELS[MODELS.len() - 1].0 {
                    let of = |split: &ae_training::Split, n| {
                        codes::matrix(&pca.codes(&split.rows(0, n).values, size))
                    };
                    let (train, test) = (of(&run.splits.train, n_train), of(&run.splits.test, n_test));
                    add(&mut entrants, "pca", "PCA", seed, (&train, &test), rows)?;
                    if draws {
                        scatter(&gallery, &run, "PCA", &test, &rows.test_labels)?;
                    }
                }
                evaluation.runs.push(run.dir.root().to_path_buf());
            }
        }
    }
    table(&mut evaluation, &entrants)?;
    evaluation.pictures = gallery.entries()?;
    let report = evaluation.write(&folder)?;
    Ok((evaluation, report))
}

fn rows(run: &Run) -> Result<Rows, EvaluationError> {
    let splits = &run.splits;
    let [n_train, n_test] = [splits.train.len().min(TRAIN_ROWS), splits.test.len().min(TEST_ROWS)];
    let (train_labels, test_labels) =
        (codes::labels(splits, &splits.train, n_train)?, codes::labels(splits, &splits.test, n_test)?);
    let [train, test] = [(&splits.train, n_train), (&splits.test, n_test)]
        .map(|(split, n)| codes::matrix(&split.rows(0, n).values));
    Ok(Rows { train, test, train_labels, test_labels })
}

fn add(
    entrants: &mut Vec<Entrant>,
    name: &str,
    title: &str,
    seed: u64,
    (train, test): (&Array2<f32>, &Array2<f32>),
    rows: &Rows,
) -> Result<(), EvaluationError> {
    let size = test.ncols() as i64;
    let failed = || EvaluationError::metric(format!("{title}, {size} dimensions"));
    let few = TRUST_ROWS.min(test.nrows());
    let trust = trustworthiness(&rows.test.slice(s![..few, ..]), &test.slice(s![..few, ..]), NEIGHBOURS);
    let accuracy = knn_accuracy(train, &rows.train_labels, test, &rows.test_labels, NEIGHBOURS);
    let figures = vec![
        Figure {
            head: "trustworthiness",
            name: "trustworthiness",
            value: trust.map_err(failed())?,
            decimals: 4,
        },
        Figure {
            head: "k-NN accuracy",
            name: "knn_accuracy",
            value: accuracy.map_err(failed())?,
            decimals: 4,
        },
    ];
    match entrants.iter_mut().find(|entrant| entrant.name == name && entrant.size == size) {
        Some(entrant) => entrant.seeds.push((seed, figures)),
        None => entrants.push(Entrant {
            title: title.into(),
            name: name.into(),
            size,
            seeds: vec![(seed, figures)],
        }),
    }
    Ok(())
}

fn table(evaluation: &mut Evaluation, entrants: &[Entrant]) -> Result<(), EvaluationError> {
    let mut rows = Vec::new();
    for entrant in entrants {
        let mut row = vec![entrant.title.clone(), entrant.size.to_string()];
        for at in 0..2 {
            row.push(spread::over_seeds(entrant.seeds.iter().map(|(_, figures)| &figures[at]))?);
        }
        rows.push(row);
        spread::enter(evaluation, &format!("{}/{}", entrant.name, entrant.size), &entrant.seeds)?;
    }
    let columns = ["code", "dimensions", "trustworthiness", "k-NN accuracy"].map(String::from).into();
    let note = "Higher is better; trustworthiness is 1 where all neighbours are kept.".into();
    evaluation.tables.push(Table { title: "Neighbours".into(), columns, rows, note });
    Ok(())
}

fn scatter(
    gallery: &Gallery,
    run: &Run,
    name: &str,
    test: &Array2<f32>,
    labels: &[i64],
) -> Result<(), EvaluationError> {
    let n = SCATTERED.min(test.nrows());
    let names = &run.splits.dataset.label_names;
    let label = |label: &i64| names.get(*label as usize).cloned().unwrap_or_else(|| label.to_string());
    let labels: Vec<String> = labels[..n].iter().map(label).collect();
    let entry = Entry {
        file: format!("{}.png", name.to_lowercase()),
        title: format!("Two dimensions by {name}"),
        caption: format!("The first {n} test rows by label, seed {}.", run.record.seed),
        order: 0,
    };
    Ok(gallery.add(entry, |path| picture::scatter(path, test.slice(s![..n, ..]), &labels))?)
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
    fn every_size_stands_beside_pca_and_the_data() {
        let bench = Bench::new();
        let data = bench.waves(true);
        let (evaluation, report) = bench
            .with(&[0, 1], |context| {
                evaluate(context, &[2, 4], |name, size, seed| Ok(sized(name, size, seed, &data)))
            })
            .unwrap();
        let table = &evaluation.tables[0];
        let rows: Vec<String> = table.rows.iter().map(|row| format!("{} {}", row[0], row[1])).collect();
        assert_eq!(rows, ["the data themselves 16", "deep 2", "vae 2", "PCA 2", "deep 4", "vae 4", "PCA 4"]);
        assert!(table.rows.iter().all(|row| row.len() == table.columns.len()));
        let metric = |name: &str| evaluation.metrics[name];
        assert_eq!(metric("data/16/trustworthiness"), 1.0);
        assert_eq!(metric("pca/2/knn_accuracy"), 1.0, "inverted waves are easy");
        assert!(metric("pca/4/trustworthiness") > metric("pca/2/trustworthiness"));
        assert!(metric("deep/2/seed1/trustworthiness") > 0.5);
        for file in ["deep.png", "vae.png", "pca.png"] {
            assert!(report.with_file_name("images").join(file).exists(), "{file}");
        }
        assert_eq!(evaluation.runs.len(), 8);
    }

    #[test]
    fn presets_take_their_size() {
        for (name, settings) in MODELS {
            let settings: Vec<String> = settings
                .iter()
                .map(|s| if s.ends_with('=') { format!("{s}8") } else { s.to_string() })
                .collect();
            let settings: Vec<&str> = settings.iter().map(String::as_str).collect();
            assert!(Wanted::preset(name, &settings, 0).is_ok(), "{name}");
        }
    }

    #[test]
    fn data_without_labels_are_refused() {
        let bench = Bench::new();
        let data = bench.waves(false);
        let of = |name: &str, size, seed| Ok(sized(name, size, seed, &data));
        let error = bench.with(&[0], |context| evaluate(context, &[2], of)).unwrap_err().to_string();
        assert!(error.contains("has no labelled training and test rows, which this task needs"), "{error}");
    }
}
