//! Which path is answered by what.

use zeroize::Zeroizing;

use super::Verb;

/// One path of an engine, and what it does for each verb.
///
/// A pattern is segments; `{name}` takes one segment, `{name..}` at the end takes all that is
/// left, which may be nothing and may hold slashes.
pub(crate) struct Route<H: 'static> {
    pub(crate) pattern: &'static str,
    pub(crate) verbs: &'static [(Verb, H)],
}

/// What the parts of a pattern took.
#[derive(Default)]
pub(crate) struct Captures(Vec<(&'static str, Zeroizing<String>)>);

impl Captures {
    /// Returns what `name` took; a name that the pattern lacks took nothing.
    pub(crate) fn get(&self, name: &str) -> &str {
        let found = self.0.iter().find(|(part, _)| *part == name);
        found.map_or("", |(_, value)| value.as_str())
    }
}

/// Returns the first route whose pattern fits `path`, and what its parts took.
pub(crate) fn find<'r, H>(routes: &'r [Route<H>], path: &str) -> Option<(&'r Route<H>, Captures)> {
    routes
        .iter()
        .find_map(|route| Some((route, capture(route.pattern, path)?)))
}

fn capture(pattern: &'static str, path: &str) -> Option<Captures> {
    let mut captures = Captures::default();
    let mut rest = Some(path);
    for part in pattern.split('/') {
        if let Some(name) = part.strip_prefix('{').and_then(|p| p.strip_suffix("..}")) {
            let value = Zeroizing::new(rest.unwrap_or_default().to_owned());
            captures.0.push((name, value));
            return Some(captures);
        }
        let (segment, behind) = split(rest?);
        match part.strip_prefix('{').and_then(|p| p.strip_suffix('}')) {
            Some(name) if !segment.is_empty() => {
                captures.0.push((name, Zeroizing::new(segment.to_owned())));
            }
            None if segment == part => {}
            _ => return None,
        }
        rest = behind;
    }
    // A slash at the end is the same path, as in Vault's lists.
    matches!(rest, None | Some("")).then_some(captures)
}

fn split(path: &str) -> (&str, Option<&str>) {
    match path.split_once('/') {
        Some((segment, rest)) => (segment, Some(rest)),
        None => (path, None),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const ROUTES: &[Route<u8>] = &[
        Route {
            pattern: "config",
            verbs: &[],
        },
        Route {
            pattern: "role/{name}/id",
            verbs: &[],
        },
        Route {
            pattern: "data/{path..}",
            verbs: &[],
        },
    ];

    fn found(path: &str) -> Option<(&'static str, String)> {
        let (route, captures) = find(ROUTES, path)?;
        let value = format!("{}{}", captures.get("name"), captures.get("path"));
        Some((route.pattern, value))
    }

    #[test]
    fn patterns_take_what_they_say() {
        let id = "role/{name}/id";
        assert_eq!(found("config"), Some(("config", String::new())));
        assert_eq!(found("config/"), Some(("config", String::new())));
        assert_eq!(found("role/a/id"), Some((id, "a".into())));
        assert_eq!(found("data/a/b/"), Some(("data/{path..}", "a/b/".into())));
        assert_eq!(found("data"), Some(("data/{path..}", String::new())));
        for none in [
            "configs",
            "config/x",
            "role//id",
            "role/a",
            "role/a/id/x",
            "",
        ] {
            assert_eq!(found(none), None, "{none}");
        }
    }
}
