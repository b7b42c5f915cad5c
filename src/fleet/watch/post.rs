//! Sends what is reported by webhook and by mail, each in a thread of its own. Nobody waits for one longer than its
//! timeout, whatever the other side or the resolver of names does.

use crate::fleet::channel::{Options, masked, subject};
use crate::fleet::reports::Message;
use crate::worker::transport::tls::SYSTEM_BUNDLES;
use lettre::message::Mailbox;
use lettre::transport::smtp::client::{Certificate, CertificateStore, Tls, TlsParameters};
use lettre::{SmtpTransport, Transport};
use std::path::Path;
use std::sync::Arc;
use std::time::Duration;
use tokio::sync::oneshot;

/// Beyond the timeout, for the thread to say itself what it waited for.
const SLACK: Duration = Duration::from_secs(1);

/// Sends it; the error says why it could not be.
pub async fn post(message: Message) -> Result<(), String> {
    let (done, outcome) = oneshot::channel();
    let (target, options) = (message.target.clone(), message.options.clone());
    // It inherits this thread's mask: every signal is blocked.
    let spawned = std::thread::Builder::new().name("pg_accord report".to_owned()).spawn(move || {
        let _ = done.send(send(&message));
    });
    spawned.map_err(|error| error.to_string())?;
    // The thread's own timeouts are for each read and write of a mail server.
    let outcome = match tokio::time::timeout(timeout(&options) + SLACK, outcome).await {
        Ok(Ok(outcome)) => outcome,
        Ok(Err(_)) => Err("sending it ended by a defect of pg_accord".to_owned()),
        Err(_) => Err("timeout: it was not taken in time".to_owned()),
    };
    outcome.map_err(|reason| masked(&reason, &target, &options))
}

fn send(message: &Message) -> Result<(), String> {
    if message.target.starts_with("smtp") { mail(message) } else { webhook(message) }
}

fn timeout(options: &Options) -> Duration {
    Duration::from_secs_f64(options.timeout)
}

/// The authorities that are trusted.
fn roots(options: &Options) -> Result<Vec<u8>, String> {
    let system = || SYSTEM_BUNDLES.iter().map(Path::new).find(|path| path.exists());
    let file =
        options.root.as_deref().or_else(system).ok_or("no bundle of certificates of the system is known here: name one as \"root\"")?;
    std::fs::read(file).map_err(|error| format!("certificate file \"{}\" cannot be read: {error}", file.display()))
}

fn webhook(message: &Message) -> Result<(), String> {
    use ureq::tls::{RootCerts, TlsConfig};
    let options = &message.options;
    let mut config = ureq::Agent::config_builder()
        .timeout_global(Some(timeout(options)))
        // Whoever receives alarms is who was named.
        .max_redirects(0)
        .proxy(None)
        .http_status_as_error(false)
        .user_agent(concat!("pg_accord/", env!("CARGO_PKG_VERSION")));
    if message.target.starts_with("https:") {
        let certificates = pem(&roots(options)?);
        let certificates = certificates.iter().map(|each| ureq::tls::Certificate::from_der(each).to_owned()).collect();
        let tls = TlsConfig::builder()
            .root_certs(RootCerts::Specific(Arc::new(certificates)))
            .unversioned_rustls_crypto_provider(Arc::new(rustls::crypto::ring::default_provider()))
            .build();
        config = config.tls_config(tls);
    }
    let agent = config.build().new_agent();
    let mut request = agent.post(&message.target).header("Content-Type", "application/json");
    for (name, value) in &options.headers {
        request = request.header(name, value);
    }
    let answer = request.send(message.message.to_string()).map_err(|error| error.to_string())?;
    let status = answer.status();
    if status.is_success() { Ok(()) } else { Err(format!("it answered with {status}")) }
}

fn mail(message: &Message) -> Result<(), String> {
    let options = &message.options;
    let address = |text: &str| text.parse::<Mailbox>().map_err(|error| format!("\"{text}\" is no address: {error}"));
    let text = |field: &str| message.message[field].as_str().unwrap_or_default().to_owned();
    let head = format!("[pg_accord] {} {}: {} ({} databases)", text("severity"), text("state"), text("what"), message.message["databases"]);
    let head = subject(&head);
    let mut letter = lettre::Message::builder().from(address(options.from.as_deref().unwrap_or_default())?).subject(head.clone());
    for to in &options.to {
        letter = letter.to(address(to)?);
    }
    // Sent twice it is one letter.
    letter = letter.message_id(Some(format!("<{}.{}@pg_accord>", text("alarm"), message.id)));
    let body = format!("{head}\n\n{}\n", serde_json::to_string_pretty(&message.message).unwrap_or_default());
    let letter = letter.body(body).map_err(|error| error.to_string())?;

    let wrong = |error: lettre::transport::smtp::Error| error.to_string();
    let url: ureq::http::Uri = message.target.parse().map_err(|_| "its address cannot be read".to_owned())?;
    let wrapped = message.target.starts_with("smtps:");
    let port = url.port_u16().unwrap_or(if wrapped {
        465
    } else if options.tls {
        587
    } else {
        25
    });
    // TLS is ours to say below: by the authorities that were named.
    let plain = if wrapped { message.target.replacen("smtps:", "smtp:", 1) } else { message.target.clone() };
    let mut transport = SmtpTransport::from_url(&plain).map_err(wrong)?.port(port).timeout(Some(timeout(options)));
    if options.tls {
        let host = url.host().unwrap_or_default().trim_matches(['[', ']']).to_owned();
        let mut tls = TlsParameters::builder(host).certificate_store(CertificateStore::None);
        for certificate in pem(&roots(options)?) {
            tls = tls.add_root_certificate(Certificate::from_der(certificate).map_err(wrong)?);
        }
        let tls = tls.build_rustls().map_err(wrong)?;
        transport = transport.tls(if wrapped { Tls::Wrapper(tls) } else { Tls::Required(tls) });
    }
    transport.build().send(&letter).map(drop).map_err(wrong)
}

/// The certificates of a PEM file, whatever else it holds.
fn pem(text: &[u8]) -> Vec<Vec<u8>> {
    rustls_pemfile::certs(&mut &*text).flatten().map(|certificate| certificate.to_vec()).collect()
}
