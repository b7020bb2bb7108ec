//! Tests of `columns`.

use api::population::v1::{CareGroup, Education, Person, PoliticalStatus, Relation, Religion, Sex};
use serde_json::json;

use super::*;

fn columns(key: &str) -> Columns {
    Columns::of("wangge.population.v1.Person", key, &["备用".to_owned()]).unwrap()
}

fn cells(value: &Value) -> Cells {
    value.as_object().unwrap().clone()
}

fn person(value: &Value) -> (RowHead, Person) {
    let said = columns("source_key").read(&cells(value)).unwrap();
    (said.head, said.element.transcode_to().unwrap())
}

#[test]
fn a_column_is_known_by_its_label_and_by_both_its_names() {
    let wanted = Person {
        display_name: "张三".to_owned(),
        area: "codes/370303008001".to_owned(),
        sex: Sex::Male.into(),
        phone: "19900000001".to_owned(),
        ..Default::default()
    };
    for row in [
        json!({"来源主键": "7", "姓名": "张三", "所在网格": "370303008001", "性别": "男", "联系方式": 19_900_000_001_u64}),
        json!({"source_key": 7, "display_name": "张三", "area": "codes/370303008001", "sex": "1", "phone": "19900000001"}),
        json!({"source_key": "7", "displayName": "张三", "area": "370303008001", "sex": "SEX_MALE", "phone": "19900000001"}),
    ] {
        let (head, person) = person(&row);
        assert_eq!((head.source_key.as_str(), head.original.as_str(), person), ("7", "", wanted.clone()), "{row}");
    }
}

#[test]
fn values_of_tables_are_read_by_label_or_national_code_with_or_without_its_zeros() {
    let (_, person) = person(&json!({
        "source_key": "1", "政治面貌": "1", "学历": "20", "宗教信仰": "00", "关爱类别": ["独居老人", "CARE_GROUP_DISABLED"],
    }));
    assert_eq!((person.political_status(), person.education()), (PoliticalStatus::PartyMember, Education::Bachelor));
    assert_eq!(person.religion(), Religion::None);
    assert_eq!(person.care_groups, [CareGroup::ElderlyAlone as i32, CareGroup::Disabled as i32]);
    // The number of the contract is not the code of the standard where the two differ.
    let relations = words::contract().get_enum_by_name("wangge.population.v1.Relation").unwrap();
    let head = number_of(&relations, &Value::from("0"), &mut false);
    assert_eq!(head, Value::from(Relation::Head as i32));
}

#[test]
fn what_no_table_has_goes_to_the_server_as_no_value_with_the_row_as_it_was() {
    let row = json!({"source_key": "1", "性别": "男性", "confirmed_time": "gestern"});
    let (head, person) = person(&row);
    assert_eq!((person.sex, head.confirmed_time), (NO_VALUE, Some(NO_TIME)));
    assert_eq!(serde_json::from_str::<Value>(&head.original).unwrap(), row);
}

#[test]
fn a_row_says_when_it_was_confirmed_whether_it_ended_and_of_what_it_speaks() {
    let row = json!({"source_key": "1", "核实时间": "2026-03-01 08:00", "已注销": "是", "update_mask": "备注,phone"});
    let (head, _) = person(&row);
    assert_eq!(head.confirmed_time.unwrap().seconds, 1_772_323_200);
    assert!(head.ended);
    assert_eq!(head.update_mask.unwrap().paths, ["note", "phone"]);
}

#[test]
fn a_field_may_be_the_key_too() {
    let said = columns("证件号码").read(&cells(&json!({"identity_number": "11010519491231002X"}))).unwrap();
    let person: Person = said.element.transcode_to().unwrap();
    assert_eq!(
        (said.head.source_key.as_str(), person.identity_number.as_str()),
        ("11010519491231002X", "11010519491231002X")
    );
}

#[test]
fn what_cannot_be_sent_says_why() {
    for (row, wanted) in [
        (json!({"source_key": [1]}), "a key is a text"),
        (json!({"source_key": "1", "ended": "maybe"}), "write 是 or 否"),
        (json!({"source_key": "1", "special_groups": "01"}), "only NDJSON"),
        (json!({"source_key": "1", "other_phones": "1,2"}), "only NDJSON"),
        (json!({"source_key": "1", "note": {"a": 1}}), "expected a string"),
    ] {
        let wrong = columns("source_key").read(&cells(&row)).unwrap_err();
        assert!(wrong.contains(wanted), "{row}: {wrong}");
    }
}

#[test]
fn unknown_and_missing_columns_are_named_together() {
    let columns = columns("编号");
    let mut survey = Survey::default();
    columns.survey(&["姓名", "身高", "备用", "出生年份"].map(str::to_owned), &mut survey);
    let error = columns.check(&survey, true).unwrap_err();
    let named: Vec<&str> = error.violations().iter().map(|violation| violation.field.as_str()).collect();
    assert_eq!(named, ["身高", "编号", "所在网格 area"]);
    assert!(error.message().contains("联系方式 phone") && !error.message().contains("姓名 display_name"), "{error}");
    assert!(survey.made_by_server.contains("出生年份"));
    let mut survey = Survey::default();
    columns.survey(&["编号", "备注"].map(str::to_owned), &mut survey);
    assert_eq!(columns.check(&survey, false).unwrap(), ["所在网格 area", "姓名 display_name"]);
}
