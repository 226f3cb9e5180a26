//! Parses JSON lines: one object or array of plain values per line. Objects in an object are taken apart: the value of
//! `{"sensor": {"temp": 1.2}}` is named `sensor.temp`.

use crate::error::BadReason;
use serde::de::{DeserializeSeed, Error, MapAccess, SeqAccess, Visitor};
use serde::{Deserialize, Deserializer};
use std::borrow::Cow;
use std::collections::HashMap;
use std::fmt;

/// Where a value is in its line.
#[derive(Clone, Copy)]
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
/// Deepest object in objects.
const MAX_DEPTH: usize = 16;
/// Longest name of a value in nested objects, and of all of a line together, in bytes: few bytes of a file could make many
/// of them.
const MAX_PATH: usize = 256;
const MAX_PATHS: usize = 1 << 24;

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
    let mut row = Row { visit, path: String::new(), depth: 0, given: HashMap::new(), bytes: 0, count: 0 };
    row.deserialize(&mut deserializer).map_err(not_json)?;
    deserializer.end().map_err(not_json)?;
    Ok(row.count)
}

/// The values of a line that were given so far, and the object that is being read.
struct Row<'v, 'a> {
    visit: &'v mut dyn FnMut(Key<'_>, &Value<'a>),
    /// The names of the objects around it, each with a point behind it.
    path: String,
    depth: usize,
    /// The names with a point, and whether they are those of values in nested objects.
    given: HashMap<String, bool>,
    /// The length of all of them.
    bytes: usize,
    count: usize,
}

impl<'a> Row<'_, 'a> {
    fn give<E: Error>(&mut self, key: Key<'_>, value: Cow<'a, str>) -> Result<(), E> {
        self.count += 1;
        let value = Value(value);
        let name = match key {
            Key::Name(name) if self.depth > 0 || name.contains('.') => format!("{}{name}", self.path),
            key => {
                (self.visit)(key, &value);
                return Ok(());
            }
        };
        let is_nested = self.depth > 0;
        self.bytes += name.len();
        if is_nested && (name.len() > MAX_PATH || self.bytes > MAX_PATHS) {
            let name = crate::text::recognise::shorten(&name);
            return Err(E::custom(format!("the names of nested objects are too long, such as `{name}`")));
        }
        (self.visit)(Key::Name(&name), &value);
        match self.given.get(&name) {
            Some(&was_nested) if was_nested || is_nested => {
                Err(E::custom(format!("there are two values named `{name}`")))
            }
            _ => {
                self.given.insert(name, is_nested);
                Ok(())
            }
        }
    }

    fn members<A: MapAccess<'a>>(&mut self, mut map: A) -> Result<(), A::Error> {
        while let Some(Name(name)) = map.next_key()? {
            let name = name.trim();
            let key = Key::Name(if name.is_empty() { UNNAMED } else { name });
            map.next_value_seed(Member { row: self, key })?;
        }
        Ok(())
    }
}

impl<'a> DeserializeSeed<'a> for &mut Row<'_, 'a> {
    type Value = ();

    fn deserialize<D: Deserializer<'a>>(self, deserializer: D) -> Result<(), D::Error> {
        deserializer.deserialize_any(self)
    }
}

impl<'a> Visitor<'a> for &mut Row<'_, 'a> {
    type Value = ();

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("an object or an array")
    }

    fn visit_map<A: MapAccess<'a>>(self, map: A) -> Result<(), A::Error> {
        self.members(map)
    }

    fn visit_seq<A: SeqAccess<'a>>(self, mut seq: A) -> Result<(), A::Error> {
        let mut position = 0;
        while seq.next_element_seed(Member { row: self, key: Key::Position(position) })?.is_some() {
            position += 1;
        }
        Ok(())
    }
}

/// The value of this key.
struct Member<'r, 'k, 'v, 'a> {
    row: &'r mut Row<'v, 'a>,
    key: Key<'k>,
}

impl Member<'_, '_, '_, '_> {
    /// The key as messages call it.
    fn name(&self) -> String {
        match self.key {
            Key::Name(name) => crate::text::recognise::shorten(&format!("{}{name}", self.row.path)),
            Key::Position(position) => format!("element {position}"),
        }
    }
}

impl<'a> DeserializeSeed<'a> for Member<'_, '_, '_, 'a> {
    type Value = ();

    fn deserialize<D: Deserializer<'a>>(self, deserializer: D) -> Result<(), D::Error> {
        deserializer.deserialize_any(self)
    }
}

impl<'a> Visitor<'a> for Member<'_, '_, '_, 'a> {
    type Value = ();

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a number, a string, true, false, null or an object of these")
    }
    fn visit_unit<E: Error>(self) -> Result<(), E> {
        self.row.give(self.key, Cow::Borrowed(""))
    }
    fn visit_bool<E: Error>(self, truth: bool) -> Result<(), E> {
        self.row.give(self.key, Cow::Borrowed(if truth { "1" } else { "0" }))
    }
    fn visit_u64<E: Error>(self, number: u64) -> Result<(), E> {
        self.row.give(self.key, Cow::Owned(number.to_string()))
    }
    fn visit_i64<E: Error>(self, number: i64) -> Result<(), E> {
        self.row.give(self.key, Cow::Owned(number.to_string()))
    }
    fn visit_f64<E: Error>(self, number: f64) -> Result<(), E> {
        self.row.give(self.key, Cow::Owned(number.to_string()))
    }
    fn visit_borrowed_str<E: Error>(self, text: &'a str) -> Result<(), E> {
        self.row.give(self.key, Cow::Borrowed(text))
    }
    fn visit_str<E: Error>(self, text: &str) -> Result<(), E> {
        self.row.give(self.key, Cow::Owned(text.to_owned()))
    }

    fn visit_map<A: MapAccess<'a>>(self, map: A) -> Result<(), A::Error> {
        let name = self.name();
        let Key::Name(key) = self.key else {
            return Err(A::Error::custom(format!("{name} of the array is an object, not a plain value")));
        };
        let outside = self.row.path.len();
        if self.row.depth == MAX_DEPTH || outside + key.len() > MAX_PATH {
            return Err(A::Error::custom(format!("`{name}` is nested too deeply")));
        }
        self.row.path += key;
        self.row.path.push('.');
        self.row.depth += 1;
        self.row.members(map)?;
        self.row.path.truncate(outside);
        self.row.depth -= 1;
        Ok(())
    }

    fn visit_seq<A: SeqAccess<'a>>(self, _: A) -> Result<(), A::Error> {
        let name = self.name();
        Err(A::Error::custom(match self.key {
            Key::Name(_) => format!("`{name}` is an array, not a plain value or an object"),
            Key::Position(_) => format!("{name} of the array is an array, not a plain value"),
        }))
    }
}

/// A key of an object.
struct Name<'a>(Cow<'a, str>);

impl<'a> Deserialize<'a> for Name<'a> {
    fn deserialize<D: Deserializer<'a>>(deserializer: D) -> Result<Self, D::Error> {
        struct Text;
        impl<'a> Visitor<'a> for Text {
            type Value = Name<'a>;

            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("a name")
            }
            fn visit_borrowed_str<E>(self, text: &'a str) -> Result<Name<'a>, E> {
                Ok(Name(Cow::Borrowed(text)))
            }
            fn visit_str<E: Error>(self, text: &str) -> Result<Name<'a>, E> {
                Ok(Name(Cow::Owned(text.to_owned())))
            }
        }
        deserializer.deserialize_str(Text)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{InputConfig, Keep, ReadOptions, Reader, Schema, Table};

    fn read(line: &str) -> Result<String, String> {
        let mut found = Vec::new();
        let mut visit = |key: Key<'_>, value: &Value<'_>| match key {
            Key::Name(name) => found.push(format!("{name}={}", value.0)),
            Key::Position(position) => found.push(format!("{position}={}", value.0)),
        };
        let count = values(line.as_bytes(), &mut visit).map_err(|reason| reason.to_string())?;
        assert_eq!(count, found.len(), "{line}");
        Ok(found.join(" "))
    }

    #[test]
    fn nested_objects_are_taken_apart() {
        let check = |line: &str, expected: &str| assert_eq!(read(line).unwrap(), expected, "{line}");
        check(
            r#"{"t": 1, "s": {"temp": 1.2, "p": {"in": 3, "out": null}}, "k": "x"}"#,
            "t=1 s.temp=1.2 s.p.in=3 s.p.out= k=x",
        );
        check(r#"{"s": {}, "a": {"": true, " b ": false}}"#, "a.unnamed=1 a.b=0");
        check("[1, null, \"x\"]", "0=1 1= 2=x");
        check(r#"{"a.b": 1, "a.b": 2, "a": {"c": 3}}"#, "a.b=1 a.b=2 a.c=3");
    }

    #[test]
    fn files_and_streams_have_the_same_columns() {
        let row = |row: usize, rest: &str| {
            format!(
                "{{\"n\": {}, \"sensor\": {{\"temp\": {}.5, \"on\": true{rest}}}}}\n",
                row * row % 17,
                row % 7
            )
        };
        let content: String = (0..60).map(|line| row(line, ", \"mode\": \"a\"")).collect();
        let table = Table::parse(content.as_bytes(), "a.json", &InputConfig::default()).unwrap();
        let names: Vec<&str> = table.columns.iter().map(|column| column.name.as_str()).collect();
        assert_eq!(names, ["n", "sensor.temp", "sensor.on", "sensor.mode"]);
        let schema = Schema::learn(&table, &table.normal_rows()).unwrap().schema;
        let later = [content.as_str(), &row(3, ", \"mode\": [1]"), "{\"n\": 1, \"sensor\": null}\n"].concat();
        let keep = Keep { columns: vec!["sensor.mode".into()], ..Keep::default() };
        let options = ReadOptions { keep, ..ReadOptions::default() };
        let mut reader = Reader::new(later.as_bytes(), &schema, &options).unwrap();
        let block = reader.read_all().unwrap();
        assert_eq!((block.rows.len(), block.rows[60].observed), (61, 0.25));
        assert_eq!(block.bad[0].line, 61);
        assert_eq!(block.samples.values.row(59), schema.encode(&table, &[59]).unwrap().samples.values.row(0));
        assert_eq!(block.kept.of_row(2).collect::<Vec<_>>(), ["a"]);
    }

    #[test]
    fn what_cannot_be_a_row_is_refused_by_name() {
        let check = |line: &str, expected: &str| {
            let reason = read(line).unwrap_err();
            assert!(reason.contains(expected), "{line}: {reason}");
        };
        check(r#"{"a": {"b": [1, 2]}}"#, "`a.b` is an array, not a plain value or an object at column");
        check("[1, {\"a\": 2}]", "element 1 of the array is an object, not a plain value");
        check("[[1]]", "element 0 of the array is an array");
        check(r#"{"a.b": 1, "a": {"b": 2}}"#, "there are two values named `a.b`");
        check(r#"{"a": {"b": 2}, "a": {"b": 3}}"#, "there are two values named `a.b`");
        check(r#"{"a": {"b": 2}, "a.b": 1}"#, "there are two values named `a.b`");
        check("7", "expected an object or an array");
        let deep = |depth: usize| format!("{}1{}", "{\"a\":".repeat(depth + 1), "}".repeat(depth + 1));
        assert!(read(&deep(MAX_DEPTH)).is_ok());
        check(&deep(MAX_DEPTH + 1), "is nested too deeply");
        let long = |length: usize| format!(r#"{{"{}": {{"b": 1}}}}"#, "a".repeat(length));
        assert!(read(&long(MAX_PATH - 2)).is_ok());
        check(&long(MAX_PATH - 1), "too long");
        check(&long(MAX_PATH + 1), "is nested too deeply");
    }
}
