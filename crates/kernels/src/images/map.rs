//! A convolution between two planes: which values make up an output, and their weights in the order of use.

use super::plane::Plane;
use super::taps::Axis;

/// Output channels that are computed together, at most.
pub(super) const ROWS: usize = 4;

/// A convolution of any kind between planes whose sizes are known.
#[derive(Clone, Debug)]
pub(super) struct Map {
    pub(super) inputs: usize,
    pub(super) outputs: usize,
    /// Pixels from one input to the next.
    pub(super) in_step: usize,
    /// Pixels from one output to the next of the same phase.
    pub(super) out_step: usize,
    pub(super) phases: Vec<Phase>,
}

/// The output pixels that have their inputs in the same places.
#[derive(Clone, Debug)]
pub(super) struct Phase {
    /// Row and column of its first pixel.
    pub(super) at: [usize; 2],
    pub(super) rows: usize,
    pub(super) columns: usize,
    /// Distance in memory from the first input channel's pixel to each input that counts, channel by channel.
    pub(super) offsets: Vec<isize>,
    /// For each tap the positions in the kernel whose weights are added.
    pub(super) weights: Vec<Vec<usize>>,
}

/// How the weights `[…]` of a layer are laid out: the distance between output channels, and between input channels.
#[derive(Clone, Copy, Debug)]
pub(super) struct Strides {
    pub(super) output: usize,
    pub(super) input: usize,
}

impl Strides {
    pub(super) fn transpose(self) -> Self {
        Strides { output: self.input, input: self.output }
    }
}

impl Map {
    /// The map `axis` in both directions, with a square kernel of side `kernel`. The plane `from` has room for it.
    pub(super) fn new(axis: &Axis, kernel: usize, from: &Plane, to: &Plane) -> Self {
        let mut phases = Vec::new();
        for (i, vertical) in axis.phases.iter().enumerate() {
            for (j, horizontal) in axis.phases.iter().enumerate() {
                let taps =
                    || vertical.iter().flat_map(|row| horizontal.iter().map(move |column| (row, column)));
                let place =
                    |row: isize, column: isize| row * from.row() as isize + column * from.lanes as isize;
                let mut offsets = Vec::new();
                for channel in 0..from.channels {
                    let start = (channel * from.channel()) as isize;
                    offsets.extend(taps().map(|(row, column)| start + place(row.offset, column.offset)));
                }
                let weights = taps().map(|(row, column)| {
                    let both =
                        row.weights.iter().flat_map(|k| column.weights.iter().map(move |l| k * kernel + l));
                    both.collect()
                });
                phases.push(Phase {
                    at: [i, j],
                    rows: axis.pixels(i, to.height),
                    columns: axis.pixels(j, to.width),
                    weights: weights.collect(),
                    offsets,
                });
            }
        }
        Map {
            inputs: from.channels,
            outputs: to.channels,
            in_step: axis.in_step,
            out_step: axis.out_step,
            phases,
        }
    }

    /// Multiplications for an image, of vectors for a group of images; those with a zero beyond an edge count.
    pub(super) fn cost(&self) -> usize {
        let of = |phase: &Phase| phase.rows * phase.columns * phase.offsets.len() * self.outputs;
        self.phases.iter().map(of).sum()
    }

    /// First output channel and number of channels of each tile.
    pub(super) fn tiles(&self) -> impl Iterator<Item = (usize, usize)> {
        let outputs = self.outputs;
        let size = move |first: usize| match outputs - first {
            ROWS.. => ROWS,
            2.. => 2,
            _ => 1,
        };
        std::iter::successors(Some(0), move |&first| Some(first + size(first)))
            .take_while(move |&first| first < outputs)
            .map(move |first| (first, size(first)))
    }

    /// The weights in the order in which they are used: for each phase and tile `[offsets, tile]`.
    pub(super) fn pack(&self, weights: &[f32], strides: Strides, packed: &mut Vec<f32>) {
        packed.clear();
        for phase in &self.phases {
            for (first, n) in self.tiles() {
                for input in 0..self.inputs {
                    for tap in &phase.weights {
                        for output in first..first + n {
                            let start = output * strides.output + input * strides.input;
                            packed.push(tap.iter().map(|k| weights[start + k]).sum());
                        }
                    }
                }
            }
        }
    }

    /// Number of values that [`Self::pack`] makes, and of the taps' gradients.
    pub(super) fn packed_len(&self) -> usize {
        self.phases.iter().map(|phase| phase.offsets.len() * self.outputs).sum()
    }

    /// Adds the gradients of the taps, in the order of [`Self::pack`], to those of the weights.
    pub(super) fn unpack(&self, gradients: &[f32], strides: Strides, weights: &mut [f32]) {
        let mut gradients = gradients.iter();
        for phase in &self.phases {
            for (first, n) in self.tiles() {
                for input in 0..self.inputs {
                    for tap in &phase.weights {
                        for output in first..first + n {
                            let start = output * strides.output + input * strides.input;
                            let gradient = gradients.next().expect("as many as were packed");
                            tap.iter().for_each(|k| weights[start + k] += gradient);
                        }
                    }
                }
            }
        }
    }
}
