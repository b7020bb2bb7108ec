//! Boundaries from the command line: imported, scheduled, taken back, looked at.

use std::path::Path;

use serde_json::{Value, json};

use crate::process::{Program, Said};

/// A feature that is the box of one village in the community 1.
fn village(code: &str, west: f64, east: f64) -> Value {
    let ring = json!([[west, 34.0], [east, 34.0], [east, 34.01], [west, 34.01], [west, 34.0]]);
    json!({
        "type": "Feature",
        "properties": { "TOWN": "1", "VILLAGE": code },
        "geometry": { "type": "Polygon", "coordinates": [ring] },
    })
}

fn write(file: &Path, features: &[Value]) {
    std::fs::write(file, json!({ "type": "FeatureCollection", "features": features }).to_string()).unwrap();
}

#[test]
fn an_activation_is_taken_back_and_a_boundary_that_nobody_drew_is_said_to_be_derived() {
    let folder = tempfile::tempdir().unwrap();
    let mut server = Program::serve(folder.path(), &["--listen", "127.0.0.1:0"]);
    let url = server.ready()["ready"].as_str().unwrap().to_owned();
    let token = folder.path().join("admin.token");
    let run = |words: &str| -> Said {
        let connection = ["--server", &url, "--token-file", token.to_str().unwrap()];
        Program::run(&connection.into_iter().chain(words.split(' ')).collect::<Vec<_>>())
    };
    let told = |words: &str| -> Value {
        let said = run(&format!("--json {words}"));
        serde_json::from_str(&said.answer).unwrap_or_else(|_| panic!("{words}: {said:?}"))
    };
    let file = folder.path().join("villages.geojson");
    let import = format!(
        "import boundaries {} --datum wgs84 --level subdistrict:TOWN --level community:VILLAGE",
        file.display()
    );

    write(&file, &[village("11", 117.0, 117.01), village("12", 117.01, 117.02)]);
    assert_eq!(run(&import).code, Some(0));
    let drawn = told("area boundary 11 --datum wgs84");
    assert!(drawn.get("derived").is_none() && drawn["geojson"].as_str().unwrap().contains("117.01"), "{drawn}");
    assert!(run("area boundary 11 --datum wgs84").answer.contains("its own"));
    let derived = told("area boundary 1 --datum wgs84");
    assert_eq!((&derived["derived"], &derived["release"]), (&json!(true), &drawn["release"]));
    let said = run("area boundary 1 --datum wgs84");
    assert!(said.answer.contains("derived from the areas below") && said.answer.contains("2.05 km²"), "{said:?}");

    write(&file, &[village("11", 117.0, 117.012), village("12", 117.01, 117.02)]);
    assert_eq!(run(&import).code, Some(1), "an overlap is not accepted by itself");
    let list = run("--json release list --limit 1");
    let release: Value = serde_json::from_str(list.answer.lines().next().unwrap()).unwrap();
    let name = release["name"].as_str().unwrap();
    let scheduled = told(&format!("release activate {name} --accept overlap --at 2099-01-01"));
    assert_eq!(scheduled["state"], "RELEASE_STATE_ACTIVE");
    let cancelled = told(&format!("release cancel {name}"));
    assert_eq!((&cancelled["state"], cancelled.get("activateTime")), (&json!("RELEASE_STATE_VALIDATED"), None));
    let again = run(&format!("release cancel {name}"));
    assert!(again.code == Some(1) && again.complaint.contains("nothing to take back"), "{again:?}");
    let checked = run(&format!("release validate {name} --at 2098-01-01"));
    assert!(checked.code == Some(0) && checked.answer.contains("overlap"), "{checked:?}");
    assert_eq!(run(&format!("release delete {name}")).code, Some(0));
}
