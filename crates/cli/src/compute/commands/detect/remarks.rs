//! What is said of a file of which much was flagged.

use super::verdicts::Counts;

/// Fewest judged rows of which a share says something.
const MIN_JUDGED: u64 = 20;

/// A warning about a file of which more than half of the judged rows are anomalous; `can_adapt` if the threshold could
/// follow the rows, and does not.
pub(super) fn flooded(counts: Counts, can_adapt: bool) -> Option<String> {
    let Counts { normal, anomalous, .. } = counts;
    let judged = normal + anomalous;
    if judged < MIN_JUDGED || anomalous <= normal {
        return None;
    }
    let all = if normal == 0 { "all".into() } else { format!("{anomalous} of the") };
    let adapt = if can_adapt { ", or let the threshold follow with --adapt" } else { "" };
    Some(format!(
        "{all} {judged} judged rows are anomalous, so this file as a whole is unlike the rows that the detector learned from: \
         check its units, the order of its columns, and that it is of the same machine; if it is normal, fit a detector on \
         rows from now on{adapt}"
    ))
}

/// What the empty cells in the column of causes mean.
pub(super) fn without_cause(counts: Counts) -> Option<String> {
    let Counts { anomalous, without_cause, .. } = counts;
    (without_cause > 0).then(|| {
        format!(
            "{without_cause} of the {anomalous} alarms have no cause beside them: finding the causes of so many would take \
             longer than scoring them; --explain explains the most severe"
        )
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn counts(normal: u64, anomalous: u64) -> Counts {
        Counts { normal, anomalous, ..Counts::default() }
    }

    #[test]
    fn a_file_is_called_unlike_the_learned_rows_if_most_of_its_rows_are_flagged() {
        for (normal, anomalous) in [(0, 0), (0, 19), (10, 10), (1000, 999)] {
            assert_eq!(flooded(counts(normal, anomalous), true), None);
        }
        let all = flooded(counts(0, 8000), true).unwrap();
        assert!(all.starts_with("all 8000 judged rows") && all.ends_with("--adapt"), "{all}");
        let most = flooded(counts(900, 1000), false).unwrap();
        assert!(most.starts_with("1000 of the 1900 judged rows") && !most.contains("--adapt"), "{most}");
    }

    #[test]
    fn causes_that_were_not_looked_for_are_counted() {
        assert_eq!(without_cause(counts(1, 9)), None);
        let some = without_cause(Counts { without_cause: 4, ..counts(1, 9) }).unwrap();
        assert!(some.starts_with("4 of the 9 alarms have no cause"), "{some}");
    }
}
