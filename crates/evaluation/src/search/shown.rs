//! The picture of a search: what is found for the first test image of each class.

use crate::codes;
use crate::draft::Draft;
use crate::error::EvaluationError;
use crate::scan::{Gallery, best};
use ae_datasets::SampleShape;
use ae_report::gallery::Entry;
use ae_report::picture;
use ae_tensor::{Tensor, array};
use ae_training::Splits;
use ndarray::{Array4, Axis, concatenate};

/// Images found that are shown.
const FOUND: usize = 10;

/// The rows of the picture.
#[derive(Debug)]
pub(crate) struct Shown {
    /// Each with its label: a query, an empty place and what was found for it.
    rows: Vec<(String, Array4<f32>)>,
    by: String,
}

impl Shown {
    /// Searches by pixels and by codes; `title` names the latter, `by` maps images to codes `[N, D]`. There are no
    /// rows if the samples are not images.
    pub(crate) fn new(
        splits: &Splits,
        title: &str,
        by: impl Fn(&Tensor) -> Tensor,
    ) -> Result<Self, EvaluationError> {
        let mut shown = Shown { rows: Vec::new(), by: title.into() };
        if !matches!(splits.dataset.shape, SampleShape::Image { .. }) {
            return Ok(shown);
        }
        let test = splits.test.rows(0, splits.test.len());
        let labels = codes::labels(splits, &test)?;
        let classes: Vec<i64> = (0..splits.dataset.label_names.len() as i64).collect();
        let places: Vec<(i64, i64)> = classes
            .into_iter()
            .filter_map(|class| Some((class, labels.iter().position(|&label| label == class)? as i64)))
            .collect();
        let rows: Vec<i64> = places.iter().map(|(_, row)| *row).collect();
        let queries = test.values.index_select(0, &Tensor::from_slice(&rows).to_device(test.values.device()));
        let gallery = splits.train.values();
        let by_pixels = found(&Gallery::euclid(gallery), &queries)?;
        let by_codes = found(&Gallery::euclid(&by(gallery)), &by(&queries))?;
        for (at, (class, _)) in places.iter().enumerate() {
            let query = &queries.narrow(0, at as i64, 1);
            let name = &splits.dataset.label_names[*class as usize];
            shown.rows.push((format!("{name}: pixels"), row(query, gallery, &by_pixels[at])));
            shown.rows.push((title.into(), row(query, gallery, &by_codes[at])));
        }
        Ok(shown)
    }

    /// Adds the picture to the report.
    pub(crate) fn add(self, draft: &mut Draft, set: &str) -> Result<(), EvaluationError> {
        if self.rows.is_empty() {
            return Ok(());
        }
        let views: Vec<_> = self.rows.iter().map(|(label, images)| (label, images.view())).collect();
        let entry = Entry {
            file: format!("{set}.png"),
            title: format!("What is found in {set}"),
            caption: format!(
                "On the left the first test image of each class, then the training images that are nearest to it, nearest \
                 first: above by pixels, below by the code of {}. Not hand-picked.",
                self.by
            ),
            order: 0,
        };
        Ok(draft.gallery.add(entry, |path| picture::image_rows(path, &views))?)
    }
}

/// For each query, the nearest images of the gallery.
fn found(gallery: &Gallery, queries: &Tensor) -> Result<Vec<Vec<usize>>, EvaluationError> {
    let mut all = Vec::new();
    gallery.search(queries, |_, scores| {
        all.push(best(scores, FOUND));
        Ok(())
    })?;
    Ok(all)
}

/// A query `[1, C, H, W]`, a white place, and images of the gallery.
fn row(query: &Tensor, gallery: &Tensor, found: &[usize]) -> Array4<f32> {
    let places: Vec<i64> = found.iter().map(|&place| place as i64).collect();
    let found = gallery.index_select(0, &Tensor::from_slice(&places).to_device(gallery.device()));
    let [query, found] = [query, &found].map(|images| array::to_images(&images.clamp(0.0, 1.0)));
    let gap = Array4::ones(query.dim());
    concatenate(Axis(0), &[query.view(), gap.view(), found.view()]).expect("images of one shape")
}
