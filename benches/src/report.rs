//! One line of the report, as JSON between processes and as a table for readers.

use serde_json::{Value, json};

use crate::harness::{Race, Ratio};
use crate::{Result, misses::Miss};

/// What a ratio must be.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) enum Goal {
    AtLeast(f64),
    AtMost(f64),
    /// Measured for comparison only.
    None,
}

/// One line: ours, theirs, and how they compare.
#[derive(Clone, Debug)]
pub(crate) struct Row {
    /// The number of the goal.
    pub(crate) number: u32,
    pub(crate) name: String,
    pub(crate) what: String,
    pub(crate) ours: String,
    pub(crate) theirs: String,
    pub(crate) who: String,
    pub(crate) ratio: Option<f64>,
    /// The middle half of the rounds' ratios.
    pub(crate) spread: Option<(f64, f64)>,
    pub(crate) goal: Goal,
    pub(crate) note: String,
}

impl Row {
    /// Begins a line without figures.
    pub(crate) fn new(number: u32, name: &str, what: &str) -> Self {
        Self {
            number,
            name: name.to_owned(),
            what: what.to_owned(),
            ours: "-".to_owned(),
            theirs: "-".to_owned(),
            who: "-".to_owned(),
            ratio: None,
            spread: None,
            goal: Goal::None,
            note: String::new(),
        }
    }

    /// Compares two sides of a race: how many times as fast as `theirs` is `ours`?
    pub(crate) fn speed(self, race: &Race, ours: usize, (theirs, who): (usize, &str)) -> Self {
        let times = (race.nanos(ours), race.nanos(theirs));
        self.times(times, who).measured(race.speed(ours, theirs))
    }

    /// Sets what a race of us against a peer gave, or says why there was none.
    pub(crate) fn against(self, race: Result<Race>, who: &str) -> Self {
        match race {
            Ok(race) => self.speed(&race, 0, (1, who)),
            Err(reason) => self.skipped(reason),
        }
    }

    /// Says why there is no figure.
    pub(crate) fn skipped(self, reason: impl std::fmt::Display) -> Self {
        self.note(format!("skipped: {reason}"))
    }

    /// Sets the times of both sides, in nanoseconds.
    pub(crate) fn times(mut self, (ours, theirs): (f64, f64), who: &str) -> Self {
        (self.ours, self.theirs) = (duration(ours), duration(theirs));
        who.clone_into(&mut self.who);
        self
    }

    pub(crate) fn measured(mut self, ratio: Ratio) -> Self {
        self.ratio = Some(ratio.median);
        self.spread = Some((ratio.low, ratio.high));
        self
    }

    /// Sets a single figure that the goal is about.
    pub(crate) fn figure(mut self, ours: String, ratio: f64) -> Self {
        self.ours = ours;
        self.ratio = Some(ratio);
        self
    }

    pub(crate) fn goal(mut self, goal: Goal) -> Self {
        self.goal = goal;
        self
    }

    pub(crate) fn note(mut self, note: impl Into<String>) -> Self {
        self.note = note.into();
        self
    }

    /// Whether the goal is met; nothing if there is no goal or no figure.
    pub(crate) fn met(&self) -> Option<bool> {
        let ratio = self.ratio?;
        match self.goal {
            Goal::AtLeast(bound) => Some(ratio >= bound),
            Goal::AtMost(bound) => Some(ratio <= bound),
            Goal::None => None,
        }
    }

    pub(crate) fn to_json(&self) -> Value {
        json!({
            "number": self.number, "name": self.name, "what": self.what,
            "ours": self.ours, "theirs": self.theirs, "who": self.who,
            "ratio": self.ratio, "spread": self.spread, "goal": goal_text(self.goal),
            "met": self.met(), "note": self.note,
        })
    }

    pub(crate) fn from_json(value: &Value) -> Result<Self> {
        let text = |name: &str| value[name].as_str().unwrap_or_default().to_owned();
        let number = value["number"].as_u64().ok_or("a row has no number")?;
        let bounds = (value["spread"][0].as_f64(), value["spread"][1].as_f64());
        Ok(Self {
            number: u32::try_from(number)?,
            name: text("name"),
            what: text("what"),
            ours: text("ours"),
            theirs: text("theirs"),
            who: text("who"),
            ratio: value["ratio"].as_f64(),
            spread: bounds.0.zip(bounds.1),
            goal: parse_goal(&text("goal"))?,
            note: text("note"),
        })
    }

    /// Returns the line of the table.
    pub(crate) fn to_markdown(&self, miss: Option<&Miss>) -> String {
        let ratio = self.ratio.map_or_else(|| "-".to_owned(), number);
        let spread = self
            .spread
            .map(|(low, high)| format!(" ({} - {})", number(low), number(high)));
        let met = match (self.met(), miss) {
            (Some(true), _) => "yes",
            (Some(false), Some(_)) => "no, see misses.toml",
            (Some(false), None) => "**no**",
            (None, _) => "-",
        };
        format!(
            "| {} | {} | {} | {} | {} | {} | {ratio}{} | {} | {met} | {} |\n",
            self.number,
            self.name,
            self.what,
            self.ours,
            self.theirs,
            self.who,
            spread.unwrap_or_default(),
            goal_text(self.goal),
            self.note
        )
    }
}

/// The head of the table.
pub(crate) const HEAD: &str = "\
| goal | row | operation | ours | theirs | theirs is | ratio (middle half) | wanted | met | note |
|---|---|---|---|---|---|---|---|---|---|
";

/// Writes a time in the unit that suits it.
pub(crate) fn duration(nanos: f64) -> String {
    match nanos {
        _ if nanos < 1e3 => format!("{nanos:.0} ns"),
        _ if nanos < 1e6 => format!("{:.2} us", nanos / 1e3),
        _ if nanos < 1e9 => format!("{:.2} ms", nanos / 1e6),
        _ => format!("{:.2} s", nanos / 1e9),
    }
}

fn number(value: f64) -> String {
    match value {
        _ if value.abs() >= 100.0 => format!("{value:.0}"),
        _ if value.abs() >= 10.0 => format!("{value:.1}"),
        _ => format!("{value:.2}"),
    }
}

fn goal_text(goal: Goal) -> String {
    match goal {
        Goal::AtLeast(bound) => format!(">= {bound}"),
        Goal::AtMost(bound) => format!("<= {bound}"),
        Goal::None => "-".to_owned(),
    }
}

fn parse_goal(text: &str) -> Result<Goal> {
    match text.split_once(' ') {
        Some((">=", bound)) => Ok(Goal::AtLeast(bound.parse()?)),
        Some(("<=", bound)) => Ok(Goal::AtMost(bound.parse()?)),
        _ => Ok(Goal::None),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_row_survives_the_way_between_processes() {
        let row = Row::new(6, "kv-put", "a put")
            .figure("1 us".to_owned(), 0.8)
            .goal(Goal::AtLeast(0.95))
            .note("noted");
        let back = Row::from_json(&row.to_json()).expect("parses");
        assert_eq!(back.to_json(), row.to_json());
        assert_eq!(back.met(), Some(false));
        assert_eq!(back.goal(Goal::AtMost(0.95)).met(), Some(true));
    }

    #[test]
    fn without_a_figure_nothing_is_met() {
        assert_eq!(Row::new(1, "a", "b").goal(Goal::AtLeast(0.0)).met(), None);
    }
}
