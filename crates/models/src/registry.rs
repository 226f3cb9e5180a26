//! The list of variants. Adding one is a file under [`crate::variants`] and a line at the end of this file.

use crate::model::{DataSummary, Model, ModelError};
use ae_tensor::Noise;
use serde::de::DeserializeOwned;
use serde::{Deserialize, Serialize};

/// What a variant's settings know: its name, and how to build it. The paper's values are their `Default`.
pub trait Variant: Clone + Default + Serialize + DeserializeOwned {
    /// As it is written in a configuration and on the command line.
    const NAME: &'static str;
    /// One line for lists.
    const ABOUT: &'static str;

    /// Builds the model for data of this kind, on the device of `noise`, which also makes the initial weights.
    ///
    /// # Errors
    /// Where a setting is out of range, layers do not fit, or the data are not what the output can give.
    fn initialise(&self, data: &DataSummary, noise: &Noise) -> Result<Box<dyn Model>, ModelError>;
}

macro_rules! variants {
    ($($variant:ident: $module:ident),* $(,)?) => {
        /// The settings of one variant, as `[model.<name>]` in a configuration.
        #[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
        #[serde(rename_all = "snake_case")]
        pub enum ModelConfig {
            $(#[doc = concat!("See [`crate::variants::", stringify!($module), "`].")]
            $variant(crate::variants::$module::Config),)*
        }

        impl ModelConfig {
            /// Every variant with its default settings, in the order of the list.
            pub fn all() -> Vec<ModelConfig> {
                vec![$(ModelConfig::$variant(Default::default())),*]
            }

            /// The variant's name.
            pub fn name(&self) -> &'static str {
                match self { $(ModelConfig::$variant(_) => <crate::variants::$module::Config as Variant>::NAME,)* }
            }

            /// One line about the variant.
            pub fn about(&self) -> &'static str {
                match self { $(ModelConfig::$variant(_) => <crate::variants::$module::Config as Variant>::ABOUT,)* }
            }

            /// See [`Variant::initialise`].
            ///
            /// # Errors
            /// As there.
            pub fn initialise(&self, data: &DataSummary, noise: &Noise) -> Result<Box<dyn Model>, ModelError> {
                match self { $(ModelConfig::$variant(config) => config.initialise(data, noise),)* }
            }
        }
    };
}

variants! {
    Linear: linear,
    Vanilla: vanilla,
    Deep: deep,
    Hinton: hinton,
    Sparse: sparse,
    Contractive: contractive,
    Denoising: denoising,
    Conv: conv,
    Vae: vae,
    BetaVae: beta_vae,
    Iwae: iwae,
    Cvae: cvae,
    Ecg: ecg,
    Classifier: classifier,
    Gan: gan,
    Aae: aae,
    VqVae: vq_vae,
    Stacked: stacked,
    Lstm: lstm,
    Tcn: tcn,
    Mae: mae,
}

pub(crate) fn out_of_range(
    variant: &'static str,
    setting: &'static str,
    got: &str,
    legal: &'static str,
) -> ModelError {
    ModelError::Setting { variant, setting, got: got.into(), legal }
}

pub(crate) fn at_least_one(variant: &'static str, setting: &'static str, got: i64) -> Result<(), ModelError> {
    if got >= 1 { Ok(()) } else { Err(out_of_range(variant, setting, &got.to_string(), "at least 1")) }
}

pub(crate) fn widths(variant: &'static str, setting: &'static str, got: &[i64]) -> Result<(), ModelError> {
    if got.iter().all(|&width| width >= 1) {
        return Ok(());
    }
    Err(out_of_range(variant, setting, &format!("{got:?}"), "a list of numbers of at least 1"))
}
