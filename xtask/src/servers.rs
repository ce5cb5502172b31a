//! Servers that tests need: PostgreSQL and MariaDB, on ports and in folders of their own.

use std::fs;
use std::net::{TcpListener, TcpStream};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::thread;
use std::time::Duration;

use crate::tools::{Args, Result, apt_install, command, exists, is_root, output};

/// What the administrators of the servers log in by; the servers live as long as the tests.
const ADMIN: &str = "admin";
const PASSWORD: &str = "of-tests-only";
/// How often, and with which pause, a server is asked whether it is ready.
const TRIES: u32 = 300;
const PAUSE: Duration = Duration::from_millis(100);

/// A server that runs. It ends when this is dropped, and its folder goes.
pub(crate) struct Server {
    child: Child,
    folder: PathBuf,
    /// How it is reached, by variables of the environment.
    pub(crate) variables: Vec<(&'static str, String)>,
}

impl Drop for Server {
    fn drop(&mut self) {
        let pid = self.child.id().to_string();
        let told = command("kill").args(["-INT", &pid]).status();
        for _ in 0..TRIES {
            match self.child.try_wait() {
                Ok(None) if told.is_ok() => thread::sleep(PAUSE),
                _ => break,
            }
        }
        self.child.kill().ok();
        self.child.wait().ok();
        fs::remove_dir_all(&self.folder).ok();
    }
}

/// Starts all servers, and runs a program that finds them.
pub(crate) fn run(args: Args) -> Result {
    let words = args.rest();
    let (program, words) = words.split_first().ok_or("a program must be given")?;
    let servers = [postgres()?, mariadb()?];
    let mut command = command(program);
    for (name, value) in servers.iter().flat_map(|server| &server.variables) {
        command.env(name, value);
    }
    let status = command.args(words).status().map_err(text)?;
    match status.success() {
        true => Ok(()),
        false => Err(format!("{program} failed: {status}")),
    }
}

/// Starts PostgreSQL; it is installed first if it is not there and may be.
pub(crate) fn postgres() -> Result<Server> {
    let programs = match postgres_programs() {
        Some(programs) => programs,
        None => {
            install("postgresql")?;
            postgres_programs().ok_or("PostgreSQL was installed, and is not found")?
        }
    };
    let port = free_port()?;
    let folder = empty_folder("postgres")?;
    let data = folder.join("data");
    let secret = folder.join("password");
    fs::write(&secret, PASSWORD).map_err(text)?;
    give(&folder, "postgres")?;
    let mut init = as_user("postgres", &programs.join("initdb"));
    init.args([
        "-A",
        "scram-sha-256",
        "-E",
        "UTF8",
        "--no-sync",
        "-U",
        ADMIN,
    ]);
    init.arg("--pwfile").arg(&secret).arg("-D").arg(&data);
    output(&mut init)?;
    let ca = certificate(&data, "postgres")?;
    let mut server = as_user("postgres", &programs.join("postgres"));
    server.arg("-D").arg(&data).arg("-k").arg(&folder);
    server.args(["-p", &port.to_string(), "-h", "127.0.0.1"]);
    server.args([
        "-c",
        "fsync=off",
        "-c",
        "ssl=on",
        "-c",
        "max_connections=200",
    ]);
    let url = format!("postgresql://{ADMIN}:{PASSWORD}@127.0.0.1:{port}/postgres");
    let mut server = start(server, folder)?;
    let ready = programs.join("pg_isready");
    let port = port.to_string();
    wait_for(&mut server, || {
        let mut ask = command(&ready);
        output(ask.args(["-q", "-h", "127.0.0.1", "-p", &port])).is_ok()
    })?;
    server.variables = vec![("VAULTCORE_POSTGRES", url), ("VAULTCORE_POSTGRES_CA", ca)];
    Ok(server)
}

/// Makes a login that may make others, and returns how the server is reached by whoever has one.
pub(crate) fn add_postgres_login(server: &Server, name: &str, password: &str) -> Result<String> {
    let url = server
        .variables
        .iter()
        .find(|(name, _)| *name == "VAULTCORE_POSTGRES");
    let (_, url) = url.ok_or("the server is not PostgreSQL")?;
    let programs = postgres_programs().ok_or("there is no psql")?;
    let make = format!("CREATE ROLE \"{name}\" LOGIN CREATEROLE PASSWORD '{password}'");
    let mut psql = command(programs.join("psql"));
    output(psql.args(["--quiet", "--dbname", url, "--command", &make]))?;
    let (_, place) = url.split_once('@').ok_or("the URL has no login")?;
    Ok(format!(
        "postgresql://{{{{username}}}}:{{{{password}}}}@{place}"
    ))
}

fn postgres_programs() -> Option<PathBuf> {
    let versions = fs::read_dir("/usr/lib/postgresql").ok()?;
    let folders = versions.flatten().map(|version| version.path().join("bin"));
    let mut found: Vec<_> = folders.filter(|bin| bin.join("initdb").exists()).collect();
    found.sort();
    found.pop()
}

/// Starts MariaDB; it is installed first if it is not there and may be.
pub(crate) fn mariadb() -> Result<Server> {
    if !(exists("mariadbd") && exists("mariadb-install-db")) {
        install("mariadb-server-core")?;
        install("mariadb-client-core")?; // the script that makes a data folder calls it
    }
    let port = free_port()?;
    let folder = empty_folder("mariadb")?;
    let data = folder.join("data");
    let user = output(command("id").arg("-un"))?;
    let user = format!("--user={}", user.trim());
    let mut init = command("mariadb-install-db");
    init.arg("--no-defaults")
        .arg(format!("--datadir={}", data.display()));
    init.args([
        &user,
        "--auth-root-authentication-method=normal",
        "--skip-test-db",
    ]);
    output(&mut init)?;
    let begin = folder.join("begin.sql"); // a statement a line
    let admin = format!(
        "CREATE USER '{ADMIN}'@'%' IDENTIFIED BY '{PASSWORD}';\n\
         GRANT ALL PRIVILEGES ON *.* TO '{ADMIN}'@'%' WITH GRANT OPTION;\n"
    );
    fs::write(&begin, admin).map_err(text)?;
    let ca = certificate(&data, "")?;
    let client = client_certificate(&data)?;
    let mut server = command("mariadbd");
    server.args(["--no-defaults", &user, "--bind-address=127.0.0.1"]);
    for (name, value) in [
        ("datadir", data.clone()),
        ("socket", folder.join("socket")),
        ("pid-file", folder.join("pid")),
        ("init-file", begin),
        ("ssl-cert", data.join("server.crt")),
        ("ssl-key", data.join("server.key")),
        ("ssl-ca", data.join("ca.crt")),
    ] {
        server.arg(format!("--{name}={}", value.display()));
    }
    server.arg(format!("--port={port}"));
    let url = format!("mysql://{ADMIN}:{PASSWORD}@127.0.0.1:{port}/mysql");
    let mut server = start(server, folder)?;
    // It runs the file of statements before it listens.
    wait_for(&mut server, || {
        TcpStream::connect(("127.0.0.1", port)).is_ok()
    })?;
    server.variables = vec![
        ("VAULTCORE_MARIADB", url),
        ("VAULTCORE_MARIADB_CA", ca),
        ("VAULTCORE_MARIADB_CLIENT", client),
    ];
    Ok(server)
}

/// Makes a certificate for 127.0.0.1, and one that vouches for it, which is returned as PEM.
fn certificate(data: &Path, user: &str) -> Result<String> {
    let (ca_key, ca) = (data.join("ca.key"), data.join("ca.crt"));
    let names = data.join("names");
    fs::write(&names, "subjectAltName=DNS:localhost,IP:127.0.0.1\n").map_err(text)?;
    let mut make_ca = command("openssl");
    make_ca
        .args(["req", "-x509", "-days", "30"])
        .args(NEW_KEY)
        .arg("/CN=tests")
        .arg("-keyout")
        .arg(&ca_key)
        .arg("-out");
    output(make_ca.arg(&ca))?;
    for file in signed(data, "server", "/CN=localhost")? {
        output(command("chmod").arg("600").arg(&file))?;
        give(&file, user)?;
    }
    fs::read_to_string(&ca).map_err(text)
}

/// Makes a certificate for a client, and returns it and its key as one PEM.
fn client_certificate(data: &Path) -> Result<String> {
    let [key, certificate] = signed(data, "client", "/CN=client")?;
    let parts = [fs::read_to_string(certificate), fs::read_to_string(key)];
    let parts = parts.into_iter().collect::<std::io::Result<Vec<_>>>();
    Ok(parts.map_err(text)?.concat())
}

const NEW_KEY: [&str; 4] = ["-newkey", "rsa:2048", "-nodes", "-subj"];

/// Makes a key and a certificate for it, which that of `certificate` vouches for.
fn signed(data: &Path, name: &str, subject: &str) -> Result<[PathBuf; 2]> {
    let of = |end: &str| data.join(format!("{name}.{end}"));
    let (key, request, certificate) = (of("key"), of("csr"), of("crt"));
    let mut ask = command("openssl");
    ask.arg("req").args(NEW_KEY).arg(subject);
    ask.arg("-keyout").arg(&key).arg("-out").arg(&request);
    output(&mut ask)?;
    let mut sign = command("openssl");
    sign.args(["x509", "-req", "-days", "30", "-CAcreateserial", "-in"]);
    sign.arg(&request)
        .arg("-CA")
        .arg(data.join("ca.crt"))
        .arg("-CAkey")
        .arg(data.join("ca.key"));
    sign.arg("-extfile")
        .arg(data.join("names"))
        .arg("-out")
        .arg(&certificate);
    output(&mut sign)?;
    Ok([key, certificate])
}

/// Starts a server that ends with this process, however that ends.
fn start(mut server: Command, folder: PathBuf) -> Result<Server> {
    let log = fs::File::create(folder.join("log")).map_err(text)?;
    let errors = log.try_clone().map_err(text)?;
    server.stdin(Stdio::null()).stdout(log).stderr(errors);
    let child = server.spawn().map_err(text)?;
    Ok(Server {
        child,
        folder,
        variables: Vec::new(),
    })
}

fn wait_for(server: &mut Server, ready: impl Fn() -> bool) -> Result {
    for _ in 0..TRIES {
        if ready() {
            return Ok(());
        }
        if !matches!(server.child.try_wait(), Ok(None)) {
            break;
        }
        thread::sleep(PAUSE);
    }
    let log = fs::read_to_string(server.folder.join("log")).unwrap_or_default();
    let last: Vec<_> = log.lines().rev().take(5).collect();
    Err(format!("the server did not start: {}", last.join(" | ")))
}

/// A command of another user, where this one is root: some servers refuse to be root's.
fn as_user(user: &str, program: &Path) -> Command {
    if !is_root() {
        return command(program);
    }
    let mut other = command("setpriv");
    other.args(["--reuid", user, "--regid", user, "--init-groups"]);
    other.args(["--pdeathsig", "INT"]).arg(program);
    other
}

fn give(path: &Path, user: &str) -> Result {
    match is_root() && !user.is_empty() {
        true => output(command("chown").arg("-R").arg(format!("{user}:")).arg(path)).map(drop),
        false => Ok(()),
    }
}

fn install(package: &str) -> Result {
    apt_install(&[package]).map_err(|reason| format!("it is not installed, and {reason}"))
}

fn free_port() -> Result<u16> {
    let listener = TcpListener::bind("127.0.0.1:0").map_err(text)?;
    Ok(listener.local_addr().map_err(text)?.port())
}

/// Makes a folder that another user may enter, too.
fn empty_folder(name: &str) -> Result<PathBuf> {
    let process = std::process::id();
    let folder = std::env::temp_dir().join(format!("vaultcore-{name}-{process}"));
    fs::remove_dir_all(&folder).ok();
    fs::create_dir_all(&folder).map_err(text)?;
    Ok(folder)
}

fn text(error: impl std::fmt::Display) -> String {
    error.to_string()
}
