//! Small models in use on generated data.

use super::*;
use crate::testing::{Bench, stripes, wanted};
use ae_datasets::{DataConfig, Scale};
use ae_tensor::DeviceChoice;
use ae_training::Experiment;
use std::fs;

/// A table with the columns a, b, c and kind; b is thousands of times as large as a.
fn table(rows: std::ops::Range<usize>, columns: &[&str]) -> String {
    let line = |row: usize| {
        let angle = row as f32 * 0.37;
        let cell = |column: &&str| match *column {
            "a" => format!("{:.5}", angle.sin()),
            "b" => format!("{:.2}", 5000.0 + 3000.0 * angle.cos()),
            "c" => format!("{:.5}", angle.sin() + angle.cos()),
            "kind" => ["even", "odd"][row % 2].into(),
            _ => row.to_string(),
        };
        columns.iter().map(cell).collect::<Vec<_>>().join(",")
    };
    [columns.join(",")].into_iter().chain(rows.map(line)).collect::<Vec<_>>().join("\n")
}

fn trained(bench: &Bench, variant: &str, data: DataConfig) -> PathBuf {
    let mut wanted = wanted(variant, variant, "data.csv".as_ref(), 3, 0);
    wanted.experiment = Experiment { data, ..wanted.experiment };
    if variant == "vanilla" {
        // For values outside of [0, 1].
        wanted.experiment.model =
            serde_json::from_str(r#"{"vanilla": {"code": 2, "output": "identity"}}"#).unwrap();
    }
    bench.with(&[0], |context| context.trained(&wanted).unwrap().dir.root().into())
}

/// A run on a table of which the last column is the label.
fn of_table(bench: &Bench) -> PathBuf {
    let path = bench.path("own.csv");
    fs::write(&path, table(0..60, &["a", "b", "c", "kind"])).unwrap();
    let set = path.display().to_string();
    trained(bench, "vanilla", DataConfig { set, label: Some("kind".into()), ..Default::default() })
}

fn wish(bench: &Bench, model: &Path, input: Option<&str>, out: &str) -> Wish {
    let input = input.map(|name| bench.path(name).display().to_string());
    Wish {
        model: model.into(),
        source: Source { input, ..Source::default() },
        out: bench.path(out),
        label: None,
    }
}

type Command = fn(&Wish, &Sources, &mut dyn Progress, Device) -> Result<Applied, ApplyError>;

fn done(bench: &Bench, command: Command, wish: &Wish) -> Result<Applied, ApplyError> {
    bench.with(&[0], |context| {
        command(wish, context.sources, context.progress, DeviceChoice::Cpu.resolve().unwrap())
    })
}

fn check_refused(bench: &Bench, command: Command, wish: &Wish, expected: &str) {
    let error = done(bench, command, wish).unwrap_err();
    assert!(error.to_string().contains(expected), "{error}");
    assert!(error.is_usage() && !wish.out.exists(), "{error}");
}

/// The cells of a table, its header first.
fn cells(path: &Path) -> Vec<Vec<String>> {
    let text = fs::read_to_string(path).unwrap();
    text.lines().map(|line| line.split(',').map(String::from).collect()).collect()
}

fn numbers_of(row: &[String]) -> Vec<f32> {
    row.iter().map(|cell| cell.parse().unwrap()).collect()
}

/// Sums of a batch of another size differ in their last bits.
fn check_near(obtained: &[f32], expected: &[f32]) {
    let is_near = |(a, b): (&f32, &f32)| (a - b).abs() <= 1e-4 * b.abs().max(1.0);
    assert_eq!(obtained.len(), expected.len());
    assert!(obtained.iter().zip(expected).all(is_near), "{obtained:?}\n{expected:?}");
}

#[test]
fn codes_of_new_rows_are_those_of_the_same_rows_in_training() {
    let bench = Bench::new();
    let run = of_table(&bench);
    let all = done(&bench, encode, &wish(&bench, &run, Some("own.csv"), "all.csv")).unwrap();
    let whole = cells(&bench.path("all.csv"));
    assert_eq!(whole[0][..4], ["row", "label", "squared_error", "code_0"]);
    assert_eq!((all.rows, whole.len(), whole[2][1].as_str()), (60, 61, "odd"));
    // Other columns in another order, no label, few rows: nothing is fitted to them.
    fs::write(bench.path("few.csv"), table(10..12, &["id", "c", "b", "a"])).unwrap();
    let few = done(&bench, encode, &wish(&bench, &run, Some("few.csv"), "few-codes.csv")).unwrap();
    let part = cells(&few.files[0]);
    assert_eq!(part[0][..3], ["row", "squared_error", "code_0"]);
    for row in 0..2 {
        assert_eq!(part[row + 1][0], row.to_string());
        check_near(&numbers_of(&part[row + 1][1..]), &numbers_of(&whole[row + 11][2..]));
    }
    // The model file alone knows its columns, too; a table without a header has them in their order.
    fs::copy(run.join("model.safetensors"), bench.path("alone.safetensors")).unwrap();
    let bare = table(10..12, &["a", "b", "c"]).split_once('\n').unwrap().1.to_owned();
    fs::write(bench.path("bare.csv"), bare).unwrap();
    let alone = bench.path("alone.safetensors");
    done(&bench, encode, &wish(&bench, &alone, Some("bare.csv"), "bare-codes.csv")).unwrap();
    assert_eq!(cells(&bench.path("bare-codes.csv"))[1..], part[1..]);
}

#[test]
fn new_rows_may_have_gaps_and_lack_values_of_a_category() {
    let bench = Bench::new();
    let path = bench.path("own.csv");
    fs::write(&path, table(0..60, &["a", "kind", "b"])).unwrap();
    let run =
        trained(&bench, "vanilla", DataConfig { set: path.display().to_string(), ..Default::default() });
    done(&bench, encode, &wish(&bench, &run, Some("own.csv"), "all.csv")).unwrap();
    let whole = cells(&bench.path("all.csv"));
    // Odd rows only, in another order of columns; the second lacks a number.
    let mut lines: Vec<String> =
        [11, 13, 15].map(|row| table(row..row + 1, &["id", "b", "kind", "a"])).into();
    lines.iter_mut().skip(1).for_each(|line| *line = line.split_once('\n').unwrap().1.to_owned());
    let cut = lines[1].rfind(',').unwrap();
    lines[1].truncate(cut + 1);
    fs::write(bench.path("few.csv"), lines.join("\n")).unwrap();
    let few = done(&bench, encode, &wish(&bench, &run, Some("few.csv"), "few-codes.csv")).unwrap();
    let part = cells(&few.files[0]);
    for (row, own) in [(1, 12), (3, 16)] {
        check_near(&numbers_of(&part[row][1..]), &numbers_of(&whole[own][1..]));
    }
    let with_gap = numbers_of(&part[2][1..]);
    assert!(with_gap.iter().all(|value| value.is_finite()) && with_gap != numbers_of(&whole[14][1..]));
}

#[test]
fn a_run_alone_means_its_held_out_rows() {
    let bench = Bench::new();
    let run = of_table(&bench);
    let applied = done(&bench, encode, &wish(&bench, &run, None, "held-out.npy")).unwrap();
    assert_eq!((applied.rows, applied.input.starts_with("test rows of ")), (12, true));
    assert_eq!(applied.files, ["held-out.npy", "held-out.rows.csv"].map(|name| bench.path(name)));
    let opened = bench.with(&[0], |context| context.open(&ae_records::run_dir::RunDir::new(&run))).unwrap();
    let test = opened.splits.test.values();
    let autoencoder = opened.model.as_autoencoder().unwrap();
    let codes = ae_tensor::tch::no_grad(|| array::to_vec(autoencoder.encode(test).point()));
    let bytes = fs::read(&applied.files[0]).unwrap();
    let stored = npyz::NpyFile::new(&bytes[..]).unwrap();
    assert_eq!(stored.shape()[0], 12);
    let stored: Vec<f32> = stored.into_vec().unwrap();
    assert!(stored.iter().zip(&codes).all(|(a, b)| (f64::from(*a) - b).abs() < 1e-6));
    let mean = ae_tensor::tch::no_grad(|| Distance::MeanSquared.mean(&autoencoder.reconstruct(test), test));
    assert!((applied.mean_squared_error - mean.double_value(&[])).abs() < 1e-6);
    // Its rows are no longer known if the file has changed.
    fs::write(bench.path("own.csv"), table(0..50, &["a", "b", "c", "kind"])).unwrap();
    let error = done(&bench, encode, &wish(&bench, &run, None, "x.csv")).unwrap_err();
    assert!(error.to_string().contains("have changed since it was trained"), "{error}");
}

#[test]
fn reconstructions_of_a_table_are_in_the_unit_of_its_columns() {
    let bench = Bench::new();
    let run = of_table(&bench);
    done(&bench, reconstruct, &wish(&bench, &run, Some("own.csv"), "back.csv")).unwrap();
    let rows = cells(&bench.path("back.csv"));
    assert_eq!(rows[0], ["row", "label", "squared_error", "a", "b", "c"]);
    let b: Vec<f32> = rows[1..].iter().map(|row| numbers_of(&row[4..5])[0]).collect();
    let mean = b.iter().sum::<f32>() / 60.0;
    assert!((3000.0..7000.0).contains(&mean), "b is about 5000: {mean}");
}

#[test]
fn images_come_back_in_their_own_range_whatever_the_scale() {
    let bench = Bench::new();
    for scale in [Scale::None, Scale::Standard] {
        let run = trained(&bench, "vanilla", DataConfig { scale, ..images(&bench) });
        let applied = done(&bench, reconstruct, &wish(&bench, &run, None, "pngs/")).unwrap();
        assert_eq!((applied.rows, applied.files.len()), (80, 81));
        assert_eq!(shown(&applied.files), Some(bench.path("pngs").as_path()));
        done(&bench, reconstruct, &wish(&bench, &run, None, "back.npy")).unwrap();
        let bytes = fs::read(bench.path("back.npy")).unwrap();
        let values: Vec<f32> = npyz::NpyFile::new(&bytes[..]).unwrap().into_vec().unwrap();
        let picture = fs::File::open(bench.path("pngs/07.png")).unwrap();
        let mut reader = png::Decoder::new(std::io::BufReader::new(picture)).read_info().unwrap();
        let mut pixels = vec![0; reader.output_buffer_size().unwrap()];
        let info = reader.next_frame(&mut pixels).unwrap();
        assert_eq!((info.width, info.height, info.color_type), (8, 8, png::ColorType::Grayscale));
        for (pixel, value) in pixels.iter().zip(&values[7 * 64..]) {
            assert!((f32::from(*pixel) - 255.0 * value.clamp(0.0, 1.0)).abs() < 1.01, "{pixel} {value}");
        }
        fs::remove_dir_all(bench.path("pngs")).unwrap();
    }
}

#[test]
fn two_channels_become_two_panels_with_ranges_of_their_own() {
    let bench = Bench::new();
    let data = DataConfig { shape: Some(vec![2, 4, 8]), ..images(&bench) };
    // The second channel is in a unit a thousand times as small.
    let text = fs::read_to_string(&data.set).unwrap();
    let scaled = |line: &str| {
        let cells = line.split(',').map(|cell| cell.parse::<f32>().unwrap()).enumerate();
        cells.map(|(at, x)| if at < 32 { x } else { 1000.0 * x }.to_string()).collect::<Vec<_>>().join(",")
    };
    fs::write(&data.set, text.lines().map(scaled).collect::<Vec<_>>().join("\n")).unwrap();
    let run = trained(&bench, "vanilla", data);
    done(&bench, reconstruct, &wish(&bench, &run, None, "pngs/")).unwrap();
    done(&bench, reconstruct, &wish(&bench, &run, None, "back.npy")).unwrap();
    let bytes = fs::read(bench.path("back.npy")).unwrap();
    let values: Vec<f32> = npyz::NpyFile::new(&bytes[..]).unwrap().into_vec().unwrap();
    let picture = fs::File::open(bench.path("pngs/07.png")).unwrap();
    let mut reader = png::Decoder::new(std::io::BufReader::new(picture)).read_info().unwrap();
    let mut pixels = vec![0; reader.output_buffer_size().unwrap()];
    let info = reader.next_frame(&mut pixels).unwrap();
    assert_eq!((info.width, info.height, info.color_type), (17, 4, png::ColorType::Grayscale));
    let trained = Trained::load(&run, Device::Cpu).unwrap();
    let ranges = &trained.model.metadata.channel_ranges;
    assert!(ranges.len() == 2 && ranges[0][1] < 1.01 && ranges[1][1] > 500.0, "{ranges:?}");
    for (row, line) in pixels.chunks(17).enumerate() {
        assert_eq!(line[8], 255, "a white line between the channels");
        for channel in 0..2 {
            let [low, high] = ranges[channel];
            for column in 0..8 {
                let value = values[7 * 64 + channel * 32 + row * 8 + column];
                let value = ((value - low) / (high - low)).clamp(0.0, 1.0);
                let pixel = f32::from(line[channel * 9 + column]);
                assert!((pixel - 255.0 * value).abs() < 1.01, "{pixel} {value}");
            }
        }
    }
}

/// Stripes as an array without labels.
fn images(bench: &Bench) -> DataConfig {
    let labelled = stripes(bench);
    let text = fs::read_to_string(&labelled.set).unwrap();
    let bare: Vec<&str> = text.lines().map(|line| line.rsplit_once(',').unwrap().0).collect();
    fs::write(bench.path("bare.csv"), bare.join("\n")).unwrap();
    DataConfig { set: bench.path("bare.csv").display().to_string(), label: None, ..labelled }
}

#[test]
fn a_conditional_model_is_told_labels_by_their_names() {
    let bench = Bench::new();
    let run = trained(&bench, "cvae", stripes(&bench));
    images(&bench);
    check_refused(&bench, encode, &wish(&bench, &run, Some("bare.csv"), "x.csv"), "give --label");
    let labelled =
        |label: &str, input, out| Wish { label: Some(label.into()), ..wish(&bench, &run, input, out) };
    check_refused(&bench, encode, &labelled("dwon", None, "x.csv"), "did you mean `down`?");
    // A file with one label only, which would be number 0 by itself.
    let text = fs::read_to_string(bench.path("stripes.csv")).unwrap();
    let down: Vec<&str> = text.lines().filter(|line| line.ends_with("down")).collect();
    fs::write(bench.path("down.csv"), down.join("\n")).unwrap();
    done(&bench, encode, &wish(&bench, &run, Some("down.csv"), "down-codes.csv")).unwrap();
    done(&bench, encode, &wish(&bench, &run, Some("stripes.csv"), "codes.csv")).unwrap();
    let (part, whole) = (cells(&bench.path("down-codes.csv")), cells(&bench.path("codes.csv")));
    let of_down: Vec<_> = whole.iter().filter(|row| row[1] == "down").map(|row| row[2..].to_vec()).collect();
    assert_eq!(part.len(), 1 + of_down.len());
    part[1..]
        .iter()
        .zip(&of_down)
        .for_each(|(row, whole)| check_near(&numbers_of(&row[2..]), &numbers_of(whole)));
    // The same code, decoded as the other label.
    let values = |out: &str| cells(&bench.path(out))[1..].to_vec();
    done(&bench, reconstruct, &labelled("across", Some("down.csv"), "as-across.csv")).unwrap();
    done(&bench, reconstruct, &labelled("down", Some("down.csv"), "as-down.csv")).unwrap();
    done(&bench, reconstruct, &wish(&bench, &run, Some("down.csv"), "own.csv")).unwrap();
    assert_eq!(values("as-down.csv"), values("own.csv"));
    assert_ne!(values("as-across.csv"), values("own.csv"));
    let plain = of_table(&bench);
    let wish = Wish { label: Some("even".into()), ..wish(&bench, &plain, None, "x.csv") };
    check_refused(&bench, encode, &wish, "is not given labels");
}

fn between(bench: &Bench, wish: &Wish, between: Between) -> Result<(Applied, Interpolation), ApplyError> {
    bench.with(&[0], |context| interpolate(wish, &between, context.sources, context.progress, Device::Cpu))
}

#[test]
fn a_path_begins_and_ends_with_the_reconstructions() {
    let bench = Bench::new();
    let run = trained(&bench, "vae", images(&bench));
    let way = Between { rows: [3, 17], steps: 5, path: None };
    let (_, path) = between(&bench, &wish(&bench, &run, None, "path.csv"), way).unwrap();
    assert_eq!(path, Interpolation::Spherical);
    done(&bench, reconstruct, &wish(&bench, &run, None, "back.csv")).unwrap();
    let (steps, back) = (cells(&bench.path("path.csv")), cells(&bench.path("back.csv")));
    assert_eq!((steps.len(), &steps[0][..3]), (6, &["step", "share", "value_0"].map(String::from)[..]));
    for (step, row) in [(1, 4), (5, 18)] {
        let (step, row) = (numbers_of(&steps[step][2..]), numbers_of(&back[row][2..]));
        assert!(step.iter().zip(&row).all(|(a, b)| (a - b).abs() < 1e-5));
    }
    let straight = Between { path: Some(Interpolation::Linear), ..way };
    let (_, path) = between(&bench, &wish(&bench, &run, None, "straight.png"), straight).unwrap();
    assert_eq!(path, Interpolation::Linear);
    assert!(bench.path("straight.png").exists());
    let refused = |way, expected: &str| {
        let error = between(&bench, &wish(&bench, &run, None, "x.csv"), way).unwrap_err();
        assert!(error.to_string().contains(expected) && error.is_usage(), "{error}");
    };
    refused(Between { rows: [0, 80], ..way }, "has no row 80; its rows are 0 to 79");
    refused(Between { steps: 1, ..way }, "1 steps make no path");
    // Between two entries of a codebook lies nothing.
    let indices = trained(&bench, "vq_vae", images(&bench));
    let error = between(&bench, &wish(&bench, &indices, None, "x.csv"), way).unwrap_err();
    assert!(error.to_string().contains("are indices of a codebook"), "{error}");
    done(&bench, encode, &wish(&bench, &indices, None, "indices.csv")).unwrap();
    assert!(cells(&bench.path("indices.csv"))[1][2..].iter().all(|cell| cell.parse::<u32>().is_ok()));
}

#[test]
fn what_a_model_does_not_take_is_refused_with_what_it_takes() {
    let bench = Bench::new();
    let run = of_table(&bench);
    let refused = |name: &str, content: &str, expected: &str| {
        fs::write(bench.path(name), content).unwrap();
        check_refused(&bench, encode, &wish(&bench, &run, Some(name), "x.csv"), expected);
    };
    refused("other.csv", &table(0..5, &["a", "b", "id"]), "`c`");
    refused("wide.csv", "1,2,3,4,5\n6,7,8,9,10", "rows of 5 values, but the model takes 3 values: a, b, c");
    let bad = |out: &str| wish(&bench, &run, None, out);
    check_refused(&bench, encode, &bad("codes.txt"), "end it in .csv or .npy");
    let error = done(&bench, encode, &wish(&bench, &bench.path(""), None, "x.csv")).unwrap_err();
    assert!(error.to_string().contains("holds no run"), "{error}");
    let part = Source {
        input: Some(bench.path("own.csv").display().to_string()),
        part: Some(Part::Test),
        resize: false,
    };
    check_refused(&bench, encode, &Wish { source: part, ..bad("x.csv") }, "leave out --split");
    fs::remove_file(run.join("model.safetensors")).unwrap();
    let error = done(&bench, encode, &bad("x.csv")).unwrap_err();
    assert!(error.to_string().contains("has no model yet; finish it with: ae train --resume"), "{error}");
    let classifier = trained(&bench, "classifier", stripes(&bench));
    check_refused(
        &bench,
        encode,
        &wish(&bench, &classifier, None, "x.csv"),
        "no encoder that a decoder follows",
    );
}
