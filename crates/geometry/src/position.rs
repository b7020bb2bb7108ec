//! A place on the earth: WGS-84 degrees that are known to be numbers in range.
//!
//! Not here: where the numbers came from. Other datums become a `Position` in `datum`.

use base::{Result, Violations};

/// A WGS-84 (equally CGCS2000) position in degrees. Both numbers are finite and in range; a `Position` that exists
/// has been checked.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Position {
    longitude_deg: f64,
    latitude_deg: f64,
}

impl Position {
    /// Checks and makes a position from WGS-84 degrees: longitude in -180..=180, latitude in -90..=90.
    ///
    /// Errors: `INVALID_FIELDS` naming `longitude_deg`, `latitude_deg` or both, with a hint when the two look swapped.
    pub fn new(longitude_deg: f64, latitude_deg: f64) -> Result<Self> {
        check_degrees(longitude_deg, latitude_deg)?;
        Ok(Self { longitude_deg, latitude_deg })
    }

    /// Degrees east of Greenwich, -180 to 180.
    pub fn longitude_deg(self) -> f64 {
        self.longitude_deg
    }

    /// Degrees north of the equator, -90 to 90.
    pub fn latitude_deg(self) -> f64 {
        self.latitude_deg
    }

    /// Wraps numbers that are known to be good: vertices of a checked shape, or points computed between them.
    pub(crate) fn trusted(point: [f64; 2]) -> Self {
        Self { longitude_deg: point[0], latitude_deg: point[1] }
    }

    /// Longitude and latitude as a plain pair.
    pub(crate) fn point(self) -> [f64; 2] {
        [self.longitude_deg, self.latitude_deg]
    }
}

/// Refuses numbers that cannot be degrees of longitude and latitude in any datum.
pub(crate) fn check_degrees(longitude_deg: f64, latitude_deg: f64) -> Result<()> {
    let mut wrong = Violations::new();
    let swapped = longitude_deg.abs() <= 90.0 && latitude_deg.abs() > 90.0 && latitude_deg.abs() <= 180.0;
    let hint = if swapped { "; longitude and latitude look swapped: longitude comes first" } else { "" };
    if !longitude_deg.is_finite() {
        wrong.add("longitude_deg", format!("is {longitude_deg}, but must be a number from -180 to 180"));
    } else if longitude_deg.abs() > 180.0 {
        wrong.add("longitude_deg", format!("is {longitude_deg}, but must lie from -180 to 180 degrees"));
    }
    if !latitude_deg.is_finite() {
        wrong.add("latitude_deg", format!("is {latitude_deg}, but must be a number from -90 to 90"));
    } else if latitude_deg.abs() > 90.0 {
        wrong.add("latitude_deg", format!("is {latitude_deg}, but must lie from -90 to 90 degrees{hint}"));
    }
    wrong.check()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_that_are_no_position_are_refused_with_every_field_named() {
        let error = Position::new(f64::NAN, f64::INFINITY).unwrap_err();
        let fields: Vec<_> = error.violations().iter().map(|violation| violation.field.as_str()).collect();
        assert_eq!(fields, ["longitude_deg", "latitude_deg"]);
        assert!(Position::new(180.000001, 0.0).is_err());
        assert!(Position::new(-180.0, 90.0).is_ok());
    }

    #[test]
    fn swapped_numbers_are_recognised_in_the_message() {
        let error = Position::new(22.99, 120.2).unwrap_err();
        assert!(error.to_string().contains("look swapped"), "{error}");
    }
}
