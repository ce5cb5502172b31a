//! Files that only their owner can read.

use std::ffi::OsString;
use std::fs::{self, File, OpenOptions};
use std::io::{self, Write};
use std::path::{Path, PathBuf};

/// Makes a new file with `content`, mode 0600. One that exists is never overwritten.
pub(crate) fn create(path: &Path, content: &[u8]) -> io::Result<()> {
    let mut file = new(path)?;
    let written = file.write_all(content).and_then(|()| file.sync_all());
    written.inspect_err(|_| drop(fs::remove_file(path)))
}

/// Puts a file with `content`, mode 0600, in the place of whatever is at `path`, all at once: who
/// reads it meanwhile sees the old one or the new one, and a link is replaced, not followed.
pub(crate) fn replace(path: &Path, content: &[u8]) -> io::Result<()> {
    let draft = beside(path);
    create(&draft, content)?;
    fs::rename(&draft, path).inspect_err(|_| drop(fs::remove_file(&draft)))
}

/// As [`replace`], for a file that others may read: it stays so.
pub(crate) fn replace_keeping_mode(path: &Path, content: &[u8]) -> io::Result<()> {
    let path = fs::canonicalize(path)?; // a link stays a link
    let permissions = fs::metadata(&path)?.permissions();
    let draft = beside(&path);
    create(&draft, content)?;
    fs::set_permissions(&draft, permissions)
        .and_then(|()| fs::rename(&draft, &path))
        .inspect_err(|_| drop(fs::remove_file(&draft)))
}

fn new(path: &Path) -> io::Result<File> {
    let mut options = OpenOptions::new();
    options.write(true).create_new(true);
    #[cfg(unix)]
    std::os::unix::fs::OpenOptionsExt::mode(&mut options, 0o600);
    options.open(path)
}

/// Returns the path of a draft in the same folder, which no other process uses.
fn beside(path: &Path) -> PathBuf {
    let mut name = OsString::from(".");
    name.push(path.file_name().unwrap_or_default());
    name.push(format!(".{}", std::process::id()));
    path.with_file_name(name)
}
