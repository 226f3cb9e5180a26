//! The building blocks of reports.

use crate::error::ReportError;
use crate::gallery;
use ae_records::files;
use ae_records::text::printable;
use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use maud::{DOCTYPE, Markup, PreEscaped, html};
use std::path::Path;

/// Content security policy: nothing may be loaded, whatever the page contains.
const POLICY: &str = "default-src 'none'; img-src data:; style-src 'unsafe-inline'";
const STYLE: &str = include_str!("style.css");

/// Writes a whole page.
pub(super) fn write_page(path: &Path, title: &str, body: &Markup) -> Result<(), ReportError> {
    let page = html! {
        (DOCTYPE)
        html lang="en" {
            head {
                meta charset="utf-8";
                meta name="viewport" content="width=device-width, initial-scale=1";
                meta http-equiv="Content-Security-Policy" content=(POLICY);
                title { (title) }
                style { (PreEscaped(STYLE)) }
            }
            body { main { (body) } }
        }
    };
    let page = page.into_string();
    let text = format!("{}\n", printable(&page));
    Ok(files::write_atomic_bytes(path, text.as_bytes())?)
}

/// A card with a heading.
pub(super) fn section(title: &str, body: Markup) -> Markup {
    html! { section { h2 { (title) } (body) } }
}

/// A picture with its title and caption; `None` if the file does not exist.
pub(super) fn figure(path: &Path, title: &str, caption: &str) -> Result<Option<Markup>, ReportError> {
    let Some(png) = gallery::read_png(path)? else {
        tracing::warn!(path = %path.display(), "a picture is missing and left out of the report");
        return Ok(None);
    };
    let data = format!("data:image/png;base64,{}", STANDARD.encode(&png.bytes));
    Ok(Some(html! {
        figure {
            @if !title.is_empty() { h3 { (title) } }
            img src=(data) width=(png.width) height=(png.height) alt=(title);
            @if !caption.is_empty() { figcaption { (caption) } }
        }
    }))
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

/// A table with a header; the columns in `numbers` are aligned right.
pub(super) fn table(columns: &[String], rows: &[Vec<Markup>], numbers: &[bool]) -> Markup {
    let class = |column: usize| numbers.get(column).copied().unwrap_or(false).then_some("number");
    html! {
        div.scroll {
            table {
                thead {
                    tr {
                        @for (column, name) in columns.iter().enumerate() {
                            th scope="col" class=[class(column)] { (name) }
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
