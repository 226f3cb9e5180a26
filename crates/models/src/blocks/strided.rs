//! Convolutions that halve an image layer by layer, and their mirror.

use crate::network::Layer;
use ae_tensor::Activation;

const KERNEL: i64 = 3;
const PADDING: i64 = 1;

/// `[C, H, W]` through 3×3 convolutions of stride 2, one for each entry of `channels`; each halves the sides,
/// rounded up; `valid` ones, without padding, take a side of `n` to `⌊(n - 1) / 2⌋`.
pub fn encoder(channels: &[i64], activation: Activation, valid: bool) -> Vec<Layer> {
    let padding = if valid { 0 } else { PADDING };
    let layer = |&channels| {
        let conv = Layer::Conv2d { channels, kernel: KERNEL, stride: 2, padding };
        [conv, Layer::Activation(activation)]
    };
    channels.iter().flat_map(layer).collect()
}

/// The mirror of [`encoder`] for images of `shape` `[C, H, W]`: transposed convolutions with the channels in
/// reverse, each restoring the exact size that the encoder had there (even an odd one), then a 3×3
/// convolution to `outputs` channels without an activation.
pub fn decoder(channels: &[i64], activation: Activation, shape: &[i64; 3], outputs: i64) -> Vec<Layer> {
    let mut layers = Vec::new();
    for (level, &channels) in channels.iter().enumerate().rev() {
        // A side of `n` at this level became `ceil(n / 2)`: doubled, it is one too many if `n` was odd.
        let extra = |side: i64| (side_at(side, level) + 1) % 2;
        let output_padding = [extra(shape[1]), extra(shape[2])];
        layers.push(Layer::ConvTranspose2d {
            channels,
            kernel: KERNEL,
            stride: 2,
            padding: PADDING,
            output_padding,
        });
        layers.push(Layer::Activation(activation));
    }
    layers.push(Layer::Conv2d { channels: outputs, kernel: KERNEL, stride: 1, padding: PADDING });
    layers
}

/// A side after `level` halvings, each rounded up.
pub(super) fn side_at(side: i64, level: usize) -> i64 {
    (0..level).fold(side, |side, _| (side + 1) / 2)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::network::Network;
    use ae_tensor::{Device, Noise};

    #[test]
    fn the_decoder_gives_back_every_size() {
        let noise = Noise::new(0, 0, Device::Cpu);
        for shape in [[1, 28, 28], [3, 17, 30], [2, 5, 9], [1, 1, 1]] {
            for channels in [&[4][..], &[4, 3], &[5, 4, 3]] {
                let encoder =
                    Network::new("encoder", encoder(channels, Activation::Relu, false), &shape, &noise)
                        .unwrap();
                let layers = decoder(channels, Activation::Relu, &shape, shape[0]);
                let decoder = Network::new("decoder", layers, encoder.output_shape(), &noise).unwrap();
                assert_eq!(decoder.output_shape(), shape);
            }
        }
    }
}
