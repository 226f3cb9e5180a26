//! Pictures of a run, and how its codes are distributed, for TensorBoard.

use crate::codes;
use crate::held_out::strided;
use ae_models::CodeForm;
use ae_report::ReportError;
use ae_tensor::array;
use ae_training::experiment::Run;
use ae_training::tensorboard::{EventError, EventWriter};
use std::fs;
use std::path::{Path, PathBuf};

/// Held-out rows whose codes are counted.
const MAX_ROWS: usize = 1000;
/// Numbers of a code that have a histogram of their own, beside that of all.
const MAX_NUMBERS: usize = 16;
/// Larger files are left out.
const MAX_BYTES: u64 = 4 << 20;

/// Writes them at the last step of the run. Its loss curves are there already.
///
/// # Errors
/// The event file cannot be written.
pub(super) fn write(run: &Run) -> Result<(), ReportError> {
    write_to(run, &run.dir.events()).map_err(|error| ReportError::File(error.into()))
}

fn write_to(run: &Run, folder: &Path) -> Result<(), EventError> {
    let step = run.record.steps;
    // What an earlier call wrote at this step is replaced.
    let mut events = EventWriter::append_after(folder, step.saturating_sub(1))?;
    for (name, png, size) in images(&run.dir.images()) {
        events.image(step, &name, &png, size)?;
    }
    let test = &run.splits.test;
    let autoencoder = run.model.as_autoencoder().filter(|_| !test.is_empty() && run.splits.is_dense());
    if let Some(autoencoder) = autoencoder.filter(|model| matches!(model.code_form(), CodeForm::Numbers(_))) {
        let codes = ae_tensor::tch::no_grad(|| codes::encode(autoencoder, &strided(test, MAX_ROWS).values));
        let codes = array::to_rows(&codes).mapv(f64::from);
        events.histogram(step, "codes", &codes.iter().copied().collect::<Vec<_>>())?;
        for (number, column) in codes.columns().into_iter().take(MAX_NUMBERS).enumerate() {
            events.histogram(step, &format!("codes/{number}"), &column.to_vec())?;
        }
    }
    events.flush()
}

/// The PNG files of a folder, with their names, widths and heights.
fn images(folder: &Path) -> Vec<(String, Vec<u8>, [u32; 2])> {
    let entries = fs::read_dir(folder).into_iter().flatten().flatten();
    let of = |path: PathBuf| {
        let is_small = path.metadata().is_ok_and(|data| data.len() <= MAX_BYTES);
        let is_png = path.extension().is_some_and(|extension| extension == "png");
        let png = (is_small && is_png).then(|| fs::read(&path).ok())??;
        let size = size(&png)?;
        Some((path.file_stem()?.to_string_lossy().into_owned(), png, size))
    };
    let mut images: Vec<_> = entries.filter_map(|entry| of(entry.path())).collect();
    images.sort();
    images
}

/// Width and height of a PNG file: they follow its signature and the name of its first chunk.
fn size(png: &[u8]) -> Option<[u32; 2]> {
    let number = |at: usize| Some(u32::from_be_bytes(png.get(at..at + 4)?.try_into().ok()?));
    (png.get(12..16)? == b"IHDR").then(|| Some([number(16)?, number(20)?]))?
}
