//! Encoders and decoders as configuration: the layers between a sample and a vector.
//!
//! `encoder = "conv"` chooses a kind with its defaults; `[model.vae.encoder.conv]` with `channels = [16, 32]`
//! sets more. Any encoder goes with any decoder: they meet in a vector.

use super::{dense, recurrent, strided};
use crate::model::ModelError;
use crate::network::{Layer, ShapeError};
use crate::registry::{check_dropout, out_of_range, widths};
use ae_tensor::Activation;
use serde::de::value::StrDeserializer;
use serde::de::{Error, IgnoredAny, IntoDeserializer, MapAccess, Visitor};
use serde::{Deserialize, Deserializer, Serialize};
use std::fmt;

/// The layers between a sample and a vector, in either direction.
#[derive(Clone, Debug, PartialEq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Body {
    /// Dense layers, for samples of any shape.
    Dense(Dense),
    /// Convolutions of stride 2, for images `[C, H, W]` of any size.
    Conv(Conv),
    /// LSTM or GRU, for sequences `[T, F]` and vectors `[D]`, which are treated as `[D, 1]`.
    Recurrent(recurrent::Settings),
}

/// Dense layers.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Dense {
    /// Widths in the order of the forward pass, each at least 1; may be empty.
    pub hidden: Vec<i64>,
    /// Probability with which a value of a hidden layer is dropped in training, in `[0, 1)`.
    #[serde(skip_serializing_if = "is_zero")]
    pub dropout: f64,
}

/// Convolutions that halve an image layer by layer, or their mirror.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Conv {
    /// Channels of the 3×3 convolutions, from the image inwards, each at least 1; a decoder goes through them in reverse.
    pub channels: Vec<i64>,
    /// Widths of dense layers between the convolutions and the vector, in the order of the forward pass; each at least 1.
    pub hidden: Vec<i64>,
    /// Whether the convolutions have no padding, as Keras' `valid`: a side of `n` becomes `⌊(n - 1) / 2⌋`,
    /// and the image's border counts less. Only for encoders.
    #[serde(skip_serializing_if = "std::ops::Not::not")]
    pub valid: bool,
    /// Channels of the small map that a decoder begins with, at least 1; absent: the last of `channels`. Only for
    /// decoders.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub start: Option<i64>,
    /// Probability with which a value of a hidden layer is dropped in training, in `[0, 1)`.
    #[serde(skip_serializing_if = "is_zero")]
    pub dropout: f64,
}

/// Whether nothing is dropped, in which case older files do not say so.
pub(super) fn is_zero(dropout: &f64) -> bool {
    *dropout == 0.0
}

impl Default for Body {
    fn default() -> Self {
        Body::Dense(Dense::default())
    }
}

impl Default for Dense {
    fn default() -> Self {
        Dense { hidden: vec![400], dropout: 0.0 }
    }
}

impl Default for Conv {
    fn default() -> Self {
        Conv { channels: vec![32, 64], hidden: vec![], valid: false, start: None, dropout: 0.0 }
    }
}

impl Body {
    /// Dense layers of these widths.
    pub fn dense(hidden: impl Into<Vec<i64>>) -> Self {
        Body::Dense(Dense { hidden: hidden.into(), dropout: 0.0 })
    }

    /// Convolutions of these channels.
    pub fn conv(channels: impl Into<Vec<i64>>) -> Self {
        Body::Conv(Conv { channels: channels.into(), ..Conv::default() })
    }

    /// The decoder that undoes this encoder step by step.
    pub fn mirror(&self) -> Self {
        let reversed = |widths: &[i64]| widths.iter().rev().copied().collect();
        match self {
            Body::Dense(dense) => Body::Dense(Dense { hidden: reversed(&dense.hidden), ..dense.clone() }),
            Body::Recurrent(_) => self.clone(),
            Body::Conv(conv) => {
                Body::Conv(Conv { hidden: reversed(&conv.hidden), valid: false, ..conv.clone() })
            }
        }
    }

    /// Refuses widths and channels below 1, and a dropout that is no share; `setting` is `encoder` or `decoder`.
    ///
    /// # Errors
    /// Names the setting, its value and what it must be.
    pub fn check(&self, variant: &'static str, setting: &'static str) -> Result<(), ModelError> {
        check_dropout(variant, setting, self.dropout())?;
        match self {
            Body::Dense(Dense { hidden, .. }) => widths(variant, setting, hidden),
            Body::Recurrent(recurrent) => widths(variant, setting, &[recurrent.units]),
            Body::Conv(Conv { channels, hidden, valid, start, .. }) => {
                widths(variant, setting, hidden)?;
                widths(variant, setting, channels)?;
                widths(variant, setting, start.as_slice())?;
                match (channels.is_empty(), setting, start) {
                    (false, "decoder", _) if *valid => {
                        let got = "conv { valid = true }";
                        Err(out_of_range(
                            variant,
                            setting,
                            got,
                            "a conv body without `valid`, which only encoders have",
                        ))
                    }
                    (true, _, _) => Err(out_of_range(
                        variant,
                        setting,
                        "conv { channels = [] }",
                        "a conv body with at least one channel count",
                    )),
                    (_, "encoder", Some(start)) => {
                        let got = format!("conv {{ start = {start} }}");
                        Err(out_of_range(
                            variant,
                            setting,
                            &got,
                            "a conv body without `start`, which only decoders have",
                        ))
                    }
                    _ => Ok(()),
                }
            }
        }
    }

    /// From samples of `shape` to a vector `[units]`, without a final activation; `activation` follows each
    /// layer but the last.
    ///
    /// # Errors
    /// If samples are not images and the body is convolutional, or not sequences and it is recurrent.
    pub fn encoder(
        &self,
        shape: &[i64],
        units: i64,
        activation: Activation,
    ) -> Result<Vec<Layer>, ShapeError> {
        let layers = self.plain_encoder(shape, units, activation)?;
        Ok(with_dropout(layers, self.dropout()))
    }

    fn plain_encoder(
        &self,
        shape: &[i64],
        units: i64,
        activation: Activation,
    ) -> Result<Vec<Layer>, ShapeError> {
        let then_units = |hidden: &[i64]| -> Vec<i64> { hidden.iter().copied().chain([units]).collect() };
        match self {
            Body::Dense(Dense { hidden, .. }) => {
                Ok(dense::encoder(&then_units(hidden), activation, Activation::Identity))
            }
            Body::Conv(Conv { channels, hidden, valid, .. }) => {
                image("encoder", shape)?;
                let mut layers = strided::encoder(channels, activation, *valid);
                layers.extend(dense::encoder(&then_units(hidden), activation, Activation::Identity));
                Ok(layers)
            }
            Body::Recurrent(recurrent) => {
                let mut layers = recurrent::encoder(shape, *recurrent)?;
                layers.push(Layer::Dense { units });
                Ok(layers)
            }
        }
    }

    /// From a vector `[D]` to an output of `shape`, without a final activation; sides of any size, even odd
    /// ones, are restored exactly.
    ///
    /// # Errors
    /// If samples are not images and the body is convolutional, or not sequences and it is recurrent.
    pub fn decoder(&self, shape: &[i64], activation: Activation) -> Result<Vec<Layer>, ShapeError> {
        Ok(with_dropout(self.plain_decoder(shape, activation)?, self.dropout()))
    }

    fn plain_decoder(&self, shape: &[i64], activation: Activation) -> Result<Vec<Layer>, ShapeError> {
        match self {
            Body::Dense(Dense { hidden, .. }) => Ok(dense::decoder(hidden, activation, shape)),
            Body::Conv(Conv { channels, hidden, start, .. }) => {
                let shape = image("decoder", shape)?;
                let side = |side: i64| strided::side_at(side, channels.len());
                let start = start.or(channels.last().copied()).unwrap_or(shape[0]);
                let mut layers =
                    dense::decoder(hidden, activation, &[start * side(shape[1]) * side(shape[2])]);
                layers.push(Layer::Activation(activation));
                layers.push(Layer::Reshape(vec![start, side(shape[1]), side(shape[2])]));
                layers.extend(strided::decoder(channels, activation, &shape, shape[0]));
                Ok(layers)
            }
            Body::Recurrent(recurrent) => recurrent::decoder(shape, recurrent.cell, recurrent.units),
        }
    }

    /// Probability with which a value of a hidden layer is dropped in training.
    fn dropout(&self) -> f64 {
        match self {
            Body::Dense(dense) => dense.dropout,
            Body::Conv(conv) => conv.dropout,
            Body::Recurrent(recurrent) => recurrent.dropout,
        }
    }
}

/// Dropout after each layer with weights but the last, behind its activation.
fn with_dropout(layers: Vec<Layer>, rate: f64) -> Vec<Layer> {
    if rate == 0.0 {
        return layers;
    }
    let is_weighted = |layer: &Layer| {
        !matches!(layer, Layer::Activation(_) | Layer::Flatten | Layer::Reshape(_) | Layer::Repeat { .. })
    };
    let last = layers.iter().rposition(is_weighted).unwrap_or(0);
    let mut all = Vec::new();
    for (place, layer) in layers.iter().enumerate() {
        all.push(layer.clone());
        let is_followed = matches!(layers.get(place + 1), Some(Layer::Activation(_)));
        let is_activation = matches!(layer, Layer::Activation(_));
        if place < last && (is_activation || is_weighted(layer) && !is_followed) {
            all.push(Layer::Dropout { rate });
        }
    }
    all
}

fn image(network: &str, shape: &[i64]) -> Result<[i64; 3], ShapeError> {
    shape.try_into().map_err(|_| ShapeError {
        network: network.into(),
        position: 1,
        layer: "conv".into(),
        input: shape.into(),
        reason: format!(
            "convolutions need an image [C, H, W]; for other samples write {network} = \"dense\""
        ),
    })
}

#[derive(Deserialize)]
#[serde(rename_all = "snake_case")]
enum Name {
    Dense,
    Conv,
    Recurrent,
}

/// Besides what serde derives, a bare name means the kind with its defaults.
impl<'de> Deserialize<'de> for Body {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct Either;

        impl<'de> Visitor<'de> for Either {
            type Value = Body;

            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("a kind of network in quotes or a table of its settings")
            }

            fn visit_str<E: Error>(self, name: &str) -> Result<Body, E> {
                let name: StrDeserializer<'_, E> = name.into_deserializer();
                Ok(match Name::deserialize(name)? {
                    Name::Dense => Body::Dense(Dense::default()),
                    Name::Conv => Body::Conv(Conv::default()),
                    Name::Recurrent => Body::Recurrent(recurrent::Settings::default()),
                })
            }

            fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Body, A::Error> {
                const ONE: &str = "must hold exactly one choice";
                let body = match map.next_key()?.ok_or_else(|| A::Error::custom(ONE))? {
                    Name::Dense => Body::Dense(map.next_value()?),
                    Name::Conv => Body::Conv(map.next_value()?),
                    Name::Recurrent => Body::Recurrent(map.next_value()?),
                };
                if map.next_key::<IgnoredAny>()?.is_some() {
                    return Err(A::Error::custom(ONE));
                }
                Ok(body)
            }
        }

        deserializer.deserialize_any(Either)
    }
}

#[cfg(test)]
#[path = "body_tests.rs"]
mod tests;
