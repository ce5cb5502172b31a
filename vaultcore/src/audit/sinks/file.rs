//! A file: 0600, appended to, and opened anew when its path leads elsewhere.

use std::fs::{self, File as Descriptor, Metadata, OpenOptions, Permissions};
use std::io::{self, ErrorKind as Io, Read, Seek, SeekFrom, Write};
use std::os::unix::fs::{MetadataExt, OpenOptionsExt, PermissionsExt};
use std::path::{Path, PathBuf};
use std::sync::{Mutex, PoisonError};
use std::time::{Duration, Instant};

use super::{failed, mounts};
use crate::audit::AuditDevice;
use crate::error::{Error, ErrorKind, Result};

/// How long a file that was moved is written to before the one at its path is.
const CHECK_EVERY: Duration = Duration::from_secs(1);

/// The file at a path.
pub(super) struct File {
    path: PathBuf,
    /// `None` leaves an existing file's mode as it is.
    mode: Option<u32>,
    check_every: Duration,
    may_block: bool,
    open: Mutex<Option<Open>>,
}

struct Open {
    file: Descriptor,
    /// A regular file, which may be moved, removed or cut.
    regular: bool,
    device: u64,
    inode: u64,
    /// The file ends in a piece of a line.
    torn: bool,
    checked: Instant,
}

impl File {
    pub(super) fn new(path: PathBuf, mode: Option<u32>) -> Self {
        let may_block = may_block(&path);
        Self {
            path,
            mode,
            check_every: CHECK_EVERY,
            may_block,
            open: Mutex::new(None),
        }
    }

    fn open(&self) -> Result<Open> {
        let unopened = |source| failed("the audit file can not be opened", source);
        let mut options = OpenOptions::new();
        options.append(true).create(true);
        options.mode(self.mode.unwrap_or(0o600));
        // To open a pipe for writing waits for a reader; to open it for both does not, so that who
        // must not wait learns below what it is.
        let special = fs::metadata(&self.path).is_ok_and(|found| !found.is_file());
        options.read(!self.may_block || !special);
        let mut file = options.open(&self.path).map_err(unopened)?;
        let found = file.metadata().map_err(unopened)?;
        let regular = found.is_file();
        if !regular && !self.may_block {
            return Err(Error::new(
                ErrorKind::Unavailable,
                "the audit file's path led to a regular file, and now leads to something else",
            ));
        }
        if regular {
            self.set_mode(&file, &found)?;
        }
        Ok(Open {
            regular,
            device: found.dev(),
            inode: found.ino(),
            torn: regular && ends_torn(&mut file, found.len()).map_err(unopened)?,
            file,
            checked: now(),
        })
    }

    /// Gives the file its mode, whatever the umask made of it and whoever created it.
    fn set_mode(&self, file: &Descriptor, found: &Metadata) -> Result<()> {
        match self.mode {
            Some(mode) if found.mode() & 0o7777 != mode => file
                .set_permissions(Permissions::from_mode(mode))
                .map_err(|source| {
                    failed(
                        "the audit file has another mode and can not be given its own: set the \
                         option `mode` to 0000 to leave it as it is",
                        source,
                    )
                }),
            _ => Ok(()),
        }
    }
}

impl AuditDevice for File {
    fn write(&self, line: &[u8]) -> Result<()> {
        let mut slot = self.open.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(open) = &mut *slot
            && !open.is_current(&self.path, self.check_every)
        {
            *slot = None;
        }
        // A file that was removed took the line with it; the one that is made then keeps it, unless
        // somebody removes files faster than they are written.
        for _ in 0..3 {
            let mut open = match slot.take() {
                Some(open) => open,
                None => self.open()?,
            };
            let written = open.write(line);
            written.map_err(|source| failed("the audit file can not be written", source))?;
            if open.still_has_a_name() {
                *slot = Some(open);
                return Ok(());
            }
        }
        Err(Error::new(
            ErrorKind::Unavailable,
            "the audit file is removed as soon as it is written",
        ))
    }

    fn reopen(&self) -> Result<()> {
        let mut slot = self.open.lock().unwrap_or_else(PoisonError::into_inner);
        *slot = None;
        *slot = Some(self.open()?);
        Ok(())
    }

    fn may_block(&self) -> bool {
        self.may_block
    }
}

impl Open {
    /// Returns whether the path still leads to this file, asking at most once in `every`.
    fn is_current(&mut self, path: &Path, every: Duration) -> bool {
        let now = now();
        if now.saturating_duration_since(self.checked) < every {
            return true;
        }
        self.checked = now;
        let same = |found: Metadata| (found.dev(), found.ino()) == (self.device, self.inode);
        fs::metadata(path).is_ok_and(same)
    }

    /// Asked after the write, so that there was a moment at which the line stood in a file that
    /// can be found.
    fn still_has_a_name(&self) -> bool {
        !self.regular || self.file.metadata().is_ok_and(|found| found.nlink() > 0)
    }

    /// Writes by one call, which other processes that append to the file can not come between.
    /// What is written in part counts as not written.
    fn write(&mut self, line: &[u8]) -> io::Result<()> {
        if !self.torn {
            return one_call(&mut self.file, line);
        }
        let mut separated = zeroize::Zeroizing::new(Vec::with_capacity(line.len() + 1));
        separated.push(b'\n');
        separated.extend_from_slice(line);
        one_call(&mut self.file, &separated)?;
        self.torn = false;
        Ok(())
    }
}

fn one_call(file: &mut Descriptor, bytes: &[u8]) -> io::Result<()> {
    loop {
        match file.write(bytes) {
            Ok(written) if written == bytes.len() => return Ok(()),
            Ok(_) => return Err(io::Error::from(Io::WriteZero)),
            Err(error) if error.kind() == Io::Interrupted => {}
            Err(error) => return Err(error),
        }
    }
}

/// Returns whether the last line has no end: the disk was full, or the machine lost power.
fn ends_torn(file: &mut Descriptor, length: u64) -> io::Result<bool> {
    if length == 0 {
        return Ok(false);
    }
    let mut last = [0];
    file.seek(SeekFrom::End(-1))?;
    file.read_exact(&mut last)?;
    Ok(last != *b"\n")
}

/// Returns whether writing to `path` may take long: it is a pipe or a terminal, or the file system
/// is not one that is known to be local. What does not exist yet becomes a regular file.
fn may_block(path: &Path) -> bool {
    let found = match fs::metadata(path) {
        Ok(found) if !found.is_file() => return true,
        Ok(found) => Ok(found),
        Err(_) => fs::metadata(path.parent().unwrap_or(path)),
    };
    found.map_or(true, |found| !mounts::is_local(found.dev()))
}

#[allow(clippy::disallowed_methods)] // the age of a check, not a time that anybody is told
fn now() -> Instant {
    Instant::now()
}

#[cfg(test)]
mod tests;
