//! Showing: what of an element a caller may see, by the class that the contract gives each field.

use api::options::v1::{FieldClass, SearchKind};
use base::{AreaPath, Error, Result};
use prost::Message;
use prost::encoding::{self, WireType};
use rpc::{Caller, mask};

use crate::fields::{Fields, Value, each, text_wire};
use crate::kind::Kind;
use crate::shape::{Field, Shape};

/// What a caller sees in clear.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Clearance {
    personal: bool,
    sensitive: bool,
}

impl Clearance {
    /// What the caller of a method sees in clear at a place.
    pub(crate) fn of(caller: &Caller, path: &AreaPath) -> Self {
        Self { personal: caller.sees_personal(path), sensitive: caller.sees_sensitive(path) }
    }

    /// Whether nothing is hidden.
    pub(crate) fn is_full(self) -> bool {
        self.personal && self.sensitive
    }

    fn covers(self, class: FieldClass) -> bool {
        match class {
            FieldClass::Unspecified => true,
            FieldClass::Personal => self.personal,
            FieldClass::Sensitive => self.sensitive,
            FieldClass::Secret => false,
        }
    }
}

/// The message with these fields as somebody with this clearance sees it: texts masked, other values left out.
pub(crate) fn show<M: Message + Default>(kind: &Kind, fields: &Fields, clearance: Clearance) -> Result<M> {
    let wire = fields.wire();
    let wire = if clearance.is_full() { wire } else { masked(&kind.shape, &wire, clearance)? };
    M::decode(wire.as_slice()).map_err(|wrong| Error::internal("an element cannot be shown").caused_by(wrong))
}

fn masked(shape: &Shape, wire: &[u8], clearance: Clearance) -> Result<Vec<u8>> {
    let mut shown = Vec::with_capacity(wire.len());
    let mut failed = Ok(());
    each(wire, &mut |number, value, raw| {
        let Some(field) = shape.field(number) else { return };
        let covered = clearance.covers(field.class);
        match (value, &field.inner) {
            (Value::Bytes(bytes), Some(inner)) if covered => match masked(inner, bytes, clearance) {
                Ok(inside) => {
                    encoding::encode_key(number, WireType::LengthDelimited, &mut shown);
                    encoding::encode_varint(inside.len() as u64, &mut shown);
                    shown.extend(inside);
                }
                Err(error) => failed = Err(error),
            },
            (Value::Bytes(bytes), None) if !covered && field.is_text => {
                shown.extend_from_slice(&text_wire(number, &mask_of(field, &String::from_utf8_lossy(bytes))));
            }
            _ if covered => shown.extend_from_slice(raw),
            _ => {}
        }
    })?;
    failed.map(|()| shown)
}

fn mask_of(field: &Field, text: &str) -> String {
    match (field.class, field.search) {
        (FieldClass::Secret, _) => String::new(),
        (FieldClass::Sensitive, _) => mask::text(text),
        (_, SearchKind::Name) => mask::name(text),
        (_, SearchKind::Phone) => mask::phone(text),
        (_, SearchKind::Identity | SearchKind::Code) => mask::identity(text),
        _ => mask::text(text),
    }
}
