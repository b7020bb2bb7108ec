//! An area of the tree: what it is, what it is called, and which codes it bears on which days.
//!
//! Codes are merged and renumbered, so a code is never a key: it is an attribute with its days. Not here: where the
//! area stands among others (`tree`) and where its borders run (`release`, `land`).

use api::grids::v1::AreaKind;
use base::{AreaId, AreaPath, Day, Error, Kind, Result, Time};

/// An area.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Area {
    pub(crate) id: AreaId,
    pub(crate) path: AreaPath,
    /// The area it lies in; none for a root of the tree.
    pub(crate) parent: Option<AreaId>,
    pub(crate) kind: AreaKind,
    pub(crate) display_name: String,
    /// In the order they were given; the first that is valid today is the main one.
    pub(crate) codes: Vec<Code>,
    /// Households in it; 0 when not known.
    pub(crate) household_count: u32,
    /// The ordinal its next child gets; never reused.
    pub(crate) next_child_ordinal: u16,
    /// Children that are not retired.
    pub(crate) child_count: u32,
    pub(crate) retire_time: Option<Time>,
    pub(crate) create_time: Time,
    pub(crate) update_time: Time,
    /// Counted from 1; a change of its children's number is no change of the area.
    pub(crate) revision: u64,
}

/// A code in a scheme, with the days on which it is valid.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Code {
    pub(crate) scheme: String,
    pub(crate) code: String,
    /// The first day; none: always was.
    pub(crate) from: Option<Day>,
    /// The first day no longer; none: still is.
    pub(crate) to: Option<Day>,
}

/// What is to be different about an area; what is `None` stays.
#[derive(Clone, Debug, Default)]
pub(crate) struct Amendment {
    pub(crate) display_name: Option<String>,
    pub(crate) codes: Option<Vec<Code>>,
    pub(crate) household_count: Option<u32>,
}

impl Code {
    /// Whether the code is valid on this day.
    pub(crate) fn valid_on(&self, day: Day) -> bool {
        self.from.is_none_or(|from| from <= day) && self.to.is_none_or(|to| day < to)
    }

    /// Whether there is a day on which both are valid.
    pub(crate) fn shares_a_day_with(&self, other: &Self) -> bool {
        let begins_before_end = |from: Option<Day>, to: Option<Day>| match (from, to) {
            (Some(from), Some(to)) => from < to,
            _ => true,
        };
        begins_before_end(self.from, other.to) && begins_before_end(other.from, self.to)
    }

    /// Whether both are written alike in the same scheme.
    pub(crate) fn is_same_as(&self, other: &Self) -> bool {
        self.scheme == other.scheme && self.code == other.code
    }
}

impl Area {
    /// The code people use for it on this day.
    pub(crate) fn main_code(&self, day: Day) -> &str {
        main_code(&self.codes, day)
    }

    /// Whether it bears this code, in any scheme, on this day. A retired area bears none.
    pub(crate) fn bears(&self, code: &str, day: Day) -> bool {
        self.retire_time.is_none() && self.codes.iter().any(|own| own.code == code && own.valid_on(day))
    }

    /// Its codes with their days as they really are: retirement ends them all.
    pub(crate) fn codes_until_retired(&self) -> impl Iterator<Item = Code> {
        let retired = self.retire_time.map(Time::civil_day);
        self.codes.iter().cloned().map(move |mut code| {
            if let Some(day) = retired {
                code.to = Some(code.to.map_or(day, |to| to.min(day)));
            }
            code
        })
    }

    /// The area as amended at `now`; equal to this one when the amendment changes nothing.
    pub(crate) fn amended(&self, amendment: &Amendment, now: Time) -> Self {
        let mut area = self.clone();
        if let Some(display_name) = &amendment.display_name {
            area.display_name.clone_from(display_name);
        }
        if let Some(codes) = &amendment.codes {
            area.codes.clone_from(codes);
        }
        if let Some(household_count) = amendment.household_count {
            area.household_count = household_count;
        }
        if area != *self {
            area.update_time = now;
            area.revision += 1;
        }
        area
    }

    /// Fails when it is no longer used.
    pub(crate) fn require_in_use(&self) -> Result<()> {
        let Some(retired) = self.retire_time else { return Ok(()) };
        Err(Error::new(
            Kind::Precondition,
            "AREA_RETIRED",
            format!("the {} is retired since {retired}", kind_words(self.kind)),
        )
        .with("area", self.id.name()))
    }

    /// The version as clients hold it.
    pub(crate) fn etag(&self) -> String {
        etag(self.revision)
    }
}

/// Of several codes the one people use on a day: the first valid one, else the last one, else nothing.
pub(crate) fn main_code(codes: &[Code], day: Day) -> &str {
    codes.iter().find(|code| code.valid_on(day)).or(codes.last()).map_or("", |code| &code.code)
}

/// The version of a record as clients hold it: its revision in quotes, as HTTP writes entity tags.
pub(crate) fn etag(revision: u64) -> String {
    format!("\"{revision}\"")
}

/// Fails when a client holds another version than the one there is. An empty etag accepts any.
pub(crate) fn require_etag(given: &str, revision: u64) -> Result<()> {
    if given.is_empty() || given == etag(revision) {
        return Ok(());
    }
    Err(Error::new(
        Kind::Conflict,
        "ETAG_MISMATCH",
        "somebody has changed this in between; read it again, and repeat the change if it is still wanted",
    )
    .with("given", given)
    .with("current", etag(revision)))
}

/// What a kind is called in messages.
pub(crate) fn kind_words(kind: AreaKind) -> &'static str {
    match kind {
        AreaKind::Unspecified => "area of no kind",
        AreaKind::Province => "province",
        AreaKind::City => "city",
        AreaKind::County => "county",
        AreaKind::Subdistrict => "subdistrict",
        AreaKind::Community => "community",
        AreaKind::BaseGrid => "base grid",
        AreaKind::MicroGrid => "micro-grid",
        AreaKind::ExclusiveGrid => "exclusive grid",
    }
}

/// Whether an area of kind `child` may lie directly in one of kind `parent`. Levels may be missing, but their order is
/// fixed; an exclusive grid lies beside the grids of its community, never inside a micro-grid.
pub(crate) fn may_contain(parent: AreaKind, child: AreaKind) -> bool {
    match child {
        AreaKind::ExclusiveGrid => parent <= AreaKind::BaseGrid,
        _ => parent < child,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn code(from: Option<i32>, to: Option<i32>) -> Code {
        Code { scheme: "local".into(), code: "1".into(), from: from.map(Day::from_days), to: to.map(Day::from_days) }
    }

    #[test]
    fn a_code_ends_before_the_day_it_is_no_longer_valid() {
        let code = code(Some(10), Some(20));
        assert!(!code.valid_on(Day::from_days(9)) && code.valid_on(Day::from_days(10)));
        assert!(code.valid_on(Day::from_days(19)) && !code.valid_on(Day::from_days(20)));
    }

    #[test]
    fn codes_that_follow_each_other_share_no_day() {
        assert!(!code(None, Some(10)).shares_a_day_with(&code(Some(10), None)));
        assert!(!code(Some(10), None).shares_a_day_with(&code(None, Some(10))));
        assert!(code(None, Some(11)).shares_a_day_with(&code(Some(10), None)));
        assert!(code(None, None).shares_a_day_with(&code(Some(3), Some(4))));
    }

    #[test]
    fn an_exclusive_grid_lies_in_a_community_but_not_in_a_micro_grid() {
        assert!(may_contain(AreaKind::Community, AreaKind::ExclusiveGrid));
        assert!(!may_contain(AreaKind::MicroGrid, AreaKind::ExclusiveGrid));
        assert!(!may_contain(AreaKind::ExclusiveGrid, AreaKind::MicroGrid));
        assert!(may_contain(AreaKind::City, AreaKind::Subdistrict));
        assert!(!may_contain(AreaKind::Community, AreaKind::Community));
    }
}
