//! Decodes a TOML document into a value, or into a [`Fault`]: serde's error, taken apart into its key, its
//! position and what was expected there. serde gives these only as text; text that is not recognised is
//! passed on unchanged.

use super::error::{ConfigError, Names, Place};
use crate::names::nearest;
use serde::Serialize;
use serde::de::DeserializeOwned;
use serde_path_to_error::{Path, Segment};
use toml::Spanned;
use toml::de::{DeTable, DeValue, Deserializer};

/// A document as it was written; unlike [`toml::Table`] it holds integers of every width.
pub(super) type Document<'a> = Spanned<DeTable<'a>>;

/// What serde refused.
#[derive(Clone, Debug)]
pub(super) struct Fault {
    /// Keys from the root down. An unknown key is itself the last one; for an unknown variant, the enum is.
    pub(super) path: Vec<String>,
    /// The rest of the path, inside a list: `[1]`, `[1].name`.
    below: String,
    /// Position of the first byte of the offending text.
    start: Option<usize>,
    /// What is wrong there.
    pub(super) kind: Kind,
}

/// What is wrong, apart from where.
#[derive(Clone, Debug)]
pub(super) enum Kind {
    UnknownKey { expected: Vec<String> },
    UnknownVariant { got: String, expected: Vec<String> },
    NeedsSettings { variant: String },
    Value { message: String },
}

/// Reads a text without overrides.
pub(super) fn text<T: DeserializeOwned + Serialize>(origin: &str, text: &str) -> Result<T, ConfigError> {
    let document = DeTable::parse(text).map_err(|e| {
        let place = line_of(origin, text, e.span().map(|span| span.start));
        ConfigError::Syntax { place, message: format!("not valid TOML: {}", e.message()) }
    })?;
    document_to(document.clone()).map_err(|fault: Fault| {
        let place = line_of(origin, text, fault.start);
        fault.report(place, &keys_beside_mistakes::<T>(document), &[])
    })
}

/// Reads a document.
pub(super) fn document_to<T: DeserializeOwned>(document: Document<'_>) -> Result<T, Fault> {
    serde_path_to_error::deserialize(Deserializer::from(document)).map_err(|e| {
        let path = e.path().clone();
        Fault::new(&path, &e.into_inner())
    })
}

fn line_of(origin: &str, text: &str, start: Option<usize>) -> Place {
    let before = &text.as_bytes()[..start.unwrap_or(0).min(text.len())];
    let line = 1 + before.iter().filter(|byte| **byte == b'\n').count();
    Place::Line { origin: origin.into(), line }
}

/// A dotted key in TOML syntax.
pub(super) fn dotted(path: &[String]) -> String {
    let bare = |name: &str| {
        !name.is_empty() && name.chars().all(|c| c.is_ascii_alphanumeric() || matches!(c, '_' | '-'))
    };
    let quote = |name: &String| if bare(name) { name.clone() } else { format!("{name:?}") };
    path.iter().map(quote).collect::<Vec<_>>().join(".")
}

/// Every key of a complete configuration.
pub(super) fn all_keys(text: &str) -> Vec<Vec<String>> {
    fn collect(table: &DeTable<'_>, path: &mut Vec<String>, keys: &mut Vec<Vec<String>>) {
        for (key, value) in table {
            path.push(key.get_ref().to_string());
            keys.push(path.clone());
            if let DeValue::Table(inner) = value.get_ref() {
                collect(inner, path, keys);
            }
            path.pop();
        }
    }
    let mut keys = Vec::new();
    if let Ok(document) = DeTable::parse(text) {
        collect(document.get_ref(), &mut Vec::new(), &mut keys);
    }
    keys
}

/// The keys that the document would have without its mistakes, as suggestions for a misplaced key.
fn keys_beside_mistakes<T: DeserializeOwned + Serialize>(mut document: Document<'_>) -> Vec<Vec<String>> {
    const MISTAKES: usize = 100;
    for _ in 0..MISTAKES {
        match document_to::<T>(document.clone()) {
            Ok(config) => return toml::to_string(&config).map(|text| all_keys(&text)).unwrap_or_default(),
            Err(fault) => {
                if !remove(document.get_mut(), &fault.path) {
                    break;
                }
            }
        }
    }
    Vec::new()
}

fn remove(table: &mut DeTable<'_>, path: &[String]) -> bool {
    match path {
        [] => false,
        [last] => table.remove(last.as_str()).is_some(),
        [first, rest @ ..] => match table.get_mut(first.as_str()).map(Spanned::get_mut) {
            Some(DeValue::Table(inner)) => remove(inner, rest),
            _ => false,
        },
    }
}

impl Fault {
    fn new(path: &Path, error: &toml::de::Error) -> Self {
        let mut keys = Vec::new();
        let mut below = String::new();
        for segment in path.iter() {
            match segment {
                Segment::Seq { index } => below.push_str(&format!("[{index}]")),
                Segment::Map { key: name } | Segment::Enum { variant: name } if below.is_empty() => {
                    keys.push(name.clone());
                }
                Segment::Map { key: name } | Segment::Enum { variant: name } => {
                    below.push_str(&format!(".{name}"));
                }
                Segment::Unknown => {}
            }
        }
        let mut fault = Fault {
            path: keys,
            below,
            start: error.span().map(|s| s.start),
            kind: Kind::of(error.message()),
        };
        fault.point(error.message());
        fault
    }

    /// Makes the path end as documented at [`Fault::path`].
    fn point(&mut self, message: &str) {
        if !self.below.is_empty() {
            return;
        }
        match &self.kind {
            Kind::UnknownKey { .. } | Kind::Value { .. } => {
                let names_key = ["unknown field `", "unexpected keys in table: ", "missing field `"];
                let key = names_key.iter().find_map(|start| message.strip_prefix(start));
                if let Some(key) = key.and_then(|rest| rest.split(['`', ',']).next())
                    && (message.starts_with("missing") || self.path.last().is_none_or(|last| last != key))
                {
                    self.path.push(key.to_owned());
                }
            }
            Kind::NeedsSettings { .. } | Kind::UnknownVariant { .. } => {}
        }
        if let Kind::NeedsSettings { variant } = &mut self.kind {
            variant.clone_from(&self.path.pop().unwrap_or_default());
        }
    }

    /// The error for the user. `known` are the keys of a valid configuration; `rest` is what the user wrote
    /// after the key.
    pub(super) fn report(self, place: Place, known: &[Vec<String>], rest: &[String]) -> ConfigError {
        let Fault { path, below, kind, .. } = self;
        let full = |parents: &[String], name: &str| {
            let mut whole = parents.to_vec();
            whole.push(name.to_owned());
            whole.extend_from_slice(rest);
            dotted(&whole)
        };
        let elsewhere = |name: &str| -> Vec<String> {
            let same = known.iter().filter(|key| key.last().is_some_and(|last| last == name));
            same.take(3).map(|key| dotted(key)).collect()
        };
        let key = format!("{}{below}", dotted(&path));
        match kind {
            Kind::UnknownKey { expected } => {
                let (name, parents) = path.split_last().map(|(n, p)| (n.as_str(), p)).unwrap_or_default();
                let mut near: Vec<String> =
                    nearest(name, &expected).iter().map(|found| full(parents, found)).collect();
                if near.is_empty() {
                    near = elsewhere(rest.last().map_or(name, String::as_str));
                }
                let known = expected.iter().map(|found| full(parents, found)).collect();
                let key = if below.is_empty() { full(parents, name) } else { key };
                ConfigError::UnknownKey { place, key, names: Box::new(Names { nearest: near, known }) }
            }
            Kind::UnknownVariant { got, expected } => {
                let near = nearest(&got, &expected);
                if let (true, [first, ..]) = (near.is_empty(), elsewhere(&got).as_slice()) {
                    let whole = full(&path, &got);
                    let names = Names { nearest: vec![first.clone()], known: expected };
                    return ConfigError::UnknownKey { place, key: whole, names: Box::new(names) };
                }
                let names = Names { nearest: near, known: expected };
                ConfigError::UnknownChoice { place, key, got, names: Box::new(names) }
            }
            Kind::NeedsSettings { variant } => {
                let message = format!("cannot be the bare name `{variant}`; write [{key}.{variant}] instead");
                ConfigError::Value { place, key, message }
            }
            Kind::Value { message } => {
                let key = if key.is_empty() { "the configuration".into() } else { key };
                ConfigError::Value { place, key, message }
            }
        }
    }
}

impl Kind {
    fn of(message: &str) -> Self {
        let message = message.lines().next().unwrap_or_default();
        if message.starts_with("unknown field `") {
            return Kind::UnknownKey { expected: quoted(message, 1) };
        }
        if let Some((_, known)) = message.split_once("available keys: ")
            && message.starts_with("unexpected keys in table: ")
        {
            return Kind::UnknownKey { expected: known.split(", ").map(str::to_owned).collect() };
        }
        if message.starts_with("unknown variant `") {
            let got = quoted(message, 0).swap_remove(0);
            return Kind::UnknownVariant { got, expected: quoted(message, 1) };
        }
        if message.starts_with("invalid type: unit variant, expected") {
            return Kind::NeedsSettings { variant: String::new() };
        }
        let message = if message.starts_with("missing field `") {
            "is missing".into()
        } else if message.starts_with("wanted exactly 1 element") {
            "must hold exactly one choice".into()
        } else {
            // A type's own check says `must …`, which follows the key.
            let own =
                if message.starts_with("must ") { message.into() } else { format!("is invalid: {message}") };
            wrong_value(message).unwrap_or(own)
        };
        Kind::Value { message }
    }
}

/// The names between back quotes, from number `skip` on.
fn quoted(message: &str, skip: usize) -> Vec<String> {
    message.split('`').skip(1).step_by(2).skip(skip).map(str::to_owned).collect()
}

/// Rewords `invalid type: string "ten", expected u64` for the user.
fn wrong_value(message: &str) -> Option<String> {
    let rest = message.strip_prefix("invalid type: ").or_else(|| message.strip_prefix("invalid value: "))?;
    let (got, expected) = rest.rsplit_once(", expected ")?;
    let expected = match expected {
        "u8" => "a whole number from 0 to 255",
        "u16" => "a whole number from 0 to 65535",
        "u32" => "a whole number from 0 to 4294967295",
        "u64" | "usize" | "u128" => "a whole number, 0 or more",
        "i8" | "i16" | "i32" | "i64" | "isize" | "i128" => "a whole number",
        "f32" | "f64" => "a number",
        "a boolean" => "true or false",
        "a string" => "text in quotes",
        "a sequence" => "a list",
        "a map" => "a table",
        "a nonzero u8" | "a nonzero u16" | "a nonzero u32" | "a nonzero u64" | "a nonzero usize" => {
            "a whole number above 0"
        }
        other if other.starts_with("struct ") => "a table",
        other => other,
    };
    let got = match got {
        "map" => "a table",
        "sequence" => "a list",
        other => match other.split_once('`').and_then(|(_, rest)| rest.split_once('`')) {
            Some((value, _)) if !other.starts_with("string") => value,
            _ => other.strip_prefix("string ").unwrap_or(other),
        },
    };
    Some(format!("must be {expected}, got {got}"))
}
