//! An OpenBao server as the peer, over loopback HTTP.

use std::fs;
use std::io::{Read, Write};
use std::net::{TcpListener, TcpStream};
use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::thread;
use std::time::Duration;

use crate::corpus::Request;
use crate::play::{Door, Reply};

/// How long to wait for what the server does in the background.
const MOMENT: Duration = Duration::from_millis(50);

/// A server that runs until it is dropped, with everything in memory. It is not initialised.
pub(crate) struct Bao {
    server: Child,
    address: String,
}

impl Bao {
    /// Starts `program`, with its configuration in `folder`.
    pub(crate) fn start(program: &Path, folder: &Path) -> Self {
        let free = TcpListener::bind("127.0.0.1:0").and_then(|socket| socket.local_addr());
        let address = free.expect("a port is free").to_string();
        let configuration = folder.join("openbao.hcl");
        fs::write(&configuration, settings(&address)).expect("writes");
        let server = Command::new(program)
            .args(["server", "-log-level=error", "-config"])
            .arg(&configuration)
            .env_remove("LD_PRELOAD")
            .stdout(Stdio::null())
            .stderr(Stdio::null())
            .spawn()
            .unwrap_or_else(|error| panic!("{} does not start: {error}", program.display()));
        let bao = Self { server, address };
        bao.wait();
        bao
    }

    fn wait(&self) {
        for _ in 0..600 {
            if TcpStream::connect(&self.address).is_ok() {
                return;
            }
            thread::sleep(MOMENT);
        }
        panic!("OpenBao does not listen at {}", self.address);
    }
}

impl Drop for Bao {
    fn drop(&mut self) {
        self.server.kill().ok();
        self.server.wait().ok();
    }
}

impl Door for Bao {
    fn ask(&mut self, request: &Request) -> Reply {
        let mut reply = self.send(request);
        for _ in 0..100 {
            if !is_upgrading(&reply) {
                break;
            }
            thread::sleep(MOMENT);
            reply = self.send(request);
        }
        if request.settles {
            thread::sleep(MOMENT * 40);
        }
        reply
    }
}

impl Bao {
    /// Sends `request` as HTTP/1.0, whose replies come whole and end with the connection.
    fn send(&self, request: &Request) -> Reply {
        let mut stream = TcpStream::connect(&self.address).expect("OpenBao listens");
        let query = match request.query.as_str() {
            "" => String::new(),
            query => format!("?{query}"),
        };
        let mut head = format!(
            "{} /v1/{}{query} HTTP/1.0\r\n",
            request.method, request.path
        );
        let headers = [
            ("X-Vault-Token", &request.token),
            ("X-Vault-Namespace", &request.namespace),
            ("X-Vault-Wrap-TTL", &request.wrap_ttl),
        ];
        for (name, value) in headers.iter().filter(|(_, value)| !value.is_empty()) {
            head += &format!("{name}: {value}\r\n");
        }
        if request.method == "PATCH" {
            head += "Content-Type: application/merge-patch+json\r\n";
        }
        head += &format!("Content-Length: {}\r\n\r\n", request.body.len());
        let sent = stream.write_all((head + &request.body).as_bytes());
        sent.expect("OpenBao reads");
        let mut reply = Vec::new();
        stream.read_to_end(&mut reply).expect("OpenBao answers");
        let reply = String::from_utf8(reply).expect("OpenBao answers with text");
        let (head, body) = reply.split_once("\r\n\r\n").expect("the reply has a head");
        let status = head
            .split(' ')
            .nth(1)
            .and_then(|status| status.parse().ok());
        Reply::new(status.expect("the reply has a status"), body.as_bytes())
    }
}

/// A new mount of versioned secrets refuses everything until it has made itself ready.
fn is_upgrading(reply: &Reply) -> bool {
    let error = reply
        .body
        .as_ref()
        .and_then(|body| body["errors"][0].as_str());
    error.is_some_and(|error| error.contains("unavailable for a brief period"))
}

fn settings(address: &str) -> String {
    format!(
        "storage \"inmem\" {{}}\n\
         listener \"tcp\" {{\n  address = \"{address}\"\n  tls_disable = true\n\
           disable_unauthed_rekey_endpoints = false\n\
           disable_unauthed_generate_root_endpoints = false\n}}\n\
         api_addr = \"http://{address}\"\n\
         disable_mlock = true\n\
         unsafe_allow_api_audit_creation = true\n"
    )
}
