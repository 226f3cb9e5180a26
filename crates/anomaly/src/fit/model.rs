//! Chooses the model, or settings that suit the rows if only a variant is named.

use super::prepared::PreparedRows;
use super::{FitConfig, FitError};
use ae_models::ModelConfig;
use ae_tensor::{Device, Noise, Pca, Tensor, array};
use serde_json::{Value, json};

/// Share of the variance that principal components of the code's size explain.
const EXPLAINED_SHARE: f64 = 0.9;
const CODES: std::ops::RangeInclusive<usize> = 1..=64;

/// Size of the code: the number of principal components that explain nine tenths of the variance of the
/// training rows, at most half the number of values and a quarter of the number of rows.
fn code_size(rows: &PreparedRows, seed: u64) -> usize {
    let train = &rows.train;
    let rows: Tensor = array::from_array(train.values.clone());
    let pca = Pca::leading(&rows, *CODES.end() as i64, &Noise::new(seed, 0, Device::Cpu).fork("code size"));
    let all = pca.total_variance();
    let mut explained = 0.0;
    let enough = pca.variances().iter().position(|variance| {
        explained += variance;
        explained >= EXPLAINED_SHARE * all
    });
    let (n, width) = train.values.dim();
    let most = (width / 2).min(n / 4).clamp(*CODES.start(), *CODES.end());
    // The known components may be too few to explain that much.
    (enough.map_or(*CODES.end(), |at| at + 1)).clamp(*CODES.start(), most)
}

/// The configured model, or a dense autoencoder with the code size above.
pub(super) fn choose(config: &FitConfig, rows: &PreparedRows) -> Result<ModelConfig, FitError> {
    let model = match (&config.model, &config.variant) {
        (Some(model), _) => model.clone(),
        (None, Some(name)) => named(name, rows, config.seed)?,
        (None, None) => named("deep", rows, config.seed)?,
    };
    if rows.has_gaps() && !masks_missing(&model, rows) {
        let train = &rows.train;
        let observed = train.observed.iter().flatten().filter(|&&seen| seen).count();
        let share = 100.0 * (1.0 - observed as f64 / train.values.len().max(1) as f64);
        return Err(FitError::Missing { variant: model.name(), share });
    }
    Ok(model)
}

/// Width of a recurrent state.
const UNITS: i64 = 64;

/// A variant with settings for rows that are scaled to mean 0 and standard deviation 1.
fn named(name: &str, rows: &PreparedRows, seed: u64) -> Result<ModelConfig, FitError> {
    let Some(found) = ModelConfig::named(name) else {
        let legal = format!("one of {}", ModelConfig::names().join(", "));
        return Err(FitError::Setting { key: "variant", got: format!("\"{name}\""), legal });
    };
    let mut settings = serde_json::to_value(&found).expect("settings are always JSON");
    let (width, code) = (rows.width(), code_size(rows, seed));
    let hidden = (width / 2).clamp(4 * code.min(16), 128).max(code);
    if let Some(inner) = settings.get_mut(name).and_then(Value::as_object_mut) {
        let mut set = |key: &str, value: Value| {
            if let Some(old) = inner.get_mut(key).filter(|old| same_kind(old, &value)) {
                *old = value;
            }
        };
        set("output", json!("identity"));
        set("likelihood", json!({ "gaussian": { "sigma": 1.0 } }));
        set("code", json!(code));
        set("latent", json!(code));
        set("hidden", json!([hidden]));
        set("units", json!(UNITS));
        // A cross-entropy needs values in [0, 1].
        if inner.get("loss") == Some(&json!("bce")) {
            inner.insert("loss".into(), json!("mse"));
        }
        // A rectified code cannot be negative, which loses half of its range. The contractive penalty needs
        // its sigmoid.
        if inner.get("jacobian").is_none() {
            inner.entry("code_activation").and_modify(|activation| *activation = json!("identity"));
        }
        if let Some(encoder) = inner.get_mut("encoder").filter(|encoder| encoder.get("dense").is_some()) {
            *encoder = json!({ "dense": { "hidden": [hidden] } });
        }
        if let Some(decoder) = inner.get_mut("decoder").filter(|decoder| decoder.get("dense").is_some()) {
            *decoder = json!({ "dense": { "hidden": [hidden] } });
        }
    }
    serde_json::from_value(settings).map_err(|error| FitError::Setting {
        key: "variant",
        got: format!("\"{name}\""),
        legal: format!("a variant that takes such rows: {error}"),
    })
}

/// Whether `new` may replace `old`: a number a number, a list a non-empty list, anything else a name or a
/// table.
fn same_kind(old: &Value, new: &Value) -> bool {
    match new {
        Value::Number(_) => old.is_number(),
        Value::Array(_) => old.as_array().is_some_and(|list| !list.is_empty()),
        _ => old.is_string() || old.is_object(),
    }
}

fn masks_missing(model: &ModelConfig, rows: &PreparedRows) -> bool {
    let shape: Vec<i64> = rows.shape.iter().map(|&d| d as i64).collect();
    let data = ae_models::DataSummary { shape, mean: 0.0, low: -1.0, high: 1.0, classes: 0 };
    let noise = Noise::new(0, 0, Device::Cpu);
    // If the model cannot be built, building it later gives a better error.
    model.initialise(&data, &noise).map_or(true, |model| model.masks_missing())
}
