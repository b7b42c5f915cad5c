//! Whom alarms are reported to in tests: an HTTP server and a mail server of a few lines each, with and without TLS.

use rcgen::{BasicConstraints, CertificateParams, IsCa, Issuer, KeyPair};
use rustls::pki_types::pem::PemObject;
use rustls::pki_types::{CertificateDer, PrivateKeyDer};
use rustls::{ServerConfig, ServerConnection, StreamOwned};
use std::io::{BufRead, BufReader, Read, Write};
use std::net::{TcpListener, TcpStream};
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};
use std::time::Duration;

/// How a server speaks.
#[derive(Clone)]
pub enum Speech {
    Plain,
    Tls(Arc<ServerConfig>),
    /// Mail: asked to turn to TLS first.
    StartTls(Arc<ServerConfig>),
}

/// An authority's certificate, and a server's configuration under one that it signed for 127.0.0.1.
pub fn identity() -> (String, Arc<ServerConfig>) {
    let mut params = CertificateParams::new(Vec::<String>::new()).expect("parameters");
    params.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
    let key = KeyPair::generate().expect("a key");
    let authority = params.self_signed(&key).expect("a certificate").pem();
    let issuer = Issuer::new(params, key);
    let own = KeyPair::generate().expect("a key");
    let params = CertificateParams::new(vec!["127.0.0.1".to_owned()]).expect("parameters");
    let certificate = params.signed_by(&own, &issuer).expect("a certificate").pem();
    let chain = vec![CertificateDer::from_pem_slice(certificate.as_bytes()).expect("a certificate")];
    let key = PrivateKeyDer::from_pem_slice(own.serialize_pem().as_bytes()).expect("a key");
    let provider = Arc::new(rustls::crypto::ring::default_provider());
    let builder = ServerConfig::builder_with_provider(provider).with_safe_default_protocol_versions().expect("versions");
    (authority, Arc::new(builder.with_no_client_auth().with_single_cert(chain, key).expect("a configuration")))
}

/// A server, and what it was told.
#[derive(Clone)]
pub struct Sink {
    pub port: u16,
    told: Arc<Mutex<Vec<String>>>,
    /// So many are refused first.
    refuse: Arc<AtomicUsize>,
}

impl Sink {
    pub fn told(&self) -> Vec<String> {
        self.told.lock().expect("told").clone()
    }

    fn refuses(&self) -> bool {
        self.refuse.fetch_update(Ordering::SeqCst, Ordering::SeqCst, |left| left.checked_sub(1)).is_ok()
    }

    fn start(refuse: usize, serve: impl Fn(TcpStream, &Sink) -> std::io::Result<()> + Send + Sync + 'static) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").expect("listen");
        let sink = Self {
            port: listener.local_addr().expect("an address").port(),
            told: Arc::default(),
            refuse: Arc::new(AtomicUsize::new(refuse)),
        };
        let (own, serve) = (sink.clone(), Arc::new(serve));
        std::thread::spawn(move || {
            for stream in listener.incoming().flatten() {
                let (own, serve) = (own.clone(), serve.clone());
                // Who hangs up says nothing.
                std::thread::spawn(move || drop(serve(stream, &own)));
            }
        });
        sink
    }

    /// Takes POSTs: `head` and body of each. Answers after a while.
    pub fn http(speech: Speech, refuse: usize, after: Duration) -> Self {
        Self::start(refuse, move |stream, sink| match &speech {
            Speech::Tls(config) => {
                let mut stream = StreamOwned::new(ServerConnection::new(config.clone()).expect("a session"), stream);
                http(&mut stream, sink, after)
            }
            _ => http(&mut { stream }, sink, after),
        })
    }

    /// Sends whoever comes elsewhere.
    pub fn moved(to: &str) -> Self {
        let to = to.to_owned();
        Self::start(0, move |stream, _| {
            let mut reader = BufReader::new(&stream);
            let mut line = String::new();
            while reader.read_line(&mut line)? > 0 && !line.trim().is_empty() {
                line.clear();
            }
            write!(&mut &stream, "HTTP/1.1 307 Moved\r\nLocation: {to}\r\nContent-Length: 0\r\nConnection: close\r\n\r\n")
        })
    }

    /// Takes mail.
    pub fn smtp(speech: Speech) -> Self {
        Self::start(0, move |mut stream, sink| match &speech {
            Speech::Plain => smtp(&mut stream, sink, false, true).map(drop),
            Speech::Tls(config) => {
                let mut stream = StreamOwned::new(ServerConnection::new(config.clone()).expect("a session"), stream);
                smtp(&mut stream, sink, false, true).map(drop)
            }
            Speech::StartTls(config) => {
                if smtp(&mut stream, sink, true, true)? {
                    let mut stream = StreamOwned::new(ServerConnection::new(config.clone()).expect("a session"), stream);
                    smtp(&mut stream, sink, false, false)?;
                }
                Ok(())
            }
        })
    }
}

fn http(stream: &mut (impl Read + Write), sink: &Sink, after: Duration) -> std::io::Result<()> {
    let mut reader = BufReader::new(stream);
    let (mut head, mut length) = (String::new(), 0);
    loop {
        let mut line = String::new();
        if reader.read_line(&mut line)? == 0 || line.trim().is_empty() {
            break;
        }
        if let Some(value) = line.to_lowercase().strip_prefix("content-length:") {
            length = value.trim().parse().unwrap_or(0);
        }
        head.push_str(&line);
    }
    let mut body = vec![0; length];
    reader.read_exact(&mut body)?;
    std::thread::sleep(after);
    let refused = sink.refuses();
    if !refused {
        sink.told.lock().expect("told").push(format!("{head}\n{}", String::from_utf8_lossy(&body)));
    }
    let status = if refused { "500 Later" } else { "204 No Content" };
    let stream = reader.into_inner();
    write!(stream, "HTTP/1.1 {status}\r\nContent-Length: 0\r\nConnection: close\r\n\r\n")?;
    stream.flush()
}

/// True: it was asked to turn to TLS.
fn smtp(stream: &mut (impl Read + Write), sink: &Sink, turns: bool, greets: bool) -> std::io::Result<bool> {
    // One byte at a time: what comes after STARTTLS is not ours to read.
    let line = |stream: &mut dyn Read| -> std::io::Result<String> {
        let (mut line, mut byte) = (Vec::new(), [0]);
        while !line.ends_with(b"\r\n") {
            stream.read_exact(&mut byte)?;
            line.push(byte[0]);
        }
        Ok(String::from_utf8_lossy(&line).trim_end().to_owned())
    };
    if greets {
        stream.write_all(b"220 sink\r\n")?;
    }
    let mut letter = String::new();
    loop {
        let said = line(stream)?;
        let verb = said.split(' ').next().unwrap_or_default().to_uppercase();
        let answer: &[u8] = match verb.as_str() {
            "EHLO" if turns => b"250-sink\r\n250 STARTTLS\r\n",
            "EHLO" => b"250-sink\r\n250 AUTH PLAIN\r\n",
            "STARTTLS" if turns => {
                stream.write_all(b"220 go\r\n")?;
                return Ok(true);
            }
            "AUTH" => {
                letter.push_str(&format!("{said}\n"));
                b"235 welcome\r\n"
            }
            "DATA" => {
                stream.write_all(b"354 go\r\n")?;
                loop {
                    let text = line(stream)?;
                    if text == "." {
                        break;
                    }
                    letter.push_str(&format!("{text}\n"));
                }
                sink.told.lock().expect("told").push(letter.clone());
                b"250 taken\r\n"
            }
            "QUIT" => {
                stream.write_all(b"221 bye\r\n")?;
                return Ok(false);
            }
            "MAIL" | "RCPT" => {
                letter.push_str(&format!("{said}\n"));
                b"250 ok\r\n"
            }
            _ => b"250 ok\r\n",
        };
        stream.write_all(answer)?;
        stream.flush()?;
    }
}
