//! The list of variants. To add one, write a file under [`crate::variants`] and a line at the end of this
//! file. A program adds its own with [`register`].

mod own;

pub use own::{NameTaken, Own, register};

use crate::model::{DataSummary, Model, ModelError};
use ae_network::MAX_SIZE;
use ae_tensor::Noise;
use serde::de::{DeserializeOwned, EnumAccess, Error, IgnoredAny, MapAccess, VariantAccess, Visitor};
use serde::ser::SerializeMap;
use serde::{Deserialize, Deserializer, Serialize, Serializer};
use std::fmt;
use std::marker::PhantomData;

/// The settings of a variant, with its name and how to build it. `Default` gives the paper's values.
pub trait Variant: Clone + Default + Serialize + DeserializeOwned {
    /// The name used in configurations and on the command line.
    const NAME: &'static str;
    /// A description in one line, for lists.
    const ABOUT: &'static str;

    /// The untrained model for data of this kind; its weights are drawn from `noise`, on its device.
    ///
    /// # Errors
    /// If a setting is out of range, layers do not fit, or the output cannot reproduce the data.
    fn initialise(&self, data: &DataSummary, noise: &Noise) -> Result<Box<dyn Model>, ModelError>;
}

/// The settings that a model is built from: those of one variant, or [`ModelConfig`] for any variant of the
/// registry. Every [`Variant`] implements this, so one outside the registry is built, stored and loaded in
/// the same way.
///
/// Files and configurations hold settings under the variant's name: `{ "vae": { "latent": 2 } }`.
pub trait ModelSettings: Sized {
    /// The variant's name.
    fn name(&self) -> &'static str;

    /// See [`Variant::initialise`].
    ///
    /// # Errors
    /// As there.
    fn initialise(&self, data: &DataSummary, noise: &Noise) -> Result<Box<dyn Model>, ModelError>;

    /// Writes the settings under the variant's name.
    ///
    /// # Errors
    /// Those of the serializer.
    fn serialize_named<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error>;

    /// Reads settings from under their variant's name.
    ///
    /// # Errors
    /// If the name is another variant's, or the variant does not accept the settings.
    fn deserialize_named<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error>;
}

impl<V: Variant> ModelSettings for V {
    fn name(&self) -> &'static str {
        V::NAME
    }

    fn initialise(&self, data: &DataSummary, noise: &Noise) -> Result<Box<dyn Model>, ModelError> {
        Variant::initialise(self, data, noise)
    }

    fn serialize_named<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let mut map = serializer.serialize_map(Some(1))?;
        map.serialize_entry(V::NAME, self)?;
        map.end()
    }

    fn deserialize_named<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct UnderItsName<V>(PhantomData<V>);

        impl<'de, V: Variant> Visitor<'de> for UnderItsName<V> {
            type Value = V;

            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                write!(f, "the settings of `{}` under that name", V::NAME)
            }

            fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<V, A::Error> {
                let name: String = map.next_key()?.ok_or_else(|| A::Error::custom("it names no variant"))?;
                if name != V::NAME {
                    return Err(A::Error::custom(format!("it is a `{name}`, not a `{}`", V::NAME)));
                }
                let settings = map.next_value()?;
                match map.next_key::<IgnoredAny>()? {
                    None => Ok(settings),
                    Some(_) => Err(A::Error::custom("it names more than one variant")),
                }
            }
        }

        deserializer.deserialize_map(UnderItsName(PhantomData))
    }
}

impl ModelSettings for ModelConfig {
    fn name(&self) -> &'static str {
        ModelConfig::name(self)
    }

    fn initialise(&self, data: &DataSummary, noise: &Noise) -> Result<Box<dyn Model>, ModelError> {
        ModelConfig::initialise(self, data, noise)
    }

    fn serialize_named<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        self.serialize(serializer)
    }

    fn deserialize_named<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        ModelConfig::deserialize(deserializer)
    }
}

macro_rules! variants {
    ($($variant:ident: $module:ident),* $(,)?) => {
        /// The settings of one variant, as `[model.<name>]` in a configuration.
        #[derive(Clone, Debug, PartialEq)]
        pub enum ModelConfig {
            $(#[doc = concat!("See [`crate::variants::", stringify!($module), "`].")]
            $variant(crate::variants::$module::Config),)*
            /// A variant of a program's own; see [`ModelConfig::own`].
            Own(Own),
        }

        impl ModelConfig {
            /// Every variant of the list with its default settings, in its order.
            pub fn all() -> Vec<ModelConfig> {
                vec![$(ModelConfig::$variant(Default::default())),*]
            }

            /// The variant's name.
            pub fn name(&self) -> &'static str {
                match self {
                    $(ModelConfig::$variant(_) => <crate::variants::$module::Config as Variant>::NAME,)*
                    ModelConfig::Own(own) => own.name(),
                }
            }

            /// One line about the variant.
            pub fn about(&self) -> &'static str {
                match self {
                    $(ModelConfig::$variant(_) => <crate::variants::$module::Config as Variant>::ABOUT,)*
                    ModelConfig::Own(own) => own.about(),
                }
            }

            /// See [`Variant::initialise`].
            ///
            /// # Errors
            /// As there.
            pub fn initialise(&self, data: &DataSummary, noise: &Noise) -> Result<Box<dyn Model>, ModelError> {
                match self {
                    $(ModelConfig::$variant(config) => Variant::initialise(config, data, noise),)*
                    ModelConfig::Own(own) => own.initialise(data, noise),
                }
            }
        }

        impl Serialize for ModelConfig {
            fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
                let name = self.name();
                match self {
                    $(ModelConfig::$variant(config) => {
                        serializer.serialize_newtype_variant(CONFIG, 0, name, config)
                    })*
                    ModelConfig::Own(own) => serializer.serialize_newtype_variant(CONFIG, 0, name, own),
                }
            }
        }

        impl<'de> Visitor<'de> for AnyVariant {
            type Value = ModelConfig;

            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("a variant with its settings")
            }

            fn visit_enum<A: EnumAccess<'de>>(self, access: A) -> Result<ModelConfig, A::Error> {
                let (name, settings): (String, _) = access.variant()?;
                match name.as_str() {
                    $(<crate::variants::$module::Config as Variant>::NAME => {
                        settings.newtype_variant().map(ModelConfig::$variant)
                    })*
                    _ => match own::known().into_iter().find(|known| known.name == name) {
                        Some(known) => settings.newtype_variant_seed(known).map(ModelConfig::Own),
                        None => {
                            let known = ModelConfig::names().join("`, `");
                            Err(A::Error::custom(format!("unknown variant `{name}`, expected one of `{known}`")))
                        }
                    },
                }
            }
        }
    };
}

/// What a [`ModelConfig`] is called to a serializer.
const CONFIG: &str = "ModelConfig";

/// Reads the settings of any variant from under its name.
struct AnyVariant;

impl<'de> Deserialize<'de> for ModelConfig {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        // Formats that describe themselves need no list of names, and it would lack those of programs.
        deserializer.deserialize_enum(CONFIG, &[], AnyVariant)
    }
}

impl ModelConfig {
    /// A variant by name, with its default settings: one of the list, or one that was added with [`register`].
    pub fn named(name: &str) -> Option<Self> {
        let own = || {
            let known = own::known().into_iter().find(|known| known.name == name)?;
            Some(ModelConfig::Own((known.default)()))
        };
        ModelConfig::all().into_iter().find(|config| config.name() == name).or_else(own)
    }

    /// The names of all variants: those of the list in its order, then those that were added.
    pub fn names() -> Vec<&'static str> {
        let listed = ModelConfig::all().into_iter().map(|config| config.name());
        listed.chain(own::known().into_iter().map(|known| known.name)).collect()
    }
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
    VaeGan: vae_gan,
    VqVae: vq_vae,
    Factorised: factorised,
    Stacked: stacked,
    Lstm: lstm,
    Tcn: tcn,
    Mae: mae,
    Autorec: autorec,
    MultVae: mult_vae,
    MultDae: mult_dae,
    Text: text,
    Restoring: restoring,
    Colouring: colouring,
    Composite: composite,
    ConvLstm: conv_lstm,
}

/// Most layers or blocks that one setting can ask for.
const MAX_LAYERS: usize = 256;
/// What is legal for a size above [`MAX_SIZE`].
const TOO_GREAT: &str = "at most 2147483647";

pub(crate) fn out_of_range(
    variant: &'static str,
    setting: &'static str,
    got: &str,
    legal: &'static str,
) -> ModelError {
    ModelError::Setting { variant, setting, got: got.into(), legal }
}

pub(crate) fn at_least_one(variant: &'static str, setting: &'static str, got: i64) -> Result<(), ModelError> {
    match got {
        1..=MAX_SIZE => Ok(()),
        ..1 => Err(out_of_range(variant, setting, &got.to_string(), "at least 1")),
        _ => Err(out_of_range(variant, setting, &got.to_string(), TOO_GREAT)),
    }
}

pub(crate) fn widths(variant: &'static str, setting: &'static str, got: &[i64]) -> Result<(), ModelError> {
    layers(variant, setting, got.len())?;
    let refuse = |legal| Err(out_of_range(variant, setting, &format!("{got:?}"), legal));
    if got.iter().any(|&width| width < 1) {
        return refuse("a list of numbers of at least 1");
    }
    if got.iter().any(|&width| width > MAX_SIZE) {
        return refuse("a list of numbers of at most 2147483647");
    }
    Ok(())
}

/// Refuses a share of dropped values outside of `[0, 1)`; `setting` is the one itself, or the network's.
pub(crate) fn check_dropout(
    variant: &'static str,
    setting: &'static str,
    got: f64,
) -> Result<(), ModelError> {
    if (0.0..1.0).contains(&got) {
        return Ok(());
    }
    let got = if setting == "dropout" { got.to_string() } else { format!("{{ dropout = {got} }}") };
    Err(out_of_range(variant, setting, &got, "a share of at least 0 and below 1"))
}

/// Refuses more than [`MAX_LAYERS`] layers or blocks, which would have to be described before their weights
/// can be counted.
pub(crate) fn layers(variant: &'static str, setting: &'static str, got: usize) -> Result<(), ModelError> {
    if got <= MAX_LAYERS {
        return Ok(());
    }
    Err(out_of_range(variant, setting, &format!("{got} layers"), "at most 256 layers"))
}
