//! An element's values by field number, in the wire form of the contract.
//!
//! What the registries do with elements (merge, compare, mask, show) they do with whole fields, whatever these mean.
//! A field's wire form holds its tags, so the fields of an element laid one after another are the element again.

use std::collections::BTreeMap;

use base::{Error, Kind, Result};
use bytes::{Buf, Bytes};
use prost::Message;
use prost::encoding::{self, DecodeContext, WireType};

/// The values of an element by field number. Equal values have equal bytes, because they were written by one encoder.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Fields(BTreeMap<u32, Bytes>);

/// One value on the wire.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Value<'a> {
    /// A number, a bool or an enum value.
    Varint(u64),
    /// A text, a message, bytes, or packed numbers.
    Bytes(&'a [u8]),
    /// Anything else; nobody looks into it.
    Other,
}

impl Fields {
    /// The fields of a message that have a value.
    pub fn of(message: &impl Message) -> Self {
        // What prost writes it can read again.
        Self::read(&message.encode_to_vec().into()).unwrap_or_default()
    }

    /// Reads an element's wire form.
    pub(crate) fn read(wire: &Bytes) -> Result<Self> {
        let mut fields = BTreeMap::<u32, Bytes>::new();
        let mut at = 0;
        each(wire, &mut |number, _, raw| {
            let piece = wire.slice(at..at + raw.len());
            at += raw.len();
            match fields.get_mut(&number) {
                Some(value) => *value = [value.as_ref(), &piece].concat().into(),
                None => drop(fields.insert(number, piece)),
            }
        })?;
        Ok(Self(fields))
    }

    /// The message with these fields.
    pub fn decode<M: Message + Default>(&self) -> Result<M> {
        M::decode(self.wire().as_slice()).map_err(|wrong| malformed().caused_by(wrong))
    }

    /// The element's wire form.
    pub(crate) fn wire(&self) -> Vec<u8> {
        self.0.values().flat_map(|value| value.iter().copied()).collect()
    }

    /// The wire form of one field; none when it has no value.
    pub fn get(&self, number: u32) -> Option<&Bytes> {
        self.0.get(&number)
    }

    /// Gives a field a wire form; an empty one takes its value away.
    pub(crate) fn set(&mut self, number: u32, value: Bytes) {
        if value.is_empty() { drop(self.0.remove(&number)) } else { drop(self.0.insert(number, value)) }
    }

    /// The text of a text field; empty when it has no value.
    pub fn text(&self, number: u32) -> String {
        let mut text = String::new();
        let read = self.0.get(&number).map(|wire| {
            each(wire, &mut |_, value, _| {
                if let Value::Bytes(bytes) = value {
                    text = String::from_utf8_lossy(bytes).into_owned();
                }
            })
        });
        // A malformed value has no text; decoding the element says what is wrong with it.
        read.map_or(Ok(()), |read| read).map_or_else(|_| String::new(), |()| text)
    }

    /// Gives a text field a text.
    pub fn set_text(&mut self, number: u32, text: &str) {
        self.set(number, text_wire(number, text));
    }

    /// Every field with a value, in the order of numbers.
    pub fn iter(&self) -> impl Iterator<Item = (u32, &Bytes)> {
        self.0.iter().map(|(number, value)| (*number, value))
    }

    /// Keeps the fields whose number is wanted.
    pub(crate) fn retain(&mut self, wanted: impl Fn(u32) -> bool) {
        self.0.retain(|number, _| wanted(*number));
    }
}

impl FromIterator<(u32, Bytes)> for Fields {
    fn from_iter<I: IntoIterator<Item = (u32, Bytes)>>(fields: I) -> Self {
        Self(fields.into_iter().filter(|(_, value)| !value.is_empty()).collect())
    }
}

/// The wire form of a text field.
pub(crate) fn text_wire(number: u32, text: &str) -> Bytes {
    let mut wire = Vec::new();
    if !text.is_empty() {
        encoding::string::encode(number, &text.to_owned(), &mut wire);
    }
    wire.into()
}

/// The wire form of a message field.
pub(crate) fn message_wire(number: u32, message: &impl Message) -> Bytes {
    let mut wire = Vec::new();
    encoding::message::encode(number, message, &mut wire);
    wire.into()
}

/// Visits every value of a wire form with its number and its whole bytes, tag included.
pub(crate) fn each(wire: &[u8], visit: &mut dyn FnMut(u32, Value<'_>, &[u8])) -> Result<()> {
    let wrong = |error: prost::DecodeError| malformed().caused_by(error);
    let mut rest = wire;
    while rest.has_remaining() {
        let begin = rest;
        let (number, form) = encoding::decode_key(&mut rest).map_err(wrong)?;
        let value = match form {
            WireType::Varint => Value::Varint(encoding::decode_varint(&mut rest).map_err(wrong)?),
            WireType::LengthDelimited => {
                let length = encoding::decode_varint(&mut rest).map_err(wrong)?;
                let length = usize::try_from(length).map_err(|_| malformed())?;
                let (bytes, behind) = rest.split_at_checked(length).ok_or_else(malformed)?;
                rest = behind;
                Value::Bytes(bytes)
            }
            other => {
                encoding::skip_field(other, number, &mut rest, DecodeContext::default()).map_err(wrong)?;
                Value::Other
            }
        };
        visit(number, value, &begin[..begin.len() - rest.len()]);
    }
    Ok(())
}

/// The numbers of a packed field.
pub(crate) fn packed(mut bytes: &[u8]) -> Vec<u64> {
    let mut numbers = Vec::new();
    while let Ok(number) = encoding::decode_varint(&mut bytes) {
        numbers.push(number);
    }
    numbers
}

fn malformed() -> Error {
    Error::new(Kind::Corrupt, "MALFORMED_ELEMENT", "the values of an element cannot be read")
}

#[cfg(test)]
mod tests {
    use super::*;
    use api::registry::v1::{Claim, Provenance, RowHead};

    #[test]
    fn an_element_is_its_fields_laid_one_after_another() {
        let claim = Claim {
            element: "persons/1".to_owned(),
            field: "phone".to_owned(),
            provenance: Some(Provenance { kind: 4, source: "police".to_owned(), ..Default::default() }),
        };
        let fields = Fields::of(&claim);
        assert_eq!(fields.iter().map(|(number, _)| number).collect::<Vec<_>>(), [1, 2, 3]);
        assert_eq!(fields.text(2), "phone");
        assert_eq!(fields.decode::<Claim>().unwrap(), claim);
    }

    #[test]
    fn all_values_of_a_repeated_field_are_one_field() {
        let mask = prost_types::FieldMask { paths: vec!["a".to_owned(), "b".to_owned()] };
        let fields = Fields::of(&mask);
        assert_eq!(fields.iter().count(), 1);
        assert_eq!(fields.decode::<prost_types::FieldMask>().unwrap(), mask);
        assert_eq!(Fields::of(&RowHead::default()), Fields::default());
    }

    #[test]
    fn torn_values_are_damage_and_not_an_element() {
        let wire = text_wire(1, "张三");
        assert!(Fields::read(&wire.slice(..wire.len() - 1)).is_err());
    }
}
