//! Your own data as they are found: tables with gaps, categories and decimal commas, arrays of any axes, values in [0, 1].

use ae_datasets::{DataConfig, DataError, Dataset, Preprocessing, SampleShape, Samples, Sources, load, read};
use ae_fetch::Silent;
use std::fs;
use tempfile::TempDir;

struct Place(TempDir);

impl Place {
    fn new() -> Self {
        Place(tempfile::tempdir().unwrap())
    }

    fn config(&self, name: &str, content: impl AsRef<[u8]>, more: &str) -> DataConfig {
        let path = self.0.path().join(name);
        fs::write(&path, content).unwrap();
        DataConfig { set: path.display().to_string(), ..toml::from_str(more).unwrap() }
    }

    fn load(&self, name: &str, content: impl AsRef<[u8]>, more: &str) -> Result<Dataset, DataError> {
        load(&self.config(name, content, more), &Sources::new(self.0.path()), 1, &mut Silent)
    }
}

/// 40 rows with decimal commas, gaps, a category, a date and a label.
fn german() -> String {
    let row = |row: usize| {
        let weight = if row % 10 == 3 { String::new() } else { format!("{},5", row * 7 % 13) };
        let (size, kind) = (format!("{},{}", row % 7, row % 10), ["rot", "blau"][row % 2]);
        format!("{size};{kind};{weight};2024-01-{:02};{}\n", 1 + row % 28, ["gut", "schlecht"][row / 30])
    };
    "größe;art;gewicht;tag;urteil\n".to_owned() + &(0..40).map(row).collect::<String>()
}

fn npy(descr: &str, dims: &str, data: &[u8]) -> Vec<u8> {
    let header = format!("{{'descr': '{descr}', 'fortran_order': False, 'shape': {dims}, }}");
    let length = u16::try_from(header.len()).unwrap().to_le_bytes();
    [b"\x93NUMPY\x01\x00", length.as_slice(), header.as_bytes(), data].concat()
}

fn floats(values: impl IntoIterator<Item = f32>) -> Vec<u8> {
    values.into_iter().flat_map(f32::to_le_bytes).collect()
}

#[test]
fn a_table_is_read_as_a_detector_reads_it() {
    let place = Place::new();
    let data = place.load("a.csv", german(), "label = 'urteil'\ntest = 0.25").unwrap();
    assert_eq!(data.feature_names, ["größe", "art=blau", "art=rot", "gewicht"]);
    assert_eq!(data.label_names, ["gut", "schlecht"]);
    assert_eq!((data.train.len(), data.test.len()), (30, 10));
    let Preprocessing::Standardise { mean, std, .. } = &data.preprocessing else {
        panic!("{}", data.preprocessing)
    };
    assert_eq!((&mean[1..3], &std[1..3]), (&[0.0; 2][..], &[1.0; 2][..]), "categories are not scaled");
    assert!(mean[3] > 4.0 && mean[3] < 9.0, "gaps do not count: {mean:?}");
    let observed = data.train.observed.as_ref().unwrap();
    let mut gaps = 0;
    for (row, values) in data.train.values.outer_iter().enumerate() {
        assert_eq!(values[1] + values[2], 1.0);
        gaps += usize::from(!observed[[row, 3]]);
        assert!(observed[[row, 3]] || values[3] == 0.0);
        assert!(observed[[row, 0]] && observed[[row, 1]]);
    }
    assert!((1..=4).contains(&gaps), "{gaps}");
}

#[test]
fn codes_are_categories_and_marks_are_gaps_where_that_is_said() {
    let place = Place::new();
    let rows: String = (0..30)
        .map(|row| format!("{},{}\n", [5, 7, 9][row % 3], if row == 4 { -1 } else { 2 * row as i32 }))
        .collect();
    let more = "categories = ['zone']\nmissing = ['-1']\ntest = 0.2";
    let data = place.load("a.csv", format!("zone,x\n{rows}"), more).unwrap();
    assert_eq!(data.feature_names, ["zone=5", "zone=7", "zone=9", "x"]);
    let unseen = [&data.train, &data.test].into_iter().filter_map(|part| part.observed.as_ref());
    assert_eq!(unseen.flatten().filter(|seen| !**seen).count(), 1);
}

/// 60 rows of a number and a category.
fn kinds(kind: impl Fn(usize) -> String) -> String {
    let row = |row: usize| format!("{}.5,{}\n", row * 7 % 13, kind(row));
    "x,kind\n".to_owned() + &(0..60).map(row).collect::<String>()
}

#[test]
fn categories_are_those_of_the_training_rows() {
    let place = Place::new();
    // The split depends on the number of rows and the seed only, so it tells which rows are held out.
    let all = kinds(|row| format!("k{row:02}"));
    let all = place.load("all.csv", all, "validation = 0.2\ncategories = ['kind']").unwrap();
    let names: Vec<&str> = all.feature_names[1..].iter().map(|name| &name[5..]).collect();
    assert_eq!(names.len(), all.train.len(), "one for each training row, and none for the others");
    let held_out: Vec<usize> =
        (0..60).filter(|row| !names.contains(&format!("k{row:02}").as_str())).collect();
    assert_eq!(held_out.len(), all.validation.len() + all.test.len());
    for part in [&all.validation, &all.test] {
        assert!(part.values.slice(ndarray::s![.., 1..]).iter().all(|&x| x == 0.0) && part.observed.is_none());
    }
    // What only a held-out row has is as in a later file: no value of the category.
    let one = held_out[3];
    let kind = |row: usize| if row == one { "z" } else { ["a", "b"][row % 2] }.to_string();
    let data = place.load("one.csv", kinds(kind), "validation = 0.2").unwrap();
    assert_eq!(data.feature_names, ["x", "kind=a", "kind=b"]);
    let sums = |part: &Samples| part.values.column(1).sum() + part.values.column(2).sum();
    assert_eq!(sums(&data.train), data.train.len() as f32);
    assert_eq!(sums(&data.validation) + sums(&data.test), held_out.len() as f32 - 1.0);
    // Rows for another normal label count as little as held-out ones.
    let labelled = kinds(|row| format!("{},{}", ["a", "b"][row % 2], ["good", "bad"][row % 2]))
        .replace("kind\n", "kind,label\n");
    let data = place.load("n.csv", labelled, "label = 'label'\nnormal_label = 'good'").unwrap();
    assert_eq!(data.feature_names, ["x", "kind=a"]);
}

#[test]
fn rare_values_of_a_model_are_rare_in_a_new_file() {
    let place = Place::new();
    let names = ["x", "kind=a", "kind=(rare values)"].map(String::from);
    let new = "x,kind\n1.5,a\n2.5,q\n3.5,\n4.5,z\n";
    let rows = read(&place.config("new.csv", new, "")).unwrap().with_features(&names).unwrap();
    let kinds: Vec<_> = rows.samples.values.rows().into_iter().map(|row| [row[1], row[2]]).collect();
    assert_eq!(kinds, [[1.0, 0.0], [0.0, 1.0], [0.0, 0.0], [0.0, 1.0]]);
    assert!(!rows.samples.is_observed(2, 1) && !rows.samples.is_observed(2, 2));
    assert_eq!(rows.is_category, [false, true, true]);
    // A gap is one also where the model's values are not among those of the file.
    let names = ["x", "kind=b"].map(String::from);
    let rows = read(&place.config("new.csv", new, "")).unwrap().with_features(&names).unwrap();
    assert!(!rows.samples.is_observed(2, 1) && rows.samples.is_observed(1, 1));
}

/// 200 rows: their number, a temperature with -999 for a gap, a text that is always the same, and a size.
fn logged(mark: &str) -> String {
    let row = |row: usize| {
        let heat = if row % 20 == 7 { mark.to_string() } else { format!("{}.5", 15 + row * 7 % 11) };
        format!("{row},{heat},north,{}\n", row * 3 % 17)
    };
    "id,heat,site,size\n".to_owned() + &(0..200).map(row).collect::<String>()
}

#[test]
fn marks_of_gaps_and_row_numbers_are_found_in_tables_of_plain_numbers() {
    let place = Place::new();
    let plain = logged("-999").replace(",north", "").replace(",site", "");
    let data = place.load("plain.csv", &plain, "").unwrap();
    assert_eq!(data.feature_names, ["heat", "size"], "row numbers are left out");
    assert_eq!(data.sentinels, [("heat".to_string(), vec![-999.0])].into());
    let gaps = [&data.train, &data.test]
        .map(|part| part.observed.as_ref().unwrap().iter().filter(|seen| !**seen).count());
    assert_eq!(gaps[0] + gaps[1], 10);
    let Preprocessing::Standardise { mean, std, .. } = &data.preprocessing else {
        panic!("{}", data.preprocessing)
    };
    assert!((15.0..27.0).contains(&mean[0]) && std[0] < 5.0, "gaps do not count: {mean:?}, {std:?}");
    let kept = place.load("plain.csv", &plain, "sentinels = false").unwrap();
    assert!(kept.train.observed.is_none() && kept.sentinels.is_empty());
    // With other cells, it is read in the same way.
    let mixed = place.load("mixed.csv", logged("-999"), "").unwrap();
    assert_eq!(
        (&mixed.feature_names[0], &mixed.feature_names[2]),
        (&data.feature_names[0], &data.feature_names[1])
    );
    assert_eq!(mixed.train.values.column(0), data.train.values.column(0));
    // One mark in a new file is known from training.
    let new = "size,heat\n3,-999\n4,17.5\n";
    let rows = read(&place.config("new.csv", new, "")).unwrap();
    let rows = rows.with_features(&data.feature_names).unwrap();
    let rows = rows.with_sentinels(&data.feature_names, &data.sentinels);
    assert_eq!(rows.samples.values, ndarray::array![[0.0, 3.0], [17.5, 4.0]]);
    assert!(
        !rows.samples.is_observed(0, 0) && rows.samples.is_observed(0, 1) && rows.samples.is_observed(1, 0)
    );
    // The values of an image or a series are no columns of a table.
    let series = place.load("plain.csv", &plain, "shape = [3, 1]").unwrap();
    assert_eq!((series.shape.numel(), series.train.observed), (3, None));
}

#[test]
fn a_new_file_gets_the_columns_of_the_model() {
    let place = Place::new();
    let names = place.load("a.csv", german(), "label = 'urteil'").unwrap().feature_names;
    let new = "gewicht;art;größe\n2,5;grün;1,5\n;rot;2,5\n3,5;rot;2,5\n";
    let rows = read(&place.config("new.csv", new, "")).unwrap().with_features(&names).unwrap();
    assert_eq!(rows.feature_names, names);
    assert_eq!(rows.samples.values.row(0).to_vec(), [1.5, 0.0, 0.0, 2.5], "green is unknown to the model");
    assert_eq!(rows.samples.values.row(1).to_vec(), [2.5, 0.0, 1.0, 0.0]);
    assert!(!rows.samples.is_observed(1, 3) && rows.samples.is_observed(1, 0));
    let lacks = read(&place.config("lacks.csv", "größe;art\n1,5;rot\n2,5;rot\n", "")).unwrap();
    let error = lacks.with_features(&names).unwrap_err().to_string();
    assert!(error.contains("no column `gewicht`"), "{error}");
}

#[test]
fn values_in_the_unit_interval_stay_there() {
    let place = Place::new();
    let table = |high: f32| {
        (0..30)
            .map(|row| format!("{},{}\n", row as f32 / 40.0 + 0.1, high * (row % 5) as f32 / 5.0))
            .collect::<String>()
    };
    let kept = place.load("a.csv", table(1.0), "").unwrap();
    assert_eq!(kept.preprocessing, Preprocessing::Identity);
    let scaled = place.load("b.csv", table(1.5), "").unwrap();
    assert!(matches!(scaled.preprocessing, Preprocessing::Standardise { .. }), "{}", scaled.preprocessing);
    let array =
        |high: f32| npy("<f4", "(20, 5, 6)", &floats((0..600).map(|at| high * (at % 50) as f32 / 50.0)));
    assert_eq!(place.load("a.npy", array(0.9), "").unwrap().preprocessing, Preprocessing::Identity);
    let scaled = place.load("b.npy", array(2.0), "").unwrap().preprocessing;
    assert!(matches!(scaled, Preprocessing::MinMax { .. }), "{scaled}");
    let chosen = place.load("a.npy", array(0.9), "scale = 'min-max'").unwrap().preprocessing;
    assert!(matches!(chosen, Preprocessing::MinMax { .. }), "{chosen}");
}

#[test]
fn channels_at_the_end_are_refused_with_the_transpose() {
    let place = Place::new();
    let array = npy("|u1", "(3, 8, 6, 3)", &[7; 3 * 8 * 6 * 3]);
    let error = read(&place.config("a.npy", &array, "")).unwrap_err().to_string();
    assert!(error.contains("[8, 6, 3], which looks like height x width x channels"), "{error}");
    assert!(
        error.contains("`.transpose(0, 3, 1, 2)`") && error.contains("data.shape = [8, 6, 3]"),
        "{error}"
    );
    let meant = read(&place.config("a.npy", &array, "shape = [8, 6, 3]")).unwrap();
    assert_eq!(meant.shape.dims(), [8, 6, 3]);
    let first = npy("|u1", "(3, 3, 8, 6)", &[7; 3 * 8 * 6 * 3]);
    assert_eq!(read(&place.config("b.npy", first, "")).unwrap().shape.dims(), [3, 8, 6]);
}

#[test]
fn arrays_of_images_are_resized() {
    let place = Place::new();
    // The left half is dark, the right half bright.
    let bytes: Vec<u8> = (0..4 * 8 * 8).map(|at| if at % 8 < 4 { 0 } else { 200 }).collect();
    let data = place.load("a.npy", npy("|u1", "(4, 8, 8)", &bytes), "resize = [2, 4]").unwrap();
    assert_eq!(data.shape, SampleShape::Image { channels: 1, height: 2, width: 4 });
    let row = data.train.values.row(0).to_vec();
    assert!(row[0] < 0.1 && row[3] > 0.7, "{row:?}");
    let error =
        place.load("v.npy", npy("|u1", "(4, 8)", &[1; 32]), "resize = [2, 4]").unwrap_err().to_string();
    assert!(error.starts_with("data.resize = [2, 4] is out of range: give it for images only"), "{error}");
}
