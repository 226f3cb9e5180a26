//! Applies `--set key.path=value` to a complete configuration.

use super::decode::{Document, Fault, Kind, all_keys, document_to, dotted};
use super::error::{ConfigError, Names, Place};
use crate::names::nearest;
use serde::Serialize;
use serde::de::DeserializeOwned;
use std::borrow::Cow;
use toml::Spanned;
use toml::de::{DeTable, DeValue};

/// One override, taken apart.
struct Override<'a> {
    given: &'a str,
    path: Vec<String>,
    value: &'a str,
}

/// One value set in the document.
type Edit<'a> = (Vec<String>, DeValue<'a>);

/// Applies overrides in order. Two that are valid only together (a choice, then a setting that it requires)
/// may follow each other: the error of the first counts only if it remains at the end.
pub(super) fn apply<T: DeserializeOwned + Serialize>(
    mut config: T,
    overrides: &[String],
) -> Result<T, ConfigError> {
    let mut rest = overrides;
    while !rest.is_empty() {
        let (next, used) = apply_until_right(&config, rest)?;
        config = next;
        rest = &rest[used..];
    }
    Ok(config)
}

/// Applies overrides until the configuration is valid again, and returns how many that took.
fn apply_until_right<T: DeserializeOwned + Serialize>(
    config: &T,
    overrides: &[String],
) -> Result<(T, usize), ConfigError> {
    let complete = super::to_toml(config);
    let mut document = DeTable::parse(&complete).expect("what serde wrote is TOML");
    let mut first_error = None;
    for (index, given) in overrides.iter().enumerate() {
        let one = Override::parse(given)?;
        if first_error.is_none() {
            one.refuse_other_choice::<T>(&document, &complete)?;
        }
        match one.try_on::<T>(&document, &complete) {
            Ok(right) => return Ok((right, index + 1)),
            Err(wrong) => {
                let (error, (path, value)) = *wrong;
                first_error.get_or_insert(error);
                set(document.get_mut(), &path, value);
            }
        }
    }
    Err(first_error.expect("without overrides there is nothing to apply"))
}

/// The names in a dotted key; `None` if it is not one.
fn parse_key(key: &str) -> Option<Vec<String>> {
    if key.contains('\n') {
        return None;
    }
    let line = format!("{key} = 0");
    let document = DeTable::parse(&line).ok()?;
    let mut path = Vec::new();
    let mut table = document.get_ref();
    loop {
        let (name, value) = table.iter().next().filter(|_| table.len() == 1)?;
        path.push(name.get_ref().to_string());
        match value.get_ref() {
            DeValue::Table(inner) => table = inner,
            DeValue::Integer(_) => return Some(path),
            _ => return None,
        }
    }
}

/// A list whose texts have no quotes, which shells take away: `[a, b]`.
fn bare_list(value: &str) -> Option<DeValue<'_>> {
    let inside = value.strip_prefix('[')?.strip_suffix(']')?;
    let items = inside.split(',').map(|item| item.trim().trim_matches(['"', '\'']));
    let text = |item| Spanned::new(0..0, DeValue::String(Cow::Borrowed(item)));
    Some(DeValue::Array(items.filter(|item: &&str| !item.is_empty()).map(text).collect()))
}

impl<'a> Override<'a> {
    fn parse(given: &'a str) -> Result<Self, ConfigError> {
        let malformed = |reason| ConfigError::Malformed { given: given.into(), reason };
        let (key, value) = given.split_once('=').ok_or_else(|| malformed("has no `=`"))?;
        if key.trim().is_empty() {
            return Err(malformed("has no key before the `=`"));
        }
        let path = parse_key(key.trim()).ok_or_else(|| malformed("has no dotted key before the `=`"))?;
        Ok(Override { given, path, value: value.trim() })
    }

    fn place(&self) -> Place {
        Place::Set(self.given.into())
    }

    /// Tries to read the value as TOML, or a list of texts without quotes, then as text, then as the name of a variant with its default
    /// settings.
    fn try_on<T: DeserializeOwned>(
        &self,
        document: &Document<'a>,
        complete: &str,
    ) -> Result<T, Box<(ConfigError, Edit<'a>)>> {
        let as_text = DeValue::String(Cow::Borrowed(self.value));
        let mut readings = match DeValue::parse(self.value) {
            Ok(value) if !self.value.is_empty() => vec![value.into_inner()],
            _ => bare_list(self.value).into_iter().collect(),
        };
        if !readings.iter().any(DeValue::is_str) {
            readings.push(as_text);
        }
        let mut first: Option<(Fault, Edit<'a>)> = None;
        for reading in readings {
            let edit = (self.path.clone(), reading);
            let mut fault = match try_edit(document, &edit) {
                Ok(config) => return Ok(config),
                Err(fault) => (fault, edit),
            };
            let bare = match &fault.0.kind {
                Kind::NeedsSettings { .. } if fault.0.path == self.path => {
                    fault.1.1.as_str().map(str::to_owned)
                }
                _ => None,
            };
            if let Some(variant) = bare {
                let settings = chosen(find(document.get_ref(), &self.path), &variant)
                    .cloned()
                    .unwrap_or_else(|| Spanned::new(0..0, DeValue::Table(DeTable::new())));
                let mut choice = DeTable::new();
                choice.insert(Spanned::new(0..0, variant.into()), settings);
                let edit = (self.path.clone(), DeValue::Table(choice));
                fault = match try_edit(document, &edit) {
                    Ok(config) => return Ok(config),
                    Err(fault) => (fault, edit),
                };
                first = None;
            }
            first.get_or_insert(fault);
        }
        let (fault, edit) = first.expect("a value has at least one reading");
        Err(Box::new((self.report(fault, complete), edit)))
    }

    fn report(&self, fault: Fault, complete: &str) -> ConfigError {
        let rest = self.path.strip_prefix(fault.path.as_slice()).unwrap_or_default().to_vec();
        fault.report(self.place(), &all_keys(complete), &rest)
    }

    /// Refuses `model.vae.latent=2` if `model` is `vanilla`: it would put a second choice beside the first.
    fn refuse_other_choice<T: DeserializeOwned>(
        &self,
        document: &Document<'_>,
        complete: &str,
    ) -> Result<(), ConfigError> {
        for depth in 1..self.path.len() {
            let (above, wanted) = (&self.path[..depth], &self.path[depth]);
            let Some(DeValue::Table(table)) = find(document.get_ref(), above).map(Spanned::get_ref) else {
                return Ok(());
            };
            if table.contains_key(wanted.as_str()) {
                continue;
            }
            let mut keys = table.keys();
            let (Some(current), None) = (keys.next(), keys.next()) else { return Ok(()) };
            // Only an enum answers an impossible name with the list of its variants.
            let mut probe = DeTable::new();
            probe.insert(Spanned::new(0..0, "?".into()), Spanned::new(0..0, DeValue::Table(DeTable::new())));
            let answer = try_edit::<T>(document, &(above.to_vec(), DeValue::Table(probe)));
            let Err(Fault { kind: Kind::UnknownVariant { expected, .. }, path, .. }) = answer else {
                return Ok(());
            };
            if path != above {
                return Ok(());
            }
            let key = dotted(above);
            if expected.contains(wanted) {
                let (current, wanted) = (current.get_ref().to_string(), wanted.clone());
                return Err(ConfigError::NotChosen { place: self.place(), key, current, wanted });
            }
            let whole = dotted(&self.path);
            let near = nearest(wanted, &expected);
            let rest = &self.path[depth + 1..];
            let full = |variant: &String| dotted(&[above, std::slice::from_ref(variant), rest].concat());
            let mut near: Vec<String> = near.iter().map(full).collect();
            if near.is_empty() {
                let last = self.path.last();
                let elsewhere = all_keys(complete).into_iter().filter(|known| known.last() == last);
                near = elsewhere.take(3).map(|known| dotted(&known)).collect();
            }
            let known = expected.iter().map(|v| dotted(&[above, std::slice::from_ref(v)].concat())).collect();
            let names = Box::new(Names { nearest: near, known });
            return Err(ConfigError::UnknownKey { place: self.place(), key: whole, names });
        }
        Ok(())
    }
}

fn try_edit<T: DeserializeOwned>(document: &Document<'_>, edit: &Edit<'_>) -> Result<T, Fault> {
    let mut document = document.clone();
    set(document.get_mut(), &edit.0, edit.1.clone());
    document_to(document)
}

/// Sets one value; anything else on the path is replaced by a table.
fn set<'a>(table: &mut DeTable<'a>, path: &[String], value: DeValue<'a>) {
    let Some((first, rest)) = path.split_first() else { return };
    if rest.is_empty() {
        table.insert(Spanned::new(0..0, first.clone().into()), Spanned::new(0..0, value));
        return;
    }
    let entry = table
        .entry(Spanned::new(0..0, first.clone().into()))
        .or_insert_with(|| Spanned::new(0..0, DeValue::Table(DeTable::new())));
    if !entry.get_ref().is_table() {
        *entry.get_mut() = DeValue::Table(DeTable::new());
    }
    if let DeValue::Table(inner) = entry.get_mut() {
        set(inner, rest, value);
    }
}

fn find<'t, 'a>(table: &'t DeTable<'a>, path: &[String]) -> Option<&'t Spanned<DeValue<'a>>> {
    let (first, rest) = path.split_first()?;
    let value = table.get(first.as_str())?;
    if rest.is_empty() { Some(value) } else { find(value.get_ref().as_table()?, rest) }
}

/// The settings of `variant` if it is chosen.
fn chosen<'t, 'a>(
    value: Option<&'t Spanned<DeValue<'a>>>,
    variant: &str,
) -> Option<&'t Spanned<DeValue<'a>>> {
    value?.get_ref().as_table().filter(|table| table.len() == 1)?.get(variant)
}
