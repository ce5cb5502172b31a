//! A way to the server that can be cut.

use std::io::{Read, Write};
use std::net::{Shutdown, TcpListener, TcpStream};
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::{Arc, Mutex};
use std::thread;

/// Passes connections on to the server, as long as it is told to.
#[derive(Clone)]
pub(crate) struct Proxy {
    pub(crate) port: u16,
    state: Arc<State>,
}

#[derive(Default)]
struct State {
    cut: AtomicBool,
    /// After how many more bytes from us the way is cut by itself; counted down.
    fuse: AtomicU64,
    open: Mutex<Vec<TcpStream>>,
}

impl Proxy {
    pub(crate) fn to(server: u16) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let proxy = Self {
            port: listener.local_addr().unwrap().port(),
            state: Arc::default(),
        };
        proxy.state.fuse.store(u64::MAX, Ordering::SeqCst);
        let state = Arc::clone(&proxy.state);
        thread::spawn(move || {
            for client in listener.incoming().flatten() {
                if state.cut.load(Ordering::SeqCst) {
                    continue; // dropped, and so closed
                }
                let server = TcpStream::connect(("127.0.0.1", server)).unwrap();
                let (a, b) = (client.try_clone().unwrap(), server.try_clone().unwrap());
                let mut open = state.open.lock().unwrap();
                open.extend([client.try_clone().unwrap(), server.try_clone().unwrap()]);
                drop(open);
                let there = Arc::clone(&state);
                thread::spawn(move || pass(client, server, Some(&there)));
                thread::spawn(move || pass(b, a, None));
            }
        });
        proxy
    }

    /// Cuts the way, connections that are open too, or lets them through again.
    pub(crate) fn set_cut(&self, cut: bool) {
        self.state.fuse.store(u64::MAX, Ordering::SeqCst);
        self.state.cut.store(cut, Ordering::SeqCst);
        if cut {
            close(&self.state);
        }
    }

    /// Cuts the way once so many more bytes were sent to the server.
    pub(crate) fn cut_after(&self, bytes: u64) {
        self.state.fuse.store(bytes, Ordering::SeqCst);
    }
}

fn close(state: &State) {
    for stream in state.open.lock().unwrap().drain(..) {
        stream.shutdown(Shutdown::Both).ok();
    }
}

fn pass(mut from: TcpStream, mut to: TcpStream, state: Option<&State>) {
    let mut buffer = [0; 4_096];
    while let Ok(length @ 1..) = from.read(&mut buffer) {
        let mut length = length;
        if let Some(state) = state {
            let left = state.fuse.load(Ordering::SeqCst);
            if left != u64::MAX {
                let passed = left.min(length as u64);
                state.fuse.store(left - passed, Ordering::SeqCst);
                if passed < length as u64 {
                    length = usize::try_from(passed).unwrap();
                    to.write_all(&buffer[..length]).ok();
                    state.cut.store(true, Ordering::SeqCst);
                    close(state);
                    return;
                }
            }
        }
        if to.write_all(&buffer[..length]).is_err() {
            break;
        }
    }
    to.shutdown(Shutdown::Write).ok();
}
