//! A run that goes on for more epochs than it was begun with.

use crate::config::Experiment;
use crate::experiment::Request;
use ae_records::files;

/// The epochs of a run that is resumed with another number of them than it began with, and nothing else changed.
pub(crate) fn epochs(request: &Request) -> Option<u64> {
    let path = request.run.config();
    let text = files::read_to_string(&path).ok()?;
    let mut earlier: Experiment = ae_records::config::load(&path.display().to_string(), &text, &[]).ok()?;
    let epochs = request.experiment.training.epochs;
    let differs = earlier.training.epochs != epochs;
    earlier.training.epochs = epochs;
    (differs && !request.experiment.departs_from(&earlier)).then_some(epochs)
}

/// The command that repeats a run that was made longer. Where the learning rate depends on the number of epochs, it takes
/// the same steps as the run itself did. Given what it returned, it returns the same: a run that was killed after the record
/// and before the configuration has been told already.
pub(crate) fn command(before: &str, epochs: u64, in_steps: bool) -> String {
    const EPOCHS: &str = " --set training.epochs=";
    let longer = format!("{EPOCHS}{epochs}");
    if in_steps {
        let then = format!(" && ae train --resume run{longer}");
        let before = before.trim_end_matches(&then);
        let has_place = before.contains(" && ") || before.ends_with(" --out run");
        let place = if has_place { "" } else { " --out run" };
        return format!("{before}{place}{then}");
    }
    let mut parts = before.split(EPOCHS);
    let first = parts.next().unwrap_or_default().to_owned();
    let rest = parts.map(|part| part.trim_start_matches(|letter: char| letter.is_ascii_digit()));
    rest.fold(first, |all, part| all + part) + &longer
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(before: &str, epochs: u64, in_steps: bool, expected: &str) {
        assert_eq!(command(before, epochs, in_steps), expected);
        assert_eq!(command(expected, epochs, in_steps), expected, "told twice");
    }

    #[test]
    fn the_command_repeats_the_run() {
        let epochs = "--set training.epochs";
        check("ae train vae --seed 0", 20, false, &format!("ae train vae --seed 0 {epochs}=20"));
        check(
            &format!("ae train vae {epochs}=3 --set a=1 --seed 0"),
            20,
            false,
            &format!("ae train vae --set a=1 --seed 0 {epochs}=20"),
        );
        let first =
            format!("ae train vae {epochs}=3 --seed 0 --out run && ae train --resume run {epochs}=20");
        check(&format!("ae train vae {epochs}=3 --seed 0"), 20, true, &first);
        check(&first, 30, true, &format!("{first} && ae train --resume run {epochs}=30"));
    }
}
