//! A progress bar on terminals, plain lines elsewhere.

use std::io::IsTerminal;
use std::time::{Duration, Instant};

use ae_records::text::printable;
use indicatif::{HumanBytes, ProgressBar, ProgressDrawTarget, ProgressStyle};

use crate::progress::Progress;

/// Shows downloads on standard error: a bar on a terminal, otherwise a line at the beginning and every ten
/// seconds.
#[derive(Debug, Default)]
pub struct Bar {
    bar: Option<ProgressBar>,
    name: String,
    told: Option<Instant>,
}

const PLAIN_LINES_EVERY: Duration = Duration::from_secs(10);

impl Bar {
    /// A bar that appears with the first download.
    pub fn new() -> Self {
        Bar::default()
    }
}

impl Progress for Bar {
    fn begin(&mut self, name: &str, total: Option<u64>) {
        if let Some(bar) = self.bar.take() {
            bar.finish_and_clear();
        }
        if !std::io::stderr().is_terminal() {
            if self.name != name {
                let size = total.map(|bytes| format!(" ({})", HumanBytes(bytes))).unwrap_or_default();
                line(&format!("fetching {name}{size}"));
            }
            self.name = name.into();
            self.told = Some(Instant::now());
            return;
        }
        let template = match total {
            Some(_) => "{msg} [{bar:30}] {bytes}/{total_bytes} {bytes_per_sec} eta {eta}",
            None => "{msg} {spinner} {bytes} {bytes_per_sec}",
        };
        let style = ProgressStyle::with_template(template).expect("the template is well formed");
        let bar = ProgressBar::with_draw_target(total, ProgressDrawTarget::stderr());
        bar.set_style(style.progress_chars("=> "));
        bar.set_message(name.to_string());
        self.bar = Some(bar);
    }

    fn advance(&mut self, bytes_so_far: u64) {
        if let Some(bar) = &self.bar {
            bar.set_position(bytes_so_far);
        } else if self.told.is_some_and(|told| told.elapsed() >= PLAIN_LINES_EVERY) {
            line(&format!("fetching {}: {} so far", self.name, HumanBytes(bytes_so_far)));
            self.told = Some(Instant::now());
        }
    }

    fn note(&mut self, message: &str) {
        match &self.bar {
            Some(bar) => bar.suspend(|| line(message)),
            None => line(message),
        }
    }

    fn end(&mut self) {
        if let Some(bar) = self.bar.take() {
            bar.finish_and_clear();
        }
        self.name.clear();
        self.told = None;
    }
}

#[expect(clippy::print_stderr, reason = "showing progress is what this type is for")]
fn line(text: &str) {
    // Errors of servers and package clients are not ours.
    eprintln!("{}", printable(text));
}
