//! The errors of metrics.

/// Why a metric cannot be computed.
#[derive(Clone, Debug, PartialEq, thiserror::Error)]
pub enum MetricError {
    /// Two related arguments differ in length.
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
    /// Two arrays to compare differ in shape.
    #[error("cannot compare shape {original:?} with shape {reconstruction:?}; the shapes must be equal")]
    ShapeMismatch {
        /// Shape of the original.
        original: Vec<usize>,
        /// Shape of the reconstruction.
        reconstruction: Vec<usize>,
    },
    /// No values.
    #[error("{what} has no values; give at least one")]
    Empty {
        /// Name of the argument.
        what: &'static str,
    },
    /// Too few values for the statistic.
    #[error("{what} needs at least {needed} values, got {got}")]
    TooFew {
        /// The statistic.
        what: &'static str,
        /// Minimum number of values.
        needed: usize,
        /// Number of values given.
        got: usize,
    },
    /// Points that are not a curve of rates.
    #[error("a rate-distortion curve has rates above 0 and a different, finite quality at each point")]
    NoCurve,
    /// Curves that have nothing in common.
    #[error("the two curves reach no common quality; measure points whose qualities overlap")]
    NoCommonQuality,
    /// Too few methods or data sets to compare.
    #[error("a comparison by ranks needs at least {needed} {what}, got {got}")]
    TooFewCompared {
        /// "methods" or "data sets".
        what: &'static str,
        /// Minimum number of them.
        needed: usize,
        /// Number of them given.
        got: usize,
    },
    /// A result of a method that cannot be ranked.
    #[error(
        "the score of method {method} on data set {data_set} is NaN; leave out that method or that data set"
    )]
    NanResult {
        /// Index of the data set, from 0.
        data_set: usize,
        /// Index of the method, from 0.
        method: usize,
    },
    /// A ranking metric needs two classes, but only one is present.
    #[error(
        "all {n_samples} samples are {}; give at least one normal and one anomalous sample",
        if *anomalous { "anomalous" } else { "normal" }
    )]
    OneClass {
        /// Whether all samples are anomalous rather than normal.
        anomalous: bool,
        /// Number of samples.
        n_samples: usize,
    },
    /// A score that cannot be ranked.
    #[error("score {index} is NaN; remove that sample or fix the model that scored it")]
    NanScore {
        /// Index of the first NaN.
        index: usize,
    },
    /// A query that no item can answer has no average precision.
    #[error(
        "none of the {n_items} items is relevant to the query; leave out queries without a relevant item"
    )]
    NothingRelevant {
        /// Number of items.
        n_items: usize,
    },
    /// A NaN or infinite value.
    #[error("value {index} of {what} is {value}; give finite values")]
    NotFinite {
        /// Name of the argument.
        what: &'static str,
        /// Index of the first such value, in row-major order.
        index: usize,
        /// The value: NaN or infinite.
        value: f64,
    },
    /// An invalid data range: the greatest minus the least possible value.
    #[error(
        "data range {0} is not a positive number; give the greatest minus the least possible value, such as 1 or 255"
    )]
    DataRange(f64),
    /// A confidence level outside (0, 1).
    #[error("confidence level {0} is not between 0 and 1; give a fraction such as 0.95")]
    Level(f64),
    /// Two sets of vectors to compare differ in the length of the vectors.
    #[error("{left} has {left_width} columns but {right} has {right_width}; give the same number of columns")]
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
    /// An impossible number of neighbours.
    #[error("k = {k} is out of range; with {n_samples} samples, {what} needs k between 1 and {most}")]
    Neighbours {
        /// The metric.
        what: &'static str,
        /// Neighbours asked for.
        k: usize,
        /// Samples given.
        n_samples: usize,
        /// The greatest `k` for this number of samples.
        most: usize,
    },
    /// An invalid width of the kernel.
    #[error("bandwidth {0} is not a positive number; give the distance within which samples count as close")]
    Bandwidth(f64),
    /// The median heuristic fails, because most samples are equal.
    #[error("the median distance between samples is 0 because most are equal; give bandwidths explicitly")]
    NoSpread,
    /// Columns that are all zero.
    #[error("the columns of {0} are all zero; give at least one nonzero column")]
    NoDirection(&'static str),
    /// A rate outside (0, 1).
    #[error("{what} {rate} is not between 0 and 1; give a fraction such as 0.01")]
    Rate {
        /// Name of the rate.
        what: &'static str,
        /// The rate given.
        rate: f64,
    },
    /// A negative number where none can be.
    #[error("{what} is {value}, below 0")]
    Negative {
        /// What it is.
        what: &'static str,
        /// The number.
        value: f64,
    },
    /// More successes than trials.
    #[error("there are {successes} successes in {trials} trials; give at most as many successes as trials")]
    Count {
        /// Successes.
        successes: u64,
        /// Trials.
        trials: u64,
    },
    /// A series without events has no event recall.
    #[error("the series has no events, so the event recall is undefined; use a series with labelled events")]
    NoEvents,
    /// An event that is not a valid range of points.
    #[error(
        "event {index} covers the points {start}..{end} of a series of {n_points} points; give nonempty ranges \
         within the series, in order and without overlap"
    )]
    Event {
        /// Index of the event, from 0.
        index: usize,
        /// Its first point, from 0.
        start: usize,
        /// The point after its last one.
        end: usize,
        /// Length of the series.
        n_points: usize,
    },
    /// A class index that is too large.
    #[error("sample {index} has class {class}, but there are {n_classes} classes; count them from 0")]
    Class {
        /// Index of the first such sample.
        index: usize,
        /// Its class.
        class: u32,
        /// Number of classes.
        n_classes: usize,
    },
    /// An image that is smaller than the sliding window.
    #[error("an image of {height} x {width} pixels is smaller than the {window} x {window} window of SSIM")]
    ImageTooSmall {
        /// Rows of the image.
        height: usize,
        /// Columns of the image.
        width: usize,
        /// Side of the window.
        window: usize,
    },
}

/// Checks that two arguments have the same length.
pub(crate) fn same_length(
    (left, left_len): (&'static str, usize),
    (right, right_len): (&'static str, usize),
) -> Result<(), MetricError> {
    if left_len == right_len {
        return Ok(());
    }
    Err(MetricError::LengthMismatch { left, left_len, right, right_len })
}

/// Checks that the scores can be ranked and that both classes are present.
pub(crate) fn check_ranking(scores: &[f64], is_anomaly: &[bool]) -> Result<(), MetricError> {
    check_scores(scores, ("is_anomaly", is_anomaly.len()))?;
    if is_anomaly.iter().all(|&a| a == is_anomaly[0]) {
        return Err(MetricError::OneClass { anomalous: is_anomaly[0], n_samples: scores.len() });
    }
    Ok(())
}

/// Checks that there are scores to rank, one for each of the `labels`, which are a name and a length.
pub(crate) fn check_scores(scores: &[f64], labels: (&'static str, usize)) -> Result<(), MetricError> {
    same_length(("scores", scores.len()), labels)?;
    if scores.is_empty() {
        return Err(MetricError::Empty { what: "scores" });
    }
    if let Some(index) = scores.iter().position(|s| s.is_nan()) {
        return Err(MetricError::NanScore { index });
    }
    Ok(())
}
