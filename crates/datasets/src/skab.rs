//! Reads the Skoltech Anomaly Benchmark (Katser and Kozitsin, Kaggle 2020): 8 sensors of a water circuit, about
//! one point a second.
//!
//! Each experiment of the folders `valve1` (a valve before the pump is closed) and `other` (leaks, imbalance of
//! the rotor, cavitation, hot water) has one fault that is made and removed. The series `anomaly-free` is a normal
//! run of the same circuit: whatever a detector flags in it is a false alarm.
//!
//! The benchmark trains on the first 400 points of each series, normal or not: in `other-2`, the fault begins at
//! point 104, counted from 0, so that 296 of its training points are labelled anomalous.

use crate::series::{seconds_of, stretches};
use crate::{DataError, Series, Sources, catalogue};
use ae_fetch::Progress;
use ae_records::record::FileRecord;
use csv::StringRecord;
use ndarray::Array2;
use std::path::Path;

/// Training points of each series, as in the benchmark's own baselines.
const N_TRAIN: usize = 400;

/// Columns of the sensors, between the time and the labels. Units: g, g, A, bar, °C, °C, V, l/min.
const SENSORS: [&str; 8] = [
    "Accelerometer1RMS",
    "Accelerometer2RMS",
    "Current",
    "Pressure",
    "Temperature",
    "Thermocouple",
    "Voltage",
    "Volume Flow RateRMS",
];
/// Columns of the labels, which the normal run lacks; the second marks the points where the first changes.
const LABELS: [&str; 2] = ["anomaly", "changepoint"];

/// Loads the series of the set `skab`, each `[T, 8]`, and fetches them first if necessary. The folder is part of a
/// name: `valve1-0`, `other-13`, and `anomaly-free` as the last one.
///
/// # Errors
/// If a file cannot be fetched or is not valid.
pub fn load(sources: &Sources, progress: &mut dyn Progress) -> Result<Vec<Series>, DataError> {
    let set = catalogue::find("skab")?;
    let paths = sources.bring(set, progress)?;
    let mut series = Vec::new();
    for (file, path) in set.files.iter().zip(&paths) {
        let (content, record) = sources.content(set, file, path, progress)?;
        series.push(parse(&content, record, path)?);
    }
    Ok(series)
}

/// A header, then a line a point: the time, the sensors and the labels, with semicolons between them.
fn parse(content: &[u8], record: FileRecord, path: &Path) -> Result<Series, DataError> {
    let mut reader = csv::ReaderBuilder::new().delimiter(b';').from_reader(content);
    let header = reader.headers().map_err(|error| wrong(path, error.to_string()))?;
    let is_labelled = is_labelled(header).ok_or_else(|| {
        let columns = header.iter().collect::<Vec<_>>().join(";");
        let expected = unlabelled().chain(LABELS).collect::<Vec<_>>().join(";");
        wrong(path, format!("its columns are `{columns}`, not `{expected}`, the labels optional"))
    })?;
    let (mut times, mut values, mut labels) = (Vec::new(), Vec::new(), Vec::new());
    for (row, cells) in reader.records().enumerate() {
        let cells = cells.map_err(|error| wrong(path, error.to_string()))?;
        let line = row + 2;
        let no_time =
            || wrong(path, format!("line {line}: `{}` is not a time such as 2020-03-09 10:14:33", &cells[0]));
        times.push(seconds_of(&cells[0]).ok_or_else(no_time)?);
        for (sensor, cell) in SENSORS.iter().zip(cells.iter().skip(1)) {
            let value = cell.parse::<f64>().ok().filter(|value| value.is_finite());
            let no_value = || wrong(path, format!("line {line}: {sensor} is `{cell}`, not a finite number"));
            values.push(value.ok_or_else(no_value)?);
        }
        if is_labelled {
            let cell = &cells[1 + SENSORS.len()];
            let label = cell.parse::<f64>().ok().filter(|label| [0.0, 1.0].contains(label));
            let no_label = || wrong(path, format!("line {line}: {} is `{cell}`, not 0 or 1", LABELS[0]));
            labels.push(label.ok_or_else(no_label)? == 1.0);
        }
    }
    if times.len() <= N_TRAIN {
        let n_points = times.len();
        return Err(wrong(
            path,
            format!("it has {n_points} points; the first {N_TRAIN} are for training alone"),
        ));
    }
    Ok(Series {
        name: name_of(&record.name),
        n_train: N_TRAIN,
        values: Array2::from_shape_vec((times.len(), SENSORS.len()), values).expect("a value a sensor"),
        times: Some(times),
        anomalies: stretches(&labels),
        files: vec![record],
    })
}

/// Whether these are the columns with labels; `None` if they are no columns of the benchmark.
fn is_labelled(header: &StringRecord) -> Option<bool> {
    if header.iter().eq(unlabelled()) {
        return Some(false);
    }
    header.iter().eq(unlabelled().chain(LABELS)).then_some(true)
}

/// The columns of the normal run.
fn unlabelled() -> impl Iterator<Item = &'static str> {
    ["datetime"].into_iter().chain(SENSORS)
}

/// `valve1-0` for `data/valve1/0.csv`, and `anomaly-free` for the only file of its folder.
fn name_of(file: &str) -> String {
    let path = file.trim_start_matches("data/").trim_end_matches(".csv");
    match path.split_once('/') {
        Some((folder, name)) if folder != name => format!("{folder}-{name}"),
        _ => path.rsplit('/').next().unwrap_or(path).into(),
    }
}

fn wrong(path: &Path, reason: String) -> DataError {
    DataError::Format { path: path.to_owned(), format: "SKAB", reason }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::collections::BTreeSet;

    const HEADER: &str = "datetime;Accelerometer1RMS;Accelerometer2RMS;Current;Pressure;Temperature;Thermocouple;\
                          Voltage;Volume Flow RateRMS";
    /// A point without its labels.
    const POINT: &str = "2020-03-09 10:14:33;0.02;4e-2;1;-0.5;79;26;233;32";

    fn read(content: &str) -> Result<Series, String> {
        let record = FileRecord { name: "data/valve1/0.csv".into(), sha256: String::new() };
        parse(content.as_bytes(), record, Path::new("f")).map_err(|error| error.to_string())
    }

    /// A file in which the points of `anomalous` are labelled.
    fn labelled(n_points: usize, anomalous: &[usize], line_end: &str) -> String {
        let mut text = format!("{HEADER};anomaly;changepoint{line_end}");
        for point in 0..n_points {
            let label = if anomalous.contains(&point) { "1.0" } else { "0.0" };
            text += &format!("{POINT};{label};0.0{line_end}");
        }
        text
    }

    #[test]
    fn labels_are_stretches_whatever_ends_the_lines() {
        for line_end in ["\n", "\r\n"] {
            let series = read(&labelled(410, &[0, 399, 400, 401, 405, 409], line_end)).unwrap();
            assert_eq!((series.name.as_str(), series.n_train), ("valve1-0", 400));
            assert_eq!(series.values.dim(), (410, 8));
            assert_eq!(series.values.row(409).to_vec(), [0.02, 0.04, 1.0, -0.5, 79.0, 26.0, 233.0, 32.0]);
            assert_eq!(series.anomalies, [0..1, 399..402, 405..406, 409..410]);
            assert_eq!(series.labels().iter().filter(|label| **label).count(), 6);
            assert_eq!(series.times.unwrap(), [1_583_748_873.0; 410]);
        }
    }

    #[test]
    fn a_run_without_labels_has_no_anomalies() {
        let series = read(&format!("{HEADER}\n{}", format!("{POINT}\n").repeat(401))).unwrap();
        assert_eq!((series.len(), series.anomalies), (401, vec![]));
    }

    #[test]
    fn what_is_no_series_is_said() {
        let check = |content: &str, expected: &str| {
            let error = read(content).unwrap_err();
            assert!(
                error.starts_with("f is not a usable SKAB file: ") && error.contains(expected),
                "{error}"
            );
        };
        let good = labelled(401, &[], "\n");
        let with = |old: &str, new: &str| good.replacen(old, new, 1);
        check("", "its columns are ``, not `datetime;Accelerometer1RMS;");
        check(&with("Voltage", "voltage"), "the labels optional");
        check(&with(";changepoint", ""), "Volume Flow RateRMS;anomaly`, not");
        check(&with(";changepoint", ";changepoint;more"), ";changepoint;more`, not");
        check(&with("Pressure;Temperature", "Temperature;Pressure"), "Current;Temperature;");
        check(&with("2020-03-09", "2020-13-09"), "line 2: `2020-13-09 10:14:33` is not a time such as");
        check(&with(";79;", ";inf;"), "line 2: Temperature is `inf`, not a finite number");
        check(&with(";79;", ";;"), "line 2: Temperature is ``, not a finite number");
        check(&with(";32;0.0", ";32;0.5"), "line 2: anomaly is `0.5`, not 0 or 1");
        check(&with(";32;0.0", ";32;NaN"), "line 2: anomaly is `NaN`, not 0 or 1");
        check(&with(";32;0.0", ";32"), "line: 2");
        check(&labelled(400, &[], "\n"), "it has 400 points; the first 400 are for training alone");
        let error = parse(b"\xff;\n", FileRecord::default(), Path::new("f")).unwrap_err().to_string();
        assert!(error.contains("UTF-8"), "{error}");
    }

    #[test]
    fn each_series_has_a_name_of_its_own() {
        let files = &catalogue::find("skab").unwrap().files;
        let names: BTreeSet<String> = files.iter().map(|file| name_of(&file.name)).collect();
        assert_eq!((files.len(), names.len()), (31, 31));
        assert!(["valve1-15", "other-13", "anomaly-free"].iter().all(|name| names.contains(*name)));
    }
}
