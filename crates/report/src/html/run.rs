//! Writes `report.html` of a run from the files in its folder.

use crate::error::ReportError;
use crate::gallery::{CURVES, Gallery, optional};
use crate::html::part::{self, Card, facts, table};
use crate::html::script;
use crate::number::{duration, grouped, shape, short};
use crate::picture::{Steps, TermCurves, curve_svg, term_names};
use ae_records::files;
use ae_records::metrics::{self, MetricLine};
use ae_records::record::{Expectation, Record, Status};
use ae_records::run_dir::RunDir;
use maud::{Markup, PreEscaped, html};
use std::path::PathBuf;

/// Writes `report.html` into the run's folder and returns its path. Only `record.json` is required; a section
/// without data (curves, pictures, configuration) is left out. The same folder gives the same bytes.
///
/// # Errors
/// A file that cannot be read or is not valid, or a report that cannot be written.
pub fn write(run: &RunDir) -> Result<PathBuf, ReportError> {
    let record = Record::read(&run.record())?;
    let lines = optional(metrics::read(&run.metrics()))?.unwrap_or_default();
    let config = optional(files::read_to_string(&run.config()))?;
    let title = if record.preset.is_empty() { "Run" } else { record.preset.as_str() };
    let cards = [
        results(&record),
        pictures(run)?,
        curves(&lines)?,
        model(&record),
        data(&record),
        circumstances(&record),
        Some(reproduction(&record, config.as_deref())),
    ];
    let cards: Vec<Card> = cards.into_iter().flatten().collect();
    let path = run.report();
    part::write_page(&path, &format!("{title} · autoencoders"), &head(title, &record), &cards)?;
    Ok(path)
}

fn head(title: &str, record: &Record) -> Markup {
    let (class, status) = match &record.status {
        Status::Running => ("badge", "running".to_string()),
        Status::Finished => ("badge", "finished".to_string()),
        Status::Interrupted => ("badge", "interrupted; can be resumed".to_string()),
        Status::Failed { .. } => ("badge bad", "failed".to_string()),
    };
    let epochs = match record.epochs {
        1 => "1 epoch".to_string(),
        n => format!("{} epochs", grouped(n)),
    };
    html! {
        header {
            h1 { (title) }
            @if !record.description.is_empty() { p.lead { (part::prose(&record.description)) } }
            div.badges {
                (verdict(&record.expected))
                span class=(class) { (status) }
                @if !record.variant.is_empty() { span.badge { (record.variant) } }
                @if record.epochs > 0 { span.badge { (epochs) } }
            }
            @if let Status::Failed { reason } = &record.status { p.reason { (reason) } }
        }
    }
}

fn verdict(expected: &[Expectation]) -> Markup {
    let (met, all) = (expected.iter().filter(|e| e.met).count(), expected.len());
    let missed = expected.iter().filter(|e| !e.met && e.obtained.is_some()).count();
    html! {
        @if all > 0 && met == all {
            span.badge.good { @if all == 1 { "as expected" } @else { "all " (all) " results as expected" } }
        } @else if missed > 0 {
            span.badge.bad { (missed) " of " (all) " results not as expected" }
        } @else if all > 0 {
            span.badge { (all - met) " of " (all) " expected results not measured" }
        }
    }
}

fn results(record: &Record) -> Option<Card> {
    let expected: Vec<Vec<Markup>> = record.expected.iter().map(expectation).collect();
    let named = |name: &String| record.expected.iter().any(|e| &e.metric == name);
    let others: Vec<(&str, String)> = record
        .metrics
        .iter()
        .filter(|(name, _)| !named(name))
        .map(|(name, value)| (name.as_str(), short(*value)))
        .collect();
    if expected.is_empty() && others.is_empty() {
        return None;
    }
    let columns = ["result", "obtained", "reference", "verdict"].map(String::from);
    let body = html! {
        @if !expected.is_empty() { (table("Results", &columns, &expected, &[false, true])) }
        @if !expected.is_empty() && !others.is_empty() { h3 { "Further results" } }
        @if !others.is_empty() { (facts(&others)) }
    };
    Some(Card::new("Results", body))
}

fn expectation(expectation: &Expectation) -> Vec<Markup> {
    let verdict = match (expectation.obtained, expectation.met) {
        (None, _) => html! { span.badge { "not measured" } },
        (_, true) => html! { span.badge.good { "✓ met" } },
        (_, false) => html! { span.badge.bad { "✗ not met" } },
    };
    vec![
        html! {
            (expectation.metric)
            @if !expectation.source.is_empty() { div.small { (expectation.source) } }
        },
        html! { (expectation.obtained.map_or("–".to_string(), short)) },
        html! { (expectation.expected) },
        verdict,
    ]
}

fn pictures(run: &RunDir) -> Result<Option<Card>, ReportError> {
    let gallery = Gallery::new(run.images());
    let mut figures = Vec::new();
    // The report already has the curves, as SVG.
    for entry in gallery.entries()?.into_iter().filter(|entry| entry.file != CURVES) {
        figures.extend(part::figure(&gallery.path(&entry.file)?, &entry.title, &entry.caption)?);
    }
    if figures.is_empty() {
        return Ok(None);
    }
    Ok(Some(Card::new("Pictures", html! { @for figure in &figures { (figure) } })))
}

/// A panel for each term; a script replaces each drawing by one that reacts.
fn curves(lines: &[MetricLine]) -> Result<Option<Card>, ReportError> {
    let names = term_names(lines);
    if names.is_empty() {
        return Ok(None);
    }
    let panels: Vec<String> = names.iter().map(|name| curve_svg(lines, name)).collect::<Result<_, _>>()?;
    let body = html! {
        div.interactive {
            (script::data("curves", &Steps::of(lines)))
            div.curves {
                @for (name, panel) in names.iter().zip(&panels) {
                    div.curve {
                        @if let Some(curve) = TermCurves::of(lines, name) { (script::data("curve", &curve)) }
                        // `plotters` has escaped the text in the SVG.
                        div.still role="img" aria-label=(name) { (PreEscaped(panel)) }
                    }
                }
            }
        }
    };
    Ok(Some(Card::new("Curves", body)))
}

fn model(record: &Record) -> Option<Card> {
    let model = &record.model;
    if model.layers.is_empty() && model.parameters == 0 {
        return None;
    }
    let columns = ["network", "layer", "output", "parameters", "FLOPs"];
    let body = html! {
        div.scroll role="region" aria-label="Layers" tabindex="0" {
            table.sortable {
                thead {
                    tr {
                        @for (index, name) in columns.iter().enumerate() {
                            th scope="col" class=[(index >= 3).then_some("number")] { (name) }
                        }
                    }
                }
                tbody {
                    @for (index, layer) in model.layers.iter().enumerate() {
                        @let same = index > 0 && model.layers[index - 1].network == layer.network;
                        tr {
                            td class=[same.then_some("same")] { (layer.network) }
                            td { (layer.layer) }
                            td { (shape(&layer.output)) }
                            td.number { (grouped(layer.parameters)) }
                            td.number { (grouped(layer.flops)) }
                        }
                    }
                }
                tfoot {
                    tr {
                        th scope="row" colspan="3" { "total" }
                        td.number { (grouped(model.parameters)) }
                        td.number { (grouped(model.flops)) }
                    }
                }
            }
        }
        p.small { "Shapes are for one sample. FLOPs are for the forward pass of one sample; a multiply-add counts as two." }
    };
    Some(Card::new("Model", body))
}

fn data(record: &Record) -> Option<Card> {
    let data = &record.data;
    if data.set.is_empty() {
        return None;
    }
    let rows = |count: usize| if count == 0 { String::new() } else { grouped(count as u64) };
    let pairs = [
        ("set", data.set.clone()),
        ("sample", shape(&data.shape)),
        ("training rows", rows(data.train)),
        ("validation rows", rows(data.validation)),
        ("test rows", rows(data.test)),
        ("preprocessing", data.preprocessing.clone()),
    ];
    let files: Vec<Vec<Markup>> =
        data.files.iter().map(|file| vec![html! { (file.name) }, html! { code { (file.sha256) } }]).collect();
    let body = html! {
        (facts(&pairs))
        @if !files.is_empty() {
            h3 { "Files" }
            (table("Files", &["file", "sha256"].map(String::from), &files, &[]))
        }
    };
    Some(Card::new("Data", body))
}

fn circumstances(record: &Record) -> Option<Card> {
    let (machine, seconds) = (&record.machine, &record.seconds);
    let measured = |value: f64, text: String| if value > 0.0 { text } else { String::new() };
    let count = |n: u64| if n == 0 { String::new() } else { grouped(n) };
    let mut pairs = vec![
        ("device", machine.device.clone()),
        ("processor", machine.processor.clone()),
        ("threads", count(machine.threads as u64)),
        ("kernels", machine.kernels.clone()),
        ("system", machine.system.clone()),
        ("started", record.started.clone()),
        ("ended", record.ended.clone().unwrap_or_default()),
        ("steps", count(record.steps)),
        ("resumed", count(record.resumed.into())),
        ("training time", measured(seconds.training, duration(seconds.training))),
        ("time per epoch", measured(seconds.per_epoch, duration(seconds.per_epoch))),
        (
            "samples per second",
            measured(seconds.samples_per_second, grouped(seconds.samples_per_second as u64)),
        ),
    ];
    pairs.extend(record.versions.iter().map(|(name, version)| (name.as_str(), version.clone())));
    if pairs.iter().all(|(_, value)| value.is_empty()) {
        return None;
    }
    Some(Card::new("Machine and versions", facts(&pairs)))
}

fn reproduction(record: &Record, config: Option<&str>) -> Card {
    let body = html! {
        @if !record.command.is_empty() { pre.command { (record.command) } }
        p { "Seed " strong { (record.seed) } ". It determines every random draw." }
        @if let Some(config) = config {
            details { summary { "Full configuration" } pre tabindex="0" { (config) } }
        }
    };
    Card::new("Run it again", body)
}
