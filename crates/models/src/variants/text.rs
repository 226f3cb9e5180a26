//! Documents as short codes: the deep autoencoder of Hinton & Salakhutdinov, "Reducing the dimensionality of data with
//! neural networks", Science 2006, for counts of words (2000-500-250-125-10), and with `bits` semantic hashing
//! (Salakhutdinov & Hinton, International Journal of Approximate Reasoning 50, 2009).
//!
//! Minimises `-Σ (x_i / N) log π_i`, the mean over documents, with `π = softmax(f(g(x)))` and `N = Σ x_i` words in the
//! document: each document counts alike, however long it is. The encoder sees each document at length one, in training
//! without a share of its words. With `bits`, the code is the sigmoid of what the encoder says and of noise as large as
//! that `σ = 4`, which leaves the network only values near 0 and 1 to tell documents apart by (2009, section 3.2).
//!
//! Both papers pre-train with restricted Boltzmann machines; ReLUs, Adam and dropped words make that unnecessary here.
//!
//! Use it to find documents on the same subject by 10 numbers or 16 bytes each. To find documents by their words, count
//! words: `ae eval retrieval` compares both.

use crate::blocks::dense;
use crate::blocks::preferences::{normalised, shown, totals};
use crate::model::{Autoencoder, Batch, Code, DataSummary, Losses, Model, ModelError, Pass};
use crate::network::Network;
use crate::registry::{Variant, at_least_one, check_dropout, widths};
use ae_tensor::{Activation, Kind, Likelihood, Noise, Tensor};
use serde::{Deserialize, Serialize};

/// Standard deviation of the noise on the code's logits in training.
const NOISE: f64 = 4.0;

/// Settings of the autoencoder of documents.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Config {
    /// Widths between counts and code; the decoder uses them in reverse.
    pub hidden: Vec<i64>,
    /// Width of the code.
    pub code: i64,
    /// Whether the code is made of bits: probabilities, nearly all of them close to 0 or 1.
    pub bits: bool,
    /// Activation of the hidden layers.
    pub activation: Activation,
    /// Share of a document's counts that the encoder does not see in training, in `[0, 1)`. Without it, 11,000 documents
    /// are learned by heart; the default was best among a fifth of the training documents of 20 Newsgroups.
    pub dropout: f64,
}

impl Default for Config {
    fn default() -> Self {
        let hidden = vec![500, 250, 125];
        Config { hidden, code: 10, bits: false, activation: Activation::Relu, dropout: 0.8 }
    }
}

impl Variant for Config {
    const NAME: &'static str = "text";
    const ABOUT: &'static str = "documents as counts of words, with a code of 10 numbers or of bits";

    fn initialise(&self, data: &DataSummary, noise: &Noise) -> Result<Box<dyn Model>, ModelError> {
        let Config { code, bits, activation, dropout, .. } = *self;
        at_least_one(Self::NAME, "code", code)?;
        widths(Self::NAME, "hidden", &self.hidden)?;
        check_dropout(Self::NAME, "dropout", dropout)?;
        Likelihood::Multinomial.check(data.low, data.high)?;
        let down = [self.hidden.as_slice(), &[code]].concat();
        let up: Vec<i64> = self.hidden.iter().rev().copied().collect();
        let encoder = dense::encoder(&down, activation, Activation::Identity);
        let encoder = Network::new("encoder", encoder, &data.shape, noise)?;
        let decoder = dense::decoder(&up, activation, &data.shape);
        let decoder = Network::new("decoder", decoder, encoder.output_shape(), noise)?;
        Ok(Box::new(Text { encoder, decoder, bits, dropout }))
    }
}

#[derive(Debug)]
struct Text {
    encoder: Network,
    decoder: Network,
    bits: bool,
    dropout: f64,
}

impl Text {
    /// The code `[B, D]` of what the encoder says.
    fn code(&self, output: Tensor) -> Tensor {
        if self.bits { output.sigmoid() } else { output }
    }
}

impl Model for Text {
    fn networks(&self) -> Vec<(&'static str, &Network)> {
        vec![("encoder", &self.encoder), ("decoder", &self.decoder)]
    }

    fn objective(&self) -> &'static str {
        "cross_entropy"
    }

    fn predicts(&self) -> bool {
        true
    }

    fn losses(&self, batch: &Batch, pass: &Pass) -> Vec<Losses> {
        let mut output = self.encoder.forward_in(&shown(batch.input(), self.dropout, pass), pass);
        if self.bits && pass.is_training() {
            output += pass.noise.normal("bits", &output.size()) * NOISE;
        }
        let output = self.decoder.forward_in(&self.code(output), pass);
        // A document without a known word has no share of any.
        let shares = &batch.values / totals(&batch.values).clamp_min(1e-12);
        let missed = Likelihood::Multinomial.negative_log_prob(&output, &shares);
        vec![Losses::single("cross_entropy", missed.mean(None::<Kind>))]
    }

    fn as_autoencoder(&self) -> Option<&dyn Autoencoder> {
        Some(self)
    }
}

impl Autoencoder for Text {
    fn encode(&self, x: &Tensor) -> Code {
        Code::Point(self.code(self.encoder.forward(&normalised(x))))
    }

    /// Shares of each document's words, which sum to 1.
    fn decode(&self, code: &Tensor) -> Tensor {
        Likelihood::Multinomial.mean(&self.decoder.forward(code))
    }

    fn reconstruct(&self, x: &Tensor) -> Tensor {
        self.decode(self.encode(x).point()) * totals(x)
    }

    fn code_size(&self) -> i64 {
        self.encoder.output_shape().iter().product()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use ae_tensor::{Device, array};

    fn model(config: &Config) -> Box<dyn Model> {
        let data = DataSummary { shape: vec![6], mean: 0.5, low: 0.0, high: 4.0, classes: 0 };
        config.initialise(&data, &Noise::new(0, 0, Device::Cpu)).unwrap()
    }

    fn config(bits: bool) -> Config {
        Config { hidden: vec![5], code: 3, bits, dropout: 0.0, ..Config::default() }
    }

    #[test]
    fn long_documents_count_no_more_than_short_ones() {
        let model = model(&config(false));
        let pass = Pass::evaluation(Noise::new(1, 0, Device::Cpu));
        let loss = |rows: &[f32]| {
            let values = Tensor::from_slice(rows).view([-1, 6]);
            let batch = Batch { values, labels: None, observed: None, given: None };
            model.losses(&batch, &pass)[0].total().unwrap().double_value(&[])
        };
        let (short, long) = ([1f32, 0.0, 2.0, 0.0, 0.0, 1.0], [10f32, 0.0, 20.0, 0.0, 0.0, 10.0]);
        assert!((loss(&short) - loss(&long)).abs() < 1e-6);
        assert!((loss(&[short, long].concat()) - loss(&short)).abs() < 1e-6);
        assert_eq!(loss(&[0.0; 6]), 0.0, "a document without a word says nothing");
    }

    #[test]
    fn bits_are_shares_and_noise_is_for_training_alone() {
        let model = model(&config(true));
        let autoencoder = model.as_autoencoder().unwrap();
        let values = Tensor::ones([4, 6], (Kind::Float, Device::Cpu));
        let code = array::to_vec(autoencoder.encode(&values).point());
        assert!(code.iter().all(|bit| (0.0..=1.0).contains(bit)), "{code:?}");
        let rebuilt = array::to_rows(&autoencoder.reconstruct(&values));
        assert!(
            rebuilt.outer_iter().all(|row| (row.sum() - 6.0).abs() < 1e-4),
            "as many words as there were"
        );
        let batch = Batch { values, labels: None, observed: None, given: None };
        let loss = |pass: &Pass| model.losses(&batch, pass)[0].total().unwrap().double_value(&[]);
        let noise = |seed| Noise::new(seed, 0, Device::Cpu);
        assert_eq!(loss(&Pass::evaluation(noise(1))), loss(&Pass::evaluation(noise(2))));
        assert_ne!(loss(&Pass::training(noise(1), 0, 1)), loss(&Pass::training(noise(2), 0, 1)));
    }
}
