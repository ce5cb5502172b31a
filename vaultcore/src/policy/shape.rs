//! Paths that stand for all that two patterns both cover.

use std::collections::BTreeSet;

use super::pattern::Pattern;

/// What several patterns cover at once, segment by segment.
#[derive(Clone, Debug)]
pub(super) struct Shape {
    segments: Vec<Segment>,
    /// Anything may follow: the last segment is a beginning then.
    open: bool,
}

#[derive(Clone, Debug, PartialEq)]
enum Segment {
    Literal(String),
    Any,
    /// All that begins so.
    Begins(String),
}

impl Shape {
    pub(super) fn of(pattern: &Pattern) -> Self {
        let segments = pattern.literal().split('/').map(|segment| match segment {
            "+" if pattern.is_wild() => Segment::Any,
            segment => Segment::Literal(segment.to_owned()),
        });
        let mut segments: Vec<_> = segments.collect();
        if let Some(last) = segments.last_mut().filter(|_| pattern.is_prefix()) {
            // A `+` never stands before the `*`.
            if let Segment::Literal(text) = last {
                *last = Segment::Begins(std::mem::take(text));
            }
        }
        Self {
            segments,
            open: pattern.is_prefix(),
        }
    }

    /// The folders of this name: the same with a slash at the end.
    pub(super) fn folder(mut self) -> Self {
        if !self.open {
            self.segments.push(Segment::Literal(String::new()));
        }
        self
    }

    /// What both cover, if there is anything.
    pub(super) fn meet(&self, other: &Self) -> Option<Self> {
        let count = self.segments.len().max(other.segments.len());
        let mut segments = Vec::with_capacity(count);
        for index in 0..count {
            segments.push(match (self.at(index)?, other.at(index)?) {
                (Some(one), Some(other)) => one.meet(other)?,
                (one, other) => one.or(other)?.clone(),
            });
        }
        Some(Self {
            segments,
            open: self.open && other.open,
        })
    }

    /// The segment at `index`; nothing inside if it is free there, and `None` if it has ended.
    fn at(&self, index: usize) -> Option<Option<&Segment>> {
        match self.segments.get(index) {
            Some(segment) => Some(Some(segment)),
            None => self.open.then_some(None),
        }
    }

    /// Adds a path of each kind that patterns of at most `depth` segments can tell apart. `name` is
    /// one that no pattern has.
    pub(super) fn paths(&self, name: &str, depth: usize, paths: &mut BTreeSet<String>) {
        let mut begun = vec![String::new()];
        for (index, segment) in self.segments.iter().enumerate() {
            let slash = if index == 0 { "" } else { "/" };
            let spelled = match segment {
                Segment::Literal(text) => vec![text.clone()],
                Segment::Any => vec![name.to_owned()],
                Segment::Begins(text) => vec![text.clone(), format!("{text}{name}")],
            };
            begun = begun
                .iter()
                .flat_map(|begin| {
                    spelled
                        .iter()
                        .map(move |one| format!("{begin}{slash}{one}"))
                })
                .collect();
        }
        for mut path in begun {
            let more = if self.open {
                depth.saturating_sub(self.segments.len()) + 1
            } else {
                0
            };
            for _ in 0..more {
                paths.insert(format!("{path}/"));
                paths.insert(path.clone());
                path = format!("{path}/{name}");
            }
            paths.insert(path);
        }
    }
}

impl Segment {
    fn meet(&self, other: &Self) -> Option<Self> {
        use Segment::{Any, Begins, Literal};
        Some(match (self, other) {
            (Any, one) | (one, Any) => one.clone(),
            (Literal(one), Literal(other)) => Literal(one.clone()).only(one == other)?,
            (Literal(text), Begins(begin)) | (Begins(begin), Literal(text)) => {
                Literal(text.clone()).only(text.starts_with(begin.as_str()))?
            }
            (Begins(one), Begins(other)) => {
                let longer = if one.len() < other.len() { other } else { one };
                let begins = longer.starts_with(one.as_str()) && longer.starts_with(other.as_str());
                Begins(longer.clone()).only(begins)?
            }
        })
    }

    fn only(self, fits: bool) -> Option<Self> {
        fits.then_some(self)
    }
}
