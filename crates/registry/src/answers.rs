//! What is stored of provenance, changes and runs, as the contract says it.

use api::registry::v1 as shown;
use api::stored::registry::v1 as bytes;
use base::{Id, Resource};
use prost::Message;
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

pub(crate) fn counts(counts: &bytes::RunCounts) -> shown::RunCounts {
    shown::RunCounts {
        created: counts.created,
        updated: counts.updated,
        unchanged: counts.unchanged,
        ended: counts.ended,
        quarantined: counts.quarantined,
        claimed: counts.claimed,
    }
}

pub(crate) fn run(run: &bytes::Run, collection: &str) -> shown::Run {
    let opened = shown::OpenRun {
        source: run.source.clone(),
        source_kind: run.source_kind,
        mode: run.mode,
        sequence: run.sequence,
        area: run.area.clone(),
        mapping: run.mapping.clone(),
        dry_run: run.id.is_empty(),
    };
    let mut reasons: Vec<shown::ReasonCount> = run
        .reasons
        .iter()
        .map(|reason| shown::ReasonCount {
            reason: reason.reason.clone(),
            rows: reason.rows,
            first_row: reason.first_row.clone(),
        })
        .collect();
    reasons.sort_by_key(|reason| std::cmp::Reverse(reason.rows));
    shown::Run {
        name: run_name(&run.id),
        opened: Some(opened),
        state: run.state,
        principal: run.principal.clone(),
        open_time: to_proto_unless_zero(run.open_time_us),
        finish_time: to_proto_unless_zero(run.finish_time_us),
        last_chunk: run.last_chunk,
        counts: Some(counts(run.counts.as_ref().unwrap_or(&bytes::RunCounts::default()))),
        reasons,
        collection: collection.to_owned(),
    }
}

pub(crate) fn quarantined(row: &bytes::QuarantinedRow) -> shown::QuarantinedRow {
    let fault = |fault: &bytes::RowFault| shown::RowFault {
        reason: fault.reason.clone(),
        field: fault.field.clone(),
        description: fault.description.clone(),
    };
    shown::QuarantinedRow {
        name: format!("{}/rows/{}.{}", run_name(&row.run_id), row.chunk, row.row),
        // It was encoded by this service.
        head: shown::RowHead::decode(row.head.clone()).ok(),
        faults: row.faults.iter().map(fault).collect(),
        quarantine_time: to_proto_unless_zero(row.time_us),
    }
}
