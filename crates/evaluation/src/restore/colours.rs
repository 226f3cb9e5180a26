//! Colour given back to grey pictures, beside the mean chroma and the chroma of the nearest training image.

use super::trial::{IMAGES, by_network, restorer};
use crate::context::{Context, Wanted};
use crate::draft::Draft;
use crate::error::EvaluationError;
use crate::held_out;
use crate::images;
use crate::measures::Metrics;
use crate::outcome::ResultTable;
use crate::spread::{Figure, Figures, Quantity, SPREAD, columns};
use ae_metrics::ciede2000;
use ae_models::damage::Range;
use ae_report::gallery::Entry;
use ae_report::picture;
use ae_tensor::{Kind, Noise, Tensor, array, colour};
use ae_training::experiment::Run;
use indexmap::IndexMap;
use rayon::prelude::*;

/// Name of the damage.
pub(super) const NAME: &str = "grey";
/// The set whose colours are given back.
const SET: &str = "cifar10-subset";
/// Mean over the images of `10 log10(255² / MSE)` over `a*b*`.
const AB_PSNR: Quantity = Quantity::new("ab_psnr", "PSNR of ab (dB)", 2);
/// Mean over all pixels.
const CIEDE2000: Quantity = Quantity::positive("ciede2000", "CIEDE2000", 2);
/// The span of values of `a*` and `b*` that the PSNR is relative to, that of a byte.
const SPAN: f64 = 255.0;
/// Upper limit of an image's PSNR in dB.
const MAX_PSNR: f64 = images::MAX_PSNR;

/// The networks: name in the metrics, title, and what differs from the preset.
const NETWORKS: [(&str, &str, &[&str]); 2] = [
    ("regression", "colouring, regression", &[]),
    ("classes", "colouring, classes", &["model.colouring.classes=true"]),
];

/// The runs of the task's networks.
pub(super) fn wanted(network: usize, seed: u64) -> Result<Wanted, EvaluationError> {
    Wanted::preset("colouring", NETWORKS[network].2, seed)
}

/// Test images in L*a*b*, `[N, 3, H, W]`, and those without their colours.
struct Trial {
    originals: Tensor,
    lab: Tensor,
    grey: ae_models::damage::Damaged,
}

impl Trial {
    fn new(run: &Run) -> Result<Self, EvaluationError> {
        let model = restorer(run)?;
        let originals = held_out::strided(images::held_out(run)?, IMAGES).values;
        let noise = Noise::new(run.record.seed, 0, originals.device());
        let grey = model.corruption().apply(&originals, Range::UNIT, &noise);
        Ok(Trial { lab: colour::to_lab(&originals), originals, grey })
    }

    /// What needs no network: name, title, and colours `[N, 3, H, W]` in L*a*b*.
    fn simple(&self, run: &Run) -> Vec<(&'static str, &'static str, Tensor)> {
        let lightness = self.lab.narrow(1, 0, 1);
        let with = |ab: &Tensor| Tensor::cat(&[&lightness, ab], 1);
        let ab = self.lab.narrow(1, 1, 2);
        let train = colour::to_lab(run.splits.train.values());
        let chroma = train.narrow(1, 1, 2);
        let mean = chroma.mean_dim([0i64, 2, 3].as_slice(), true, Kind::Float).expand_as(&ab);
        let rows = |t: &Tensor| t.narrow(1, 0, 1).flatten(1, -1);
        let nearest = Tensor::cdist(&rows(&self.lab), &rows(&train), 2.0, None::<i64>).argmin(1, false);
        vec![
            ("grey", "grey", with(&ab.zeros_like())),
            ("mean_chroma", "mean chroma", with(&mean)),
            ("nearest", "chroma of the nearest training image", with(&chroma.index_select(0, &nearest))),
        ]
    }

    fn judge(&self, seed: u64, lab: &Tensor, figures: &mut Figures) {
        let error = (lab - &self.lab).narrow(1, 1, 2).square();
        let per_image = array::to_vec(&error.mean_dim([1i64, 2, 3].as_slice(), false, Kind::Float));
        let psnr = |mse: &f64| (10.0 * (SPAN * SPAN / mse).log10()).min(MAX_PSNR);
        figures.push(seed, &AB_PSNR, per_image.iter().map(psnr).sum::<f64>() / per_image.len() as f64);
        let pixels = |t: &Tensor| array::to_vec(&t.permute([0, 2, 3, 1]));
        let (ours, theirs) = (pixels(lab), pixels(&self.lab));
        let colours = |values: &[f64]| [values[0], values[1], values[2]];
        let differences: Vec<f64> = ours
            .par_chunks_exact(3)
            .zip(theirs.par_chunks_exact(3))
            .map(|(a, b)| ciede2000(colours(a), colours(b)))
            .collect();
        figures.push(seed, &CIEDE2000, differences.iter().sum::<f64>() / differences.len() as f64);
    }

    /// The colours of a run's network, in L*a*b*.
    fn by(&self, run: &Run) -> Result<Tensor, EvaluationError> {
        let lab = colour::to_lab(&by_network(restorer(run)?, &self.grey));
        // As the classical methods, it is judged with the true lightness.
        Ok(Tensor::cat(&[&self.lab.narrow(1, 0, 1), &lab.narrow(1, 1, 2)], 1))
    }
}

/// Adds the table, the metrics and the picture.
///
/// # Errors
/// A run that fails, or a figure that is not finite.
pub(super) fn evaluate(
    context: &mut Context<'_>,
    draft: &mut Draft,
    order: u32,
    wanted: &dyn Fn(usize, u64) -> Result<Wanted, EvaluationError>,
) -> Result<(), EvaluationError> {
    let mut all: IndexMap<&str, (&str, Figures)> = IndexMap::new();
    for (place, seed) in context.seeds.clone().into_iter().enumerate() {
        let mut shown = Vec::new();
        let mut trial: Option<Trial> = None;
        let mut judge = |trial: &Trial, name, title, lab: &Tensor| {
            let (_, figures) = all.entry(name).or_insert_with(|| (title, Figures::default()));
            trial.judge(seed, lab, figures);
            shown.push((title, images::shown(&array::to_images(&colour::from_lab(lab)))));
        };
        for (network, (name, title, _)) in NETWORKS.iter().enumerate() {
            let run = draft.trained(context, &wanted(network, seed)?)?;
            if trial.is_none() {
                let new = Trial::new(&run)?;
                for (name, title, lab) in new.simple(&run) {
                    judge(&new, name, title, &lab);
                }
                trial = Some(new);
            }
            if let Some(trial) = &trial {
                judge(trial, name, title, &trial.by(&run)?);
            }
        }
        let Some(trial) = trial.filter(|_| place == 0) else { continue };
        shown.push(("original", images::shown(&array::to_images(&trial.originals))));
        let rows: Vec<_> = shown.iter().map(|(title, images)| (*title, images.view())).collect();
        let entry = Entry {
            file: format!("{SET}-{NAME}.png"),
            title: format!("{SET}: colours given back"),
            caption: images::shown_are(seed),
            order,
        };
        draft.gallery.add(entry, |path| picture::image_rows(path, &rows))?;
    }
    let quantities = [AB_PSNR, CIEDE2000];
    let mut rows = Vec::new();
    for (name, (title, figures)) in &all {
        let mut row = vec![title.to_string()];
        row.extend(figures.cells(&quantities)?);
        rows.push(row);
        figures.enter(&mut draft.evaluation.metrics, &format!("{SET}/{NAME}/{name}"))?;
    }
    let note = format!(
        "A higher PSNR, relative to a span of {SPAN:.0}, and a lower CIEDE2000 are better; both are of colours with the true \
         lightness. {SPREAD}"
    );
    let title = format!("{SET}: colours given back to grey pictures");
    let columns = columns(&["coloured by"], &quantities);
    draft.evaluation.tables.push(ResultTable { title, columns, rows, note });
    Ok(())
}

/// The figures of a single run; see the measure `restoration`.
///
/// # Errors
/// The model does not restore images, or there are no test images.
pub(super) fn figures_of(run: &Run) -> Result<Metrics, EvaluationError> {
    let trial = Trial::new(run)?;
    let mut all = trial.simple(run);
    all.push(("network", "network", trial.by(run)?));
    let mut metrics = Metrics::new();
    for (name, _, lab) in all {
        let mut figures = Figures::default();
        trial.judge(run.record.seed, &lab, &mut figures);
        for quantity in [AB_PSNR, CIEDE2000] {
            if let Some(value) = figures.get(&quantity).and_then(Figure::of_first_seed) {
                metrics.insert(format!("{name}_{}", quantity.name), value);
            }
        }
    }
    Ok(metrics)
}
