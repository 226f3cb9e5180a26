//! Reads a folder of PNG or JPEG images, whose subfolders are labels, or a single picture.

use crate::rows::{RawRows, number_labels};
use crate::{Color, DataConfig, DataError, SampleShape, Scale, own};
use ae_intake::{MemoryLimit, Samples};
use ae_records::digest;
use ae_records::files::{self, FileError};
use ae_records::record::FileRecord;
use image::imageops::FilterType;
use image::{DynamicImage, ImageDecoder, ImageReader, Limits};
use ndarray::{Array2, Array3};
use rayon::prelude::*;
use std::fs;
use std::path::{Path, PathBuf};

/// Maximum memory for decoding one image, in bytes; the size that a file states is not trusted.
const MAX_ALLOC: u64 = 256 << 20;

/// Reads all images below `folder`, in the order of their paths.
pub(crate) fn read(folder: &Path, config: &DataConfig) -> Result<RawRows, DataError> {
    let wrong = |reason| DataError::Images { path: folder.to_owned(), reason };
    let (paths, labels) = find(folder)?;
    let heads = paths.par_iter().map(|path| head(path)).collect::<Result<Vec<_>, _>>()?;
    let [height, width] = match config.resize {
        Some(size) => size,
        None => {
            let [height, width] = heads[0].size;
            if let Some(other) = heads.iter().position(|head| head.size != heads[0].size) {
                let [other_height, other_width] = heads[other].size;
                return Err(wrong(format!(
                    "images differ in size: {} is {height}x{width}, but {} is {other_height}x{other_width} (height \
                     x width); set data.resize = [{height}, {width}] to resize them all",
                    short(folder, &paths[0]),
                    short(folder, &paths[other]),
                )));
            }
            [height, width]
        }
    };
    let gray = match config.color {
        Color::Gray => true,
        Color::Rgb => false,
        Color::Auto => heads.iter().all(|head| head.gray),
    };
    let channels: usize = if gray { 1 } else { 3 };
    check_memory(folder, &heads, channels.saturating_mul(height).saturating_mul(width), config)?;
    let images =
        paths.par_iter().map(|path| decode(path, [height, width], gray)).collect::<Result<Vec<_>, _>>()?;
    let numel = channels * height * width;
    let mut values = Vec::with_capacity(images.len() * numel);
    let mut files = Vec::with_capacity(images.len());
    for (pixels, file) in images {
        values.extend(pixels.into_iter().map(f32::from));
        files.push(file);
    }
    let values = Array2::from_shape_vec((files.len(), numel), values).expect("every image has this size");
    let (labels, label_names) = labels.map(|labels| number_labels(&labels)).unzip();
    own::check_count(RawRows {
        name: config.set.clone(),
        shape: own::reshape(config, SampleShape::Image { channels, height, width }, &config.set)?,
        samples: Samples::complete(values).with_labels(labels),
        label_names: label_names.unwrap_or_default(),
        feature_names: Vec::new(),
        is_category: Vec::new(),
        row_names: paths.iter().map(|path| short(folder, path)).collect(),
        files: vec![folder_record(folder, &files)],
        auto_scale: Scale::Pixels,
    })
}

/// Reads one picture of any size as bytes `[C, H, W]`: one channel for [`Color::Gray`], three for [`Color::Rgb`], and what
/// the file has for [`Color::Auto`]. Transparency is dropped.
///
/// # Errors
/// If it is not a PNG or JPEG image, or takes more memory than a file of its length may.
pub fn read_picture(path: &Path, color: Color) -> Result<Array3<u8>, DataError> {
    read_at(path, color, None)
}

/// The same, resized to a height and width.
///
/// # Errors
/// As [`read_picture`].
pub fn read_resized(path: &Path, color: Color, size: [usize; 2]) -> Result<Array3<u8>, DataError> {
    read_at(path, color, Some(size))
}

fn read_at(path: &Path, color: Color, size: Option<[usize; 2]>) -> Result<Array3<u8>, DataError> {
    let head = head(path)?;
    let pixels = (head.size[0] as u64).saturating_mul(head.size[1] as u64);
    let what = || format!("{pixels} pixels");
    MemoryLimit::for_input(head.bytes, None).check(
        &path.display().to_string(),
        what,
        pixels.saturating_mul(DECODING_BYTES),
    )?;
    let gray = match color {
        Color::Gray => true,
        Color::Rgb => false,
        Color::Auto => head.gray,
    };
    let [height, width] = size.unwrap_or(head.size);
    let (pixels, _) = decode(path, [height, width], gray)?;
    let shape = (if gray { 1 } else { 3 }, height, width);
    Ok(Array3::from_shape_vec(shape, pixels).expect("the picture has as many pixels as its head says"))
}

/// The same with values in [0, 1], and as many channels as the file has.
///
/// # Errors
/// As [`read_picture`].
pub fn picture(path: &Path) -> Result<Array3<f32>, DataError> {
    Ok(read_picture(path, Color::Auto)?.mapv(|byte| f32::from(byte) / 255.0))
}

/// The PNG and JPEG images in a folder, in the order of their names; those of subfolders are left out.
///
/// # Errors
/// If the folder cannot be read, or holds no images.
pub fn pictures_in(folder: &Path) -> Result<Vec<PathBuf>, DataError> {
    let (images, _, _) = entries(folder)?;
    match images.is_empty() {
        true => Err(DataError::Images {
            path: folder.to_owned(),
            reason: "no PNG or JPEG images in the folder".into(),
        }),
        false => Ok(images),
    }
}

/// The PNG and JPEG images in a folder and in all folders below it, in the order of their paths. Hidden files and
/// folders, and folders that are links, are left out.
///
/// # Errors
/// If a folder cannot be read, or there are no images.
pub fn pictures_below(folder: &Path) -> Result<Vec<PathBuf>, DataError> {
    let (mut pictures, mut left, mut others) = (Vec::new(), vec![folder.to_owned()], 0);
    while let Some(next) = left.pop() {
        let (images, folders, rest) = entries(&next)?;
        pictures.extend(images);
        left.extend(folders.into_iter().filter(|folder| !folder.is_symlink()));
        others += rest;
    }
    pictures.sort_unstable();
    match pictures.is_empty() {
        true => Err(DataError::Images {
            path: folder.to_owned(),
            reason: format!("no PNG or JPEG images in the folder or below it ({others} other files)"),
        }),
        false => Ok(pictures),
    }
}

/// One record for all images, so that a run's record does not list sixty thousand files.
fn folder_record(folder: &Path, files: &[FileRecord]) -> FileRecord {
    let lines: String = files.iter().map(|file| format!("{}  {}\n", file.sha256, file.name)).collect();
    let name = folder.file_name().unwrap_or(folder.as_os_str()).to_string_lossy();
    FileRecord { name: format!("{name}/ ({} images)", files.len()), sha256: digest::sha256(lines.as_bytes()) }
}

/// The images, and the name of the subfolder of each if there are subfolders. A picture is a folder of its own.
fn find(folder: &Path) -> Result<(Vec<PathBuf>, Option<Vec<String>>), DataError> {
    if folder.is_file() {
        return Ok((vec![folder.to_owned()], None));
    }
    let wrong = |reason| DataError::Images { path: folder.to_owned(), reason };
    let (mut images, folders, others) = entries(folder)?;
    let mut labels = Vec::new();
    let mut classes = Vec::new();
    for class in &folders {
        let (inside, _, _) = entries(class)?;
        if !inside.is_empty() {
            let name = class.file_name().unwrap_or_default().to_string_lossy().into_owned();
            labels.extend(std::iter::repeat_n(name, inside.len()));
            classes.extend(inside);
        }
    }
    match (images.is_empty(), classes.is_empty()) {
        (true, true) => {
            let seen = if others > 0 { format!(" ({others} other files)") } else { String::new() };
            Err(wrong(format!("no PNG or JPEG images in the folder{seen} or its subfolders")))
        }
        (false, false) => Err(wrong(format!(
            "images both in the folder and in its subfolders (such as {}); put all of them in subfolders, one per \
             label, or none",
            short(folder, &classes[0])
        ))),
        (true, false) => Ok((classes, Some(labels))),
        (false, true) => {
            images.sort_unstable();
            Ok((images, None))
        }
    }
}

/// Images and folders in a folder, sorted, and the number of other files. Hidden files and folders are
/// ignored.
fn entries(folder: &Path) -> Result<(Vec<PathBuf>, Vec<PathBuf>, usize), DataError> {
    let (mut images, mut folders, mut others) = (Vec::new(), Vec::new(), 0);
    for entry in fs::read_dir(folder).map_err(FileError::new("read", folder))? {
        let path = entry.map_err(FileError::new("read", folder))?.path();
        let name = path.file_name().unwrap_or_default().to_string_lossy().to_lowercase();
        if name.starts_with('.') {
            continue;
        }
        if path.is_dir() {
            folders.push(path);
        } else if [".png", ".jpg", ".jpeg"].iter().any(|ending| name.ends_with(ending)) {
            images.push(path);
        } else {
            others += 1;
        }
    }
    images.sort_unstable();
    folders.sort_unstable();
    if others > 0 && !images.is_empty() {
        tracing::info!("skipped {others} files in {} that are not PNG or JPEG images", folder.display());
    }
    Ok((images, folders, others))
}

struct Head {
    /// Height, width.
    size: [usize; 2],
    gray: bool,
    /// Length of the file.
    bytes: u64,
}

/// Copies of all pixels, as bytes and as 32-bit floats before and after the split.
const PIXEL_BYTES: u64 = 1 + 4 + 4;
/// Memory for each pixel of an image while it is decoded and converted.
const DECODING_BYTES: u64 = 12;

/// Checks the pixels of all images before any is decoded: a small PNG may state a huge one.
fn check_memory(folder: &Path, heads: &[Head], numel: usize, config: &DataConfig) -> Result<(), DataError> {
    let memory = MemoryLimit::for_input(heads.iter().map(|head| head.bytes).sum(), config.max_memory_mb);
    let pixels = (heads.len() as u64).saturating_mul(numel as u64);
    // Each thread decodes one image at a time, in its own size.
    let largest = heads.iter().map(|head| head.size[0] as u64 * head.size[1] as u64).max().unwrap_or(0);
    let decoding =
        largest.saturating_mul(DECODING_BYTES * rayon::current_num_threads().min(heads.len()) as u64);
    let need = pixels.saturating_mul(PIXEL_BYTES).saturating_add(decoding);
    let what = || {
        let advice = if config.resize.is_none() { " (data.resize = [H, W] would make fewer)" } else { "" };
        format!("{} images, {pixels} pixel values in all{advice},", heads.len())
    };
    Ok(memory.check(&folder.display().to_string(), what, need)?)
}

fn head(path: &Path) -> Result<Head, DataError> {
    let decoder = open(path)?.into_decoder().map_err(|error| unreadable(path, &error))?;
    let (width, height) = decoder.dimensions();
    let gray = !decoder.color_type().has_color();
    let bytes = fs::metadata(path).map_err(FileError::new("read", path))?.len();
    Ok(Head { size: [height as usize, width as usize], gray, bytes })
}

/// Pixels `[C, H, W]`, 8 bits each; transparency is dropped.
fn decode(path: &Path, size: [usize; 2], gray: bool) -> Result<(Vec<u8>, FileRecord), DataError> {
    let image = open(path)?.decode().map_err(|error| unreadable(path, &error))?;
    let [height, width] = size.map(|side| side as u32);
    let image = if (image.height(), image.width()) == (height, width) {
        image
    } else {
        image.resize_exact(width, height, FilterType::Triangle)
    };
    let pixels = if gray { image.into_luma8().into_raw() } else { planes(&image) };
    let (sha256, _) = ae_fetch::sha256_file(path).map_err(FileError::new("read", path))?;
    let name = path.file_name().unwrap_or_default().to_string_lossy().into_owned();
    Ok((pixels, FileRecord { name, sha256 }))
}

/// Red, then green, then blue.
fn planes(image: &DynamicImage) -> Vec<u8> {
    let pixels = image.to_rgb8();
    (0..3).flat_map(|channel| pixels.pixels().map(move |pixel| pixel.0[channel])).collect()
}

fn open(path: &Path) -> Result<ImageReader<std::io::BufReader<fs::File>>, DataError> {
    let reader = ImageReader::new(std::io::BufReader::new(files::open(path)?));
    // By content, so that a JPEG named .png is still read.
    let mut reader = reader.with_guessed_format().map_err(FileError::new("read", path))?;
    let mut limits = Limits::default();
    limits.max_alloc = Some(MAX_ALLOC);
    reader.limits(limits);
    Ok(reader)
}

fn unreadable(path: &Path, error: &image::ImageError) -> DataError {
    DataError::Format { path: path.to_owned(), format: "PNG or JPEG", reason: error.to_string() }
}

fn short(folder: &Path, path: &Path) -> String {
    let below = path.strip_prefix(folder).ok().filter(|below| !below.as_os_str().is_empty());
    below.unwrap_or(path).display().to_string()
}
