//! The report of a complete run, of a minimal one, and of folders with unexpected content.

use ae_records::record::*;
use ae_records::run_dir::RunDir;
use ae_report::ReportError;
use ae_report::gallery::{CURVES, Entry, Gallery};
use ae_report::html::{self, Block, HtmlTable, Section};
use ae_report::picture::image_grid;
use ndarray::Array4;
use std::fs;
use tempfile::TempDir;

fn record() -> Record {
    Record {
        preset: "vae".into(),
        variant: "vae".into(),
        command: "cargo xtask train vae".into(),
        seed: 42,
        status: Status::Finished,
        metrics: [("test/elbo".to_string(), 105.314), ("test/kl".to_string(), 25.0)].into(),
        ..Default::default()
    }
}

fn run(record: &Record) -> (TempDir, RunDir) {
    let folder = tempfile::tempdir().unwrap();
    let run = RunDir::new(folder.path());
    record.write(&run.record()).unwrap();
    (folder, run)
}

fn written(run: &RunDir) -> String {
    let path = html::write(run).unwrap();
    assert_eq!(path, run.report());
    fs::read_to_string(path).unwrap()
}

#[track_caller]
fn check_has(page: &str, parts: &[&str]) {
    for part in parts {
        assert!(page.contains(part), "the report lacks {part:?}");
    }
}

#[track_caller]
fn check_lacks(page: &str, parts: &[&str]) {
    for part in parts {
        assert!(!page.contains(part), "the report has {part:?}");
    }
}

/// One script runs, the one that the policy names by its digest.
#[track_caller]
fn check_only_our_script(page: &str) {
    assert_eq!(page.matches("<script>").count(), 1);
    let script = page.split_once("<script>").unwrap().1.split_once("</script>").unwrap().0;
    let digest = ae_records::digest::sha256(script.as_bytes());
    let bytes: Vec<u8> =
        (0..64).step_by(2).map(|at| u8::from_str_radix(&digest[at..at + 2], 16).unwrap()).collect();
    let digest = base64::Engine::encode(&base64::engine::general_purpose::STANDARD, bytes);
    check_has(page, &[&format!("script-src 'sha256-{digest}'")]);
}

fn add_picture(run: &RunDir, file: &str) {
    let entry =
        Entry { file: file.into(), title: "Samples".into(), caption: "Decoded <b>.".into(), order: 1 };
    let draw = |path: &std::path::Path| image_grid(path, Array4::zeros((1, 1, 4, 4)).view(), 1);
    Gallery::new(run.images()).add(entry, draw).unwrap();
}

#[test]
fn losses_of_any_size_and_names_of_any_form_are_reported() {
    let mut record = record();
    record.data.set = "<script>alert(1)</script>.csv".into();
    record.command = "ae train '<b>'".into();
    let (_folder, run) = run(&record);
    let lines = r#"{"step":1,"epoch":0,"split":"train","terms":{"loss":1e308,"<i>\u001b":-1e308}}
{"step":2,"epoch":0,"split":"</text><script>","terms":{"loss":5e-324,"<i>\u001b":1e308}}
"#;
    fs::write(run.metrics(), lines).unwrap();
    let page = written(&run);
    check_has(&page, &["loss (logarithmic)", "&lt;script&gt;alert(1)", "&lt;i&gt;", "ae train '&lt;b&gt;'"]);
    check_lacks(&page, &["<script>alert", "<i>", "<b>", "\u{1b}"]);
}

#[test]
fn a_whole_run_is_reported_in_one_file() {
    let mut record = record();
    record.data = DataRecord {
        set: "mnist".into(),
        shape: vec![1, 28, 28],
        train: 59000,
        files: vec![FileRecord { name: "train.gz".into(), sha256: "440fcabf".into() }],
        ..Default::default()
    };
    let layer = LayerRecord {
        network: "encoder".into(),
        layer: "dense 400".into(),
        parameters: 314000,
        ..Default::default()
    };
    record.model = ModelRecord { parameters: 652824, flops: 1303000, layers: vec![layer] };
    record.machine.processor = "A Processor".into();
    record.versions = [("libtorch".to_string(), "2.11.0".to_string())].into();
    let (_folder, run) = run(&record);
    fs::write(run.config(), "preset = \"vae\"\n").unwrap();
    let lines = r#"{"step":1,"epoch":0,"split":"train","terms":{"kl":1.5,"loss":9.0}}
{"step":2,"epoch":0,"split":"train","terms":{"kl":1.0,"loss":8.0}}
"#;
    fs::write(run.metrics(), lines).unwrap();
    add_picture(&run, "samples.png");
    add_picture(&run, CURVES);

    let page = written(&run);
    check_has(
        &page,
        &["<title>vae", "105.3", "test/kl", "1 × 28 × 28", "59,000", "440fcabf", "652,824", "314,000"],
    );
    check_has(&page, &["A Processor", "2.11.0", "cargo xtask train vae", "42", "preset = &quot;vae&quot;"]);
    check_has(&page, &["aria-label=\"loss\"", "aria-label=\"kl\"", "Decoded &lt;b&gt;."]);
    assert_eq!(page.matches("<svg").count(), 2);
    assert_eq!(page.matches("data:image/png;base64,iVBOR").count(), 1, "the curves are not shown twice");
    // Nothing to load; the namespace is only a name.
    check_lacks(
        &page.replace("http://www.w3.org/2000/svg", "").replace("url(#", ""),
        &["http:", "https:", "<script src", "<link", "url(", "@import"],
    );
    assert_eq!(page, written(&run), "the same folder gives the same report");
}

#[test]
fn dark_mode_replaces_the_colours_of_the_charts() {
    let (_folder, run) = run(&record());
    fs::write(run.metrics(), "{\"step\":1,\"epoch\":0,\"split\":\"train\",\"terms\":{\"loss\":9.0}}\n")
        .unwrap();
    let page = written(&run);
    let (style, body) = page.split_once("</style>").unwrap();
    for colour in ["fill=\"#24292F\"", "fill=\"#5B646E\"", "fill=\"#FEFEFE\"", "stroke=\"#E4E8EC\""] {
        assert!(style.contains(colour) && body.contains(colour), "{colour}");
    }
}

#[test]
fn curves_bring_their_data_and_the_ends_of_epochs() {
    let (_folder, run) = run(&record());
    let lines = r#"{"step":50,"epoch":0,"split":"train","terms":{"loss":9.0}}
{"step":60,"epoch":1,"split":"train","terms":{"loss":8.0}}
{"step":60,"epoch":1,"split":"validation","terms":{"loss":8.5}}
{"step":120,"epoch":2,"split":"train","terms":{"loss":1e120}}
"#;
    fs::write(run.metrics(), lines).unwrap();
    let page = written(&run);
    check_has(&page, &[r#"data-for="curves">{"last":120,"epochs":[60,120]}"#]);
    check_lacks(&page, &["data-for=\"curve\">"]);
    fs::write(run.metrics(), lines.replace("1e120", "7.0")).unwrap();
    let page = written(&run);
    check_has(&page, &[r#""name":"train","colour":0,"x":[50.0,60.0,120.0],"y":[9.0,8.0,7.0]"#]);
    check_has(&page, &[r#""name":"validation","colour":1,"x":[60.0],"y":[8.5]"#]);
    fs::write(run.metrics(), lines.replace("1e120", "-5.551e-17")).unwrap();
    check_has(&written(&run), &[r#""y":[9.0,8.0,0.0]"#]);
    check_only_our_script(&page);
}

#[test]
fn a_list_of_contents_links_every_section() {
    let mut record = record();
    record.data.set = "mnist".into();
    let (_folder, run) = run(&record);
    fs::write(run.metrics(), "{\"step\":1,\"epoch\":0,\"split\":\"train\",\"terms\":{\"loss\":9.0}}\n")
        .unwrap();
    let page = written(&run);
    for (place, title) in ["Results", "Curves", "Data", "Run it again"].iter().enumerate() {
        let id = format!("section-{}", place + 1);
        check_has(
            &page,
            &[&format!("<a href=\"#{id}\">{title}</a>"), &format!("<section id=\"{id}\"><h2>{title}</h2>")],
        );
    }
}

#[test]
fn a_chart_is_shown_as_its_drawing_and_an_image_as_it_is() {
    let (_folder, run) = run(&record());
    add_picture(&run, "samples.png");
    let gallery = Gallery::new(run.images());
    let bar = ae_report::picture::Bar { name: "a".into(), share: 0.5, interval: None };
    let entry = Entry { file: "bars.png".into(), caption: "Of `ae eval`.".into(), ..Entry::default() };
    gallery.add(entry, |path| ae_report::picture::bars(path, std::slice::from_ref(&bar))).unwrap();
    let page = written(&run);
    assert_eq!(page.matches("data:image/png;base64,").count(), 1);
    assert_eq!(page.matches("data:image/svg+xml;base64,").count(), 1);
    check_has(&page, &["Of <code>ae eval</code>."]);
}

#[test]
fn maps_bring_their_samples() {
    use ae_report::picture::{About, Map, maps};
    let (_folder, run) = run(&record());
    let points = ndarray::array![[0.0, 1.0], [2.0, 3.0]];
    let map = Map { title: "Codes".into(), axes: ["x".into(), "y".into()], points };
    let labels = ["</script>".to_string(), "b".into()];
    let images = Array4::zeros((2, 1, 4, 4));
    let figures = ndarray::array![0.25, 0.5];
    let samples = Some(ae_report::Samples::Images(images.view()));
    let about = About { labels: &labels, figures: Some(("error", figures.view())), samples };
    let entry = Entry { file: "codes.png".into(), ..Entry::default() };
    Gallery::new(run.images()).add(entry, |path| maps(path, std::slice::from_ref(&map), about)).unwrap();
    let page = written(&run);
    check_has(
        &page,
        &[
            r#"data-for="scatter">{"kind":"scatter","maps":[{"title":"Codes","x":"x","y":"y","points":[0.0,1.0,2.0,3.0]}]"#,
        ],
    );
    check_has(&page, &[r#""figures":[0.25,0.5]"#, r#""form":"images","width":4,"height":4,"columns":2"#]);
    check_only_our_script(&page);
    fs::write(run.images().join("codes.explore.json"), "{}").unwrap();
    let error = html::write(&run).unwrap_err().to_string();
    assert!(error.contains("delete it and draw the pictures again"), "{error}");
}

#[test]
fn what_is_missing_leaves_its_section_out() {
    let (_folder, run) = run(&Record::default());
    let page = written(&run);
    check_lacks(
        &page,
        &[
            "<h2>Results",
            "<h2>Pictures",
            "<h2>Curves",
            "<h2>Model",
            "<h2>Data",
            "<h2>Machine",
            "Full configuration",
        ],
    );
    check_has(&page, &["<h1>Run</h1>", "running"]);

    add_picture(&run, "gone.png");
    fs::remove_file(run.images().join("gone.png")).unwrap();
    fs::write(run.metrics(), "").unwrap();
    check_lacks(&written(&run), &["<h2>Pictures", "<h2>Curves"]);
}

#[test]
fn the_verdict_is_at_the_top() {
    let check = |expected: &[(Option<f64>, bool)], verdict: &str| {
        let expectation = |&(obtained, met): &(Option<f64>, bool)| Expectation {
            metric: "test/elbo".into(),
            obtained,
            expected: "≤ 106".into(),
            source: "the paper".into(),
            met,
        };
        let record = Record { expected: expected.iter().map(expectation).collect(), ..record() };
        let (_folder, run) = run(&record);
        let page = written(&run);
        let head = page.split_once("</header>").unwrap().0;
        assert!(head.contains(verdict), "{verdict}: {}", &head[head.len() - 300..]);
        check_has(&page, &["≤ 106", "the paper"]);
    };
    check(&[(Some(105.0), true)], ">as expected<");
    check(&[(Some(105.0), true), (Some(1.0), true)], "all 2 results as expected");
    check(&[(Some(107.0), false), (Some(1.0), true), (None, false)], "1 of 3 results not as expected");
    check(&[(None, false), (Some(1.0), true)], "1 of 2 expected results not measured");
}

#[test]
fn hostile_text_stays_text() {
    let evil = "</title><script>alert('\"&')</script><img src=x onerror=alert(1)>";
    let mut record = record();
    (record.preset, record.variant, record.command) = (evil.into(), evil.into(), evil.into());
    record.description = evil.into();
    record.status = Status::Failed { reason: evil.into() };
    record.metrics = [(evil.to_string(), f64::MAX)].into();
    record.data.set = evil.into();
    record.data.files = vec![FileRecord { name: evil.into(), sha256: evil.into() }];
    record.model.parameters = u64::MAX;
    record.model.layers =
        vec![LayerRecord { network: evil.into(), layer: evil.into(), ..Default::default() }];
    record.versions = [(evil.to_string(), evil.to_string())].into();
    record.seconds.training = 1e300;
    let (_folder, run) = run(&record);
    fs::write(run.config(), evil).unwrap();
    let line = serde_json::json!({"step": u64::MAX, "epoch": 0, "split": evil, "terms": {evil: 1e308, "loss": -1e308}});
    fs::write(run.metrics(), format!("{line}\n")).unwrap();
    let page = written(&run);
    check_lacks(&page, &["<script>alert", "<img", "alert('\""]);
    check_only_our_script(&page);
    check_has(&page, &["&lt;script&gt;"]);
}

#[test]
fn unexpected_files_are_named_in_the_error() {
    let check = |spoil: fn(&RunDir), expected: &str| {
        let (_folder, run) = run(&record());
        add_picture(&run, "a.png");
        spoil(&run);
        let error = html::write(&run).unwrap_err().to_string();
        assert!(error.contains(expected), "{error}");
        assert!(!run.report().exists());
    };
    check(|run| fs::remove_file(run.record()).unwrap(), "record.json");
    check(|run| fs::write(run.record(), "<html>").unwrap(), "record.json");
    check(|run| fs::write(run.metrics(), "nonsense\n").unwrap(), "metrics.jsonl: line 1");
    check(|run| fs::create_dir(run.config()).unwrap(), "config.toml");
    check(
        |run| fs::write(run.images().join("index.json"), "{}").unwrap(),
        "delete it and draw the pictures again",
    );
    check(
        |run| fs::write(run.images().join("a.png"), "<svg onload=alert(1)>").unwrap(),
        "is not a PNG picture",
    );
    check(
        |run| {
            let outside = r#"[{"file":"../../secret.png","title":"","caption":"","order":0}]"#;
            fs::write(run.images().join("index.json"), outside).unwrap();
        },
        "\"../../secret.png\" cannot name a picture",
    );
    check(
        |run| fs::File::create(run.images().join("a.png")).unwrap().set_len(1 << 30).unwrap(),
        "has 1073741824 bytes",
    );
}

#[test]
fn an_evaluation_has_its_sections() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("eval/report.html");
    let table = |rows: Vec<Vec<String>>| {
        let columns = vec!["class <i>".to_string(), "F1".to_string()];
        Block::Table(HtmlTable { caption: "5 seeds".into(), columns, rows })
    };
    let rows = vec![vec!["normal".to_string(), "0.94 ± 0.01".to_string()]];
    let picture =
        Block::Picture { path: folder.path().join("gone.png"), title: String::new(), caption: String::new() };
    let section = |block: Block| Section { title: "A & B".into(), blocks: vec![block] };
    let sections = [section(Block::Text("a < b".into())), section(table(rows)), section(picture)];
    html::write_evaluation(&path, "ECG", &sections).unwrap();
    let page = fs::read_to_string(&path).unwrap();
    check_has(&page, &["<h1>ECG</h1>", "A &amp; B", "a &lt; b", "class &lt;i&gt;", "5 seeds"]);
    check_has(&page, &["<td class=\"number\">0.94 ± 0.01</td>", "<td>normal</td>"]);

    let ragged = [section(table(vec![vec!["one".to_string()]]))];
    let error = html::write_evaluation(&path, "ECG", &ragged).unwrap_err();
    assert!(matches!(error, ReportError::Shape { .. }), "{error}");
}
