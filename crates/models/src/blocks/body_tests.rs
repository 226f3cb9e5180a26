//! Tests of encoders and decoders from their configuration: shapes, refusals and serialised form.

use super::recurrent::Cell;
use super::*;
use crate::network::Network;
use ae_tensor::{Device, Kind, Noise, Tensor};

const RELU: Activation = Activation::Relu;

fn read(text: &str) -> Result<Body, String> {
    serde_json::from_str(text).map_err(|e: serde_json::Error| e.to_string())
}

/// From a sample to a vector and back, as libtorch computes it.
fn check(encoder: &Body, decoder: &Body, shape: &[i64]) {
    let noise = Noise::new(0, 0, Device::Cpu);
    let down = Network::new("encoder", encoder.encoder(shape, 6, RELU).unwrap(), shape, &noise).unwrap();
    assert_eq!(down.output_shape(), [6]);
    let up = Network::new("decoder", decoder.decoder(shape, RELU).unwrap(), &[6], &noise).unwrap();
    assert_eq!(up.output_shape(), shape, "{decoder:?}");
    let x = Tensor::ones([&[2], shape].concat(), (Kind::Float, Device::Cpu));
    assert_eq!(up.forward(&down.forward(&x)).size(), x.size());
}

#[test]
fn every_encoder_meets_every_decoder_on_every_shape() {
    let dense = [Body::default(), Body::dense([]), Body::dense([7, 5])];
    let conv = [
        Body::conv([4]),
        Body::conv([3, 4, 5]),
        Body::Conv(Conv { channels: vec![4, 3], hidden: vec![9, 8], start: Some(2), ..Conv::default() }),
    ];
    for shape in [&[1, 28, 28][..], &[3, 64, 64], &[2, 9, 6], &[1, 1, 1], &[1, 17, 30]] {
        for encoder in dense.iter().chain(&conv) {
            for decoder in dense.iter().chain(&conv) {
                check(encoder, decoder, shape);
            }
        }
    }
    let recurrent = [Cell::Lstm, Cell::Gru].map(|cell| {
        let both_ways = cell == Cell::Gru;
        Body::Recurrent(recurrent::Settings { cell, units: 5, both_ways, dropout: 0.0 })
    });
    for shape in [&[140][..], &[41], &[12, 3], &[1]] {
        for encoder in dense.iter().chain(&recurrent) {
            check(encoder, &encoder.mirror(), shape);
            check(encoder, &recurrent[0], shape);
        }
    }
}

#[test]
fn the_mirror_reverses_what_is_in_the_order_of_the_pass() {
    assert_eq!(Body::dense([9, 5]).mirror(), Body::dense([5, 9]));
    let conv =
        |hidden: &[i64]| Body::Conv(Conv { channels: vec![16, 8], hidden: hidden.into(), ..Conv::default() });
    assert_eq!(conv(&[7, 3]).mirror(), conv(&[3, 7]));
    let layers: Vec<String> =
        conv(&[]).decoder(&[1, 7, 8], RELU).unwrap().iter().map(Layer::to_string).collect();
    assert_eq!(
        layers,
        [
            "dense 32",
            "relu",
            "reshape [8, 2, 2]",
            "transposed conv 8, 3×3, stride 2",
            "relu",
            "transposed conv 16, 3×3, stride 2",
            "relu",
            "conv 1, 3×3",
        ]
    );
}

#[test]
fn a_name_is_a_kind_with_its_defaults_and_a_table_says_more() {
    for (text, expected) in [
        (r#""dense""#, Body::default()),
        (r#""conv""#, Body::Conv(Conv::default())),
        (r#""recurrent""#, Body::Recurrent(recurrent::Settings::default())),
        (
            r#"{"recurrent":{"cell":"gru"}}"#,
            Body::Recurrent(recurrent::Settings { cell: Cell::Gru, ..Default::default() }),
        ),
        (r#"{"conv":{}}"#, Body::conv([32, 64])),
        (r#"{"dense":{"hidden":[3]}}"#, Body::dense([3])),
    ] {
        let body = read(text).unwrap();
        assert_eq!(body, expected);
        assert_eq!(read(&serde_json::to_string(&body).unwrap()).unwrap(), body);
    }
    for (text, expected) in [
        (
            r#""convolutional""#,
            "unknown variant `convolutional`, expected one of `dense`, `conv`, `recurrent`",
        ),
        (r#"{"conv":{"chanels":[1]}}"#, "unknown field `chanels`"),
        (r#"{"conv":{},"dense":{}}"#, "must hold exactly one choice"),
        ("{}", "must hold exactly one choice"),
        ("3", "a kind of network in quotes or a table of its settings"),
    ] {
        let error = read(text).unwrap_err();
        assert!(error.contains(expected), "{error}");
    }
}

#[test]
fn what_cannot_be_is_said_before_the_first_step() {
    let conv = Body::conv([8]);
    for (network, error) in [
        ("encoder", conv.encoder(&[140], 3, RELU).unwrap_err()),
        ("decoder", conv.decoder(&[12, 3], RELU).unwrap_err()),
    ] {
        let expected = format!("convolutions need an image [C, H, W]; for other samples write {network} = ");
        assert!(error.to_string().contains(&expected), "{error}");
    }
    let recurrent = |units| Body::Recurrent(recurrent::Settings { units, ..Default::default() });
    let error = recurrent(8).encoder(&[1, 28, 28], 3, RELU).unwrap_err().to_string();
    assert!(error.contains("a sequence [T, F] or a vector [D]"), "{error}");
    let start = |start| Body::Conv(Conv { start: Some(start), ..Conv::default() });
    let dropping = |dropout| Body::Dense(Dense { dropout, ..Dense::default() });
    let valid = Body::Conv(Conv { valid: true, ..Conv::default() });
    assert!(valid.mirror().check("vae", "decoder").is_ok(), "a mirror is a legal decoder");
    for (body, setting, expected) in [
        (Body::dense([4, 0]), "encoder", "model.vae.encoder = [4, 0]"),
        (dropping(1.0), "encoder", "model.vae.encoder = { dropout = 1 }"),
        (Body::conv([]), "decoder", "model.vae.decoder = conv { channels = [] }"),
        (Body::conv([-2]), "decoder", "model.vae.decoder = [-2]"),
        (recurrent(0), "encoder", "model.vae.encoder = [0]"),
        (start(0), "decoder", "model.vae.decoder = [0]"),
        (start(8), "encoder", "which only decoders have"),
        (valid.clone(), "decoder", "without `valid`, which only encoders have"),
    ] {
        let error = body.check("vae", setting).unwrap_err().to_string();
        assert!(error.contains(expected), "{error}");
    }
    assert!(start(8).check("vae", "decoder").is_ok());
    assert!(valid.check("vae", "encoder").is_ok());
}

/// Dropout follows every hidden layer, never the code or the output.
#[test]
fn dropout_follows_each_hidden_layer() {
    let written = |layers: Vec<Layer>| layers.iter().map(Layer::to_string).collect::<Vec<_>>();
    let dense = read(r#"{"dense":{"hidden":[7,5],"dropout":0.2}}"#).unwrap();
    assert_eq!(
        written(dense.encoder(&[9], 3, RELU).unwrap()),
        ["flatten", "dense 7", "relu", "dropout 0.2", "dense 5", "relu", "dropout 0.2", "dense 3"]
    );
    assert_eq!(
        written(dense.mirror().decoder(&[9], RELU).unwrap()),
        ["dense 5", "relu", "dropout 0.2", "dense 7", "relu", "dropout 0.2", "dense 9"]
    );
    assert_eq!(
        written(dense.encoder(&[9], 3, Activation::Identity).unwrap()),
        ["flatten", "dense 7", "dropout 0.2", "dense 5", "dropout 0.2", "dense 3"]
    );
    let conv = read(r#"{"conv":{"channels":[4],"dropout":0.5}}"#).unwrap();
    assert_eq!(
        written(conv.decoder(&[1, 6, 6], RELU).unwrap())[..5],
        ["dense 36", "relu", "dropout 0.5", "reshape [4, 3, 3]", "transposed conv 4, 3×3, stride 2"]
    );
    let recurrent = read(r#"{"recurrent":{"units":5,"dropout":0.5}}"#).unwrap();
    assert_eq!(written(recurrent.encoder(&[12, 3], 4, RELU).unwrap())[1..], ["dropout 0.5", "dense 4"]);
    for body in [dense, conv, recurrent] {
        assert_eq!(read(&serde_json::to_string(&body).unwrap()).unwrap(), body);
        let shape: &[i64] = if matches!(body, Body::Conv(_)) { &[1, 6, 6] } else { &[12, 3] };
        check(&body, &body.mirror(), shape);
    }
    // Older files do not say that nothing is dropped.
    assert_eq!(serde_json::to_string(&Body::dense([3])).unwrap(), r#"{"dense":{"hidden":[3]}}"#);
}

/// Without padding 28 becomes 13 and then 6, and what is too small for a kernel is refused before the first
/// step.
#[test]
fn valid_convolutions_lose_the_border() {
    let noise = Noise::new(0, 0, Device::Cpu);
    let valid = Body::Conv(Conv { channels: vec![4, 5], valid: true, ..Conv::default() });
    let network = |side| {
        let shape = [1, side, side];
        Network::new("encoder", valid.encoder(&shape, 3, RELU).unwrap(), &shape, &noise)
    };
    let weights =
        |network: Network| network.parameters().into_iter().map(|(_, p)| p.size()).collect::<Vec<_>>();
    assert!(weights(network(28).unwrap()).contains(&vec![3, 5 * 6 * 6]));
    let error = network(5).unwrap_err().to_string();
    assert!(error.contains("kernel"), "{error}");
}
