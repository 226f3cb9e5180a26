//! Recurrent encoders and decoders between sequences and vectors. A vector sample `[D]` is treated as
//! `[D, 1]`.

use crate::network::{Layer, Recurrent, ShapeError};
use serde::{Deserialize, Serialize};

pub use crate::network::Cell;

/// What a [`ShapeError`] calls the first layer of a variant that takes nothing but sequences, and was given another sample.
pub const ONLY_SEQUENCES: &str = "sequence";

/// A sequence through one recurrent layer to its last state `[units]`; read in both directions, `[2 · units]`.
///
/// # Errors
/// If a sample is neither a vector nor a sequence.
pub fn encoder(shape: &[i64], settings: Settings) -> Result<Vec<Layer>, ShapeError> {
    let Settings { cell, units, both_ways, .. } = settings;
    let mut layers = as_sequence("encoder", shape)?;
    layers.push(Layer::Recurrent(Recurrent { cell, units, whole: false, both_ways }));
    Ok(layers)
}

/// A code `[D]`, repeated at every step, through one recurrent layer and a dense one per step to a sample of
/// `shape`, without a final activation.
///
/// # Errors
/// If a sample is neither a vector nor a sequence.
pub fn decoder(shape: &[i64], cell: Cell, units: i64) -> Result<Vec<Layer>, ShapeError> {
    let [steps, features] = steps_and_features("decoder", shape)?;
    let mut layers = vec![
        Layer::Repeat { times: steps },
        Layer::Recurrent(Recurrent { cell, units, whole: true, both_ways: false }),
        Layer::DensePerStep { units: features },
    ];
    if shape.len() == 1 {
        layers.push(Layer::Flatten);
    }
    Ok(layers)
}

/// The layers that turn a sample of `shape` into `[T, F]`: none, or a reshape for a vector.
///
/// # Errors
/// If a sample is neither a vector nor a sequence.
pub fn as_sequence(network: &str, shape: &[i64]) -> Result<Vec<Layer>, ShapeError> {
    let sequence = steps_and_features(network, shape)?;
    Ok(if shape.len() == 1 { vec![Layer::Reshape(sequence.to_vec())] } else { vec![] })
}

/// `[T, F]` of a sequence, `[D, 1]` of a vector.
///
/// # Errors
/// If a sample is neither; `network` is named in the error.
pub fn steps_and_features(network: &str, shape: &[i64]) -> Result<[i64; 2], ShapeError> {
    match *shape {
        [steps] => Ok([steps, 1]),
        [steps, features] => Ok([steps, features]),
        _ => Err(ShapeError {
            network: network.into(),
            position: 1,
            layer: ONLY_SEQUENCES.into(),
            input: shape.into(),
            reason: format!(
                "it needs a sequence [T, F] or a vector [D]; use a dense or convolutional model for images, or say that \
                 samples are sequences: {}",
                told_as_sequences(shape)
            ),
        }),
    }
}

/// The setting that makes sequences of samples of another shape: their rows, one after another.
pub(crate) fn told_as_sequences(shape: &[i64]) -> String {
    let (features, steps) = shape.split_last().map_or((1, 1), |(last, rest)| (*last, rest.iter().product()));
    format!("data.shape = [T, F], such as data.shape = [{steps}, {features}]")
}

/// The settings of a recurrent body.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Settings {
    /// `lstm` or `gru`.
    pub cell: Cell,
    /// Width of the state; at least 1.
    pub units: i64,
    /// Whether the encoder reads the sequence from its end, too; its states are then twice as wide.
    #[serde(skip_serializing_if = "std::ops::Not::not")]
    pub both_ways: bool,
    /// Probability with which a value of the states that the layer gives is dropped in training, in `[0, 1)`.
    #[serde(skip_serializing_if = "super::body::is_zero")]
    pub dropout: f64,
}

impl Default for Settings {
    fn default() -> Self {
        Settings { cell: Cell::Lstm, units: 64, both_ways: false, dropout: 0.0 }
    }
}
