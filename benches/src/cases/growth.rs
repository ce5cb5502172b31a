//! Goal 10: what more secrets cost, against what they cost SQLite itself.

use vaultcore::kv::Cas;

use super::Setting;
use crate::Result;
use crate::harness::{Dice, Extent, Race, Side, race};
use crate::raw::Raw;
use crate::report::{Goal, Row, duration};
use crate::seal::Sealer;
use crate::world::{Cached, Open, Secrets, Sharing, Stored, Values};

const LENGTH: usize = 220;
const SMALL: usize = 1_000;

/// A vault and the same rows by hand, of one size.
struct Pair {
    open: Open,
    paths: Vec<String>,
    raw: Raw,
    _stored: Stored,
}

impl Pair {
    fn new(count: usize, sealer: &Sealer) -> Result<Self> {
        let secrets = Secrets::new(count, LENGTH);
        let stored = Stored::filled(&secrets)?;
        let mut raw = Raw::open(&stored.copy("raw.db")?)?;
        raw.reseal(sealer)?;
        Ok(Self {
            open: stored.open(Sharing::Exclusive, Cached::Nothing)?,
            paths: secrets.paths(),
            raw,
            _stored: stored,
        })
    }

    fn reads(&self) -> Side<'_> {
        let mut dice = Dice::new(12);
        Side::new(move || {
            let secret = self
                .open
                .kv
                .get_json(&self.paths[dice.below(self.paths.len())]);
            std::hint::black_box(secret.expect("read").data.len());
        })
    }

    fn raw_reads<'a>(&'a self, sealer: &'a Sealer) -> Side<'a> {
        let mut dice = Dice::new(13);
        Side::new(move || {
            let (meta, data) = self.raw.lines(dice.below(self.raw.count()));
            std::hint::black_box(self.raw.read(meta, sealer) + self.raw.read(data, sealer));
        })
    }

    /// Returns the sides that write: ours, and by hand.
    fn puts(&mut self) -> (Side<'_>, Side<'_>) {
        let (mut dice, mut values) = (Dice::new(14), Values::new(15, LENGTH));
        let (open, paths, raw) = (&self.open, &self.paths, &mut self.raw);
        let ours = Side::new(move || {
            let path = &paths[dice.below(paths.len())];
            let written = open
                .kv
                .put_json(path, values.next().get().as_bytes(), Cas::Any);
            std::hint::black_box(written.expect("written"));
        });
        (ours, Side::new(move || raw.put(0)))
    }
}

pub(super) fn run(setting: &Setting) -> Result<Vec<Row>> {
    let large = match setting.extent {
        Extent::Quick => 20_000,
        Extent::Usual => 100_000,
        Extent::Full => 1_000_000,
    };
    let sealer = Sealer::new();
    let mut small = Pair::new(SMALL, &sealer)?;
    let mut large = Pair::new(large, &sealer)?;
    let size = large.paths.len();
    let mut sides = [
        small.reads(),
        large.reads(),
        small.raw_reads(&sealer),
        large.raw_reads(&sealer),
    ];
    let reads = race(setting.extent, &mut sides);
    drop(sides);
    let ((small_puts, small_raw), (large_puts, large_raw)) = (small.puts(), large.puts());
    let mut sides = [small_puts, large_puts, small_raw, large_raw];
    let puts = race(setting.extent, &mut sides);
    Ok(vec![
        row("growth-get", "KV get, caches off", size, &reads),
        row("growth-put", "KV put, durable, 1 version yet", size, &puts),
    ])
}

/// Sides are: ours small, ours large, raw small, raw large.
fn row(name: &str, what: &str, size: usize, found: &Race) -> Row {
    let growth = |from: usize, to: usize| found.nanos(to) / found.nanos(from);
    let what = format!("{what}: {SMALL} to {size} secrets");
    Row::new(10, name, &what)
        .times((found.nanos(1), found.nanos(3)), "the same rows by hand")
        .measured(found.ratio(|round| (round[1] / round[0]) / (round[3] / round[2])))
        .goal(Goal::AtMost(1.15))
        .note(format!(
            "ours from {} x{:.2}, theirs from {} x{:.2}",
            duration(found.nanos(0)),
            growth(0, 1),
            duration(found.nanos(2)),
            growth(2, 3)
        ))
}
