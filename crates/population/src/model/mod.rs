//! The domain, pure: what holds of persons, households and residences.

pub(crate) mod household;
pub(crate) mod identity;
pub(crate) mod person;
pub(crate) mod residence;

use base::Day;
use registry::Faults;

/// Brings a date into its one form, `YYYY-MM-DD`; `YYYYMMDD` is read too (GB/T 31000). Notes what is no date.
fn date(field: &str, label: &str, text: &mut String, faults: &mut Faults) -> Option<Day> {
    *text = text.trim().to_owned();
    if text.is_empty() {
        return None;
    }
    match Day::parse(text) {
        Ok(day) => {
            *text = day.to_string();
            Some(day)
        }
        Err(wrong) => {
            faults.add("BAD_DATE", field, format!("{label}: {wrong}"));
            None
        }
    }
}

/// The same for a day that cannot lie ahead.
fn past_date(field: &str, label: &str, text: &mut String, today: Day, faults: &mut Faults) -> Option<Day> {
    let day = date(field, label, text, faults)?;
    if day > today {
        faults.add("FUTURE_DATE", field, format!("{label} lies in the future"));
    }
    Some(day)
}

/// A text without blanks around it, in half width where the half-width form means the same (digits, letters, signs).
fn half_width(text: &str) -> String {
    let half = |character: char| match character {
        '\u{3000}' => ' ',
        '\u{FF01}'..='\u{FF5E}' => char::from_u32(character as u32 - 0xFEE0).unwrap_or(character),
        other => other,
    };
    text.chars().map(half).collect::<String>().trim().to_owned()
}
