//! Cursors into a store's change feed, as clients hold them: opaque, and bound to the store they came from.

use base::{Error, Kind, Result};
use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use store::{Sequence, Store};

/// The cursor of a place in the feed.
pub fn write(store: &Store, sequence: Sequence) -> String {
    let mut bytes = store.identity().to_vec();
    bytes.extend(sequence.to_be_bytes());
    URL_SAFE_NO_PAD.encode(bytes)
}

/// The place in the feed that a cursor stands for. Fails with `Invalid` for a cursor of another store, or one that is
/// no cursor at all.
pub fn read(cursor: &str, store: &Store) -> Result<Sequence> {
    let bytes = URL_SAFE_NO_PAD.decode(cursor).unwrap_or_default();
    let (identity, sequence) = bytes.split_at_checked(16).unwrap_or_default();
    let sequence = <[u8; 8]>::try_from(sequence)
        .map_err(|_| Error::invalid("cursor", "is not a cursor; take it from a list or a watch answer"))?;
    let sequence = Sequence::from_be_bytes(sequence);
    if identity != store.identity() || sequence > store.head() {
        return Err(Error::new(
            Kind::Invalid,
            "FOREIGN_CURSOR",
            "this cursor belongs to another database; list again and watch from the cursor of that list",
        ));
    }
    Ok(sequence)
}
