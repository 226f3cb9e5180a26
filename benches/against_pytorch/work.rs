//! What one training step has to do at least, counted from the descriptions of the networks.
//!
//! Operations: a forward pass as [`Node::flops`] counts it, as much again for the gradients of the weights and as
//! much for those of the inputs, which the first layer of a network that reads the data does without. Elementwise
//! functions, normalisations, losses and the optimizer are left out.
//!
//! Bytes: a parameter and its two moments are read and written, and its gradient is written and read: eight values of
//! four bytes. What the backward pass needs of the forward pass, the inputs of the layers that have weights and what
//! lies inside these layers, is written once and read once.

use ae_models::{Model, ModelConfig};
use ae_network::{Architecture, Layer, Node, ShapeError};
use serde::Serialize;

/// Bytes of a value.
const VALUE: f64 = 4.0;

/// The work of one training step.
#[derive(Clone, Copy, Debug, Default, PartialEq, Serialize)]
pub(crate) struct Work {
    /// Multiplications and additions.
    pub(crate) flops: f64,
    /// Bytes read and written.
    pub(crate) bytes: f64,
    /// Bytes that all of this lies in: parameters, gradients, moments, and the values between the layers.
    pub(crate) held: f64,
}

/// How often a step goes through a network.
#[derive(Clone, Copy, Debug, PartialEq)]
struct Passes {
    forward: f64,
    /// Backward passes that make gradients of the weights.
    weights: f64,
    /// Backward passes that make gradients of the inputs of every layer but the first.
    inputs: f64,
    /// Of these, the ones that the first layer takes part in.
    first: f64,
}

impl Passes {
    const fn once(first: f64) -> Self {
        Passes { forward: 1.0, weights: 1.0, inputs: 1.0, first }
    }
}

/// The work of one step of `model`, which was made from `config`, on `batch` samples.
pub(crate) fn of_step(config: &ModelConfig, model: &dyn Model, batch: usize) -> Result<Work, ShapeError> {
    let networks = model.networks();
    let mut parts = Vec::new();
    for (index, (name, network)) in networks.iter().enumerate() {
        let architecture = network.architecture().clone();
        parts.push(match (config, *name) {
            // Both players learn from one forward pass over the fakes: its gradient reaches the fakes themselves for
            // the generator, and the weights for the discriminator, which sees the real samples, too.
            (ModelConfig::Gan(_), "discriminator") => {
                (architecture, Passes { forward: 2.0, weights: 2.0, inputs: 3.0, first: 1.0 })
            }
            (ModelConfig::Gan(_), _) => (architecture, Passes::once(0.0)),
            // The encoder sees the visible patches only.
            (ModelConfig::Mae(_), "embedding" | "encoder" | "bridge") => {
                let mask = networks.iter().find(|(name, _)| *name == "mask");
                let visible = mask.map_or(architecture.input_shape()[0], |(_, mask)| mask.input_shape()[0]);
                let input = [visible, architecture.input_shape()[1]];
                let layers = architecture.layers().to_vec();
                (Architecture::new(*name, layers, &input)?, Passes::once(if index == 0 { 0.0 } else { 1.0 }))
            }
            // Every draw is decoded.
            (ModelConfig::Iwae(iwae), "decoder") => {
                let draws = iwae.samples as f64;
                (architecture, Passes { forward: draws, weights: draws, inputs: draws, first: draws })
            }
            _ => (architecture, Passes::once(if index == 0 { 0.0 } else { 1.0 })),
        });
    }
    Ok(of_networks(&parts, batch as f64))
}

/// The work of one call of `model`, a forward pass: of the masked autoencoder, of its encoder on whole samples, and of the
/// adversarial one, of the generator. Bytes are those of the parameters and of what goes in and comes out.
pub(crate) fn of_call(config: &ModelConfig, model: &dyn Model, batch: usize) -> Work {
    let is_called = |name: &str| match config {
        ModelConfig::Gan(_) => name != "discriminator",
        ModelConfig::Mae(_) => matches!(name, "embedding" | "encoder"),
        _ => true,
    };
    let (mut flops, mut parameters, mut ends) = (0.0, 0.0, Vec::new());
    for (_, network) in model.networks().into_iter().filter(|(name, _)| is_called(name)) {
        let architecture = network.architecture();
        flops += architecture.nodes().map(|node| node.flops() as f64).sum::<f64>();
        parameters += architecture.parameters() as f64;
        ends.extend([numel(architecture.input_shape()), numel(architecture.output_shape())]);
    }
    let between = ends.first().unwrap_or(&0.0) + ends.last().unwrap_or(&0.0);
    let bytes = VALUE * (parameters + between * batch as f64);
    Work { flops: flops * batch as f64, bytes, held: bytes }
}

fn of_networks(parts: &[(Architecture, Passes)], batch: f64) -> Work {
    let (mut flops, mut parameters, mut between) = (0.0, 0.0, 0.0);
    for (architecture, passes) in parts {
        let mut is_first = true;
        for node in architecture.nodes().filter(|node| node.flops() > 0) {
            // The states of a recurrent layer need gradients even if its input does not.
            let spared = is_first && !matches!(node.layer, Layer::Recurrent(_) | Layer::ConvLstm(_));
            let inputs = if spared { passes.first } else { passes.inputs };
            flops += node.flops() as f64 * (passes.forward + passes.weights + inputs);
            between += passes.forward * kept(&node);
            is_first = false;
        }
        parameters += architecture.parameters() as f64;
    }
    // What a network makes is the input of the next one.
    if let Some((last, passes)) = parts.last() {
        between += passes.forward * numel(last.output_shape());
    }
    Work {
        flops: flops * batch,
        bytes: VALUE * (8.0 * parameters + 2.0 * between * batch),
        held: VALUE * (4.0 * parameters + between * batch),
    }
}

/// Values that the backward pass through a layer needs: its input and what lies inside it, without its output,
/// which is the input of the next one.
fn kept(node: &Node<'_>) -> f64 {
    let inside = (node.activations() as f64 - numel(node.output)).max(0.0);
    numel(node.input) + inside
}

fn numel(shape: &[i64]) -> f64 {
    shape.iter().map(|&size| size as f64).product()
}

#[cfg(test)]
mod tests {
    use super::*;
    use ae_models::DataSummary;
    use ae_tensor::{Device, Noise};

    fn work(variant: &str, shape: &[i64], batch: usize) -> Work {
        let config = ModelConfig::all().into_iter().find(|config| config.name() == variant).unwrap();
        let data = DataSummary { shape: shape.to_vec(), mean: 0.1, low: 0.0, high: 1.0, classes: 10 };
        let model = config.initialise(&data, &Noise::new(0, 0, Device::Cpu)).unwrap();
        of_step(&config, model.as_ref(), batch).unwrap()
    }

    #[test]
    fn a_dense_step_is_counted_by_hand() {
        let one = work("vanilla", &[1, 28, 28], 1);
        // 784-64-784: two products each, in three passes; the first layer needs no gradient of the data.
        assert_eq!(one.flops, f64::from(2 * 784 * 64 * (2 + 3)));
        let parameters = f64::from(2 * 784 * 64 + 64 + 784);
        // Input, code and reconstruction.
        assert_eq!(one.bytes, 4.0 * (8.0 * parameters + 2.0 * f64::from(784 + 64 + 784)));
        assert_eq!(one.held, 4.0 * (4.0 * parameters + f64::from(784 + 64 + 784)));
        let many = work("vanilla", &[1, 28, 28], 128);
        assert_eq!(many.flops, 128.0 * one.flops);
        assert!(many.bytes < 128.0 * one.bytes, "parameters are read once for the whole batch");
    }

    #[test]
    fn a_call_is_one_forward_pass() {
        let config = ModelConfig::all().into_iter().find(|config| config.name() == "vanilla").unwrap();
        let data = DataSummary { shape: vec![1, 28, 28], mean: 0.1, low: 0.0, high: 1.0, classes: 10 };
        let model = config.initialise(&data, &Noise::new(0, 0, Device::Cpu)).unwrap();
        let call = of_call(&config, model.as_ref(), 2);
        assert_eq!(call.flops, f64::from(2 * 2 * 784 * 64 * 2));
        assert_eq!(call.bytes, 4.0 * f64::from(2 * 784 * 64 + 64 + 784 + 2 * (784 + 784)));
    }

    #[test]
    fn networks_that_run_more_or_less_than_once_count_so() {
        let convolutions = [(2 * 16 * 64 * 14 * 14, true), (2 * 16 * 64 * 128 * 7 * 7, false)];
        let judge: i64 = convolutions.iter().map(|(flops, first)| flops * if *first { 5 } else { 7 }).sum();
        let judge = judge + 7 * 2 * 128 * 49;
        let maker = 2 * 100 * 128 * 49 * 2 + 3 * 2 * 16 * (128 * 64 * 7 * 7 + 64 * 14 * 14);
        assert_eq!(work("gan", &[1, 28, 28], 1).flops, (judge + maker) as f64);
        // 91 MFLOP an image, from a prototype that was counted by hand; the whole image would take over 200.
        let masked = work("mae", &[1, 28, 28], 1).flops / 1e6;
        assert!((85.0..97.0).contains(&masked), "{masked}");
    }
}
