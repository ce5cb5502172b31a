//! When passwords are changed by the calendar: five fields, as cron and Vault have them, in UTC.

use jiff::civil::{Date, DateTime, Time};
use jiff::tz::TimeZone;

use crate::clock::Timestamp;
use crate::error::{Error, Result};

/// The longest text of a schedule, in bytes.
const MAX_TEXT: usize = 256;
/// How far ahead is looked, in days: the 29th of February may be eight years away.
const AHEAD: u32 = 3_660;

const MONTHS: [&str; 12] = [
    "jan", "feb", "mar", "apr", "may", "jun", "jul", "aug", "sep", "oct", "nov", "dec",
];
const WEEKDAYS: [&str; 7] = ["sun", "mon", "tue", "wed", "thu", "fri", "sat"];

/// Minutes of the calendar: minute, hour, day of the month, month, day of the week.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Schedule {
    minutes: Field,
    hours: Field,
    days: Field,
    months: Field,
    weekdays: Field,
}

/// The numbers that a field has.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct Field {
    bits: u64,
    /// Whether it says nothing: `*`, or `?`.
    any: bool,
}

/// Which numbers a field may have, and what stands for them, from `first` on.
struct Range {
    first: u32,
    last: u32,
    names: &'static [&'static str],
}

impl Schedule {
    /// Parses a schedule, such as `30 2 * * SAT`.
    ///
    /// A day counts if both its fields say so; if neither is `*`, if one of them does.
    ///
    /// # Errors
    /// `InvalidArgument` for another text, and for days that no calendar has.
    pub(super) fn parse(text: &str) -> Result<Self> {
        let fields: Vec<&str> = text.split_ascii_whitespace().collect();
        let &[minutes, hours, days, months, weekdays] = fields.as_slice() else {
            return Err(refused("it has five fields"));
        };
        if text.len() > MAX_TEXT {
            return Err(refused("it is too long"));
        }
        let of = |first, last, names| Range { first, last, names };
        let schedule = Self {
            minutes: of(0, 59, &[]).field(minutes)?,
            hours: of(0, 23, &[]).field(hours)?,
            days: of(1, 31, &[]).field(days)?,
            months: of(1, 12, &MONTHS).field(months)?,
            weekdays: of(0, 6, &WEEKDAYS).field(weekdays)?,
        };
        match schedule.next(Timestamp::from_micros(0)) {
            Some(_) => Ok(schedule),
            None => Err(refused("it names days that there are not")),
        }
    }

    /// Returns the first minute of the schedule after `after`.
    pub(super) fn next(&self, after: Timestamp) -> Option<Timestamp> {
        let micros = i64::try_from(after.as_micros()).ok()?;
        let now = jiff::Timestamp::from_microsecond(micros).ok()?;
        let now = TimeZone::UTC.to_datetime(now);
        let mut date = now.date();
        for day in 0..AHEAD {
            if self.has_day(date) {
                let earliest = if day == 0 { minute_after(now) } else { Some(0) };
                if let Some(minute) = earliest.and_then(|minute| self.minute_from(minute)) {
                    return moment(date, minute);
                }
            }
            date = date.tomorrow().ok()?;
        }
        None
    }

    /// Returns the shortest time between two of the next minutes, in minutes.
    pub(super) fn shortest_pause(&self, from: Timestamp) -> Option<u64> {
        let mut last = self.next(from)?;
        let mut shortest = None;
        for _ in 0..500 {
            let Some(next) = self.next(last) else {
                break;
            };
            let pause = next.since(last).as_secs() / 60;
            shortest = Some(shortest.map_or(pause, |known: u64| known.min(pause)));
            last = next;
        }
        shortest
    }

    fn has_day(&self, date: Date) -> bool {
        let has = |field: Field, number: i8| u32::try_from(number).is_ok_and(|n| field.has(n));
        let day = has(self.days, date.day());
        let weekday = has(self.weekdays, date.weekday().to_sunday_zero_offset());
        let counts = match self.days.any || self.weekdays.any {
            true => day && weekday,
            false => day || weekday,
        };
        counts && has(self.months, date.month())
    }

    /// Returns the first minute of a day that the schedule has, from one on.
    fn minute_from(&self, from: u32) -> Option<u32> {
        let mut minutes = from..24 * 60;
        minutes.find(|minute| self.hours.has(minute / 60) && self.minutes.has(minute % 60))
    }
}

/// Returns the minute of the day that begins next; none on the last one.
fn minute_after(now: DateTime) -> Option<u32> {
    let number = |number: i8| u32::try_from(number).unwrap_or_default();
    let next = number(now.hour()) * 60 + number(now.minute()) + 1;
    (next < 24 * 60).then_some(next)
}

fn moment(date: Date, minute: u32) -> Option<Timestamp> {
    let number = |number: u32| i8::try_from(number).ok();
    let time = Time::new(number(minute / 60)?, number(minute % 60)?, 0, 0).ok()?;
    let moment = TimeZone::UTC.to_timestamp(date.to_datetime(time)).ok()?;
    let micros = u64::try_from(moment.as_microsecond()).ok()?;
    Some(Timestamp::from_micros(micros))
}

impl Field {
    fn has(self, number: u32) -> bool {
        self.bits.checked_shr(number).unwrap_or_default() & 1 == 1
    }
}

impl Range {
    /// Reads a field: `*`, numbers, ranges and steps, between commas.
    fn field(&self, text: &str) -> Result<Field> {
        let mut field = Field {
            bits: 0,
            any: false,
        };
        for part in text.split(',') {
            let (range, step) = match part.split_once('/') {
                Some((range, step)) => (range, Some(step)),
                None => (part, None),
            };
            let wrong = || refused("a step is a whole number above zero");
            let step = step.map(|step| number(step).filter(|step| *step > 0));
            let step = step.map(|step| step.ok_or_else(wrong)).transpose()?;
            let all = matches!(range, "*" | "?");
            let (first, last) = match range.split_once('-') {
                _ if all => (self.first, self.last),
                Some((first, last)) => (self.number(first)?, self.number(last)?),
                // `5/15` goes on to the end.
                None if step.is_some() => (self.number(range)?, self.last),
                None => (self.number(range)?, self.number(range)?),
            };
            if first > last {
                return Err(refused("a range goes upward"));
            }
            let step = step.unwrap_or(1);
            field.any |= all && step == 1;
            let mut numbers = (first..=last).step_by(usize::try_from(step).unwrap_or(usize::MAX));
            field.bits = numbers.try_fold(field.bits, |bits, number| {
                let bit = 1u64.checked_shl(number).ok_or_else(wrong)?;
                Ok::<u64, Error>(bits | bit)
            })?;
        }
        Ok(field)
    }

    fn number(&self, text: &str) -> Result<u32> {
        let lower = text.to_ascii_lowercase();
        let named = self.names.iter().position(|name| *name == lower);
        let named = named.and_then(|index| u32::try_from(index).ok());
        let found = match named {
            Some(index) => index.checked_add(self.first),
            None => number(text),
        };
        let inside = |found: &u32| (self.first..=self.last).contains(found);
        found.filter(inside).ok_or_else(|| {
            let (first, last) = (self.first, self.last);
            refused(&format!("expected a number from {first} to {last}"))
        })
    }
}

fn number(text: &str) -> Option<u32> {
    let digits = text.bytes().all(|byte| byte.is_ascii_digit());
    text.parse().ok().filter(|_| digits)
}

fn refused(what: &str) -> Error {
    Error::invalid(format!(
        "a rotation_schedule is `minute hour day month weekday`: {what}"
    ))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(text: &str) -> Timestamp {
        let moment: jiff::Timestamp = text.parse().expect(text);
        Timestamp::from_micros(moment.as_microsecond() as u64)
    }

    /// Every minute, asked for by itself, as the field's own words say.
    fn slow(schedule: &Schedule, after: Timestamp) -> Timestamp {
        let mut minute = after.as_micros() / 60_000_000;
        loop {
            minute += 1;
            let moment = jiff::Timestamp::from_second(minute as i64 * 60).expect("a moment");
            let time = TimeZone::UTC.to_datetime(moment);
            let is = |field: Field, number: i8| field.bits >> number & 1 == 1;
            let day = is(schedule.days, time.day());
            let weekday = is(schedule.weekdays, time.weekday().to_sunday_zero_offset());
            let one = schedule.days.any || schedule.weekdays.any;
            let counts = if one { day && weekday } else { day || weekday };
            if counts
                && is(schedule.months, time.month())
                && is(schedule.hours, time.hour())
                && is(schedule.minutes, time.minute())
            {
                return Timestamp::from_micros(minute * 60_000_000);
            }
        }
    }

    #[test]
    fn the_next_minute_is_that_of_the_calendar() {
        for (text, after, next) in [
            ("* * * * *", "2026-01-02T03:04:05Z", "2026-01-02T03:05:00Z"),
            ("* * * * *", "2026-01-02T03:04:00Z", "2026-01-02T03:05:00Z"),
            ("* * * * *", "2026-12-31T23:59:59Z", "2027-01-01T00:00:00Z"),
            ("0 2 * * *", "2026-03-29T01:59:59Z", "2026-03-29T02:00:00Z"),
            ("0 2 * * *", "2026-03-29T02:00:00Z", "2026-03-30T02:00:00Z"),
            (
                "30 2 * * SAT",
                "2026-11-27T00:00:00Z",
                "2026-11-28T02:30:00Z",
            ),
            ("0 0 31 * *", "2026-01-31T00:00:00Z", "2026-03-31T00:00:00Z"),
            ("0 0 30 * *", "2026-01-30T00:00:00Z", "2026-03-30T00:00:00Z"),
            ("0 0 29 2 *", "2024-02-29T00:00:00Z", "2028-02-29T00:00:00Z"),
            ("0 0 29 2 *", "2096-02-29T00:00:00Z", "2104-02-29T00:00:00Z"),
            ("0 0 29 2 ?", "2026-01-01T00:00:00Z", "2028-02-29T00:00:00Z"),
            // The 13th, and every Friday.
            ("0 0 13 * 5", "2026-11-09T00:00:00Z", "2026-11-13T00:00:00Z"),
            ("0 0 13 * 5", "2026-11-14T00:00:00Z", "2026-11-20T00:00:00Z"),
            ("0 0 13 * 5", "2026-12-11T00:00:00Z", "2026-12-13T00:00:00Z"),
            (
                "5/20 8-9 * * *",
                "2026-01-01T08:45:00Z",
                "2026-01-01T09:05:00Z",
            ),
            (
                "*/30 22-23,1 * * *",
                "2026-01-01T23:30:00Z",
                "2026-01-02T01:00:00Z",
            ),
            (
                "0 12 1 JAN,jul *",
                "2026-01-01T12:00:00Z",
                "2026-07-01T12:00:00Z",
            ),
            (
                "0 12 * * mon-FRI",
                "2026-11-27T12:00:00Z",
                "2026-11-30T12:00:00Z",
            ),
        ] {
            let schedule = Schedule::parse(text).expect(text);
            assert_eq!(schedule.next(at(after)), Some(at(next)), "{text} {after}");
        }
    }

    #[test]
    fn it_agrees_with_looking_at_every_minute() {
        let mut after = at("2023-12-30T23:58:31Z");
        for text in [
            "* * * * *",
            "*/7 */5 */3 * *",
            "59 23 31 12 *",
            "0 0 1 1 0",
            "13,14 4 28-31 2 *",
            "10-50/20 1,23 */10 */2 1-5/2",
            "0 6 * 2 1",
        ] {
            let schedule = Schedule::parse(text).expect(text);
            for _ in 0..12 {
                let next = schedule.next(after).expect(text);
                assert_eq!(next, slow(&schedule, after), "{text}");
                after = next;
            }
        }
    }

    #[test]
    fn what_is_no_schedule_is_refused() {
        for text in [
            "",
            "* * * *",
            "* * * * * *",
            "@daily",
            "60 * * * *",
            "* 24 * * *",
            "* * 0 * *",
            "* * 32 * *",
            "* * * 0 *",
            "* * * 13 *",
            "* * * * 7",
            "* * * * -1",
            "a * * * *",
            "+1 * * * *",
            "*/0 * * * *",
            "*/x * * * *",
            "5-1 * * * *",
            "1-2-3 * * * *",
            "1,,2 * * * *",
            ", * * * *",
            "*-5 * * * *",
            "* * * jan-xyz *",
            "mon * * * *",
            "0 0 30 2 *",
            "0 0 31 4,6,9,11 *",
            "TZ=UTC 0 0 * *",
            "99999999999 * * * *",
            "* * * * *\u{a0}",
        ] {
            let error = Schedule::parse(text).expect_err(text);
            let long = !text.is_empty() && text.len() > 3;
            assert!(!(long && error.to_string().contains(text)), "{text}");
        }
        Schedule::parse(&format!("{} * * * *", "1,".repeat(200))).expect_err("long");
    }

    proptest::proptest! {
        /// Whatever is written is a schedule, or refused; the next minute is ahead, and no later
        /// than that of a schedule that says less.
        #[test]
        fn any_text_is_a_schedule_or_refused(text in ANY, seconds in 0u64..10_000_000_000) {
            let after = Timestamp::from_micros(seconds * 1_000_000);
            if let Ok(schedule) = Schedule::parse(&text) {
                let next = schedule.next(after).expect("there is one");
                assert!(next > after && next.as_micros().is_multiple_of(60_000_000));
                let any = Schedule { days: EVERY, weekdays: EVERY, ..schedule };
                assert!(any.next(after).expect("there is one") <= next);
            }
        }
    }

    /// Texts that look like schedules, or like parts of them.
    const ANY: &str = concat!(
        "(([*]|[?]|[0-9]{1,2}|[A-Z]{3}|jan|sat|[0-9]-[0-9]{1,2}|[*]/[0-9]{1,2}|[,/-])",
        "{1,3} ?){5}"
    );

    /// A field that says nothing.
    const EVERY: Field = Field {
        bits: u64::MAX,
        any: true,
    };

    #[test]
    fn the_shortest_pause_is_found() {
        for (text, pause) in [
            ("*/15 * * * *", 15),
            ("0 2 * * *", 24 * 60),
            ("0 1,3,8 * * *", 2 * 60),
            ("0 0 1 * *", 28 * 24 * 60),
        ] {
            let schedule = Schedule::parse(text).expect(text);
            let found = schedule.shortest_pause(at("2026-01-01T00:00:00Z"));
            assert_eq!(found, Some(pause), "{text}");
        }
    }
}
