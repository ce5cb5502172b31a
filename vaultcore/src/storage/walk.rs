//! One scan, as the stored paths go by in byte order.

use super::Scan;

/// Collects the results of a scan. Each backend walks its paths from [`start`](Walk::start) on
/// and hands them over; what a result is and when there are enough is decided here.
pub(super) struct Walk<'a> {
    scan: &'a Scan,
    found: Vec<String>,
}

/// What the backend does after it handed over a path.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Step {
    /// Go on with the next path.
    Next,
    /// The path lies in the folder that was found last; nothing below it is a result, so the
    /// backend may go on from [`Walk::behind_folder`].
    InFolder,
    /// The scan is complete.
    Done,
}

impl<'a> Walk<'a> {
    pub(super) fn new(scan: &'a Scan) -> Self {
        Self {
            scan,
            found: Vec::new(),
        }
    }

    /// Returns the least text from which on results may lie, itself included.
    pub(super) fn start(&self) -> String {
        match &self.scan.after {
            Some(after) if after.as_str() >= self.scan.prefix.as_str() => {
                match self.folder(after) {
                    Some(folder) => behind(folder),
                    None => format!("{after}\0"),
                }
            }
            _ => self.scan.prefix.clone(),
        }
    }

    /// Takes the next stored path.
    pub(super) fn take(&mut self, path: &str) -> Step {
        if self.is_full() || !path.starts_with(&self.scan.prefix) {
            return Step::Done;
        }
        let folder = self.folder(path);
        let result = folder.unwrap_or(path);
        if self.found.last().is_none_or(|last| last != result) {
            self.found.push(result.to_owned());
        }
        match folder {
            _ if self.is_full() => Step::Done,
            Some(_) => Step::InFolder,
            None => Step::Next,
        }
    }

    /// Returns the least text behind everything in the folder that was found last.
    pub(super) fn behind_folder(&self) -> String {
        self.found
            .last()
            .map_or_else(String::new, |last| behind(last))
    }

    pub(super) fn is_full(&self) -> bool {
        self.found.len() >= self.scan.limit
    }

    pub(super) fn finish(self) -> Vec<String> {
        self.found
    }

    /// Returns `path` up to and with the first delimiter behind the prefix.
    fn folder<'p>(&self, path: &'p str) -> Option<&'p str> {
        let delimiter = self.scan.delimiter.filter(u8::is_ascii)?;
        let rest = path.strip_prefix(&self.scan.prefix)?;
        let inner = rest.find(char::from(delimiter))?;
        path.get(..=self.scan.prefix.len().saturating_add(inner))
    }
}

/// Returns the least text greater than everything that begins with `folder`, whose last character
/// is ASCII.
fn behind(folder: &str) -> String {
    let mut text = folder.to_owned();
    if let Some(last) = text.pop().and_then(|last| u8::try_from(last).ok()) {
        text.push(char::from(last.saturating_add(1)));
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_walk_begins_behind_the_page_before() {
        let start = |scan: Scan| Walk::new(&scan).start();
        assert_eq!(start(Scan::new("a/")), "a/");
        assert_eq!(start(Scan::new("b/").after("a/x")), "b/");
        assert_eq!(start(Scan::new("a/").after("a/x")), "a/x\0");
        assert_eq!(start(Scan::new("a/").after("a/x/").folders()), "a/x0");
        assert_eq!(start(Scan::new("a/").after("a/x/y").folders()), "a/x0");
    }

    #[test]
    fn a_folder_is_found_once() {
        let scan = Scan::new("").folders();
        let mut walk = Walk::new(&scan);
        assert_eq!(walk.take("a/b"), Step::InFolder);
        assert_eq!(walk.take("a/c"), Step::InFolder);
        assert_eq!(walk.behind_folder(), "a0");
        assert_eq!(walk.take("b"), Step::Next);
        assert_eq!(walk.finish(), ["a/", "b"]);
    }
}
