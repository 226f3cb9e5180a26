//! The shared beginning and end of every task.

use crate::context::{Context, Wanted};
use crate::error::EvaluationError;
use crate::outcome::Evaluation;
use crate::tasks::Task;
use ae_report::gallery::Gallery;
use ae_training::experiment::Run;
use std::path::PathBuf;

/// An unfinished evaluation and its output folder. Nothing is written before the first picture is drawn, so a
/// task that fails early leaves nothing behind.
#[derive(Debug)]
pub(crate) struct Draft {
    /// The results so far.
    pub(crate) evaluation: Evaluation,
    /// Pictures for the report.
    pub(crate) gallery: Gallery,
    folder: PathBuf,
}

impl Evaluation {
    /// Begins a task: checks the seeds and chooses the output folder.
    ///
    /// # Errors
    /// No seeds, or a seed that is given twice.
    pub(crate) fn begin(context: &Context<'_>, task: &Task) -> Result<Draft, EvaluationError> {
        context.check_seeds()?;
        let folder = context.folder(task.name);
        let evaluation = Evaluation {
            task: task.name.into(),
            title: task.title.into(),
            command: context.command(task.name),
            seeds: context.seeds.clone(),
            ..Evaluation::default()
        };
        Ok(Draft { evaluation, gallery: Gallery::new(folder.join("images")), folder })
    }
}

impl Draft {
    /// Gets a run from [`Context::trained`] and lists its folder in the report.
    ///
    /// # Errors
    /// As [`Context::trained`].
    pub(crate) fn trained(
        &mut self,
        context: &mut Context<'_>,
        wanted: &Wanted,
    ) -> Result<Run, EvaluationError> {
        let run = context.trained(wanted)?;
        self.evaluation.runs.push(run.dir.root().into());
        Ok(run)
    }

    /// Ends a task: adds the description of the method, collects the pictures and writes everything. Returns
    /// the results and the report's path.
    ///
    /// # Errors
    /// A file cannot be written.
    pub(crate) fn finish(
        mut self,
        method: impl Into<String>,
    ) -> Result<(Evaluation, PathBuf), EvaluationError> {
        self.evaluation.method = method.into();
        self.evaluation.pictures = self.gallery.entries()?;
        let report = self.evaluation.write(&self.folder)?;
        Ok((self.evaluation, report))
    }
}
