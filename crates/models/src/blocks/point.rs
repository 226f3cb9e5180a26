//! The deterministic autoencoder that most variants are: an encoder to one point, a decoder, and a
//! reconstruction loss. By itself it minimises only that loss; a variant that needs more wraps it.

use crate::model::{Autoencoder, Batch, Code, DataSummary, Losses, Model, ModelError, Pass};
use crate::network::{Layer, Network, dense_chain, dense_network};
use ae_coding::DenseNetwork;
use ae_tensor::{Activate, Activation, DenseChain, Noise, ReconstructionLoss, Tape, Tensor};

/// Encoder, decoder and reconstruction loss.
#[derive(Debug)]
pub struct PointAutoencoder {
    /// `[B, …]` to codes.
    pub encoder: Network,
    /// Codes to pre-activations `[B, …]`.
    pub decoder: Network,
    /// Turns the decoder's output into values in the unit of the data.
    pub output: Activation,
    /// The reconstruction loss.
    pub loss: ReconstructionLoss,
}

impl PointAutoencoder {
    /// Checks the shapes and the data's range, and starts the output's bias at the data's mean.
    pub fn new(
        encoder: Vec<Layer>,
        decoder: Vec<Layer>,
        output: Activation,
        loss: ReconstructionLoss,
        data: &DataSummary,
        noise: &Noise,
    ) -> Result<Self, ModelError> {
        loss.check(output, data.low, data.high)?;
        check_output(output, data)?;
        let encoder = Network::new("encoder", encoder, &data.shape, noise)?;
        let mut decoder = Network::new("decoder", decoder, encoder.output_shape(), noise)?;
        decoder.set_output_bias(output.link(data.mean));
        Ok(PointAutoencoder { encoder, decoder, output, loss })
    }

    /// A warning if the code holds at least as many values as a sample, for variants in which nothing else
    /// prevents copying.
    pub fn copying_warning(&self) -> Option<String> {
        let (code, sample) = (self.code_size(), self.encoder.input_shape().iter().product::<i64>());
        (code >= sample).then(|| {
            format!(
                "the code holds {code} values and a sample {sample}, so the model may learn to copy; use a smaller \
                 code, a penalty (sparse, contractive) or damaged input (denoising)"
            )
        })
    }

    /// What the decoder gives for codes, before the output's activation: `[B, …]`.
    pub fn output_of(&self, code: &Tensor) -> Tensor {
        self.decoder.forward_tied(code, &self.encoder)
    }

    /// [`Self::output_of`] in a pass: in training, dropout and normalisation act as there.
    pub fn output_in(&self, code: &Tensor, pass: &Pass) -> Tensor {
        self.decoder.forward_tied_in(code, &self.encoder, pass)
    }

    /// The loss of the batch when the decoder gives `output` `[B, …]`, before its activation: a scalar.
    pub fn loss_of(&self, output: &Tensor, batch: &Batch, pass: &Pass) -> Tensor {
        let observed = batch.observed.as_ref();
        pass.over_observed(self.loss.mean(output, self.output, &batch.values, observed), observed)
    }

    /// The losses of the batch when the encoder is shown `input` `[B, …]`: one term, without a graph where the pass takes a
    /// tape and our own kernels have all layers.
    pub fn losses_shown(&self, input: &Tensor, batch: &Batch, pass: &Pass) -> Losses {
        let recorded = pass.may_record(batch).then(|| self.recorded(input, batch)).flatten();
        recorded
            .unwrap_or_else(|| Losses::single("reconstruction", self.reconstruction_loss(input, batch, pass)))
    }

    fn recorded(&self, input: &Tensor, batch: &Batch) -> Option<Losses> {
        // Before anything is computed that would be of no use.
        let is_recordable = self.encoder.is_recordable() && self.decoder.is_recordable();
        if !is_recordable || !self.loss.has_kernel(self.output) {
            return None;
        }
        let mut tape = Tape::default();
        let code = self.encoder.forward_recorded(input, &mut tape)?;
        let output = self.decoder.forward_recorded(&code, &mut tape)?;
        let mean = self.loss.recorded_mean(&output, self.output, &batch.values, &mut tape)?;
        Some(Losses::single("reconstruction", mean).recorded(tape))
    }

    /// The loss of the batch when the encoder is shown `input` `[B, …]`: a scalar.
    pub fn reconstruction_loss(&self, input: &Tensor, batch: &Batch, pass: &Pass) -> Tensor {
        self.loss_of(&self.output_in(&self.encoder.forward_in(input, pass), pass), batch, pass)
    }
}

/// Refuses data that an output with this activation cannot reproduce.
pub(crate) fn check_output(output: Activation, data: &DataSummary) -> Result<(), ModelError> {
    let legal = output.range();
    if legal.holds(data.low, data.high) {
        return Ok(());
    }
    Err(ModelError::Output {
        low: data.low,
        high: data.high,
        activation: output.to_string(),
        legal_low: legal.low,
        legal_high: legal.high,
    })
}

impl Model for PointAutoencoder {
    fn networks(&self) -> Vec<(&'static str, &Network)> {
        vec![("encoder", &self.encoder), ("decoder", &self.decoder)]
    }

    fn objective(&self) -> &'static str {
        self.loss.name()
    }

    fn losses(&self, batch: &Batch, pass: &Pass) -> Vec<Losses> {
        vec![self.losses_shown(batch.input(), batch, pass)]
    }

    fn masks_missing(&self) -> bool {
        true
    }

    fn predicts(&self) -> bool {
        true
    }

    fn warnings(&self) -> Vec<String> {
        self.copying_warning().into_iter().collect()
    }

    fn as_autoencoder(&self) -> Option<&dyn Autoencoder> {
        Some(self)
    }
}

impl Autoencoder for PointAutoencoder {
    fn encode(&self, x: &Tensor) -> Code {
        Code::Point(self.encoder.forward(x))
    }

    fn decode(&self, code: &Tensor) -> Tensor {
        self.output.apply(&self.output_of(code))
    }

    fn dense_chain(&self) -> Option<DenseChain> {
        dense_chain(&[&self.encoder, &self.decoder], self.output)
    }

    fn dense_decoder(&self) -> Option<DenseNetwork> {
        dense_network(&self.decoder, &[&self.encoder], self.output)
    }

    fn code_size(&self) -> i64 {
        self.encoder.output_shape().iter().product()
    }

    fn dictionary(&self) -> Option<Tensor> {
        let (first, behind) = self.decoder.architecture().layers().split_first()?;
        if !matches!(behind, [] | [Layer::Reshape(_)]) {
            return None;
        }
        let weight = match first {
            Layer::Dense { .. } => self.decoder.transposed_weight(0),
            Layer::TiedDense { layer, .. } => self.encoder.transposed_weight(*layer).tr(),
            _ => return None,
        }; // [D, values]
        let shape = [&[-1], self.decoder.output_shape()].concat();
        Some(weight.detach().reshape(shape))
    }
}
