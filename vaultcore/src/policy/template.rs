//! Identity templates in the path of a rule: `{{identity.entity.id}}` and what else there is.

use std::collections::BTreeMap;

use unicode_normalization::is_nfc;

use super::pattern::MAX_PATTERN;
use crate::error::{Error, Result};

/// Who asks, for the templates of policies.
///
/// ```
/// use vaultcore::policy::{Acl, Capability, Entity, Identity, Policy};
/// let policy = Policy::parse(
///     r#"path "homes/{{identity.entity.name}}/*" { capabilities = ["read"] }"#,
/// )?;
/// let mut alice = Entity::default();
/// alice.name = "alice".to_owned();
/// let mut identity = Identity::default();
/// identity.entity = Some(alice);
/// let acl = Acl::compile([("home", &policy)], Some(&identity));
/// assert!(acl.capabilities("homes/alice/x").contains(Capability::Read));
/// assert!(acl.capabilities("homes/bob/x").is_empty());
/// # Ok::<(), vaultcore::Error>(())
/// ```
#[non_exhaustive]
#[derive(Clone, Default)]
pub struct Identity {
    /// The entity of the token, if it has one.
    pub entity: Option<Entity>,
    /// The groups that the entity belongs to, those of its groups included.
    pub groups: Vec<Group>,
}

/// The entity of a token; see [`Identity`].
///
/// ```
/// let mut entity = vaultcore::policy::Entity::default();
/// entity.metadata.insert("team".to_owned(), "blue".to_owned());
/// ```
#[non_exhaustive]
#[derive(Clone, Default)]
pub struct Entity {
    /// `identity.entity.id`
    pub id: String,
    /// `identity.entity.name`
    pub name: String,
    /// `identity.entity.metadata.KEY`
    pub metadata: BTreeMap<String, String>,
    /// `identity.entity.aliases.ACCESSOR..`, by the accessor of the alias's mount.
    pub aliases: BTreeMap<String, Alias>,
}

/// An alias of an entity; see [`Identity`].
///
/// ```
/// let mut alias = vaultcore::policy::Alias::default();
/// alias.name = "alice@example.org".to_owned();
/// ```
#[non_exhaustive]
#[derive(Clone, Default)]
pub struct Alias {
    /// `..id`
    pub id: String,
    /// `..name`
    pub name: String,
    /// `..metadata.KEY`
    pub metadata: BTreeMap<String, String>,
    /// `..custom_metadata.KEY`
    pub custom_metadata: BTreeMap<String, String>,
}

/// A group of an entity; see [`Identity`].
///
/// ```
/// let mut group = vaultcore::policy::Group::default();
/// group.name = "operators".to_owned();
/// ```
#[non_exhaustive]
#[derive(Clone, Default)]
pub struct Group {
    /// `identity.groups.names.NAME.id`
    pub id: String,
    /// `identity.groups.ids.ID.name`
    pub name: String,
    /// `identity.groups.ids.ID.metadata.KEY`
    pub metadata: BTreeMap<String, String>,
}

/// The path of a rule: literal text and slots in turn, a literal first and last.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Template {
    /// As it was written, but for a slash in front.
    text: String,
    /// A slot, and the literal behind it.
    slots: Vec<(String, String)>,
    head: String,
}

impl Template {
    /// Parses `text`; a slot may name what does not exist, and then it is never rendered.
    pub(super) fn parse(text: &str) -> Result<Self> {
        let unbalanced = || Error::invalid("`{{` and `}}` do not stand in pairs");
        let mut pieces = text.split("{{");
        let head = pieces.next().unwrap_or_default();
        if head.contains("}}") {
            return Err(unbalanced());
        }
        let mut slots = Vec::new();
        for piece in pieces {
            let (slot, literal) = piece.split_once("}}").ok_or_else(unbalanced)?;
            if literal.contains("}}") {
                return Err(unbalanced());
            }
            slots.push((slot.trim().to_owned(), literal.to_owned()));
        }
        Ok(Self {
            text: text.to_owned(),
            slots,
            head: head.to_owned(),
        })
    }

    pub(super) fn as_str(&self) -> &str {
        &self.text
    }

    pub(super) fn is_plain(&self) -> bool {
        self.slots.is_empty()
    }

    /// The literal before the first slot: it covers all that the rule could cover.
    pub(super) fn head(&self) -> &str {
        &self.head
    }

    /// Whether there is an identity that all slots can be rendered for.
    pub(super) fn can_render(&self) -> bool {
        self.slots.iter().all(|(slot, _)| is_known(slot))
    }

    /// Returns the path for `identity`.
    ///
    /// `None` if a slot has no value, or one that could widen the rule: an empty one, one with a
    /// wildcard or a slash, or with a control character. `None` too if no path can be so.
    pub(super) fn render(&self, identity: Option<&Identity>) -> Option<String> {
        let mut path = self.head.clone();
        for (slot, literal) in &self.slots {
            let value = value(slot, identity?)?;
            if value.is_empty() || value.contains(['*', '+', '/']) {
                return None;
            }
            if value.chars().any(char::is_control) {
                return None;
            }
            path.push_str(value);
            path.push_str(literal);
        }
        Some(path).filter(|path| path.len() <= MAX_PATTERN && is_nfc(path))
    }
}

fn value<'i>(slot: &str, identity: &'i Identity) -> Option<&'i str> {
    let rest = slot.strip_prefix("identity.")?;
    if let Some(field) = rest.strip_prefix("entity.") {
        let entity = identity.entity.as_ref()?;
        return entity_value(field, entity);
    }
    let (by, rest) = rest.strip_prefix("groups.")?.split_once('.')?;
    let (wanted, field) = rest.split_once('.')?;
    let mut groups = identity.groups.iter();
    let group = match by {
        "ids" => groups.find(|group| group.id == wanted)?,
        "names" => groups.find(|group| group.name == wanted)?,
        _ => return None,
    };
    match field {
        "id" => Some(&group.id),
        "name" => Some(&group.name),
        _ => group
            .metadata
            .get(field.strip_prefix("metadata.")?)
            .map(String::as_str),
    }
}

fn entity_value<'i>(field: &str, entity: &'i Entity) -> Option<&'i str> {
    match field {
        "id" => return Some(&entity.id),
        "name" => return Some(&entity.name),
        _ => {}
    }
    if let Some(key) = field.strip_prefix("metadata.") {
        return entity.metadata.get(key).map(String::as_str);
    }
    let (accessor, field) = field.strip_prefix("aliases.")?.split_once('.')?;
    let alias = entity.aliases.get(accessor)?;
    let found = match field {
        "id" => return Some(&alias.id),
        "name" => return Some(&alias.name),
        _ => match field.strip_prefix("metadata.") {
            Some(key) => alias.metadata.get(key),
            None => alias
                .custom_metadata
                .get(field.strip_prefix("custom_metadata.")?),
        },
    };
    found.map(String::as_str)
}

/// Whether a slot names something that an identity can have.
fn is_known(slot: &str) -> bool {
    let Some(rest) = slot.strip_prefix("identity.") else {
        return false;
    };
    let keyed = |field: &str, prefix: &str| {
        field
            .strip_prefix(prefix)
            .is_some_and(|key| !key.is_empty())
    };
    let named = |field: &str| matches!(field, "id" | "name") || keyed(field, "metadata.");
    if let Some(field) = rest.strip_prefix("entity.") {
        let alias = field
            .strip_prefix("aliases.")
            .and_then(|rest| rest.split_once('.'));
        return match alias {
            Some((accessor, field)) => {
                !accessor.is_empty() && (named(field) || keyed(field, "custom_metadata."))
            }
            None => named(field),
        };
    }
    let by = rest
        .strip_prefix("groups.ids.")
        .or(rest.strip_prefix("groups.names."));
    let group = by.and_then(|rest| rest.split_once('.'));
    group.is_some_and(|(wanted, field)| !wanted.is_empty() && named(field))
}

#[cfg(test)]
pub(super) mod tests {
    use super::*;

    /// An identity in which every kind of slot has the value `value`.
    pub(in crate::policy) fn everywhere(value: &str) -> Identity {
        let map = || BTreeMap::from([("k".to_owned(), value.to_owned())]);
        let alias = Alias {
            id: value.to_owned(),
            name: value.to_owned(),
            metadata: map(),
            custom_metadata: map(),
        };
        let entity = Entity {
            id: value.to_owned(),
            name: value.to_owned(),
            metadata: map(),
            aliases: BTreeMap::from([("acc".to_owned(), alias)]),
        };
        let group = |id: &str, name: &str| Group {
            id: id.to_owned(),
            name: name.to_owned(),
            metadata: map(),
        };
        Identity {
            entity: Some(entity),
            groups: vec![group("g1", value), group(value, "g2")],
        }
    }

    pub(in crate::policy) const SLOTS: &[&str] = &[
        "identity.entity.id",
        "identity.entity.name",
        "identity.entity.metadata.k",
        "identity.entity.aliases.acc.id",
        "identity.entity.aliases.acc.name",
        "identity.entity.aliases.acc.metadata.k",
        "identity.entity.aliases.acc.custom_metadata.k",
        "identity.groups.ids.g1.name",
        "identity.groups.ids.g1.metadata.k",
        "identity.groups.names.g2.id",
        "identity.groups.names.g2.metadata.k",
    ];

    #[test]
    fn every_slot_renders() {
        let identity = everywhere("v");
        for slot in SLOTS {
            let template = Template::parse(&format!("a/{{{{ {slot} }}}}/b")).expect("parses");
            assert!(template.can_render(), "{slot}");
            assert_eq!(
                template.render(Some(&identity)).as_deref(),
                Some("a/v/b"),
                "{slot}"
            );
            assert_eq!(template.render(None), None);
            assert_eq!(template.render(Some(&Identity::default())), None);
        }
    }

    #[test]
    fn what_no_identity_has_is_never_rendered() {
        let identity = everywhere("v");
        for slot in [
            "",
            "identity",
            "identity.entity",
            "identity.entity.groups.names",
            "identity.groups.names",
            "identity.groups.names.g2",
            "identity.groups.others.g2.id",
            "identity.entity.metadata",
            "identity.entity.metadata.",
            "identity.entity.aliases.acc",
            "identity.entity.aliases..id",
            "time.now",
            "entity.id",
            "identity.entity.aliases.acc.other",
        ] {
            let template = Template::parse(&format!("a/{{{{{slot}}}}}")).expect("parses");
            assert!(!template.can_render(), "{slot}");
            assert_eq!(template.render(Some(&identity)), None, "{slot}");
        }
    }

    #[test]
    fn braces_stand_in_pairs() {
        for bad in ["{{", "}}", "a{{b}}}}", "{{a}}{{", "{{{{a}}", "}}{{"] {
            assert!(Template::parse(bad).is_err(), "{bad}");
        }
        for good in ["", "a", "{a}", "{{a}}", "{{a}}{{b}}"] {
            assert_eq!(Template::parse(good).expect(good).as_str(), good);
        }
    }
}
