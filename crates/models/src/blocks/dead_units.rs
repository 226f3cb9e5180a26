//! Dead units of a k-sparse code, which no sample selects any more, and an auxiliary loss that revives them
//! (Gao et al., "Scaling and evaluating sparse autoencoders", 2024, arXiv:2406.04093, section 2.4 and
//! appendix A.2: AuxK).
//!
//! A unit that is not selected gets no gradient and never changes again. Here the dead units learn to
//! reconstruct what the others miss: `weight · mean (e - ê)²`, where `e = x - x̂` is the reconstruction's
//! error, held fixed, and `ê` the decoder's output, without its bias, for the `k` largest code values of dead
//! units.

use ae_tensor::workers::Part;
use ae_tensor::{Kind, Noise, Tensor, tch};
use serde::{Deserialize, Serialize};
use std::cell::OnceCell;

/// Settings of the auxiliary loss. The weight is the paper's. The paper counts tokens where `dead_after`
/// counts steps, and uses 512 units for codes of thousands.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Settings {
    /// Dead units that each sample uses; at least 1 and at most the width of the code.
    pub k: i64,
    /// Weight of the loss; at least 0.
    pub weight: f64,
    /// Number of consecutive steps without selection after which a unit is dead; at least 1.
    pub dead_after: u32,
}

impl Default for Settings {
    fn default() -> Self {
        Settings { k: 64, weight: 1.0 / 32.0, dead_after: 100 }
    }
}

/// Which units of a code are dead.
#[derive(Debug)]
pub struct DeadUnits {
    settings: Settings,
    code: i64,
    noise: Noise,
    /// Steps since each unit was last selected: `[D]`, float; made on first use.
    idle: OnceCell<Tensor>,
}

impl DeadUnits {
    /// A record of `code` units, none of them dead.
    pub fn new(settings: Settings, code: i64, noise: &Noise) -> Self {
        DeadUnits { settings, code, noise: *noise, idle: OnceCell::new() }
    }

    fn idle(&self) -> &Tensor {
        self.idle.get_or_init(|| Tensor::zeros([self.code], (Kind::Float, self.noise.device())))
    }

    /// Number of values saved with the model.
    pub fn numel(&self) -> i64 {
        self.code
    }

    /// Weight of the loss.
    pub fn weight(&self) -> f64 {
        self.settings.weight
    }

    /// The buffer saved with the model.
    pub fn buffer(&self) -> (String, Tensor) {
        ("code.idle".into(), self.idle().shallow_clone())
    }

    /// Counts a training step; `selected` `[B, D]` is zero where a value was not selected.
    /// With a part of a batch, the other parts count as well.
    pub fn count(&self, selected: &Tensor, part: Option<&Part>) {
        tch::no_grad(|| {
            let used = selected.ne(0.0).any_dim(0, false);
            let used = part
                .map_or_else(|| used.shallow_clone(), |part| part.sum(&used.to_kind(Kind::Float)).gt(0.0));
            let idle = (self.idle() + 1.0).masked_fill(&used, 0.0);
            self.idle().shallow_clone().copy_(&idle);
        });
    }

    /// The `k` largest values of dead units in each row of `code` `[B, D]`, before the selection; the others
    /// are zero. To avoid waiting for the device, it is computed even if no unit is dead.
    pub fn largest(&self, code: &Tensor) -> Tensor {
        let dead = self.dead();
        let alone = code.detach().masked_fill(&dead.logical_not(), f64::NEG_INFINITY);
        let (_, places) = alone.topk(self.settings.k, -1, true, false);
        code * alone.zeros_like().scatter_value(-1, &places, 1.0) * dead
    }

    /// 1 if any unit is dead, otherwise 0: a scalar.
    pub fn any(&self) -> Tensor {
        self.dead().any().to_kind(Kind::Float)
    }

    fn dead(&self) -> Tensor {
        self.idle().ge(f64::from(self.settings.dead_after))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use ae_tensor::Device;

    #[test]
    fn a_unit_dies_when_no_sample_selects_it_and_lives_when_one_does() {
        let settings = Settings { k: 2, dead_after: 2, ..Settings::default() };
        let units = DeadUnits::new(settings, 4, &Noise::new(0, 0, Device::Cpu));
        let code = Tensor::from_slice(&[1f32, 2.0, -3.0, 4.0, 5.0, 6.0, 7.0, 8.0]).view([2, 4]);
        let check = |expected: [f32; 8]| {
            assert_eq!(units.largest(&code), Tensor::from_slice(&expected).view([2, 4]));
            let any = expected.iter().any(|value| *value != 0.0);
            assert_eq!(units.any().double_value(&[]) == 1.0, any);
        };
        let step = |selected: [f32; 8]| units.count(&Tensor::from_slice(&selected).view([2, 4]), None);
        check([0.0; 8]);
        step([0.0, 0.0, 0.0, 4.0, 0.0, 0.0, 0.0, 8.0]);
        check([0.0; 8]);
        step([0.0, 0.0, 0.0, 4.0, 0.0, 0.0, 0.0, 8.0]);
        // Of the three dead units the two largest of each row.
        check([1.0, 2.0, 0.0, 0.0, 0.0, 6.0, 7.0, 0.0]);
        step([0.0, 0.0, 0.0, 4.0, 0.0, 6.0, 7.0, 0.0]);
        check([1.0, 0.0, 0.0, 0.0, 5.0, 0.0, 0.0, 0.0]);
    }
}
