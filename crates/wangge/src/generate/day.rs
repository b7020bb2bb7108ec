//! A day of incidents: what is reported when, where, through which channel and in which words.
//!
//! Arrivals follow the hours of a working day; a burst pipe in the morning and a thunder shower in the afternoon make
//! hot spots that come in through several channels at once. Everything follows from the seed. Not here: sending it.

use api::events::v1::{Channel, Urgency};
use api::staff::v1::Post;
use base::{Day, Result, Time};
use geometry::Datum;

use super::Subdistrict;
use super::chance::Chance;
use super::course::{Actor, Case, Move, course};
use super::names::People;
use super::spots::{Spot, Spots};
use super::staff::Program;
use super::storms::{BURST_PIPE, FLOODED_STREETS, Storm};
use super::themes::{Device, Setting, THEMES, Theme};

/// The day that is played: a Tuesday, an ordinary working day; five working days later lies across 端午 (19 June).
pub(crate) const DAY: &str = "2026-06-16";
/// The first and the last hour of the day.
pub(crate) const HOURS: (i64, i64) = (7, 22);

/// Incidents besides the hot spots: about twice as many as standards.md §9.4 derives for so many people.
const INCIDENTS: u32 = 232;

/// How many of a hundred patrol reports and of a hundred calls come in each hour from 7 to 21.
const PATROL_HOURS: [u32; 15] = [3, 13, 15, 13, 8, 2, 3, 11, 12, 9, 5, 2, 2, 1, 1];
const RESIDENT_HOURS: [u32; 15] = [5, 9, 11, 9, 7, 5, 4, 7, 8, 7, 7, 8, 7, 4, 2];

/// Who brings the report to the platform.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Caller {
    /// A member of staff, an index into the staff list.
    Person(usize),
    /// Another system.
    Program(Program),
}

/// One incident and what will become of it.
pub(crate) struct Incident {
    /// When it is reported.
    pub(crate) at: Time,
    /// When it happened, at most some minutes before.
    pub(crate) occurred: Time,
    /// Who brings it.
    pub(crate) caller: Caller,
    /// The channel.
    pub(crate) channel: Channel,
    /// Its number in the channel; empty where there is none.
    pub(crate) channel_number: String,
    /// The category.
    pub(crate) category: &'static str,
    /// How urgent.
    pub(crate) urgency: Urgency,
    /// What was said.
    pub(crate) text: String,
    /// The address as it was said.
    pub(crate) address: String,
    /// The area it is meant to be in, an index into the areas; the server decides for itself when there is a point.
    pub(crate) area: usize,
    /// The point as the caller's map has it: longitude, latitude and datum; none: the area is named instead.
    pub(crate) point: Option<(f64, f64, Datum)>,
    /// Name and phone of whoever told it; staff and devices give none.
    pub(crate) teller: Option<(String, String)>,
    /// How it will be handled.
    pub(crate) course: Vec<Move>,
}

/// How an incident of a theme comes in.
#[derive(Clone, Copy)]
pub(super) enum Voice {
    Patrol,
    Resident,
    Device,
}

/// The incidents of the day, in the order of their reports; no two at the same second.
pub(crate) fn day(subdistrict: &Subdistrict, seed: u64) -> Result<Vec<Incident>> {
    let mut writer = Writer {
        subdistrict,
        spots: Spots::new(subdistrict),
        chance: Chance::new(seed, "day"),
        tellers: People::new(seed, "tellers"),
        start: Day::parse(DAY).unwrap_or(Day::from_days(0)).start(),
    };
    let mut incidents = Vec::new();
    for _ in 0..INCIDENTS {
        incidents.push(writer.ordinary()?);
    }
    for storm in [BURST_PIPE, FLOODED_STREETS] {
        let places = writer.spots.of_storm(&storm, &mut writer.chance);
        for _ in 0..storm.reports {
            incidents.push(writer.in_storm(&storm, &places)?);
        }
    }
    incidents.sort_by_key(|incident| incident.at);
    // Each second holds one report, so that running numbers are given in the same order every time.
    for index in 1..incidents.len() {
        let earliest = incidents[index - 1].at.plus_seconds(1);
        incidents[index].at = incidents[index].at.max(earliest);
    }
    Ok(incidents)
}

struct Writer<'a> {
    subdistrict: &'a Subdistrict,
    spots: Spots<'a>,
    chance: Chance,
    tellers: People,
    start: Time,
}

impl Writer<'_> {
    fn ordinary(&mut self) -> Result<Incident> {
        let theme = &THEMES[self.chance.weighted(THEMES.iter().map(|theme| theme.weight))];
        let voice = match self.chance.between(1, 100) {
            1..=22 if theme.device.is_some() => Voice::Device,
            1..=60 => Voice::Patrol,
            _ => Voice::Resident,
        };
        let hours = match voice {
            Voice::Patrol => PATROL_HOURS,
            Voice::Resident | Voice::Device => RESIDENT_HOURS,
        };
        let hour = HOURS.0 + i64::try_from(self.chance.weighted(hours.into_iter())).unwrap_or(0);
        let at = self.start.plus_seconds(hour * 3_600 + i64::from(self.chance.between(0, 3_599)));
        let spot = match theme.setting {
            Setting::Street if self.chance.percent(14.0) => self.spots.on_exclusive_ground(&mut self.chance)?,
            _ => self.spots.anywhere(&mut self.chance)?,
        };
        Ok(self.incident(theme, voice, at, &spot))
    }

    fn in_storm(&mut self, storm: &Storm, places: &[usize]) -> Result<Incident> {
        let voice = self.chance.pick(&[
            Voice::Resident,
            Voice::Resident,
            Voice::Resident,
            Voice::Resident,
            Voice::Patrol,
            Voice::Device,
        ]);
        // Most call at once, the last ones after everybody else.
        let share = self.chance.span(0.0, 1.0);
        #[expect(clippy::cast_possible_truncation, reason = "minutes of a day")]
        let after = (share * share * storm.minutes * 60.0) as i64;
        let at = self.start.plus_seconds(storm.begins_second + after);
        let area = self.chance.pick(places);
        let spot = self.spots.in_area(area, &mut self.chance)?;
        Ok(self.incident(&storm.theme, voice, at, &spot))
    }

    fn incident(&mut self, theme: &Theme, voice: Voice, at: Time, spot: &Spot) -> Incident {
        let (channel, caller) = self.channel(theme, voice, spot);
        let words = match (voice, theme.device) {
            (Voice::Device, Some((_, words))) => words,
            (Voice::Patrol, _) => self.chance.pick(theme.patrol),
            _ => self.chance.pick(theme.resident),
        };
        let words = spot.fill(words);
        let text = match channel {
            Channel::Hotline12345 => format!("来电人反映:{words},请相关部门尽快处理。"),
            Channel::Police => format!("110非警务警情流转:{words}"),
            _ => words,
        };
        let told = matches!(voice, Voice::Resident);
        let desk = match channel {
            Channel::Hotline12345 | Channel::Police => Actor::SubdistrictDesk,
            _ => Actor::CommunityDesk,
        };
        let case = Case {
            at,
            urgency: theme.urgency,
            desk,
            department: theme.department,
            minutes: theme.minutes,
            result: self.chance.pick(theme.results),
            may_be_refused: told && theme.urgency == Urgency::Ordinary,
        };
        Incident {
            at,
            occurred: at.plus_seconds(-i64::from(self.lag_seconds(voice))),
            caller,
            channel,
            channel_number: self.channel_number(channel, at),
            category: theme.category,
            urgency: theme.urgency,
            text,
            address: format!("坛山街道{}", spot.address(theme.setting)),
            area: spot.area,
            point: self.point(channel, spot),
            teller: told.then(|| (self.tellers.name(), self.tellers.phone())),
            course: course(&mut self.chance, &case),
        }
    }

    /// How long after it happened something is reported. Devices tell at once.
    fn lag_seconds(&mut self, voice: Voice) -> u32 {
        match voice {
            Voice::Device => self.chance.between(5, 60),
            Voice::Patrol | Voice::Resident => 60 * self.chance.between(1, 25),
        }
    }

    /// The channel of a report and who uses it. Staff report only from the area of their own post.
    fn channel(&mut self, theme: &Theme, voice: Voice, spot: &Spot) -> (Channel, Caller) {
        match voice {
            Voice::Device if theme.device.is_some_and(|(device, _)| device == Device::Camera) => {
                (Channel::Video, Caller::Program(Program::Cameras))
            }
            Voice::Device if theme.device.is_some() => (Channel::Sensor, Caller::Program(Program::Sensors)),
            Voice::Patrol => {
                let channels = match theme.setting {
                    Setting::Street => [(Channel::GridPatrol, 9), (Channel::Volunteer, 1)],
                    Setting::Home => [(Channel::GridPatrol, 5), (Channel::Property, 2)],
                    Setting::Shop => [(Channel::GridPatrol, 5), (Channel::Inspection, 4)],
                };
                let index = self.chance.weighted(channels.iter().map(|(_, weight)| *weight));
                (channels[index].0, Caller::Person(self.worker_at(spot.area)))
            }
            Voice::Device | Voice::Resident => self.resident_channel(spot),
        }
    }

    fn resident_channel(&mut self, spot: &Spot) -> (Channel, Caller) {
        match self.chance.between(1, 100) {
            1..=44 => (Channel::Hotline12345, Caller::Program(Program::Hotline)),
            45..=84 => (Channel::Resident, Caller::Program(Program::Residents)),
            85..=90 => (Channel::Police, Caller::Program(Program::Police)),
            91..=96 => (Channel::Window, Caller::Person(self.desk_at(spot.area))),
            _ => (Channel::Visit, Caller::Person(self.desk_at(spot.area))),
        }
    }

    fn worker_at(&self, area: usize) -> usize {
        let staff = &self.subdistrict.staff;
        let here = staff.holders(Post::MicroGridWorker, area).first();
        let present = here.copied().filter(|worker| !staff.people[*worker].away);
        let above = self.subdistrict.areas[area].parent;
        present
            .or_else(|| above.and_then(|area| staff.holders(Post::GridWorker, area).first().copied()))
            .unwrap_or_else(|| self.desk_at(area))
    }

    fn desk_at(&self, area: usize) -> usize {
        let community = self.subdistrict.community_of(area);
        self.subdistrict.staff.holders(Post::CommunityDesk, community).last().copied().unwrap_or_default()
    }

    /// Whoever came to the window or was visited named a place, not a point. Phones of staff give GNSS; the residents'
    /// mini-program and the hotline's operators pick on maps of AMap and Baidu; devices were surveyed.
    fn point(&mut self, channel: Channel, spot: &Spot) -> Option<(f64, f64, Datum)> {
        let datum = match channel {
            Channel::Window | Channel::Visit => return None,
            Channel::Resident => Datum::Gcj02,
            Channel::Hotline12345 if self.chance.percent(25.0) => Datum::Bd09,
            Channel::Hotline12345 | Channel::Police => Datum::Gcj02,
            Channel::Video | Channel::Sensor => Datum::Cgcs2000,
            _ => Datum::Wgs84,
        };
        let (longitude, latitude) = geometry::datum::from_wgs84(datum, spot.position);
        Some((round(longitude), round(latitude), datum))
    }

    fn channel_number(&mut self, channel: Channel, at: Time) -> String {
        let number = self.chance.between(0, 999_999);
        let day = &at.civil_day().compact()[2..];
        match channel {
            // Eighteen digits from the time, as a live Shandong system writes them (standards.md §5.6).
            Channel::Hotline12345 => {
                let second = at.second_of_day();
                format!("{day}{:02}{:02}{:02}{number:06}", second / 3_600, second / 60 % 60, second % 60)
            }
            Channel::Police => format!("JQ{day}{number:06}"),
            Channel::Video => format!("AI-{number:06}"),
            Channel::Sensor => format!("IOT-{number:06}"),
            _ => String::new(),
        }
    }
}

/// Seven decimals, about a centimetre, as phones send.
fn round(degrees: f64) -> f64 {
    (degrees * 1e7).round() / 1e7
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use super::*;

    fn made(seed: u64) -> (Subdistrict, Vec<Incident>) {
        let subdistrict = Subdistrict::generate(seed).unwrap();
        let incidents = subdistrict.day(seed).unwrap();
        (subdistrict, incidents)
    }

    #[test]
    fn the_same_seed_plans_the_same_day_to_the_last_step() {
        let ((_, first), (_, again)) = (made(5), made(5));
        let told = |day: &[Incident]| day.iter().map(|one| (one.at, one.text.clone(), one.course.clone())).collect();
        let (first, again): (Vec<_>, Vec<_>) = (told(&first), told(&again));
        assert_eq!(first, again);
    }

    #[test]
    fn reports_come_one_by_one_within_the_hours_of_the_day() {
        let (_, incidents) = made(1);
        assert!(incidents.windows(2).all(|pair| pair[0].at < pair[1].at));
        let hour = |incident: &Incident| incident.at.second_of_day() / 3_600;
        assert!(incidents.iter().all(|incident| (HOURS.0..HOURS.1).contains(&hour(incident))));
        let between = |from, to| incidents.iter().filter(|one| (from..to).contains(&hour(one))).count();
        assert!(between(8, 11) > 2 * between(11, 14), "the morning is busier than noon");
    }

    #[test]
    fn staff_report_only_from_the_area_of_their_own_post() {
        let (subdistrict, incidents) = made(1);
        for incident in &incidents {
            let Caller::Person(person) = incident.caller else { continue };
            let post = subdistrict.staff.people[person].area;
            let mut above = std::iter::successors(Some(incident.area), |area| subdistrict.areas[*area].parent);
            assert!(above.any(|area| area == post), "{}", incident.text);
        }
    }

    #[test]
    fn points_lie_in_their_area_whatever_the_datum() {
        let (subdistrict, incidents) = made(1);
        let datums: BTreeSet<&str> =
            incidents.iter().filter_map(|one| one.point).map(|(.., datum)| datum.name()).collect();
        assert_eq!(datums.len(), 4, "{datums:?}");
        for incident in &incidents {
            let Some((longitude, latitude, datum)) = incident.point else { continue };
            let shape = subdistrict.areas[incident.area].shape.as_ref().unwrap();
            let position = geometry::datum::to_wgs84(datum, longitude, latitude).unwrap();
            // The way back from BD-09 is exact to about a metre.
            let near = shape.rings().flat_map(|ring| ring.windows(2)).any(|edge| {
                let [start, end] = [edge[0], edge[1]].map(|point| geometry::Position::new(point[0], point[1]).unwrap());
                geometry::distance::distance_to_segment_m(position, start, end).0 < 2.0
            });
            assert!(shape.covers(position) || near, "{} at {position:?}", incident.text);
        }
    }

    #[test]
    fn a_burst_pipe_is_told_through_many_channels_from_two_micro_grids() {
        for seed in 1..=3 {
            let (_, incidents) = made(seed);
            let burst: Vec<&Incident> =
                incidents.iter().filter(|one| one.category == BURST_PIPE.theme.category).collect();
            let areas: BTreeSet<usize> = burst.iter().map(|one| one.area).collect();
            let channels: BTreeSet<&str> = burst.iter().map(|one| one.channel.as_str_name()).collect();
            assert_eq!((burst.len(), areas.len()), (12, 2));
            assert!(channels.len() >= 3, "{channels:?}");
        }
    }

    #[test]
    fn no_text_shows_a_placeholder() {
        let (_, incidents) = made(2);
        for incident in &incidents {
            assert!(!incident.text.contains(['{', '}']), "{}", incident.text);
            assert!(incident.text.chars().count() <= base::limits::TEXT_CHARS_MAX);
        }
    }
}
