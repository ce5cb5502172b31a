//! A second, slow evaluator, written from the rules and sharing no code with the compiled one.

use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

use serde_json::{Value, json};

use super::{Acl, Ask, Capability, Policy, diff, explain};

/// A rule as it was made up, before it became text.
#[derive(Clone, Debug)]
struct Made {
    path: String,
    words: Vec<&'static str>,
    allowed: BTreeMap<String, Vec<Value>>,
    denied: BTreeMap<String, Vec<Value>>,
    required: BTreeSet<String>,
    min: Option<u64>,
    max: Option<u64>,
}

#[derive(Debug)]
struct Request {
    path: String,
    capability: Capability,
    sudo: bool,
    body: Option<Vec<(&'static str, Value)>>,
    wrap: Option<u64>,
}

/// A mistake to plant, which the comparison must then find.
#[derive(Clone, Copy, Debug, PartialEq)]
enum Fault {
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

const FAULTS: &[Fault] = &[
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

// ---------------------------------------------------------------------------------- the rules

fn is_wild(path: &str) -> bool {
    path.split('/').any(|segment| segment.starts_with('+'))
        && (path == "+" || path.contains("/+") || path.starts_with("+/"))
}

fn is_exact(path: &str) -> bool {
    !is_wild(path) && !path.ends_with('*')
}

fn covers(pattern: &str, path: &str, fault: Fault) -> bool {
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

fn want_len(bare: &str) -> usize {
    bare.split('/').count()
}

type Order<'p> = (i64, i64, i64, i64, &'p str);

/// Later first wildcard, no star, fewer plus, longer, greater.
fn order(pattern: &str, fault: Fault) -> Order<'_> {
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
struct Said<'p> {
    rules: Vec<&'p Made>,
}

impl Said<'_> {
    fn denies(&self) -> bool {
        self.rules.iter().any(|rule| rule.words.contains(&"deny"))
    }

    fn grants(&self, capability: Capability) -> bool {
        self.rules
            .iter()
            .any(|rule| rule.words.contains(&capability.as_str()))
    }
}

fn by_pattern(policies: &[Vec<Made>]) -> BTreeMap<String, Said<'_>> {
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

fn top<'s>(
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
fn decisive<'s>(
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

fn allows(policies: &[Vec<Made>], request: &Request, fault: Fault) -> bool {
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

fn wrapping(said: &Said<'_>, wrap: Option<u64>, fault: Fault) -> bool {
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

fn values(
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

fn glob(rule: &Value, value: &Value) -> bool {
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

fn parameters(said: &Said<'_>, request: &Request, fault: Fault) -> bool {
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

// ------------------------------------------------------------------------------- made-up cases

struct Dice(u64);

impl Dice {
    fn roll(&mut self, sides: usize) -> usize {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut bits = self.0;
        bits = (bits ^ (bits >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        bits = (bits ^ (bits >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        usize::try_from((bits ^ (bits >> 31)) % u64::try_from(sides).expect("few")).expect("fewer")
    }

    fn one_in(&mut self, sides: usize) -> bool {
        self.roll(sides) == 0
    }

    fn pick<T: Clone>(&mut self, from: &[T]) -> T {
        from[self.roll(from.len())].clone()
    }
}

const NAMES: &[&str] = &["a", "a", "b", "b", "ab", "abb", "", "b+", "+a", "c*d"];
const WORDS: &[&str] = &[
    "create", "read", "update", "patch", "delete", "list", "scan", "sudo",
];
const FIELDS: &[&str] = &["x", "y", "Y", "z"];

fn segments(dice: &mut Dice, plus: bool) -> String {
    let mut segments = Vec::new();
    for _ in 0..=dice.roll(4) {
        let wild = plus && dice.one_in(3);
        segments.push(if wild { "+" } else { dice.pick(NAMES) });
    }
    segments.join("/")
}

fn pattern(dice: &mut Dice) -> String {
    loop {
        let mut path = segments(dice, true);
        if dice.one_in(12) {
            path.insert(0, '/');
        }
        if dice.one_in(3) {
            path.push('*');
        }
        if !path.contains("+*") {
            return path;
        }
    }
}

fn value(dice: &mut Dice) -> Value {
    match dice.roll(8) {
        0 => json!(5),
        1 => json!(true),
        2 => json!(["a", "ab"]),
        3 => json!("a,b"),
        4 => json!("*b"),
        5 => json!("a*"),
        _ => json!(dice.pick(&["a", "b", "ab", "*", ""])),
    }
}

fn values_of(dice: &mut Dice) -> BTreeMap<String, Vec<Value>> {
    let mut all = BTreeMap::new();
    while dice.one_in(3) {
        let name = dice.pick(&["x", "Y", "z", "*"]).to_owned();
        let values = (0..dice.roll(3)).map(|_| value(dice)).collect();
        all.insert(name, values);
    }
    all
}

fn made(dice: &mut Dice) -> Made {
    let mut words: Vec<_> = WORDS.iter().copied().filter(|_| dice.one_in(2)).collect();
    if dice.one_in(4) {
        words = vec!["deny"];
    }
    let conditions = dice.one_in(3);
    let min =
        Some(u64::try_from(dice.roll(3)).expect("few")).filter(|_| conditions && dice.one_in(2));
    let max = Some(u64::try_from(dice.roll(3) + 2).expect("few"))
        .filter(|_| conditions && dice.one_in(2));
    Made {
        path: pattern(dice),
        words,
        allowed: if conditions {
            values_of(dice)
        } else {
            BTreeMap::new()
        },
        denied: if conditions {
            values_of(dice)
        } else {
            BTreeMap::new()
        },
        required: FIELDS
            .iter()
            .filter(|_| conditions && dice.one_in(6))
            .map(|&name| name.to_owned())
            .collect(),
        min,
        max,
    }
}

fn policies(dice: &mut Dice) -> Vec<Vec<Made>> {
    let mut all: Vec<Vec<Made>> = Vec::new();
    for _ in 0..=dice.roll(3) {
        let mut rules: Vec<_> = (0..=dice.roll(6)).map(|_| made(dice)).collect();
        // The same pattern twice is seldom by chance.
        if let Some(other) = all.first().filter(|_| dice.one_in(2)) {
            rules[0].path = dice.pick(other).path;
        }
        all.push(rules);
    }
    all
}

fn request(dice: &mut Dice, policies: &[Vec<Made>]) -> Request {
    let mut path = segments(dice, false);
    if dice.one_in(2) {
        let pattern = match dice.pick(policies).as_slice() {
            [] => String::new(),
            rules => dice.pick(rules).path,
        };
        path = pattern
            .split('/')
            .map(|part| if part == "+" { dice.pick(NAMES) } else { part })
            .collect::<Vec<_>>()
            .join("/");
        if path.ends_with('*') {
            path.pop();
            path.push_str(&segments(dice, false));
        }
    }
    if dice.one_in(3) {
        path.push('/');
    }
    let mut body = Vec::new();
    for field in FIELDS {
        if dice.one_in(2) {
            body.push((*field, value_plain(dice)));
        }
    }
    Request {
        path,
        capability: dice.pick(Capability::ALL),
        sudo: dice.one_in(8),
        body: Some(body).filter(|_| dice.one_in(2)),
        wrap: Some(u64::try_from(dice.roll(6)).expect("few")).filter(|_| dice.one_in(3)),
    }
}

fn value_plain(dice: &mut Dice) -> Value {
    match value(dice) {
        Value::String(text) => json!(text.replace('*', "a")),
        other => other,
    }
}

fn text(rules: &[Made]) -> String {
    let list = |values: &[Value]| Value::Array(values.to_vec()).to_string();
    let block = |name: &str, values: &BTreeMap<String, Vec<Value>>| {
        let fields: Vec<_> = values
            .iter()
            .map(|(name, values)| format!("\"{name}\" = {}", list(values)))
            .collect();
        match fields.is_empty() {
            true => String::new(),
            false => format!("{name} = {{ {} }} ", fields.join(", ")),
        }
    };
    let rule = |rule: &Made| {
        let mut text = format!("path \"{}\" {{ capabilities = {:?} ", rule.path, rule.words);
        text += &block("allowed_parameters", &rule.allowed);
        text += &block("denied_parameters", &rule.denied);
        text += &format!(
            "required_parameters = {:?} ",
            rule.required.iter().collect::<Vec<_>>()
        );
        if let Some(min) = rule.min {
            text += &format!("min_wrapping_ttl = {min} ");
        }
        if let Some(max) = rule.max {
            text += &format!("max_wrapping_ttl = \"{max}s\" ");
        }
        text + "}\n"
    };
    rules.iter().map(rule).collect()
}

fn shown_texts(policies: &[Vec<Made>]) -> String {
    policies
        .iter()
        .map(|rules| text(rules))
        .collect::<Vec<_>>()
        .join("---\n")
}

fn parsed(policies: &[Vec<Made>]) -> Vec<Policy> {
    let parse = |rules: &Vec<Made>| {
        let text = text(rules);
        Policy::parse(&text).unwrap_or_else(|error| panic!("{error}\n{text}"))
    };
    policies.iter().map(parse).collect()
}

fn compiled(policies: &[Policy]) -> Acl {
    Acl::compile(policies.iter().map(|policy| ("p", policy)), None)
}

fn answer(acl: &Acl, request: &Request) -> bool {
    let body = request.body.as_ref().map(|fields| {
        let fields: Vec<_> = fields
            .iter()
            .map(|(name, value)| format!("\"{name}\": {value}"))
            .collect();
        format!("{{{}}}", fields.join(","))
    });
    let mut ask = Ask::new(&request.path, request.capability).with_sudo(request.sudo);
    if let Some(body) = &body {
        ask = ask.with_body(body.as_bytes());
    }
    if let Some(wrap) = request.wrap {
        ask = ask.with_wrap_ttl(Duration::from_secs(wrap));
    }
    acl.check(&ask).is_allowed()
}

/// How many cases to try: `VAULTCORE_CASES`, or what a few seconds of a debug build allow.
fn cases(default: usize) -> usize {
    std::env::var("VAULTCORE_CASES")
        .ok()
        .and_then(|text| text.parse().ok())
        .unwrap_or(default)
}

/// Compares the two on `count` pairs, and returns the first that they decide differently.
fn compare(seed: u64, count: usize, fault: Fault) -> Option<String> {
    let mut dice = Dice(seed);
    let mut granted = 0usize;
    for _ in 0..count.div_ceil(10) {
        let made = policies(&mut dice);
        let acl = compiled(&parsed(&made));
        for _ in 0..10 {
            let request = request(&mut dice, &made);
            let (expected, found) = (allows(&made, &request, fault), answer(&acl, &request));
            if expected != found {
                let texts: Vec<_> = made.iter().map(|rules| text(rules)).collect();
                return Some(format!(
                    "expected {expected}, found {found}: {request:?}\n{}",
                    texts.join("---\n")
                ));
            }
            granted += usize::from(found);
        }
    }
    // A comparison of denials alone would show nothing.
    assert!(
        granted * 20 > count,
        "only {granted} of {count} were allowed"
    );
    None
}

#[test]
fn the_compiled_evaluator_agrees_with_the_slow_one() {
    if let Some(difference) = compare(1, cases(40_000), Fault::None) {
        panic!("{difference}");
    }
}

#[test]
fn the_comparison_finds_every_planted_fault() {
    for fault in FAULTS {
        assert!(compare(2, 100_000, *fault).is_some(), "{fault:?}");
    }
}

#[test]
fn a_deny_never_allows_more() {
    let mut dice = Dice(3);
    for _ in 0..cases(20_000) / 10 {
        let mut made = policies(&mut dice);
        let before = compiled(&parsed(&made));
        let old = dice.pick(&made[0]);
        let path = if dice.one_in(2) {
            old.path
        } else {
            pattern(&mut dice)
        };
        let deny = Made {
            path,
            words: vec!["deny"],
            ..self::made(&mut dice)
        };
        let at = dice.roll(made.len() + 1);
        made.insert(at, vec![deny]);
        let after = compiled(&parsed(&made));
        for _ in 0..10 {
            let request = request(&mut dice, &made);
            assert!(
                answer(&before, &request) || !answer(&after, &request),
                "{request:?} {made:?}"
            );
        }
    }
}

/// A listing that is allowed is decided by a pattern than which no deny is more specific that covers
/// the folder, with its slash or without, and decides one of these spellings.
#[test]
fn a_listing_never_passes_a_deny() {
    let mut dice = Dice(4);
    let mut near = 0;
    for _ in 0..cases(40_000) / 10 {
        let made = policies(&mut dice);
        let acl = compiled(&parsed(&made));
        let said = by_pattern(&made);
        for _ in 0..10 {
            let mut request = request(&mut dice, &made);
            request.capability = dice.pick(&[Capability::List, Capability::Scan]);
            if !request.path.ends_with('/') {
                request.path.push('/');
            }
            let decision = acl.check(&Ask::new(&request.path, request.capability));
            let Some(pattern) = decision.pattern().filter(|_| decision.is_allowed()) else {
                continue;
            };
            let path = request.path.trim_start_matches('/');
            for spelling in [path, &path[..path.len().saturating_sub(1)]] {
                let exact = said.get(spelling).filter(|_| is_exact(spelling));
                if is_exact(pattern) {
                    assert!(pattern != spelling || !exact.expect("decides").denies());
                } else if let Some((rival, said)) = top(&said, spelling, Fault::None) {
                    assert!(exact.is_none());
                    let above = order(rival, Fault::None) > order(pattern, Fault::None);
                    assert!(!(above && said.denies()), "{request:?} {made:?}");
                    near += usize::from(said.denies() || above);
                }
            }
        }
    }
    assert!(near > 0, "no listing came near a deny");
}

#[test]
fn a_difference_is_real_and_none_is_missed() {
    let mut dice = Dice(5);
    let mut differed = 0;
    for _ in 0..cases(30_000) / 100 {
        let old = policies(&mut dice);
        let mut new = old.clone();
        let changed = dice.roll(new.len());
        new[changed] = if dice.one_in(2) {
            Vec::new()
        } else {
            policies(&mut dice).remove(0)
        };
        let (old_parsed, new_parsed) = (parsed(&old), parsed(&new));
        fn named(policies: &[Policy]) -> Vec<(&str, &Policy)> {
            policies.iter().map(|policy| ("p", policy)).collect()
        }
        let changes = diff(&named(&old_parsed), &named(&new_parsed), None);
        let (before, after) = (compiled(&old_parsed), compiled(&new_parsed));
        let may = |acl: &Acl, path: &str, capability| {
            acl.check_capability(&Ask::new(path, capability))
                .is_allowed()
        };
        for change in &changes {
            let (was, is) = (
                may(&before, change.path(), change.capability()),
                may(&after, change.path(), change.capability()),
            );
            assert_eq!(
                (was, is),
                (!change.is_gained(), change.is_gained()),
                "{change}"
            );
        }
        differed += usize::from(!changes.is_empty());
        for _ in 0..40 {
            let from = if dice.one_in(2) { &old } else { &new };
            let request = request(&mut dice, from);
            let capability = request.capability;
            // What decides a folder's listing is one of four patterns, of which two are compared.
            let listing = matches!(capability, Capability::List | Capability::Scan);
            if listing && request.path.ends_with('/') {
                continue;
            }
            let (was, is) = (
                may(&before, &request.path, capability),
                may(&after, &request.path, capability),
            );
            let shown = changes
                .iter()
                .any(|change| change.capability() == capability && change.is_gained() == is);
            assert!(
                was == is || shown,
                "missed: {request:?}\n{}\n{}\n{}",
                shown_texts(&old),
                shown_texts(&new),
                changes
                    .iter()
                    .map(ToString::to_string)
                    .collect::<Vec<_>>()
                    .join("\n")
            );
        }
    }
    assert!(differed > 10, "the policies hardly differed");
}

#[test]
fn an_explanation_names_what_decides() {
    let mut dice = Dice(6);
    for _ in 0..cases(5_000) / 10 {
        let made = policies(&mut dice);
        let parsed = parsed(&made);
        let acl = compiled(&parsed);
        let named: Vec<_> = parsed.iter().map(|policy| ("p", policy)).collect();
        for _ in 0..10 {
            let request = request(&mut dice, &made);
            let ask = Ask::new(&request.path, request.capability);
            let (decision, explanation) = (acl.check(&ask), explain(&named, None, &ask));
            assert_eq!(decision.denial(), explanation.denial());
            let patterns: BTreeSet<_> = explanation
                .decided()
                .iter()
                .map(|rule| rule.pattern())
                .collect();
            assert_eq!(
                patterns.into_iter().collect::<Vec<_>>(),
                decision.pattern().into_iter().collect::<Vec<_>>()
            );
            let rest = explanation
                .to_string()
                .contains("; of the one that decides: it decides");
            assert!(!rest, "{explanation}");
        }
    }
}

#[test]
fn a_dead_deny_changes_nothing() {
    let mut dice = Dice(7);
    let mut dead = 0;
    for _ in 0..cases(40_000) / 10 {
        let rules: Vec<_> = (0..8).map(|_| made(&mut dice)).collect();
        let policy = Policy::parse(&text(&rules)).expect("parses");
        let findings = policy.lint();
        let Some(finding) = findings
            .iter()
            .find(|one| one.kind() == super::FindingKind::DeadDeny)
        else {
            continue;
        };
        dead += 1;
        let without: Vec<_> = rules
            .iter()
            .filter(|rule| rule.path.strip_prefix('/').unwrap_or(&rule.path) != finding.path())
            .cloned()
            .collect();
        let without = Policy::parse(&text(&without)).expect("parses");
        let changes = diff(&[("p", &policy)], &[("p", &without)], None);
        assert!(
            changes.is_empty(),
            "{finding}\n{}\n{changes:?}",
            text(&rules)
        );
    }
    assert!(dead > 20, "hardly a dead deny: {dead}");
}

#[test]
fn what_is_printed_is_parsed_again_the_same() {
    let mut dice = Dice(8);
    for _ in 0..cases(20_000) / 10 {
        let policy = Policy::parse(&text(&policies(&mut dice)[0])).expect("parses");
        let printed = policy.to_hcl();
        let again = Policy::parse(&printed).expect("parses again");
        assert_eq!(policy, again);
        assert_eq!(again.to_hcl(), printed);
    }
}
