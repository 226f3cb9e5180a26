//! Documents as short rows of numbers or bits: by latent semantic analysis, or by the code of the variant `text`.

use super::documents::DocumentMethod;
use super::error::FinderError;
use super::file::{Stored, Writer};
use crate::codes;
use crate::presets::Preset;
use crate::scan::Gallery;
use crate::words::{Frequencies, Lsa, directions};
use ae_datasets::sparse::{Absent, SparseDataset, SparsePart, SparseRows};
use ae_datasets::{Dataset, SampleShape, Samples};
use ae_models::limits;
use ae_tensor::{Device, Kind, Tensor};
use ae_training::experiment::RunError;
use ae_training::{Build, Observer, PortableModel, Splits, TrainOptions, TrainingData, train_with};
use std::collections::HashMap;
use std::sync::atomic::AtomicBool;

/// Numbers of latent semantic analysis: the size that has the better first hits of those that were measured.
const LSA_SIZE: i64 = 50;
/// Documents with words that a network, and latent semantic analysis, need at least.
const MIN_TRAINED: usize = 100;
const MIN_LSA: usize = 2;
/// Documents that the epochs of the preset are for; fewer are seen more often, up to ten times.
const DOCUMENTS: usize = 10_000;
const MAX_REPEATS: u64 = 10;

/// Coded documents, and what codes others.
#[derive(Debug)]
pub(super) struct Coded {
    /// Columns of the vocabulary that are counted, in the order of the coder's.
    chosen: Vec<u32>,
    coder: Coder,
    /// `[N, K]`: of length one, or bits of −1 and 1. Documents without a counted word are rows of zeros.
    rows: Tensor,
    device: Device,
}

#[derive(Debug)]
enum Coder {
    Lsa { lsa: Lsa, size: i64, frequencies: Frequencies },
    Model { model: Box<PortableModel>, bits: bool },
}

/// What training needs besides documents.
pub(super) struct Training<'t> {
    pub(super) seed: u64,
    pub(super) device: Device,
    pub(super) observer: &'t mut dyn Observer,
    pub(super) stop: &'t AtomicBool,
}

impl Coded {
    /// Learns from documents `[N, D]`, of whose words only the chosen ones count, and codes them.
    pub(super) fn learn(
        by: DocumentMethod,
        documents: &SparseRows,
        chosen: Vec<u32>,
        training: Training<'_>,
    ) -> Result<Self, FinderError> {
        let device = training.device;
        let counted = restricted(documents, &chosen);
        let with_words: Vec<usize> = (0..counted.len()).filter(|&row| counted.row(row).len() > 0).collect();
        let needed = if by == DocumentMethod::Lsa { MIN_LSA } else { MIN_TRAINED };
        if with_words.len() < needed || chosen.is_empty() {
            return Err(FinderError::TooFew { by, got: with_words.len(), needed });
        }
        let coder = match by {
            DocumentMethod::Code | DocumentMethod::Bits => {
                let bits = by == DocumentMethod::Bits;
                Coder::Model { model: Box::new(trained(bits, counted.select(&with_words), training)?), bits }
            }
            _ => {
                let frequencies = Frequencies::of(&counted);
                let size = LSA_SIZE.min(chosen.len() as i64);
                Coder::Lsa { lsa: Lsa::of(&frequencies.tf_idf(&counted)), size, frequencies }
            }
        };
        let mut coded = Coded { chosen, coder, rows: Tensor::zeros([0], (Kind::Float, Device::Cpu)), device };
        coded.rows = coded.codes(&counted)?;
        Ok(coded)
    }

    pub(super) fn write(&self, to: &mut Writer) {
        to.columns("coder_words", &self.chosen);
        match &self.coder {
            Coder::Lsa { lsa, size, .. } => to.tensor("directions", &lsa.leading(*size)),
            Coder::Model { model, .. } => to.model(model),
        }
        match self.is_binary() {
            true => to.bytes("bits", packed(&self.rows)),
            false => to.tensor("codes", &self.rows),
        }
    }

    /// Reads what was written for these documents.
    pub(super) fn read(
        from: &mut Stored,
        by: DocumentMethod,
        documents: &SparseRows,
        device: Device,
    ) -> Result<Self, FinderError> {
        let chosen = from.columns("coder_words")?;
        if chosen.iter().any(|&column| column as usize >= documents.width()) {
            return Err(from.wrong("it codes words that it does not have"));
        }
        let counted = restricted(documents, &chosen);
        let (n, width) = (documents.len(), chosen.len());
        let coder = match by {
            DocumentMethod::Code | DocumentMethod::Bits => {
                let model = from.model(device)?;
                if model.as_autoencoder().is_none() || model.metadata.shape != [width as i64] {
                    return Err(from.wrong("its model does not code its words"));
                }
                Coder::Model { model: Box::new(model), bits: by == DocumentMethod::Bits }
            }
            _ => {
                let directions = from.matrix("directions", Some(width))?;
                let size = directions.size()[1];
                Coder::Lsa {
                    lsa: Lsa::of_directions(directions),
                    size,
                    frequencies: Frequencies::of(&counted),
                }
            }
        };
        let size = match &coder {
            Coder::Lsa { size, .. } => *size,
            Coder::Model { model, .. } => model.as_autoencoder().map_or(0, |model| model.code_size()),
        };
        let rows = match by {
            DocumentMethod::Bits => unpacked(from.bytes("bits")?, n, size as usize)
                .ok_or_else(|| from.wrong("it does not have the bits of each document"))?,
            _ => from.matrix("codes", Some(n))?.to_kind(Kind::Float),
        };
        if rows.size() != [n as i64, size] {
            return Err(from.wrong("its codes are not as long as its coder makes them"));
        }
        // Rows without a counted word have no bits, either.
        let rows = rows * has_words(&counted);
        Ok(Coded { chosen, coder, rows, device })
    }

    fn is_binary(&self) -> bool {
        matches!(self.coder, Coder::Model { bits: true, .. })
    }

    /// Whether a word of the vocabulary counts.
    pub(super) fn knows(&self, column: u32) -> bool {
        self.chosen.contains(&column)
    }

    /// Which documents have a word that counts, `[N]`.
    pub(super) fn can_be_found(&self) -> Vec<bool> {
        let lengths = self.rows.abs().sum_dim_intlist([1i64].as_slice(), false, Kind::Float);
        ae_tensor::array::to_vec(&lengths).into_iter().map(|length| length > 0.0).collect()
    }

    /// How much each document is like each of some texts, `[Q][N]`, given by the counts of the vocabulary: the cosine, or
    /// the share of equal bits.
    pub(super) fn scores(&self, queries: &SparseRows) -> Result<Vec<Vec<f32>>, FinderError> {
        let codes = self.codes(&restricted(queries, &self.chosen))?;
        let size = codes.size()[1] as f32;
        let (gallery, similarity): (_, fn(f32, f32) -> f32) = match self.is_binary() {
            true => (Gallery::hamming(&self.rows), |score, size| f32::midpoint(score / size, 1.0)),
            // −‖a − b‖² = 2 cos − 2.
            false => (Gallery::euclid(&self.rows), |score, _| 1.0 + score / 2.0),
        };
        let mut all = Vec::new();
        let keep = |_: usize, scores: &[f32]| {
            all.push(scores.iter().map(|&score| similarity(score, size)).collect());
            Ok(())
        };
        gallery.search(&codes, keep).expect("scores are kept without an error");
        Ok(all)
    }

    /// Codes `[n, K]` of documents with the coder's columns.
    fn codes(&self, counted: &SparseRows) -> Result<Tensor, FinderError> {
        let codes = match &self.coder {
            Coder::Lsa { lsa, size, frequencies } => lsa.codes(&frequencies.tf_idf(counted), *size),
            Coder::Model { model, .. } if counted.stored() > 0 => {
                let splits = splits(counted.clone(), self.device);
                let autoencoder = model.as_autoencoder().expect("checked when it was made or read");
                limits::guarded(|| codes::of_split(autoencoder, &splits.train))?
            }
            Coder::Model { model, .. } => {
                let size = model.as_autoencoder().map_or(1, |model| model.code_size());
                Tensor::zeros([counted.len() as i64, size], (Kind::Float, Device::Cpu))
            }
        };
        let rows = match self.is_binary() {
            true => codes.gt(0.5).to_kind(Kind::Float) * 2.0 - 1.0,
            false => directions(&codes),
        };
        Ok(rows * has_words(counted))
    }
}

/// 1 for each document with a counted word, otherwise 0: `[N, 1]`.
fn has_words(counted: &SparseRows) -> Tensor {
    let has: Vec<f32> = (0..counted.len()).map(|row| f32::from(counted.row(row).len() > 0)).collect();
    Tensor::from_slice(&has).unsqueeze(1)
}

/// Documents by the chosen columns alone, in their order.
fn restricted(documents: &SparseRows, chosen: &[u32]) -> SparseRows {
    let places: HashMap<u32, u32> = chosen.iter().copied().zip(0..).collect();
    let of_row = |row: usize| {
        let known = documents.row(row).filter_map(|(column, count)| Some((*places.get(&column)?, count)));
        let mut row: Vec<(u32, f32)> = known.collect();
        row.sort_unstable_by_key(|entry| entry.0);
        row
    };
    let rows: Vec<Vec<(u32, f32)>> = (0..documents.len()).map(of_row).collect();
    SparseRows::of(chosen.len(), &rows).expect("each column once, with the count that it had")
}

/// All documents as training rows; at least one has a word.
fn splits(rows: SparseRows, device: Device) -> Splits {
    let width = rows.width();
    let none = Samples::empty(width);
    let shape = SampleShape::Vector { features: width };
    let about = Dataset { name: "the documents".into(), shape, ..Dataset::of(none.clone(), none) };
    let part = || SparsePart::of(SparseRows::empty(width));
    let (train, validation, test) = (SparsePart::of(rows), part(), part());
    let data = SparseDataset { about, absent: Absent::Zero, train, validation, test };
    Splits::sparse(data, device).expect("a document has a word")
}

/// The preset `text`, trained on documents with the coder's columns.
fn trained(bits: bool, counted: SparseRows, training: Training<'_>) -> Result<PortableModel, FinderError> {
    let settings: &[&str] = if bits { &["model.text.code=128", "model.text.bits=true"] } else { &[] };
    let settings: Vec<String> = settings.iter().map(ToString::to_string).collect();
    let preset = Preset::find("text").expect("the preset is compiled into the program");
    let mut experiment =
        preset.load::<ae_training::Experiment>(&settings).expect("the settings are those of the preset");
    let n = counted.len();
    experiment.training.epochs *= ((DOCUMENTS / n) as u64).clamp(1, MAX_REPEATS);
    experiment.training.seed = training.seed;
    let splits = splits(counted, training.device);
    let model = experiment.model.build_on(&splits.summary(), training.seed, training.device)?;
    let options = TrainOptions {
        observer: Some(training.observer),
        stop: Some(training.stop),
        ..TrainOptions::default()
    };
    let outcome = train_with(&model, &splits, &experiment.training, options)?;
    if outcome.interrupted { Err(FinderError::Interrupted) } else { Ok(model) }
}

impl From<ae_tensor::device::DeviceError> for FinderError {
    fn from(error: ae_tensor::device::DeviceError) -> Self {
        FinderError::Run(RunError::Device(error))
    }
}

/// Bits `[N, K]`, each −1 or 1, eight in a byte, each row from a byte of its own.
fn packed(bits: &Tensor) -> Vec<u8> {
    let rows = ae_tensor::array::to_rows(bits);
    let byte =
        |bits: &[f32]| (0..).zip(bits).fold(0u8, |byte, (at, &bit)| byte | (u8::from(bit > 0.0) << at));
    rows.outer_iter().flat_map(|row| row.to_vec().chunks(8).map(byte).collect::<Vec<u8>>()).collect()
}

/// The reverse; `None` if there are more or fewer bytes than bits.
fn unpacked(bytes: &[u8], n: usize, size: usize) -> Option<Tensor> {
    let width = size.div_ceil(8);
    if n.checked_mul(width) != Some(bytes.len()) || size == 0 {
        return None;
    }
    let of_row = |row: &[u8]| {
        let bit = |at: usize| if row[at / 8] >> (at % 8) & 1 == 1 { 1f32 } else { -1.0 };
        (0..size).map(bit).collect::<Vec<f32>>()
    };
    let bits: Vec<f32> = bytes.chunks_exact(width).flat_map(of_row).collect();
    Some(Tensor::from_slice(&bits).view([n as i64, size as i64]))
}
