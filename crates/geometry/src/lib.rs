//! Shapes on the map: datum transforms, boundaries, the coverage index that answers "which area is this point in?",
//! distances in metres, unions, validation of boundaries, and made-up divisions for demos and benches.
//!
//! What is deliberately not here: input and output (only readers handed in), async, protobuf, storage, and any notion
//! of a release or a tree of areas. It is the only crate that names `geo`, `geojson`, `robust` and `rstar`; none of
//! their types appears in its public face.
//!
//! Every position inside is WGS-84 in degrees, longitude before latitude, as GeoJSON writes it. Degrees are treated as
//! a plane for the question "inside or not" (as GIS programs and `geo` do), and as the WGS-84 ellipsoid for metres.

mod contact;
pub mod coverage;
pub mod datum;
pub mod distance;
mod exact;
pub mod generate;
pub mod position;
pub mod shape;
mod union;
pub mod validate;

pub use coverage::{Answer, Coverage, DecidedBy, Explanation, Item, Near};
pub use datum::Datum;
pub use generate::{Division, Part, Site, tessellate};
pub use position::Position;
pub use shape::features::{Feature, read_features};
pub use shape::{Bounds, Shape};
pub use union::union;
pub use validate::{Area, Change, Finding, FindingKind, Severity, Tolerances, validate, validate_change};
