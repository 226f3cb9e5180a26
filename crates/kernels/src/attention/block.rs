//! Some samples through a block, and back.

use super::norm::{before_norm, before_softmax, gelu, normalise, scaled, softmax};
use crate::dense::{Finish, Matrix, Packed};
use crate::simd::{Kernel, Processor, Simd};
use ae_network::Activation;

/// Sizes of a block and its samples.
#[derive(Clone, Copy, Debug)]
pub(super) struct Shape {
    pub(super) tokens: usize,
    pub(super) width: usize,
    pub(super) heads: usize,
}

impl Shape {
    /// Values of a sample.
    pub(super) fn sample(&self) -> usize {
        self.tokens * self.width
    }

    /// Values of each of the [`Parts`] of a sample.
    fn parts(&self) -> [usize; Parts::N] {
        let (tokens, sample) = (self.tokens, self.sample());
        let attention = self.heads * tokens * tokens;
        [sample, tokens, 3 * sample, attention, sample, sample, tokens, 4 * sample, 4 * sample]
    }

    /// Values that are kept of a sample.
    pub(super) fn kept(&self) -> usize {
        self.parts().iter().sum()
    }

    fn head(&self) -> usize {
        self.width / self.heads
    }

    /// What similarities are multiplied by.
    fn factor(&self) -> f32 {
        1.0 / (self.head() as f32).sqrt()
    }
}

/// What a forward pass computes on its way, in the order of the computation: the normalised tokens and their rates, queries,
/// keys and values, the weights of attention, what they gather, the second normalised tokens and rates, the slopes of the
/// perceptron's activation, and its results.
pub(super) struct Parts;

impl Parts {
    const N: usize = 9;
    pub(super) const FIRST_NORM: usize = 0;
    pub(super) const GATHERED: usize = 4;
    pub(super) const SECOND_NORM: usize = 5;
    pub(super) const ACTIVATED: usize = 8;

    /// Each part of `n` samples, and its values of a sample.
    pub(super) fn of<'a>(
        memory: &'a mut [f32],
        shape: &Shape,
        n: usize,
    ) -> [(&'a mut [f32], usize); Parts::N] {
        let mut rest = memory;
        shape.parts().map(|each| {
            let (part, behind) = std::mem::take(&mut rest).split_at_mut(n * each);
            rest = behind;
            (part, each)
        })
    }

    /// [`Self::of`] what was kept.
    pub(super) fn of_kept<'a>(memory: &'a [f32], shape: &Shape, n: usize) -> [(&'a [f32], usize); Parts::N] {
        let mut rest = memory;
        shape.parts().map(|each| {
            let (part, behind) = rest.split_at(n * each);
            rest = behind;
            (part, each)
        })
    }
}

/// The weights, packed as the pass needs them.
pub(super) struct Weights<'a> {
    pub(super) qkv: Packed<'a>,
    pub(super) projection: Packed<'a>,
    pub(super) expand: Packed<'a>,
    pub(super) contract: Packed<'a>,
}

pub(super) struct Forward<'a> {
    pub(super) shape: &'a Shape,
    pub(super) processor: Processor,
    pub(super) weights: &'a Weights<'a>,
    pub(super) parameters: &'a [&'a [f32]],
    pub(super) samples: &'a [f32],
    pub(super) to: &'a mut [f32],
    pub(super) parts: [&'a mut [f32]; Parts::N],
    /// Each as long as the samples.
    pub(super) room: [&'a mut Vec<f32>; 2],
    pub(super) packed: &'a mut Vec<f32>,
}

impl Kernel for Forward<'_> {
    #[inline(always)]
    unsafe fn run<S: Simd>(self) {
        let Forward { shape, processor, weights, parameters, samples, to, parts, room, packed } = self;
        let [first, first_rates, qkv, attention, gathered, second, second_rates, slopes, activated] = parts;
        let [tokens, sum] = room;
        let width = shape.width;
        let layer = |slot: usize| Finish::Layer { bias: parameters[slot], activation: Activation::Identity };
        // SAFETY: the caller's guarantee.
        unsafe {
            normalise(samples, width, first, first_rates);
            scaled(first, parameters[0], parameters[1], tokens);
            weights.qkv.multiply::<S>(Matrix::new(tokens, width), layer(3), qkv);
            let of_samples =
                qkv.chunks_exact(3 * shape.sample()).zip(gathered.chunks_exact_mut(shape.sample()));
            let attention = attention.chunks_exact_mut(shape.heads * shape.tokens * shape.tokens);
            for ((qkv, gathered), attention) in of_samples.zip(attention) {
                for (head, weights) in attention.chunks_exact_mut(shape.tokens * shape.tokens).enumerate() {
                    let [query, key, value] = heads(qkv, shape, head);
                    product::<S>(query, key.transposed(), (processor, packed), weights);
                    softmax::<S>(weights, shape.tokens, shape.factor());
                    let (left, to) =
                        (Matrix::new(weights, shape.tokens), &mut sum[..shape.tokens * shape.head()]);
                    product::<S>(left, value, (processor, packed), to);
                    put(to, shape.head(), gathered, head * shape.head(), width);
                }
            }
            weights.projection.multiply::<S>(Matrix::new(gathered, width), layer(5), sum);
            sum.iter_mut().zip(samples).for_each(|(sum, x)| *sum += x);
            normalise(sum, width, second, second_rates);
            scaled(second, parameters[6], parameters[7], tokens);
            weights.expand.multiply::<S>(Matrix::new(tokens, width), layer(9), slopes);
            gelu::<S>(slopes, activated);
            weights.contract.multiply::<S>(Matrix::new(activated, 4 * width), layer(11), to);
            to.iter_mut().zip(&**sum).for_each(|(to, sum)| *to += sum);
        }
    }
}

/// `left · right`, where the right factor is packed first.
#[inline(always)]
unsafe fn product<S: Simd>(
    left: Matrix<'_>,
    right: Matrix<'_>,
    (processor, memory): (Processor, &mut Vec<f32>),
    to: &mut [f32],
) {
    // SAFETY: the caller's guarantee.
    unsafe { Packed::new(right, processor, memory).multiply::<S>(left, Finish::Nothing, to) }
}

/// Queries, keys and values of a head, each `[T, D / heads]`.
#[inline(always)]
fn heads<'a>(qkv: &'a [f32], shape: &Shape, head: usize) -> [Matrix<'a>; 3] {
    let of = |part: usize| {
        let start = part * shape.width + head * shape.head();
        Matrix::strided(&qkv[start..], shape.tokens, shape.head(), 3 * shape.width)
    };
    [of(0), of(1), of(2)]
}

/// Writes rows of `columns` values to some columns of rows of `width` values.
#[inline(always)]
fn put(rows: &[f32], columns: usize, to: &mut [f32], first: usize, width: usize) {
    for (row, to) in rows.chunks_exact(columns).zip(to.chunks_exact_mut(width)) {
        to[first..first + columns].copy_from_slice(row);
    }
}

pub(super) struct Backward<'a> {
    pub(super) shape: &'a Shape,
    pub(super) processor: Processor,
    pub(super) weights: &'a Weights<'a>,
    pub(super) parameters: &'a [&'a [f32]],
    pub(super) parts: [&'a [f32]; Parts::N],
    pub(super) gradient: &'a [f32],
    /// The gradients of queries, keys and values, of the sum before the second normalisation, and of the perceptron before its
    /// activation.
    pub(super) of_qkv: &'a mut [f32],
    pub(super) of_sum: &'a mut [f32],
    pub(super) of_hidden: &'a mut [f32],
    /// Those of both normalisations: scale and shift, scale and shift.
    pub(super) norms: &'a mut [f32],
    /// That of the samples, if it is wanted.
    pub(super) to: Option<&'a mut [f32]>,
    /// Each as long as the samples.
    pub(super) room: [&'a mut Vec<f32>; 2],
    pub(super) packed: &'a mut Vec<f32>,
}

impl Kernel for Backward<'_> {
    #[inline(always)]
    unsafe fn run<S: Simd>(self) {
        let Backward { shape, processor, weights, parameters, parts, gradient, packed, .. } = self;
        let Backward { of_qkv, of_sum, of_hidden, norms, to, room: [tokens, head_room], .. } = self;
        let [first, first_rates, qkv, attention, _, second, second_rates, slopes, _] = parts;
        let width = shape.width;
        let (first_sums, second_sums) = norms.split_at_mut(2 * width);
        // SAFETY: the caller's guarantee.
        unsafe {
            first_sums.fill(0.0);
            second_sums.fill(0.0);
            weights.contract.multiply::<S>(Matrix::new(gradient, width), Finish::Nothing, of_hidden);
            of_hidden.iter_mut().zip(slopes).for_each(|(gradient, slope)| *gradient *= slope);
            weights.expand.multiply::<S>(Matrix::new(of_hidden, 4 * width), Finish::Nothing, tokens);
            of_sum.copy_from_slice(gradient);
            before_norm(tokens, second, second_rates, parameters[6], second_sums, of_sum);
            weights.projection.multiply::<S>(Matrix::new(of_sum, width), Finish::Nothing, tokens);
            let size = shape.tokens * shape.tokens;
            let samples =
                qkv.chunks_exact(3 * shape.sample()).zip(of_qkv.chunks_exact_mut(3 * shape.sample()));
            let samples = samples
                .zip(tokens.chunks_exact(shape.sample()))
                .zip(attention.chunks_exact(shape.heads * size));
            let columns = shape.head();
            head_room.resize(shape.tokens * columns + size, 0.0);
            let (of_head, of_weights) = head_room.split_at_mut(shape.tokens * columns);
            for (((qkv, of_qkv), gathered), attention) in samples {
                for (head, attended) in attention.chunks_exact(size).enumerate() {
                    let [query, key, value] = heads(qkv, shape, head);
                    let start = head * columns;
                    let gathered = Matrix::strided(&gathered[start..], shape.tokens, columns, width);
                    let attended = Matrix::new(attended, shape.tokens);
                    product::<S>(attended.transposed(), gathered, (processor, packed), of_head);
                    put(of_head, columns, of_qkv, 2 * width + start, 3 * width);
                    product::<S>(gathered, value.transposed(), (processor, packed), of_weights);
                    before_softmax(of_weights, attended.values, shape.tokens, shape.factor());
                    let of_weights = Matrix::new(of_weights, shape.tokens);
                    product::<S>(of_weights, key, (processor, packed), of_head);
                    put(of_head, columns, of_qkv, start, 3 * width);
                    product::<S>(of_weights.transposed(), query, (processor, packed), of_head);
                    put(of_head, columns, of_qkv, width + start, 3 * width);
                }
            }
            weights.qkv.multiply::<S>(Matrix::new(of_qkv, 3 * width), Finish::Nothing, tokens);
            head_room.resize(of_sum.len(), 0.0);
            let to = to.unwrap_or(head_room);
            to.copy_from_slice(of_sum);
            before_norm(tokens, first, first_rates, parameters[0], first_sums, to);
        }
    }
}
