//! What a rule asks of a request beyond its capability: parameters and the TTL of its wrapping.

use std::borrow::Cow;
use std::collections::{BTreeMap, BTreeSet};
use std::fmt;
use std::time::Duration;

use serde::Deserialize;
use serde::de::{Deserializer, MapAccess, Visitor};
use serde_json::Value;
use serde_json::value::RawValue;
use zeroize::{Zeroize, Zeroizing};

/// Parameters by their names in lower case; an empty list stands for any value.
pub(super) type Parameters = BTreeMap<String, Vec<Value>>;

#[derive(Clone, Debug, Default, PartialEq)]
pub(super) struct Conditions {
    pub(super) allowed: Parameters,
    pub(super) denied: Parameters,
    pub(super) required: BTreeSet<String>,
    pub(super) min_wrapping_ttl: Option<Duration>,
    pub(super) max_wrapping_ttl: Option<Duration>,
}

/// Which condition a request does not meet.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Unmet {
    Wrapping,
    Body,
    Required,
    Denied,
    NotAllowed,
}

impl Conditions {
    /// Joins the conditions of the same pattern in another policy, as Vault does: every condition
    /// of both stays, the shorter of two TTLs, and of two lists of values the union, where the
    /// empty one, any value, wins.
    pub(super) fn merge(&mut self, other: &Self) {
        let lesser = |mine: Option<Duration>, other: Option<Duration>| match (mine, other) {
            (Some(mine), Some(other)) => Some(mine.min(other)),
            (mine, other) => mine.or(other),
        };
        self.min_wrapping_ttl = lesser(self.min_wrapping_ttl, other.min_wrapping_ttl);
        self.max_wrapping_ttl = lesser(self.max_wrapping_ttl, other.max_wrapping_ttl);
        merge_parameters(&mut self.allowed, &other.allowed);
        merge_parameters(&mut self.denied, &other.denied);
        self.required.extend(other.required.iter().cloned());
    }

    pub(super) fn check_wrapping(&self, ttl: Option<Duration>) -> Result<(), Unmet> {
        let (min, max) = (self.min_wrapping_ttl, self.max_wrapping_ttl);
        if min.is_none() && max.is_none() {
            return Ok(());
        }
        // After a merge the least may be above the most; then no TTL is right.
        match ttl {
            Some(ttl) if min.is_none_or(|min| ttl >= min) && max.is_none_or(|max| ttl <= max) => {
                Ok(())
            }
            _ => Err(Unmet::Wrapping),
        }
    }

    /// Checks the top level of `body`, a JSON object or nothing.
    pub(super) fn check_body(&self, body: &[u8]) -> Result<(), Unmet> {
        if self.allowed.is_empty() && self.denied.is_empty() && self.required.is_empty() {
            return Ok(());
        }
        let fields = match body.trim_ascii().is_empty() {
            true => Vec::new(),
            false => {
                serde_json::from_slice::<Fields<'_>>(body)
                    .map_err(|_| Unmet::Body)?
                    .0
            }
        };
        let has = |name: &String| fields.iter().any(|(field, _)| field == name.as_str());
        if !self.required.iter().all(has) {
            return Err(Unmet::Required);
        }
        if fields.is_empty() {
            return Ok(());
        }
        if self.denied.contains_key("*") {
            return Err(Unmet::Denied);
        }
        let any_other = self.allowed.contains_key("*");
        for (name, raw) in &fields {
            let name = name.to_lowercase();
            if let Some(list) = self.denied.get(&name) {
                // A policy's name is lower case, however it was written.
                let folded = matches!(name.as_str(), "policies" | "token_policies");
                let list = Denied { list, folded };
                if list.list.is_empty() || list.holds(&decode(raw)?) {
                    return Err(Unmet::Denied);
                }
            }
            let fine = match self.allowed.get(&name) {
                None => self.allowed.is_empty() || any_other,
                Some(list) if list.is_empty() => true,
                Some(list) => {
                    let value = decode(raw)?;
                    list.iter().any(|one| fits(one, &value.0))
                }
            };
            if !fine {
                return Err(Unmet::NotAllowed);
            }
        }
        Ok(())
    }
}

fn merge_parameters(mine: &mut Parameters, other: &Parameters) {
    for (name, values) in other {
        match mine.get_mut(name) {
            None => {
                mine.insert(name.clone(), values.clone());
            }
            Some(mine) if mine.is_empty() || values.is_empty() => mine.clear(),
            Some(mine) => mine.extend(values.iter().cloned()),
        }
    }
}

/// A list of denied values. In a request the value may be a list, or words behind commas, of which
/// each one counts.
struct Denied<'l> {
    list: &'l [Value],
    folded: bool,
}

impl Denied<'_> {
    fn holds(&self, value: &Wiped) -> bool {
        match &value.0 {
            Value::Array(values) => self.has(&value.0) || values.iter().any(|one| self.has(one)),
            Value::String(text) => {
                self.has(&value.0) || text.split(',').any(|word| self.has_text(word.trim()))
            }
            other => self.has(other),
        }
    }

    fn has(&self, value: &Value) -> bool {
        match value {
            Value::String(text) => self.has_text(text),
            other => self.list.iter().any(|one| fits(one, other)),
        }
    }

    fn has_text(&self, text: &str) -> bool {
        let folded = Zeroizing::new(if self.folded {
            text.to_lowercase()
        } else {
            String::new()
        });
        self.list.iter().any(|one| match one {
            Value::String(glob) => {
                glob_fits(glob, text) || (self.folded && glob_fits(&glob.to_lowercase(), &folded))
            }
            _ => false,
        })
    }
}

/// Whether a value of a rule stands for a value of a request.
fn fits(rule: &Value, value: &Value) -> bool {
    match (rule, value) {
        (Value::String(glob), Value::String(text)) => glob_fits(glob, text),
        (Value::Number(one), Value::Number(other)) if one.is_f64() || other.is_f64() => {
            one.as_f64() == other.as_f64()
        }
        _ => rule == value,
    }
}

/// A `*` at the beginning, the end or both stands for anything; alone it stands for itself.
fn glob_fits(glob: &str, text: &str) -> bool {
    if glob.len() < 2 {
        return glob == text;
    }
    match (glob.strip_prefix('*'), glob.strip_suffix('*')) {
        (Some(rest), Some(_)) => text.contains(rest.strip_suffix('*').unwrap_or_default()),
        (Some(end), None) => text.ends_with(end),
        (None, Some(begin)) => text.starts_with(begin),
        (None, None) => glob == text,
    }
}

/// A value of a request, which may be a secret.
struct Wiped(Value);

impl Drop for Wiped {
    fn drop(&mut self) {
        wipe(&mut self.0);
    }
}

fn wipe(value: &mut Value) {
    match value {
        Value::String(text) => text.zeroize(),
        Value::Array(values) => values.iter_mut().for_each(wipe),
        Value::Object(map) => map.values_mut().for_each(wipe),
        Value::Null | Value::Bool(_) | Value::Number(_) => {}
    }
}

fn decode(raw: &RawValue) -> Result<Wiped, Unmet> {
    serde_json::from_str(raw.get())
        .map(Wiped)
        .map_err(|_| Unmet::Body)
}

/// The fields of an object, in order, values not decoded. One that comes twice counts twice.
struct Fields<'b>(Vec<(Cow<'b, str>, &'b RawValue)>);

impl<'de: 'b, 'b> Deserialize<'de> for Fields<'b> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct Read;
        impl<'de> Visitor<'de> for Read {
            type Value = Vec<(Cow<'de, str>, &'de RawValue)>;

            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("an object")
            }

            fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Self::Value, A::Error> {
                let mut fields = Vec::new();
                while let Some(Name(name)) = map.next_key()? {
                    fields.push((name, map.next_value()?));
                }
                Ok(fields)
            }
        }
        deserializer.deserialize_map(Read).map(Self)
    }
}

#[derive(Deserialize)]
struct Name<'b>(#[serde(borrow)] Cow<'b, str>);
