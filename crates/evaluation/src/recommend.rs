//! `ae eval recommend`: predicts ratings with AutoRec, and ranks what users like with Mult-VAE and Mult-DAE, beside what
//! people use instead: biases, matrix factorisation and neighbours; popularity, neighbours and EASE.

pub(crate) mod judge;
mod rankers;
mod raters;

use crate::anomaly::autoencoder;
use crate::contest::Contest;
use crate::context::{Context, Wanted};
use crate::draft::Draft;
use crate::error::EvaluationError;
use crate::outcome::Evaluation;
use crate::presets::Preset;
use crate::spread::{self, Quantity};
use crate::tasks::{OptionValues, RunTask};
pub(crate) use ae_catalogue::tasks::RECOMMEND as TASK;
use ae_datasets::sparse::{SparsePart, SparseRows};
use ae_records::names::{did_you_mean, nearest};
use ae_training::Tier;
use ae_training::experiment::Run;
use judge::{
    Ranked, RatingErrors, held_out, model_ranked, model_rating_errors, ranked, rating_errors, stars,
};
use rankers::{Popularity, Ranker, ease, gram, neighbours};
use raters::{Biases, Factors, ItemNeighbours};
use std::path::PathBuf;

pub(crate) const RUN: RunTask = |context, options| run(context, options);

const SMALL: &str = "movielens-100k";
const LARGE: &str = "movielens-1m";
/// Presets that predict ratings, the first of films by their columns, and those that rank likes.
const RATERS: [&str; 2] = ["autorec", "autorec-users"];
const RANKERS: [&str; 2] = ["mult_vae", "mult_dae"];
/// Penalties of EASE, of which the best on the validation users is taken.
const PENALTIES: [f64; 4] = [50.0, 150.0, 400.0, 1000.0];

const RMSE: Quantity = Quantity::positive("rmse", "RMSE", 4);
const MAE: Quantity = Quantity::positive("mae", "MAE", 4);
const RATING_FIGURES: [Quantity; 2] = [RMSE, MAE];
const RECALL_20: Quantity = Quantity::share("recall_20", "Recall@20", 4);
const RECALL_50: Quantity = Quantity::share("recall_50", "Recall@50", 4);
const NDCG_100: Quantity = Quantity::share("ndcg_100", "NDCG@100", 4);
const RANKING_FIGURES: [Quantity; 3] = [RECALL_20, RECALL_50, NDCG_100];

/// A contender's figures on ratings.
fn rating(contest: &mut Contest, name: &str, title: &str, seed: u64, errors: RatingErrors) {
    contest.push(name, title, seed, &[(RMSE, errors.rmse), (MAE, errors.mae)]);
}

/// A contender's figures on likes.
fn ranking(contest: &mut Contest, name: &str, title: &str, seed: u64, it: Ranked) {
    let reached = [(RECALL_20, it.recall_20), (RECALL_50, it.recall_50), (NDCG_100, it.ndcg_100)];
    contest.push(name, title, seed, &reached);
}

fn run(context: &mut Context<'_>, options: &OptionValues) -> Result<(Evaluation, PathBuf), EvaluationError> {
    let data = options.one("data").unwrap_or(SMALL);
    let tier = match data {
        SMALL => Tier::Cpu,
        LARGE => Tier::Full,
        other => {
            let nearest = did_you_mean(&nearest(other, [SMALL, LARGE]));
            let legal = format!("{SMALL} or {LARGE}");
            return Err(EvaluationError::Choice { option: "data", got: other.into(), nearest, legal });
        }
    };
    let mut draft = Evaluation::begin(context, &TASK)?;
    let (mut ratings, mut rankings) = (Contest::default(), Contest::default());
    for seed in context.seeds.clone() {
        rate(context, &mut draft, tier, seed, &mut ratings)?;
        rank(context, &mut draft, tier, seed, &mut rankings)?;
    }
    ratings.enter(&mut draft.evaluation.metrics, "")?;
    rankings.enter(&mut draft.evaluation.metrics, "")?;
    draft.evaluation.tables = vec![
        ratings.table(
            &format!("Predicted ratings, {data}"),
            &RATING_FIGURES,
            &RMSE,
            true,
            "In stars, on a tenth of all ratings, held out at random by the seed; lower is better.",
        )?,
        rankings.table(
            &format!("Ranked likes, {data}"),
            &RANKING_FIGURES,
            &NDCG_100,
            false,
            "Means over users that no method has seen in training, of whom 80 % of the films with at least 4 stars are \
             shown and 20 % are to be found among all others; higher is better.",
        )?,
    ];
    draft.evaluation.command = format!("{} --data {data}", draft.evaluation.command);
    draft.finish(format!(
        "Ratings of {data}. Matrix factorisation chooses its penalty on 5 % of the training ratings, EASE on the \
         validation users; nothing is chosen on test data. Predictions are limited to the range of the training \
         ratings. {}",
        spread::SPREAD
    ))
}

/// A preset as its tier has it; one without the tier `full` is trained on the large set as it is, with fewer of its many
/// users held out.
fn wanted(preset: &str, tier: Tier, seed: u64) -> Result<Wanted, EvaluationError> {
    let overrides = Preset::find(preset)?.load::<ae_training::Experiment>(&[])?.tier_overrides(tier);
    let settings = overrides.unwrap_or_else(|| vec![format!("data.set={LARGE}"), "data.test=0.1".into()]);
    Wanted::preset(preset, &settings.iter().map(String::as_str).collect::<Vec<_>>(), seed)
}

fn rate(
    context: &mut Context<'_>,
    draft: &mut Draft,
    tier: Tier,
    seed: u64,
    contest: &mut Contest,
) -> Result<(), EvaluationError> {
    for (at, preset) in RATERS.into_iter().enumerate() {
        let run = draft.trained(context, &wanted(preset, tier, seed)?)?;
        if at == 0 {
            let (part, given) = held_out(&run)?;
            // Films are the rows of this preset; neighbours are sought among columns.
            compare_raters(&given.transposed(), &part.rows.transposed(), stars(&run), seed, contest)?;
        }
        let title = if at == 0 { "I-AutoRec" } else { "U-AutoRec" };
        rating(contest, preset, title, seed, model_rating_errors(&run, autoencoder(&run)?)?);
    }
    Ok(())
}

/// Rows are users, columns are films.
fn compare_raters(
    train: &SparseRows,
    test: &SparseRows,
    stars: (f64, f64),
    seed: u64,
    contest: &mut Contest,
) -> Result<(), EvaluationError> {
    let biases = Biases::fit(train);
    rating(contest, "mean", "mean rating", seed, rating_errors(test, stars, |_, _| biases.mean)?);
    let errors = rating_errors(test, stars, |row, column| biases.predict(row, column))?;
    rating(contest, "biases", "biases of user and film", seed, errors);
    tracing::info!("item neighbours");
    let near = ItemNeighbours::fit(train);
    let errors = rating_errors(test, stars, |row, column| near.predict(row, column))?;
    rating(contest, "item_neighbours", "item neighbours", seed, errors);
    tracing::info!("matrix factorisation");
    let factors = Factors::fit(train, stars, seed)?;
    let errors = rating_errors(test, stars, |row, column| factors.predict(row, column))?;
    rating(contest, "factors", "biased matrix factorisation", seed, errors);
    Ok(())
}

fn rank(
    context: &mut Context<'_>,
    draft: &mut Draft,
    tier: Tier,
    seed: u64,
    contest: &mut Contest,
) -> Result<(), EvaluationError> {
    for (at, preset) in RANKERS.into_iter().enumerate() {
        let run = draft.trained(context, &wanted(preset, tier, seed)?)?;
        if at == 0 {
            compare_rankers(&run, seed, contest)?;
        }
        let title = if at == 0 { "Mult-VAE" } else { "Mult-DAE" };
        ranking(contest, preset, title, seed, model_ranked(&run, autoencoder(&run)?)?);
    }
    Ok(())
}

fn compare_rankers(run: &Run, seed: u64, contest: &mut Contest) -> Result<(), EvaluationError> {
    let (test, given) = held_out(run)?;
    let sparse = |split: &'_ ae_training::Split| split.as_sparse().map(|(part, _)| part.clone());
    let (Some(train), Some(validation)) = (sparse(&run.splits.train), sparse(&run.splits.validation)) else {
        return Ok(()); // the test part is sparse, so these are
    };
    let judge = |ranker: &dyn Ranker, part: &SparsePart, given: &SparseRows| {
        ranked(part, given, |shown, scores| ranker.score(shown, scores))
    };
    ranking(contest, "popularity", "popularity", seed, judge(&Popularity::fit(&train.rows), test, given)?);
    let gram = gram(&train.rows);
    ranking(contest, "like_neighbours", "item neighbours", seed, judge(&neighbours(&gram), test, given)?);
    let mut best: Option<(f64, f64)> = None;
    if let Some(given) = &validation.given {
        for penalty in PENALTIES {
            let ndcg = judge(&ease(&gram, penalty), &validation, given)?.ndcg_100;
            if best.is_none_or(|(most, _)| ndcg > most) {
                best = Some((ndcg, penalty));
            }
        }
    }
    let penalty = best.map_or(PENALTIES[1], |(_, penalty)| penalty);
    tracing::info!("EASE with λ = {penalty}");
    ranking(contest, "ease", "EASE", seed, judge(&ease(&gram, penalty), test, given)?);
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_preset_has_the_tier_of_each_set() {
        for preset in RATERS.into_iter().chain(RANKERS) {
            for (tier, set) in [(Tier::Cpu, SMALL), (Tier::Full, LARGE)] {
                assert_eq!(wanted(preset, tier, 3).unwrap().experiment.data.set, set, "{preset}");
            }
        }
    }
}
