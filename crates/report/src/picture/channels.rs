//! Draws series of several channels with their reconstructions, a panel for each channel of each sample.

use crate::chart::{self, units};
use crate::error::ReportError;
use crate::picture::check_finite;
use crate::picture::series::{LEGEND, legend, pair};
use crate::scale::Scale;
use ndarray::{ArrayView3, Axis};
use std::path::Path;

/// Size of one panel, in pixels.
const PANEL: (u32, u32) = (340, 150);

/// Draws `originals` and `reconstructions`, `[N, T, F]`: a column for each sample, a row for each channel, in each panel the
/// series of the channel, its reconstruction, and the area between them shaded. The panels of a channel share one scale.
///
/// # Errors
/// No series, arguments of different sizes, or a value that is not finite.
pub fn channel_pairs<T: AsRef<str>>(
    path: &Path,
    originals: ArrayView3<f32>,
    reconstructions: ArrayView3<f32>,
    titles: &[T],
    channels: &[T],
) -> Result<(), ReportError> {
    if originals.is_empty() {
        return Err(ReportError::Nothing { what: "series" });
    }
    if reconstructions.dim() != originals.dim() {
        let (got, expected) = (reconstructions.shape().to_vec(), originals.shape().to_vec());
        return Err(ReportError::Shape { what: "reconstructions", got, expected });
    }
    let (samples, _, n_channels) = originals.dim();
    for (what, names, expected) in [("titles", titles, samples), ("channels", channels, n_channels)] {
        if names.len() != expected {
            return Err(ReportError::Shape { what, got: vec![names.len()], expected: vec![expected] });
        }
    }
    check_finite("value of the originals", originals.iter().map(|&v| v.into()))?;
    check_finite("value of the reconstructions", reconstructions.iter().map(|&v| v.into()))?;
    // A single panel is narrower than the legend.
    let size = ((PANEL.0 * samples as u32).max(400), LEGEND + PANEL.1 * n_channels as u32);
    let drawing = chart::svg(size, |area| {
        let (top, panels) = area.split_vertically(units(LEGEND));
        legend(&top)?;
        for (index, panel) in panels.split_evenly((n_channels, samples)).iter().enumerate() {
            let (channel, sample) = (index / samples, index % samples);
            let of_channel = |values: &ArrayView3<f32>| values.index_axis(Axis(2), channel).to_owned();
            let (original, reconstruction) = (of_channel(&originals), of_channel(&reconstructions));
            let range = Scale::around(original.iter().chain(&reconstruction).map(|&v| f64::from(v)));
            let (original, reconstruction) = (original.row(sample), reconstruction.row(sample));
            let (title, name) = (titles[sample].as_ref(), channels[channel].as_ref());
            let title = if channel == 0 { format!("{title} · {name}") } else { name.to_owned() };
            pair(panel, &title, original, reconstruction, range)?;
        }
        Ok(())
    })?;
    chart::write_png(path, &drawing)
}
