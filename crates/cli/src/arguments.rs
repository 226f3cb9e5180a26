//! Reads the command line: help that fits the terminal, and hints where a setting was given as an option.

use crate::cli::Cli;
use crate::{keys, output};
use clap::error::{ContextKind, ContextValue, ErrorKind};
use clap::{Command, CommandFactory, FromArgMatches};

/// The arguments of this process; on a mistake or a question for help, ends it.
pub(crate) fn parse() -> Cli {
    let words: Vec<String> = std::env::args_os().map(|word| word.to_string_lossy().into_owned()).collect();
    let mut command = command(output::width());
    let parsed = command.try_get_matches_from_mut(std::env::args_os());
    let mut matches =
        parsed.unwrap_or_else(|error| with_usage(with_hint(error, &words), &mut command, &words).exit());
    Cli::from_arg_matches_mut(&mut matches).unwrap_or_else(|error| error.format(&mut command).exit())
}

/// The command line, with texts that are wrapped by words if they go to a terminal of this width.
fn command(width: Option<u16>) -> Command {
    let command = Cli::command();
    match width {
        None => command,
        Some(width) => fitted(command, usize::from(width)).term_width(width.into()),
    }
}

fn fitted(mut command: Command, width: usize) -> Command {
    if let Some(text) = command.get_after_help().map(ToString::to_string) {
        command = command.after_help(reflowed(&text, width));
    }
    command.mut_subcommands(|subcommand| fitted(subcommand, width))
}

/// A text of paragraphs and examples, whose lines begin with two spaces: a command and, after more spaces, what it does.
/// An example that is wider than the terminal has its words below it.
fn reflowed(text: &str, width: usize) -> String {
    let mut lines = Vec::new();
    let mut paragraph = String::new();
    let end = |paragraph: &mut String, lines: &mut Vec<String>| {
        lines.extend(wrapped(&std::mem::take(paragraph), width, ["", ""]));
    };
    for line in text.lines() {
        let is_example = line.starts_with("  ");
        if is_example || line.is_empty() || line.ends_with(':') {
            end(&mut paragraph, &mut lines);
            match line.trim_start().split_once("  ") {
                Some((example, about)) if is_example && line.chars().count() > width => {
                    lines.extend(wrapped(example, width, ["  ", "    "]));
                    lines.extend(wrapped(about.trim_start(), width, ["      ", "      "]));
                }
                _ if is_example => {
                    lines.extend(wrapped(line.trim_start(), width.max(line.len()), ["  ", "    "]))
                }
                _ => lines.push(line.to_owned()),
            }
        } else {
            paragraph += if paragraph.is_empty() { "" } else { " " };
            paragraph += line;
        }
    }
    end(&mut paragraph, &mut lines);
    lines.join("\n")
}

/// Lines of at most `width` characters, broken between words; a longer word stands alone. The first line and the others have
/// these indents.
fn wrapped(text: &str, width: usize, [first, other]: [&str; 2]) -> Vec<String> {
    let mut lines: Vec<String> = Vec::new();
    for word in text.split(' ') {
        match lines.last_mut() {
            Some(line) if line.chars().count() + 1 + word.chars().count() <= width => {
                line.push(' ');
                line.push_str(word);
            }
            _ if text.is_empty() => {}
            _ => {
                let indent = if lines.is_empty() { first } else { other };
                lines.push(format!("{indent}{word}"));
            }
        }
    }
    lines
}

/// The error with the usage of the subcommand in full. By itself `clap` tells the options that are set, those by the
/// environment included, which nobody has typed.
fn with_usage(mut error: clap::Error, command: &mut Command, words: &[String]) -> clap::Error {
    if error.get(ContextKind::Usage).is_some() {
        command.build();
        let mut meant = command;
        for word in words.iter().skip(1) {
            match meant.find_subcommand(word) {
                Some(_) => meant = meant.find_subcommand_mut(word).expect("it has just been found"),
                None => break,
            }
        }
        error.insert(ContextKind::Usage, ContextValue::StyledStr(meant.render_usage()));
    }
    error
}

/// The error of an unknown option, with the setting that may be meant: `--epochs 3` of `ae train`.
fn with_hint(mut error: clap::Error, words: &[String]) -> clap::Error {
    if error.kind() != ErrorKind::UnknownArgument || !words.iter().any(|word| word == "train") {
        return error;
    }
    let Some(ContextValue::String(given)) = error.get(ContextKind::InvalidArg) else { return error };
    let given = given.split('=').next().unwrap_or_default().to_owned();
    let Some(setting) = given.strip_prefix("--").and_then(|name| keys::of_option(name, words)) else {
        return error;
    };
    let value = value_of(&given, words).unwrap_or("VALUE");
    let hint = format!("settings are given as `--set {setting}={value}`");
    error.remove(ContextKind::SuggestedArg);
    error.insert(ContextKind::Suggested, ContextValue::StyledStrs(vec![hint.into()]));
    error
}

/// What follows an option, as `--option value` or `--option=value`.
fn value_of<'w>(option: &str, words: &'w [String]) -> Option<&'w str> {
    let place = words.iter().position(|word| word == option || word.starts_with(&format!("{option}=")))?;
    match words[place].split_once('=') {
        Some((_, value)) => Some(value),
        None => words.get(place + 1).map(String::as_str).filter(|next| !next.starts_with("--")),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn refused(line: &str) -> String {
        let words: Vec<String> = line.split_whitespace().map(String::from).collect();
        let error = command(None).try_get_matches_from(&words).unwrap_err();
        with_hint(error, &words).to_string()
    }

    #[test]
    fn a_setting_given_as_an_option_is_explained() {
        let hint = |line: &str, setting: &str| {
            let told = refused(line);
            assert!(told.contains(&format!("`--set {setting}`")), "{line}: {told}");
        };
        hint("ae train vae --epochs 3", "training.epochs=3");
        hint("ae train vae --epochs=3", "training.epochs=3");
        hint("ae train vae --batch-size 64", "training.batch=64");
        hint("ae train vae --lr 0.01 --seed 1", "training.learning_rate=0.01");
        hint("ae train vae --latent 2", "model.vae.latent=2");
        hint("ae train lstm --units", "model.lstm.units=VALUE");
        hint("ae train vae --max-train 100", "data.max_train=100");
        assert!(!refused("ae train vae --nonsense 3").contains("--set"));
        assert!(!refused("ae eval anomaly --epochs 3").contains("--set training"));
    }

    #[test]
    fn the_usage_that_an_error_tells_is_that_of_the_help() {
        let words: Vec<String> = ["ae", "train", "--seed", "3"].map(String::from).into();
        let mut command = command(None);
        let error = command.try_get_matches_from_mut(&words).unwrap_err();
        let told = with_usage(error, &mut command, &words).to_string();
        assert!(told.contains("Usage: ae train [OPTIONS] [PRESET|FILE]"), "{told}");
    }

    #[test]
    fn help_is_wrapped_between_words_at_sixty_columns() {
        fn check(command: &mut Command) {
            let text = command.render_long_help().to_string();
            let name = command.get_name().to_owned();
            // The line of usage is to be copied, so `clap` never breaks it.
            for line in
                text.lines().filter(|line| !line.starts_with("Usage: ") && !line.starts_with("       ae "))
            {
                let is_one_word = line.split_whitespace().count() <= 1;
                assert!(line.chars().count() <= 60 || is_one_word, "{name}: {line}");
            }
            command.get_subcommands_mut().for_each(check);
        }
        let mut narrow = command(Some(60));
        narrow.build();
        check(&mut narrow);
        let words = |text: &str| text.split_whitespace().map(String::from).collect::<Vec<_>>();
        for (wide, narrow) in Cli::command().get_subcommands().zip(narrow.get_subcommands()) {
            let text = |of: &Command| of.get_after_help().map(|text| words(&text.to_string()));
            assert_eq!(text(wide), text(narrow), "no word is lost or broken");
        }
    }

    #[test]
    fn examples_keep_their_columns_where_these_fit() {
        let text = "Examples:\n  ae a    does a thing\n\nA paragraph of\ntwo lines.";
        assert_eq!(reflowed(text, 80), "Examples:\n  ae a    does a thing\n\nA paragraph of two lines.");
        assert_eq!(
            reflowed(text, 16),
            "Examples:\n  ae a\n      does a\n      thing\n\nA paragraph of\ntwo lines."
        );
        assert_eq!(
            reflowed("Examples:\n  ae one two three    does a thing", 14),
            "Examples:\n  ae one two\n    three\n      does a\n      thing",
            "the second line of a command is not another command"
        );
    }
}
