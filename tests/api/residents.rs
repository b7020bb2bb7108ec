//! Households and residences: links that never dangle, and who lived in an area on a day.

use api::population::v1::{
    CreateHouseholdRequest, CreateResidenceRequest, DeletePersonRequest, DeleteResidenceRequest, Household,
    HouseholdMember, ListHouseholdChangesRequest, ListResidenceChangesRequest, ListResidentsRequest, Relation,
    Residence, UpdateHouseholdRequest, UpdateResidenceRequest,
};
use prost_types::FieldMask;
use tests::{Caller, Town, chunks_of, create, delivery, done, export, open_run, person, refused, row};
use tonic::Code;

async fn found(caller: &Caller, household: Household) -> Household {
    let request = CreateHouseholdRequest { household: Some(household), ..Default::default() };
    done(caller.population().create_household(request).await)
}

async fn settle(caller: &Caller, person: &str, area: &str, (start, end): (&str, &str)) -> Residence {
    let residence = Residence {
        person: person.to_owned(),
        area: area.to_owned(),
        start_date: start.to_owned(),
        end_date: end.to_owned(),
        ..Default::default()
    };
    let request = CreateResidenceRequest { residence: Some(residence), ..Default::default() };
    done(caller.population().create_residence(request).await)
}

async fn residents(caller: &Caller, area: &str, day: &str) -> Vec<String> {
    let request = ListResidentsRequest { area: area.to_owned(), day: day.to_owned(), ..Default::default() };
    let page = done(caller.population().list_residents(request).await);
    page.residences.into_iter().map(|residence| residence.person).collect()
}

#[tokio::test]
async fn whoever_is_named_by_a_household_is_not_deleted() {
    let town = Town::start().await;
    let (desk, area) = (&town.people.desk, town.land.name("A1"));
    let head = create(desk, person("张三", &area, 1)).await;
    let wife = create(desk, person("李四", &area, 2)).await;
    let member = |person: &str| HouseholdMember {
        person: person.to_owned(),
        relation: Relation::Spouse.into(),
        ..Default::default()
    };
    let household = Household {
        area: area.clone(),
        head: head.name.clone(),
        members: vec![member(&wife.name)],
        number: "３７０４０４００１".to_owned(),
        ..Default::default()
    };
    let nobody = "persons/0198b1c2-7a3e-7cc1-9c7e-2f6d3a1b4c5d";
    let dangling = Household { members: vec![member(nobody)], ..household.clone() };
    let request = CreateHouseholdRequest { household: Some(dangling), ..Default::default() };
    let refusal = refused(desk.population().create_household(request).await);
    assert_eq!(refusal.metadata["reasons"], "DANGLING_LINK", "{refusal:?}");
    let twice = Household { members: vec![member(&wife.name), member(&head.name)], ..household.clone() };
    let request = CreateHouseholdRequest { household: Some(twice), ..Default::default() };
    refused(desk.population().create_household(request).await).expect_fields(&["household.members"]);
    let household = found(desk, household).await;
    assert_eq!(household.number, "370404001");
    let delete = DeletePersonRequest { name: wife.name.clone(), reason: "迁出".to_owned(), ..Default::default() };
    let refusal = refused(desk.population().delete_person(delete.clone()).await);
    refusal.expect(Code::FailedPrecondition, "STILL_LINKED");
    assert!(refusal.message.contains(&household.name), "{refusal:?}");
    let update = UpdateHouseholdRequest {
        household: Some(Household { name: household.name.clone(), ..Default::default() }),
        update_mask: Some(FieldMask { paths: vec!["members".to_owned()] }),
        ..Default::default()
    };
    assert!(done(desk.population().update_household(update).await).members.is_empty());
    done(desk.population().delete_person(delete).await);
    let changes = ListHouseholdChangesRequest { parent: household.name, ..Default::default() };
    let changes = done(desk.population().list_household_changes(changes).await).changes;
    assert_eq!(changes.len(), 2);
    assert_eq!(changes[0].before.clone().unwrap().members[0].person, wife.name);
}

#[tokio::test]
async fn an_area_knows_who_lived_there_on_a_day() {
    let town = Town::start().await;
    let (desk, land) = (&town.people.desk, &town.land);
    let one = create(desk, person("张三", &land.name("A1"), 1)).await.name;
    let two = create(desk, person("李四", &land.name("B1"), 2)).await.name;
    settle(desk, &one, &land.name("A1"), ("2020-01-01", "2026-03-01")).await;
    settle(desk, &one, &land.name("B1"), ("2026-03-01", "")).await;
    let stays = settle(desk, &two, &land.name("A2"), ("20250601", "")).await;
    assert_eq!(stays.start_date, "2025-06-01");
    assert_eq!(residents(desk, &land.name("A"), "2025-01-01").await, [one.as_str()]);
    assert_eq!(residents(desk, &land.name("A"), "2026-02-28").await, [one.as_str(), &two]);
    assert_eq!(residents(desk, &land.name("A"), "").await, [two.as_str()]);
    assert_eq!(residents(desk, &land.name("B"), "2026-03-01").await, [one.as_str()]);
    assert_eq!(residents(&town.people.worker_b, "", "2026-03-01").await, [one.as_str()]);
    // Who lives somewhere is not exchanged for somebody else.
    let exchanged = Residence { name: stays.name.clone(), person: one.clone(), ..Default::default() };
    let request = UpdateResidenceRequest { residence: Some(exchanged), ..Default::default() };
    refused(desk.population().update_residence(request).await).expect_fields(&["residence.person"]);
    let gone = DeleteResidenceRequest { name: stays.name.clone(), reason: "录错".to_owned(), ..Default::default() };
    done(desk.population().delete_residence(gone).await);
    assert!(residents(desk, &land.name("A"), "").await.is_empty());
    let changes = ListResidenceChangesRequest { parent: stays.name, page_size: 1, ..Default::default() };
    let page = done(desk.population().list_residence_changes(changes.clone()).await);
    assert_eq!(page.changes[0].change.clone().unwrap().revision, 2);
    let next = ListResidenceChangesRequest { page_token: page.next_page_token, ..changes };
    let page = done(desk.population().list_residence_changes(next).await);
    assert_eq!((page.changes[0].change.clone().unwrap().revision, page.next_page_token.as_str()), (1, ""));
}

#[tokio::test]
async fn a_full_run_does_not_end_whom_a_household_names_and_says_so() {
    let town = Town::start().await;
    let (desk, area) = (&town.people.desk, town.land.name("A1"));
    let rows = vec![row("k1", person("张三", &area, 1)), row("k2", person("李四", &area, 2))];
    let mut first = delivery(desk, open_run(1, &town.land.name("S"))).await.unwrap();
    first.rest(&chunks_of(&rows, 10)).await.unwrap();
    first.finish(0.0).await.unwrap();
    let head = export(desk).await.into_iter().find(|person| person.display_name == "张三").unwrap();
    found(desk, Household { area, head: head.name.clone(), ..Default::default() }).await;
    let second = delivery(desk, open_run(2, &town.land.name("S"))).await.unwrap();
    let report = second.finish(1.0).await.unwrap();
    assert_eq!(report.counts.unwrap().ended, 1);
    assert_eq!(
        (report.reasons[0].reason.as_str(), report.reasons[0].first_row.as_str()),
        ("STILL_LINKED", &*head.name)
    );
    assert_eq!(export(desk).await, [head]);
}
