//! A data set of rows at hand.

use crate::{Dataset, Preprocessing, SampleShape, Samples};

impl Dataset {
    /// Rows at hand, each a vector, to train and to validate on, as they are; `validation` may be empty. Labels are called by
    /// their numbers.
    pub fn of(train: Samples, validation: Samples) -> Self {
        let features = train.width();
        let labels = [&train, &validation].into_iter().flat_map(|samples| samples.labels.iter().flatten());
        let classes = labels.max().map_or(0, |&greatest| greatest + 1);
        Dataset {
            name: "rows".into(),
            shape: SampleShape::Vector { features },
            train,
            validation,
            test: Samples::empty(features),
            label_names: (0..classes).map(|label| label.to_string()).collect(),
            normal_label: None,
            feature_names: Vec::new(),
            files: Vec::new(),
            preprocessing: Preprocessing::Identity,
        }
    }
}
