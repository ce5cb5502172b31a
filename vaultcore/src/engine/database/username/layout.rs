//! Time as Go writes it: by a layout that shows how 3:04:05 p.m. on Monday, 2 January 2006 is to look.

use jiff::Timestamp;
use jiff::civil::DateTime;
use jiff::tz::TimeZone;

use crate::error::{Error, Result};

const MONTHS: [&str; 12] = [
    "January",
    "February",
    "March",
    "April",
    "May",
    "June",
    "July",
    "August",
    "September",
    "October",
    "November",
    "December",
];
const DAYS: [&str; 7] = [
    "Monday",
    "Tuesday",
    "Wednesday",
    "Thursday",
    "Friday",
    "Saturday",
    "Sunday",
];

/// How a part of the time looks in a layout, and what writes it.
type Part = (&'static str, fn(&DateTime) -> String);

/// The parts; of two that begin alike the longer one is first.
const PARTS: &[Part] = &[
    ("2006", |time| format!("{:04}", time.year())),
    ("January", |time| month(time).to_owned()),
    ("Jan", |time| short(month(time))),
    ("Monday", |time| day(time).to_owned()),
    ("Mon", |time| short(day(time))),
    ("MST", |_| "UTC".to_owned()),
    ("002", |time| format!("{:03}", time.date().day_of_year())),
    ("01", |time| format!("{:02}", time.month())),
    ("02", |time| format!("{:02}", time.day())),
    ("03", |time| format!("{:02}", hour12(time))),
    ("04", |time| format!("{:02}", time.minute())),
    ("05", |time| format!("{:02}", time.second())),
    ("06", |time| format!("{:02}", time.year().rem_euclid(100))),
    ("15", |time| format!("{:02}", time.hour())),
    ("1", |time| time.month().to_string()),
    ("_2006", |time| format!("_{:04}", time.year())),
    ("_2", |time| format!("{:2}", time.day())),
    ("2", |time| time.day().to_string()),
    ("3", |time| hour12(time).to_string()),
    ("4", |time| time.minute().to_string()),
    ("5", |time| time.second().to_string()),
    ("PM", |time| half(time, ["AM", "PM"])),
    ("pm", |time| half(time, ["am", "pm"])),
    ("-07:00", |_| "+00:00".to_owned()),
    ("-0700", |_| "+0000".to_owned()),
    ("-07", |_| "+00".to_owned()),
    ("Z07:00", |_| "Z".to_owned()),
    ("Z0700", |_| "Z".to_owned()),
    ("Z07", |_| "Z".to_owned()),
];

/// Returns the time, of microseconds since 1970, as a layout has it. It is UTC.
///
/// # Errors
/// `InvalidArgument` for a time past the year 9999.
pub(super) fn format(layout: &str, micros: u64) -> Result<String> {
    let late = || Error::invalid("the time has no year of four digits");
    let micros = i64::try_from(micros).map_err(|_| late())?;
    let time = Timestamp::from_microsecond(micros).map_err(|_| late())?;
    let time = TimeZone::UTC.to_datetime(time);
    let mut text = String::new();
    let mut rest = layout;
    while let Some(first) = rest.chars().next() {
        let part = PARTS.iter().find(|(shown, _)| shows(rest, shown));
        if let Some((shown, value)) = part {
            text.push_str(&value(&time));
            rest = rest.strip_prefix(shown).unwrap_or_default();
        } else if let Some(length) = fraction(rest) {
            text.push_str(&parted(&time, rest, length));
            rest = rest.get(length.saturating_add(1)..).unwrap_or_default();
        } else {
            text.push(first);
            rest = rest.get(first.len_utf8()..).unwrap_or_default();
        }
    }
    Ok(text)
}

/// Returns whether a part stands here: `Jan` is one, the beginning of `Janet` is none.
fn shows(rest: &str, shown: &str) -> bool {
    let behind = rest.strip_prefix(shown);
    let name = matches!(shown, "Jan" | "Mon");
    behind.is_some_and(|behind| !(name && behind.starts_with(|c: char| c.is_ascii_lowercase())))
}

/// Returns how many digits of a second stand here: `.000`, or `.999` without the last zeros.
fn fraction(rest: &str) -> Option<usize> {
    let digits = rest.strip_prefix(['.', ','])?;
    let digit = digits.chars().next().filter(|c| matches!(c, '0' | '9'))?;
    let behind = digits.trim_start_matches(digit);
    let length = digits.len().saturating_sub(behind.len());
    let ends = !behind.starts_with(|c: char| c.is_ascii_digit());
    (ends && length <= 9).then_some(length)
}

fn parted(time: &DateTime, rest: &str, length: usize) -> String {
    let nanos = format!("{:09}", time.subsec_nanosecond());
    let digits = nanos.get(..length).unwrap_or_default();
    let (sign, nines) = (
        rest.get(..1).unwrap_or_default(),
        rest.get(1..2) == Some("9"),
    );
    let digits = if nines {
        digits.trim_end_matches('0')
    } else {
        digits
    };
    match digits {
        "" => String::new(),
        digits => format!("{sign}{digits}"),
    }
}

fn month(time: &DateTime) -> &'static str {
    let index = usize::try_from(time.month()).unwrap_or(1).saturating_sub(1);
    MONTHS.get(index).copied().unwrap_or_default()
}

fn day(time: &DateTime) -> &'static str {
    let index = usize::try_from(time.weekday().to_monday_zero_offset()).unwrap_or(0);
    DAYS.get(index).copied().unwrap_or_default()
}

fn short(name: &str) -> String {
    name.chars().take(3).collect()
}

fn hour12(time: &DateTime) -> i8 {
    match time.hour() % 12 {
        0 => 12,
        hour => hour,
    }
}

fn half(time: &DateTime, [morning, afternoon]: [&str; 2]) -> String {
    if time.hour() < 12 { morning } else { afternoon }.to_owned()
}
