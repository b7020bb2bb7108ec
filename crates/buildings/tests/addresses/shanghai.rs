//! Real names and door numbers: the buildings and streets of one tile of Shanghai from OpenStreetMap.

use base::AreaPath;
use buildings::model::address::{Confidence, Entry, Gazetteer, Kind, Question};

/// A building with its name, if it has one, and its address, as mapped.
struct Mapped {
    id: [u8; 16],
    name: Option<String>,
    door: Option<String>,
}

fn mapped() -> Vec<Mapped> {
    let Some(path) = super::data("osm_shanghai_buildings.geojson") else {
        return Vec::new();
    };
    let map: serde_json::Value = serde_json::from_str(&std::fs::read_to_string(path).unwrap()).unwrap();
    let chinese = |text: &str| text.chars().all(|sign| !sign.is_ascii_alphabetic());
    let features = map["features"].as_array().unwrap().iter().enumerate();
    let read = |(number, feature): (usize, &serde_json::Value)| {
        let word = |key: &str| feature["properties"][key].as_str().filter(|text| chinese(text)).map(str::to_owned);
        let door = word("addr_street").zip(word("addr_housenumber"));
        let door = door.map(|(street, number)| format!("{street}{}号", number.trim_end_matches('号')));
        // A lone digit is the number of a tower, not a name.
        let name = word("name").filter(|name| name.chars().count() > 2);
        Mapped { id: (number as u128 + 1).to_be_bytes(), name, door }
    };
    features.map(read).filter(|mapped| mapped.name.is_some() || mapped.door.is_some()).collect()
}

/// Parts of one building are mapped one by one with the same name and door: any of them is right, and then none is sure.
#[test]
fn real_buildings_are_found_by_their_doors_and_by_their_names() {
    let mapped = mapped();
    if mapped.is_empty() {
        return;
    }
    let mut gazetteer = Gazetteer::default();
    for Mapped { id, name, door } in &mapped {
        let names: Vec<&str> = name.as_deref().into_iter().collect();
        let doors: Vec<&str> = door.as_deref().into_iter().collect();
        let area = AreaPath::ROOT;
        gazetteer.put(&Entry {
            id: *id,
            kind: Kind::Building,
            parent: None,
            label: None,
            names: &names,
            area,
            doors: &doors,
        });
    }
    let first = |text: &str| {
        let visible = |_: &AreaPath| true;
        let question = Question { text, visible: &visible, confidence: Confidence::default(), limit: 1 };
        let found = gazetteer.find(&question).candidates.first().map(|candidate| candidate.id);
        found.and_then(|id| mapped.iter().find(|mapped| mapped.id == id))
    };
    let (mut asked, mut right) = (0, 0);
    for building in &mapped {
        for (text, same) in [
            (building.door.as_ref(), building.door.as_ref().map(|door| format!("上海市浦东新区{door}"))),
            (building.name.as_ref(), building.name.as_ref().map(|name| format!("浦东新区{name}门口"))),
        ] {
            let (Some(key), Some(text)) = (text, same) else { continue };
            asked += 1;
            let found =
                first(&text).is_some_and(|found| found.name.as_ref() == Some(key) || found.door.as_ref() == Some(key));
            if !found {
                println!("not found: {text}");
            }
            right += usize::from(found);
        }
    }
    println!("{right} of {asked} real doors and names");
    assert!(right * 100 >= asked * 98, "{right} of {asked}");
}
