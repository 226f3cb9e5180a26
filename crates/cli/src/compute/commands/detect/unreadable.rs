//! What is said of an input of which little or nothing could be read.

use super::verdicts::Counts;
use crate::failure::Failure;
use crate::output;
use ae_anomaly::{Detector, FitConfig};
use ae_intake::{BadLine, Format, InputConfig, IntakeError, Schema};
use ae_records::text::one_line;

/// Maximum number of columns that are named.
const MAX_NAMED: usize = 8;

/// The error, with what the detector expects if it is about lines that are no rows.
pub(super) fn failure(error: IntakeError, schema: &Schema) -> Failure {
    match error {
        IntakeError::OnlyBadLines { .. } => Failure::new(format!("{error}; {}", expected(schema))),
        _ => Failure::new(error),
    }
}

/// A warning about an input that `fit` would have refused for its share of bad lines.
pub(super) fn warning(
    name: &str,
    detector: &Detector,
    counts: Counts,
    first: Option<&BadLine>,
) -> Option<String> {
    // The report of another version may have other settings.
    let input = FitConfig::of(detector).map_or_else(|_| InputConfig::default(), |config| config.input);
    let (bad, lines) = (counts.bad_lines, counts.lines());
    let share = bad as f64 / lines.max(1) as f64;
    let first = first.filter(|_| share > input.max_bad)?;
    Some(one_line(&format!(
        "{bad} of the {lines} lines of {name} ({} %) could not be read, more than input.max_bad = {} allowed in the file that \
         the detector learned from; the first: {first}; {}",
        output::figure(100.0 * share),
        input.max_bad,
        expected(detector.schema())
    )).into_owned())
}

/// `expected is CSV with the delimiter ',' and the columns a, b, c, kind besides time`.
fn expected(schema: &Schema) -> String {
    let names: Vec<&str> = schema.fields.iter().take(MAX_NAMED).map(|field| field.name.as_str()).collect();
    let more = if schema.fields.len() > MAX_NAMED { ", …" } else { "" };
    let format = match schema.format {
        Format::Json => "JSON lines with".to_string(),
        Format::Csv { delimiter, .. } => format!("CSV with the delimiter {delimiter:?} and"),
    };
    // Their cells are counted, too.
    let times = schema.timestamp.iter().flat_map(|times| {
        [Some(&times.name), times.clock.as_ref().map(|clock| &clock.name)].into_iter().flatten()
    });
    let group = schema.group.iter().map(|group| &group.name);
    let others: Vec<&str> = times.chain(group).chain(&schema.label).map(String::as_str).collect();
    let besides = if others.is_empty() { String::new() } else { format!(" besides {}", others.join(", ")) };
    format!("expected is {format} the columns {}{more}{besides}", names.join(", "))
}
