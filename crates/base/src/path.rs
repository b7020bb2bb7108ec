//! Where an area stands in the tree: the ordinals from the root down to it.
//!
//! A path is what scope and lists are decided by: a subtree is exactly the paths that begin with its root's path, and
//! because the bytes keep that property, a subtree is one range of keys. Ordinals are given out by `grids` when an
//! area is made, are never reused under the same parent, and mean nothing else.

use std::fmt;

use crate::{Error, Result};

/// How deep the tree of areas may be: province, city, county, subdistrict, community, base grid, micro-grid, and five
/// more for places that need them.
pub const DEPTH_MAX: usize = 12;

/// The place of an area in the tree. The empty path is the root above all areas.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Default)]
pub struct AreaPath {
    // Unused places are zero, and no ordinal is zero, so the derived order is the order of the tree.
    ordinals: [u16; DEPTH_MAX],
}

impl AreaPath {
    /// The root above all areas: every path lies within it.
    pub const ROOT: Self = Self { ordinals: [0; DEPTH_MAX] };

    /// The path of the child with this ordinal (1 or more).
    pub fn child(&self, ordinal: u16) -> Result<Self> {
        if ordinal == 0 {
            return Err(Error::internal("an area's ordinal is never zero"));
        }
        let depth = self.depth();
        if depth == DEPTH_MAX {
            return Err(Error::invalid("parent", format!("areas can be nested at most {DEPTH_MAX} deep")));
        }
        let mut child = *self;
        child.ordinals[depth] = ordinal;
        Ok(child)
    }

    /// The path one level up; the root has none.
    pub fn parent(&self) -> Option<Self> {
        let depth = self.depth().checked_sub(1)?;
        Some(self.ancestor(depth))
    }

    /// How many levels below the root: 0 for the root.
    pub fn depth(&self) -> usize {
        self.ordinals.iter().position(|&ordinal| ordinal == 0).unwrap_or(DEPTH_MAX)
    }

    /// The first `depth` levels of this path (all of it when it is not that deep).
    pub fn ancestor(&self, depth: usize) -> Self {
        let mut ordinals = self.ordinals;
        ordinals[depth.min(DEPTH_MAX)..].fill(0);
        Self { ordinals }
    }

    /// Every area this one lies in, from the coarsest to itself; the root is not among them.
    pub fn lineage(&self) -> impl Iterator<Item = Self> + use<> {
        let path = *self;
        (1..=self.depth()).map(move |depth| path.ancestor(depth))
    }

    /// Whether this is `other` or lies below it.
    pub fn is_within(&self, other: &Self) -> bool {
        self.ancestor(other.depth()) == *other
    }

    /// The ordinals from the root down.
    pub fn ordinals(&self) -> &[u16] {
        &self.ordinals[..self.depth()]
    }

    /// Bytes whose order is the order of the tree, and where an area's bytes are a prefix of its descendants'.
    pub fn bytes(&self) -> Vec<u8> {
        self.ordinals().iter().flat_map(|ordinal| ordinal.to_be_bytes()).collect()
    }

    /// Reads [`AreaPath::bytes`].
    pub fn from_bytes(bytes: &[u8]) -> Result<Self> {
        let wrong = || Error::internal("a stored area path is malformed");
        if !bytes.len().is_multiple_of(2) || bytes.len() > 2 * DEPTH_MAX {
            return Err(wrong());
        }
        bytes
            .chunks_exact(2)
            .try_fold(Self::ROOT, |path, pair| path.child(u16::from_be_bytes([pair[0], pair[1]])).map_err(|_| wrong()))
    }
}

impl std::str::FromStr for AreaPath {
    type Err = String;

    /// Reads what `Display` writes. The error says what a right one looks like.
    fn from_str(text: &str) -> Result<Self, String> {
        let wrong = || format!("{text:?} is not a place in the tree; write / or /1/4/2");
        let rest = text.strip_prefix('/').ok_or_else(wrong)?;
        if rest.is_empty() {
            return Ok(Self::ROOT);
        }
        rest.split('/').try_fold(Self::ROOT, |path, ordinal| {
            path.child(ordinal.parse().map_err(|_| wrong())?).map_err(|_| wrong())
        })
    }
}

impl fmt::Display for AreaPath {
    /// `/` for the root, `/1/4/2` below it.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if self.depth() == 0 {
            return f.write_str("/");
        }
        self.ordinals().iter().try_for_each(|ordinal| write!(f, "/{ordinal}"))
    }
}

impl fmt::Debug for AreaPath {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{self}")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn path(ordinals: &[u16]) -> AreaPath {
        ordinals.iter().fold(AreaPath::ROOT, |path, &ordinal| path.child(ordinal).unwrap())
    }

    #[test]
    fn a_subtree_is_a_prefix() {
        let street = path(&[1, 2]);
        let grid = path(&[1, 2, 300]);
        assert!(grid.is_within(&street) && street.is_within(&street) && grid.is_within(&AreaPath::ROOT));
        assert!(!street.is_within(&grid));
        assert!(!path(&[1, 20]).is_within(&street));
        assert!(grid.bytes().starts_with(&street.bytes()));
        assert_eq!(AreaPath::from_bytes(&grid.bytes()).unwrap(), grid);
        assert_eq!(grid.to_string().parse(), Ok(grid));
        assert_eq!("/".parse(), Ok(AreaPath::ROOT));
        assert!("1/2".parse::<AreaPath>().is_err() && "/1/".parse::<AreaPath>().is_err());
    }

    #[test]
    fn the_lineage_goes_from_the_coarsest_to_the_area_itself() {
        let lineage: Vec<_> = path(&[1, 2, 3]).lineage().collect();
        assert_eq!(lineage, [path(&[1]), path(&[1, 2]), path(&[1, 2, 3])]);
        assert_eq!(AreaPath::ROOT.lineage().count(), 0);
    }

    #[test]
    fn bytes_keep_the_order_of_the_tree() {
        let in_order = [path(&[]), path(&[1]), path(&[1, 1]), path(&[1, 2]), path(&[1, 256]), path(&[2])];
        assert!(in_order.windows(2).all(|pair| pair[0] < pair[1] && pair[0].bytes() < pair[1].bytes()));
    }

    #[test]
    fn malformed_bytes_are_refused() {
        assert!(AreaPath::from_bytes(&[1]).is_err());
        assert!(AreaPath::from_bytes(&[0, 0]).is_err());
        assert!(AreaPath::from_bytes(&[1; 26]).is_err());
    }
}
