//! Refuses rows of a stream whose times go backwards: what is read once cannot be sorted.

use crate::failure::Failure;
use ae_intake::{Block, Schema};
use ae_records::text::one_line;
use std::collections::HashMap;

/// Fewest steps back in time for which a stream is refused.
const MIN_BACKWARD: u64 = 10;
/// Most groups whose last times are remembered.
const MAX_GROUPS: usize = 10_000;

/// Counts the steps back in time of a stream.
#[derive(Debug, Default)]
pub(super) struct Order {
    /// By group; without groups, one without a name.
    last: HashMap<String, f64>,
    steps: u64,
    backward: u64,
}

impl Order {
    /// Looks at the rows of a block.
    ///
    /// # Errors
    /// Rows are windows, and more than one step in ten goes back.
    pub(super) fn look_at(&mut self, schema: &Schema, block: &Block) -> Result<(), Failure> {
        let Some(stamp) = schema.timestamp.as_ref().filter(|_| schema.windows.is_some()) else {
            return Ok(());
        };
        for (row, &time) in block.stamps.iter().enumerate().filter(|(_, time)| time.is_finite()) {
            let group = block.groups.name(row).unwrap_or_default();
            if let Some(last) = self.last.get_mut(group) {
                self.steps += 1;
                self.backward += u64::from(time < *last);
                *last = time;
            } else if self.last.len() < MAX_GROUPS {
                self.last.insert(group.to_owned(), time);
            }
        }
        if self.backward < MIN_BACKWARD || 10 * self.backward <= self.steps {
            return Ok(());
        }
        Err(Failure::new(format!(
            "{} of {} steps between times in column `{}` of standard input go back, but windows need rows in the order of \
             time; give the name of a file, which is sorted, or sort the rows",
            self.backward,
            self.steps,
            one_line(&stamp.name)
        )))
    }
}
