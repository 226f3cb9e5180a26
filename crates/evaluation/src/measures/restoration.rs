//! Measure: how well the model undoes damage, beside classical methods.

use super::Metrics;
use crate::context::Context;
use crate::error::EvaluationError;
use crate::restore::figures_of;
use ae_training::experiment::Run;

/// - `network_psnr`, `network_ssim`: mean PSNR in dB, and SSIM, of restored test images;
/// - `METHOD_psnr`, `METHOD_ssim`: the same of each classical method that suits the damage, such as `biharmonic_psnr`;
///   `damaged_psnr` is that of the damaged images;
/// - for a model that gives colours back: `network_ab_psnr`, in dB, and `network_ciede2000`, and the same of `grey`,
///   `mean_chroma` and `nearest`;
/// - `gain`: the network's PSNR less that of the best classical method, in dB.
///
/// # Errors
/// The model does not restore images, or there are no test images.
pub(super) fn measure(_: &mut Context<'_>, run: &Run) -> Result<Metrics, EvaluationError> {
    figures_of(run)
}
