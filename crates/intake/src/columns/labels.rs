//! Reads the label column of a training file.

use crate::error::{IntakeError, counted};
use crate::input::InputConfig;

/// The content of the label column.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Labels {
    /// Its name.
    pub column: String,
    /// Its values, by code.
    pub names: Vec<String>,
    /// `[N]`, the code of each row's label.
    pub codes: Vec<u32>,
    /// `[N]`, whether each row is normal.
    pub normal: Vec<bool>,
}

/// Labels from their codes, which are `NaN` for bad lines.
pub(crate) fn read_labels(
    config: &InputConfig,
    column: String,
    names: Vec<String>,
    cells: impl Iterator<Item = f32>,
) -> Result<Labels, IntakeError> {
    let is_normal: Vec<bool> = names.iter().map(|name| config.is_normal(name)).collect();
    // A bad line of a long series gets the label of the step before it.
    let mut before = is_normal.iter().position(|&normal| normal).unwrap_or(0) as u32;
    let codes: Vec<u32> = cells
        .map(|code| {
            if !code.is_nan() {
                before = code as u32;
            }
            before
        })
        .collect();
    if config.any_label {
        let normal = vec![true; codes.len()];
        return Ok(Labels { column, names, codes, normal });
    }
    let mut counts = vec![0usize; names.len()];
    codes.iter().for_each(|&code| counts[code as usize] += 1);
    let known = || {
        let mut known: Vec<(usize, &String)> = counts.iter().copied().zip(&names).collect();
        known.sort_by_key(|&(count, _)| std::cmp::Reverse(count));
        let shown = known
            .iter()
            .take(12)
            .map(|(count, name)| format!("`{name}` ({})", counted(*count, "row", "rows")));
        shown.chain((known.len() > 12).then(|| "…".to_string())).collect::<Vec<_>>()
    };
    if config.normal.is_empty() {
        return Err(IntakeError::WhichIsNormal { known: known() });
    }
    let normal: Vec<bool> = codes.iter().map(|&code| is_normal[code as usize]).collect();
    if !normal.contains(&true) {
        let normal = config.normal.iter().map(|normal| format!("`{normal}`")).collect();
        return Err(IntakeError::NoNormal { normal, known: known() });
    }
    Ok(Labels { column, names, codes, normal })
}
