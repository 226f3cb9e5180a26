//! Tests that an array gives the same as a file of the same numbers.

use super::*;
use crate::{Layout, State};
use ndarray::{Array2, Axis, array, concatenate};

fn csv(rows: &Array2<f32>, names: &[&str]) -> String {
    let line = |row: ndarray::ArrayView1<'_, f32>| {
        let cell = |&value: &f32| if value.is_nan() { String::new() } else { value.to_string() };
        row.iter().map(cell).collect::<Vec<_>>().join(",") + "\n"
    };
    names.join(",") + "\n" + &rows.rows().into_iter().map(line).collect::<String>()
}

/// The bits of the values, so that NaN equals itself.
fn bits(values: &Array2<f32>) -> Vec<u32> {
    values.iter().map(|value| value.to_bits()).collect()
}

/// Columns of numbers with gaps, codes, a counter, a constant and a label.
fn mixed(n: usize) -> Array2<f32> {
    Array2::from_shape_fn((n, 5), |(row, column)| match column {
        0 if row % 7 == 3 => f32::NAN,
        0 => (row * 37 % 101) as f32 / 3.0,
        1 => (row % 3) as f32 - 1.0,
        2 => row as f32 + 10.0,
        3 => 4.5,
        _ => (row % 10 / 9) as f32,
    })
}
const NAMES: [&str; 5] = ["flow", "port", "id", "same", "label"];

#[test]
fn an_array_is_read_as_a_file_of_the_same_numbers() {
    for config in
        ["", "categories = ['port']", "label = 'label'\nnormal = 0", "ignore = ['id']\nheavy_tails = 'keep'"]
    {
        let config: InputConfig = toml::from_str(config).unwrap();
        let rows = mixed(120);
        let array = Table::from_array_with(rows.view(), &NAMES, &config).unwrap();
        let file = Table::parse(csv(&rows, &NAMES).as_bytes(), "rows.csv", &config).unwrap();
        assert_eq!(bits(&array.values), bits(&file.values), "{config:?}");
        assert_eq!((&array.columns, &array.labels), (&file.columns, &file.labels));
        assert_eq!((&array.ignored, &array.notices), (&file.ignored, &file.notices));
        assert_eq!((array.layout, array.cells, array.format), (file.layout, file.cells, file.format));
        let all: Vec<usize> = (0..rows.nrows()).collect();
        let of_array = Schema::learn(&array, &array.normal_rows()).unwrap().schema;
        let of_file = Schema::learn(&file, &file.normal_rows()).unwrap().schema;
        assert_eq!(of_array, of_file);
        let encoded = of_file.encode_array(rows.view()).unwrap();
        assert_eq!(encoded.samples, of_file.encode(&file, &all).unwrap().samples);
    }
}

#[test]
fn one_column_is_a_long_series_and_windows_end_with_each_step() {
    let rows = Array2::from_shape_fn((300, 1), |(step, _)| (step as f32 * 0.3).sin());
    let config = InputConfig { window: Some(8), ..Default::default() };
    let table = Table::from_array_with::<&str>(rows.view(), &[], &config).unwrap();
    assert_eq!((table.layout, table.columns[0].name.as_str()), (Layout::Windows, "value"));
    let schema = Schema::learn(&table, &(0..200).collect::<Vec<_>>()).unwrap().schema;
    let encoded = schema.encode_array(rows.view()).unwrap();
    assert_eq!((encoded.samples.len(), encoded.samples.width()), (300, 8));
    assert_eq!((encoded.rows[6].state, encoded.rows[7].state), (State::WarmingUp, State::Ready));
}

#[test]
fn an_unseen_code_is_all_zeros() {
    let rows = mixed(60);
    let config: InputConfig = toml::from_str("categories = ['port']").unwrap();
    let table = Table::from_array_with(rows.view(), &NAMES, &config).unwrap();
    let schema = Schema::learn(&table, &(0..60).collect::<Vec<_>>()).unwrap().schema;
    assert!(schema.feature_names().contains(&"port=-1".to_string()));
    let new = array![[1.0, 7.0, 3.0, 4.5, 0.0]];
    let both = concatenate(Axis(0), &[rows.slice(ndarray::s![..1, ..]), new.view()]).unwrap();
    let samples = schema.encode_array(both.view()).unwrap().samples;
    let features = schema.features();
    let of_port: Vec<usize> = (0..features.len()).filter(|&index| features[index].level.is_some()).collect();
    let sum = |row: usize| of_port.iter().map(|&index| samples.values[[row, index]]).sum::<f32>();
    assert_eq!((sum(0), sum(1)), (1.0, 0.0));
}

fn check(rows: Array2<f32>, names: &[&str], expected: &str) {
    assert_eq!(Table::from_array(rows.view(), names).unwrap_err().to_string(), expected);
}

#[test]
fn errors_of_unusable_arrays_name_the_place() {
    check(
        array![[1.0, 2.0], [3.0, f32::NEG_INFINITY]],
        &["a", "b"],
        "row 1 (from 0), column `b`: -inf is not finite; remove or replace it, or use NaN for a missing value",
    );
    check(array![[1.0, 2.0]], &["a"], "1 name for 2 columns; give one name per column, or none");
    check(Array2::zeros((0, 3)), &[], "the array: the table is empty");
    check(Array2::zeros((3, 0)), &[], "the array: the table is empty");
    let table = Table::from_array(mixed(60).view(), &NAMES).unwrap();
    let schema = Schema::learn(&table, &(0..60).collect::<Vec<_>>()).unwrap().schema;
    let error = schema.encode_array(Array2::zeros((1, 2)).view()).unwrap_err().to_string();
    assert_eq!(error, "the array does not match the learned schema: its rows have 2 values instead of 5");
    let mut rows = mixed(2);
    rows[[1, 0]] = f32::INFINITY;
    let error = schema.encode_array(rows.view()).unwrap_err().to_string();
    assert!(error.starts_with("row 1 (from 0), column `flow`: inf is not finite"), "{error}");
}
