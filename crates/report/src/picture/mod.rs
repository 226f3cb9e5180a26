//! One function for each kind of picture. Each writes a PNG file atomically and creates its folder if needed.
//! The same input gives the same bytes.

mod animation;
mod bands;
mod bars;
mod causes;
mod channels;
mod columns;
mod curves;
mod detection;
mod dots;
mod grid;
mod headed;
mod histogram;
mod lines;
mod maps;
mod panels;
mod ranks;
mod series;
mod timeline;

pub use animation::animated_rows;
pub use bands::{Band, bands};
pub use bars::{Bar, bars};
pub use causes::{Cause, causes};
pub use channels::channel_pairs;
pub use columns::{TableColumn, TableRow, table_rows};
pub use curves::curves;
pub use detection::{DetectionCurve, precision_recall, roc};
pub use dots::{DotRow, dots};
pub use grid::{image, image_bytes, image_grid, image_rows, latent_manifold, latent_plane};
pub use headed::headed_rows;
pub use histogram::score_histograms;
pub use lines::{Line, lines};
pub use maps::{About, Map, maps};
pub use panels::{Axis, Panel, panels};
pub use ranks::{RankedMethod, critical_difference};
pub use series::series_pairs;
pub use timeline::{Strip, Timeline, Times, timeline};

pub(crate) use curves::{Steps, TermCurves, curve_svg, term_names};

use crate::error::ReportError;

/// Refuses NaN and infinity, naming the index of the first.
pub(crate) fn check_finite(
    what: &'static str,
    values: impl IntoIterator<Item = f64>,
) -> Result<(), ReportError> {
    let bad = values.into_iter().enumerate().find(|(_, v)| !v.is_finite());
    bad.map_or(Ok(()), |(index, value)| Err(ReportError::NotANumber { what, index, value }))
}
