//! Writes the report of a made-up run and of a made-up evaluation, with everything that a report can hold, into a folder:
//! `cargo run -p ae-report --example sample_report -- FOLDER`. The tests in a browser look at them.

use ae_records::metrics::MetricLine;
use ae_records::record::{DataRecord, Expectation, FileRecord, LayerRecord, ModelRecord, Record, Status};
use ae_records::run_dir::RunDir;
use ae_report::gallery::{Entry, Gallery};
use ae_report::html::{self, Block, HtmlTable, Link, Section};
use ae_report::picture::{self, About, Bar, DetectionCurve, Map};
use ae_report::{Component, Decoded, Decoder, DecoderLayer, ReportError, Samples};
use ndarray::{Array1, Array2, Array4};
use std::f32::consts::TAU;
use std::fs;
use std::path::Path;

fn main() -> Result<(), Box<dyn std::error::Error>> {
    let folder = std::env::args().nth(1).ok_or("name a folder to write into")?;
    let folder = Path::new(&folder);
    write_run(&RunDir::new(folder.join("run")))?;
    write_evaluation(&folder.join("evaluation"))?;
    Ok(())
}

fn write_run(run: &RunDir) -> Result<(), Box<dyn std::error::Error>> {
    let layer = |network: &str, layer: &str, parameters| LayerRecord {
        network: network.into(),
        layer: layer.into(),
        output: vec![400],
        parameters,
        flops: 2 * parameters,
    };
    let record = Record {
        preset: "sample".into(),
        variant: "vae".into(),
        description: "A made-up run, as `ae train` would leave it".into(),
        command: "ae train sample --seed 0 --set model.vae.latent=2 --set data.path=/a/long/path/without/any/space/in/it".into(),
        status: Status::Finished,
        epochs: 10,
        metrics: [("test/elbo".to_string(), 105.3), ("test/kl".to_string(), 25.0)].into(),
        expected: vec![Expectation {
            metric: "test/elbo".into(),
            obtained: Some(105.3),
            expected: "≤ 106".into(),
            source: "a paper".into(),
            met: true,
        }],
        model: ModelRecord {
            parameters: 628_000,
            flops: 1_256_000,
            layers: vec![layer("encoder", "dense 400", 314_000), layer("encoder", "relu", 0), layer("decoder", "dense 784", 314_000)],
        },
        data: DataRecord {
            set: "circles".into(),
            shape: vec![1, 8, 8],
            train: 1000,
            files: vec![FileRecord { name: "circles.npy".into(), sha256: "0123456789abcdef".repeat(4) }],
            ..DataRecord::default()
        },
        ..Record::default()
    };
    fs::create_dir_all(run.root())?;
    record.write(&run.record())?;
    fs::write(run.config(), "[model.vae]\nlatent = 2\n")?;
    fs::write(run.metrics(), metric_lines())?;

    let gallery = Gallery::new(run.images());
    let entry = |file: &str, order, title: &str, caption: &str| Entry {
        file: file.into(),
        order,
        title: title.into(),
        caption: caption.into(),
    };
    let codes = circle(300);
    let images = decoded(&codes);
    let first = images.slice(ndarray::s![..10, .., .., ..]);
    let shown = [("original", first), ("reconstruction", first)];
    gallery.add(entry("reconstructions.png", 20, "Reconstructions", "Held-out samples."), |path| {
        picture::image_rows(path, &shown)
    })?;
    let labels: Vec<String> = (0..300).map(|row| (row / 60).to_string()).collect();
    let errors = Array1::from_shape_fn(300, |row| (row as f32 / 40.0).sin().abs());
    let map = |title: &str, points: Array2<f32>| Map {
        title: title.into(),
        axes: ["first latent".into(), "second latent".into()],
        points,
    };
    let maps = [map("Codes", codes.clone()), map("The data: PCA, 62 % of the variance", codes * 3.0)];
    let about = About {
        labels: &labels,
        figures: Some(("squared error", errors.view())),
        samples: Some(Samples::Images(images.view())),
    };
    gallery.add(entry("codes.png", 30, "Codes", "Codes of held-out samples."), |path| {
        picture::maps(path, &maps, about)
    })?;
    let steps: Vec<f32> = (0..9).map(|step| step as f32 / 4.0 - 1.0).collect();
    let plane =
        Array2::from_shape_fn(
            (81, 2),
            |(place, axis)| if axis == 0 { steps[place % 9] } else { steps[8 - place / 9] },
        );
    gallery.add(entry("manifold.png", 50, "Latent space", "The whole latent space."), |path| {
        picture::latent_plane(path, decoded(&plane).view(), ["first latent", "second latent"], &steps)
    })?;
    for decoded in [Decoded::Images { channels: 1, height: 8, width: 8 }, Decoded::Series] {
        let file = if decoded == Decoded::Series { "series.png" } else { "decoder.png" };
        gallery.add(entry(file, 35, "Components of the code", "Each component of the code."), |path| {
            picture::image_grid(path, images.view(), 20)?;
            decoder(path, decoded)
        })?;
    }
    html::write(run)?;
    Ok(())
}

/// A decoder of 3 numbers and 2 classes with a layer of each activation. The samples are what it decodes itself, so that a
/// page that decodes wrongly shows a difference.
fn decoder(path: &Path, decoded: Decoded) -> Result<(), ReportError> {
    let mut inputs = 5;
    let layer = |(place, activation): (usize, &'static str)| {
        let outputs = [12, 64][usize::from(activation == "sigmoid")];
        let wave = |at: usize| ((at * (place + 3)) as f64 * 0.7).sin();
        let weights = (0..inputs * outputs).map(|at| wave(at) * 2.0 / (inputs as f64).sqrt()).collect();
        inputs = outputs;
        Dense { weights, bias: (0..outputs).map(|at| 0.3 * wave(at + 5)).collect(), activation }
    };
    let activations = ["gelu", "leaky_relu", "tanh", "silu", "relu", "identity", "sigmoid"];
    let layers: Vec<Dense> = activations.into_iter().enumerate().map(layer).collect();
    let codes = Array2::from_shape_fn((4, 3), |(row, at)| ((row * 3 + at) as f32 * 1.3).sin());
    let class = [0, 1, 1, 0];
    let (scale, shift) = if decoded == Decoded::Series { (3.0, -1.0) } else { (1.0, 0.0) };
    let mut originals = Array2::zeros((4, 64));
    for (row, mut original) in originals.outer_iter_mut().enumerate() {
        let one_hot = (0..2).map(|other| if other == class[row] { 1.0 } else { 0.0 });
        let input: Vec<f64> = codes.row(row).iter().map(|&x| f64::from(x)).chain(one_hot).collect();
        let output = layers.iter().fold(input, |values, layer| layer.forward(&values));
        original.iter_mut().zip(output).for_each(|(shown, x)| *shown = x as f32 * scale + shift);
    }
    let layers = layers.iter().map(|own| DecoderLayer {
        weights: &own.weights,
        bias: &own.bias,
        activation: own.activation,
    });
    let decoder = Decoder {
        layers: layers.collect(),
        decoded,
        scale: &[scale; 64],
        shift: &[shift; 64],
        components: &[0, 1, 2].map(|place| Component { place, low: -1.5, high: 1.5 }),
        codes: codes.view(),
        originals: originals.view(),
        names: &["first", "second", "third", "fourth"].map(String::from),
        classes: &["even", "odd"].map(String::from),
        class: &class,
        has_prior: true,
    };
    decoder.write(path)
}

/// A dense layer, computed as its definition says: what the page computes is compared with it.
struct Dense {
    /// `[in, out]`.
    weights: Vec<f64>,
    bias: Vec<f64>,
    activation: &'static str,
}

impl Dense {
    fn forward(&self, inputs: &[f64]) -> Vec<f64> {
        let n = self.bias.len();
        let sum = |output: usize| {
            let products = inputs.iter().enumerate().map(|(input, x)| x * self.weights[input * n + output]);
            self.bias[output] + products.sum::<f64>()
        };
        (0..n).map(sum).map(|x| self.activated(x)).collect()
    }

    fn activated(&self, x: f64) -> f64 {
        let logistic = 1.0 / (1.0 + (-x).exp());
        match self.activation {
            "gelu" => x * normal_share(x),
            "leaky_relu" => x.max(0.2 * x),
            "tanh" => x.tanh(),
            "silu" => x * logistic,
            "relu" => x.max(0.0),
            "sigmoid" => logistic,
            _ => x,
        }
    }
}

/// The share of a normal distribution below x: its density, integrated from 0 by the midpoints of 2,000 steps.
fn normal_share(x: f64) -> f64 {
    let step = x / 2000.0;
    let density =
        |place: i32| (-0.5 * ((f64::from(place) + 0.5) * step).powi(2)).exp() / f64::from(TAU).sqrt();
    0.5 + step * (0..2000).map(density).sum::<f64>()
}

/// Points around a circle, `[n, 2]`.
fn circle(n: usize) -> Array2<f32> {
    Array2::from_shape_fn((n, 2), |(row, axis)| {
        let angle = row as f32 / n as f32 * TAU;
        let radius = 0.7 + 0.2 * (row as f32 * 1.7).sin();
        radius * if axis == 0 { angle.cos() } else { angle.sin() }
    })
}

/// A bright spot at each point of the square from -1 to 1.
fn decoded(points: &Array2<f32>) -> Array4<f32> {
    Array4::from_shape_fn((points.nrows(), 1, 8, 8), |(row, _, y, x)| {
        let (left, up) = (x as f32 / 3.5 - 1.0 - points[[row, 0]], 1.0 - y as f32 / 3.5 - points[[row, 1]]);
        (-2.0 * (left * left + up * up)).exp()
    })
}

fn metric_lines() -> String {
    let mut text = String::new();
    for step in (50..=5000_u64).step_by(50) {
        let loss = 100.0 + 400.0 * (-(step as f64) / 700.0).exp();
        let mut line = |split: &str, loss: f64| {
            let terms =
                [("loss".to_string(), loss), ("kl".to_string(), 25.0), ("zero".to_string(), -5.551e-17)]
                    .into();
            let line = MetricLine { step, epoch: step / 500, split: split.into(), terms };
            text.push_str(&serde_json::to_string(&line).expect("a metric line is JSON"));
            text.push('\n');
        };
        line("train", loss + 5.0 * (step as f64).sin());
        if step % 500 == 0 {
            line("validation", loss + 3.0);
        }
    }
    text
}

fn write_evaluation(folder: &Path) -> Result<(), ReportError> {
    let gallery = Gallery::new(folder.join("images"));
    let curve = |name: &str, early: f64, area| DetectionCurve {
        name: name.into(),
        points: vec![(0.0, 0.0), (early, 0.8), (1.0, 1.0)],
        area,
    };
    let curves = [curve("network", 0.02, 0.985), curve("forest", 0.06, 0.962)];
    let draw = |file: &str, draw: &dyn Fn(&Path) -> Result<(), ReportError>| {
        gallery.add(Entry { file: file.into(), ..Entry::default() }, draw)
    };
    draw("roc.png", &|path| picture::roc(path, &curves))?;
    let scores =
        |shift: f64| -> Vec<f64> { (0..200).map(|row| shift + f64::from(row % 17) / 17.0).collect() };
    draw("scores.png", &|path| picture::score_histograms(path, &scores(0.0), &scores(0.7), 0.9, "score"))?;
    let bars = [("pressure", 0.7), ("temperature", 0.3)];
    let bars = bars.map(|(name, share)| Bar {
        name: name.into(),
        share,
        interval: Some((share - 0.1, share + 0.05)),
    });
    draw("bars.png", &|path| picture::bars(path, &bars))?;
    let picture = |file: &str, title: &str| {
        let caption = "A caption with `code`.".to_string();
        Ok::<_, ReportError>(Block::Picture { path: gallery.path(file)?, title: title.into(), caption })
    };
    let cells = |cells: [&str; 4]| cells.map(String::from).to_vec();
    let table = HtmlTable {
        caption: "Means over three seeds.".into(),
        columns: cells(["detector", "AUROC", "recall at 1 %", "seconds"]),
        rows: vec![
            cells(["network", "0.985 [0.981, 0.989]", "0.83", "1,204"]),
            cells(["forest", "0.962 [0.950, 0.971]", "0.51", "36"]),
            cells(["PCA, as many components as the code", "0.941 [0.940, 0.942]", "–", "2.5"]),
            cells(["mean", "0.963", "0.67", "414"]),
        ],
    };
    let links = vec![Link { text: "runs/sample".into(), target: "../run/report.html".into() }];
    let section = |title: &str, blocks| Section { title: title.into(), blocks };
    let sections = [
        section(
            "Method",
            vec![Block::Text("As `ae eval` says.".into()), Block::Command("ae eval anomaly".into())],
        ),
        section("Detectors", vec![Block::Table(table)]),
        section(
            "Pictures",
            vec![
                picture("roc.png", "ROC")?,
                picture("scores.png", "Scores")?,
                picture("bars.png", "Causes")?,
            ],
        ),
        section("Evaluated runs", vec![Block::Links(links)]),
    ];
    html::write_evaluation(&folder.join("report.html"), "A made-up evaluation", &sections)
}
