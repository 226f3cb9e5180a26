//! `ae eval compression`: how many bits a picture takes at which quality, by a learned compressor, JPEG, WebP and AVIF; and
//! what becomes of a compressor that meets pictures of another kind.

mod codecs;
mod exact;
mod gallery;

use crate::compressor::PictureCompressor;
use crate::context::{Context, Wanted};
use crate::draft::Draft;
use crate::error::EvaluationError;
use crate::outcome::{Evaluation, ResultTable};
use crate::spread::{Figures, Quantity};
use crate::tasks::RunTask;
pub(crate) use ae_catalogue::tasks::COMPRESSION as TASK;
use ae_training::experiment::{Run, RunError};
use exact::EXACTLY;
pub(crate) use exact::stored;
pub(crate) use gallery::Gallery;
use gallery::{Curve, IMAGES};
use std::collections::BTreeMap;
use std::path::PathBuf;

pub(crate) const RUN: RunTask = |context, _| {
    let mut draft = Evaluation::begin(context, &TASK)?;
    exact::report(context, &mut draft, &EXACTLY, |one, seed| Wanted::preset(one.preset, &[], seed))?;
    evaluate(context, draft, &SETS, |set, learned, seed| {
        let data = format!("data.set={}", set.name);
        Wanted::preset(learned.preset, &[&[data.as_str()], set.settings].concat(), seed)
    })
};

/// A set of images.
#[derive(Clone, Copy, Debug)]
struct Set {
    name: &'static str,
    /// Of data, model and training, for both learned compressors.
    settings: &'static [&'static str],
    /// The set whose compressor it meets, too.
    stranger: Option<&'static str>,
}

const GREY: &[&str] = &["training.epochs=4", "model.factorised.latent=16"];

const SETS: [Set; 3] = [
    Set { name: "fashion-mnist", settings: GREY, stranger: Some("mnist") },
    Set { name: "mnist", settings: GREY, stranger: Some("fashion-mnist") },
    // As many steps as four passes over 60,000 images.
    Set {
        name: "cifar10-subset",
        settings: &["training.epochs=60", "model.factorised.latent=32"],
        stranger: None,
    },
];

/// A learned compressor.
#[derive(Clone, Copy, Debug)]
struct Learned {
    preset: &'static str,
    title: &'static str,
}

/// The better one last: its pictures are shown, and it meets pictures of another kind.
const LEARNED: [Learned; 2] = [
    Learned { preset: "factorised", title: "learned, factorised prior" },
    Learned { preset: "hyperprior", title: "learned, hyperprior" },
];

const BD_RATE: Quantity = Quantity::percentage("bd_rate", "bits against JPEG", 1);
const OVERHEAD: Quantity = Quantity::percentage("overhead", "file above the model's bits", 2);
/// The column of the compressor itself in the table of strangers.
const STRANGER: Quantity = Quantity::percentage("stranger_bd_rate", "bits against the own model", 1);

fn evaluate(
    context: &mut Context<'_>,
    mut draft: Draft,
    sets: &[Set],
    wanted: impl Fn(&Set, &Learned, u64) -> Result<Wanted, EvaluationError>,
) -> Result<(Evaluation, PathBuf), EvaluationError> {
    let mut missing = Vec::new();
    for set in sets {
        let mut results = Results::default();
        for seed in context.seeds.clone() {
            let is_first = seed == context.seeds[0];
            for (learned, place) in LEARNED.iter().zip(1..) {
                let run = draft.trained(context, &wanted(set, learned, seed)?)?;
                let compressor = compressor(&run, context)?;
                let gallery = Gallery::of(&run)?;
                let ours = gallery.ours(&compressor, learned.preset, learned.title)?;
                if is_first && place == 1 {
                    results.rivals = gallery.rivals(&mut missing)?;
                }
                results.add(seed, &ours, gallery.overhead(&compressor)?)?;
                if is_first {
                    results.learned.push(ours.clone());
                }
                if place < LEARNED.len() {
                    continue;
                }
                if is_first {
                    gallery.show(&mut draft, set.name, &compressor, &results.learned, &results.rivals)?;
                }
                let stranger = set.stranger.and_then(|name| sets.iter().find(|other| other.name == name));
                if let Some(stranger) = stranger {
                    let other = draft.trained(context, &wanted(stranger, learned, seed)?)?;
                    let other = self::compressor(&other, context)?;
                    let foreign =
                        gallery.ours(&other, "stranger", &format!("learned on {}", stranger.name))?;
                    results.stranger(seed, &ours, &foreign)?;
                    if is_first {
                        gallery.show_stranger(
                            &mut draft,
                            (set.name, stranger.name),
                            [&compressor, &other],
                        )?;
                    }
                }
            }
        }
        results.report(&mut draft, set)?;
    }
    missing.dedup();
    let absent = match missing.is_empty() {
        true => String::new(),
        false => format!(
            " {} was left out: its programs, `avifenc` and `avifdec` (Debian: libavif-bin), are not installed.",
            missing.join(", ")
        ),
    };
    draft.finish(format!(
        "At most {IMAGES} test images of each set, evenly spaced; the model was trained on the training images, once for all \
         qualities. All bits are those of real files, decoded again from their bytes alone: the learned compressor stores \
         all images in one file, the others get them as one mosaic, so that headers do not decide. PSNR is that of the mean \
         squared error over all values; MS-SSIM is over the mosaic. The difference in bits is that of Bjøntegaard (2001) at \
         equal PSNR, over the range that both curves reach. JPEG has optimised Huffman tables.{absent}"
    ))
}

/// Loads the run's model from its file, as `ae compress` does.
pub(crate) fn compressor(run: &Run, context: &Context<'_>) -> Result<PictureCompressor, EvaluationError> {
    let device = context.device.resolve().map_err(RunError::from)?;
    Ok(PictureCompressor::load(&run.dir.model(), device)?)
}

#[derive(Default)]
struct Results {
    /// Of the first seed.
    learned: Vec<Curve>,
    rivals: Vec<Curve>,
    /// Of each learned compressor, by its preset.
    figures: BTreeMap<String, Figures>,
}

impl Results {
    fn jpeg(&self) -> Option<&Curve> {
        self.rivals.iter().find(|curve| curve.name == "jpeg")
    }

    fn add(&mut self, seed: u64, ours: &Curve, overhead: f64) -> Result<(), EvaluationError> {
        let rate = self.jpeg().map(|jpeg| jpeg.against(ours)).transpose()?.flatten();
        let figures = self.figures.entry(ours.name.clone()).or_default();
        if let Some(rate) = rate {
            figures.push(seed, &BD_RATE, rate);
        }
        figures.push(seed, &OVERHEAD, overhead);
        Ok(())
    }

    fn stranger(&mut self, seed: u64, ours: &Curve, foreign: &Curve) -> Result<(), EvaluationError> {
        if let Some(rate) = ours.against(foreign)? {
            self.figures.entry(ours.name.clone()).or_default().push(seed, &STRANGER, rate);
        }
        Ok(())
    }

    fn report(&self, draft: &mut Draft, set: &Set) -> Result<(), EvaluationError> {
        for (name, figures) in &self.figures {
            figures.enter(&mut draft.evaluation.metrics, &format!("{}/{name}", set.name))?;
        }
        let mut rows = Vec::new();
        let mut best: Option<(f64, &str)> = None;
        for curve in self.learned.iter().chain(&self.rivals) {
            let rate = self.jpeg().map(|jpeg| jpeg.against(curve)).transpose()?.flatten();
            let at = |psnr: f64| {
                let points =
                    curve.points.windows(2).find(|pair| (pair[0].psnr..=pair[1].psnr).contains(&psnr));
                points.map_or("–".into(), |pair| {
                    let share = (psnr - pair[0].psnr) / (pair[1].psnr - pair[0].psnr);
                    format!("{:.2}", pair[0].rate + share * (pair[1].rate - pair[0].rate))
                })
            };
            rows.push(vec![
                curve.title.clone(),
                rate.map_or("–".into(), |rate| format!("{:+.1} %", 100.0 * rate)),
                at(25.0),
                at(30.0),
                at(35.0),
            ]);
            let Some(rate) = rate else { continue };
            if best.is_none_or(|(least, _)| rate < least) {
                best = Some((rate, &curve.title));
            }
            if !self.figures.contains_key(&curve.name) {
                let key = format!("{}/{}/bd_rate", set.name, curve.name);
                draft.evaluation.metrics.insert(key, rate);
            }
        }
        let winner = best.map_or("nobody", |(_, title)| title);
        let mut note = format!("Fewest bits at equal PSNR: {winner}. In the last columns, bits per pixel.");
        let best = self.learned.last().and_then(|curve| self.figures.get(&curve.name));
        if let (Some(stranger), Some(more)) = (set.stranger, best.and_then(|best| best.get(&STRANGER))) {
            note.push_str(&format!(
                " The compressor learned on {stranger} takes {:.0} % more bits here than the one learned on {}.",
                100.0 * more.summary()?.mean,
                set.name
            ));
        }
        let columns = ["codec", "bits against JPEG", "25 dB", "30 dB", "35 dB"].map(String::from).to_vec();
        draft.evaluation.tables.push(ResultTable {
            title: format!("Bits at equal quality, {}", set.name),
            columns,
            rows,
            note,
        });
        for curve in &self.learned {
            let points = curve.points.iter().map(|point| {
                vec![
                    point.quality.to_string(),
                    format!("{:.3}", point.rate),
                    format!("{:.2}", point.psnr),
                    point.ms_ssim.map_or("–".into(), |it| format!("{it:.4}")),
                ]
            });
            draft.evaluation.tables.push(ResultTable {
                title: format!("By quality, {}, {}", set.name, curve.title),
                columns: ["quality", "bits per pixel", "PSNR, dB", "MS-SSIM"].map(String::from).to_vec(),
                rows: points.collect(),
                note: "The first seed.".into(),
            });
        }
        for curve in self.learned.iter().chain(&self.rivals) {
            for point in &curve.points {
                let similarity = point.ms_ssim.map(|it| ("ms_ssim", it));
                for (name, value) in
                    [("rate", point.rate), ("psnr", point.psnr)].into_iter().chain(similarity)
                {
                    let key = format!("{}/{}/q{}/{name}", set.name, curve.name, point.quality);
                    draft.evaluation.metrics.insert(key, value);
                }
            }
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests;
