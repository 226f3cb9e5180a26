//! Probabilities that depend on what is known already.

use crate::dense::{DenseNetwork, sigmoid};
use crate::density::Density;
use crate::error::CodingError;
use crate::table::{Table, quantised};

/// Latents that one side latent stands for, in each direction.
pub const SIDE_STRIDE: usize = 2;
/// Neighbours of a latent that are known before it: above left, above, above right, and left, as rows and columns from it.
pub const KNOWN: [[isize; 2]; 4] = [[-1, -1], [-1, 0], [-1, 1], [0, -1]];
/// Scales that a table is made of, evenly spaced in their logarithms from the first to the second, in steps.
const LEVELS: usize = 64;
const SCALES: [f64; 2] = [0.05, 128.0];

/// A prior over latents `[M, h, w]` that are stored from left to right and from top to bottom (Minnen, Ballé & Toderici, "Joint
/// autoregressive and hierarchical priors for learned image compression", NeurIPS 2018). Side latents `z`, `[N, ⌈h/2⌉, ⌈w/2⌉]`,
/// are stored first, by densities of their own: the scale hyperprior of Ballé et al. (2018). A network then gives the mean `μ`
/// and the scale `s` of a logistic density for each latent, from `z` around it and from the latents next to it that are known.
///
/// What is stored of a latent `y` is `k = round((y - μ) / Δ)`, and `Δ k + μ` comes back.
///
/// The network has `4 M + 9 N + 3` inputs, in this order: the latents at [`KNOWN`], 0 outside; `z` in the 3×3 places around that
/// of the latent, row by row, 0 outside; whether its row and its column are odd, as 1 or 0; `ln Δ`. It has `2 M` outputs: means,
/// then logarithms of scales. A prior of side latents alone leaves out the first `4 M` inputs.
#[derive(Clone, Debug, PartialEq)]
pub struct HyperPrior {
    side: Vec<Density>,
    network: DenseNetwork,
    /// `M`.
    channels: usize,
    /// Whether it sees latents that are known.
    sees_known: bool,
}

impl HyperPrior {
    /// `side` are the `N` densities of the side latents. `None` if the network does not have as many inputs and outputs as the
    /// prior needs.
    pub fn new(side: Vec<Density>, network: DenseNetwork) -> Option<Self> {
        let channels = network.outputs() / 2;
        let of_side = 9 * side.len() + 3;
        let sees_known = network.inputs() != of_side;
        let inputs = of_side + if sees_known { KNOWN.len() * channels } else { 0 };
        let fits = network.inputs() == inputs && network.outputs() == 2 * channels;
        fits.then_some(HyperPrior { side, network, channels, sees_known })
    }

    /// Means and scales `[M]` of the latents at a place, given those before it; what of `known`, `[M, h, w]`, comes later is not
    /// looked at. `side` are whole numbers, `[N, ⌈h/2⌉, ⌈w/2⌉]`.
    ///
    /// # Panics
    /// If there are fewer values than the sizes say.
    pub fn parameters(
        &self,
        known: &[f64],
        side: &[i32],
        size: [usize; 2],
        place: [usize; 2],
        step: f64,
    ) -> (Vec<f64>, Vec<f64>) {
        let mut inputs = Vec::with_capacity(self.network.inputs());
        let neighbour = |place: [usize; 2], by: [isize; 2], size: [usize; 2]| {
            let at = [0, 1].map(|axis| place[axis].checked_add_signed(by[axis]));
            match at {
                [Some(row), Some(column)] if row < size[0] && column < size[1] => {
                    Some(row * size[1] + column)
                }
                _ => None,
            }
        };
        if self.sees_known {
            for by in KNOWN {
                let at = neighbour(place, by, size);
                let value = |channel| at.map_or(0.0, |at| known[channel * size[0] * size[1] + at]);
                inputs.extend((0..self.channels).map(value));
            }
        }
        let coarse = side_size(size);
        let centre = place.map(|at| at / SIDE_STRIDE);
        for by in (-1..=1).flat_map(|row| (-1..=1).map(move |column| [row, column])) {
            let at = neighbour(centre, by, coarse);
            let value = |channel| at.map_or(0.0, |at| f64::from(side[channel * coarse[0] * coarse[1] + at]));
            inputs.extend((0..self.side.len()).map(value));
        }
        inputs.extend(place.map(|at| (at % SIDE_STRIDE) as f64));
        inputs.push(libm::log(step));
        let mut means = self.network.forward(&inputs);
        let scales = means.split_off(self.channels).into_iter().map(libm::exp).collect();
        // Hostile weights may give anything.
        means.iter_mut().filter(|mean| !mean.is_finite()).for_each(|mean| *mean = 0.0);
        (means, scales)
    }
}

/// Height and width of the side latents of latents of this height and width.
pub fn side_size(size: [usize; 2]) -> [usize; 2] {
    size.map(|side| side.div_ceil(SIDE_STRIDE))
}

/// A prior at one step, with the tables that it needs.
#[derive(Debug)]
pub(crate) struct HyperCoder<'p> {
    prior: &'p HyperPrior,
    step: f64,
    side: Vec<Table>,
    levels: Vec<Table>,
}

impl<'p> HyperCoder<'p> {
    pub(crate) fn new(prior: &'p HyperPrior, step: f64) -> Self {
        let level = |level: usize| {
            let scale = SCALES[0] * libm::pow(SCALES[1] / SCALES[0], level as f64 / (LEVELS - 1) as f64);
            Table::of_cdf(|x| sigmoid(x / scale))
        };
        let side = prior.side.iter().map(Table::of).collect();
        HyperCoder { prior, step, side, levels: (0..LEVELS).map(level).collect() }
    }

    /// The table of the scale nearest to this one, which is in steps.
    fn table(&self, scale: f64) -> &Table {
        let place = libm::log(scale / SCALES[0]) / libm::log(SCALES[1] / SCALES[0]);
        // Not a number is level 0.
        let level = libm::round(place * (LEVELS - 1) as f64).clamp(0.0, (LEVELS - 1) as f64);
        &self.levels[level as usize]
    }

    /// Goes through the latents in the order in which they are stored, and gives them as they come back. `code` gets a place in
    /// `[M, h, w]`, the mean and the table there, and gives the number that is stored.
    fn walk<E>(
        &self,
        side: &[i32],
        size: [usize; 2],
        mut code: impl FnMut(usize, f64, &Table) -> Result<i32, E>,
    ) -> Result<Vec<f64>, E> {
        let area = size[0] * size[1];
        let mut known = vec![0.0; self.prior.channels * area];
        for place in (0..area).map(|at| [at / size[1], at % size[1]]) {
            let (means, scales) = self.prior.parameters(&known, side, size, place, self.step);
            for (channel, (mean, scale)) in means.into_iter().zip(scales).enumerate() {
                let at = channel * area + place[0] * size[1] + place[1];
                known[at] = f64::from(code(at, mean, self.table(scale / self.step))?) * self.step + mean;
            }
        }
        Ok(known)
    }

    /// Gives `put` all that is stored of latents, in order.
    pub(crate) fn visit(
        &self,
        latents: &[f32],
        side: &[f32],
        size: [usize; 2],
        put: &mut dyn FnMut(i32, &Table),
    ) {
        let side: Vec<i32> = side.iter().map(|&value| quantised(f64::from(value))).collect();
        let area = side_size(size).iter().product::<usize>().max(1);
        side.chunks(area)
            .zip(&self.side)
            .for_each(|(channel, table)| channel.iter().for_each(|&it| put(it, table)));
        let stored = |at: usize, mean: f64, table: &Table| {
            let value = quantised((f64::from(latents[at]) - mean) / self.step);
            put(value, table);
            Ok::<_, std::convert::Infallible>(value)
        };
        let Ok(_) = self.walk(&side, size, stored);
    }

    /// The latents `[M, h, w]`; `get` gives the next number that was stored by this table.
    pub(crate) fn decode(
        &self,
        size: [usize; 2],
        get: &mut dyn FnMut(&Table) -> Result<i32, CodingError>,
    ) -> Result<Vec<f32>, CodingError> {
        let area: usize = side_size(size).iter().product();
        let mut side = Vec::with_capacity(self.side.len() * area);
        for table in &self.side {
            for _ in 0..area {
                side.push(get(table)?);
            }
        }
        let latents = self.walk(&side, size, |_, _, table| get(table))?;
        Ok(latents.into_iter().map(|value| value as f32).collect())
    }
}
