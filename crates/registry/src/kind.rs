//! A kind of element: a message of the contract, its collection, and its rules.

use std::sync::Arc;

use api::options::v1::FieldClass;
use api::stored::registry::v1 as bytes;
use base::{Error, Id, Resource, Result, Time, limits};
use bytes::{Dimension, Link, Record};
use prost_types::{FieldMask, Timestamp};

use crate::fields::{Fields, Value, each, message_wire, packed, text_wire};
use crate::merge;
use crate::rules::{Faults, Rules};
use crate::secret::Secret;
use crate::shape::{Field, Shape};
use crate::words::words_of;

/// The field that says in which area an element is: `areas/{area}`, or `codes/{code}` on the way in.
const AREA: &str = "area";

/// Any element: its id does not know its kind, the collection in front of it does.
pub(crate) struct Element;
impl Resource for Element {
    const COLLECTION: &'static str = "elements";
}
/// The id of an element of any kind.
pub(crate) type ElementId = Id<Element>;

/// Whether a text has the form of a resource name of this collection.
pub fn is_name(collection: &str, name: &str) -> bool {
    read_name(collection, name).is_some()
}

fn read_name(collection: &str, name: &str) -> Option<ElementId> {
    let id = name.strip_prefix(collection)?.strip_prefix('/')?;
    ElementId::parse_name(&format!("{}/{id}", Element::COLLECTION)).ok()
}

/// A kind of element.
pub struct Kind {
    /// Its number in its service; on disk, never used again for another kind.
    pub number: u32,
    /// The collection of its resource names, such as `persons`.
    pub collection: &'static str,
    /// What the contract says about it.
    pub shape: Shape,
    pub(crate) rules: Arc<dyn Rules>,
    head: Head,
}

/// The numbers of the fields that the registry itself fills.
struct Head {
    name: u32,
    area: u32,
    etag: u32,
    create_time: u32,
    update_time: u32,
    delete_time: u32,
}

impl Kind {
    /// The kind of the message with this full name. It must have the text fields `name`, `area` and `etag` and the
    /// timestamps `create_time`, `update_time` and `delete_time`; all but `area` are OUTPUT_ONLY.
    pub fn new(number: u32, collection: &'static str, message: &str, rules: impl Rules) -> Result<Self> {
        let shape = Shape::of(message)?;
        let number_of = |field: &str| {
            let missing = || Error::internal(format!("{message} has no field {field}, which every element has"));
            shape.named(field).map(|field| field.number).ok_or_else(missing)
        };
        let head = Head {
            name: number_of("name")?,
            area: number_of(AREA)?,
            etag: number_of("etag")?,
            create_time: number_of("create_time")?,
            update_time: number_of("update_time")?,
            delete_time: number_of("delete_time")?,
        };
        Ok(Self { number, collection, shape, rules: Arc::new(rules), head })
    }

    /// The resource name of an element.
    pub(crate) fn name(&self, id: &[u8]) -> String {
        let id = ElementId::from_slice(id).map(|id| id.name()).unwrap_or_default();
        id.replacen(Element::COLLECTION, self.collection, 1)
    }

    /// Reads a resource name; the error says what a right one looks like.
    pub(crate) fn parse(&self, name: &str) -> Result<ElementId, String> {
        let id = read_name(self.collection, name);
        id.ok_or_else(|| format!("must be a name like {}/0198b1c2-7a3e-7cc1-9c7e-2f6d3a1b4c5d", self.collection))
    }

    /// The area that the fields name.
    pub(crate) fn area(&self, fields: &Fields) -> String {
        fields.text(self.head.area)
    }

    pub(crate) fn set_area(&self, fields: &mut Fields, area: &str) {
        fields.set_text(self.head.area, area);
    }

    pub(crate) const fn area_number(&self) -> u32 {
        self.head.area
    }

    /// Takes away what callers do not set.
    pub(crate) fn keep_settable(&self, fields: &mut Fields) {
        fields.retain(|number| self.shape.field(number).is_some_and(|field| !field.output_only));
    }

    /// The element as the contract shows it, to somebody who may see all of it.
    pub(crate) fn shown(&self, record: &Record) -> Fields {
        let mut fields = merge::fields(record);
        self.rules.complete(&mut fields);
        fields.set(self.head.name, text_wire(self.head.name, &self.name(&record.id)));
        fields.set(self.head.etag, text_wire(self.head.etag, &etag(record)));
        let times = [
            (self.head.create_time, record.create_time_us),
            (self.head.update_time, record.update_time_us),
            (self.head.delete_time, record.delete_time_us),
        ];
        for (number, micros) in times.into_iter().filter(|(_, micros)| *micros != 0) {
            let (seconds, nanos) = Time::from_micros(micros).seconds_and_nanos();
            fields.set(number, message_wire(number, &Timestamp { seconds, nanos }));
        }
        fields
    }

    /// Leaves of what was said only what a mask names, if there is one, and answers the fields that it clears.
    ///
    /// Notes paths that are no field of the element, or none that callers set.
    pub(crate) fn restrict(&self, said: &mut Fields, mask: Option<&FieldMask>, faults: &mut Faults) -> Vec<u32> {
        let Some(mask) = mask.filter(|mask| !mask.paths.is_empty()) else { return Vec::new() };
        let mut named = Vec::new();
        for path in &mask.paths {
            match self.shape.named(path).filter(|field| !field.output_only) {
                Some(field) => named.push(field.number),
                None => faults.add("UNKNOWN_FIELD", path, "is no field that can be set; a mask names whole fields"),
            }
        }
        said.retain(|number| named.contains(&number));
        named.retain(|number| said.get(*number).is_none());
        named
    }

    /// Notes what holds for every kind: no masked value, no text without end.
    pub(crate) fn check_texts(&self, said: &Fields, faults: &mut Faults) {
        for (_, wire) in said.iter() {
            check_texts(&self.shape, wire, "", faults);
        }
    }

    /// Brings the derived parts of a record up to date with its values.
    pub(crate) fn derive(&self, record: &mut Record, kinds: &[Arc<Kind>], secret: &Secret) {
        let mut element = merge::fields(record);
        self.rules.complete(&mut element);
        let mut words = words_of(&self.shape, &element, secret);
        self.rules.words(&element, &mut words);
        words.sort_unstable();
        words.dedup();
        let word = |word: crate::words::Word| bytes::Word { kind: word.kind as u32, text: word.text.into() };
        record.words = words.into_iter().map(word).collect();
        let (mut dimensions, mut links) = (Vec::new(), Vec::new());
        for (_, wire) in element.iter() {
            gather(&self.shape, wire, 0, &mut |field, above, value| {
                if field.dimension {
                    dimensions.push(Dimension { number: above * 1_000 + field.number, value: value.clone() });
                }
                let target = kinds.iter().find(|kind| kind.collection == field.link);
                if let Some((kind, Ok(id))) = target.map(|kind| (kind, kind.parse(&value))) {
                    links.push(Link { kind: kind.number, id: id.bytes().to_vec().into() });
                }
            });
        }
        dimensions.sort_by(|one, other| (one.number, &one.value).cmp(&(other.number, &other.value)));
        dimensions.dedup();
        links.sort_by(|one, other| (one.kind, &one.id).cmp(&(other.kind, &other.id)));
        links.dedup();
        (record.dimensions, record.links) = (dimensions, links);
    }

    /// The dimension that a path such as `sex` or `special_groups.kind` names, with its number in the counts.
    pub(crate) fn dimension(&self, path: &str) -> Option<(u32, &Field)> {
        let mut names = path.split('.');
        let outer = self.shape.named(names.next()?)?;
        let (number, field) = match names.next() {
            None => (outer.number, outer),
            Some(name) => {
                let inner = outer.inner.as_ref()?.named(name)?;
                (outer.number * 1_000 + inner.number, inner)
            }
        };
        (field.dimension && names.next().is_none()).then_some((number, field))
    }

    /// Whether a dimension is about something sensitive.
    pub(crate) fn is_sensitive(&self, path: &str) -> bool {
        let outer = path.split('.').next().and_then(|name| self.shape.named(name));
        let inner = self.dimension(path).map(|(_, field)| field.class);
        outer.map(|field| field.class) == Some(FieldClass::Sensitive) || inner == Some(FieldClass::Sensitive)
    }
}

/// What binds a change to the state its author saw.
pub(crate) fn etag(record: &Record) -> String {
    format!("\"{}\"", record.revision)
}

/// Visits every text and number with its field and the number of the field it is inside.
fn gather(shape: &Shape, wire: &[u8], above: u32, visit: &mut dyn FnMut(&Field, u32, String)) {
    let read = each(wire, &mut |number, value, _| {
        let Some(field) = shape.field(number) else { return };
        match (value, &field.inner) {
            (Value::Bytes(bytes), Some(inner)) => gather(inner, bytes, number, visit),
            (Value::Bytes(bytes), None) if field.is_text => {
                visit(field, above, String::from_utf8_lossy(bytes).into_owned());
            }
            (Value::Bytes(bytes), None) => {
                packed(bytes).into_iter().for_each(|number| visit(field, above, number.to_string()));
            }
            (Value::Varint(number), _) => visit(field, above, number.to_string()),
            (Value::Other, _) => {}
        }
    });
    // What cannot be read is counted nowhere; decoding the element says what is wrong with it.
    drop(read);
}

fn check_texts(shape: &Shape, wire: &[u8], parent: &str, faults: &mut Faults) {
    let read = each(wire, &mut |number, value, _| {
        let (Some(field), Value::Bytes(bytes)) = (shape.field(number), value) else { return };
        let path = format!("{parent}{}", field.name);
        if let Some(inner) = &field.inner {
            check_texts(inner, bytes, &format!("{path}."), faults);
        } else if field.is_text {
            let text = String::from_utf8_lossy(bytes);
            let short = field.search != api::options::v1::SearchKind::Unspecified;
            let masked = if short { rpc::mask::is_masked(&text) } else { rpc::mask::is_masked_text(&text) };
            if masked && field.class != FieldClass::Unspecified {
                faults.add("MASKED_VALUE", &path, format!("{} is masked; give the real value or none", field.label()));
            }
            if text.chars().count() > limits::TEXT_CHARS_MAX {
                let limit = limits::TEXT_CHARS_MAX;
                faults.add("TOO_LONG", &path, format!("{} must have at most {limit} characters", field.label()));
            }
        }
    });
    if read.is_err() {
        faults.add("MALFORMED_ELEMENT", parent, "cannot be read");
    }
}
