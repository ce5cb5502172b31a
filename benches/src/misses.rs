//! `benches/misses.toml`: goals that are missed, and why. A row in there does not fail the run.

use crate::Result;

/// Why one row misses its goal.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct Miss {
    pub(crate) row: String,
    pub(crate) ratio: String,
    pub(crate) cause: String,
    pub(crate) profile: String,
}

/// Reads the file: tables `[[miss]]`, each with the four keys and text in double quotes.
///
/// # Errors
/// If a line is anything else, or a miss leaves a key out.
pub(crate) fn parse(text: &str) -> Result<Vec<Miss>> {
    let mut misses: Vec<Miss> = Vec::new();
    for line in text.lines().map(str::trim) {
        if line.is_empty() || line.starts_with('#') {
            continue;
        }
        if line == "[[miss]]" {
            misses.push(Miss::default());
            continue;
        }
        let (key, value) = pair(line).ok_or_else(|| format!("misses.toml: `{line}`"))?;
        let miss = misses.last_mut().ok_or("misses.toml: no [[miss]] yet")?;
        let place = match key {
            "row" => &mut miss.row,
            "ratio" => &mut miss.ratio,
            "cause" => &mut miss.cause,
            "profile" => &mut miss.profile,
            other => return Err(format!("misses.toml: unknown key `{other}`").into()),
        };
        value.clone_into(place);
    }
    let whole = |miss: &Miss| {
        let all = [&miss.row, &miss.ratio, &miss.cause, &miss.profile];
        all.iter().all(|text| !text.is_empty())
    };
    match misses.iter().find(|miss| !whole(miss)) {
        Some(miss) => Err(format!("misses.toml: `{}` leaves a key out", miss.row).into()),
        None => Ok(misses),
    }
}

fn pair(line: &str) -> Option<(&str, &str)> {
    let (key, value) = line.split_once('=')?;
    let value = value.trim().strip_prefix('"')?.strip_suffix('"')?;
    Some((key.trim(), value))
}

#[cfg(test)]
mod tests {
    use super::*;

    const ONE: &str = "# why\n[[miss]]\nrow = \"a\"\nratio = \"0.5\"\ncause = \"x = y\"\n";

    #[test]
    fn a_miss_has_all_its_keys() {
        let whole = format!("{ONE}profile = \"p\"\n");
        assert_eq!(parse(&whole).expect("parses")[0].cause, "x = y");
        assert!(parse(ONE).is_err());
        assert!(parse("row = \"a\"").is_err());
        assert!(parse(&format!("{whole}other = \"b\"\n")).is_err());
    }
}
