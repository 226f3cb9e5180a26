//! "Did you mean": the known names that are nearest to what was typed.

/// Up to three of `known`, nearest first: names that a slip of the fingers away, or that one begins the other.
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

/// `batchSize`, `batch-size` and `batch_size` are the same slip.
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
}
