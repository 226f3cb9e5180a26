//! The traits of variants: [`Model`], whose losses the training loop minimises, and [`Autoencoder`],
//! [`Generator`] and others for what a variant can do.

mod code;
mod compressor;
mod data;
mod step;

pub use crate::error::ModelError;
pub use code::{Code, CodeForm};
pub use compressor::{BEST_QUALITY, Compressor};
pub use data::{Batch, DataSummary};
pub use step::{Losses, Pass, Phase};

use crate::blocks::variational::Targets;
use crate::damage::{Corruption, Damaged};
use crate::network::Network;
use ae_coding::{BitsBack, DenseNetwork};
use ae_tensor::divergence::DiagonalGaussian;
use ae_tensor::{DenseChain, Kind, Likelihood, Noise, Tensor};

/// Parameters with their own optimizer: one group for a plain autoencoder, two for a generator against a
/// discriminator.
#[derive(Debug)]
pub struct Group {
    /// Its name, such as `autoencoder`.
    pub name: &'static str,
    /// The tensors, under names that are unique in the model; they share memory with it.
    pub parameters: Vec<(String, Tensor)>,
}

impl Group {
    /// One group for each network, under the network's name.
    pub fn of_networks(networks: &[(&'static str, &Network)]) -> Vec<Group> {
        let group = |network: &(&'static str, &Network)| {
            let parameters = of_networks(std::slice::from_ref(network), Network::parameters);
            Group { name: network.0, parameters }
        };
        networks.iter().map(group).collect()
    }
}

/// A model with parameters, whose losses a training loop minimises.
pub trait Model: Send {
    /// The model's networks, in the order of the forward pass; names are unique.
    fn networks(&self) -> Vec<(&'static str, &Network)>;

    /// Name of the figure by which a model is judged on held-out data, lower being better: `mse`,
    /// `negative_elbo`, …. With one group it names the total of [`Model::losses`], unless a figure has that
    /// name; with several groups it names one of the figures.
    fn objective(&self) -> &'static str;

    /// The losses of a batch, one for each group, in the order of [`Model::groups`].
    fn losses(&self, batch: &Batch, pass: &Pass) -> Vec<Losses>;

    /// The groups of parameters; by default one for all networks. Groups may share parameters if they never
    /// train in the same step.
    fn groups(&self) -> Vec<Group> {
        vec![Group { name: "autoencoder", parameters: self.parameters() }]
    }

    /// All parameters, named `network.index.weight`, in a fixed order.
    fn parameters(&self) -> Vec<(String, Tensor)> {
        of_networks(&self.networks(), Network::parameters)
    }

    /// Tensors without gradients, such as running means; training passes change them in place.
    fn buffers(&self) -> Vec<(String, Tensor)> {
        of_networks(&self.networks(), Network::buffers)
    }

    /// Everything that a copy of the model needs: parameters, then buffers.
    fn state(&self) -> Vec<(String, Tensor)> {
        self.parameters().into_iter().chain(self.buffers()).collect()
    }

    /// Number of values in all tensors of the state; saturates at `i64::MAX`. It is known before any tensor
    /// is made.
    fn numel(&self) -> i64 {
        numel_of_networks(&self.networks())
    }

    /// Refuses a model that holds more numbers than `limit`. A model that was just built has no tensors yet,
    /// so the check costs nothing: use it, with the size of the file, before loading what a file describes.
    ///
    /// # Errors
    /// Says how many numbers it holds.
    fn check_size(&self, limit: i64) -> Result<(), ModelError> {
        let numel = self.numel();
        if numel <= limit { Ok(()) } else { Err(ModelError::TooLarge { numel, limit }) }
    }

    /// Values of one sample and of its forward pass through all networks, see
    /// [`Architecture::activations`](crate::network::Architecture::activations); saturates at `i64::MAX`.
    /// Known before any tensor is made.
    fn activations(&self) -> i64 {
        let networks = self.networks();
        let numel = |shape: &[i64]| shape.iter().fold(1i64, |numel, &size| numel.saturating_mul(size));
        let sample = networks.first().map_or(0, |(_, network)| numel(network.input_shape()));
        let each = networks.iter().map(|(_, network)| network.architecture().activations());
        each.fold(sample, i64::saturating_add)
    }

    /// The most values that a step of the forward pass of one sample holds only while it computes, see
    /// [`Architecture::workspace`](crate::network::Architecture::workspace); saturates at `i64::MAX`.
    fn workspace(&self) -> i64 {
        workspace_of_networks(&self.networks())
    }

    /// Refuses a model whose forward pass makes more values for one sample than `limit`; as
    /// [`Model::check_size`], before any of them is made.
    ///
    /// # Errors
    /// Says how many values it makes.
    fn check_activations(&self, limit: i64) -> Result<(), ModelError> {
        let activations = self.activations().saturating_add(self.workspace());
        if activations <= limit { Ok(()) } else { Err(ModelError::TooManyActivations { activations, limit }) }
    }

    /// Whether the losses leave out missing values of a batch; see [`Batch::observed`].
    fn masks_missing(&self) -> bool {
        false
    }

    /// Whether the losses are those of `values` computed from what is given instead; see [`Batch::given`].
    fn predicts(&self) -> bool {
        false
    }

    /// Warnings for the user before the first step, one sentence each: the model can be trained, but is
    /// unlikely to do what was intended.
    fn warnings(&self) -> Vec<String> {
        Vec::new()
    }

    /// The model as an autoencoder, if it is one.
    fn as_autoencoder(&self) -> Option<&dyn Autoencoder> {
        None
    }

    /// The model as a generator, if it is one.
    fn as_generator(&self) -> Option<&dyn Generator> {
        None
    }

    /// The model as one that restores images, if it does.
    fn as_restorer(&self) -> Option<&dyn Restorer> {
        None
    }

    /// The model as one with a density, if it has one.
    fn as_latent_variable(&self) -> Option<&dyn LatentVariable> {
        None
    }

    /// The model as a compressor, if it is one.
    fn as_compressor(&self) -> Option<&dyn Compressor> {
        None
    }

    /// The model as a forecaster, if it is one.
    fn as_forecaster(&self) -> Option<&dyn Forecaster> {
        None
    }

    /// The model as a classifier, if it is one.
    fn as_classifier(&self) -> Option<&dyn Classifier> {
        None
    }
}

impl<'a> AsRef<dyn Model + 'a> for dyn Model + 'a {
    fn as_ref(&self) -> &(dyn Model + 'a) {
        self
    }
}

/// Number of values in all tensors of several networks.
pub(crate) fn numel_of_networks(networks: &[(&'static str, &Network)]) -> i64 {
    networks.iter().map(|(_, network)| network.architecture().numel()).fold(0, i64::saturating_add)
}

/// The greatest workspace of several networks.
pub(crate) fn workspace_of_networks(networks: &[(&'static str, &Network)]) -> i64 {
    networks.iter().map(|(_, network)| network.architecture().workspace()).max().unwrap_or(0)
}

/// Tensors of several networks, each name prefixed with its network's.
pub(crate) fn of_networks(
    networks: &[(&'static str, &Network)],
    tensors: fn(&Network) -> Vec<(String, Tensor)>,
) -> Vec<(String, Tensor)> {
    let named = |(name, network): &(&'static str, &Network)| {
        let with_name = |(leaf, tensor)| (format!("{name}.{leaf}"), tensor);
        tensors(network).into_iter().map(with_name).collect::<Vec<_>>()
    };
    networks.iter().flat_map(named).collect()
}

/// A model with an encoder and a decoder.
pub trait Autoencoder: Model {
    /// The code of each sample; `x` is `[B, …]`.
    fn encode(&self, x: &Tensor) -> Code;

    /// The code of each sample of a batch that may have labels; differs from [`Self::encode`] for conditional models.
    fn encode_batch(&self, batch: &Batch) -> Code {
        self.encode(batch.input())
    }

    /// Reconstructions `[B, …]`, in the unit of the data, from codes `[B, D]`.
    fn decode(&self, code: &Tensor) -> Tensor;

    /// Reconstructions `[B, …]` from the codes' most probable values; draws nothing.
    fn reconstruct(&self, x: &Tensor) -> Tensor {
        self.decode(self.encode(x).point())
    }

    /// Reconstructions `[B, …]` of a batch that may have labels; differs from [`Self::reconstruct`] for
    /// conditional models.
    fn reconstruct_batch(&self, batch: &Batch) -> Tensor {
        self.reconstruct(&batch.values)
    }

    /// The input `[B, …]` that the encoder gets instead of `x`, if the variant trains on damaged input.
    fn corrupt(&self, _x: &Tensor, _noise: &Noise) -> Option<Tensor> {
        None
    }

    /// Reconstructions `[B, …]` from the batch as damaged by [`Self::corrupt`] with the same draws, or from
    /// the batch itself if nothing is damaged. A model that knows which part is missing fills in only that
    /// part.
    fn restore(&self, batch: &Batch, noise: &Noise) -> Tensor {
        let values = self.corrupt(&batch.values, noise).unwrap_or_else(|| batch.values.shallow_clone());
        let shallow = |tensor: &Option<Tensor>| tensor.as_ref().map(Tensor::shallow_clone);
        self.reconstruct_batch(&Batch {
            values,
            labels: shallow(&batch.labels),
            observed: shallow(&batch.observed),
            given: shallow(&batch.given),
        })
    }

    /// [`Self::reconstruct`] of rows `[N, numel]` on the CPU without libtorch, for models of dense layers: a
    /// single row takes microseconds. It holds a copy of the current weights.
    fn dense_chain(&self) -> Option<DenseChain> {
        None
    }

    /// [`Self::decode`] as weights, for decoders of dense layers: what a program without libtorch needs to decode, such as
    /// the page of a report. Its outputs are the values of a sample, row-major. A conditional model takes the code and
    /// behind it the class, one-hot.
    fn dense_decoder(&self) -> Option<DenseNetwork> {
        None
    }

    /// Number of values in the code of one sample, as the decoder takes it. How much such a code can hold
    /// is the business of [`Self::code_form`].
    fn code_size(&self) -> i64;

    /// What the code of one sample consists of, and with that its size in bits. By default, numbers.
    fn code_form(&self) -> CodeForm {
        CodeForm::Numbers(self.code_size())
    }

    /// What one unit of each code value adds to a sample, before the output's activation: `[D, …]`, the
    /// code's size followed by the sample's shape. Only a decoder of one linear layer has such a dictionary.
    fn dictionary(&self) -> Option<Tensor> {
        None
    }
}

/// A model that makes new samples.
pub trait Generator: Model {
    /// `n` new samples `[n, …]`, in the unit of the data.
    fn sample(&self, n: i64, noise: &Noise) -> Tensor;

    /// Number of values in the latent vector of one sample; its prior is N(0, I).
    fn latent_size(&self) -> i64;

    /// Samples `[B, …]` at given latents `[B, D]`.
    fn generate(&self, latents: &Tensor) -> Tensor;

    /// Number of labels that samples can be generated for; 0 if the model has none.
    fn classes(&self) -> i64 {
        0
    }

    /// Samples `[B, …]` at given latents `[B, D]` and labels, int64 `[B]` below [`Self::classes`]; a model
    /// without labels ignores them.
    fn generate_labelled(&self, latents: &Tensor, _labels: &Tensor) -> Tensor {
        self.generate(latents)
    }
}

/// A model with a density: `p(x) = ∫ p(x|z) N(z; 0, I) dz`, and a posterior `q(z|x)` to estimate it with.
pub trait LatentVariable: Model {
    /// What the density is defined on. Densities of different targets cannot be compared.
    fn targets(&self) -> Targets;

    /// `p(x|z)`.
    fn likelihood(&self) -> Likelihood;

    /// `q(z|x)` of each sample, `[B, D]`; the batch holds targets that are already drawn.
    fn posterior(&self, batch: &Batch) -> DiagonalGaussian;

    /// `-log p(x|z)` of each sample, in nats: `[B]`, for one latent vector each, `[B, D]`; the batch holds
    /// targets that are already drawn. Summed over the observed values.
    fn negative_log_likelihood(&self, latents: &Tensor, batch: &Batch) -> Tensor {
        let mut values = self.negative_log_likelihood_per_value(latents, batch);
        if let Some(observed) = &batch.observed {
            values *= observed.flatten(1, -1);
        }
        values.sum_dim_intlist([1i64].as_slice(), false, None::<Kind>)
    }

    /// `-log p(x|z)` of each value of each sample, in nats: `[B, D]`, a sample's values in one row; they are
    /// independent given the latents, `[B, D]`. Values that were not observed are included.
    fn negative_log_likelihood_per_value(&self, latents: &Tensor, batch: &Batch) -> Tensor;

    /// Draws `[B, …]` of `p(x|z)` for latents `[B, D]`, not only its mean; `None` if it is not Gaussian.
    fn draw(&self, _latents: &Tensor, _noise: &Noise) -> Option<Tensor> {
        None
    }

    /// The model as one that stores samples without loss, with its current weights; `None` if its networks are not dense, or
    /// its values are not whole numbers with a probability each: bits drawn from grey values ([`Targets::Stochastic`]), or the
    /// levels of a byte ([`Likelihood::is_of_levels`]).
    fn bits_back(&self) -> Option<BitsBack> {
        None
    }
}

/// A model that undoes damage to images of any size.
pub trait Restorer: Model {
    /// The damage that it was trained to undo.
    fn corruption(&self) -> Corruption;

    /// Restores damaged images `[B, C, H, W]` of any height and width. It has to be told where pixels are lost if the damage
    /// [tells its place](Corruption::tells_place), and the kernels of a blur if it [is told](Self::is_told_kernels).
    /// The result may lie a little outside of [0, 1].
    fn restore(&self, damaged: &Damaged) -> Tensor {
        self.refine(&self.start(damaged), damaged.whole.as_ref())
    }

    /// Whether it has to be told the kernel of each image's blur.
    fn is_told_kernels(&self) -> bool {
        false
    }

    /// What the network starts from, in the shape of the damaged images: what is lost may be filled in, and a blur undone,
    /// without anything learned. The whole image matters to each pixel.
    fn start(&self, damaged: &Damaged) -> Tensor {
        damaged.images.shallow_clone()
    }

    /// The restored images from what [`Self::start`] gave.
    fn refine(&self, start: &Tensor, whole: Option<&Tensor>) -> Tensor;

    /// How far away, in pixels, a pixel of the start may be that a restored pixel depends on; an upper bound.
    fn reach(&self) -> i64;

    /// A part of a start that begins at multiples of this many pixels is refined as in the whole image, except within
    /// [`Self::reach`] of its ends.
    fn grid(&self) -> i64;
}

/// A model that forecasts the last steps of a sequence from the first ones.
pub trait Forecaster: Model {
    /// Steps of a sample that are given; all others are forecast.
    fn given(&self) -> i64;

    /// The steps `[B, T - given, …]` that follow the given ones, `[B, given, …]`, both in the unit of the data.
    fn forecast(&self, given: &Tensor) -> Tensor;
}

/// A model that classifies samples.
pub trait Classifier: Model {
    /// The features `[B, F]` that logits are computed from: the output of the last layer before the logits.
    /// `x` is `[B, …]`.
    fn features(&self, x: &Tensor) -> Tensor;

    /// Logits `[B, K]` of the classes from features `[B, F]`; their softmax is the probability of each class.
    fn logits(&self, features: &Tensor) -> Tensor;

    /// The most probable class of each sample: `[B]`, int64; `x` is `[B, …]`.
    fn predict(&self, x: &Tensor) -> Tensor {
        self.logits(&self.features(x)).argmax(-1, false)
    }

    /// Number of features of one sample, `F`.
    fn feature_size(&self) -> i64;

    /// Number of classes, `K`.
    fn classes(&self) -> i64;
}
