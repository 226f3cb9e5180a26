//! Stacked denoising autoencoders (Vincent et al., "Stacked denoising autoencoders", JMLR 2010; the greedy
//! idea: Hinton, Osindero & Teh, 2006, and Bengio et al., 2007). A classifier whose layers first learn
//! without labels.
//!
//! In the first part of a run, the layers in turn minimise `Σ (h_{k-1} - r_k(h_k(h̃_{k-1})))²`, the mean over
//! samples, where `h̃` is the code of the frozen layers below with a share of its values set to zero, `h_k`
//! the new layer and `r_k` its own decoder. In the rest of the run, all layers and a softmax on top minimise
//! the cross-entropy of the labels. The paper uses sigmoids and their cross-entropy
//! (`activation = "sigmoid"`, `loss = "bce"`); ReLUs and squares learn as good a start in fewer epochs.
//!
//! Use it when labels are few and samples are many: the fewer labels, the more the first part helps. With
//! enough labels, the convolutional [`super::classifier`] is better on images.

use crate::blocks::{classify, point::check_output};
use crate::model::{Batch, Classifier, DataSummary, Group, Losses, Model, ModelError, Pass, Phase};
use crate::network::{Layer, Network};
use crate::registry::{Variant, out_of_range, widths};
use ae_tensor::{Activation, Noise, ReconstructionLoss, Tensor, tch};
use serde::{Deserialize, Serialize};

/// Names of the networks and groups; their number is the greatest depth.
const ENCODERS: [&str; 6] = ["encoder1", "encoder2", "encoder3", "encoder4", "encoder5", "encoder6"];
const DECODERS: [&str; 6] = ["decoder1", "decoder2", "decoder3", "decoder4", "decoder5", "decoder6"];
const LAYERS: [&str; 6] = ["layer1", "layer2", "layer3", "layer4", "layer5", "layer6"];

/// Settings of the stacked denoising autoencoders.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Config {
    /// Widths of the layers below the softmax; one to six.
    pub hidden: Vec<i64>,
    /// Activation of the layers.
    pub activation: Activation,
    /// Activation of the first decoder, which reconstructs the data; the decoders above it reconstruct codes.
    pub output: Activation,
    /// What a layer minimises while it learns without labels, summed over the values that it reconstructs:
    /// `mse`, `mae`, or the paper's `bce`, for which `activation` must be `sigmoid` as well.
    pub loss: ReconstructionLoss,
    /// Share of a layer's input values that are set to zero while it learns to reconstruct them; at least 0,
    /// below 1. At 0 the layers are plain autoencoders.
    pub masking: f64,
    /// Share of a sample's values that are set to zero while all layers learn from labels; at least 0,
    /// below 1. The paper uses 0; more keeps wide layers from memorising the training rows.
    pub fine_tuning_masking: f64,
    /// Share of the run spent on pre-training, split evenly between the layers; between 0 (no pre-training)
    /// and 1 (nothing else).
    pub pretraining: f64,
}

impl Default for Config {
    fn default() -> Self {
        Config {
            hidden: vec![1000, 1000, 500],
            activation: Activation::Relu,
            output: Activation::Sigmoid,
            loss: ReconstructionLoss::MeanSquared,
            masking: 0.25,
            fine_tuning_masking: 0.0,
            pretraining: 0.4,
        }
    }
}

impl Config {
    fn check(&self) -> Result<(), ModelError> {
        widths(Self::NAME, "hidden", &self.hidden)?;
        let fine = |fine: bool, setting, got: String, legal| {
            if fine { Ok(()) } else { Err(out_of_range(Self::NAME, setting, &got, legal)) }
        };
        let depth = self.hidden.len();
        let legal = "a list of one to six widths";
        fine((1..=LAYERS.len()).contains(&depth), "hidden", format!("{:?}", self.hidden), legal)?;
        for (setting, rate) in [("masking", self.masking), ("fine_tuning_masking", self.fine_tuning_masking)]
        {
            fine((0.0..1.0).contains(&rate), setting, rate.to_string(), "at least 0 and below 1")?;
        }
        let sigmoids =
            self.loss != ReconstructionLoss::BinaryCrossEntropy || self.activation == Activation::Sigmoid;
        let got = format!("{:?}", self.activation).to_lowercase();
        fine(
            sigmoids,
            "activation",
            got,
            "sigmoid if the loss is bce, because codes are reconstructed as probabilities",
        )?;
        let share = self.pretraining;
        fine((0.0..=1.0).contains(&share), "pretraining", share.to_string(), "between 0 and 1")
    }
}

impl Variant for Config {
    const NAME: &'static str = "stacked";
    const ABOUT: &'static str = "a classifier, pre-trained layer by layer without labels";

    fn initialise(&self, data: &DataSummary, noise: &Noise) -> Result<Box<dyn Model>, ModelError> {
        self.check()?;
        self.loss.check(self.output, data.low, data.high)?;
        check_output(self.output, data)?;
        let classes = classify::classes(Self::NAME, data.classes)?;
        let (mut encoders, mut decoders): (Vec<Network>, Vec<Network>) = (Vec::new(), Vec::new());
        for (index, &units) in self.hidden.iter().enumerate() {
            let below = if index == 0 { data.numel() } else { self.hidden[index - 1] };
            let mut layers = if index == 0 { vec![Layer::Flatten] } else { vec![] };
            layers.extend([Layer::Dense { units }, Layer::Activation(self.activation)]);
            let input = if index == 0 { data.shape.clone() } else { vec![below] };
            encoders.push(Network::new(ENCODERS[index], layers, &input, noise)?);
            let mut decoder =
                Network::new(DECODERS[index], vec![Layer::Dense { units: below }], &[units], noise)?;
            if index == 0 {
                decoder.set_output_bias(self.output.link(data.mean));
            }
            decoders.push(decoder);
        }
        let top = self.hidden[self.hidden.len() - 1];
        let head = Network::new("head", vec![Layer::Dense { units: classes }], &[top], noise)?;
        Ok(Box::new(Stacked { config: self.clone(), encoders, decoders, head }))
    }
}

#[derive(Debug)]
struct Stacked {
    config: Config,
    encoders: Vec<Network>,
    /// Each reconstructs the input of the encoder of the same index; its activation is
    /// [`Stacked::rebuilds_by`].
    decoders: Vec<Network>,
    head: Network,
}

impl Stacked {
    /// Index of the group that trains at this step: a layer, or last all of them with the softmax.
    fn stage(&self, step: u64, steps: u64) -> usize {
        let (depth, steps) = (self.encoders.len(), steps.max(1));
        // Counted in whole steps, so that equal shares are equal numbers of steps.
        let pretraining = (self.config.pretraining * steps as f64).round() as u64;
        if step >= pretraining { depth } else { (step * depth as u64 / pretraining) as usize }
    }

    /// The code of the layers below `index`, flattened: `[B, D]`.
    fn below(&self, x: &Tensor, index: usize) -> Tensor {
        let code = self.encoders[..index].iter().fold(x.shallow_clone(), |x, encoder| encoder.forward(&x));
        code.flatten(1, -1)
    }

    /// The activation of a decoder.
    fn rebuilds_by(&self, index: usize) -> Activation {
        match self.config.loss {
            _ if index == 0 => self.config.output,
            ReconstructionLoss::BinaryCrossEntropy => Activation::Sigmoid,
            _ => Activation::Identity,
        }
    }

    /// What a layer minimises: the loss of its reconstruction, summed over values, the mean over samples.
    fn layer_loss(&self, x: &Tensor, index: usize, noise: &Noise) -> Losses {
        let target = tch::no_grad(|| self.below(x, index));
        let kept = -noise.mask(LAYERS[index], &target.size(), self.config.masking) + 1.0;
        let damaged =
            (&target * kept).view_as(&if index == 0 { x.shallow_clone() } else { target.shallow_clone() });
        let output = self.decoders[index].forward(&self.encoders[index].forward(&damaged));
        let mean = self.config.loss.mean(&output, self.rebuilds_by(index), &target, None);
        Losses::single("reconstruction", mean * target.size()[1] as f64)
    }

    fn classification(&self, batch: &Batch, pass: &Pass) -> Losses {
        let rate = self.config.fine_tuning_masking;
        let x = if pass.is_training() && rate > 0.0 {
            &batch.values * (-pass.noise.mask("fine-tuning", &batch.values.size(), rate) + 1.0)
        } else {
            batch.values.shallow_clone()
        };
        classify::losses(&self.logits(&self.features(&x)), batch)
    }
}

fn named(name: &str, network: &Network) -> Vec<(String, Tensor)> {
    network.parameters().into_iter().map(|(leaf, tensor)| (format!("{name}.{leaf}"), tensor)).collect()
}

impl Model for Stacked {
    fn networks(&self) -> Vec<(&'static str, &Network)> {
        let encoders = ENCODERS.into_iter().zip(&self.encoders);
        let decoders = DECODERS.into_iter().zip(&self.decoders);
        encoders.chain(decoders).chain([("head", &self.head)]).collect()
    }

    fn objective(&self) -> &'static str {
        classify::ERROR
    }

    fn groups(&self) -> Vec<Group> {
        let layer = |index: usize| Group {
            name: LAYERS[index],
            parameters: named(ENCODERS[index], &self.encoders[index])
                .into_iter()
                .chain(named(DECODERS[index], &self.decoders[index]))
                .collect(),
        };
        let mut fine_tuned: Vec<(String, Tensor)> =
            ENCODERS.iter().zip(&self.encoders).flat_map(|(name, encoder)| named(name, encoder)).collect();
        fine_tuned.extend(named("head", &self.head));
        let fine_tuning = Group { name: "classifier", parameters: fine_tuned };
        (0..self.encoders.len()).map(layer).chain([fine_tuning]).collect()
    }

    fn losses(&self, batch: &Batch, pass: &Pass) -> Vec<Losses> {
        let depth = self.encoders.len();
        let of = |group: usize| match group == depth {
            true => self.classification(batch, pass),
            false => self.layer_loss(&batch.values, group, &pass.noise),
        };
        match pass.phase {
            Phase::Evaluation => (0..=depth).map(of).collect(),
            Phase::Training { step, steps } => {
                let stage = self.stage(step, steps);
                (0..=depth).map(|group| if group == stage { of(group) } else { Losses::resting() }).collect()
            }
        }
    }

    fn as_classifier(&self) -> Option<&dyn Classifier> {
        Some(self)
    }
}

impl Classifier for Stacked {
    fn features(&self, x: &Tensor) -> Tensor {
        self.below(x, self.encoders.len())
    }

    fn logits(&self, features: &Tensor) -> Tensor {
        self.head.forward(features)
    }

    fn feature_size(&self) -> i64 {
        self.head.input_shape()[0]
    }

    fn classes(&self) -> i64 {
        self.head.output_shape()[0]
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use ae_tensor::{Device, Kind};

    fn stages(pretraining: f64, steps: u64) -> Vec<usize> {
        let config = Config { hidden: vec![4, 3, 2], pretraining, ..Config::default() };
        let data = DataSummary { shape: vec![2, 3], mean: 0.5, low: 0.0, high: 1.0, classes: 2 };
        let noise = Noise::new(0, 0, Device::Cpu);
        let model = config.initialise(&data, &noise).unwrap();
        let batch = Batch {
            values: noise.uniform("x", &[5, 2, 3]),
            labels: Some(Tensor::from_slice(&[0i64, 1, 1, 0, 1])),
            observed: None,
            given: None,
        };
        let active = |step| {
            let losses = model.losses(&batch, &Pass::training(noise, step, steps));
            let active: Vec<usize> =
                (0..losses.len()).filter(|&group| losses[group].total().is_some()).collect();
            assert_eq!(active.len(), 1, "one group trains at a time");
            active[0]
        };
        (0..steps).map(active).collect()
    }

    #[test]
    fn layers_learn_one_after_the_other_and_then_all_of_them() {
        assert_eq!(stages(0.6, 10), [0, 0, 1, 1, 2, 2, 3, 3, 3, 3]);
        assert_eq!(stages(0.0, 3), [3, 3, 3]);
        assert_eq!(stages(1.0, 6), [0, 0, 1, 1, 2, 2]);
    }

    #[test]
    fn a_layer_sees_the_codes_below_and_moves_itself_alone() {
        let config = Config { hidden: vec![4, 3], masking: 0.0, ..Config::default() };
        let data = DataSummary { shape: vec![6], mean: 0.5, low: 0.0, high: 1.0, classes: 2 };
        let noise = Noise::new(1, 0, Device::Cpu);
        let model = config.initialise(&data, &noise).unwrap();
        let labels = Some(Tensor::from_slice(&[0i64, 1]));
        let batch = Batch { values: noise.uniform("x", &[2, 6]), labels, observed: None, given: None };
        // Of ten steps, four pre-train: the third is the second layer's.
        let losses = model.losses(&batch, &Pass::training(noise, 2, 10));
        let total = losses[1].total().expect("the second layer trains");
        total.backward();
        for (name, parameter) in model.parameters() {
            let moves = name.starts_with("encoder2") || name.starts_with("decoder2");
            assert_eq!(parameter.grad().defined(), moves, "{name}");
        }
        let parameters: std::collections::BTreeMap<_, _> = model.parameters().into_iter().collect();
        let dense = |x: &Tensor, name: &str, index: i64| {
            let of = |leaf: &str| &parameters[&format!("{name}.{index}.{leaf}")];
            x.matmul(&of("weight").tr()) + of("bias")
        };
        let code = dense(&batch.values, "encoder1", 1).relu();
        let rebuilt = dense(&dense(&code, "encoder2", 0).relu(), "decoder2", 0);
        let expected = (rebuilt - code).square().sum(Kind::Double).double_value(&[]) / 2.0;
        assert!((total.double_value(&[]) - expected).abs() < 1e-5);
    }
}
