//! OpenBao's own client wraps keys for vaultcore: its command line talks to a door of a few lines.

use std::io::{BufRead, BufReader, Read, Write};
use std::net::{TcpListener, TcpStream};
use std::process::Command;
use std::sync::PoisonError;
use std::thread;

use data_encoding::BASE64;
use vaultcore::Session;
use vaultcore::api::{ApiRequest, Method};
use vaultcore::transit::{ExportType, KeyType, NewKey};

use crate::Bench;
use crate::openbao::{STARTING, program};

const STOP: &str = "/stop";

/// Answers one request after the other until it is told to stop.
fn serve(listener: &TcpListener, session: &Session) {
    for stream in listener.incoming() {
        if answer(&mut stream.expect("connects"), session).is_none() {
            return;
        }
    }
}

/// Answers a request of HTTP/1.1; `None` once it is told to stop.
fn answer(stream: &mut TcpStream, session: &Session) -> Option<()> {
    let mut reader = BufReader::new(stream.try_clone().expect("clones"));
    let mut line = String::new();
    reader.read_line(&mut line).expect("reads");
    let mut words = line.split_whitespace();
    let method: Method = words.next()?.parse().expect("a method");
    let path = words.next().filter(|path| *path != STOP)?.to_owned();
    let mut length = 0;
    loop {
        let mut header = String::new();
        reader.read_line(&mut header).expect("reads");
        let Some((name, value)) = header.split_once(':') else {
            break;
        };
        if name.eq_ignore_ascii_case("content-length") {
            length = value.trim().parse().expect("a length");
        }
    }
    let mut body = vec![0; length];
    reader.read_exact(&mut body).expect("reads");
    let reply = session.request(&ApiRequest::new(method, &path).body(&body));
    let head = format!(
        "HTTP/1.1 {} x\r\nConnection: close\r\nContent-Length: {}\r\n\r\n",
        reply.status(),
        reply.body().len()
    );
    stream.write_all(head.as_bytes()).expect("writes");
    stream.write_all(reply.body()).expect("writes");
    Some(())
}

/// Runs `bao transit <verb> transit/keys/<name> <key> ..` against the bench.
fn import(bench: &Bench, verb: &str, name: &str, key: &[u8], options: &[String]) {
    let program = program().expect("asked before");
    let first = STARTING.lock().unwrap_or_else(PoisonError::into_inner);
    let listener = TcpListener::bind("127.0.0.1:0").expect("a port is free");
    drop(first);
    let address = listener.local_addr().expect("an address");
    thread::scope(|scope| {
        scope.spawn(|| serve(&listener, &bench.owner));
        let out = Command::new(program)
            .args(["transit", verb])
            .arg(format!("transit/keys/{name}"))
            .arg(BASE64.encode(key))
            .args(options)
            .env("BAO_ADDR", format!("http://{address}"))
            .env("BAO_TOKEN", "root")
            .env_remove("LD_PRELOAD")
            .output()
            .expect("OpenBao's client runs");
        let mut stop = TcpStream::connect(address).expect("connects");
        let stopped = stop.write_all(format!("GET {STOP} HTTP/1.1\r\n\r\n").as_bytes());
        stopped.expect("writes");
        let told = String::from_utf8_lossy(&out.stderr);
        assert!(out.status.success(), "{name}: {told}");
    });
}

#[test]
fn keys_that_the_client_wraps_are_imported() {
    if program().is_none() {
        return; // the tests of the server say so
    }
    let bench = Bench::new();
    let transit = &bench.transit;
    for (kind, what) in [
        (KeyType::Aes256Gcm96, ExportType::Encryption),
        (KeyType::Ed25519, ExportType::Signing),
        (KeyType::EcdsaP521, ExportType::Signing),
        (KeyType::Rsa2048, ExportType::Signing),
    ] {
        let name = kind.name();
        let made = format!("{name}.made");
        let new = NewKey::new(kind).exportable(true);
        transit.create(&made, &new).expect("made");
        let shown = |name: &str| {
            let keys = transit.export(name, what).expect("exports");
            keys.into_iter().map(|(_, key)| key.expose().to_owned())
        };
        // The client takes any bytes, and transit what it exports itself.
        let text = shown(&made).next().expect("a key");
        let body = text.lines().filter(|line| !line.starts_with("--"));
        let bytes = BASE64.decode(body.collect::<String>().as_bytes());
        let bytes = bytes.expect("base64");
        let options = [format!("type={name}"), "exportable=true".to_owned()];
        import(&bench, "import", name, &bytes, &options);
        assert!(shown(name).eq(shown(&made)), "{name}");
        import(&bench, "import-version", name, &bytes, &[]);
        assert_eq!(transit.read(name).expect("info").latest_version, 2);
    }
}
