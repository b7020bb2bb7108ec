//! Metres and square metres on the WGS-84 ellipsoid.
//!
//! `distance_m` is the geodesic (Karney's method in `geo`, exact to nanometres). Where thousands of borders have to be
//! compared, the mid-latitude plane is used to choose and the geodesic only to measure the one chosen: within 10 km of the
//! point the choice is right to 1 mm, within 500 km to about 0.05 % of the distance. Metres to a border near by, asked
//! with every point, are taken in that plane too.
//! `area_m2` is taken in a cylindrical equal-area projection of the ellipsoid. Edges are straight in degrees, as GeoJSON
//! has them; with geodesics for edges the area of a micro-grid differs by about 1e-5 of itself.
//!
//! Not here: travel distances along streets.

use geo::{Distance, Geodesic, Point};

use crate::{Position, Shape};

/// Semi-major axis of WGS-84 in metres.
const A: f64 = 6_378_137.0;
/// First eccentricity squared of WGS-84.
const E2: f64 = 0.006_694_379_990_141_316_5;
/// A sphere's radius that no geodesic falls short of: the smallest radius of curvature of the ellipsoid, in metres.
const RADIUS_LOW: f64 = 6_335_400.0;

/// Degrees apart, and degrees from the equator, up to which the mid-latitude formula is right to 1 mm.
const NEAR_DEG: f64 = 0.05;
const NEAR_LATITUDE_MAX_DEG: f64 = 70.0;

/// Metres between two positions along the shortest line on the ellipsoid.
pub fn distance_m(from: Position, to: Position) -> f64 {
    Geodesic.distance(Point::from(from.point()), Point::from(to.point()))
}

/// The same to 1 mm, ten times faster between positions in one district: Gauss's mid-latitude formula where it is
/// that good, the geodesic elsewhere.
pub(crate) fn near_distance_m(from: Position, to: Position) -> f64 {
    let (from_point, to_point) = (from.point(), to.point());
    let apart = [to_point[0] - from_point[0], to_point[1] - from_point[1]];
    let middle = from_point[1] + apart[1] / 2.0;
    if apart[0].abs() > NEAR_DEG || apart[1].abs() > NEAR_DEG || middle.abs() > NEAR_LATITUDE_MAX_DEG {
        return distance_m(from, to);
    }
    let scale = metres_per_degree(middle);
    let metres = [apart[0] * scale[0], apart[1] * scale[1]];
    (metres[0] * metres[0] + metres[1] * metres[1]).sqrt()
}

/// Metres from a position to the nearest point of the segment between `start` and `end`, and that nearest point.
pub fn distance_to_segment_m(position: Position, start: Position, end: Position) -> (f64, Position) {
    let plane = Plane::at(position.point());
    let (_, nearest) = plane.nearest_on_segment(start.point(), end.point());
    let nearest = Position::trusted(nearest);
    (distance_m(position, nearest), nearest)
}

/// Square metres that a shape covers; holes do not count. A ring that crosses itself counts by its signed area.
pub fn area_m2(shape: &Shape) -> f64 {
    shape
        .polygons()
        .map(|polygon| {
            let mut rings = polygon.map(|ring| ring_area_m2(ring).abs());
            let exterior = rings.next().unwrap_or(0.0);
            (exterior - rings.sum::<f64>()).max(0.0)
        })
        .sum()
}

/// Signed square metres inside a closed ring, positive when it turns counter-clockwise.
pub(crate) fn ring_area_m2(ring: &[[f64; 2]]) -> f64 {
    let Some(&origin) = ring.first() else { return 0.0 };
    // Differences from the first vertex keep the digits of a small ring far from the equator.
    let height = |point: [f64; 2]| authalic_sine(point[1]) - authalic_sine(origin[1]);
    let mut twice = 0.0;
    let mut previous = (0.0, 0.0);
    for &point in ring {
        let here = ((point[0] - origin[0]).to_radians(), height(point));
        twice += previous.0 * here.1 - here.0 * previous.1;
        previous = here;
    }
    twice / 2.0 * A * A
}

/// The northing of an equal-area cylinder in units of the semi-major axis squared: half of Snyder's q.
fn authalic_sine(latitude_deg: f64) -> f64 {
    let e = E2.sqrt();
    let sine = latitude_deg.to_radians().sin();
    (1.0 - E2) / 2.0 * (sine / (1.0 - E2 * sine * sine) + (e * sine).atanh() / e)
}

/// Metres per degree of longitude and of latitude at a latitude.
fn metres_per_degree(latitude_deg: f64) -> [f64; 2] {
    let phi = latitude_deg.to_radians();
    let w2 = 1.0 - E2 * phi.sin() * phi.sin();
    let degree = std::f64::consts::PI / 180.0;
    [A / w2.sqrt() * phi.cos() * degree, A * (1.0 - E2) / (w2 * w2.sqrt()) * degree]
}

/// Metres as a plane sees them around one point, good for choosing the nearest of many things.
#[derive(Clone, Copy)]
pub(crate) struct Plane {
    origin: [f64; 2],
    scale: [f64; 2],
}

impl Plane {
    /// The plane around a point.
    pub(crate) fn at(origin: [f64; 2]) -> Self {
        Self { origin, scale: metres_per_degree(origin[1]) }
    }

    /// Metres per degree (longitude, latitude) at the origin.
    pub(crate) fn scale(&self) -> [f64; 2] {
        self.scale
    }

    /// The point of a segment nearest to the origin, with its squared distance in metres as the plane sees it.
    pub(crate) fn nearest_on_segment(&self, start: [f64; 2], end: [f64; 2]) -> (f64, [f64; 2]) {
        // Near the origin its own scale is right. Further away the scale half-way between is, so it is taken there.
        let middle = (start[1] + end[1]) / 2.0;
        let scale = if (middle - self.origin[1]).abs() > 0.05 || (start[0] - self.origin[0]).abs() > 0.05 {
            metres_per_degree(((middle + self.origin[1]) / 2.0).clamp(-89.9, 89.9))
        } else {
            self.scale
        };
        let east = |longitude: f64| {
            let turn = longitude - self.origin[0];
            (if turn > 180.0 {
                turn - 360.0
            } else if turn < -180.0 {
                turn + 360.0
            } else {
                turn
            }) * scale[0]
        };
        let from = [east(start[0]), (start[1] - self.origin[1]) * scale[1]];
        let along = [(end[0] - start[0]) * scale[0], (end[1] - start[1]) * scale[1]];
        let length2 = along[0] * along[0] + along[1] * along[1];
        let share = if length2 > 0.0 { -(from[0] * along[0] + from[1] * along[1]) / length2 } else { 0.0 };
        let share = share.clamp(0.0, 1.0);
        let offset = [from[0] + share * along[0], from[1] + share * along[1]];
        let nearest = [start[0] + share * (end[0] - start[0]), start[1] + share * (end[1] - start[1])];
        (offset[0] * offset[0] + offset[1] * offset[1], nearest)
    }

    /// The point of a shape's boundary nearest to the origin; none for a shape without points.
    pub(crate) fn nearest_on_boundary(&self, shape: &Shape) -> Option<[f64; 2]> {
        let mut best: Option<(f64, [f64; 2])> = None;
        for ring in shape.rings() {
            for edge in ring.windows(2) {
                let found = self.nearest_on_segment(edge[0], edge[1]);
                if best.is_none_or(|(least, _)| found.0 < least) {
                    best = Some(found);
                }
            }
        }
        best.map(|(_, nearest)| nearest)
    }
}

/// A number of metres that the distance from a point to a box of degrees never falls short of; 0 inside the box.
pub(crate) fn box_distance_low_m(point: [f64; 2], low: [f64; 2], high: [f64; 2]) -> f64 {
    let [longitude, latitude] = point;
    if (low[0]..=high[0]).contains(&longitude) {
        let apart = if latitude < low[1] { low[1] - latitude } else { (latitude - high[1]).max(0.0) };
        return apart.to_radians() * RADIUS_LOW;
    }
    let side = |meridian: f64| angle_to_meridian(point, meridian, low[1], high[1]) * RADIUS_LOW;
    side(low[0]).min(side(high[0]))
}

/// The angle in radians from a point to a piece of a meridian, on the sphere.
fn angle_to_meridian([longitude, latitude]: [f64; 2], meridian: f64, south: f64, north: f64) -> f64 {
    let turn = (meridian - longitude).to_radians();
    let (phi, south, north) = (latitude.to_radians(), south.to_radians(), north.to_radians());
    let angle_to = |other: f64| {
        let half = |angle: f64| (angle / 2.0).sin().powi(2);
        let chord = half(other - phi) + phi.cos() * other.cos() * half(turn);
        2.0 * chord.sqrt().min(1.0).asin()
    };
    if turn.cos() > 0.0 {
        // The foot of the perpendicular on the meridian, or the end that is nearer to it.
        angle_to((phi.tan() / turn.cos()).atan().clamp(south, north))
    } else {
        // Beyond a quarter turn the way leads over a pole: one of the ends is nearest.
        angle_to(south).min(angle_to(north))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(longitude: f64, latitude: f64) -> Position {
        Position::new(longitude, latitude).unwrap()
    }

    #[test]
    fn a_degree_has_the_metres_that_tables_give() {
        assert!((distance_m(at(0.0, 0.0), at(1.0, 0.0)) - 111_319.491).abs() < 0.01);
        assert!((distance_m(at(0.0, 0.0), at(0.0, 1.0)) - 110_574.389).abs() < 0.01);
        assert_eq!(distance_m(at(120.0, 23.0), at(120.0, 23.0)), 0.0);
    }

    #[test]
    fn near_distances_are_geodesic_to_a_millimetre() {
        let mut random = fastrand::Rng::with_seed(11);
        let mut within = |width: f64| (random.f64() - 0.5) * 2.0 * width;
        for _ in 0..20_000 {
            let from = at(within(179.0), within(69.9));
            let [longitude, latitude] = from.point();
            let to = at(longitude + within(0.06), (latitude + within(0.06)).clamp(-90.0, 90.0));
            let (near, exact) = (near_distance_m(from, to), distance_m(from, to));
            assert!((near - exact).abs() < 0.001, "{from:?} {to:?}: {near} {exact}");
        }
    }

    #[test]
    fn the_whole_ellipsoid_has_its_known_area() {
        let world = Shape::from_rings(vec![vec![[-180.0, -90.0], [180.0, -90.0], [180.0, 90.0], [-180.0, 90.0]]]);
        let area = area_m2(&world);
        assert!((area / 510_065_621_724_088.0 - 1.0).abs() < 1e-9, "{area}");
    }

    #[test]
    fn a_small_area_is_near_the_area_with_geodesic_edges() {
        use geo::GeodesicArea;
        let ring = vec![[120.2, 23.0], [120.21, 23.002], [120.213, 23.012], [120.199, 23.009]];
        let polygon = geo::Polygon::new(geo::LineString::from(ring.clone()), vec![]);
        let ours = area_m2(&Shape::from_rings(vec![ring]));
        assert!((ours / polygon.geodesic_area_unsigned() - 1.0).abs() < 3e-5);
    }

    #[test]
    fn the_nearest_point_of_a_segment_is_its_foot_or_its_end() {
        let (metres, nearest) = distance_to_segment_m(at(120.0, 23.0), at(119.9, 23.01), at(120.1, 23.01));
        assert!((nearest.longitude_deg() - 120.0).abs() < 1e-6);
        assert!((metres - 1107.5).abs() < 1.0, "{metres}");
        let (_, nearest) = distance_to_segment_m(at(120.0, 23.0), at(120.1, 23.0), at(120.2, 23.1));
        assert_eq!(nearest, at(120.1, 23.0));
    }

    #[test]
    fn the_bound_of_a_box_never_exceeds_the_distance() {
        let mut random = fastrand::Rng::with_seed(7);
        for _ in 0..20_000 {
            let low = [random.f64() * 340.0 - 170.0, random.f64() * 160.0 - 80.0];
            let high = [low[0] + random.f64() * 5.0, low[1] + random.f64() * 5.0];
            let inside = [low[0] + random.f64() * (high[0] - low[0]), low[1] + random.f64() * (high[1] - low[1])];
            let point = [random.f64() * 360.0 - 180.0, random.f64() * 180.0 - 90.0];
            let bound = box_distance_low_m(point, low, high);
            assert!(bound <= distance_m(Position::trusted(point), Position::trusted(inside)) + 1e-6);
        }
    }
}
