//! From the tree of a text to the rules of a policy.

use std::collections::BTreeSet;
use std::time::Duration;

use serde_json::{Map, Value as Json};

use super::capabilities::Capabilities;
use super::params::{Conditions, Parameters};
use super::pattern::Pattern;
use super::syntax::{At, Item, MAX_RULES, Value, check_size};
use super::template::Template;
use super::{Policy, Rule, hcl, json};
use crate::clock::parse_duration;
use crate::error::{Error, ErrorKind, Result};
use crate::operation::Capability;

/// Attributes that Vault or OpenBao have and vaultcore does not.
const UNSUPPORTED: &[&str] = &[
    "control_group",
    "expiration",
    "list_scan_response_keys_filter_path",
    "mfa_methods",
    "pagination_limit",
    "subscribe_event_types",
];

pub(super) fn parse(text: &str) -> Result<Policy> {
    check_size(text)?;
    let (items, last_notes) = match text.trim_start().starts_with('{') {
        true => (spread(json::parse(text)?)?, Vec::new()),
        false => hcl::parse(text)?,
    };
    let mut rules = Vec::new();
    for item in items {
        let first = item.keys.first().map(String::as_str);
        match first {
            Some("path") if rules.len() == MAX_RULES => {
                return Err(Error::new(
                    ErrorKind::TooLarge,
                    format!("{}: a policy has at most {MAX_RULES} rules", item.at),
                ));
            }
            Some("path") => rules.push(rule(item)?),
            // Vault takes a name and does not look at it.
            Some("name") if matches!(item.value, Value::Text(_) | Value::Number(_)) => {}
            Some("name") => return Err(item.at.error("`name` is a text")),
            _ => return Err(item.at.error("a policy has `path` rules only")),
        }
    }
    Ok(Policy { rules, last_notes })
}

/// Brings the JSON spelling, `{"path": {"a": {}}}` or `{"path": [{"a": {}}]}`, to that of HCL.
fn spread(items: Vec<Item>) -> Result<Vec<Item>> {
    let mut rules = Vec::new();
    for item in items {
        if item.keys.first().is_none_or(|key| key != "path") {
            rules.push(item);
            continue;
        }
        let at = item.at;
        let objects = match item.value {
            Value::List(values) => values,
            one => vec![one],
        };
        for object in objects {
            let Value::Object(paths) = object else {
                return Err(at.error("`path` is an object of paths, or a list of such"));
            };
            for path in paths {
                let at = At {
                    line: rules.len() + 1,
                    column: 0,
                };
                let keys = [vec!["path".to_owned()], path.keys].concat();
                rules.push(Item {
                    at,
                    keys,
                    assigned: false,
                    value: path.value,
                    notes: Vec::new(),
                });
            }
        }
    }
    Ok(rules)
}

fn rule(item: Item) -> Result<Rule> {
    let (at, notes) = (item.at, item.notes);
    let (Value::Object(attributes), [_, path]) = (item.value, item.keys.as_slice()) else {
        return Err(at.error("a rule is `path \"..\" { .. }`"));
    };
    let path = path.strip_prefix('/').unwrap_or(path);
    let template = Template::parse(path).map_err(|error| at.error(error))?;
    Pattern::parse(path).map_err(|error| at.error(error))?;
    let mut draft = Draft::default();
    let mut seen = BTreeSet::new();
    for attribute in attributes {
        draft.attribute(attribute, at, &mut seen)?;
    }
    let conditions = &draft.conditions;
    if let (Some(min), Some(max)) = (conditions.min_wrapping_ttl, conditions.max_wrapping_ttl)
        && max < min
    {
        return Err(at.error("max_wrapping_ttl is not less than min_wrapping_ttl"));
    }
    let capabilities = draft.legacy.and(draft.capabilities);
    Ok(Rule {
        at,
        path: template,
        capabilities,
        conditions: match capabilities.is_denied() {
            true => Conditions::default(), // there is nothing that they could narrow
            false => draft.conditions,
        },
        comment: draft.comment,
        notes,
    })
}

#[derive(Default)]
struct Draft {
    capabilities: Capabilities,
    legacy: Capabilities,
    conditions: Conditions,
    comment: Option<String>,
}

impl Draft {
    fn attribute(&mut self, item: Item, rule: At, seen: &mut BTreeSet<String>) -> Result<()> {
        let at = if item.at.line == 0 { rule } else { item.at };
        let [key] = item.keys.as_slice() else {
            return Err(at.error("an attribute has one name"));
        };
        if UNSUPPORTED.contains(&key.as_str()) {
            return Err(at.unsupported(format!("vaultcore does not have the attribute `{key}`")));
        }
        let repeats = !seen.insert(key.clone());
        if repeats && item.assigned {
            return Err(at.error("an attribute that stands twice in one rule"));
        }
        match key.as_str() {
            "capabilities" => self.capabilities = capabilities(item.value, at)?,
            "policy" => self.legacy = legacy(&item.value, at)?,
            "comment" => self.comment = Some(plain(&item.value, at)?),
            "allowed_parameters" => parameters(&mut self.conditions.allowed, item.value, at)?,
            "denied_parameters" => parameters(&mut self.conditions.denied, item.value, at)?,
            "required_parameters" => self.conditions.required = required(item.value, at)?,
            "min_wrapping_ttl" => self.conditions.min_wrapping_ttl = ttl(&item.value, at)?,
            "max_wrapping_ttl" => self.conditions.max_wrapping_ttl = ttl(&item.value, at)?,
            _ => return Err(at.error("an attribute that rules do not have")),
        }
        Ok(())
    }
}

fn list(value: Value, at: At) -> Result<Vec<Value>> {
    match value {
        Value::List(values) => Ok(values),
        _ => Err(at.error("expected a list, such as [\"a\", \"b\"]")),
    }
}

fn plain(value: &Value, at: At) -> Result<String> {
    match value {
        Value::Text(text) => Ok(text.clone()),
        Value::Number(number) => Ok(number.to_string()),
        _ => Err(at.error("expected a text")),
    }
}

fn capabilities(value: Value, at: At) -> Result<Capabilities> {
    let mut found = Capabilities::NONE;
    for word in list(value, at)? {
        let word = plain(&word, at)?;
        found = match Capability::parse(&word) {
            Some(capability) => found.with(capability),
            None if word == "deny" => Capabilities::DENIED,
            None => {
                return Err(at.error(
                    "an unknown capability; there are create, read, update, patch, delete, list, \
                     scan, sudo and deny",
                ));
            }
        };
    }
    // What stands behind a `deny` adds nothing to it.
    Ok(found.and(Capabilities::NONE))
}

/// The words of policies before there were capabilities.
fn legacy(value: &Value, at: At) -> Result<Capabilities> {
    use Capability::{Create, Delete, List, Read, Sudo, Update};
    let words: &[Capability] = match plain(value, at)?.as_str() {
        "deny" => return Ok(Capabilities::DENIED),
        "read" => &[Read, List],
        "write" => &[Create, Read, Update, Delete, List],
        "sudo" => &[Create, Read, Update, Delete, List, Sudo],
        _ => return Err(at.error("`policy` is read, write, sudo or deny")),
    };
    let with = |set: Capabilities, word: &Capability| set.with(*word);
    Ok(words.iter().fold(Capabilities::NONE, with))
}

fn ttl(value: &Value, at: At) -> Result<Option<Duration>> {
    let duration = match value {
        Value::Text(text) => parse_duration(text).map_err(|error| at.error(error))?,
        Value::Number(number) => number
            .as_u64()
            .map(Duration::from_secs)
            .ok_or_else(|| at.error("a TTL is whole seconds, or a text such as \"1h\""))?,
        _ => return Err(at.error("a TTL is seconds or a text")),
    };
    Ok(Some(duration).filter(|duration| !duration.is_zero()))
}

fn required(value: Value, at: At) -> Result<BTreeSet<String>> {
    let names = list(value, at)?;
    let name = |name: &Value| plain(name, at).map(|name| name.to_lowercase());
    names.iter().map(name).collect()
}

fn parameters(all: &mut Parameters, value: Value, at: At) -> Result<()> {
    let objects = match value {
        Value::Object(items) => vec![items],
        // JSON may say a block as a list of objects.
        Value::List(values) => {
            let object = |value| match value {
                Value::Object(items) => Ok(items),
                _ => Err(at.error("expected an object of parameters")),
            };
            values.into_iter().map(object).collect::<Result<_>>()?
        }
        _ => return Err(at.error("expected an object of parameters")),
    };
    for item in objects.into_iter().flatten() {
        let at = if item.at.line == 0 { at } else { item.at };
        let [name] = item.keys.as_slice() else {
            return Err(at.error("a parameter has one name"));
        };
        let values = list(item.value, at)?;
        let values = values.into_iter().map(|value| plain_json(value, at));
        let values = values.collect::<Result<Vec<_>>>()?;
        if all.insert(name.to_lowercase(), values).is_some() {
            return Err(
                at.error("a parameter that stands twice; upper and lower case are the same")
            );
        }
    }
    Ok(())
}

fn plain_json(value: Value, at: At) -> Result<Json> {
    Ok(match value {
        Value::Text(text) => Json::String(text),
        Value::Number(number) => Json::Number(number),
        Value::Bool(value) => Json::Bool(value),
        Value::List(values) => {
            let values = values.into_iter().map(|value| plain_json(value, at));
            Json::Array(values.collect::<Result<_>>()?)
        }
        Value::Object(items) => {
            let mut map = Map::new();
            for mut item in items {
                let (Some(key), true) = (item.keys.pop(), item.keys.is_empty()) else {
                    return Err(at.error("a field of a value has one name"));
                };
                if map.insert(key, plain_json(item.value, at)?).is_some() {
                    return Err(at.error("a field of a value that stands twice"));
                }
            }
            Json::Object(map)
        }
    })
}
