//! Encoder and decoders of a sequence that hand over their states: what comes next, and what has been (Srivastava,
//! Mansimov & Salakhutdinov, ICML 2015, section 2; Sutskever, Vinyals & Le, NeurIPS 2014).
//!
//! The encoder reads the given steps. Its last states are the first states of two decoders: one forecasts the steps
//! that follow, the other reproduces the given ones in reverse order, so that it begins with what is freshest.

use super::point::check_output;
use crate::model::{
    Autoencoder, Batch, Code, DataSummary, Forecaster, Losses, Model, ModelError, Pass, Phase,
};
use crate::network::{Layer, Network, States};
use crate::registry::out_of_range;
use ae_tensor::{Activate, Activation, Noise, ReconstructionLoss, Tensor};
use serde::{Deserialize, Serialize};

/// Which decoders see, at each step, the step before: their own output in use.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Conditional {
    /// None: a decoder has nothing but its states.
    None,
    /// The one that forecasts.
    #[default]
    Future,
    /// Both.
    Both,
}

/// How often a conditional decoder sees the true step before in training instead of its own output: a probability for
/// each sample and step, that goes from `start` to `end` in equal steps over the run (Bengio et al., NeurIPS 2015,
/// section 2.4, linear decay).
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct TeacherForcing {
    /// At the first step of the run, in [0, 1].
    pub start: f64,
    /// At the last, in [0, 1].
    pub end: f64,
}

impl Default for TeacherForcing {
    fn default() -> Self {
        TeacherForcing { start: 1.0, end: 1.0 }
    }
}

impl TeacherForcing {
    /// Refuses what is not a probability.
    ///
    /// # Errors
    /// Names the value.
    pub fn check(self, variant: &'static str) -> Result<(), ModelError> {
        match [self.start, self.end].into_iter().find(|rate| !(0.0..=1.0).contains(rate)) {
            Some(rate) => Err(out_of_range(variant, "teacher_forcing", &rate.to_string(), "from 0 to 1")),
            None => Ok(()),
        }
    }

    /// The probability at this step; 0 in an evaluation.
    fn rate(self, pass: &Pass) -> f64 {
        match pass.phase {
            Phase::Training { .. } => self.start + (self.end - self.start) * pass.progress(),
            Phase::Evaluation => 0.0,
        }
    }
}

/// How a step of a sample becomes the input of a network.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Form {
    /// `[F]`: all features of the step.
    Features,
    /// `[H / side, W / side, C · side²]`: an image as patches.
    Patches {
        /// Side of a patch.
        side: i64,
    },
}

/// What the networks are made of.
#[derive(Debug)]
pub(crate) struct Plan<'a> {
    pub variant: &'static str,
    /// Steps that are given, of all steps of a sample; absent: half.
    pub given: Option<i64>,
    pub form: Form,
    /// The recurrent layers, from the input on.
    pub recurrent: &'a [Layer],
    pub conditional: Conditional,
    pub teacher_forcing: TeacherForcing,
    /// Weight of the reproduction of the given steps; 0: there is no decoder for it.
    pub reconstruction: f64,
    pub output: Activation,
    pub loss: ReconstructionLoss,
}

/// The model of a [`Plan`].
#[derive(Debug)]
pub(crate) struct Handover {
    encoder: Network,
    predictor: Network,
    reconstructor: Option<Network>,
    /// Shape of one sample.
    sample: Vec<i64>,
    given: i64,
    form: Form,
    conditional: Conditional,
    teacher_forcing: TeacherForcing,
    reconstruction: f64,
    output: Activation,
    loss: ReconstructionLoss,
}

/// What a conditional decoder is shown in training.
struct Teacher<'a> {
    /// The true steps, `[B, T, …]`, as a network takes them.
    truth: &'a Tensor,
    rate: f64,
    noise: Noise,
}

impl Handover {
    /// Checks the settings, the shapes and the data's range, and starts the output at the data's mean.
    pub(crate) fn new(plan: &Plan<'_>, data: &DataSummary, noise: &Noise) -> Result<Self, ModelError> {
        let Plan { variant, form, output, loss, .. } = *plan;
        plan.teacher_forcing.check(variant)?;
        if !(plan.reconstruction >= 0.0 && plan.reconstruction.is_finite()) {
            let got = plan.reconstruction.to_string();
            return Err(out_of_range(variant, "reconstruction", &got, "at least 0"));
        }
        loss.check(output, data.low, data.high)?;
        check_output(output, data)?;
        let steps = data.shape[0];
        let given = plan.given.unwrap_or(steps / 2);
        if !(1..steps).contains(&given) {
            let legal = "at least 1 and less than the steps of a sample";
            return Err(out_of_range(variant, "given", &given.to_string(), legal));
        }
        let step = form.step(&data.shape);
        let with_steps = |steps: i64, step: &[i64]| [&[steps], step].concat();
        let encoder = Network::new("encoder", plan.recurrent.to_vec(), &with_steps(given, &step), noise)?;
        let decoder = |name: &str, steps: i64, is_conditional: bool| {
            let mut layers = plan.recurrent.to_vec();
            layers.push(Layer::DensePerStep { units: step[step.len() - 1] });
            let mut input = step.clone();
            if !is_conditional {
                input[step.len() - 1] = 1;
            }
            let mut network = Network::new(name, layers, &with_steps(steps, &input), noise)?;
            network.set_output_bias(output.link(data.mean));
            Ok::<_, ModelError>(network)
        };
        let predictor = decoder("predictor", steps - given, plan.conditional != Conditional::None)?;
        let reconstructor = match plan.reconstruction > 0.0 {
            true => Some(decoder("reconstructor", given, plan.conditional == Conditional::Both)?),
            false => None,
        };
        Ok(Handover {
            encoder,
            predictor,
            reconstructor,
            sample: data.shape.clone(),
            given,
            form,
            conditional: plan.conditional,
            teacher_forcing: plan.teacher_forcing,
            reconstruction: plan.reconstruction,
            output,
            loss,
        })
    }

    fn steps(&self) -> i64 {
        self.sample[0]
    }

    /// The states after the given steps: `given` is `[B, given, …]`, as a network takes them.
    fn read(&self, given: &Tensor) -> States {
        self.encoder.forward_from(given, None).states
    }

    /// What a decoder gives for its steps from these states, before the output's activation: `[B, T, …]`. A conditional
    /// one begins with zeros for the step before the first.
    fn decode_from(
        &self,
        decoder: &Network,
        states: States,
        is_conditional: bool,
        teacher: Option<&Teacher<'_>>,
    ) -> Tensor {
        let shape = decoder.input_shape();
        let first = states.to_rows();
        let (n, options) = (first.size()[0], (first.kind(), first.device()));
        if !is_conditional {
            // A decoder without an input is a decoder whose input says nothing.
            let ones = Tensor::ones([&[n], shape].concat(), options);
            return decoder.forward_from(&ones, Some(&states)).output;
        }
        let steps = shape[0];
        let zeros = Tensor::zeros([&[n, 1], &shape[1..]].concat(), options);
        if let Some(teacher) = teacher.filter(|teacher| teacher.rate == 1.0) {
            let before = Tensor::cat(&[zeros, teacher.truth.narrow(1, 0, steps - 1)], 1);
            return decoder.forward_from(&before, Some(&states)).output;
        }
        let shown = teacher.map(|it| it.noise.mask("teacher forcing", &[n, steps], it.rate));
        let (mut before, mut states, mut outputs) = (zeros, states, Vec::new());
        for step in 0..steps {
            let next = decoder.forward_from(&before, Some(&states));
            before = self.output.apply(&next.output);
            if let (Some(teacher), Some(shown)) = (teacher, &shown) {
                let alone = vec![1; shape.len() - 1];
                let shown = shown.select(1, step).view([&[n, 1], alone.as_slice()].concat().as_slice());
                before = &shown * teacher.truth.narrow(1, step, 1) + (-&shown + 1.0) * before;
            }
            states = next.states;
            outputs.push(next.output);
        }
        Tensor::cat(&outputs, 1)
    }

    /// Forecast and, if there is a decoder for them, the given steps in reverse order, both before the output's
    /// activation and as a network gives them.
    fn both(&self, values: &Tensor, teacher: Option<&Teacher<'_>>) -> Decoded {
        let given = values.narrow(1, 0, self.given);
        let states = self.read(&given).to_rows();
        let future = values.narrow(1, self.given, self.steps() - self.given);
        let reversed = given.flip([1]);
        let of = |truth: &Tensor, decoder: &Network, is_conditional: bool| {
            let teacher = teacher.map(|it| Teacher { truth, ..*it });
            let states = States::from_rows(&states, &decoder.architecture().state_shapes());
            self.decode_from(decoder, states, is_conditional, teacher.as_ref())
        };
        Decoded {
            future: of(&future, &self.predictor, self.conditional != Conditional::None),
            reversed: self
                .reconstructor
                .as_ref()
                .map(|decoder| of(&reversed, decoder, self.conditional == Conditional::Both)),
        }
    }
}

/// Outputs of both decoders, before the activation.
struct Decoded {
    future: Tensor,
    reversed: Option<Tensor>,
}

impl Form {
    /// The shape of one step of the networks' input, for samples of this shape.
    fn step(self, sample: &[i64]) -> Vec<i64> {
        match (self, sample) {
            (Form::Features, step) => vec![step[1..].iter().product()],
            (Form::Patches { side }, &[_, channels, height, width]) => {
                vec![height / side, width / side, channels * side * side]
            }
            (Form::Patches { .. }, _) => panic!("patches are cut out of images, got samples of {sample:?}"),
        }
    }

    /// Steps of samples `[B, T, …]` as a network takes them.
    fn view(self, values: &Tensor) -> Tensor {
        match self {
            Form::Features if values.dim() == 2 => values.unsqueeze(-1),
            Form::Features => values.flatten(2, -1),
            Form::Patches { side } => values.pixel_unshuffle(side).permute([0, 1, 3, 4, 2]),
        }
    }

    /// Undoes [`Self::view`] for samples of this shape.
    fn restore(self, steps: &Tensor, sample: &[i64]) -> Tensor {
        let size = [&[steps.size()[0], steps.size()[1]], &sample[1..]].concat();
        match self {
            Form::Features => steps.reshape(size),
            Form::Patches { side } => steps.permute([0, 1, 4, 2, 3]).pixel_shuffle(side),
        }
    }
}

impl Model for Handover {
    fn networks(&self) -> Vec<(&'static str, &Network)> {
        let mut networks = vec![("encoder", &self.encoder), ("predictor", &self.predictor)];
        networks.extend(self.reconstructor.as_ref().map(|network| ("reconstructor", network)));
        networks
    }

    fn objective(&self) -> &'static str {
        self.loss.name()
    }

    fn masks_missing(&self) -> bool {
        true
    }

    fn losses(&self, batch: &Batch, pass: &Pass) -> Vec<Losses> {
        let values = self.form.view(&batch.values);
        let teacher = Teacher { truth: &values, rate: self.teacher_forcing.rate(pass), noise: pass.noise };
        let decoded = self.both(&values, (teacher.rate > 0.0).then_some(&teacher));
        let observed = batch.observed.as_ref().map(|observed| self.form.view(observed));
        let loss = |output: &Tensor, part: &dyn Fn(&Tensor) -> Tensor| {
            let observed = observed.as_ref().map(part);
            let loss = self.loss.mean(output, self.output, &part(&values), observed.as_ref());
            pass.over_observed(loss, observed.as_ref())
        };
        let future = self.steps() - self.given;
        let prediction = loss(&decoded.future, &|all| all.narrow(1, self.given, future));
        let mut terms = vec![("prediction", prediction.shallow_clone())];
        if let Some(reversed) = &decoded.reversed {
            let reconstruction = loss(reversed, &|all| all.narrow(1, 0, self.given).flip([1]));
            terms.push(("reconstruction", reconstruction * self.reconstruction));
        }
        vec![Losses::new(terms).with_figure(self.loss.name(), &prediction)]
    }

    fn as_autoencoder(&self) -> Option<&dyn Autoencoder> {
        self.reconstructor.as_ref().map(|_| self as &dyn Autoencoder)
    }

    fn as_forecaster(&self) -> Option<&dyn Forecaster> {
        Some(self)
    }
}

impl Forecaster for Handover {
    fn given(&self) -> i64 {
        self.given
    }

    fn forecast(&self, given: &Tensor) -> Tensor {
        assert_eq!(given.size()[1], self.given, "a forecast needs the steps that the model was made for");
        let states = self.read(&self.form.view(given));
        let output = self.decode_from(&self.predictor, states, self.conditional != Conditional::None, None);
        self.form.restore(&self.output.apply(&output), &self.sample)
    }
}

/// The code is the states after the given steps; it is decoded to these steps and their forecast. The steps that
/// follow the given ones are never looked at.
impl Autoencoder for Handover {
    fn encode(&self, x: &Tensor) -> Code {
        Code::Point(self.read(&self.form.view(&x.narrow(1, 0, self.given))).to_rows())
    }

    fn decode(&self, code: &Tensor) -> Tensor {
        let of = |decoder: &Network, is_conditional: bool| {
            let states = States::from_rows(code, &decoder.architecture().state_shapes());
            self.decode_from(decoder, states, is_conditional, None)
        };
        let future = of(&self.predictor, self.conditional != Conditional::None);
        let decoder = self.reconstructor.as_ref().expect("only a model that reconstructs is an autoencoder");
        let reversed = of(decoder, self.conditional == Conditional::Both);
        let all = Tensor::cat(&[reversed.flip([1]), future], 1);
        self.form.restore(&self.output.apply(&all), &self.sample)
    }

    fn code_size(&self) -> i64 {
        self.encoder.architecture().state_shapes().iter().map(|shape| shape.iter().product::<i64>()).sum()
    }
}

#[cfg(test)]
#[path = "handover_tests.rs"]
mod tests;
