//! What is stored of provenance, changes and runs, as the contract says it.

use api::registry::v1 as shown;
use api::stored::registry::v1 as bytes;
use base::{Id, Resource};
use rpc::time::to_proto_unless_zero;

/// A delivery of a source (`runs/…`).
pub(crate) struct Run;
impl Resource for Run {
    const COLLECTION: &'static str = "runs";
}
pub(crate) type RunId = Id<Run>;

/// The resource name of a run; empty for none.
pub(crate) fn run_name(id: &[u8]) -> String {
    RunId::from_slice(id).map(|id| id.name()).unwrap_or_default()
}

pub(crate) fn provenance(by: &bytes::Provenance) -> shown::Provenance {
    shown::Provenance {
        kind: by.kind,
        source: by.source.clone(),
        run: run_name(&by.run_id),
        confirmed_time: to_proto_unless_zero(by.confirmed_time_us),
    }
}
