//! 房: estates, buildings, units and rooms, and which of them an address means.

pub mod model;
