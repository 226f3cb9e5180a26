//! The page of settings, and the list of their keys for completions.

use std::collections::BTreeSet;
use std::fmt::Write;

use anyhow::Context;
use syn::Type;

use super::code::{Body, Code, Definition, Field};
use super::defaults::{ABSENT, NEEDED, inside, of_field};

const HEAD: &str = "\
# Every setting

Written by `cargo xtask settings` from the code; `cargo xtask check` fails if it differs.

A preset or a file of your own sets them as TOML; `--set KEY=VALUE` overrides one, as in `ae train vae --set training.epochs=3
--set model.vae.latent=2`. The keys of a table below follow the name in its title: `data.set`, `model.vae.latent`. What a file leaves
out has its default; an unknown key is an error that names the nearest ones. `ae presets --show NAME` prints the complete settings of
a preset. Presets may set other values than these defaults.

A default of \"absent\" means that the key is not there; a choice with settings of its own is written as a table, such as
`[training.schedule.cosine]`, or as `--set training.schedule.cosine.warmup=500`, and by its name alone it has the defaults of its
settings, if each has one (`gaussian` needs its `sigma`).
";

/// A key for completions.
pub(super) struct Key {
    pub(super) key: String,
    pub(super) default: String,
    pub(super) about: String,
}

/// The page and the keys.
pub(super) fn write(code: &Code) -> anyhow::Result<(String, Vec<Key>)> {
    let mut page =
        Page { code, text: HEAD.to_owned(), keys: Vec::new(), linked: Vec::new(), problems: Vec::new() };
    let one = |name: &str, file: &str| {
        let is_it = |it: &&Definition| it.name == name && it.file.ends_with(file);
        code.all.iter().find(is_it).with_context(|| format!("there is no {name} in {file}"))
    };
    page.top(one("Experiment", "training/src/config.rs")?)?;
    page.table("[data]", "data", one("DataConfig", "datasets/src/config.rs")?)?;
    page.table("[training]", "training", one("TrainingConfig", "training/src/config.rs")?)?;
    let mut variants: Vec<(String, &Definition)> = Vec::new();
    for it in code.all.iter().filter(|it| it.name == "Config") {
        if let Some(name) = code.constant(&it.file, "NAME") {
            let syn::Expr::Lit(syn::ExprLit { lit: syn::Lit::Str(name), .. }) = name else {
                anyhow::bail!("the name of the variant in {} is no text", it.file.display())
            };
            variants.push((name.value(), it));
        }
    }
    variants.sort_by(|a, b| a.0.cmp(&b.0));
    page.text.push_str("\n# Models\n\nA configuration has one of these tables.\n");
    for (name, config) in variants {
        page.table(&format!("[model.{name}]"), &format!("model.{name}"), config)?;
    }
    page.text.push_str("\n# Choices and parts\n\nWhat the types above link to.\n");
    page.linked.push(one("TierSettings", "training/src/tier.rs")?);
    page.linked.push(one("Expected", "training/src/expected.rs")?);
    page.parts()?;
    anyhow::ensure!(page.problems.is_empty(), "{}", page.problems.join("\n"));
    Ok((page.text, page.keys))
}

struct Page<'a> {
    code: &'a Code,
    text: String,
    keys: Vec<Key>,
    /// Types that the page refers to.
    linked: Vec<&'a Definition>,
    /// Defaults that cannot be written.
    problems: Vec<String>,
}

impl<'a> Page<'a> {
    /// The keys outside of tables.
    fn top(&mut self, experiment: &'a Definition) -> anyhow::Result<()> {
        self.text.push_str("\n## At the top\n\n| key | type | meaning |\n|---|---|---|\n");
        let Body::Struct(fields) = &experiment.body else { anyhow::bail!("an experiment is a struct") };
        for field in fields {
            let ty = match field.name.as_str() {
                "data" | "training" => format!("[table](#{})", field.name),
                "model" => "[table](#models)".into(),
                "smoke" | "cpu" | "full" => "[table](#tiersettings), or false".into(),
                "expected" => "list of [tables](#expected)".into(),
                _ => self.ty(&field.ty, experiment),
            };
            writeln!(self.text, "| `{}` | {ty} | {} |", field.name, cell(&field.doc))?;
        }
        Ok(())
    }

    fn table(&mut self, title: &str, prefix: &str, of: &'a Definition) -> anyhow::Result<()> {
        write!(self.text, "\n## `{title}`\n\n{}\n", of.doc)?;
        let Body::Struct(fields) = &of.body else { anyhow::bail!("{} is no struct", of.name) };
        self.rows(fields, of, Some(prefix))
    }

    /// The types that were linked, and those that they link to.
    fn parts(&mut self) -> anyhow::Result<()> {
        let mut done = BTreeSet::new();
        let mut parts: Vec<(String, String)> = Vec::new();
        while let Some(of) = self.linked.pop() {
            let title = title(of);
            if !done.insert(title.clone()) {
                continue;
            }
            let before = std::mem::take(&mut self.text);
            match &of.body {
                Body::Struct(fields) => {
                    write!(self.text, "\n## {title}\n\n{}\n", of.doc)?;
                    self.rows(fields, of, None)?;
                }
                Body::Enum(_) => self.choices(&title, of)?,
            }
            parts.push((title, std::mem::replace(&mut self.text, before)));
        }
        parts.sort();
        parts.into_iter().for_each(|(_, text)| self.text.push_str(&text));
        Ok(())
    }

    fn choices(&mut self, title: &str, of: &'a Definition) -> anyhow::Result<()> {
        let Body::Enum(choices) = &of.body else { return Ok(()) };
        write!(self.text, "\n## {title}\n\n{}\n\n| value | meaning |\n|---|---|\n", of.doc)?;
        for choice in choices {
            let more = match choice.inner.as_ref().and_then(|inner| self.code.find(inner, &of.file)) {
                Some(inner) => {
                    self.linked.push(inner);
                    format!(" Settings: {}.", link(inner))
                }
                None => String::new(),
            };
            let fields: Vec<String> =
                choice.fields.iter().map(|field| format!("`{}`: {}", field.name, cell(&field.doc))).collect();
            let fields =
                if fields.is_empty() { String::new() } else { format!("<br>{}", fields.join("<br>")) };
            writeln!(self.text, "| `{}` | {}{more}{fields} |", choice.name, cell(&choice.doc))?;
        }
        Ok(())
    }

    fn rows(&mut self, fields: &'a [Field], of: &'a Definition, prefix: Option<&str>) -> anyhow::Result<()> {
        self.text.push_str("\n| key | type | default | range | meaning |\n|---|---|---|---|---|\n");
        for field in fields {
            let default = self.default_of(of, field);
            let range = self.range(&field.ty, of, field);
            let shown = if [ABSENT, NEEDED].contains(&default.as_str()) {
                default.clone()
            } else {
                format!("`{default}`")
            };
            let ty = self.ty(&field.ty, of);
            writeln!(
                self.text,
                "| `{}` | {ty} | {} | {} | {} |",
                field.name,
                cell(&shown),
                cell(&range),
                cell(&field.doc)
            )?;
            if let Some(prefix) = prefix {
                self.key(format!("{prefix}.{}", field.name), default, &field.doc);
                self.keys_inside(&format!("{prefix}.{}", field.name), &field.ty, of)?;
            }
        }
        Ok(())
    }

    fn default_of(&mut self, of: &Definition, field: &Field) -> String {
        of_field(self.code, of, field).unwrap_or_else(|error| {
            self.problems.push(format!("{error:#}"));
            String::new()
        })
    }

    fn key(&mut self, key: String, default: String, doc: &str) {
        let end = doc.find(". ").map_or(doc.len(), |end| end + 1);
        let about = doc[..end].trim_end_matches('.').to_owned();
        self.keys.push(Key { key, default, about });
    }

    /// The keys of a struct that may be absent, such as `training.early_stopping.patience`.
    fn keys_inside(&mut self, prefix: &str, ty: &'a Type, of: &'a Definition) -> anyhow::Result<()> {
        let inner = inside(ty, "Option").unwrap_or(ty);
        let Some(found) = self.code.find(inner, &of.file) else { return Ok(()) };
        let Body::Struct(fields) = &found.body else { return Ok(()) };
        for field in fields {
            let default = self.default_of(found, field);
            self.key(format!("{prefix}.{}", field.name), default, &field.doc);
        }
        Ok(())
    }

    /// A type in words, with a link if it has a part of its own.
    fn ty(&mut self, ty: &Type, of: &Definition) -> String {
        if let Some(inner) = inside(ty, "Option") {
            return self.ty(inner, of);
        }
        if let Some(inner) = inside(ty, "Vec") {
            return format!("list of {}", several(&self.ty(inner, of)));
        }
        if let Some(inner) = inside(ty, "BTreeMap") {
            return format!("table by name of {}", self.ty(inner, of));
        }
        match ty {
            Type::Array(array) => format!("list of {}", several(&self.ty(&array.elem, of))),
            Type::Path(path) => {
                let name = path.path.segments.last().map(|last| last.ident.to_string()).unwrap_or_default();
                match name.as_str() {
                    "bool" => "true or false".into(),
                    "f64" | "f32" => "number".into(),
                    "i64" | "u64" | "usize" | "u32" | "i32" => "whole number".into(),
                    "String" => "text".into(),
                    "char" => "one character".into(),
                    "PathBuf" => "path".into(),
                    "Column" => "name or position of a column".into(),
                    "BatchSize" => "whole number, or `\"full\"`".into(),
                    _ => match self.code.find(ty, &of.file) {
                        Some(found) => {
                            self.linked.push(found);
                            link(found)
                        }
                        None => name,
                    },
                }
            }
            _ => "value".into(),
        }
    }

    /// The names of a choice, or what numbers and texts may be.
    fn range(&self, ty: &Type, of: &Definition, field: &Field) -> String {
        let inner = inside(ty, "Option").unwrap_or(ty);
        match self.code.find(inner, &of.file).map(|found| &found.body) {
            // What a number or a text stands for has no names.
            Some(Body::Enum(choices)) if choices.iter().all(|choice| choice.name != choice.ident) => {
                let names: Vec<String> = choices.iter().map(|choice| format!("`{}`", choice.name)).collect();
                names.join(", ")
            }
            Some(Body::Struct(_)) => String::new(),
            _ if matches!(inner, Type::Path(path) if path.path.is_ident("bool")) => String::new(),
            _ => {
                let legal = self.code.legal.get(&(of.file.clone(), field.name.clone()));
                legal.cloned().or_else(|| interval(&field.doc)).unwrap_or_default()
            }
        }
    }
}

/// The title of a type's part: its name, and its module if that tells it from others.
fn title(of: &Definition) -> String {
    let stem = of.file.file_stem().unwrap_or_default().to_string_lossy();
    match of.name.as_str() {
        "Settings" | "Config" => format!("{} of {stem}", of.name),
        name => name.to_owned(),
    }
}

fn link(of: &Definition) -> String {
    let title = title(of);
    format!("[{title}](#{})", title.to_lowercase().replace(' ', "-"))
}

/// The interval that a meaning names, as in "in `[0, 1)`", or the bounds that one of its clauses gives, as in "; at least 1".
fn interval(doc: &str) -> Option<String> {
    if let Some((_, rest)) = doc.split_once("in `[").or_else(|| doc.split_once("in [")) {
        let end = rest.find([')', ']'])?;
        return Some(format!("[{}", &rest[..=end]));
    }
    let begins_bounds = |clause: &str| {
        let mut words = ["each at least ", "at least ", "above ", "between "].into_iter();
        words.any(|word| {
            clause.strip_prefix(word).is_some_and(|rest| rest.starts_with(|c: char| c.is_ascii_digit()))
        })
    };
    let (start, _) =
        doc.match_indices([',', ';']).find(|(at, _)| begins_bounds(doc[at + 1..].trim_start()))?;
    let clause = doc[start + 1..].trim_start();
    let end = clause.find([';', ':']).unwrap_or(clause.len());
    let end = clause.find(". ").unwrap_or(end).min(end);
    Some(clause[..end].trim_end_matches('.').to_owned())
}

/// Several of what a type is called.
fn several(name: &str) -> String {
    match name {
        "text" | "path" | "number" | "whole number" => format!("{name}s"),
        "name or position of a column" => "names or positions of columns".into(),
        other => other.to_owned(),
    }
}

/// A text in a cell of a table.
fn cell(text: &str) -> String {
    text.replace('|', "\\|")
}

/// Links to items of the code as plain text: they work in its documentation only.
pub(super) fn without_links(text: &str) -> String {
    let plain = crate::readmes::without_links(text);
    // `[`Name::part`]` names the code; here the name is enough.
    plain.replace("crate::", "").replace("Self::", "")
}
