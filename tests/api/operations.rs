//! What an operator asks a running server for.

use api::operations::v1::{BackupRequest, GetStatusRequest, ScrubRequest};
use api::staff::v1::Post;
use tests::{Caller, Town, WHOLE_LIFE, done, live, refused, report_at};
use tonic::Code;

/// Every store is found clean, and there is something in it.
pub(crate) async fn scrub_is_clean(administrator: &Caller) {
    let report = done(administrator.operations().scrub(ScrubRequest::default()).await);
    assert_eq!(report.stores.len(), 5);
    for store in report.stores {
        assert!(store.faults.is_empty(), "{}: {:?}", store.store, store.faults);
        assert!(store.record_count > 0, "{} is empty", store.store);
    }
}

#[tokio::test]
async fn status_tells_of_every_store() {
    let town = Town::start().await;
    let status = done(town.people.administrator.operations().get_status(GetStatusRequest {}).await);
    let names: Vec<&str> = status.stores.iter().map(|store| store.store.as_str()).collect();
    assert_eq!(names, ["grids", "staff", "buildings", "population", "events"]);
    assert!(!status.version.is_empty() && status.start_time.is_some());
    for store in &status.stores {
        assert_eq!((store.engine.as_str(), store.poisoned.as_str()), ("sled", ""));
        assert!(store.head_sequence >= store.checkpoint_sequence && store.journal_bytes > 0, "{store:?}");
    }
    let before = status.stores[4].head_sequence;
    live(&town.people.desk, report_at(0.5, 0.5), &WHOLE_LIFE).await;
    let status = done(town.people.administrator.operations().get_status(GetStatusRequest {}).await);
    assert_eq!(status.stores[4].head_sequence, before + 7, "one transaction for each step");
}

#[tokio::test]
async fn a_scrub_after_a_days_work_finds_nothing() {
    let town = Town::start().await;
    for taken in 0..=WHOLE_LIFE.len() {
        live(&town.people.desk, report_at(0.5, 0.5), &WHOLE_LIFE[..taken]).await;
    }
    scrub_is_clean(&town.people.administrator).await;
}

#[tokio::test]
async fn only_whoever_administers_everything_may_take_a_copy_of_everything() {
    let town = Town::start().await;
    let area = town.land.name("S");
    let local = town.people.administrator.hire("街道管理员", &[(Post::Administrator, &area)]).await;
    for caller in [&local, &town.people.desk, &town.people.auditor] {
        let refusal = refused(caller.operations().backup(BackupRequest {}).await);
        refusal.expect(Code::PermissionDenied, "ACTION_NOT_ALLOWED");
        refused(caller.operations().get_status(GetStatusRequest {}).await)
            .expect(Code::PermissionDenied, "ACTION_NOT_ALLOWED");
    }
    let root_auditor = town.people.administrator.hire("总审计", &[(Post::Auditor, "areas/-")]).await;
    done(root_auditor.operations().scrub(ScrubRequest::default()).await);
    refused(root_auditor.operations().backup(BackupRequest {}).await)
        .expect(Code::PermissionDenied, "ACTION_NOT_ALLOWED");
    let mut chunks = done(town.people.administrator.operations().backup(BackupRequest {}).await);
    let mut bytes = 0;
    while let Some(chunk) = chunks.message().await.unwrap() {
        bytes += chunk.data.len();
    }
    assert!(bytes > 1_000, "a backup has {bytes} bytes");
}
