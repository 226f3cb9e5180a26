//! A colour picture without its colours: its lightness `L*` alone (Zhang, Isola & Efros, "Colorful image colorization",
//! ECCV 2016, section 2).

use super::{Damage, Damaged};
use ae_network::Range;
use ae_tensor::{Noise, Tensor, colour};
use serde::{Deserialize, Serialize};

/// Each pixel becomes the grey of its lightness, in all three channels. Images of another number of channels have no
/// colour to lose and stay as they are.
#[derive(Clone, Copy, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Grey {}

impl Damage for Grey {
    fn check(&self) -> Result<(), &'static str> {
        Ok(())
    }

    fn apply(&self, images: &Tensor, _: Range, _: &Noise) -> Damaged {
        if images.size().get(1) != Some(&3) {
            return Damaged::hidden(images.shallow_clone());
        }
        let lightness = colour::to_lab(images).narrow(1, 0, 1);
        let none = lightness.zeros_like();
        Damaged::hidden(colour::from_lab(&Tensor::cat(&[&lightness, &none, &none], 1)))
    }
}
