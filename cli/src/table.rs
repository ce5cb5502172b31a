//! Tables for people, as Vault prints them.

use zeroize::Zeroizing;

use crate::json;
use crate::sources::Text;

/// Lays out rows under a head; columns are apart by four spaces.
pub(crate) fn table(head: &[&str], rows: &[Vec<Text>]) -> Text {
    let shown: Vec<Vec<Text>> = rows
        .iter()
        .map(|row| row.iter().map(safe).collect())
        .collect();
    let width = |column: usize| {
        let cells = shown.iter().filter_map(|row| row.get(column));
        let widest = cells
            .map(|cell| cell.chars().count())
            .max()
            .unwrap_or_default();
        head.get(column)
            .map_or(0, |name| name.chars().count())
            .max(widest)
    };
    let widths: Vec<usize> = (0..head.len()).map(width).collect();
    let mut out = Zeroizing::new(String::new());
    push_row(&mut out, &widths, head.iter().copied());
    let lines: Vec<String> = head
        .iter()
        .map(|name| "-".repeat(name.chars().count()))
        .collect();
    push_row(&mut out, &widths, lines.iter().map(String::as_str));
    for row in &shown {
        push_row(&mut out, &widths, row.iter().map(|cell| cell.as_str()));
    }
    out
}

/// Lays out names and values, under `Key` and `Value`.
pub(crate) fn pairs(rows: &[(String, Text)]) -> Text {
    let rows: Vec<Vec<Text>> = rows
        .iter()
        .map(|(name, value)| vec![Text::new(name.clone()), value.clone()])
        .collect();
    table(&["Key", "Value"], &rows)
}

/// Returns the line that stands over a table: its name in a row of `=`, about `width` wide.
pub(crate) fn title(name: &str, width: usize) -> String {
    let room = width.saturating_sub(name.len() + 2);
    let side = match room.div_ceil(2) {
        0 => "==".to_owned(),
        count => "=".repeat(count),
    };
    format!("{side} {name} {side}\n")
}

fn push_row<'c>(out: &mut String, widths: &[usize], cells: impl Iterator<Item = &'c str>) {
    let mut gap = 0;
    for (cell, width) in cells.zip(widths) {
        out.extend(std::iter::repeat_n(' ', gap));
        out.push_str(cell);
        gap = 4 + width.saturating_sub(cell.chars().count());
    }
    out.push('\n');
}

/// Returns a cell without what could take over a terminal.
fn safe(cell: &Text) -> Text {
    let harmless = |c: char| !c.is_control() || matches!(c, '\n' | '\t');
    if cell.chars().all(harmless) {
        return cell.clone();
    }
    let mut shown = Zeroizing::new(String::with_capacity(cell.len() * 2));
    for c in cell.chars() {
        match harmless(c) {
            true => shown.push(c),
            false => shown.extend(c.escape_default()),
        }
    }
    shown
}

/// Returns a JSON value as Vault shows it: texts as they are, lists as `[a b]`, objects as
/// `map[a:b]`, and nothing as `n/a`.
pub(crate) fn cell(value: &str) -> Text {
    match value {
        "\"\"" => Text::new("n/a".to_owned()),
        "null" => Text::new("<nil>".to_owned()),
        _ => inner(value),
    }
}

fn inner(value: &str) -> Text {
    if value == "null" {
        return Text::new("<nil>".to_owned());
    }
    if let Some(text) = json::text(value) {
        return text;
    }
    if let Some(items) = json::array(value) {
        let items: Vec<Text> = items.iter().map(|item| inner(item.get())).collect();
        let items: Vec<&str> = items.iter().map(|item| item.as_str()).collect();
        return Text::new(format!("[{}]", items.join(" ")));
    }
    if let Some(fields) = json::object(value) {
        let fields: Vec<Text> = fields
            .iter()
            .map(|(name, value)| Text::new(format!("{name}:{}", inner(value.get()).as_str())))
            .collect();
        let fields: Vec<&str> = fields.iter().map(|field| field.as_str()).collect();
        return Text::new(format!("map[{}]", fields.join(" ")));
    }
    Text::new(value.to_owned())
}

/// Returns the value of a field: a number of seconds as a duration, if its name says it is one.
pub(crate) fn named_cell(name: &str, value: &str) -> Text {
    match value.parse() {
        Ok(seconds) if is_duration(name) => Text::new(duration(seconds)),
        _ => cell(value),
    }
}

fn is_duration(name: &str) -> bool {
    ["ttl", "period", "duration"].iter().any(|word| {
        let rest = name.strip_suffix(word);
        rest.is_some_and(|rest| rest.is_empty() || rest.ends_with('_'))
    })
}

/// Returns a number of seconds as `1h30m`.
pub(crate) fn duration(seconds: u64) -> String {
    let parts = [
        (seconds / 3_600, 'h'),
        (seconds / 60 % 60, 'm'),
        (seconds % 60, 's'),
    ];
    let parts = parts.iter().filter(|(count, _)| *count > 0);
    let text: String = parts
        .map(|(count, unit)| format!("{count}{unit}"))
        .collect();
    match text.is_empty() {
        true => "0s".to_owned(),
        false => text,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn values_are_shown_as_vault_shows_them() {
        for (json, shown) in [
            (r#""a b""#, "a b"),
            (r#""""#, "n/a"),
            ("null", "<nil>"),
            ("12345678901234567890.50", "12345678901234567890.50"),
            (r#"["a",1,null]"#, "[a 1 <nil>]"),
            (r#"{"b":{"c":[]},"a":true}"#, "map[a:true b:map[c:[]]]"),
        ] {
            assert_eq!(cell(json).as_str(), shown);
        }
        assert_eq!(named_cell("creation_ttl", "5400").as_str(), "1h30m");
        assert_eq!(named_cell("ttl", "0").as_str(), "0s");
        assert_eq!(named_cell("settle", "5400").as_str(), "5400");
        assert_eq!(duration(86_400), "24h");
    }

    #[test]
    fn a_value_cannot_take_over_the_terminal() {
        let evil = Text::new("a\u{1b}[2Jb\u{7}\r".to_owned());
        let shown = pairs(&[("x".to_owned(), evil)]);
        let wanted = "Key    Value\n---    -----\nx      a\\u{1b}[2Jb\\u{7}\\r\n";
        assert_eq!(shown.as_str(), wanted);
    }

    #[test]
    fn titles_are_those_of_openbao() {
        for (name, width, line) in [
            ("Secret Path", 13, "== Secret Path =="),
            ("Metadata Path", 17, "= Metadata Path ="),
            ("Metadata", 24, "======= Metadata ======="),
            ("Data", 10, "== Data =="),
            ("Version 1", 22, "====== Version 1 ======"),
        ] {
            assert_eq!(title(name, width), format!("{line}\n"));
        }
    }
}
