//! Describes a fit in lines of text for the user.

use crate::failure::Failure;
use crate::output::{self, counted};
use ae_anomaly::fit::{Suspect, TestFigures};
use ae_anomaly::{Detector, FitConfig, FitReport, Rule, Trim};
use ae_intake::Notice;
use ae_records::text::one_line;

/// Maximum number of notices of one kind shown.
const SHOWN: usize = 8;

/// Notices about the data, grouped by kind; long lists are cut.
pub(super) fn notices(notices: &[Notice]) -> Vec<String> {
    let kind = |notice: &Notice| std::mem::discriminant(notice);
    let mut lines = Vec::new();
    let mut kinds = Vec::new();
    for notice in notices {
        if !kinds.contains(&kind(notice)) {
            kinds.push(kind(notice));
        }
    }
    for wanted in kinds {
        let same: Vec<&Notice> = notices.iter().filter(|notice| kind(notice) == wanted).collect();
        lines.extend(same.iter().take(SHOWN).map(|notice| one_line(&notice.to_string()).into_owned()));
        if same.len() > SHOWN {
            lines.push(format!("… and {} more of this kind", same.len() - SHOWN));
        }
    }
    lines
}

fn percent(share: f64) -> String {
    format!("{:.2} %", 100.0 * share)
}

fn or_none(value: Option<f64>, write: impl Fn(f64) -> String) -> String {
    value.map_or_else(|| "–".into(), write)
}

/// How the detector did on held-out rows; rates of independent rows with their 95 % intervals.
fn test(figures: &TestFigures, are_independent: bool) -> Vec<String> {
    let TestFigures { normal, anomalous, .. } = figures;
    let (mut alarms, mut recall) =
        (or_none(figures.false_alarm_rate, percent), or_none(figures.recall, percent));
    for (rate, interval) in
        [(&mut alarms, figures.false_alarm_interval()), (&mut recall, figures.recall_interval())]
    {
        if let Some(interval) = interval.filter(|_| are_independent) {
            rate.push_str(&format!(" [{}, {}]", percent(interval.low), percent(interval.high)));
        }
    }
    let mut lines = vec![format!(
        "test on {normal} normal and {anomalous} anomalous held-out rows: false-alarm rate {alarms}, recall {recall}"
    )];
    if let (Some(auroc), Some(auprc)) = (figures.auroc, figures.auprc) {
        lines.push(format!("AUROC {auroc:.4}, AUPRC {auprc:.4} (chance {:.4})", figures.prevalence));
    }
    lines
}

/// What a robust fit left out of the calibration, and what that does to the promise.
fn trimmed(trim: &Trim) -> String {
    let Trim { left_out, of, threshold, threshold_of_all } = trim;
    if *left_out == 0 {
        return format!("no calibration row scores far above the others; all {of} were used");
    }
    format!(
        "{left_out} of the {of} calibration rows score far above the others and were left out as possible anomalies: with \
         them the threshold would be {}, not {}; if they are normal, expect up to {} more false alarms than promised",
        output::figure(*threshold_of_all),
        output::figure(*threshold),
        percent(*left_out as f64 / *of as f64),
    )
}

/// Rows that score far above the others, in spots: lines of one group no further apart than `length` are one. The spot
/// with the highest score comes first.
fn suspects(suspects: &[Suspect], length: u64, time_of: impl Fn(u64) -> Option<String>) -> Vec<String> {
    if suspects.is_empty() {
        return Vec::new();
    }
    let mut by_line: Vec<&Suspect> = suspects.iter().collect();
    by_line.sort_unstable_by_key(|suspect| (&suspect.group, suspect.line));
    let are_beside =
        |one: &&Suspect, next: &&Suspect| one.group == next.group && next.line - one.line <= length;
    let mut spots: Vec<&[&Suspect]> = by_line.chunk_by(are_beside).collect();
    let highest = |spot: &[&Suspect]| spot.iter().map(|suspect| suspect.score).fold(f64::MIN, f64::max);
    // A stable sort keeps spots of equal scores in the order of their lines.
    spots.sort_by(|a, b| highest(b).total_cmp(&highest(a)));
    let rows = suspects.len();
    let of_spots = match spots.len() {
        n if n == rows => String::new(),
        1 => " in one place".into(),
        n => format!(" in {n} places"),
    };
    let mut lines = vec![format!("{rows} rows{of_spots} score far above the others; check these first:")];
    for spot in spots.iter().take(SHOWN) {
        let (first, last) = (spot[0].line, spot[spot.len() - 1].line);
        let time =
            |line: u64| time_of(line).map(|time| format!(" ({})", one_line(&time))).unwrap_or_default();
        let score = highest(spot);
        let group = spot[0].group.as_ref().map(|group| format!("{}: ", one_line(group))).unwrap_or_default();
        lines.push(match spot.len() {
            1 => format!("  {group}line {first}{}: score {score:.4}", time(first)),
            n => format!(
                "  {group}lines {first}{} to {last}{}: {n} rows, score up to {score:.4}",
                time(first),
                time(last)
            ),
        });
    }
    if spots.len() > SHOWN {
        lines.push(format!("  … and {} more", spots.len() - SHOWN));
    }
    lines
}

/// How a detector was fitted, line by line; `time_of` gives the time of a line of the file, if it is known.
pub(super) fn report(
    detector: &Detector,
    time_of: impl Fn(u64) -> Option<String>,
) -> Result<Vec<String>, Failure> {
    let unreadable = |error| Failure::new(format!("cannot read the report stored in the detector: {error}"));
    let config = FitConfig::of(detector).map_err(unreadable)?;
    let report = FitReport::of(detector).map_err(unreadable)?;
    let sizes = &report.sizes;
    let rows = if report.layout == ae_intake::Layout::Windows { "windows" } else { "rows" };
    let mut lines = vec![
        format!("layout: {} ({})", report.layout, report.layout_because),
        format!(
            "{} {rows} of {} values: {} for training, {} for early stopping{}, {} for calibration{}",
            sizes.normal,
            sizes.width,
            sizes.train,
            sizes.validation,
            if sizes.folds.is_some() { "" } else { " and comparison" },
            match sizes.folds {
                Some(_) => format!("all {}", sizes.calibration),
                None => sizes.calibration.to_string(),
            },
            if sizes.test > 0 { format!(", {} for testing", sizes.test) } else { String::new() }
        ),
    ];
    lines.extend(sizes.folds.map(|folds| {
        format!("for calibration, each of {folds} parts is scored by a detector that learned without it; the stored one learned from all")
    }));
    if sizes.bad_lines > 0 {
        let are = if sizes.bad_lines == 1 { "line could not be read" } else { "lines could not be read" };
        lines.push(format!("{} {are}; the first:", sizes.bad_lines));
        lines.extend(report.bad.iter().take(SHOWN).map(|bad| format!("  {}", one_line(&bad.to_string()))));
    }
    if sizes.too_little_observed > 0 {
        lines.push(format!(
            "{} {rows} were left out because too few of their values were observed",
            sizes.too_little_observed
        ));
    }
    if report.duplicates > 0.05 {
        lines.push(format!(
            "{} of the rows repeat an earlier row, so training and held-out rows overlap: errors look smaller on held-out \
             rows than on new ones",
            percent(report.duplicates)
        ));
    }
    lines.extend(notices(&report.notices).into_iter().map(|notice| format!("note: {notice}")));
    lines.push(format!(
        "model: {}, code of {}, {}{}{}",
        report.model.name(),
        report.form_of_code(),
        counted(report.epochs, "epoch"),
        if report.stopped_early { ", stopped early" } else { "" },
        if report.seconds > 0.0 { format!(", in {:.1} s", report.seconds) } else { String::new() }
    ));
    lines.extend(report.left_out.iter().map(|reason| format!("note: {reason}")));
    lines.push(format!("stored: {}", report.scorer));
    // With groups, that of all rows together counts only for groups without one of their own.
    let are_judged_together =
        report.groups.is_empty() || report.groups.iter().any(|own| own.threshold.is_none());
    if are_judged_together {
        let whose = if report.groups.is_empty() { "" } else { " of groups without their own" };
        lines.push(format!("threshold{whose}: {}", report.threshold));
        lines.extend(report.promise.iter().map(|promise| format!("false alarms{whose}: {promise}")));
    }
    lines.extend(report.accepted_drift.iter().map(|drift| format!("note: accepted: {drift}")));
    lines.extend(report.trim.iter().map(trimmed));
    lines.extend(super::groups::thresholds(&report.groups));
    let nothing_asked = config.false_alarms.is_none() && config.threshold.is_none();
    if let (true, Rule::FalseAlarmRate { rate }) = (nothing_asked, detector.calibration().threshold().rule())
        && rate > 0.01
    {
        lines.push(format!(
            "{} {rows} are too few to promise at most 1 % false alarms, so the promise is {:.0} %; about 220 are enough",
            sizes.normal,
            100.0 * rate,
        ));
    }
    if report.trimmed > 0 {
        lines.push(format!("{} training rows were left out of the final training", report.trimmed));
    }
    // Several groups may take turns.
    let groups = report.groups.len().max(1) as u64;
    let length = groups * detector.schema().windows.map_or(1, |windows| windows.length as u64);
    lines.extend(suspects(&report.suspects, length, time_of));
    let are_independent = report.layout != ae_intake::Layout::Windows;
    lines.extend(report.test.iter().flat_map(|figures| test(figures, are_independent)));
    Ok(lines)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn suspects_beside_each_other_are_one_spot() {
        let suspect = |(line, score)| Suspect { line, group: None, score, left_out: false };
        let given: Vec<Suspect> =
            [(7352, 9.0), (12, 4.0), (7350, 8.0), (7354, 3.0), (60, 5.0)].map(suspect).into();
        let time = |line| (line > 100).then(|| format!("at {line}"));
        let lines = suspects(&given, 2, time);
        let expected = [
            "5 rows in 3 places score far above the others; check these first:",
            "  lines 7350 (at 7350) to 7354 (at 7354): 3 rows, score up to 9.0000",
            "  line 60: score 5.0000",
            "  line 12: score 4.0000",
        ];
        assert_eq!(lines, expected);
        assert_eq!(suspects(&[], 2, time), [""; 0]);
        let of_two: Vec<Suspect> = [(60, 5.0), (61, 4.0), (62, 3.0)]
            .map(|(line, score)| Suspect {
                group: Some(if line == 61 { "b" } else { "a" }.into()),
                ..suspect((line, score))
            })
            .into();
        let lines = suspects(&of_two, 2, time);
        assert_eq!(
            lines[1..],
            ["  a: lines 60 to 62: 2 rows, score up to 5.0000", "  b: line 61: score 4.0000"]
        );
        assert!(suspects(&given, 1, time)[0].starts_with("5 rows score"), "none beside another");
        let many: Vec<Suspect> = (1..=20).map(|at| suspect((10 * at, 1.0))).collect();
        assert_eq!(suspects(&many, 1, time).last().unwrap(), "  … and 12 more");
    }
}
