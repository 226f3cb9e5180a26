//! The shared beginning and end of every task.

use crate::context::{Context, Wanted};
use crate::error::EvaluationError;
use crate::outcome::{Evaluation, ResultTable};
use crate::spread::SPREAD;
use crate::subject::Subject;
use crate::tasks::Task;
use ae_report::gallery::Gallery;
use ae_tensor::Tensor;
use ae_training::experiment::Run;
use std::collections::BTreeSet;
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
    /// Models of the whole task, if their number is known, and those begun.
    models: Option<usize>,
    begun: usize,
    /// The first of the runs that the user gave, and its training and test rows.
    rows: Option<(PathBuf, [Tensor; 2])>,
    subject: Subject,
    /// Variants of the models so far.
    variants: BTreeSet<String>,
}

impl Evaluation {
    /// Begins a task: checks the seeds and chooses the output folder.
    ///
    /// # Errors
    /// No seeds, or a seed that is given twice.
    pub(crate) fn begin(context: &Context<'_>, task: &Task) -> Result<Draft, EvaluationError> {
        context.check_seeds()?;
        let folder = context.folder(task.name);
        let subject = context.subject.clone();
        let quick = if subject.caution().is_empty() { "" } else { " (a quick look)" };
        let evaluation = Evaluation {
            task: task.name.into(),
            title: format!("{}{quick}", task.title),
            command: context.command(task.name),
            seeds: context.seeds.clone(),
            ..Evaluation::default()
        };
        let gallery = Gallery::new(folder.join("images"));
        Ok(Draft {
            evaluation,
            gallery,
            folder,
            models: None,
            begun: 0,
            rows: None,
            subject,
            variants: BTreeSet::new(),
        })
    }
}

impl Draft {
    /// Says how many models the task asks for, so that progress can say which of them comes next.
    pub(crate) fn expect(&mut self, models: usize) {
        self.models = Some(models);
    }

    /// Gets a run from [`Context::trained`], with what the user wants of it, and lists its folder in the report.
    ///
    /// # Errors
    /// As [`Context::trained`]; a run that the user gave has other data than one before.
    pub(crate) fn trained(
        &mut self,
        context: &mut Context<'_>,
        wanted: &Wanted,
    ) -> Result<Run, EvaluationError> {
        self.begun += 1;
        self.variants.insert(wanted.experiment.model.name().into());
        let place = self.models.map_or_else(String::new, |models| format!("{} of {models}: ", self.begun));
        let run = context.trained_as(&place, &context.subject.adapt(wanted)?)?;
        if wanted.run.is_some() {
            self.check_rows(&run)?;
        }
        self.evaluation.runs.push(run.dir.root().into());
        Ok(run)
    }

    /// Refuses runs whose rows differ, of which one would be judged on rows that another was trained on.
    fn check_rows(&mut self, run: &Run) -> Result<(), EvaluationError> {
        let rows = [&run.splits.train, &run.splits.test].map(|split| split.values().shallow_clone());
        match &self.rows {
            None => self.rows = Some((run.dir.root().into(), rows)),
            Some((first, earlier))
                if !earlier.iter().zip(&rows).all(|(a, b)| a.size() == b.size() && a == b) =>
            {
                return Err(EvaluationError::OtherData(first.clone(), run.dir.root().into()));
            }
            Some(_) => {}
        }
        Ok(())
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
        self.evaluation.method = format!("{}{}", self.subject.caution(), method.into());
        drop_needless_notes(&mut self.evaluation);
        for setting in self.subject.settings_of_others(&self.variants) {
            tracing::warn!("--set {setting} has changed nothing: no preset of this task is of this variant");
        }
        self.evaluation.pictures = self.gallery.entries()?;
        let report = self.evaluation.write(&self.folder)?;
        Ok((self.evaluation, report))
    }
}

/// Removes [`SPREAD`] where no cell has an interval, as with a single seed.
fn drop_needless_notes(evaluation: &mut Evaluation) {
    let without =
        |text: &str| text.replace(&format!(" {SPREAD}"), "").replace(SPREAD, "").trim_start().to_owned();
    let has_intervals = |table: &ResultTable| {
        table
            .rows
            .iter()
            .flat_map(|row| row.iter().skip(1))
            .any(|cell| cell.ends_with(']') && cell.contains(" ["))
    };
    if !evaluation.tables.iter().any(has_intervals) {
        evaluation.method = without(&evaluation.method);
    }
    for table in evaluation.tables.iter_mut().filter(|table| !has_intervals(table)) {
        table.note = without(&table.note);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn intervals_are_explained_where_there_are_some() {
        let check = |cells: [&str; 2], notes: [&str; 2], method: &str| {
            let table = |cell: &str| ResultTable {
                rows: vec![vec!["pca [2]".into(), cell.into()]],
                note: format!("Higher is better. {SPREAD} All rows."),
                ..ResultTable::default()
            };
            let mut evaluation = Evaluation {
                method: format!("{SPREAD} By cosine."),
                tables: cells.iter().map(|cell| table(cell)).collect(),
                ..Evaluation::default()
            };
            drop_needless_notes(&mut evaluation);
            assert_eq!([&evaluation.tables[0].note, &evaluation.tables[1].note], notes);
            assert_eq!(evaluation.method, method);
        };
        let (with, without) =
            (format!("Higher is better. {SPREAD} All rows."), "Higher is better. All rows.");
        check(["0.25", "0.75"], [without, without], "By cosine.");
        check(["0.25", "0.5 [0.4, 0.6]"], [without, &with], &format!("{SPREAD} By cosine."));
    }
}
