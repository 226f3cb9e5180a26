//! When the end of an epoch is worth a checkpoint.

use std::time::{Duration, Instant};

/// How many times as long as it takes to save must have passed since the last save: then saving takes at most a
/// twentieth of the time, however short the epochs and slow the disk.
const SPARSENESS: u32 = 20;

/// How long saving takes, and when it was last done.
#[derive(Debug, Default)]
pub(crate) struct Pace {
    last: Option<(Instant, Duration)>,
}

impl Pace {
    /// Whether enough time has passed; it always has before the first save.
    pub(crate) fn is_due(&self, now: Instant) -> bool {
        self.last.is_none_or(|(at, took)| now.duration_since(at) >= took * SPARSENESS)
    }

    /// Notes a save.
    pub(crate) fn saved(&mut self, began: Instant, ended: Instant) {
        self.last = Some((ended, ended.duration_since(began)));
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn saving_takes_a_twentieth_of_the_time_of_short_epochs_and_follows_each_long_one() {
        for (epoch, saves) in [(5, 24..=26), (100, 99..=100), (2_000, 100..=100)] {
            let (mut pace, mut now, mut count) = (Pace::default(), Instant::now(), 0);
            for _ in 0..100 {
                now += Duration::from_millis(epoch);
                if pace.is_due(now) {
                    let ended = now + Duration::from_millis(1);
                    pace.saved(now, ended);
                    (now, count) = (ended, count + 1);
                }
            }
            assert!(saves.contains(&count), "{count} saves after 100 epochs of {epoch} ms");
        }
    }
}
