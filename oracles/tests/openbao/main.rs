//! OpenBao and vaultcore answer the same requests, and the answers are compared: status and body,
//! with ids, times and tokens masked.
//!
//! The requests are in `openbao/corpus`, as text that anybody can add to. `VAULTCORE_BAO` names
//! the program of OpenBao 2.7.2, whose answers must be those of `openbao/recorded.json`: they stand
//! for it everywhere else. `VAULTCORE_BAO_RECORD=1` writes them anew.
//!
//! Each difference that is meant is in `openbao/differences.json`, with its reason. Any other fails
//! the test, and so does an entry, or a pattern of one, that no difference needs any more.

mod bao;
mod compare;
mod corpus;
mod mask;
mod play;
mod vault;

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::io::{Write, stdout};
use std::path::{Path, PathBuf};

use serde_json::Value;

use corpus::{Request, Story};
use play::{Door, Replies, play};

/// The fewest requests that are enough to compare.
const ENOUGH: usize = 500;

/// All replies, by the names of the stories.
type Book = BTreeMap<String, Replies>;

#[test]
fn answers_are_those_of_openbao() {
    let vaultcore = record(|_| Box::new(vault::InProcess::new()));
    let mut differences = Vec::new();
    let mut count = 0;
    for (story, replies) in &recorded() {
        for (request, reply) in replies {
            let name = format!("{story}/{request}");
            differences.extend(compare::compare(&name, reply, &vaultcore[story][request]));
            count += 1;
        }
    }
    assert!(count >= ENOUGH, "{count} requests");
    let accepted = fs::read_to_string(corpus::folder().join("differences.json")).expect("reads");
    let accepted = compare::read(&accepted).unwrap_or_else(|error| panic!("differences: {error}"));
    let wrong = compare::judge(&differences, &accepted);
    let (all, entries) = (differences.len(), accepted.len());
    eprintln!("{count} requests, {all} differences, {entries} entries accept them");
    assert!(
        wrong.is_empty(),
        "request, place: OpenBao | vaultcore\n{}",
        wrong.join("\n")
    );
}

/// So the recording stands for OpenBao where OpenBao cannot be installed.
#[test]
fn openbao_answers_as_recorded() {
    let Some(program) = std::env::var_os("VAULTCORE_BAO").map(PathBuf::from) else {
        // Past the capture of the test harness, as the step that runs this looks for it.
        writeln!(stdout(), "\nSKIPPED openbao: VAULTCORE_BAO is not set").expect("prints");
        return;
    };
    let live = record(|folder| Box::new(bao::Bao::start(&program, folder)));
    if std::env::var_os("VAULTCORE_BAO_RECORD").is_some() {
        fs::write(recording(), written(&live)).expect("writes");
    }
    let recorded = recorded();
    for (story, replies) in &live {
        let before = recorded.get(story);
        assert_eq!(
            Some(replies),
            before,
            "{story}: record anew, and look at the change"
        );
    }
}

/// What the comparison rests on: no request may be left out by an accident of names.
#[test]
fn the_recording_has_every_request() {
    let names = |story: &Story| -> BTreeSet<String> {
        let requests = story.requests.iter();
        requests
            .map(|request| format!("{}/{}", story.name, request.name))
            .collect()
    };
    let asked: BTreeSet<String> = corpus::read().iter().flat_map(names).collect();
    let name = |(story, replies): (&String, &Replies)| -> Vec<String> {
        replies
            .keys()
            .map(|request| format!("{story}/{request}"))
            .collect()
    };
    let recorded: BTreeSet<String> = recorded().iter().flat_map(name).collect();
    assert_eq!(asked, recorded, "record anew, see above");
}

/// The routes are read from the source, where they are private.
#[test]
fn every_route_of_transit_is_asked() {
    let source = "../vaultcore/src/engine/transit/api/mod.rs";
    let source = Path::new(env!("CARGO_MANIFEST_DIR")).join(source);
    let source = fs::read_to_string(source).expect("reads");
    let stories = corpus::read();
    let mut pattern = "";
    let (mut routes, mut unasked) = (0, Vec::new());
    for line in source.lines() {
        let quoted = line.trim().strip_prefix("pattern: \"");
        pattern = quoted.map_or(pattern, |rest| rest.trim_end_matches("\","));
        for verb in line.split("(Verb::").skip(1) {
            let verb = verb.split(',').next().unwrap_or_default();
            let mut requests = stories.iter().flat_map(|story| &story.requests);
            routes += 1;
            if !requests.any(|request| asks(request, verb, pattern)) {
                unasked.push(format!("{verb} {pattern}"));
            }
        }
    }
    assert!(routes >= 30, "{routes} routes are not all");
    assert!(unasked.is_empty(), "add requests for {unasked:?}");
}

/// Tells whether the request is one for the route below the mount `transit`.
fn asks(request: &Request, verb: &str, pattern: &str) -> bool {
    let methods: &[&str] = match verb {
        "Read" => &["GET"],
        "Write" => &["POST", "PUT"],
        "List" => &["LIST"],
        _ => &["DELETE"],
    };
    let Some(path) = request.path.strip_prefix("transit/") else {
        return false;
    };
    let (path, pattern) = (path.split('/'), pattern.split('/'));
    methods.contains(&request.method.as_str())
        && path.clone().count() == pattern.clone().count()
        && path
            .zip(pattern)
            .all(|(part, wanted)| part == wanted || wanted.starts_with('{'))
}

/// Plays every story at a door of its own, which `start` opens.
fn record(start: impl Fn(&Path) -> Box<dyn Door>) -> Book {
    let tell = |story: &Story| {
        let folder = tempfile::tempdir().expect("makes a folder");
        let mut door = start(folder.path());
        (
            story.name.clone(),
            play(story, door.as_mut(), folder.path()),
        )
    };
    corpus::read().iter().map(tell).collect()
}

fn recording() -> PathBuf {
    corpus::folder().join("recorded.json")
}

fn recorded() -> Book {
    let text = fs::read_to_string(recording()).expect("reads");
    serde_json::from_str(&text).expect("the recording is JSON")
}

/// Returns the recording as text: a line for each request, in ASCII.
fn written(book: &Book) -> String {
    let line = |(request, reply): (&String, &Value)| {
        format!("  {}: {reply}", Value::from(request.as_str()))
    };
    let story = |(story, replies): (&String, &Replies)| {
        let lines: Vec<String> = replies.iter().map(line).collect();
        format!(
            "{}: {{\n{}\n}}",
            Value::from(story.as_str()),
            lines.join(",\n")
        )
    };
    let stories: Vec<String> = book.iter().map(story).collect();
    let text = format!("{{\n{}\n}}\n", stories.join(",\n"));
    let mut ascii = String::with_capacity(text.len());
    for unit in text.encode_utf16() {
        match u8::try_from(unit).ok().filter(u8::is_ascii) {
            Some(byte) => ascii.push(char::from(byte)),
            None => ascii.push_str(&format!("\\u{unit:04x}")),
        }
    }
    ascii
}
