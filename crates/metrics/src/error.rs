//! Why a metric has no value.

/// A metric is undefined for what it was given, or cannot be right.
#[derive(Clone, Debug, PartialEq, thiserror::Error)]
pub enum MetricError {
    /// Two arguments that belong together differ in length.
    #[error("{left} has {left_len} values but {right} has {right_len}; give one of each per sample")]
    LengthMismatch {
        /// Name of one argument.
        left: &'static str,
        /// Its length.
        left_len: usize,
        /// Name of the other.
        right: &'static str,
        /// Its length.
        right_len: usize,
    },
    /// Two arrays that are compared differ in shape.
    #[error("cannot compare shape {original:?} with shape {reconstruction:?}; the shapes must be equal")]
    ShapeMismatch {
        /// Shape of the original.
        original: Vec<usize>,
        /// Shape of the reconstruction.
        reconstruction: Vec<usize>,
    },
    /// Nothing to average.
    #[error("{what} has no values; need at least one")]
    Empty {
        /// Name of the argument.
        what: &'static str,
    },
    /// Too few values for the statistic.
    #[error("need at least {needed} values for {what}, got {got}")]
    TooFew {
        /// The statistic.
        what: &'static str,
        /// Least number of values.
        needed: usize,
        /// Number of values given.
        got: usize,
    },
    /// A ranking metric compares two classes, and one is absent.
    #[error(
        "all {n_samples} samples are {}; need at least one normal and one anomalous sample",
        if *anomalous { "anomalous" } else { "normal" }
    )]
    OneClass {
        /// Which class it is.
        anomalous: bool,
        /// How many samples there are.
        n_samples: usize,
    },
    /// A score that cannot be ranked.
    #[error("score {index} is NaN; remove that sample or repair the model that scored it")]
    NanScore {
        /// Position of the first one.
        index: usize,
    },
    /// A value that would make the whole average meaningless.
    #[error("value {index} of {what} is {value}; need finite values")]
    NotFinite {
        /// Name of the argument.
        what: &'static str,
        /// Position of the first one, counted in row-major order.
        index: usize,
        /// The value: infinite or NaN.
        value: f64,
    },
    /// The distance between the least and the greatest possible value.
    #[error(
        "data range {0} is not a positive number; give the greatest minus the least possible value, such as 1 or 255"
    )]
    DataRange(f64),
    /// A confidence level outside (0, 1).
    #[error("confidence level {0} is not between 0 and 1; give a fraction such as 0.95")]
    Level(f64),
    /// Two sets of vectors that are compared differ in the vectors' length.
    #[error("{left} has {left_width} columns but {right} has {right_width}; both need the same")]
    WidthMismatch {
        /// Name of one argument.
        left: &'static str,
        /// Its number of columns.
        left_width: usize,
        /// Name of the other.
        right: &'static str,
        /// Its number of columns.
        right_width: usize,
    },
    /// A number of neighbours that there cannot be.
    #[error("k = {k} neighbours among {n_samples} samples; {what} needs k between 1 and {most}")]
    Neighbours {
        /// The metric.
        what: &'static str,
        /// Neighbours asked for.
        k: usize,
        /// Samples given.
        n_samples: usize,
        /// The greatest `k` for so many samples.
        most: usize,
    },
    /// A kernel without a width.
    #[error("bandwidth {0} is not a positive number; give the distance at which samples count as near")]
    Bandwidth(f64),
    /// The median heuristic on samples of which most are equal.
    #[error("the median distance between samples is 0, so most are equal; give bandwidths")]
    NoSpread,
    /// Columns that are all zero.
    #[error("the columns of {0} are all zero; a subspace needs at least one direction")]
    NoDirection(&'static str),
    /// A rate outside (0, 1).
    #[error("{what} {rate} is not between 0 and 1; give a fraction such as 0.01")]
    Rate {
        /// What it is the rate of.
        what: &'static str,
        /// What was given.
        rate: f64,
    },
    /// More successes than tries.
    #[error("{successes} of {trials} cannot be; give at most as many successes as tries")]
    Count {
        /// Successes.
        successes: u64,
        /// Tries.
        trials: u64,
    },
    /// Nothing that could be found.
    #[error("there are no events, so no share of them can be found; use a series with labelled events")]
    NoEvents,
    /// An event that is no stretch of the series.
    #[error(
        "event {index} covers the points {start}..{end} of a series of {n_points}; \
         give stretches of at least one point, in order and apart"
    )]
    Event {
        /// Which event, from 0.
        index: usize,
        /// Its first point, from 0.
        start: usize,
        /// The point after its last one.
        end: usize,
        /// Points of the series.
        n_points: usize,
    },
    /// A class that was not named.
    #[error("sample {index} is of class {class}, but there are {n_classes} classes; count them from 0")]
    Class {
        /// Position of the first such sample.
        index: usize,
        /// Its class.
        class: u32,
        /// Number of classes.
        n_classes: usize,
    },
    /// An image that the sliding window does not fit in.
    #[error("image of {height} x {width} pixels is smaller than the {window} x {window} window of SSIM")]
    ImageTooSmall {
        /// Rows of the image.
        height: usize,
        /// Columns of the image.
        width: usize,
        /// Side of the window.
        window: usize,
    },
}

/// Both have one entry per sample.
pub(crate) fn same_length(
    (left, left_len): (&'static str, usize),
    (right, right_len): (&'static str, usize),
) -> Result<(), MetricError> {
    if left_len == right_len {
        return Ok(());
    }
    Err(MetricError::LengthMismatch { left, left_len, right, right_len })
}

/// Scores that can be ranked, of samples of both classes.
pub(crate) fn check_ranking(scores: &[f64], is_anomaly: &[bool]) -> Result<(), MetricError> {
    same_length(("scores", scores.len()), ("is_anomaly", is_anomaly.len()))?;
    if scores.is_empty() {
        return Err(MetricError::Empty { what: "scores" });
    }
    if let Some(index) = scores.iter().position(|s| s.is_nan()) {
        return Err(MetricError::NanScore { index });
    }
    if is_anomaly.iter().all(|&a| a == is_anomaly[0]) {
        return Err(MetricError::OneClass { anomalous: is_anomaly[0], n_samples: scores.len() });
    }
    Ok(())
}
