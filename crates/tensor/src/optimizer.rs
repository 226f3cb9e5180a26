//! Optimizers over fused kernels: our own for Adam on a CPU, ATen's for the rest. Their state can be saved, and loading it continues bit for bit.

use crate::adam::Group;
use crate::native::{self, RmspropStep, TorchError};
use ae_kernels::AdamStep;
use serde::{Deserialize, Serialize};
use tch::{Device, Kind, Tensor};

/// An optimizer and its settings. The learning rate is passed to each step, because a schedule changes it.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case", deny_unknown_fields)]
pub enum OptimizerConfig {
    /// Stochastic gradient descent; `v ← momentum · v + g`, `θ ← θ - rate · v` (Sutskever et al., 2013, in
    /// PyTorch's form).
    Sgd(Sgd),
    /// Adam (Kingma & Ba, 2015, algorithm 1); weight decay adds to the gradient.
    Adam(Adam),
    /// AdamW (Loshchilov & Hutter, 2019, algorithm 2); weight decay shrinks the weights themselves.
    Adamw(Adamw),
    /// RMSprop (Tieleman & Hinton, 2012, lecture 6.5; centred: Graves, 2013, equations 38-45), in PyTorch's
    /// form: `s ← α · s + (1 - α) · g²`, `v ← momentum · v + g / (√s + ε)`, `θ ← θ - rate · v`; weight decay
    /// adds to the gradient.
    Rmsprop(Rmsprop),
}

/// Settings of stochastic gradient descent.
#[derive(Clone, Copy, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Sgd {
    /// Share of the last step that is kept; 0 is plain descent.
    pub momentum: f64,
    /// Whether the gradient looks ahead by the momentum (Nesterov); needs a momentum above zero.
    pub nesterov: bool,
    /// Factor of the L2 penalty.
    pub weight_decay: f64,
}

/// Settings of Adam.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Adam {
    /// Decay of the first moment.
    pub beta1: f64,
    /// Decay of the second moment.
    pub beta2: f64,
    /// Keeps the quotient finite.
    pub epsilon: f64,
    /// Factor of the L2 penalty, which is added to the gradient.
    pub weight_decay: f64,
}

impl Default for Adam {
    fn default() -> Self {
        Adam { beta1: 0.9, beta2: 0.999, epsilon: 1e-8, weight_decay: 0.0 }
    }
}

/// Settings of AdamW. The default decay is PyTorch's.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Adamw {
    /// Decay of the first moment.
    pub beta1: f64,
    /// Decay of the second moment.
    pub beta2: f64,
    /// Keeps the quotient finite.
    pub epsilon: f64,
    /// Share of each weight that a step takes away, times the learning rate.
    pub weight_decay: f64,
}

impl Default for Adamw {
    fn default() -> Self {
        Adamw { beta1: 0.9, beta2: 0.999, epsilon: 1e-8, weight_decay: 0.01 }
    }
}

/// Settings of RMSprop.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Rmsprop {
    /// Decay of the mean of squared gradients, and of the mean gradient if `centered`; α of the formula.
    pub alpha: f64,
    /// Keeps the quotient finite.
    pub epsilon: f64,
    /// Share of the last step that is kept; 0 is the lecture's rule.
    pub momentum: f64,
    /// Whether the square of the mean gradient is subtracted from the mean square, which leaves the variance.
    pub centered: bool,
    /// Factor of the L2 penalty.
    pub weight_decay: f64,
}

impl Default for Rmsprop {
    fn default() -> Self {
        Rmsprop { alpha: 0.99, epsilon: 1e-8, momentum: 0.0, centered: false, weight_decay: 0.0 }
    }
}

impl Default for OptimizerConfig {
    fn default() -> Self {
        OptimizerConfig::Adam(Adam::default())
    }
}

/// An invalid setting or saved state of an optimizer.
#[derive(Debug, thiserror::Error)]
pub enum OptimizerError {
    /// A setting out of range.
    #[error("{name} = {got} is out of range; it must be {legal}")]
    OutOfRange {
        /// The setting.
        name: &'static str,
        /// The value given.
        got: f64,
        /// What it must be.
        legal: &'static str,
    },
    /// A saved state of another model or optimizer.
    #[error("the saved optimizer state does not fit: {0}")]
    State(String),
    /// An error from libtorch.
    #[error(transparent)]
    Torch(#[from] TorchError),
}

impl OptimizerConfig {
    /// Refuses settings out of range.
    pub fn check(&self) -> Result<(), OptimizerError> {
        let legal = |name, got: f64, fine: bool, legal| {
            if fine { Ok(()) } else { Err(OptimizerError::OutOfRange { name, got, legal }) }
        };
        let share = |name, got: f64| legal(name, got, (0.0..1.0).contains(&got), "at least 0 and below 1");
        let positive = |name, got: f64| legal(name, got, got >= 0.0 && got.is_finite(), "at least 0");
        let small = |name, got: f64| legal(name, got, got > 0.0 && got.is_finite(), "above 0");
        match self {
            OptimizerConfig::Sgd(sgd) => {
                share("momentum", sgd.momentum)?;
                positive("weight_decay", sgd.weight_decay)?;
                let fine = !sgd.nesterov || sgd.momentum > 0.0;
                legal("momentum", sgd.momentum, fine, "above 0 if nesterov is true")
            }
            &OptimizerConfig::Adam(Adam { beta1, beta2, epsilon, weight_decay })
            | &OptimizerConfig::Adamw(Adamw { beta1, beta2, epsilon, weight_decay }) => {
                share("beta1", beta1)?;
                share("beta2", beta2)?;
                small("epsilon", epsilon)?;
                positive("weight_decay", weight_decay)
            }
            OptimizerConfig::Rmsprop(rmsprop) => {
                share("alpha", rmsprop.alpha)?;
                small("epsilon", rmsprop.epsilon)?;
                share("momentum", rmsprop.momentum)?;
                positive("weight_decay", rmsprop.weight_decay)
            }
        }
    }
}

/// An optimizer over one group of parameters.
#[derive(Debug)]
pub struct Optimizer {
    config: OptimizerConfig,
    parameters: Vec<Tensor>,
    /// Means of gradients and of their squares, and what is kept of the last step; empty if the optimizer
    /// keeps none.
    first: Vec<Tensor>,
    second: Vec<Tensor>,
    momenta: Vec<Tensor>,
    /// Adam's own count, on the device.
    steps: Vec<Tensor>,
    taken: u64,
}

impl Optimizer {
    /// Makes an all-zero state for these parameters, which are shared, not copied.
    pub fn new(config: OptimizerConfig, parameters: &[Tensor]) -> Result<Self, OptimizerError> {
        config.check()?;
        let zeros = |kept: bool| -> Vec<Tensor> {
            let kept = if kept { parameters } else { &[] };
            kept.iter().map(|p| p.detach().zeros_like()).collect()
        };
        let step = |p: &Tensor| Tensor::zeros([0i64; 0], (Kind::Float, p.device()));
        let (first, second, momentum, counts) = match config {
            OptimizerConfig::Sgd(sgd) => (false, false, sgd.momentum > 0.0, false),
            OptimizerConfig::Adam(_) | OptimizerConfig::Adamw(_) => (true, true, false, true),
            OptimizerConfig::Rmsprop(rmsprop) => (rmsprop.centered, true, rmsprop.momentum > 0.0, false),
        };
        Ok(Optimizer {
            config,
            parameters: parameters.iter().map(Tensor::shallow_clone).collect(),
            first: zeros(first),
            second: zeros(second),
            momenta: zeros(momentum),
            steps: if counts { parameters.iter().map(step).collect() } else { vec![] },
            taken: 0,
        })
    }

    /// Clears the gradients.
    pub fn zero_gradients(&self) -> Result<(), TorchError> {
        native::zero_gradients(&self.parameters)
    }

    /// Adds the gradients of `loss`, a scalar, to this group's parameters and to no others. `retain_graph`
    /// keeps the graph for the loss of another group.
    pub fn backward(&self, loss: &Tensor, retain_graph: bool) -> Result<(), TorchError> {
        native::backward(loss, &self.parameters, retain_graph)
    }

    /// Updates the parameters with their gradients. Parameters without a gradient are left alone.
    pub fn step(&mut self, rate: f64) -> Result<(), TorchError> {
        match self.config {
            OptimizerConfig::Sgd(sgd) => {
                let Sgd { momentum, nesterov, weight_decay } = sgd;
                // A first step on zeroed buffers is the same as one that fills them: no special case to
                // resume.
                let p = &self.parameters;
                native::fused_sgd(p, &self.momenta, rate, momentum, weight_decay, nesterov, false)?;
            }
            OptimizerConfig::Adam(Adam { beta1, beta2, epsilon, weight_decay })
            | OptimizerConfig::Adamw(Adamw { beta1, beta2, epsilon, weight_decay }) => {
                let decoupled = matches!(self.config, OptimizerConfig::Adamw(_));
                let how = AdamStep { rate, beta1, beta2, weight_decay, epsilon, decoupled };
                let Optimizer { parameters, first, second, steps, .. } = self;
                Group { parameters, first, second, steps }.step(&how)?;
            }
            OptimizerConfig::Rmsprop(rmsprop) => {
                let Rmsprop { alpha, epsilon, momentum, centered, weight_decay } = rmsprop;
                let how = RmspropStep { rate, alpha, epsilon, momentum, weight_decay, centered };
                native::rmsprop(&self.parameters, &self.first, &self.second, &self.momenta, &how)?;
            }
        }
        self.taken += 1;
        Ok(())
    }

    /// Steps taken, over all resumptions.
    pub fn steps_taken(&self) -> u64 {
        self.taken
    }

    /// Multiplies the gradients by a factor.
    pub fn scale_gradients(&self, factor: f64) -> Result<(), TorchError> {
        if factor == 1.0 {
            return Ok(());
        }
        let device = self.parameters.first().map_or(Device::Cpu, Tensor::device);
        native::scale_gradients(&self.parameters, &Tensor::from(factor as f32).to_device(device))
    }

    /// Scales the gradients down so that their joint L2 norm is at most `max_norm` (Pascanu et al., 2013);
    /// returns the norm before, a scalar on the device. If the norm is not finite, the gradients stay
    /// non-finite.
    pub fn clip_gradient_norm(&self, max_norm: f64) -> Result<Tensor, TorchError> {
        let norm = native::gradient_norm(&self.parameters)?;
        let factor = (max_norm / (&norm + 1e-6)).clamp_max(1.0);
        native::scale_gradients(&self.parameters, &factor)?;
        Ok(norm)
    }

    /// The state as named tensors: `first.0`, `second.0`, `momenta.0`, `steps.0`, … in the order of the
    /// parameters.
    pub fn state(&self) -> Vec<(String, Tensor)> {
        let parts = [
            ("first", &self.first),
            ("second", &self.second),
            ("momenta", &self.momenta),
            ("steps", &self.steps),
        ];
        let named = |(part, tensors): (&str, &Vec<Tensor>)| {
            let name = |(i, t): (usize, &Tensor)| (format!("{part}.{i}"), t.shallow_clone());
            tensors.iter().enumerate().map(name).collect::<Vec<_>>()
        };
        parts.into_iter().flat_map(named).collect()
    }

    /// Restores a state from [`Self::state`]. `find` looks up a tensor by name; `taken` is
    /// [`Self::steps_taken`] at that time.
    pub fn load_state(
        &mut self,
        find: impl Fn(&str) -> Option<Tensor>,
        taken: u64,
    ) -> Result<(), OptimizerError> {
        for (name, mut mine) in self.state() {
            let saved = find(&name).ok_or_else(|| OptimizerError::State(format!("it has no `{name}`")))?;
            if saved.size() != mine.size() {
                let (got, needed) = (saved.size(), mine.size());
                return Err(OptimizerError::State(format!(
                    "`{name}` has shape {got:?} instead of {needed:?}"
                )));
            }
            tch::no_grad(|| mine.copy_(&saved));
        }
        self.taken = taken;
        Ok(())
    }
}

/// Moves averages towards the parameters, in place: `average ← decay · average + (1 - decay) · parameter`.
pub fn update_averages(averages: &[Tensor], parameters: &[Tensor], decay: f64) -> Result<(), TorchError> {
    native::lerp(averages, parameters, 1.0 - decay)
}
