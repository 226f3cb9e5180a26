//! The building blocks of reports.

use crate::error::ReportError;
use crate::explore::Exploration;
use crate::gallery;
use crate::html::script;
use ae_records::files;
use ae_records::text::printable;
use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use maud::{DOCTYPE, Markup, PreEscaped, html};
use std::path::Path;

const STYLE: &str = include_str!("style.css");
/// A page of fewer sections has no list of contents.
const MIN_LISTED: usize = 3;

/// A section of a page: a card with a heading.
pub(super) struct Card {
    pub(super) title: String,
    pub(super) body: Markup,
}

impl Card {
    pub(super) fn new(title: impl Into<String>, body: Markup) -> Self {
        Card { title: title.into(), body }
    }
}

/// Writes a whole page: the header, the list of contents and the cards.
pub(super) fn write_page(
    path: &Path,
    title: &str,
    header: &Markup,
    cards: &[Card],
) -> Result<(), ReportError> {
    let body = html! {
        (header)
        @if cards.len() >= MIN_LISTED {
            nav.contents aria-label="Contents" {
                ul { @for (place, card) in cards.iter().enumerate() { li { a href=(format!("#{}", id(place))) { (card.title) } } } }
            }
        }
        main {
            @for (place, card) in cards.iter().enumerate() {
                section id=(id(place)) { h2 { (card.title) } (card.body) }
            }
        }
    };
    let body = body.into_string();
    let scripts = script::needed_by(&body);
    let page = html! {
        (DOCTYPE)
        html lang="en" {
            head {
                meta charset="utf-8";
                meta name="viewport" content="width=device-width, initial-scale=1";
                meta http-equiv="Content-Security-Policy" content=(script::policy(&scripts));
                title { (title) }
                style { (PreEscaped(STYLE)) }
            }
            body {
                div.page { (PreEscaped(&body)) }
                script { (PreEscaped(&scripts)) }
            }
        }
    };
    let page = page.into_string();
    let text = format!("{}\n", printable(&page));
    Ok(files::write_atomic_bytes(path, text.as_bytes())?)
}

fn id(place: usize) -> String {
    format!("section-{}", place + 1)
}

/// A picture with its title and caption; `None` if the file does not exist. A chart is shown as the SVG beside its PNG,
/// which is sharp, follows dark mode and has the page's font.
pub(super) fn figure(path: &Path, title: &str, caption: &str) -> Result<Option<Markup>, ReportError> {
    let Some(png) = gallery::read_png(path)? else {
        tracing::warn!(path = %path.display(), "a picture is missing and left out of the report");
        return Ok(None);
    };
    let drawing = gallery::read_svg(path)?;
    let is_chart = drawing.is_some();
    let (kind, bytes) = match &drawing {
        Some(svg) => ("svg+xml", svg.as_bytes()),
        None => ("png", png.bytes.as_slice()),
    };
    let density = if is_chart { crate::chart::DENSITY } else { 1 };
    let data = format!("data:image/{kind};base64,{}", STANDARD.encode(bytes));
    let class = if is_chart { "chart" } else { "raster" };
    let image =
        html! { img src=(data) width=(png.width / density) height=(png.height / density) alt=(title); };
    let exploration = Exploration::read(path)?;
    Ok(Some(html! {
        figure class=(class) {
            @if !title.is_empty() { h3 { (title) } }
            @if let Some(exploration) = &exploration {
                div.interactive {
                    (script::data(exploration.purpose(), exploration))
                    div.still { (scrolled(title, is_chart, &image)) }
                }
            } @else {
                (scrolled(title, is_chart, &image))
            }
            @if !caption.is_empty() { figcaption { (prose(caption)) } }
        }
    }))
}

/// On a narrow screen a chart is wider than its place, and the keyboard must reach it.
fn scrolled(title: &str, is_chart: bool, image: &Markup) -> Markup {
    html! {
        @if is_chart {
            div.scroll role="region" aria-label=(title) tabindex="0" { (image) }
        } @else {
            div.scroll { (image) }
        }
    }
}

/// Text in which what stands between backticks is code.
pub(super) fn prose(text: &str) -> Markup {
    let parts: Vec<&str> = text.split('`').collect();
    // An odd number of backticks: the last one is no mark.
    let marks = (parts.len() - 1) / 2 * 2;
    html! {
        @for (place, part) in parts.iter().enumerate() {
            @if place > marks { "`" (part) }
            @else if place % 2 == 1 { code { (part) } }
            @else { (part) }
        }
    }
}

/// A table of names and values; pairs with an empty value are left out.
pub(super) fn facts(pairs: &[(&str, String)]) -> Markup {
    html! {
        table.facts {
            tbody {
                @for (name, value) in pairs.iter().filter(|(_, value)| !value.is_empty()) {
                    tr { th scope="row" { (name) } td { (value) } }
                }
            }
        }
    }
}

/// A table with a header, which a script lets the reader sort; the columns in `numbers` are aligned right. `name` tells
/// a screen reader what the table holds.
pub(super) fn table(name: &str, columns: &[String], rows: &[Vec<Markup>], numbers: &[bool]) -> Markup {
    let class = |column: usize| numbers.get(column).copied().unwrap_or(false).then_some("number");
    html! {
        div.scroll role="region" aria-label=(name) tabindex="0" {
            table.sortable {
                thead {
                    tr {
                        @for (column, name) in columns.iter().enumerate() {
                            th scope="col" class=[class(column)] { (prose(name)) }
                        }
                    }
                }
                tbody {
                    @for row in rows {
                        tr {
                            @for (column, cell) in row.iter().enumerate() {
                                td class=[class(column)] { (cell) }
                            }
                        }
                    }
                }
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_stands_between_backticks_is_code() {
        let check = |text: &str, expected: &str| assert_eq!(prose(text).into_string(), expected);
        check("plain", "plain");
        check("made by `ae <b>` here", "made by <code>ae &lt;b&gt;</code> here");
        check("`a`, `b`", "<code>a</code>, <code>b</code>");
        check("one ` alone", "one ` alone");
        check("`a` and ` alone", "<code>a</code> and ` alone");
        check("", "");
    }
}
