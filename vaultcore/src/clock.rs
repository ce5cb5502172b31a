//! Time as a parameter.

use std::fmt;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use serde::{Deserialize, Serialize};
pub use vaultcore_os::BootId;

use crate::error::{Error, Result};

/// The longest duration that a text may say: what Go's, and so Vault's, can hold.
const MAX_DURATION: Duration = Duration::from_nanos(i64::MAX as u64);

/// A moment: microseconds since 1970-01-01T00:00:00Z, leap seconds not counted.
///
/// Prints as RFC 3339 in UTC.
///
/// ```
/// use vaultcore::Timestamp;
/// let moment = Timestamp::from_micros(1_700_000_000_123_456);
/// assert_eq!(moment.to_string(), "2023-11-14T22:13:20.123456Z");
/// ```
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(transparent)]
pub struct Timestamp(u64);

impl Timestamp {
    /// Creates a timestamp from microseconds since the Unix epoch.
    #[must_use]
    pub const fn from_micros(micros: u64) -> Self {
        Self(micros)
    }

    /// Returns the microseconds since the Unix epoch.
    #[must_use]
    pub const fn as_micros(self) -> u64 {
        self.0
    }

    /// Returns the moment `duration` later, or the last one there is.
    #[must_use]
    pub fn saturating_add(self, duration: Duration) -> Self {
        let micros = u64::try_from(duration.as_micros()).unwrap_or(u64::MAX);
        Self(self.0.saturating_add(micros))
    }

    /// Returns the time from `earlier` to `self`, or zero if `earlier` is later.
    #[must_use]
    pub fn since(self, earlier: Self) -> Duration {
        Duration::from_micros(self.0.saturating_sub(earlier.0))
    }
}

impl fmt::Display for Timestamp {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let text = i64::try_from(self.0).ok().and_then(|micros| {
            jiff::Timestamp::from_microsecond(micros)
                .ok()
                .map(|moment| moment.to_string())
        });
        match text {
            Some(text) => f.write_str(&text),
            None => f.write_str("9999-12-31T23:59:59Z"), // past what RFC 3339 can say
        }
    }
}

impl fmt::Debug for Timestamp {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}

/// What a clock shows at one moment.
///
/// ```
/// use vaultcore::{Clock, SystemClock};
/// let reading = SystemClock.read();
/// assert!(reading.since_boot > std::time::Duration::ZERO);
/// ```
#[non_exhaustive]
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct ClockReading {
    /// The wall clock, which people and time servers may set back and forth.
    pub wall: Timestamp,
    /// The time since boot, suspends included.
    pub since_boot: Duration,
    /// Which boot that is.
    pub boot_id: BootId,
}

impl ClockReading {
    /// Creates a reading.
    #[must_use]
    pub const fn new(wall: Timestamp, since_boot: Duration, boot_id: BootId) -> Self {
        Self {
            wall,
            since_boot,
            boot_id,
        }
    }
}

/// Where the vault gets its time from.
///
/// ```
/// use vaultcore::{Clock, ClockReading, SystemClock, Vault, storage::Memory};
///
/// /// The clock of a machine whose boot id is not to be known.
/// struct Anonymous;
/// impl Clock for Anonymous {
///     fn read(&self) -> ClockReading {
///         let reading = SystemClock.read();
///         ClockReading::new(reading.wall, reading.since_boot, [0; 16])
///     }
/// }
/// let vault = Vault::builder(Memory::new()).clock(Anonymous).build()?;
/// # Ok::<(), vaultcore::Error>(())
/// ```
pub trait Clock: Send + Sync {
    /// Returns the present reading.
    fn read(&self) -> ClockReading;
}

impl<C: Clock + ?Sized> Clock for Arc<C> {
    fn read(&self) -> ClockReading {
        (**self).read()
    }
}

/// The clock of the machine.
///
/// ```
/// use vaultcore::{Clock, SystemClock, Timestamp};
/// assert!(SystemClock.read().wall > Timestamp::from_micros(1_700_000_000_000_000));
/// ```
#[derive(Clone, Copy, Debug, Default)]
pub struct SystemClock;

impl Clock for SystemClock {
    #[allow(clippy::disallowed_methods)] // the one place that asks the machine
    fn read(&self) -> ClockReading {
        let wall = SystemTime::now()
            .duration_since(UNIX_EPOCH)
            .unwrap_or_default();
        let (since_boot, boot_id) = vaultcore_os::boot_clock();
        let micros = u64::try_from(wall.as_micros()).unwrap_or(u64::MAX);
        ClockReading::new(Timestamp::from_micros(micros), since_boot, boot_id)
    }
}

/// A clock that moves only when told to, for tests.
///
/// ```
/// use std::time::Duration;
/// use vaultcore::{Clock, ManualClock, Timestamp};
/// let clock = ManualClock::new(Timestamp::from_micros(0));
/// clock.advance(Duration::from_secs(60));
/// assert_eq!(clock.read().wall, Timestamp::from_micros(60_000_000));
/// ```
#[derive(Debug)]
pub struct ManualClock(Mutex<ClockReading>);

impl ManualClock {
    /// Creates a clock that shows `wall`, ten minutes after boot.
    #[must_use]
    pub fn new(wall: Timestamp) -> Self {
        Self(Mutex::new(ClockReading::new(
            wall,
            Duration::from_secs(600),
            [1; 16],
        )))
    }

    /// Lets `duration` pass, for the wall clock and for the time since boot.
    pub fn advance(&self, duration: Duration) {
        self.change(|reading| {
            reading.wall = reading.wall.saturating_add(duration);
            reading.since_boot = reading.since_boot.saturating_add(duration);
        });
    }

    /// Sets the wall clock alone, as a person or a time server does.
    pub fn set_wall(&self, wall: Timestamp) {
        self.change(|reading| reading.wall = wall);
    }

    /// Boots the machine again: the time since boot starts over, under a new id.
    pub fn reboot(&self, boot_id: BootId) {
        self.change(|reading| {
            reading.since_boot = Duration::ZERO;
            reading.boot_id = boot_id;
        });
    }

    fn change(&self, change: impl FnOnce(&mut ClockReading)) {
        change(&mut self.0.lock().unwrap_or_else(PoisonError::into_inner));
    }
}

impl Clock for ManualClock {
    fn read(&self) -> ClockReading {
        *self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// Parses a duration as Vault does: seconds (`90`), days (`30d`), or Go's form (`1h30m`, `1.5h`,
/// `250ms`). The empty text is zero. Negative ones, which Go has, are refused.
///
/// # Errors
/// `InvalidArgument` for any other text, and for more than about 292 years.
pub(crate) fn parse_duration(text: &str) -> Result<Duration> {
    let refused = || {
        Error::invalid("a duration is seconds, days such as `30d`, or such as `1h30m` or `250ms`")
    };
    let whole = |digits: &str, unit: u64| {
        let number = digits.parse::<u64>().ok()?;
        number.checked_mul(unit).map(Duration::from_secs)
    };
    let is_number = |text: &str| !text.is_empty() && text.bytes().all(|b| b.is_ascii_digit());
    let parsed = match text.strip_suffix('d') {
        _ if text.is_empty() => Some(Duration::ZERO),
        _ if is_number(text) => whole(text, 1),
        Some(days) if is_number(days) => whole(days, 86_400),
        _ => go_duration(text),
    };
    parsed
        .filter(|duration| *duration <= MAX_DURATION)
        .ok_or_else(refused)
}

/// Parses one or more numbers, each with its unit.
fn go_duration(text: &str) -> Option<Duration> {
    let mut rest = text.strip_prefix('+').unwrap_or(text);
    let mut total = Duration::ZERO;
    if rest.is_empty() {
        return None;
    }
    while !rest.is_empty() {
        let number_ends = rest.find(|c: char| c != '.' && !c.is_ascii_digit())?;
        let (number, tail) = rest.split_at(number_ends);
        let unit_ends = tail
            .find(|c: char| c == '.' || c.is_ascii_digit())
            .unwrap_or(tail.len());
        let (unit, after) = tail.split_at(unit_ends);
        total = total.checked_add(scaled(number, unit_nanos(unit)?)?)?;
        rest = after;
    }
    Some(total)
}

fn unit_nanos(unit: &str) -> Option<u64> {
    Some(match unit {
        "ns" => 1,
        "us" | "\u{b5}s" | "\u{3bc}s" => 1_000,
        "ms" => 1_000_000,
        "s" => 1_000_000_000,
        "m" => 60_000_000_000,
        "h" => 3_600_000_000_000,
        _ => return None,
    })
}

/// Multiplies a decimal number with a unit, in integers; what is below a nanosecond is cut.
fn scaled(number: &str, unit: u64) -> Option<Duration> {
    let (whole, fraction) = number.split_once('.').unwrap_or((number, ""));
    if (whole.is_empty() && fraction.is_empty()) || fraction.contains('.') {
        return None;
    }
    let whole = match whole {
        "" => 0,
        digits => digits.parse::<u64>().ok()?,
    };
    let mut nanos = whole.checked_mul(unit)?;
    let mut place = unit;
    for digit in fraction.chars() {
        // Each digit is worth a tenth of the one before; units beyond a nanosecond are not.
        let tenths = u64::from(digit.to_digit(10)?).checked_mul(place)?;
        nanos = nanos.checked_add(tenths / 10)?;
        place /= 10;
    }
    Some(Duration::from_nanos(nanos))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_far_future_prints() {
        assert_eq!(
            Timestamp::from_micros(u64::MAX).to_string(),
            "9999-12-31T23:59:59Z"
        );
    }

    #[test]
    fn a_clock_set_back_leaves_the_boot_clock_alone() {
        let clock = ManualClock::new(Timestamp::from_micros(5_000_000));
        let before = clock.read();
        clock.set_wall(Timestamp::from_micros(1));
        let after = clock.read();
        assert_eq!(after.since_boot, before.since_boot);
        assert_eq!(after.wall.since(before.wall), Duration::ZERO);
    }

    #[test]
    fn durations_are_vaults() {
        let micros = |text: &str| parse_duration(text).expect(text).as_micros();
        for (text, expected) in [
            ("", 0),
            ("0", 0),
            ("90", 90_000_000),
            ("30d", 2_592_000_000_000),
            ("1h30m", 5_400_000_000),
            ("1.5h", 5_400_000_000),
            (".5s", 500_000),
            ("1.s", 1_000_000),
            ("250ms", 250_000),
            ("+2m", 120_000_000),
            ("1us", 1),
            ("1\u{b5}s", 1),
            ("0.25h", 900_000_000),
            ("9223372036s", 9_223_372_036_000_000),
        ] {
            assert_eq!(micros(text), expected, "{text}");
        }
        for bad in [
            "-1h",
            "-5",
            "x",
            "h",
            "1x",
            "1.2.3s",
            ".s",
            "1h30",
            "1d2h",
            "d",
            "1 h",
            "+",
            "++1h",
            "9223372037",
            "99999999999999999999",
            "99999999999999999999h",
            "1.5",
            "1H",
        ] {
            assert!(parse_duration(bad).is_err(), "{bad}");
        }
    }
}
