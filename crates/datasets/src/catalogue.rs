//! The data sets of `data/sources.toml`, compiled into the program.

use crate::rows::Halves;
use crate::sparse::SparseDataset;
use crate::{
    DataConfig, DataError, Protocol, Sources, cifar10, documents, ecg5000, mnist, movielens, moving,
    olivetti, small_images,
};
use ae_fetch::Progress;
use ae_records::names::nearest;
use serde::Deserialize;
use std::path::PathBuf;
use std::sync::LazyLock;

static CATALOGUE: LazyLock<Vec<SetEntry>> = LazyLock::new(|| {
    let text = include_str!("../sources.toml");
    complete(toml::from_str::<Catalogue>(text).expect("data/sources.toml is tested to parse").set)
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
    /// A set above this one, whose files are the first of this one. Both are kept in one folder, so that no
    /// file is fetched twice.
    pub extends: Option<String>,
    /// Name of its folder in the cache and in the mirror, if it is not its own: sets that are published together share one.
    pub folder: Option<String>,
    /// Files that are published as they are read, all below one URL; [`complete`] adds them to `files`.
    pub plain: Option<PlainFiles>,
    #[serde(rename = "file", default)]
    pub files: Vec<FileEntry>,
}

/// Uncompressed files with one source.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct PlainFiles {
    /// The URL of a file is this, followed by its name.
    url: String,
    files: Vec<ContentEntry>,
}

/// One file of a set, as it is published.
#[derive(Clone, Debug, Deserialize)]
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
    /// Zip archives that hold the content.
    #[serde(default)]
    pub zips: Vec<ZipEntry>,
    #[serde(default)]
    pub packages: Vec<PackageEntry>,
    /// The archive that this file is a part of, if it is not published alone.
    pub cut: Option<CutEntry>,
}

/// A part of an archive: the beginning of one of its members, as long as the file's content.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct CutEntry {
    /// The set whose only file is the archive, a `.tar.gz`.
    pub set: String,
    /// Path of the member in the archive.
    pub member: String,
}

/// A member of a zip archive, or the first fields of its lines.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct ZipEntry {
    pub zip: String,
    pub member: String,
    pub fields: Option<FieldsEntry>,
}

#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct FieldsEntry {
    pub separator: String,
    pub first: usize,
}

#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct ContentEntry {
    pub name: String,
    pub bytes: u64,
    pub sha256: String,
}

#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct DigestEntry {
    pub bytes: u64,
    pub sha256: String,
}

#[derive(Clone, Debug, Deserialize)]
#[serde(untagged, deny_unknown_fields)]
pub(crate) enum PackageEntry {
    Pip { pip: String, member: String },
    Npm { npm: String, member: String },
    Debian { debian: String, member: String },
}

/// The sets of `ae eval benchmark`, with the suite that they belong to.
const BENCHMARKS: [(&str, &str); 3] = [("nab-corpus", "series"), ("skab", "series"), ("adbench", "tabular")];

/// Reads the raw training and test rows of a set, and fetches its files first if necessary. Splits depend
/// only on the seed.
pub(crate) type Loader =
    fn(&SetEntry, &DataConfig, &Sources, u64, &mut dyn Progress) -> Result<Halves, DataError>;

/// The sets of plain rows with their loaders; the other sets have readers of their own.
const LOADERS: [(&str, Loader); 8] = [
    ("mnist", mnist::read),
    ("fashion-mnist", mnist::read),
    ("cifar10", cifar10::read),
    ("cifar10-subset", cifar10::read_subset),
    ("olivetti", olivetti::read),
    ("lfw-subset", small_images::faces),
    ("photographs", small_images::photographs),
    ("ecg5000", ecg5000::read),
];

/// As [`Loader`], for a set of sparse rows, split and finished.
pub(crate) type SparseLoader =
    fn(&SetEntry, &DataConfig, &Sources, u64, &mut dyn Progress) -> Result<SparseDataset, DataError>;

/// The sets of sparse rows with their loaders.
const SPARSE_LOADERS: [(&str, SparseLoader); 5] = [
    ("movielens-100k", movielens::read),
    ("movielens-1m", movielens::read),
    ("20newsgroups", documents::counts),
    ("reuters-r8", documents::counts),
    ("reuters-r52", documents::counts),
];

impl SetEntry {
    /// The name of its folder in the cache and in the mirror.
    pub(crate) fn folder(&self) -> &str {
        self.folder.as_deref().or(self.extends.as_deref()).unwrap_or(&self.name)
    }

    /// The loader of this set, if it is one of plain rows to train on.
    pub(crate) fn loader(&self) -> Option<Loader> {
        LOADERS.iter().find(|(name, _)| *name == self.name).map(|(_, loader)| *loader)
    }

    /// Refuses any protocol but the default one, for sets that have no other.
    pub(crate) fn check_protocol(&self, config: &DataConfig) -> Result<(), DataError> {
        if config.protocol == Protocol::Default {
            return Ok(());
        }
        Err(DataError::Protocol { set: self.name.clone(), protocol: config.protocol.to_string() })
    }

    /// The loader of this set, if its rows are sparse.
    pub(crate) fn sparse_loader(&self) -> Option<SparseLoader> {
        SPARSE_LOADERS.iter().find(|(name, _)| *name == self.name).map(|(_, loader)| *loader)
    }

    /// What a set without a loader of dense rows can be used with.
    pub(crate) fn used_with(&self) -> String {
        if self.sparse_loader().is_some() {
            let variants = if documents::SETS.contains(&self.name.as_str()) {
                "`text`"
            } else {
                "`autorec` or `mult_vae`"
            };
            return format!("its rows are sparse: train {variants} on it");
        }
        if self.name == moving::NAME {
            return "its sequences are made on demand: train `composite` or `conv_lstm` on it".into();
        }
        match BENCHMARKS.iter().find(|(name, _)| *name == self.name) {
            Some((_, suite)) => format!("use it with `ae eval benchmark --suite {suite}`"),
            None => format!("use it with `ae eval anomaly --data {}`", self.name),
        }
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

impl PlainFiles {
    fn entries(self) -> impl Iterator<Item = FileEntry> {
        self.files.into_iter().map(move |content| FileEntry {
            name: content.name.clone(),
            bytes: content.bytes,
            sha256: content.sha256.clone(),
            repacked: Vec::new(),
            urls: vec![format!("{}{}", self.url, content.name)],
            zips: Vec::new(),
            packages: Vec::new(),
            cut: None,
            content,
        })
    }
}

/// Gives each set all its files.
fn complete(mut sets: Vec<SetEntry>) -> Vec<SetEntry> {
    for index in 0..sets.len() {
        let (above, rest) = sets.split_at_mut(index);
        let set = &mut rest[0];
        if let Some(plain) = set.plain.take() {
            set.files.extend(plain.entries());
        }
        if let Some(extended) = &set.extends {
            let extended = above.iter().find(|set| set.name == *extended);
            let files = &extended.expect("data/sources.toml is tested to extend sets above").files;
            set.files.splice(0..0, files.iter().cloned());
        }
    }
    sets
}

pub(crate) fn sets() -> &'static [SetEntry] {
    &CATALOGUE
}

/// The set with exactly this name; the error suggests similar names.
pub(crate) fn find(name: &str) -> Result<&'static SetEntry, DataError> {
    sets().iter().find(|set| set.name == name).ok_or_else(|| unknown(name, None))
}

/// The error for an unknown name, with the most similar names; with the folder `here`, it might have been a path.
pub(crate) fn unknown(name: &str, here: Option<PathBuf>) -> DataError {
    let known: Vec<String> = sets().iter().map(|set| set.name.clone()).collect();
    DataError::UnknownSet { name: name.to_owned(), here, nearest: nearest(name, &known), known }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::collections::BTreeSet;

    #[test]
    fn every_file_has_checksums_and_a_source() {
        let hex =
            |s: &str| s.len() == 64 && s.bytes().all(|b| b.is_ascii_digit() || (b'a'..=b'f').contains(&b));
        for set in sets() {
            assert!(!set.files.is_empty() && !set.licence.is_empty() && !set.citation.is_empty());
            assert!(set.homepage.starts_with("http"), "{}", set.name);
            let names: BTreeSet<&str> = set.files.iter().map(|file| file.name.as_str()).collect();
            assert_eq!(names.len(), set.files.len(), "{} has a file twice", set.name);
            if let Some(extended) = &set.extends {
                assert_eq!(
                    find(extended).unwrap().folder(),
                    set.folder(),
                    "a set extends one that extends none"
                );
            }
            for file in &set.files {
                let is_fetched = file.urls.len() + file.zips.len() + file.packages.len() > 0;
                assert!(is_fetched != file.cut.is_some(), "{}", file.name);
                if let Some(cut) = &file.cut {
                    let [archive] = find(&cut.set).unwrap().files.as_slice() else { panic!("{}", cut.set) };
                    assert!(archive.name.ends_with(".tar.gz") && archive.cut.is_none());
                }
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
        let sets = "sets: mnist, fashion-mnist, moving-mnist, cifar10, cifar10-subset, olivetti, lfw-subset, photographs, ecg5000, nsl-kdd, nab, \
             nab-corpus, ucr-anomaly, skab, adbench, movielens-100k, movielens-1m, 20newsgroups, reuters-r8, reuters-r52";
        check("mnits", &format!("no data set is called `mnits`; did you mean `mnist`?; {sets}"));
        check("ECG500", &format!("no data set is called `ECG500`; did you mean `ecg5000`?; {sets}"));
        check("fashion", &format!("no data set is called `fashion`; did you mean `fashion-mnist`?; {sets}"));
        check("minst", &format!("no data set is called `minst`; did you mean `mnist`?; {sets}"));
        check("qqqq", &format!("no data set is called `qqqq`; {sets}"));
    }

    #[test]
    fn every_loader_is_of_a_set() {
        for (name, _) in LOADERS {
            assert!(find(name).unwrap().loader().is_some(), "{name}");
        }
        for (name, _) in SPARSE_LOADERS {
            let set = find(name).unwrap();
            assert!(set.sparse_loader().is_some() && set.loader().is_none(), "{name}");
        }
        assert!(find("nsl-kdd").unwrap().loader().is_none());
    }
}
