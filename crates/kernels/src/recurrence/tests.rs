//! The layer against a plain loop in 64 bits that follows its equations, and its gradients against differences of that loop.

use super::Recurrence;
use crate::testing::{Results, values};
use crate::{Alone, Operation, Processor, Rayon, Threads};
use ae_network::{Cell, Layer, Recurrent};

/// Steps, features, units; whether the input repeats, and whether all states are the result.
const CASES: [(usize, usize, usize, bool, bool); 6] = [
    (1, 1, 1, false, true),
    (3, 2, 5, false, false),
    (11, 1, 9, false, true),
    (9, 3, 8, true, true),
    (4, 17, 20, false, true),
    (18, 5, 2, true, false),
];

struct Case {
    layer: Recurrence,
    parameters: Vec<Vec<f32>>,
    samples: Vec<f32>,
    gradient: Vec<f32>,
}

fn recurrent(units: usize, whole: bool) -> Layer {
    Layer::Recurrent(Recurrent { cell: Cell::Lstm, units: units as i64, whole, both_ways: false })
}

impl Case {
    fn new(
        n: usize,
        (steps, features, units, repeats, whole): (usize, usize, usize, bool, bool),
        processor: Processor,
    ) -> Self {
        let lstm = recurrent(units, whole);
        let (layers, sample) = match repeats {
            true => (vec![Layer::Repeat { times: steps as i64 }, lstm], vec![features as i64]),
            false => (vec![lstm], vec![steps as i64, features as i64]),
        };
        let (layer, taken) = Recurrence::starting(&layers, &sample, processor).unwrap();
        assert_eq!(taken, layers.len());
        let parameters = layer
            .parameters()
            .iter()
            .enumerate()
            .map(|(index, &len)| values(len, 5 + index as u32))
            .collect();
        let [input, output] =
            [layer.input_shape(), layer.output_shape()].map(|s| s.iter().product::<usize>());
        Case { layer, parameters, samples: values(n * input, 1), gradient: values(n * output, 2) }
    }

    fn slices(&self) -> Vec<&[f32]> {
        self.parameters.iter().map(Vec::as_slice).collect()
    }

    fn run(&self, threads: &dyn Threads) -> Results {
        Results::of(&self.layer, &self.slices(), &self.samples, &self.gradient, threads)
    }

    /// The result in 64 bits, with other values in place of one array: the samples, then the parameters.
    fn reference(&self, changed: usize, to: &[f64]) -> Vec<f64> {
        let array = |index: usize, values: &[f32]| match index == changed {
            true => to.to_vec(),
            false => values.iter().map(|&x| f64::from(x)).collect(),
        };
        let samples = array(0, &self.samples);
        let [w, u, b, d] = std::array::from_fn(|index| array(1 + index, &self.parameters[index]));
        let (units, features) = (b.len() / 4, w.len() / b.len());
        let sigmoid = |x: f64| 1.0 / (1.0 + (-x).exp());
        let shape = &self.layer.shape;
        let mut results = Vec::new();
        for sample in samples.chunks_exact(shape.sample()) {
            let (mut state, mut memory) = (vec![0.0; units], vec![0.0; units]);
            for step in 0..shape.steps {
                let x = &sample[if shape.repeats { 0 } else { step * features }..][..features];
                let dot = |weights: &[f64], x: &[f64]| weights.iter().zip(x).map(|(w, x)| w * x).sum::<f64>();
                let gate = |gate: usize, unit: usize| {
                    let row = gate * units + unit;
                    let from = |weights: &[f64], x: &[f64]| dot(&weights[row * x.len()..], x);
                    from(&w, x) + from(&u, &state) + b[row] + d[row]
                };
                memory = (0..units)
                    .map(|i| sigmoid(gate(1, i)) * memory[i] + sigmoid(gate(0, i)) * gate(2, i).tanh())
                    .collect();
                state = (0..units).map(|i| sigmoid(gate(3, i)) * memory[i].tanh()).collect();
                if shape.whole || step + 1 == shape.steps {
                    results.extend_from_slice(&state);
                }
            }
        }
        results
    }
}

#[test]
fn results_are_those_of_a_plain_loop() {
    for processor in Processor::available() {
        for shape in CASES {
            for n in [1, 16, 21].into_iter().take(if cfg!(miri) { 1 } else { 3 }) {
                let case = Case::new(n, shape, processor);
                let (ours, exact) = (case.run(&Alone).to, case.reference(usize::MAX, &[]));
                assert_eq!(ours.len(), exact.len());
                for (ours, exact) in ours.iter().zip(&exact) {
                    let error = (f64::from(*ours) - exact).abs();
                    assert!(error <= 1e-5, "{processor} {shape:?} {n}: {error}");
                }
            }
        }
    }
}

#[test]
fn gradients_are_differences_of_a_plain_loop() {
    const STEP: f64 = 1e-5;
    for processor in Processor::available() {
        for shape in CASES {
            let case = Case::new(if cfg!(miri) { 2 } else { 19 }, shape, processor);
            let results = case.run(&Alone);
            let arrays = std::iter::once((&case.samples, &results.samples));
            for (index, (array, gradient)) in
                arrays.chain(case.parameters.iter().zip(&results.parameters)).enumerate()
            {
                for place in (0..array.len()).step_by(array.len().div_ceil(if cfg!(miri) { 2 } else { 30 })) {
                    let at = |step: f64| {
                        let mut moved: Vec<f64> = array.iter().map(|&x| f64::from(x)).collect();
                        moved[place] += step;
                        let results = case.reference(index, &moved);
                        results.iter().zip(&case.gradient).map(|(y, g)| y * f64::from(*g)).sum::<f64>()
                    };
                    let exact = (at(STEP) - at(-STEP)) / (2.0 * STEP);
                    let error = (f64::from(gradient[place]) - exact).abs();
                    assert!(
                        error <= 1e-4 * (1.0 + exact.abs()),
                        "{processor} {shape:?} array {index}: {error}"
                    );
                }
            }
        }
    }
}

#[test]
fn threads_company_and_memory_that_was_used_change_no_bit() {
    for processor in Processor::available() {
        for shape in [(7, 2, 12, false, true), (5, 9, 12, true, false)] {
            let case = Case::new(if cfg!(miri) { 5 } else { 40 }, shape, processor);
            let all = case.run(&Alone);
            assert_eq!(all, case.run(&Rayon), "{processor}");
            let [input, output] =
                [case.layer.input_shape(), case.layer.output_shape()].map(|s| s.iter().product::<usize>());
            let mut alone = vec![0.0; output];
            case.layer.forward(&case.slices(), &case.samples[3 * input..4 * input], &mut alone, &Alone);
            assert_eq!(alone, all.to[3 * output..4 * output], "{processor}");
        }
    }
}

#[test]
fn other_layers_are_left_alone() {
    let starting = |layers: &[Layer], sample: &[i64]| {
        Recurrence::starting(layers, sample, Processor::of_this_machine()).is_some()
    };
    let gru = Layer::Recurrent(Recurrent { cell: Cell::Gru, units: 3, whole: true, both_ways: false });
    let both = Layer::Recurrent(Recurrent { cell: Cell::Lstm, units: 3, whole: true, both_ways: true });
    assert!(starting(&[recurrent(3, true)], &[4, 2]));
    assert!(!starting(&[gru], &[4, 2]) && !starting(&[both], &[4, 2]));
    assert!(!starting(&[Layer::Repeat { times: 4 }], &[2]));
}
