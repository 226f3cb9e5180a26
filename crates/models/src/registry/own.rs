//! Variants of a program's own, beside those of the list.

use super::{ModelConfig, Variant};
use crate::model::{DataSummary, Model, ModelError};
use ae_tensor::Noise;
use erased_serde::Deserializer as AnyDeserializer;
use serde::de::DeserializeSeed;
use serde::ser::Serializer;
use serde::{Deserializer, Serialize};
use std::any::{Any, TypeId};
use std::fmt;
use std::sync::{Arc, PoisonError, RwLock};

/// The settings of a variant that a program has added with [`register`]; see [`ModelConfig::own`].
#[derive(Clone)]
pub struct Own(Arc<dyn Settings>);

/// A name that another variant has.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("there is a variant `{name}` already; give yours another `NAME`")]
pub struct NameTaken {
    /// The name.
    pub name: &'static str,
}

/// Adds a variant to those that [`ModelConfig`] knows, for as long as the program runs: configurations, model files, runs
/// and detectors that name it can be read from now on, wherever those of the list can. Adding the same type again
/// changes nothing.
///
/// A program calls it at its beginning, before it reads a file; [`ModelConfig::own`] calls it, too. The program `ae`
/// knows the variants of the list only.
///
/// # Errors
/// If the name is one of the list, or that of another type.
pub fn register<V>() -> Result<(), NameTaken>
where
    V: Variant + fmt::Debug + PartialEq + Send + Sync + 'static,
{
    let mut own = OWN.write().unwrap_or_else(PoisonError::into_inner);
    let is_listed = ModelConfig::all().iter().any(|listed| listed.name() == V::NAME);
    match own.iter().find(|known| known.name == V::NAME) {
        Some(known) if known.of == TypeId::of::<V>() => return Ok(()),
        None if !is_listed => {}
        _ => return Err(NameTaken { name: V::NAME }),
    }
    own.push(Known {
        name: V::NAME,
        of: TypeId::of::<V>(),
        default: || Own(Arc::new(V::default())),
        read: |settings| Ok(Own(Arc::new(erased_serde::deserialize::<V>(settings)?))),
    });
    Ok(())
}

/// The variants that were added.
static OWN: RwLock<Vec<Known>> = RwLock::new(Vec::new());

/// A variant that was added.
#[derive(Clone, Copy)]
pub(super) struct Known {
    pub(super) name: &'static str,
    of: TypeId,
    pub(super) default: fn() -> Own,
    read: fn(&mut dyn AnyDeserializer<'_>) -> Result<Own, erased_serde::Error>,
}

/// All that were added, in their order.
pub(super) fn known() -> Vec<Known> {
    OWN.read().unwrap_or_else(PoisonError::into_inner).clone()
}

/// Reads its settings.
impl<'de> DeserializeSeed<'de> for Known {
    type Value = Own;

    fn deserialize<D: Deserializer<'de>>(self, settings: D) -> Result<Own, D::Error> {
        (self.read)(&mut <dyn AnyDeserializer<'_>>::erase(settings)).map_err(serde::de::Error::custom)
    }
}

/// What [`Own`] needs of a variant's settings, whatever their type.
trait Settings: erased_serde::Serialize + fmt::Debug + Send + Sync + Any {
    fn name(&self) -> &'static str;
    fn about(&self) -> &'static str;
    fn initialise(&self, data: &DataSummary, noise: &Noise) -> Result<Box<dyn Model>, ModelError>;
    fn equals(&self, other: &dyn Any) -> bool;
}

impl<V: Variant + fmt::Debug + PartialEq + Send + Sync + 'static> Settings for V {
    fn name(&self) -> &'static str {
        V::NAME
    }

    fn about(&self) -> &'static str {
        V::ABOUT
    }

    fn initialise(&self, data: &DataSummary, noise: &Noise) -> Result<Box<dyn Model>, ModelError> {
        Variant::initialise(self, data, noise)
    }

    fn equals(&self, other: &dyn Any) -> bool {
        other.downcast_ref() == Some(self)
    }
}

erased_serde::serialize_trait_object!(Settings);

impl Own {
    /// The settings themselves, if they are of this type.
    pub fn settings<V: Variant + 'static>(&self) -> Option<&V> {
        let any: &dyn Any = self.0.as_ref();
        any.downcast_ref()
    }

    pub(super) fn name(&self) -> &'static str {
        self.0.name()
    }

    pub(super) fn about(&self) -> &'static str {
        self.0.about()
    }

    pub(super) fn initialise(&self, data: &DataSummary, noise: &Noise) -> Result<Box<dyn Model>, ModelError> {
        self.0.initialise(data, noise)
    }
}

impl ModelConfig {
    /// The settings of a variant of a program's own, for whatever takes a [`ModelConfig`]: an experiment, a detector. The
    /// variant is added with [`register`].
    ///
    /// # Errors
    /// As there.
    pub fn own<V>(settings: V) -> Result<Self, NameTaken>
    where
        V: Variant + fmt::Debug + PartialEq + Send + Sync + 'static,
    {
        register::<V>()?;
        Ok(ModelConfig::Own(Own(Arc::new(settings))))
    }
}

impl fmt::Debug for Own {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}

impl PartialEq for Own {
    fn eq(&self, other: &Self) -> bool {
        self.0.equals(other.0.as_ref())
    }
}

impl Serialize for Own {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        self.0.serialize(serializer)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::variants::vanilla;
    use serde::Deserialize;

    /// A variant outside of the list.
    #[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
    #[serde(default, deny_unknown_fields)]
    struct Narrow {
        code: i64,
    }

    impl Default for Narrow {
        fn default() -> Self {
            Narrow { code: 2 }
        }
    }

    impl Variant for Narrow {
        const NAME: &'static str = "narrow";
        const ABOUT: &'static str = "a test";

        fn initialise(&self, data: &DataSummary, noise: &Noise) -> Result<Box<dyn Model>, ModelError> {
            Variant::initialise(&vanilla::Config { code: self.code, ..Default::default() }, data, noise)
        }
    }

    /// Another type with a name that is taken.
    #[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
    struct Taken<const LISTED: bool>;

    impl<const LISTED: bool> Variant for Taken<LISTED> {
        const NAME: &'static str = if LISTED { "vae" } else { "narrow" };
        const ABOUT: &'static str = "a test";

        fn initialise(&self, data: &DataSummary, noise: &Noise) -> Result<Box<dyn Model>, ModelError> {
            Variant::initialise(&Narrow::default(), data, noise)
        }
    }

    fn refused(text: &str) -> String {
        serde_json::from_str::<ModelConfig>(text).unwrap_err().to_string()
    }

    #[test]
    fn settings_of_ones_own_are_written_and_read_like_those_of_the_list() {
        let config = ModelConfig::own(Narrow { code: 3 }).unwrap();
        let text = serde_json::to_string(&config).unwrap();
        assert_eq!(text, r#"{"narrow":{"code":3}}"#);
        let read: ModelConfig = serde_json::from_str(&text).unwrap();
        assert_eq!(read, config);
        assert_ne!(read, ModelConfig::own(Narrow { code: 4 }).unwrap());
        assert_ne!(read, ModelConfig::Vanilla(Default::default()));
        let ModelConfig::Own(own) = &read else { panic!("{read:?}") };
        assert_eq!(own.settings(), Some(&Narrow { code: 3 }));
        assert_eq!((read.name(), read.about()), ("narrow", "a test"));
        assert_eq!(ModelConfig::named("narrow"), ModelConfig::own(Narrow::default()).ok());
        assert_eq!(ModelConfig::named("vae"), Some(ModelConfig::Vae(Default::default())));
        assert_eq!(ModelConfig::named("nothing"), None);

        let error = refused(r#"{"narrow":{"codes":3}}"#);
        assert!(error.starts_with("unknown field `codes`, expected `code`"), "{error}");
        let error = refused(r#"{"wide":{}}"#);
        assert!(error.starts_with("unknown variant `wide`, expected one of `linear`, `vanilla`"), "{error}");
        assert!(error.contains("`conv_lstm`, `narrow`"), "{error}");
    }

    #[test]
    fn a_name_belongs_to_one_type() {
        register::<Narrow>().unwrap();
        register::<Narrow>().unwrap();
        assert_eq!(register::<Taken<false>>(), Err(NameTaken { name: "narrow" }));
        let error = ModelConfig::own(Taken::<true>).unwrap_err().to_string();
        assert_eq!(error, "there is a variant `vae` already; give yours another `NAME`");
    }
}
