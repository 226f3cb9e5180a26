//! Where results are written to: a table, an array, or a folder of pictures; row by row, and as whole files.

use super::error::ApplyError;
use super::pixels::Raw;
use super::trained::{Trained, numbered};
use crate::pictures::MAX_CHANNELS;
use ae_records::files::{self, FileError};
use ae_report::picture;
use ae_tensor::{Kind, Tensor, array};
use ndarray::{Array2, Axis};
use npyz::WriterBuilder;
use std::collections::BTreeSet;
use std::io::{self, Write};
use std::path::{Component, Path, PathBuf};

/// What a file or folder holds.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Form {
    /// One line for each row, which says all about it.
    Table,
    /// An array, with a table beside it that says what its rows are.
    Array,
    /// A picture of each row and a table; an array and a table for what are no images.
    Folder,
    /// One picture of all rows.
    Picture,
}

impl Form {
    /// The form that a path asks for by its ending.
    ///
    /// # Errors
    /// An ending that says nothing, or one picture where there may be none.
    pub(crate) fn of(path: &Path, one_picture: bool) -> Result<Self, ApplyError> {
        let ending = path.extension().and_then(|ending| ending.to_str()).map(str::to_lowercase);
        let unknown = || ApplyError::Form {
            path: path.into(),
            legal: match one_picture {
                true => "end it in .csv, .npy or .png, or give a folder: --out folder/",
                false => "end it in .csv or .npy, or give a folder: --out folder/",
            },
        };
        if path.is_dir() || path.as_os_str().as_encoded_bytes().ends_with(b"/") {
            return Ok(Form::Folder);
        }
        match ending.as_deref() {
            Some("csv") => Ok(Form::Table),
            Some("npy") => Ok(Form::Array),
            Some("png") if one_picture => Ok(Form::Picture),
            None => Ok(Form::Folder),
            Some(_) => Err(unknown()),
        }
    }
}

/// The rows of a result, as many as are computed at once.
#[derive(Debug)]
pub(crate) struct Chunk {
    /// What is said about each row, in the order of [`Sheet::about`].
    pub(crate) about: Vec<Vec<String>>,
    /// The result itself, `[B, …]`.
    pub(crate) values: Values,
}

/// The values of a result.
#[derive(Debug)]
pub(crate) enum Values {
    /// Codes, `[B, …]`; indices if they are whole numbers.
    Codes(Tensor),
    /// Samples `[B, …]`, in the unit of the model.
    Samples(Tensor),
}

/// A result to write: its rows come in chunks.
#[derive(Debug)]
pub(crate) struct Sheet<'a> {
    pub(crate) trained: &'a Trained,
    pub(crate) out: &'a Path,
    pub(crate) form: Form,
    /// Names of what is said about each row.
    pub(crate) about: Vec<&'static str>,
    /// How the file in a folder, or the pictures, are called: `codes`.
    pub(crate) stem: &'static str,
    /// Number of rows.
    pub(crate) rows: usize,
    /// Name of each row, which its picture is called by; may be empty.
    pub(crate) row_names: &'a [String],
    /// Names of the values, and their shape in an array.
    pub(crate) columns: Vec<String>,
    pub(crate) shape: Vec<i64>,
    /// Whether values are indices.
    pub(crate) whole: bool,
}

/// What ended the writing of a file.
enum Stop {
    Io(io::Error),
    Other(ApplyError),
}

impl From<io::Error> for Stop {
    fn from(error: io::Error) -> Self {
        Stop::Io(error)
    }
}

impl From<ApplyError> for Stop {
    fn from(error: ApplyError) -> Self {
        Stop::Other(error)
    }
}

impl From<csv::Error> for Stop {
    fn from(error: csv::Error) -> Self {
        Stop::Io(error.into())
    }
}

impl<'a> Sheet<'a> {
    /// A sheet of samples.
    pub(crate) fn of_samples(trained: &'a Trained, out: &'a Path, form: Form, stem: &'static str) -> Self {
        Sheet {
            trained,
            out,
            form,
            about: vec!["row"],
            stem,
            rows: 0,
            row_names: &[],
            columns: trained.value_names(),
            shape: trained.shape().to_vec(),
            whole: false,
        }
    }

    /// A sheet of codes of this shape.
    pub(crate) fn of_codes(
        trained: &'a Trained,
        out: &'a Path,
        form: Form,
        shape: Vec<i64>,
        whole: bool,
    ) -> Self {
        let numel = shape.iter().product::<i64>() as usize;
        Sheet {
            columns: numbered("code", numel),
            shape,
            whole,
            ..Sheet::of_samples(trained, out, form, "codes")
        }
    }

    /// Writes all rows; returns the files, that of the values first.
    pub(crate) fn write(
        &self,
        chunks: impl Iterator<Item = Result<Chunk, ApplyError>>,
    ) -> Result<Vec<PathBuf>, ApplyError> {
        let is_image = self.shape.len() == 3 && !self.whole && self.stem != "codes";
        match self.form {
            Form::Table => self.table(chunks).map(|()| vec![self.out.into()]),
            Form::Array => {
                let beside = self.out.with_extension("rows.csv");
                self.array(self.out, &beside, chunks)?;
                Ok(vec![self.out.into(), beside])
            }
            Form::Folder if is_image => self.pictures(chunks),
            Form::Folder => {
                let [values, rows] =
                    [format!("{}.npy", self.stem), "rows.csv".into()].map(|name| self.out.join(name));
                self.array(&values, &rows, chunks)?;
                Ok(vec![values, rows])
            }
            Form::Picture => self.picture(chunks),
        }
    }

    fn table(&self, chunks: impl Iterator<Item = Result<Chunk, ApplyError>>) -> Result<(), ApplyError> {
        written(self.out, |file| {
            let mut table = csv::Writer::from_writer(file);
            table.write_record(self.about.iter().copied().chain(self.columns.iter().map(String::as_str)))?;
            for chunk in chunks {
                let chunk = chunk?;
                let lines = self.lines(&chunk.values);
                for (mut about, line) in chunk.about.into_iter().zip(lines) {
                    about.extend(line);
                    table.write_record(&about)?;
                }
            }
            Ok(table.flush()?)
        })
    }

    /// The values of each row as text.
    fn lines(&self, values: &Values) -> Vec<Vec<String>> {
        let rows = match values {
            Values::Samples(samples) => Raw::of(&self.trained.model.metadata).rows(samples),
            Values::Codes(codes) if self.whole => {
                let codes = codes.flatten(1, -1);
                let width = codes.size()[1] as usize;
                let text: Vec<String> =
                    array::to_vec(&codes).iter().map(|index| format!("{index:.0}")).collect();
                return text.chunks(width.max(1)).map(<[String]>::to_vec).collect();
            }
            Values::Codes(codes) => array::to_rows(codes),
        };
        rows.outer_iter().map(|row| row.iter().map(f32::to_string).collect()).collect()
    }

    /// The array, and a table of what its rows are.
    fn array(
        &self,
        path: &Path,
        beside: &Path,
        chunks: impl Iterator<Item = Result<Chunk, ApplyError>>,
    ) -> Result<(), ApplyError> {
        let mut about = Vec::new();
        let shape: Vec<u64> = [self.rows as i64].iter().chain(&self.shape).map(|&size| size as u64).collect();
        written(path, |file| {
            if self.whole {
                let mut array =
                    npyz::WriteOptions::new().default_dtype().shape(&shape).writer(file).begin_nd()?;
                for chunk in chunks {
                    let chunk = chunk?;
                    about.extend(chunk.about);
                    let Values::Codes(codes) = chunk.values else { panic!("indices are codes") };
                    array.extend(array::to_vec(&codes).into_iter().map(|index| index as i64))?;
                }
                return Ok(array.finish()?);
            }
            let mut array =
                npyz::WriteOptions::new().default_dtype().shape(&shape).writer(file).begin_nd()?;
            for chunk in chunks {
                let chunk = chunk?;
                about.extend(chunk.about);
                array.extend(self.numbers(&chunk.values))?;
            }
            Ok(array.finish()?)
        })?;
        self.about_rows(beside, &about)
    }

    fn numbers(&self, values: &Values) -> Array2<f32> {
        match values {
            Values::Samples(samples) => Raw::of(&self.trained.model.metadata).rows(samples),
            Values::Codes(codes) => array::to_rows(&codes.to_kind(Kind::Float)),
        }
    }

    fn about_rows(&self, path: &Path, about: &[Vec<String>]) -> Result<(), ApplyError> {
        written(path, |file| {
            let mut table = csv::Writer::from_writer(file);
            table.write_record(&self.about)?;
            about.iter().try_for_each(|row| table.write_record(row))?;
            Ok(table.flush()?)
        })
    }

    /// A PNG file for each row, and a table.
    fn pictures(
        &self,
        chunks: impl Iterator<Item = Result<Chunk, ApplyError>>,
    ) -> Result<Vec<PathBuf>, ApplyError> {
        self.check_channels()?;
        let digits = self.rows.saturating_sub(1).to_string().len();
        let stems: BTreeSet<PathBuf> =
            self.row_names.iter().map(|name| Path::new(name).with_extension("")).collect();
        let stems_differ = stems.len() == self.row_names.len();
        let (mut about, mut paths) = (Vec::new(), Vec::new());
        for chunk in chunks {
            let chunk = chunk?;
            for image in self.images(&chunk.values)?.outer_iter() {
                let row = paths.len();
                let name = match self.row_names.get(row) {
                    Some(name) => below(name, row, stems_differ),
                    None => PathBuf::from(format!("{row:0digits$}.png")),
                };
                let path = self.out.join(name);
                if let Some(folder) = path.parent() {
                    files::create_dir(folder)?;
                }
                // One by one: thousands of files in a folder that is searched for leftovers each time would take minutes.
                files::replace_often(&path, &picture::image_bytes(image)?)?;
                paths.push(path);
            }
            about.extend(chunk.about);
        }
        let rows = self.out.join("rows.csv");
        self.about_rows(&rows, &about)?;
        paths.push(rows);
        Ok(paths)
    }

    /// One picture of all rows, which are few.
    fn picture(
        &self,
        chunks: impl Iterator<Item = Result<Chunk, ApplyError>>,
    ) -> Result<Vec<PathBuf>, ApplyError> {
        /// Images in a row.
        const COLUMNS: usize = 10;
        self.check_channels()?;
        let images: Vec<_> =
            chunks.map(|chunk| self.images(&chunk?.values)).collect::<Result<_, ApplyError>>()?;
        let views: Vec<_> = images.iter().map(|images| images.view()).collect();
        let all = ndarray::concatenate(Axis(0), &views).expect("images of one model have one shape");
        picture::image_grid(self.out, all.view(), COLUMNS)?;
        Ok(vec![self.out.into()])
    }

    fn images(&self, values: &Values) -> Result<ndarray::Array4<f32>, ApplyError> {
        match values {
            Values::Samples(samples) if samples.dim() == 4 => {
                Ok(Raw::of(&self.trained.model.metadata).tiles(samples))
            }
            Values::Samples(_) => Err(ApplyError::NoPicture("rows that are no images")),
            Values::Codes(_) => Err(ApplyError::NoPicture("codes")),
        }
    }

    /// Refuses images that a picture cannot hold before anything is computed.
    fn check_channels(&self) -> Result<(), ApplyError> {
        match self.shape[..] {
            // Other channels than grey and colours become panels, side by side.
            [channels, _, _] if channels as usize <= MAX_CHANNELS => Ok(()),
            [_, _, _] => Err(ApplyError::NoPicture("images of more than 6 channels")),
            _ => Err(ApplyError::NoPicture("rows that are no images")),
        }
    }
}

/// The path of a row's picture below its folder; the row's number in place of a name that would lead out of it. `a.png` and
/// `a.jpg` become `a.png.png` and `a.jpg.png`, as one name would stand for both.
fn below(name: &str, row: usize, stems_differ: bool) -> PathBuf {
    let name =
        if stems_differ { Path::new(name).with_extension("png") } else { format!("{name}.png").into() };
    let is_plain = name.components().all(|part| matches!(part, Component::Normal(_)));
    if is_plain { name } else { format!("{row}.png").into() }
}

/// Writes a whole file, or none.
fn written(path: &Path, write: impl FnOnce(&mut dyn Write) -> Result<(), Stop>) -> Result<(), ApplyError> {
    let mut failed = None;
    let result = files::write_atomic(path, |file| {
        write(file).map_err(|stop| match stop {
            Stop::Io(error) => error,
            Stop::Other(error) => {
                failed = Some(error);
                io::Error::other("stopped")
            }
        })
    });
    match (failed, result) {
        (Some(error), _) => Err(error),
        (None, result) => Ok(result.map_err(|error: FileError| error)?),
    }
}
