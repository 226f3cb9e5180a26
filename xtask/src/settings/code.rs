//! What the code says about settings: types, fields, their documentation and defaults.

use std::collections::BTreeMap;
use std::fs;
use std::path::{Path, PathBuf};

use anyhow::Context;
use syn::{Attribute, Expr, Fields, Item, Lit, Meta, Type};

/// The crates whose types a configuration is made of.
const CRATES: [&str; 6] = ["datasets", "intake", "models", "network", "tensor", "training"];

/// A struct or an enum.
pub(super) struct Definition {
    pub(super) name: String,
    pub(super) file: PathBuf,
    pub(super) doc: String,
    pub(super) body: Body,
    /// The expression that `Default::default` returns; `None` if it is derived or there is none.
    pub(super) default: Option<Expr>,
    pub(super) derives_default: bool,
}

pub(super) enum Body {
    Struct(Vec<Field>),
    Enum(Vec<Choice>),
}

pub(super) struct Field {
    pub(super) name: String,
    pub(super) doc: String,
    pub(super) ty: Type,
}

/// A variant of an enum.
pub(super) struct Choice {
    /// As in the code, and as in a configuration.
    pub(super) ident: String,
    pub(super) name: String,
    pub(super) doc: String,
    pub(super) is_default: bool,
    /// Named settings, or the type that holds them.
    pub(super) fields: Vec<Field>,
    pub(super) inner: Option<Type>,
}

/// All definitions.
pub(super) struct Code {
    pub(super) all: Vec<Definition>,
    pub(super) constants: BTreeMap<(PathBuf, String), Expr>,
    /// The legal values that error messages name: by file and setting.
    pub(super) legal: BTreeMap<(PathBuf, String), String>,
}

impl Code {
    pub(super) fn read(root: &Path) -> anyhow::Result<Self> {
        let mut code = Code { all: Vec::new(), constants: BTreeMap::new(), legal: BTreeMap::new() };
        for name in CRATES {
            code.read_folder(&root.join("crates").join(name).join("src"))?;
        }
        Ok(code)
    }

    fn read_folder(&mut self, folder: &Path) -> anyhow::Result<()> {
        let entries =
            fs::read_dir(folder).and_then(|entries| entries.map(|entry| Ok(entry?.path())).collect());
        let mut paths: Vec<PathBuf> = entries.with_context(|| format!("cannot read {}", folder.display()))?;
        paths.sort();
        for path in paths {
            let name = path.file_name().unwrap_or_default().to_string_lossy();
            if path.is_dir() {
                self.read_folder(&path)?;
            } else if name.ends_with(".rs") && !name.ends_with("tests.rs") {
                let text =
                    fs::read_to_string(&path).with_context(|| format!("cannot read {}", path.display()))?;
                let file =
                    syn::parse_file(&text).with_context(|| format!("cannot parse {}", path.display()))?;
                self.read_items(&path, file.items);
            }
        }
        Ok(())
    }

    fn read_items(&mut self, file: &Path, items: Vec<Item>) {
        let mut defaults = BTreeMap::new();
        super::ranges::collect(file, &items, &mut self.legal);
        for item in items {
            let file = file.to_path_buf();
            match item {
                Item::Struct(it) if derives(&it.attrs, "Serialize") => {
                    let body = Body::Struct(fields(&it.fields));
                    let (name, doc) = (it.ident.to_string(), doc(&it.attrs));
                    let derives_default = derives(&it.attrs, "Default");
                    self.all.push(Definition { name, file, doc, body, default: None, derives_default });
                }
                Item::Enum(it) if derives(&it.attrs, "Serialize") => {
                    let rule = serde_value(&it.attrs, "rename_all");
                    let choices =
                        it.variants.iter().map(|variant| choice(variant, rule.as_deref())).collect();
                    let (name, doc, body) = (it.ident.to_string(), doc(&it.attrs), Body::Enum(choices));
                    let derives_default = derives(&it.attrs, "Default");
                    self.all.push(Definition { name, file, doc, body, default: None, derives_default });
                }
                Item::Macro(it) if it.mac.path.is_ident("kinds") => {
                    self.all.push(kinds(&file, &it.mac.tokens.to_string()))
                }
                Item::Const(it) => {
                    self.constants.insert((file, it.ident.to_string()), *it.expr);
                }
                Item::Impl(it) => {
                    let of = it
                        .trait_
                        .as_ref()
                        .and_then(|(_, path, _)| Some(path.segments.last()?.ident.to_string()));
                    let (Some(of), Type::Path(own)) = (of, &*it.self_ty) else { continue };
                    let own = own.path.segments.last().map(|last| last.ident.to_string()).unwrap_or_default();
                    for part in &it.items {
                        match part {
                            syn::ImplItem::Fn(function) if of == "Default" => {
                                self.constants.extend(locals(&file, &function.block));
                                if let Some(syn::Stmt::Expr(expression, None)) = function.block.stmts.last() {
                                    defaults.insert(own.clone(), expression.clone());
                                }
                            }
                            syn::ImplItem::Const(it) if of == "Variant" => {
                                self.constants.insert((file.clone(), it.ident.to_string()), it.expr.clone());
                            }
                            _ => {}
                        }
                    }
                }
                _ => {}
            }
        }
        for definition in self.all.iter_mut().filter(|it| it.file == file) {
            definition.default = defaults.remove(&definition.name);
        }
    }

    /// The definition that a type names, seen from a file: that of the same file, of the named module, or the only one.
    pub(super) fn find(&self, ty: &Type, from: &Path) -> Option<&Definition> {
        let Type::Path(path) = ty else { return None };
        let segments: Vec<String> = path.path.segments.iter().map(|it| it.ident.to_string()).collect();
        let (name, modules) = segments.split_last()?;
        let named = || self.all.iter().filter(|it| it.name == *name);
        if let Some(module) = modules.last() {
            return named()
                .find(|it| it.file.file_stem().is_some_and(|stem| stem.to_string_lossy() == **module));
        }
        if let Some(own) = named().find(|it| it.file == from) {
            return Some(own);
        }
        let mut others = named();
        let first = others.next();
        if others.next().is_none() { first } else { None }
    }

    /// The value of a constant of a file.
    pub(super) fn constant(&self, file: &Path, name: &str) -> Option<&Expr> {
        self.constants.get(&(file.to_path_buf(), name.to_owned()))
    }
}

/// What the variables of a function are set to.
fn locals(file: &Path, block: &syn::Block) -> Vec<((PathBuf, String), Expr)> {
    let local = |statement: &syn::Stmt| match statement {
        syn::Stmt::Local(syn::Local { pat: syn::Pat::Ident(name), init: Some(init), .. }) => {
            Some(((file.to_path_buf(), name.ident.to_string()), (*init.expr).clone()))
        }
        _ => None,
    };
    block.stmts.iter().filter_map(local).collect()
}

/// The kinds of damage, an enum that a macro makes of `Blocks: blocks, …`.
fn kinds(file: &Path, list: &str) -> Definition {
    let kind = |pair: &str| {
        let (ident, module) = pair.split_once(':')?;
        let (ident, name) = (ident.trim().to_owned(), module.trim().to_owned());
        let inner = syn::parse_str(&format!("{name}::{ident}")).ok();
        Some(Choice { ident, name, doc: String::new(), is_default: false, fields: Vec::new(), inner })
    };
    Definition {
        name: "Corruption".into(),
        file: file.to_path_buf(),
        doc: "How an image is damaged: one kind of damage with its settings.".into(),
        body: Body::Enum(list.split(',').filter_map(kind).collect()),
        default: None,
        derives_default: false,
    }
}

fn fields(fields: &Fields) -> Vec<Field> {
    let field = |field: &syn::Field| {
        let name = serde_value(&field.attrs, "rename").or_else(|| Some(field.ident.as_ref()?.to_string()))?;
        Some(Field { name, doc: doc(&field.attrs), ty: field.ty.clone() })
    };
    let is_skipped = |field: &&syn::Field| !has_serde_word(&field.attrs, "skip");
    fields.iter().filter(is_skipped).filter_map(field).collect()
}

fn choice(variant: &syn::Variant, rule: Option<&str>) -> Choice {
    let ident = variant.ident.to_string();
    let name = serde_value(&variant.attrs, "rename").unwrap_or_else(|| renamed(&ident, rule));
    let inner = match &variant.fields {
        Fields::Unnamed(only) if only.unnamed.len() == 1 => Some(only.unnamed[0].ty.clone()),
        _ => None,
    };
    let is_default = variant.attrs.iter().any(|attribute| attribute.path().is_ident("default"));
    Choice { ident, name, doc: doc(&variant.attrs), is_default, fields: fields(&variant.fields), inner }
}

/// `OneCycle` as `one_cycle`, `one-cycle` or as it is.
fn renamed(ident: &str, rule: Option<&str>) -> String {
    let separator = match rule {
        Some("snake_case") => "_",
        Some("kebab-case") => "-",
        Some("lowercase") => "",
        _ => return ident.to_owned(),
    };
    let mut name = String::new();
    for letter in ident.chars() {
        if letter.is_uppercase() && !name.is_empty() {
            name.push_str(separator);
        }
        name.extend(letter.to_lowercase());
    }
    name
}

/// The documentation as one paragraph, links replaced by their text.
fn doc(attributes: &[Attribute]) -> String {
    let mut text = String::new();
    for attribute in attributes {
        let Meta::NameValue(pair) = &attribute.meta else { continue };
        let (true, Expr::Lit(value)) = (pair.path.is_ident("doc"), &pair.value) else { continue };
        let Lit::Str(line) = &value.lit else { continue };
        let line = line.value();
        // Examples are not for a table.
        if line.trim().starts_with("```") {
            break;
        }
        if !text.is_empty() {
            text.push(' ');
        }
        text.push_str(line.trim());
    }
    super::page::without_links(text.trim())
}

/// `value` of `#[serde(key = "value")]`.
fn serde_value(attributes: &[Attribute], key: &str) -> Option<String> {
    let mut found = None;
    visit_serde(attributes, |meta| {
        if let Meta::NameValue(pair) = meta
            && pair.path.is_ident(key)
            && let Expr::Lit(value) = &pair.value
            && let Lit::Str(text) = &value.lit
        {
            found = Some(text.value());
        }
    });
    found
}

/// Whether `#[derive]` names this trait; what a configuration is made of can be written.
fn derives(attributes: &[Attribute], name: &str) -> bool {
    use syn::punctuated::Punctuated;
    attributes.iter().filter(|attribute| attribute.path().is_ident("derive")).any(|attribute| {
        let derived = attribute.parse_args_with(Punctuated::<syn::Path, syn::Token![,]>::parse_terminated);
        derived.is_ok_and(|derived| derived.iter().any(|path| path.is_ident(name)))
    })
}

fn has_serde_word(attributes: &[Attribute], word: &str) -> bool {
    let mut found = false;
    visit_serde(attributes, |meta| found |= matches!(meta, Meta::Path(path) if path.is_ident(word)));
    found
}

fn visit_serde(attributes: &[Attribute], mut visit: impl FnMut(&Meta)) {
    use syn::punctuated::Punctuated;
    for attribute in attributes.iter().filter(|attribute| attribute.path().is_ident("serde")) {
        let parsed = attribute.parse_args_with(Punctuated::<Meta, syn::Token![,]>::parse_terminated);
        parsed.iter().flatten().for_each(&mut visit);
    }
}
