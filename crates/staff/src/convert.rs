//! Between the messages of the contract and the domain: the one place that validates, and that masks.
//!
//! Every wrong field is noted, not only the first. Areas stay names here; the service asks `grids` where they are.

use api::staff::v1 as api;
use base::{AreaId, AreaPath, PrincipalId, Result, Time, Violations, limits};
use prost_types::FieldMask;
use rpc::{Caller, mask};

use crate::model::{Actor, Binding, Change, Charge, Handler, InCharge, Place, Post, Principal, PrincipalKind};
use crate::token::{LIFETIME_DEFAULT_S, LIFETIME_MAX_S};

/// The name of the root above all areas.
const ROOT_AREA: &str = "areas/-";
/// What an update may change.
const CHANGEABLE: [&str; 5] = ["display_name", "phone", "bindings", "away_until", "suspended"];

/// An area as a request names it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum AreaName {
    /// The root above all areas.
    Root,
    /// One area.
    One(AreaId),
}

/// A post in an area, as a request asks for it.
#[derive(Clone, Debug)]
pub(crate) struct BindingAsked {
    pub(crate) post: Post,
    pub(crate) area: AreaName,
    /// The field that names the area.
    pub(crate) field: String,
}

/// The new values of a principal; the bindings still name their areas.
#[derive(Clone, Debug, Default)]
pub(crate) struct ChangeAsked {
    /// Everything but the bindings.
    pub(crate) change: Change,
    /// `None`: they stay.
    pub(crate) bindings: Option<Vec<BindingAsked>>,
}

/// A charge to be, without its place.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Assignment {
    worker: PrincipalId,
    stand_in: Option<PrincipalId>,
    now: Time,
}

impl Assignment {
    /// The charge at a place.
    pub(crate) fn at(self, place: Place) -> Charge {
        Charge { place, worker: self.worker, stand_in: self.stand_in, update_time: self.now }
    }
}

/// A place that a request asks about.
#[derive(Clone, Copy, Debug)]
pub(crate) enum PlaceAsked {
    Path(AreaPath),
    Area(AreaName),
}

/// Who takes the action of a method.
pub(crate) fn actor(caller: &Caller) -> Actor {
    let root_administrator = (Post::Administrator, AreaPath::ROOT);
    Actor { scope: caller.scope().clone(), administers_all: caller.bindings().contains(&root_administrator) }
}

/// Reads the name of an area.
pub(crate) fn area(name: &str, field: &str, violations: &mut Violations) -> Option<AreaName> {
    if name == ROOT_AREA {
        return Some(AreaName::Root);
    }
    let id = AreaId::parse_name(name).map_err(|wrong| format!("{wrong}, or {ROOT_AREA} for the root above all areas"));
    violations.take(field, id).map(AreaName::One)
}

/// Reads the name of a principal.
pub(crate) fn principal_id(name: &str, field: &str, violations: &mut Violations) -> Option<PrincipalId> {
    violations.take(field, PrincipalId::parse_name(name))
}

/// Reads a post that must be named.
pub(crate) fn post(value: i32, field: &str, violations: &mut Violations) -> Option<Post> {
    match Post::try_from(value) {
        Ok(Post::Unspecified) => violations.add(field, "must name a post"),
        Ok(post) => return Some(post),
        Err(_) => violations.add(field, format!("{value} is not a post of this version")),
    }
    None
}

/// Reads the values of a principal to be made.
pub(crate) fn new_principal(
    principal: Option<&api::Principal>,
    violations: &mut Violations,
) -> (Option<PrincipalKind>, ChangeAsked) {
    let Some(principal) = principal else {
        violations.add("principal", "must be set");
        return (None, ChangeAsked::default());
    };
    let kind = match PrincipalKind::try_from(principal.kind) {
        Ok(PrincipalKind::Unspecified) => {
            violations.add("principal.kind", "must say whether this is a person or a service account");
            None
        }
        Ok(kind) => Some(kind),
        Err(_) => {
            violations.add("principal.kind", format!("{} is not a kind of this version", principal.kind));
            None
        }
    };
    let asked = values(principal, &CHANGEABLE, violations);
    (kind, asked)
}

/// Reads which principal is to be changed, and how. Without a mask the fields that are set are changed (AIP-134).
pub(crate) fn changed_principal(
    principal: Option<&api::Principal>,
    update_mask: Option<&FieldMask>,
    violations: &mut Violations,
) -> (Option<PrincipalId>, ChangeAsked) {
    let Some(principal) = principal else {
        violations.add("principal", "must be set");
        return (None, ChangeAsked::default());
    };
    let id = principal_id(&principal.name, "principal.name", violations);
    let fields = fields(principal, update_mask, violations);
    let mut asked = values(principal, &fields, violations);
    asked.change.etag.clone_from(&principal.etag);
    (id, asked)
}

/// Which fields an update changes.
fn fields(principal: &api::Principal, mask: Option<&FieldMask>, violations: &mut Violations) -> Vec<&'static str> {
    let Some(mask) = mask.filter(|mask| !mask.paths.is_empty()) else {
        let is_set = |field: &&str| match *field {
            "display_name" => !principal.display_name.is_empty(),
            "phone" => !principal.phone.is_empty(),
            "bindings" => !principal.bindings.is_empty(),
            "away_until" => principal.away_until.is_some(),
            _ => principal.suspended,
        };
        return CHANGEABLE.into_iter().filter(is_set).collect();
    };
    if mask.paths.iter().any(|path| path == "*") {
        return CHANGEABLE.to_vec();
    }
    let mut fields = Vec::new();
    for path in &mask.paths {
        match CHANGEABLE.into_iter().find(|field| field == path) {
            Some(field) => fields.push(field),
            None => {
                let right = CHANGEABLE.join(", ");
                violations.add("update_mask", format!("{path:?} cannot be changed; the mask may name {right}, or *"));
            }
        }
    }
    fields
}

/// Reads these fields of a principal.
fn values(principal: &api::Principal, fields: &[&str], violations: &mut Violations) -> ChangeAsked {
    let mut asked = ChangeAsked::default();
    let change = &mut asked.change;
    for field in fields {
        match *field {
            "display_name" => change.display_name = display_name(&principal.display_name, violations),
            "phone" => change.phone = phone(&principal.phone, violations),
            "bindings" => asked.bindings = Some(bindings(&principal.bindings, violations)),
            "away_until" => change.away_until = away_until(principal, violations),
            _ => change.suspended = Some(principal.suspended),
        }
    }
    asked
}

fn display_name(name: &str, violations: &mut Violations) -> Option<String> {
    let name = name.trim();
    let length = name.chars().count();
    if !(1..=limits::NAME_CHARS_MAX).contains(&length) || name.chars().any(char::is_control) {
        let longest = limits::NAME_CHARS_MAX;
        violations
            .add("principal.display_name", format!("must have 1 to {longest} characters, none of them invisible"));
        return None;
    }
    Some(name.to_owned())
}

fn phone(phone: &str, violations: &mut Violations) -> Option<String> {
    let phone = phone.trim();
    if mask::is_masked(phone) {
        let wrong = "is masked; send the whole number, or leave the field out of update_mask to keep the one stored";
        violations.add("principal.phone", wrong);
        return None;
    }
    let dialled = |character: char| character.is_ascii_digit() || "+-() #,;转".contains(character);
    if phone.chars().count() > limits::PHONE_CHARS_MAX || !phone.chars().all(dialled) {
        let longest = limits::PHONE_CHARS_MAX;
        let right = "digits, spaces and + - ( ) # , ; 转, as in 13812341234 or 0632-5551234转8";
        violations.add("principal.phone", format!("must have at most {longest} characters: {right}"));
        return None;
    }
    Some(phone.to_owned())
}

fn away_until(principal: &api::Principal, violations: &mut Violations) -> Option<Option<Time>> {
    let Some(timestamp) = &principal.away_until else { return Some(None) };
    let time = rpc::time::from_proto(timestamp, "principal.away_until", violations)?;
    if time <= Time::default() {
        violations.add("principal.away_until", "must lie after 1970; leave it empty for somebody who is present");
    }
    Some(Some(time))
}

fn bindings(bindings: &[api::Binding], violations: &mut Violations) -> Vec<BindingAsked> {
    if bindings.len() > limits::BINDINGS_MAX {
        violations.add("principal.bindings", format!("must be at most {}", limits::BINDINGS_MAX));
        return Vec::new();
    }
    let mut asked: Vec<BindingAsked> = Vec::new();
    for (place, binding) in bindings.iter().enumerate() {
        let field = |name: &str| format!("principal.bindings[{place}].{name}");
        let post = post(binding.post, &field("post"), violations);
        let area = area(&binding.area, &field("area"), violations);
        let (Some(post), Some(area)) = (post, area) else { continue };
        if asked.iter().any(|other| (other.post, other.area) == (post, area)) {
            violations.add(field("area"), "is bound to the same post twice");
            continue;
        }
        asked.push(BindingAsked { post, area, field: field("area") });
    }
    asked
}

/// Reads the name of a principal that may be absent.
pub(crate) fn optional_principal_id(
    name: &str,
    field: &str,
    violations: &mut Violations,
) -> Option<Option<PrincipalId>> {
    if name.is_empty() { Some(None) } else { principal_id(name, field, violations).map(Some) }
}

/// Reads the post that a list is narrowed to.
pub(crate) fn post_filter(value: i32, violations: &mut Violations) -> Option<Post> {
    if value == i32::from(Post::Unspecified) { None } else { post(value, "post", violations) }
}

/// Reads a charge to be assigned at `now`.
pub(crate) fn charge(
    charge: Option<&api::Charge>,
    now: Time,
    violations: &mut Violations,
) -> (Option<AreaName>, Option<Assignment>) {
    let Some(charge) = charge else {
        violations.add("charge", "must be set");
        return (None, None);
    };
    let area = area(&charge.area, "charge.area", violations);
    let worker = principal_id(&charge.worker, "charge.worker", violations);
    let stand_in = optional_principal_id(&charge.stand_in, "charge.stand_in", violations);
    if worker.is_some() && stand_in == Some(worker) {
        violations.add("charge.stand_in", "must be somebody else than the worker, or empty");
    }
    let people = worker.zip(stand_in);
    (area, people.map(|(worker, stand_in)| Assignment { worker, stand_in, now }))
}

/// Reads a place that is named by its area or by its path.
pub(crate) fn place_asked(area: &str, path: &str, violations: &mut Violations) -> Option<PlaceAsked> {
    match (area, path) {
        ("", "") => violations.add("area", "name an area, or give its path"),
        (name, "") => return self::area(name, "area", violations).map(PlaceAsked::Area),
        ("", path) => return violations.take("path", path.parse()).map(PlaceAsked::Path),
        _ => violations.add("path", "give either the area or its path, not both"),
    }
    None
}

/// Reads a lifetime in seconds.
pub(crate) fn lifetime_s(asked: i64, violations: &mut Violations) -> i64 {
    match asked {
        0 => LIFETIME_DEFAULT_S,
        1..=LIFETIME_MAX_S => asked,
        _ => {
            violations.add("lifetime_s", format!("must lie in 1..{LIFETIME_MAX_S} (366 days), or be 0 for 12 hours"));
            LIFETIME_DEFAULT_S
        }
    }
}

/// A principal as this caller may see it: the phone number is masked for those without clearance where the principal
/// works. One's own is never masked.
pub(crate) fn principal_to_api(principal: &Principal, caller: &Caller) -> api::Principal {
    let cleared = caller.id() == principal.id
        || actor(caller).administers_all
        || principal.bindings.iter().any(|binding| caller.sees_personal(&binding.place.path));
    api::Principal {
        name: principal.id.name(),
        kind: principal.kind.into(),
        display_name: principal.display_name.clone(),
        phone: if cleared { principal.phone.clone() } else { mask::phone(&principal.phone) },
        bindings: principal.bindings.iter().map(binding_to_api).collect(),
        away_until: principal.away_until.map(rpc::time::to_proto),
        suspended: principal.suspended,
        create_time: Some(rpc::time::to_proto(principal.create_time)),
        update_time: Some(rpc::time::to_proto(principal.update_time)),
        etag: principal.etag(),
    }
}

/// The caller as it may act: with the bindings that its token carries, which can be fewer than its principal has.
pub(crate) fn self_to_api(principal: &Principal, caller: &Caller) -> api::Principal {
    let effective = |&(post, path): &(Post, AreaPath)| {
        let same = |binding: &&Binding| (binding.post, binding.place.path) == (post, path);
        // Only a part of a binding's area has no name here: the path says where it is.
        principal.bindings.iter().find(same).map_or_else(
            || api::Binding { post: post.into(), area: String::new(), path: path.to_string() },
            binding_to_api,
        )
    };
    let bindings = caller.bindings().iter().map(effective).collect();
    api::Principal { bindings, ..principal_to_api(principal, caller) }
}

fn binding_to_api(binding: &Binding) -> api::Binding {
    let area = area_name(binding.place.area);
    api::Binding { post: binding.post.into(), area, path: binding.place.path.to_string() }
}

/// A charge with the name of its worker.
pub(crate) fn charge_to_api(charge: &Charge, worker: Option<&Principal>) -> api::Charge {
    api::Charge {
        area: area_name(charge.place.area),
        worker: charge.worker.name(),
        worker_display_name: worker.map(|worker| worker.display_name.clone()).unwrap_or_default(),
        stand_in: charge.stand_in.map(|id| id.name()).unwrap_or_default(),
        path: charge.place.path.to_string(),
        update_time: Some(rpc::time::to_proto(charge.update_time)),
    }
}

/// Somebody who may handle events.
pub(crate) fn handler_to_api(handler: &Handler) -> api::Handler {
    api::Handler {
        principal: handler.id.name(),
        display_name: handler.display_name.clone(),
        bindings: handler.bindings.iter().map(binding_to_api).collect(),
    }
}

/// Who is in charge.
pub(crate) fn in_charge_to_api(found: InCharge) -> api::FindInChargeResponse {
    api::FindInChargeResponse {
        worker: found.who.id.name(),
        worker_display_name: found.who.display_name,
        standing_in: found.standing_in,
        path: found.path.to_string(),
    }
}

fn area_name(area: Option<AreaId>) -> String {
    area.map_or_else(|| ROOT_AREA.to_owned(), |id| id.name())
}

/// Ends the reading of a request in which nothing was wrong: what was read must then be there.
pub(crate) fn complete<T>(read: Option<T>, violations: Violations) -> Result<T> {
    violations.check()?;
    read.ok_or_else(|| base::Error::internal("a request was read without a violation and without a result"))
}
