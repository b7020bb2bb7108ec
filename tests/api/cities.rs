//! 664 Chinese cities in every datum, as another library converts them (gcoord).

use std::fs;

use api::grids::v1::{AreaKind, Datum, GetBoundaryRequest, LocateRequest, Point};
use serde_json::Value;
use tests::{Land, Plot, Wangge, activate, data, done};

struct City {
    name: String,
    wgs84: (f64, f64),
    gcj02: (f64, f64),
    bd09: (f64, f64),
}

fn cities() -> Option<Vec<City>> {
    let text = fs::read_to_string(data("gcoord_china-cities.json")?).unwrap();
    let file: Value = serde_json::from_str(&text).unwrap();
    let cities = file.as_array().unwrap().iter().map(|city| {
        let place = |datum: &str| {
            let numbers = &city["coords"][datum];
            (numbers[0].as_f64().unwrap(), numbers[1].as_f64().unwrap())
        };
        let name = city["attrs"]["name"].as_str().unwrap_or_default().to_owned();
        City { name, wgs84: place("WGS84"), gcj02: place("GCJ02"), bd09: place("BD09") }
    });
    Some(cities.collect())
}

fn apart(one: (f64, f64), other: (f64, f64)) -> f64 {
    (one.0 - other.0).abs().max((one.1 - other.1).abs())
}

#[tokio::test]
async fn locate_answers_every_city_in_wgs84_within_a_ten_thousandth_of_a_degree() {
    let Some(cities) = cities() else { return };
    assert_eq!(cities.len(), 664);
    let server = Wangge::start().await;
    let mut worst: (f64, String) = (0.0, String::new());
    for city in &cities {
        for (datum, (longitude_deg, latitude_deg)) in
            [(Datum::Wgs84, city.wgs84), (Datum::Gcj02, city.gcj02), (Datum::Bd09, city.bd09)]
        {
            let point = Some(Point { longitude_deg, latitude_deg, datum: datum.into() });
            let request = LocateRequest { point, as_of: None, ..Default::default() };
            let back = done(server.administrator.grids().locate(request).await).wgs84.unwrap();
            assert_eq!(back.datum(), Datum::Wgs84);
            let missed = apart((back.longitude_deg, back.latitude_deg), city.wgs84);
            if missed > worst.0 {
                worst = (missed, format!("{} from {datum:?}", city.name));
            }
        }
    }
    println!("back: at most {:.1e}° away ({})", worst.0, worst.1);
    assert!(worst.0 < 1e-4, "{worst:?}");
}

#[tokio::test]
async fn a_boundary_is_answered_in_the_datum_asked_for_within_a_hundred_thousandth_of_a_degree() {
    let Some(cities) = cities() else { return };
    // One area whose parts are small triangles, each with a city as a corner.
    let triangles: Vec<String> = cities
        .iter()
        .map(|city| {
            let (x, y) = city.wgs84;
            format!("[[[{x},{y}],[{},{y}],[{x},{}],[{x},{y}]]]", x + 0.001, y + 0.001)
        })
        .collect();
    let geojson = format!(r#"{{"type":"MultiPolygon","coordinates":[{}]}}"#, triangles.join(","));
    let server = Wangge::start().await;
    let plots = [Plot::new(AreaKind::Province, "CN", "", geojson)];
    let land = Land::import(&server.administrator, &plots).await;
    let release = land.draft(&server.administrator, &plots).await;
    // Some cities are in the file twice, so their triangles overlap.
    let kinds: Vec<_> = release.findings.iter().map(api::grids::v1::FindingCount::kind).collect();
    activate(&server.administrator, &release, &kinds).await;
    for datum in [Datum::Gcj02, Datum::Bd09] {
        let request = GetBoundaryRequest { name: land.name("CN"), datum: datum.into(), as_of: None };
        let boundary = done(server.administrator.grids().get_boundary(request).await);
        assert_eq!(boundary.datum(), datum);
        let value: Value = serde_json::from_str(&boundary.geojson).unwrap();
        let mut corners: Vec<(f64, f64)> = Vec::new();
        for polygon in value["coordinates"].as_array().unwrap() {
            let ring = polygon[0].as_array().unwrap();
            corners.extend(ring.iter().map(|corner| (corner[0].as_f64().unwrap(), corner[1].as_f64().unwrap())));
        }
        let mut worst: (f64, &str) = (0.0, "");
        for city in &cities {
            let wanted = if datum == Datum::Gcj02 { city.gcj02 } else { city.bd09 };
            let nearest = corners.iter().map(|corner| apart(*corner, wanted)).fold(f64::INFINITY, f64::min);
            if nearest > worst.0 {
                worst = (nearest, &city.name);
            }
        }
        println!("{datum:?}: at most {:.1e}° away ({})", worst.0, worst.1);
        assert!(worst.0 < 1e-5, "{datum:?}: {worst:?}");
    }
}
