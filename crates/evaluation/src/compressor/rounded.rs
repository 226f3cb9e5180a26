//! Pictures by a model whose latents are rounded: fewer bits, and not quite the picture.

use super::{NamedPicture, size_of};
use ae_coding::{CodingError, Container, Decoder, Encoder, Picture, SIDE_STRIDE, side_size};
use ae_models::Compressor;
use ae_tensor::{Device, array, tch};
use ae_training::PortableModel;
use ndarray::{Array3, Array4, ArrayView3, Axis};

/// Pixels that the network computes at once, roughly.
const BLOCK: usize = 1 << 16;

/// A model that is a [`Compressor`].
#[derive(Debug)]
pub(super) struct Rounded {
    pub(super) model: PortableModel,
    pub(super) device: Device,
    pub(super) channels: usize,
}

impl Rounded {
    /// The range coder's bytes.
    pub(super) fn encode(&self, pictures: &[NamedPicture], quality: u8) -> Vec<u8> {
        let prior = self.compressor().prior();
        let coder = prior.at(self.compressor().step(quality));
        let mut encoder = Encoder::default();
        self.each(pictures, |latents, side, size| coder.encode(&mut encoder, latents, side, size));
        encoder.into_bytes()
    }

    /// The sum of `-log₂ P` of what is stored.
    pub(super) fn information(&self, pictures: &[NamedPicture], quality: u8) -> f64 {
        let prior = self.compressor().prior();
        let coder = prior.at(self.compressor().step(quality));
        let mut bits = 0.0;
        self.each(pictures, |latents, side, size| bits += coder.bits(latents, side, size));
        bits
    }

    /// Gives `code` the latents and the side latents of each picture, with the height and width of the former.
    fn each(&self, pictures: &[NamedPicture], mut code: impl FnMut(&[f32], &[f32], [usize; 2])) {
        for batch in alike(pictures, |picture| size_of(&picture.pixels)) {
            for latents in self.latents(batch) {
                let side = self.side_latents(&latents);
                let (_, height, width) = latents.dim();
                let [latents, side] =
                    [&latents, &side].map(|values| values.as_slice().expect("its rows follow each other"));
                code(latents, side, [height, width]);
            }
        }
    }

    /// The pictures of a file, in its order.
    pub(super) fn decode(&self, container: &Container) -> Result<Vec<Array3<u8>>, CodingError> {
        let prior = self.compressor().prior();
        let coder = prior.at(self.compressor().step(container.level));
        let mut decoder = Decoder::new(&container.payload);
        let mut pictures = Vec::with_capacity(container.pictures.len());
        let size = |picture: &Picture| [picture.height as usize, picture.width as usize];
        for batch in alike(&container.pictures, size) {
            let [height, width] = size(&batch[0]);
            let shape = self.compressor().latent_shape([height as i64, width as i64]);
            let [channels, rows, columns] = shape.map(|side| side as usize);
            let mut latents = Vec::new();
            for _ in batch {
                latents.extend(coder.decode(&mut decoder, [rows, columns])?);
            }
            let latents = Array4::from_shape_vec((batch.len(), channels, rows, columns), latents)
                .expect("as many latents as the shape says");
            pictures.extend(self.images(&latents, [height, width]));
        }
        Ok(pictures)
    }

    pub(super) fn compressor(&self) -> &dyn Compressor {
        self.model.as_compressor().expect("it was loaded as one")
    }

    /// The side latents of latents `[M, h, w]`; empty if the model has none.
    pub(super) fn side_latents(&self, latents: &Array3<f32>) -> Array3<f32> {
        let compressor = self.compressor();
        let (_, height, width) = latents.dim();
        let [rows, columns] = side_size([height, width]);
        let mut all = Array3::zeros((0, rows, columns));
        for stripe in stripes(rows, SIDE_STRIDE, width, compressor.side_reach() as usize) {
            let [first, end] = [stripe.from * SIDE_STRIDE, (stripe.to * SIDE_STRIDE).min(height)];
            let part = latents.slice_axis(Axis(1), (first..end).into()).insert_axis(Axis(0));
            let part = array::from_array(part.to_owned()).to_device(self.device);
            let Some(side) = tch::no_grad(|| compressor.side_latents(&part)) else { break };
            let side = array::to_images(&side);
            if all.is_empty() {
                all = Array3::zeros((side.dim().1, rows, columns));
            }
            stripe.keep(&mut all, side.index_axis(Axis(0), 0));
        }
        all
    }

    /// The latents `[M, h, w]` of pictures of one size.
    pub(super) fn latents(&self, pictures: &[NamedPicture]) -> Vec<Array3<f32>> {
        let (compressor, stride) = (self.compressor(), self.compressor().stride() as usize);
        let [height, width] = size_of(&pictures[0].pixels);
        let stripes = stripes(height.div_ceil(stride), stride, width, compressor.reach() as usize);
        let shape = compressor.latent_shape([height as i64, width as i64]).map(|side| side as usize);
        let mut all = vec![Array3::zeros(shape); pictures.len()];
        for stripe in &stripes {
            let [first, end] = [stripe.from * stride, (stripe.to * stride).min(height)];
            let rows = pictures.iter().map(|picture| picture.pixels.slice_axis(Axis(1), (first..end).into()));
            let rows =
                ndarray::stack(Axis(0), &rows.collect::<Vec<_>>()).expect("the pictures have one size");
            let images = array::from_array(rows.mapv(|byte| f32::from(byte) / 255.0)).to_device(self.device);
            let latents = array::to_images(&tch::no_grad(|| compressor.latents(&images)));
            for (all, latents) in all.iter_mut().zip(latents.outer_iter()) {
                stripe.keep(all, latents);
            }
        }
        all
    }

    /// The pictures of latents `[B, M, h, w]`, all of this height and width.
    pub(super) fn images(&self, latents: &Array4<f32>, [height, width]: [usize; 2]) -> Vec<Array3<u8>> {
        let (compressor, stride) = (self.compressor(), self.compressor().stride() as usize);
        let stripes = stripes(latents.dim().2, stride, width, compressor.reach() as usize);
        let mut all = vec![Array3::zeros((self.channels, height, width)); latents.dim().0];
        for stripe in &stripes {
            let part = latents.slice_axis(Axis(2), (stripe.from..stripe.to).into());
            let part = array::from_array(part.to_owned()).to_device(self.device);
            let first = stripe.from * stride;
            let size = [(stripe.to * stride).min(height) - first, width].map(|side| side as i64);
            let images = array::to_images(&tch::no_grad(|| compressor.images(&part, size)));
            let own = stripe.begin * stride..(stripe.end * stride).min(height);
            for (all, image) in all.iter_mut().zip(images.outer_iter()) {
                let image = image.slice_axis(Axis(1), (own.start - first..own.end - first).into());
                let bytes = image.mapv(|value| (value.clamp(0.0, 1.0) * 255.0).round() as u8);
                all.slice_axis_mut(Axis(1), own.clone().into()).assign(&bytes);
            }
        }
        all
    }
}

/// Rows of latents that are computed together: `begin..end`, from the rows `from..to` around them.
#[derive(Clone, Copy, Debug)]
pub(super) struct Stripe {
    begin: usize,
    end: usize,
    from: usize,
    to: usize,
}

impl Stripe {
    /// Keeps of what was computed from the rows around it its own rows.
    fn keep(self, all: &mut Array3<f32>, computed: ArrayView3<'_, f32>) {
        let own = computed.slice_axis(Axis(1), (self.begin - self.from..self.end - self.from).into());
        all.slice_axis_mut(Axis(1), (self.begin..self.end).into()).assign(&own);
    }
}

/// The stripes of a picture with so many rows of latents, each of `stride` rows of pixels and `width` columns, from top to
/// bottom. A convolution sees only so far, so that stripes with enough rows around them give what the whole picture gives,
/// in bounded memory.
pub(super) fn stripes(rows: usize, stride: usize, width: usize, reach: usize) -> Vec<Stripe> {
    let step = (BLOCK / (stride * width)).max(4 * reach).max(1);
    let starts = (0..rows).step_by(step);
    let stripe = |begin: usize| {
        let end = (begin + step).min(rows);
        Stripe { begin, end, from: begin.saturating_sub(reach), to: (end + reach).min(rows) }
    };
    starts.map(stripe).collect()
}

/// Runs of pictures of one size that fit a block, in order.
fn alike<T>(pictures: &[T], size: impl Fn(&T) -> [usize; 2]) -> Vec<&[T]> {
    let mut runs = Vec::new();
    for alike in pictures.chunk_by(|a, b| size(a) == size(b)) {
        let [height, width] = size(&alike[0]);
        runs.extend(alike.chunks((BLOCK / (height * width).max(1)).max(1)));
    }
    runs
}
