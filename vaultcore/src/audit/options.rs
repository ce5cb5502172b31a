//! The options of a device, as Vault names them, checked.

use std::collections::BTreeMap;
use std::path::PathBuf;
use std::time::Duration;

use super::sinks::{SocketKind, SocketTarget, SyslogTarget};
use crate::error::{Error, Result};
use crate::id::NamespaceId;

/// How long a device may take for a line, unless it says otherwise.
const DEFAULT_TIMEOUT: Duration = Duration::from_secs(2);
/// The longest that it may say.
const MAX_TIMEOUT: Duration = Duration::from_secs(60);
/// The longest option.
const MAX_OPTION: usize = 4_096;
/// What every kind of device takes.
const COMMON: &[&str] = &[
    "format",
    "log_raw",
    "hmac_accessor",
    "elide_list_responses",
    "prefix",
    "write_timeout",
];

/// The kinds of devices.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum DeviceKind {
    File,
    Stderr,
    Syslog,
    Socket,
    Callback,
}

impl DeviceKind {
    pub(crate) fn parse(name: &str) -> Result<Self> {
        match name {
            "file" => Ok(Self::File),
            "stderr" => Ok(Self::Stderr),
            "syslog" => Ok(Self::Syslog),
            "socket" => Ok(Self::Socket),
            "callback" => Ok(Self::Callback),
            _ => Err(Error::invalid(
                "there is no such audit device: expected file, stderr, syslog, socket or callback",
            )),
        }
    }

    pub(crate) fn name(self) -> &'static str {
        match self {
            Self::File => "file",
            Self::Stderr => "stderr",
            Self::Syslog => "syslog",
            Self::Socket => "socket",
            Self::Callback => "callback",
        }
    }

    fn takes(self) -> &'static [&'static str] {
        match self {
            Self::File => &["file_path", "path", "mode"],
            Self::Stderr => &[],
            Self::Syslog => &["address", "facility", "tag"],
            Self::Socket => &["address", "socket_type"],
            Self::Callback => &["name"],
        }
    }
}

/// What the host allows to whoever may enable audit devices.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct AuditRules {
    /// Text of the caller's choice in front of every line. With a file at a path of his choice that
    /// is a script, so it is refused by default (CVE-2025-6000).
    pub(crate) prefix: bool,
    /// Devices of namespaces that write to files, sockets and services of the caller's choice.
    pub(crate) namespaces: bool,
}

impl AuditRules {
    /// Refuses a device of a namespace that reaches what is the host's: who administers a namespace
    /// need not be trusted with the host's files.
    pub(super) fn check_kind(self, space: NamespaceId, kind: DeviceKind) -> Result<()> {
        let free = space == NamespaceId::ROOT || kind == DeviceKind::Callback || self.namespaces;
        if free {
            return Ok(());
        }
        Err(Error::invalid(
            "an audit device of a namespace is of the kind `callback` unless the host allows others",
        ))
    }
}

/// The options, read.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Options {
    pub(super) target: Target,
    pub(super) log_raw: bool,
    pub(super) hmac_accessor: bool,
    pub(super) elide_list_responses: bool,
    pub(super) prefix: String,
    pub(super) timeout: Duration,
}

/// Where the lines go.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Target {
    File(FileTarget),
    Stderr,
    Syslog(SyslogTarget),
    Socket(SocketTarget),
    Callback { name: String },
}

#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum FileTarget {
    Path { path: PathBuf, mode: Option<u32> },
    Stdout,
    Stderr,
    Discard,
}

impl Options {
    /// Reads the options of a device of this kind.
    ///
    /// # Errors
    /// `InvalidArgument` for an option that the kind does not take, that is missing or malformed.
    pub(super) fn read(kind: DeviceKind, given: &BTreeMap<String, String>) -> Result<Self> {
        for (name, value) in given {
            let known = COMMON.contains(&name.as_str()) || kind.takes().contains(&name.as_str());
            if !known {
                return Err(Error::invalid(format!(
                    "an audit device of the kind {} has an option that it does not take; it takes \
                     {}",
                    kind.name(),
                    [kind.takes(), COMMON].concat().join(", ")
                )));
            }
            if value.len() > MAX_OPTION || value.contains(['\0', '\n', '\r']) {
                return Err(Error::invalid(format!(
                    "the option `{name}` is longer than {MAX_OPTION} bytes or more than one line"
                )));
            }
        }
        let given = Given(given);
        if given.text("format").is_some_and(|format| format != "json") {
            return Err(Error::invalid("the option `format` can only be json"));
        }
        Ok(Self {
            target: Target::read(kind, given)?,
            log_raw: given.flag("log_raw", false)?,
            hmac_accessor: given.flag("hmac_accessor", true)?,
            elide_list_responses: given.flag("elide_list_responses", false)?,
            prefix: given.text("prefix").unwrap_or_default().to_owned(),
            timeout: given.timeout()?,
        })
    }

    /// Checks what the host does not allow to everybody.
    pub(super) fn check(&self, rules: AuditRules) -> Result<()> {
        if !self.prefix.is_empty() && !rules.prefix {
            return Err(Error::invalid(
                "the option `prefix` is refused unless the host allows it",
            ));
        }
        Ok(())
    }
}

impl Target {
    fn read(kind: DeviceKind, given: Given<'_>) -> Result<Self> {
        match kind {
            DeviceKind::File => FileTarget::read(given).map(Self::File),
            DeviceKind::Stderr => Ok(Self::Stderr),
            DeviceKind::Syslog => Ok(Self::Syslog(SyslogTarget {
                address: PathBuf::from(given.text("address").unwrap_or("/dev/log")),
                facility: facility(given.text("facility").unwrap_or("AUTH"))?,
                tag: tag(given.text("tag").unwrap_or("vaultcore"))?,
            })),
            DeviceKind::Socket => Ok(Self::Socket(SocketTarget {
                kind: socket_kind(given.text("socket_type").unwrap_or("tcp"))?,
                address: given.required("address")?.to_owned(),
            })),
            DeviceKind::Callback => Ok(Self::Callback {
                name: given.required("name")?.to_owned(),
            }),
        }
    }
}

impl FileTarget {
    fn read(given: Given<'_>) -> Result<Self> {
        let path = match given.text("path") {
            Some(path) if given.text("file_path").is_none() => path,
            _ => given.required("file_path")?,
        };
        let mode = file_mode(given.text("mode").unwrap_or("0600"))?;
        match path {
            "stdout" => Ok(Self::Stdout),
            "stderr" => Ok(Self::Stderr),
            "discard" => Ok(Self::Discard),
            path if path.starts_with('/') => Ok(Self::Path {
                path: PathBuf::from(path),
                mode,
            }),
            _ => Err(Error::invalid(
                "the option `file_path` is neither a path that begins with a slash nor one of \
                 stdout, stderr, discard",
            )),
        }
    }
}

/// Parses an octal mode; 0000 leaves a file's mode as it is.
fn file_mode(text: &str) -> Result<Option<u32>> {
    let mode = u32::from_str_radix(text, 8).ok();
    match mode.filter(|_| text.bytes().all(|byte| byte.is_ascii_digit())) {
        Some(0) => Ok(None),
        // Not executable, no set-user-id: see `AuditRules::prefix`.
        Some(mode) if mode & !0o666 == 0 && mode & 0o200 != 0 => Ok(Some(mode)),
        _ => Err(Error::invalid(
            "the option `mode` is not an octal mode such as 0600 that lets its owner write and \
             nobody execute",
        )),
    }
}

fn socket_kind(text: &str) -> Result<SocketKind> {
    match text {
        "tcp" => Ok(SocketKind::Tcp),
        "udp" => Ok(SocketKind::Udp),
        "unix" => Ok(SocketKind::Unix),
        _ => Err(Error::invalid(
            "the option `socket_type` is not one of tcp, udp, unix",
        )),
    }
}

/// RFC 5424, table 1, in the order of the numbers.
const FACILITIES: &[&str] = &[
    "KERN", "USER", "MAIL", "DAEMON", "AUTH", "SYSLOG", "LPR", "NEWS", "UUCP", "CRON", "AUTHPRIV",
    "FTP", "NTP", "AUDIT", "ALERT", "CLOCK", "LOCAL0", "LOCAL1", "LOCAL2", "LOCAL3", "LOCAL4",
    "LOCAL5", "LOCAL6", "LOCAL7",
];

fn facility(text: &str) -> Result<u8> {
    let known = |name: &&str| name.eq_ignore_ascii_case(text);
    let number = FACILITIES.iter().position(known);
    number
        .and_then(|number| u8::try_from(number).ok())
        .ok_or_else(|| {
            Error::invalid("the option `facility` is none of syslog's, such as AUTH or LOCAL0")
        })
}

/// RFC 5424, section 6.2.5: at most 48 visible ASCII characters.
fn tag(text: &str) -> Result<String> {
    let visible = text.bytes().all(|byte| byte.is_ascii_graphic());
    if text.is_empty() || text.len() > 48 || !visible {
        return Err(Error::invalid(
            "the option `tag` is not 1 to 48 visible ASCII characters",
        ));
    }
    Ok(text.to_owned())
}

#[derive(Clone, Copy)]
struct Given<'a>(&'a BTreeMap<String, String>);

impl<'a> Given<'a> {
    fn text(self, name: &str) -> Option<&'a str> {
        self.0
            .get(name)
            .map(String::as_str)
            .filter(|text| !text.is_empty())
    }

    fn required(self, name: &str) -> Result<&'a str> {
        self.text(name)
            .ok_or_else(|| Error::invalid(format!("the option `{name}` is missing")))
    }

    fn flag(self, name: &str, default: bool) -> Result<bool> {
        match self.text(name) {
            None => Ok(default),
            Some("true" | "True" | "TRUE" | "t" | "T" | "1") => Ok(true),
            Some("false" | "False" | "FALSE" | "f" | "F" | "0") => Ok(false),
            Some(_) => Err(Error::invalid(format!(
                "the option `{name}` is neither true nor false"
            ))),
        }
    }

    /// Seconds, or a number with `ms`, `s` or `m` behind it.
    fn timeout(self) -> Result<Duration> {
        let Some(text) = self.text("write_timeout") else {
            return Ok(DEFAULT_TIMEOUT);
        };
        let digits = text.trim_end_matches(|letter: char| letter.is_ascii_lowercase());
        let unit = match text.get(digits.len()..) {
            Some("ms") => Some(1),
            Some("s" | "") => Some(1_000),
            Some("m") => Some(60_000),
            _ => None,
        };
        let number = digits.parse::<u64>().ok();
        let millis = number
            .zip(unit)
            .and_then(|(number, unit)| number.checked_mul(unit));
        millis
            .map(Duration::from_millis)
            .filter(|timeout| !timeout.is_zero() && *timeout <= MAX_TIMEOUT)
            .ok_or_else(|| {
                Error::invalid("the option `write_timeout` is not from 1ms to 60s, as in 2s")
            })
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::error::ErrorKind;

    fn read(kind: &str, given: &[(&str, &str)]) -> Result<Options> {
        let given = given.iter();
        let given = given.map(|(name, value)| ((*name).to_owned(), (*value).to_owned()));
        Options::read(DeviceKind::parse(kind)?, &given.collect())
    }

    fn refused(kind: &str, given: &[(&str, &str)]) -> String {
        let error = read(kind, given).expect_err("refused");
        assert_eq!(error.kind(), ErrorKind::InvalidArgument);
        error.to_string()
    }

    #[test]
    fn defaults_are_vaults() {
        let options = read("file", &[("file_path", "/var/log/audit.log")]).expect("read");
        assert!(options.hmac_accessor && !options.log_raw && !options.elide_list_responses);
        assert_eq!(options.timeout, Duration::from_secs(2));
        let path = PathBuf::from("/var/log/audit.log");
        let mode = Some(0o600);
        assert_eq!(
            options.target,
            Target::File(FileTarget::Path { path, mode })
        );
        let Ok(Options {
            target: Target::Syslog(syslog),
            ..
        }) = read("syslog", &[])
        else {
            panic!("not read");
        };
        assert_eq!((syslog.facility, syslog.tag.as_str()), (4, "vaultcore"));
    }

    #[test]
    fn words_in_place_of_a_path() {
        for (word, target) in [
            ("stdout", FileTarget::Stdout),
            ("stderr", FileTarget::Stderr),
            ("discard", FileTarget::Discard),
        ] {
            let options = read("file", &[("path", word)]).expect("read");
            assert_eq!(options.target, Target::File(target));
        }
        assert!(refused("file", &[("file_path", "audit.log")]).contains("slash"));
    }

    #[test]
    fn modes_that_execute_are_refused() {
        for mode in [
            "0700",
            "0611",
            "4600",
            "0400",
            "+600",
            "rw",
            "99",
            "100000000000",
        ] {
            let text = refused("file", &[("file_path", "/a"), ("mode", mode)]);
            assert!(text.contains("`mode`"), "{mode}");
        }
        for (mode, found) in [("0640", Some(0o640)), ("666", Some(0o666)), ("0000", None)] {
            assert_eq!(file_mode(mode).expect("mode"), found);
        }
    }

    #[test]
    fn a_prefix_needs_the_hosts_leave() {
        let given = [("file_path", "/a"), ("prefix", "#!/bin/sh")];
        let options = read("file", &given).expect("read");
        assert!(options.check(AuditRules::default()).is_err());
        let rules = AuditRules {
            prefix: true,
            ..AuditRules::default()
        };
        options.check(rules).expect("allowed");
        refused("file", &[("file_path", "/a"), ("prefix", "a\nb")]);
    }

    #[test]
    fn what_is_wrong_is_named_and_no_value_is_shown() {
        assert!(refused("kafka", &[]).contains("expected file"));
        assert!(refused("file", &[]).contains("`file_path` is missing"));
        assert!(refused("socket", &[]).contains("`address` is missing"));
        assert!(refused("callback", &[]).contains("`name` is missing"));
        let canary = refused("stderr", &[("file_path", "canary")]);
        assert!(canary.contains("does not take") && !canary.contains("canary"));
        for (name, value) in [
            ("log_raw", "canary"),
            ("write_timeout", "canary"),
            ("format", "canary"),
        ] {
            let text = refused("stderr", &[(name, value)]);
            assert!(text.contains(name) && !text.contains("canary"), "{text}");
        }
        assert!(refused("syslog", &[("facility", "X")]).contains("`facility`"));
        assert!(refused("syslog", &[("tag", "a b")]).contains("`tag`"));
        assert!(refused("socket", &[("address", "a:1"), ("socket_type", "x")]).contains("tcp"));
    }

    #[test]
    fn timeouts_have_units_and_limits() {
        let timeout = |text| read("stderr", &[("write_timeout", text)]).map(|read| read.timeout);
        assert_eq!(timeout("50ms").expect("read"), Duration::from_millis(50));
        assert_eq!(timeout("3").expect("read"), Duration::from_secs(3));
        assert_eq!(timeout("1m").expect("read"), Duration::from_secs(60));
        for text in ["0", "61s", "1h", "-1s", "s", "18446744073709551615m"] {
            assert!(timeout(text).is_err(), "{text}");
        }
    }
}
