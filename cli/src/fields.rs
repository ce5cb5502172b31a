//! Fields given as `name=value`, in the ways of Vault.
//!
//! `name=value` is a text, `name=@file` the content of a file, `name=-` standard input, `@file` and
//! `-` a whole JSON object, and `name=\@text` the text `@text`. A name given twice is a list.

use std::path::Path;

use crate::failure::{Failure, Result};
use crate::json::{self, Object};
use crate::sources::{Sources, Text};

/// Fields in the order in which they were given.
#[derive(Default)]
pub(crate) struct Given {
    fields: Vec<(String, Vec<Text>)>,
}

impl Given {
    /// Reads the fields that `words` give.
    pub(crate) fn read(words: &[String], sources: &Sources) -> Result<Self> {
        let mut given = Self::default();
        for word in words {
            given.add(word, sources)?;
        }
        Ok(given)
    }

    fn add(&mut self, word: &str, sources: &Sources) -> Result<()> {
        if word == "-" {
            return self.add_object(&sources.stdin()?, "standard input");
        }
        if let Some(path) = word.strip_prefix('@') {
            let what = "the file behind `@`";
            return self.add_object(&sources.file(Path::new(path), what)?, what);
        }
        let (name, value) = word.split_once('=').ok_or_else(|| {
            Failure::local("data is given as name=value, name=@file, name=-, @file or -")
        })?;
        if name.is_empty() {
            return Err(Failure::local("a field has no name"));
        }
        let text = match (value, value.strip_prefix('@')) {
            ("-", _) => sources.stdin()?,
            (_, Some(path)) => sources.file(Path::new(path), "the file of a field")?,
            _ => Text::new(
                value
                    .strip_prefix("\\")
                    .filter(is_escaped)
                    .unwrap_or(value)
                    .to_owned(),
            ),
        };
        self.push(name, json::quoted(&text));
        Ok(())
    }

    fn add_object(&mut self, text: &str, what: &str) -> Result<()> {
        json::check_object(text, what)?;
        for (name, value) in json::object(text).into_iter().flatten() {
            self.push(&name, Text::new(value.get().to_owned()));
        }
        Ok(())
    }

    fn push(&mut self, name: &str, json: Text) {
        match self.fields.iter_mut().find(|(known, _)| known == name) {
            Some((_, values)) => values.push(json),
            None => self.fields.push((name.to_owned(), vec![json])),
        }
    }

    pub(crate) fn is_empty(&self) -> bool {
        self.fields.is_empty()
    }

    /// Takes a text out; `None` if it was not given.
    pub(crate) fn take(&mut self, name: &str) -> Result<Option<Text>> {
        let Some(index) = self.fields.iter().position(|(known, _)| known == name) else {
            return Ok(None);
        };
        let (_, values) = self.fields.remove(index);
        match values.as_slice() {
            [one] => json::text(one).map(Some),
            _ => None,
        }
        .ok_or_else(|| Failure::local(format!("`{name}` is one text")))
    }

    /// Returns the fields as an object.
    pub(crate) fn object(&self) -> Object {
        self.fields
            .iter()
            .fold(Object::new(), |object, (name, values)| {
                match values.as_slice() {
                    [one] => object.raw(name, one),
                    many => {
                        let items: Vec<&str> = many.iter().map(|item| item.as_str()).collect();
                        object.raw(name, &Text::new(format!("[{}]", items.join(","))))
                    }
                }
            })
    }

    /// Returns names and texts, as a query has them.
    pub(crate) fn query(&self) -> Vec<(&str, Text)> {
        let pairs = self.fields.iter().flat_map(|(name, values)| {
            values.iter().map(move |value| {
                let text = json::text(value);
                (name.as_str(), text.unwrap_or_else(|| value.clone()))
            })
        });
        pairs.collect()
    }
}

fn is_escaped(rest: &&str) -> bool {
    rest.starts_with('@') || *rest == "-"
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(words: &[&str]) -> Result<String> {
        let words: Vec<String> = words.iter().map(|word| (*word).to_owned()).collect();
        let given = Given::read(&words, &Sources::default())?;
        Ok(given.object().finish().to_string())
    }

    #[test]
    fn fields_are_read_as_vault_reads_them() {
        for (words, json) in [
            (&["a=1", "b=x=y"][..], r#"{"a":"1","b":"x=y"}"#),
            (&["a=1", "a=2"], r#"{"a":["1","2"]}"#),
            (&["a="], r#"{"a":""}"#),
            (&[r"a=\@x"], r#"{"a":"@x"}"#),
            (&[r"a=\-"], r#"{"a":"-"}"#),
            (&[r"a=\x"], r#"{"a":"\\x"}"#),
            (&[], "{}"),
        ] {
            assert_eq!(read(words).expect("fields"), json);
        }
    }

    #[test]
    fn what_is_no_field_is_refused_without_being_quoted() {
        for word in ["hunter2", "=hunter2", "@/no/hunter2", "a=@/no/hunter2"] {
            let Err(Failure::Local(text)) = read(&[word]) else {
                panic!("{word} was taken");
            };
            assert!(!text.contains("hunter2"), "{text}");
        }
    }
}
