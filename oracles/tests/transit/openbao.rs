//! What OpenBao encrypted, signed and MACed is read here under its exported keys, and it reads
//! what was made here under them. `VAULTCORE_BAO` names its program.

use std::ffi::OsString;
use std::fs;
use std::io::{Read, Write};
use std::net::{TcpListener, TcpStream};
use std::process::{Child, Command, Stdio};
use std::sync::{Mutex, PoisonError};
use std::thread;
use std::time::Duration;

use data_encoding::BASE64;
use serde_json::{Value, json};
use vaultcore::transit::{
    ExportType, HashType, Input, KeyType, Marshaling, NewKey, Padding, SignOptions, WrapHash,
};

use crate::Bench;

const TOKEN: &str = "root";
const MESSAGE: &str = "what do ya want for nothing?";

/// Returns OpenBao's program, if it is there.
pub(crate) fn program() -> Option<OsString> {
    std::env::var_os("VAULTCORE_BAO")
}

/// Held while a port is free that a server is to have, lest another one takes it.
pub(crate) static STARTING: Mutex<()> = Mutex::new(());

/// A server in development mode, open, with everything in memory.
struct Bao {
    server: Child,
    address: String,
}

impl Bao {
    /// Starts the program that `VAULTCORE_BAO` names; `None` if it names none.
    fn start() -> Option<Self> {
        let Some(program) = program() else {
            // Past the capture of the test harness, as the step that runs this looks for it.
            let mut out = std::io::stdout();
            writeln!(out, "\nSKIPPED openbao: VAULTCORE_BAO is not set").expect("prints");
            return None;
        };
        let _first = STARTING.lock().unwrap_or_else(PoisonError::into_inner);
        let free = TcpListener::bind("127.0.0.1:0").and_then(|socket| socket.local_addr());
        let address = free.expect("a port is free").to_string();
        let home = tempfile::tempdir().expect("makes a folder");
        fs::create_dir_all(home.path()).expect("makes a folder");
        let server = Command::new(program)
            .args(["server", "-dev", "-dev-no-store-token", "-log-level=error"])
            .arg(format!("-dev-listen-address={address}"))
            .arg(format!("-dev-root-token-id={TOKEN}"))
            .env_remove("LD_PRELOAD")
            .stdout(Stdio::null())
            .stderr(Stdio::null())
            .spawn()
            .expect("OpenBao starts");
        let bao = Self { server, address };
        for _ in 0..600 {
            if bao.send("GET", "sys/seal-status", &Value::Null)["sealed"] == json!(false) {
                bao.write("sys/mounts/transit", json!({"type": "transit"}));
                return Some(bao);
            }
            thread::sleep(Duration::from_millis(50));
        }
        panic!("OpenBao does not open at {}", bao.address);
    }

    fn write(&self, path: &str, body: Value) -> Value {
        self.send("POST", path, &body)["data"].take()
    }

    fn read(&self, path: &str) -> Value {
        self.send("GET", path, &Value::Null)["data"].take()
    }

    /// Sends a request as HTTP/1.0, whose replies come whole and end with the connection.
    fn send(&self, method: &str, path: &str, body: &Value) -> Value {
        let Ok(mut stream) = TcpStream::connect(&self.address) else {
            return Value::Null;
        };
        let body = match body {
            Value::Null => String::new(),
            body => body.to_string(),
        };
        let request = format!(
            "{method} /v1/{path} HTTP/1.0\r\nX-Vault-Token: {TOKEN}\r\nContent-Length: {}\r\n\r\n{body}",
            body.len()
        );
        stream.write_all(request.as_bytes()).expect("OpenBao reads");
        let mut reply = String::new();
        stream.read_to_string(&mut reply).expect("OpenBao answers");
        let body = reply.split_once("\r\n\r\n").map_or("", |(_, body)| body);
        serde_json::from_str(body).unwrap_or(Value::Null)
    }

    /// Makes an exportable key, and imports it here.
    fn share(&self, bench: &Bench, kind: KeyType, what: &str, derived: bool) -> String {
        let name = format!("{}{}", kind.name(), if derived { "-derived" } else { "" });
        let mut new = json!({"type": kind.name(), "exportable": true, "derived": derived});
        if kind == KeyType::Hmac {
            new["key_size"] = json!(48);
        }
        self.write(&format!("transit/keys/{name}"), new);
        let exported = self.read(&format!("transit/export/{what}/{name}"));
        let text = exported["keys"]["1"].as_str().expect("a key").to_owned();
        let bytes = match text.starts_with("-----") {
            true => text.into_bytes(),
            false => BASE64.decode(text.as_bytes()).expect("base64"),
        };
        let new = NewKey::new(kind).derived(derived);
        bench.transit.import(&name, &new, &bytes).expect("imports");
        name
    }
}

impl Drop for Bao {
    fn drop(&mut self) {
        self.server.kill().ok();
        self.server.wait().ok();
    }
}

fn base64(text: &str) -> String {
    BASE64.encode(text.as_bytes())
}

#[test]
fn ciphertexts_cross_both_ways() {
    let Some(bao) = Bao::start() else { return };
    let bench = Bench::new();
    for kind in [
        KeyType::Aes128Gcm96,
        KeyType::Aes256Gcm96,
        KeyType::ChaCha20Poly1305,
        KeyType::XChaCha20Poly1305,
    ] {
        for derived in [false, true] {
            let name = bao.share(&bench, kind, "encryption-key", derived);
            for aad in ["", "row 42"] {
                let context = if derived { "tenant 7" } else { "" };
                let body = |field: &str, text: &str| {
                    let mut body = json!({field: text});
                    if derived {
                        body["context"] = json!(base64(context));
                    }
                    if !aad.is_empty() {
                        body["associated_data"] = json!(base64(aad));
                    }
                    body
                };
                let theirs = bao.write(
                    &format!("transit/encrypt/{name}"),
                    body("plaintext", &base64(MESSAGE)),
                );
                let theirs = theirs["ciphertext"]
                    .as_str()
                    .expect("a ciphertext")
                    .to_owned();
                let with = |data| Input::new(data).context(context).associated_data(aad);
                let plain = bench
                    .transit
                    .decrypt(&name, with(&theirs))
                    .expect("decrypts");
                assert_eq!(plain.expose(), MESSAGE.as_bytes());
                let ours = bench.transit.encrypt(&name, with(&MESSAGE.to_owned()));
                let ours = ours.expect("encrypts");
                let plain = bao.write(
                    &format!("transit/decrypt/{name}"),
                    body("ciphertext", &ours),
                );
                assert_eq!(plain["plaintext"], json!(base64(MESSAGE)), "{name} {aad}");
            }
        }
    }
}

#[test]
fn signatures_cross_both_ways() {
    let Some(bao) = Bao::start() else { return };
    let bench = Bench::new();
    let (short, long) = (HashType::Sha2_256, HashType::Sha2_384);
    let options = SignOptions::new;
    let jws = |hash| options().hash(hash).marshaling(Marshaling::Jws);
    let pkcs1 = options().padding(Padding::Pkcs1v15);
    let cases = [
        (KeyType::Ed25519, "sha2-256", "asn1", "", options()),
        (KeyType::EcdsaP256, "sha2-256", "asn1", "", options()),
        (KeyType::EcdsaP256, "sha2-256", "jws", "", jws(short)),
        (
            KeyType::EcdsaP384,
            "sha2-384",
            "asn1",
            "",
            options().hash(long),
        ),
        (KeyType::EcdsaP384, "sha2-384", "jws", "", jws(long)),
        (KeyType::EcdsaP384, "sha2-256", "asn1", "", options()),
        (KeyType::EcdsaP521, "sha2-256", "asn1", "", options()),
        (KeyType::EcdsaP521, "sha2-384", "jws", "", jws(long)),
        (KeyType::Rsa2048, "sha2-256", "asn1", "pkcs1v15", pkcs1),
        (KeyType::Rsa2048, "sha2-256", "asn1", "pss", options()),
        (
            KeyType::Rsa3072,
            "sha2-384",
            "asn1",
            "pss",
            options().hash(long),
        ),
    ];
    let mut made = Vec::new();
    for (kind, hash, marshaling, padding, options) in cases {
        if !made.contains(&kind) {
            bao.share(&bench, kind, "signing-key", false);
            made.push(kind);
        }
        let name = kind.name();
        let mut body = json!({
            "input": base64(MESSAGE), "hash_algorithm": hash, "marshaling_algorithm": marshaling,
        });
        if !padding.is_empty() {
            body["signature_algorithm"] = json!(padding);
            body["salt_length"] = json!("hash");
        }
        let theirs = bao.write(&format!("transit/sign/{name}"), body.clone());
        let theirs = theirs["signature"]
            .as_str()
            .expect("a signature")
            .to_owned();
        let verified = bench.transit.verify(name, options, MESSAGE, &theirs);
        assert!(verified.expect("judged"), "{name} {marshaling} {padding}");
        let ours = bench.transit.sign(name, options, MESSAGE).expect("signs");
        body["signature"] = json!(ours);
        // As a client does that was not told of salts.
        body.as_object_mut()
            .expect("an object")
            .remove("salt_length");
        let verified = bao.write(&format!("transit/verify/{name}"), body);
        assert_eq!(
            verified["valid"],
            json!(true),
            "{name} {marshaling} {padding}"
        );
    }
}

#[test]
fn derived_signatures_cross_both_ways() {
    let Some(bao) = Bao::start() else { return };
    let bench = Bench::new();
    let name = bao.share(&bench, KeyType::Ed25519, "signing-key", true);
    let with = || Input::new(MESSAGE).context("tenant 7");
    let mut body = json!({"input": base64(MESSAGE), "context": base64("tenant 7")});
    let theirs = bao.write(&format!("transit/sign/{name}"), body.clone());
    let theirs = theirs["signature"]
        .as_str()
        .expect("a signature")
        .to_owned();
    let options = SignOptions::new();
    let verified = bench.transit.verify(&name, options, with(), &theirs);
    assert!(verified.expect("judged"));
    let ours = bench.transit.sign(&name, options, with()).expect("signs");
    body["signature"] = json!(ours);
    let verified = bao.write(&format!("transit/verify/{name}"), body);
    assert_eq!(verified["valid"], json!(true));
}

#[test]
fn macs_are_the_same() {
    let Some(bao) = Bao::start() else { return };
    let bench = Bench::new();
    let name = bao.share(&bench, KeyType::Hmac, "hmac-key", false);
    for hash in [HashType::Sha2_256, HashType::Sha2_384, HashType::Sha2_512] {
        let body = json!({"input": base64(MESSAGE), "algorithm": hash.name()});
        let theirs = bao.write(&format!("transit/hmac/{name}"), body);
        let ours = bench.transit.hmac(&name, hash, MESSAGE).expect("a MAC");
        assert_eq!(theirs["hmac"], json!(ours), "{}", hash.name());
    }
}

/// RSA keys encrypt; and they sign with OpenBao's default salt, the longest that there is.
#[test]
fn rsa_crosses_both_ways_by_its_defaults() {
    let Some(bao) = Bao::start() else { return };
    let bench = Bench::new();
    for kind in [KeyType::Rsa2048, KeyType::Rsa3072, KeyType::Rsa4096] {
        let name = bao.share(&bench, kind, "encryption-key", false);
        let theirs = bao.write(
            &format!("transit/encrypt/{name}"),
            json!({"plaintext": base64(MESSAGE)}),
        );
        let theirs = theirs["ciphertext"].as_str().expect("a ciphertext");
        let plain = bench.transit.decrypt(&name, theirs).expect("decrypts");
        assert_eq!(plain.expose(), MESSAGE.as_bytes());
        let ours = bench.transit.encrypt(&name, MESSAGE).expect("encrypts");
        let plain = bao.write(
            &format!("transit/decrypt/{name}"),
            json!({"ciphertext": ours}),
        );
        assert_eq!(plain["plaintext"], json!(base64(MESSAGE)), "{name}");
        let options = SignOptions::new();
        let theirs = bao.write(
            &format!("transit/sign/{name}"),
            json!({"input": base64(MESSAGE)}),
        );
        let theirs = theirs["signature"].as_str().expect("a signature");
        let verified = bench.transit.verify(&name, options, MESSAGE, theirs);
        assert!(verified.expect("judged"), "{name}");
    }
}

#[test]
fn signatures_of_hashes_cross_both_ways() {
    let Some(bao) = Bao::start() else { return };
    let bench = Bench::new();
    for kind in [
        KeyType::Ed25519,
        KeyType::EcdsaP256,
        KeyType::EcdsaP384,
        KeyType::EcdsaP521,
        KeyType::Rsa2048,
    ] {
        let name = bao.share(&bench, kind, "signing-key", false);
        for hash in [HashType::Sha2_256, HashType::Sha2_512] {
            let digest = bench.transit.hash(hash, MESSAGE.as_bytes()).expect("hash");
            let mut body = json!({
                "input": BASE64.encode(&digest), "hash_algorithm": hash.name(), "prehashed": true,
            });
            let theirs = bao.write(&format!("transit/sign/{name}"), body.clone());
            let theirs = theirs["signature"].as_str().expect("a signature");
            let options = SignOptions::new().hash(hash).prehashed(true);
            let verified = bench.transit.verify(&name, options, &digest, theirs);
            assert!(verified.expect("judged"), "{name}");
            let ours = bench.transit.sign(&name, options, &digest).expect("signs");
            body["signature"] = json!(ours);
            let verified = bao.write(&format!("transit/verify/{name}"), body);
            assert_eq!(verified["valid"], json!(true), "{name} {}", hash.name());
        }
    }
}

/// Every type that both have, wrapped here for OpenBao and there for vaultcore, by each hash.
#[test]
fn wrapped_keys_cross_both_ways() {
    let Some(bao) = Bao::start() else { return };
    let bench = Bench::new();
    let transit = &bench.transit;
    let public = bao.read("transit/wrapping_key")["public_key"].take();
    let new = NewKey::new(KeyType::Rsa4096);
    let public = public.as_str().expect("a key");
    transit.import_public("bao", &new, public).expect("imports");
    let ours = transit.wrapping_key().expect("made");
    let given = json!({"type": "rsa-4096", "public_key": ours});
    bao.write("transit/keys/vaultcore/import", given);
    let hashes = [
        WrapHash::Sha1,
        WrapHash::Sha256,
        WrapHash::Sha384,
        WrapHash::Sha512,
    ];
    let shared = KeyType::ALL
        .iter()
        .filter(|kind| !matches!(kind, KeyType::MlDsa65 | KeyType::MlKem768));
    for (&kind, &hash) in shared.zip(hashes.iter().cycle()) {
        let made = kind.name();
        let new = NewKey::new(kind).exportable(true);
        transit.create(made, &new).expect("made");
        let wrapped = transit.export_wrapped("bao", made, hash).expect("wrapped");
        let given = json!({
            "type": made, "ciphertext": wrapped[0].1, "hash_function": hash.name(),
            "exportable": true,
        });
        bao.write(&format!("transit/keys/{made}/import"), given);
        let path = format!("transit/byok-export/vaultcore/{made}?hash={}", hash.name());
        let back = bao.read(&path);
        let back = back["keys"]["1"].as_str().expect("a wrapped key");
        let copy = format!("{made}.back");
        let taken = transit.import_wrapped(&copy, &new, back, hash);
        taken.expect("imported");
        let what = match kind {
            KeyType::Hmac => ExportType::Hmac,
            kind if kind.name().contains("-poly") || kind.name().contains("gcm") => {
                ExportType::Encryption
            }
            _ => ExportType::Signing,
        };
        let shown = |name: &str| {
            let keys = transit.export(name, what).expect("exports");
            keys[0].1.expose().to_owned()
        };
        assert_eq!(shown(made), shown(&copy), "{made}");
    }
}
