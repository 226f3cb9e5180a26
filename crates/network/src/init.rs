//! Initial values of parameters.

use serde::{Deserialize, Serialize};

/// Initial values of a tensor. The fans follow from the shape: `[out, in]` for dense layers,
/// `[out, in, kernel…]` for convolutions: `fan_in = in · kernel`, `fan_out = out · kernel`. A transposed
/// convolution is `[in, out, kernel…]`, where the sum of the fans is the same.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Init {
    /// U(±√(6 / (fan_in + fan_out))) (Glorot & Bengio, 2010, equation 16).
    #[default]
    GlorotUniform,
    /// N(0, 2 / fan_in) (He et al., 2015, equation 10), for deep stacks of ReLUs.
    HeNormal,
    /// All zero: biases.
    Zeros,
    /// All one: the scales of normalisations.
    Ones,
    /// Random orthogonal matrices, one for each block of `in` rows of `[blocks · in, in]`: the recurrent
    /// weights of each gate, which then neither shrink nor blow up a state (Saxe, McClelland & Ganguli,
    /// 2014).
    Orthogonal,
    /// The bias of an LSTM's four gates, `[4 · units]`: 1 for the forget gate (the second), so that the cell
    /// remembers until it learns to forget (Jozefowicz, Zaremba & Sutskever, 2015, section 2.2), 0 for the
    /// others.
    ForgetGate,
}
