//! Loads the made-up subdistrict into a server through its public API, as any client would.
//!
//! Not here: making it up, and playing the day.

use std::collections::BTreeMap;
use std::future::Future;
use std::sync::Arc;

use api::grids::v1::{
    ActivateReleaseRequest, AreaCode, AreaSpec, BoundaryUpload, CreateReleaseRequest, Datum, ImportAreasRequest,
    Release, UploadBoundariesRequest, ValidateReleaseRequest,
};
use api::staff::v1::{AssignChargeRequest, Binding, Charge, CreatePrincipalRequest, Principal, UpdatePrincipalRequest};
use base::{Error, Kind, Result, Time};
use prost_types::FieldMask;
use tokio::task::JoinSet;

use super::meter::Meter;
use crate::client::Clients;
use crate::generate::Subdistrict;
use crate::generate::areas::SUBDISTRICT;

/// Calls under way at once; the server groups their writes.
const IN_FLIGHT: usize = 32;
/// Boundaries in one message of the upload.
const BOUNDARIES_EACH: usize = 64;

/// The subdistrict as the server knows it.
pub(super) struct Loaded {
    pub(super) subdistrict: Arc<Subdistrict>,
    /// Resource names of the areas, by index.
    pub(super) areas: Vec<String>,
    /// Resource names of the staff, by index.
    pub(super) principals: Vec<String>,
    area_of_path: BTreeMap<String, usize>,
    area_of_name: BTreeMap<String, usize>,
    principal_of_name: BTreeMap<String, usize>,
}

impl Loaded {
    /// The index of the area at a path.
    pub(super) fn area_at(&self, path: &str) -> Option<usize> {
        self.area_of_path.get(path).copied()
    }

    /// The index of an area by its resource name.
    pub(super) fn area(&self, name: &str) -> Option<usize> {
        self.area_of_name.get(name).copied()
    }

    /// The index of somebody by the resource name.
    pub(super) fn principal(&self, name: &str) -> Option<usize> {
        self.principal_of_name.get(name).copied()
    }
}

/// Loads everything: areas, boundaries (drafted, validated, activated), staff, charges.
pub(super) async fn load(
    admin: &Clients,
    subdistrict: Arc<Subdistrict>,
    now: Time,
    meter: &Arc<Meter>,
) -> Result<Loaded> {
    let (areas, area_of_path) = import_areas(admin, &subdistrict, meter).await?;
    release_boundaries(admin, &subdistrict, &areas, meter).await?;
    let principals = hire(admin, &subdistrict, &areas, meter).await?;
    assign(admin, &subdistrict, &areas, &principals, meter).await?;
    send_away(admin, &subdistrict, &principals, now, meter).await?;
    let numbered = |names: &[String]| names.iter().cloned().zip(0..).collect();
    Ok(Loaded {
        area_of_name: numbered(&areas),
        principal_of_name: numbered(&principals),
        subdistrict,
        areas,
        principals,
        area_of_path,
    })
}

async fn import_areas(
    admin: &Clients,
    subdistrict: &Subdistrict,
    meter: &Meter,
) -> Result<(Vec<String>, BTreeMap<String, usize>)> {
    let specs = subdistrict.areas.iter().map(|area| AreaSpec {
        kind: area.kind.into(),
        codes: vec![AreaCode { scheme: area.scheme.to_owned(), code: area.code.clone(), ..AreaCode::default() }],
        display_name: area.name.clone(),
        parent_code: area.parent.map(|parent| subdistrict.areas[parent].code.clone()).unwrap_or_default(),
        household_count: area.households,
        ..AreaSpec::default()
    });
    let request = ImportAreasRequest { areas: specs.collect(), ..ImportAreasRequest::default() };
    let made = meter.call(admin.grids().import_areas(request)).await?.areas;
    let paths = made.iter().map(|area| area.path.clone()).zip(0..).collect();
    Ok((made.into_iter().map(|area| area.name).collect(), paths))
}

async fn release_boundaries(admin: &Clients, subdistrict: &Subdistrict, areas: &[String], meter: &Meter) -> Result<()> {
    let mut grids = admin.grids();
    let draft = Release {
        display_name: "Made up by wangge demo".to_owned(),
        roots: vec![areas[SUBDISTRICT].clone()],
        ..Release::default()
    };
    let draft = CreateReleaseRequest { release: Some(draft), ..CreateReleaseRequest::default() };
    let release = meter.call(grids.create_release(draft)).await?.name;
    let boundaries: Vec<BoundaryUpload> = subdistrict
        .areas
        .iter()
        .zip(areas)
        .filter_map(|(area, name)| area.shape.as_ref().map(|shape| (name, shape)))
        .map(|(name, shape)| BoundaryUpload {
            area: name.clone(),
            geojson: shape.to_geojson(),
            ..BoundaryUpload::default()
        })
        .collect();
    let messages: Vec<UploadBoundariesRequest> = boundaries
        .chunks(BOUNDARIES_EACH)
        .map(|boundaries| UploadBoundariesRequest {
            release: release.clone(),
            datum: Datum::Wgs84.into(),
            boundaries: boundaries.to_vec(),
        })
        .collect();
    meter.call(grids.upload_boundaries(tokio_stream::iter(messages))).await?;
    meter.call(grids.validate_release(ValidateReleaseRequest { name: release.clone(), activate_time: None })).await?;
    // No fault is accepted: what the generator makes must be right.
    meter
        .call(grids.activate_release(ActivateReleaseRequest { name: release, ..ActivateReleaseRequest::default() }))
        .await?;
    Ok(())
}

async fn hire(admin: &Clients, subdistrict: &Subdistrict, areas: &[String], meter: &Arc<Meter>) -> Result<Vec<String>> {
    let requests = subdistrict.staff.people.iter().map(|person| {
        let binding = Binding { post: person.post.into(), area: areas[person.area].clone(), ..Binding::default() };
        let principal = Principal {
            kind: person.kind.into(),
            display_name: person.name.clone(),
            phone: person.phone.clone(),
            bindings: vec![binding],
            ..Principal::default()
        };
        CreatePrincipalRequest { principal: Some(principal), ..CreatePrincipalRequest::default() }
    });
    let (admin, meter) = (admin.clone(), meter.clone());
    let made = together(requests, move |request| {
        let (admin, meter) = (admin.clone(), meter.clone());
        async move { meter.call(admin.staff().create_principal(request)).await }
    });
    Ok(made.await?.into_iter().map(|principal| principal.name).collect())
}

async fn assign(
    admin: &Clients,
    subdistrict: &Subdistrict,
    areas: &[String],
    principals: &[String],
    meter: &Arc<Meter>,
) -> Result<()> {
    let requests = subdistrict.staff.charges.iter().map(|charge| AssignChargeRequest {
        charge: Some(Charge {
            area: areas[charge.area].clone(),
            worker: principals[charge.worker].clone(),
            stand_in: charge.stand_in.map(|stand_in| principals[stand_in].clone()).unwrap_or_default(),
            ..Charge::default()
        }),
        ..AssignChargeRequest::default()
    });
    let (admin, meter) = (admin.clone(), meter.clone());
    let assigned = together(requests, move |request| {
        let (admin, meter) = (admin.clone(), meter.clone());
        async move { meter.call(admin.staff().assign_charge(request)).await }
    });
    assigned.await?;
    Ok(())
}

/// Those who are away come back tomorrow.
async fn send_away(
    admin: &Clients,
    subdistrict: &Subdistrict,
    principals: &[String],
    now: Time,
    meter: &Meter,
) -> Result<()> {
    let until = rpc::time::to_proto(now.civil_day().plus(1).start());
    for (_, name) in subdistrict.staff.people.iter().zip(principals).filter(|(person, _)| person.away) {
        let principal = Principal { name: name.clone(), away_until: Some(until), ..Principal::default() };
        let update_mask = Some(FieldMask { paths: vec!["away_until".to_owned()] });
        let request =
            UpdatePrincipalRequest { principal: Some(principal), update_mask, ..UpdatePrincipalRequest::default() };
        meter.call(admin.staff().update_principal(request)).await?;
    }
    Ok(())
}

/// Makes calls, some at once, and gives back the answers in the order of the requests.
async fn together<Q, A, F>(requests: impl Iterator<Item = Q>, call: impl Fn(Q) -> F) -> Result<Vec<A>>
where
    A: Send + 'static,
    F: Future<Output = Result<A>> + Send + 'static,
{
    let mut requests = requests.enumerate();
    let mut answers = BTreeMap::new();
    let mut under_way = JoinSet::new();
    loop {
        while under_way.len() < IN_FLIGHT
            && let Some((index, request)) = requests.next()
        {
            let answer = call(request);
            under_way.spawn(async move { (index, answer.await) });
        }
        match under_way.join_next().await {
            None => return Ok(answers.into_values().collect()),
            Some(Ok((index, answer))) => answers.insert(index, answer?),
            Some(Err(cause)) => {
                return Err(Error::new(Kind::Internal, "DEMO", "a call was broken off").caused_by(cause));
            }
        };
    }
}
