//! Reads the UCR anomaly archive (Wu and Keogh, IEEE TKDE 2023): series with exactly one anomaly each, which
//! the name of the file locates.
//!
//! `135_UCR_Anomaly_InternalBleeding16_1200_4187_4199.txt` is series 135; points 1 to 1200 are for training, and points
//! 4187 to 4199 are anomalous, counted from 1, both ends included. The other points are normal.

use crate::{DataError, Series, Sources, catalogue};
use ae_fetch::Progress;
use ae_intake::content;
use ae_records::digest;
use ae_records::record::FileRecord;
use ndarray::Array2;
use std::ops::Range;
use std::path::Path;

/// The archive's name of the series in the package; the labels in the package's own table are one point
/// short.
const SERIES: &str = "135_UCR_Anomaly_InternalBleeding16_1200_4187_4199";
/// Maximum length of a file; the longest of the archive is below 20 MB.
const MAX_ARCHIVE_BYTES: u64 = 1 << 28;

/// Loads the series of the set `ucr-anomaly`, and fetches it first if necessary.
///
/// # Errors
/// If the file cannot be fetched or is not valid.
pub fn load(sources: &Sources, progress: &mut dyn Progress) -> Result<Vec<Series>, DataError> {
    let set = catalogue::find("ucr-anomaly")?;
    let paths = sources.bring(set, progress)?;
    let (content, record) = sources.content(set, &set.files[0], &paths[0], progress)?;
    let mut reader = csv::Reader::from_reader(content.as_slice());
    let mut cells = Vec::new();
    for record in reader.records() {
        let record = record.map_err(|error| wrong(&paths[0], error.to_string()))?;
        cells.push(record.get(1).unwrap_or_default().to_owned());
    }
    let series = series(SERIES, cells.iter().map(String::as_str), vec![record], &paths[0])?;
    Ok(vec![series])
}

/// Reads a file of the archive, with the labels in its name; values are separated by line ends or spaces.
///
/// # Errors
/// If the file cannot be read, its name is not of this archive, or a value is not a finite number.
pub fn read(path: &Path) -> Result<Series, DataError> {
    let content = content::read(path, MAX_ARCHIVE_BYTES)?;
    let text = std::str::from_utf8(&content).map_err(|_| wrong(path, "it is not text".into()))?;
    let name = path.file_stem().unwrap_or_default().to_string_lossy();
    let file = path.file_name().unwrap_or_default().to_string_lossy().into_owned();
    let record = FileRecord { name: file, sha256: digest::sha256(&content) };
    series(&name, text.split_whitespace(), vec![record], path)
}

/// Whether a file is named like those of the archive.
pub fn is_named_like_one(path: &Path) -> bool {
    parse_name(&path.file_stem().unwrap_or_default().to_string_lossy()).is_some()
}

fn series<'a>(
    name: &str,
    cells: impl Iterator<Item = &'a str>,
    files: Vec<FileRecord>,
    path: &Path,
) -> Result<Series, DataError> {
    let named = parse_name(name);
    let like = || wrong(path, format!("`{name}` is not a name such as {SERIES}"));
    let (n_train, anomaly) = named.ok_or_else(like)?;
    let mut values = Vec::new();
    for cell in cells {
        let value = cell.parse::<f64>().ok().filter(|value| value.is_finite());
        let position = values.len() + 1;
        values.push(
            value.ok_or_else(|| wrong(path, format!("value {position} is `{cell}`, not a finite number")))?,
        );
    }
    if anomaly.end > values.len() || n_train > anomaly.start {
        let n_points = values.len();
        return Err(wrong(
            path,
            format!("the name does not fit {n_points} points with training before the anomaly"),
        ));
    }
    let values = Array2::from_shape_vec((values.len(), 1), values).expect("one value a point");
    Ok(Series { name: name.into(), values, times: None, n_train, anomalies: vec![anomaly], files })
}

/// Training points, and the anomaly counted from 0 with its end exclusive.
fn parse_name(name: &str) -> Option<(usize, Range<usize>)> {
    let parts: Vec<&str> = name.split('_').collect();
    let [_, "UCR", "Anomaly", .., train, begin, end] = parts.as_slice() else { return None };
    let (begin, end): (usize, usize) = (begin.parse().ok()?, end.parse().ok()?);
    let anomaly = begin.checked_sub(1)?..end;
    (begin <= end).then_some((train.parse().ok()?, anomaly))
}

fn wrong(path: &Path, reason: String) -> DataError {
    DataError::Format { path: path.to_owned(), format: "UCR anomaly", reason }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(name: &str, content: &str, expected: Result<(usize, Range<usize>), &str>) {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join(name);
        std::fs::write(&path, content).unwrap();
        match (read(&path), expected) {
            (Ok(series), Ok((n_train, anomaly))) => {
                assert_eq!((series.n_train, series.anomalies), (n_train, vec![anomaly]));
                assert_eq!(series.values.column(0).to_vec(), [1.0, -2.0, 30.0, 4.0, 5.0]);
            }
            (Err(error), Err(expected)) => assert!(error.to_string().contains(expected), "{error}"),
            (got, expected) => panic!("{got:?} is not {expected:?}"),
        }
    }

    #[test]
    fn the_name_says_everything_counted_from_1() {
        let lines = "   1.0\n  -2\n 3e1\n4\n5\n";
        check("7_UCR_Anomaly_Some_Thing_2_4_5.txt", lines, Ok((2, 3..5)));
        check("7_UCR_Anomaly_x_2_4_4.txt", "1 -2 30 4 5", Ok((2, 3..4)));
        assert!(is_named_like_one(Path::new("a/007_UCR_Anomaly_x_2_4_4.txt")));
        assert!(!is_named_like_one(Path::new("a/beats_2_4_4.txt")));
    }

    #[test]
    fn what_does_not_fit_is_said() {
        check("7_UCR_Anomaly_x_2_4_6.txt", "1 2 3 4 5", Err("does not fit 5 points"));
        check("7_UCR_Anomaly_x_4_4_5.txt", "1 2 3 4 5", Err("with training before the anomaly"));
        check("7_UCR_Anomaly_x_2_5_4.txt", "1 2 3 4 5", Err("not a name such as 135_UCR"));
        check("7_UCR_Anomaly_x_2_0_4.txt", "1 2 3 4 5", Err("not a name such as 135_UCR"));
        check("beats.txt", "1 2", Err("`beats` is not a name such as 135_UCR"));
        check("7_UCR_Anomaly_x_1_2_3.txt", "1 NaN 3", Err("value 2 is `NaN`, not a finite number"));
    }
}
