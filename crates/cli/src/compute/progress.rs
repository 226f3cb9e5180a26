//! Shows progress: bars on a terminal, plain lines elsewhere.

use crate::output::{self, figure};
use ae_records::text::one_line;
use ae_training::{Observer, Progress};
use indicatif::{ProgressBar, ProgressStyle};
use std::collections::BTreeMap;
use std::io::IsTerminal;
use std::time::{Duration, Instant};

/// Shows a training run.
pub(crate) struct Training {
    bar: Option<ProgressBar>,
    /// Whether plain lines are wanted.
    plain: bool,
    /// Printed when training begins: what is trained, and in which folder.
    headline: Option<String>,
    /// The loss of the last validation, if there was one.
    validation: Option<f64>,
    /// When the last plain line was printed.
    said: Instant,
}

/// Time without a line after which a plain line says how far a long epoch is.
const QUIET_TIME: Duration = Duration::from_secs(30);

impl Training {
    pub(crate) fn new(headline: Option<String>) -> Self {
        let terminal = std::io::stderr().is_terminal() && !output::is_quiet();
        // Not drawn before the first note or step, so that earlier warnings get their own lines.
        let bar = terminal.then(ProgressBar::no_length);
        let plain = !terminal && !output::is_quiet();
        Training { bar, plain, headline, validation: None, said: Instant::now() }
    }

    /// Moves the bar, and says the losses beside it.
    fn show(&self, progress: &Progress) {
        if let Some(bar) = &self.bar {
            bar.set_position(progress.step);
            bar.set_message(state(progress, self.validation));
        }
    }
}

/// Shows on a terminal how far the rows of a file are judged.
pub(crate) struct Rows {
    bar: Option<ProgressBar>,
    started: Instant,
}

impl Rows {
    /// Nothing is shown unless the verdicts go to a file: on a terminal, they would be mixed with it.
    pub(crate) fn new(to_file: bool) -> Self {
        let terminal = to_file && std::io::stderr().is_terminal() && !output::is_quiet();
        let bar = terminal.then(ProgressBar::no_length);
        if let Some(bar) = &bar {
            show(bar, "{spinner} {msg}  {elapsed}");
            bar.set_message("scoring");
        }
        Rows { bar, started: Instant::now() }
    }

    /// After so many lines, of which some are anomalous.
    pub(crate) fn show(&self, lines: u64, anomalous: u64) {
        if let Some(bar) = &self.bar {
            let rate = lines as f64 / self.started.elapsed().as_secs_f64().max(1e-9);
            bar.set_message(format!("{lines} lines scored, {anomalous} anomalous, {rate:.0} lines/s"));
        }
    }

    /// Removes it from the terminal.
    pub(crate) fn end(&self) {
        if let Some(bar) = &self.bar {
            bar.finish_and_clear();
        }
    }
}

impl Drop for Rows {
    fn drop(&mut self) {
        self.end();
    }
}

/// Draws a bar from now on, even if it was cleared.
fn show(bar: &ProgressBar, template: &str) {
    bar.set_style(ProgressStyle::with_template(template).expect("the template is valid"));
    bar.reset();
    bar.enable_steady_tick(Duration::from_millis(250));
}

/// `loss 105.2  kl 25.1  reconstruction 80.1`: the total first.
pub(crate) fn terms(terms: &BTreeMap<String, f64>) -> String {
    named(terms).join("  ")
}

fn named(terms: &BTreeMap<String, f64>) -> Vec<String> {
    let mut named: Vec<_> = terms.iter().collect();
    named.sort_by_key(|(name, _)| (!name.ends_with("loss"), name.as_str()));
    named.iter().map(|(name, value)| format!("{name} {}", figure(**value))).collect()
}

/// The held-out loss. It has the name of what the model minimises, which is `loss` among the terms of training.
fn total(validation: &BTreeMap<String, f64>, training: &BTreeMap<String, f64>) -> Option<f64> {
    let own = validation.iter().find(|(name, _)| !training.contains_key(*name));
    own.map(|(_, value)| *value).or_else(|| validation.get("loss").copied())
}

/// `epoch 2/10  loss 105.2  validation 106.3  kl 25.1  5200 samples/s`.
fn state(progress: &Progress, validation: Option<f64>) -> String {
    let epoch = (progress.epoch + 1).min(progress.epochs);
    let mut parts = named(&progress.terms);
    // Beside the loss: a narrow terminal shows the beginning only.
    if let Some(loss) = validation {
        parts.insert(parts.len().min(1), format!("validation {}", figure(loss)));
    }
    parts.insert(0, format!("epoch {epoch}/{}", progress.epochs));
    parts.push(rate(progress.samples_per_second));
    parts.join("  ")
}
fn rate(samples_per_second: f64) -> String {
    match samples_per_second {
        s if s >= 10_000.0 => format!("{:.0}k samples/s", s / 1000.0),
        s => format!("{s:.0} samples/s"),
    }
}

impl Observer for Training {
    fn on_run(&mut self, text: &str) {
        self.headline = None;
        output::note(text);
    }

    fn on_start(&mut self, progress: &Progress) {
        (self.validation, self.said) = (None, Instant::now());
        if let Some(headline) = &self.headline {
            output::note(headline);
        }
        if let Some(bar) = &self.bar {
            show(bar, "{bar:24.cyan/dim} {percent:>3} %  {wide_msg}  {eta} left");
            bar.set_length(progress.steps);
            bar.set_position(progress.step);
            bar.reset_eta();
        }
    }

    fn on_log(&mut self, progress: &Progress) {
        self.show(progress);
    }

    fn on_pulse(&mut self, progress: &Progress) {
        self.show(progress);
        if self.plain && self.said.elapsed() >= QUIET_TIME {
            self.said = Instant::now();
            let share = 100 * progress.step / progress.steps.max(1);
            output::note(&format!("{share} %  {}", state(progress, self.validation)));
        }
    }

    fn on_epoch(&mut self, progress: &Progress, validation: Option<&BTreeMap<String, f64>>) {
        self.validation = validation.and_then(|validation| total(validation, &progress.terms));
        self.show(progress);
        // Long schedules of tiny epochs would print thousands of lines.
        let every = (progress.epochs / 20).max(1);
        if !self.plain || (!progress.epoch.is_multiple_of(every) && progress.epoch != progress.epochs) {
            return;
        }
        let held_out = validation.map_or(String::new(), |v| format!("  validation {}", terms(v)));
        output::note(&format!(
            "epoch {}/{}  {}{held_out}  {}",
            progress.epoch,
            progress.epochs,
            terms(&progress.terms),
            rate(progress.samples_per_second)
        ));
        self.said = Instant::now();
    }

    fn on_end(&mut self) {
        if let Some(bar) = &self.bar {
            bar.finish_and_clear();
        }
    }

    fn on_note(&mut self, text: &str) {
        match &self.bar {
            Some(bar) => {
                show(bar, "{spinner} {msg}");
                bar.set_message(one_line(text).into_owned());
            }
            None => output::note(text),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_state_says_epoch_losses_and_speed() {
        let terms = [("kl", 25.0), ("loss", 105.0)].map(|(name, value)| (name.to_string(), value));
        let progress = Progress {
            step: 7,
            steps: 30,
            epoch: 1,
            epochs: 3,
            terms: BTreeMap::from(terms),
            learning_rate: 1e-3,
            samples_per_second: 5200.4,
        };
        let validation =
            [("kl", 25.5), ("negative_elbo", 106.25)].map(|(name, value)| (name.to_string(), value));
        let held_out = total(&BTreeMap::from(validation), &progress.terms);
        assert_eq!(
            state(&progress, held_out),
            "epoch 2/3  loss 105.0  validation 106.2  kl 25.00  5200 samples/s"
        );
        let first = Progress { terms: BTreeMap::new(), epoch: 0, ..progress };
        assert_eq!(state(&first, None), "epoch 1/3  5200 samples/s");
    }

    #[test]
    fn the_total_comes_first() {
        let given = [("kl", 25.0), ("loss", 105.0)].map(|(name, value)| (name.to_string(), value));
        assert_eq!(terms(&BTreeMap::from(given)), "loss 105.0  kl 25.00");
    }
}
