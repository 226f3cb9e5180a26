//! Defaults as a configuration writes them.

use std::path::Path;

use anyhow::Context;
use syn::{Expr, ExprStruct, GenericArgument, Lit, Member, PathArguments, Type, UnOp};

use super::code::{Body, Code, Definition, Field};

/// What stands for an absent value.
pub(super) const ABSENT: &str = "absent";
/// What stands for a value that has to be given.
pub(super) const NEEDED: &str = "needed";

/// The default of a field, as TOML.
pub(super) fn of_field(code: &Code, of: &Definition, field: &Field) -> anyhow::Result<String> {
    let context = || format!("the default of {}::{} in {}", of.name, field.name, of.file.display());
    match &of.default {
        Some(Expr::Struct(literal)) => match value_in(literal, &field.name) {
            Some(expression) => written(code, expression, &of.file).with_context(context),
            None => of_type(code, &field.ty, &of.file).with_context(context),
        },
        None if !of.derives_default && inside(&field.ty, "Option").is_none() => Ok(NEEDED.into()),
        _ => of_type(code, &field.ty, &of.file).with_context(context),
    }
}

fn value_in<'e>(literal: &'e ExprStruct, name: &str) -> Option<&'e Expr> {
    let is_it = |member: &Member| matches!(member, Member::Named(own) if own == name);
    literal.fields.iter().find(|field| is_it(&field.member)).map(|field| &field.expr)
}

/// The type in `Option<…>` or `Vec<…>`.
pub(super) fn inside<'t>(ty: &'t Type, outer: &str) -> Option<&'t Type> {
    let Type::Path(path) = ty else { return None };
    let last = path.path.segments.last().filter(|last| last.ident == outer)?;
    let PathArguments::AngleBracketed(arguments) = &last.arguments else { return None };
    arguments.args.iter().rev().find_map(|argument| match argument {
        GenericArgument::Type(inner) => Some(inner),
        _ => None,
    })
}

/// The default of a type.
fn of_type(code: &Code, ty: &Type, from: &Path) -> anyhow::Result<String> {
    if inside(ty, "Option").is_some() {
        return Ok(ABSENT.into());
    }
    if inside(ty, "Vec").is_some() {
        return Ok("[]".into());
    }
    if inside(ty, "BTreeMap").is_some() {
        return Ok("{}".into());
    }
    if let Type::Path(path) = ty {
        let name = path.path.segments.last().map(|last| last.ident.to_string()).unwrap_or_default();
        match name.as_str() {
            "bool" => return Ok("false".into()),
            "f64" | "f32" => return Ok("0.0".into()),
            "i64" | "u64" | "usize" | "u32" | "i32" => return Ok("0".into()),
            "String" => return Ok("\"\"".into()),
            _ => {}
        }
    }
    let found = code.find(ty, from).context("its type is not one of the settings")?;
    of_definition(code, found)
}

fn of_definition(code: &Code, of: &Definition) -> anyhow::Result<String> {
    match (&of.default, &of.body) {
        (Some(Expr::Struct(_)), Body::Struct(_)) | (None, Body::Struct(_)) => Ok("{}".into()),
        (Some(expression), _) => written(code, expression, &of.file),
        (None, Body::Enum(choices)) => {
            let default = choices.iter().find(|choice| choice.is_default);
            Ok(format!("\"{}\"", default.context("no choice is the default")?.name))
        }
    }
}

/// An expression as TOML.
fn written(code: &Code, expression: &Expr, from: &Path) -> anyhow::Result<String> {
    let list = |items: Vec<&Expr>| -> anyhow::Result<String> {
        let items: Vec<String> =
            items.into_iter().map(|item| written(code, item, from)).collect::<Result<_, _>>()?;
        Ok(format!("[{}]", items.join(", ")))
    };
    Ok(match expression {
        Expr::Lit(it) => match &it.lit {
            Lit::Str(text) => format!("{:?}", text.value()),
            Lit::Bool(it) => it.value.to_string(),
            Lit::Int(it) => it.base10_digits().to_owned(),
            Lit::Float(it) => number(it.base10_parse()?),
            Lit::Char(it) => format!("{:?}", it.value().to_string()),
            _ => anyhow::bail!("a literal of a kind that TOML has not"),
        },
        Expr::Unary(it) if matches!(it.op, UnOp::Neg(_)) => format!("-{}", written(code, &it.expr, from)?),
        Expr::Array(it) => list(it.elems.iter().collect())?,
        Expr::MethodCall(it) => written(code, &it.receiver, from)?,
        Expr::Struct(it) => choice_of(code, &it.path, from)?,
        Expr::Macro(it) if it.mac.path.is_ident("vec") => {
            use syn::punctuated::Punctuated;
            let items = it.mac.parse_body_with(Punctuated::<Expr, syn::Token![,]>::parse_terminated)?;
            list(items.iter().collect())?
        }
        Expr::Path(it) => match it.path.get_ident().map(ToString::to_string) {
            Some(name) if name == "None" => ABSENT.into(),
            Some(name) => {
                let value = code.constant(from, &name).with_context(|| format!("no constant {name}"))?;
                written(code, value, from)?
            }
            None => choice_of(code, &it.path, from)?,
        },
        Expr::Call(it) => {
            let Expr::Path(function) = &*it.func else { anyhow::bail!("a call of no name") };
            let segments: Vec<String> =
                function.path.segments.iter().map(|it| it.ident.to_string()).collect();
            match (segments.last().map(String::as_str), it.args.first()) {
                (Some("new"), None) if segments[0] == "String" => "\"\"".into(),
                (Some("new"), None) if segments[0] == "Vec" => "[]".into(),
                (Some("new"), None) => "{}".into(),
                (Some("default"), None) => {
                    let ty = segments[..segments.len() - 1].join("::");
                    of_type(code, &syn::parse_str(&ty)?, from)?
                }
                (Some("Some"), Some(inner)) => written(code, inner, from)?,
                // A number that an enum holds for one of its cases; or settings that a choice holds.
                (Some("Samples"), Some(inner)) => written(code, inner, from)?,
                _ => choice_of(code, &function.path, from)?,
            }
        }
        _ => anyhow::bail!(
            "an expression that the settings page cannot write; teach it in xtask/src/settings/defaults.rs"
        ),
    })
}

/// The choice of an enum that a path names, in quotes.
fn choice_of(code: &Code, path: &syn::Path, from: &Path) -> anyhow::Result<String> {
    let segments: Vec<String> = path.segments.iter().map(|it| it.ident.to_string()).collect();
    let (last, before) = segments.split_last().context("an empty path")?;
    if before.is_empty() {
        return Ok("{}".into());
    }
    let ty: Type = syn::parse_str(&before.join("::"))?;
    let found =
        code.find(&ty, from).with_context(|| format!("{} is not one of the settings", before.join("::")))?;
    let Body::Enum(choices) = &found.body else { anyhow::bail!("{} is no enum", found.name) };
    let choice = choices.iter().find(|choice| choice.ident == *last || choice.name == *last);
    Ok(format!("\"{}\"", choice.with_context(|| format!("no choice {last}"))?.name))
}

/// As TOML writes it: `0.001`, `1e-8`.
fn number(value: f64) -> String {
    if value != 0.0 && !(1e-4..1e6).contains(&value.abs()) {
        format!("{value:e}")
    } else {
        format!("{value:?}")
    }
}
