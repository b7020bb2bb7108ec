//! `wangge import persons` as a registrar uses it: a file, a report, an exit code.

use std::fs;
use std::path::Path;

use api::grids::v1::{AreaCode, AreaKind, AreaSpec, ImportAreasRequest};
use api::population::v1::import_persons_request::Step;
use api::population::v1::{
    ImportPersonsRequest, ListPersonRunsRequest, Person, PersonChunk, PersonRow, SearchPersonsRequest,
};
use api::registry::v1::{OpenRun, RowHead};
use serde_json::Value;
use tempfile::TempDir;
use wangge::client::{Clients, Connection};

use crate::process::{Program, Said};

/// Numbers of nobody: no division of China is called 999999.
const NUMBERS: [&str; 3] = ["999999199001010016", "999999199102020045", "999999198503030020"];

/// A server with one subdistrict, 370303008.
struct Desk {
    folder: TempDir,
    url: String,
    _server: Program,
}

impl Desk {
    fn open() -> Self {
        let folder = tempfile::tempdir().unwrap();
        let mut server = Program::serve(&folder.path().join("data"), &["--listen", "127.0.0.1:0"]);
        let url = server.ready()["ready"].as_str().unwrap().to_owned();
        let desk = Self { folder, url, _server: server };
        desk.ask(async |clients| {
            let area = AreaSpec {
                kind: AreaKind::Subdistrict.into(),
                codes: vec![AreaCode {
                    code: "370303008".to_owned(),
                    scheme: "local".to_owned(),
                    ..Default::default()
                }],
                display_name: "四宝山街道".to_owned(),
                ..Default::default()
            };
            let request = ImportAreasRequest { areas: vec![area], ..Default::default() };
            clients.grids().import_areas(request).await.unwrap();
        });
        desk
    }

    fn token(&self) -> String {
        self.folder.path().join("data/admin.token").to_str().unwrap().to_owned()
    }

    fn ask<T>(&self, call: impl AsyncFnOnce(Clients) -> T) -> T {
        let connection = Connection { server: self.url.clone(), token_file: Some(self.token().into()), ca: None };
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
        runtime.block_on(async { call(connection.connect().await.unwrap()).await })
    }

    /// How many persons a name finds.
    fn found(&self, query: &str) -> usize {
        let request = SearchPersonsRequest { query: query.to_owned(), ..Default::default() };
        self.ask(async |clients| clients.population().search_persons(request).await.unwrap().into_inner().persons.len())
    }

    fn file(&self, name: &str, bytes: impl AsRef<[u8]>) -> String {
        let path = self.folder.path().join(name);
        fs::write(&path, bytes).unwrap();
        path.to_str().unwrap().to_owned()
    }

    fn run(&self, words: &str) -> Said {
        let token = self.token();
        let line = ["--server", &self.url, "--token-file", &token].into_iter().chain(words.split(' '));
        Program::run(&line.collect::<Vec<_>>())
    }

    fn import(&self, file: &str, words: &str) -> Said {
        let run = "--source police-residents --source-kind police --area 370303008";
        self.run(&format!("import persons {file} {run} {words}"))
    }
}

fn row(key: usize) -> String {
    let (name, number) = (["张三", "李四", "王五"][key], NUMBERS[key]);
    format!("{key},{name},{number},370303008,,备用\n")
}

fn csv(keys: &[usize]) -> String {
    let heads = "来源主键,姓名,证件号码,所在网格,phone,备用\n";
    heads.to_owned() + &keys.iter().map(|key| row(*key)).collect::<String>()
}

#[test]
fn a_file_of_a_spreadsheet_is_delivered_in_either_encoding_and_the_second_time_changes_nothing() {
    let desk = Desk::open();
    let utf8 = desk.file("utf8.csv", "\u{FEFF}".to_owned() + &csv(&[0, 1]));
    let said = desk.import(&utf8, "--mode full --sequence 1");
    assert_eq!(said.code, Some(1));
    assert!(said.complaint.contains("备用: is no column") && said.complaint.contains("联系人 contacts"), "{said:?}");
    let said = desk.import(&utf8, "--mode full --sequence 1 --ignore 备用 --dry-run");
    assert!(said.code == Some(0) && said.answer.contains("2 created") && desk.found("张三") == 0, "{said:?}");
    let said = desk.import(&utf8, "--mode full --sequence 1 --ignore 备用");
    assert!(said.code == Some(0) && said.answer.contains("2 created, 0 updated"), "{said:?}");
    assert_eq!((desk.found("zs"), desk.found(NUMBERS[1])), (1, 1));

    let text = csv(&[0, 1]);
    let (gb18030, ..) = encoding_rs::GB18030.encode(&text);
    let gb18030 = desk.file("gb18030.csv", &gb18030);
    let said = desk.import(&gb18030, "--mode full --sequence 2 --ignore 备用");
    assert!(said.code == Some(1) && said.complaint.contains("--charset gb18030"), "{said:?}");
    let said = desk.import(&gb18030, "--mode full --sequence 2 --ignore 备用 --charset gb18030 --json");
    let report: Value = serde_json::from_str(&said.answer).unwrap();
    assert_eq!((said.code, &report["run"]["counts"]["unchanged"]), (Some(0), &Value::from("2")), "{report}");
    // The same delivery once more is answered with its report; another file is none of that number.
    let said = desk.import(&gb18030, "--mode full --sequence 2 --ignore 备用 --charset gb18030");
    assert!(said.code == Some(0) && said.answer.contains("2 unchanged"), "{said:?}");
    let said = desk.import(&utf8, "--mode full --sequence 2 --ignore 备用");
    assert!(said.code == Some(1) && said.complaint.contains("larger one"), "{said:?}");
    let said = desk.import(&utf8, "--mode full --sequence 1 --ignore 备用");
    assert_eq!(said.code, Some(0), "{said:?}");
}

#[test]
fn what_is_set_aside_is_told_with_its_reasons_and_its_place_in_the_file() {
    let desk = Desk::open();
    let good = format!(r#"{{"source_key":"1","姓名":"张三","area":"370303008","证件号码":"{}"}}"#, NUMBERS[0]);
    let wrong = r#"{"source_key":"2","姓名":"李四","area":"370303008","证件号码":"999999199001010015","性别":"男性"}"#;
    let file = desk.file("persons.ndjson", format!("{good}\n\n{{\n{wrong}\n"));
    let said = desk.import(&file, "--mode full --sequence 1");
    assert!(said.code == Some(1) && said.complaint.contains("nothing was sent"), "{said:?}");
    assert_eq!(desk.found("张三"), 0);
    let said = desk.import(&file, "--mode delta --sequence 1");
    assert_eq!(said.code, Some(1));
    assert!(said.complaint.contains("row 3: is no JSON object"), "{said:?}");
    assert!(said.complaint.contains("1 rows were set aside, 1 could not be read"), "{said:?}");
    for words in ["1 created", "1 IDENTITY_CHECK_DIGIT, first in row 4", "1 UNKNOWN_VALUE, first in row 4", "  2: "] {
        assert!(said.answer.contains(words), "{words}: {said:?}");
    }
    assert_eq!(desk.found("张三"), 1);
}

#[test]
fn a_delivery_that_was_broken_off_goes_on_with_its_own_file_only() {
    let desk = Desk::open();
    let line = |key: usize| format!(r#"{{"source_key":"{key}","display_name":"居民{key}","area":"370303008"}}"#);
    let lines = |keys: std::ops::Range<usize>| keys.map(line).collect::<Vec<_>>().join("\n");
    let first = desk.file("first.ndjson", lines(0..1_200));
    let said = desk.import(&first, "--mode full --sequence 1");
    assert!(said.code == Some(0) && said.answer.contains("1200 created"), "{said:?}");
    // Half of them are gone: the server has everything but the finish, which it refuses.
    let half = desk.file("half.ndjson", lines(0..600));
    let said = desk.import(&half, "--mode full --sequence 2");
    assert!(said.code == Some(1) && said.complaint.contains("lacks 600 of the 1200"), "{said:?}");
    let said = desk.import(&first, "--mode full --sequence 2");
    assert!(said.code == Some(1) && said.complaint.contains("begun with another file"), "{said:?}");
    let said = desk.import(&first, "--mode full --sequence 3");
    let run = said.complaint.split_whitespace().find(|word| word.starts_with("runs/")).unwrap().trim_end_matches(',');
    assert!(said.complaint.contains("has an open delivery"), "{said:?}");
    let said = desk.import(&half, "--mode full --sequence 2 --end-share-max 0.5");
    assert!(said.code == Some(0) && said.answer.contains("600 unchanged, 600 ended"), "{said:?}");
    assert_eq!(desk.found("居民599") + desk.found("居民600"), 1, "{run}");

    open_and_go(&desk);
    let said = desk.import(&first, "--mode delta --sequence 4");
    let run = said.complaint.split_whitespace().find(|word| word.starts_with("runs/")).unwrap().trim_end_matches(';');
    assert!(said.code == Some(1) && said.complaint.contains("abandon-persons"), "{said:?}");
    assert_eq!(desk.run(&format!("import abandon-persons {run}")).code, Some(0), "{run}");
    let said = desk.import(&first, "--mode full --sequence 5");
    assert!(said.code == Some(0) && said.answer.contains("600 updated, 600 unchanged"), "{said:?}");

    begin_next(&desk);
    let said = desk.import(&first, "--mode delta --sequence 6");
    assert!(said.code == Some(0) && said.answer.contains("1 updated, 700 unchanged"), "{said:?}");
}

/// Begins the next delivery of the same file with a first chunk that nobody could mistake for the file's own: of one
/// row, so that it shows when the chunk is sent again.
fn begin_next(desk: &Desk) {
    desk.ask(async |clients| {
        let runs = clients.population().list_person_runs(ListPersonRunsRequest::default()).await.unwrap().into_inner();
        let open = OpenRun { sequence: 6, mode: 2, ..runs.runs[0].opened.clone().unwrap() };
        let head = RowHead { source_key: "0".to_owned(), ..Default::default() };
        let person = Person { note: "新".to_owned(), ..Default::default() };
        let rows = vec![PersonRow { head: Some(head), person: Some(person) }];
        let steps = [Step::Open(open), Step::Chunk(PersonChunk { number: 1, rows })];
        let steps = steps.map(|step| ImportPersonsRequest { step: Some(step) });
        let mut answers = clients.population().import_persons(tokio_stream::iter(steps)).await.unwrap().into_inner();
        while answers.message().await.unwrap().is_some() {}
    });
}

/// Opens delivery 4 as another program would, and leaves it.
fn open_and_go(desk: &Desk) {
    desk.ask(async |clients| {
        let open = OpenRun {
            source: "police-residents".to_owned(),
            source_kind: 4,
            mode: 2,
            sequence: 4,
            area: "codes/370303008".to_owned(),
            ..Default::default()
        };
        let steps = tokio_stream::iter([ImportPersonsRequest { step: Some(Step::Open(open)) }]);
        let mut answers = clients.population().import_persons(steps).await.unwrap().into_inner();
        while answers.message().await.unwrap().is_some() {}
    });
}

#[test]
fn made_up_residents_pass_every_check_of_the_register() {
    let folder = tempfile::tempdir().unwrap();
    let mut server = Program::serve(&folder.path().join("data"), &["--listen", "127.0.0.1:0"]);
    let url = server.ready()["ready"].as_str().unwrap().to_owned();
    let (token, made) = (folder.path().join("data/admin.token"), folder.path().join("made"));
    let (token, made) = (token.to_str().unwrap(), made.to_str().unwrap());
    let run = |words: String| {
        let line = ["--server", &url, "--token-file", token].into_iter().chain(words.split(' '));
        let said = Program::run(&line.collect::<Vec<_>>());
        assert_eq!(said.code, Some(0), "{said:?}");
        said.answer
    };
    run(format!("generate --out {made} --seed 3 --people 2000"));
    let kinds = ["province", "city", "county", "subdistrict", "community", "base-grid", "micro-grid"];
    let level = |kind: &str| format!("--level {kind}:{0}_code:{0}_name", kind.replace('-', "_"));
    let levels = kinds.map(level).join(" ");
    run(format!("import boundaries {made}/boundaries.geojson --datum wgs84 {levels}"));
    let line = format!(
        "import persons {made}/persons.ndjson --source made-up --source-kind police --area 370404001 --mode full"
    );
    let told = run(format!("{line} --sequence 1"));
    assert!(told.contains("2000 created, 0 updated") && told.contains(" 0 set aside"), "{told}");
    let told = run(format!("{line} --sequence 2"));
    assert!(told.contains("0 created, 0 updated, 2000 unchanged"), "{told}");
}

#[test]
fn a_file_that_is_not_there_is_named() {
    let missing = Path::new("/nowhere/persons.csv");
    let line = format!(
        "import persons {} --source s --source-kind field --area 1 --mode delta --sequence 1",
        missing.display()
    );
    let said = Program::run(&line.split(' ').collect::<Vec<_>>());
    assert!(said.code == Some(1) && said.complaint.contains("/nowhere/persons.csv"), "{said:?}");
}
