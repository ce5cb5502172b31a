//! Plays a story at a door, and keeps the replies with everything random masked.

use std::collections::BTreeMap;
use std::path::Path;

use serde_json::{Value, json};

use crate::corpus::{Request, Story};
use crate::mask::Mask;

/// Something that answers requests in the shape of Vault's HTTP API.
pub(crate) trait Door {
    /// Answers one request, which holds no variables any more.
    fn ask(&mut self, request: &Request) -> Reply;
}

/// The answer to one request.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Reply {
    pub(crate) status: u16,
    /// `None` if the body is empty, a text if it is no JSON.
    pub(crate) body: Option<Value>,
}

impl Reply {
    /// Makes a reply from its bytes.
    pub(crate) fn new(status: u16, body: &[u8]) -> Self {
        let text = || Value::String(String::from_utf8_lossy(body).into_owned());
        let body = match body.is_empty() {
            true => None,
            false => Some(serde_json::from_slice(body).unwrap_or_else(|_| text())),
        };
        Self { status, body }
    }

    /// Returns the reply as the recording has it.
    pub(crate) fn to_json(&self) -> Value {
        match &self.body {
            Some(body) => json!({ "status": self.status, "body": body }),
            None => json!({ "status": self.status }),
        }
    }
}

/// The masked replies of a story, by the names of their requests.
pub(crate) type Replies = BTreeMap<String, Value>;

/// Plays `story` at `door`, which stands for a vault that is not initialised.
pub(crate) fn play(story: &Story, door: &mut dyn Door, folder: &Path) -> Replies {
    let folder = folder.to_str().expect("the folder's name is text");
    let mut variables = Variables::default();
    let mut mask = Mask::new(folder);
    variables.set("tmp", folder);
    if !story.new {
        initialise(door, &mut variables, &mut mask);
    }
    let mut replies = Replies::new();
    for request in &story.requests {
        let reply = door.ask(&variables.fill(request));
        for (name, pointer) in &request.saves {
            let value = reply.body.as_ref().and_then(|body| body.pointer(pointer));
            let value = value.map(|value| value.as_str().map_or(value.to_string(), str::to_owned));
            // A reply that lacks it is a difference of its own; the story goes on.
            variables.set(name, &value.unwrap_or_else(|| format!("no-{name}")));
        }
        let masked = mask.apply(request, reply);
        replies.insert(request.name.clone(), masked.to_json());
    }
    replies
}

/// Initialises and unseals with one share.
fn initialise(door: &mut dyn Door, variables: &mut Variables, mask: &mut Mask) {
    let mut post = |path: &str, body: Value| {
        let request = Request {
            method: "PUT".to_owned(),
            path: path.to_owned(),
            body: body.to_string(),
            ..Request::default()
        };
        let reply = door.ask(&request);
        assert_eq!(reply.status, 200, "{path}: {reply:?}");
        reply.body.expect("has a body")
    };
    let made = post(
        "sys/init",
        json!({ "secret_shares": 1, "secret_threshold": 1 }),
    );
    let text = |pointer| {
        made.pointer(pointer)
            .and_then(Value::as_str)
            .expect("is there")
    };
    let (root, key) = (text("/root_token"), text("/keys_base64/0"));
    post("sys/unseal", json!({ "key": key }));
    variables.set("root", root);
    variables.set("key", key);
    mask.learn(root, "root token");
}

/// What requests saved.
#[derive(Default)]
struct Variables(Vec<(String, String)>);

impl Variables {
    fn set(&mut self, name: &str, value: &str) {
        self.0.retain(|(other, _)| other != name);
        self.0.push((name.to_owned(), value.to_owned()));
        self.0.sort_by_key(|(name, _)| usize::MAX - name.len()); // $ab is not $a and then b
    }

    fn fill(&self, request: &Request) -> Request {
        let fill = |text: &String| self.filled(text, str::to_owned);
        Request {
            path: fill(&request.path),
            query: fill(&request.query),
            token: fill(&request.token),
            namespace: fill(&request.namespace),
            // A key in PEM has lines, and a text in JSON has none.
            body: self.filled(&request.body, |value| value.replace('\n', "\\n")),
            ..request.clone()
        }
    }

    fn filled(&self, text: &str, written: impl Fn(&str) -> String) -> String {
        let replace = |text: String, (name, value): &(String, String)| {
            text.replace(&format!("${name}"), &written(value))
        };
        self.0.iter().fold(text.to_owned(), replace)
    }
}
