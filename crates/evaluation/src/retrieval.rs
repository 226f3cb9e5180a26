//! `ae eval retrieval`: finds documents on the same subject by codes, by binary codes of 16 bytes, by latent semantic
//! analysis and by their words (Hinton & Salakhutdinov, Science 2006, figure 4; Salakhutdinov & Hinton, 2009, "Semantic
//! hashing").

use crate::anomaly::autoencoder;
use crate::codes;
use crate::context::{Context, Wanted};
use crate::draft::Draft;
use crate::entrants::{Entrants, Found, Precisions, Size};
use crate::error::EvaluationError;
use crate::measures::Metrics;
use crate::outcome::Evaluation;
use crate::scan::Gallery;
use crate::spread::Quantity;
use crate::tasks::RunTask;
use crate::words::{self, Frequencies, Lsa, Postings, directions};
pub(crate) use ae_catalogue::tasks::RETRIEVAL as TASK;
use ae_datasets::sparse::SparseRows;
use ae_report::gallery::Entry;
use ae_report::picture::{self, About, Axis, Map, Panel};
use ae_tensor::{Kind, Tensor, array};
use ae_training::{Split, Splits};
use std::path::PathBuf;

pub(crate) const RUN: RunTask = |context, _| {
    evaluate(context, &SETS, |set, coder, seed| {
        let data = format!("data.set={set}");
        Wanted::preset("text", &[&[data.as_str()], coder.settings].concat(), seed)
    })
};

const SETS: [&str; 2] = ["20newsgroups", "reuters-r52"];

/// A model whose codes are searched.
#[derive(Clone, Copy, Debug)]
struct Coder {
    /// In the metrics.
    name: &'static str,
    title: &'static str,
    /// What differs from the preset.
    settings: &'static [&'static str],
    bits: bool,
}

const CODERS: [Coder; 3] = [
    Coder { name: "text10", title: "text", settings: &[], bits: false },
    Coder { name: "text2", title: "text", settings: &["model.text.code=2"], bits: false },
    Coder {
        name: "text128_bits",
        title: "text, semantic hashing",
        settings: &["model.text.code=128", "model.text.bits=true"],
        bits: true,
    },
];
/// Sizes of latent semantic analysis.
const LSA: [i64; 4] = [2, 10, 50, 128];
/// Test documents that others are searched for, at most.
const QUERIES: usize = 2000;
/// Numbers of documents after which the published curves show the precision.
const RETRIEVED: Precisions = &[
    (1, Quantity::share("precision_at_1", "P@1", 3)),
    (3, Quantity::share("precision_at_3", "P@3", 3)),
    (7, Quantity::share("precision_at_7", "P@7", 3)),
    (15, Quantity::share("precision_at_15", "P@15", 3)),
    (31, Quantity::share("precision_at_31", "P@31", 3)),
    (63, Quantity::share("precision_at_63", "P@63", 3)),
    (127, Quantity::share("precision_at_127", "P@127", 3)),
    (255, Quantity::share("precision_at_255", "P@255", 3)),
    (511, Quantity::share("precision_at_511", "P@511", 3)),
    (1023, Quantity::share("precision_at_1023", "P@1023", 3)),
];

fn evaluate(
    context: &mut Context<'_>,
    sets: &[&str],
    wanted: impl Fn(&str, &Coder, u64) -> Result<Wanted, EvaluationError>,
) -> Result<(Evaluation, PathBuf), EvaluationError> {
    let mut draft = Evaluation::begin(context, &TASK)?;
    let mut panels = Vec::new();
    for (order, &set) in (0..).zip(sets) {
        let mut entrants = Entrants::new(RETRIEVED);
        for (at, seed) in context.seeds.clone().into_iter().enumerate() {
            let mut rivals = false;
            for coder in &CODERS {
                let run = draft.trained(context, &wanted(set, coder, seed)?)?;
                let trial = Trial::new(&run.splits, seed)?;
                if !rivals {
                    trial.by_words(&mut entrants)?;
                    rivals = true;
                }
                let codes = codes::of_split(autoencoder(&run)?, &run.splits.test);
                trial.by_codes(&mut entrants, coder, &codes)?;
                if at == 0 && codes.size()[1] == 2 {
                    trial.draw(&draft, set, &codes, 10 * order)?;
                }
            }
        }
        entrants.report(&mut draft, set)?;
        panels.push(panel(set, &entrants));
    }
    let entry = Entry {
        file: "curves.png".into(),
        title: "Precision by the number of documents retrieved".into(),
        caption: "Means over the test documents and the seeds.".into(),
        order: 0,
    };
    draft.gallery.add(entry, |path| picture::panels(path, &panels))?;
    draft.finish(format!(
        "At most {QUERIES} of the test documents, evenly spaced, are searched for among all other test documents, as in the \
         papers. A document found is right if it has the topic of the query; queries that are alone in their topic are left \
         out. Models, latent semantic analysis (LSA) and the weights of words learn from the training documents, without \
         topics. All methods count the same stems, the most frequent ones that at most a fifth of the documents have. \
         Numbers are compared by the cosine, bits, which are 1 above one half, by the Hamming distance. tf-idf is ln(1 + tf) \
         ln(N / df); LSA is of these, or of ln(1 + tf) alone, as in the papers. Nothing is chosen by the test documents. Tied documents count by their mean over all orders (McSherry & Najork, 2008)."
    ))
}

/// The documents of one set and one seed.
pub(crate) struct Trial<'a> {
    seed: u64,
    train: &'a SparseRows,
    test: &'a SparseRows,
    /// Topic of each test document.
    topics: &'a [u32],
    /// Names of the topics.
    names: &'a [String],
    queries: Vec<usize>,
}

impl<'a> Trial<'a> {
    /// # Errors
    /// The data are not documents with topics.
    pub(crate) fn new(splits: &'a Splits, seed: u64) -> Result<Self, EvaluationError> {
        let missing = || EvaluationError::Data {
            set: splits.dataset.name.clone(),
            missing: "documents with topics",
            remedy: "use 20newsgroups, reuters-r8 or reuters-r52",
        };
        let rows = |split: &'a Split| split.as_sparse().map(|(part, _)| &part.rows).ok_or_else(missing);
        let (train, test) = (rows(&splits.train)?, rows(&splits.test)?);
        let topics = test.labels().ok_or_else(missing)?;
        let step = test.len().div_ceil(QUERIES).max(1);
        let alone = |&query: &usize| topics.iter().filter(|topic| **topic == topics[query]).count() > 1;
        let queries: Vec<usize> = (0..test.len()).step_by(step).filter(alone).collect();
        Ok(Trial { seed, train, test, topics, names: &splits.dataset.label_names, queries })
    }

    /// Adds the codes of the test documents, `[N, D]`.
    fn by_codes(
        &self,
        entrants: &mut Entrants,
        coder: &Coder,
        codes: &Tensor,
    ) -> Result<(), EvaluationError> {
        let size = codes.size()[1];
        if !coder.bits {
            return self.by_numbers(entrants, (coder.name, coder.title), codes);
        }
        let bits = codes.gt(0.5).to_kind(Kind::Float) * 2.0 - 1.0;
        self.among(entrants.entry(coder.name, coder.title, Size::Bits(size)), &Gallery::hamming(&bits), &bits)
    }

    /// Adds numbers `[N, D]`, compared by the cosine.
    fn by_numbers(
        &self,
        entrants: &mut Entrants,
        (name, title): (&str, &str),
        numbers: &Tensor,
    ) -> Result<(), EvaluationError> {
        let rows = directions(numbers);
        self.among(entrants.entry(name, title, Size::Values(rows.size()[1])), &Gallery::euclid(&rows), &rows)
    }

    /// Adds the words themselves and latent semantic analysis.
    fn by_words(&self, entrants: &mut Entrants) -> Result<(), EvaluationError> {
        let frequencies = Frequencies::of(self.train);
        let test = frequencies.tf_idf(self.test);
        let words = Size::Words(self.test.width());
        let postings = Postings::of(&test);
        let mut found = entrants.entry("tf_idf", "tf-idf", words);
        for &query in &self.queries {
            self.judge(&mut found, query, postings.scores(test.row(query)))?;
        }
        found.finish(self.seed);
        let postings = Postings::of(&frequencies.bm25(self.test));
        let mut found = entrants.entry("bm25", "BM25", words);
        for &query in &self.queries {
            self.judge(&mut found, query, postings.scores(self.test.row(query)))?;
        }
        found.finish(self.seed);
        self.by_lsa(entrants, &LSA)
    }

    /// Adds latent semantic analysis with so many numbers, of both weights of words.
    fn by_lsa(&self, entrants: &mut Entrants, sizes: &[i64]) -> Result<(), EvaluationError> {
        let frequencies = Frequencies::of(self.train);
        let weighted = [self.train, self.test].map(|rows| frequencies.tf_idf(rows));
        let logarithms = [self.train, self.test].map(words::logarithms);
        for (name, title, [train, test]) in
            [("lsa", "LSA, tf-idf", weighted), ("lsa_log", "LSA, logarithms", logarithms)]
        {
            let lsa = Lsa::of(&train);
            for &size in sizes.iter().filter(|size| **size <= self.test.width() as i64) {
                self.by_numbers(entrants, (&format!("{name}{size}"), title), &lsa.codes(&test, size))?;
            }
        }
        Ok(())
    }

    fn among(&self, mut found: Found<'_>, gallery: &Gallery, rows: &Tensor) -> Result<(), EvaluationError> {
        let places: Vec<i64> = self.queries.iter().map(|&query| query as i64).collect();
        let queries = rows.index_select(0, &Tensor::from_slice(&places));
        gallery.search(&queries, |at, scores| self.judge(&mut found, self.queries[at], scores.to_vec()))?;
        found.finish(self.seed);
        Ok(())
    }

    /// Adds what a query has found by the scores of all test documents.
    fn judge(
        &self,
        found: &mut Found<'_>,
        query: usize,
        mut scores: Vec<f32>,
    ) -> Result<(), EvaluationError> {
        // The query itself comes last and is not relevant, so it changes nothing.
        scores[query] = f32::NEG_INFINITY;
        let topic = self.topics[query];
        let is_right: Vec<bool> =
            (0..scores.len()).map(|other| other != query && self.topics[other] == topic).collect();
        found.add(&scores, &is_right)
    }

    /// Codes of two numbers beside latent semantic analysis.
    fn draw(&self, draft: &Draft, set: &str, codes: &Tensor, order: u32) -> Result<(), EvaluationError> {
        let frequencies = Frequencies::of(self.train);
        let lsa = Lsa::of(&frequencies.tf_idf(self.train)).codes(&frequencies.tf_idf(self.test), 2);
        let labels: Vec<String> =
            self.topics.iter().map(|topic| self.names[*topic as usize].clone()).collect();
        let map = |title: &str, axes: [&str; 2], points: &Tensor| Map {
            title: title.into(),
            axes: axes.map(String::from),
            points: array::to_rows(points),
        };
        let maps = [
            map("the code", ["first number", "second number"], codes),
            map("latent semantic analysis", ["first concept", "second concept"], &lsa),
        ];
        let entry = Entry {
            file: format!("{set}-maps.png"),
            title: format!("{set} in two dimensions"),
            caption: format!("All test documents, coloured by topic, seed {}.", self.seed),
            order: order + 1,
        };
        let about = About { labels: &labels, ..About::default() };
        draft.gallery.add(entry, |path| picture::maps(path, &maps, about))?;
        Ok(())
    }
}

/// Mean average precisions by the codes of a model, `code`, and by the better of both latent semantic analyses with as many
/// numbers and with 50, `lsa` and `lsa50`.
pub(crate) fn mean_average_precisions(
    trial: &Trial<'_>,
    codes: &Tensor,
    bits: bool,
) -> Result<Metrics, EvaluationError> {
    let mut entrants = Entrants::new(RETRIEVED);
    trial.by_codes(&mut entrants, &Coder { name: "code", title: "code", settings: &[], bits }, codes)?;
    let size = codes.size()[1].min(trial.test.width() as i64);
    trial.by_lsa(&mut entrants, &[size, 50])?;
    let better = |size: i64| {
        let of = |name: &str| entrants.mean_average_precision(&format!("{name}{size}"));
        Some(of("lsa")?.max(of("lsa_log")?))
    };
    let code = entrants.mean_average_precision("code");
    let all = [("code", code), ("lsa", better(size)), ("lsa50", better(50))];
    Ok(all.into_iter().filter_map(|(name, value)| Some((name.into(), value?))).collect())
}

/// Precision by the number of documents retrieved.
fn panel(set: &str, entrants: &Entrants) -> Panel {
    let axis = |name: &str, logarithmic| Axis { name: name.into(), logarithmic };
    Panel {
        title: set.into(),
        x: axis("documents retrieved", true),
        y: axis("precision", false),
        lines: entrants.curves(),
    }
}

#[cfg(test)]
mod tests;
