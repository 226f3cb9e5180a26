//! A small convolutional classifier (LeCun et al., "Gradient-based learning applied to document recognition",
//! 1998, in today's form: ReLUs, max pooling, Adam). It is not an autoencoder. It judges generated images, by
//! the classes that it finds among them and by the distance between its features, and it is the yardstick for
//! fine-tuned encoders.
//!
//! Minimises the cross-entropy of the labels, `-log softmax(W f(x) + b)[y]`, where `f` is two 3×3
//! convolutions, each with a max pooling of 2, and a dense layer of 128 features.
//!
//! Use it to judge generators of small images on which it has learned to tell the classes apart. It takes
//! images with labels. It is too small for photographs.

use crate::blocks::classify;
use crate::model::{Batch, Classifier, DataSummary, Losses, Model, ModelError, Pass};
use crate::network::{Layer, Network};
use crate::registry::{Variant, at_least_one, widths};
use ae_tensor::{Activation, Noise, Tensor};
use serde::{Deserialize, Serialize};

/// Settings of the classifier.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Config {
    /// Channels of the convolutions, each followed by a max pooling of 2.
    pub channels: Vec<i64>,
    /// Width of the features, the last layer before the classes.
    pub features: i64,
    /// Activation of all layers but the last.
    pub activation: Activation,
}

impl Default for Config {
    fn default() -> Self {
        Config { channels: vec![32, 64], features: 128, activation: Activation::Relu }
    }
}

impl Variant for Config {
    const NAME: &'static str = "classifier";
    const ABOUT: &'static str = "not an autoencoder: classifies labelled images, to judge generated ones by";

    fn initialise(&self, data: &DataSummary, noise: &Noise) -> Result<Box<dyn Model>, ModelError> {
        widths(Self::NAME, "channels", &self.channels)?;
        at_least_one(Self::NAME, "features", self.features)?;
        let classes = classify::classes(Self::NAME, data.classes)?;
        let mut layers = Vec::new();
        for &channels in &self.channels {
            layers.push(Layer::Conv2d { channels, kernel: 3, stride: 1, padding: 1 });
            layers.push(Layer::Activation(self.activation));
            layers.push(Layer::MaxPool2d { kernel: 2, ceil: true });
        }
        layers.extend([Layer::Flatten, Layer::Dense { units: self.features }]);
        layers.push(Layer::Activation(self.activation));
        let features = Network::new("features", layers, &data.shape, noise)?;
        let layers = vec![Layer::Dense { units: classes }];
        let head = Network::new("head", layers, features.output_shape(), noise)?;
        Ok(Box::new(ConvClassifier { features, head }))
    }
}

#[derive(Debug)]
struct ConvClassifier {
    features: Network,
    head: Network,
}

impl Model for ConvClassifier {
    fn networks(&self) -> Vec<(&'static str, &Network)> {
        vec![("features", &self.features), ("head", &self.head)]
    }

    fn objective(&self) -> &'static str {
        classify::ERROR
    }

    fn losses(&self, batch: &Batch, _pass: &Pass) -> Vec<Losses> {
        vec![classify::losses(&self.logits(&self.features(&batch.values)), batch)]
    }

    fn as_classifier(&self) -> Option<&dyn Classifier> {
        Some(self)
    }
}

impl Classifier for ConvClassifier {
    fn features(&self, x: &Tensor) -> Tensor {
        self.features.forward(x)
    }

    fn logits(&self, features: &Tensor) -> Tensor {
        self.head.forward(features)
    }

    fn feature_size(&self) -> i64 {
        self.features.output_shape()[0]
    }

    fn classes(&self) -> i64 {
        self.head.output_shape()[0]
    }
}
