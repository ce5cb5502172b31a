//! The cases: each a small file, each run in a process of its own.

mod calls;
mod get;
mod group;
mod growth;
mod lease;
mod list;
mod open;
mod policy;
mod put;
mod size;
mod transit;

use std::process::ExitCode;

pub(crate) use open::idle;

use crate::Result;
use crate::harness::Extent;
use crate::report::Row;

/// What a case is run with.
pub(crate) struct Setting {
    pub(crate) extent: Extent,
    /// How long the injected flush takes, in milliseconds.
    pub(crate) flush: u64,
}

/// A case, and the flushes that it is run with.
pub(crate) struct Case {
    pub(crate) name: &'static str,
    pub(crate) flushes: &'static [u64],
    run: fn(&Setting) -> Result<Vec<Row>>,
}

const fn case(
    name: &'static str,
    flushes: &'static [u64],
    run: fn(&Setting) -> Result<Vec<Row>>,
) -> Case {
    Case { name, flushes, run }
}

/// All cases, in the order of the goals.
pub(crate) const ALL: [Case; 13] = [
    case("kv-put", &[0, 1], put::run),
    case("group", &[0, 1], group::run),
    case("kv-get-hot", &[0], get::hot),
    case("kv-get-cold", &[0], get::cold),
    case("growth", &[0], growth::run),
    case("list", &[0], list::run),
    case("open", &[0], open::run),
    case("lease", &[0], lease::run),
    case("policy", &[0], policy::run),
    case("transit", &[0], transit::run),
    case("python", &[0], calls::python),
    case("c", &[0], calls::c),
    case("size", &[0], size::run),
];

/// Runs one case, `NAME EXTENT FLUSH`, and prints its rows, one JSON object a line.
pub(crate) fn run(words: &[String]) -> Result<ExitCode> {
    let [name, extent, flush] = words else {
        return Err("usage: case NAME EXTENT FLUSH".into());
    };
    let found = ALL.iter().find(|case| case.name == name.as_str());
    let case = found.ok_or_else(|| format!("there is no case `{name}`"))?;
    let extent = match extent.as_str() {
        "quick" => Extent::Quick,
        "full" => Extent::Full,
        _ => Extent::Usual,
    };
    let flush = flush.parse()?;
    for row in (case.run)(&Setting { extent, flush })? {
        println!("{}", row.to_json());
    }
    Ok(ExitCode::SUCCESS)
}

impl Setting {
    /// Returns `name` with the flush behind it.
    fn name(&self, name: &str) -> String {
        format!("{name}-{}ms", self.flush)
    }

    /// Returns `quick` in a quick run and `usual` otherwise.
    fn size(&self, quick: usize, usual: usize) -> usize {
        match self.extent {
            Extent::Quick => quick,
            Extent::Usual | Extent::Full => usual,
        }
    }
}
