//! Unpooling: undoes max pooling.

use super::forward::forward;
use super::{Layer, Network};
use ae_network::MaxUnpool2d;
use ae_tensor::{Kind, Tensor};

/// [`MaxUnpool2d`]: `[B, C, h, w]` to `[B, C, H, W]`; `places` are the positions of the maxima, int64 in the
/// shape of `x`, counted row by row within an image.
pub(super) fn max_unpool(layer: MaxUnpool2d, x: &Tensor, places: Option<&Tensor>) -> Tensor {
    let corners = || {
        let [height, width] = [x.size()[2], x.size()[3]];
        let along = |n: i64| Tensor::arange(n, (Kind::Int64, x.device())) * layer.kernel;
        (along(height).unsqueeze(1) * layer.size[1] + along(width).unsqueeze(0)).expand_as(x).contiguous()
    };
    match places {
        Some(places) => x.max_unpool2d(places, layer.size),
        None => x.max_unpool2d(&corners(), layer.size),
    }
}

impl Network {
    /// The forward pass of a model in use, as [`Network::forward`]. Each max pooling pushes the positions of
    /// its maxima onto `switches`; each unpooling pops the last ones and puts its values there.
    pub fn forward_with_switches(&self, x: &Tensor, switches: &mut Vec<Tensor>) -> Tensor {
        assert_eq!(x.size()[1..], *self.input_shape(), "a network got samples of another shape");
        self.layers().enumerate().fold(x.shallow_clone(), |x, (index, (layer, tensors))| match *layer {
            Layer::MaxPool2d { kernel, ceil } => {
                let (pooled, places) =
                    x.max_pool2d_with_indices([kernel, kernel], [kernel, kernel], [0, 0], [1, 1], ceil);
                switches.push(places);
                pooled
            }
            Layer::MaxUnpool2d(unpool) => max_unpool(unpool, &x, switches.pop().as_ref()),
            ref layer => forward(layer, &x, tensors, self.place(index, None)),
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
