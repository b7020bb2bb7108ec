//! Areas: rows of an import, updates, lists, and the area as clients see it.

use api::grids::v1::{self, AreaKind};
use base::{AreaId, Day, Time, Violations, limits};
use rpc::time::to_proto;

use crate::convert::fields;
use crate::model::area::{Amendment, Area, Code};
use crate::model::import::{Imported, Parent, Row};

/// Codes of one area.
const CODES_MAX: usize = 20;

const KIND_ADVICE: &str = "choose an AreaKind such as AREA_KIND_MICRO_GRID";

/// An update of one area.
#[derive(Clone, Debug)]
pub(crate) struct Update {
    pub(crate) id: AreaId,
    /// The version it must have; empty: any.
    pub(crate) etag: String,
    pub(crate) amendment: Amendment,
}

/// Which areas a list asks for.
#[derive(Clone, Debug)]
pub(crate) struct Wanted {
    pub(crate) parent: Option<AreaId>,
    pub(crate) recursive: bool,
    /// Only this kind.
    pub(crate) kind: Option<AreaKind>,
    /// Only areas that bear this code today.
    pub(crate) code: Option<String>,
    pub(crate) show_retired: bool,
}

/// Reads the rows of an import.
pub(crate) fn read_rows(request: &v1::ImportAreasRequest, now: Time, violations: &mut Violations) -> Option<Vec<Row>> {
    let count = request.areas.len();
    if count == 0 || count > limits::IMPORT_ROWS_MAX {
        violations.add("areas", format!("has {count} rows, but must have 1 to {}", limits::IMPORT_ROWS_MAX));
        return None;
    }
    let rows = request.areas.iter().enumerate();
    let rows: Vec<Option<Row>> =
        rows.map(|(number, spec)| read_row(spec, now, &format!("areas[{number}]"), violations)).collect();
    rows.into_iter().collect()
}

fn read_row(spec: &v1::AreaSpec, now: Time, at: &str, violations: &mut Violations) -> Option<Row> {
    let kind = required_kind(spec.kind, &format!("{at}.kind"), violations);
    let display_name =
        fields::text(&spec.display_name, &format!("{at}.display_name"), limits::AREA_NAME_CHARS_MAX, violations);
    let codes = read_codes(&spec.codes, &format!("{at}.codes"), violations);
    let parent = read_parent(spec, at, violations);
    Some(Row {
        new_id: AreaId::generate(now),
        kind: kind?,
        display_name: display_name?,
        codes: codes?,
        parent: parent?,
        household_count: spec.household_count,
    })
}

fn read_parent(spec: &v1::AreaSpec, at: &str, violations: &mut Violations) -> Option<Parent> {
    match (spec.parent.is_empty(), spec.parent_code.is_empty()) {
        (true, true) => Some(Parent::Root),
        (true, false) => {
            let field = format!("{at}.parent_code");
            fields::text(&spec.parent_code, &field, limits::CODE_CHARS_MAX, violations).map(Parent::Coded)
        }
        (false, true) => fields::name(&spec.parent, &format!("{at}.parent"), violations).map(Parent::Named),
        (false, false) => {
            violations.add(format!("{at}.parent_code"), "must be empty when `parent` is given");
            None
        }
    }
}

fn required_kind(kind: i32, field: &str, violations: &mut Violations) -> Option<AreaKind> {
    fields::required_enum(kind, AreaKind::try_from(kind), &AreaKind::Unspecified, field, KIND_ADVICE, violations)
}

/// Reads a kind that may be left open: `Some(None)` then.
pub(crate) fn read_kind_filter(kind: i32, violations: &mut Violations) -> Option<Option<AreaKind>> {
    if kind == 0 { Some(None) } else { required_kind(kind, "kind", violations).map(Some) }
}

fn read_codes(codes: &[v1::AreaCode], at: &str, violations: &mut Violations) -> Option<Vec<Code>> {
    if codes.is_empty() || codes.len() > CODES_MAX {
        violations.add(at, format!("has {} codes, but must have 1 to {CODES_MAX}", codes.len()));
        return None;
    }
    let read: Vec<Option<Code>> = codes
        .iter()
        .enumerate()
        .map(|(number, code)| read_code(code, &format!("{at}[{number}]"), violations))
        .collect();
    let read: Vec<Code> = read.into_iter().collect::<Option<_>>()?;
    for (number, code) in read.iter().enumerate() {
        if read[..number].iter().any(|other| other.is_same_as(code) && other.shares_a_day_with(code)) {
            violations.add(format!("{at}[{number}].code"), "is given twice for the same days");
            return None;
        }
    }
    Some(read)
}

fn read_code(code: &v1::AreaCode, at: &str, violations: &mut Violations) -> Option<Code> {
    let scheme = fields::text(&code.scheme, &format!("{at}.scheme"), limits::CODE_CHARS_MAX, violations);
    let field = format!("{at}.code");
    let text = fields::text(&code.code, &field, limits::CODE_CHARS_MAX, violations);
    let from = fields::day(&code.valid_from, &format!("{at}.valid_from"), violations);
    let to = fields::day(&code.valid_to, &format!("{at}.valid_to"), violations);
    let code = Code { scheme: scheme?, code: text?, from: from?, to: to? };
    if let Some(wrong) = wrong_form(&code) {
        violations.add(field, wrong);
        return None;
    }
    if code.from.zip(code.to).is_some_and(|(from, to)| from >= to) {
        violations.add(format!("{at}.valid_to"), "must come after `valid_from`: it is the first day no longer valid");
        return None;
    }
    Some(code)
}

/// What is wrong with the form of a code of a national scheme. Only the form: lists of codes grow old, and a code that
/// was merged away is still the right one for its days.
fn wrong_form(code: &Code) -> Option<String> {
    let lengths = match code.scheme.as_str() {
        "NBS-12" => 2..=12,
        "GB/T 30428.1-15" => 15..=15,
        _ => return None,
    };
    let digits = code.code.bytes().all(|byte| byte.is_ascii_digit());
    if digits && lengths.contains(&code.code.len()) {
        return None;
    }
    let length = if lengths.start() == lengths.end() { "15".to_owned() } else { "2 to 12".to_owned() };
    Some(format!("is {:?}, but a code of {} has {length} digits and nothing else", code.code, code.scheme))
}

/// Reads an update with its mask.
pub(crate) fn read_update(request: &v1::UpdateAreaRequest, violations: &mut Violations) -> Option<Update> {
    let Some(area) = &request.area else {
        violations.add("area", "must be set, with the `name` of the area to change");
        return None;
    };
    let paths = read_mask(request, area, violations)?;
    let changes = |field: &str| paths.iter().any(|path| path == field);
    let id = fields::name(&area.name, "area.name", violations);
    let display_name = changes("display_name")
        .then(|| fields::text(&area.display_name, "area.display_name", limits::AREA_NAME_CHARS_MAX, violations));
    let codes = changes("codes").then(|| read_codes(&area.codes, "area.codes", violations));
    Some(Update {
        id: id?,
        etag: area.etag.clone(),
        amendment: Amendment {
            display_name: all_or_none(display_name)?,
            codes: all_or_none(codes)?,
            household_count: changes("household_count").then_some(area.household_count),
        },
    })
}

/// Which fields to change: those of the mask, or without a mask those that are set.
fn read_mask(request: &v1::UpdateAreaRequest, area: &v1::Area, violations: &mut Violations) -> Option<Vec<String>> {
    const CHANGEABLE: [&str; 3] = ["display_name", "codes", "household_count"];
    let Some(mask) = &request.update_mask else {
        let set = [!area.display_name.is_empty(), !area.codes.is_empty(), area.household_count != 0];
        let set = CHANGEABLE.iter().zip(set).filter(|(_, set)| *set);
        return Some(set.map(|(field, _)| (*field).to_owned()).collect());
    };
    let mut good = true;
    for path in mask.paths.iter().filter(|path| !CHANGEABLE.contains(&path.as_str())) {
        violations.add("update_mask", format!("{path:?} cannot be changed; {} can", CHANGEABLE.join(", ")));
        good = false;
    }
    good.then(|| mask.paths.clone())
}

/// A field that was not asked for is fine; one that was asked for must have been read.
fn all_or_none<T>(field: Option<Option<T>>) -> Option<Option<T>> {
    match field {
        None => Some(None),
        Some(read) => read.map(Some),
    }
}

/// Reads which areas a list asks for.
pub(crate) fn read_list(request: &v1::ListAreasRequest, violations: &mut Violations) -> Option<Wanted> {
    let parent = fields::name_or_empty(&request.parent, "parent", violations);
    let kind = read_kind_filter(request.kind, violations);
    let code = fields::text_or_empty(&request.code, "code", limits::CODE_CHARS_MAX, violations);
    Some(Wanted {
        parent: parent?,
        recursive: request.recursive,
        kind: kind?,
        code: code.map(|code| (!code.is_empty()).then_some(code))?,
        show_retired: request.show_retired,
    })
}

/// An area as clients see it.
pub(crate) fn write_area(area: &Area) -> v1::Area {
    v1::Area {
        name: area.id.name(),
        kind: area.kind.into(),
        display_name: area.display_name.clone(),
        codes: area.codes.iter().map(write_code).collect(),
        parent: area.parent.map_or_else(String::new, |parent| parent.name()),
        path: area.path.to_string(),
        household_count: area.household_count,
        child_count: area.child_count,
        retire_time: area.retire_time.map(to_proto),
        create_time: Some(to_proto(area.create_time)),
        update_time: Some(to_proto(area.update_time)),
        etag: area.etag(),
    }
}

fn write_code(code: &Code) -> v1::AreaCode {
    v1::AreaCode {
        scheme: code.scheme.clone(),
        code: code.code.clone(),
        valid_from: code.from.map_or_else(String::new, |day| day.to_string()),
        valid_to: code.to.map_or_else(String::new, |day| day.to_string()),
    }
}

/// An area as other records refer to it, with the code people use on a day.
pub(crate) fn write_reference(area: &Area, day: Day) -> v1::AreaRef {
    v1::AreaRef {
        name: area.id.name(),
        kind: area.kind.into(),
        code: area.main_code(day).to_owned(),
        display_name: area.display_name.clone(),
        path: area.path.to_string(),
    }
}

/// What an import did.
pub(crate) fn write_imported(imported: &Imported) -> v1::ImportAreasResponse {
    v1::ImportAreasResponse {
        areas: imported.areas.iter().map(write_area).collect(),
        created_count: imported.created_count,
        updated_count: imported.updated_count,
        unchanged_count: imported.unchanged_count,
    }
}
