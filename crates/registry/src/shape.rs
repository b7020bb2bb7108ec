//! What the contract says about an element: its fields with their names, owners, classes and ways to be found.

use std::collections::BTreeMap;
use std::sync::LazyLock;

use api::options::v1::{FieldClass, SearchKind, SourceKind};
use base::{Error, Result};
use prost_reflect::{DescriptorPool, DynamicMessage, FieldDescriptor, Kind, MessageDescriptor, ReflectMessage, Value};

/// `google.api.FieldBehavior` of a field that must be given.
const REQUIRED: i32 = 2;
/// … that callers may not set.
const OUTPUT_ONLY: i32 = 3;
/// … that never changes after it was set.
const IMMUTABLE: i32 = 5;

/// A message of the contract.
#[derive(Clone, Debug, Default)]
pub struct Shape {
    fields: BTreeMap<u32, Field>,
}

/// A field of the contract.
#[derive(Clone, Debug)]
pub struct Field {
    /// Its number.
    pub number: u32,
    /// Its name in the contract.
    pub name: String,
    /// Its Chinese name.
    pub label_zh: String,
    /// How sensitive it is.
    pub class: FieldClass,
    /// Whose word counts, strongest first.
    pub owners: Vec<SourceKind>,
    /// How it is searched for.
    pub search: SearchKind,
    /// The collection its resource names belong to; empty for none.
    pub link: String,
    /// Whether elements are counted by it.
    pub dimension: bool,
    /// Whether every element has it.
    pub required: bool,
    /// Whether it never changes after it was set.
    pub immutable: bool,
    /// Whether callers may not set it.
    pub output_only: bool,
    /// Whether it is a text.
    pub is_text: bool,
    /// What its values are called in Chinese, when it is an enum.
    pub labels: BTreeMap<i32, String>,
    /// What is inside, when it is a message of ours.
    pub inner: Option<Shape>,
}

impl Shape {
    /// The message with this full name, such as `wangge.population.v1.Person`. Fails when the contract has none.
    pub fn of(full_name: &str) -> Result<Self> {
        static POOL: LazyLock<Result<DescriptorPool, String>> =
            LazyLock::new(|| DescriptorPool::decode(api::DESCRIPTORS).map_err(|error| error.to_string()));
        let broken = |cause: String| Error::internal("the compiled contract cannot be read").caused_by(cause);
        let pool = POOL.as_ref().map_err(|cause| broken(cause.clone()))?;
        let message = pool.get_message_by_name(full_name);
        Ok(Self::read(&message.ok_or_else(|| broken(format!("{full_name} is not in it")))?))
    }

    fn read(message: &MessageDescriptor) -> Self {
        Self { fields: message.fields().map(|field| (field.number(), Field::read(&field))).collect() }
    }

    /// The field with this number.
    pub fn field(&self, number: u32) -> Option<&Field> {
        self.fields.get(&number)
    }

    /// The field with this name.
    pub fn named(&self, name: &str) -> Option<&Field> {
        self.fields.values().find(|field| field.name == name)
    }

    /// Every field, in the order of numbers.
    pub fn fields(&self) -> impl Iterator<Item = &Field> {
        self.fields.values()
    }
}

impl Field {
    fn read(field: &FieldDescriptor) -> Self {
        let options = field.options();
        let behaviours = numbers(&options, "google.api.field_behavior");
        let enumeration = match field.kind() {
            Kind::Enum(enumeration) => enumeration.values().collect(),
            _ => Vec::new(),
        };
        let labels = enumeration.iter().map(|value| (value.number(), text(&value.options(), "label_zh")));
        let owners = numbers(&options, "wangge.options.v1.owners");
        Self {
            number: field.number(),
            name: field.name().to_owned(),
            label_zh: text(&options, "field_label_zh"),
            class: value(&numbers(&options, "wangge.options.v1.field_class")),
            owners: owners.into_iter().filter_map(|owner| SourceKind::try_from(owner).ok()).collect(),
            search: value(&numbers(&options, "wangge.options.v1.search")),
            link: text(&options, "link"),
            dimension: truth(&options, "dimension"),
            required: behaviours.contains(&REQUIRED),
            immutable: behaviours.contains(&IMMUTABLE),
            output_only: behaviours.contains(&OUTPUT_ONLY),
            is_text: field.kind() == Kind::String,
            labels: labels.collect(),
            inner: match field.kind() {
                Kind::Message(inner) if inner.package_name().starts_with("wangge.") => Some(Shape::read(&inner)),
                _ => None,
            },
        }
    }

    /// The Chinese name, or the name in the contract where there is none.
    pub fn label(&self) -> &str {
        if self.label_zh.is_empty() { &self.name } else { &self.label_zh }
    }
}

/// The enum value of an option that was given once, or the default.
fn value<E: TryFrom<i32> + Default>(numbers: &[i32]) -> E {
    numbers.first().and_then(|number| E::try_from(*number).ok()).unwrap_or_default()
}

fn extension(options: &DynamicMessage, name: &str) -> Option<Value> {
    let extension = options.descriptor().parent_pool().get_extension_by_name(name)?;
    options.has_extension(&extension).then(|| options.get_extension(&extension).into_owned())
}

fn numbers(options: &DynamicMessage, name: &str) -> Vec<i32> {
    match extension(options, name) {
        Some(Value::EnumNumber(number)) => vec![number],
        Some(Value::List(values)) => values.iter().filter_map(Value::as_enum_number).collect(),
        _ => Vec::new(),
    }
}

fn text(options: &DynamicMessage, name: &str) -> String {
    let value = extension(options, &format!("wangge.options.v1.{name}"));
    value.and_then(|value| value.as_str().map(str::to_owned)).unwrap_or_default()
}

fn truth(options: &DynamicMessage, name: &str) -> bool {
    extension(options, &format!("wangge.options.v1.{name}")).and_then(|value| value.as_bool()).unwrap_or_default()
}

#[cfg(test)]
impl Shape {
    /// A message of unnamed fields with owners, for tests of rules that ask for nothing else.
    pub(crate) fn of_fields(fields: impl IntoIterator<Item = (u32, Vec<SourceKind>)>) -> Self {
        let field = |number, owners| Field {
            number,
            name: format!("field_{number}"),
            label_zh: String::new(),
            class: FieldClass::Unspecified,
            owners,
            search: SearchKind::Unspecified,
            link: String::new(),
            dimension: false,
            required: false,
            immutable: false,
            output_only: false,
            is_text: true,
            labels: BTreeMap::new(),
            inner: None,
        };
        Self { fields: fields.into_iter().map(|(number, owners)| (number, field(number, owners))).collect() }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_shape_is_what_the_contract_says() {
        let shape = Shape::of("wangge.population.v1.Person").unwrap();
        let phone = shape.named("phone").unwrap();
        assert_eq!((phone.label(), phone.class, phone.search), ("联系方式", FieldClass::Personal, SearchKind::Phone));
        assert_eq!(phone.owners, [SourceKind::Field]);
        let groups = shape.named("special_groups").unwrap();
        assert_eq!(groups.owners, [SourceKind::Justice, SourceKind::Police, SourceKind::Health]);
        assert!(groups.inner.as_ref().unwrap().named("kind").unwrap().dimension && !groups.is_text);
        let sex = shape.named("sex").unwrap();
        assert_eq!(sex.labels.get(&2).map(String::as_str), Some("女"));
        assert!(shape.named("display_name").unwrap().required && shape.named("etag").unwrap().output_only);
        assert!(shape.fields().all(|field| !field.label_zh.is_empty()), "every field has its Chinese name");
        assert!(Shape::of("wangge.population.v1.Nobody").is_err());
    }
}
