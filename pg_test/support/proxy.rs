//! A TCP proxy between a source's worker and a replica, which can be told to misbehave.

use std::io::{Read as _, Write as _};
use std::net::{Shutdown, TcpListener, TcpStream};
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::{Arc, Mutex};
use std::time::Duration;

/// Forwards 127.0.0.1:`port()` to a target port until it is dropped.
pub struct Proxy {
    port: u16,
    shared: Arc<Shared>,
}

#[derive(Default)]
struct Shared {
    connections: Mutex<Vec<TcpStream>>,
    refusing: AtomicBool,
    holding: AtomicBool,
    stopped: AtomicBool,
    delay_ms: AtomicU64,
    /// Bytes from the replica that still pass before all is cut; u64::MAX is no limit.
    budget: AtomicU64,
    accepted: AtomicU64,
    /// What clients sent, where it is asked for.
    heard: Mutex<Option<Vec<u8>>>,
}

impl Proxy {
    /// A proxy that forwards faithfully.
    pub fn to(target: u16) -> Self {
        let listener = TcpListener::bind(("127.0.0.1", 0)).expect("bind the proxy");
        let port = listener.local_addr().expect("the proxy's address").port();
        let shared = Arc::new(Shared { budget: AtomicU64::new(u64::MAX), ..Shared::default() });
        let state = shared.clone();
        std::thread::spawn(move || {
            for client in listener.incoming().flatten() {
                if state.stopped.load(Ordering::SeqCst) {
                    return;
                }
                state.accepted.fetch_add(1, Ordering::SeqCst);
                if state.refusing.load(Ordering::SeqCst) {
                    client.shutdown(Shutdown::Both).ok();
                    continue;
                }
                let Ok(server) = TcpStream::connect(("127.0.0.1", target)) else { continue };
                let mut connections = state.connections.lock().expect("connections");
                for stream in [&client, &server] {
                    stream.set_nodelay(true).ok();
                    connections.extend(stream.try_clone());
                }
                drop(connections);
                pump(&client, &server, &state, false);
                pump(&server, &client, &state, true);
            }
        });
        Self { port, shared }
    }

    /// Where clients connect to.
    pub fn port(&self) -> u16 {
        self.port
    }

    /// Connections taken so far, refused ones included.
    pub fn accepted(&self) -> u64 {
        self.shared.accepted.load(Ordering::SeqCst)
    }

    /// Cuts every connection; new ones are taken and closed at once until [`Self::mend`].
    pub fn cut(&self) {
        self.shared.refusing.store(true, Ordering::SeqCst);
        self.shared.cut();
    }

    /// Cuts every connection; new ones pass.
    pub fn cut_once(&self) {
        self.shared.cut();
    }

    /// Keeps connections open and lets nothing through until [`Self::mend`].
    pub fn hold(&self) {
        self.shared.holding.store(true, Ordering::SeqCst);
    }

    /// Adds a delay to each piece of data, in each direction.
    pub fn delay(&self, delay: Duration) {
        self.shared.delay_ms.store(u64::try_from(delay.as_millis()).expect("a short delay"), Ordering::SeqCst);
    }

    /// Lets that many bytes of the replica's answers pass, then cuts everything once and forwards faithfully.
    pub fn cut_after(&self, bytes: u64) {
        self.shared.budget.store(bytes, Ordering::SeqCst);
    }

    /// Keeps what clients send from now on, for [`Self::heard`].
    pub fn listen(&self) {
        *self.shared.heard.lock().expect("heard") = Some(Vec::new());
    }

    /// The JSON documents that clients have sent since [`Self::listen`] and that begin like this.
    pub fn heard(&self, prefix: &str) -> Vec<serde_json::Value> {
        let bytes = self.shared.heard.lock().expect("heard").clone().unwrap_or_default();
        bytes
            .windows(prefix.len())
            .enumerate()
            .filter(|(_, window)| *window == prefix.as_bytes())
            .filter_map(|(at, _)| serde_json::Deserializer::from_slice(&bytes[at..]).into_iter().next()?.ok())
            .collect()
    }

    /// Forwards faithfully again.
    pub fn mend(&self) {
        self.shared.refusing.store(false, Ordering::SeqCst);
        self.shared.holding.store(false, Ordering::SeqCst);
        self.shared.delay_ms.store(0, Ordering::SeqCst);
        self.shared.budget.store(u64::MAX, Ordering::SeqCst);
    }
}

impl Drop for Proxy {
    fn drop(&mut self) {
        self.shared.stopped.store(true, Ordering::SeqCst);
        self.shared.cut();
        TcpStream::connect(("127.0.0.1", self.port)).ok(); // wakes the listener, which then ends
    }
}

impl Shared {
    fn cut(&self) {
        for stream in self.connections.lock().expect("connections").drain(..) {
            stream.shutdown(Shutdown::Both).ok();
        }
    }

    /// Whether `bytes` more of the replica's may pass.
    fn spend(&self, bytes: u64) -> bool {
        let before = self.budget.load(Ordering::SeqCst);
        if before == u64::MAX {
            return true;
        }
        if before > bytes {
            self.budget.store(before - bytes, Ordering::SeqCst);
            return true;
        }
        self.budget.store(u64::MAX, Ordering::SeqCst);
        false
    }
}

fn pump(from: &TcpStream, to: &TcpStream, shared: &Arc<Shared>, from_replica: bool) {
    let (Ok(mut from), Ok(mut to)) = (from.try_clone(), to.try_clone()) else { return };
    let shared = shared.clone();
    std::thread::spawn(move || {
        let mut buffer = vec![0; 64 * 1024];
        while let Ok(count @ 1..) = from.read(&mut buffer) {
            while shared.holding.load(Ordering::SeqCst) && !shared.stopped.load(Ordering::SeqCst) {
                std::thread::sleep(Duration::from_millis(5));
            }
            let delay = shared.delay_ms.load(Ordering::SeqCst);
            if delay > 0 {
                std::thread::sleep(Duration::from_millis(delay));
            }
            if !from_replica && let Some(heard) = shared.heard.lock().expect("heard").as_mut() {
                heard.extend_from_slice(&buffer[..count]);
            }
            if from_replica && !shared.spend(count as u64) {
                shared.cut();
                break;
            }
            if to.write_all(&buffer[..count]).is_err() {
                break;
            }
        }
        from.shutdown(Shutdown::Both).ok();
        to.shutdown(Shutdown::Both).ok();
    });
}
