//! The legal values of settings, from the errors that refuse others.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use syn::visit::{self, Visit};
use syn::{Expr, ExprCall, ExprForLoop, ExprStruct, Item, Lit, Local, Pat};

/// Checks that several files share, and what they ask for.
const SHARED: [(&str, &str); 3] =
    [("at_least_one", "at least 1"), ("layers", "at most 256"), ("widths", "each at least 1")];

/// Adds what the functions of a file say: `check("setting", value, "at least 1")`, or a struct with the fields `setting`
/// and `legal`.
pub(super) fn collect(file: &Path, items: &[Item], legal: &mut BTreeMap<(PathBuf, String), String>) {
    let checks = SHARED.iter().map(|(check, legal)| (check.to_string(), legal.to_string())).collect();
    let mut finder = Finder { file, legal, checks, lists: BTreeMap::new(), loops: BTreeMap::new() };
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
    /// Settings in a list, `let positive = [("width", self.width), …]`, and those that a loop goes through, by the names of
    /// their variables: `for (setting, got) in positive`.
    lists: BTreeMap<String, Vec<String>>,
    loops: BTreeMap<String, Vec<String>>,
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

impl Finder<'_> {
    /// The settings that an argument names: by a text, or by the variable of a loop over several.
    fn settings(&self, argument: &Expr) -> Vec<String> {
        match argument {
            Expr::Path(path) => {
                let name = path.path.get_ident().map(ToString::to_string).unwrap_or_default();
                self.loops.get(&name).cloned().unwrap_or_default()
            }
            other => text(other).into_iter().collect(),
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
        if let (Pat::Ident(name), Some(init)) = (&local.pat, &local.init) {
            let settings = firsts(&init.expr);
            self.lists.insert(name.ident.to_string(), settings);
        }
        visit::visit_local(self, local);
    }

    fn visit_expr_for_loop(&mut self, it: &'ast ExprForLoop) {
        let variable = match &*it.pat {
            Pat::Tuple(tuple) => tuple.elems.first(),
            other => Some(other),
        };
        let settings = match &*it.expr {
            Expr::Path(path) => {
                path.path.get_ident().and_then(|name| self.lists.get(&name.to_string())).cloned()
            }
            other => Some(firsts(other)),
        };
        if let (Some(Pat::Ident(variable)), Some(settings)) = (variable, settings) {
            self.loops.insert(variable.ident.to_string(), settings);
        }
        visit::visit_expr_for_loop(self, it);
    }

    fn visit_expr_call(&mut self, call: &'ast ExprCall) {
        let name = match &*call.func {
            Expr::Path(path) => {
                path.path.segments.last().map(|last| last.ident.to_string()).unwrap_or_default()
            }
            _ => String::new(),
        };
        let asks = ["legal", "out_of_range", "refuse"].contains(&name.as_str());
        let legal = self.checks.get(&name).cloned().or_else(|| text(call.args.last().filter(|_| asks)?));
        let settings =
            call.args.iter().map(|argument| self.settings(argument)).find(|found| !found.is_empty());
        if let (Some(legal), Some(settings)) = (legal, settings) {
            settings
                .iter()
                .filter(|setting| **setting != legal)
                .for_each(|setting| self.add(setting, &legal));
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

/// The texts of a list, or those that its tuples begin with.
fn firsts(list: &Expr) -> Vec<String> {
    let Expr::Array(list) = list else { return Vec::new() };
    let first = |entry: &Expr| match entry {
        Expr::Tuple(tuple) => text(tuple.elems.first()?),
        other => text(other),
    };
    list.elems.iter().filter_map(first).collect()
}

/// The literal text that a call, or the block or condition that ends with one, passes last.
fn last_text(expression: &Expr) -> Option<String> {
    match expression {
        Expr::Call(call) => {
            let last = call.args.last()?;
            text(last).or_else(|| last_text(last))
        }
        Expr::If(condition) => last_text(&condition.else_branch.as_ref()?.1),
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
