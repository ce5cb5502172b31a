//! Policies and requests, made up at random from few names, so that they have to do with each
//! other.

use std::collections::BTreeMap;

use serde_json::{Value, json};

use super::rules::{Made, Request};
use crate::policy::{Acl, Capability, Policy};

pub(super) struct Dice(pub(super) u64);

impl Dice {
    pub(super) fn roll(&mut self, sides: usize) -> usize {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut bits = self.0;
        bits = (bits ^ (bits >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        bits = (bits ^ (bits >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        usize::try_from((bits ^ (bits >> 31)) % u64::try_from(sides).expect("few")).expect("fewer")
    }

    pub(super) fn one_in(&mut self, sides: usize) -> bool {
        self.roll(sides) == 0
    }

    pub(super) fn pick<T: Clone>(&mut self, from: &[T]) -> T {
        from[self.roll(from.len())].clone()
    }
}

pub(super) const NAMES: &[&str] = &["a", "a", "b", "b", "ab", "abb", "", "b+", "+a", "c*d"];
pub(super) const WORDS: &[&str] = &[
    "create", "read", "update", "patch", "delete", "list", "scan", "sudo",
];
pub(super) const FIELDS: &[&str] = &["x", "y", "Y", "z"];

pub(super) fn segments(dice: &mut Dice, plus: bool) -> String {
    let mut segments = Vec::new();
    for _ in 0..=dice.roll(4) {
        let wild = plus && dice.one_in(3);
        segments.push(if wild { "+" } else { dice.pick(NAMES) });
    }
    segments.join("/")
}

pub(super) fn pattern(dice: &mut Dice) -> String {
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

pub(super) fn value(dice: &mut Dice) -> Value {
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

pub(super) fn values_of(dice: &mut Dice) -> BTreeMap<String, Vec<Value>> {
    let mut all = BTreeMap::new();
    while dice.one_in(3) {
        let name = dice.pick(&["x", "Y", "z", "*"]).to_owned();
        let values = (0..dice.roll(3)).map(|_| value(dice)).collect();
        all.insert(name, values);
    }
    all
}

pub(super) fn made(dice: &mut Dice) -> Made {
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

pub(super) fn policies(dice: &mut Dice) -> Vec<Vec<Made>> {
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

pub(super) fn request(dice: &mut Dice, policies: &[Vec<Made>]) -> Request {
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

pub(super) fn value_plain(dice: &mut Dice) -> Value {
    match value(dice) {
        Value::String(text) => json!(text.replace('*', "a")),
        other => other,
    }
}

pub(super) fn text(rules: &[Made]) -> String {
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

pub(super) fn shown_texts(policies: &[Vec<Made>]) -> String {
    policies
        .iter()
        .map(|rules| text(rules))
        .collect::<Vec<_>>()
        .join("---\n")
}

pub(super) fn parsed(policies: &[Vec<Made>]) -> Vec<Policy> {
    let parse = |rules: &Vec<Made>| {
        let text = text(rules);
        Policy::parse(&text).unwrap_or_else(|error| panic!("{error}\n{text}"))
    };
    policies.iter().map(parse).collect()
}

pub(super) fn compiled(policies: &[Policy]) -> Acl {
    Acl::compile(policies.iter().map(|policy| ("p", policy)), None)
}
