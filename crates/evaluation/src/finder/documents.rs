//! An index of documents, and queries to it.

use super::coded::{Coded, Training};
use super::error::FinderError;
use super::file::{Stored, Writer};
use super::found::{DocumentQuery, Found, FoundDocument, LeftOut};
use super::passage::{Words, passage};
use super::ranked::{Counted, Parts, Ranked};
use crate::words::{Frequencies, Postings};
use ae_datasets::documents::COMMON;
use ae_datasets::sparse::SparseRows;
use ae_intake::words::{Language, Vocabulary};
use ae_intake::{Column, InputConfig, TextTable};
use ae_records::names::nearest;
use ae_tensor::Device;
use ae_training::Observer;
use serde::{Deserialize, Serialize};
use std::collections::HashMap;
use std::fmt;
use std::path::{Path, PathBuf};
use std::sync::atomic::AtomicBool;

/// In the file.
pub(super) const KIND: &str = "documents";
/// Words that a code is made of, the most frequent ones, as in the evaluation.
const CODED_WORDS: usize = 2000;
/// Words of a query whose share in a code is computed.
const MAX_EXPLAINED_WORDS: usize = 64;

/// What ranks documents.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum DocumentMethod {
    /// The words that a document shares with the query, rare ones before common ones. Nothing is learned.
    #[default]
    Bm25,
    /// The cosine of the words, weighted by how rare they are.
    TfIdf,
    /// Latent semantic analysis with 50 numbers a document.
    Lsa,
    /// The code of the variant `text`, 10 numbers a document.
    Code,
    /// Its binary code of 128 bits.
    Bits,
}

impl fmt::Display for DocumentMethod {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            DocumentMethod::Bm25 => "bm25",
            DocumentMethod::TfIdf => "tf-idf",
            DocumentMethod::Lsa => "lsa",
            DocumentMethod::Code => "code",
            DocumentMethod::Bits => "bits",
        })
    }
}

/// What to index, and how.
#[derive(Clone, Debug)]
pub struct DocumentWish {
    /// The table.
    pub table: PathBuf,
    /// The column with the documents.
    pub text: Column,
    /// The column that says what each is called; `None`: the number of the row, from 1.
    pub id: Option<Column>,
    /// How the table is written.
    pub input: InputConfig,
    /// The language whose endings are taken away.
    pub language: Language,
    /// What ranks, if a query does not say.
    pub by: DocumentMethod,
    /// Seed of the training.
    pub seed: u64,
}

/// Documents that can be searched.
#[derive(Debug)]
pub struct DocumentIndex {
    about: About,
    texts: Vec<String>,
    names: Vec<String>,
    /// The line of each document in its file, from 1.
    lines: Vec<usize>,
    /// `[N, D]`.
    counts: SparseRows,
    coded: Option<Coded>,
}

#[derive(Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct About {
    /// Name of the table, without its folder.
    source: String,
    by: DocumentMethod,
    vocabulary: Vocabulary,
}

impl DocumentIndex {
    /// Reads a table and indexes it. `lsa`, `code` and `bits` learn from its documents first; `device` is where.
    ///
    /// # Errors
    /// The table cannot be read, has no texts, or too few to learn from.
    pub fn build(
        wish: &DocumentWish,
        device: Device,
        observer: &mut dyn Observer,
        stop: &AtomicBool,
    ) -> Result<(Self, LeftOut), FinderError> {
        let DocumentWish { table: path, text, id, input, language, by, seed } = wish;
        let (by, column) = (*by, text.to_string());
        observer.on_note(&format!("reading {}", path.display()));
        let table = TextTable::read(path, text, id.as_ref(), input)?;
        let rows = table.texts.len();
        let mut left_out = LeftOut { bad: table.bad.len(), notices: table.notices, ..LeftOut::default() };
        left_out.first_bad = table.bad.first().map(ToString::to_string);
        let names = table.names.unwrap_or_else(|| (1..=rows).map(|row| row.to_string()).collect());
        let named = table.texts.into_iter().zip(names).zip(table.lines);
        let (mut texts, mut names, mut lines) = (Vec::new(), Vec::new(), Vec::new());
        for ((text, name), line) in named.filter(|((text, _), _)| !text.is_empty()) {
            texts.push(text);
            names.push(name);
            lines.push(line as usize);
        }
        left_out.empty = rows - texts.len();
        if texts.is_empty() {
            return Err(FinderError::NoTexts { path: path.clone(), column, rows });
        }
        check_unique(&names)?;
        observer.on_note(&format!("counting the words of {} documents", texts.len()));
        let all = || texts.iter().map(String::as_str);
        let vocabulary = Vocabulary::all(all(), *language);
        let counts = counts_of(&vocabulary, all());
        if counts.stored() == 0 {
            return Err(FinderError::NoWords { path: path.clone(), column });
        }
        let coded = match by {
            DocumentMethod::Bm25 | DocumentMethod::TfIdf => None,
            _ => {
                observer.on_note(&format!("learning {by} from {} documents", texts.len()));
                let frequent = Vocabulary::of(all(), *language, CODED_WORDS, COMMON);
                let columns: HashMap<&str, u32> =
                    vocabulary.stems().iter().map(String::as_str).zip(0..).collect();
                let chosen = frequent.stems().iter().map(|stem| columns[stem.as_str()]).collect();
                let training = Training { seed: *seed, device, observer, stop };
                Some(Coded::learn(by, &counts, chosen, training)?)
            }
        };
        let source = path.file_name().unwrap_or_default().to_string_lossy().into_owned();
        let about = About { source, by, vocabulary };
        let index = DocumentIndex { about, texts, names, lines, counts, coded };
        left_out.wordless = index.can_be_found(by).iter().filter(|&&can| !can).count();
        Ok((index, left_out))
    }

    /// Writes the index to one file.
    ///
    /// # Errors
    /// If it cannot be written.
    pub fn save(&self, path: &Path) -> Result<(), FinderError> {
        let mut file = Writer::default();
        file.texts("texts", &self.texts);
        file.texts("names", &self.names);
        file.numbers("lines", self.lines.iter().map(|&line| line as u64));
        file.rows("counts", &self.counts);
        if let Some(coded) = &self.coded {
            coded.write(&mut file);
        }
        file.write(path, KIND, &self.about)
    }

    pub(super) fn from_stored(mut stored: Stored, device: Device) -> Result<Self, FinderError> {
        let about: About = stored.about()?;
        let (texts, names) = (stored.texts("texts")?, stored.texts("names")?);
        let lines = stored.numbers("lines")?;
        let counts = stored.rows("counts", about.vocabulary.stems().len())?;
        if counts.values().iter().any(|&count| count < 1.0) {
            return Err(stored.wrong("it counts words less than once"));
        }
        let n = texts.len();
        if n == 0 || [names.len(), lines.len(), counts.len()] != [n; 3] {
            return Err(stored.wrong("it does not have a text, a name, a line and counts for each document"));
        }
        let coded = match stored.has("coder_words") {
            true => Some(Coded::read(&mut stored, about.by, &counts, device)?),
            false if matches!(about.by, DocumentMethod::Bm25 | DocumentMethod::TfIdf) => None,
            false => return Err(stored.wrong("it holds no codes")),
        };
        Ok(DocumentIndex { about, texts, names, lines, counts, coded })
    }

    /// Number of documents.
    pub fn len(&self) -> usize {
        self.texts.len()
    }

    /// Whether there are none, which never is.
    pub fn is_empty(&self) -> bool {
        self.texts.is_empty()
    }

    /// Number of different stems.
    pub fn words(&self) -> usize {
        self.counts.width()
    }

    /// What ranks if a query does not say.
    pub fn method(&self) -> DocumentMethod {
        self.about.by
    }

    /// Name of the table that was indexed.
    pub fn source(&self) -> &str {
        &self.about.source
    }

    /// Whether there is a document with this name.
    pub fn has(&self, name: &str) -> bool {
        self.names.iter().any(|known| known == name)
    }

    /// The `top` best documents for a query, each text once; `by` is what ranks, if it is not what the index was built
    /// for. Documents that share nothing with the query are not found.
    ///
    /// # Errors
    /// There is nothing to look for, no document with that name, or the index was not built for this method.
    pub fn search(
        &self,
        query: DocumentQuery<'_>,
        by: Option<DocumentMethod>,
        top: usize,
        passage_length: usize,
    ) -> Result<Found, FinderError> {
        let by = by.unwrap_or(self.about.by);
        let (text, itself) = match query {
            DocumentQuery::Text(text) => (text, None),
            DocumentQuery::Like(name) => {
                let unknown =
                    || FinderError::Unknown { name: name.into(), nearest: nearest(name, &self.names) };
                let row = self.names.iter().position(|known| known == name).ok_or_else(unknown)?;
                (self.texts[row].as_str(), Some(row))
            }
        };
        let counted = self.counted(text, by)?;
        if let (DocumentQuery::Like(name), true) = (query, counted.counts.is_empty()) {
            return Err(FinderError::Wordless(name.into(), by));
        }
        let mut found = Found { by, unknown: counted.unknown.clone(), documents: Vec::new() };
        if counted.counts.is_empty() {
            return Ok(found);
        }
        let ranked = self.ranked(&counted, by)?;
        let is_found = self.can_be_found(by);
        let mut order: Vec<usize> =
            (0..self.len()).filter(|&row| Some(row) != itself && is_found[row]).collect();
        // Those that share no word with the query have a sum of 0.
        let words_only = matches!(by, DocumentMethod::Bm25 | DocumentMethod::TfIdf);
        order.retain(|&row| !words_only || ranked.scores[row] > 0.0);
        order.sort_by(|&a, &b| ranked.scores[b].total_cmp(&ranked.scores[a]).then(a.cmp(&b)));
        let mut places: HashMap<&str, usize> = HashMap::new();
        for row in order {
            let text = self.texts[row].as_str();
            if let Some(&place) = places.get(text) {
                let first: &mut FoundDocument = &mut found.documents[place];
                first.same.push(self.names[row].clone());
            } else if found.documents.len() < top {
                places.insert(text, found.documents.len());
                let because = ranked.because(&counted, row);
                found.documents.push(FoundDocument {
                    id: self.names[row].clone(),
                    line: self.lines[row],
                    score: ranked.scores[row].into(),
                    passage: self.passage(row, &counted, passage_length),
                    because,
                    same: Vec::new(),
                });
            }
        }
        Ok(found)
    }

    /// The counts of a text, by the words that the method knows.
    fn counted(&self, text: &str, by: DocumentMethod) -> Result<Counted, FinderError> {
        let mut counted = Counted { counts: Vec::new(), written: HashMap::new(), unknown: Vec::new() };
        let coded = self.coded_by(by)?;
        let known = |column: &u32| coded.is_none_or(|coded| coded.knows(*column));
        let mut words = 0;
        self.about.vocabulary.words(text, |place, column| {
            words += 1;
            let word = &text[place];
            match column.filter(known) {
                Some(column) => drop(counted.written.entry(column).or_insert_with(|| word.to_owned())),
                None if !counted.unknown.iter().any(|other| other == word) => {
                    counted.unknown.push(word.into())
                }
                None => {}
            }
        });
        if words == 0 {
            return Err(FinderError::NoQuery);
        }
        counted.counts = self.about.vocabulary.counts(text);
        counted.counts.retain(|(column, _)| known(column));
        Ok(counted)
    }

    /// The codes that a method needs.
    fn coded_by(&self, by: DocumentMethod) -> Result<Option<&Coded>, FinderError> {
        match (&self.coded, by) {
            (_, DocumentMethod::Bm25 | DocumentMethod::TfIdf) => Ok(None),
            (Some(coded), by) if by == self.about.by => Ok(Some(coded)),
            _ => Err(FinderError::NotBuilt { wanted: by, built: self.about.by }),
        }
    }

    fn can_be_found(&self, by: DocumentMethod) -> Vec<bool> {
        match (&self.coded, by) {
            (_, DocumentMethod::Bm25 | DocumentMethod::TfIdf) | (None, _) => {
                (0..self.len()).map(|row| self.counts.row(row).len() > 0).collect()
            }
            (Some(coded), _) => coded.can_be_found(),
        }
    }

    fn ranked(&self, query: &Counted, by: DocumentMethod) -> Result<Ranked, FinderError> {
        let width = self.counts.width();
        let one = |counts: &[(u32, f32)]| {
            SparseRows::of(width, &[counts.to_vec()]).expect("counts of rising columns")
        };
        if let Some(coded) = self.coded_by(by)? {
            let mut rows = vec![query.counts.clone()];
            let columns: Vec<u32> =
                query.counts.iter().map(|entry| entry.0).take(MAX_EXPLAINED_WORDS).collect();
            rows.extend(columns.iter().map(|column| {
                query.counts.iter().copied().filter(|entry| entry.0 != *column).collect::<Vec<_>>()
            }));
            let queries = SparseRows::of(width, &rows).expect("counts of rising columns");
            let mut all = coded.scores(&queries)?;
            let without = all.split_off(1);
            return Ok(Ranked { scores: all.remove(0), columns, parts: Parts::Without(without) });
        }
        let frequencies = Frequencies::of(&self.counts);
        let (weights, own) = match by {
            DocumentMethod::TfIdf => {
                (frequencies.tf_idf(&self.counts), frequencies.tf_idf(&one(&query.counts)))
            }
            _ => (frequencies.bm25(&self.counts), one(&query.counts)),
        };
        let scores = Postings::of(&weights).scores(own.row(0));
        let columns = query.counts.iter().map(|entry| entry.0).collect();
        Ok(Ranked { scores, columns, parts: Parts::Products { weights, own } })
    }

    fn passage(&self, row: usize, query: &Counted, length: usize) -> String {
        let with_word = |column: u32| 1.0 / f64::from(column + 2).ln();
        let text = &self.texts[row];
        let mut words = Words::new();
        self.about.vocabulary.words(text, |place, column| {
            // The vocabulary begins with the most frequent words, which say least.
            let worth = column.filter(|column| query.written.contains_key(column));
            words.push((place, worth.map_or(0.0, |column| 2.0 - with_word(column))));
        });
        passage(text, &words, length)
    }
}

fn counts_of<'t>(vocabulary: &Vocabulary, texts: impl Iterator<Item = &'t str>) -> SparseRows {
    let rows: Vec<Vec<(u32, f32)>> = texts.map(|text| vocabulary.counts(text)).collect();
    SparseRows::of(vocabulary.stems().len(), &rows).expect("counts of rising columns")
}

fn check_unique(names: &[String]) -> Result<(), FinderError> {
    let mut sorted: Vec<&String> = names.iter().collect();
    sorted.sort_unstable();
    match sorted.windows(2).find(|pair| pair[0] == pair[1]) {
        Some(pair) => Err(FinderError::Twice(pair[0].clone())),
        None => Ok(()),
    }
}
