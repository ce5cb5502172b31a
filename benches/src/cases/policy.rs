//! Goal 16: what a check of a policy costs, with few rules and with many.

use std::collections::{BTreeMap, HashMap};

use vaultcore::policy::{Acl, Ask, Capability, Policy};

use super::Setting;
use crate::Result;
use crate::harness::{Dice, Side, race};
use crate::report::{Goal, Row, duration};

const FEW: usize = 10;
const MANY: usize = 10_000;
/// How many different paths are asked for.
const PATHS: usize = 1_000;
/// How many rules stand in one policy, whose text has a bound.
const RULES: usize = 500;

pub(super) fn run(setting: &Setting) -> Result<Vec<Row>> {
    let (few, many) = (Set::new(FEW)?, Set::new(MANY)?);
    let (middle, table) = (Set::new(MANY / 10)?, Table::new(MANY));
    let mut sides = [
        few.side(),
        middle.side(),
        many.side(),
        table.side(&many.paths),
    ];
    let race = race(setting.extent, &mut sides);
    let growth = race.ratio(|round| round[2] / round[0]);
    let growth = Row::new(16, "policy-growth", "policy check, 10,000 rules against 10")
        .times((race.nanos(2), race.nanos(0)), "10 rules")
        .measured(growth)
        .goal(Goal::AtMost(1.3))
        .note(format!("{} with 1,000", duration(race.nanos(1))));
    let against = Row::new(
        16,
        "policy-table",
        "policy check, 10,000 rules, 10 % with `+`",
    )
    .speed(&race, 2, (3, "a table as Vault's"))
    .goal(Goal::AtLeast(100.0));
    Ok(vec![growth, against])
}

/// The path of a rule: of ten, one has a `+`, four end in `*`, and five are exact.
fn pattern(at: usize) -> String {
    match at % 10 {
        0 => format!("team-{at:05}/+/config"),
        1..=4 => format!("secret/data/team-{at:05}/*"),
        _ => format!("secret/data/shared/app-{at:05}"),
    }
}

/// A path that the rule covers.
fn path(at: usize, dice: &mut Dice) -> String {
    let number = dice.below(1_000);
    match at % 10 {
        0 => format!("team-{at:05}/{number}/config"),
        1..=4 => format!("secret/data/team-{at:05}/db/{number}"),
        _ => pattern(at),
    }
}

struct Set {
    acl: Acl,
    paths: Vec<String>,
}

impl Set {
    fn new(count: usize) -> Result<Self> {
        let rule = |at: usize| {
            let path = pattern(at);
            format!("path \"{path}\" {{ capabilities = [\"read\", \"list\"] }}\n")
        };
        let numbers: Vec<usize> = (0..count).collect();
        let texts = numbers
            .chunks(RULES)
            .map(|chunk| chunk.iter().map(|at| rule(*at)).collect());
        let policies = texts.map(|text: String| Policy::parse(&text));
        let policies = policies.collect::<Result<Vec<_>, _>>()?;
        let mut dice = Dice::new(16);
        Ok(Self {
            acl: Acl::compile(policies.iter().map(|policy| ("team", policy)), None),
            paths: (0..PATHS)
                .map(|_| path(dice.below(count), &mut dice))
                .collect(),
        })
    }

    fn side(&self) -> Side<'_> {
        let mut dice = Dice::new(17);
        Side::new(move || {
            let path = &self.paths[dice.below(PATHS)];
            let decision = self.acl.check(&Ask::new(path, Capability::Read));
            assert!(std::hint::black_box(decision.is_allowed()));
        })
    }
}

/// What Vault does: a map of exact paths, a tree of prefixes, and a list of patterns with `+`, each
/// of which is matched segment by segment.
struct Table {
    exact: HashMap<String, bool>,
    prefixes: BTreeMap<String, bool>,
    plus: Vec<(String, bool)>,
}

impl Table {
    fn new(count: usize) -> Self {
        let mut table = Self {
            exact: HashMap::new(),
            prefixes: BTreeMap::new(),
            plus: Vec::new(),
        };
        for pattern in (0..count).map(pattern) {
            if pattern.contains('+') {
                table.plus.push((pattern, true));
            } else if let Some(prefix) = pattern.strip_suffix('*') {
                table.prefixes.insert(prefix.to_owned(), true);
            } else {
                table.exact.insert(pattern, true);
            }
        }
        table
    }

    fn allows(&self, path: &str) -> bool {
        if let Some(allowed) = self.exact.get(path) {
            return *allowed;
        }
        let lengths = (0..=path.len())
            .rev()
            .filter(|length| path.is_char_boundary(*length));
        let prefix = lengths.filter_map(|length| self.prefixes.get_key_value(&path[..length]));
        let mut best = prefix
            .map(|(prefix, allowed)| (prefix.len(), *allowed))
            .next();
        let segments: Vec<&str> = path.split('/').collect();
        for (pattern, allowed) in &self.plus {
            let wanted: Vec<&str> = pattern.split('/').collect();
            let fits = |(want, have): (&&str, &&str)| *want == "+" || want == have;
            if wanted.len() == segments.len() && wanted.iter().zip(&segments).all(fits) {
                let first = pattern.find('+').unwrap_or_default();
                best = best.max(Some((first, *allowed)));
            }
        }
        best.is_some_and(|(_, allowed)| allowed)
    }

    fn side<'a>(&'a self, paths: &'a [String]) -> Side<'a> {
        let mut dice = Dice::new(18);
        Side::new(move || {
            let path = &paths[dice.below(PATHS)];
            assert!(std::hint::black_box(self.allows(path)));
        })
    }
}
