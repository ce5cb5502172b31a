//! A line without its chain: Vault's JSON, with what is secret hashed for one device.

use std::time::Duration;

use super::buffer::Buffer;
use super::data::{self, Rules};
use super::entry::{
    AuthBlock, Header, MountBlock, PolicyResults, RequestBlock, RequestEntry, ResponseBlock,
    ResponseEntry, Texts, WrapBlock,
};
use super::hash::Hasher;
use super::time;
use crate::clock::Timestamp;

/// How one device wants its lines.
pub(super) struct Format {
    pub(super) hasher: Hasher,
    /// Hashes nothing.
    pub(super) raw: bool,
    pub(super) hash_accessors: bool,
    pub(super) elide_lists: bool,
    /// Stands before each line.
    pub(super) prefix: String,
}

impl Format {
    /// Returns the line of a request; the chain adds its own members and closes the object.
    pub(super) fn request(&self, entry: &RequestEntry<'_>) -> Buffer {
        let mut line = self.head(entry.time, "request");
        if let Some(auth) = entry.auth {
            self.auth(&mut line, auth);
        }
        self.request_block(&mut line, entry.request);
        line.text("error", entry.error);
        vaultcore_os::scrub_stack(); // the MACs' last blocks held values
        line
    }

    /// Returns the line of a response.
    pub(super) fn response(&self, entry: &ResponseEntry<'_>) -> Buffer {
        let mut line = self.head(entry.time, "response");
        if let Some(auth) = entry.auth {
            self.auth(&mut line, auth);
        }
        self.request_block(&mut line, entry.request);
        if let Some(response) = entry.response {
            let list = entry.request.operation == "list";
            self.response_block(&mut line, response, list && self.elide_lists);
        }
        line.text("error", entry.error);
        vaultcore_os::scrub_stack();
        line
    }

    fn head(&self, time: Timestamp, kind: &str) -> Buffer {
        let mut line = Buffer::new(self.raw);
        line.push(self.prefix.as_bytes());
        line.push(b"{");
        timestamp(&mut line, "time", time);
        line.text("type", kind);
        line
    }

    fn auth(&self, line: &mut Buffer, auth: &AuthBlock<'_>) {
        let mark = line.begin("auth");
        self.token(line, "client_token", auth.client_token);
        self.accessor(line, "accessor", auth.accessor);
        line.text("display_name", auth.display_name);
        list(line, "policies", auth.policies);
        list(line, "token_policies", auth.token_policies);
        list(line, "identity_policies", auth.identity_policies);
        if let Some(results) = auth.policy_results {
            policy_results(line, results);
        }
        let metadata = line.begin("metadata");
        auth.metadata.each(&mut |name, value| {
            line.comma();
            line.string(name);
            line.push(b":");
            line.string(value);
        });
        line.end(metadata);
        line.number("num_uses", auth.num_uses);
        line.number("remaining_uses", auth.remaining_uses);
        line.text("entity_id", auth.entity_id);
        line.text("token_type", auth.token_type);
        seconds(line, "token_ttl", auth.token_ttl);
        if let Some(time) = auth.token_issue_time {
            timestamp(line, "token_issue_time", time);
        }
        line.end(mark);
    }

    fn request_block(&self, line: &mut Buffer, request: &RequestBlock<'_>) {
        let mark = line.begin("request");
        line.text("id", request.id);
        line.text("client_id", request.client_id);
        line.text("operation", request.operation);
        mount(line, &request.mount);
        self.token(line, "client_token", request.client_token);
        self.accessor(line, "client_token_accessor", request.client_token_accessor);
        let namespace = line.begin("namespace");
        line.text("id", request.namespace_id);
        line.text("path", request.namespace_path);
        line.end(namespace);
        line.text("path", request.path);
        let rules = self.rules(request.plain_keys, false);
        data::member(line, "data", request.data, rules);
        line.text("remote_address", request.remote_address);
        line.number("remote_port", request.remote_port);
        seconds(line, "wrap_ttl", request.wrap_ttl);
        let headers = line.begin("headers");
        for header in request.headers {
            self.header(line, header);
        }
        line.end(headers);
        line.end(mark);
    }

    fn header(&self, line: &mut Buffer, header: &Header<'_>) {
        line.comma();
        line.string(header.name);
        line.push(b":[");
        header.values.each(&mut |value| {
            line.comma();
            self.value(line, value, !header.plain);
        });
        line.push(b"]");
    }

    fn response_block(&self, line: &mut Buffer, response: &ResponseBlock<'_>, counts: bool) {
        let mark = line.begin("response");
        if let Some(auth) = response.auth {
            self.auth(line, auth);
        }
        mount(line, &response.mount);
        let secret = line.begin("secret");
        line.text("lease_id", response.lease_id);
        line.end(secret);
        let rules = self.rules(response.plain_keys, counts);
        data::member(line, "data", response.data, rules);
        list(line, "warnings", response.warnings);
        if let Some(wrap) = &response.wrap_info {
            self.wrap(line, wrap);
        }
        line.text("redirect", response.redirect);
        line.end(mark);
    }

    fn wrap(&self, line: &mut Buffer, wrap: &WrapBlock<'_>) {
        let mark = line.begin("wrap_info");
        seconds(line, "ttl", wrap.ttl);
        self.token(line, "token", wrap.token);
        self.accessor(line, "accessor", wrap.accessor);
        if let Some(time) = wrap.creation_time {
            timestamp(line, "creation_time", time);
        }
        line.text("creation_path", wrap.creation_path);
        self.accessor(line, "wrapped_accessor", wrap.wrapped_accessor);
        line.end(mark);
    }

    fn rules<'a>(&'a self, plain: &'a dyn Texts, counts: bool) -> Rules<'a> {
        Rules {
            hasher: &self.hasher,
            raw: self.raw,
            plain,
            counts,
        }
    }

    fn token(&self, line: &mut Buffer, name: &str, token: &str) {
        if !token.is_empty() {
            line.name(name);
            self.value(line, token, true);
        }
    }

    fn accessor(&self, line: &mut Buffer, name: &str, accessor: &str) {
        if !accessor.is_empty() {
            line.name(name);
            self.value(line, accessor, self.hash_accessors);
        }
    }

    fn value(&self, line: &mut Buffer, value: &str, hash: bool) {
        if hash && !self.raw {
            self.hasher.write(line, value.as_bytes());
        } else {
            line.string(value);
        }
    }
}

fn mount(line: &mut Buffer, mount: &MountBlock<'_>) {
    line.text("mount_point", mount.point);
    line.text("mount_type", mount.kind);
    line.text("mount_accessor", mount.accessor);
    line.text("mount_class", mount.class);
}

fn policy_results(line: &mut Buffer, results: PolicyResults<'_>) {
    let mark = line.begin("policy_results");
    line.name("allowed");
    line.push(if results.allowed { b"true" } else { b"false" });
    if !results.granting.is_empty() {
        line.name("granting_policies");
        line.push(b"[");
        for policy in results.granting {
            line.comma();
            line.push(b"{");
            line.text("name", policy.name);
            line.text("namespace_id", policy.namespace_id);
            line.text("namespace_path", policy.namespace_path);
            line.text("type", policy.kind);
            line.push(b"}");
        }
        line.push(b"]");
    }
    line.end(mark);
}

fn list(line: &mut Buffer, name: &str, texts: &dyn Texts) {
    let mark = line.mark();
    line.name(name);
    line.push(b"[");
    let mut any = false;
    texts.each(&mut |text| {
        line.comma();
        line.string(text);
        any = true;
    });
    line.push(b"]");
    if !any {
        line.take_back(mark);
    }
}

fn seconds(line: &mut Buffer, name: &str, duration: Duration) {
    line.number(name, duration.as_secs());
}

fn timestamp(line: &mut Buffer, name: &str, time: Timestamp) {
    line.name(name);
    line.push(b"\"");
    time::write(line, time);
    line.push(b"\"");
}

#[cfg(test)]
mod tests;
