//! The way back from max pooling: values go to where the maxima were (Zeiler & Fergus, ECCV 2014, "switches";
//! Badrinarayanan et al., SegNet, 2017), everything else is zero.

use super::{Layer, Network};
use ae_tensor::{Kind, Tensor};
use serde::{Deserialize, Serialize};

/// Undoes a max pooling: `[C, h, w]` to `[C, H, W]`, with zeros wherever the pooling found no maximum.
///
/// Where nothing remembers the maxima's places, as when a code is decoded on its own, each value goes to the upper left
/// corner of its square (Dosovitskiy et al., CVPR 2015, section 4.1).
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct MaxUnpool2d {
    /// Side of the pooling's square.
    pub kernel: i64,
    /// `[H, W]`, the sides before the pooling.
    pub size: [i64; 2],
}

impl MaxUnpool2d {
    /// Shape of one sample behind the layer.
    pub(super) fn output_shape(&self, [channels, height, width]: [i64; 3]) -> Result<Vec<i64>, String> {
        let [rows, columns] = self.size;
        let pooled = |side: i64| if self.kernel < 1 { 0 } else { (side + self.kernel - 1) / self.kernel };
        if (pooled(rows), pooled(columns)) != (height, width) || height < 1 || width < 1 {
            return Err(format!(
                "a pooling of {kernel}×{kernel} squares takes {rows}×{columns} to {}×{}",
                pooled(rows),
                pooled(columns),
                kernel = self.kernel
            ));
        }
        Ok(vec![channels, rows, columns])
    }

    /// `[B, C, h, w]` to `[B, C, H, W]`; `places` are the maxima's, int64 of the same shape, counted row by row within an
    /// image.
    pub(super) fn forward(&self, x: &Tensor, places: Option<&Tensor>) -> Tensor {
        let corners = || {
            let [height, width] = [x.size()[2], x.size()[3]];
            let along = |n: i64| Tensor::arange(n, (Kind::Int64, x.device())) * self.kernel;
            (along(height).unsqueeze(1) * self.size[1] + along(width).unsqueeze(0)).expand_as(x).contiguous()
        };
        match places {
            Some(places) => x.max_unpool2d(places, self.size),
            None => x.max_unpool2d(&corners(), self.size),
        }
    }
}

impl Network {
    /// The forward pass of a model in use, as [`Network::forward`]. Each max pooling adds the places of its maxima to
    /// `switches`; each unpooling takes the last ones away and puts its values there.
    pub fn forward_with_switches(&self, x: &Tensor, switches: &mut Vec<Tensor>) -> Tensor {
        assert_eq!(x.size()[1..], self.input[..], "a network got samples of another shape");
        self.layers.iter().fold(x.shallow_clone(), |x, built| match built.layer {
            Layer::MaxPool2d { kernel, ceil } => {
                let (pooled, places) =
                    x.max_pool2d_with_indices([kernel, kernel], [kernel, kernel], [0, 0], [1, 1], ceil);
                switches.push(places);
                pooled
            }
            Layer::MaxUnpool2d(unpool) => unpool.forward(&x, switches.pop().as_ref()),
            ref layer => layer.forward(&x, &built.tensors, false),
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use ae_tensor::{Device, Noise};

    fn network(layers: Vec<Layer>, input: &[i64]) -> Network {
        Network::new("network", layers, input, &Noise::new(0, 0, Device::Cpu)).unwrap()
    }

    #[test]
    fn maxima_come_back_to_their_places() {
        for (height, width) in [(6, 4), (7, 5), (1, 1)] {
            let x = Noise::new(0, 0, Device::Cpu).uniform("x", &[3, 2, height, width]);
            let pool = network(vec![Layer::MaxPool2d { kernel: 2, ceil: true }], &[2, height, width]);
            let unpool = Layer::MaxUnpool2d(MaxUnpool2d { kernel: 2, size: [height, width] });
            let unpool = network(vec![unpool], pool.output_shape());
            let mut switches = Vec::new();
            let pooled = pool.forward_with_switches(&x, &mut switches);
            assert_eq!(pooled, pool.forward(&x));
            let back = unpool.forward_with_switches(&pooled, &mut switches);
            assert!(switches.is_empty());
            // Random values differ, so a place holds its maximum exactly where it is not zero.
            let kept = back.not_equal(0.0);
            assert_eq!(kept.sum(Kind::Int64).int64_value(&[]), pooled.numel() as i64);
            assert_eq!(back.masked_select(&kept), x.masked_select(&kept));
        }
    }

    #[test]
    fn without_places_values_go_to_the_corners() {
        let unpool = network(vec![Layer::MaxUnpool2d(MaxUnpool2d { kernel: 2, size: [3, 4] })], &[1, 2, 2]);
        let x = Tensor::from_slice(&[1f32, 2.0, 3.0, 4.0]).view([1, 1, 2, 2]);
        let expected = [[1f32, 0.0, 2.0, 0.0], [0.0; 4], [3.0, 0.0, 4.0, 0.0]];
        assert_eq!(unpool.forward(&x).view([12]), Tensor::from_slice(expected.as_flattened()));
    }
}
