//! Reads the user's own data: a table, an array, an idx file or a folder of images.

use crate::cells::Cells;
use crate::rows::{RawRows, number_labels};
use crate::tables::Purpose;
use crate::{
    DataConfig, DataError, Dataset, SampleShape, Scale, catalogue, idx, images, mnist, npy, resize, tables,
};
use ae_intake::{MemoryLimit, Samples, content};
use ae_records::digest;
use ae_records::files::FileError;
use ae_records::record::FileRecord;
use ndarray::Array2;
use std::path::Path;

/// Reads all rows of the file or folder that `config.set` names, unsplit and unscaled.
pub(crate) fn read(config: &DataConfig) -> Result<RawRows, DataError> {
    match find(config, Purpose::Use)? {
        Own::Rows(rows) => Ok(*rows),
        Own::Cells(cells) => cells.rows(config),
    }
}

/// Loads the rows of the file or folder that `config.set` names, split and scaled.
pub(crate) fn load(config: &DataConfig, seed: u64) -> Result<Dataset, DataError> {
    match find(config, Purpose::Train)? {
        Own::Rows(rows) => rows.split(config, seed)?.finish(config, seed),
        Own::Cells(cells) => cells.load(config, seed),
    }
}

/// What a path of the user's holds.
pub(crate) enum Own {
    /// Rows, unsplit and unscaled.
    Rows(Box<RawRows>),
    /// A table whose encoding is not known yet.
    Cells(Box<Cells>),
}

fn find(config: &DataConfig, purpose: Purpose) -> Result<Own, DataError> {
    let path = Path::new(&config.set);
    let kind = kind_of(path);
    if path.is_dir() || kind == Kind::Picture && path.exists() {
        return images::read(path, config).map(|rows| Own::Rows(rows.into()));
    }
    if !path.exists() {
        let looks_like_path = kind != Kind::Unknown || config.set.contains(['/', '\\']);
        return Err(if looks_like_path {
            let missing = std::io::Error::new(std::io::ErrorKind::NotFound, "no such file or folder");
            FileError::new("read", path)(missing).into()
        } else {
            catalogue::unknown(&config.set, std::env::current_dir().ok())
        });
    }
    if kind == Kind::Unknown {
        return Err(DataError::UnknownKind { path: path.to_owned() });
    }
    if let Some(label) = config.label.as_ref().filter(|_| purpose == Purpose::Train && kind != Kind::Table) {
        let right = "the column of a table; the labels of an array are another file, named by data.labels";
        return Err(DataError::OutOfRange { key: "label", value: label.to_string(), right });
    }
    let File { content, memory, mut records } = read_file(path, config)?;
    let mut rows = match kind {
        Kind::Table => match tables::read(&content, config, path, memory, purpose)? {
            Own::Rows(rows) => *rows,
            Own::Cells(mut cells) => {
                cells.files = records;
                return Ok(Own::Cells(cells));
            }
        },
        Kind::Npy => {
            check_memory(memory, path, &content)?;
            let array = npy::parse(&content).map_err(wrong(path, "npy"))?;
            from_array(&array.dims, array.rows, array.bytes, config)?
        }
        Kind::Idx | Kind::Picture | Kind::Unknown => {
            check_memory(memory, path, &content)?;
            let idx = idx::parse(&content).map_err(wrong(path, "idx"))?;
            from_array(&idx.dims, mnist::to_rows(&idx), true, config)?
        }
    };
    if let Some(labels) = config.labels.as_deref().filter(|_| kind != Kind::Table) {
        let File { content, memory, records: file } = read_file(labels, config)?;
        check_memory(memory, labels, &content)?;
        let (numbers, names) = number_labels(&label_texts(&content, labels)?);
        if numbers.len() != rows.samples.len() {
            let (got, path) = (numbers.len(), labels.to_owned());
            return Err(DataError::LabelCount { path, labels: got, rows: rows.samples.len() });
        }
        rows.samples.labels = Some(numbers);
        rows.label_names = names;
        records.extend(file);
    }
    rows.files = records;
    rows.shape = resize::resized(config, &config.set, rows.shape, &mut [&mut rows.samples])?;
    check_finite(path, &rows.samples.values)?;
    check_count(rows).map(|rows| Own::Rows(rows.into()))
}

/// The configured shape, if rows of this shape fit it; without one, this shape.
pub(crate) fn reshape(config: &DataConfig, shape: SampleShape, name: &str) -> Result<SampleShape, DataError> {
    let Some(dims) = &config.shape else { return Ok(shape) };
    SampleShape::from_dims(dims)
        .filter(|wanted| wanted.numel() == shape.numel())
        .ok_or_else(|| DataError::Shape { shape: dims.clone(), name: name.to_owned(), numel: shape.numel() })
}

/// Refuses more rows than 32-bit indices can number.
pub(crate) fn check_count(rows: RawRows) -> Result<RawRows, DataError> {
    check_row_count(rows.samples.len(), &rows.name)?;
    Ok(rows)
}

/// As [`check_count`], for this number of rows.
pub(crate) fn check_row_count(got: usize, name: &str) -> Result<(), DataError> {
    match u32::try_from(got) {
        Ok(_) => Ok(()),
        Err(_) => Err(DataError::TooManyRows { got, name: name.to_owned() }),
    }
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Kind {
    Table,
    Npy,
    Idx,
    Picture,
    Unknown,
}

fn kind_of(path: &Path) -> Kind {
    let name = path.file_name().unwrap_or_default().to_string_lossy().to_lowercase();
    let name = name.strip_suffix(".gz").or_else(|| name.strip_suffix(".zst")).unwrap_or(&name);
    match name.rsplit_once('.').map_or("", |(_, extension)| extension) {
        "csv" | "txt" | "dat" | "tsv" | "tab" | "json" | "jsonl" | "ndjson" | "xlsx" | "ods" => Kind::Table,
        "npy" => Kind::Npy,
        "idx" => Kind::Idx,
        "png" | "jpg" | "jpeg" => Kind::Picture,
        _ if name.ends_with("-ubyte") => Kind::Idx,
        _ => Kind::Unknown,
    }
}

/// A file in memory.
struct File {
    content: Vec<u8>,
    memory: MemoryLimit,
    records: Vec<FileRecord>,
}

fn read_file(path: &Path, config: &DataConfig) -> Result<File, DataError> {
    let (content, memory) = content::read_own(path, config.max_memory_mb)?;
    let name = path.file_name().unwrap_or_default().to_string_lossy().into_owned();
    let sha256 = digest::sha256(&content);
    Ok(File { content, memory, records: vec![FileRecord { name, sha256 }] })
}

/// Checks the numbers of an array, of at least a byte each, as 32-bit floats.
fn check_memory(memory: MemoryLimit, path: &Path, content: &[u8]) -> Result<(), DataError> {
    memory.check_rows(&path.display().to_string(), content.len(), content.len() as u64, 1)?;
    Ok(())
}

/// Fewest rows or columns of pixels of what looks like an image, so that the channels must be elsewhere.
const MANY: usize = 5;

fn from_array(
    dims: &[usize],
    values: Array2<f32>,
    bytes: bool,
    config: &DataConfig,
) -> Result<RawRows, DataError> {
    let path = Path::new(&config.set);
    // [N, H, W, C], as most programs but those of PyTorch store images.
    if let (None, &[_, height, width, channels @ 1..=4]) = (&config.shape, dims)
        && height.min(width) >= MANY
    {
        let shape = [height, width, channels];
        return Err(DataError::ChannelsLast { path: path.to_owned(), shape });
    }
    let shape = match dims[1..] {
        [] => SampleShape::from_dims(&[1]),
        [features] => SampleShape::from_dims(&[features]),
        // No image is that narrow: a series of a few measurements.
        [steps, features] if features < MANY && steps >= MANY => SampleShape::from_dims(&[steps, features]),
        [height, width] => SampleShape::from_dims(&[1, height, width]),
        // [C, H, W], [T, C, H, W], or what is told: only the number of values must be right then.
        _ => SampleShape::from_dims(&dims[1..])
            .or_else(|| config.shape.as_ref().and_then(|_| SampleShape::from_dims(&[values.ncols()]))),
    };
    let reason = || {
        format!(
            "its shape is {dims:?}; give [N, D], [N, H, W], [N, C, H, W] or [N, T, C, H, W] without zeros, or the shape \
             of one sample as data.shape"
        )
    };
    let shape = shape.ok_or_else(|| wrong(path, "array")(reason()))?;
    let shape = reshape(config, shape, &config.set)?;
    Ok(RawRows {
        name: config.set.clone(),
        auto_scale: auto_scale(&shape, bytes),
        shape,
        samples: Samples::complete(values),
        label_names: Vec::new(),
        feature_names: Vec::new(),
        is_category: Vec::new(),
        row_names: Vec::new(),
        files: Vec::new(),
    })
}

/// The scale of rows of this shape that do not lie in `[0, 1]`.
pub(crate) fn auto_scale(shape: &SampleShape, bytes: bool) -> Scale {
    match shape {
        _ if bytes => Scale::Pixels,
        SampleShape::Vector { .. } => Scale::Standard,
        _ if shape.channels() > 1 => Scale::MinMaxChannels,
        SampleShape::Image { .. } | SampleShape::Sequence { .. } | SampleShape::Video { .. } => Scale::MinMax,
    }
}

/// The labels of a file with one whole number per row.
fn label_texts(content: &[u8], path: &Path) -> Result<Vec<String>, DataError> {
    let (dims, values) = match kind_of(path) {
        Kind::Npy => npy::parse(content).map(|array| (array.dims, array.rows)).map_err(|reason| {
            wrong(path, "label")(format!("{reason}; labels are whole numbers, one for each row"))
        })?,
        Kind::Idx => idx::parse(content)
            .map(|idx| (idx.dims.clone(), mnist::to_rows(&idx)))
            .map_err(wrong(path, "idx"))?,
        _ => return Err(DataError::UnknownKind { path: path.to_owned() }),
    };
    if values.ncols() != 1 || values.iter().any(|value| value.fract() != 0.0) {
        let reason = format!("labels must be one whole number per row, but its shape is {dims:?}");
        return Err(wrong(path, "label")(reason));
    }
    Ok(values.iter().map(|value| format!("{value:.0}")).collect())
}

fn check_finite(path: &Path, values: &Array2<f32>) -> Result<(), DataError> {
    match values.indexed_iter().find(|(_, value)| !value.is_finite()) {
        Some(((row, position), &value)) => {
            Err(DataError::NotFinite { path: path.to_owned(), value, row, position })
        }
        None => Ok(()),
    }
}

fn wrong(path: &Path, format: &'static str) -> impl FnOnce(String) -> DataError {
    let path = path.to_owned();
    move |reason| DataError::Format { path, format, reason }
}
