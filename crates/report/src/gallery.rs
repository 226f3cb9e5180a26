//! The pictures of a run: PNG files in one folder, and `index.json` that says what they show.

use crate::error::ReportError;
use ae_records::files::{self, FileError};
use serde::{Deserialize, Serialize};
use std::fs;
use std::io;
use std::path::{Path, PathBuf};

/// A report larger than this would be of no use, and a folder may hold anything.
const MAX_BYTES: u64 = 32 << 20;

/// Name for the picture of the loss curves. The report of a run leaves it out: it draws the curves itself.
pub const CURVES: &str = "curves.png";

/// One picture.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Entry {
    /// Name within the folder, ending in `.png`.
    pub file: String,
    /// A few words.
    pub title: String,
    /// What is seen, in a sentence or two.
    pub caption: String,
    /// Place in the report, lowest first; equal places go by file name.
    pub order: u32,
}

/// The folder of pictures.
#[derive(Clone, Debug)]
pub struct Gallery {
    folder: PathBuf,
}

impl Gallery {
    /// The folder, such as `RunDir::images`; need not exist.
    pub fn new(folder: impl Into<PathBuf>) -> Self {
        Gallery { folder: folder.into() }
    }

    /// Draws a picture with `draw`, which is given the path to write to, and lists it; a picture of the same
    /// name is replaced.
    ///
    /// ```
    /// # use ae_report::{gallery::{Entry, Gallery}, picture};
    /// # let folder = tempfile::tempdir().unwrap();
    /// let gallery = Gallery::new(folder.path());
    /// let digits = ndarray::Array4::<f32>::zeros((12, 1, 28, 28));
    /// let entry = Entry { file: "digits.png".into(), title: "Digits".into(), ..Default::default() };
    /// gallery.add(entry, |path| picture::image_grid(path, digits.view(), 6))?;
    /// # Ok::<(), ae_report::ReportError>(())
    /// ```
    ///
    /// # Errors
    /// A name that is not plain; what `draw` says; an index that cannot be read or written.
    pub fn add(
        &self,
        entry: Entry,
        draw: impl FnOnce(&Path) -> Result<(), ReportError>,
    ) -> Result<(), ReportError> {
        let mut entries = self.entries()?;
        draw(&self.path(&entry.file)?)?;
        entries.retain(|other| other.file != entry.file);
        entries.push(entry);
        sort(&mut entries);
        let mut text = serde_json::to_string_pretty(&entries).expect("entries are always JSON");
        text.push('\n');
        Ok(files::write_atomic_bytes(&self.index(), text.as_bytes())?)
    }

    /// All pictures in order; none where there is no index.
    ///
    /// # Errors
    /// An index that is not what [`Gallery::add`] writes.
    pub fn entries(&self) -> Result<Vec<Entry>, ReportError> {
        let path = self.index();
        let Some(text) = optional(files::read_to_string(&path))? else { return Ok(Vec::new()) };
        let mut entries: Vec<Entry> =
            serde_json::from_str(&text).map_err(|source| ReportError::Index { path, source })?;
        sort(&mut entries);
        Ok(entries)
    }

    /// Path of a picture by its plain name.
    ///
    /// # Errors
    /// [`ReportError::Name`]: folders, `..`, another ending.
    pub fn path(&self, file: &str) -> Result<PathBuf, ReportError> {
        let plain = file.len() > 4 && file.ends_with(".png") && !file.contains(['/', '\\', ':', '\0']);
        if plain { Ok(self.folder.join(file)) } else { Err(ReportError::Name(file.into())) }
    }

    fn index(&self) -> PathBuf {
        self.folder.join("index.json")
    }
}

/// A PNG file and its size in pixels.
pub(crate) struct Png {
    pub(crate) bytes: Vec<u8>,
    pub(crate) width: u32,
    pub(crate) height: u32,
}

/// Reads a picture to be put into a report; `None` where there is no such file.
pub(crate) fn read_png(path: &Path) -> Result<Option<Png>, ReportError> {
    let Some(metadata) = optional(fs::metadata(path).map_err(FileError::new("read", path)))? else {
        return Ok(None);
    };
    let (bytes, limit) = (metadata.len(), MAX_BYTES);
    if bytes > limit {
        return Err(ReportError::PictureTooLarge { path: path.into(), bytes, limit });
    }
    let bytes = fs::read(path).map_err(FileError::new("read", path))?;
    let reader = image::ImageReader::with_format(io::Cursor::new(&bytes), image::ImageFormat::Png);
    let (width, height) = reader.into_dimensions().map_err(|_| ReportError::NotAPicture(path.into()))?;
    Ok(Some(Png { bytes, width, height }))
}

/// `None` for a file that is not there.
pub(crate) fn optional<T>(result: Result<T, FileError>) -> Result<Option<T>, FileError> {
    match result {
        Ok(value) => Ok(Some(value)),
        Err(error) if error.source.kind() == io::ErrorKind::NotFound => Ok(None),
        Err(error) => Err(error),
    }
}

fn sort(entries: &mut [Entry]) {
    entries.sort_by(|left, right| (left.order, &left.file).cmp(&(right.order, &right.file)));
}
