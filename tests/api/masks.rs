//! Personal fields: in clear for those who handle the case, masked for auditors and departments, never written back.

use std::collections::BTreeSet;

use api::events::v1::{Event, EventFilter, GetEventRequest, ReportEventRequest, Reporter};
use api::staff::v1::GetPrincipalRequest;
use prost::Message;
use prost_reflect::{
    DescriptorPool, DynamicMessage, ExtensionDescriptor, FieldDescriptor, MessageDescriptor, ReflectMessage, Value,
};
use tests::{Caller, Town, Watch, count, done, list_all, refused, report_at};

fn personal_report() -> ReportEventRequest {
    ReportEventRequest {
        reporter: Some(Reporter { display_name: "张三".to_owned(), phone: "13812341234".to_owned() }),
        address: "坛山街道光明路12号".to_owned(),
        ..report_at(0.5, 0.5)
    }
}

/// What a caller sees of an event: by get, list and watch, which must agree.
async fn seen_by(caller: &Caller, event: &Event, before: &str) -> (String, String, String) {
    let got = done(caller.events().get_event(GetEventRequest { name: event.name.clone() }).await);
    let (listed, _) = list_all(caller, &EventFilter::default(), 0).await;
    assert_eq!(listed, std::slice::from_ref(&got), "list = get");
    let mut watch = Watch::begin(caller, &EventFilter::default(), before, Vec::new()).await;
    watch.until(|state| state.len() == 1).await;
    assert_eq!(watch.state.get(&event.name), Some(&got), "watch = get");
    let reporter = got.reporter.unwrap_or_default();
    (reporter.display_name, reporter.phone, got.address)
}

#[tokio::test]
async fn everyone_sees_a_report_as_their_post_allows_by_get_list_and_watch() {
    let town = Town::start().await;
    let (_, before) = list_all(&town.people.desk, &EventFilter::default(), 0).await;
    let event = done(town.people.worker_a.events().report_event(personal_report()).await);
    let clear = ("张三".to_owned(), "13812341234".to_owned(), "坛山街道光明路12号".to_owned());
    let masked = ("张*".to_owned(), "138****1234".to_owned(), "***".to_owned());
    for (who, caller) in town.people.all() {
        let wanted = match who {
            "desk_b" | "worker_b" => continue,
            "auditor" | "department" => &masked,
            _ => &clear,
        };
        assert_eq!(seen_by(caller, &event, &before).await, *wanted, "{who}");
    }
}

#[tokio::test]
async fn a_masked_value_is_never_taken_in() {
    let town = Town::start().await;
    done(town.people.worker_a.events().report_event(personal_report()).await);
    let (seen, _) = list_all(&town.people.auditor, &EventFilter::default(), 0).await;
    let masked = ReportEventRequest {
        reporter: seen[0].reporter.clone(),
        address: seen[0].address.clone(),
        ..report_at(0.5, 0.5)
    };
    let refusal = refused(town.people.worker_a.events().report_event(masked).await);
    refusal.expect_fields(&["reporter.display_name", "reporter.phone", "address"]);
    let full_width = Reporter { display_name: String::new(), phone: "138＊＊＊＊1234".to_owned() };
    let masked = ReportEventRequest { reporter: Some(full_width), ..report_at(0.5, 0.5) };
    refused(town.people.worker_a.events().report_event(masked).await).expect_fields(&["reporter.phone"]);
    assert_eq!(count(&town.people.desk, &EventFilter::default()).await, 1);
}

#[tokio::test]
async fn an_anonymous_report_has_nothing_to_mask() {
    let town = Town::start().await;
    let event = done(town.people.worker_a.events().report_event(report_at(0.5, 0.5)).await);
    let seen = done(town.people.auditor.events().get_event(GetEventRequest { name: event.name }).await);
    assert_eq!((seen.reporter, seen.address.as_str()), (None, ""));
}

#[tokio::test]
async fn an_address_at_the_corner_of_two_streets_is_no_mask() {
    let town = Town::start().await;
    // As clerks of the Tainan hotline really write it.
    let address = "永康區中華路*中正南路".to_owned();
    let report = ReportEventRequest { address: address.clone(), ..report_at(0.5, 0.5) };
    assert_eq!(done(town.people.worker_a.events().report_event(report).await).address, address);
}

/// What the contract says about its fields.
struct Classes {
    pool: DescriptorPool,
    class: ExtensionDescriptor,
}

impl Classes {
    const PERSONAL: i32 = api::options::v1::FieldClass::Personal as i32;

    fn load() -> Self {
        let pool = DescriptorPool::decode(api::DESCRIPTORS).unwrap();
        let class = pool.get_extension_by_name("wangge.options.v1.field_class").unwrap();
        Self { pool, class }
    }

    fn is_personal(&self, field: &FieldDescriptor) -> bool {
        field.options().get_extension(&self.class).as_enum_number() == Some(Self::PERSONAL)
    }

    /// Every personal field that an answer of events or staff can hold.
    fn all(&self) -> BTreeSet<String> {
        let is_answer = |message: &MessageDescriptor| {
            ["wangge.events.v1", "wangge.staff.v1"].contains(&message.package_name())
                && !message.name().ends_with("Request")
        };
        let messages = self.pool.all_messages().filter(is_answer);
        let fields = messages.flat_map(|message| message.fields().collect::<Vec<_>>());
        fields.filter(|field| self.is_personal(field)).map(|field| field.full_name().to_owned()).collect()
    }

    /// Demands that exactly the personal fields differ; adds them to `met`.
    fn compare(&self, clear: &DynamicMessage, masked: &DynamicMessage, met: &mut BTreeSet<String>) {
        for field in clear.descriptor().fields() {
            let (clear, masked) = (clear.get_field(&field), masked.get_field(&field));
            match (&*clear, &*masked) {
                (Value::Message(clear), Value::Message(masked)) => self.compare(clear, masked, met),
                (clear, masked) if self.is_personal(&field) => {
                    assert_ne!(clear, masked, "{} is personal", field.full_name());
                    met.insert(field.full_name().to_owned());
                }
                (clear, masked) => assert_eq!(clear, masked, "{} is not personal", field.full_name()),
            }
        }
    }

    fn compare_as(&self, name: &str, clear: &impl Message, masked: &impl Message, met: &mut BTreeSet<String>) {
        let descriptor = self.pool.get_message_by_name(name).unwrap();
        let read = |bytes: Vec<u8>| DynamicMessage::decode(descriptor.clone(), bytes.as_slice()).unwrap();
        self.compare(&read(clear.encode_to_vec()), &read(masked.encode_to_vec()), met);
    }
}

#[tokio::test]
async fn exactly_the_fields_that_the_contract_calls_personal_are_masked() {
    let town = Town::start().await;
    let (desk, auditor) = (&town.people.desk, &town.people.auditor);
    let mut met = BTreeSet::new();
    let classes = Classes::load();
    let event = done(desk.events().report_event(personal_report()).await);
    let get = GetEventRequest { name: event.name };
    let clear = done(desk.events().get_event(get.clone()).await);
    let masked = done(auditor.events().get_event(get).await);
    classes.compare_as("wangge.events.v1.Event", &clear, &masked, &mut met);
    let get = GetPrincipalRequest { name: town.people.worker_a.name.clone() };
    let clear = done(desk.staff().get_principal(get.clone()).await);
    let masked = done(auditor.staff().get_principal(get).await);
    classes.compare_as("wangge.staff.v1.Principal", &clear, &masked, &mut met);
    assert_eq!(met, classes.all(), "a personal field that nothing here fills in proves nothing");
}
