//! The legal values of settings, from the errors that refuse others.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use syn::visit::{self, Visit};
use syn::{Expr, ExprCall, ExprStruct, Item, Lit, Local, Pat};

/// Checks that several files share, and what they ask for.
const SHARED: [(&str, &str); 2] = [("at_least_one", "at least 1"), ("widths", "each at least 1")];

/// Adds what the functions of a file say: `check("setting", value, "at least 1")`, or a struct with the fields `setting`
/// and `legal`.
pub(super) fn collect(file: &Path, items: &[Item], legal: &mut BTreeMap<(PathBuf, String), String>) {
    let checks = SHARED.iter().map(|(check, legal)| (check.to_string(), legal.to_string())).collect();
    let mut finder = Finder { file, legal, checks };
    for item in items {
        // Tests refuse settings on purpose.
        let is_test = matches!(item, Item::Mod(_));
        if !is_test {
            finder.visit_item(item);
        }
    }
}

struct Finder<'a> {
    file: &'a Path,
    legal: &'a mut BTreeMap<(PathBuf, String), String>,
    /// What each check asks for: `let share = |name, got| legal(name, got, …, "between 0 and 1")`.
    checks: BTreeMap<String, String>,
}

impl Finder<'_> {
    fn add(&mut self, setting: &str, legal: &str) {
        let setting = setting.rsplit('.').next().unwrap_or(setting);
        let is_name = !setting.is_empty()
            && setting
                .chars()
                .all(|letter| letter.is_ascii_lowercase() || letter == '_' || letter.is_ascii_digit());
        if is_name && !legal.is_empty() {
            self.legal
                .entry((self.file.to_path_buf(), setting.to_owned()))
                .or_insert_with(|| legal.to_owned());
        }
    }
}

impl<'ast> Visit<'ast> for Finder<'_> {
    fn visit_local(&mut self, local: &'ast Local) {
        if let (Pat::Ident(name), Some(init)) = (&local.pat, &local.init)
            && let Expr::Closure(closure) = &*init.expr
            && let Some(legal) = last_text(&closure.body)
        {
            self.checks.insert(name.ident.to_string(), legal);
        }
        visit::visit_local(self, local);
    }

    fn visit_expr_call(&mut self, call: &'ast ExprCall) {
        let texts: Vec<String> = call.args.iter().filter_map(text).collect();
        let name = match &*call.func {
            Expr::Path(path) => {
                path.path.segments.last().map(|last| last.ident.to_string()).unwrap_or_default()
            }
            _ => String::new(),
        };
        let named = self.checks.get(&name).cloned();
        match (named, texts.as_slice()) {
            (Some(legal), [setting, ..]) => self.add(setting, &legal),
            (None, [setting, .., legal]) if ["legal", "out_of_range", "refuse"].contains(&name.as_str()) => {
                self.add(setting, legal)
            }
            _ => {}
        }
        visit::visit_expr_call(self, call);
    }

    fn visit_expr_struct(&mut self, it: &'ast ExprStruct) {
        let field = |name: &str| {
            let found = it
                .fields
                .iter()
                .find(|field| matches!(&field.member, syn::Member::Named(own) if own == name));
            found.and_then(|field| text(&field.expr))
        };
        if let (Some(setting), Some(legal)) = (field("setting").or_else(|| field("name")), field("legal")) {
            self.add(&setting, &legal);
        }
        visit::visit_expr_struct(self, it);
    }
}

/// The literal text that a call, or the block that ends with one, passes last.
fn last_text(expression: &Expr) -> Option<String> {
    match expression {
        Expr::Call(call) => text(call.args.last()?),
        Expr::Block(block) => match block.block.stmts.last()? {
            syn::Stmt::Expr(last, None) => last_text(last),
            _ => None,
        },
        _ => None,
    }
}

/// The content of a literal text, also as `"…".into()`.
fn text(expression: &Expr) -> Option<String> {
    match expression {
        Expr::Lit(it) => match &it.lit {
            Lit::Str(text) => Some(text.value()),
            _ => None,
        },
        Expr::MethodCall(call) if call.method == "into" => text(&call.receiver),
        Expr::Reference(it) => text(&it.expr),
        _ => None,
    }
}
