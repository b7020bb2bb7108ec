//! Releases: draft, delete, read, list. How they come into force is in `activation`.

use api::grids::v1::{
    CreateReleaseRequest, DeleteReleaseRequest, GetReleaseRequest, ListFindingsRequest, ListFindingsResponse,
    ListReleasesRequest, ListReleasesResponse, Release,
};
use api::stored::grids::v1 as stored;
use base::{Error, ReleaseId, Result, Time, Violations, limits};
use prost::Message;
use rpc::paging::{PageRequest, Query};
use rpc::{Caller, repeat};
use store::{Key, Scan, Transaction, View};
use tonic::Request;

use super::areas::decode;
use crate::convert::release::Draft;
use crate::model::release::{Finding, Root, Stage};
use crate::tables::{FINDINGS, RELEASES};
use crate::{Grids, convert, model, records, tables};

/// Boundaries deleted in one write.
const DELETED_AT_ONCE: usize = 500;

impl Grids {
    pub(super) async fn draft(&self, request: Request<CreateReleaseRequest>) -> Result<Release> {
        let caller = Caller::of(&request)?;
        let request = request.into_inner();
        let (draft, once) = convert::read(|violations| {
            let draft = convert::release::read_draft(&request, violations);
            draft.zip(repeat::request(&request.request_id, "CreateRelease", &request, violations))
        })?;
        let now = self.now();
        let id = ReleaseId::generate(now);
        let written = self.0.store.write_once(caller.origin("CreateRelease", now), once, move |transaction| {
            let roots = find_roots(transaction, &draft)?;
            roots.iter().try_for_each(|root| caller.require(&root.path))?;
            let release = new_release(id, &draft, roots, now);
            tables::put_release(transaction, &release)?;
            Ok(records::write_release(&release).encode_to_vec())
        });
        self.answer_release(&written.await?.value)
    }

    pub(super) async fn delete(&self, request: Request<DeleteReleaseRequest>) -> Result<()> {
        let caller = Caller::of(&request)?;
        let request = request.into_inner();
        let (id, once) = convert::read(|violations| {
            let id = convert::fields::name(&request.name, "name", violations);
            id.zip(repeat::request(&request.request_id, "DeleteRelease", &request, violations))
        })?;
        let origin = caller.origin("DeleteRelease", self.now());
        let write = self.0.store.write_once(origin.clone(), once, move |transaction| {
            let release = require_release(transaction, id)?;
            require_roots(&caller, &release)?;
            release.require_never_active()?;
            tables::delete_findings(transaction, id)?;
            RELEASES.delete(transaction, &Key::new().id(id))?;
            Ok(Vec::new())
        });
        write.await?;
        self.sweep(origin).await
    }

    /// Deletes the boundaries that no release owns any more, portion by portion, so that nobody waits behind them.
    /// What a crash leaves over is taken by the next deletion.
    async fn sweep(&self, origin: store::Origin) -> Result<()> {
        let owned = |view: &dyn View, id: &ReleaseId| Ok::<_, Error>(tables::release(view, *id)?.is_some());
        let candidates = self.0.store.scan(tables::releases_with_boundaries).await?;
        for id in candidates {
            if self.0.store.read(|view| owned(view, &id))? {
                continue;
            }
            let portion =
                move |transaction: &mut Transaction<'_>| tables::delete_boundaries(transaction, id, DELETED_AT_ONCE);
            while self.0.store.write(origin.clone(), portion).await?.value == DELETED_AT_ONCE {}
        }
        Ok(())
    }

    pub(super) fn release(&self, request: &Request<GetReleaseRequest>) -> Result<Release> {
        let caller = Caller::of(request)?;
        let id = convert::read(|violations| convert::fields::name(&request.get_ref().name, "name", violations))?;
        let release = self.visible_release(&caller, id)?;
        Ok(convert::release::write_release(&release, self.now()))
    }

    pub(super) async fn releases(&self, request: Request<ListReleasesRequest>) -> Result<ListReleasesResponse> {
        let caller = Caller::of(&request)?;
        let request = request.into_inner();
        let query = Query::of("ListReleases", &ListReleasesRequest::default(), caller.scope());
        let page =
            convert::read(|violations| PageRequest::parse(request.page_size, &request.page_token, &query, violations))?;
        let scan = Scan::all().reverse(true).limit(page.limit).after(page.after);
        let visible = move |stored: &stored::Release| {
            records::read_release(stored).is_ok_and(|release| concerns(&caller, &release))
        };
        let found = self.0.store.scan(move |view| RELEASES.page_where(view, &scan, &visible)).await?;
        let now = self.now();
        let releases = found
            .records
            .iter()
            .map(|stored| Ok(convert::release::write_release(&records::read_release(stored)?, now)));
        Ok(ListReleasesResponse {
            releases: releases.collect::<Result<_>>()?,
            next_page_token: query.token(found.next),
        })
    }

    pub(super) async fn findings(&self, request: Request<ListFindingsRequest>) -> Result<ListFindingsResponse> {
        let caller = Caller::of(&request)?;
        let request = request.into_inner();
        let bare = ListFindingsRequest { page_size: 0, page_token: String::new(), ..request.clone() };
        let query = Query::of("ListFindings", &bare, caller.scope());
        let ((id, kind), page) = convert::read(|violations| {
            let id = convert::fields::name(&request.parent, "parent", violations);
            let kind = convert::release::read_finding_filter(request.kind, violations);
            let page = PageRequest::parse(request.page_size, &request.page_token, &query, violations);
            id.zip(kind).zip(page)
        })?;
        let release = self.visible_release(&caller, id)?;
        require_roots(&caller, &release)?;
        let scan = Scan::prefix(Key::new().id(id)).limit(page.limit).after(page.after);
        let wanted = move |finding: &stored::Finding| kind.is_none_or(|kind| finding.kind == i32::from(kind));
        let found = self.0.store.scan(move |view| FINDINGS.page_where(view, &scan, &wanted)).await?;
        let findings = found.records.into_iter().map(records::read_finding).collect::<Result<Vec<Finding>>>()?;
        Ok(ListFindingsResponse {
            findings: findings.iter().map(|finding| self.write_finding(finding)).collect(),
            next_page_token: query.token(found.next),
        })
    }

    fn write_finding(&self, finding: &Finding) -> api::grids::v1::Finding {
        let directory = self.0.land.directory(self.now());
        let slots = finding.areas.iter().filter_map(|&area| directory.slot(area));
        let areas = slots.map(|slot| directory.card(slot).reference.clone()).collect();
        convert::release::write_finding(finding, areas)
    }

    /// A release whose ground the caller may see any of.
    pub(super) fn visible_release(&self, caller: &Caller, id: ReleaseId) -> Result<model::release::Release> {
        let release = self.0.store.read(|view| tables::release(view, id))?;
        release.filter(|release| concerns(caller, release)).ok_or_else(|| Error::not_found(id.name()))
    }

    /// Answers the release that a write left in the store.
    pub(super) fn answer_release(&self, bytes: &[u8]) -> Result<Release> {
        let release = decode::<stored::Release, _>(bytes, |stored| records::read_release(&stored))?;
        Ok(convert::release::write_release(&release, self.now()))
    }
}

/// Whether any ground of the release lies in the caller's scope, or the scope in it.
fn concerns(caller: &Caller, release: &model::release::Release) -> bool {
    release.root_paths().any(|root| !caller.scope().narrow(root).is_empty())
}

/// Fails unless the caller may act on the whole ground of the release.
pub(super) fn require_roots(caller: &Caller, release: &model::release::Release) -> Result<()> {
    release.root_paths().try_for_each(|root| caller.require(root))
}

pub(super) fn require_release(view: &dyn View, id: ReleaseId) -> Result<model::release::Release> {
    tables::release(view, id)?.ok_or_else(|| Error::not_found(id.name()))
}

/// Finds the roots of a draft; each must be in use, and none may lie in another.
fn find_roots(view: &dyn View, draft: &Draft) -> Result<Vec<Root>> {
    let mut violations = Violations::new();
    let mut roots: Vec<Root> = Vec::new();
    for (number, &id) in draft.roots.iter().enumerate() {
        let field = format!("release.roots[{number}]");
        match tables::area(view, id)? {
            None => violations.add(field, "this area does not exist"),
            Some(area) if area.retire_time.is_some() => violations.add(field, "this area is retired"),
            Some(area) => {
                let overlaps = |root: &Root| area.path.is_within(&root.path) || root.path.is_within(&area.path);
                if roots.iter().any(overlaps) {
                    violations.add(field, "lies in another root, or another root lies in it; name the outer one only");
                }
                roots.push(Root { id, path: area.path });
            }
        }
    }
    violations.check()?;
    Ok(roots)
}

fn new_release(id: ReleaseId, draft: &Draft, roots: Vec<Root>, now: Time) -> model::release::Release {
    model::release::Release {
        id,
        display_name: draft.display_name.clone(),
        roots,
        stage: Stage::Draft,
        boundary_count: 0,
        findings: Vec::new(),
        acceptances: Vec::new(),
        tolerance_m2: draft.tolerance_m2,
        create_time: now,
        validate_time: None,
        vicinity: None,
        activate_time: None,
        activation_ordinal: 0,
        retire_time: None,
        revision: 1,
    }
}

const _: () = assert!(limits::PAGE_SIZE_MAX >= DELETED_AT_ONCE, "one page holds what one write deletes");
