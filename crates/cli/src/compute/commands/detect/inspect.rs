//! `ae detect inspect`: describes a detector.

use super::{load, words};
use crate::cli::Cli;
use crate::failure::Failure;
use crate::output;
use ae_anomaly::Detector;
use ae_intake::{Field, FieldKind, Format, Schema, StampFormat};
use ae_records::text::one_line;
use serde_json::json;
use std::collections::BTreeMap;
use std::path::Path;

/// Maximum number of columns shown.
const MAX_COLUMNS: usize = 60;

pub(super) fn run(path: &Path, cli: &Cli) -> Result<(), Failure> {
    let detector = load(path)?;
    if cli.json {
        output::json(&json!({
            "schema": detector.schema(),
            "scorer": detector.scorer().name(),
            "threshold": detector.calibration().threshold(),
            "groups": thresholds(&detector),
            "calibration_rows": detector.calibration().scores().len(),
            "golden_rows": detector.golden_rows(),
            "about": detector.about(),
        }));
        return Ok(());
    }
    lines(&detector)?.iter().for_each(|line| output::result(line));
    Ok(())
}

/// The threshold of each group that has its own, by name.
fn thresholds(detector: &Detector) -> BTreeMap<&str, f64> {
    let own = detector.group_calibrations().iter();
    own.map(|(name, own)| (name.as_str(), own.calibration().threshold().value())).collect()
}

fn lines(detector: &Detector) -> Result<Vec<String>, Failure> {
    let mut lines = schema(detector.schema());
    let scores = detector.calibration().scores();
    lines.push(String::new());
    lines.push(format!("scorer: {}", detector.scorer().name()));
    lines.push(format!("threshold: {}", detector.calibration().threshold()));
    if let (Some(least), Some(greatest)) = (scores.first(), scores.last()) {
        let median = scores[scores.len() / 2];
        lines.push(format!(
            "calibration: {} normal rows, scores {least:.4} to {greatest:.4}, median {median:.4}; the smallest possible \
             p-value is {:.2e}",
            scores.len(),
            1.0 / (scores.len() + 1) as f64
        ));
    }
    lines.push(format!(
        "golden rows: {}, scores unchanged since the detector was made",
        detector.golden_rows()
    ));
    lines.push(String::new());
    lines.push(format!("made by version {}:", detector.about().version));
    lines.extend(words::report(detector, |_| None)?.into_iter().map(|line| format!("  {line}")));
    Ok(lines)
}

fn schema(schema: &Schema) -> Vec<String> {
    let written = match schema.format {
        Format::Json => "JSON lines".to_string(),
        Format::Csv { delimiter, header } => {
            format!("CSV, delimiter {delimiter:?}, {} header", if header { "with a" } else { "without a" })
        }
    };
    let mut lines = vec![format!("expects: {} ({written}), {} columns", schema.layout, schema.fields.len())];
    if let Some(windows) = schema.windows {
        lines.push(format!("windows: {} steps, one ending at each row", windows.length));
    }
    if let Some(stamp) = &schema.timestamp {
        let unit = if stamp.format == StampFormat::Number { "" } else { " s" };
        let step = stamp.step.map_or("no regular step".to_string(), |step| format!("a step of {step}{unit}"));
        let columns = match &stamp.clock {
            Some(clock) => format!("columns `{}` and `{}`", stamp.name, clock.name),
            None => format!("column `{}`", stamp.name),
        };
        lines.push(format!("times: {columns}, {step}"));
    }
    if let Some(group) = &schema.group {
        lines.push(format!("groups: {} in column `{}`", group.names.len(), one_line(&group.name)));
    }
    lines.push(format!("rows with less than {:.0} % observed are not judged", 100.0 * schema.min_observed));
    let columns = output::aligned(schema.fields.iter().take(MAX_COLUMNS).map(column));
    lines.extend(columns.into_iter().map(|line| format!("  {line}")));
    if schema.fields.len() > MAX_COLUMNS {
        lines.push(format!("  … and {} more", schema.fields.len() - MAX_COLUMNS));
    }
    lines
}

/// The name of a column, its values, and the share observed if below 100 %.
fn column(field: &Field) -> [String; 3] {
    let what = match &field.kind {
        FieldKind::Number { constant: true, min, .. } => format!("always {min}"),
        FieldKind::Number { min, max, .. } => format!("{min} to {max}"),
        FieldKind::Category { levels, rare } => {
            let shown: Vec<&str> = levels.iter().take(6).map(String::as_str).collect();
            let more = if levels.len() > shown.len() { ", …" } else { "" };
            let others = match rare.len() {
                0 => String::new(),
                n => format!(", and {n} rare values treated as one"),
            };
            format!("{} values: {}{more}{others}", levels.len(), shown.join(", "))
        }
    };
    let observed = if field.observed < 1.0 {
        format!("{:.1} % observed", 100.0 * field.observed)
    } else {
        String::new()
    };
    [field.name.clone(), what, observed]
}
