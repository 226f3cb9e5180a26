//! `ae compare`: what differs between runs, in settings, figures and loss curves.

use crate::cli::{Cli, CompareArgs};
use crate::failure::Failure;
use crate::output::{self, figure};
use ae_records::files;
use ae_records::metrics::{self, MetricLine};
use ae_records::record::Record;
use ae_records::run_dir::{RunDir, RunDirError};
use ae_report::html::{self, Block, HtmlTable, Section};
use ae_report::picture::{self, Line};
use serde::Serialize;
use std::collections::{BTreeMap, BTreeSet};
use std::path::{Path, PathBuf};

/// Tables of a configuration that say nothing about how a run was made.
const LEFT_OUT: [&str; 7] =
    ["description", "measures", "expected", "smoke", "cpu", "full", "training.groups"];
/// Stands for a setting or figure that a run does not have.
const NONE: &str = "–";
/// In place of a list of settings.
const NO_SETTINGS: &str = "no settings differ";
/// Maximum points of a curve in a picture.
const MAX_POINTS: usize = 600;
/// Characters of a curve on the terminal.
const TERMINAL_POINTS: usize = 40;

/// A run as it is compared.
struct Compared {
    name: String,
    folder: PathBuf,
    settings: BTreeMap<String, String>,
    record: Record,
    curves: Vec<MetricLine>,
}

/// What `--json` prints, and a `.json` file holds.
#[derive(Serialize)]
struct Comparison<'a> {
    runs: Vec<&'a Path>,
    /// Settings that differ, each with its value in every run; `null` where a run has none.
    settings: BTreeMap<&'a str, Vec<Option<&'a str>>>,
    /// All figures, likewise.
    figures: BTreeMap<&'a str, Vec<Option<f64>>>,
    /// Steps and values of each curve, by run.
    curves: Vec<BTreeMap<String, Vec<(f64, f64)>>>,
}

pub(crate) fn run(args: &CompareArgs, cli: &Cli) -> Result<(), Failure> {
    let ending =
        args.out.as_ref().map(|out| out.extension().and_then(|ending| ending.to_str()).unwrap_or(""));
    if let Some(ending) = ending.filter(|ending| !["html", "png", "json"].contains(ending)) {
        let name = if ending.is_empty() { "no ending".into() } else { format!("the ending .{ending}") };
        return Err(Failure::usage(format!("--out has {name}; it may be .html, .png or .json")));
    }
    let runs = args.runs.iter().map(|folder| read(folder)).collect::<Result<Vec<_>, _>>()?;
    let runs = named(runs);
    let terms: BTreeSet<&str> = runs
        .iter()
        .flat_map(|run| &run.curves)
        .flat_map(|line| line.terms.keys())
        .map(String::as_str)
        .collect();
    if !terms.contains(args.term.as_str()) && !terms.is_empty() {
        let known: Vec<&str> = terms.into_iter().collect();
        let message = format!("no run has the term `{}`; there are `{}`", args.term, known.join("`, `"));
        return Err(Failure::usage(message));
    }
    let comparison = Comparison {
        runs: runs.iter().map(|run| run.folder.as_path()).collect(),
        settings: differing(&runs),
        figures: figures(&runs),
        curves: runs.iter().map(|run| curves(run, &args.term)).collect(),
    };
    match (&args.out, ending) {
        (Some(out), Some("json")) => {
            let text = serde_json::to_string_pretty(&comparison).expect("a comparison is always JSON") + "\n";
            files::write_atomic_bytes(out, text.as_bytes()).map_err(Failure::new)?;
        }
        (Some(out), Some("png")) => chart(out, &runs, &args.term)?,
        (Some(out), _) => report(out, &runs, &comparison, &args.term)?,
        (None, _) => {}
    }
    match cli.json {
        true => output::json(&comparison),
        false => show(&runs, &comparison, &args.term),
    }
    if let Some(out) = args.out.as_ref().filter(|_| !cli.json) {
        output::summary(&format!("\ncomparison: {}", out.display()));
    }
    Ok(())
}

fn read(folder: &Path) -> Result<Compared, Failure> {
    let dir = RunDir::new(folder);
    if !dir.config().exists() {
        return Err(Failure::usage(RunDirError::NotARun(folder.into())));
    }
    let text = files::read_to_string(&dir.config()).map_err(Failure::new)?;
    let table: toml::Table =
        text.parse().map_err(|error| Failure::new(format!("{}: {error}", dir.config().display())))?;
    let mut settings = BTreeMap::new();
    flatten("", &toml::Value::Table(table), &mut settings);
    let record = Record::read(&dir.record()).map_err(Failure::new)?;
    // A run that was interrupted before the first line of its log has no curve yet.
    let curves = if dir.metrics().exists() {
        metrics::read(&dir.metrics()).map_err(Failure::new)?
    } else {
        Vec::new()
    };
    Ok(Compared { name: record.preset.clone(), folder: folder.into(), settings, record, curves })
}

/// Settings by their paths. The variant's name is a setting of its own, so that variants can be compared.
fn flatten(path: &str, value: &toml::Value, into: &mut BTreeMap<String, String>) {
    if LEFT_OUT.contains(&path) {
        return;
    }
    match value {
        toml::Value::Table(table) if path == "model" => {
            for (variant, settings) in table {
                into.insert("model".into(), variant.clone());
                let toml::Value::Table(settings) = settings else { continue };
                settings.iter().for_each(|(key, value)| flatten(&format!("model.{key}"), value, into));
            }
        }
        toml::Value::Table(table) => {
            for (key, value) in table {
                let path = if path.is_empty() { key.clone() } else { format!("{path}.{key}") };
                flatten(&path, value, into);
            }
        }
        other => {
            into.insert(path.into(), other.to_string());
        }
    }
}

/// Names that tell the runs apart: of the preset, then with the seed, then the folder's.
fn named(mut runs: Vec<Compared>) -> Vec<Compared> {
    let differ = |names: &[String]| names.iter().collect::<BTreeSet<_>>().len() == names.len();
    let of = |name: &dyn Fn(&Compared) -> String| runs.iter().map(name).collect::<Vec<_>>();
    let candidates = [
        of(&|run| run.name.clone()),
        of(&|run| format!("{} seed {}", run.name, run.record.seed)),
        of(&|run| run.folder.file_name().unwrap_or_default().to_string_lossy().into_owned()),
    ];
    let whole = of(&|run| run.folder.display().to_string());
    let names = candidates.into_iter().find(|names| differ(names)).unwrap_or(whole);
    runs.iter_mut().zip(names).for_each(|(run, name)| run.name = name);
    runs
}

fn differing(runs: &[Compared]) -> BTreeMap<&str, Vec<Option<&str>>> {
    let keys: BTreeSet<&str> = runs.iter().flat_map(|run| run.settings.keys()).map(String::as_str).collect();
    let values =
        |key: &str| runs.iter().map(|run| run.settings.get(key).map(String::as_str)).collect::<Vec<_>>();
    let all = keys.into_iter().map(|key| (key, values(key)));
    all.filter(|(_, values)| values.iter().any(|value| *value != values[0])).collect()
}

fn figures(runs: &[Compared]) -> BTreeMap<&str, Vec<Option<f64>>> {
    let names: BTreeSet<&str> =
        runs.iter().flat_map(|run| run.record.metrics.keys()).map(String::as_str).collect();
    let values = |name: &str| runs.iter().map(|run| run.record.metrics.get(name).copied()).collect();
    names.into_iter().map(|name| (name, values(name))).collect()
}

/// Steps and values of a term, by split.
fn curves(run: &Compared, term: &str) -> BTreeMap<String, Vec<(f64, f64)>> {
    let mut curves: BTreeMap<String, Vec<(f64, f64)>> = BTreeMap::new();
    for line in &run.curves {
        if let Some(value) = line.terms.get(term).filter(|value| value.is_finite()) {
            curves.entry(line.split.clone()).or_default().push((line.step as f64, *value));
        }
    }
    curves
}

fn show(runs: &[Compared], comparison: &Comparison<'_>, term: &str) {
    let mut columns: Vec<Vec<String>> = vec![vec![String::new()]];
    columns[0].extend(runs.iter().map(|run| run.name.clone()));
    let mut add = |name: &str, values: Vec<String>| {
        columns.push(std::iter::once(name.to_string()).chain(values).collect());
    };
    let title = if comparison.settings.is_empty() { NO_SETTINGS } else { "settings that differ" };
    add(title, vec![String::new(); runs.len()]);
    for (name, values) in &comparison.settings {
        add(&format!("  {name}"), values.iter().map(|value| value.unwrap_or(NONE).to_string()).collect());
    }
    add("figures", vec![String::new(); runs.len()]);
    for (name, values) in facts(runs) {
        add(&format!("  {name}"), values);
    }
    for (name, values) in &comparison.figures {
        add(
            &format!("  {name}"),
            values.iter().map(|value| value.map_or_else(|| NONE.into(), figure)).collect(),
        );
    }
    output::aligned_rows(columns).iter().for_each(|line| output::result(line));
    let drawn = sparks(runs, term);
    if !drawn.is_empty() {
        output::result(&format!(
            "\n{term} in training, from the first step to the last, on one logarithmic scale"
        ));
        output::columns(drawn);
    }
}

/// What a record says besides its metrics.
fn facts(runs: &[Compared]) -> Vec<(&'static str, Vec<String>)> {
    let of = |fact: &dyn Fn(&Record) -> String| runs.iter().map(|run| fact(&run.record)).collect();
    vec![
        ("parameters", of(&|record| record.model.parameters.to_string())),
        ("epochs", of(&|record| record.epochs.to_string())),
        ("seconds of training", of(&|record| format!("{:.1}", record.seconds.training))),
    ]
}

/// The training curve of each run in characters.
fn sparks(runs: &[Compared], term: &str) -> Vec<[String; 3]> {
    const LEVELS: [char; 8] = ['▁', '▂', '▃', '▄', '▅', '▆', '▇', '█'];
    let train = |run: &Compared| curves(run, term).remove("train").unwrap_or_default();
    let all: Vec<Vec<(f64, f64)>> = runs.iter().map(train).collect();
    let values = || all.iter().flatten().map(|point| point.1);
    let is_positive = values().all(|value| value > 0.0);
    let scaled = |value: f64| if is_positive { value.ln() } else { value };
    let low = values().map(scaled).fold(f64::INFINITY, f64::min);
    let high = values().map(scaled).fold(f64::NEG_INFINITY, f64::max);
    let level = |value: f64| {
        let share = if high > low { (scaled(value) - low) / (high - low) } else { 0.0 };
        LEVELS[((share * LEVELS.len() as f64) as usize).min(LEVELS.len() - 1)]
    };
    let with_curve = runs.iter().zip(&all).filter(|(_, points)| !points.is_empty());
    with_curve
        .map(|(run, points)| {
            let shown = thinned(points, TERMINAL_POINTS);
            let line: String = shown.iter().map(|point| level(point.1)).collect();
            [run.name.clone(), line, points.last().map_or_else(String::new, |point| figure(point.1))]
        })
        .collect()
}

/// At most `count` evenly spaced points, the last one among them.
fn thinned(points: &[(f64, f64)], count: usize) -> Vec<(f64, f64)> {
    if points.len() <= count {
        return points.to_vec();
    }
    (1..=count).map(|place| points[place * points.len() / count - 1]).collect()
}

/// All curves of a term in one chart.
fn chart(out: &Path, runs: &[Compared], term: &str) -> Result<(), Failure> {
    let mut lines = Vec::new();
    for run in runs {
        for (split, points) in curves(run, term) {
            let name = format!("{} ({split})", run.name);
            lines.push(Line { name, points: thinned(&points, MAX_POINTS), labels: Vec::new() });
        }
    }
    picture::lines(out, "step", term, &lines).map_err(Failure::new)
}

fn report(out: &Path, runs: &[Compared], comparison: &Comparison<'_>, term: &str) -> Result<(), Failure> {
    let columns: Vec<String> =
        std::iter::once(String::new()).chain(runs.iter().map(|run| run.name.clone())).collect();
    let row =
        |name: &str, cells: Vec<String>| std::iter::once(name.to_string()).chain(cells).collect::<Vec<_>>();
    let settings = comparison.settings.iter().map(|(name, values)| {
        row(name, values.iter().map(|value| value.unwrap_or(NONE).to_string()).collect())
    });
    let figures = comparison.figures.iter().map(|(name, values)| {
        row(name, values.iter().map(|value| value.map_or_else(|| NONE.into(), figure)).collect())
    });
    let facts = facts(runs).into_iter().map(|(name, cells)| row(name, cells));
    let table = |rows: Vec<Vec<String>>| {
        Block::Table(HtmlTable { caption: String::new(), columns: columns.clone(), rows })
    };
    let settings: Vec<_> = settings.collect();
    let of_settings = match settings.is_empty() {
        true => Section { title: "Settings".into(), blocks: vec![Block::Text("No settings differ.".into())] },
        false => Section { title: "Settings that differ".into(), blocks: vec![table(settings)] },
    };
    let mut sections = vec![
        of_settings,
        Section { title: "Figures".into(), blocks: vec![table(facts.chain(figures).collect())] },
    ];
    let folder = tempfile::tempdir().map_err(Failure::new)?;
    let path = folder.path().join("curves.png");
    if runs.iter().any(|run| !curves(run, term).is_empty()) {
        chart(&path, runs, term)?;
        let caption = format!("The term {term} over the optimizer steps.");
        let block = Block::Picture { path: path.clone(), title: String::new(), caption };
        sections.push(Section { title: "Curves".into(), blocks: vec![block] });
    }
    let folders = runs.iter().map(|run| Block::Text(format!("{}: {}", run.name, run.folder.display())));
    sections.push(Section { title: "Runs".into(), blocks: folders.collect() });
    html::write_evaluation(out, "Comparison of runs", &sections).map_err(Failure::new)
}
