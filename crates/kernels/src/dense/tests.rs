//! Dense layers against plain loops in 64 bits, and their gradients against differences of those loops.

use super::DenseLayers;
use super::narrow::Run;
use crate::testing::{Results, values};
use crate::{Alone, Operation, Processor, Rayon, Threads};
use ae_network::{Activation, LEAKY_SLOPE, Layer};

const ACTIVATIONS: [Activation; 5] =
    [Activation::Relu, Activation::Tanh, Activation::Identity, Activation::Sigmoid, Activation::LeakyRelu];

struct Case {
    layers: Vec<(usize, Activation)>,
    chain: DenseLayers,
    parameters: Vec<Vec<f32>>,
    rows: Vec<f32>,
    gradient: Vec<f32>,
}

impl Case {
    /// Layers that threads take together, the same layers one after another, and the first or the last on its own side.
    fn all(n: usize, widths: &[usize], processor: Processor) -> Vec<Self> {
        let count = widths.len() - 1;
        let runs = |cut: usize, is_narrow: bool| {
            let runs = [(0..cut, is_narrow), (cut..count, !is_narrow)]
                .map(|(layers, is_narrow)| Run { layers, is_narrow });
            runs.into_iter().filter(|run| !run.layers.is_empty()).collect::<Vec<Run>>()
        };
        let mut all = vec![runs(count, true), runs(count, false)];
        if count > 1 {
            all.extend([runs(1, true), runs(1, false), runs(count - 1, true), runs(count - 1, false)]);
        }
        let case = |runs: Vec<Run>| {
            let mut case = Case::new(n, widths, processor);
            case.chain.runs = runs;
            case
        };
        all.into_iter().map(case).collect()
    }

    /// `widths` of the rows and of each layer's results; each layer has the next activation.
    fn new(n: usize, widths: &[usize], processor: Processor) -> Self {
        let activation = |index: usize| ACTIVATIONS[(index + widths[0]) % ACTIVATIONS.len()];
        let layers: Vec<_> =
            widths[1..].iter().enumerate().map(|(i, &width)| (width, activation(i))).collect();
        let dense = |&(width, activation): &(usize, Activation)| {
            [Layer::Dense { units: width as i64 }, Layer::Activation(activation)]
        };
        let described: Vec<Layer> = layers.iter().flat_map(dense).collect();
        let (chain, taken) = DenseLayers::starting(&described, widths[0], processor).unwrap();
        assert_eq!(taken, described.len());
        let sizes = chain.parameters().iter().enumerate();
        let parameters = sizes.map(|(index, &len)| values(len, 7 + index as u32)).collect();
        let (rows, gradient) = (values(n * widths[0], 1), values(n * layers[layers.len() - 1].0, 2));
        Case { layers, chain, parameters, rows, gradient }
    }

    fn slices(&self) -> Vec<&[f32]> {
        self.parameters.iter().map(Vec::as_slice).collect()
    }

    fn run(&self, threads: &dyn Threads) -> Results {
        Results::of(&self.chain, &self.slices(), &self.rows, &self.gradient, threads)
    }

    /// The result in 64 bits, with other values in place of one array: the rows, then the parameters.
    fn reference(&self, changed: usize, to: &[f64]) -> Vec<f64> {
        let doubles = |values: &[f32]| values.iter().map(|&x| f64::from(x)).collect::<Vec<f64>>();
        let array =
            |index: usize, values: &[f32]| if index == changed { to.to_vec() } else { doubles(values) };
        let mut values = array(0, &self.rows);
        for (index, &(outputs, activation)) in self.layers.iter().enumerate() {
            let weight = array(1 + 2 * index, &self.parameters[2 * index]);
            let bias = array(2 + 2 * index, &self.parameters[2 * index + 1]);
            let inputs = weight.len() / outputs;
            let row = |row: &[f64]| -> Vec<f64> {
                let of = |output: usize| {
                    let weights = &weight[output * inputs..(output + 1) * inputs];
                    bias[output] + weights.iter().zip(row).map(|(w, x)| w * x).sum::<f64>()
                };
                (0..outputs).map(of).map(|x| activated(activation, x)).collect()
            };
            values = values.chunks_exact(inputs).flat_map(row).collect();
        }
        values
    }

    /// The results' products with the given gradient.
    fn weighted(&self, results: &[f64]) -> f64 {
        results.iter().zip(&self.gradient).map(|(y, g)| y * f64::from(*g)).sum()
    }
}

fn activated(activation: Activation, x: f64) -> f64 {
    match activation {
        Activation::Identity => x,
        Activation::Relu => x.max(0.0),
        Activation::LeakyRelu => {
            if x < 0.0 {
                LEAKY_SLOPE * x
            } else {
                x
            }
        }
        Activation::Sigmoid => 1.0 / (1.0 + (-x).exp()),
        Activation::Tanh => x.tanh(),
        Activation::Silu | Activation::Gelu => unreachable!("they end a chain"),
    }
}

/// Rows, columns and terms that are left over by tiles, panels and blocks.
const WIDTHS: [&[usize]; 7] =
    [&[1, 1], &[3, 17, 1, 5], &[5, 64, 33], &[40, 70, 8, 9], &[2, 130, 16], &[9, 31], &[8, 12, 12]];

#[test]
fn results_are_those_of_plain_loops() {
    for processor in Processor::available() {
        for widths in WIDTHS {
            for n in [1, 7, 2, 12, 61].into_iter().take(if cfg!(miri) { 2 } else { 5 }) {
                let cases = Case::all(n, widths, processor);
                let (ours, exact) = (cases[0].run(&Alone).to, cases[0].reference(usize::MAX, &[]));
                for case in &cases {
                    assert_eq!(ours, case.run(&Alone).to, "{processor} {:?} {n}", case.chain.runs);
                }
                for (index, (ours, exact)) in ours.iter().zip(&exact).enumerate() {
                    let error = (f64::from(*ours) - exact).abs();
                    assert!(
                        error <= 2e-5 * (1.0 + exact.abs()),
                        "{processor} {widths:?} {n} {index}: {error}"
                    );
                }
            }
        }
    }
}

#[test]
fn gradients_are_differences_of_plain_loops() {
    const STEP: f64 = 1e-5;
    for processor in Processor::available() {
        for widths in WIDTHS {
            for case in Case::all(if cfg!(miri) { 2 } else { 13 }, widths, processor) {
                let results = case.run(&Alone);
                let arrays = std::iter::once((&case.rows, &results.samples));
                for (index, (array, gradient)) in
                    arrays.chain(case.parameters.iter().zip(&results.parameters)).enumerate()
                {
                    // Every value of small arrays, some of large ones.
                    for place in
                        (0..array.len()).step_by(array.len().div_ceil(if cfg!(miri) { 2 } else { 40 }))
                    {
                        let at = |step: f64| {
                            let mut moved: Vec<f64> = array.iter().map(|&x| f64::from(x)).collect();
                            moved[place] += step;
                            case.weighted(&case.reference(index, &moved))
                        };
                        let exact = (at(STEP) - at(-STEP)) / (2.0 * STEP);
                        let error = (f64::from(gradient[place]) - exact).abs();
                        assert!(
                            error <= 1e-4 * (1.0 + exact.abs()),
                            "{processor} {widths:?} array {index}: {error}"
                        );
                    }
                }
            }
        }
    }
}

#[test]
fn threads_and_company_change_no_bit() {
    for processor in Processor::available() {
        let n = if cfg!(miri) { 5 } else { 150 };
        let cases = [&[90, 300, 40][..], &[300, 24, 16]].map(|widths| Case::all(n, widths, processor));
        for case in cases.into_iter().flatten() {
            let all = case.run(&Alone);
            assert_eq!(all, case.run(&Rayon), "{processor}");
            let [inputs, outputs] = case.chain.widths();
            for row in [0, 3] {
                let mut alone = vec![0.0; outputs];
                let from = &case.rows[row * inputs..(row + 1) * inputs];
                case.chain.forward(&case.slices(), from, &mut alone, &Alone);
                assert_eq!(alone, all.to[row * outputs..(row + 1) * outputs], "{processor} row {row}");
            }
        }
    }
}

#[test]
fn nan_is_noticed_and_denormals_are_kept() {
    for processor in Processor::available() {
        for activation in ACTIVATIONS {
            let layers = [Layer::Dense { units: 3 }, Layer::Activation(activation)];
            let (chain, _) = DenseLayers::starting(&layers, 2, processor).unwrap();
            let (weight, bias) = ([1.0, 0.0, 0.0, 1.0, 0.0, 0.0], [0.0; 3]);
            let mut to = [0.0; 6];
            let tiny = f32::MIN_POSITIVE / 4.0;
            chain.forward(&[&weight, &bias], &[f32::NAN, 1.0, tiny, 1.0], &mut to, &Alone);
            assert!(to[0].is_nan() && to[1].is_nan(), "{processor} {activation}: {to:?}");
            let expected = if activation == Activation::Sigmoid { 0.5 } else { tiny };
            assert_eq!(to[3], expected, "{processor} {activation}");
        }
    }
}

#[test]
fn a_chain_ends_where_a_slope_needs_more_than_the_result() {
    let dense = |units| Layer::Dense { units };
    let chain = |layers: &[Layer]| {
        DenseLayers::starting(layers, 4, Processor::of_this_machine())
            .map(|(chain, taken)| (chain.widths(), taken))
    };
    let gelu = Layer::Activation(Activation::Gelu);
    assert_eq!(chain(&[dense(3), dense(2), gelu.clone(), dense(1)]), Some(([4, 2], 2)));
    assert_eq!(chain(&[gelu, dense(2)]), None);
    assert_eq!(chain(&[]), None);
}

#[test]
fn narrow_layers_between_wide_ones_are_taken_together() {
    let runs = |widths: &[usize]| {
        let chain = Case::new(1, widths, Processor::available()[0]).chain;
        chain.runs.into_iter().map(|run| (run.layers, run.is_narrow)).collect::<Vec<_>>()
    };
    assert_eq!(runs(&[784, 128, 64, 32]), [(0..1, false), (1..3, true)]);
    assert_eq!(runs(&[32, 64, 128, 784]), [(0..2, true), (2..3, false)]);
    assert_eq!(runs(&[140, 32, 16, 8, 16, 32, 140]), [(0..6, true)]);
    // Together they are too wide.
    assert_eq!(runs(&[128, 128, 128, 128]), [(0..2, true), (2..3, true)]);
}
