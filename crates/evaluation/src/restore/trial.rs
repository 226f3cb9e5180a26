//! Images of one set, damaged in one way, and how near to the originals each method brings them.

use super::colours;
use super::methods::Method;
use crate::error::EvaluationError;
use crate::held_out;
use crate::images::{self, PSNR, SSIM};
use crate::measures::Metrics;
use crate::spread::{Figure, Figures, Quantity};
use ae_models::Restorer;
use ae_models::damage::{Corruption, Damaged, Range};
use ae_tensor::{Noise, Tensor, array, tch};
use ae_training::evaluate::BATCH;
use ae_training::experiment::Run;
use indexmap::IndexMap;
use ndarray::Array4;

/// By how much the network's PSNR is above that of the best classical method.
pub(super) const GAIN: Quantity = Quantity::new("gain", "gain (dB)", 2);
/// Test images to average over, at most.
pub(super) const IMAGES: usize = 300;
/// Training images that classical methods are tuned on, at most.
pub(super) const TUNING: usize = 32;
/// Name of the network in the metrics.
const NETWORK: &str = "network";

/// The figures of each method for one kind of damage, the network's last; by the name in the metrics.
#[derive(Debug, Default)]
pub(super) struct Compared(pub(super) IndexMap<&'static str, (&'static str, Figures)>);

/// The test images of a run, damaged in the way that its model undoes, and restored by every method.
pub(super) struct Trial {
    seed: u64,
    corruption: Corruption,
    originals: Array4<f32>,
    /// Name, title and images of each method, the network's last.
    restored: Vec<(&'static str, &'static str, Array4<f32>)>,
}

/// The model as one that restores images.
///
/// # Errors
/// It does not.
pub(super) fn restorer(run: &Run) -> Result<&dyn Restorer, EvaluationError> {
    run.model.as_restorer().ok_or_else(|| EvaluationError::Unsuited {
        measure: "restore",
        variant: run.experiment.model.name().into(),
        missing: "damage that it undoes",
    })
}

impl Trial {
    /// Damages and restores; classical methods are tuned on training images with damage of the same kind.
    ///
    /// # Errors
    /// The model does not restore images, or there are no test images.
    pub(super) fn new(run: &Run) -> Result<Self, EvaluationError> {
        let model = restorer(run)?;
        let (corruption, seed) = (model.corruption(), run.record.seed);
        let originals = held_out::strided(images::held_out(run)?, IMAGES).values;
        let clean = held_out::strided(&run.splits.train, TUNING).values;
        let noise = Noise::new(seed, 0, originals.device());
        let damaged = corruption.apply(&originals, Range::UNIT, &noise.fork("evaluation"));
        let to_tune_on = corruption.apply(&clean, Range::UNIT, &noise.fork("tuning"));
        let mut restored = Vec::new();
        for &method in Method::of(corruption) {
            let strength = method.tuned(&clean, &to_tune_on);
            let images = method.restore(&damaged, strength);
            restored.push((method.name(), method.title(corruption), array::to_images(&images)));
        }
        let images = array::to_images(&by_network(model, &damaged).clamp(0.0, 1.0));
        restored.push((NETWORK, run.experiment.model.name(), images));
        Ok(Trial { seed, corruption, originals: array::to_images(&originals), restored })
    }

    /// Adds the figures of every method, and how much better the network is than the best of the others.
    ///
    /// # Errors
    /// Figures that are not finite, or images too small for an SSIM.
    pub(super) fn judge(&self, compared: &mut Compared) -> Result<(), EvaluationError> {
        let (mut best, mut network) = (f64::NEG_INFINITY, f64::NEG_INFINITY);
        for (name, title, images) in &self.restored {
            let failed = || EvaluationError::metric(*title);
            let psnr = images::mean_psnr(&self.originals, images).map_err(failed())?;
            let ssim = images::mean_ssim(&self.originals, images).map_err(failed())?;
            tracing::info!("{}, {title}: {psnr:.2} dB, SSIM {ssim:.4}", self.corruption.name());
            let (_, figures) = compared.0.entry(name).or_insert_with(|| (title, Figures::default()));
            figures.push(self.seed, &PSNR, psnr);
            figures.push(self.seed, &SSIM, ssim);
            if *name == NETWORK { network = psnr } else { best = best.max(psnr) }
        }
        let (_, figures) = &mut compared.0[NETWORK];
        figures.push(self.seed, &GAIN, network - best);
        Ok(())
    }

    /// The first images with the name of each row: the originals, then every method.
    pub(super) fn shown(&self) -> Vec<(&'static str, Array4<f32>)> {
        let rows = self.restored.iter().map(|(_, title, images)| (*title, images::shown(images)));
        [("original", images::shown(&self.originals))].into_iter().chain(rows).collect()
    }

    /// The seed of the run.
    pub(super) fn seed(&self) -> u64 {
        self.seed
    }
}

impl Compared {
    /// How much better the network is than the best classical method.
    pub(super) fn gain(&self) -> Option<&Figure> {
        self.0.get(NETWORK)?.1.get(&GAIN)
    }

    /// The title of the method with the highest mean PSNR.
    ///
    /// # Errors
    /// A figure that is not finite.
    pub(super) fn winner(&self) -> Result<&'static str, EvaluationError> {
        let mut best = (f64::NEG_INFINITY, "nothing");
        for (title, figures) in self.0.values() {
            let Some(figure) = figures.get(&PSNR) else { continue };
            let mean = figure.summary()?.mean;
            if mean > best.0 {
                best = (mean, title);
            }
        }
        Ok(best.1)
    }
}

/// Damaged images, restored by a model in batches: `[B, C, H, W]`.
pub(super) fn by_network(model: &dyn Restorer, damaged: &Damaged) -> Tensor {
    let n = damaged.images.size()[0];
    let batch = BATCH as i64;
    let part = |start: i64| {
        let part = |t: &Tensor| t.narrow(0, start, batch.min(n - start));
        let Damaged { images, whole, kernels } = damaged;
        let (whole, kernels) = (whole.as_ref().map(part), kernels.as_ref().map(part));
        model.restore(&Damaged { images: part(images), whole, kernels })
    };
    let parts: Vec<Tensor> = tch::no_grad(|| (0..n).step_by(BATCH).map(part).collect());
    Tensor::cat(&parts, 0)
}

/// The figures of a single run: PSNR and SSIM of the network, and by how much its PSNR is above that of the best
/// classical method.
///
/// # Errors
/// As [`Trial::new`] and [`Trial::judge`].
pub(crate) fn figures_of(run: &Run) -> Result<Metrics, EvaluationError> {
    if matches!(restorer(run)?.corruption(), Corruption::Grey(_)) {
        return colours::figures_of(run);
    }
    let mut compared = Compared::default();
    Trial::new(run)?.judge(&mut compared)?;
    let mut metrics = Metrics::new();
    for (name, (_, figures)) in &compared.0 {
        for quantity in [PSNR, SSIM, GAIN] {
            if let Some(value) = figures.get(&quantity).and_then(Figure::of_first_seed) {
                metrics.insert(format!("{name}_{}", quantity.name), value);
            }
        }
    }
    if let Some(gain) = metrics.remove(&format!("{NETWORK}_{}", GAIN.name)) {
        metrics.insert(GAIN.name.into(), gain);
    }
    Ok(metrics)
}
