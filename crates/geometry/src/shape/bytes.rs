//! The stored form of a shape: every bit of every number, in few bytes.
//!
//! ```text
//! format u8 = 1 │ polygons │ rings of each polygon │ vertices of each ring │ points: longitude, latitude as f64 LE
//! ```
//! Counts are LEB128 variable-length integers. The closing point of a ring is not written. The format byte is never
//! reused; a golden test pins the bytes. Not here: checksums, which the store adds.

use base::{Error, Kind, Result};

use super::{Shape, check_vertex_count};
use crate::exact::Point;

const FORMAT: u8 = 1;
const POINT_BYTES: usize = 16;

impl Shape {
    /// The stored form.
    pub fn to_bytes(&self) -> Vec<u8> {
        let mut bytes = Vec::with_capacity(8 + self.vertex_count() * POINT_BYTES);
        bytes.push(FORMAT);
        put_count(&mut bytes, self.polygon_count());
        self.polygons().for_each(|polygon| put_count(&mut bytes, polygon.count()));
        self.rings().for_each(|ring| put_count(&mut bytes, ring.len() - 1));
        for point in self.rings().flat_map(|ring| &ring[..ring.len() - 1]) {
            bytes.extend_from_slice(&point[0].to_le_bytes());
            bytes.extend_from_slice(&point[1].to_le_bytes());
        }
        bytes
    }

    /// Reads the stored form; the shape equals the one written, bit for bit.
    ///
    /// Errors: `BAD_SHAPE_BYTES` (`Kind::Corrupt`) for anything that [`Shape::to_bytes`] cannot have written.
    pub fn from_bytes(bytes: &[u8]) -> Result<Self> {
        let mut reader = Reader { rest: bytes };
        if reader.byte()? != FORMAT {
            return Err(damaged("its format is unknown"));
        }
        let polygon_count = reader.count()?;
        let ring_counts = (0..polygon_count).map(|_| reader.count()).collect::<Result<Vec<_>>>()?;
        let total: usize = ring_counts.iter().sum();
        let vertex_counts = (0..total).map(|_| reader.count()).collect::<Result<Vec<_>>>()?;
        let vertices: usize = vertex_counts.iter().sum();
        check_vertex_count(vertices).map_err(|cause| damaged("it has too many vertices").caused_by(cause))?;
        if reader.rest.len() != vertices * POINT_BYTES {
            return Err(damaged("its length does not fit its counts"));
        }
        let mut vertex_counts = vertex_counts.into_iter();
        let mut polygons = Vec::with_capacity(polygon_count);
        for rings in ring_counts {
            let rings = vertex_counts.by_ref().take(rings).map(|vertices| reader.ring(vertices));
            polygons.push(rings.collect::<Result<Vec<_>>>()?);
        }
        Self::new(polygons).map_err(|cause| damaged("its rings are wrong").caused_by(cause))
    }
}

fn put_count(bytes: &mut Vec<u8>, mut count: usize) {
    loop {
        let [low, ..] = count.to_le_bytes();
        count >>= 7;
        if count == 0 {
            bytes.push(low & 0x7f);
            return;
        }
        bytes.push(low | 0x80);
    }
}

struct Reader<'a> {
    rest: &'a [u8],
}

impl Reader<'_> {
    fn byte(&mut self) -> Result<u8> {
        let (&first, rest) = self.rest.split_first().ok_or_else(|| damaged("it ends too early"))?;
        self.rest = rest;
        Ok(first)
    }

    /// A count; none can exceed the bytes that are left, which keeps damage from asking for memory.
    fn count(&mut self) -> Result<usize> {
        let mut count = 0;
        for shift in (0..28).step_by(7) {
            let byte = self.byte()?;
            count |= usize::from(byte & 0x7f) << shift;
            if byte < 0x80 {
                return if count <= self.rest.len() { Ok(count) } else { Err(damaged("a count is too large")) };
            }
        }
        Err(damaged("a count is too long"))
    }

    fn ring(&mut self, vertices: usize) -> Result<Vec<Point>> {
        let mut ring = Vec::with_capacity(vertices + 1);
        for _ in 0..vertices {
            ring.push([self.number()?, self.number()?]);
        }
        ring.extend(ring.first().copied());
        Ok(ring)
    }

    fn number(&mut self) -> Result<f64> {
        let (first, rest) = self.rest.split_first_chunk::<8>().ok_or_else(|| damaged("it ends too early"))?;
        self.rest = rest;
        Ok(f64::from_le_bytes(*first))
    }
}

fn damaged(why: &str) -> Error {
    Error::new(Kind::Corrupt, "BAD_SHAPE_BYTES", format!("the stored boundary is damaged: {why}"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_bytes_of_a_shape_never_change() {
        let shape = Shape::new(vec![vec![vec![[1.0, 2.0], [3.0, 2.0], [2.0, 4.5], [1.0, 2.0]]]]).unwrap();
        let bytes = shape.to_bytes();
        assert_eq!(bytes[..4], [1, 1, 1, 3]);
        assert_eq!(bytes[4..20], [0, 0, 0, 0, 0, 0, 0xf0, 0x3f, 0, 0, 0, 0, 0, 0, 0, 0x40]);
        assert_eq!(bytes.len(), 4 + 3 * 16);
        assert_eq!(Shape::from_bytes(&bytes).unwrap(), shape);
    }

    #[test]
    fn damage_is_refused_and_never_panics() {
        let ring = |x: f64| vec![[x, 0.0], [x + 4.0, 0.0], [x, 4.0], [x, 0.0]];
        let shape = Shape::new(vec![vec![ring(0.0), ring(0.5)], vec![ring(50.0)]]).unwrap();
        let bytes = shape.to_bytes();
        for end in 0..bytes.len() {
            assert_eq!(Shape::from_bytes(&bytes[..end]).unwrap_err().kind(), Kind::Corrupt);
        }
        for place in 0..bytes.len() {
            for bit in 0..8 {
                let mut flipped = bytes.clone();
                flipped[place] ^= 1 << bit;
                // A flipped digit of a coordinate may still be a shape; it must only not be taken for the same one.
                assert!(Shape::from_bytes(&flipped).map_or(true, |read| read.to_bytes() != bytes));
            }
        }
    }
}
