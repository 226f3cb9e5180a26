//! A decoder of dense layers in the page of a report: a reader moves sliders, and the page decodes.

use crate::error::ReportError;
use crate::explore::Exploration;
use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use ndarray::ArrayView2;
use serde::{Deserialize, Serialize};
use std::path::Path;

/// The largest number that a weight becomes in the page.
const LARGEST: f64 = i16::MAX as f64;

/// A decoder of dense layers, and codes to start from.
#[derive(Debug)]
pub struct Decoder<'a> {
    /// From the code to a sample.
    pub layers: Vec<DecoderLayer<'a>>,
    /// What its `D` outputs are.
    pub decoded: Decoded,
    /// `[D]` each: what is shown of an output `x` is `x · scale + shift`, in `[0, 1]` for images.
    pub scale: &'a [f32],
    /// See `scale`.
    pub shift: &'a [f32],
    /// Components of the code that have a slider.
    pub components: &'a [Component],
    /// `[N, C]`, codes of samples.
    pub codes: ArrayView2<'a, f32>,
    /// `[N, D]`, these samples, as they are shown.
    pub originals: ArrayView2<'a, f32>,
    /// `[N]`, names of the samples.
    pub names: &'a [String],
    /// Names of the classes that a conditional decoder takes behind the code, one-hot; else empty.
    pub classes: &'a [String],
    /// `[N]`, the class of each sample; empty without classes.
    pub class: &'a [usize],
    /// Whether the codes have a standard normal prior, from which the reader may draw.
    pub has_prior: bool,
}

/// A dense layer of a [`Decoder`].
#[derive(Clone, Copy, Debug)]
pub struct DecoderLayer<'a> {
    /// `[in, out]`, row-major.
    pub weights: &'a [f64],
    /// `[out]`.
    pub bias: &'a [f64],
    /// The activation after it, by its name in configurations, such as `relu`.
    pub activation: &'static str,
}

/// What a [`Decoder`] decodes to.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "form", rename_all = "lowercase", deny_unknown_fields)]
pub enum Decoded {
    /// Images `[channels, height, width]`, grey or in colour.
    Images {
        /// 1 or 3.
        channels: usize,
        /// In pixels.
        height: usize,
        /// In pixels.
        width: usize,
    },
    /// Series.
    Series,
}

/// A component of the code with a slider.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Component {
    /// Its place in the code, from 0.
    pub place: usize,
    /// The least value of the slider.
    pub low: f32,
    /// The greatest.
    pub high: f32,
}

/// What the page reads.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct DecoderData {
    layers: Vec<LayerData>,
    decoded: Decoded,
    scale: String,
    shift: String,
    components: Vec<Component>,
    codes: String,
    originals: String,
    names: Vec<String>,
    classes: Vec<String>,
    class: Vec<usize>,
    has_prior: bool,
}

/// A layer in half the room of single precision: weights are whole numbers, and an output has a factor. Numbers are those of
/// little-endian arrays, in Base64.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct LayerData {
    weights: String,
    factors: String,
    bias: String,
    activation: String,
}

impl Decoder<'_> {
    /// Writes the decoder beside the picture at `path`; in a report the reader sees it instead of the picture.
    ///
    /// # Errors
    /// Parts that do not fit one another, or a file that cannot be written.
    pub fn write(&self, path: &Path) -> Result<(), ReportError> {
        self.check()?;
        let data = DecoderData {
            layers: self.layers.iter().map(LayerData::of).collect(),
            decoded: self.decoded,
            scale: floats(self.scale),
            shift: floats(self.shift),
            components: self.components.to_vec(),
            codes: floats(self.codes),
            originals: floats(self.originals),
            names: self.names.to_vec(),
            classes: self.classes.to_vec(),
            class: self.class.to_vec(),
            has_prior: self.has_prior,
        };
        Exploration::Decoder(data).write(path)
    }

    fn check(&self) -> Result<(), ReportError> {
        let shape = |what, got: Vec<usize>, expected: Vec<usize>| match got == expected {
            true => Ok(()),
            false => Err(ReportError::Shape { what, got, expected }),
        };
        let (samples, code) = self.codes.dim();
        let mut inputs = code + self.classes.len();
        for DecoderLayer { weights, bias, .. } in &self.layers {
            shape("weights of the decoder", vec![weights.len()], vec![inputs * bias.len()])?;
            inputs = bias.len();
        }
        shape("samples", self.originals.shape().to_vec(), vec![samples, inputs])?;
        shape("scales of the outputs", vec![self.scale.len(), self.shift.len()], vec![inputs; 2])?;
        shape("names", vec![self.names.len()], vec![samples])?;
        let classes = if self.classes.is_empty() { 0 } else { samples };
        shape("classes of samples", vec![self.class.len()], vec![classes])?;
        if let Decoded::Images { channels, height, width } = self.decoded {
            shape("values of an image", vec![inputs], vec![channels * height * width])?;
            if ![1, 3].contains(&channels) {
                return Err(ReportError::Channels(channels));
            }
        }
        if self.components.iter().any(|component| component.place >= code) || samples == 0 {
            return Err(ReportError::Nothing { what: "components or samples" });
        }
        Ok(())
    }
}

impl LayerData {
    fn of(layer: &DecoderLayer<'_>) -> Self {
        let outputs = layer.bias.len();
        let greatest = |output: usize| {
            let of_output = layer.weights.iter().skip(output).step_by(outputs);
            of_output.fold(0.0f64, |greatest, weight| greatest.max(weight.abs()))
        };
        let factors: Vec<f64> =
            (0..outputs).map(|output| greatest(output).max(f64::MIN_POSITIVE) / LARGEST).collect();
        let whole = layer.weights.chunks_exact(outputs).flat_map(|row| {
            row.iter().zip(&factors).map(|(weight, factor)| (weight / factor).round() as i16)
        });
        let whole: Vec<u8> = whole.flat_map(i16::to_le_bytes).collect();
        let single = |values: &[f64]| floats(&values.iter().map(|&value| value as f32).collect::<Vec<_>>());
        LayerData {
            weights: STANDARD.encode(whole),
            factors: single(&factors),
            bias: single(layer.bias),
            activation: layer.activation.to_owned(),
        }
    }
}

fn floats<'v>(values: impl IntoIterator<Item = &'v f32>) -> String {
    let bytes: Vec<u8> = values.into_iter().flat_map(|value| value.to_le_bytes()).collect();
    STANDARD.encode(bytes)
}

#[cfg(test)]
mod tests {
    use super::*;
    use ndarray::{Array2, array};

    #[test]
    fn weights_keep_four_digits_and_zero_stays_zero() {
        let (weights, bias) = ([0.5, 1e-3, -0.25, 0.0, 0.123_456, 0.0], [1.0, -2.0]);
        let layer = LayerData::of(&DecoderLayer { weights: &weights, bias: &bias, activation: "relu" });
        let factors = STANDARD.decode(&layer.factors).unwrap();
        let factor = |output: usize| {
            f32::from_le_bytes(factors[output * 4..output * 4 + 4].try_into().expect("four bytes"))
        };
        let whole = STANDARD.decode(&layer.weights).unwrap();
        for (place, weight) in weights.into_iter().enumerate() {
            let number = i16::from_le_bytes([whole[place * 2], whole[place * 2 + 1]]);
            let kept = f64::from(number) * f64::from(factor(place % 2));
            assert!((kept - weight).abs() <= 1e-4 * [0.5, 1e-3][place % 2], "{kept} for {weight}");
        }
        // A unit that has died.
        let dead = LayerData::of(&DecoderLayer { weights: &[0.0; 2], bias: &[0.0], activation: "identity" });
        assert_eq!(STANDARD.decode(dead.weights).unwrap(), [0; 4]);
    }

    #[test]
    fn parts_that_do_not_fit_are_refused() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("decoder.png");
        let (weights, bias) = ([0.0; 6], [0.0; 2]);
        let layer = DecoderLayer { weights: &weights, bias: &bias, activation: "relu" };
        let originals = Array2::zeros((1, 2));
        let (codes, components) = (array![[1.0, 2.0, 3.0]], [Component { place: 2, low: -1.0, high: 1.0 }]);
        let names = ["first".to_owned()];
        let decoder = |decoded, scale: &'static [f32]| Decoder {
            layers: vec![layer],
            decoded,
            scale,
            shift: &[0.0; 2],
            components: &components,
            codes: codes.view(),
            originals: originals.view(),
            names: &names,
            classes: &[],
            class: &[],
            has_prior: false,
        };
        decoder(Decoded::Series, &[1.0; 2]).write(&path).unwrap();
        assert!(matches!(Exploration::read(&path), Ok(Some(Exploration::Decoder(_)))));
        assert!(decoder(Decoded::Series, &[1.0; 3]).write(&path).is_err());
        let image = |channels, width| Decoded::Images { channels, height: 1, width };
        decoder(image(1, 2), &[1.0; 2]).write(&path).unwrap();
        assert!(decoder(image(2, 1), &[1.0; 2]).write(&path).is_err());
        assert!(decoder(image(1, 3), &[1.0; 2]).write(&path).is_err());
        assert!(
            Decoder { layers: vec![layer; 2], ..decoder(Decoded::Series, &[1.0; 2]) }.write(&path).is_err()
        );
        let beyond = [Component { place: 3, ..components[0] }];
        let beyond = Decoder { components: &beyond, ..decoder(Decoded::Series, &[1.0; 2]) };
        assert!(beyond.write(&path).is_err());
    }
}
