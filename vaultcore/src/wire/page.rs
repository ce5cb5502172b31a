//! Pages of lists, in the order of the alphabet, as OpenBao has them.

use zeroize::Zeroizing;

use super::{Fields, Json, Object};
use crate::error::Result;

/// Which part of a sorted list is asked for.
#[derive(Clone)]
pub(crate) struct Page {
    after: Zeroizing<String>,
    /// 0: all.
    limit: usize,
}

/// Reads `after` and `limit`; `None` if neither is there.
pub(crate) fn page(fields: &Fields<'_>) -> Result<Option<Page>> {
    if !fields.has("after") && !fields.has("limit") {
        return Ok(None);
    }
    // A negative limit is none, as in OpenBao.
    let limit = fields.integer("limit")?.unwrap_or(0);
    Ok(Some(Page {
        after: fields.text("after")?.unwrap_or_default(),
        limit: usize::try_from(limit).unwrap_or(0),
    }))
}

impl Page {
    /// Returns the part of the sorted `names` that `page` asks for.
    pub(crate) fn of<S: AsRef<str>>(page: Option<&Self>, mut names: Vec<S>) -> Vec<S> {
        if let Some(page) = page {
            let start = names.partition_point(|name| name.as_ref() <= page.after.as_str());
            names.drain(..start);
            if page.limit > 0 {
                names.truncate(page.limit);
            }
        }
        names
    }

    /// The request that asks for it.
    pub(crate) fn input(&self) -> Json {
        Object::new()
            .text("after", &self.after)
            .number("limit", u64::try_from(self.limit).unwrap_or(u64::MAX))
            .finish()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn pages_follow_each_other() {
        let names = || vec!["a", "b", "c/", "d"];
        let fields = |json: &'static str| Fields::parse(json.as_bytes()).expect("parses");
        let part = |json| Page::of(page(&fields(json)).expect("page").as_ref(), names());
        assert_eq!(part("{}"), names());
        assert_eq!(part(r#"{"after":"b","limit":1}"#), ["c/"]);
        assert_eq!(part(r#"{"limit":"2"}"#), ["a", "b"]);
        assert_eq!(part(r#"{"after":"bb","limit":-1}"#), ["c/", "d"]);
        assert!(part(r#"{"after":"z"}"#).is_empty());
    }
}
