//! The datums that maps and phones in China speak, and the way from each to WGS-84 and back.
//!
//! CGCS2000 differs from WGS-84 by less than a metre and is treated as equal. GCJ-02 is WGS-84 with a pseudo-random
//! shift of 18 to 714 m; BD-09 adds Baidu's own shift on top. A wrong datum therefore misses by several micro-grids,
//! which is why every input must name its own.
//!
//! Not here: projected metres (BD-09MC, Gauss–Krüger) and the independent systems of single cities.
//!
//! **Outside China** both shifted datums equal WGS-84. "China" is the box 72.004–137.8347 E, 0.8293–55.8271 N of the
//! published algorithm, not a border polygon: this is what the map vendors' public code and `gcoord` use, so answers
//! agree with theirs; inside the box but abroad (Seoul, Hanoi) the shift is applied as they apply it. Within about
//! 700 m of the box's edge, which is sea and foreign land, the way back may differ from the way there.

use std::f64::consts::PI;
use std::fmt;
use std::str::FromStr;

use base::{Error, Result};

use crate::Position;
use crate::position::check_degrees;

/// Semi-major axis of the Krasovsky 1940 ellipsoid in metres, as the GCJ-02 algorithm uses it.
const KRASOVSKY_A: f64 = 6_378_245.0;
/// First eccentricity squared of the same ellipsoid.
const KRASOVSKY_E2: f64 = 0.006_693_421_622_965_943;
/// Baidu's angle factor.
const BAIDU_PI: f64 = PI * 3000.0 / 180.0;
/// Rounds of the way back; each makes the error about 70 times smaller, so five leave 9 nm.
const ROUNDS_BACK: usize = 6;

/// The datum in which a longitude and a latitude are given.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Datum {
    /// GPS, photo EXIF, OpenStreetMap.
    Wgs84,
    /// Chinese surveys and GB standards; equal to WGS-84 for our purposes.
    Cgcs2000,
    /// AMap, Tencent, Apple maps in China, WeChat when asked for it.
    Gcj02,
    /// Baidu (degrees, BD09LL).
    Bd09,
}

impl Datum {
    /// Every datum, in the order of the enumeration.
    pub const ALL: [Self; 4] = [Self::Wgs84, Self::Cgcs2000, Self::Gcj02, Self::Bd09];

    /// The name on command lines and in files: `wgs84`, `cgcs2000`, `gcj02`, `bd09`.
    pub fn name(self) -> &'static str {
        match self {
            Self::Wgs84 => "wgs84",
            Self::Cgcs2000 => "cgcs2000",
            Self::Gcj02 => "gcj02",
            Self::Bd09 => "bd09",
        }
    }
}

impl fmt::Display for Datum {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}

impl FromStr for Datum {
    type Err = Error;

    /// Reads a name in any case, with or without hyphens and underscores (`WGS-84`, `gcj_02`).
    fn from_str(text: &str) -> Result<Self> {
        let plain: String = text.chars().filter(|c| !matches!(c, '-' | '_' | ' ')).collect::<String>().to_lowercase();
        let known = Self::ALL.into_iter().find(|datum| datum.name() == plain);
        known.ok_or_else(|| {
            Error::invalid("datum", format!("is {text:?}, but must be one of wgs84, cgcs2000, gcj02, bd09"))
        })
    }
}

/// Transforms degrees in `datum` to WGS-84. The way back from GCJ-02 and BD-09 is iterated to below a micrometre.
///
/// Errors: `INVALID_FIELDS` when the numbers are not degrees, as [`Position::new`] says.
pub fn to_wgs84(datum: Datum, longitude_deg: f64, latitude_deg: f64) -> Result<Position> {
    check_degrees(longitude_deg, latitude_deg)?;
    Ok(Position::trusted(point_to_wgs84(datum, [longitude_deg, latitude_deg])))
}

/// Transforms a position to degrees (longitude, latitude) in `datum`.
pub fn from_wgs84(datum: Datum, position: Position) -> (f64, f64) {
    let [longitude, latitude] = point_from_wgs84(datum, position.point());
    (longitude, latitude)
}

/// [`to_wgs84`] for a point whose numbers have been checked.
pub(crate) fn point_to_wgs84(datum: Datum, given: [f64; 2]) -> [f64; 2] {
    match datum {
        Datum::Wgs84 | Datum::Cgcs2000 => given,
        Datum::Gcj02 | Datum::Bd09 if !in_china(given) => given,
        Datum::Gcj02 | Datum::Bd09 => {
            // The shift changes slowly with place, so correcting a guess by its own error converges at once.
            let mut guess = given;
            for _ in 0..ROUNDS_BACK {
                let there = point_from_wgs84(datum, guess);
                guess = [guess[0] + given[0] - there[0], guess[1] + given[1] - there[1]];
            }
            guess
        }
    }
}

fn point_from_wgs84(datum: Datum, position: [f64; 2]) -> [f64; 2] {
    match datum {
        Datum::Wgs84 | Datum::Cgcs2000 => position,
        _ if !in_china(position) => position,
        Datum::Gcj02 => gcj02_from_wgs84(position),
        Datum::Bd09 => bd09_from_gcj02(gcj02_from_wgs84(position)),
    }
}

/// Whether a point lies in the box where the shifts apply.
fn in_china([longitude, latitude]: [f64; 2]) -> bool {
    (72.004..=137.8347).contains(&longitude) && (0.8293..=55.8271).contains(&latitude)
}

/// The GCJ-02 shift: sums of sines in the distance from (105 E, 35 N), turned from metres into degrees.
fn gcj02_from_wgs84([longitude, latitude]: [f64; 2]) -> [f64; 2] {
    let (x, y) = (longitude - 105.0, latitude - 35.0);
    let root = x.abs().sqrt();
    let wave = |turns: f64, amplitude: f64| amplitude * (turns * PI).sin();
    let shared = (wave(6.0 * x, 20.0) + wave(2.0 * x, 20.0)) * 2.0 / 3.0;
    let north_waves = (wave(y, 20.0) + wave(y / 3.0, 40.0) + wave(y / 12.0, 160.0) + wave(y / 30.0, 320.0)) * 2.0 / 3.0;
    let east_waves = (wave(x, 20.0) + wave(x / 3.0, 40.0) + wave(x / 12.0, 150.0) + wave(x / 30.0, 300.0)) * 2.0 / 3.0;
    let north_m = -100.0 + 2.0 * x + 3.0 * y + 0.2 * y * y + 0.1 * x * y + 0.2 * root + shared + north_waves;
    let east_m = 300.0 + x + 2.0 * y + 0.1 * x * x + 0.1 * x * y + 0.1 * root + shared + east_waves;

    let phi = latitude.to_radians();
    let magic = 1.0 - KRASOVSKY_E2 * phi.sin() * phi.sin();
    let meridian_m = KRASOVSKY_A * (1.0 - KRASOVSKY_E2) / (magic * magic.sqrt());
    let parallel_m = KRASOVSKY_A / magic.sqrt() * phi.cos();
    [longitude + (east_m / parallel_m).to_degrees(), latitude + (north_m / meridian_m).to_degrees()]
}

/// Baidu's shift on top of GCJ-02: a small turn and stretch in polar coordinates, then a fixed offset.
fn bd09_from_gcj02([x, y]: [f64; 2]) -> [f64; 2] {
    let radius = x.hypot(y) + 0.000_02 * (y * BAIDU_PI).sin();
    let angle = y.atan2(x) + 0.000_003 * (x * BAIDU_PI).cos();
    [radius * angle.cos() + 0.0065, radius * angle.sin() + 0.006]
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::distance::distance_m;

    fn close(found: [f64; 2], expected: [f64; 2]) {
        let apart = (found[0] - expected[0]).abs().max((found[1] - expected[1]).abs());
        assert!(apart < 1e-9, "{found:?} is not {expected:?}");
    }

    #[test]
    fn the_published_vectors_come_out() {
        close(gcj02_from_wgs84([116.404, 39.915]), [116.41024449916938, 39.91640428150164]);
        close(bd09_from_gcj02([116.404, 39.915]), [116.41036949371028, 39.9213369935102]);
    }

    #[test]
    fn the_way_back_ends_within_a_micrometre() {
        for datum in Datum::ALL {
            for step in 0..4000_u32 {
                let longitude = 73.5 + f64::from(step % 80) * 0.75;
                let latitude = 18.0 + f64::from(step / 80) * 0.7;
                let there = Position::new(longitude, latitude).unwrap();
                let (x, y) = from_wgs84(datum, there);
                let back = to_wgs84(datum, x, y).unwrap();
                assert!(distance_m(there, back) < 1e-6, "{datum} {longitude} {latitude}");
            }
        }
    }

    #[test]
    fn outside_china_nothing_is_shifted() {
        for (longitude, latitude) in [(-118.2, 34.05), (2.35, 48.85), (151.2, -33.9), (139.7, 35.7)] {
            for datum in Datum::ALL {
                let position = Position::new(longitude, latitude).unwrap();
                assert_eq!(from_wgs84(datum, position), (longitude, latitude));
                assert_eq!(to_wgs84(datum, longitude, latitude).unwrap(), position);
            }
        }
    }

    #[test]
    fn names_are_read_in_the_ways_people_write_them() {
        assert_eq!("GCJ-02".parse::<Datum>().unwrap(), Datum::Gcj02);
        assert_eq!("wgs_84".parse::<Datum>().unwrap(), Datum::Wgs84);
        let error = "beijing54".parse::<Datum>().unwrap_err();
        assert!(error.to_string().contains("must be one of"), "{error}");
    }
}
