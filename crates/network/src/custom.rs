//! A layer of a program's own.

use crate::size::product;
use crate::{Layer, TensorSpec};
use serde::{Serialize, Serializer, ser::Error};
use std::any::Any;
use std::fmt;
use std::sync::Arc;

/// What a description knows of a layer that is not in the list: its shape rule, its tensors and its cost. Shapes
/// are those of one sample.
///
/// Its forward pass belongs to the library that computes with it, so a rule alone can be described, counted and
/// summarised, but not computed. Nothing else knows what it computes, either: a description that holds it cannot be
/// written, so it can be neither exported nor scored without that library.
pub trait LayerRule: fmt::Debug + Send + Sync + Any {
    /// The layer as summaries and errors write it, with its settings: `scale by 2`.
    fn name(&self) -> String;

    /// Shape of one sample after the layer.
    ///
    /// # Errors
    /// Why the layer does not fit, and what would, as the end of a sentence.
    fn output_shape(&self, input: &[i64]) -> Result<Vec<i64>, String>;

    /// The parameters and buffers for an input that [`Self::output_shape`] accepts; by default none.
    fn tensors(&self, _input: &[i64]) -> Vec<TensorSpec> {
        Vec::new()
    }

    /// Floating-point operations of one sample's forward pass; a multiply and an add count as two. By default 0, as for
    /// an elementwise function.
    fn flops(&self, _input: &[i64], _output: &[i64]) -> i64 {
        0
    }

    /// Values that one sample's forward pass makes and that a backward pass needs; by default those of the output.
    fn activations(&self, _input: &[i64], output: &[i64]) -> i64 {
        product(output)
    }
}

/// A layer of a program's own; see [`Layer::custom`]. Two are equal if their rules have the same [`fmt::Debug`] form,
/// which a derived one has for the same settings.
#[derive(Clone)]
pub struct Custom(Arc<dyn LayerRule>);

impl Custom {
    /// The rule.
    pub fn rule(&self) -> &dyn LayerRule {
        self.0.as_ref()
    }
}

impl Layer {
    /// A layer of a program's own, for a description. To compute with it, make it with `into_layer` of `ae-models`'
    /// `CustomLayer`, which adds the forward pass.
    pub fn custom(rule: impl LayerRule) -> Layer {
        Layer::Custom(Custom(Arc::new(rule)))
    }
}

impl fmt::Debug for Custom {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}

impl PartialEq for Custom {
    fn eq(&self, other: &Self) -> bool {
        format!("{self:?}") == format!("{other:?}")
    }
}

impl Serialize for Custom {
    fn serialize<S: Serializer>(&self, _: S) -> Result<S::Ok, S::Error> {
        Err(S::Error::custom(format!(
            "the layer `{}` is a program's own: only that program knows what it computes, so it can be neither exported nor \
             computed without libtorch",
            self.0.name()
        )))
    }
}
