//! The time by which the vault decides: what the boot clock says passed since a mark.
//!
//! The wall clock is asked once a boot. What people and time servers do to it afterwards moves
//! nothing here, so that no lease lives longer or shorter for it. A mark is stored now and then, in
//! no other transaction's read set, so that all processes of a boot agree, and so that a machine
//! that comes up with its clock behind does not begin in the past.

use std::sync::Arc;
use std::time::Duration;

use arc_swap::ArcSwap;
use serde::{Deserialize, Serialize};

use super::{Txn, layout};
use crate::clock::{BootId, Clock, ClockReading, Timestamp};
use crate::error::{Error, ErrorKind, Result};
use crate::record::Record;

/// How often a mark is stored at most.
const MARK_EVERY: Duration = Duration::from_secs(10);
/// How far a wall clock may be ahead of the mark of another boot and be believed at once.
const BELIEVED: Duration = Duration::from_secs(24 * 3_600);
/// For how long wall clock and boot clock must agree until a larger jump is believed, too.
const AGREEING: Duration = Duration::from_secs(600);
/// By how much they may differ and still agree.
const TOLERANCE: Duration = Duration::from_secs(5);

/// The time of one vault in this process.
pub(crate) struct Time {
    clock: Arc<dyn Clock>,
    course: ArcSwap<Course>,
}

/// A moment, and what the clock showed then: later ones follow by the boot clock.
#[derive(Clone, Copy, Debug)]
struct Course {
    time: Timestamp,
    boot: Boot,
    /// How often the wall clock was confirmed, as far as this knows.
    confirmed: u64,
    doubt: Option<Doubt>,
    /// Whether the vault has been open since: before, nothing rests on it.
    begun: bool,
}

/// What a boot clock shows.
#[derive(Clone, Copy, Debug, Serialize, Deserialize)]
struct Boot {
    id: BootId,
    since: Duration,
}

impl Boot {
    fn of(reading: &ClockReading) -> Self {
        Self {
            id: reading.boot_id,
            since: reading.since_boot,
        }
    }

    /// Returns the time that passed since, if this was read in this process and in the same boot.
    fn passed_here(&self, reading: &ClockReading) -> Option<Duration> {
        let same = self.id == reading.boot_id;
        same.then(|| reading.since_boot.checked_sub(self.since))?
    }

    /// Returns the time that passed since, if the boot is known to be the same one.
    fn passed(&self, reading: &ClockReading) -> Option<Duration> {
        self.passed_here(reading).filter(|_| self.id != [0; 16])
    }
}

/// A wall clock that is further ahead than may be believed at once.
#[derive(Clone, Copy, Debug, Serialize, Deserialize)]
struct Doubt {
    wall: Timestamp,
    boot: Boot,
}

impl Doubt {
    fn new(reading: &ClockReading) -> Self {
        Self {
            wall: reading.wall,
            boot: Boot::of(reading),
        }
    }

    /// Returns whether the clocks agree, `passed` after they were read.
    fn agrees(&self, passed: Duration, reading: &ClockReading) -> bool {
        let due = self.wall.saturating_add(passed);
        let apart = due.since(reading.wall).max(reading.wall.since(due));
        apart <= TOLERANCE
    }
}

/// What is stored of the time.
#[derive(Clone, Copy, Debug, Serialize, Deserialize)]
struct Mark {
    time: Timestamp,
    boot: Boot,
    confirmed: u64,
    doubt: Option<Doubt>,
}

impl Record for Mark {
    const FORMAT: u8 = 1;
    const NAME: &'static str = "mark of the time";
}

impl Time {
    pub(crate) fn new(clock: Arc<dyn Clock>) -> Self {
        let course = Course::start(&clock.read());
        Self {
            clock,
            course: ArcSwap::from_pointee(course),
        }
    }

    /// Returns the present.
    pub(crate) fn now(&self) -> Timestamp {
        let course = self.course.load(); // before the clock is read, which is later so
        course.at(&self.clock.read())
    }

    /// Returns since when the clock is in doubt, by that clock, if it is.
    pub(crate) fn doubted(&self) -> Option<Timestamp> {
        let doubt = self.course.load().doubt;
        doubt.map(|doubt| doubt.wall)
    }

    /// Returns an error while the clock may be wrong: nothing is to be ended for being old.
    ///
    /// # Errors
    /// `ClockSuspect`.
    pub(crate) fn check(&self) -> Result<()> {
        match self.course.load().doubt {
            None => Ok(()),
            Some(_) => Err(Error::new(
                ErrorKind::ClockSuspect,
                "the clock is more than a day ahead of when the vault was last in use: nothing \
                 expires until it is confirmed, or has run evenly for ten minutes",
            )),
        }
    }
}

impl Course {
    /// The course of a vault that no mark says anything of.
    fn start(reading: &ClockReading) -> Self {
        Self {
            time: reading.wall,
            boot: Boot::of(reading),
            confirmed: 0,
            doubt: None,
            begun: false,
        }
    }

    fn at(&self, reading: &ClockReading) -> Timestamp {
        match self.boot.id == reading.boot_id {
            true => {
                let passed = reading.since_boot.saturating_sub(self.boot.since);
                self.time.saturating_add(passed)
            }
            false => self.time.max(reading.wall), // a process that outlived a boot
        }
    }

    /// Returns the course from `reading` on, given what is stored.
    fn next(&self, mark: Option<&Mark>, reading: &ClockReading) -> Self {
        let Some(mark) = mark else {
            return match self.begun {
                true => self.kept(reading),
                false => Self::start(reading),
            };
        };
        let known = self.begun && self.boot.id == reading.boot_id;
        if let Some(passed) = mark.boot.passed(reading) {
            return mark.course(mark.time.saturating_add(passed), None, reading);
        }
        if known && self.doubt.is_none() && self.confirmed == mark.confirmed {
            return self.kept(reading); // the mark is of another machine
        }
        if reading.wall.since(mark.time) <= BELIEVED {
            return mark.course(mark.time.max(reading.wall), None, reading);
        }
        let shared = mark
            .doubt
            .and_then(|doubt| Some((doubt, doubt.boot.passed(reading)?)));
        let own = self
            .doubt
            .and_then(|doubt| Some((doubt, doubt.boot.passed_here(reading)?)));
        let doubts = shared.into_iter().chain(own);
        match doubts
            .into_iter()
            .find(|(doubt, passed)| doubt.agrees(*passed, reading))
        {
            Some((doubt, passed)) => {
                let time = doubt.wall.saturating_add(passed);
                let doubt = (passed < AGREEING).then_some(doubt);
                mark.course(time, doubt, reading)
            }
            None => mark.course(reading.wall, Some(Doubt::new(reading)), reading),
        }
    }

    /// Returns the same course, as told from `reading` on.
    fn kept(&self, reading: &ClockReading) -> Self {
        Self {
            time: self.at(reading),
            boot: Boot::of(reading),
            ..*self
        }
    }

    /// Returns what is to be stored now, if anything is.
    fn mark(&self, stored: Option<&Mark>) -> Option<Mark> {
        let mark = Mark {
            time: self.time,
            boot: self.boot,
            confirmed: self.confirmed,
            doubt: None,
        };
        match (stored, self.doubt) {
            (None, _) => Some(mark),
            // The last time that was believed stays, so that a clock that is wrong ruins nothing.
            (Some(stored), Some(doubt)) => {
                let known = stored.doubt.is_some_and(|known| known.same(&doubt));
                (!known).then_some(Mark {
                    doubt: Some(doubt),
                    ..*stored
                })
            }
            (Some(stored), None) => {
                (self.time >= stored.time.saturating_add(MARK_EVERY)).then_some(mark)
            }
        }
    }
}

impl Doubt {
    fn same(&self, other: &Self) -> bool {
        self.wall == other.wall && self.boot.id == other.boot.id
    }
}

impl Mark {
    fn course(&self, time: Timestamp, doubt: Option<Doubt>, reading: &ClockReading) -> Course {
        Course {
            time,
            boot: Boot::of(reading),
            confirmed: self.confirmed,
            doubt,
            begun: true,
        }
    }
}

impl Txn<'_> {
    /// Takes up the time where it was left: at an unseal.
    pub(crate) fn begin_time(&mut self) -> Result<()> {
        self.follow(false)
    }

    /// Keeps to the time that other processes have, and stores a mark of it if one is due. In a
    /// transaction of its own.
    pub(crate) fn keep_time(&mut self) -> Result<()> {
        self.follow(true)
    }

    fn follow(&mut self, store: bool) -> Result<()> {
        let time = self.time();
        let stored: Option<Mark> = self.load(&layout::clock()?)?;
        let course = time.course.load_full();
        let next = course.next(stored.as_ref(), &time.clock.read());
        let next = Course {
            begun: true,
            ..next
        };
        if let Some(mark) = next.mark(stored.as_ref()).filter(|_| store) {
            Txn::store(self, layout::clock()?, &mark)?;
        }
        self.after_commit(move || time.course.store(Arc::new(next)));
        Ok(())
    }

    /// Makes the wall clock's time the vault's, forth or back, in every process.
    pub(crate) fn confirm_clock(&mut self) -> Result<Timestamp> {
        let time = self.time();
        let reading = time.clock.read();
        let stored: Option<Mark> = self.load(&layout::clock()?)?;
        let before = stored.map_or(0, |mark| mark.confirmed);
        let mark = Mark {
            time: reading.wall,
            boot: Boot::of(&reading),
            confirmed: before.saturating_add(1),
            doubt: None,
        };
        let course = mark.course(reading.wall, None, &reading);
        Txn::store(self, layout::clock()?, &mark)?;
        self.after_commit(move || time.course.store(Arc::new(course)));
        Ok(reading.wall)
    }

    /// Returns an error while the clock may be wrong.
    ///
    /// # Errors
    /// `ClockSuspect`.
    pub(crate) fn check_clock(&self) -> Result<()> {
        self.time().check()
    }
}
