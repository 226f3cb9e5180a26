//! The kernels against plain loops in 64 bits, in buffers without a value to spare: what reads or writes
//! beyond them is found by Miri.

use super::*;

/// The instruction sets that can be run here.
fn processors() -> Vec<Processor> {
    let mut found = vec![Processor::Any];
    #[cfg(target_arch = "x86_64")]
    {
        if is_x86_feature_detected!("avx2") && is_x86_feature_detected!("fma") {
            found.push(Processor::Avx2);
        }
        if is_x86_feature_detected!("avx512f") {
            found.push(Processor::Avx512);
        }
    }
    found
}

/// Values between -1 and 1 from a simple generator.
fn values(n: usize, seed: u32) -> Vec<f32> {
    let mut state = seed.wrapping_mul(2_654_435_761) | 1;
    let mut next = || {
        state = state.wrapping_mul(1_664_525).wrapping_add(1_013_904_223);
        (state >> 8) as f32 / (1u32 << 23) as f32 - 1.0
    };
    (0..n).map(|_| next()).collect()
}

/// Rows that are left over by each kernel's groups, panels likewise, with and without room between rows.
#[test]
fn layers_are_those_of_a_plain_loop() {
    for processor in processors() {
        for n_rows in [1, 3, 4, 9] {
            for panels in [1, 3, 5] {
                for (inputs, room) in [(1, 0), (5, 3)] {
                    check_layer(processor, n_rows, panels, inputs, room);
                }
            }
        }
    }
}

fn check_layer(processor: Processor, n_rows: usize, panels: usize, inputs: usize, room: usize) {
    let outputs = panels * LANES;
    let (from_stride, to_stride) = (inputs + room, outputs + room);
    // The last row ends with its last value.
    let from = values((n_rows - 1) * from_stride + inputs, 1);
    let (weights, bias) = (values(outputs * inputs, 2), values(outputs, 3));
    let mut to = vec![7.0; n_rows * to_stride];
    let block = Block { values: &from, stride: from_stride, rows: n_rows };
    processor.layer(block, &weights, &bias, inputs, &mut to, to_stride);
    for row in 0..n_rows {
        let x = &from[row * from_stride..row * from_stride + inputs];
        let y = &to[row * to_stride..(row + 1) * to_stride];
        for output in 0..outputs {
            let weight = |input: usize| weights[(output / LANES * inputs + input) * LANES + output % LANES];
            let terms = x.iter().enumerate().map(|(input, x)| f64::from(*x) * f64::from(weight(input)));
            let expected = f64::from(bias[output]) + terms.sum::<f64>();
            let off = (f64::from(y[output]) - expected).abs();
            assert!(off < 1e-6, "{processor:?}, row {row} of {n_rows}, output {output}: off by {off}");
        }
        assert!(y[outputs..].iter().all(|value| *value == 7.0), "{processor:?} writes between rows");
    }
    // Alone, the last row has the same bits.
    let mut alone = vec![0.0; outputs];
    let last = Block { values: &from[(n_rows - 1) * from_stride..], stride: inputs, rows: 1 };
    processor.layer(last, &weights, &bias, inputs, &mut alone, outputs);
    assert_eq!(alone, to[(n_rows - 1) * to_stride..][..outputs], "{processor:?}, {n_rows} rows");
}

#[test]
fn activations_are_their_formulas_and_keep_nan() {
    let sigmoid = |x: f64| 1.0 / (1.0 + (-x).exp());
    let formula = |activation: Activation, x: f64| match activation {
        Activation::Relu => x.max(0.0),
        Activation::LeakyRelu => x.max(LEAKY_SLOPE * x),
        Activation::Sigmoid => sigmoid(x),
        Activation::Silu => x * sigmoid(x),
        Activation::Tanh => x.tanh(),
        _ => x,
    };
    let inputs: Vec<f32> =
        values(2 * LANES - 5, 4).iter().map(|x| x * 9.0).chain([0.0, 90.0, -90.0, -0.0]).collect();
    for processor in processors() {
        for activation in [
            Activation::Identity,
            Activation::Relu,
            Activation::LeakyRelu,
            Activation::Sigmoid,
            Activation::Silu,
            Activation::Tanh,
        ] {
            let mut outputs: Vec<f32> = inputs.iter().copied().chain([f32::NAN]).collect();
            processor.activate(activation, &mut outputs);
            for (x, y) in inputs.iter().zip(&outputs) {
                let expected = formula(activation, f64::from(*x));
                let off = (f64::from(*y) - expected).abs() / expected.abs().max(1.0);
                assert!(off < 1e-6, "{processor:?} {activation:?} of {x} is {y}, not {expected}");
            }
            assert!(outputs[inputs.len()].is_nan(), "{processor:?} {activation:?}");
        }
    }
}

#[test]
fn parts_that_do_not_fit_are_refused_before_anything_is_read() {
    let (good, bias) = (vec![0.0; 2 * LANES], vec![0.0; LANES]);
    let fits = |n_values: usize, stride: usize, n_weights: usize, n_outputs: usize, n_to: usize| {
        let from = vec![0.0; n_values];
        let mut to = vec![0.0; n_to];
        let block = Block { values: &from, stride, rows: 2 };
        let call = || {
            Processor::Any.layer(block, &good[..n_weights], &bias[..n_outputs], 2, &mut to, LANES);
        };
        std::panic::catch_unwind(std::panic::AssertUnwindSafe(call)).is_ok()
    };
    let (weights, outputs) = (2 * LANES, LANES);
    assert!(fits(4, 2, weights, outputs, 2 * LANES));
    assert!(!fits(3, 2, weights, outputs, 2 * LANES), "half of the last row");
    assert!(!fits(4, 1, weights, outputs, 2 * LANES), "rows that overlap");
    assert!(!fits(4, 2, weights - 1, outputs, 2 * LANES), "a weight too few");
    assert!(!fits(4, 2, 2 * (LANES - 1), outputs - 1, 2 * LANES), "half a panel");
    assert!(!fits(4, 2, weights, outputs, 2 * LANES - 1), "no room for the last output");
}
