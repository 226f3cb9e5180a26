//! The elements of an XML part, one after the other.
//!
//! A document type definition is skipped, so that no entity but the five of XML is known, and none expands.

use super::Fault;
use quick_xml::escape::resolve_predefined_entity;
use quick_xml::events::{BytesEnd, BytesStart, Event};
use quick_xml::{Reader, XmlVersion};
use std::borrow::Cow;
use std::io::BufRead;

/// A piece of XML.
#[derive(Debug)]
pub(super) enum Node<'a> {
    /// What opens an element. An empty element is opened and closed.
    Open(Tag<'a>),
    Close(EndTag<'a>),
    Text(Cow<'a, str>),
    /// A comment and the like.
    Other,
    End,
}

/// The tag that opens an element.
#[derive(Debug)]
pub(super) struct Tag<'a>(BytesStart<'a>);

/// The tag that closes an element.
#[derive(Debug)]
pub(super) struct EndTag<'a>(BytesEnd<'a>);

/// Reads XML piece by piece.
pub(super) struct Xml<'a> {
    reader: Reader<Box<dyn BufRead + 'a>>,
    buffer: Vec<u8>,
}

impl<'a> Xml<'a> {
    pub(super) fn new(input: Box<dyn BufRead + 'a>) -> Self {
        let mut reader = Reader::from_reader(input);
        reader.config_mut().expand_empty_elements = true;
        Xml { reader, buffer: Vec::new() }
    }

    pub(super) fn next(&mut self) -> Result<Node<'_>, Fault> {
        self.buffer.clear();
        Ok(match self.reader.read_event_into(&mut self.buffer).map_err(Fault::broken)? {
            Event::Start(element) => Node::Open(Tag(element)),
            Event::End(element) => Node::Close(EndTag(element)),
            Event::Text(text) => Node::Text(text.xml10_content()),
            Event::CData(text) => Node::Text(text.xml10_content()),
            Event::GeneralRef(entity) => {
                let character = entity.resolve_char_ref().map_err(Fault::broken)?;
                match (character, resolve_predefined_entity(&entity)) {
                    (Some(character), _) => Node::Text(Cow::Owned(character.into())),
                    (None, Some(text)) => Node::Text(Cow::Borrowed(text)),
                    (None, None) => return Err(Fault::broken("it uses an XML entity of its own")),
                }
            }
            Event::Eof => Node::End,
            _ => Node::Other,
        })
    }
}

impl Tag<'_> {
    /// Whether the element has this name, without its prefix.
    pub(super) fn is(&self, name: &str) -> bool {
        self.0.local_name().as_ref() == name
    }

    /// The values of the attributes with these names, without their prefixes.
    pub(super) fn values<const N: usize>(
        &self,
        names: [&str; N],
    ) -> Result<[Option<Cow<'_, str>>; N], Fault> {
        let mut values = std::array::from_fn(|_| None);
        // Looking for repeated names takes the square of their number.
        for attribute in self.0.attributes().with_checks(false) {
            let attribute = attribute.map_err(Fault::broken)?;
            let name = attribute.key.local_name();
            if let Some(at) = names.iter().position(|&wanted| wanted == name.as_ref())
                && values[at].is_none()
            {
                values[at] =
                    Some(attribute.normalized_value(XmlVersion::Implicit1_0).map_err(Fault::broken)?);
            }
        }
        Ok(values)
    }

    /// The value of an attribute.
    pub(super) fn value(&self, name: &str) -> Result<Option<Cow<'_, str>>, Fault> {
        let [value] = self.values([name])?;
        Ok(value)
    }
}

impl EndTag<'_> {
    /// Whether the element has this name, without its prefix.
    pub(super) fn is(&self, name: &str) -> bool {
        self.0.local_name().as_ref() == name
    }
}
