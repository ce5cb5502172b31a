//! Random bytes and hashes for whoever asks: `sys/tools`.

use data_encoding::{BASE64, HEXLOWER};
use zeroize::Zeroizing;

use super::sys;
use crate::crypto::hash::{Hash, Named};
use crate::error::{Error, ErrorKind, Result};
use crate::operation::{Access, Call, Capability, Context, Erased, Handler, Operation, Target};
use crate::wire::{Json, Object, Response, Route, Verb};

/// The most random bytes that are given at once, as in Vault.
const MAX_RANDOM: usize = 131_072;
/// As many as are given unless the request says how many.
const RANDOM: u64 = 32;

type Made<'c> = Result<Box<dyn Erased + 'c>>;

/// The paths below `sys/tools/`.
pub(crate) const ROUTES: &[Route<Handler>] = &[
    Route {
        pattern: "tools/random",
        verbs: &[(Verb::Write, random)],
    },
    Route {
        pattern: "tools/random/{first}",
        verbs: &[(Verb::Write, random)],
    },
    Route {
        pattern: "tools/random/{first}/{bytes}",
        verbs: &[(Verb::Write, random)],
    },
    Route {
        pattern: "tools/hash",
        verbs: &[(Verb::Write, hash_input)],
    },
    Route {
        pattern: "tools/hash/{algorithm}",
        verbs: &[(Verb::Write, hash_input)],
    },
];

/// The sources that OpenBao knows: here there is one, that of the platform.
const SOURCES: [&str; 3] = ["platform", "seal", "all"];

fn random<'c>(call: &Call<'c>) -> Made<'c> {
    let (first, bytes) = (call.captures.get("first"), call.captures.get("bytes"));
    let suffix = [first, bytes].map(|part| match part {
        "" => String::new(),
        part => format!("/{part}"),
    });
    let is_source = SOURCES.contains(&first);
    let in_path = match (first, bytes) {
        (first, "") if is_source || first.is_empty() => None,
        (first, "") => Some(first),
        (_, bytes) if is_source => Some(bytes),
        _ => return Err(Error::invalid("a source is platform, seal or all")),
    };
    let wrong = |_| Error::invalid("the number of bytes is a whole number");
    let count = match in_path {
        Some(digits) => digits.parse::<u64>().map_err(wrong)?,
        None => call.fields.count("bytes")?.unwrap_or(RANDOM),
    };
    Ok(Box::new(Random {
        count: usize::try_from(count).unwrap_or(usize::MAX),
        format: Format::of(call, Format::Base64)?,
        suffix: suffix.concat(),
    }))
}

fn hash_input<'c>(call: &Call<'c>) -> Made<'c> {
    let in_path = call.captures.get("algorithm");
    let name = match in_path {
        "" => call.fields.text("algorithm")?.unwrap_or_default(),
        name => Zeroizing::new(name.to_owned()),
    };
    let wrong = |_| Error::invalid("the field `input` is not base64");
    let input = call.fields.text("input")?.unwrap_or_default();
    let input = BASE64.decode(input.as_bytes()).map_err(wrong)?;
    Ok(Box::new(HashInput {
        hash: algorithm(&name)?,
        input: Zeroizing::new(input),
        format: Format::of(call, Format::Hex)?,
        suffix: match in_path {
            "" => String::new(),
            name => format!("/{name}"),
        },
    }))
}

fn algorithm(name: &str) -> Result<Named> {
    let none = || Error::invalid(format!("of hash functions there are {}", Named::ALL));
    match name {
        "" => Ok(Named::Usual(Hash::Sha256)),
        name => Named::new(name).ok_or_else(none),
    }
}

/// How bytes are written.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Format {
    Hex,
    Base64,
}

impl Format {
    fn of(call: &Call<'_>, usual: Self) -> Result<Self> {
        match call.fields.text("format")?.unwrap_or_default().as_str() {
            "" => Ok(usual),
            "hex" => Ok(Self::Hex),
            "base64" => Ok(Self::Base64),
            _ => Err(Error::invalid("the format is hex or base64")),
        }
    }

    fn write(self, bytes: &[u8]) -> Zeroizing<String> {
        Zeroizing::new(match self {
            Self::Hex => HEXLOWER.encode(bytes),
            Self::Base64 => BASE64.encode(bytes),
        })
    }
}

/// Draws random bytes.
struct Random {
    count: usize,
    format: Format,
    /// What the path has behind its verb.
    suffix: String,
}

impl Operation for Random {
    type Reply = Zeroizing<Vec<u8>>;

    fn target(&self) -> Target<'_> {
        Target::System
    }

    fn access(&self, _: &mut Context<'_, '_>) -> Result<Vec<Access>> {
        sys(&format!("tools/random{}", self.suffix), Capability::Update)
    }

    fn perform(&self, cx: &mut Context<'_, '_>) -> Result<Self::Reply> {
        if !(1..=MAX_RANDOM).contains(&self.count) {
            let message = format!("of random bytes there are 1 to {MAX_RANDOM} at once");
            return Err(Error::new(ErrorKind::InvalidArgument, message));
        }
        let mut bytes = Zeroizing::new(vec![0; self.count]);
        cx.txn.source().fill(&mut bytes)?;
        Ok(bytes)
    }

    fn input(&self) -> Json {
        let count = u64::try_from(self.count).unwrap_or(u64::MAX);
        Object::new().number("bytes", count).finish()
    }

    fn output(&self, bytes: &Self::Reply) -> Result<Response> {
        let text = self.format.write(bytes);
        Ok(Response::data(Object::new().text("random_bytes", &text)))
    }
}

/// Hashes bytes.
struct HashInput {
    hash: Named,
    input: Zeroizing<Vec<u8>>,
    format: Format,
    /// What the path has behind its verb.
    suffix: String,
}

impl Operation for HashInput {
    type Reply = Vec<u8>;

    fn target(&self) -> Target<'_> {
        Target::System
    }

    fn access(&self, _: &mut Context<'_, '_>) -> Result<Vec<Access>> {
        sys(&format!("tools/hash{}", self.suffix), Capability::Update)
    }

    fn perform(&self, _: &mut Context<'_, '_>) -> Result<Vec<u8>> {
        self.hash.hash(&self.input)
    }

    fn input(&self) -> Json {
        let input = Zeroizing::new(BASE64.encode(&self.input));
        Object::new().text("input", &input).finish()
    }

    fn output(&self, sum: &Vec<u8>) -> Result<Response> {
        let text = self.format.write(sum);
        Ok(Response::data(Object::new().text("sum", &text)))
    }
}
