//! A second, slow evaluator, written from the rules and sharing no code with the compiled one.

mod cases;
mod rules;

use std::collections::BTreeSet;
use std::time::Duration;

use cases::{Dice, compiled, made, parsed, pattern, policies, request, shown_texts, text};
use rules::{FAULTS, Fault, Made, Request, allows, by_pattern, is_exact, order, top};

use crate::policy::{Acl, Ask, Capability, FindingKind, Policy, diff, explain};

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
    if let Some(difference) = compare(1, cases(100_000), Fault::None) {
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

/// A listing that is allowed is decided by a pattern than which no deny is more specific that
/// decides for the folder's name, with its slash or without.
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

fn named(policies: &[Policy]) -> Vec<(&str, &Policy)> {
    policies.iter().map(|policy| ("p", policy)).collect()
}

fn may(acl: &Acl, path: &str, capability: Capability) -> bool {
    let ask = Ask::new(path, capability);
    acl.check_capability(&ask).is_allowed()
}

#[test]
fn a_difference_is_real_and_none_is_missed() {
    let mut dice = Dice(5);
    let mut differed = 0;
    for _ in 0..cases(30_000) / 100 {
        let old = policies(&mut dice);
        let mut new = old.clone();
        let changed = dice.roll(new.len());
        new[changed] = match dice.one_in(2) {
            true => Vec::new(),
            false => policies(&mut dice).remove(0),
        };
        let (before, after) = (parsed(&old), parsed(&new));
        let changes = diff(&named(&before), &named(&after), None);
        let (before, after) = (compiled(&before), compiled(&after));
        for change in &changes {
            let (path, capability) = (change.path(), change.capability());
            let found = (
                may(&before, path, capability),
                may(&after, path, capability),
            );
            assert_eq!(found, (!change.is_gained(), change.is_gained()), "{change}");
        }
        differed += usize::from(!changes.is_empty());
        for _ in 0..40 {
            let from = if dice.one_in(2) { &old } else { &new };
            let Request {
                path, capability, ..
            } = request(&mut dice, from);
            // What decides a folder's listing is one of four patterns, of which two are compared.
            let listing = matches!(capability, Capability::List | Capability::Scan);
            if listing && path.ends_with('/') {
                continue;
            }
            let is = may(&after, &path, capability);
            let mut shown = changes.iter().filter(|one| one.capability() == capability);
            let missed = may(&before, &path, capability) != is
                && !shown.any(|change| change.is_gained() == is);
            let texts = || [shown_texts(&old), shown_texts(&new)].join("\nnew:\n");
            assert!(!missed, "{path} {capability}: {}", texts());
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
        let named = named(&parsed);
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
            .find(|one| one.kind() == FindingKind::DeadDeny)
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
