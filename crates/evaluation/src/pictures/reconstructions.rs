//! Samples beside their reconstructions: images, series, rows of a table.

use super::shown::{Rebuilt, Shown};
use super::units::{MAX_CHANNELS, Units};
use super::{SHOWN, entry};
use ae_datasets::SampleShape;
use ae_models::damage::Range;
use ae_models::{Autoencoder, Batch, Restorer};
use ae_report::ReportError;
use ae_report::gallery::Gallery;
use ae_report::picture::{self, TableColumn, TableRow};
use ae_tensor::{Noise, Tensor, array};
use ae_training::experiment::Run;
use ndarray::{Array2, Array4, s};

const FILE: &str = "reconstructions.png";
const TITLE: &str = "Reconstructions";
/// Series, or rows of a table.
const PANELS: usize = 6;
/// Columns of a table.
const MAX_COLUMNS: usize = 16;
/// A vector of more numbers without names is drawn as a curve, like a spectrum.
pub(super) const MAX_UNNAMED: usize = 32;
/// Frames of a video.
const MAX_FRAMES: usize = 10;

/// Held-out samples and their reconstructions.
pub(super) fn reconstructions(
    run: &Run,
    autoencoder: &dyn Autoencoder,
    gallery: &Gallery,
) -> Result<(), ReportError> {
    if !run.splits.is_dense() {
        return Ok(()); // thousands of values, nearly all of them absent, make no picture
    }
    let rebuild = |batch: &Batch, noise: &Noise| -> Rebuilt {
        (autoencoder.corrupt(&batch.values, noise), autoencoder.restore(batch, noise))
    };
    let units = Units::of(&run.splits);
    let data = &run.splits.dataset;
    match data.shape {
        SampleShape::Image { .. } => {
            let shown = Shown::of(run, SHOWN, rebuild);
            images(&shown, &units, ["original", "damaged", "reconstruction"], (FILE, TITLE), gallery)
        }
        SampleShape::Video { steps, .. } => {
            frames(Shown::of(run, PANELS, rebuild), &units, steps.min(MAX_FRAMES), gallery)
        }
        SampleShape::Sequence { steps, features: features @ 2.. } => {
            channels(Shown::of(run, PANELS, rebuild).three(), &units, (steps, features), gallery)
        }
        SampleShape::Vector { features } if !data.feature_names.is_empty() || features <= MAX_UNNAMED => {
            table(&Shown::of(run, PANELS, rebuild), &units, gallery)
        }
        SampleShape::Vector { .. } | SampleShape::Sequence { .. } => {
            let shown = Shown::of(run, PANELS, rebuild);
            let caption = format!("The shaded area is the error. {}", shown.caption());
            let [original, rebuilt] = [&shown.originals, &shown.rebuilt].map(|samples| units.rows(samples));
            gallery.add(entry(FILE, 20, TITLE, &caption), |path| {
                picture::series_pairs(path, original.view(), rebuilt.view(), &shown.titles())
            })
        }
    }
}

/// Held-out images, damaged and restored.
pub(super) fn restorations(run: &Run, restorer: &dyn Restorer, gallery: &Gallery) -> Result<(), ReportError> {
    let shown = Shown::of(run, SHOWN, |batch, noise| {
        let damaged = restorer.corruption().apply(&batch.values, Range::UNIT, noise);
        let restored = restorer.restore(&damaged);
        (Some(damaged.images), restored)
    });
    let units = Units::of(&run.splits);
    let title = ("restorations.png", "Restorations");
    images(&shown, &units, ["original", "damaged", "restored"], title, gallery)
}

/// Rows of images below one another, with the class and the error above each column.
fn images(
    shown: &Shown,
    units: &Units<'_>,
    [original, damaged, rebuilt]: [&str; 3],
    (file, title): (&str, &str),
    gallery: &Gallery,
) -> Result<(), ReportError> {
    let mut lines = units.lines(original, &shown.originals);
    if let Some(images) = &shown.damaged {
        // Damage may make grey images of coloured ones.
        if images.size() == shown.originals.size() {
            lines.extend(units.lines(damaged, images));
        }
    }
    lines.extend(units.lines(rebuilt, &shown.rebuilt));
    let (errors, greatest) = units.error_maps(&shown.originals, &shown.rebuilt);
    lines.extend(errors);
    let views: Vec<_> = lines.iter().map(|(label, images)| (label.as_str(), images.view())).collect();
    let channels = units.sides().0;
    let of_channels = match units.is_viewable() {
        true => String::new(),
        false if channels > MAX_CHANNELS => {
            format!(" The first {MAX_CHANNELS} of {channels} channels, each in its own range.")
        }
        false => " Each channel in its own range.".to_owned(),
    };
    let caption = format!(
        "{}{of_channels} In the maps of errors, black is none, and white is the greatest of those shown, {:.0} % of the range from \
         black to white of the images.",
        shown.caption(),
        100.0 * greatest
    );
    gallery
        .add(entry(file, 20, title, &caption), |path| picture::headed_rows(path, &views, &shown.headings()))
}

/// The frames of the sample of median error.
fn frames(shown: Shown, units: &Units<'_>, n: usize, gallery: &Gallery) -> Result<(), ReportError> {
    let middle = shown.len() / 2;
    let title = shown.titles().swap_remove(middle);
    let shape = |samples: &Tensor| -> Array4<f32> {
        let frames = units.tiles(&samples.narrow(0, middle as i64, 1));
        frames.slice_move(s![..n, .., .., ..])
    };
    let lines = [("original", shape(&shown.originals)), ("reconstruction", shape(&shown.rebuilt))];
    let views: Vec<_> = lines.iter().map(|(label, images)| (*label, images.view())).collect();
    let caption = format!("The first {n} frames of one sample: {title}. Chosen from {}", shown.caption());
    gallery.add(entry(FILE, 20, TITLE, &caption), |path| picture::image_rows(path, &views))
}

/// Series of several channels, one panel for each.
fn channels(
    shown: Shown,
    units: &Units<'_>,
    (steps, features): (usize, usize),
    gallery: &Gallery,
) -> Result<(), ReportError> {
    let n = features.min(MAX_CHANNELS);
    let [original, rebuilt] = [&shown.originals, &shown.rebuilt].map(|samples| {
        let rows = units.rows(samples).into_shape_with_order((shown.len(), steps, features));
        rows.expect("a series has as many values as its shape").slice_move(s![.., .., ..n])
    });
    let of_channels = match features > n {
        true => format!(" The first {n} of {features} channels."),
        false => String::new(),
    };
    let names: Vec<String> = units.names("channel", features).into_iter().take(n).collect();
    let caption =
        format!("A row for each channel; the shaded area is the error. {}{of_channels}", shown.caption());
    gallery.add(entry(FILE, 20, TITLE, &caption), |path| {
        picture::channel_pairs(path, original.view(), rebuilt.view(), &shown.titles(), &names)
    })
}

/// Rows of a table, column by column; of many columns those that are reconstructed worst.
fn table(shown: &Shown, units: &Units<'_>, gallery: &Gallery) -> Result<(), ReportError> {
    let [original, rebuilt] = [&shown.originals, &shown.rebuilt].map(|samples| units.rows(samples));
    let observed = shown.observed.as_ref().map(array::to_rows);
    let features = original.ncols();
    let names = units.names("column", features);
    let places = worst_columns(shown, features);
    let column = |&place: &usize| {
        let (low, high) = units.ranges[place];
        TableColumn { name: names[place].clone(), range: (low.into(), high.into()) }
    };
    let columns: Vec<TableColumn> = places.iter().map(column).collect();
    let row = |(row, title): (usize, String)| {
        let is_seen = |place: usize| {
            observed.as_ref().is_none_or(|observed: &Array2<f32>| observed[[row, place]] > 0.0)
        };
        let value = |&place: &usize| is_seen(place).then(|| f64::from(original[[row, place]]));
        TableRow {
            title,
            values: places.iter().map(value).collect(),
            reconstruction: places.iter().map(|&place| rebuilt[[row, place]].into()).collect(),
        }
    };
    let rows: Vec<TableRow> = shown.titles().into_iter().enumerate().map(row).collect();
    let of_columns = match features > places.len() {
        true => format!(" The {} of {features} columns with the greatest error.", places.len()),
        false => String::new(),
    };
    let caption = format!("Each column in its own units and range. {}{of_columns}", shown.caption());
    gallery.add(entry(FILE, 20, TITLE, &caption), |path| picture::table_rows(path, &columns, &rows))
}

/// The columns with the greatest error in the samples shown, in their order.
fn worst_columns(shown: &Shown, features: usize) -> Vec<usize> {
    let [original, rebuilt] = [&shown.originals, &shown.rebuilt].map(array::to_rows);
    let errors: Vec<f32> =
        (&rebuilt - &original).columns().into_iter().map(|column| column.dot(&column)).collect();
    let mut places: Vec<usize> = (0..features).collect();
    places.sort_by(|&a, &b| errors[b].total_cmp(&errors[a]));
    places.truncate(MAX_COLUMNS);
    places.sort_unstable();
    places
}
