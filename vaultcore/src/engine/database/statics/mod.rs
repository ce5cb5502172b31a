//! Static roles: users that are there already, whose passwords the vault changes on time.

mod credentials;
mod roles;

pub(crate) use credentials::ReadStaticCredentials;
pub use credentials::StaticCredentials;
pub(crate) use roles::{DeleteStaticRole, ReadStaticRole, WriteStaticRole};

use std::time::Duration;

use serde::{Deserialize, Serialize};
use zeroize::Zeroize;

use super::claim::Claim;
use super::cron::Schedule;
use super::role::MAX_STATEMENTS;
use super::{Name, STATICS, Site};
use crate::barrier::Txn;
use crate::clock::Timestamp;
use crate::error::{Error, Result};
use crate::record::Record;
use crate::token::micros;

/// The shortest period of rotation; as in Vault.
const MIN_PERIOD: Duration = Duration::from_secs(5);
/// The shortest window of a schedule; as in Vault.
const MIN_WINDOW: Duration = Duration::from_secs(3_600);
/// The longest name of a database's user, in bytes.
const MAX_USERNAME: usize = 256;

/// A static role, as stored. Times are microseconds.
#[derive(Clone, Serialize, Deserialize)]
pub(super) struct Stored {
    /// Names it in the index of what is due.
    pub(super) id: [u8; 16],
    pub(super) config: String,
    /// One user, or two who take turns.
    pub(super) usernames: Vec<String>,
    /// Of each user; empty before the first rotation.
    pub(super) passwords: Vec<String>,
    /// Which of them is handed out.
    pub(super) active: u8,
    /// What is about to be set, or was: a crash leaves it unknown until it is set again.
    pub(super) pending: Option<String>,
    pub(super) claim: Option<Claim>,
    /// Whose password may be another one than the stored one, which is set anew.
    pub(super) doubted: Option<u8>,
    pub(super) statements: Vec<String>,
    /// Zero if there is a schedule.
    pub(super) period: u64,
    pub(super) schedule: Option<String>,
    /// How long after its time by the schedule a change may still begin; zero for ever.
    pub(super) window: u64,
    /// The time of the next change by the schedule.
    pub(super) slot: Option<Timestamp>,
    /// How long a password that was handed out must work on after the turn.
    pub(super) grace: u64,
    pub(super) rotated: Option<Timestamp>,
    pub(super) due: Timestamp,
}

impl Record for Stored {
    const FORMAT: u8 = 1;
    const NAME: &'static str = "static database role";

    fn is_sound(&self) -> bool {
        matches!(self.usernames.len(), 1 | 2)
            && self.passwords.len() == self.usernames.len()
            && usize::from(self.active) < self.usernames.len()
            && (self.period != 0 || self.schedule.is_some())
            && self
                .doubted
                .is_none_or(|user| usize::from(user) < self.usernames.len())
    }
}

impl Drop for Stored {
    fn drop(&mut self) {
        self.passwords.zeroize();
        self.pending.zeroize();
    }
}

impl Stored {
    /// Returns whose password is changed next: of two the one that is not handed out.
    pub(super) fn next(&self) -> usize {
        match self.usernames.len() {
            2 => usize::from(self.active ^ 1),
            _ => 0,
        }
    }

    /// Returns whose password is set anew first: somebody's of whom it is in doubt, unless a new one is
    /// about to be set anyway.
    pub(super) fn repaired(&self) -> Option<usize> {
        let user = self.doubted.map(usize::from)?;
        let known = self
            .passwords
            .get(user)
            .is_some_and(|known| !known.is_empty());
        let anyway = self.pending.is_some() && user == self.next();
        (known && !anyway).then_some(user)
    }

    /// Says when the password is changed next.
    pub(super) fn plan(&mut self, now: Timestamp) -> Result<()> {
        let since = self.rotated.unwrap_or(now);
        self.due = since.saturating_add(Duration::from_micros(self.period));
        if let Some(schedule) = &self.schedule {
            let never = || Error::invalid("the rotation_schedule has come to its end");
            let next = Schedule::parse(schedule)?.next(now).ok_or_else(never)?;
            self.slot = Some(next);
            self.due = next;
        }
        Ok(())
    }

    /// Returns whether it is too late to begin the change that is due: the next one by the schedule is
    /// waited for. What has begun is finished, since nobody knows which password is in force.
    pub(super) fn is_missed(&self, now: Timestamp) -> bool {
        let window = Duration::from_micros(self.window);
        let ended = |slot: Timestamp| slot.saturating_add(window) < now;
        let begun = self.pending.is_some() || self.doubted.is_some();
        !begun && !window.is_zero() && self.slot.is_some_and(ended)
    }

    /// Returns when the next turn may be: until then the user before may still be in use.
    pub(super) fn earliest(&self) -> Option<Timestamp> {
        let grace = Duration::from_micros(self.grace);
        self.rotated.map(|rotated| rotated.saturating_add(grace))
    }
}

pub(super) fn load(txn: &mut Txn<'_>, site: Site, name: &Name) -> Result<Option<Stored>> {
    let path = site.entry(txn, STATICS, name)?;
    txn.load(&path)
}

pub(super) fn known(txn: &mut Txn<'_>, site: Site, name: &Name) -> Result<Stored> {
    let missing = || Error::not_found("there is no static role of this name");
    load(txn, site, name)?.ok_or_else(missing)
}

pub(super) fn store(txn: &mut Txn<'_>, site: Site, name: &Name, stored: &Stored) -> Result<()> {
    let path = site.entry(txn, STATICS, name)?;
    txn.store(path, stored)
}

/// A static role: a user that is there already, whose password the vault changes on time. Or two that
/// take turns, so that a program that still has the last password is not locked out.
///
/// ```
/// use std::time::Duration;
/// use vaultcore::database::StaticRole;
/// let day = Duration::from_secs(24 * 3_600);
/// let role = StaticRole::new("app", "reporting").rotation_period(day);
/// let turns = StaticRole::dual("app", "web_a", "web_b", day / 24).rotation_period(day);
/// # let _ = (role, turns);
/// ```
#[must_use]
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct StaticRole {
    pub(super) config: Option<String>,
    pub(super) usernames: Option<Vec<String>>,
    pub(super) statements: Option<Vec<String>>,
    pub(super) period: Option<Duration>,
    pub(super) schedule: Option<String>,
    pub(super) window: Option<Duration>,
    pub(super) grace: Option<Duration>,
}

impl StaticRole {
    /// A role for the user `username` of the connection `config`.
    pub fn new(config: impl Into<String>, username: impl Into<String>) -> Self {
        Self {
            config: Some(config.into()),
            usernames: Some(vec![username.into()]),
            ..Self::default()
        }
    }

    /// A role for two users with the same rights. Each turn changes the password of the one that is not
    /// handed out, and hands it out from then on; the other one works on, for `grace` at least.
    pub fn dual(
        config: impl Into<String>,
        first: impl Into<String>,
        second: impl Into<String>,
        grace: Duration,
    ) -> Self {
        Self {
            config: Some(config.into()),
            usernames: Some(vec![first.into(), second.into()]),
            grace: Some(grace),
            ..Self::default()
        }
    }

    /// Sets how often the password is changed, 5 seconds at least.
    pub fn rotation_period(mut self, period: Duration) -> Self {
        self.period = Some(period);
        self
    }

    /// Sets when the password is changed: by the calendar, in UTC. The five fields are those of cron:
    /// minute, hour, day of the month, month, day of the week. It is instead of a period.
    ///
    /// ```
    /// use vaultcore::database::StaticRole;
    /// let role = StaticRole::new("app", "reporting").rotation_schedule("30 2 * * SAT");
    /// # let _ = role;
    /// ```
    pub fn rotation_schedule(mut self, schedule: impl Into<String>) -> Self {
        self.schedule = Some(schedule.into());
        self
    }

    /// Sets how long after a time of the schedule a change may still begin, an hour at least; zero is
    /// for ever. What was missed waits for the next time of the schedule.
    pub fn rotation_window(mut self, window: Duration) -> Self {
        self.window = Some(window);
        self
    }

    /// Sets the statements that change a password, instead of the driver's own.
    pub fn rotation_statements<S: Into<String>>(
        mut self,
        statements: impl IntoIterator<Item = S>,
    ) -> Self {
        self.statements = Some(statements.into_iter().map(Into::into).collect());
        self
    }

    fn of(stored: &Stored) -> Self {
        Self {
            config: Some(stored.config.clone()),
            usernames: Some(stored.usernames.clone()),
            statements: Some(stored.statements.clone()),
            period: Some(Duration::from_micros(stored.period)).filter(|time| !time.is_zero()),
            schedule: stored.schedule.clone(),
            window: stored
                .schedule
                .as_ref()
                .map(|_| Duration::from_micros(stored.window)),
            grace: Some(Duration::from_micros(stored.grace)),
        }
    }

    /// Returns the role as it is to be stored.
    fn apply(&self, txn: &Txn<'_>, name: &Name, before: Option<Stored>) -> Result<Stored> {
        let now = txn.now();
        let mut stored = match before {
            Some(stored) => stored,
            None => Stored {
                id: txn.unique(&[b"static role", name.as_str().as_bytes()])?,
                config: String::new(),
                usernames: Vec::new(),
                passwords: Vec::new(),
                active: 0,
                pending: None,
                claim: None,
                doubted: None,
                statements: Vec::new(),
                period: 0,
                schedule: None,
                window: 0,
                slot: None,
                grace: 0,
                rotated: None,
                due: now,
            },
        };
        if let Some(usernames) = &self.usernames {
            if !stored.usernames.is_empty() && stored.usernames != *usernames {
                return Err(Error::invalid(
                    "the users of a static role cannot be changed",
                ));
            }
            stored.usernames.clone_from(usernames);
            stored.passwords.resize(usernames.len(), String::new());
        }
        if let Some(config) = &self.config {
            stored.config.clone_from(config);
        }
        if let Some(statements) = &self.statements {
            stored.statements.clone_from(statements);
        }
        stored.grace = self.grace.map_or(stored.grace, micros);
        self.apply_times(&mut stored, now)?;
        stored.check(now)?;
        Ok(stored)
    }

    /// A period takes the place of a schedule, and the other way round.
    fn apply_times(&self, stored: &mut Stored, now: Timestamp) -> Result<()> {
        if self.period.is_some() && (self.schedule.is_some() || self.window.is_some()) {
            return Err(Error::invalid(
                "rotation_period goes with neither rotation_schedule nor rotation_window",
            ));
        }
        if let Some(period) = self.period {
            stored.period = micros(period);
            (stored.schedule, stored.window, stored.slot) = (None, 0, None);
        }
        if let Some(schedule) = &self.schedule {
            stored.schedule = Some(schedule.clone());
            stored.period = 0;
        }
        stored.window = self.window.map_or(stored.window, micros);
        let planned = self.period.is_some() || self.schedule.is_some();
        // What was never changed, or is being changed, is tried again soon as it is.
        let settled = stored.pending.is_none() && stored.doubted.is_none();
        let settled = settled && stored.claim.is_none() && stored.rotated.is_some();
        match planned && settled {
            true => stored.plan(now),
            false => Ok(()),
        }
    }
}

impl Stored {
    fn check(&self, now: Timestamp) -> Result<()> {
        let refused = |text: &'static str| Err(Error::invalid(text));
        if self.config.is_empty() {
            return refused("db_name must be given");
        }
        let named = |name: &String| !name.is_empty() && name.len() <= MAX_USERNAME;
        if !matches!(self.usernames.len(), 1 | 2) || !self.usernames.iter().all(named) {
            return refused("a static role has one username, or two that take turns");
        }
        if self.statements.iter().map(String::len).sum::<usize>() > MAX_STATEMENTS {
            return refused("the statements of a static role have at most 64 KiB");
        }
        if self.usernames.first() == self.usernames.get(1) {
            return refused("the users that take turns are two");
        }
        if self.schedule.is_none() && self.period < micros(MIN_PERIOD) {
            return refused(
                "rotation_period, of 5 seconds or more, or rotation_schedule must be given",
            );
        }
        if self.window != 0 && (self.schedule.is_none() || self.window < micros(MIN_WINDOW)) {
            return refused("rotation_window goes with rotation_schedule, and is an hour or more");
        }
        let schedule = self.schedule.as_deref().map(Schedule::parse).transpose()?;
        if self.grace != 0 && self.grace >= self.shortest_pause(schedule, now) {
            return refused("the grace is shorter than the time between two rotations");
        }
        Ok(())
    }

    /// Returns the shortest time between two changes, in microseconds.
    fn shortest_pause(&self, schedule: Option<Schedule>, now: Timestamp) -> u64 {
        let Some(schedule) = schedule else {
            return self.period;
        };
        let minute = |minutes: u64| Duration::from_secs(minutes.saturating_mul(60));
        let pause = schedule.shortest_pause(now);
        pause.map(minute).map_or(u64::MAX, micros)
    }
}
