//! The register of people over the wire: a whole delivery, the same again, a small one, and what a desk asks meanwhile.

use std::future::Future;
use std::time::{Duration, Instant};

use api::grids::v1::{AreaKind, ListAreasRequest};
use api::options::v1::SourceKind;
use api::population::v1::import_persons_request::Step;
use api::population::v1::import_persons_response::Told;
use api::population::v1::{
    CountPersonsRequest, GetPersonRequest, ImportPersonsRequest, ListPersonsRequest, Person, PersonChunk, PersonRow,
    ResidenceKind, SearchPersonsRequest,
};
use api::registry::v1::{FinishRun, OpenRun, RunCounts, RunMode};
use tokio_stream::wrappers::ReceiverStream;

use crate::server::{Caller, Server};

/// Rows of one message.
const CHUNK: usize = 500;
/// Chunks on their way.
const CHUNKS_AHEAD: usize = 4;
/// Questions of each sort.
const QUESTIONS: usize = 400;

const SURNAMES: &str = "王李张刘陈杨黄赵吴周徐孙马朱胡郭何林高罗郑梁谢宋唐许韩冯邓曹彭曾肖田董潘袁蔡蒋余于杜叶程魏苏吕丁任沈姚卢姜崔钟谭陆汪范金石";
const GIVEN: &str = "伟芳娜秀英敏静丽强磊军洋勇艳杰娟涛明超兰霞平刚桂华建国玉梅文志海红春燕波宁贵福生龙元全胜学祥才发武新利清飞彬富顺信子";

/// Measures deliveries of so many persons, then the answers that a desk waits for.
pub(crate) async fn measure(server: &Server, count: usize) {
    server.import_tainan();
    let caller = server.administrator().await;
    let villages = villages(&caller).await;
    let rows = |serials: std::ops::Range<usize>, street: &str| -> Vec<PersonRow> {
        serials.map(|serial| row(serial, &villages[serial % villages.len()], street)).collect()
    };
    let everybody = rows(0..count, "光明路");
    let first = deliver(&caller, (1, RunMode::Full), &everybody).await;
    print_delivery("the first delivery", count, first, server);
    print_delivery("the same again", count, deliver(&caller, (2, RunMode::Full), &everybody).await, server);
    let changed = rows(0..count.min(1_000), "胜利路");
    print_delivery("a delta", changed.len(), deliver(&caller, (3, RunMode::Delta), &changed).await, server);
    ask(&caller, &villages, &everybody).await;
    let (holds, most) = server.memory_mib();
    println!("server memory: {holds} MiB now, {most} MiB at most; disk {} MiB", server.disk_mib());
}

/// The resource names of the villages.
async fn villages(caller: &Caller) -> Vec<String> {
    let request =
        ListAreasRequest { kind: AreaKind::Community.into(), recursive: true, page_size: 1_000, ..Default::default() };
    let areas = caller.grids().list_areas(caller.request(request)).await.expect("areas").into_inner().areas;
    areas.into_iter().map(|area| area.name).collect()
}

fn row(serial: usize, area: &str, street: &str) -> PersonRow {
    let letter = |letters: &str, number: usize| {
        let place = number % letters.chars().count();
        letters.chars().nth(place).expect("a place inside")
    };
    let number = u32::try_from(serial).expect("fewer persons than u32 counts");
    let name = [letter(SURNAMES, serial * 7), letter(GIVEN, serial * 13 + serial / 57), letter(GIVEN, serial / 3)];
    let person = Person {
        residence_kind: ResidenceKind::Registered.into(),
        address: format!("{street}{}号{}单元{}室", serial % 300 + 1, serial % 5 + 1, serial % 1_800 + 101),
        ..tests::person(&name.iter().collect::<String>(), area, number)
    };
    tests::row(&format!("k{serial}"), person)
}

/// Sends a whole run without waiting for each chunk; answers how long it took until it was finished, and its counts.
async fn deliver(caller: &Caller, (sequence, mode): (i64, RunMode), rows: &[PersonRow]) -> (Duration, RunCounts) {
    let open = OpenRun {
        source: "police".to_owned(),
        source_kind: SourceKind::Police.into(),
        mode: mode.into(),
        sequence,
        area: "codes/67000".to_owned(),
        ..Default::default()
    };
    let chunks =
        (1..).zip(rows.chunks(CHUNK)).map(|(number, rows)| Step::Chunk(PersonChunk { number, rows: rows.to_vec() }));
    let steps: Vec<Step> =
        [Step::Open(open)].into_iter().chain(chunks).chain([Step::Finish(FinishRun::default())]).collect();
    let began = Instant::now();
    let (send, received) = tokio::sync::mpsc::channel(CHUNKS_AHEAD);
    let sending = tokio::task::spawn(async move {
        for step in steps {
            // A server that has ended the stream says why in its answer.
            if send.send(ImportPersonsRequest { step: Some(step) }).await.is_err() {
                return;
            }
        }
    });
    let answers = caller.population().import_persons(caller.request(ReceiverStream::new(received))).await;
    let mut answers = answers.expect("the import opens").into_inner();
    let mut counts = None;
    while let Some(answer) = answers.message().await.expect("the import goes on") {
        if let Some(Told::Run(run)) = answer.told {
            counts = run.counts;
        }
    }
    sending.await.expect("the sender does not panic");
    (began.elapsed(), counts.expect("the run has a report"))
}

fn print_delivery(what: &str, rows: usize, (took, counts): (Duration, RunCounts), server: &Server) {
    let RunCounts { created, updated, unchanged, quarantined, .. } = counts;
    let seconds = took.as_secs_f64();
    let (_, most) = server.memory_mib();
    println!(
        "{what}: {rows} rows in {seconds:.2} s, {:.0}/s; {created} created, {updated} updated, {unchanged} unchanged, \
         {quarantined} set aside; {most} MiB at most so far",
        rows as f64 / seconds
    );
}

/// Asks one after another what a desk asks, and prints how long it waited.
async fn ask(caller: &Caller, villages: &[String], everybody: &[PersonRow]) {
    let person = |number: usize| everybody[number * 7_919 % everybody.len()].person.as_ref().expect("a person");
    let search = |query: String| {
        let request = caller.request(SearchPersonsRequest { query, page_size: 20, ..Default::default() });
        let mut population = caller.population();
        async move {
            let found = population.search_persons(request).await.expect("a search").into_inner();
            assert!(!found.persons.is_empty(), "nobody is found");
            found.persons[0].name.clone()
        }
    };
    let mut names = Vec::new();
    for number in 0..QUESTIONS {
        names.push(search(person(number).identity_number.clone()).await);
    }
    let names = &names;
    waits("get", |number| {
        let request = caller.request(GetPersonRequest { name: names[number].clone() });
        let mut population = caller.population();
        async move { drop(population.get_person(request).await.expect("a person")) }
    })
    .await;
    waits("list of 50 in a village", |number| {
        let area = villages[number * 31 % villages.len()].clone();
        let request = caller.request(ListPersonsRequest { area, page_size: 50, ..Default::default() });
        let mut population = caller.population();
        async move { drop(population.list_persons(request).await.expect("a list")) }
    })
    .await;
    waits("search by name", |number| drop_name(search(person(number).display_name.clone()))).await;
    waits("search by initials, 2 letters", |number| drop_name(search(["ww", "lj", "zw", "cm"][number % 4].to_owned())))
        .await;
    waits("search by phone tail", |number| drop_name(search(person(number).phone[7..].to_owned()))).await;
    waits("search by identity number", |number| drop_name(search(person(number).identity_number.clone()))).await;
    for (what, area) in
        [("count of all by sex", "codes/67000"), ("count of a village by birth year", villages[0].as_str())]
    {
        let dimension = if what.ends_with("sex") { "sex" } else { "birth_year" };
        waits(what, |_| {
            let request =
                CountPersonsRequest { area: area.to_owned(), dimension: dimension.to_owned(), by_area_below: false };
            let (request, mut population) = (caller.request(request), caller.population());
            async move { drop(population.count_persons(request).await.expect("a count")) }
        })
        .await;
    }
}

async fn drop_name(found: impl Future<Output = String>) {
    drop(found.await);
}

async fn waits<F: Future<Output = ()>>(what: &str, question: impl Fn(usize) -> F) {
    let mut waited = Vec::with_capacity(QUESTIONS);
    for number in 0..QUESTIONS {
        let asked = Instant::now();
        question(number).await;
        waited.push(asked.elapsed());
    }
    waited.sort_unstable();
    let at = |percent: usize| waited[(QUESTIONS * percent / 100).min(QUESTIONS - 1)].as_secs_f64() * 1e3;
    println!("{what}: p50 {:.2} ms, p99 {:.2} ms", at(50), at(99));
}
