//! What the client of MySQL reads from files only.

use std::io::Write;

use crate::error::{Error, ErrorKind, Result};

/// A key that the client reads as if from a file, once: it is on no disk.
#[cfg(unix)]
pub(super) struct Handed(std::io::PipeReader);

#[cfg(unix)]
impl Handed {
    pub(super) fn new(key: &[u8]) -> Result<Self> {
        let failed = |error: std::io::Error| {
            let text = "the key cannot be handed to the client";
            Error::new(ErrorKind::Unavailable, text).with_source(error)
        };
        let (reader, mut writer) = std::io::pipe().map_err(failed)?;
        writer.write_all(key).map_err(failed)?;
        Ok(Self(reader))
    }

    pub(super) fn path(&self) -> std::path::PathBuf {
        use std::os::fd::AsRawFd;
        format!("/dev/fd/{}", self.0.as_raw_fd()).into()
    }
}

#[cfg(not(unix))]
pub(super) struct Handed;

#[cfg(not(unix))]
impl Handed {
    pub(super) fn new(_: &[u8]) -> Result<Self> {
        Err(Error::new(
            ErrorKind::Unsupported,
            "the driver of MySQL shows certificates of its own on Unix only",
        ))
    }

    pub(super) fn path(&self) -> std::path::PathBuf {
        std::path::PathBuf::new()
    }
}

/// Certificates in a file, which is where the client reads them from. They are no secret.
pub(super) struct PemFile {
    pub(super) path: std::path::PathBuf,
}

impl PemFile {
    pub(super) fn write(pem: &str) -> Result<Self> {
        use std::sync::atomic::{AtomicU64, Ordering};
        static NUMBER: AtomicU64 = AtomicU64::new(0);
        let number = NUMBER.fetch_add(1, Ordering::Relaxed);
        let name = format!("vaultcore-pem-{}-{number}.pem", std::process::id());
        let path = std::env::temp_dir().join(name);
        let failed = |error: std::io::Error| {
            Error::new(
                ErrorKind::Unavailable,
                "the certificates cannot be put into a file",
            )
            .with_source(error)
        };
        // Never one that is there: somebody else may have put it there.
        let mut options = std::fs::OpenOptions::new();
        options.write(true).create_new(true);
        #[cfg(unix)]
        std::os::unix::fs::OpenOptionsExt::mode(&mut options, 0o600);
        let file = options.open(&path);
        let mut file = file.map_err(failed)?;
        let written = Self { path };
        file.write_all(pem.as_bytes()).map_err(failed)?;
        Ok(written)
    }
}

impl Drop for PemFile {
    fn drop(&mut self) {
        let _ = std::fs::remove_file(&self.path);
    }
}
