//! How one incident will be handled: every step with its hour, who takes it, and the words.
//!
//! A plan, made from chance alone: what really happens is what the server answers. Not here: who the worker in charge
//! is, which the server decides.

use api::events::v1::Urgency;
use base::Time;

use super::chance::Chance;
use super::themes::Department;

/// Who takes a step.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Actor {
    /// The desk of the community.
    CommunityDesk,
    /// The desk of the subdistrict.
    SubdistrictDesk,
    /// Whoever was named by the dispatch.
    Handler,
    /// The leader of the base grid; where there is none (exclusive grids), the desk of the community.
    Leader,
}

/// What is done.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Act {
    /// Taken on.
    Accept,
    /// Declined, with the reason.
    Refuse(&'static str),
    /// Handed over: to a department, or to the worker in charge.
    Dispatch(Option<Department>),
    /// Begun.
    Start,
    /// Done, with the result.
    Resolve(&'static str),
    /// Checked.
    Verify(&'static str),
    /// Ended.
    Close,
    /// Sent back, with the reason.
    Return(&'static str),
    /// Taken up again, with the reason.
    Reopen(&'static str),
}

/// One planned step.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Move {
    /// When.
    pub(crate) at: Time,
    /// Who.
    pub(crate) by: Actor,
    /// What.
    pub(crate) act: Act,
}

/// What the course of an incident depends on.
pub(crate) struct Case {
    pub(crate) at: Time,
    pub(crate) urgency: Urgency,
    /// The desk that takes it on.
    pub(crate) desk: Actor,
    /// Who handles it; none: the worker in charge.
    pub(crate) department: Option<Department>,
    /// Minutes the work usually takes.
    pub(crate) minutes: f64,
    /// What will have been done.
    pub(crate) result: &'static str,
    /// Whether it may be declined: only what people ask for.
    pub(crate) may_be_refused: bool,
}

/// In the field, ordinary matters rest from half past six in the evening until half past eight in the morning; desks
/// are always manned.
const EVENING: i64 = 18 * 3_600 + 1_800;
const MORNING: i64 = 8 * 3_600 + 1_800;

const REFUSALS: &[&str] =
    &["经核实地点不在坛山街道辖区,已告知诉求人拨打所在地热线", "诉求已在办理中,属重复反映,已向诉求人说明"];
const NOT_COMPETENT: &[&str] =
    &["该设施由区住建局管养,不属我单位职责,申请退回", "经现场查看属小区内部事项,建议由社区处置,申请退回"];
const VERIFIED: &[&str] = &["现场核查属实", "电话回访诉求人,表示满意", "已到现场复查,问题消除"];
const NOT_VERIFIED: &[&str] = &["现场核查未整改到位,退回重办", "回访诉求人表示未解决,退回重办"];
const AGAIN: &[&str] = &["回访时诉求人反映问题反复", "同一地点再次出现,重新办理"];
const DONE_AGAIN: &str = "已二次处置并安排专人值守";

/// Plans the whole course, step by step in time. It may reach into the next days.
pub(crate) fn course(chance: &mut Chance, case: &Case) -> Vec<Move> {
    let mut plan = Plan { at: case.at, urgency: case.urgency, chance, moves: Vec::new() };
    if case.may_be_refused && plan.chance.percent(4.0) {
        let why = plan.chance.pick(REFUSALS);
        plan.then(12.0, case.desk, Act::Refuse(why));
        return plan.moves;
    }
    plan.then([14.0, 6.0, 2.5][pace(case.urgency)], case.desk, Act::Accept);
    plan.dispatch(case.desk, case.department);
    if case.department.is_some() && plan.chance.percent(8.0) {
        let why = plan.chance.pick(NOT_COMPETENT);
        plan.then(25.0, Actor::Handler, Act::Return(why));
        plan.dispatch(Actor::SubdistrictDesk, None);
    }
    plan.handle(case);
    let close_by = if case.desk == Actor::SubdistrictDesk { Actor::SubdistrictDesk } else { Actor::CommunityDesk };
    plan.then(15.0, close_by, Act::Close);
    if plan.chance.percent(4.0) {
        let why = plan.chance.pick(AGAIN);
        plan.then(50.0, Actor::SubdistrictDesk, Act::Reopen(why));
        plan.dispatch(Actor::SubdistrictDesk, case.department);
        plan.work(case.minutes * 0.7, DONE_AGAIN);
        plan.verify();
        plan.then(15.0, close_by, Act::Close);
    }
    plan.moves
}

/// Critical, urgent and ordinary as an index into medians, the slowest first.
fn pace(urgency: Urgency) -> usize {
    match urgency {
        Urgency::Critical => 2,
        Urgency::Urgent => 1,
        Urgency::Unspecified | Urgency::Ordinary => 0,
    }
}

struct Plan<'a> {
    at: Time,
    urgency: Urgency,
    chance: &'a mut Chance,
    moves: Vec<Move>,
}

impl Plan<'_> {
    /// Adds a step that usually comes so many minutes after the one before.
    fn then(&mut self, median_minutes: f64, by: Actor, act: Act) {
        let minutes = self.chance.lasting(median_minutes, 0.55).clamp(0.5, 600.0);
        #[expect(clippy::cast_possible_truncation, reason = "at most 600 minutes")]
        let seconds = (minutes * 60.0) as i64;
        let at = self.at.plus_seconds(seconds);
        let is_desk = matches!(by, Actor::CommunityDesk | Actor::SubdistrictDesk);
        self.at = if is_desk { at } else { self.awake(at) };
        self.moves.push(Move { at: self.at, by, act });
    }

    /// In the field, ordinary matters wait for the morning.
    fn awake(&self, at: Time) -> Time {
        match at.second_of_day() {
            _ if pace(self.urgency) > 0 => at,
            second if second > EVENING => at.civil_day().plus(1).start().plus_seconds(second - EVENING + MORNING),
            second if second < MORNING => at.plus_seconds((MORNING - second) / 2),
            _ => at,
        }
    }

    /// Departments serve the whole subdistrict, so only its desk can hand something to them.
    fn dispatch(&mut self, desk: Actor, department: Option<Department>) {
        let by = if department.is_some() { Actor::SubdistrictDesk } else { desk };
        self.then([7.0, 4.0, 1.5][pace(self.urgency)], by, Act::Dispatch(department));
    }

    fn handle(&mut self, case: &Case) {
        // A few cases take far longer than they should: nobody has the key, the part is not in stock.
        let slow = if self.chance.percent(7.0) { 4.0 } else { 1.0 };
        self.work(case.minutes * slow, case.result);
        if self.chance.percent(6.0) {
            let why = self.chance.pick(NOT_VERIFIED);
            self.then(20.0, Actor::Leader, Act::Return(why));
            self.then(case.minutes * 0.5, Actor::Handler, Act::Resolve(DONE_AGAIN));
        }
        self.verify();
    }

    fn work(&mut self, minutes: f64, result: &'static str) {
        self.then([22.0, 12.0, 5.0][pace(self.urgency)], Actor::Handler, Act::Start);
        self.then(minutes, Actor::Handler, Act::Resolve(result));
    }

    fn verify(&mut self) {
        let how = self.chance.pick(VERIFIED);
        self.then([30.0, 18.0, 10.0][pace(self.urgency)], Actor::Leader, Act::Verify(how));
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn courses(urgency: Urgency, at: &str) -> Vec<Vec<Move>> {
        let mut chance = Chance::new(1, "courses");
        let case = Case {
            at: Time::parse(at).unwrap(),
            urgency,
            desk: Actor::CommunityDesk,
            department: Some(Department::Works),
            minutes: 60.0,
            result: "done",
            may_be_refused: true,
        };
        (0..500).map(|_| course(&mut chance, &case)).collect()
    }

    #[test]
    fn a_course_goes_on_in_time_and_ends_closed_or_refused() {
        for moves in courses(Urgency::Urgent, "2026-06-16 10:00") {
            assert!(moves.windows(2).all(|pair| pair[0].at <= pair[1].at));
            assert!(matches!(moves.last().unwrap().act, Act::Close | Act::Refuse(_)));
        }
    }

    #[test]
    fn some_are_returned_reopened_and_refused_but_few() {
        let courses = courses(Urgency::Ordinary, "2026-06-16 10:00");
        let share = |wanted: fn(&Act) -> bool| {
            courses.iter().filter(|moves| moves.iter().any(|step| wanted(&step.act))).count()
        };
        assert!((20..110).contains(&share(|act| matches!(act, Act::Return(_)))));
        assert!((5..50).contains(&share(|act| matches!(act, Act::Reopen(_)))));
        assert!((5..50).contains(&share(|act| matches!(act, Act::Refuse(_)))));
    }

    #[test]
    fn field_work_on_ordinary_matters_rests_at_night_and_urgent_work_does_not() {
        let in_field = |step: &&Move| matches!(step.by, Actor::Handler | Actor::Leader);
        let night = |step: &Move| in_field(&step) && step.at.second_of_day() > EVENING;
        assert!(!courses(Urgency::Ordinary, "2026-06-16 20:00").iter().flatten().any(night));
        assert!(courses(Urgency::Critical, "2026-06-16 20:00").iter().flatten().any(night));
    }
}
