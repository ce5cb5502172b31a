//! Finds the most specific pattern that covers a path, without looking at the others.
//!
//! Patterns are kept by segments. Each has a rank, which orders all patterns by how specific they
//! are; each node knows the greatest rank below it, so that a branch which can not win is not
//! walked. A search therefore costs what the path costs, whatever the number of patterns; only
//! patterns with `+` at many places that contradict each other make it walk more than one way.

use std::collections::HashMap;

use super::pattern::Pattern;

#[derive(Default)]
pub(super) struct Trie {
    nodes: Vec<Node>, // None if there is no pattern.
}

/// A pattern's place in the order, and which one it is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct Found {
    pub(super) rank: u32,
    pub(super) rule: u32,
}

#[derive(Default)]
struct Node {
    literal: HashMap<Box<str>, u32>,
    plus: Option<u32>,
    /// A pattern that ends with this segment.
    end: Option<Found>,
    /// Patterns that end in the next segment with `*`, in byte order of what stands before it.
    beginnings: Vec<Beginning>,
    /// The greatest rank of all patterns at and below this node.
    best: u32,
}

struct Beginning {
    text: Box<str>,
    /// The most specific of this one and those that it begins with.
    found: Found,
    /// The longest other one that this one begins with.
    shorter: Option<u32>,
}

impl Trie {
    /// Builds a trie of `patterns`, of which none stands twice.
    pub(super) fn build<'p>(patterns: impl IntoIterator<Item = (&'p Pattern, u32)>) -> Self {
        let mut patterns: Vec<_> = patterns.into_iter().collect();
        patterns.sort_by(|(a, _), (b, _)| a.priority().cmp(&b.priority()));
        let mut trie = Self::default();
        if !patterns.is_empty() {
            trie.nodes.push(Node::default());
        }
        for (rank, (pattern, rule)) in (1u32..).zip(patterns) {
            trie.insert(pattern, Found { rank, rule });
        }
        for node in &mut trie.nodes {
            node.finish();
        }
        trie
    }

    fn insert(&mut self, pattern: &Pattern, found: Found) {
        let (parents, last) = match pattern.is_prefix() {
            true => pattern
                .literal()
                .rsplit_once('/')
                .map_or((None, pattern.literal()), |(p, l)| (Some(p), l)),
            false => (Some(pattern.literal()), ""),
        };
        let mut at = 0u32;
        self.raise(at, found.rank);
        for segment in parents.into_iter().flat_map(|parents| parents.split('/')) {
            at = self.child(at, segment, pattern.is_wild());
            self.raise(at, found.rank);
        }
        let Some(node) = self.node_mut(at) else {
            return;
        };
        match pattern.is_prefix() {
            true => node.beginnings.push(Beginning {
                text: last.into(),
                found,
                shorter: None,
            }),
            false => node.end = Some(found),
        }
    }

    fn raise(&mut self, at: u32, rank: u32) {
        if let Some(node) = self.node_mut(at) {
            node.best = node.best.max(rank);
        }
    }

    fn child(&mut self, at: u32, segment: &str, wild: bool) -> u32 {
        let new = u32::try_from(self.nodes.len()).unwrap_or(u32::MAX);
        let Some(node) = self.node_mut(at) else {
            return new;
        };
        let child = match wild && segment == "+" {
            true => *node.plus.get_or_insert(new),
            false => *node.literal.entry(segment.into()).or_insert(new),
        };
        if child == new {
            self.nodes.push(Node::default());
        }
        child
    }

    fn node(&self, at: u32) -> Option<&Node> {
        self.nodes.get(usize::try_from(at).ok()?)
    }

    fn node_mut(&mut self, at: u32) -> Option<&mut Node> {
        self.nodes.get_mut(usize::try_from(at).ok()?)
    }

    pub(super) fn is_empty(&self) -> bool {
        self.nodes.is_empty()
    }

    /// Returns the pattern of the greatest rank that covers `path`.
    pub(super) fn find(&self, path: &str) -> Option<Found> {
        let mut best = None;
        self.walk(self.nodes.first()?, Some(path), &mut best);
        best
    }

    /// Walks from `node` on what is left of the path; `None` if nothing is.
    fn walk(&self, node: &Node, rest: Option<&str>, best: &mut Option<Found>) {
        if best.is_some_and(|best| best.rank >= node.best) {
            return;
        }
        let Some(rest) = rest else {
            *best = (*best).max(node.end);
            return;
        };
        *best = (*best).max(node.longest_beginning(rest));
        let (segment, rest) = match rest.split_once('/') {
            Some((segment, rest)) => (segment, Some(rest)),
            None => (rest, None),
        };
        // The literal way first: what is there is nearly always more specific.
        if let Some(child) = node
            .literal
            .get(segment)
            .and_then(|child| self.node(*child))
        {
            self.walk(child, rest, best);
        }
        if let Some(child) = node.plus.and_then(|child| self.node(child)) {
            self.walk(child, rest, best);
        }
    }
}

impl Node {
    fn finish(&mut self) {
        self.beginnings.sort_by(|a, b| a.text.cmp(&b.text));
        for index in 1..self.beginnings.len() {
            let (before, from) = self.beginnings.split_at_mut(index);
            let Some(one) = from.first_mut() else {
                return;
            };
            let Some(index) = longest(before, &one.text) else {
                continue;
            };
            one.shorter = u32::try_from(index).ok();
            if let Some(shorter) = before.get(index) {
                one.found = one.found.max(shorter.found);
            }
        }
    }

    /// The most specific pattern here that `rest` begins with.
    fn longest_beginning(&self, rest: &str) -> Option<Found> {
        let index = longest(&self.beginnings, rest)?;
        self.beginnings.get(index).map(|one| one.found)
    }
}

/// Finds the longest of `sorted` that `text` begins with: the last one not above `text`, or one
/// that this begins with.
fn longest(sorted: &[Beginning], text: &str) -> Option<usize> {
    let mut index = sorted
        .partition_point(|one| *one.text <= *text)
        .checked_sub(1)?;
    loop {
        let one = sorted.get(index)?;
        if text.starts_with(&*one.text) {
            return Some(index);
        }
        index = usize::try_from(one.shorter?).ok()?;
    }
}
