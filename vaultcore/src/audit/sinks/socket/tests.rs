use std::io::BufRead;
use std::net::TcpListener;
use std::os::unix::net::UnixListener;
use std::time::Instant;

use super::*;
use crate::audit::Broker;
use crate::audit::testing::{CHILDREN, SHORT, built_in, with_request};
use crate::error::ErrorKind;

/// What waits for a server that has stopped would wait for ever, so that limits may be far away.
const LIMIT: Duration = Duration::from_secs(60);

fn socket(kind: SocketKind, address: impl ToString) -> Socket {
    let address = address.to_string();
    Socket::new(SocketTarget { kind, address }, LIMIT)
}

/// Waits until this end has heard that the other one is closed, which a busy kernel may tell later.
fn wait_for_end(socket: &Socket) {
    let mut known = socket.connection.lock().expect("lock");
    while known.as_mut().is_some_and(Connection::is_open) {
        std::thread::yield_now();
    }
}

fn line(stream: impl Read) -> String {
    let mut line = String::new();
    io::BufReader::new(stream)
        .read_line(&mut line)
        .expect("read");
    line
}

#[test]
fn lines_arrive_over_tcp_and_a_new_server_is_found() {
    let _none = CHILDREN.read().unwrap_or_else(PoisonError::into_inner);
    let server = TcpListener::bind("127.0.0.1:0").expect("bound");
    let address = server.local_addr().expect("address");
    let socket = socket(SocketKind::Tcp, address);
    socket.write(b"1\n").expect("sent");
    let (peer, _) = server.accept().expect("accepted");
    assert_eq!(line(&peer), "1\n");
    // The end of the connection is noticed before a line is lost to it.
    drop(peer);
    wait_for_end(&socket);
    socket.write(b"2\n").expect("sent");
    let (peer, _) = server.accept().expect("accepted");
    assert_eq!(line(&peer), "2\n");
    drop((peer, server));
    wait_for_end(&socket);
    assert_eq!(
        socket.write(b"3\n").expect_err("gone").kind(),
        ErrorKind::Unavailable
    );
    assert_eq!(
        socket.reopen().expect_err("gone").kind(),
        ErrorKind::Unavailable
    );
}

#[test]
fn lines_arrive_over_a_socket_of_the_machine() {
    let _none = CHILDREN.read().unwrap_or_else(PoisonError::into_inner);
    let folder = tempfile::tempdir().expect("folder");
    let path = folder.path().join("socket");
    let server = UnixListener::bind(&path).expect("bound");
    let socket = socket(SocketKind::Unix, path.display());
    socket.reopen().expect("opened");
    socket.write(b"1\n").expect("sent");
    let (peer, _) = server.accept().expect("accepted");
    assert_eq!(line(&peer), "1\n");
    drop(peer);
    socket.write(b"2\n").expect("sent");
    let (peer, _) = server.accept().expect("accepted");
    assert_eq!(line(&peer), "2\n");
}

#[test]
fn lines_arrive_over_udp() {
    let server = UdpSocket::bind("127.0.0.1:0").expect("bound");
    server
        .set_read_timeout(Some(Duration::from_secs(60)))
        .expect("set");
    let socket = socket(SocketKind::Udp, server.local_addr().expect("address"));
    socket.write(b"1\n").expect("sent");
    let mut bytes = [0; 16];
    let length = server.recv(&mut bytes).expect("received");
    assert_eq!(&bytes[..length], b"1\n");
    let long = vec![b'x'; 70_000]; // longer than a datagram
    assert_eq!(
        socket.write(&long).expect_err("too long").kind(),
        ErrorKind::Unavailable
    );
}

/// Sends records until three are refused, and returns the names of those that were taken.
#[allow(clippy::disallowed_methods)] // what is tested is how long it takes
fn fill(broker: &Broker) -> Vec<String> {
    let (mut accepted, mut refused) = (Vec::new(), 0);
    for number in 0.. {
        let name = format!("p/{number}/{}", "x".repeat(60_000));
        let begin = Instant::now();
        match with_request(&name, |entry| broker.request(entry)) {
            Ok(()) => accepted.push(name),
            Err(error) => {
                assert_eq!(error.kind(), ErrorKind::AuditFailed);
                refused += 1;
            }
        }
        assert!(begin.elapsed() < LIMIT, "{:?}", begin.elapsed());
        if refused == 3 {
            break;
        }
    }
    accepted
}

#[test]
fn a_server_that_has_stopped_reading_holds_nobody_up() {
    let folder = tempfile::tempdir().expect("folder");
    let path = folder.path().join("socket");
    let unix = UnixListener::bind(&path).expect("bound");
    let tcp = TcpListener::bind("127.0.0.1:0").expect("bound");
    let tcp_address = tcp.local_addr().expect("address").to_string();
    let broker = |kind: &str, address: &str| {
        let options = [("socket_type", kind), ("address", address)];
        Broker::new(vec![built_in("socket", SHORT, &options)])
    };

    // A connection that was given up is followed by another, which takes lines again.
    let over_unix = broker("unix", path.to_str().expect("text"));
    let accepted = fill(&over_unix);
    drop(over_unix);
    unix.set_nonblocking(true).expect("set");
    let peers = std::iter::from_fn(|| unix.accept().ok());
    check(peers.map(|(peer, _)| peer), &accepted);

    let over_tcp = broker("tcp", &tcp_address);
    let accepted = fill(&over_tcp);
    drop(over_tcp);
    tcp.set_nonblocking(true).expect("set");
    let peers = std::iter::from_fn(|| tcp.accept().ok());
    check(peers.map(|(peer, _)| peer), &accepted);
}

/// Reads what arrived: no line may be missing that was said to be taken.
fn check(peers: impl Iterator<Item = impl Read>, accepted: &[String]) {
    assert!(!accepted.is_empty());
    let mut lines = Vec::new();
    for mut peer in peers {
        peer.read_to_end(&mut lines).expect("read");
        lines.push(b'\n');
    }
    let lines = String::from_utf8_lossy(&lines);
    let whole: Vec<&str> = lines.lines().filter(|line| line.ends_with("\"}")).collect();
    for name in accepted {
        let name = format!("{}/x", name.trim_end_matches('x').trim_end_matches('/'));
        assert!(
            whole.iter().any(|line| line.contains(&name)),
            "{name} did not arrive"
        );
    }
}
