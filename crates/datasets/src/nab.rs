//! Reads the Numenta Anomaly Benchmark (Lavin and Ahmad, IEEE ICMLA 2015): real series whose anomalies have a
//! known cause, with labelled windows around them.
//!
//! The benchmark's probation, the first 15 % of a series and at most 750 points, is for training; it has no
//! labelled windows. Time stamps repeat in places and are not evenly spaced everywhere.

use crate::series::seconds_of;
use crate::{DataError, Series, Sources, catalogue};
use ae_fetch::Progress;
use ae_records::record::FileRecord;
use ndarray::Array2;
use std::collections::BTreeMap;
use std::ops::Range;
use std::path::Path;

/// Share of a series that is probation (`probationPercent` of the benchmark), and the length of a series
/// above which it no longer grows.
const PROBATION: (f64, usize) = (0.15, 5000);

/// Windows by the series' path below `data/`: stamps of the first and of the last point.
type Windows = BTreeMap<String, Vec<[String; 2]>>;

/// Loads the set `nab`, four real series whose anomalies have a known cause, and fetches them first if
/// necessary.
///
/// # Errors
/// If a file cannot be fetched or is not valid.
pub fn load(sources: &Sources, progress: &mut dyn Progress) -> Result<Vec<Series>, DataError> {
    load_set("nab", sources, progress)
}

/// Loads the set `nab-corpus`, and fetches it first if necessary: the series of [`load`], and then the real
/// and artificial ones of the benchmark's other folders. 55 of the benchmark's 58 series are there, some without
/// anomalies.
///
/// # Errors
/// As [`load`].
pub fn load_corpus(sources: &Sources, progress: &mut dyn Progress) -> Result<Vec<Series>, DataError> {
    load_set("nab-corpus", sources, progress)
}

fn load_set(name: &str, sources: &Sources, progress: &mut dyn Progress) -> Result<Vec<Series>, DataError> {
    let set = catalogue::find(name)?;
    let paths = sources.bring(set, progress)?;
    let (mut windows, mut series) = (Windows::new(), Vec::new());
    let mut labels = Vec::new();
    for (file, path) in set.files.iter().zip(&paths) {
        let (content, record) = sources.content(set, file, path, progress)?;
        if file.name.ends_with(".json") {
            windows = parse_windows(&content, path)?;
            labels.push(record);
        } else {
            let key = file.name.trim_start_matches("data/");
            let windows = windows.get(key).map(Vec::as_slice).unwrap_or_default();
            series.push(parse(&content, key, windows, labels.iter().cloned().chain([record]), path)?);
        }
    }
    Ok(series)
}

fn parse_windows(content: &[u8], path: &Path) -> Result<Windows, DataError> {
    serde_json::from_slice(content).map_err(|error| wrong(path, error.to_string()))
}

/// Lines of `timestamp,value` below a header.
fn parse(
    content: &[u8],
    key: &str,
    windows: &[[String; 2]],
    files: impl Iterator<Item = FileRecord>,
    path: &Path,
) -> Result<Series, DataError> {
    let mut reader = csv::Reader::from_reader(content);
    let (mut times, mut values) = (Vec::new(), Vec::new());
    for (row, record) in reader.records().enumerate() {
        let line = row + 2;
        let record = record.map_err(|error| wrong(path, error.to_string()))?;
        let cell = |at: usize| {
            record
                .get(at)
                .ok_or_else(|| wrong(path, format!("line {line} has {} cells, not 2", record.len())))
        };
        times.push(seconds(cell(0)?, path)?);
        let value = cell(1)?.parse::<f64>().ok().filter(|value| value.is_finite());
        values.push(value.ok_or_else(|| wrong(path, format!("line {line} has no finite value")))?);
    }
    let anomalies =
        windows.iter().map(|window| stretch(window, &times, path)).collect::<Result<Vec<_>, _>>()?;
    if anomalies.windows(2).any(|pair| pair[1].start < pair[0].end) {
        return Err(wrong(path, "its labelled windows overlap".into()));
    }
    Ok(Series {
        name: name_of(key).into(),
        n_train: (values.len().min(PROBATION.1) as f64 * PROBATION.0) as usize,
        values: Array2::from_shape_vec((values.len(), 1), values).expect("one value a point"),
        times: Some(times),
        anomalies,
        files: files.collect(),
    })
}

/// The last part of a path, without its extension.
fn name_of(key: &str) -> &str {
    key.trim_end_matches(".csv").rsplit('/').next().unwrap_or(key)
}

/// The points whose stamps lie in a window, both ends included. Repeated or swapped stamps can leave gaps;
/// all points between the first and the last are included.
fn stretch(window: &[String; 2], times: &[f64], path: &Path) -> Result<Range<usize>, DataError> {
    let (from, to) = (seconds(&window[0], path)?, seconds(&window[1], path)?);
    let inside = |time: &f64| (from..=to).contains(time);
    let ends = times.iter().position(inside).zip(times.iter().rposition(inside));
    let empty = || wrong(path, format!("no point lies in the window from {} to {}", window[0], window[1]));
    ends.map(|(first, last)| first..last + 1).ok_or_else(empty)
}

fn seconds(stamp: &str, path: &Path) -> Result<f64, DataError> {
    let no_time = || wrong(path, format!("`{stamp}` is not a time such as 2014-03-07 03:41:00"));
    seconds_of(stamp).ok_or_else(no_time)
}

fn wrong(path: &Path, reason: String) -> DataError {
    DataError::Format { path: path.to_owned(), format: "NAB", reason }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::collections::BTreeSet;

    fn read(content: &str, windows: &[[&str; 2]]) -> Result<Series, String> {
        let windows: Vec<[String; 2]> = windows.iter().map(|window| window.map(String::from)).collect();
        parse(content.as_bytes(), "folder/name.csv", &windows, std::iter::empty(), Path::new("f"))
            .map_err(|error| error.to_string())
    }

    const FIVE: &str = "timestamp,value\n2014-01-01 00:00:00,1\n2014-01-01 00:05:00,2.5\n2014-01-01 00:05:00,-3e1\n\
                        2014-01-01 00:10:00,4\n2014-01-01 00:20:00,5\n";

    #[test]
    fn windows_include_both_ends_and_repeated_stamps() {
        let series = read(FIVE, &[["2014-01-01 00:05:00.000000", "2014-01-01 00:10:00.000000"]]).unwrap();
        assert_eq!(series.name, "name");
        assert_eq!(series.values.column(0).to_vec(), [1.0, 2.5, -30.0, 4.0, 5.0]);
        assert_eq!((series.anomalies.len(), &series.anomalies[0]), (1, &(1..4)));
        assert_eq!(series.labels(), [false, true, true, true, false]);
        let times = series.times.unwrap();
        assert_eq!((times[0], times[4] - times[0]), (1_388_534_400.0, 1200.0));
        assert_eq!(read(FIVE, &[]).unwrap().anomalies, []);
    }

    #[test]
    fn probation_is_the_benchmarks() {
        let long = |n: usize| format!("timestamp,value\n{}", "2014-01-01 00:00:00,1\n".repeat(n));
        for (n_points, n_train) in [(5, 0), (100, 15), (4032, 604), (10_320, 750)] {
            assert_eq!(read(&long(n_points), &[]).unwrap().n_train, n_train);
        }
    }

    #[test]
    fn the_corpus_begins_with_the_four_series_and_names_each_once() {
        let files = |set| catalogue::find(set).unwrap().files.iter().map(|file| file.name.as_str());
        assert!(files("nab-corpus").zip(files("nab")).all(|(corpus, four)| corpus == four));
        let series: Vec<&str> = files("nab-corpus").filter(|file| file.ends_with(".csv")).collect();
        let names: BTreeSet<&str> = series.iter().map(|path| name_of(path)).collect();
        assert_eq!((series.len(), names.len()), (55, 55));
        assert_eq!(catalogue::find("nab-corpus").unwrap().folder(), "nab");
    }

    #[test]
    fn what_is_no_series_is_said() {
        let check = |content: &str, windows: &[[&str; 2]], expected: &str| {
            let error = read(content, windows).unwrap_err();
            assert!(error.contains(expected), "{error}");
        };
        check("timestamp,value\n2014-13-01 00:00:00,1\n", &[], "`2014-13-01 00:00:00` is not a time");
        check("timestamp,value\n2014-01-01 00:00:00,inf\n", &[], "line 2 has no finite value");
        check("timestamp\n2014-01-01 00:00:00\n", &[], "line 2 has 1 cells, not 2");
        check(FIVE, &[["2015-01-01 00:00:00", "2015-01-02 00:00:00"]], "no point lies in the window");
        let twice = ["2014-01-01 00:05:00", "2014-01-01 00:10:00"];
        check(FIVE, &[twice, twice], "overlap");
    }
}
