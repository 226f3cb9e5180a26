//! Learning-rate schedules.

use ae_records::checkpoint::Plateau;
use serde::{Deserialize, Serialize};
use std::f64::consts::PI;

/// How the learning rate changes over time.
#[derive(Clone, Copy, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case", deny_unknown_fields)]
pub enum Schedule {
    /// The same throughout.
    #[default]
    Constant,
    /// Rises linearly from zero over `warmup` steps, then falls along half a cosine to `floor` times the base
    /// rate at the last step (Loshchilov & Hutter, 2017, equation 5, without restarts).
    Cosine {
        /// Steps of the rise; 0: it begins at the base rate.
        #[serde(default)]
        warmup: u64,
        /// Last rate, as a share of the base rate.
        #[serde(default)]
        floor: f64,
    },
    /// Multiplies the rate by `factor` after every `every` epochs or steps.
    Step {
        /// How long a rate is kept.
        every: u64,
        /// What `every` counts.
        #[serde(default)]
        unit: Unit,
        /// What the rate is multiplied by.
        #[serde(default = "tenth")]
        factor: f64,
    },
    /// Multiplies the rate by `factor` after each of several stages, of which the first lasts `first` epochs
    /// and each `growth` times as long as the one before. The schedule of Burda et al. (2016) is `first` 1,
    /// `growth` 3 and `factor` 10^(-1/7): the rate 0.001·10^(-i/7) for 3^i epochs, 3,280 in all for i = 0 to
    /// 7.
    Stages {
        /// Epochs of the first stage.
        #[serde(default = "one")]
        first: u64,
        /// Length of each stage as a multiple of the one before; at least 1.
        growth: u64,
        /// What the rate is multiplied by.
        #[serde(default = "tenth")]
        factor: f64,
    },
    /// One cycle (Smith & Topin, 2018): rises along half a cosine from the base rate divided by `start` to
    /// the base rate, then falls along another to the first rate divided by `end`. Shape and defaults are
    /// those of PyTorch's `OneCycleLR`; the momentum stays as it is.
    OneCycle(OneCycle),
    /// Multiplies the rate by `factor` whenever the validation loss has not fallen for `patience` epochs in a row; needs
    /// `data.validation` above 0. PyTorch's `ReduceLROnPlateau` waits one epoch longer for the same `patience`.
    ReduceOnPlateau(ReduceOnPlateau),
}

/// What [`Schedule::Step`] counts.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Unit {
    /// Passes over the training data.
    #[default]
    Epochs,
    /// Updates of the weights.
    Steps,
}

/// Settings of [`Schedule::OneCycle`].
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct OneCycle {
    /// Share of all steps in which the rate rises; between 0 and 1.
    pub rise: f64,
    /// The base rate is this many times the first rate; at least 1.
    pub start: f64,
    /// The first rate is this many times the last rate; at least 1.
    pub end: f64,
}

impl Default for OneCycle {
    fn default() -> Self {
        OneCycle { rise: 0.3, start: 25.0, end: 1e4 }
    }
}

/// Settings of [`Schedule::ReduceOnPlateau`].
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct ReduceOnPlateau {
    /// What the rate is multiplied by, above 0 and below 1.
    pub factor: f64,
    /// Epochs to wait for a better validation loss, since the best one or the last reduction; at least 1.
    pub patience: u64,
    /// How much lower a loss must be to count as better; at least 0.
    pub min_delta: f64,
    /// The lowest learning rate; at least 0.
    pub min: f64,
}

impl Default for ReduceOnPlateau {
    fn default() -> Self {
        ReduceOnPlateau { factor: 0.1, patience: 5, min_delta: 0.0, min: 0.0 }
    }
}

impl ReduceOnPlateau {
    /// Takes note of an epoch's validation loss. One that is NaN is not better than any.
    pub(crate) fn observe(self, plateau: &mut Plateau, loss: f64) {
        if loss < plateau.best.unwrap_or(f64::INFINITY) - self.min_delta {
            *plateau = Plateau { best: Some(loss), waited: 0, ..*plateau };
            return;
        }
        plateau.waited += 1;
        if plateau.waited >= self.patience {
            plateau.waited = 0;
            plateau.reductions += 1;
        }
    }
}

/// Numbers of steps.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Length {
    /// In one epoch; at least 1.
    pub epoch: u64,
    /// In the whole run.
    pub total: u64,
}

fn tenth() -> f64 {
    0.1
}

fn one() -> u64 {
    1
}

impl Schedule {
    /// Whether the rate of a step depends on how many epochs there are in all.
    pub fn depends_on_epochs(&self) -> bool {
        match self {
            Schedule::Cosine { .. } | Schedule::OneCycle(_) => true,
            Schedule::Constant
            | Schedule::Step { .. }
            | Schedule::Stages { .. }
            | Schedule::ReduceOnPlateau(_) => false,
        }
    }

    /// The rate of step `step`, counted from 0. A step after the last has the last one's rate. `reductions` is how often a
    /// plateau has been seen.
    pub fn rate(self, base: f64, step: u64, length: Length, reductions: u32) -> f64 {
        let step = step.min(length.total.saturating_sub(1));
        match self {
            Schedule::Constant => base,
            Schedule::Cosine { warmup, .. } if step < warmup => base * (step + 1) as f64 / warmup as f64,
            Schedule::Cosine { warmup, floor } => {
                let falling = length.total.saturating_sub(warmup + 1).max(1);
                half_cosine(base, base * floor, (step - warmup) as f64 / falling as f64)
            }
            Schedule::Step { every, unit, factor } => {
                let passed = if unit == Unit::Epochs { step / length.epoch.max(1) } else { step };
                base * factor.powf((passed / every.max(1)) as f64)
            }
            Schedule::Stages { first, growth, factor } => {
                let epoch = step / length.epoch.max(1);
                let (mut stage, mut lasts, mut end) = (0, first.max(1), first.max(1));
                while epoch >= end {
                    lasts = lasts.saturating_mul(growth.max(1));
                    end = end.saturating_add(lasts);
                    stage += 1;
                }
                base * factor.powi(stage)
            }
            Schedule::ReduceOnPlateau(ReduceOnPlateau { factor, min, .. }) => {
                (base * factor.powf(f64::from(reductions))).max(min.min(base))
            }
            Schedule::OneCycle(OneCycle { rise, start, end }) => {
                let (first, step) = (base / start, step as f64);
                let (top, last) = (rise * length.total as f64 - 1.0, length.total as f64 - 1.0);
                if step <= top && top > 0.0 {
                    half_cosine(first, base, step / top)
                } else {
                    half_cosine(base, first / end, (step - top.max(0.0)) / (last - top.max(0.0)).max(1.0))
                }
            }
        }
    }
}

/// From `from` to `to` along half a cosine; `done` is between 0 and 1.
fn half_cosine(from: f64, to: f64, done: f64) -> f64 {
    to + (from - to) * 0.5 * (1.0 + (PI * done.min(1.0)).cos())
}

#[cfg(test)]
mod tests {
    use super::*;

    const LENGTH: Length = Length { epoch: 10, total: 101 };

    fn check(schedule: Schedule, step: u64, expected: f64) {
        let rate = schedule.rate(0.1, step, LENGTH, 0);
        assert!((rate - expected).abs() < 1e-12, "{schedule:?}, step {step}: {rate}");
    }

    #[test]
    fn the_cosine_passes_through_its_corners() {
        let cosine = Schedule::Cosine { warmup: 10, floor: 0.1 };
        check(cosine, 0, 0.01);
        check(cosine, 9, 0.1);
        check(cosine, 10, 0.1);
        check(cosine, 55, 0.1 * 0.55);
        check(cosine, 100, 0.01);
        check(cosine, 500, 0.01);
        check(Schedule::Cosine { warmup: 0, floor: 0.0 }, 0, 0.1);
        check(Schedule::Constant, 77, 0.1);
    }

    #[test]
    fn a_step_comes_after_every_so_many_epochs_or_steps() {
        let epochs = Schedule::Step { every: 2, unit: Unit::Epochs, factor: 0.5 };
        for (step, expected) in [(0, 0.1), (19, 0.1), (20, 0.05), (39, 0.05), (40, 0.025), (100, 0.1 / 32.0)]
        {
            check(epochs, step, expected);
        }
        let steps = Schedule::Step { every: 3, unit: Unit::Steps, factor: 0.1 };
        for (step, expected) in [(2, 0.1), (3, 0.01), (5, 0.01), (6, 0.001)] {
            check(steps, step, expected);
        }
    }

    #[test]
    fn stages_grow_and_their_rates_fall() {
        let stages = Schedule::Stages { first: 1, growth: 3, factor: 0.5 };
        for (step, expected) in [(0, 0.1), (9, 0.1), (10, 0.05), (39, 0.05), (40, 0.025), (100, 0.025)] {
            check(stages, step, expected);
        }
        // Burda et al. (2016), section 5: 3,280 epochs, the last 2,187 of them at 0.001·10^-1.
        let read: Schedule =
            serde_json::from_str(r#"{"stages": {"growth": 3, "factor": 0.7196856730011519}}"#).unwrap();
        let length = Length { epoch: 1, total: 3280 };
        for (epoch, stage) in
            [(0, 0), (1, 1), (3, 1), (4, 2), (12, 2), (13, 3), (1092, 6), (1093, 7), (3279, 7)]
        {
            let expected = 1e-3 * 10f64.powf(-f64::from(stage) / 7.0);
            assert!((read.rate(1e-3, epoch, length, 0) / expected - 1.0).abs() < 1e-12, "epoch {epoch}");
        }
    }

    #[test]
    fn the_factor_of_steps_is_a_tenth_unless_given() {
        let read: Schedule = serde_json::from_str(r#"{"step": {"every": 4}}"#).unwrap();
        assert_eq!(read, Schedule::Step { every: 4, unit: Unit::Epochs, factor: 0.1 });
    }

    /// Rates of torch.optim.lr_scheduler.OneCycleLR (PyTorch 2.11), with `cycle_momentum=False`:
    ///
    ///     o = torch.optim.SGD([torch.zeros(1, requires_grad=True)], lr=1.0)
    ///     s = OneCycleLR(o, max_lr=0.1, total_steps=101, cycle_momentum=False, **options)
    ///     for step in range(101): print(s.get_last_lr()); o.step(); s.step()
    #[test]
    fn one_cycle_is_pytorchs() {
        let cycle = Schedule::OneCycle(OneCycle::default());
        for (step, expected) in [
            (0, 0.004),
            (1, 0.0042756510400273),
            (15, 0.05380089997421),
            (29, 0.099975169766186),
            (30, 0.099975814211343),
            (31, 0.099857409529396),
            (60, 0.060258064888833),
            (99, 4.9754610396129e-05),
            (100, 4e-07),
        ] {
            check(cycle, step, expected);
        }
        let cycle = Schedule::OneCycle(OneCycle { rise: 0.5, start: 10.0, end: 100.0 });
        for (step, expected) in [
            (0, 0.01),
            (1, 0.010090599558765),
            (15, 0.028897439069296),
            (29, 0.066991321616052),
            (30, 0.069718058349284),
            (31, 0.072385530656191),
            (60, 0.089717375459695),
            (99, 0.00019662342317696),
            (100, 0.0001),
        ] {
            check(cycle, step, expected);
        }
    }

    #[test]
    fn the_rate_falls_when_the_loss_has_not_for_some_epochs() {
        let check = |settings: ReduceOnPlateau, losses: &[f64], expected: &[f64]| {
            let mut plateau = Plateau::default();
            for (&loss, expected) in losses.iter().zip(expected) {
                settings.observe(&mut plateau, loss);
                // As a resumed run finds it.
                plateau = serde_json::from_str(&serde_json::to_string(&plateau).unwrap()).unwrap();
                let rate = Schedule::ReduceOnPlateau(settings).rate(0.1, 7, LENGTH, plateau.reductions);
                assert!((rate - expected).abs() < 1e-12, "{rate} instead of {expected} in {losses:?}");
            }
        };
        let settings = ReduceOnPlateau { factor: 0.5, patience: 2, ..ReduceOnPlateau::default() };
        let losses = [3.0, 3.0, 2.0, 2.5, 2.0, 2.1, f64::NAN, 1.0, 1.0];
        check(settings, &losses, &[0.1, 0.1, 0.1, 0.1, 0.05, 0.05, 0.025, 0.025, 0.025]);
        let falling = [3.0, 2.5, 2.0, 1.5];
        check(settings, &falling, &[0.1; 4]);
        check(ReduceOnPlateau { min_delta: 0.6, ..settings }, &falling, &[0.1, 0.1, 0.1, 0.1]);
        check(ReduceOnPlateau { min_delta: 2.0, ..settings }, &falling, &[0.1, 0.1, 0.05, 0.05]);
        check(
            ReduceOnPlateau { patience: 1, min: 0.03, ..settings },
            &[-1.0; 5],
            &[0.1, 0.05, 0.03, 0.03, 0.03],
        );
        check(ReduceOnPlateau { patience: 1, min: 1.0, ..settings }, &[1.0; 3], &[0.1; 3]);
    }

    #[test]
    fn short_runs_have_rates_too() {
        for total in 0..6 {
            for rise in [0.0, 0.3, 1.0] {
                let cycle = Schedule::OneCycle(OneCycle { rise, ..OneCycle::default() });
                for step in 0..6 {
                    let rate = cycle.rate(0.1, step, Length { epoch: 1, total }, 0);
                    assert!(rate > 0.0 && rate <= 0.1 + 1e-12, "{total} steps, rise {rise}, {step}: {rate}");
                }
            }
        }
    }
}
