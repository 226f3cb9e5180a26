//! Times and line numbers of rows as the input has them.

use ae_intake::{Block, Keep, Schema, StampFormat, StampStyle};
use serde_json::Value;
use std::borrow::Cow;
use std::sync::Arc;

/// Where the times of rows stand among their kept cells, and how they are written.
#[derive(Clone)]
pub(super) struct Times {
    /// The first kept cells of a row: its time, or its day and its time of the day.
    cells: usize,
    format: StampFormat,
    /// That of the latest row; `None` before the first, and for times that can only be copied.
    style: Option<StampStyle>,
    /// The line of each place, if the rows of the input were sorted; see [`ae_intake::Reader::sorted_lines`].
    lines: Option<Arc<[u64]>>,
}

impl Times {
    /// For rows with this schema whose reader keeps the cells of these columns.
    pub(super) fn new(schema: &Schema, kept: &[String]) -> Self {
        let stamp = schema.timestamp.as_ref();
        let columns = stamp.iter().flat_map(|stamp| {
            [Some(&stamp.name), stamp.clock.as_ref().map(|clock| &clock.name)].into_iter().flatten()
        });
        let cells = columns.zip(kept).take_while(|(own, kept)| own == kept).count();
        let format = stamp.map_or(StampFormat::Number, |stamp| stamp.format);
        Times { cells, format, style: None, lines: None }
    }

    /// The same for rows that were sorted, with the line of each place.
    pub(super) fn sorted(self, lines: Option<Arc<[u64]>>) -> Self {
        Times { lines, ..self }
    }

    /// The line of the input that a block calls so.
    pub(super) fn line(&self, place: u64) -> u64 {
        let Some(lines) = &self.lines else { return place };
        let at = usize::try_from(place).unwrap_or(usize::MAX).wrapping_sub(1);
        lines.get(at).copied().unwrap_or(place)
    }

    /// Whether the rows were sorted.
    pub(super) fn are_sorted(&self) -> bool {
        self.lines.is_some()
    }

    /// Number of kept cells that a time takes.
    pub(super) fn cells(&self) -> usize {
        self.cells
    }

    /// The time of a row as the input writes it, a day and a time of the day in two columns with a blank between them;
    /// `None` if the input has no times.
    pub(super) fn text<'b>(&self, block: &'b Block, row: usize) -> Option<Cow<'b, str>> {
        let mut cells = block.kept.of_row(row).take(self.cells);
        let first = cells.next()?;
        Some(match cells.next() {
            Some(clock) if !clock.is_empty() => format!("{first} {clock}").into(),
            _ => first.into(),
        })
    }

    /// Learns from the rows of a block how times are written.
    pub(super) fn look_at(&mut self, block: &Block) {
        if matches!(self.format, StampFormat::Number) {
            return;
        }
        for (row, &time) in block.stamps.iter().enumerate().filter(|(_, time)| time.is_finite()) {
            let Some(text) = self.text(block, row) else { return };
            let written = self.style.as_ref().and_then(|style| style.written(time));
            if written.as_deref() != Some(&*text) {
                self.style = StampStyle::of(&text, self.format, time);
            }
        }
    }

    /// A time for JSON: a number if the input has numbers, else as the input writes it or, if that cannot be imitated,
    /// as a date and time of the day in UTC.
    pub(super) fn value(&self, time: f64) -> Value {
        if self.format == StampFormat::Number {
            return Value::from(time);
        }
        let written = self.style.as_ref().and_then(|style| style.written(time));
        Value::from(written.unwrap_or_else(|| self.format.written(time)))
    }

    /// How the latest time is written.
    pub(super) fn style(&self) -> Option<&StampStyle> {
        self.style.as_ref()
    }
}

/// The columns to copy under their own names although a time was made of them: of a day and a time of the day in two
/// columns, with their places among the kept cells.
pub(super) fn copied(keep: &Keep, times: &Times, kept: &[String]) -> Vec<(usize, String)> {
    if times.cells < 2 {
        return Vec::new();
    }
    let own = kept.iter().take(times.cells).cloned().enumerate();
    own.filter(|(_, name)| keep.all || keep.columns.contains(name)).collect()
}
