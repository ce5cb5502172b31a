//! Logins that failed, and who is locked out for them.
//!
//! Names of nobody are counted too, so that nothing tells them from users, but in a fixed number of
//! entries, so that whoever makes names up does not fill the storage.

use std::time::Duration;

use data_encoding::HEXLOWER;
use serde::{Deserialize, Serialize};

use crate::barrier::{Tree, Use};
use crate::clock::Timestamp;
use crate::error::Result;
use crate::operation::{Context, Mounted};
use crate::path::EntryPath;
use crate::record::Record;

/// The failures in a row that lock a user out.
pub(super) const THRESHOLD: u32 = 5;
/// How long a user is locked out, and for how long a failure counts.
pub(super) const WINDOW: Duration = Duration::from_secs(15 * 60);
/// The most names of nobody that one entry counts.
const NAMES: usize = 32;

/// The failures that one entry counts.
#[derive(Default, Serialize, Deserialize)]
struct Failures {
    tallies: Vec<Tally>,
}

impl Record for Failures {
    const FORMAT: u8 = 1;
    const NAME: &'static str = "count of failed logins";

    fn is_sound(&self) -> bool {
        self.tallies.len() <= NAMES
    }
}

impl Failures {
    /// Returns whether a name failed too often of late.
    fn locked(&self, name: &[u8; 16], now: Timestamp) -> bool {
        let mut own = self.tallies.iter().filter(|tally| tally.name == *name);
        own.any(|tally| tally.counts(now) && tally.count >= THRESHOLD)
    }

    /// Counts one more failure of a name; the names are in the order of their last ones.
    fn count(&mut self, name: [u8; 16], now: Timestamp) {
        let tallies = &mut self.tallies;
        tallies.retain(|tally| tally.counts(now));
        let own = tallies.iter().position(|tally| tally.name == name);
        let before = own.map_or(0, |index| tallies.remove(index).count);
        if tallies.len() >= NAMES {
            tallies.remove(0);
        }
        tallies.push(Tally {
            name,
            count: before.saturating_add(1),
            last: now,
        });
    }
}

/// The failures of one name.
#[derive(Clone, Copy, Serialize, Deserialize)]
struct Tally {
    name: [u8; 16],
    count: u32,
    last: Timestamp,
}

impl Tally {
    fn counts(&self, now: Timestamp) -> bool {
        now.since(self.last) < WINDOW
    }
}

/// What is known of the failed logins of one name.
pub(super) struct Attempts {
    path: EntryPath,
    name: [u8; 16],
    failures: Failures,
    stored: bool,
}

impl Attempts {
    /// Reads the failures of `name`; a user's stand alone, and nobody else's displace them.
    pub(super) fn load(
        cx: &mut Context<'_, '_>,
        mount: Mounted<'_>,
        name: &str,
        user: bool,
    ) -> Result<Self> {
        let fields: [&[u8]; 2] = [mount.id.as_bytes(), name.as_bytes()];
        let id = cx.txn.keyring().index().id(Use::Attempt, &fields);
        let path = path(mount, &id, user)?;
        let failures: Option<Failures> = cx.txn.load(&path)?;
        Ok(Self {
            path,
            name: id,
            stored: failures.is_some(),
            failures: failures.unwrap_or_default(),
        })
    }

    /// Returns whether no login is granted now, whatever is presented.
    pub(super) fn locked(&self, now: Timestamp) -> bool {
        self.failures.locked(&self.name, now)
    }

    /// Counts one more failure.
    pub(super) fn count(mut self, cx: &mut Context<'_, '_>) -> Result<()> {
        self.failures.count(self.name, cx.txn.now());
        cx.txn.store(self.path, &self.failures)
    }

    /// Forgets the failures of a user.
    pub(super) fn clear(self, cx: &mut Context<'_, '_>) {
        if self.stored {
            cx.txn.delete(self.path);
        }
    }
}

/// Returns where failures are counted: a user's alone, nobody's in one of 256 places.
fn path(mount: Mounted<'_>, id: &[u8; 16], user: bool) -> Result<EntryPath> {
    let tree = Tree {
        namespace: mount.namespace,
        area: "userpass-try",
        mount: mount.id,
    };
    if user {
        return tree.folder().then("user").entry(&HEXLOWER.encode(id));
    }
    let [place, ..] = id;
    tree.folder().then("nobody").entry(&format!("{place:02x}"))
}

#[cfg(test)]
mod tests {
    use super::*;

    const START: Timestamp = Timestamp::from_micros(1_700_000_000_000_000);

    fn name(number: u8) -> [u8; 16] {
        [number; 16]
    }

    #[test]
    fn one_entry_counts_a_bounded_number_of_names() {
        let mut failures = Failures::default();
        for number in 0..=u8::MAX {
            failures.count(name(number), START);
            assert!(failures.is_sound());
        }
        assert_eq!(failures.tallies.len(), NAMES);
        // Whoever goes on trying is not displaced.
        for number in 0..=u8::MAX {
            failures.count(name(number), START);
            failures.count(name(7), START);
        }
        assert!(failures.locked(&name(7), START));
        assert!(!failures.locked(&name(255), START));
    }

    #[test]
    fn what_is_long_ago_does_not_count() {
        let mut failures = Failures::default();
        let after = START.saturating_add(WINDOW);
        for _ in 0..THRESHOLD {
            failures.count(name(1), START);
        }
        assert!(failures.locked(&name(1), START));
        assert!(!failures.locked(&name(1), after));
        failures.count(name(2), after);
        assert_eq!(failures.tallies.len(), 1);
    }
}
