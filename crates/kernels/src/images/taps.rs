//! Convolutions as lists of taps: which input pixels, with which weights, make up an output pixel.
//!
//! One form covers convolutions with any stride, transposed convolutions, enlargements with a convolution behind them,
//! and the gradient of each with respect to its input, which is the transpose.

/// Along one axis, output pixel `at + out_step · u` is a sum over the taps of its phase: of input pixels
/// `in_step · u + offset`, zero beyond the edge.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Axis {
    pub(super) out_step: usize,
    pub(super) in_step: usize,
    /// One for each remainder of the division by `out_step`.
    pub(super) phases: Vec<Vec<Tap>>,
}

/// An input pixel and the kernel's weights that count for it; they are added.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Tap {
    pub(super) offset: isize,
    pub(super) weights: Vec<usize>,
}

impl Axis {
    /// A convolution.
    pub(super) fn convolution(kernel: usize, stride: usize, padding: usize) -> Self {
        let tap = |k| Tap { offset: k as isize - padding as isize, weights: vec![k] };
        Axis { out_step: 1, in_step: stride, phases: vec![(0..kernel).map(tap).collect()] }
    }

    /// An enlargement in which every pixel is repeated `factor` times, then a convolution of stride 1. The repeated
    /// pixels need not be made: those under one kernel that are the same are one tap.
    pub(super) fn enlarged_convolution(factor: usize, kernel: usize, padding: usize) -> Self {
        let phase = |at: usize| {
            let mut taps: Vec<Tap> = Vec::new();
            for k in 0..kernel {
                let offset = ((at + k) as isize - padding as isize).div_euclid(factor as isize);
                match taps.last_mut().filter(|tap| tap.offset == offset) {
                    Some(tap) => tap.weights.push(k),
                    None => taps.push(Tap { offset, weights: vec![k] }),
                }
            }
            taps
        };
        Axis { out_step: factor, in_step: 1, phases: (0..factor).map(phase).collect() }
    }

    /// The map from outputs to inputs with the same weights.
    pub(super) fn transpose(&self) -> Self {
        let step = self.in_step as isize;
        let phase = |at: usize| {
            let mut taps = Vec::new();
            for (out_at, phase) in self.phases.iter().enumerate() {
                for tap in phase {
                    let distance = at as isize - tap.offset;
                    if distance.rem_euclid(step) == 0 {
                        let offset = out_at as isize + self.out_step as isize * distance.div_euclid(step);
                        taps.push(Tap { offset, weights: tap.weights.clone() });
                    }
                }
            }
            taps.sort_by_key(|tap| tap.offset);
            taps
        };
        Axis {
            out_step: self.in_step,
            in_step: self.out_step,
            phases: (0..self.in_step).map(phase).collect(),
        }
    }

    /// Pixels of an output of `size` that belong to the phase `at`.
    pub(super) fn pixels(&self, at: usize, size: usize) -> usize {
        size.saturating_sub(at).div_ceil(self.out_step)
    }

    /// How many zeros are read before and after an input of `size` for an output of `out_size`.
    pub(super) fn reach(&self, size: usize, out_size: usize) -> [usize; 2] {
        let mut reach = [0, 0];
        for (at, phase) in self.phases.iter().enumerate() {
            let Some(last) = self.pixels(at, out_size).checked_sub(1) else { continue };
            for tap in phase {
                let end = (self.in_step * last) as isize + tap.offset - (size as isize - 1);
                reach[0] = reach[0].max(-tap.offset);
                reach[1] = reach[1].max(end);
            }
        }
        reach.map(|zeros| zeros.max(0) as usize)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The matrix of an axis: a row for each output, in it the sum of the weights for each input.
    fn matrix(axis: &Axis, size: usize, out_size: usize, weights: &[f64]) -> Vec<Vec<f64>> {
        let mut matrix = vec![vec![0.0; size]; out_size];
        for (at, phase) in axis.phases.iter().enumerate() {
            for u in 0..axis.pixels(at, out_size) {
                for tap in phase {
                    let input = (axis.in_step * u) as isize + tap.offset;
                    if (0..size as isize).contains(&input) {
                        let weight: f64 = tap.weights.iter().map(|&k| weights[k]).sum();
                        matrix[at + axis.out_step * u][input as usize] += weight;
                    }
                }
            }
        }
        matrix
    }

    #[test]
    fn a_convolution_is_what_its_formula_says() {
        for (kernel, stride, padding, size) in
            [(3, 1, 1, 7), (3, 2, 1, 8), (5, 3, 0, 12), (1, 2, 0, 5), (4, 2, 1, 9)]
        {
            let weights: Vec<f64> = (1..=kernel).map(|k| f64::from(k as u32).powi(3)).collect();
            let out_size = (size + 2 * padding - kernel) / stride + 1;
            let made = matrix(&Axis::convolution(kernel, stride, padding), size, out_size, &weights);
            for (i, row) in made.iter().enumerate() {
                for (j, &value) in row.iter().enumerate() {
                    let k = (j + padding).checked_sub(i * stride).filter(|&k| k < kernel);
                    assert_eq!(value, k.map_or(0.0, |k| weights[k]), "{kernel} {stride} {padding}: {i}, {j}");
                }
            }
        }
    }

    #[test]
    fn an_enlarged_convolution_is_both_one_after_the_other() {
        for (factor, kernel, padding, size) in
            [(2, 3, 1, 5), (2, 3, 0, 5), (3, 5, 2, 4), (2, 1, 0, 3), (4, 3, 1, 2)]
        {
            let weights: Vec<f64> = (1..=kernel).map(|k| f64::from(k as u32).powi(3)).collect();
            let (large, out_size) = (factor * size, factor * size + 2 * padding + 1 - kernel);
            let plain = matrix(&Axis::convolution(kernel, 1, padding), large, out_size, &weights);
            let made = matrix(&Axis::enlarged_convolution(factor, kernel, padding), size, out_size, &weights);
            for (plain, made) in plain.iter().zip(&made) {
                let folded: Vec<f64> = plain.chunks(factor).map(|same| same.iter().sum()).collect();
                assert_eq!(made, &folded);
            }
        }
    }

    #[test]
    fn the_transpose_has_the_transposed_matrix() {
        let axes = [
            (Axis::convolution(3, 1, 1), 7, 7),
            (Axis::convolution(3, 2, 1), 9, 5),
            (Axis::convolution(1, 2, 0), 5, 3),
            (Axis::convolution(5, 3, 2), 11, 4),
            (Axis::enlarged_convolution(2, 3, 1), 5, 10),
            (Axis::enlarged_convolution(3, 5, 1), 4, 10),
        ];
        for (axis, size, out_size) in axes {
            let weights = [1.0, 8.0, 27.0, 64.0, 125.0];
            let (plain, made) = (
                matrix(&axis, size, out_size, &weights),
                matrix(&axis.transpose(), out_size, size, &weights),
            );
            for i in 0..out_size {
                for j in 0..size {
                    assert_eq!(plain[i][j], made[j][i], "{axis:?}");
                }
            }
            assert_eq!(axis.transpose().transpose(), axis);
        }
    }
}
