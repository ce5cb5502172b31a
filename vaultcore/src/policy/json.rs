//! Reads the JSON spelling of a policy into the same tree.

use std::fmt;

use serde::de::{DeserializeSeed, Deserializer, MapAccess, SeqAccess, Visitor};
use serde_json::Number;

use super::syntax::{At, Item, MAX_DEPTH, Value, too_deep};
use crate::error::{Error, ErrorKind, Result};

/// Parses a whole text, which is one object.
///
/// A name that comes twice is kept twice, for the reader of the tree to refuse or to join.
pub(super) fn parse(text: &str) -> Result<Vec<Item>> {
    let mut deserializer = serde_json::Deserializer::from_str(text);
    let mut deep = false;
    let seed = Node {
        depth: 0,
        deep: &mut deep,
    };
    let parsed = seed
        .deserialize(&mut deserializer)
        .and_then(|value| deserializer.end().map(|()| value));
    match parsed {
        Ok(Value::Object(items)) => Ok(items),
        Ok(_) => Err(Error::invalid("a policy in JSON is an object")),
        Err(error) => {
            // The parser's own message may quote the text.
            let at = At {
                line: error.line(),
                column: error.column(),
            };
            match deep {
                true => Err(too_deep(at)),
                false => Err(Error::new(
                    ErrorKind::InvalidArgument,
                    format!("{at}: this is not JSON, or has a null"),
                )),
            }
        }
    }
}

struct Node<'d> {
    depth: usize,
    deep: &'d mut bool,
}

impl Node<'_> {
    fn deeper<E: serde::de::Error>(&mut self) -> Result<Node<'_>, E> {
        if self.depth > MAX_DEPTH {
            *self.deep = true;
            return Err(E::custom("too deep"));
        }
        Ok(Node {
            depth: self.depth + 1,
            deep: self.deep,
        })
    }
}

impl<'de> DeserializeSeed<'de> for Node<'_> {
    type Value = Value;

    fn deserialize<D: Deserializer<'de>>(self, deserializer: D) -> Result<Value, D::Error> {
        deserializer.deserialize_any(self)
    }
}

impl<'de> Visitor<'de> for Node<'_> {
    type Value = Value;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("JSON")
    }

    fn visit_str<E>(self, text: &str) -> Result<Value, E> {
        Ok(Value::Text(text.to_owned()))
    }

    fn visit_bool<E>(self, value: bool) -> Result<Value, E> {
        Ok(Value::Bool(value))
    }

    fn visit_unit<E: serde::de::Error>(self) -> Result<Value, E> {
        Err(E::custom("null is no value of a policy"))
    }

    fn visit_u64<E>(self, value: u64) -> Result<Value, E> {
        Ok(Value::Number(value.into()))
    }

    fn visit_i64<E>(self, value: i64) -> Result<Value, E> {
        Ok(Value::Number(value.into()))
    }

    fn visit_f64<E: serde::de::Error>(self, value: f64) -> Result<Value, E> {
        Number::from_f64(value)
            .map(Value::Number)
            .ok_or_else(|| E::custom("not a number"))
    }

    fn visit_seq<A: SeqAccess<'de>>(mut self, mut seq: A) -> Result<Value, A::Error> {
        let mut values = Vec::new();
        while let Some(value) = seq.next_element_seed(self.deeper()?)? {
            values.push(value);
        }
        Ok(Value::List(values))
    }

    fn visit_map<A: MapAccess<'de>>(mut self, mut map: A) -> Result<Value, A::Error> {
        let mut items = Vec::new();
        while let Some(key) = map.next_key::<String>()? {
            items.push(Item {
                at: At { line: 0, column: 0 },
                keys: vec![key],
                assigned: true,
                value: map.next_value_seed(self.deeper()?)?,
                notes: Vec::new(),
            });
        }
        Ok(Value::Object(items))
    }
}
