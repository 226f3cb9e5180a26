//! The subcommands of `ae eval`, built from the list of tasks.

use super::{TaskArgs, completing};
use crate::keys;
use ae_catalogue::tasks::{OptionValues, TASKS, Task, TaskOption};
use clap::error::ErrorKind;
use clap::{Arg, ArgAction, ArgMatches, Args, Command, Error, FromArgMatches, Subcommand};

/// A task with its arguments.
#[derive(Debug)]
pub struct ChosenTask {
    pub task: &'static Task,
    /// Options of this task only.
    pub options: OptionValues,
    /// Arguments of all tasks.
    pub common: TaskArgs,
}

impl Subcommand for ChosenTask {
    fn augment_subcommands(command: Command) -> Command {
        command.subcommands(TASKS.iter().map(subcommand))
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
        for TaskOption { name, value, .. } in task.options {
            if value.is_empty() {
                if matches.get_flag(name) {
                    options.set(name, Vec::new());
                }
            } else if let Some(values) = matches.get_many::<String>(name) {
                options.set(name, values.cloned().collect());
            }
        }
        if !task.takes_runs()
            && let Some(runs) = matches.get_many::<String>(RUN)
        {
            options.set(RUN, runs.cloned().collect());
        }
        Ok(ChosenTask { task, options, common: TaskArgs::from_arg_matches(matches)? })
    }

    fn update_from_arg_matches(&mut self, matches: &ArgMatches) -> Result<(), Error> {
        *self = Self::from_arg_matches(matches)?;
        Ok(())
    }
}

/// The option for models of the user's own.
const RUN: &str = "run";

fn subcommand(task: &Task) -> Command {
    let mut command = Command::new(task.name).args(task.options.iter().map(argument));
    if !task.takes_runs() {
        // Accepted, so that the task can say why not, and which tasks do.
        command = command.arg(Arg::new(RUN).long(RUN).value_name("RUN").hide(true).action(ArgAction::Append));
    }
    // The help text comes last: a doc comment of `TaskArgs` would replace it.
    TaskArgs::augment_args(command).about(task.about)
}

fn argument(option: &TaskOption) -> Arg {
    let TaskOption { name, value, about, default, repeats, requires } = *option;
    let argument = Arg::new(name).long(name).help(about);
    if value.is_empty() {
        return argument.action(ArgAction::SetTrue);
    }
    let action = if repeats { ArgAction::Append } else { ArgAction::Set };
    let argument = argument.value_name(value).action(action);
    let argument = match value.contains("RUN") {
        true => argument.add(completing(keys::runs)),
        false => argument,
    };
    let argument = default.into_iter().fold(argument, Arg::default_value);
    requires.into_iter().fold(argument, Arg::requires)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::cli::{Cli, ComputingCommand, EvalArgs};
    use clap::{CommandFactory, Parser};

    fn parse(arguments: &str) -> Result<ChosenTask, ErrorKind> {
        let words = format!("ae eval {arguments}");
        let cli = Cli::try_parse_from(words.split_whitespace()).map_err(|error| error.kind())?;
        match cli.command {
            crate::cli::Command::Computing(ComputingCommand::Eval(EvalArgs { task })) => Ok(task),
            _ => panic!("{words} is an evaluation"),
        }
    }

    #[test]
    fn every_task_of_the_list_is_a_subcommand() {
        Cli::command().debug_assert();
        for task in TASKS {
            let chosen = parse(&format!("{} --seeds 4,5", task.name)).unwrap();
            assert_eq!((chosen.task.name, &chosen.common.seeds[..]), (task.name, &[4, 5][..]));
        }
    }

    #[test]
    fn options_arrive_by_their_names() {
        let all = "--data own.csv --labels y --normal a --normal b --set input.window=3";
        let options = parse(&format!("anomaly {all}")).unwrap().options;
        assert_eq!((options.one("data"), options.one("labels")), (Some("own.csv"), Some("y")));
        assert_eq!(options.all("normal"), ["a", "b"]);
        assert_eq!(options.all("set"), ["input.window=3"]);
        assert_eq!(parse("anomaly").unwrap().options.one("data"), Some("ecg5000"));
    }

    #[test]
    fn models_and_data_of_ones_own_arrive() {
        let options = parse("denoise --run a --run b --quick").unwrap().options;
        assert_eq!(options.all("run"), ["a", "b"]);
        assert_eq!(options.names().collect::<Vec<_>>(), ["quick", "run"]);
        let options =
            parse("search --data own.npy --set data.labels=y.npy --set training.epochs=3").unwrap().options;
        assert_eq!((options.one("data"), options.all("set").len()), (Some("own.npy"), 2));
        assert_eq!(parse("benchmark --run a").unwrap().options.all("run"), ["a"], "the task says why not");
    }

    #[test]
    fn wrong_usage_is_refused() {
        let check =
            |arguments: &str, expected| assert_eq!(parse(arguments).unwrap_err(), expected, "{arguments}");
        check("nothing", ErrorKind::InvalidSubcommand);
        check("pretrain --data own.csv", ErrorKind::UnknownArgument);
        check("forecast --quick", ErrorKind::UnknownArgument);
        check("anomaly --normal a", ErrorKind::MissingRequiredArgument);
        check("anomaly --data a --data b", ErrorKind::ArgumentConflict);
    }
}
