//! `ae eval search`: finds images of the same class by pixels, by principal components, by codes, and by binary
//! codes, which take 8 or 32 bytes an image (Krizhevsky & Hinton, "Using very deep autoencoders for content-based
//! image retrieval", ESANN 2011).

mod shown;

use crate::anomaly::autoencoder;
use crate::codes;
use crate::context::{Context, Wanted};
use crate::entrants::{Entrants, Found, Precisions, Size};
use crate::error::EvaluationError;
use crate::held_out::strided;
use crate::outcome::Evaluation;
use crate::scan::Gallery;
use crate::spread::Quantity;
use crate::subject::Models;
use crate::tasks::RunTask;
pub(crate) use ae_catalogue::tasks::SEARCH as TASK;
use ae_datasets::Preprocessing;
use ae_models::Batch;
use ae_tensor::{Device, Kind, Noise, Pca, Tensor};
use ae_training::Splits;
use shown::Shown;
use std::path::PathBuf;

pub(crate) const RUN: RunTask = |context, _| {
    let models = Models::of(context, &[])?;
    if let Some(data) = models.data() {
        let names = models.names();
        let run = |name| Coder { name, title: name, preset: name, settings: &[], binary: true };
        let coders: Vec<Coder<'_>> = names.iter().map(|name| run(*name)).collect();
        let set = Set { name: data, settings: &[] };
        return evaluate(context, &[set], &coders, |_, coder, seed| models.wanted(coder.preset, seed));
    }
    let own = [Set { name: "your data", settings: &[] }];
    let sets = if context.subject.has_data() { &own[..] } else { &SETS };
    evaluate(context, sets, &CODERS, |set, coder, seed| {
        // Data of the user's own are set for all presets alike.
        let data = format!(
            "data.set={}",
            SETS.iter().find(|known| known.name == set.name).map_or("mnist", |it| it.name)
        );
        let settings = [&[data.as_str()], set.settings, coder.settings].concat();
        Wanted::preset(coder.preset, &settings, seed)
    })
};

/// A set of labelled images: its training images are searched with its test images.
#[derive(Clone, Copy, Debug)]
struct Set<'a> {
    name: &'a str,
    /// What differs from the presets.
    settings: &'a [&'a str],
}

/// A model whose codes are searched.
#[derive(Clone, Copy, Debug)]
struct Coder<'a> {
    /// In the metrics.
    name: &'a str,
    title: &'a str,
    preset: &'a str,
    /// What differs from the preset.
    settings: &'a [&'a str],
    /// Whether its code is made binary, too: a bit for each unit.
    binary: bool,
}

const SETS: [Set<'static>; 3] = [
    Set { name: "mnist", settings: &[] },
    Set { name: "fashion-mnist", settings: &[] },
    // As many steps as ten passes over 40,000 images.
    Set { name: "cifar10-subset", settings: &["training.epochs=100"] },
];
const CODERS: [Coder<'static>; 5] = [
    Coder { name: "vanilla", title: "vanilla", preset: "vanilla", settings: &[], binary: true },
    Coder {
        name: "vanilla256",
        title: "vanilla, code of 256",
        preset: "vanilla",
        settings: &["model.vanilla.code=256"],
        binary: true,
    },
    Coder { name: "conv", title: "conv", preset: "conv", settings: &[], binary: false },
    Coder { name: "vae", title: "vae", preset: "vae", settings: &[], binary: false },
    Coder { name: "mae", title: "mae", preset: "mae", settings: &[], binary: true },
];
/// Test images that are searched for, at most.
const QUERIES: usize = 1000;

/// Share of the first images found that are of the query's class.
const PRECISIONS: Precisions = &[
    (1, Quantity::share("precision_at_1", "P@1", 3)),
    (10, Quantity::share("precision_at_10", "P@10", 3)),
    (100, Quantity::share("precision_at_100", "P@100", 3)),
];
/// The images of one set and one seed.
struct Trial<'a> {
    seed: u64,
    splits: &'a Splits,
    gallery_labels: Vec<i64>,
    queries: Batch,
    query_labels: Vec<i64>,
}

fn evaluate(
    context: &mut Context<'_>,
    sets: &[Set<'_>],
    coders: &[Coder<'_>],
    wanted: impl Fn(&Set<'_>, &Coder<'_>, u64) -> Result<Wanted, EvaluationError>,
) -> Result<(Evaluation, PathBuf), EvaluationError> {
    let mut draft = Evaluation::begin(context, &TASK)?;
    draft.expect(sets.len() * coders.len() * context.seeds.len());
    for set in sets {
        let mut entrants = Entrants::new(PRECISIONS);
        let mut shown = None;
        for seed in context.seeds.clone() {
            let mut pca: Option<Pca> = None;
            for coder in coders {
                let run = draft.trained(context, &wanted(set, coder, seed)?)?;
                let model = autoencoder(&run)?;
                let trial = Trial::new(&run.splits, seed)?;
                let encode = |rows: &Tensor| codes::encode(model, rows);
                if pca.is_none() {
                    trial.pixels(&mut entrants)?;
                    pca = Some(Pca::fit(run.splits.train.values()));
                }
                if shown.is_none() {
                    shown = Some(Shown::new(&run.splits, coder.title, encode)?);
                }
                let Some(pca) = &pca else { continue };
                trial.codes(&mut entrants, (coder.name, coder.title), coder.binary, encode)?;
                // The same size of each rival, once.
                let size = model.code_size();
                let known = size.min(pca.components());
                let name = format!("pca{known}");
                if size <= pca.most() && !entrants.have(&name, seed) {
                    let title = format!("PCA, {known} components");
                    let by = |rows: &Tensor| codes::represent(rows, |batch| pca.codes(batch, known));
                    trial.codes(&mut entrants, (&name, &title), coder.binary, by)?;
                }
                if coder.binary {
                    trial.random_bits(&mut entrants, size)?;
                }
            }
        }
        entrants.report(&mut draft, set.name)?;
        if let Some(shown) = shown {
            shown.add(&mut draft, set.name)?;
        }
    }
    draft.finish(format!(
        "All training images of a set are searched (its gallery), with at most {QUERIES} of its test images as queries, \
         evenly spaced. An image found is right if it has the label of the query. Models are trained without labels on \
         the gallery; nothing is chosen by the queries. Every query is compared with every image. Numbers are compared \
         by the Euclidean distance, bits by the Hamming distance. A bit says whether a unit of the code is above its \
         median over the gallery; the rivals of the same size are the principal components and random projections \
         (Charikar, 2002), at their medians, too. The mean average precision is over the whole gallery. Tied images count \
         by their mean over all orders (McSherry & Najork, 2008)."
    ))
}

impl<'a> Trial<'a> {
    fn new(splits: &'a Splits, seed: u64) -> Result<Self, EvaluationError> {
        let gallery_labels = codes::labels(splits, &splits.train.rows(0, splits.train.len()))?;
        let queries = strided(&splits.test, QUERIES);
        let query_labels = codes::labels(splits, &queries)?;
        Ok(Trial { seed, splits, gallery_labels, queries, query_labels })
    }

    fn gallery(&self) -> &Tensor {
        self.splits.train.values()
    }

    /// Adds the pixels themselves.
    fn pixels(&self, entrants: &mut Entrants) -> Result<(), EvaluationError> {
        let values = self.gallery().flatten(1, -1).size()[1];
        let are_bytes = matches!(self.splits.dataset.preprocessing, Preprocessing::Divide { .. });
        let size = if are_bytes { Size::Pixels(values) } else { Size::Values(values) };
        let found = entrants.entry("pixels", "pixels", size);
        self.judge(found, &Gallery::euclid(self.gallery()), &self.queries.values)
    }

    /// Adds codes, by `name` and title, and their bits if wanted; `by` maps images to codes `[N, D]`.
    fn codes(
        &self,
        entrants: &mut Entrants,
        (name, title): (&str, &str),
        binary: bool,
        by: impl Fn(&Tensor) -> Tensor,
    ) -> Result<(), EvaluationError> {
        let (gallery, queries) = (by(self.gallery()), by(&self.queries.values));
        let size = Size::Values(gallery.size()[1]);
        self.judge(entrants.entry(name, title, size), &Gallery::euclid(&gallery), &queries)?;
        if binary { self.bits(entrants, (name, title), &gallery, &queries) } else { Ok(()) }
    }

    /// Adds the bits of codes `[N, D]` of the gallery and `[Q, D]` of the queries.
    fn bits(
        &self,
        entrants: &mut Entrants,
        (name, title): (&str, &str),
        gallery: &Tensor,
        queries: &Tensor,
    ) -> Result<(), EvaluationError> {
        let (medians, _) = gallery.median_dim(0, false);
        let size = Size::Bits(gallery.size()[1]);
        let found = entrants.entry(&format!("{name}_bits"), title, size);
        self.judge(found, &Gallery::hamming(&above(gallery, &medians)), &above(queries, &medians))
    }

    /// Adds bits of random projections of the pixels.
    fn random_bits(&self, entrants: &mut Entrants, bits: i64) -> Result<(), EvaluationError> {
        let [gallery, queries] = [self.gallery(), &self.queries.values].map(|rows| rows.flatten(1, -1));
        let noise = Noise::new(self.seed, 0, gallery.device()).fork("search");
        let directions = noise.normal("random projections", &[gallery.size()[1], bits]);
        let [gallery, queries] =
            [gallery, queries].map(|rows| codes::represent(&rows, |batch| batch.matmul(&directions)));
        let name = format!("random{bits}");
        self.bits(entrants, (&name, "random projections"), &gallery, &queries)
    }

    /// Adds what the queries find in the gallery.
    fn judge(
        &self,
        mut found: Found<'_>,
        gallery: &Gallery,
        queries: &Tensor,
    ) -> Result<(), EvaluationError> {
        gallery.search(queries, |query, scores| {
            let label = self.query_labels[query];
            let is_right: Vec<bool> = self.gallery_labels.iter().map(|&other| other == label).collect();
            found.add(scores, &is_right)
        })?;
        found.finish(self.seed);
        Ok(())
    }
}

/// 1 where a value is above the median of its column, otherwise −1: `[N, D]`.
fn above(codes: &Tensor, medians: &Tensor) -> Tensor {
    codes.gt_tensor(medians).to_kind(Kind::Float).to_device(Device::Cpu) * 2.0 - 1.0
}

#[cfg(test)]
mod tests;
