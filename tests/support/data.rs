//! The work orders of the real hotline that tests replay.

use crate::data;

/// One work order of the Tainan hotline, 2015 to 2016.
#[derive(Clone, Debug)]
pub struct Order {
    /// Its number in the hotline.
    pub number: String,
    /// The town that the hotline's clerk wrote down; a few are mistyped.
    pub town: String,
    /// What it is about.
    pub category: String,
    /// What was said.
    pub text: String,
    /// The address as said.
    pub address: String,
    /// Degrees east, WGS-84.
    pub longitude_deg: f64,
    /// Degrees north, WGS-84.
    pub latitude_deg: f64,
}

/// The 5,000 sample orders, in the order of the file; empty where the data is missing.
pub fn tainan_orders() -> Vec<Order> {
    let Some(path) = data("tainan1999_2015_2016H1_sample5000.csv") else {
        return Vec::new();
    };
    let mut reader = csv::Reader::from_path(path).expect("the sample can be read");
    let rows = reader.records().map(|row| row.expect("the sample is CSV"));
    rows.map(|row| {
        let text = |column: usize| row.get(column).unwrap_or_default().trim().to_owned();
        let number = |column: usize| text(column).parse::<f64>().expect("a coordinate");
        Order {
            number: text(0),
            town: text(2),
            category: text(3),
            text: text(5),
            address: text(6),
            longitude_deg: number(8),
            latitude_deg: number(7),
        }
    })
    .collect()
}
