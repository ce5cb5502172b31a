//! How far long work has come, shown while it runs if somebody is watching.

use std::io::{self, BufRead, IsTerminal, Read, Write};

/// How much has to be done between two looks at the terminal.
const STEP: u64 = 256;
/// The width of a bar.
const WIDTH: u64 = 30;

/// A line on standard error that tells how far work has come; nothing unless that is a terminal.
pub(crate) struct Progress {
    what: &'static str,
    total: Option<u64>,
    shown: Option<u64>,
    watched: bool,
}

impl Progress {
    /// Begins to tell of work; `total` is how much there is, if that is known.
    pub(crate) fn new(what: &'static str, total: Option<u64>) -> Self {
        Self {
            what,
            total,
            shown: None,
            watched: io::stderr().is_terminal(),
        }
    }

    /// Tells that so much is done.
    pub(crate) fn tell(&mut self, done: u64) {
        let step = self.total.map_or(STEP, |total| (total / 200).max(1));
        if !self.watched || self.shown.is_some_and(|shown| done < shown + step) {
            return;
        }
        self.shown = Some(done);
        let _ = write!(io::stderr(), "\r{}", line(self.what, done, self.total));
    }
}

impl Drop for Progress {
    fn drop(&mut self) {
        if self.shown.is_some() {
            let _ = write!(io::stderr(), "\r\u{1b}[K"); // the line is cleared
        }
    }
}

fn line(what: &str, done: u64, total: Option<u64>) -> String {
    let Some(total) = total.filter(|total| *total > 0) else {
        return format!("{what}: {done}");
    };
    let done = done.min(total);
    let share = |of: u64| u64::try_from(u128::from(done) * u128::from(of) / u128::from(total));
    let full = usize::try_from(share(WIDTH).unwrap_or_default()).unwrap_or_default();
    let bar = format!("{:<width$}", "#".repeat(full), width = WIDTH as usize);
    format!("{what}: [{bar}] {:>3}%", share(100).unwrap_or_default())
}

/// A reader that tells how far it has come.
pub(crate) struct Told<R> {
    inner: R,
    done: u64,
    progress: Progress,
}

impl<R> Told<R> {
    pub(crate) fn new(inner: R, progress: Progress) -> Self {
        Self {
            inner,
            done: 0,
            progress,
        }
    }
}

impl<R: BufRead> Read for Told<R> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        let count = self.inner.read(buffer)?;
        self.done += count as u64;
        self.progress.tell(self.done);
        Ok(count)
    }
}

impl<R: BufRead> BufRead for Told<R> {
    fn fill_buf(&mut self) -> io::Result<&[u8]> {
        self.inner.fill_buf()
    }

    fn consume(&mut self, count: usize) {
        self.inner.consume(count);
        self.done += count as u64;
        self.progress.tell(self.done);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_bar_fills_up_and_never_over() {
        assert_eq!(
            line("x", 0, Some(10)),
            format!("x: [{}]   0%", " ".repeat(30))
        );
        assert!(line("x", 5, Some(10)).ends_with(" 50%"));
        assert_eq!(
            line("x", 12, Some(10)),
            format!("x: [{}] 100%", "#".repeat(30))
        );
        assert_eq!(line("x", 7, None), "x: 7");
        assert_eq!(line("x", 7, Some(0)), "x: 7");
    }
}
