//! Decides what the rows of a file are, and in which order they are a series.

use crate::columns::clock;
use crate::columns::independence::{FEWEST, are_independent};
use crate::columns::kinds::Columns;
use crate::columns::layout::{self, Layout};
use crate::columns::stamps::StampFormat;
use crate::error::IntakeError;
use crate::groups::TableGroups;
use crate::input::InputConfig;
use crate::schema::notice::Notice;
use crate::table::interleaved::interleaved;
use crate::table::rows::{by_group, stretches};
use crate::table::sort::TimeOrder;
use crate::text::parse::RawBlock;
use std::ops::Range;

/// Most columns, and most groups, that are looked at to tell whether rows are independent of each other.
const MAX_COLUMNS: usize = 64;
const MAX_STRETCHES: usize = 8;

/// The rows of a file, in its order, and what they are.
pub(super) struct Arranged {
    /// Ordered by group, if there are groups.
    pub block: RawBlock,
    pub groups: Option<TableGroups>,
    /// The order of the rows as time steps.
    pub order: TimeOrder,
    pub layout: Layout,
    pub layout_because: String,
}

/// Reads the rows with `read`, decides the layout, and leaves out the columns that it has no use for.
///
/// # Errors
/// Those of `read`, and [`IntakeError::NoColumns`] if no column is left.
pub(super) fn arrange(
    file: &str,
    config: &InputConfig,
    columns: &mut Columns,
    read: impl Fn(&Columns) -> Result<RawBlock, IntakeError>,
) -> Result<Arranged, IntakeError> {
    let format = columns.stamp.as_ref().map_or(StampFormat::Number, |stamp| stamp.format);
    let read = |columns: &Columns| {
        let mut block = read(columns)?;
        let width = columns.data.len() + usize::from(columns.label.is_some());
        let groups = by_group(columns, &mut block, width);
        if format == StampFormat::Clock {
            for own in stretches(groups.as_ref(), block.lines.len()) {
                clock::count_days(&mut block.stamps[own]);
            }
        }
        Ok::<_, IntakeError>((block, groups))
    };
    let (mut block, mut groups) = read(columns)?;
    columns.look_at_ends(&mut block, config);
    let together = stretches(groups.as_ref(), block.lines.len());
    let mut order = TimeOrder::within(&block.stamps, &together, format);
    if !config.sort {
        order.keep();
    }
    if groups.is_none() {
        let several = interleaved(columns, &block, &order);
        columns.notices.extend(several.map(Notice::Time));
    }
    let stamps = order.apply(&block.stamps);
    let independent = || rows_are_independent(columns, &block, &order, &together);
    let (layout, layout_because) = layout::decide(config, columns, &stamps, &together, independent);
    // A channel of a series may rise with each step; in a table such a column is an identifier.
    let fewer = match layout {
        Layout::Table => columns.leave_out_counters(file)?,
        Layout::Windows => columns.leave_out_same_texts(file)?,
        Layout::Series => false,
    };
    if fewer {
        (block, groups) = read(columns)?;
    }
    Ok(Arranged { block, groups, order, layout, layout_because })
}

/// Whether no row depends on those before it, in any of the first groups with enough rows to tell.
fn rows_are_independent(
    columns: &Columns,
    block: &RawBlock,
    order: &TimeOrder,
    stretches: &[Range<usize>],
) -> bool {
    let width = columns.data.len() + usize::from(columns.label.is_some());
    // A counter always rises.
    let tell = (0..columns.data.len()).filter(|&column| !columns.data[column].counts);
    let tell: Vec<usize> = tell.take(MAX_COLUMNS).collect();
    let value = |place: usize, column: usize| block.values[order.row(place) * width + column];
    let mut long = stretches.iter().filter(|rows| rows.len() >= FEWEST).take(MAX_STRETCHES).peekable();
    long.peek().is_some() && long.all(|rows| are_independent(rows.clone(), &tell, value))
}
