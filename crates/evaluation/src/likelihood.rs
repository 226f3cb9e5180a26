//! `ae eval likelihood`: estimates the likelihood of held-out samples by importance sampling, reports which
//! latents carry information, and draws the rate-distortion curve of `beta_vae` over β.

use crate::context::{Context, Wanted};
use crate::density::{Latents, SAMPLES, density, latent_variable, latents, test_rows};
use crate::draft::Draft;
use crate::error::EvaluationError;
use crate::held_out;
use crate::outcome::{Evaluation, ResultTable};
use crate::spread::{self, Figures, Quantity};
use crate::subject::Models;
use crate::tasks::RunTask;
pub(crate) use ae_catalogue::tasks::LIKELIHOOD as TASK;
use ae_report::gallery::Entry;
use ae_report::picture::{self, Line};
use std::path::PathBuf;

pub(crate) const RUN: RunTask = |context, _| run(context);

const PRESETS: [&str; 5] = ["vae", "cvae", "beta_vae", "vae-nll", "iwae"];
/// Points of the rate-distortion curve, and epochs of training for each.
const BETAS: [f64; 6] = [0.25, 0.5, 1.0, 2.0, 4.0, 8.0];
const EPOCHS: u64 = 3;

const NEGATIVE_LOG_LIKELIHOOD: Quantity = Quantity::new("negative_log_likelihood", "-log p(x)", 2);
const STANDARD_ERROR: Quantity = Quantity::positive("standard_error", "std. error", 2);
const NEGATIVE_ELBO: Quantity = Quantity::new("negative_elbo", "-ELBO", 2);
const KL: Quantity = Quantity::positive("kl", "KL", 2);
const ACTIVE_UNITS: Quantity = Quantity::positive("active_units", "active", 1);
const ROWS: Quantity = Quantity::positive("rows", "samples", 0);
const FIGURES: [Quantity; 6] =
    [NEGATIVE_LOG_LIKELIHOOD, STANDARD_ERROR, NEGATIVE_ELBO, KL, ACTIVE_UNITS, ROWS];

/// The results of a preset's runs.
struct Entrant {
    name: String,
    /// Grey values or bits.
    targets: String,
    figures: Figures,
    /// First seed.
    latents: Latents,
}

/// What to evaluate.
struct Plan<'a> {
    presets: &'a [&'a str],
    betas: &'a [f64],
    samples: i64,
}

fn run(context: &mut Context<'_>) -> Result<(Evaluation, PathBuf), EvaluationError> {
    let models = Models::of(context, &PRESETS)?;
    // Each point of the curve is a preset that is trained for it.
    let betas: &[f64] = if context.subject.has_runs() { &[] } else { &BETAS };
    let plan = Plan { presets: &models.names(), betas, samples: SAMPLES };
    evaluate(context, &plan, |name, beta, seed| match beta {
        None => models.wanted(name, seed),
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
    let mut draft = Evaluation::begin(context, &TASK)?;
    draft.expect(plan.presets.len() * context.seeds.len() + plan.betas.len());
    let mut entrants = Vec::new();
    for preset in plan.presets {
        entrants.push(entrant(context, plan, preset, &wanted, &mut draft)?);
    }
    for entrant in &entrants {
        entrant.figures.enter(&mut draft.evaluation.metrics, &entrant.name)?;
    }
    draft.evaluation.tables = vec![densities(&entrants)?, diagnoses(&entrants)];
    draft.gallery.add(
        Entry {
            file: "latents.png".into(),
            order: 10,
            title: "Information in each latent".into(),
            caption: "KL divergence of each latent from the prior over the test set, greatest first. A latent at zero carries \
                      no information."
                .into(),
        },
        |path| picture::lines(path, "latent, by rank", "nats", &by_rank(&entrants)),
    )?;
    if !plan.betas.is_empty() {
        let curve = rate_distortion(context, plan, &wanted, &mut draft)?;
        draft.gallery.add(
            Entry {
                file: "rate_distortion.png".into(),
                order: 20,
                title: "Rate and distortion by β".into(),
                caption: "Each point is a beta_vae of the first seed. The sum of both axes is -ELBO.".into(),
            },
            |path| picture::lines(path, "rate: KL, nats", "distortion: reconstruction, nats", &[curve]),
        )?;
    }
    draft.finish(format!(
            "-log p(x) is estimated by importance sampling from the posterior with {} draws per sample, -ELBO by the mean of \
             the same log-weights; both are in nats per test sample. Likelihoods of grey values and of bits are not \
             comparable, so the tables name the targets. Bits are drawn once for each seed. A latent is active if its \
             posterior mean has a variance above 0.01 over the test set (Burda et al., 2016).",
            plan.samples
        ))
}

/// Trains and evaluates a preset with each seed.
fn entrant(
    context: &mut Context<'_>,
    plan: &Plan<'_>,
    preset: &str,
    wanted: &impl Fn(&str, Option<f64>, u64) -> Result<Wanted, EvaluationError>,
    draft: &mut Draft,
) -> Result<Entrant, EvaluationError> {
    let (mut figures, mut first) = (Figures::default(), None);
    for seed in context.seeds.clone() {
        let run = draft.trained(context, &wanted(preset, None, seed)?)?;
        let model = latent_variable(&run)?;
        let rows = test_rows(&run)?;
        tracing::info!("estimating densities of {} samples by {preset}", rows.len());
        let density = density(model, &rows, plan.samples, seed);
        let latents = latents(model, &run.splits.test, seed);
        for (quantity, value) in [
            (NEGATIVE_LOG_LIKELIHOOD, density.negative_log_likelihood),
            (STANDARD_ERROR, density.standard_error),
            (NEGATIVE_ELBO, density.negative_elbo),
            (KL, latents.kl.iter().sum()),
            (ACTIVE_UNITS, latents.active() as f64),
            (ROWS, density.rows as f64),
        ] {
            figures.push(seed, &quantity, value);
        }
        first.get_or_insert((model.targets().to_string(), latents));
    }
    let (targets, latents) = first.ok_or(EvaluationError::NoSeeds)?;
    Ok(Entrant { name: preset.into(), targets, figures, latents })
}

fn densities(entrants: &[Entrant]) -> Result<ResultTable, EvaluationError> {
    let mut rows = Vec::new();
    for Entrant { name, targets, figures, .. } in entrants {
        let mut row = vec![name.clone(), targets.clone()];
        row.extend(figures.cells(&FIGURES)?);
        rows.push(row);
    }
    Ok(ResultTable {
        title: "Densities".into(),
        columns: spread::columns(&["preset", "targets"], &FIGURES),
        rows,
        note: "Lower is better for -log p(x) and -ELBO; compare only presets with the same targets. The density of cvae is \
               p(x|label). The standard error is over samples; all presets are evaluated on the same samples."
            .into(),
    })
}

fn diagnoses(entrants: &[Entrant]) -> ResultTable {
    let row = |entrant: &Entrant| vec![entrant.name.clone(), entrant.latents.diagnosis()];
    ResultTable {
        title: "Has the posterior collapsed?".into(),
        columns: vec!["preset".into(), "diagnosis".into()],
        rows: entrants.iter().map(row).collect(),
        note: "For the first seed.".into(),
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

/// The first seed's rate and distortion at each β, as a curve. Also adds the table and the metrics.
fn rate_distortion(
    context: &mut Context<'_>,
    plan: &Plan<'_>,
    wanted: &impl Fn(&str, Option<f64>, u64) -> Result<Wanted, EvaluationError>,
    draft: &mut Draft,
) -> Result<Line, EvaluationError> {
    let seed = context.seeds.first().copied().ok_or(EvaluationError::NoSeeds)?;
    let mut curve = Line { name: "beta_vae".into(), ..Line::default() };
    let mut table = ResultTable {
        title: "Rate and distortion by β".into(),
        columns: ["β", "rate (KL)", "distortion", "-ELBO", "active"].map(String::from).into(),
        ..ResultTable::default()
    };
    for &beta in plan.betas {
        let run = draft.trained(context, &wanted("beta_vae", Some(beta), seed)?)?;
        let model = latent_variable(&run)?;
        let latents = latents(model, held_out::test(&run)?, seed);
        let metric = |name: &str| run.record.metrics.get(name).copied();
        let distortion = metric("test/reconstruction").unwrap_or(f64::NAN);
        let rate = metric("test/kl").unwrap_or_else(|| latents.kl.iter().sum());
        let active = latents.active();
        for (name, value) in [("rate", rate), ("distortion", distortion), ("active_units", active as f64)] {
            draft.evaluation.metrics.insert(format!("beta{beta}/{name}"), value);
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
        let epochs = match run.experiment.training.epochs {
            1 => "1 epoch".to_owned(),
            epochs => format!("{epochs} epochs"),
        };
        table.note = format!(
            "In nats per test sample, after only {epochs} each, so not comparable with a full training."
        );
    }
    draft.evaluation.tables.push(table);
    Ok(curve)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::testing::{Bench, wanted};
    use ae_models::ModelConfig;

    #[test]
    fn densities_diagnoses_and_a_curve_are_reported() {
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
        assert!(metrics["beta20/rate"] < metrics["beta0.5/rate"], "a higher β leaves less information");
        assert!(metrics["vae/negative_log_likelihood"] <= metrics["vae/negative_elbo"]);
        assert_eq!(metrics["vae/seed1/rows"], 16.0);
        let files: Vec<&str> = evaluation.pictures.iter().map(|picture| picture.file.as_str()).collect();
        assert_eq!(files, ["latents.png", "rate_distortion.png"]);
    }
}
