//! A boundary release: its life, what validation found, and whether it may come into force.
//!
//! draft → validated → active → retired, and back from an activation that lies ahead. Time alone makes a release active (its time may lie ahead) and retired (the
//! time at which newer ones have replaced all of it), so both are computed from stored times, never written by a timer.

use api::grids::v1::{FindingKind, ReleaseState};
use base::{AreaId, AreaPath, Error, Kind, ReleaseId, Result, Time};
use geometry::Bounds;

/// An activation can be taken back until so many seconds before it takes effect: longer than it takes to write the change
/// and to show it to all readers.
const TAKEN_BACK_BEFORE_S: i64 = 5;

/// A boundary release.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Release {
    pub(crate) id: ReleaseId,
    pub(crate) display_name: String,
    /// The areas whose subtrees it describes; never empty.
    pub(crate) roots: Vec<Root>,
    pub(crate) stage: Stage,
    pub(crate) boundary_count: u32,
    pub(crate) findings: Vec<Counted>,
    pub(crate) acceptances: Vec<Acceptance>,
    /// Faults of less than so many square metres are noise.
    pub(crate) tolerance_m2: f64,
    pub(crate) create_time: Time,
    /// When it was checked; none again when areas came or went in its subtrees.
    pub(crate) validate_time: Option<Time>,
    /// What was near it when it was checked.
    pub(crate) vicinity: Option<Vicinity>,
    pub(crate) activate_time: Option<Time>,
    /// Counted in the order of activation, from 1; 0 before.
    pub(crate) activation_ordinal: u64,
    /// When newer releases replace (or will replace) the last of it.
    pub(crate) retire_time: Option<Time>,
    pub(crate) revision: u64,
}

/// A root of a release.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) struct Root {
    pub(crate) id: AreaId,
    pub(crate) path: AreaPath,
}

/// The boundaries of others among which a release was checked.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) struct Vicinity {
    /// Where they were looked for.
    pub(crate) window: Bounds,
    /// A digest of what stood there.
    pub(crate) mark: [u8; 32],
}

/// How far somebody has brought a release.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Stage {
    /// Boundaries come in.
    Draft,
    /// Checked as it is.
    Validated,
    /// To be in force from its activate_time on.
    Activated,
}

/// The findings of one kind.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) struct Counted {
    pub(crate) kind: FindingKind,
    pub(crate) count: u32,
    pub(crate) area_m2: f64,
    pub(crate) blocking_count: u32,
    /// The largest single fault that blocks.
    pub(crate) largest_m2: f64,
}

/// A kind of fault that is taken upon oneself, up to a size (0: any).
#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) struct Acceptance {
    pub(crate) kind: FindingKind,
    pub(crate) area_m2_max: f64,
}

/// One fault, as it is kept.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Finding {
    pub(crate) kind: FindingKind,
    /// It does not block.
    pub(crate) warning: bool,
    pub(crate) areas: Vec<AreaId>,
    /// Square metres, 0 where the fault has no area.
    pub(crate) area_m2: f64,
    /// A place on it: WGS-84 longitude and latitude.
    pub(crate) place: Option<(f64, f64)>,
    pub(crate) description: String,
}

impl Release {
    /// Where it is in its life at a time.
    pub(crate) fn state(&self, now: Time) -> ReleaseState {
        match self.stage {
            Stage::Draft => ReleaseState::Draft,
            Stage::Validated => ReleaseState::Validated,
            Stage::Activated if self.retire_time.is_some_and(|retired| retired <= now) => ReleaseState::Retired,
            Stage::Activated => ReleaseState::Active,
        }
    }

    /// The paths of its roots.
    pub(crate) fn root_paths(&self) -> impl Iterator<Item = &AreaPath> {
        self.roots.iter().map(|root| &root.path)
    }

    /// Whether it describes the ground of an area.
    pub(crate) fn describes(&self, path: &AreaPath) -> bool {
        self.root_paths().any(|root| path.is_within(root))
    }

    /// Whether it comes after `other`, and so masks it where both describe the ground. Of two that come into force at
    /// the same time, the one activated later is newer.
    pub(crate) fn is_newer_than(&self, other: &Self) -> bool {
        self.place() > other.place()
    }

    fn place(&self) -> (Option<Time>, u64) {
        (self.activate_time, self.activation_ordinal)
    }

    /// Fails unless boundaries may still be put into it.
    pub(crate) fn require_open(&self) -> Result<()> {
        if self.stage == Stage::Activated {
            return Err(self.wrong_stage(
                "boundaries of a release that has been activated are history; draft a new release for the change",
            ));
        }
        Ok(())
    }

    /// Notes that boundaries came in: what was found before is no longer true.
    pub(crate) fn reopen(&mut self, added: u32) {
        self.boundary_count += added;
        self.become_draft();
        self.revision += 1;
    }

    /// Notes that areas came or went in its subtrees: what was checked is no longer all there is. What has been activated
    /// stays so, but an activation that is taken back leads to a draft then.
    pub(crate) fn outdate(&mut self) {
        match self.stage {
            Stage::Activated => self.validate_time = None,
            Stage::Draft | Stage::Validated => self.become_draft(),
        }
        self.revision += 1;
    }

    fn become_draft(&mut self) {
        self.stage = Stage::Draft;
        self.findings.clear();
        self.validate_time = None;
        self.vicinity = None;
    }

    /// Notes what validation found, and among what.
    pub(crate) fn validated(&mut self, findings: &[Finding], vicinity: Vicinity, now: Time) {
        self.stage = Stage::Validated;
        self.findings = count(findings);
        self.validate_time = Some(now);
        self.vicinity = Some(vicinity);
        self.revision += 1;
    }

    /// Brings it into force from a time on, if its faults are accepted. `activated` are all that were before.
    pub(crate) fn activate(&mut self, acceptances: &[Acceptance], from: Time, activated: &[Self]) -> Result<()> {
        match self.stage {
            Stage::Draft => {
                return Err(self.wrong_stage("validate the release first; only what was checked is activated"));
            }
            Stage::Activated => return Err(self.wrong_stage("the release has been activated already")),
            Stage::Validated => {}
        }
        self.require_accepted(acceptances)?;
        self.stage = Stage::Activated;
        self.acceptances = acceptances.to_vec();
        self.activate_time = Some(from);
        self.activation_ordinal = 1 + activated.iter().map(|other| other.activation_ordinal).max().unwrap_or(0);
        self.revision += 1;
        Ok(())
    }

    /// Takes back an activation that lies ahead.
    pub(crate) fn take_back(&mut self, now: Time) -> Result<()> {
        let Some(start) = self.activate_time.filter(|_| self.stage == Stage::Activated) else {
            return Err(self.wrong_stage("the release has not been activated, so there is nothing to take back"));
        };
        if start < now.plus_seconds(TAKEN_BACK_BEFORE_S) {
            return Err(Error::new(
                Kind::Precondition,
                "RELEASE_IN_FORCE",
                "the release is in force or will be in a moment, and answers may have been given under it; to undo it, \
                 activate another release of the same ground",
            )
            .with("release", self.id.name())
            .with("activate_time", start));
        }
        self.stage = Stage::Validated;
        if self.validate_time.is_none() {
            self.become_draft();
        }
        self.acceptances.clear();
        self.activate_time = None;
        self.activation_ordinal = 0;
        self.retire_time = None;
        self.revision += 1;
        Ok(())
    }

    /// Fails with every kind of blocking fault that is not accepted, or not at its size.
    fn require_accepted(&self, acceptances: &[Acceptance]) -> Result<()> {
        let refused: Vec<&Counted> = self
            .findings
            .iter()
            .filter(|counted| counted.blocking_count > 0 && !counted.is_accepted(acceptances))
            .collect();
        if refused.is_empty() {
            return Ok(());
        }
        let kinds: Vec<&str> = refused.iter().map(|counted| counted.kind.as_str_name()).collect();
        let mut error = Error::new(
            Kind::Precondition,
            "FINDINGS_NOT_ACCEPTED",
            format!(
                "the release has faults that nobody has taken upon themselves: {}; mend them, or name each kind in \
                 `acceptances` (with an area_m2_max of 0, or no less than the largest)",
                kinds.join(", ")
            ),
        );
        for counted in refused {
            let facts = format!("{} blocking, largest {:.1} m2", counted.blocking_count, counted.largest_m2);
            error = error.with(counted.kind.as_str_name(), facts);
        }
        Err(error)
    }

    /// The error that it was checked among other boundaries than those it would stand among from `start` on.
    pub(crate) fn checked_elsewhere(&self, start: Time) -> Error {
        Error::new(
            Kind::Precondition,
            "NEIGHBOURS_CHANGED",
            "the boundaries in force around the release will not be those it was checked with; validate it again, with the \
             activate_time at which it is to come into force",
        )
        .with("release", self.id.name())
        .with("activate_time", start)
    }

    /// Fails unless it can still be deleted.
    pub(crate) fn require_never_active(&self) -> Result<()> {
        if self.stage == Stage::Activated {
            return Err(
                self.wrong_stage("a release that has been activated stays: it answers questions about its time")
            );
        }
        Ok(())
    }

    fn wrong_stage(&self, message: &'static str) -> Error {
        let stage = match self.stage {
            Stage::Draft => ReleaseState::Draft,
            Stage::Validated => ReleaseState::Validated,
            Stage::Activated => ReleaseState::Active,
        };
        Error::new(Kind::Precondition, "WRONG_RELEASE_STATE", message)
            .with("release", self.id.name())
            .with("state", stage.as_str_name())
    }
}

impl Counted {
    fn is_accepted(&self, acceptances: &[Acceptance]) -> bool {
        acceptances.iter().any(|acceptance| {
            acceptance.kind == self.kind && (acceptance.area_m2_max == 0.0 || self.largest_m2 <= acceptance.area_m2_max)
        })
    }
}

/// Counts findings by kind, in the order of the kinds.
fn count(findings: &[Finding]) -> Vec<Counted> {
    let mut counts: Vec<Counted> = Vec::new();
    for finding in findings {
        let place = counts.iter().position(|counted| counted.kind == finding.kind).unwrap_or_else(|| {
            counts.push(Counted { kind: finding.kind, count: 0, area_m2: 0.0, blocking_count: 0, largest_m2: 0.0 });
            counts.len() - 1
        });
        let counted = &mut counts[place];
        counted.count += 1;
        counted.area_m2 += finding.area_m2;
        if !finding.warning {
            counted.blocking_count += 1;
            counted.largest_m2 = counted.largest_m2.max(finding.area_m2);
        }
    }
    counts.sort_by_key(|counted| counted.kind);
    counts
}

/// Puts the worst first: what blocks before what warns, then the larger, then the kinds in their order.
pub(crate) fn worst_first(findings: &mut [Finding]) {
    findings.sort_by(|one, other| {
        one.warning
            .cmp(&other.warning)
            .then_with(|| other.area_m2.total_cmp(&one.area_m2))
            .then_with(|| one.kind.cmp(&other.kind))
    });
}

/// The order in which newer releases mask older ones: activated ones only, oldest first.
pub(crate) fn in_order(mut releases: Vec<Release>) -> Vec<Release> {
    releases.retain(|release| release.stage == Stage::Activated);
    releases.sort_by_key(Release::place);
    releases
}

/// When the last of a release is replaced: the earliest time at which each of its roots lies in a newer release's.
/// `activated` may hold the release itself. None while something of it stays in force.
pub(crate) fn replaced_at(release: &Release, activated: &[Release]) -> Option<Time> {
    let newer: Vec<&Release> = activated.iter().filter(|other| other.is_newer_than(release)).collect();
    release
        .root_paths()
        .map(|root| newer.iter().filter(|other| other.describes(root)).filter_map(|other| other.activate_time).min())
        .collect::<Option<Vec<Time>>>()
        .and_then(|times| times.into_iter().max())
}

#[cfg(test)]
mod tests {
    use super::*;

    const NOWHERE: Vicinity = Vicinity { window: Bounds::EMPTY, mark: [0; 32] };

    fn release(id: u8, roots: &[&str], activate_s: Option<i64>) -> Release {
        let roots = roots.iter().map(|path| Root { id: AreaId::from_bytes([9; 16]), path: path.parse().unwrap() });
        Release {
            id: ReleaseId::from_bytes([id; 16]),
            display_name: String::new(),
            roots: roots.collect(),
            stage: if activate_s.is_some() { Stage::Activated } else { Stage::Draft },
            boundary_count: 0,
            findings: Vec::new(),
            acceptances: Vec::new(),
            tolerance_m2: 1.0,
            create_time: Time::default(),
            validate_time: None,
            vicinity: None,
            activate_time: activate_s.map(|seconds| Time::default().plus_seconds(seconds)),
            activation_ordinal: u64::from(id),
            retire_time: None,
            revision: 1,
        }
    }

    fn finding(kind: FindingKind, warning: bool, area_m2: f64) -> Finding {
        Finding { kind, warning, areas: Vec::new(), area_m2, place: None, description: String::new() }
    }

    #[test]
    fn a_release_is_replaced_when_the_last_of_its_roots_is() {
        let old = release(1, &["/1", "/2"], Some(10));
        let first = release(2, &["/1"], Some(20));
        let second = release(3, &["/2", "/3"], Some(30));
        assert_eq!(replaced_at(&old, &[old.clone(), first.clone()]), None);
        assert_eq!(replaced_at(&old, &[old.clone(), second.clone(), first]), second.activate_time);
        assert_eq!(replaced_at(&second, &[old, second.clone()]), None, "an older release replaces nothing");
    }

    #[test]
    fn part_of_a_root_does_not_replace_it() {
        let old = release(1, &["/1"], Some(10));
        let inside = release(2, &["/1/5"], Some(20));
        assert_eq!(replaced_at(&old, &[inside]), None);
    }

    #[test]
    fn time_alone_retires_a_release() {
        let mut old = release(1, &["/1"], Some(10));
        old.retire_time = Some(Time::default().plus_seconds(20));
        assert_eq!(old.state(Time::default().plus_seconds(19)), ReleaseState::Active);
        assert_eq!(old.state(Time::default().plus_seconds(20)), ReleaseState::Retired);
    }

    #[test]
    fn a_blocking_fault_must_be_accepted_by_name_and_at_its_size() {
        let mut release = release(1, &["/1"], None);
        let findings = [finding(FindingKind::Overlap, false, 50.0), finding(FindingKind::TooManyHouseholds, true, 0.0)];
        release.validated(&findings, NOWHERE, Time::default());
        let accept = |kind, area_m2_max| [Acceptance { kind, area_m2_max }];
        let error = release.clone().activate(&[], Time::default(), &[]).unwrap_err();
        assert_eq!((error.kind(), error.reason()), (Kind::Precondition, "FINDINGS_NOT_ACCEPTED"));
        assert_eq!(error.metadata()[0].0, "FINDING_KIND_OVERLAP");
        assert_eq!(error.metadata().len(), 1, "a warning needs nobody");
        assert!(release.clone().activate(&accept(FindingKind::Gap, 0.0), Time::default(), &[]).is_err());
        assert!(release.clone().activate(&accept(FindingKind::Overlap, 49.0), Time::default(), &[]).is_err());
        assert!(release.clone().activate(&accept(FindingKind::Overlap, 50.0), Time::default(), &[]).is_ok());
        release.activate(&accept(FindingKind::Overlap, 0.0), Time::default(), &[]).unwrap();
        assert!(release.activate(&[], Time::default(), &[]).is_err(), "once is enough");
        assert!(release.require_open().is_err() && release.require_never_active().is_err());
    }

    #[test]
    fn an_activation_is_taken_back_only_while_it_lies_well_ahead() {
        let mut release = release(1, &["/1"], Some(100));
        release.retire_time = release.activate_time;
        release.validate_time = Some(Time::default());
        let before = |seconds: i64| Time::default().plus_seconds(100 - seconds);
        let late = release.clone().take_back(before(4)).unwrap_err();
        assert_eq!((late.kind(), late.reason()), (Kind::Precondition, "RELEASE_IN_FORCE"));
        release.take_back(before(5)).unwrap();
        assert_eq!((release.stage, release.activate_time, release.retire_time), (Stage::Validated, None, None));
        assert_eq!(release.take_back(before(5)).unwrap_err().reason(), "WRONG_RELEASE_STATE");
        assert!(release.activate(&[], before(0), &[]).is_ok(), "it can be activated again");
    }

    #[test]
    fn an_activation_taken_back_after_areas_changed_leads_to_a_draft() {
        let mut release = release(1, &["/1"], Some(100));
        release.validate_time = Some(Time::default());
        release.outdate();
        assert_eq!((release.stage, release.validate_time), (Stage::Activated, None));
        release.take_back(Time::default()).unwrap();
        assert_eq!(release.stage, Stage::Draft);
    }

    #[test]
    fn new_boundaries_make_what_was_found_untrue() {
        let mut release = release(1, &["/1"], None);
        release.validated(&[finding(FindingKind::Gap, false, 2.0)], NOWHERE, Time::default());
        release.reopen(3);
        assert_eq!((release.stage, release.boundary_count), (Stage::Draft, 3));
        assert!(release.findings.is_empty() && release.validate_time.is_none());
        assert!(release.activate(&[], Time::default(), &[]).is_err());
    }

    #[test]
    fn the_worst_comes_first() {
        let mut findings = [
            finding(FindingKind::TooManyHouseholds, true, 0.0),
            finding(FindingKind::Overlap, false, 5.0),
            finding(FindingKind::Gap, false, 70.0),
        ];
        worst_first(&mut findings);
        let kinds: Vec<_> = findings.iter().map(|finding| finding.kind).collect();
        assert_eq!(kinds, [FindingKind::Gap, FindingKind::Overlap, FindingKind::TooManyHouseholds]);
    }
}
