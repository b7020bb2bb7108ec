//! Requests in which everything is wrong: each names every wrong field at once.

use api::events::v1 as events;
use api::grids::v1 as grids;
use api::staff::v1 as staff;
use prost_types::{FieldMask, Timestamp};
use tests::{Refusal, Town, refused};

const NOTHING: &str = "things/7";
const ONCE: &str = "once";

fn long(characters: usize) -> String {
    "网".repeat(characters)
}

fn impossible_time() -> Option<Timestamp> {
    Some(Timestamp { seconds: 1, nanos: -5 })
}

fn nowhere() -> Option<grids::Point> {
    Some(grids::Point { longitude_deg: f64::NAN, latitude_deg: 91.0, datum: 77 })
}

const POINT: [&str; 3] = ["point.datum", "point.longitude_deg", "point.latitude_deg"];

/// Fails unless every one of these fields is named (others may be too).
#[track_caller]
fn names(refusal: &Refusal, fields: &[&str]) {
    assert_eq!(
        (refusal.code, refusal.reason.as_str()),
        (tonic::Code::InvalidArgument, "INVALID_FIELDS"),
        "{refusal:?}"
    );
    for field in fields {
        assert!(refusal.fields.iter().any(|named| named == field), "{field} is not named: {refusal:?}");
    }
}

fn all(fields: &[&'static str], more: &[&'static str]) -> Vec<&'static str> {
    fields.iter().chain(more).copied().collect()
}

#[tokio::test]
async fn every_wrong_field_of_a_request_about_events_is_named() {
    let town = Town::start().await;
    let mut client = town.people.administrator.events();
    let report = events::ReportEventRequest {
        point: nowhere(),
        area: NOTHING.to_owned(),
        category: long(81),
        text: long(2_001),
        channel: 55,
        channel_number: long(81),
        urgency: 9,
        reporter: Some(events::Reporter { display_name: "张*".to_owned(), phone: "138****1234".to_owned() }),
        address: long(201),
        occur_time: impossible_time(),
        request_id: ONCE.to_owned(),
    };
    let fields = [
        "area",
        "category",
        "text",
        "channel",
        "channel_number",
        "urgency",
        "reporter.display_name",
        "reporter.phone",
        "address",
        "occur_time",
        "request_id",
    ];
    names(&refused(client.report_event(report).await), &all(&POINT, &fields));
    names(
        &refused(client.report_event(events::ReportEventRequest::default()).await),
        &["point", "category", "text", "channel"],
    );
    names(&refused(client.get_event(events::GetEventRequest { name: NOTHING.to_owned() }).await), &["name"]);
    let filter = events::EventFilter {
        area: NOTHING.to_owned(),
        states: vec![0, 88],
        worker: NOTHING.to_owned(),
        create_time_from: impossible_time(),
        create_time_to: impossible_time(),
        ..Default::default()
    };
    let fields = [
        "filter.area",
        "filter.states[0]",
        "filter.states[1]",
        "filter.worker",
        "filter.create_time_from",
        "filter.create_time_to",
    ];
    let list = events::ListEventsRequest {
        filter: Some(filter.clone()),
        page_size: -1,
        page_token: "!".to_owned(),
        ..Default::default()
    };
    names(&refused(client.list_events(list).await), &all(&fields, &["page_size", "page_token"]));
    let count = events::CountEventsRequest { filter: Some(filter.clone()), group_by: 44 };
    names(&refused(client.count_events(count).await), &all(&fields, &["group_by"]));
    let watch = events::WatchEventsRequest { filter: Some(filter), ..Default::default() };
    names(&refused(client.watch_events(watch).await), &fields);
    let steps = events::ListEventStepsRequest { parent: NOTHING.to_owned(), page_size: -1, page_token: "!".to_owned() };
    names(&refused(client.list_event_steps(steps).await), &["parent", "page_size", "page_token"]);
}

#[tokio::test]
async fn every_wrong_field_of_a_step_is_named() {
    let town = Town::start().await;
    let mut client = town.people.administrator.events();
    let (name, note, etag, request_id) = (NOTHING.to_owned(), long(2_001), "x".to_owned(), ONCE.to_owned());
    let fields = ["name", "note", "etag", "request_id"];
    with_four_fields(&mut client, &name, &note, &etag, &request_id, &fields).await;
    let dispatch = events::DispatchEventRequest {
        name: name.clone(),
        handler: NOTHING.to_owned(),
        note: note.clone(),
        etag: etag.clone(),
        request_id: request_id.clone(),
    };
    names(&refused(client.dispatch_event(dispatch).await), &all(&fields, &["handler"]));
    let resolve = events::ResolveEventRequest { name, result: String::new(), etag, request_id };
    names(&refused(client.resolve_event(resolve).await), &["name", "result", "etag", "request_id"]);
}

/// The steps whose requests have the same four fields.
async fn with_four_fields(
    client: &mut events::event_service_client::EventServiceClient<tests::Authorized>,
    name: &str,
    note: &str,
    etag: &str,
    request_id: &str,
    fields: &[&'static str],
) {
    let (name, note) = (name.to_owned(), note.to_owned());
    let (etag, request_id) = (etag.to_owned(), request_id.to_owned());
    let request = events::AcceptEventRequest { name, note, etag, request_id };
    names(&refused(client.accept_event(request.clone()).await), fields);
    let events::AcceptEventRequest { name, note, etag, request_id } = request;
    let request = events::StartEventRequest { name, note, etag, request_id };
    names(&refused(client.start_event(request.clone()).await), fields);
    let events::StartEventRequest { name, note, etag, request_id } = request;
    let request = events::VerifyEventRequest { name, note, etag, request_id };
    names(&refused(client.verify_event(request.clone()).await), fields);
    let events::VerifyEventRequest { name, note, etag, request_id } = request;
    let request = events::CloseEventRequest { name, note, etag, request_id };
    names(&refused(client.close_event(request.clone()).await), fields);
    let events::CloseEventRequest { name, etag, request_id, .. } = request;
    // The others need words, so none are the fault here.
    let note = String::new();
    let request = events::RefuseEventRequest { name, note, etag, request_id };
    names(&refused(client.refuse_event(request.clone()).await), fields);
    let events::RefuseEventRequest { name, note, etag, request_id } = request;
    let request = events::ReturnEventRequest { name, note, etag, request_id };
    names(&refused(client.return_event(request.clone()).await), fields);
    let events::ReturnEventRequest { name, note, etag, request_id } = request;
    let request = events::ReopenEventRequest { name, note, etag, request_id };
    names(&refused(client.reopen_event(request).await), fields);
}

#[tokio::test]
async fn every_wrong_field_of_a_request_about_areas_is_named() {
    let town = Town::start().await;
    let mut client = town.people.administrator.grids();
    names(&refused(client.get_area(grids::GetAreaRequest { name: NOTHING.to_owned() }).await), &["name"]);
    let list = grids::ListAreasRequest {
        parent: NOTHING.to_owned(),
        kind: 77,
        code: long(41),
        page_size: -1,
        page_token: "!".to_owned(),
        ..Default::default()
    };
    names(&refused(client.list_areas(list).await), &["parent", "kind", "code", "page_size", "page_token"]);
    let code = |scheme: &str, code: &str, valid_from: &str, valid_to: &str| grids::AreaCode {
        scheme: scheme.to_owned(),
        code: code.to_owned(),
        valid_from: valid_from.to_owned(),
        valid_to: valid_to.to_owned(),
    };
    let row = grids::AreaSpec {
        kind: 77,
        codes: vec![
            code("NBS-12", "37x", "", ""),
            code("", "1", "yesterday", "2026-02-30"),
            code("local", &long(41), "2026-02-02", "2026-02-01"),
        ],
        display_name: long(201),
        parent: NOTHING.to_owned(),
        parent_code: "S".to_owned(),
        ..Default::default()
    };
    let import = grids::ImportAreasRequest { areas: vec![row], request_id: ONCE.to_owned(), ..Default::default() };
    let fields = [
        "areas[0].kind",
        "areas[0].codes[0].code",
        "areas[0].codes[1].scheme",
        "areas[0].codes[1].valid_from",
        "areas[0].codes[1].valid_to",
        "areas[0].codes[2].code",
        "areas[0].display_name",
        "areas[0].parent_code",
        "request_id",
    ];
    names(&refused(client.import_areas(import).await), &fields);
    names(&refused(client.import_areas(grids::ImportAreasRequest::default()).await), &["areas"]);
    let area = grids::Area { name: NOTHING.to_owned(), display_name: long(201), ..Default::default() };
    let update = grids::UpdateAreaRequest { area: Some(area), request_id: ONCE.to_owned(), ..Default::default() };
    names(&refused(client.update_area(update).await), &["area.name", "area.display_name", "request_id"]);
    let mask = Some(FieldMask { paths: vec!["path".to_owned()] });
    let update =
        grids::UpdateAreaRequest { area: Some(grids::Area::default()), update_mask: mask, ..Default::default() };
    names(&refused(client.update_area(update).await), &["update_mask"]);
    let retire =
        grids::RetireAreaRequest { name: NOTHING.to_owned(), request_id: ONCE.to_owned(), ..Default::default() };
    names(&refused(client.retire_area(retire).await), &["name", "request_id"]);
    let watch = grids::WatchAreasRequest { area: NOTHING.to_owned(), ..Default::default() };
    names(&refused(client.watch_areas(watch).await), &["area"]);
}

#[tokio::test]
async fn every_wrong_field_of_a_request_about_releases_and_points_is_named() {
    let town = Town::start().await;
    let mut client = town.people.administrator.grids();
    let release = grids::Release {
        display_name: long(81),
        roots: vec![NOTHING.to_owned()],
        tolerance_m2: f64::NAN,
        ..Default::default()
    };
    let create = grids::CreateReleaseRequest { release: Some(release), request_id: ONCE.to_owned() };
    let fields = ["release.display_name", "release.roots[0]", "release.tolerance_m2", "request_id"];
    names(&refused(client.create_release(create).await), &fields);
    names(&refused(client.create_release(grids::CreateReleaseRequest::default()).await), &["release"]);
    let acceptance = grids::Acceptance { kind: 77, area_m2_max: -1.0 };
    let activate = grids::ActivateReleaseRequest {
        name: NOTHING.to_owned(),
        activate_time: impossible_time(),
        acceptances: vec![acceptance],
        request_id: ONCE.to_owned(),
        ..Default::default()
    };
    let fields = ["name", "activate_time", "acceptances[0].kind", "acceptances[0].area_m2_max", "request_id"];
    names(&refused(client.activate_release(activate).await), &fields);
    let name = NOTHING.to_owned();
    names(&refused(client.get_release(grids::GetReleaseRequest { name: name.clone() }).await), &["name"]);
    names(
        &refused(
            client.validate_release(grids::ValidateReleaseRequest { name: name.clone(), activate_time: None }).await,
        ),
        &["name"],
    );
    let delete = grids::DeleteReleaseRequest { name: name.clone(), request_id: ONCE.to_owned() };
    names(&refused(client.delete_release(delete).await), &["name", "request_id"]);
    let cancel =
        grids::CancelActivationRequest { name: name.clone(), request_id: ONCE.to_owned(), ..Default::default() };
    names(&refused(client.cancel_activation(cancel).await), &["name", "request_id"]);
    let list = grids::ListReleasesRequest { page_size: -1, page_token: "!".to_owned() };
    names(&refused(client.list_releases(list).await), &["page_size", "page_token"]);
    let findings =
        grids::ListFindingsRequest { parent: name.clone(), kind: 77, page_size: -1, page_token: "!".to_owned() };
    names(&refused(client.list_findings(findings).await), &["parent", "kind", "page_size", "page_token"]);
    let upload = grids::UploadBoundariesRequest { release: name.clone(), datum: 0, boundaries: Vec::new() };
    names(&refused(client.upload_boundaries(tokio_stream::iter([upload])).await), &["release", "datum"]);

    let locate = grids::LocateRequest { point: nowhere(), as_of: impossible_time(), ..Default::default() };
    names(&refused(client.locate(locate).await), &all(&POINT, &["as_of"]));
    let nearby = grids::NearbyRequest { point: nowhere(), radius_m: f64::NAN, kind: 77, limit: -1 };
    names(&refused(client.nearby(nearby).await), &all(&POINT, &["radius_m", "kind", "limit"]));
    let boundary = grids::GetBoundaryRequest { name, as_of: impossible_time(), datum: 0 };
    names(&refused(client.get_boundary(boundary).await), &["name", "as_of", "datum"]);
}

#[tokio::test]
async fn every_wrong_field_of_a_request_about_people_is_named() {
    let town = Town::start().await;
    let mut client = town.people.administrator.staff();
    let binding = staff::Binding { post: 77, area: NOTHING.to_owned(), ..Default::default() };
    let principal = staff::Principal {
        name: NOTHING.to_owned(),
        kind: 77,
        display_name: String::new(),
        phone: "138****1234".to_owned(),
        bindings: vec![binding],
        away_until: impossible_time(),
        ..Default::default()
    };
    let fields = [
        "principal.display_name",
        "principal.phone",
        "principal.bindings[0].post",
        "principal.bindings[0].area",
        "principal.away_until",
        "request_id",
    ];
    let create = staff::CreatePrincipalRequest { principal: Some(principal.clone()), request_id: ONCE.to_owned() };
    names(&refused(client.create_principal(create).await), &all(&fields, &["principal.kind"]));
    names(&refused(client.create_principal(staff::CreatePrincipalRequest::default()).await), &["principal"]);
    let mask = Some(FieldMask { paths: vec!["*".to_owned()] });
    let update =
        staff::UpdatePrincipalRequest { principal: Some(principal), update_mask: mask, request_id: ONCE.to_owned() };
    names(&refused(client.update_principal(update).await), &all(&fields, &["principal.name"]));
    let charge = staff::Charge {
        area: NOTHING.to_owned(),
        worker: NOTHING.to_owned(),
        stand_in: NOTHING.to_owned(),
        ..Default::default()
    };
    let assign = staff::AssignChargeRequest { charge: Some(charge), request_id: ONCE.to_owned() };
    let fields = ["charge.area", "charge.worker", "charge.stand_in", "request_id"];
    names(&refused(client.assign_charge(assign).await), &fields);
    let end = staff::EndChargeRequest { area: NOTHING.to_owned(), request_id: ONCE.to_owned() };
    names(&refused(client.end_charge(end).await), &["area", "request_id"]);
    let list =
        staff::ListPrincipalsRequest { area: NOTHING.to_owned(), post: 77, page_size: -1, page_token: "!".to_owned() };
    names(&refused(client.list_principals(list).await), &["area", "post", "page_size", "page_token"]);
    let list = staff::ListChargesRequest { area: NOTHING.to_owned(), page_size: -1, page_token: "!".to_owned() };
    names(&refused(client.list_charges(list).await), &["area", "page_size", "page_token"]);
    names(&refused(client.find_in_charge(staff::FindInChargeRequest::default()).await), &["area"]);
    let find = staff::FindInChargeRequest { path: "nowhere".to_owned(), ..Default::default() };
    names(&refused(client.find_in_charge(find).await), &["path"]);
    let issue = staff::IssueTokenRequest { principal: NOTHING.to_owned(), lifetime_s: -5 };
    names(&refused(client.issue_token(issue).await), &["principal", "lifetime_s"]);
    let revoke = staff::RevokeTokensRequest { principal: NOTHING.to_owned(), request_id: ONCE.to_owned() };
    names(&refused(client.revoke_tokens(revoke).await), &["principal", "request_id"]);
    let rotate = staff::RotateKeyRequest { request_id: ONCE.to_owned() };
    names(&refused(client.rotate_key(rotate).await), &["request_id"]);
    let get = staff::GetPrincipalRequest { name: NOTHING.to_owned() };
    names(&refused(client.get_principal(get).await), &["name"]);
}
