//! Deliveries of other systems: what a run does, what it refuses, and that it comes to the same end however often it
//! is broken off.

use std::collections::BTreeMap;

use api::operations::v1::{GetStatusRequest, ScrubRequest};
use api::options::v1::SourceKind;
use api::population::v1::{
    AbandonPersonRunRequest, CountPersonsRequest, DeletePersonRequest, DiscardQuarantinedPersonRequest,
    GetPersonRunRequest, ListPersonChangesRequest, ListPersonRunsRequest, ListQuarantinedPersonsRequest, Person,
    PersonRow, RetryQuarantinedPersonRequest, UpdatePersonRequest,
};
use api::registry::v1::{ChangeKind, OpenRun, RunCounts, RunMode, RunState};
use prost_types::FieldMask;
use tests::Refusal;
use tests::{Caller, Town, chunks_of, create, delivery, done, export, open_run, person, refused, request_id, row};
use tonic::Code;

/// Rows of a few persons of A1, whose keys and serials are their places.
fn rows(town: &Town, serials: impl IntoIterator<Item = u32>) -> Vec<PersonRow> {
    let area = town.land.name("A1");
    let one = |serial: u32| row(&format!("k{serial}"), person(&format!("居民{serial}"), &area, serial));
    serials.into_iter().map(one).collect()
}

/// Delivers everything in one go; answers what became of it.
async fn deliver(caller: &Caller, open: OpenRun, rows: &[PersonRow], end_share_max: f64) -> RunCounts {
    let mut delivery = delivery(caller, open).await.unwrap();
    delivery.rest(&chunks_of(rows, 10)).await.unwrap();
    delivery.finish(end_share_max).await.unwrap().counts.unwrap()
}

fn counts(created: i64, updated: i64, unchanged: i64, ended: i64) -> RunCounts {
    RunCounts { created, updated, unchanged, ended, ..Default::default() }
}

fn area_of(town: &Town) -> String {
    town.land.name("S")
}

async fn head_sequence(town: &Town) -> i64 {
    let status = done(town.server.administrator.operations().get_status(GetStatusRequest {}).await);
    let population = status.stores.iter().find(|store| store.store == "population").unwrap();
    population.head_sequence.try_into().unwrap()
}

#[tokio::test]
async fn a_full_run_enters_changes_keeps_and_ends_people() {
    let town = Town::start().await;
    let desk = &town.people.desk;
    assert_eq!(deliver(desk, open_run(1, &area_of(&town)), &rows(&town, 0..40), 0.0).await, counts(40, 0, 0, 0));
    let before = head_sequence(&town).await;
    assert_eq!(deliver(desk, open_run(2, &area_of(&town)), &rows(&town, 0..40), 0.0).await, counts(0, 0, 40, 0));
    // The opening, four chunks and the finish: nothing else was written.
    assert_eq!(head_sequence(&town).await, before + 6);
    let mut third = rows(&town, 1..40);
    third[0].person.as_mut().unwrap().address = "光明路12号".to_owned();
    assert_eq!(deliver(desk, open_run(3, &area_of(&town)), &third, 0.0).await, counts(0, 1, 38, 1));
    assert_eq!(export(desk).await.len(), 39);
    // Who comes back is the same person, with its history; and a row without an address says nothing about it.
    assert_eq!(deliver(desk, open_run(4, &area_of(&town)), &rows(&town, 0..40), 0.0).await, counts(0, 1, 39, 0));
    let back = export(desk).await.into_iter().find(|person| person.display_name == "居民0").unwrap();
    let changes = ListPersonChangesRequest { parent: back.name, ..Default::default() };
    let changes = done(desk.population().list_person_changes(changes).await).changes;
    let kinds: Vec<_> = changes.iter().map(|change| change.change.clone().unwrap().kind()).collect();
    assert_eq!(kinds, [ChangeKind::Restored, ChangeKind::Ended, ChangeKind::Created]);
    let scrub = done(town.server.administrator.operations().scrub(ScrubRequest::default()).await);
    assert!(scrub.stores.iter().all(|store| store.faults.is_empty()), "{scrub:?}");
}

#[tokio::test]
async fn a_full_run_that_would_end_too_many_is_refused_with_the_numbers_and_stays_open() {
    let town = Town::start().await;
    let desk = &town.people.desk;
    deliver(desk, open_run(1, &area_of(&town)), &rows(&town, 0..40), 0.0).await;
    let mut half = delivery(desk, open_run(2, &area_of(&town))).await.unwrap();
    half.rest(&chunks_of(&rows(&town, 0..20), 10)).await.unwrap();
    let refusal = Refusal::of(&half.finish(0.0).await.unwrap_err());
    refusal.expect(Code::FailedPrecondition, "END_SHARE_EXCEEDED");
    assert_eq!((refusal.metadata["missing"].as_str(), refusal.metadata["held"].as_str()), ("20", "40"));
    assert_eq!(export(desk).await.len(), 40);
    let again = delivery(desk, open_run(2, &area_of(&town))).await.unwrap();
    assert_eq!(again.run.last_chunk, 2);
    assert_eq!(again.finish(0.5).await.unwrap().counts.unwrap().ended, 20);
    assert_eq!(export(desk).await.len(), 20);
}

#[tokio::test]
async fn a_poisoned_row_is_set_aside_with_every_reason_and_can_be_mended() {
    let town = Town::start().await;
    let desk = &town.people.desk;
    let mut poisoned = rows(&town, 0..10);
    poisoned[3].person.as_mut().unwrap().identity_number = "110105194912310021".to_owned();
    poisoned[3].person.as_mut().unwrap().phone = "138****1234".to_owned();
    poisoned[3].head.as_mut().unwrap().original = "张三,110105194912310021".to_owned();
    poisoned[4].head.as_mut().unwrap().source_key = "k3".to_owned();
    poisoned[5].person.as_mut().unwrap().area = "codes/none".to_owned();
    let mut run = delivery(desk, open_run(1, &area_of(&town))).await.unwrap();
    run.rest(&chunks_of(&poisoned, 10)).await.unwrap();
    let run = run.finish(0.0).await.unwrap();
    assert_eq!(run.counts, Some(RunCounts { created: 7, quarantined: 3, ..Default::default() }));
    let reasons: BTreeMap<&str, &str> =
        run.reasons.iter().map(|reason| (reason.reason.as_str(), reason.first_row.as_str())).collect();
    let wanted =
        [("DUPLICATE_KEY", "1.4"), ("IDENTITY_CHECK_DIGIT", "1.3"), ("MASKED_VALUE", "1.3"), ("UNKNOWN_AREA", "1.5")];
    assert_eq!(reasons, BTreeMap::from(wanted));
    let list = ListQuarantinedPersonsRequest { parent: run.name.clone(), ..Default::default() };
    let aside = done(desk.population().list_quarantined_persons(list.clone()).await).persons;
    let first = aside[0].row.clone().unwrap();
    assert_eq!((first.faults.len(), first.head.clone().unwrap().original.as_str()), (2, "张三,110105194912310021"));
    let retry = |mended| RetryQuarantinedPersonRequest {
        name: first.name.clone(),
        mended,
        reason: "更正".to_owned(),
        request_id: request_id(),
    };
    let refusal = refused(desk.population().retry_quarantined_person(retry(None)).await);
    refusal.expect_fields(&["person.identity_number", "person.phone"]);
    let mended = rows(&town, 3..4).remove(0);
    let person = done(desk.population().retry_quarantined_person(retry(Some(mended))).await);
    assert_eq!(person.display_name, "居民3");
    for left in &aside[1..] {
        let name = left.row.clone().unwrap().name;
        done(desk.population().discard_quarantined_person(DiscardQuarantinedPersonRequest { name }).await);
    }
    assert!(done(desk.population().list_quarantined_persons(list).await).persons.is_empty());
    // A row that is poisoned later on does not end its person.
    let mut second = rows(&town, (0..10).filter(|serial| *serial != 4 && *serial != 5));
    second[0].person.as_mut().unwrap().phone = "1".to_owned();
    let counts = deliver(desk, open_run(2, &area_of(&town)), &second, 0.0).await;
    assert_eq!((counts.quarantined, counts.ended, export(desk).await.len()), (1, 0, 8));
}

#[tokio::test]
async fn a_source_has_one_open_run_and_an_old_sequence_is_answered_with_its_report() {
    let town = Town::start().await;
    let desk = &town.people.desk;
    let area = area_of(&town);
    let mut first = delivery(desk, open_run(5, &area)).await.unwrap();
    first.chunk(1, &rows(&town, 0..10)).await.unwrap();
    for sequence in [5, 6] {
        let refusal = Refusal::of(&delivery(desk, open_run(sequence, &area)).await.err().unwrap());
        refusal.expect(Code::FailedPrecondition, "RUN_IN_PROGRESS");
        assert_eq!(refusal.metadata["principal"], desk.name);
    }
    let name = first.run.name.clone();
    let report = first.finish(0.0).await.unwrap();
    assert_eq!(report.state(), RunState::Finished);
    for sequence in [5, 4] {
        assert_eq!(delivery(desk, open_run(sequence, &area)).await.unwrap().run, report);
    }
    town.server.clock.advance_seconds(1);
    let seventh = delivery(desk, open_run(7, &area)).await.unwrap().run.name;
    let abandoned = loop {
        // The stream above ends when the server has noticed that nobody feeds it.
        let request = AbandonPersonRunRequest { name: seventh.clone() };
        match desk.population().abandon_person_run(request).await {
            Ok(run) => break run.into_inner(),
            Err(_) => tokio::task::yield_now().await,
        }
    };
    assert_eq!(abandoned.state(), RunState::Abandoned);
    let get = GetPersonRunRequest { name };
    assert_eq!(done(desk.population().get_person_run(get.clone()).await), report);
    refused(town.people.worker_a.population().get_person_run(get).await)
        .expect(Code::PermissionDenied, "ACTION_NOT_ALLOWED");
    let runs = done(desk.population().list_person_runs(ListPersonRunsRequest::default()).await).runs;
    assert_eq!(runs.iter().map(|run| run.opened.clone().unwrap().sequence).collect::<Vec<_>>(), [7, 5]);
}

#[tokio::test]
async fn chunks_come_in_order_and_a_repeated_one_is_skipped() {
    let town = Town::start().await;
    let desk = &town.people.desk;
    let mut run = delivery(desk, open_run(1, &area_of(&town))).await.unwrap();
    run.chunk(1, &rows(&town, 0..10)).await.unwrap();
    assert_eq!(run.chunk(1, &rows(&town, 0..10)).await.unwrap(), RunCounts::default());
    let refusal = Refusal::of(&run.chunk(3, &rows(&town, 20..30)).await.unwrap_err());
    refusal.expect(Code::FailedPrecondition, "CHUNK_MISSING");
    assert_eq!(refusal.metadata["expected"], "2");
}

#[tokio::test]
async fn a_dry_run_counts_and_writes_nothing() {
    let town = Town::start().await;
    let desk = &town.people.desk;
    let before = head_sequence(&town).await;
    let open = OpenRun { dry_run: true, ..open_run(1, &area_of(&town)) };
    assert_eq!(deliver(desk, open, &rows(&town, 0..20), 0.0).await, counts(20, 0, 0, 0));
    assert_eq!((head_sequence(&town).await, export(desk).await.len()), (before, 0));
}

#[tokio::test]
async fn a_dry_run_neither_waits_for_a_real_one_nor_lets_another_in() {
    let town = Town::start().await;
    let (desk, area) = (&town.people.desk, area_of(&town));
    let rows = rows(&town, 0..10);
    let mut real = delivery(desk, open_run(1, &area)).await.unwrap();
    let dry = OpenRun { dry_run: true, ..open_run(1, &area) };
    assert_eq!(deliver(desk, dry, &rows, 0.0).await, counts(10, 0, 0, 0));
    let refusal = Refusal::of(&delivery(desk, open_run(1, &area)).await.err().unwrap());
    refusal.expect(Code::FailedPrecondition, "RUN_IN_PROGRESS");
    assert_eq!(real.chunk(1, &rows).await.unwrap(), counts(10, 0, 0, 0));
}

#[tokio::test]
async fn a_row_outside_the_runs_area_is_set_aside() {
    let town = Town::start().await;
    let desk = &town.people.desk;
    let counts = deliver(desk, open_run(1, &town.land.name("B")), &rows(&town, 0..3), 0.0).await;
    assert_eq!((counts.created, counts.quarantined), (0, 3));
    // Somebody whose post holds in no such area opens none.
    let refusal = Refusal::of(&delivery(&town.people.desk_a, open_run(1, &area_of(&town))).await.err().unwrap());
    refusal.expect(Code::PermissionDenied, "ACTION_NOT_ALLOWED");
}

#[tokio::test]
async fn a_source_that_knows_somebody_entered_by_hand_does_not_enter_them_again() {
    let town = Town::start().await;
    let (desk, worker) = (&town.people.desk, &town.people.worker_a);
    let by_hand = Person { address: "光明路1号".to_owned(), ..person("居民一", &town.land.name("A2"), 1) };
    let by_hand = create(worker, by_hand).await;
    let mut delivered = rows(&town, 1..2);
    delivered[0].person.as_mut().unwrap().address = "光明路2号".to_owned();
    let counts = deliver(desk, open_run(1, &area_of(&town)), &delivered, 0.0).await;
    assert_eq!((counts.created, counts.updated), (0, 1));
    let [now] = <[Person; 1]>::try_from(export(desk).await).unwrap();
    // The police own the name, and the worker's waits. The address is the field's to say, so theirs waits; so does the
    // area, which nobody owns, because their word is no newer.
    assert_eq!((now.display_name.as_str(), now.address.as_str()), ("居民1", "光明路1号"));
    assert_eq!((now.name.as_str(), counts.claimed), (by_hand.name.as_str(), 3));
    let gone = DeletePersonRequest { name: now.name, reason: "死亡".to_owned(), ..Default::default() };
    done(desk.population().delete_person(gone).await);
    delivered[0].person.as_mut().unwrap().note = "新".to_owned();
    let counts = deliver(desk, open_run(2, &area_of(&town)), &delivered, 0.0).await;
    assert_eq!((counts.quarantined, export(desk).await.len()), (1, 0), "what was deleted here stays deleted");
}

#[tokio::test]
async fn a_delta_says_only_what_its_mask_names() {
    let town = Town::start().await;
    let desk = &town.people.desk;
    deliver(desk, open_run(1, &area_of(&town)), &rows(&town, 0..2), 0.0).await;
    let delta = |sequence| OpenRun { mode: RunMode::Delta.into(), ..open_run(sequence, &area_of(&town)) };
    let mut change = rows(&town, 0..2);
    change[0].person =
        Some(Person { note: "只改这个".to_owned(), display_name: "不改".to_owned(), ..Default::default() });
    let paths = vec!["note".to_owned(), "phone".to_owned()];
    change[0].head.as_mut().unwrap().update_mask = Some(FieldMask { paths });
    change[1].head.as_mut().unwrap().ended = true;
    assert_eq!(deliver(desk, delta(2), &change, 0.0).await, counts(0, 1, 0, 1));
    let [left] = <[Person; 1]>::try_from(export(desk).await).unwrap();
    assert_eq!((left.display_name.as_str(), left.note.as_str(), left.phone.as_str()), ("居民0", "只改这个", ""));
    // A weaker source does not fill again what the source that holds the field has cleared.
    let update = UpdatePersonRequest {
        person: Some(Person { name: left.name, identity_number: tests::citizen_number(9), ..Default::default() }),
        source_kind: SourceKind::Declared.into(),
        ..Default::default()
    };
    let kept = done(desk.population().update_person(update).await);
    assert_eq!(kept.identity_number, tests::citizen_number(0));
}

/// Everything a caller can see of the persons, without what depends on when they were entered.
async fn picture(caller: &Caller) -> (Vec<Person>, Vec<(String, i64)>) {
    let timeless = |person| Person { name: String::new(), create_time: None, update_time: None, ..person };
    let mut persons: Vec<Person> = export(caller).await.into_iter().map(timeless).collect();
    persons.sort_by(|one, other| one.identity_number.cmp(&other.identity_number));
    let count = CountPersonsRequest { dimension: "birth_year".to_owned(), ..Default::default() };
    let counts = done(caller.population().count_persons(count).await).counts;
    (persons, counts.into_iter().map(|count| (count.value, count.count)).collect())
}

/// A second delivery after the first: some gone, some changed, some new, some poisoned.
fn second_delivery(town: &Town, chance: &mut fastrand::Rng) -> Vec<PersonRow> {
    let mut second = rows(town, 3..70);
    for row in &mut second {
        match chance.u8(0..10) {
            0 => row.person.as_mut().unwrap().note = "改".to_owned(),
            1 => row.person.as_mut().unwrap().phone = "1".to_owned(),
            2 => row.head.as_mut().unwrap().ended = true,
            _ => {}
        }
    }
    second
}

#[tokio::test]
async fn a_delivery_broken_off_at_random_comes_to_the_same_end() {
    for seed in 0..4 {
        let mut chance = fastrand::Rng::with_seed(seed);
        let (whole, mut broken) = (Town::start().await, Town::start().await);
        let second = second_delivery(&whole, &mut chance);
        // The two towns have the same areas under other names.
        let theirs = |rows: &[PersonRow], town: &Town| -> Vec<PersonRow> {
            let mut rows = rows.to_vec();
            rows.iter_mut().for_each(|row| row.person.as_mut().unwrap().area = town.land.name("A1"));
            rows
        };
        let mut reports = Vec::new();
        for (sequence, rows) in [(1, rows(&whole, 0..60)), (2, second)] {
            reports.push(deliver(&whole.people.desk, open_run(sequence, &area_of(&whole)), &rows, 1.0).await);
            let chunks = chunks_of(&theirs(&rows, &broken), 10);
            let report = loop {
                let desk = broken.server.again(&broken.people.desk).await;
                let Ok(mut run) = delivery(&desk, open_run(sequence, &area_of(&broken))).await else { continue };
                let left = chunks.len() - usize::try_from(run.run.last_chunk).unwrap();
                let taken = chance.usize(0..=left);
                for number in (run.run.last_chunk + 1..).take(taken) {
                    run.chunk(number, &chunks[usize::try_from(number - 1).unwrap()]).await.unwrap();
                }
                if taken == left && chance.bool() {
                    break run.finish(1.0).await.unwrap();
                }
                if let Some(next) = chunks.get(usize::try_from(run.run.last_chunk).unwrap() + taken) {
                    // Sent, and perhaps taken in, but never acknowledged to us.
                    run.send(run.run.last_chunk + 1 + i64::try_from(taken).unwrap(), next).await;
                }
                drop(run);
                if chance.bool() {
                    broken.server.restart().await;
                }
            };
            assert_eq!(report.counts, reports.pop(), "seed {seed}, run {sequence}");
        }
        let desk = broken.server.again(&broken.people.desk).await;
        let (mut wanted, counted) = picture(&whole.people.desk).await;
        wanted.iter_mut().for_each(|person| person.area = broken.land.name("A1"));
        let found = picture(&desk).await;
        assert_eq!(found, (wanted, counted), "seed {seed}");
        let scrub = done(broken.server.administrator.operations().scrub(ScrubRequest::default()).await);
        assert!(scrub.stores.iter().all(|store| store.faults.is_empty()), "seed {seed}: {scrub:?}");
    }
}
