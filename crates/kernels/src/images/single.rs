//! Few images, one at a time: a vector holds channels of a pixel, not a pixel of several images.
//!
//! A group of images takes as long with one image as with all lanes in use. How long an image takes here depends on its
//! channels.

use super::memory::{Aligned, Blocks, block, places};
use super::mixing::{Mix, Mixing, Packed};
use super::plane::Plane;
use super::pooled::SIDE;
use super::resize::{Forward, Resize};
use super::steps::{Convolution, Planned, Step};
use crate::simd::{Processor, dispatch};
use crate::slices::Slices;
use crate::threads::{Alone, Pool, Threads};
use std::sync::{Arc, Mutex, PoisonError};

/// Where the values of one image lie, and how they become those behind the next step.
#[derive(Debug)]
pub(super) struct Single {
    /// Between the steps. Then, for each step with a pooling, what is pooled, without channels where there is none.
    planes: Vec<Plane>,
    /// Channels before the first step and behind the last.
    channels: [usize; 2],
    /// Of each step that is a convolution.
    mixings: Vec<Option<Mixing>>,
    /// Images that take at most as long one by one as in a group.
    few: usize,
    memory: Pool<Aligned>,
    weights: Mutex<Option<Arc<Weights>>>,
}

/// Multiplications of vectors that are worth a thread.
const WORTH: usize = 1 << 15;

/// Packed weights, and what they were packed from.
#[derive(Debug)]
struct Weights {
    parameters: Vec<Vec<f32>>,
    /// Of each step that is a convolution.
    packed: Vec<Option<Packed>>,
}

impl Single {
    pub(super) fn new(planned: &Planned) -> Self {
        let Planned { steps, values, gradients, .. } = planned;
        let (values, unpooled) = (&values[..=steps.len()], &gradients[steps.len() + 1..]);
        let vectors = |plane: &Plane| Plane { channels: plane.channels.div_ceil(plane.lanes), ..*plane };
        let mixing = |(step, from): (&Step, &Plane)| match step {
            Step::Convolve(convolution) => Some(Mixing::new(&convolution.forward, from)),
            Step::Resize(_) => None,
        };
        let mixings: Vec<Option<Mixing>> = steps.iter().zip(values).map(mixing).collect();
        let (mut alone, mut together) = (0, 0);
        for (step, mixing) in steps.iter().zip(&mixings) {
            if let (Step::Convolve(Convolution { forward, .. }), Some(mixing)) = (step, mixing) {
                (alone, together) = (alone + mixing.cost(forward), together + forward.cost());
            }
        }
        Single {
            few: (together / alone.max(1)).min(values[0].lanes),
            planes: values.iter().chain(unpooled).map(vectors).collect(),
            channels: [values[0].channels, values[steps.len()].channels],
            mixings,
            memory: Pool::default(),
            weights: Mutex::default(),
        }
    }

    /// Whether so few images are better taken one by one.
    pub(super) fn is_for(&self, n: usize) -> bool {
        n <= self.few
    }

    /// Images `[N, C, H, W]` through the steps.
    pub(super) fn run(
        &self,
        processor: Processor,
        steps: &[Step],
        parameters: &[&[f32]],
        images: &[f32],
        to: &mut [f32],
        threads: &dyn Threads,
    ) {
        let weights = self.weights(steps, parameters);
        let size = |plane: &Plane, channels: usize| channels * plane.height * plane.width;
        let input = size(&self.planes[0], self.channels[0]);
        let results = Slices::new(to, size(&self.planes[steps.len()], self.channels[1]));
        let n = images.len() / input;
        threads.each(n, &|index| {
            // SAFETY: each image has its own result.
            let to = unsafe { results.get(index) };
            let threads = if n == 1 { threads } else { &Alone };
            self.forward(processor, steps, &weights, &images[index * input..][..input], to, threads);
        });
    }

    /// The weights in the order of use. They are packed again only if they have changed: to compare them takes less time.
    fn weights(&self, steps: &[Step], parameters: &[&[f32]]) -> Arc<Weights> {
        let mut known = self.weights.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(known) = known.as_ref().filter(|known| known.are_of(parameters)) {
            return Arc::clone(known);
        }
        let pack = |(step, mixing): (&Step, &Option<Mixing>)| {
            let (Step::Convolve(Convolution { forward, strides, parameter, .. }), Some(mixing)) =
                (step, mixing)
            else {
                return None;
            };
            Some(mixing.pack(forward, parameters[*parameter], *strides, parameters[parameter + 1]))
        };
        let weights = Arc::new(Weights {
            parameters: parameters.iter().map(|parameter| parameter.to_vec()).collect(),
            packed: steps.iter().zip(&self.mixings).map(pack).collect(),
        });
        *known = Some(Arc::clone(&weights));
        weights
    }

    /// One image `[C, H, W]` through the steps.
    fn forward(
        &self,
        processor: Processor,
        steps: &[Step],
        weights: &Weights,
        image: &[f32],
        to: &mut [f32],
        threads: &dyn Threads,
    ) {
        let mut memory = self.memory.take().unwrap_or_else(|| Aligned::zeros(block(&self.planes)));
        let places = places(&self.planes, memory.as_mut_ptr());
        let place = |index: usize| (places[index], &self.planes[index]);
        // SAFETY: the planes were made for these steps, and the memory for the planes.
        unsafe {
            gather(image, self.channels[0], place(0));
            for (index, step) in steps.iter().enumerate() {
                let from = (places[index].cast_const(), &self.planes[index]);
                match (step, &self.mixings[index], &weights.packed[index]) {
                    (Step::Convolve(convolution), Some(mixing), Some(packed)) => {
                        let Convolution { forward: map, finish, pools, .. } = convolution;
                        let to = place(if *pools { steps.len() + 1 + index } else { index + 1 });
                        let parts = if mixing.cost(map) < WORTH { 1 } else { threads.count() };
                        let (inputs, outputs) = (Blocks(places[index]), Blocks(to.0));
                        threads.each(parts, &|part| {
                            let from = (inputs.get(0).cast_const(), from.1);
                            let to = (outputs.get(0), to.1);
                            let part = [part, parts];
                            dispatch(processor, Mix { map, mixing, packed, from, to, finish: *finish, part });
                        });
                        if *pools {
                            let from = (to.0.cast_const(), to.1);
                            let resize = Resize::Pool(SIDE);
                            dispatch(processor, Forward { resize, from, to: place(index + 1) });
                        }
                    }
                    (Step::Resize(resize), ..) => {
                        dispatch(processor, Forward { resize: *resize, from, to: place(index + 1) });
                    }
                    _ => unreachable!("a convolution has weights"),
                }
            }
            scatter(place(steps.len()), self.channels[1], to);
        }
        self.memory.give(memory);
    }
}

impl Weights {
    /// Whether they were packed from these, bit for bit.
    fn are_of(&self, parameters: &[&[f32]]) -> bool {
        let same = |(own, other): (&Vec<f32>, &&[f32])| {
            // Without an end in the middle, several values are compared at once.
            let differ = |(own, other): (&f32, &f32)| own.to_bits() ^ other.to_bits();
            own.len() == other.len()
                && own.iter().zip(*other).map(differ).fold(0, |all, bits| all | bits) == 0
        };
        self.parameters.len() == parameters.len() && self.parameters.iter().zip(parameters).all(same)
    }
}

/// Rows of pixels, each with its place in a plane and in an image.
fn rows(plane: &Plane, channels: usize) -> impl Iterator<Item = (usize, usize)> {
    let plane = *plane;
    (0..channels).flat_map(move |channel| {
        let row = move |row: usize| {
            let place = plane.at(channel / plane.lanes, row) + channel % plane.lanes;
            (place, (channel * plane.height + row) * plane.width)
        };
        (0..plane.height).map(row)
    })
}

/// # Safety
/// The memory is that of the plane, which has as many channels.
unsafe fn gather(image: &[f32], channels: usize, (to, plane): (*mut f32, &Plane)) {
    for (place, start) in rows(plane, channels) {
        for (column, value) in image[start..start + plane.width].iter().enumerate() {
            // SAFETY: the caller's guarantee.
            unsafe { *to.add(place + column * plane.lanes) = *value };
        }
    }
}

/// # Safety
/// As for [`gather`].
unsafe fn scatter((from, plane): (*mut f32, &Plane), channels: usize, image: &mut [f32]) {
    for (place, start) in rows(plane, channels) {
        for (column, value) in image[start..start + plane.width].iter_mut().enumerate() {
            // SAFETY: the caller's guarantee.
            *value = unsafe { *from.add(place + column * plane.lanes) };
        }
    }
}
