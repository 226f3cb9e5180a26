//! The `[data]` table of a preset.

use crate::augment::Augment;
use crate::{DataError, Scale};
use ae_intake::{Column, MAX_CATEGORIES, NumbersChoice, one_or_many, one_or_many_texts, splits_cells};
use serde::{Deserialize, Serialize};
use std::fmt;
use std::path::PathBuf;

/// Which data, how they are split, and how their values are scaled.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct DataConfig {
    /// Name of a set ([`crate::list`]), or the path of your own data: a table (`.csv`, `.tsv`, `.json`, `.xlsx`, `.ods`), an array
    /// (`.npy`), an idx file (`…-ubyte`, `.idx`, also `.gz` or `.zst`), or a folder of PNG or JPEG images.
    pub set: String,
    /// How a set is split into training and test rows; only `ecg5000` and the sets of ratings offer a choice.
    pub protocol: Protocol,
    /// Ratings: whether a row is a user or what is rated.
    #[serde(skip_serializing_if = "RatingRows::is_users")]
    pub rows: RatingRows,
    /// Documents: how many of the most frequent words are counted.
    #[serde(skip_serializing_if = "is_default_words")]
    pub words: usize,
    /// Share of the training rows held out for early stopping and thresholds, in `[0, 1)`; of the ratings, or of
    /// the users, for a set of ratings.
    pub validation: f64,
    /// Share of the rows held out for testing, in `[0, 1)`; only for your own data and for ratings, as other sets
    /// have test rows of their own.
    pub test: f64,
    /// At most this many training rows, chosen by the seed, for quick experiments; at least 1.
    pub max_train: Option<usize>,
    /// At most this many test rows, chosen by the seed, which makes figures faster to compute and less precise; at least 1.
    pub max_test: Option<usize>,
    /// How values are scaled; fitted on training rows.
    pub scale: Scale,
    /// Name of the label that is normal: only its rows are trained on, and all others are anomalies.
    pub normal_label: Option<String>,
    /// Shape of one sample, if the source leaves a choice: `[D]` vector, `[T, F]` sequence, `[C, H, W]`
    /// image, `[T, C, H, W]` video.
    pub shape: Option<Vec<usize>>,
    /// Table: the columns to read; empty for all but `label` and `ignore`.
    #[serde(deserialize_with = "one_or_many")]
    pub columns: Vec<Column>,
    /// Table: columns to leave out, such as an identifier or a date.
    #[serde(deserialize_with = "one_or_many")]
    pub ignore: Vec<Column>,
    /// Table: the column that holds the label.
    pub label: Option<Column>,
    /// Table: whether its first line names the columns; detected by default.
    pub header: Option<bool>,
    /// Table: the separator of cells; detected by default.
    pub delimiter: Option<char>,
    /// Table: columns of numbers that stand for names, such as a postcode; each of their values becomes a column of 0 and 1,
    /// as those of text columns do.
    #[serde(deserialize_with = "one_or_many", skip_serializing_if = "Vec::is_empty")]
    pub categories: Vec<Column>,
    /// Table: a text column with more distinct values than this (an identifier, free text) is left out.
    #[serde(skip_serializing_if = "is_default_categories")]
    pub max_categories: usize,
    /// Table: values that mean "not observed", besides an empty cell, `NA` and the like: `["-999", "n.v."]`.
    #[serde(deserialize_with = "one_or_many_texts", skip_serializing_if = "Vec::is_empty")]
    pub missing: Vec<String>,
    /// Table: whether a repeated number far outside all others of its column, such as -999, counts as missing.
    #[serde(skip_serializing_if = "is_true")]
    pub sentinels: bool,
    /// Table: how numbers may be written; decimal commas, thousands separators and units are recognised by default.
    #[serde(skip_serializing_if = "is_default_numbers")]
    pub numbers: NumbersChoice,
    /// Table: largest share of lines that cannot be read, in `[0, 1]`; they are left out.
    #[serde(skip_serializing_if = "is_default_share")]
    pub max_bad: f64,
    /// Array or idx file: another such file with one whole number per row.
    pub labels: Option<PathBuf>,
    /// Images: grey or colour.
    pub color: Color,
    /// Images, of files, arrays or a set: height and width to resize all of them to. Moving digits: `[32, 32]` or `[16, 16]` in place of 64.
    pub resize: Option<[usize; 2]>,
    /// Random changes of training rows, for images and series; off by default.
    #[serde(skip_serializing_if = "Augment::is_off")]
    pub augment: Augment,
    /// Your own data: memory that reading them may take, in millions of bytes; absent: 200 and 64 bytes for each
    /// byte of the files.
    pub max_memory_mb: Option<u64>,
}

impl Default for DataConfig {
    fn default() -> Self {
        DataConfig {
            set: "mnist".into(),
            protocol: Protocol::Default,
            rows: RatingRows::Users,
            words: WORDS,
            validation: 0.0,
            test: 0.2,
            max_train: None,
            max_test: None,
            scale: Scale::Auto,
            normal_label: None,
            shape: None,
            columns: Vec::new(),
            ignore: Vec::new(),
            label: None,
            header: None,
            delimiter: None,
            categories: Vec::new(),
            max_categories: CATEGORIES,
            missing: Vec::new(),
            sentinels: true,
            numbers: NumbersChoice::Auto,
            max_bad: MAX_BAD,
            labels: None,
            color: Color::Auto,
            resize: None,
            augment: Augment::default(),
            max_memory_mb: None,
        }
    }
}

/// Words that are counted by default, as in Hinton and Salakhutdinov (2006).
const WORDS: usize = 2000;

/// Share of bad lines that is left out by default, as by a detector.
const MAX_BAD: f64 = 0.05;

/// Distinct values of a category at most by default, as for a detector.
const CATEGORIES: usize = 256;

fn is_default_categories(categories: &usize) -> bool {
    *categories == CATEGORIES
}

fn is_true(value: &bool) -> bool {
    *value
}

fn is_default_share(share: &f64) -> bool {
    *share == MAX_BAD
}

fn is_default_numbers(numbers: &NumbersChoice) -> bool {
    *numbers == NumbersChoice::Auto
}

fn is_default_words(words: &usize) -> bool {
    *words == WORDS
}

/// How a set is split into training and test rows.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Protocol {
    /// As its authors split the set; for `ecg5000` the same as `ucr`, for a set of ratings as `ratings`.
    #[default]
    Default,
    /// ECG5000: the 292 normal beats of the UCR training file against its 4,500 test beats.
    Ucr,
    /// ECG5000: all 5,000 beats split 80/20 at random, trained on the normal ones of the 80 %.
    Article,
    /// ECG5000: all 500 beats of the UCR training file, whatever their class, against its 4,500 test beats: for
    /// forecasts, where no class is the normal one.
    Mixed,
    /// Ratings: held out at random, and predicted from the others of the same row.
    Ratings,
    /// Ratings: whole users are held out, and most of what they liked is shown to find the rest.
    StrongGeneralisation,
}

/// What a row of ratings is.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum RatingRows {
    /// A user, with a column for everything that is rated: a model that knows new users.
    #[default]
    Users,
    /// What is rated, with a column for each user.
    Items,
}

impl RatingRows {
    fn is_users(&self) -> bool {
        *self == RatingRows::Users
    }
}

/// As in a configuration.
impl fmt::Display for Protocol {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Protocol::Default => "default",
            Protocol::Ucr => "ucr",
            Protocol::Article => "article",
            Protocol::Mixed => "mixed",
            Protocol::Ratings => "ratings",
            Protocol::StrongGeneralisation => "strong-generalisation",
        })
    }
}

/// Grey or colour images.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Color {
    /// Grey if every image is, else red, green, blue.
    #[default]
    Auto,
    /// One channel.
    Gray,
    /// Three channels.
    Rgb,
}

impl DataConfig {
    /// Refuses values out of their range. [`crate::load`] does this first.
    pub fn validate(&self) -> Result<(), DataError> {
        let out_of_range = |key, value: String, right| Err(DataError::OutOfRange { key, value, right });
        if self.set.trim().is_empty() {
            return out_of_range("set", "``".into(), "the name of a set, or a path");
        }
        for (key, share) in [("validation", self.validation), ("test", self.test)] {
            // Negated, so that NaN is refused, too.
            if !(0.0..1.0).contains(&share) {
                return out_of_range(key, share.to_string(), "a share of the rows, from 0 to below 1");
            }
        }
        if !(0.0..=1.0).contains(&self.max_bad) {
            return out_of_range("max_bad", self.max_bad.to_string(), "a share of the lines, from 0 to 1");
        }
        for (key, most) in [("max_train", self.max_train), ("max_test", self.max_test)] {
            if most == Some(0) {
                return out_of_range(key, "0".into(), "at least 1, or leave it out for all rows");
            }
        }
        if !(1..=MAX_CATEGORIES).contains(&self.max_categories) {
            return out_of_range("max_categories", self.max_categories.to_string(), "1 to 65536");
        }
        if !(1..=MAX_WORDS).contains(&self.words) {
            return out_of_range("words", self.words.to_string(), "1 to 1000000 words");
        }
        if let Some(delimiter) = self.delimiter.filter(|&delimiter| !splits_cells(delimiter)) {
            let right = "one ASCII character other than a quote or a line end";
            return out_of_range("delimiter", format!("{delimiter:?}"), right);
        }
        if let Some(shape) = &self.shape
            && crate::SampleShape::from_dims(shape).is_none()
        {
            return out_of_range(
                "shape",
                format!("{shape:?}"),
                "[D], [T, F], [C, H, W] or [T, C, H, W] without zeros",
            );
        }
        if let Some(sides) = self.resize
            && !sides.iter().all(|side| (1..=MAX_SIDE).contains(side))
        {
            return out_of_range("resize", format!("{sides:?}"), "[height, width], each from 1 to 8192");
        }
        Ok(())
    }
}

/// Most words of a vocabulary.
const MAX_WORDS: usize = 1_000_000;
/// Maximum height or width to resize images to.
const MAX_SIDE: usize = 8192;

#[cfg(test)]
mod tests {
    use super::*;

    fn check(text: &str, expected: &str) {
        let config: DataConfig = toml::from_str(text).unwrap();
        let got = config.validate().map_or_else(|e| e.to_string(), |()| "right".into());
        assert_eq!(got, expected, "{text}");
        let again: DataConfig = toml::from_str(&toml::to_string(&config).unwrap()).unwrap();
        assert_eq!(toml::to_string(&again).unwrap(), toml::to_string(&config).unwrap());
    }

    #[test]
    fn values_out_of_range_are_refused_with_what_would_be_right() {
        check("", "right");
        check("set = 'a.csv'\nlabel = -1\ncolumns = ['a', 2]\ndelimiter = ';'\nresize = [28, 28]", "right");
        let share = "a share of the rows, from 0 to below 1";
        check("validation = 1.0", &format!("data.validation = 1 is out of range: give {share}"));
        check("test = -0.1", &format!("data.test = -0.1 is out of range: give {share}"));
        check("test = nan", &format!("data.test = NaN is out of range: give {share}"));
        for key in ["max_train", "max_test"] {
            let expected =
                format!("data.{key} = 0 is out of range: give at least 1, or leave it out for all rows");
            check(&format!("{key} = 0"), &expected);
        }
        check(
            "delimiter = 'é'",
            "data.delimiter = 'é' is out of range: give one ASCII character other than a quote or a line end",
        );
        check(
            "shape = [0]",
            "data.shape = [0] is out of range: give [D], [T, F], [C, H, W] or [T, C, H, W] without zeros",
        );
        for resize in ["[0, 5]", "[5, 0]", "[5, 100000]"] {
            let expected =
                format!("data.resize = {resize} is out of range: give [height, width], each from 1 to 8192");
            check(&format!("resize = {resize}"), &expected);
        }
        check("ignore = 'id'\ncolumns = -1\nmissing = -999", "right");
        check("max_categories = 0", "data.max_categories = 0 is out of range: give 1 to 65536");
        check("set = ' '", "data.set = `` is out of range: give the name of a set, or a path");
    }

    #[test]
    fn unknown_keys_are_refused() {
        assert!(toml::from_str::<DataConfig>("validate = 0.1").is_err());
    }
}
