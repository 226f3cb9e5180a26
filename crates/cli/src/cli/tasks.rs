//! The subcommands of `ae eval`, made of the list of tasks.

use super::TaskArgs;
use ae_evaluation::{OptionValues, TASKS, Task, TaskOption};
use clap::error::ErrorKind;
use clap::{Arg, ArgAction, ArgMatches, Args, Command, Error, FromArgMatches, Subcommand};

/// A task with its arguments.
#[derive(Debug)]
pub(crate) struct ChosenTask {
    pub(crate) task: &'static Task,
    /// What only this task takes.
    pub(crate) options: OptionValues,
    /// What all tasks take.
    pub(crate) common: TaskArgs,
}

impl Subcommand for ChosenTask {
    fn augment_subcommands(command: Command) -> Command {
        command.subcommands(TASKS.iter().map(subcommand)).subcommand_required(true)
    }

    fn augment_subcommands_for_update(command: Command) -> Command {
        Self::augment_subcommands(command)
    }

    fn has_subcommand(name: &str) -> bool {
        TASKS.iter().any(|task| task.name == name)
    }
}

impl FromArgMatches for ChosenTask {
    fn from_arg_matches(matches: &ArgMatches) -> Result<Self, Error> {
        let found = matches.subcommand().and_then(|(name, matches)| {
            TASKS.iter().find(|task| task.name == name).map(|task| (task, matches))
        });
        let (task, matches) = found.ok_or_else(|| Error::new(ErrorKind::MissingSubcommand))?;
        let mut options = OptionValues::default();
        for TaskOption { name, .. } in task.options {
            if let Some(values) = matches.get_many::<String>(name) {
                options.set(name, values.cloned().collect());
            }
        }
        Ok(ChosenTask { task, options, common: TaskArgs::from_arg_matches(matches)? })
    }

    fn update_from_arg_matches(&mut self, matches: &ArgMatches) -> Result<(), Error> {
        *self = Self::from_arg_matches(matches)?;
        Ok(())
    }
}

fn subcommand(task: &Task) -> Command {
    let command = Command::new(task.name).about(task.about).args(task.options.iter().map(argument));
    TaskArgs::augment_args(command)
}

fn argument(option: &TaskOption) -> Arg {
    let TaskOption { name, value, about, default, repeats, requires } = *option;
    let argument = Arg::new(name).long(name).value_name(value).help(about).action(if repeats {
        ArgAction::Append
    } else {
        ArgAction::Set
    });
    let argument = default.into_iter().fold(argument, Arg::default_value);
    requires.into_iter().fold(argument, Arg::requires)
}
