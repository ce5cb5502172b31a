//! Goal 11: names, which are hidden in storage, against a bare range of them.

use vaultcore::kv::Cursor;

use super::Setting;
use crate::Result;
use crate::harness::{Extent, Race, Side, race};
use crate::raw::Raw;
use crate::report::{Goal, Row};
use crate::world::{Cached, Open, Secrets, Sharing, Stored};

const PAGE: usize = 1_000;
/// The most that a page may take, in nanoseconds.
const PAGE_NANOS: f64 = 2e6;
const FOLDER: &str = "thousand";
const LENGTH: usize = 40;

/// A vault with a folder of 1,000 names, and one of all the others.
struct Tree {
    open: Open,
    raw: Raw,
    folder: String,
    _stored: Stored,
}

impl Tree {
    fn new(count: usize) -> Result<Self> {
        let stored = Stored::filled(&Secrets::new(count - PAGE, LENGTH))?;
        let filling = stored.open(Sharing::Exclusive, Cached::Nothing)?;
        Secrets::new(PAGE, LENGTH)
            .folder(FOLDER)
            .write(&filling.kv, 0)?;
        drop(filling);
        let raw = Raw::open(&stored.copy("raw.db")?)?;
        let folder = raw.folder_of(PAGE).ok_or("no folder of 1,000 rows")?;
        Ok(Self {
            open: stored.open(Sharing::Exclusive, Cached::Everything)?,
            raw,
            folder,
            _stored: stored,
        })
    }

    fn list(&self) {
        let names = self.open.kv.list(FOLDER).expect("listed");
        assert_eq!(std::hint::black_box(names).len(), PAGE);
    }

    fn raw_range(&self) {
        let paths = self.raw.range(&self.folder);
        assert_eq!(std::hint::black_box(paths).len(), PAGE);
    }

    /// Returns the cursor behind so many pages of the large folder.
    fn cursor(&self, pages: usize) -> Result<Option<Cursor>> {
        let mut cursor = None;
        for _ in 0..pages {
            cursor = self.open.kv.names("app", cursor.as_ref(), PAGE)?.next;
        }
        Ok(cursor)
    }

    fn page(&self, cursor: Option<&Cursor>) {
        let page = self.open.kv.names("app", cursor, PAGE).expect("a page");
        assert!(!std::hint::black_box(page.names).is_empty());
    }
}

pub(super) fn run(setting: &Setting) -> Result<Vec<Row>> {
    let total = match setting.extent {
        Extent::Quick => 50_000,
        Extent::Usual => 100_000,
        Extent::Full => 1_000_000,
    };
    let (small, large) = (Tree::new(10_000)?, Tree::new(total)?);
    let mut rows = lists(setting, &small, &large, total);
    let pages = (total - PAGE) / PAGE;
    for (name, before) in [("first", 0), ("middle", pages / 2), ("last", pages - 1)] {
        let cursor = large.cursor(before)?;
        let mut sides = [
            Side::new(|| large.page(cursor.as_ref())),
            Side::new(|| large.raw_range()),
        ];
        rows.push(page(name, before, &race(setting.extent, &mut sides), total));
    }
    Ok(rows)
}

fn lists(setting: &Setting, small: &Tree, large: &Tree, total: usize) -> Vec<Row> {
    let mut sides = [
        Side::new(|| small.list()),
        Side::new(|| large.list()),
        Side::new(|| large.raw_range()),
    ];
    let found = race(setting.extent, &mut sides);
    let what = format!("a list of 1,000 names among {total}");
    let first = Row::new(11, "list", &what)
        .speed(&found, 1, (2, "raw range"))
        .goal(Goal::AtLeast(0.4));
    let growth = format!("the same among {total} and among 10,000");
    let second = Row::new(11, "list-growth", &growth)
        .times((found.nanos(1), found.nanos(0)), "among 10,000")
        .measured(found.ratio(|round| round[1] / round[0]))
        .goal(Goal::AtMost(1.5));
    vec![first, second]
}

fn page(name: &str, before: usize, found: &Race, total: usize) -> Row {
    let what = format!("{name} page of 1,000 names, behind {before} pages, folder of {total}");
    Row::new(11, &format!("page-{name}"), &what)
        .times((found.nanos(0), PAGE_NANOS), "the allowed 2 ms")
        .measured(found.ratio(|round| round[0] / PAGE_NANOS))
        .goal(Goal::AtMost(1.0))
        .note(format!(
            "{:.2} of the speed of a raw range",
            found.nanos(1) / found.nanos(0)
        ))
}
