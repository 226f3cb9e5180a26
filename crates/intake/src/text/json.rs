//! Parses JSON lines: one object or array of plain values per line.

use crate::error::BadReason;
use serde::de::{DeserializeSeed, Error, MapAccess, SeqAccess, Visitor};
use serde::{Deserialize, Deserializer};
use std::borrow::Cow;
use std::fmt;

/// Where a value is in its line.
pub(crate) enum Key<'a> {
    /// In an object; without surrounding blanks, and never empty, because the names of columns are so, too.
    Name(&'a str),
    /// In an array, from 0.
    Position(usize),
}

/// A plain value, as the text that a table cell would have.
pub(crate) struct Value<'a>(pub Cow<'a, str>);

/// The name of a value whose name is empty.
const UNNAMED: &str = "unnamed";

/// Passes every value of a line to `visit`. Returns the number of values.
pub(crate) fn values<'a>(
    line: &'a [u8],
    visit: &mut dyn FnMut(Key<'_>, &Value<'a>),
) -> Result<usize, BadReason> {
    let not_json = |error: serde_json::Error| {
        let reason = error.to_string();
        // To the parser, every line is line 1.
        BadReason::NotJson { reason: reason.replace(" at line 1 column ", " at column ") }
    };
    let mut deserializer = serde_json::Deserializer::from_slice(line);
    let count = Row(visit).deserialize(&mut deserializer).map_err(not_json)?;
    deserializer.end().map_err(not_json)?;
    Ok(count)
}

struct Row<'v, 'a>(&'v mut dyn FnMut(Key<'_>, &Value<'a>));

impl<'a> DeserializeSeed<'a> for Row<'_, 'a> {
    type Value = usize;

    fn deserialize<D: Deserializer<'a>>(self, deserializer: D) -> Result<usize, D::Error> {
        deserializer.deserialize_any(self)
    }
}

impl<'a> Visitor<'a> for Row<'_, 'a> {
    type Value = usize;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("an object or an array")
    }

    fn visit_map<A: MapAccess<'a>>(self, mut map: A) -> Result<usize, A::Error> {
        let mut count = 0;
        while let Some(Value(name)) = map.next_key()? {
            let value = map.next_value()?;
            let name = name.trim();
            (self.0)(Key::Name(if name.is_empty() { UNNAMED } else { name }), &value);
            count += 1;
        }
        Ok(count)
    }

    fn visit_seq<A: SeqAccess<'a>>(self, mut seq: A) -> Result<usize, A::Error> {
        let mut count = 0;
        while let Some(value) = seq.next_element()? {
            (self.0)(Key::Position(count), &value);
            count += 1;
        }
        Ok(count)
    }
}

impl<'a> Deserialize<'a> for Value<'a> {
    fn deserialize<D: Deserializer<'a>>(deserializer: D) -> Result<Self, D::Error> {
        struct Plain;
        impl<'a> Visitor<'a> for Plain {
            type Value = Value<'a>;

            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("a number, a string, true, false or null")
            }
            fn visit_unit<E>(self) -> Result<Value<'a>, E> {
                Ok(Value(Cow::Borrowed("")))
            }
            fn visit_bool<E>(self, truth: bool) -> Result<Value<'a>, E> {
                Ok(Value(Cow::Borrowed(if truth { "1" } else { "0" })))
            }
            fn visit_u64<E>(self, number: u64) -> Result<Value<'a>, E> {
                Ok(Value(Cow::Owned(number.to_string())))
            }
            fn visit_i64<E>(self, number: i64) -> Result<Value<'a>, E> {
                Ok(Value(Cow::Owned(number.to_string())))
            }
            fn visit_f64<E>(self, number: f64) -> Result<Value<'a>, E> {
                Ok(Value(Cow::Owned(number.to_string())))
            }
            fn visit_borrowed_str<E>(self, text: &'a str) -> Result<Value<'a>, E> {
                Ok(Value(Cow::Borrowed(text)))
            }
            fn visit_str<E: Error>(self, text: &str) -> Result<Value<'a>, E> {
                Ok(Value(Cow::Owned(text.to_owned())))
            }
        }
        deserializer.deserialize_any(Plain)
    }
}
