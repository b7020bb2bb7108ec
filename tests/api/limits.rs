//! Over the limit: refused in words, and the server goes on.

use std::fmt::Write;

use api::events::v1::{EventFilter, ReportEventRequest};
use api::grids::v1::{
    BoundaryUpload, CreateReleaseRequest, Datum, ImportAreasRequest, Release, UploadBoundariesRequest,
};
use tests::{Plot, Town, count, done, refused, report_at};
use tonic::Code;

/// A ring around a circle of about a kilometre, with so many vertices.
fn circle(vertices: usize) -> String {
    let mut ring = String::with_capacity(vertices * 20);
    for vertex in 0..=vertices {
        let angle = (vertex % vertices) as f64 / vertices as f64 * std::f64::consts::TAU;
        let comma = if vertex == 0 { "" } else { "," };
        let (longitude, latitude) = (117.52 + 0.01 * angle.cos(), 34.72 + 0.01 * angle.sin());
        write!(ring, "{comma}[{longitude:.6},{latitude:.6}]").unwrap();
    }
    format!(r#"{{"type":"Polygon","coordinates":[[{ring}]]}}"#)
}

async fn draft(town: &Town) -> Release {
    let release = Release { roots: vec![town.land.name("A")], ..Default::default() };
    let request = CreateReleaseRequest { release: Some(release), ..Default::default() };
    done(town.people.administrator.grids().create_release(request).await)
}

fn one(release: &Release, geojson: String) -> UploadBoundariesRequest {
    let boundary = BoundaryUpload { code: "A1".to_owned(), geojson, ..Default::default() };
    UploadBoundariesRequest { release: release.name.clone(), datum: Datum::Wgs84.into(), boundaries: vec![boundary] }
}

#[tokio::test]
async fn a_polygon_with_two_hundred_thousand_vertices_is_refused_and_half_of_that_is_taken() {
    let town = Town::start().await;
    let release = draft(&town).await;
    let mut grids = town.people.administrator.grids();
    let largest = one(&release, circle(99_999));
    let answer = done(grids.upload_boundaries(tokio_stream::iter([largest])).await);
    assert_eq!(answer.stored_count, 1);
    let too_large = one(&release, circle(170_000));
    assert!(too_large.boundaries[0].geojson.len() < 4 << 20, "the message itself is no larger than allowed");
    let refusal = refused(grids.upload_boundaries(tokio_stream::iter([too_large])).await);
    refusal.expect(Code::ResourceExhausted, "BOUNDARY_TOO_LARGE");
    assert_eq!(refusal.metadata.get("vertices_max").map(String::as_str), Some("100000"), "{refusal:?}");
    // Two hundred thousand do not even fit into a message.
    let refusal = refused(grids.upload_boundaries(tokio_stream::iter([one(&release, circle(200_000))])).await);
    assert!(matches!(refusal.code, Code::InvalidArgument | Code::OutOfRange | Code::ResourceExhausted), "{refusal:?}");
    done(town.people.desk.events().report_event(report_at(0.5, 0.5)).await);
}

#[tokio::test]
async fn a_message_over_four_mebibytes_is_refused_and_the_connection_lives_on() {
    let town = Town::start().await;
    let report = ReportEventRequest { text: "x".repeat(5 << 20), ..report_at(0.5, 0.5) };
    let refusal = refused(town.people.desk.events().report_event(report).await);
    assert!(matches!(refusal.code, Code::OutOfRange | Code::ResourceExhausted), "{refusal:?}");
    assert!(refusal.message.contains("4194304"), "the limit is named: {refusal:?}");
    done(town.people.desk.events().report_event(report_at(0.5, 0.5)).await);
    assert_eq!(count(&town.people.desk, &EventFilter::default()).await, 1);
}

#[tokio::test]
async fn texts_may_be_as_long_as_the_standard_says_and_no_longer() {
    let town = Town::start().await;
    let report = |text: usize, category: usize, address: usize| ReportEventRequest {
        text: "网".repeat(text),
        category: "类".repeat(category),
        address: "路".repeat(address),
        ..report_at(0.5, 0.5)
    };
    done(town.people.desk.events().report_event(report(2_000, 80, 200)).await);
    let refusal = refused(town.people.desk.events().report_event(report(2_001, 81, 201)).await);
    refusal.expect_fields(&["text", "category", "address"]);
}

#[tokio::test]
async fn an_area_has_a_name_of_at_most_two_hundred_characters() {
    let town = Town::start().await;
    let grids = town.people.administrator.grids();
    let named = |length: usize| {
        let plot = Plot::new(api::grids::v1::AreaKind::MicroGrid, &format!("N{length}"), "C", String::new());
        let area = api::grids::v1::AreaSpec { display_name: "名".repeat(length), ..plot.spec() };
        let import = ImportAreasRequest { areas: vec![area], ..Default::default() };
        let mut grids = grids.clone();
        async move { grids.import_areas(import).await }
    };
    let longest = done(named(200).await);
    assert_eq!(longest.areas[0].display_name.chars().count(), 200);
    refused(named(201).await).expect_fields(&["areas[0].display_name"]);
}

#[tokio::test]
async fn an_import_has_at_most_a_thousand_rows() {
    let town = Town::start().await;
    let row = |number: usize| {
        Plot::new(api::grids::v1::AreaKind::MicroGrid, &format!("X{number}"), "C", String::new()).spec()
    };
    let import = ImportAreasRequest { areas: (0..1_001).map(row).collect(), ..Default::default() };
    refused(town.people.administrator.grids().import_areas(import).await).expect_fields(&["areas"]);
    let import = ImportAreasRequest { areas: (0..1_000).map(row).collect(), ..Default::default() };
    let answer = done(town.people.administrator.grids().import_areas(import).await);
    assert_eq!(answer.created_count, 1_000);
}
