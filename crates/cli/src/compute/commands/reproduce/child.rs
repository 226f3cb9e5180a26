//! Runs one job in a child process. The parent holds the child's standard input open. When it closes, because
//! the parent asks the child to stop or has died, the child saves its run and exits.

use super::event::Event;
use crate::cli::ReproduceArgs;
use crate::commands::{downloads, sources, stop_flag, wait_for_parent};
use crate::failure::Failure;
use crate::output;
use crate::progress;
use ae_evaluation::presets::Given;
use ae_evaluation::reproduce::{Ending, Job};
use ae_evaluation::{Context, EvaluationError};
use ae_training::{Observer, Progress};
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread;
use std::time::{Duration, Instant};

/// Minimum time between two reports.
const OFTEN: Duration = Duration::from_millis(250);

pub(super) fn run(args: &ReproduceArgs, seed: u64) -> Result<(), Failure> {
    static IS_MEASURING: AtomicBool = AtomicBool::new(false);
    ae_tensor::device::set_threads(args.threads);
    let stop = stop_flag();
    thread::spawn(move || {
        wait_for_parent();
        stop.store(true, Ordering::Relaxed);
        if IS_MEASURING.load(Ordering::Relaxed) {
            // Measures have nothing to save.
            std::process::exit(1);
        }
    });
    let job = Job::new(&Given::open(&args.presets[0])?, super::super::tier(args.tier), seed)?;
    output::note(&job.command(args.threads));
    let (mut downloads, sources) = (downloads(), sources(&args.sources));
    let mut context = Context {
        sources: &sources,
        device: args.device.parse().map_err(Failure::usage)?,
        runs: &args.runs,
        seeds: vec![seed],
        progress: downloads.as_mut(),
        observer: &mut Reporter { last: None },
        stop,
        subject: ae_evaluation::Subject::default(),
    };
    let result = job.run(&mut context, args.again, &mut |measure| {
        IS_MEASURING.store(true, Ordering::Relaxed);
        if stop.load(Ordering::Relaxed) {
            std::process::exit(1);
        }
        output::note(&format!("measuring {measure}"));
        output::json_line(&Event::Measuring(measure.into()));
    });
    let ending = match result {
        Ok(finished) => Ending::Finished(Box::new(finished)),
        Err(error @ EvaluationError::Interrupted(_)) => return Err(error.into()),
        Err(error) => {
            output::note(&format!("error: {error}"));
            Ending::Failed(error.to_string())
        }
    };
    output::json_line(&Event::Ended(ending));
    Ok(())
}

/// Reports the progress of the training: every now and then to the parent, once an epoch to the log.
struct Reporter {
    last: Option<Instant>,
}

impl Reporter {
    fn tell(&mut self, progress: &Progress) {
        if self.last.is_some_and(|last| last.elapsed() < OFTEN) {
            return;
        }
        self.last = Some(Instant::now());
        let epoch = (progress.epoch + 1).min(progress.epochs);
        let message = format!("epoch {epoch}/{}  {}", progress.epochs, progress::terms(&progress.terms));
        output::json_line_if_read(&Event::Training { step: progress.step, steps: progress.steps, message });
    }
}

impl Observer for Reporter {
    fn on_start(&mut self, progress: &Progress) {
        self.tell(progress);
    }

    fn on_log(&mut self, progress: &Progress) {
        self.tell(progress);
    }

    fn on_pulse(&mut self, progress: &Progress) {
        self.tell(progress);
    }

    fn on_epoch(&mut self, progress: &Progress, _: Option<&std::collections::BTreeMap<String, f64>>) {
        output::note(&format!(
            "epoch {}/{}  {}",
            progress.epoch,
            progress.epochs,
            progress::terms(&progress.terms)
        ));
        self.tell(progress);
    }
}
