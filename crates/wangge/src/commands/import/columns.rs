//! What the columns of a delivered file mean, and a row's values as fields of the contract.
//!
//! A column is called as the contract calls the field: `display_name`, `displayName`, or its Chinese label 姓名. Values of
//! enums may be written as their label (男), their national code (1) or their name (`SEX_MALE`). What a value means is
//! for the server to say: a value that the contract has no place for is sent as one that the server sets aside, with
//! the row as the source had it, so that one such row never stops a delivery.

use std::collections::{BTreeSet, HashMap};

use api::registry::v1::RowHead;
use base::{Error, Kind, Result, Time, Violation};
use prost_reflect::{
    DynamicMessage, EnumDescriptor, ExtensionDescriptor, FieldDescriptor, Kind as Type, MessageDescriptor,
    Value as Plain,
};
use prost_types::{FieldMask, Timestamp};
use serde_json::{Map, Value};

use super::table::Cells;
use crate::words;

/// Columns that say something of the row rather than of the element, each with its Chinese head.
const HEADS: [(&str, &str, Meaning); 4] = [
    ("source_key", "来源主键", Meaning::Key),
    ("confirmed_time", "核实时间", Meaning::Confirmed),
    ("ended", "已注销", Meaning::Ended),
    ("update_mask", "更新字段", Meaning::Mask),
];
/// The number of no value of any enum: a server that is told it sets the row aside.
const NO_VALUE: i32 = -1;
/// Unknown columns that are named; a file in which values stand as names has more of them than anybody reads.
const UNKNOWN_MAX: usize = 50;
/// A time outside every calendar, for the same end.
const NO_TIME: Timestamp = Timestamp { seconds: i64::MAX, nanos: 0 };

#[derive(Clone, Debug, PartialEq)]
enum Meaning {
    Key,
    Confirmed,
    Ended,
    Mask,
    Field(FieldDescriptor),
    /// The server makes it, so what a file says of it is not sent.
    MadeByServer,
}

/// The columns that rows about an element may have.
pub(super) struct Columns {
    element: MessageDescriptor,
    meanings: HashMap<String, Meaning>,
    required: BTreeSet<String>,
    /// Which column holds the source's key.
    key: String,
    ignored: BTreeSet<String>,
}

/// Which columns a file has.
#[derive(Debug, Default)]
pub(super) struct Survey {
    unknown: BTreeSet<String>,
    known: BTreeSet<String>,
    /// Columns that are not sent, because the server makes them.
    pub(super) made_by_server: BTreeSet<String>,
    has_key: bool,
}

/// What a row says.
#[derive(Debug)]
pub(super) struct Said {
    pub(super) head: RowHead,
    pub(super) element: DynamicMessage,
}

impl Columns {
    /// The columns of an element of the contract, such as `wangge.population.v1.Person`, with the source's key in the
    /// column `key`, and with some columns that are not looked at.
    pub(super) fn of(element: &str, key: &str, ignored: &[String]) -> Result<Self> {
        let missing = |name: &str| Error::internal("the contract lacks an element").caused_by(name.to_owned());
        let element = words::contract().get_message_by_name(element).ok_or_else(|| missing(element))?;
        let mut meanings = HashMap::new();
        let mut required = BTreeSet::new();
        for field in element.fields() {
            let behaviors = behaviors(&field);
            let meaning = if behaviors.contains(&"OUTPUT_ONLY".to_owned()) {
                Meaning::MadeByServer
            } else {
                Meaning::Field(field.clone())
            };
            if behaviors.contains(&"REQUIRED".to_owned()) {
                required.insert(field.name().to_owned());
            }
            for name in [field.name().to_owned(), field.json_name().to_owned(), label(&field)] {
                meanings.insert(name, meaning.clone());
            }
        }
        for (name, label, meaning) in HEADS {
            // Another key than the usual one takes its place, so that a row has one key.
            if meaning != Meaning::Key || [name, label].contains(&key) {
                meanings.insert(name.to_owned(), meaning.clone());
                meanings.insert(label.to_owned(), meaning);
            }
        }
        meanings.entry(key.to_owned()).or_insert(Meaning::Key);
        let ignored = ignored.iter().cloned().collect();
        Ok(Self { element, meanings, required, key: key.to_owned(), ignored })
    }

    /// Notes the names that a row, or the head of a file, uses.
    pub(super) fn survey<'a>(&self, names: impl IntoIterator<Item = &'a String>, survey: &mut Survey) {
        for name in names.into_iter().filter(|name| !self.ignored.contains(*name)) {
            survey.has_key |= self.is_key(name);
            match self.meanings.get(name) {
                None => survey.unknown.len() < UNKNOWN_MAX && survey.unknown.insert(name.clone()),
                Some(Meaning::MadeByServer) => survey.made_by_server.insert(name.clone()),
                Some(Meaning::Field(field)) => survey.known.insert(field.name().to_owned()),
                Some(_) => false,
            };
        }
    }

    /// Whether a column holds the source's key, by whichever of its names.
    fn is_key(&self, name: &str) -> bool {
        match (self.meanings.get(name), self.meanings.get(&self.key)) {
            (Some(Meaning::Key), _) => true,
            (Some(Meaning::Field(one)), Some(Meaning::Field(other))) => one == other,
            _ => false,
        }
    }

    /// Refuses columns that nobody knows, and a file without those that every row needs; answers the required ones that
    /// are missing, when `needs_all` is false.
    ///
    /// Errors: `COLUMNS`, with every unknown and every missing column.
    pub(super) fn check(&self, survey: &Survey, needs_all: bool) -> Result<Vec<String>> {
        let missing = self.required.difference(&survey.known).filter_map(|name| self.element.get_field_by_name(name));
        let missing: Vec<String> = missing.map(|field| spoken(&field)).collect();
        let mut violations = Vec::new();
        let mut fault = |field: &str, description: String| {
            violations.push(Violation { field: field.to_owned(), description });
        };
        for name in &survey.unknown {
            fault(name, "is no column that is known here; name it in --ignore to leave it out".to_owned());
        }
        if !survey.has_key {
            fault(&self.key, "is missing: the source's own key of each row; --key names another column".to_owned());
        }
        for name in missing.iter().filter(|_| needs_all) {
            fault(name, "is missing, and every row of a full delivery needs it".to_owned());
        }
        if violations.is_empty() {
            return Ok(missing);
        }
        let unused = self.element.fields().filter(|field| {
            self.meanings.get(field.name()) != Some(&Meaning::MadeByServer) && !survey.known.contains(field.name())
        });
        let unused: Vec<String> = unused.map(|field| spoken(&field)).collect();
        let message = format!("the columns do not fit; known, and not in the file, are: {}", unused.join(", "));
        let error = Error::new(Kind::Invalid, "COLUMNS", message);
        Err(violations.into_iter().fold(error, Error::with_violation))
    }

    /// What a row says; or why it cannot even be sent.
    pub(super) fn read(&self, cells: &Cells) -> Result<Said, String> {
        let mut head = RowHead::default();
        let mut fields = Map::new();
        let mut is_lossy = false;
        // What is empty says nothing.
        let says = |name: &String, value: &Value| !self.ignored.contains(name) && !value.is_null() && *value != "";
        for (name, value) in cells.iter().filter(|(name, value)| says(name, value)) {
            if self.is_key(name) {
                head.source_key = text(value).ok_or_else(|| format!("{name}: a key is a text or a whole number"))?;
            }
            let meaning = self.meanings.get(name).ok_or_else(|| format!("{name}: is no column that is known here"))?;
            match meaning {
                Meaning::Key | Meaning::MadeByServer => {}
                Meaning::Confirmed => {
                    let time = text(value).and_then(|text| Time::parse(&text).ok());
                    is_lossy |= time.is_none();
                    head.confirmed_time = Some(time.map_or(NO_TIME, rpc::time::to_proto));
                }
                Meaning::Ended => head.ended = truth(value).ok_or_else(|| format!("{name}: write 是 or 否"))?,
                Meaning::Mask => {
                    head.update_mask = Some(self.mask(value).ok_or_else(|| format!("{name}: is no text"))?);
                }
                Meaning::Field(field) => {
                    let value = fitting(field, value, &mut is_lossy).map_err(|wrong| format!("{name}: {wrong}"))?;
                    fields.insert(field.name().to_owned(), value);
                }
            }
        }
        if is_lossy {
            head.original = Value::from(cells.clone()).to_string();
        }
        let element = DynamicMessage::deserialize(self.element.clone(), Value::from(fields));
        Ok(Said { head, element: element.map_err(|wrong| wrong.to_string())? })
    }

    /// The fields that a row says it speaks of, by any of their names.
    fn mask(&self, value: &Value) -> Option<FieldMask> {
        let path = |name: &str| match self.meanings.get(name.trim()) {
            Some(Meaning::Field(field)) => field.name().to_owned(),
            _ => name.trim().to_owned(),
        };
        value.as_str().map(|names| FieldMask { paths: names.split(',').map(path).collect() })
    }
}

/// A value as the contract's JSON writes one of this field.
fn fitting(field: &FieldDescriptor, value: &Value, is_lossy: &mut bool) -> Result<Value, String> {
    match (field.kind(), value) {
        (Type::Message(_), Value::String(_)) => Err("has parts, which only NDJSON can hold".to_owned()),
        (_, Value::String(_)) if field.is_list() => Err("has several values, which only NDJSON can hold".to_owned()),
        (Type::Enum(values), Value::Array(list)) => {
            Ok(list.iter().map(|value| number_of(&values, value, is_lossy)).collect())
        }
        (Type::Enum(values), value) => Ok(number_of(&values, value, is_lossy)),
        // A bare code is what files hold; the contract tells codes from names.
        (Type::String, Value::String(code)) if field.name() == "area" && !code.contains('/') => {
            Ok(Value::from(format!("codes/{code}")))
        }
        // Programs write phone numbers and codes as numbers.
        (Type::String, Value::Number(number)) if !number.is_f64() => Ok(Value::from(number.to_string())),
        _ => Ok(value.clone()),
    }
}

/// The number of an enum's value that is written as a label, a national code, or a name.
fn number_of(values: &EnumDescriptor, value: &Value, is_lossy: &mut bool) -> Value {
    let Some(text) = value.as_str() else { return value.clone() };
    let code = |text: &str| text.parse::<u32>().ok();
    // Spreadsheets take the zeros from the front of codes, so codes are compared as numbers.
    let means = |option: &str, wanted: &str| {
        let said = |value: &prost_reflect::EnumValueDescriptor| {
            let said = option_text(&value.options(), option);
            said == wanted || code(&said).is_some_and(|said| Some(said) == code(wanted))
        };
        values.values().find(|value| said(value)).map(|value| value.number())
    };
    let text = text.trim();
    let by_name = || values.get_value_by_name(text).map(|value| value.number());
    let found = means("label_zh", text).or_else(|| means("national_code", text)).or_else(by_name);
    *is_lossy |= found.is_none();
    Value::from(found.unwrap_or(NO_VALUE))
}

/// A text, or a whole number written as one.
fn text(value: &Value) -> Option<String> {
    match value {
        Value::String(text) => Some(text.trim().to_owned()),
        Value::Number(number) if !number.is_f64() => Some(number.to_string()),
        _ => None,
    }
}

fn truth(value: &Value) -> Option<bool> {
    match value {
        Value::Bool(truth) => Some(*truth),
        Value::String(word) => match word.trim() {
            "是" | "true" | "1" => Some(true),
            "否" | "false" | "0" => Some(false),
            _ => None,
        },
        _ => None,
    }
}

/// A field as people and programs call it.
fn spoken(field: &FieldDescriptor) -> String {
    format!("{} {}", label(field), field.name())
}

fn label(field: &FieldDescriptor) -> String {
    option_text(&field.options(), "field_label_zh")
}

/// The text of one of the contract's own options.
fn option_text(options: &DynamicMessage, name: &str) -> String {
    let option = words::contract().get_extension_by_name(&format!("wangge.options.v1.{name}"));
    let text = |option: ExtensionDescriptor| options.get_extension(&option).as_str().unwrap_or_default().to_owned();
    option.map(text).unwrap_or_default()
}

/// The names of how a field behaves, such as `REQUIRED`.
fn behaviors(field: &FieldDescriptor) -> Vec<String> {
    let Some(option) = words::contract().get_extension_by_name("google.api.field_behavior") else { return Vec::new() };
    let Type::Enum(values) = option.kind() else { return Vec::new() };
    let options = field.options();
    let said = options.get_extension(&option);
    let name = |value: &Plain| Some(values.get_value(value.as_enum_number()?)?.name().to_owned());
    said.as_list().unwrap_or_default().iter().filter_map(name).collect()
}

#[cfg(test)]
#[path = "columns_tests.rs"]
mod tests;
