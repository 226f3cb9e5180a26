//! The pictures of a run: a folder of PNG files, and `index.json` that describes them. Beside a chart lies the same drawing
//! as SVG, which reports prefer.

use crate::chart;
use crate::error::ReportError;
use ae_records::files::{self, FileError};
use serde::{Deserialize, Serialize};
use std::fs;
use std::io;
use std::path::{Path, PathBuf};

/// Size limit of a picture: the folder may contain anything, and a larger report would be useless.
const MAX_BYTES: u64 = 32 << 20;

/// File name of the picture of the loss curves. The report of a run leaves it out, because it draws the
/// curves itself.
pub const CURVES: &str = "curves.png";

/// The entry of a picture in `index.json`.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Entry {
    /// File name in the folder, ending in `.png`.
    pub file: String,
    /// A short title.
    pub title: String,
    /// A description of one or two sentences.
    pub caption: String,
    /// Position in the report, lowest first; ties are sorted by file name.
    pub order: u32,
}

/// The folder of pictures.
#[derive(Clone, Debug)]
pub struct Gallery {
    folder: PathBuf,
}

impl Gallery {
    /// A gallery in a folder, such as `RunDir::images`, which need not exist.
    pub fn new(folder: impl Into<PathBuf>) -> Self {
        Gallery { folder: folder.into() }
    }

    /// Draws a picture and lists it, replacing any picture of the same name. `draw` gets the path to write
    /// to.
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
    /// A name that is not a plain PNG file name, an error of `draw`, or an index that cannot be read or
    /// written.
    pub fn add(
        &self,
        entry: Entry,
        draw: impl FnOnce(&Path) -> Result<(), ReportError>,
    ) -> Result<(), ReportError> {
        let mut entries = self.entries()?;
        let path = self.path(&entry.file)?;
        chart::for_a_page(|| draw(&path))?;
        entries.retain(|other| other.file != entry.file);
        entries.push(entry);
        sort(&mut entries);
        let mut text = serde_json::to_string_pretty(&entries).expect("entries are always JSON");
        text.push('\n');
        Ok(files::write_atomic_bytes(&self.index(), text.as_bytes())?)
    }

    /// All pictures in order; empty if there is no index.
    ///
    /// # Errors
    /// An index that [`Gallery::add`] did not write.
    pub fn entries(&self) -> Result<Vec<Entry>, ReportError> {
        let path = self.index();
        let Some(text) = optional(files::read_to_string(&path))? else { return Ok(Vec::new()) };
        let mut entries: Vec<Entry> =
            serde_json::from_str(&text).map_err(|source| ReportError::Index { path, source })?;
        sort(&mut entries);
        Ok(entries)
    }

    /// Path of a picture by its plain file name.
    ///
    /// # Errors
    /// [`ReportError::Name`] if the name contains a folder or does not end in `.png`.
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

/// Reads a picture for a report; `None` if there is no such file.
pub(crate) fn read_png(path: &Path) -> Result<Option<Png>, ReportError> {
    let Some(metadata) = optional(fs::metadata(path).map_err(FileError::new("read", path)))? else {
        return Ok(None);
    };
    let (bytes, limit) = (metadata.len(), MAX_BYTES);
    if bytes > limit {
        return Err(ReportError::PictureTooLarge { path: path.into(), bytes, limit });
    }
    let bytes = files::read(path, MAX_BYTES)?;
    let reader = image::ImageReader::with_format(io::Cursor::new(&bytes), image::ImageFormat::Png);
    let (width, height) = reader.into_dimensions().map_err(|_| ReportError::NotAPicture(path.into()))?;
    Ok(Some(Png { bytes, width, height }))
}

/// The drawing beside a chart's PNG; `None` if there is none.
pub(crate) fn read_svg(png: &Path) -> Result<Option<String>, ReportError> {
    let path = png.with_extension("svg");
    match optional(fs::metadata(&path).map_err(FileError::new("read", &path)))? {
        Some(metadata) if metadata.len() <= MAX_BYTES => Ok(Some(files::read_to_string(&path)?)),
        _ => Ok(None),
    }
}

/// `None` if the file does not exist.
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
