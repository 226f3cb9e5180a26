//! Loss and figures that classifiers share.

use crate::model::{Batch, Losses, ModelError};
use ae_tensor::{Kind, Tensor};

/// The name of the figure that a classifier is judged by.
pub const ERROR: &str = "error";

/// Cross-entropy in nats as the term that is minimised, and as figures the shares of samples that are
/// classified correctly (`accuracy`) and wrongly (`error`). `logits` are `[B, K]`; labels are below `K`.
pub fn losses(logits: &Tensor, batch: &Batch) -> Losses {
    let labels =
        batch.labels.as_ref().expect("a model that learns from labels is built for data that have some");
    let cross_entropy = logits.cross_entropy_for_logits(labels);
    let right = logits.argmax(-1, false).eq_tensor(labels).to_kind(Kind::Float).mean(Kind::Float);
    Losses::single("cross_entropy", cross_entropy.shallow_clone())
        .with_figure("cross_entropy", &cross_entropy)
        .with_figure("accuracy", &right)
        .with_figure(ERROR, &(-&right + 1.0))
}

/// The number of classes.
///
/// # Errors
/// If the data have no labels.
pub fn classes(variant: &'static str, classes: i64) -> Result<i64, ModelError> {
    if classes >= 1 { Ok(classes) } else { Err(ModelError::NoLabels { variant }) }
}
