//! Suggests the known names nearest to what was typed ("did you mean").

/// Up to three of `known`, nearest first: those that are a typo away from `typed`, begin with it, or are its
/// beginning. Case, spaces, hyphens and underscores are ignored. An exact match is returned alone.
///
/// ```
/// use ae_records::names::{did_you_mean, nearest};
///
/// let near = nearest("vea", ["vae", "vanilla", "conv"]);
/// assert_eq!(near, ["vae"]);
/// assert_eq!(format!("there is no preset `vea`{}", did_you_mean(&near)), "there is no preset `vea`; did you mean `vae`?");
/// ```
pub fn nearest<S: AsRef<str>>(typed: &str, known: impl IntoIterator<Item = S>) -> Vec<String> {
    let typed_plain = plain(typed);
    let mut found: Vec<(f64, String)> = known
        .into_iter()
        .filter_map(|name| {
            let name_plain = plain(name.as_ref());
            let begins = |a: &str, b: &str| a.chars().count() >= 3 && b.starts_with(a);
            let alike = strsim::normalized_damerau_levenshtein(&typed_plain, &name_plain);
            let close =
                alike >= 0.6 || begins(&typed_plain, &name_plain) || begins(&name_plain, &typed_plain);
            close.then(|| (alike, name.as_ref().to_owned()))
        })
        .collect();
    found.sort_by(|a, b| b.0.total_cmp(&a.0).then_with(|| a.1.cmp(&b.1)));
    found.dedup_by(|a, b| a.1 == b.1);
    if found.first().is_some_and(|(alike, _)| *alike == 1.0) {
        found.truncate(1);
    }
    found.into_iter().take(3).map(|(_, name)| name).collect()
}

/// `; did you mean `a`, `b` or `c`?`, to append to a message; empty if nothing is near.
pub fn did_you_mean(nearest: &[String]) -> String {
    if nearest.is_empty() { String::new() } else { format!("; did you mean {}?", list(nearest, " or ")) }
}

/// Names in quotes, with `last` before the last one.
pub(crate) fn list(names: &[String], last: &str) -> String {
    let quoted: Vec<String> = names.iter().map(|name| format!("`{name}`")).collect();
    match quoted.as_slice() {
        [rest @ .., end] if !rest.is_empty() => format!("{}{last}{end}", rest.join(", ")),
        _ => quoted.concat(),
    }
}

/// Makes `batchSize`, `batch-size` and `batch_size` equal.
fn plain(name: &str) -> String {
    name.chars().filter(|c| !matches!(c, '_' | '-' | ' ')).flat_map(char::to_lowercase).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(typed: &str, expected: &[&str]) {
        let known = ["latent", "beta", "hidden", "learning_rate", "vae", "vanilla", "vq_vae"];
        assert_eq!(nearest(typed, known), expected, "{typed}");
    }

    #[test]
    fn slips_are_recognised_and_strangers_are_not() {
        check("latnt", &["latent"]);
        check("latents", &["latent"]);
        check("vea", &["vae"]);
        check("learningRate", &["learning_rate"]);
        check("learn", &["learning_rate"]);
        check("VQ-VAE", &["vq_vae"]);
        check("VAE", &["vae"]);
        check("va", &["vae"]);
        check("dropout", &[]);
        check("", &[]);
        check("ß日本", &[]);
    }

    #[test]
    fn a_question_names_all_that_are_near() {
        let check = |names: &[&str], expected: &str| {
            let names: Vec<String> = names.iter().map(ToString::to_string).collect();
            assert_eq!(did_you_mean(&names), expected);
        };
        check(&[], "");
        check(&["a"], "; did you mean `a`?");
        check(&["a", "b", "c"], "; did you mean `a`, `b` or `c`?");
    }
}
