//! Describes the thresholds of groups in lines of text for the user.

use ae_anomaly::fit::GroupThreshold;
use ae_records::text::one_line;

/// Maximum number of groups shown.
const SHOWN: usize = 8;

/// How many groups have a threshold of their own, and what those that have none need.
pub(super) fn thresholds(groups: &[GroupThreshold]) -> Vec<String> {
    if groups.is_empty() {
        return Vec::new();
    }
    let pooled: Vec<&GroupThreshold> = groups.iter().filter(|group| group.threshold.is_none()).collect();
    let own = groups.len() - pooled.len();
    let mut lines = vec![match pooled.len() {
        0 => format!("groups: all {own} have a threshold of their own"),
        _ => format!(
            "groups: {own} of {} have a threshold of their own; the others are judged by that of all groups, whose promise \
             holds for all rows together, not for each group:",
            groups.len()
        ),
    }];
    // With the fewest calibration rows, so with the widest range.
    let fewest = groups.iter().filter(|group| group.promise.is_some()).min_by_key(|group| group.calibration);
    lines.extend(fewest.and_then(|group| {
        let GroupThreshold { group, calibration, promise, .. } = group;
        let promise = promise.as_ref()?;
        Some(format!(
            "  {}, the one with the fewest calibration rows ({calibration}): {promise}",
            one_line(group)
        ))
    }));
    for group in pooled.iter().take(SHOWN) {
        let needed = group.needed.map(|rows| format!("; about {rows} rows are enough")).unwrap_or_default();
        lines.push(format!(
            "  {}: {} rows, {} of them for calibration{needed}",
            one_line(&group.group),
            group.rows,
            group.calibration
        ));
    }
    if pooled.len() > SHOWN {
        lines.push(format!("  … and {} more", pooled.len() - SHOWN));
    }
    lines
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn groups_without_a_threshold_are_named_with_what_they_need() {
        let group = |name: &str, threshold: Option<f64>| GroupThreshold {
            group: name.into(),
            rows: 40,
            calibration: 10,
            needed: threshold.is_none().then_some(212),
            threshold,
            promise: threshold.is_some().then(|| "at most 5 %".into()),
        };
        let (a, b) = (group("a", Some(1.5)), group("b\u{1b}", None));
        assert_eq!(thresholds(&[]), [""; 0]);
        let own = "  a, the one with the fewest calibration rows (10): at most 5 %";
        assert_eq!(
            thresholds(std::slice::from_ref(&a)),
            ["groups: all 1 have a threshold of their own", own]
        );
        let lines = thresholds(&[a, b.clone()]);
        assert!(lines[0].starts_with("groups: 1 of 2 have a threshold of their own"), "{lines:?}");
        assert_eq!(
            lines[1..],
            [own, "  b\\u{1b}: 40 rows, 10 of them for calibration; about 212 rows are enough"]
        );
        assert_eq!(thresholds(&vec![b; 20]).last().unwrap(), "  … and 12 more");
    }
}
