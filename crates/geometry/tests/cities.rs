//! The datum transforms agree with `gcoord` on 664 Chinese cities: forward within 1e-5°, back within 1e-4°.

#![allow(clippy::unwrap_used)]

mod support;

use geometry::datum::{from_wgs84, to_wgs84};
use geometry::{Datum, Position};
use support::data;

#[test]
fn the_664_cities_agree_forward_and_back() {
    let Some(path) = data("gcoord_china-cities.json") else { return };
    let text = std::fs::read_to_string(path).unwrap();
    let cities: Vec<serde_json::Value> = serde_json::from_str(&text).unwrap();
    assert_eq!(cities.len(), 664);
    let mut worst = [0.0_f64; 2];
    for city in &cities {
        let pair = |datum: &str| [0, 1].map(|axis| city["coords"][datum][axis].as_f64().unwrap());
        let [longitude, latitude] = pair("WGS84");
        let position = Position::new(longitude, latitude).unwrap();
        for (datum, name) in [(Datum::Gcj02, "GCJ02"), (Datum::Bd09, "BD09")] {
            let given = pair(name);
            let (x, y) = from_wgs84(datum, position);
            worst[0] = worst[0].max((x - given[0]).abs()).max((y - given[1]).abs());
            let back = to_wgs84(datum, given[0], given[1]).unwrap();
            let apart = (back.longitude_deg() - longitude).abs().max((back.latitude_deg() - latitude).abs());
            worst[1] = worst[1].max(apart);
        }
    }
    println!("worst forward {:.1e}°, worst back {:.1e}°", worst[0], worst[1]);
    assert!(worst[0] <= 1e-5 && worst[1] <= 1e-4, "{worst:?}");
}
