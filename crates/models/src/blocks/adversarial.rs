//! Generators and discriminators: DCGAN's convolutions for images (Radford, Metz & Chintala, ICLR 2016),
//! dense layers for everything else.

use crate::network::Layer;
use ae_tensor::Activation;

const KERNEL: i64 = 4;
const PADDING: i64 = 1;

/// Latents `[latent]` to an image of `shape` `[C, H, W]`, without an activation at the end: a dense layer to
/// `channels.last()` maps of the smallest size, then 4×4 transposed convolutions that double the sides and
/// use the other channels in reverse. Batch normalisation and ReLU follow each layer but the last. Any sides
/// of at least `2^channels.len()` are possible; `channels` has at least one entry.
pub fn image_generator(channels: &[i64], shape: &[i64; 3]) -> Vec<Layer> {
    let side = |side: i64, level: usize| side >> level;
    let deepest = *channels.last().expect("a convolutional generator has channels");
    let (height, width) = (side(shape[1], channels.len()), side(shape[2], channels.len()));
    let mut layers = vec![Layer::Dense { units: deepest * height * width }];
    let normalised = [Layer::BatchNorm, Layer::Activation(Activation::Relu)];
    layers.extend(normalised.clone());
    layers.push(Layer::Reshape(vec![deepest, height, width]));
    for level in (0..channels.len()).rev() {
        // Halving dropped a row if the side was odd; it is added back.
        let output_padding = [side(shape[1], level) % 2, side(shape[2], level) % 2];
        layers.push(Layer::ConvTranspose2d {
            channels: if level == 0 { shape[0] } else { channels[level - 1] },
            kernel: KERNEL,
            stride: 2,
            padding: PADDING,
            output_padding,
        });
        if level > 0 {
            layers.extend(normalised.clone());
        }
    }
    layers
}

/// An image `[C, H, W]` to one logit: 4×4 convolutions of stride 2 with these channels, each followed by a
/// leaky ReLU, all but the first with batch normalisation, and a dense layer.
pub fn image_discriminator(channels: &[i64]) -> Vec<Layer> {
    let mut layers = Vec::new();
    for (index, &channels) in channels.iter().enumerate() {
        layers.push(Layer::Conv2d { channels, kernel: KERNEL, stride: 2, padding: PADDING });
        if index > 0 {
            layers.push(Layer::BatchNorm);
        }
        layers.push(Layer::Activation(Activation::LeakyRelu));
    }
    layers.extend([Layer::Flatten, Layer::Dense { units: 1 }]);
    layers
}

/// Latents `[latent]` to a sample of any `shape`, without an activation at the end, through dense layers of
/// these widths with batch normalisation and ReLU.
pub fn dense_generator(widths: &[i64], shape: &[i64]) -> Vec<Layer> {
    let layer = |&units| [Layer::Dense { units }, Layer::BatchNorm, Layer::Activation(Activation::Relu)];
    let mut layers: Vec<Layer> = widths.iter().flat_map(layer).collect();
    layers.push(Layer::Dense { units: shape.iter().product() });
    if shape.len() != 1 {
        layers.push(Layer::Reshape(shape.to_vec()));
    }
    layers
}

/// Any sample to one logit through dense layers of these widths with leaky ReLUs.
pub fn dense_discriminator(widths: &[i64]) -> Vec<Layer> {
    let layer = |&units| [Layer::Dense { units }, Layer::Activation(Activation::LeakyRelu)];
    let mut layers = vec![Layer::Flatten];
    layers.extend(widths.iter().flat_map(layer));
    layers.push(Layer::Dense { units: 1 });
    layers
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::network::Network;
    use ae_tensor::{Device, Noise};

    #[test]
    fn generators_give_every_size_and_discriminators_take_it() {
        let noise = Noise::new(0, 0, Device::Cpu);
        let check = |generator, discriminator, shape: &[i64]| {
            let generator = Network::new("generator", generator, &[5], &noise).unwrap();
            assert_eq!(generator.output_shape(), shape);
            let discriminator = Network::new("discriminator", discriminator, shape, &noise).unwrap();
            assert_eq!(discriminator.output_shape(), [1]);
        };
        for shape in [[1, 28, 28], [3, 17, 30], [2, 9, 6], [1, 4, 7]] {
            for channels in [&[3][..], &[3, 4]] {
                check(image_generator(channels, &shape), image_discriminator(channels), &shape);
            }
        }
        for shape in [&[41][..], &[12, 3]] {
            check(dense_generator(&[7, 8], shape), dense_discriminator(&[8, 7]), shape);
        }
    }

    #[test]
    fn weights_start_as_in_the_paper_and_normalisation_does_not() {
        let noise = Noise::new(0, 0, Device::Cpu);
        let layers = image_generator(&[32, 64], &[1, 28, 28]);
        let mut network = Network::new("g", layers, &[100], &noise).unwrap();
        network.start_as_dcgan();
        for (name, weight) in network.parameters().into_iter().filter(|(name, _)| name.ends_with(".weight")) {
            let expected = if weight.dim() > 1 { 0.02 } else { 0.0 };
            let std = weight.std(false).double_value(&[]);
            assert!((std - expected).abs() < 0.001, "{name}: {std}");
        }
    }
}
