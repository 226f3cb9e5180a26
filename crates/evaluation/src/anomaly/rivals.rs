//! The detectors of a comparison: the candidates of [`ae_anomaly::Detector::fit`], fitted by the same stages,
//! and the comparison's own baselines.

use crate::context::Context;
use crate::error::EvaluationError;
use ae_anomaly::fit::{Candidate, Contender, PreparedRows, Selected, Trained};
use ae_anomaly::{Baseline, FitConfig, FitError, FitOptions, NormalRows, Scorer, Store};

/// A detector of the comparison.
pub(super) struct Rival {
    /// Unique name in the metrics.
    pub(super) key: String,
    /// Name in the tables.
    pub(super) name: String,
    pub(super) scorer: Box<dyn Scorer>,
}

/// The key of the network.
pub(super) const NETWORK: &str = "network";

/// All detectors, the network first.
pub(super) fn fit(
    context: &mut Context<'_>,
    rows: &PreparedRows,
    config: &FitConfig,
    more: &[Baseline],
) -> Result<Vec<Rival>, EvaluationError> {
    let (trained, selected) = select(context, rows, config)?;
    let score = selected.candidate(Contender::Autoencoder).scorer.name();
    tracing::info!("seed {}: code {}, {score}", config.seed, trained.code_size());
    let mut rivals: Vec<Rival> = selected.candidates.into_iter().map(of_candidate).collect();
    let normal = NormalRows { train: &rows.train, validation: &rows.validation, seed: config.seed };
    for &baseline in more {
        let scorer = baseline.fit(&normal)?;
        rivals.push(Rival { key: key(baseline), name: name(baseline), scorer });
    }
    Ok(rivals)
}

/// The key of the detector that is stored, whose alarms are what a user gets.
pub(super) fn stored(store: Store) -> &'static str {
    match store {
        Store::Blend => "blend",
        Store::Autoencoder => NETWORK,
        Store::Median => "median",
        Store::Mean => "mean",
        Store::Pca => "pca",
        Store::Neighbours => "neighbours",
        Store::IsolationForest => "forest",
    }
}

/// The network alone.
pub(super) fn network(
    context: &mut Context<'_>,
    rows: &PreparedRows,
    config: &FitConfig,
) -> Result<Box<dyn Scorer>, EvaluationError> {
    let (_, mut selected) = select(context, rows, config)?;
    Ok(selected.candidates.swap_remove(0).scorer)
}

fn select(
    context: &mut Context<'_>,
    rows: &PreparedRows,
    config: &FitConfig,
) -> Result<(Trained, Selected), EvaluationError> {
    let mut options = FitOptions { stop: Some(context.stop), ..FitOptions::default() };
    let trained = Trained::on(rows, config, &mut options).map_err(|error| match error {
        FitError::Interrupted => EvaluationError::Interrupted(context.runs.into()),
        error => error.into(),
    })?;
    let selected = Selected::among(rows, &trained, config)?;
    Ok((trained, selected))
}

fn of_candidate(candidate: Candidate) -> Rival {
    let (key, name) = match candidate.contender {
        Contender::Autoencoder => (NETWORK, "autoencoder"),
        Contender::Blend => ("blend", "blend, the default of fit"),
        Contender::Untrained => ("untrained", "autoencoder, untrained"),
        Contender::Median => ("median", "the median row"),
        Contender::Mean => ("mean", "the mean row"),
        Contender::Pca => ("pca", "PCA, as many components as the code"),
        Contender::Neighbours => ("neighbours", "5 nearest neighbours"),
        Contender::IsolationForest => ("forest", "isolation forest"),
    };
    Rival { key: key.into(), name: name.into(), scorer: candidate.scorer }
}

/// Name in the metrics.
pub(super) fn key(baseline: Baseline) -> String {
    match baseline {
        Baseline::Median => "median".into(),
        Baseline::Mean => "mean".into(),
        Baseline::Pca { code } => format!("pca{code}"),
        Baseline::Neighbours { k } => format!("neighbours{k}"),
        Baseline::IsolationForest => "forest".into(),
    }
}

/// Name in the tables.
pub(super) fn name(baseline: Baseline) -> String {
    match baseline {
        Baseline::Median => "the median row, absolute error".into(),
        Baseline::Mean => "the mean row, squared error".into(),
        Baseline::Pca { code } => format!("PCA, {code} components"),
        Baseline::Neighbours { k: 1 } => "nearest neighbour".into(),
        Baseline::Neighbours { k } => format!("{k} nearest neighbours"),
        Baseline::IsolationForest => "isolation forest".into(),
    }
}
