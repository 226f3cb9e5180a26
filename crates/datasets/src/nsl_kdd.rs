//! NSL-KDD (Tavallaee et al., IEEE CISDA 2009): network connections of KDD Cup 99 without its repeated rows, normal or
//! one of 39 attacks. 17 of the attacks occur in the test file only.
//!
//! [`load`] gives typed columns; [`Connections::csv`] gives the same rows as a table with a header, to learn
//! from like any user's file.

use crate::{DataError, Sources, catalogue};
use ae_fetch::Progress;
use ae_records::record::FileRecord;
use ndarray::Array2;
use std::fmt;
use std::path::Path;

/// The 41 features in the order of the files; three of them are symbolic.
pub const FEATURES: [&str; 41] = [
    "duration",
    "protocol_type",
    "service",
    "flag",
    "src_bytes",
    "dst_bytes",
    "land",
    "wrong_fragment",
    "urgent",
    "hot",
    "num_failed_logins",
    "logged_in",
    "num_compromised",
    "root_shell",
    "su_attempted",
    "num_root",
    "num_file_creations",
    "num_shells",
    "num_access_files",
    "num_outbound_cmds",
    "is_host_login",
    "is_guest_login",
    "count",
    "srv_count",
    "serror_rate",
    "srv_serror_rate",
    "rerror_rate",
    "srv_rerror_rate",
    "same_srv_rate",
    "diff_srv_rate",
    "srv_diff_host_rate",
    "dst_host_count",
    "dst_host_srv_count",
    "dst_host_same_srv_rate",
    "dst_host_diff_srv_rate",
    "dst_host_same_src_port_rate",
    "dst_host_srv_diff_host_rate",
    "dst_host_serror_rate",
    "dst_host_srv_serror_rate",
    "dst_host_rerror_rate",
    "dst_host_srv_rerror_rate",
];

/// Positions of the symbolic features: `protocol_type`, `service` and `flag`.
pub const SYMBOLIC: [usize; 3] = [1, 2, 3];

/// Attacks by family. Those of the training file as the set's own `attack_types` has them; those of the test file
/// only as in Dhanabal and Shantharajah, "A study on NSL-KDD dataset for intrusion detection system based on
/// classification algorithms", IJARCCE 4(6), 2015, with `mailbomb` among the denials of service. Others count
/// `httptunnel` as user-to-root and `worm` as remote-to-local.
const FAMILIES: [(Family, &[&str]); 5] = [
    (Family::Normal, &["normal"]),
    (
        Family::Dos,
        &[
            "apache2",
            "back",
            "land",
            "mailbomb",
            "neptune",
            "pod",
            "processtable",
            "smurf",
            "teardrop",
            "udpstorm",
            "worm",
        ],
    ),
    (Family::Probe, &["ipsweep", "mscan", "nmap", "portsweep", "saint", "satan"]),
    (
        Family::R2l,
        &[
            "ftp_write",
            "guess_passwd",
            "httptunnel",
            "imap",
            "multihop",
            "named",
            "phf",
            "sendmail",
            "snmpgetattack",
            "snmpguess",
            "spy",
            "warezclient",
            "warezmaster",
            "xlock",
            "xsnoop",
        ],
    ),
    (Family::U2r, &["buffer_overflow", "loadmodule", "perl", "ps", "rootkit", "sqlattack", "xterm"]),
];

/// The families of attacks, and normal connections.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Family {
    /// No attack.
    Normal,
    /// Denial of service.
    Dos,
    /// Looking for a way in.
    Probe,
    /// From a remote machine to a local account.
    R2l,
    /// From an account to the super-user.
    U2r,
}

impl Family {
    /// All families, in the order of their numbers.
    pub const ALL: [Family; 5] = [Family::Normal, Family::Dos, Family::Probe, Family::R2l, Family::U2r];

    /// The family of a label of the files; `None` if it is none of the 40.
    pub fn of(label: &str) -> Option<Family> {
        FAMILIES.iter().find(|(_, labels)| labels.contains(&label)).map(|(family, _)| *family)
    }
}

impl fmt::Display for Family {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Family::Normal => "normal",
            Family::Dos => "dos",
            Family::Probe => "probe",
            Family::R2l => "r2l",
            Family::U2r => "u2r",
        })
    }
}

/// Both files.
#[derive(Clone, Debug, PartialEq)]
pub struct NslKdd {
    /// `KDDTrain+`: 125,973 rows, 67,343 of them normal.
    pub train: Connections,
    /// `KDDTest+`: 22,544 rows, 9,711 of them normal.
    pub test: Connections,
    /// The files that were read.
    pub files: Vec<FileRecord>,
}

/// Rows of one file.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Connections {
    /// `[N, 38]`: the numeric features, in the order of [`FEATURES`] without the symbolic ones; finite.
    pub numbers: Array2<f64>,
    /// `[N]`: protocol, service and flag.
    pub symbols: Vec<[String; 3]>,
    /// `[N]`: `normal`, or the name of the attack.
    pub labels: Vec<String>,
    /// `[N]`: the family of the label.
    pub families: Vec<Family>,
    /// `[N]`: how many of 21 classifiers got the row right, 0 to 21. Derived from the labels, so not a
    /// feature.
    pub difficulty: Vec<u8>,
}

/// Loads the set `nsl-kdd`, and fetches it first if necessary.
///
/// # Errors
/// If a file cannot be fetched or is not valid.
pub fn load(sources: &Sources, progress: &mut dyn Progress) -> Result<NslKdd, DataError> {
    let set = catalogue::find("nsl-kdd")?;
    let paths = sources.bring(set, progress)?;
    let (mut parts, mut files) = (Vec::new(), Vec::new());
    for (file, path) in set.files.iter().zip(&paths) {
        let (content, record) = sources.content(set, file, path, progress)?;
        parts.push(parse(&content, path)?);
        files.push(record);
    }
    let [train, test] = <[Connections; 2]>::try_from(parts)
        .unwrap_or_else(|parts| panic!("nsl-kdd has {} files, not 2", parts.len()));
    Ok(NslKdd { train, test, files })
}

impl Connections {
    /// Number of rows, `N`.
    pub fn len(&self) -> usize {
        self.labels.len()
    }

    /// Whether there is no row.
    pub fn is_empty(&self) -> bool {
        self.labels.is_empty()
    }

    /// Whether each row is an attack, `[N]`.
    pub fn anomalies(&self) -> Vec<bool> {
        self.families.iter().map(|family| *family != Family::Normal).collect()
    }

    /// The rows of these indices as a table of text: a header, then the 41 features of each row split by commas. Labels
    /// are left out. Panics if an index is not below [`len`](Self::len).
    pub fn csv(&self, rows: &[usize]) -> String {
        let mut text = FEATURES.join(",");
        text.push('\n');
        for &row in rows {
            let mut numbers = self.numbers.row(row).into_iter();
            for feature in 0..FEATURES.len() {
                if feature > 0 {
                    text.push(',');
                }
                match SYMBOLIC.iter().position(|&symbolic| symbolic == feature) {
                    Some(at) => text += &self.symbols[row][at],
                    None => text += &numbers.next().expect("38 numbers and 3 symbols").to_string(),
                }
            }
            text.push('\n');
        }
        text
    }
}

/// Lines of 41 features, the label, and the difficulty.
fn parse(content: &[u8], path: &Path) -> Result<Connections, DataError> {
    let wrong = |reason| DataError::Format { path: path.to_owned(), format: "NSL-KDD", reason };
    let mut reader = csv::ReaderBuilder::new().has_headers(false).flexible(true).from_reader(content);
    let (mut connections, mut numbers) = (Connections::default(), Vec::new());
    for (row, record) in reader.records().enumerate() {
        let line = row + 1;
        let record = record.map_err(|error| wrong(error.to_string()))?;
        if record.len() != FEATURES.len() + 2 {
            return Err(wrong(format!("line {line} has {} cells, not {}", record.len(), FEATURES.len() + 2)));
        }
        for (feature, cell) in record.iter().take(FEATURES.len()).enumerate() {
            if !SYMBOLIC.contains(&feature) {
                let number = cell.parse::<f64>().ok().filter(|number| number.is_finite());
                let name = FEATURES[feature];
                let no_number = || wrong(format!("line {line}: `{cell}` is not a finite number for {name}"));
                numbers.push(number.ok_or_else(no_number)?);
            }
        }
        connections.symbols.push(SYMBOLIC.map(|feature| record[feature].to_owned()));
        let label = &record[FEATURES.len()];
        let unknown =
            || wrong(format!("line {line}: `{label}` is neither `normal` nor an attack of the set"));
        connections.families.push(Family::of(label).ok_or_else(unknown)?);
        connections.labels.push(label.to_owned());
        let difficulty = record[FEATURES.len() + 1].parse().ok().filter(|difficulty| *difficulty <= 21);
        let no_difficulty = || wrong(format!("line {line}: the difficulty is not a number from 0 to 21"));
        connections.difficulty.push(difficulty.ok_or_else(no_difficulty)?);
    }
    let shape = (connections.len(), FEATURES.len() - SYMBOLIC.len());
    connections.numbers = Array2::from_shape_vec(shape, numbers).expect("every line has as many numbers");
    Ok(connections)
}

#[cfg(test)]
mod tests {
    use super::*;

    const LINE: &str = "0,tcp,http,SF,215,45076,0,0,0,0,0,1,0,0,0,0,0,0,0,0,0,0,1,1,0.00,0.00,0.00,0.00,1.00,0.00,0.00,0,\
                        0,0.00,0.00,0.00,0.00,0.00,0.00,0.00,0.25";

    fn read(content: &str) -> Result<Connections, String> {
        parse(content.as_bytes(), Path::new("f")).map_err(|error| error.to_string())
    }

    #[test]
    fn lines_become_columns_and_a_table_again() {
        let rows = read(&format!("{LINE},normal,21\n{LINE},xsnoop,0\n")).unwrap();
        assert_eq!(rows.len(), 2);
        assert_eq!(rows.anomalies(), [false, true]);
        assert_eq!((rows.families[1], rows.labels[1].as_str()), (Family::R2l, "xsnoop"));
        assert_eq!(rows.difficulty, [21, 0]);
        assert_eq!(rows.symbols[0], ["tcp", "http", "SF"]);
        assert_eq!((rows.numbers.dim(), rows.numbers[[0, 1]], rows.numbers[[1, 37]]), ((2, 38), 215.0, 0.25));
        let table = rows.csv(&[1]);
        let lines: Vec<Vec<&str>> = table.lines().map(|line| line.split(',').collect()).collect();
        assert_eq!(lines[0], FEATURES);
        let original: Vec<&str> = LINE.split(',').collect();
        for (cell, original) in lines[1].iter().zip(&original) {
            assert!(cell == original || cell.parse::<f64>().unwrap() == original.parse::<f64>().unwrap());
        }
        assert!(read("").unwrap().is_empty());
    }

    #[test]
    fn every_attack_has_one_family() {
        let all: Vec<&str> = FAMILIES.iter().flat_map(|(_, labels)| labels.iter().copied()).collect();
        let unique: std::collections::BTreeSet<&str> = all.iter().copied().collect();
        assert_eq!((all.len(), unique.len()), (40, 40));
        assert_eq!(Family::ALL.map(|family| family.to_string()), ["normal", "dos", "probe", "r2l", "u2r"]);
    }

    #[test]
    fn what_is_no_connection_is_said() {
        let check = |line: String, expected: &str| {
            let error = read(&line).unwrap_err();
            assert!(error.contains(expected), "{error}");
        };
        check("1,2,3".into(), "line 1 has 3 cells, not 43");
        check(format!("{LINE},normal,22"), "line 1: the difficulty");
        check(format!("{LINE},teatime,1"), "`teatime` is neither `normal` nor an attack");
        check(
            format!("{LINE},normal,21\n{LINE},normal,21").replace("45076", "NaN"),
            "not a finite number for dst_bytes",
        );
    }
}
