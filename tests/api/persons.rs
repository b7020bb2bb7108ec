//! Persons: what everybody sees of them, whose word counts, and what becomes of a change.

use api::options::v1::SourceKind;
use api::population::v1::watch_persons_response::Change;
use api::population::v1::{
    CareGroup, CountPersonsRequest, CreatePersonRequest, DecidePersonClaimRequest, DeletePersonRequest,
    GetPersonProvenanceRequest, GetPersonRequest, ListPersonChangesRequest, ListPersonClaimsRequest,
    ListPersonsRequest, ListSimilarPersonsRequest, Person, Religion, RestorePersonRequest, Sex, SpecialGroup,
    SpecialGroupKind, UpdatePersonRequest, WatchPersonsRequest,
};
use api::registry::v1::ChangeKind;
use prost_types::FieldMask;
use tests::{Caller, Town, citizen_number, create, done, person, refused, request_id, search};
use tonic::Code;

async fn get(caller: &Caller, name: &str) -> Person {
    done(caller.population().get_person(GetPersonRequest { name: name.to_owned() }).await)
}

async fn list(caller: &Caller) -> Vec<Person> {
    done(caller.population().list_persons(ListPersonsRequest::default()).await).persons
}

async fn update(caller: &Caller, person: Person, fields: &[&str], source: SourceKind) -> Person {
    let paths = fields.iter().map(|&field| field.to_owned()).collect();
    let request = UpdatePersonRequest {
        person: Some(person),
        update_mask: Some(FieldMask { paths }),
        source_kind: source.into(),
        reason: "走访核实".to_owned(),
        request_id: request_id(),
    };
    done(caller.population().update_person(request).await)
}

async fn count(caller: &Caller, area: &str, dimension: &str) -> Vec<(String, i64)> {
    let request = CountPersonsRequest { area: area.to_owned(), dimension: dimension.to_owned(), by_area_below: false };
    let counts = done(caller.population().count_persons(request).await).counts;
    counts.into_iter().map(|count| (count.label_zh, count.count)).collect()
}

#[tokio::test]
async fn list_count_search_and_watch_show_each_caller_the_same_persons() {
    let town = Town::start().await;
    let desk = &town.people.desk;
    let cursor = done(desk.population().list_persons(ListPersonsRequest::default()).await).cursor;
    for (name, code, serial) in [("张三丰", "A1", 1), ("单雄信", "A2", 2), ("李四", "B1", 3)] {
        create(desk, person(name, &town.land.name(code), serial)).await;
    }
    for (who, caller) in town.people.all() {
        if who == "department" {
            let answer = caller.population().list_persons(ListPersonsRequest::default()).await;
            refused(answer).expect(Code::PermissionDenied, "ACTION_NOT_ALLOWED");
            continue;
        }
        let listed = list(caller).await;
        let total = count(caller, "", "").await;
        assert_eq!(total.iter().map(|(_, count)| count).sum::<i64>(), listed.len() as i64, "{who}");
        let visible = |name: &str| {
            let seen: &[&str] = match who {
                "administrator" | "desk" | "auditor" => &["张三丰", "单雄信", "李四"],
                "desk_b" | "worker_b" => &["李四"],
                "micro_a1" => &["张三丰"],
                _ => &["张三丰", "单雄信"],
            };
            seen.contains(&name)
        };
        for name in ["张三丰", "单雄信", "李四"] {
            assert_eq!(search(caller, name, 0).await.len(), usize::from(visible(name)), "{who} {name}");
        }
        let mut watch = done(
            caller
                .population()
                .watch_persons(WatchPersonsRequest { cursor: cursor.clone(), ..Default::default() })
                .await,
        );
        let mut watched = Vec::new();
        while watched.len() < listed.len() {
            if let Some(Change::Person(person)) = watch.message().await.unwrap().unwrap().change {
                watched.push(person);
            }
        }
        watched.sort_by(|one, other| one.name.cmp(&other.name));
        let mut sorted = listed.clone();
        sorted.sort_by(|one, other| one.name.cmp(&other.name));
        assert_eq!(watched, sorted, "{who}: watch = list");
        for person in &listed {
            assert_eq!(get(caller, &person.name).await, *person, "{who}: get = list");
        }
    }
    let hidden = list(&town.people.desk_b).await[0].name.clone();
    let request = GetPersonRequest { name: hidden };
    refused(town.people.worker_a.population().get_person(request).await).expect(Code::NotFound, "NOT_FOUND");
}

#[tokio::test]
async fn a_person_is_found_by_name_pinyin_initials_phone_and_identity_number() {
    let town = Town::start().await;
    let desk = &town.people.desk;
    for (name, serial) in [("单雄信", 1), ("单雄", 2), ("王单雄", 3), ("善雄", 4)] {
        create(desk, person(name, &town.land.name("A1"), serial)).await;
    }
    // The whole name, then an ending, then a beginning.
    assert_eq!(search(desk, "单雄", 1).await, ["单雄", "王单雄", "单雄信"]);
    assert_eq!(search(desk, "shanx", 1).await.len(), 3);
    assert_eq!(search(desk, "sxx", 0).await, ["单雄信"]);
    assert_eq!(search(desk, "10000003", 0).await, ["王单雄"]);
    assert_eq!(search(desk, "0004", 0).await, ["善雄"]);
    assert_eq!(search(desk, "13810000003", 0).await, ["王单雄"]);
    assert!(search(desk, "004", 0).await.is_empty(), "three digits are too few");
    assert_eq!(search(desk, &citizen_number(2).to_lowercase(), 0).await, ["单雄"]);
    assert!(search(desk, &citizen_number(2)[..17], 0).await.is_empty(), "a part of a number finds nobody");
    // An auditor cannot try numbers out.
    assert!(search(&town.people.auditor, &citizen_number(2), 0).await.is_empty());
    assert_eq!(search(&town.people.auditor, "善雄", 0).await, ["善*"]);
}

#[tokio::test]
async fn everybody_sees_of_a_person_what_the_class_of_each_field_allows() {
    let town = Town::start().await;
    let full = Person {
        religion: Religion::Taoism.into(),
        health: "高血压".to_owned(),
        special_groups: vec![SpecialGroup { kind: SpecialGroupKind::Mental.into(), ..Default::default() }],
        care_groups: vec![CareGroup::ElderlyAlone.into()],
        ..person("张三", &town.land.name("A1"), 7)
    };
    let entered = create(&town.people.desk, full).await;
    assert_eq!((entered.sex(), entered.birth_year), (Sex::Male, 1940));
    let walks = get(&town.people.worker_a, &entered.name).await;
    assert_eq!((walks.display_name.as_str(), walks.phone.as_str()), ("张三", entered.phone.as_str()));
    assert_eq!((walks.religion(), walks.health.as_str()), (Religion::Unspecified, "***"));
    assert!(walks.special_groups.is_empty() && walks.care_groups.len() == 1);
    let audits = get(&town.people.auditor, &entered.name).await;
    assert_eq!((audits.display_name.as_str(), audits.phone.as_str()), ("张*", "138****0007"));
    assert_eq!(audits.identity_number, format!("3704**********{}", &entered.identity_number[14..]));
    assert_eq!((audits.birth_date.as_str(), audits.care_groups.len()), ("***", 0));
    // What was seen masked is never written back.
    let masked = Person { name: entered.name.clone(), area: String::new(), ..audits };
    let request = UpdatePersonRequest { person: Some(masked), request_id: request_id(), ..Default::default() };
    let refusal = refused(town.people.worker_a.population().update_person(request).await);
    refusal.expect(Code::InvalidArgument, "INVALID_FIELDS");
    assert!(refusal.metadata["reasons"].contains("MASKED_VALUE"), "{refusal:?}");
    // A count tells as much as a list.
    let by_group = CountPersonsRequest { dimension: "special_groups.kind".to_owned(), ..Default::default() };
    let refusal = refused(town.people.worker_a.population().count_persons(by_group).await);
    refusal.expect(Code::PermissionDenied, "SENSITIVE_DIMENSION");
    let counted = count(&town.people.desk, "", "special_groups.kind").await;
    assert_eq!(counted, [("严重精神障碍患者".to_owned(), 1)]);
}

#[tokio::test]
async fn counts_follow_every_change_in_every_area_above() {
    let town = Town::start().await;
    let (desk, land) = (&town.people.desk, &town.land);
    let man = create(desk, person("张三", &land.name("A1"), 1)).await;
    create(desk, person("李四", &land.name("A2"), 11)).await;
    let woman = create(desk, person("王五", &land.name("B1"), 2)).await;
    let labelled = |men: i64, women: i64| vec![("男".to_owned(), men), ("女".to_owned(), women)];
    assert_eq!(count(desk, &land.name("S"), "sex").await, labelled(2, 1));
    assert_eq!(count(desk, &land.name("A"), "sex").await, labelled(2, 0)[..1]);
    let moved = Person { area: land.name("B2"), ..man.clone() };
    update(desk, moved, &["area"], SourceKind::Unspecified).await;
    assert_eq!(count(desk, &land.name("B"), "sex").await, labelled(1, 1));
    let below = CountPersonsRequest { area: land.name("S"), by_area_below: true, ..Default::default() };
    let below = done(desk.population().count_persons(below).await).counts;
    let below: Vec<(String, i64)> = below.into_iter().map(|count| (count.area_path, count.count)).collect();
    assert_eq!(below, [(land.path("A"), 1), (land.path("B"), 2)]);
    let gone = DeletePersonRequest { name: woman.name, reason: "重复录入".to_owned(), ..Default::default() };
    done(desk.population().delete_person(gone).await);
    assert_eq!(count(desk, &land.name("B"), "sex").await, labelled(1, 0)[..1]);
}

#[tokio::test]
async fn every_fault_is_told_at_once() {
    let town = Town::start().await;
    let wrong = Person {
        area: "areas/none".to_owned(),
        identity_number: "110105194912310021".to_owned(),
        phone: "12345".to_owned(),
        death_date: "soon".to_owned(),
        ..Default::default()
    };
    let request = CreatePersonRequest { person: Some(wrong), ..Default::default() };
    let refusal = refused(town.people.desk.population().create_person(request).await);
    refusal.expect_fields(&["person.area", "person.identity_number", "person.phone", "person.death_date"]);
    let nameless = Person { display_name: String::new(), ..person("", &town.land.name("A1"), 1) };
    let request = CreatePersonRequest { person: Some(nameless), ..Default::default() };
    refused(town.people.desk.population().create_person(request).await).expect_fields(&["person.display_name"]);
    let elsewhere =
        CreatePersonRequest { person: Some(person("张三", &town.land.name("B1"), 1)), ..Default::default() };
    // For this worker there is no such area.
    refused(town.people.worker_a.population().create_person(elsewhere).await).expect_fields(&["person.area"]);
}

#[tokio::test]
async fn a_weaker_word_waits_as_a_claim_until_somebody_decides() {
    let town = Town::start().await;
    let (desk, worker) = (&town.people.desk, &town.people.worker_a);
    let entered = create(worker, person("张三", &town.land.name("A1"), 1)).await;
    let named = |name: &str, etag: &str| Person {
        name: entered.name.clone(),
        display_name: name.to_owned(),
        etag: etag.to_owned(),
        ..Default::default()
    };
    // The police own the name; what the worker had written stays a claim.
    let by_police = update(desk, named("张山", &entered.etag), &["display_name"], SourceKind::Police).await;
    assert_eq!(by_police.display_name, "张山");
    let asked = GetPersonProvenanceRequest { name: entered.name.clone() };
    let said = done(worker.population().get_person_provenance(asked).await).fields;
    let kind = |field: &str| {
        let found = said.iter().find(|said| said.field == field);
        found.and_then(|said| said.provenance.clone()).map(|by| (by.kind(), by.source))
    };
    assert_eq!(kind("display_name"), Some((SourceKind::Police, desk.name.clone())));
    assert_eq!(kind("phone"), Some((SourceKind::Field, worker.name.clone())));
    // Who only walks the grid does not speak for the police.
    let pretends = UpdatePersonRequest {
        person: Some(named("章三", "")),
        source_kind: SourceKind::Police.into(),
        ..Default::default()
    };
    let refusal = refused(worker.population().update_person(pretends).await);
    refusal.expect(Code::PermissionDenied, "SOURCE_NOT_ALLOWED");
    let again = update(worker, named("章三", ""), &["display_name"], SourceKind::Field).await;
    assert_eq!(again.display_name, "张山");
    let claims = done(desk.population().list_person_claims(ListPersonClaimsRequest::default()).await).claims;
    let told: Vec<_> = claims
        .iter()
        .map(|claim| (claim.claim.clone().unwrap().field, claim.value.clone().unwrap().display_name))
        .collect();
    assert_eq!(told, [("display_name".to_owned(), "章三".to_owned())], "a source has one claim of a field");
    let decide = |accept| DecidePersonClaimRequest {
        name: entered.name.clone(),
        field: "display_name".to_owned(),
        source: worker.name.clone(),
        accept,
        reason: "户口本为准".to_owned(),
        request_id: request_id(),
    };
    refused(worker.population().decide_person_claim(decide(true)).await)
        .expect(Code::PermissionDenied, "ACTION_NOT_ALLOWED");
    let decided = done(desk.population().decide_person_claim(decide(true)).await);
    assert_eq!(decided.display_name, "章三");
    assert_eq!(search(desk, "章三", 0).await, ["章三"]);
    refused(desk.population().decide_person_claim(decide(false)).await).expect(Code::NotFound, "NO_SUCH_CLAIM");
    let changes = ListPersonChangesRequest { parent: entered.name.clone(), ..Default::default() };
    let changes = done(desk.population().list_person_changes(changes).await).changes;
    let told: Vec<_> = changes
        .iter()
        .map(|change| {
            let (before, after) = (change.before.clone().unwrap(), change.after.clone().unwrap());
            (change.change.clone().unwrap().kind(), before.display_name, after.display_name)
        })
        .collect();
    let text = |text: &str| text.to_owned();
    let wanted = [
        (ChangeKind::ClaimAccepted, text("张山"), text("章三")),
        (ChangeKind::Updated, text("张三"), text("张山")),
        (ChangeKind::Created, text(""), text("张三")),
    ];
    assert_eq!(told, wanted);
    assert_eq!(changes[2].after.clone().unwrap().phone, entered.phone);
}

#[tokio::test]
async fn a_stale_etag_a_taken_number_and_a_deleted_person_are_refused() {
    let town = Town::start().await;
    let desk = &town.people.desk;
    let first = create(desk, person("张三", &town.land.name("A1"), 1)).await;
    let changed = update(desk, Person { note: "新".to_owned(), ..first.clone() }, &["note"], SourceKind::Desk).await;
    assert_ne!(changed.etag, first.etag);
    let stale = UpdatePersonRequest { person: Some(first.clone()), ..Default::default() };
    refused(desk.population().update_person(stale).await).expect(Code::Aborted, "ETAG_MISMATCH");
    let twin =
        CreatePersonRequest { person: Some(person("张三二", &town.land.name("A2"), 1)), ..Default::default() };
    let refusal = refused(desk.population().create_person(twin.clone()).await);
    refusal.expect(Code::AlreadyExists, "IDENTITY_TAKEN");
    assert!(refusal.message.contains(&first.name), "{refusal:?}");
    let delete = |reason: &str| DeletePersonRequest {
        name: first.name.clone(),
        reason: reason.to_owned(),
        request_id: request_id(),
        ..Default::default()
    };
    refused(desk.population().delete_person(delete("")).await).expect_fields(&["reason"]);
    let deleted = done(desk.population().delete_person(delete("迁出")).await);
    assert!(deleted.delete_time.is_some() && list(desk).await.is_empty() && search(desk, "张三", 0).await.is_empty());
    refused(desk.population().delete_person(delete("迁出")).await).expect(Code::FailedPrecondition, "DELETED");
    let second = done(desk.population().create_person(twin).await);
    let restore = RestorePersonRequest { name: first.name.clone(), ..Default::default() };
    refused(desk.population().restore_person(restore.clone()).await).expect(Code::AlreadyExists, "IDENTITY_TAKEN");
    let gone = DeletePersonRequest { name: second.name, reason: "录错".to_owned(), ..Default::default() };
    done(desk.population().delete_person(gone).await);
    let back = done(desk.population().restore_person(restore).await);
    assert_eq!((back.delete_time, list(desk).await.len()), (None, 1));
}

#[tokio::test]
async fn a_repeated_request_enters_one_person_also_after_a_restart() {
    let mut town = Town::start().await;
    let request = CreatePersonRequest {
        person: Some(person("张三", &town.land.name("A1"), 1)),
        request_id: request_id(),
        ..Default::default()
    };
    let first = done(town.people.desk.population().create_person(request.clone()).await);
    town.server.restart().await;
    let desk = town.server.again(&town.people.desk).await;
    assert_eq!(done(desk.population().create_person(request.clone()).await), first);
    assert_eq!(list(&desk).await.len(), 1);
    let other = CreatePersonRequest { person: Some(person("李四", &town.land.name("A1"), 2)), ..request };
    refused(desk.population().create_person(other).await).expect(Code::InvalidArgument, "REQUEST_ID_REUSED");
}

#[tokio::test]
async fn who_may_have_been_entered_twice_is_told_and_twins_are_not() {
    let town = Town::start().await;
    let desk = &town.people.desk;
    let known = create(desk, person("张三", &town.land.name("A1"), 1)).await;
    let seen = Person { identity_number: String::new(), ..person("张三", &town.land.name("A2"), 1) };
    let twice = create(&town.people.worker_a, seen).await;
    let hearsay = Person { identity_number: String::new(), phone: String::new(), ..person("张三", &twice.area, 1) };
    let perhaps = create(&town.people.worker_a, hearsay).await;
    // Of the same name, but another number says that it is somebody else.
    create(desk, person("张三", &town.land.name("B1"), 2)).await;
    let asked = ListSimilarPersonsRequest { parent: known.name };
    let similar = done(desk.population().list_similar_persons(asked.clone()).await).persons;
    let told: Vec<_> =
        similar.into_iter().map(|similar| (similar.person.unwrap().name, similar.fields.join(","))).collect();
    let text = |text: &str| text.to_owned();
    assert_eq!(told, [(twice.name, text("display_name,phone")), (perhaps.name, text("display_name"))]);
    let masked = done(town.people.auditor.population().list_similar_persons(asked).await).persons;
    assert_eq!(masked[0].person.clone().unwrap().display_name, "张*");
}
