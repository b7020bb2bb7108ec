//! Room not furnished yet.
fn main() {}
