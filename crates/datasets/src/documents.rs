//! Labelled documents: 20 Newsgroups (Lang, ICML 1995) and Reuters-21578 (Lewis, 1997), each with its published split.
//!
//! The texts are those of Cachopo (2007, "Improving methods for single-label text categorization"): lower case, without
//! punctuation, digits and words of one letter; 20 Newsgroups with the subject as the first words, split by date. `r8`
//! and `r52` are the documents of Reuters that have one topic, of the 8 and 52 most frequent ones.

use crate::catalogue::{self, SetEntry};
use crate::sparse::{Absent, SparseDataset, SparsePart, SparseRows};
use crate::split::stratified;
use crate::{DataConfig, DataError, Dataset, Sources, sparse};
use ae_fetch::Progress;
use ae_intake::words::{Language, Vocabulary};
use ae_records::record::FileRecord;
use std::path::Path;

/// Names of the sets.
pub const SETS: [&str; 3] = ["20newsgroups", "reuters-r8", "reuters-r52"];
/// Share of the documents from which a word is too common to be counted: `the`, `not`, `from`.
pub const COMMON: f64 = 0.2;
/// Lines before the first document: names of the columns, their kinds, which is the class, and an empty one.
const HEAD: usize = 4;

/// Both parts of a set.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Corpus {
    /// Name of the set.
    pub name: String,
    /// Documents to learn from.
    pub train: Documents,
    /// Documents to judge on.
    pub test: Documents,
    /// Name of each topic, in the order of characters.
    pub topics: Vec<String>,
    /// The files that were read.
    pub files: Vec<FileRecord>,
}

/// Texts with their topics.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Documents {
    /// `[N]`, none of them empty.
    pub texts: Vec<String>,
    /// `[N]`, each the place of a topic in [`Corpus::topics`].
    pub topics: Vec<u32>,
}

/// Loads one of [`SETS`], and fetches it first if necessary.
///
/// # Errors
/// [`DataError::UnknownSet`] for another name; otherwise, if a file cannot be fetched or is not valid.
pub fn load(name: &str, sources: &Sources, progress: &mut dyn Progress) -> Result<Corpus, DataError> {
    if !SETS.contains(&name) {
        let known = SETS.map(String::from).to_vec();
        let nearest = ae_records::names::nearest(name, &known);
        return Err(DataError::UnknownSet { name: name.to_owned(), here: None, nearest, known });
    }
    read(catalogue::find(name)?, sources, progress)
}

/// The documents as counts of the most frequent words, which are learned from the training documents.
pub(crate) fn counts(
    set: &SetEntry,
    config: &DataConfig,
    sources: &Sources,
    seed: u64,
    progress: &mut dyn Progress,
) -> Result<SparseDataset, DataError> {
    set.check_protocol(config)?;
    sparse::check(set, config)?;
    read(set, sources, progress)?.counted(config, seed)
}

impl Corpus {
    /// Documents without any of the words are left out.
    fn counted(self, config: &DataConfig, seed: u64) -> Result<SparseDataset, DataError> {
        let (kept, taken) = stratified(&self.train.topics, config.validation, seed, "validation");
        let words = config.words;
        let texts = kept.iter().map(|&row| self.train.texts[row].as_str());
        let vocabulary = Vocabulary::of(texts, Language::English, words, COMMON);
        let part = |documents: &Documents, rows: &[usize]| documents.part(&vocabulary, rows);
        let all: Vec<usize> = (0..self.test.texts.len()).collect();
        let mut train = part(&self.train, &kept);
        let (validation, mut test) = (part(&self.train, &taken), part(&self.test, &all));
        train.keep(config.max_train, seed, "max_train");
        test.keep(config.max_test, seed, "max_test");
        if train.rows.stored() == 0 {
            return Err(DataError::TooFewRows { name: self.name, got: 0, needed: 1, what: "train on" });
        }
        let width = vocabulary.stems().len();
        let about = Dataset {
            name: self.name,
            label_names: self.topics,
            files: self.files,
            ..sparse::about(vocabulary.stems().to_vec(), width)
        };
        Ok(SparseDataset { about, absent: Absent::Zero, train, validation, test })
    }
}

impl Documents {
    /// The counts of these documents, those without a known word left out.
    fn part(&self, vocabulary: &Vocabulary, rows: &[usize]) -> SparsePart {
        let counted = rows.iter().map(|&row| (vocabulary.counts(&self.texts[row]), self.topics[row]));
        let (counts, topics): (Vec<_>, Vec<u32>) = counted.filter(|(counts, _)| !counts.is_empty()).unzip();
        let rows = SparseRows::of(vocabulary.stems().len(), &counts).expect("counts of rising columns");
        SparsePart::of(rows.with_labels(topics).expect("a topic for each"))
    }
}

fn read(set: &SetEntry, sources: &Sources, progress: &mut dyn Progress) -> Result<Corpus, DataError> {
    let paths = sources.bring(set, progress)?;
    let (mut parts, mut files) = (Vec::new(), Vec::new());
    for (file, path) in set.files.iter().zip(&paths) {
        let (bytes, record) = sources.content(set, file, path, progress)?;
        parts.push(parse(&bytes, path)?);
        files.push(record);
    }
    let [train, test] = <[_; 2]>::try_from(parts)
        .unwrap_or_else(|parts| panic!("{} has {} files, not 2", set.name, parts.len()));
    let mut topics: Vec<String> = train.iter().chain(&test).map(|(topic, _)| topic.clone()).collect();
    topics.sort_unstable();
    topics.dedup();
    let documents = |rows: Vec<(String, String)>| {
        let place = |topic: &String| topics.binary_search(topic).expect("each topic is listed") as u32;
        let (of, texts): (Vec<u32>, Vec<String>) =
            rows.into_iter().map(|(topic, text)| (place(&topic), text)).unzip();
        Documents { texts, topics: of }
    };
    let (train, test) = (documents(train), documents(test));
    Ok(Corpus { name: set.name.clone(), train, test, topics, files })
}

/// Topics and texts; documents without a word are left out.
fn parse(bytes: &[u8], path: &Path) -> Result<Vec<(String, String)>, DataError> {
    let wrong =
        |reason: String| DataError::Format { path: path.to_owned(), format: "documents after tabs", reason };
    let text = std::str::from_utf8(bytes).map_err(|error| wrong(format!("it is not UTF-8: {error}")))?;
    let mut lines = text.lines().enumerate();
    if lines.next().is_none_or(|(_, first)| first != "Category\tText") {
        return Err(wrong("line 1 is not `Category`, a tab and `Text`".into()));
    }
    let mut documents = Vec::new();
    for (at, line) in lines.skip(HEAD - 1).filter(|(_, line)| !line.trim().is_empty()) {
        let Some((topic, text)) = line.split_once('\t') else {
            return Err(wrong(format!("line {} has no tab between topic and text", at + 1)));
        };
        if topic.trim().is_empty() {
            return Err(wrong(format!("line {} has no topic", at + 1)));
        }
        if !text.trim().is_empty() {
            documents.push((topic.to_owned(), text.trim().to_owned()));
        }
    }
    match documents.is_empty() {
        true => Err(wrong("it has no documents".into())),
        false => Ok(documents),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const START: &str = "Category\tText\nd\tstring\nclass\t\n\n";

    fn check(text: &str, expected: Result<&[(&str, &str)], &str>) {
        let got = parse(text.as_bytes(), Path::new("a.tab"));
        match (got, expected) {
            (Ok(got), Ok(expected)) => {
                let got: Vec<(&str, &str)> =
                    got.iter().map(|(topic, text)| (topic.as_str(), text.as_str())).collect();
                assert_eq!(got, expected);
            }
            (Err(error), Err(words)) => assert!(error.to_string().contains(words), "{error}"),
            (got, expected) => panic!("{text:?}: {got:?} instead of {expected:?}"),
        }
    }

    #[test]
    fn documents_come_after_the_head_and_empty_ones_are_left_out() {
        check(
            &format!("{START}earn\tone two\nacq\t three \n\nearn\t  \n"),
            Ok(&[("earn", "one two"), ("acq", "three")]),
        );
        check(&format!("{START}earn one\n"), Err("line 5 has no tab"));
        check(&format!("{START}\tone\n"), Err("line 5 has no topic"));
        check(START, Err("no documents"));
        check("earn\tone", Err("line 1 is not `Category`"));
        check("", Err("line 1 is not `Category`"));
        let error = parse(&[0xff, 0xfe], Path::new("a.tab")).unwrap_err();
        assert!(error.to_string().contains("not UTF-8"), "{error}");
    }

    #[test]
    fn documents_become_counts_of_words_of_the_training_documents() {
        let documents = |texts: &[&str], topics: &[u32]| Documents {
            texts: texts.iter().map(|text| (*text).to_owned()).collect(),
            topics: topics.to_vec(),
        };
        let train = ["red apples", "a red apple", "green pears", "the green pear", "blue sea", "blue seas"];
        let corpus = Corpus {
            name: "fruit".into(),
            train: documents(&train, &[0, 0, 1, 1, 2, 2]),
            test: documents(&["pear pear sea plum", "plums"], &[1, 0]),
            topics: ["apples", "pears", "seas"].map(String::from).into(),
            files: Vec::new(),
        };
        let config = DataConfig { words: 3, ..DataConfig::default() };
        let data = corpus.clone().counted(&config, 0).unwrap();
        // In 2 of 6 documents each, so all of them are too common.
        assert_eq!(data.about.feature_names, ["the"]);
        let distinct: Vec<String> = (0..60).map(|at| format!("word{} only{at}", at % 15)).collect();
        let texts: Vec<&str> = distinct.iter().map(String::as_str).collect();
        let corpus = Corpus {
            train: documents(&texts, &[0; 60]),
            test: documents(&["word3 word3 only7", "new"], &[0, 0]),
            ..corpus
        };
        let data =
            corpus.counted(&DataConfig { words: 15, validation: 0.1, ..DataConfig::default() }, 0).unwrap();
        assert_eq!((data.train.rows.len(), data.validation.rows.len(), data.test.rows.len()), (54, 6, 1));
        let [(column, count)] = data.test.rows.row(0).collect::<Vec<_>>()[..] else {
            panic!("one known word")
        };
        assert_eq!((data.about.feature_names[column as usize].as_str(), count), ("word3", 2.0));
        assert_eq!(data.test.rows.labels(), Some(&[0u32][..]));
    }

    #[test]
    fn another_name_is_answered_with_the_nearest() {
        let sources = Sources::new("/nowhere");
        let error = load("reuters-r9", &sources, &mut ae_fetch::Silent).unwrap_err().to_string();
        assert!(error.contains("did you mean `reuters-r8`"), "{error}");
    }
}
