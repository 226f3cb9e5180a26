//! `ae eval likelihood`: densities of held-out samples by importance sampling, which latents carry information, and
//! what a β buys: the rate-distortion curve of `beta_vae`.

use crate::context::{Context, Wanted};
use crate::density::{Density, Latents, SAMPLES, density, latent_variable, latents, test_rows};
use crate::error::EvaluationError;
use crate::outcome::{Evaluation, Table};
use crate::spread::{self, Figure};
use ae_report::gallery::{Entry, Gallery};
use ae_report::picture::{self, Line};
use std::path::PathBuf;

/// Seeds that the task is run with unless others are given.
pub const SEEDS: &[u64] = &[0];

const PRESETS: [&str; 5] = ["vae", "cvae", "beta_vae", "vae-nll", "iwae"];
/// Points of the rate-distortion curve, and how long each is trained.
const BETAS: [f64; 6] = [0.25, 0.5, 1.0, 2.0, 4.0, 8.0];
const EPOCHS: u64 = 3;

/// What a preset's runs gave.
struct Entrant {
    name: String,
    /// Grey values or bits.
    targets: String,
    seeds: Vec<(u64, Vec<Figure>)>,
    /// Of the first seed.
    latents: Latents,
}

/// What is to be evaluated.
struct Plan<'a> {
    presets: &'a [&'a str],
    betas: &'a [f64],
    samples: i64,
}

/// Trains what is missing, evaluates each preset with each seed, and writes tables, pictures and report. Returns the
/// results and the report's path, `runs/eval-likelihood/<id>/report.html`.
///
/// # Errors
/// Where a model cannot be trained, or a file not written; see [`EvaluationError`].
pub fn run(context: &mut Context<'_>) -> Result<(Evaluation, PathBuf), EvaluationError> {
    let plan = Plan { presets: &PRESETS, betas: &BETAS, samples: SAMPLES };
    evaluate(context, &plan, |name, beta, seed| match beta {
        None => Wanted::preset(name, &[], seed),
        Some(beta) => {
            let settings = [format!("model.beta_vae.beta={beta:?}"), format!("training.epochs={EPOCHS}")];
            Wanted::preset(name, &settings.each_ref().map(String::as_str), seed)
        }
    })
}

fn evaluate(
    context: &mut Context<'_>,
    plan: &Plan<'_>,
    wanted: impl Fn(&str, Option<f64>, u64) -> Result<Wanted, EvaluationError>,
) -> Result<(Evaluation, PathBuf), EvaluationError> {
    context.check_seeds()?;
    let seeds = context.seeds.clone();
    let folder = context.folder("likelihood");
    let mut evaluation = Evaluation {
        task: "likelihood".into(),
        title: "Likelihood of held-out samples".into(),
        method: format!(
            "-log p(x) is estimated by importance sampling from the posterior with {} draws for each sample, -ELBO by the \
             mean of the same log-weights, both in nats for each sample of the test set. Likelihoods of grey values and of \
             bits cannot be compared, so the targets are named; bits are drawn once for each seed. A latent is active where \
             its posterior mean varies over the test set with a variance above 0.01 (Burda et al., 2016).",
            plan.samples
        ),
        command: context.command("likelihood"),
        seeds: seeds.clone(),
        ..Evaluation::default()
    };
    let mut entrants = Vec::new();
    for preset in plan.presets {
        entrants.push(entrant(context, plan, preset, &wanted, &mut evaluation)?);
    }
    for entrant in &entrants {
        spread::enter(&mut evaluation, &entrant.name, &entrant.seeds)?;
    }
    evaluation.tables = vec![densities(&entrants)?, diagnoses(&entrants)];
    let gallery = Gallery::new(folder.join("images"));
    gallery.add(
        Entry {
            file: "latents.png".into(),
            order: 10,
            title: "What each latent carries".into(),
            caption: "KL of each latent from the prior over the test set, greatest first; at zero it carries nothing.".into(),
        },
        |path| picture::lines(path, "latent, by rank", "nats", &by_rank(&entrants)),
    )?;
    let curve = rate_distortion(context, plan, &wanted, &mut evaluation)?;
    gallery.add(
        Entry {
            file: "rate_distortion.png".into(),
            order: 20,
            title: "Rate and distortion over β".into(),
            caption: "Each point is a beta_vae of the first seed; -ELBO is the sum of both axes.".into(),
        },
        |path| picture::lines(path, "rate: KL, nats", "distortion: reconstruction, nats", &[curve]),
    )?;
    evaluation.pictures = gallery.entries()?;
    let report = evaluation.write(&folder)?;
    Ok((evaluation, report))
}

/// Trains and measures a preset with each seed.
fn entrant(
    context: &mut Context<'_>,
    plan: &Plan<'_>,
    preset: &str,
    wanted: &impl Fn(&str, Option<f64>, u64) -> Result<Wanted, EvaluationError>,
    evaluation: &mut Evaluation,
) -> Result<Entrant, EvaluationError> {
    let (mut seeds, mut first) = (Vec::new(), None);
    for seed in context.seeds.clone() {
        let run = context.trained(&wanted(preset, None, seed)?)?;
        let model = latent_variable(&run)?;
        let rows = test_rows(context, &run)?;
        tracing::info!("estimating densities of {rows} samples by {preset}");
        let density = density(model, &run.splits.test, rows, plan.samples, seed);
        let latents = latents(model, &run.splits.test, seed);
        seeds.push((seed, figures(&density, &latents)));
        first.get_or_insert((model.targets().to_string(), latents));
        evaluation.runs.push(run.dir.root().to_path_buf());
    }
    let (targets, latents) = first.ok_or(EvaluationError::NoSeeds)?;
    Ok(Entrant { name: preset.into(), targets, seeds, latents })
}

fn figures(density: &Density, latents: &Latents) -> Vec<Figure> {
    let figure = |head, name, value, decimals| Figure { head, name, value, decimals };
    vec![
        figure("-log p(x)", "negative_log_likelihood", density.negative_log_likelihood, 2),
        figure("std. error", "standard_error", density.standard_error, 2),
        figure("-ELBO", "negative_elbo", density.negative_elbo, 2),
        figure("KL", "kl", latents.kl.iter().sum(), 2),
        figure("active", "active_units", latents.active() as f64, 1),
        figure("samples", "rows", density.rows as f64, 0),
    ]
}

fn densities(entrants: &[Entrant]) -> Result<Table, EvaluationError> {
    let mut table = Table {
        title: "Densities".into(),
        columns: vec!["preset".into(), "targets".into()],
        note: "Lower is better for -log p(x) and -ELBO, within one kind of targets. The density of cvae is p(x|label). \
               The standard error is over samples; presets are measured on the same ones."
            .into(),
        ..Table::default()
    };
    let heads = entrants.iter().flat_map(|entrant| &entrant.seeds).next();
    table.columns.extend(heads.iter().flat_map(|(_, figures)| figures).map(|figure| figure.head.to_string()));
    for Entrant { name, targets, seeds, .. } in entrants {
        let mut row = vec![name.clone(), targets.clone()];
        for at in 0..seeds[0].1.len() {
            row.push(spread::over_seeds(seeds.iter().map(|(_, figures)| &figures[at]))?);
        }
        table.rows.push(row);
    }
    Ok(table)
}

fn diagnoses(entrants: &[Entrant]) -> Table {
    let row = |entrant: &Entrant| vec![entrant.name.clone(), entrant.latents.diagnosis()];
    Table {
        title: "Has the posterior collapsed?".into(),
        columns: vec!["preset".into(), "diagnosis".into()],
        rows: entrants.iter().map(row).collect(),
        note: "Of the first seed.".into(),
    }
}

/// KL of each latent, greatest first.
fn by_rank(entrants: &[Entrant]) -> Vec<Line> {
    let line = |entrant: &Entrant| {
        let mut kl = entrant.latents.kl.clone();
        kl.sort_by(|a, b| b.total_cmp(a));
        let points = kl.into_iter().enumerate().map(|(rank, kl)| (rank as f64 + 1.0, kl)).collect();
        Line { name: entrant.name.clone(), points, labels: vec![] }
    };
    entrants.iter().map(line).collect()
}

/// The first seed's rate and distortion at each β, as a curve; enters the table and the metrics.
fn rate_distortion(
    context: &mut Context<'_>,
    plan: &Plan<'_>,
    wanted: &impl Fn(&str, Option<f64>, u64) -> Result<Wanted, EvaluationError>,
    evaluation: &mut Evaluation,
) -> Result<Line, EvaluationError> {
    let seed = context.seeds.first().copied().ok_or(EvaluationError::NoSeeds)?;
    let mut curve = Line { name: "beta_vae".into(), ..Line::default() };
    let mut table = Table {
        title: "What β buys".into(),
        columns: ["β", "rate (KL)", "distortion", "-ELBO", "active"].map(String::from).into(),
        note: format!(
            "Nats for each test sample; {EPOCHS} epochs each, so not the figures of a full training."
        ),
        ..Table::default()
    };
    for &beta in plan.betas {
        let run = context.trained(&wanted("beta_vae", Some(beta), seed)?)?;
        let model = latent_variable(&run)?;
        test_rows(context, &run)?;
        let latents = latents(model, &run.splits.test, seed);
        let metric = |name: &str| run.record.metrics.get(name).copied();
        let distortion = metric("test/reconstruction").unwrap_or(f64::NAN);
        let rate = metric("test/kl").unwrap_or_else(|| latents.kl.iter().sum());
        let active = latents.active();
        for (name, value) in [("rate", rate), ("distortion", distortion), ("active_units", active as f64)] {
            evaluation.metrics.insert(format!("beta{beta}/{name}"), value);
        }
        let number = |value: f64| format!("{value:.2}");
        let cells = [
            beta.to_string(),
            number(rate),
            number(distortion),
            number(rate + distortion),
            active.to_string(),
        ];
        table.rows.push(cells.into());
        curve.points.push((rate, distortion));
        curve.labels.push(format!("β = {beta}"));
        evaluation.runs.push(run.dir.root().to_path_buf());
    }
    evaluation.tables.push(table);
    Ok(curve)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::testing::{Bench, wanted};
    use ae_models::ModelConfig;

    #[test]
    fn densities_diagnoses_and_a_curve_are_told() {
        let bench = Bench::new();
        let plan = Plan { presets: &["vae", "iwae"], betas: &[0.5, 20.0], samples: 30 };
        let (evaluation, report) = bench
            .with(&[0, 1], |context| {
                evaluate(context, &plan, |name, beta, seed| {
                    let folder = beta.map_or(name.to_string(), |beta| format!("{name}-{beta}"));
                    let mut wanted = wanted(name, name, &bench.bars(), 6, seed);
                    wanted.name = folder;
                    if let (ModelConfig::BetaVae(config), Some(beta)) = (&mut wanted.experiment.model, beta) {
                        config.beta = beta;
                    }
                    Ok(wanted)
                })
            })
            .unwrap();
        assert!(report.exists());
        let [densities, diagnoses, curve] = &evaluation.tables[..] else { panic!("three tables") };
        assert_eq!(densities.rows[0][..2], ["vae", "grey values"]);
        assert_eq!(densities.rows[1][..2], ["iwae", "stochastic binarization"]);
        assert!(densities.rows.iter().all(|row| row.len() == densities.columns.len()));
        assert!(diagnoses.rows[0][1].contains("latents"), "{diagnoses:?}");
        assert_eq!(curve.rows.len(), 2);
        let metrics = &evaluation.metrics;
        assert!(metrics["beta20/rate"] < metrics["beta0.5/rate"], "a higher price leaves less information");
        assert!(metrics["vae/negative_log_likelihood"] <= metrics["vae/negative_elbo"]);
        assert_eq!(metrics["vae/seed1/rows"], 16.0);
        let files: Vec<&str> = evaluation.pictures.iter().map(|picture| picture.file.as_str()).collect();
        assert_eq!(files, ["latents.png", "rate_distortion.png"]);
    }
}
