//! The rules of reference.md, one after the other, as slowly as they are told.

use std::collections::{BTreeMap, BTreeSet};

use serde_json::{Value, json};

use crate::policy::Capability;

/// A rule as it was made up, before it became text.
#[derive(Clone, Debug)]
pub(super) struct Made {
    pub(super) path: String,
    pub(super) words: Vec<&'static str>,
    pub(super) allowed: BTreeMap<String, Vec<Value>>,
    pub(super) denied: BTreeMap<String, Vec<Value>>,
    pub(super) required: BTreeSet<String>,
    pub(super) min: Option<u64>,
    pub(super) max: Option<u64>,
}

#[derive(Debug)]
pub(super) struct Request {
    pub(super) path: String,
    pub(super) capability: Capability,
    pub(super) sudo: bool,
    pub(super) body: Option<Vec<(&'static str, Value)>>,
    pub(super) wrap: Option<u64>,
}

/// A mistake to plant, which the comparison must then find.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) enum Fault {
    None,
    UnionOverPatterns,
    DenyWinsEverywhere,
    EarlierWildcard,
    StarBeforeExactEnd,
    MorePlus,
    Shorter,
    NoShortListing,
    ShortListingFirst,
    ListingPassesDeny,
    DenyDoesNotWipe,
    PlusCoversMore,
    EmptyListIsNone,
    GreaterTtl,
    RequiredIgnored,
    DeniedIgnored,
}

pub(super) const FAULTS: &[Fault] = &[
    Fault::UnionOverPatterns,
    Fault::DenyWinsEverywhere,
    Fault::EarlierWildcard,
    Fault::StarBeforeExactEnd,
    Fault::MorePlus,
    Fault::Shorter,
    Fault::NoShortListing,
    Fault::ShortListingFirst,
    Fault::ListingPassesDeny,
    Fault::DenyDoesNotWipe,
    Fault::PlusCoversMore,
    Fault::EmptyListIsNone,
    Fault::GreaterTtl,
    Fault::RequiredIgnored,
    Fault::DeniedIgnored,
];

pub(super) fn is_wild(path: &str) -> bool {
    path.split('/').any(|segment| segment.starts_with('+'))
        && (path == "+" || path.contains("/+") || path.starts_with("+/"))
}

pub(super) fn is_exact(path: &str) -> bool {
    !is_wild(path) && !path.ends_with('*')
}

pub(super) fn covers(pattern: &str, path: &str, fault: Fault) -> bool {
    let star = pattern.ends_with('*');
    let bare = pattern.trim_end_matches('*');
    if !is_wild(pattern) {
        return if star {
            path.starts_with(bare)
        } else {
            path == pattern
        };
    }
    let (want, have): (Vec<_>, Vec<_>) = (bare.split('/').collect(), path.split('/').collect());
    if want.len() > have.len()
        || (!star && fault != Fault::PlusCoversMore && want.len() < have.len())
    {
        return false;
    }
    want.iter()
        .zip(&have)
        .enumerate()
        .all(|(index, (want, have))| {
            *want == "+"
                || want == have
                || (star && index + 1 == want_len(bare) && have.starts_with(want))
        })
}

pub(super) fn want_len(bare: &str) -> usize {
    bare.split('/').count()
}

pub(super) type Order<'p> = (i64, i64, i64, i64, &'p str);

/// Later first wildcard, no star, fewer plus, longer, greater.
pub(super) fn order(pattern: &str, fault: Fault) -> Order<'_> {
    let flip = |wrong: Fault, value: i64| if fault == wrong { -value } else { value };
    let bare = pattern.trim_end_matches('*');
    let number = |length: usize| i64::try_from(length).expect("short");
    let first = if is_wild(pattern) {
        bare.find('+').expect("a plus")
    } else {
        bare.len()
    };
    let plus = bare.split('/').filter(|segment| *segment == "+").count();
    (
        flip(Fault::EarlierWildcard, number(first)),
        flip(
            Fault::StarBeforeExactEnd,
            i64::from(!pattern.ends_with('*')),
        ),
        flip(Fault::MorePlus, -number(plus)),
        flip(Fault::Shorter, number(bare.len())),
        bare,
    )
}

/// All that is said at one pattern.
#[derive(Debug)]
pub(super) struct Said<'p> {
    rules: Vec<&'p Made>,
}

impl Said<'_> {
    pub(super) fn denies(&self) -> bool {
        self.rules.iter().any(|rule| rule.words.contains(&"deny"))
    }

    pub(super) fn grants(&self, capability: Capability) -> bool {
        self.rules
            .iter()
            .any(|rule| rule.words.contains(&capability.as_str()))
    }
}

pub(super) fn by_pattern(policies: &[Vec<Made>]) -> BTreeMap<String, Said<'_>> {
    let mut said: BTreeMap<String, Said<'_>> = BTreeMap::new();
    for rule in policies.iter().flatten() {
        let path = rule.path.strip_prefix('/').unwrap_or(&rule.path).to_owned();
        said.entry(path)
            .or_insert(Said { rules: Vec::new() })
            .rules
            .push(rule);
    }
    said
}

pub(super) fn top<'s>(
    said: &'s BTreeMap<String, Said<'s>>,
    path: &str,
    fault: Fault,
) -> Option<(&'s str, &'s Said<'s>)> {
    let candidates = said
        .iter()
        .filter(|(pattern, _)| !is_exact(pattern) && covers(pattern, path, fault));
    candidates
        .max_by_key(|(pattern, _)| order(pattern, fault))
        .map(|(pattern, said)| (pattern.as_str(), said))
}

/// The rules with the pattern that decides.
pub(super) fn decisive<'s>(
    said: &'s BTreeMap<String, Said<'s>>,
    request: &Request,
    fault: Fault,
) -> Option<&'s Said<'s>> {
    let path = request.path.trim_start_matches('/');
    let listing = matches!(request.capability, Capability::List | Capability::Scan);
    let exact = |path: &str| said.get(path).filter(|_| is_exact(path));
    let short = path
        .strip_suffix('/')
        .filter(|_| listing && fault != Fault::NoShortListing);
    if let Some(found) = exact(path).or_else(|| short.and_then(exact)) {
        return Some(found);
    }
    let full = top(said, path, fault);
    let short = short.and_then(|short| top(said, short, fault));
    match (full, short) {
        (Some(_), Some(short)) if fault == Fault::ShortListingFirst => Some(short.1),
        (Some(full), Some(short))
            if short.1.denies()
                && order(short.0, fault) > order(full.0, fault)
                && fault != Fault::ListingPassesDeny =>
        {
            Some(short.1)
        }
        (full, short) => full.or(short).map(|(_, said)| said),
    }
}

pub(super) fn allows(policies: &[Vec<Made>], request: &Request, fault: Fault) -> bool {
    let said = by_pattern(policies);
    let path = request.path.trim_start_matches('/');
    let covering = || {
        said.iter()
            .filter(|(pattern, _)| covers(pattern, path, fault))
    };
    if fault == Fault::DenyWinsEverywhere && covering().any(|(_, said)| said.denies()) {
        return false;
    }
    let Some(decides) = decisive(&said, request, fault) else {
        return false;
    };
    if decides.denies() && fault != Fault::DenyDoesNotWipe {
        return false;
    }
    let grants = |capability| match fault {
        Fault::UnionOverPatterns => covering().any(|(_, said)| said.grants(capability)),
        _ => decides.grants(capability),
    };
    if !grants(request.capability) || (request.sudo && !grants(Capability::Sudo)) {
        return false;
    }
    wrapping(decides, request.wrap, fault) && parameters(decides, request, fault)
}

pub(super) fn wrapping(said: &Said<'_>, wrap: Option<u64>, fault: Fault) -> bool {
    let pick = |one: fn(&Made) -> Option<u64>| {
        let ttls = said
            .rules
            .iter()
            .filter_map(|rule| one(rule))
            .filter(|ttl| *ttl > 0);
        if fault == Fault::GreaterTtl {
            ttls.max()
        } else {
            ttls.min()
        }
    };
    let (min, max) = (pick(|rule| rule.min), pick(|rule| rule.max));
    match (min, max, wrap) {
        (None, None, _) => true,
        (_, _, None) => false,
        (min, max, Some(wrap)) => wrap >= min.unwrap_or(0) && wrap <= max.unwrap_or(u64::MAX),
    }
}

pub(super) fn values(
    said: &Said<'_>,
    of: fn(&Made) -> &BTreeMap<String, Vec<Value>>,
    fault: Fault,
) -> BTreeMap<String, Option<Vec<Value>>> {
    let mut all: BTreeMap<String, Option<Vec<Value>>> = BTreeMap::new();
    for (name, values) in said.rules.iter().flat_map(|rule| of(rule)) {
        let list = all.entry(name.to_lowercase()).or_insert(Some(Vec::new()));
        // None stands for any value.
        match list {
            Some(list) if !values.is_empty() => list.extend(values.iter().cloned()),
            _ if values.is_empty() && fault != Fault::EmptyListIsNone => *list = None,
            _ => {}
        }
    }
    all
}

pub(super) fn glob(rule: &Value, value: &Value) -> bool {
    let (Some(rule), Some(value)) = (rule.as_str(), value.as_str()) else {
        return rule == value;
    };
    match rule {
        "" | "*" => rule == value,
        both if both.starts_with('*') && both.ends_with('*') => {
            value.contains(&both[1..both.len() - 1])
        }
        end if end.starts_with('*') => value.ends_with(&end[1..]),
        begin if begin.ends_with('*') => value.starts_with(&begin[..begin.len() - 1]),
        same => same == value,
    }
}

pub(super) fn parameters(said: &Said<'_>, request: &Request, fault: Fault) -> bool {
    use Capability::{Create, Patch, Read, Update};
    if !matches!(request.capability, Create | Read | Update | Patch) {
        return true;
    }
    let body = request.body.as_deref().unwrap_or_default();
    let required = said.rules.iter().flat_map(|rule| &rule.required);
    let missing = required
        .into_iter()
        .any(|name| !body.iter().any(|(field, _)| **field == name.to_lowercase()));
    if missing && fault != Fault::RequiredIgnored {
        return false;
    }
    let denied = values(said, |rule| &rule.denied, fault);
    let allowed = values(said, |rule| &rule.allowed, fault);
    if denied.contains_key("*") && !body.is_empty() {
        return false;
    }
    body.iter().all(|(field, value)| {
        let field = field.to_lowercase();
        let parts: Vec<Value> = match value {
            Value::Array(values) => values.iter().cloned().chain([value.clone()]).collect(),
            Value::String(text) => text
                .split(',')
                .map(|word| json!(word.trim()))
                .chain([value.clone()])
                .collect(),
            other => vec![other.clone()],
        };
        let refused = denied.get(&field).is_some_and(|list| {
            list.as_ref().is_none_or(|list| {
                list.iter()
                    .any(|one| parts.iter().any(|part| glob(one, part)))
            })
        });
        let fine = match allowed.get(&field) {
            Some(Some(list)) => list.iter().any(|one| glob(one, value)),
            Some(None) => true,
            None => allowed.is_empty() || allowed.contains_key("*"),
        };
        (!refused || fault == Fault::DeniedIgnored) && fine
    })
}
