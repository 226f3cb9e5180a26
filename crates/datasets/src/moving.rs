//! Moving digits (Srivastava, Mansimov & Salakhutdinov, "Unsupervised learning of video representations using LSTMs",
//! ICML 2015, section 4): sequences of 20 frames of 64×64 in which two digits of MNIST move and bounce off the edges.
//!
//! Each digit begins at a random place of the frame, in a random direction, and moves by a tenth of the way across
//! from frame to frame; beyond an edge it is set back to it and that part of its velocity is reversed. Where digits
//! overlap, the greater value shows.
//!
//! Sequences are made when they are asked for: 10,000 of them would be 3.3 GB. Training sequences are new in every epoch,
//! as in the paper. Digits of training, validation and test sequences are different images: those of the test sequences
//! are MNIST's test images, and these sequences are the same for every seed.

use crate::catalogue::SetEntry;
use crate::{DataConfig, DataError, Dataset, Preprocessing, SampleShape, Samples, Sources, idx};
use ae_fetch::Progress;
use ae_records::digest;
use ae_records::seed::stream_rng;
use rand::RngExt;
use std::f64::consts::TAU;
use std::sync::Arc;

/// The name of the set.
pub(crate) const NAME: &str = "moving-mnist";
/// Frames of a sequence.
pub const FRAMES: usize = 20;
/// Rows and columns of a frame.
const SIDE: usize = 64;
/// Rows and columns that a frame can be shrunk to.
const SIDES: [usize; 3] = [16, 32, SIDE];
/// Rows and columns of a digit.
const DIGIT: usize = 28;
/// Digits in a frame.
const DIGITS: usize = 2;
/// How far a digit moves from frame to frame, as a part of the way that it can go.
const STEP: f64 = 0.1;
/// Training sequences of an epoch, with the validation sequences, and test sequences, unless the configuration sets a
/// limit; the published test set has as many.
const SEQUENCES: usize = 10_000;
/// Seed of the test sequences.
const TEST_SEED: u64 = 0;

/// Sequences of one part, made on demand.
#[derive(Clone, Debug, PartialEq)]
pub struct MovingDigits {
    /// `[N, 28, 28]`, row-major.
    digits: Arc<Vec<u8>>,
    /// Rows and columns of a frame: 64, or a part of it.
    side: usize,
    count: usize,
    seed: u64,
    purpose: &'static str,
}

/// Training, validation and test sequences.
#[derive(Clone, Debug, PartialEq)]
pub struct MovingDataset {
    /// Name, shape, files; its own rows are empty.
    pub about: Dataset,
    /// New in every epoch.
    pub train: MovingDigits,
    /// Of other digits than the training sequences; may be empty.
    pub validation: MovingDigits,
    /// Of MNIST's test digits.
    pub test: MovingDigits,
}

/// A digit on its way: its place, as a part of the way that it can go in each direction, and how far it moves in a frame.
struct Walker {
    place: [f64; 2],
    velocity: [f64; 2],
}

impl Walker {
    fn start(rng: &mut impl RngExt) -> Self {
        let place = [rng.random::<f64>(), rng.random::<f64>()];
        let angle = rng.random::<f64>() * TAU;
        Walker { place, velocity: [angle.sin() * STEP, angle.cos() * STEP] }
    }

    /// Moves by one frame; returns row and column of the digit's upper left corner.
    fn step(&mut self) -> [usize; 2] {
        for (place, velocity) in self.place.iter_mut().zip(&mut self.velocity) {
            *place += *velocity;
            if !(0.0..=1.0).contains(place) {
                *place = place.clamp(0.0, 1.0);
                *velocity = -*velocity;
            }
        }
        self.place.map(|place| (place * (SIDE - DIGIT) as f64) as usize)
    }
}

impl MovingDigits {
    /// `count` sequences of these digits, `[N, 28, 28]`, row-major, on frames of `side` rows and columns: 64, 32 or 16.
    /// Seed and `purpose` decide which. Panics if there is no digit or the side is another.
    pub fn new(digits: Vec<u8>, side: usize, count: usize, seed: u64, purpose: &'static str) -> Self {
        assert!(count == 0 || digits.len() >= DIGIT * DIGIT, "sequences need a digit of 28×28");
        assert!(SIDES.contains(&side), "frames have 64, 32 or 16 rows, not {side}");
        MovingDigits { digits: Arc::new(digits), side, count, seed, purpose }
    }

    /// Number of sequences; in training, of an epoch.
    pub fn len(&self) -> usize {
        self.count
    }

    /// Whether there are none.
    pub fn is_empty(&self) -> bool {
        self.count == 0
    }

    /// Values of one sequence: 20 frames of one channel.
    pub fn numel(&self) -> usize {
        FRAMES * self.side * self.side
    }

    /// Sequence `index` of an epoch, counted from 0, as values in [0, 1], row-major `[20, 1, side, side]`. Panics if
    /// `to` does not hold [`Self::numel`] values.
    pub fn make(&self, epoch: u64, index: usize, to: &mut [f32]) {
        assert_eq!(to.len(), self.numel(), "a sequence has as many values as its frames");
        let place = epoch * self.count as u64 + index as u64;
        let mut rng = stream_rng(self.seed, self.purpose, place);
        let pixels = DIGIT * DIGIT;
        let n = self.digits.len() / pixels;
        let mut walkers: Vec<(Walker, &[u8])> = Vec::new();
        for _ in 0..DIGITS {
            let walker = Walker::start(&mut rng);
            let digit = rng.random_range(0..n) * pixels;
            walkers.push((walker, &self.digits[digit..digit + pixels]));
        }
        let mut frame = [0u8; SIDE * SIDE];
        for to in to.chunks_exact_mut(self.side * self.side) {
            frame.fill(0);
            for (walker, digit) in &mut walkers {
                draw(&mut frame, digit, walker.step());
            }
            shrink(&frame, self.side, to);
        }
    }

    /// A checksum of what the sequences are made of.
    pub fn checksum(&self) -> String {
        let of = format!("{} {} {} {}", self.side, self.count, self.seed, self.purpose);
        digest::sha256(format!("{of} {}", digest::sha256(&self.digits)).as_bytes())
    }
}

/// Draws a digit with its upper left corner at this row and column.
fn draw(frame: &mut [u8], digit: &[u8], [top, left]: [usize; 2]) {
    for (row, line) in digit.chunks_exact(DIGIT).enumerate() {
        let start = (top + row) * SIDE + left;
        for (to, &value) in frame[start..start + DIGIT].iter_mut().zip(line) {
            *to = value.max(*to);
        }
    }
}

/// A frame with `side` rows and columns, each value the mean of a square, divided by 255.
fn shrink(frame: &[u8], side: usize, to: &mut [f32]) {
    let factor = SIDE / side;
    let scale = 1.0 / (255 * factor * factor) as f32;
    for (place, to) in to.iter_mut().enumerate() {
        let (top, left) = (place / side * factor, place % side * factor);
        let rows = (top..top + factor).map(|row| &frame[row * SIDE + left..row * SIDE + left + factor]);
        let sum: u32 = rows.flatten().map(|&value| u32::from(value)).sum();
        *to = sum as f32 * scale;
    }
}

/// Sequences of MNIST's digits; `data.resize` shrinks frames.
pub(crate) fn read(
    set: &SetEntry,
    config: &DataConfig,
    sources: &Sources,
    seed: u64,
    progress: &mut dyn Progress,
) -> Result<MovingDataset, DataError> {
    set.check_protocol(config)?;
    let side = match config.resize {
        None => SIDE,
        Some([height, width]) if height == width && SIDES.contains(&height) => height,
        Some(sides) => {
            let right = "[64, 64], [32, 32] or [16, 16] for moving digits";
            return Err(DataError::OutOfRange { key: "resize", value: format!("{sides:?}"), right });
        }
    };
    let (mut images, mut files) = (Vec::new(), Vec::new());
    let paths = sources.bring(set, progress)?;
    for (file, path) in set.files.iter().zip(&paths).filter(|(file, _)| file.name.contains("images")) {
        let (content, record) = sources.content(set, file, path, progress)?;
        let idx = idx::parse(&content).map_err(|reason| DataError::Format {
            path: path.clone(),
            format: "idx",
            reason,
        })?;
        images.push(idx.values.to_vec());
        files.push(record);
    }
    let [train, test] = <[Vec<u8>; 2]>::try_from(images)
        .unwrap_or_else(|images| panic!("{} has {} files of images, not 2", set.name, images.len()));
    let shape = SampleShape::Video { steps: FRAMES, channels: 1, height: side, width: side };
    let about = Dataset {
        name: set.name.clone(),
        shape: crate::own::reshape(config, shape, &set.name)?,
        files,
        preprocessing: Preprocessing::Divide { divisor: 255.0 },
        ..Dataset::of(Samples::empty(0), Samples::empty(0))
    };
    Ok(parts(about, train, test, side, config, seed))
}

/// Validation sequences are made of the last training digits, as many as their share of the sequences.
fn parts(
    about: Dataset,
    mut train: Vec<u8>,
    test: Vec<u8>,
    side: usize,
    config: &DataConfig,
    seed: u64,
) -> MovingDataset {
    let share = |n: usize| (n as f64 * config.validation).round() as usize;
    let (pixels, n_validation) = (DIGIT * DIGIT, share(SEQUENCES));
    let n = train.len() / pixels;
    let held_out = if n_validation == 0 { 0 } else { share(n).clamp(1, n - 1) };
    let validation = train.split_off((n - held_out) * pixels);
    let most = |n: usize, most: Option<usize>| most.map_or(n, |most| most.min(n));
    MovingDataset {
        about,
        train: MovingDigits::new(
            train,
            side,
            most(SEQUENCES - n_validation, config.max_train),
            seed,
            "moving train",
        ),
        validation: MovingDigits::new(validation, side, n_validation, seed, "moving validation"),
        test: MovingDigits::new(test, side, most(SEQUENCES, config.max_test), TEST_SEED, "moving test"),
    }
}

#[cfg(test)]
#[path = "moving_tests.rs"]
mod tests;
