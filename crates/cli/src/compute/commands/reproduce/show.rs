//! Shows the jobs: on a terminal one live line for each running job, elsewhere a line when a job starts and
//! when it ends.

use super::event::Event;
use crate::output;
use crate::output::figure;
use ae_evaluation::reproduce::{Done, Ending, Job};
use ae_records::text::{one_line, printable};
use indicatif::{MultiProgress, ProgressBar, ProgressStyle};
use std::collections::BTreeMap;
use std::io::IsTerminal;
use std::time::{Duration, Instant};

/// Shows the jobs.
pub(super) struct Show {
    bars: Option<MultiProgress>,
    under_way: BTreeMap<usize, (Instant, Option<ProgressBar>)>,
    done: usize,
    all: usize,
}

impl Show {
    pub(super) fn new(all: usize) -> Self {
        let terminal = std::io::stderr().is_terminal() && !output::is_quiet();
        Show { bars: terminal.then(MultiProgress::new), under_way: BTreeMap::new(), done: 0, all }
    }

    pub(super) fn begin(&mut self, index: usize, job: &Job) {
        let title = format!("{} seed {}", job.preset, job.seed);
        let bar = self.bars.as_ref().map(|bars| {
            let bar = bars.add(ProgressBar::no_length());
            let style = "{prefix:22} {bar:20.cyan/dim} {elapsed:>4}  {msg}";
            bar.set_style(ProgressStyle::with_template(style).expect("the template is valid"));
            bar.set_prefix(one_line(&title).into_owned());
            bar.set_message("loading");
            bar.enable_steady_tick(Duration::from_millis(250));
            bar
        });
        if bar.is_none() {
            output::note(&format!("{title}: started"));
        }
        self.under_way.insert(index, (Instant::now(), bar));
    }

    pub(super) fn tell(&mut self, index: usize, event: &Event) {
        let Some((_, Some(bar))) = self.under_way.get(&index) else { return };
        match event {
            Event::Training { step, steps, message } => {
                bar.set_length(*steps);
                bar.set_position(*step);
                bar.set_message(message.clone());
            }
            Event::Measuring(measure) => {
                bar.set_length(1);
                bar.set_position(1);
                bar.set_message(format!("measuring {measure}"));
            }
            Event::Ended(_) => {}
        }
    }

    /// `done` is `None` for a job that was stopped.
    pub(super) fn end(&mut self, index: usize, job: &Job, done: Option<&Done>) {
        let began = self.under_way.remove(&index).map(|(began, bar)| {
            if let Some(bar) = bar {
                bar.finish_and_clear();
            }
            began
        });
        self.done += usize::from(done.is_some());
        let place = format!("{}/{}", self.done, self.all);
        let seconds = began.map_or(0.0, |began| began.elapsed().as_secs_f64());
        let title = format!("{} seed {}", job.preset, job.seed);
        let line = match done.map(|done| &done.ending) {
            None => format!("{title}: stopped and saved"),
            Some(Ending::Failed(reason)) => format!("[{place}] {title}: FAILED: {reason}"),
            Some(Ending::Finished(finished)) => {
                let expected = job.expected(&finished.metrics);
                let results = expected.iter().map(|it| it.compare(&finished.metrics)).map(|it| {
                    let obtained = it.obtained.map_or("not measured".into(), figure);
                    let verdict = if it.met { "" } else { " SHORT of" };
                    format!("  {} {obtained}{verdict} ({})", it.metric, it.expected)
                });
                format!("[{place}] {title}: {seconds:.0} s{}", results.collect::<String>())
            }
        };
        match &self.bars {
            // If the line cannot be printed, the table still has the result.
            Some(bars) => drop(bars.println(printable(&line))),
            None => output::note(&line),
        }
    }
}
