//! The requests, read from the text files of `openbao/corpus`.
//!
//! A story starts with `== name` and has a vault of its own, so stories share nothing. A request
//! is one line, and lines that begin with `#` are remarks:
//!
//! ```text
//! name METHOD path?query option.. body
//! ```
//!
//! * `token=TEXT` is the token, the root token if absent, none if it is `-`
//! * `ns=PATH` and `wrap=TTL` are the headers for the namespace and for wrapping
//! * `save=NAME:/pointer` keeps what the reply holds there; `$NAME` stands for it further down
//! * `unordered` sorts the lists of the reply, since OpenBao gives them in no certain order
//! * `settles` waits a moment, since OpenBao finishes after its reply
//! * the body is the rest of the line, from its first `{` or `[` or from behind `raw:`
//!
//! `$root` is the root token, `$key` the only unseal key and `$tmp` a folder for files. A story
//! whose header ends in `(new)` begins before the vault is initialised, and has none of the first
//! two until it saves them.

use std::collections::BTreeSet;
use std::fs;
use std::path::{Path, PathBuf};

/// A vault's life from its first day.
pub(crate) struct Story {
    pub(crate) name: String,
    /// Whether the story initialises the vault itself.
    pub(crate) new: bool,
    pub(crate) requests: Vec<Request>,
}

/// One request, whose texts may hold variables.
#[derive(Clone, Debug, Default, PartialEq)]
pub(crate) struct Request {
    pub(crate) name: String,
    pub(crate) method: String,
    pub(crate) path: String,
    /// As in an address, without the question mark.
    pub(crate) query: String,
    /// No token if empty.
    pub(crate) token: String,
    pub(crate) namespace: String,
    pub(crate) wrap_ttl: String,
    pub(crate) body: String,
    /// Whether lists of the reply come in no certain order.
    pub(crate) unordered: bool,
    /// Whether OpenBao goes on in the background after its reply.
    pub(crate) settles: bool,
    /// Names of variables, and where in the reply's body their values are.
    pub(crate) saves: Vec<(String, String)>,
}

/// Returns where the corpus, the recording and the differences lie.
pub(crate) fn folder() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("openbao")
}

/// Reads all stories, sorted by the names of their files.
pub(crate) fn read() -> Vec<Story> {
    let files = fs::read_dir(folder().join("corpus")).expect("the corpus is there");
    let mut files: Vec<PathBuf> = files.map(|file| file.expect("reads").path()).collect();
    files.sort();
    let mut stories = Vec::new();
    for file in files {
        let text = fs::read_to_string(&file).expect("reads");
        parse(&text, &mut stories).unwrap_or_else(|error| panic!("{}: {error}", file.display()));
    }
    let mut names = BTreeSet::new();
    for story in &stories {
        assert!(
            names.insert(&story.name),
            "two stories are called {}",
            story.name
        );
    }
    stories
}

/// Adds the stories in `text` to `stories`.
pub(crate) fn parse(text: &str, stories: &mut Vec<Story>) -> Result<(), String> {
    for (index, line) in text.lines().enumerate() {
        let line = line.trim();
        if line.is_empty() || line.starts_with('#') {
            continue;
        }
        let place = |error: String| format!("line {}: {error}", index + 1);
        if let Some(header) = line.strip_prefix("== ") {
            stories.push(story(header));
            continue;
        }
        let story = stories.last_mut();
        let story = story.ok_or_else(|| place("a request stands before every story".to_owned()))?;
        let request = request(line).map_err(place)?;
        if story
            .requests
            .iter()
            .any(|other| other.name == request.name)
        {
            return Err(place(format!("{} is there twice", request.name)));
        }
        story.requests.push(request);
    }
    Ok(())
}

fn story(header: &str) -> Story {
    let name = header.strip_suffix("(new)");
    Story {
        name: name.unwrap_or(header).trim().to_owned(),
        new: name.is_some(),
        requests: Vec::new(),
    }
}

fn request(line: &str) -> Result<Request, String> {
    let (head, body) = split_body(line);
    let mut words = head.split_whitespace();
    let mut word = |what: &str| words.next().ok_or_else(|| format!("the {what} is missing"));
    let name = word("name")?.to_owned();
    let method = word("method")?.to_owned();
    let (path, query) = word("path").map(|path| path.split_once('?').unwrap_or((path, "")))?;
    let mut request = Request {
        name,
        method,
        path: path.to_owned(),
        query: query.to_owned(),
        token: "$root".to_owned(),
        body: body.to_owned(),
        ..Request::default()
    };
    for option in words {
        set(&mut request, option)?;
    }
    Ok(request)
}

/// The body begins at a word that starts with a bracket or says that anything follows.
fn split_body(line: &str) -> (&str, &str) {
    let starts = [" {", " [", " raw:"]
        .into_iter()
        .filter_map(|mark| line.find(mark));
    match starts.min() {
        Some(start) => {
            let (head, body) = line.split_at(start);
            let body = body.trim_start();
            (head, body.strip_prefix("raw:").unwrap_or(body))
        }
        None => (line, ""),
    }
}

fn set(request: &mut Request, option: &str) -> Result<(), String> {
    match option.split_once('=') {
        None if option == "unordered" => request.unordered = true,
        None if option == "settles" => request.settles = true,
        Some(("token", "-")) => request.token.clear(),
        Some(("token", token)) => request.token = token.to_owned(),
        Some(("ns", namespace)) => request.namespace = namespace.to_owned(),
        Some(("wrap", ttl)) => request.wrap_ttl = ttl.to_owned(),
        Some(("save", save)) => {
            let (name, pointer) = save.split_once(':').ok_or("save needs NAME:/pointer")?;
            request.saves.push((name.to_owned(), pointer.to_owned()));
        }
        _ => return Err(format!("{option} is no option")),
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_line_is_a_request() {
        let line = "log-in POST auth/up/login/a?x=1 token=- ns=team wrap=60s save=t:/auth/id \
                    unordered settles {\"a\": \"b c\"}";
        let found = request(line).expect("parses");
        let wanted = Request {
            name: "log-in".to_owned(),
            method: "POST".to_owned(),
            path: "auth/up/login/a".to_owned(),
            query: "x=1".to_owned(),
            token: String::new(),
            namespace: "team".to_owned(),
            wrap_ttl: "60s".to_owned(),
            body: "{\"a\": \"b c\"}".to_owned(),
            unordered: true,
            settles: true,
            saves: vec![("t".to_owned(), "/auth/id".to_owned())],
        };
        assert_eq!(found, wanted);
        assert_eq!(request("a GET b").expect("parses").token, "$root");
        assert_eq!(request("a POST b raw:{ x").expect("parses").body, "{ x");
    }

    #[test]
    fn mistakes_in_the_corpus_are_told() {
        for broken in [
            "a GET b",
            "== s\na GET",
            "== s\na GET b colour=red",
            "== s\na GET b save=x",
            "== s\na GET b\na GET c",
        ] {
            assert!(parse(broken, &mut Vec::new()).is_err(), "{broken}");
        }
    }
}
