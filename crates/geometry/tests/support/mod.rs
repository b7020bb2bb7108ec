//! What the tests of this crate share: the real data, and `geo` as the oracle that decides what is right.

#![allow(dead_code, missing_docs, unreachable_pub, clippy::unwrap_used)]

use geo::{Intersects, MultiPolygon};
use geometry::{Datum, Item, Shape, read_features};

#[path = "../../../../tests/support/shared_data.rs"]
mod shared_data;
pub use shared_data::data;

/// The areas of a collection, coded by one property, all of one rank; none where the data is missing.
pub fn collection(name: &str, code: &str) -> Option<Vec<Item>> {
    let file = std::fs::File::open(data(name)?).unwrap();
    let mut items = Vec::new();
    read_features(file, |feature| {
        let id = u32::try_from(feature.index).unwrap();
        items.push(Item { id, code: feature.properties[code].clone(), rank: 1, shape: feature.shape(Datum::Wgs84)? });
        Ok(())
    })
    .unwrap();
    Some(items)
}

/// The same shape as `geo` has it.
pub fn as_geo(shape: &Shape) -> MultiPolygon {
    let polygons = shape.polygons().map(|rings| {
        let mut rings: Vec<geo::LineString> = rings.map(|ring| geo::LineString::from(ring.to_vec())).collect();
        geo::Polygon::new(rings.remove(0), rings)
    });
    MultiPolygon::new(polygons.collect())
}

/// `geo`'s answers over all areas, by boxes and `Intersects`.
pub struct Oracle {
    tree: rstar::RTree<rstar::primitives::GeomWithData<rstar::primitives::Rectangle<[f64; 2]>, usize>>,
    areas: Vec<(Item, MultiPolygon)>,
}

impl Oracle {
    pub fn new(items: &[Item]) -> Self {
        let mut sorted = items.to_vec();
        sorted.sort_by(|a, b| (a.rank, &a.code).cmp(&(b.rank, &b.code)));
        let boxes = sorted.iter().enumerate().filter(|(_, item)| !item.shape.is_empty()).map(|(place, item)| {
            let bounds = item.shape.bounds();
            rstar::primitives::GeomWithData::new(
                rstar::primitives::Rectangle::from_corners(bounds.low, bounds.high),
                place,
            )
        });
        let tree = rstar::RTree::bulk_load(boxes.collect());
        let areas = sorted.iter().map(|item| (item.clone(), as_geo(&item.shape))).collect();
        Self { tree, areas }
    }

    /// The ids of all areas that intersect a point, in order of precedence.
    pub fn all(&self, point: [f64; 2]) -> Vec<u32> {
        let at = geo::Coord { x: point[0], y: point[1] };
        let mut places: Vec<usize> = self.tree.locate_all_at_point(&point).map(|found| found.data).collect();
        places.sort_unstable();
        places.retain(|&place| self.areas[place].1.intersects(&at));
        places.into_iter().map(|place| self.areas[place].0.id).collect()
    }
}
