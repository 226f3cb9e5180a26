//! Tests of shape rules, counts and files of networks. `ae-models` tests that libtorch's shapes agree.

use ae_network::{
    Activation, Architecture, CausalConv1d, Cell, Init, Layer, LayerRule, MAX_SIZE, MaxUnpool2d, Recurrent,
    ResidualBlock, ShapeError, TemporalBlock, TensorSpec, TransformerBlock,
};

fn network(layers: Vec<Layer>, input: &[i64]) -> Result<Architecture, ShapeError> {
    Architecture::new("encoder", layers, input)
}

fn conv(kernel: i64, stride: i64, padding: i64) -> Layer {
    Layer::Conv2d { channels: 4, kernel, stride, padding }
}

fn transposed(padding: i64, output_padding: [i64; 2]) -> Layer {
    Layer::ConvTranspose2d { channels: 8, kernel: 3, stride: 2, padding, output_padding }
}

fn unpool(kernel: i64, size: [i64; 2]) -> Layer {
    Layer::MaxUnpool2d(MaxUnpool2d { kernel, size })
}

fn recurrent(cell: Cell, units: i64, whole: bool) -> Layer {
    Layer::Recurrent(Recurrent { cell, units, whole, both_ways: false })
}

fn causal(channels: i64, kernel: i64, dilation: i64) -> Layer {
    Layer::CausalConv1d(CausalConv1d { channels, kernel, dilation })
}

fn temporal(channels: i64, kernel: i64, dilation: i64) -> Layer {
    Layer::TemporalBlock(TemporalBlock { channels, kernel, dilation })
}

fn transformer(heads: i64) -> Layer {
    Layer::TransformerBlock(TransformerBlock { heads })
}

/// A layer of one's own.
#[derive(Debug)]
struct Halved;

impl LayerRule for Halved {
    fn name(&self) -> String {
        "halved".into()
    }

    fn output_shape(&self, input: &[i64]) -> Result<Vec<i64>, String> {
        match input {
            [width] if width % 2 == 0 => Ok(vec![width / 2]),
            _ => Err("it halves even widths".into()),
        }
    }

    fn tensors(&self, input: &[i64]) -> Vec<TensorSpec> {
        vec![TensorSpec::trained("gain", input, Init::Ones)]
    }
}

#[test]
fn a_layer_of_ones_own_is_described_and_never_written() {
    let network = network(vec![Layer::custom(Halved), Layer::Dropout { rate: 0.5 }], &[6]).unwrap();
    assert_eq!(network.to_string(), "encoder: [6] → halved → dropout 0.5 → [3]");
    assert_eq!((network.parameters(), network.flops(), network.activations()), (6, 0, 3 + 2 * 3));
    assert_eq!(network.tensors()[0].0, "0.gain");
    let error = serde_json::to_string(&network).unwrap_err().to_string();
    assert!(
        error.contains("the layer `halved` is a program's own") && error.contains("neither exported"),
        "{error}"
    );
    let text = r#"{"name":"encoder","input":[6],"layers":[{"custom":"halved"}]}"#;
    let error = serde_json::from_str::<Architecture>(text).unwrap_err().to_string();
    assert!(error.contains("unknown variant `custom`"), "{error}");
}

#[test]
fn misfits_say_which_layer_and_what_would_be_right() {
    let check = |layers: &[Layer], input: &[i64], expected: &str| {
        let error = network(layers.to_vec(), input).unwrap_err();
        assert_eq!(error.position, layers.len().max(1), "{error}");
        assert!(error.to_string().contains(expected), "{error}");
    };
    check(&[Layer::Dense { units: 7 }], &[1, 28, 28], "put a flatten before it");
    check(&[conv(3, 1, 1)], &[784], "an image [C, H, W]");
    check(&[conv(9, 1, 0)], &[1, 5, 5], "larger than");
    check(&[conv(3, 0, 0)], &[1, 5, 5], "stride must be at least 1, got 0");
    check(&[conv(3, 1, -1)], &[1, 5, 5], "padding must be at least 0, got -1");
    check(&[transposed(1, [2, 0])], &[1, 5, 5], "not below the stride");
    check(&[transposed(1, [0, -1])], &[1, 5, 5], "output_padding must be at least 0, got -1");
    check(&[transposed(9, [0, 0])], &[1, 5, 5], "would have no rows");
    check(&[Layer::Flatten, Layer::Reshape(vec![3, 5])], &[16], "15 values");
    check(&[Layer::Flatten, Layer::Reshape(vec![-4, -4])], &[16], "a size must be at least 1, got -4");
    check(&[Layer::Flatten, Layer::Dense { units: 0 }], &[16], "units must be at least 1");
    check(
        &[Layer::Flatten, Layer::Dropout { rate: 1.0 }],
        &[16],
        "its rate is 1, which is not at least 0 and below 1",
    );
    check(&[Layer::Dropout { rate: f64::NAN }], &[16], "its rate is NaN");
    check(
        &[Layer::custom(Halved)],
        &[5],
        "layer 1 of the encoder (halved) cannot take [5]: it halves even widths",
    );
    check(&[Layer::Crop2d { size: [5, 7] }], &[3, 7, 6], "5×7 cannot be cut out of 7×6");
    check(&[unpool(2, [7, 6])], &[3, 3, 3], "takes 7×6 to 4×3");
    check(&[unpool(0, [7, 6])], &[3, 3, 3], "kernel must be at least 1");
    check(&[Layer::MaxPool2d { kernel: 0, ceil: true }], &[1, 4, 4], "at least 1");
    check(&[Layer::MaxPool2d { kernel: 5, ceil: false }], &[1, 4, 4], "smaller than one 5×5 square");
    check(&[Layer::ResidualBlock(ResidualBlock { hidden: 1 })], &[40], "it takes an image");
    check(&[Layer::BatchNorm], &[4, 4], "a vector [D] or an image");
    check(&[recurrent(Cell::Lstm, 4, true)], &[140], "a reshape to [D, 1]");
    check(&[recurrent(Cell::Gru, 0, true)], &[6, 2], "units must be at least 1");
    check(&[Layer::Repeat { times: 3 }], &[6, 2], "put a flatten before it");
    check(&[Layer::DensePerStep { units: 3 }], &[6], "use a dense layer for a vector");
    check(&[causal(3, 0, 1)], &[6, 2], "kernel must be at least 1");
    check(&[temporal(3, 3, 0)], &[6, 2], "dilation must be at least 1");
    check(&[transformer(3)], &[6, 8], "a divisor");
    check(&[transformer(0)], &[6, 8], "heads must be at least 1");
    check(&[Layer::Upsample1d { factor: 2, steps: 9 }], &[3, 2], "fewer than 9");
    check(&[Layer::AppendTokens { times: 0 }], &[3, 2], "times must be at least 1");
    check(&[Layer::AveragePool1d { kernel: 2 }], &[1, 4, 4], "a sequence [T, F]");
    check(&[], &[3, 0], "a size of [3, 0] is not between 1 and");
}

fn tied(units: i64) -> Layer {
    Layer::TiedDense { units, network: "encoder".into(), layer: 1 }
}

#[test]
fn parameters_and_operations_are_counted() {
    let check = |layer: Layer, input: &[i64], parameters: i64, flops: i64| {
        let network = network(vec![layer], input).unwrap();
        assert_eq!((network.parameters(), network.flops()), (parameters, flops), "{network}");
        let line = &network.summary()[0];
        assert_eq!((line.parameters, line.flops), (parameters, flops), "{network}");
    };
    check(Layer::Dense { units: 10 }, &[6272], 6272 * 10 + 10, 2 * 6272 * 10);
    check(tied(10), &[64], 10, 2 * 64 * 10); // the weight is counted where it lies
    check(conv(3, 2, 1), &[1, 28, 28], 4 * 9 + 4, 2 * 9 * 4 * 14 * 14);
    check(transposed(1, [1, 1]), &[16, 14, 14], 16 * 8 * 9 + 8, 2 * 9 * 16 * 8 * 14 * 14);
    check(Layer::Flatten, &[8, 28, 28], 0, 0);
    check(Layer::BatchNorm, &[5, 8, 8], 10, 0);
    check(Layer::LayerNorm, &[5, 8], 16, 0);
    check(recurrent(Cell::Lstm, 64, true), &[140, 1], 4 * 64 * (1 + 64 + 2), 2 * 140 * 4 * 64 * 65);
    check(recurrent(Cell::Gru, 64, false), &[140, 1], 3 * 64 * (1 + 64 + 2), 2 * 140 * 3 * 64 * 65);
    check(Layer::DensePerStep { units: 5 }, &[7, 3], 20, 2 * 7 * 3 * 5);
    check(causal(5, 4, 2), &[7, 3], 5 * 3 * 4 + 5, 2 * 7 * 3 * 4 * 5);
    check(temporal(3, 2, 2), &[7, 3], 2 * (3 * 3 * 2 + 3), 2 * 2 * 7 * 3 * 2 * 3);
    let skip = (3 * 2 + 3, 2 * 7 * 3 * 2); // a 1-wide convolution from 2 to 3 features
    check(
        temporal(3, 2, 2),
        &[7, 2],
        (3 * 2 * 2 + 3) + (3 * 3 * 2 + 3) + skip.0,
        2 * 7 * 3 * 2 * (2 + 3) + skip.1,
    );
    check(Layer::ResidualBlock(ResidualBlock { hidden: 1 }), &[2, 4, 5], 23, 2 * 20 * (18 + 2));
    check(Layer::ChannelDensity, &[5, 4, 3], 5 * (9 + 15 + 15 + 4), 2 * 60 * (3 + 9 + 9 + 3));
    // Kaplan et al. (2020), table 1: 24 D² for each token's dense layers, 4 T D for attention.
    check(transformer(4), &[49, 128], 12 * 128 * 128 + 13 * 128, 49 * (24 * 128 * 128 + 4 * 49 * 128));
    check(Layer::AppendTokens { times: 3 }, &[6, 8], 8, 0);
}

/// What a forward pass makes, by hand: what each layer keeps, and what it holds while it computes.
#[test]
fn activations_are_counted() {
    let check = |layer: Layer, input: &[i64], kept: i64, held: i64| {
        let network = network(vec![layer], input).unwrap();
        assert_eq!((network.activations(), network.workspace()), (kept, held), "{network}");
    };
    check(Layer::Dense { units: 10 }, &[6272], 10, 0);
    check(Layer::Flatten, &[8, 28, 28], 0, 0);
    check(conv(3, 2, 1), &[1, 28, 28], 4 * 14 * 14, 9 * 14 * 14 + 30 * 30);
    check(transposed(1, [1, 1]), &[16, 14, 14], 8 * 28 * 28, 9 * 8 * 14 * 14);
    check(Layer::MaxPool2d { kernel: 2, ceil: true }, &[3, 5, 5], 2 * 27, 0);
    check(unpool(2, [5, 5]), &[3, 3, 3], 75 + 27, 0);
    // The gates and the state of 140 steps, even if the output is the last state.
    check(recurrent(Cell::Lstm, 64, true), &[140, 1], 140 * 5 * 64, 0);
    check(recurrent(Cell::Gru, 64, false), &[140, 1], 140 * 4 * 64, 0);
    // Six steps of zeros before seven of data.
    check(causal(5, 4, 2), &[7, 3], 7 * 5 + 13 * 3, 4 * 7 * 3);
    check(causal(5, 1, 9), &[7, 3], 7 * 5, 7 * 3);
    check(temporal(3, 2, 2), &[7, 3], 6 * 7 * 3 + 2 * 9 * 3, 2 * 7 * 3);
    check(temporal(3, 2, 2), &[7, 2], 7 * 7 * 3 + 9 * 2 + 9 * 3, 2 * 7 * 3);
    check(
        Layer::ResidualBlock(ResidualBlock { hidden: 1 }),
        &[2, 4, 5],
        3 * 40 + 2 * 20,
        18 * 20, // the columns of a 3×3 kernel over two channels
    );
    check(transformer(4), &[49, 128], 18 * 49 * 128, 4 * 49 * 49);
    check(Layer::Upsample1d { factor: 9, steps: 10 }, &[2, 3], 30, 54);
    let hostile = network(vec![temporal(2, 3, 5_000_000)], &[8, 2]).unwrap();
    assert!(hostile.parameters() < 100 && hostile.activations() > 40_000_000, "{hostile}");
}

#[test]
fn running_moments_are_stored_and_not_trained() {
    let network = network(vec![Layer::Flatten, Layer::BatchNorm], &[2, 3]).unwrap();
    let tensors = network.tensors();
    let of = |trained: bool| -> Vec<&str> {
        tensors.iter().filter(|tensor| tensor.1.trained == trained).map(|tensor| tensor.0.as_str()).collect()
    };
    assert_eq!(of(true), ["1.weight", "1.bias"]);
    assert_eq!(of(false), ["1.running_mean", "1.running_variance"]);
    assert_eq!((network.parameters(), network.numel()), (12, 24));
}

#[test]
fn names_are_unique_in_a_layer_and_every_output_bias_is_called_bias() {
    let layers: [(Layer, &[i64]); 9] = [
        (Layer::Dense { units: 3 }, &[5]),
        (tied(3), &[5]),
        (conv(3, 1, 1), &[2, 5, 5]),
        (transposed(1, [0, 0]), &[2, 5, 5]),
        (Layer::DensePerStep { units: 3 }, &[5, 2]),
        (causal(3, 2, 1), &[5, 2]),
        (temporal(3, 2, 1), &[5, 2]),
        (transformer(2), &[5, 4]),
        (recurrent(Cell::Gru, 3, true), &[5, 2]),
    ];
    for (at, (layer, input)) in layers.into_iter().enumerate() {
        let network = network(vec![layer], input).unwrap();
        let names: Vec<String> = network.tensors().into_iter().map(|(name, _)| name).collect();
        let unique: std::collections::BTreeSet<&String> = names.iter().collect();
        assert_eq!(unique.len(), names.len(), "{network}");
        assert_eq!(names.contains(&"0.bias".to_string()), at < 6, "{network}");
    }
}

/// Every layer with each of its settings at the extremes that a file can hold.
fn extreme_layers() -> Vec<Layer> {
    let mut layers = Vec::new();
    let values = [i64::MIN, -1, 0, 1, 3, MAX_SIZE - 1, MAX_SIZE, MAX_SIZE + 1, i64::MAX];
    for a in values {
        layers.push(Layer::Dense { units: a });
        layers.push(tied(a));
        layers.push(Layer::DensePerStep { units: a });
        layers.push(Layer::Upsample2d { factor: a });
        layers.push(Layer::Repeat { times: a });
        layers.push(Layer::AveragePool1d { kernel: a });
        layers.push(Layer::AppendTokens { times: a });
        layers.push(Layer::ResidualBlock(ResidualBlock { hidden: a }));
        layers.push(transformer(a));
        layers.push(recurrent(Cell::Lstm, a, true));
        layers.push(Layer::MaxPool2d { kernel: a, ceil: true });
        for b in values {
            layers.push(Layer::Reshape(vec![a, b, a]));
            layers.push(Layer::Crop2d { size: [a, b] });
            layers.push(Layer::Upsample1d { factor: a, steps: b });
            layers.push(unpool(a, [b, b]));
            for c in values {
                layers.push(causal(a, b, c));
                layers.push(temporal(a, b, c));
                for (channels, padding) in [(1, 0), (MAX_SIZE, 1), (3, a)] {
                    layers.push(Layer::Conv2d { channels, kernel: b, stride: c, padding });
                    layers.push(Layer::ConvTranspose2d {
                        channels,
                        kernel: b,
                        stride: c,
                        padding,
                        output_padding: [a, 0],
                    });
                }
            }
        }
    }
    layers
}

#[test]
fn no_size_makes_a_rule_or_a_count_overflow() {
    let inputs: [&[i64]; 9] = [
        &[],
        &[-1],
        &[1],
        &[MAX_SIZE],
        &[MAX_SIZE, MAX_SIZE],
        &[3, MAX_SIZE],
        &[1, 3, 3],
        &[1, MAX_SIZE, MAX_SIZE],
        &[i64::MAX, i64::MAX, 2],
    ];
    let mut built = 0;
    for layer in extreme_layers() {
        for input in inputs {
            let Ok(network) = network(vec![layer.clone()], input) else { continue };
            built += 1;
            assert!(network.output_shape().iter().all(|size| (1..=MAX_SIZE).contains(size)), "{network}");
            assert!(network.parameters() >= 0 && network.flops() >= 0, "{network}");
            assert!(network.numel() >= network.parameters(), "{network}");
            assert!(network.activations() >= 0 && network.workspace() >= 0, "{network}");
        }
    }
    assert!(built > 500, "{built} networks are large and legal");
    let large = network(vec![Layer::Dense { units: MAX_SIZE }; 3], &[MAX_SIZE]).unwrap();
    assert_eq!(large.parameters(), i64::MAX, "more than can be counted");
}

#[test]
fn a_network_comes_back_from_json_and_a_wrong_one_does_not() {
    let layers = vec![
        Layer::Reshape(vec![6, 2]),
        recurrent(Cell::Gru, 5, true),
        temporal(4, 3, 2),
        Layer::DensePerStep { units: 3 },
        Layer::Flatten,
        Layer::Dense { units: 2 },
        Layer::Activation(Activation::LeakyRelu),
    ];
    let network = network(layers, &[12]).unwrap();
    let text = serde_json::to_string(&network).unwrap();
    assert_eq!(serde_json::from_str::<Architecture>(&text).unwrap(), network);
    // This is a file format and must not change.
    assert_eq!(
        text,
        "{\"name\":\"encoder\",\"input\":[12],\"layers\":[{\"reshape\":[6,2]},\
         {\"recurrent\":{\"cell\":\"gru\",\"units\":5,\"whole\":true}},\
         {\"temporal_block\":{\"channels\":4,\"kernel\":3,\"dilation\":2}},{\"dense_per_step\":{\"units\":3}},\
         \"flatten\",{\"dense\":{\"units\":2}},{\"activation\":\"leaky_relu\"}]}"
    );
    let refused = |text: &str, expected: &str| {
        let error = serde_json::from_str::<Architecture>(text).unwrap_err().to_string();
        assert!(error.contains(expected), "{error}");
    };
    refused(&text.replace("\"units\":2", "\"units\":0"), "units must be at least 1, got 0");
    refused(&text.replace("\"units\":2", "\"units\":2,\"width\":3"), "unknown field `width`");
    refused(&text.replace("[12]", "[13]"), "layer 1 of the encoder (reshape [6, 2]) cannot take [13]");
}

#[test]
fn a_network_is_written_as_one_line() {
    let layers = vec![Layer::Dense { units: 4 }, Layer::Activation(Activation::Relu)];
    assert_eq!(network(layers, &[9]).unwrap().to_string(), "encoder: [9] → dense 4 → relu → [4]");
}

#[test]
fn layers_that_take_any_number_of_steps_are_told_apart() {
    let check = |layers: Vec<Layer>, expected: bool| {
        assert_eq!(network(layers, &[6, 8]).unwrap().takes_any_number_of_steps(), expected);
    };
    check(vec![transformer(2), Layer::LayerNorm, Layer::DensePerStep { units: 3 }], true);
    check(vec![transformer(2), Layer::AveragePool1d { kernel: 2 }], false);
    check(vec![Layer::Flatten], false);
}

#[test]
fn layers_that_take_any_size_of_image_are_told_apart() {
    let check = |layers: Vec<Layer>, expected: bool| {
        assert_eq!(network(layers, &[3, 6, 8]).unwrap().takes_any_size_of_image(), expected);
    };
    let conv = Layer::Conv2d { channels: 4, kernel: 3, stride: 2, padding: 1 };
    check(vec![conv.clone(), Layer::BatchNorm, Layer::Activation(Activation::Relu)], true);
    check(vec![conv.clone(), Layer::Upsample2d { factor: 2 }, Layer::Crop2d { size: [5, 5] }], false);
    check(vec![conv, Layer::Flatten, Layer::Dense { units: 3 }], false);
}
