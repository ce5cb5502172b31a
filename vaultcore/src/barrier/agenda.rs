//! What falls due, in the order of time.

use super::Txn;
use crate::clock::Timestamp;
use crate::error::Result;
use crate::path::{EntryPath, Folder};
use crate::storage::Scan;

/// Entries of one kind that fall due: `sys/<name>/<second>/<id>`. Those of one second lie in one
/// folder, and the folders are in the order of time.
#[derive(Clone, Copy)]
pub(crate) struct Agenda(pub(crate) &'static str);

impl Agenda {
    fn folder(self) -> Folder {
        Folder::fixed("sys").then(self.0)
    }

    /// Returns where stands that `id` falls due at `time`.
    pub(crate) fn entry(self, time: Timestamp, id: &str) -> Result<EntryPath> {
        self.folder().then(&second(time)).entry(id)
    }

    /// Returns the place in the order of time that is before all that falls due at `time` or later.
    pub(crate) fn before(self, time: Timestamp) -> Result<EntryPath> {
        self.folder().entry(&second(time))
    }

    /// Returns the entries that are due by `now`, the earliest behind `after` first, at most `limit`.
    ///
    /// One whose place is no time is among them: whoever takes it up finds what is wrong with it.
    pub(crate) fn due(
        self,
        txn: &mut Txn<'_>,
        now: Timestamp,
        after: Option<&EntryPath>,
        limit: usize,
    ) -> Result<Vec<EntryPath>> {
        let folder = self.folder();
        let mut scan = Scan::new(folder.as_str()).limit(limit);
        if let Some(after) = after {
            scan = scan.after(after.as_str());
        }
        let now = second(now);
        let mut due = Vec::new();
        for path in txn.scan(&scan)? {
            let rest = path.strip_prefix(folder.as_str());
            match rest.and_then(|rest| rest.split_once('/')) {
                Some((second, _)) if second > now.as_str() => break,
                _ => due.push(EntryPath::new(&path)?),
            }
        }
        Ok(due)
    }
}

fn second(time: Timestamp) -> String {
    format!("{:016x}", time.as_micros() / 1_000_000)
}
