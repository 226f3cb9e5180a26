//! Lists of settings that may be written as one value: `ignore = "id"` is `ignore = ["id"]`.

use serde::{Deserialize, Deserializer};

/// Reads a value, or a list of them; for `#[serde(deserialize_with)]`.
///
/// # Errors
/// If it is neither.
pub fn one_or_many<'de, D: Deserializer<'de>, T: Deserialize<'de>>(
    deserializer: D,
) -> Result<Vec<T>, D::Error> {
    #[derive(Deserialize)]
    #[serde(untagged)]
    enum OneOrMany<T> {
        One(T),
        Many(Vec<T>),
    }
    Ok(match OneOrMany::deserialize(deserializer)? {
        OneOrMany::One(one) => vec![one],
        OneOrMany::Many(many) => many,
    })
}

/// Reads a text, a number or a truth value, or a list of them, as texts; for `#[serde(deserialize_with)]`.
///
/// # Errors
/// If it is neither.
pub fn one_or_many_texts<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Vec<String>, D::Error> {
    #[derive(Deserialize)]
    #[serde(untagged)]
    enum Value {
        Text(String),
        Whole(i64),
        Number(f64),
        Truth(bool),
    }
    let text = |one| match one {
        Value::Text(text) => text,
        Value::Whole(number) => number.to_string(),
        Value::Number(number) => number.to_string(),
        Value::Truth(truth) => truth.to_string(),
    };
    Ok(one_or_many(deserializer)?.into_iter().map(text).collect())
}
