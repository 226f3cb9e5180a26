//! Event-based detection metrics for series: which labelled events were detected, how late, and how many
//! false alarms there were.

use crate::error::{MetricError, same_length};
use serde::{Deserialize, Serialize};
use std::ops::Range;

/// How the alarms of one series match its events.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct EventDetection {
    /// For each event, the index of its first flagged point in the series; `None` if it was missed.
    pub first_alarms: Vec<Option<usize>>,
    /// For each event, the number of points from its first point to its first flagged point: 0 if its first
    /// point was flagged, `None` if it was missed.
    pub delays: Vec<Option<usize>>,
    /// Runs of flagged points that share no point with an event.
    pub false_alarms: usize,
    /// Flagged points outside all events.
    pub false_points: usize,
    /// Points outside all events.
    pub normal_points: usize,
}

/// The labelled events of a series: runs of anomalous points, in order, with exclusive ends.
pub fn events(is_anomaly: &[bool]) -> Vec<Range<usize>> {
    let mut start = 0;
    let runs = is_anomaly.chunk_by(|left, right| left == right).map(|run| {
        start += run.len();
        (run[0], start - run.len()..start)
    });
    runs.filter(|(is_anomaly, _)| *is_anomaly).map(|(_, run)| run).collect()
}

/// Matches alarms with events. An event is detected if one of its points is flagged; its later points do not
/// matter. An alarm before it is a false alarm.
///
/// # Errors
/// Events that are empty, out of order, overlapping or outside the series.
pub fn detect_events(flagged: &[bool], events: &[Range<usize>]) -> Result<EventDetection, MetricError> {
    let n_points = flagged.len();
    let mut free_from = 0;
    for (index, &Range { start, end }) in events.iter().enumerate() {
        if start < free_from || end <= start || end > n_points {
            return Err(MetricError::Event { index, start, end, n_points });
        }
        free_from = end;
    }
    let first = |event: &Range<usize>| event.clone().find(|&point| flagged[point]);
    let first_alarms: Vec<Option<usize>> = events.iter().map(first).collect();
    let delays = first_alarms.iter().zip(events).map(|(first, event)| first.map(|point| point - event.start));
    let touches = |alarm: &Range<usize>| {
        let next = events.partition_point(|event| event.end <= alarm.start);
        events.get(next).is_some_and(|event| event.start < alarm.end)
    };
    let false_alarms = self::events(flagged).iter().filter(|alarm| !touches(alarm)).count();
    let inside: usize = events.iter().map(ExactSizeIterator::len).sum();
    let hits = events.iter().flat_map(|event| &flagged[event.clone()]).filter(|flag| **flag).count();
    Ok(EventDetection {
        delays: delays.collect(),
        first_alarms,
        false_alarms,
        false_points: flagged.iter().filter(|flag| **flag).count() - hits,
        normal_points: n_points - inside,
    })
}

impl EventDetection {
    /// Number of events.
    pub fn n_events(&self) -> usize {
        self.delays.len()
    }

    /// Number of detected events.
    pub fn n_detected(&self) -> usize {
        self.delays.iter().flatten().count()
    }

    /// Share of the events that were detected, in `[0, 1]`.
    ///
    /// # Errors
    /// [`MetricError::NoEvents`] if there are no events.
    pub fn recall(&self) -> Result<f64, MetricError> {
        match self.n_events() {
            0 => Err(MetricError::NoEvents),
            n_events => Ok(self.n_detected() as f64 / n_events as f64),
        }
    }

    /// Mean delay over the detected events, in points; `None` if no event was detected. Missed events do not
    /// count, so report it with the [`recall`](Self::recall).
    pub fn mean_delay(&self) -> Option<f64> {
        mean(self.delays.iter().flatten().map(|&delay| delay as f64))
    }

    /// For each event, the time from its first point to its first flagged point, in the unit of `times`;
    /// `None` if it was missed. `times` has one entry per point of the series; with repeated timestamps, a
    /// delay may be 0.
    ///
    /// # Errors
    /// Fewer times than points up to the last alarm.
    pub fn delays_in_time(&self, times: &[f64]) -> Result<Vec<Option<f64>>, MetricError> {
        let needed = self.first_alarms.iter().flatten().max().map_or(0, |last| last + 1);
        if times.len() < needed {
            same_length(("times", times.len()), ("the series", needed))?;
        }
        let delay = |(first, delay): (&Option<usize>, &Option<usize>)| {
            first.zip(*delay).map(|(first, delay)| times[first] - times[first - delay])
        };
        Ok(self.first_alarms.iter().zip(&self.delays).map(delay).collect())
    }

    /// Share of the normal points that were flagged, in `[0, 1]`; 0 if there are no normal points.
    pub fn false_point_rate(&self) -> f64 {
        self.false_points as f64 / self.normal_points.max(1) as f64
    }
}

fn mean(values: impl Iterator<Item = f64>) -> Option<f64> {
    let (sum, count) = values.fold((0.0, 0usize), |(sum, count), value| (sum + value, count + 1));
    (count > 0).then(|| sum / count as f64)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn flags(marks: &str) -> Vec<bool> {
        marks.chars().map(|mark| mark != '.').collect()
    }

    /// Checks delays and false alarms; labels and alarms are drawn as characters.
    #[track_caller]
    fn check(labels: &str, alarms: &str, delays: &[Option<usize>], false_alarms: usize, false_points: usize) {
        let found = detect_events(&flags(alarms), &events(&flags(labels))).unwrap();
        assert_eq!(
            (found.delays.as_slice(), found.false_alarms),
            (delays, false_alarms),
            "{labels} {alarms}"
        );
        assert_eq!(found.false_points, false_points, "{labels} {alarms}");
        assert_eq!(found.normal_points, labels.chars().filter(|mark| *mark == '.').count());
    }

    #[test]
    fn events_are_found_late_early_or_never() {
        check("..###..##", "..#......", &[Some(0), None], 0, 0);
        check("..###..##", "....####.", &[Some(2), Some(0)], 0, 2);
        // An alarm that runs into an event is not a false alarm, but its points before the event are false
        // points.
        check("..###..##", ".##......", &[Some(0), None], 0, 1);
        check("..###..##", "##...##..", &[None, None], 2, 4);
        check("#########", "........#", &[Some(8)], 0, 0);
        check(".........", "#.#.#....", &[], 3, 3);
        check("#.......#", ".........", &[None, None], 0, 0);
        check("", "", &[], 0, 0);
    }

    #[test]
    fn recall_and_delay_are_over_the_right_events() {
        let found = detect_events(&flags("...##.#.."), &events(&flags(".###.##.#"))).unwrap();
        assert_eq!((found.n_events(), found.n_detected()), (3, 2));
        assert_eq!(found.recall(), Ok(2.0 / 3.0));
        assert_eq!(found.mean_delay(), Some(1.5));
        let times: Vec<f64> = (0..9).map(|point| f64::from(point * point)).collect();
        assert_eq!(found.delays_in_time(&times), Ok(vec![Some(8.0), Some(11.0), None]));
        assert!(found.delays_in_time(&times[..6]).is_err());
        let none = detect_events(&flags("..#"), &[]).unwrap();
        assert_eq!((none.recall(), none.mean_delay()), (Err(MetricError::NoEvents), None));
    }

    #[test]
    fn invalid_events_are_refused() {
        for events in [[1..1, 2..3], [0..1, 1..4], [0..2, 1..3], [2..3, 0..1]] {
            assert!(
                matches!(detect_events(&[true; 3], &events), Err(MetricError::Event { .. })),
                "{events:?}"
            );
        }
    }
}
