//! The time of a line, RFC 3339 in UTC, always with six digits behind the second.
//!
//! Two of them stand in each record, and the general printer costs as much as a MAC.

use super::buffer::Buffer;
use crate::clock::Timestamp;

const DAY: u64 = 86_400;
/// 9999-12-31T23:59:59Z, the last second that RFC 3339 can say.
const LAST: u64 = 253_402_300_799;

/// Writes `time`, or the last moment that can be said if it is later.
pub(super) fn write(line: &mut Buffer, time: Timestamp) {
    let micros = time.as_micros();
    let (seconds, micros) = match micros / 1_000_000 {
        seconds if seconds <= LAST => (seconds, micros % 1_000_000),
        _ => (LAST, 999_999),
    };
    let (year, month, day) = date(seconds / DAY);
    let clock = seconds % DAY;
    let mut text = *b"0000-00-00T00:00:00.000000Z";
    let fields = [
        (0, 4, year),
        (5, 2, month),
        (8, 2, day),
        (11, 2, clock / 3_600),
        (14, 2, clock / 60 % 60),
        (17, 2, clock % 60),
        (20, 6, micros),
    ];
    for (at, width, number) in fields {
        let mut rest = number;
        for place in text.iter_mut().skip(at).take(width).rev() {
            *place = b'0' + u8::try_from(rest % 10).unwrap_or_default();
            rest /= 10;
        }
    }
    line.push(&text);
}

/// Returns year, month and day of the day that lies `days` after 1970-01-01.
///
/// Counted in eras of 400 years that begin on 1 March, so that the leap day is the last of a year.
fn date(days: u64) -> (u64, u64, u64) {
    let shifted = days + 719_468; // from 0000-03-01 to 1970-01-01
    let (era, in_era) = (shifted / 146_097, shifted % 146_097);
    let year = (in_era - in_era / 1_460 + in_era / 36_524 - in_era / 146_096) / 365;
    let in_year = in_era - (365 * year + year / 4 - year / 100);
    let from_march = (5 * in_year + 2) / 153;
    let day = in_year - (153 * from_march + 2) / 5 + 1;
    let month = if from_march < 10 {
        from_march + 3
    } else {
        from_march - 9
    };
    let january_or_february = u64::from(month <= 2);
    (year + era * 400 + january_or_february, month, day)
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn written(micros: u64) -> String {
        let mut line = Buffer::new(false);
        write(&mut line, Timestamp::from_micros(micros));
        String::from_utf8(line.as_bytes().to_vec()).expect("text")
    }

    #[test]
    fn known_moments() {
        for (micros, text) in [
            (0, "1970-01-01T00:00:00.000000Z"),
            (951_782_400_000_000, "2000-02-29T00:00:00.000000Z"),
            (1_700_000_000_123_456, "2023-11-14T22:13:20.123456Z"),
            (u64::MAX, "9999-12-31T23:59:59.999999Z"),
        ] {
            assert_eq!(written(micros), text);
        }
    }

    proptest! {
        #[test]
        fn every_moment_is_what_jiff_says(micros in 0..253_402_207_000_000_000_u64) {
            let moment: jiff::Timestamp = written(micros).parse().expect("RFC 3339");
            prop_assert_eq!(u64::try_from(moment.as_microsecond()).expect("after 1970"), micros);
        }
    }
}
