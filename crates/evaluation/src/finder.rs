//! Search in a user's own documents and pictures: an index in one file, and queries to it.
//!
//! What ranks is what [`ae eval retrieval`](crate::TASKS) and `ae eval search` measure, and so are the defaults:
//! [`DocumentMethod::Bm25`] and [`PictureMethod::Pca`].

mod coded;
mod documents;
mod error;
mod file;
mod found;
mod passage;
mod pictures;
mod ranked;

pub use documents::{DocumentIndex, DocumentMethod, DocumentWish};
pub use error::FinderError;
pub use found::{DocumentQuery, Found, FoundDocument, LeftOut, WordWeight};
pub use pictures::{FoundPicture, PictureIndex, PictureMethod};

use ae_tensor::Device;
use std::path::Path;

/// An index of either kind.
#[derive(Debug)]
#[expect(clippy::large_enum_variant, reason = "a command loads one index")]
pub enum Index {
    /// Of documents.
    Documents(DocumentIndex),
    /// Of pictures.
    Pictures(PictureIndex),
}

impl Index {
    /// Reads the file of an index.
    ///
    /// # Errors
    /// If it is damaged, no index, or one of another version.
    pub fn load(path: &Path, device: Device) -> Result<Self, FinderError> {
        let stored = file::Stored::read(path)?;
        match stored.kind.as_str() {
            documents::KIND => DocumentIndex::from_stored(stored, device).map(Index::Documents),
            pictures::KIND => PictureIndex::from_stored(stored, device).map(Index::Pictures),
            _ => Err(stored.wrong("it is of a kind that this version does not know")),
        }
    }
}
