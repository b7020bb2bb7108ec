//! A boundary: one or more polygons with holes, in WGS-84 degrees.
//!
//! A shape is checked for form when it is made (finite numbers in range, closed rings, sizes), not for sense: rings may
//! cross themselves, because that is how real boundaries arrive. `validate` finds such faults. Points on a border
//! belong to the shape; a point is inside a ring when the ring winds around it at all, and inside the shape when it is
//! inside the exterior of one of its polygons and in none of that polygon's holes. These are the rules of `geo`.
//!
//! Not here: the text of GeoJSON (`geojson`), the stored bytes (`bytes`), the reader of collections (`features`).

mod bytes;
pub mod features;
mod geojson;

use std::sync::Arc;

use base::{Error, Kind, Result, limits};

use crate::Position;
use crate::exact::{Place, Point, place_in_polygon};

/// A multipolygon with holes. Cloning is cheap: clones share the points.
#[derive(Clone, PartialEq)]
pub struct Shape(Arc<Inner>);

#[derive(PartialEq)]
struct Inner {
    /// The points of all rings one after another, each ring closed (its last point repeats its first).
    points: Box<[Point]>,
    /// Where each ring ends in `points`.
    ring_ends: Box<[u32]>,
    /// Where each polygon ends in `ring_ends`; its first ring is the exterior.
    polygon_ends: Box<[u32]>,
    bounds: Bounds,
}

/// A box of degrees, borders included. The bounds of an empty shape are inverted and contain nothing.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Bounds {
    /// The south-west corner: longitude, latitude.
    pub low: [f64; 2],
    /// The north-east corner: longitude, latitude.
    pub high: [f64; 2],
}

impl Bounds {
    /// The bounds of nothing: every union with them is the other side.
    pub const EMPTY: Self = Self { low: [f64::INFINITY; 2], high: [f64::NEG_INFINITY; 2] };

    /// Whether nothing lies inside.
    pub fn is_empty(&self) -> bool {
        self.low[0] > self.high[0]
    }

    /// The smallest bounds around both.
    #[must_use]
    pub fn union(&self, other: &Self) -> Self {
        Self {
            low: [self.low[0].min(other.low[0]), self.low[1].min(other.low[1])],
            high: [self.high[0].max(other.high[0]), self.high[1].max(other.high[1])],
        }
    }

    /// The box that reaches so many degrees further each way.
    #[must_use]
    pub fn grown(&self, by_deg: f64) -> Self {
        Self { low: self.low.map(|edge| edge - by_deg), high: self.high.map(|edge| edge + by_deg) }
    }

    /// Whether the closed boxes have a point in common.
    pub fn touches(&self, other: &Self) -> bool {
        self.low[0] <= other.high[0]
            && other.low[0] <= self.high[0]
            && self.low[1] <= other.high[1]
            && other.low[1] <= self.high[1]
    }

    /// Whether a position lies inside or on the edge.
    pub fn contains(&self, position: Position) -> bool {
        self.holds(position.point())
    }

    pub(crate) fn holds(&self, [x, y]: Point) -> bool {
        self.low[0] <= x && x <= self.high[0] && self.low[1] <= y && y <= self.high[1]
    }

    pub(crate) fn of(points: &[Point]) -> Self {
        points.iter().fold(Self::EMPTY, |bounds, &point| bounds.union(&Self { low: point, high: point }))
    }
}

impl Shape {
    /// Makes a shape of polygons, each a list of rings (exterior first, then holes), each a closed list of WGS-84
    /// points (longitude, latitude). No polygon at all makes the empty shape, which covers nothing.
    ///
    /// Errors (`Kind::Invalid`, every fault is listed with its place, as `coordinates[polygon][ring][point]`): a ring
    /// of fewer than 4 points or not closed, a number that is no degree, an edge longer than 180° (the shape crosses
    /// the antimeridian), a polygon without rings; `BOUNDARY_TOO_LARGE` (`Kind::Exhausted`) for more than
    /// [`limits::BOUNDARY_VERTICES_MAX`] vertices.
    pub fn new(polygons: Vec<Vec<Vec<[f64; 2]>>>) -> Result<Self> {
        let count: usize = polygons.iter().flatten().map(|ring| ring.len().saturating_sub(1)).sum();
        check_vertex_count(count)?;
        geojson::check_form(&polygons)?;
        Ok(Self::assemble(polygons))
    }

    /// Makes a one-polygon shape of rings given without their closing point; for tests and generated shapes.
    pub(crate) fn from_rings(rings: Vec<Vec<Point>>) -> Self {
        let closed = rings.into_iter().map(|mut ring| {
            ring.extend(ring.first().copied());
            ring
        });
        Self::assemble(vec![closed.collect()])
    }

    pub(crate) fn assemble(polygons: Vec<Vec<Vec<Point>>>) -> Self {
        let mut points = Vec::with_capacity(polygons.iter().flatten().map(Vec::len).sum());
        let (mut ring_ends, mut polygon_ends) = (Vec::new(), Vec::new());
        for polygon in polygons {
            for ring in polygon {
                points.extend_from_slice(&ring);
                ring_ends.push(count_u32(points.len()));
            }
            polygon_ends.push(count_u32(ring_ends.len()));
        }
        let bounds = Bounds::of(&points);
        Self(Arc::new(Inner {
            points: points.into_boxed_slice(),
            ring_ends: ring_ends.into_boxed_slice(),
            polygon_ends: polygon_ends.into_boxed_slice(),
            bounds,
        }))
    }

    /// Whether the shape has no polygon and covers nothing.
    pub fn is_empty(&self) -> bool {
        self.0.points.is_empty()
    }

    /// The smallest box around the shape.
    pub fn bounds(&self) -> Bounds {
        self.0.bounds
    }

    /// How many vertices the rings have; the closing point of a ring is not counted again.
    pub fn vertex_count(&self) -> usize {
        self.0.points.len() - self.0.ring_ends.len()
    }

    /// How many polygons the shape has.
    pub fn polygon_count(&self) -> usize {
        self.0.polygon_ends.len()
    }

    /// Every ring of every polygon, each closed, in the order given.
    pub fn rings(&self) -> impl Iterator<Item = &[[f64; 2]]> {
        (0..self.0.ring_ends.len()).map(|ring| self.ring(ring))
    }

    /// Every polygon as its rings: the exterior first, then the holes; each ring closed.
    pub fn polygons(&self) -> impl Iterator<Item = impl Iterator<Item = &[[f64; 2]]>> {
        (0..self.0.polygon_ends.len()).map(|polygon| {
            let start = if polygon == 0 { 0 } else { self.0.polygon_ends[polygon - 1] as usize };
            (start..self.0.polygon_ends[polygon] as usize).map(|ring| self.ring(ring))
        })
    }

    /// Whether a position lies in the shape or on its border; exact, looks at every vertex.
    pub fn covers(&self, position: Position) -> bool {
        self.place(position.point()) != Place::Outside
    }

    /// Square metres that the shape covers, on the WGS-84 ellipsoid.
    pub fn area_m2(&self) -> f64 {
        crate::distance::area_m2(self)
    }

    /// A position inside the shape, for a label or a place on a map; none when the shape covers no area.
    pub fn inner_position(&self) -> Option<Position> {
        use geo::InteriorPoint;
        let polygon = self.to_geo();
        // A tangled boundary may make `geo` panic; it then simply has no such place.
        let found = std::panic::catch_unwind(std::panic::AssertUnwindSafe(|| polygon.interior_point()));
        let point = found.ok().flatten()?;
        let place = [point.x(), point.y()];
        (self.place(place) == Place::Inside).then(|| Position::trusted(place))
    }

    /// Where a point lies relative to the shape.
    pub(crate) fn place(&self, point: Point) -> Place {
        if !self.0.bounds.holds(point) {
            return Place::Outside;
        }
        let mut place = Place::Outside;
        for polygon in self.polygons() {
            match place_in_polygon(point, polygon) {
                Place::Inside => return Place::Inside,
                Place::Border => place = Place::Border,
                Place::Outside => {}
            }
        }
        place
    }

    /// All points of all rings; with [`Shape::ring_ends`] this is what an index numbers its edges by.
    pub(crate) fn points(&self) -> &[Point] {
        &self.0.points
    }

    /// Where each ring ends in [`Shape::points`].
    pub(crate) fn ring_ends(&self) -> &[u32] {
        &self.0.ring_ends
    }

    /// Every edge of every ring.
    pub(crate) fn edges(&self) -> impl Iterator<Item = [Point; 2]> {
        self.rings().flat_map(|ring| ring.windows(2).map(|edge| [edge[0], edge[1]]))
    }

    pub(crate) fn to_geo(&self) -> geo::MultiPolygon {
        let ring = |ring: &[Point]| geo::LineString::from(ring.to_vec());
        let polygons = self.polygons().map(|mut rings| {
            let exterior = rings.next().map_or(geo::LineString::new(vec![]), ring);
            geo::Polygon::new(exterior, rings.map(ring).collect())
        });
        geo::MultiPolygon::new(polygons.collect())
    }

    fn ring(&self, ring: usize) -> &[Point] {
        let start = if ring == 0 { 0 } else { self.0.ring_ends[ring - 1] as usize };
        &self.0.points[start..self.0.ring_ends[ring] as usize]
    }
}

impl std::fmt::Debug for Shape {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "Shape({} polygons, {} vertices, {:?})", self.polygon_count(), self.vertex_count(), self.bounds())
    }
}

/// Refuses a boundary with more vertices than one may have.
pub(crate) fn check_vertex_count(count: usize) -> Result<()> {
    let most = limits::BOUNDARY_VERTICES_MAX;
    if count <= most {
        return Ok(());
    }
    let message = format!("the boundary has {count} vertices, but may have at most {most}: simplify or split it");
    Err(Error::new(Kind::Exhausted, "BOUNDARY_TOO_LARGE", message).with("vertices", count).with("vertices_max", most))
}

/// A count that fits because [`limits::BOUNDARY_VERTICES_MAX`] or the memory bounds it long before.
pub(crate) fn count_u32(count: usize) -> u32 {
    u32::try_from(count).unwrap_or(u32::MAX)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn square(low: f64, high: f64) -> Vec<Point> {
        vec![[low, low], [high, low], [high, high], [low, high], [low, low]]
    }

    #[test]
    fn a_hole_is_outside_and_its_border_is_not() {
        let shape = Shape::new(vec![vec![square(0.0, 10.0), square(4.0, 6.0)]]).unwrap();
        assert_eq!(shape.place([5.0, 5.0]), Place::Outside);
        assert_eq!(shape.place([4.0, 5.0]), Place::Border);
        assert_eq!(shape.place([3.0, 5.0]), Place::Inside);
        assert_eq!(shape.place([10.0, 10.0]), Place::Border);
        assert_eq!(shape.vertex_count(), 8);
    }

    #[test]
    fn an_inner_position_lies_inside_even_around_a_hole() {
        let shape = Shape::new(vec![vec![square(0.0, 10.0), square(1.0, 9.0)]]).unwrap();
        let position = shape.inner_position().unwrap();
        assert!(shape.covers(position));
        assert!(Shape::new(vec![]).unwrap().inner_position().is_none());
    }

    #[test]
    fn too_many_vertices_are_refused_with_the_limit_named() {
        let mut ring: Vec<Point> = (0..200_000).map(|i| [f64::from(i) * 1e-5, f64::from(i % 2)]).collect();
        ring.push(ring[0]);
        let error = Shape::new(vec![vec![ring]]).unwrap_err();
        assert_eq!(error.reason(), "BOUNDARY_TOO_LARGE");
        assert!(error.message().contains("100000"), "{error}");
    }
}
