//! Fixed position encodings, added to tokens so that attention knows where each token is.

use super::ShapeError;
use ae_tensor::{Device, Kind, Tensor};
use std::cell::OnceCell;

/// Sines and cosines of a token's row and column in a grid (Vaswani et al., 2017, section 3.5, in two
/// dimensions as by Chen, Xie & He, 2021): `[rows · columns, width]`, row by row. The quarters of the width
/// hold `sin(row · ω)`, `cos(row · ω)`, `sin(column · ω)`, `cos(column · ω)` with
/// `ω_i = 10000^(-4 i / width)`.
///
/// Computed on first use, as the tensors of a [`super::Network`] are.
#[derive(Debug)]
pub struct SineCosine2d {
    rows: i64,
    columns: i64,
    width: i64,
    device: Device,
    tensor: OnceCell<Tensor>,
}

impl SineCosine2d {
    /// Encodings for the positions of a grid.
    ///
    /// # Errors
    /// If the width is not a multiple of 4.
    pub fn new(rows: i64, columns: i64, width: i64, device: Device) -> Result<Self, ShapeError> {
        if width < 4 || width % 4 != 0 {
            return Err(ShapeError {
                network: "positions".into(),
                position: 1,
                layer: "sine and cosine".into(),
                input: vec![rows * columns, width],
                reason:
                    "rows and columns each take a sine and a cosine; choose a width that is a multiple of 4"
                        .into(),
            });
        }
        Ok(SineCosine2d { rows, columns, width, device, tensor: OnceCell::new() })
    }

    /// `[rows · columns, width]`.
    pub fn tensor(&self) -> &Tensor {
        self.tensor.get_or_init(|| self.compute())
    }

    /// Number of values that encode the position of a token.
    pub fn width(&self) -> i64 {
        self.width
    }

    fn compute(&self) -> Tensor {
        let &SineCosine2d { rows, columns, width, device, .. } = self;
        let quarter = width / 4;
        let kind = (Kind::Double, Device::Cpu);
        let frequency = (Tensor::arange(quarter, kind) * (-(10000f64.ln()) / quarter as f64)).exp();
        let waves = |places: i64| {
            let angles = Tensor::arange(places, kind).unsqueeze(1) * &frequency; // [places, quarter]
            Tensor::cat(&[angles.sin(), angles.cos()], 1)
        };
        let grid = [rows, columns, width / 2];
        let down = waves(rows).unsqueeze(1).expand(grid, false);
        let across = waves(columns).unsqueeze(0).expand(grid, false);
        Tensor::cat(&[down, across], 2).view([-1, width]).to_kind(Kind::Float).to_device(device)
    }
}
