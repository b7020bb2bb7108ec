//! The addresses of 5,000 real hotline orders of Tainan, 2015 to 2016, taken apart without any register.

use std::collections::BTreeMap;

use buildings::model::address::{Address, Shape};

fn addresses() -> Vec<String> {
    let Some(path) = super::data("tainan1999_2015_2016H1_sample5000.csv") else {
        return Vec::new();
    };
    let mut reader = csv::Reader::from_path(path).unwrap();
    reader.records().map(|row| row.unwrap()[6].trim().to_owned()).collect()
}

/// Whether a clerk wrote a road, and a number with 號 somewhere after it: told apart from how the parser reads.
fn has_road_and_number(address: &str) -> bool {
    let Some(road) = address.find(['路', '街']) else {
        return false;
    };
    let rest: Vec<char> = address[road..].chars().collect();
    rest.windows(2)
        .any(|two| matches!(two[1], '號' | '号') && (two[0].is_ascii_digit() || ('０'..='９').contains(&two[0])))
}

/// Prints how many of the addresses are of each shape, with examples (`--nocapture`).
///
/// Of the 5,000 orders 84.2 % name a road and a number on it, and nearly all of these are read. The rest names no
/// number on a road: a village or place with a number, a corner, a stretch, a lane, a road alone, a landmark.
#[test]
fn road_and_number_are_read_from_real_orders() {
    let addresses = addresses();
    if addresses.is_empty() {
        return;
    }
    let mut shapes: BTreeMap<Shape, Vec<&String>> = BTreeMap::new();
    for address in &addresses {
        shapes.entry(Address::parse(address).shape()).or_default().push(address);
    }
    let share = |shape: Shape| shapes.get(&shape).map_or(0.0, |of| 100.0 * of.len() as f64 / addresses.len() as f64);
    for (shape, of) in &shapes {
        println!("{shape:?}: {} ({:.2} %)", of.len(), share(*shape));
        for address in of.iter().step_by((of.len() / 12).max(1)) {
            println!("    {address}  →  {}", Address::parse(address));
        }
    }
    let written: Vec<&String> = addresses.iter().filter(|address| has_road_and_number(address)).collect();
    let missed = written.iter().filter(|address| Address::parse(address).shape() != Shape::RoadAndNumber);
    let missed: Vec<_> = missed.collect();
    println!("of {} with a road and a number, {} are not read as such: {missed:#?}", written.len(), missed.len());
    let placed = [Shape::RoadAndNumber, Shape::PlaceAndNumber, Shape::Corner, Shape::Stretch, Shape::Lane];
    assert!(share(Shape::RoadAndNumber) >= 84.0);
    assert!(missed.len() * 200 < written.len(), "more than 0.5 % of what is written is not read");
    assert!(placed.into_iter().map(share).sum::<f64>() >= 95.0, "of so many more than a road or a name is read");
}
