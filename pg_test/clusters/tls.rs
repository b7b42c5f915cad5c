//! TLS to a replica, checked as libpq's verify-full checks it, with a certificate authority of the test's own.

use crate::support::link::{batch, scalar};
use crate::support::{Cluster, Link, Pair, wait_until};
use rcgen::{BasicConstraints, CertificateParams, IsCa, Issuer, KeyPair, KeyUsagePurpose, date_time_ymd};
use std::fs;
use std::os::unix::fs::{MetadataExt as _, PermissionsExt as _, chown};
use std::path::PathBuf;

/// An authority with its certificate.
struct Authority {
    issuer: Issuer<'static, KeyPair>,
    certificate: String,
}

impl Authority {
    fn new(name: &str) -> Self {
        let mut params = CertificateParams::new(Vec::<String>::new()).expect("parameters");
        params.distinguished_name.push(rcgen::DnType::CommonName, name);
        params.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
        params.key_usages = vec![KeyUsagePurpose::KeyCertSign, KeyUsagePurpose::CrlSign];
        let key = KeyPair::generate().expect("a key");
        let certificate = params.self_signed(&key).expect("a certificate").pem();
        Self { issuer: Issuer::new(params, key), certificate }
    }

    /// A server's certificate and key.
    fn sign(&self, hosts: &[&str], until: i32) -> (String, String) {
        let hosts: Vec<String> = hosts.iter().map(|host| (*host).to_owned()).collect();
        let mut params = CertificateParams::new(hosts).expect("parameters");
        params.not_before = date_time_ymd(2000, 1, 1);
        params.not_after = date_time_ymd(until, 1, 1);
        let key = KeyPair::generate().expect("a key");
        (params.signed_by(&key, &self.issuer).expect("a certificate").pem(), key.serialize_pem())
    }
}

/// Writes a file into a cluster's data directory, as its own.
fn write(cluster: &Cluster, name: &str, text: &str) -> PathBuf {
    let directory = PathBuf::from(scalar::<String>(&mut cluster.client("postgres"), "SHOW data_directory"));
    let path = directory.join(name);
    fs::write(&path, text).expect("write a file");
    let owner = fs::metadata(&directory).expect("the data directory");
    if fs::metadata(&path).expect("the file").uid() != owner.uid() {
        chown(&path, Some(owner.uid()), Some(owner.gid())).expect("chown");
    }
    fs::set_permissions(&path, fs::Permissions::from_mode(0o600)).expect("chmod");
    path
}

/// The replica's server shows this certificate from now on.
fn show(cluster: &Cluster, (certificate, key): &(String, String)) {
    write(cluster, "server.crt", certificate);
    write(cluster, "server.key", key);
    let mut client = cluster.client("postgres");
    batch(&mut client, "ALTER SYSTEM SET ssl = on");
    batch(&mut client, "SELECT pg_reload_conf()");
    wait_until("TLS is on", || scalar::<String>(&mut cluster.client("postgres"), "SHOW ssl") == "on");
    // The postmaster reads the files when it reloads, a moment after it was asked.
    std::thread::sleep(std::time::Duration::from_millis(500));
}

#[test]
fn certificates_are_checked_as_verify_full_says() {
    let link = Link::bare(Pair::own("tls"));
    let (ours, another) = (Authority::new("the test's own"), Authority::new("somebody else's"));
    let trusted = write(&link.pair.source, "trusted.crt", &ours.certificate);
    let conninfo = |host: &str, mode: &str| {
        let own = link.pair.replica.conninfo(&link.db).replace("host=127.0.0.1", host);
        format!("{own} sslmode={mode} sslrootcert={}", trusted.display())
    };
    let quick = r#"{"retry_initial": "50ms", "retry_max": "200ms", "max_attempts": 1000}"#;
    let again = |host: &str, mode: &str| {
        link.run("SELECT accord.drop_replica('warehouse')");
        link.add_at(&conninfo(host, mode), quick);
    };
    let encrypted = || -> bool {
        scalar(
            &mut link.replica(),
            "SELECT coalesce(bool_and(s.ssl), false) FROM pg_stat_ssl s JOIN pg_stat_activity a USING (pid) WHERE a.datname = current_database() AND a.application_name LIKE 'pg_accord%'",
        )
    };
    let refused = |words: &str, hint: &str| {
        wait_until(words, || link.status().reason.contains(words));
        let status = link.status();
        assert_eq!(status.state, "retrying", "{status:?}");
        assert!(status.hint.contains(hint) && status.reason.contains(&link.pair.replica.port().to_string()), "{status:?}");
        let error = link.try_wait("1 s").expect_err("it is not reached");
        error.assert_clear();
        assert!(error.says(words), "{}", error.0);
        assert_eq!(scalar::<i64>(&mut link.replica(), "SELECT count(*) FROM accord.upstream"), 0, "nothing was sent there");
    };

    show(&link.pair.replica, &ours.sign(&["elsewhere.example"], 2100));
    link.add_at(&conninfo("host=127.0.0.1", "verify-full"), quick);
    refused("the server's certificate is for another host", "subjectAltName");
    show(&link.pair.replica, &ours.sign(&["127.0.0.1"], 2001));
    refused("the server's certificate has expired", "new certificate");
    show(&link.pair.replica, &another.sign(&["127.0.0.1"], 2100));
    refused("not signed by an authority that is trusted here", "sslrootcert");
    again("host=127.0.0.1", "verify-ca");
    refused("not signed by an authority that is trusted here", "sslrootcert");

    // verify-ca asks for the authority and not for the name; verify-full for both.
    show(&link.pair.replica, &ours.sign(&["elsewhere.example"], 2100));
    link.wait();
    assert!(encrypted());
    show(&link.pair.replica, &ours.sign(&["127.0.0.1", "localhost"], 2100));
    for host in ["host=127.0.0.1", "host=localhost hostaddr=127.0.0.1"] {
        again(host, "verify-full");
        link.wait();
        link.follow(&format!("CREATE TABLE public.t{} (id int)", host.len()));
        assert!(encrypted(), "{host}");
    }
    link.assert_agreement();

    // A server that speaks no TLS is none that can be verified.
    batch(&mut link.pair.replica.client("postgres"), "ALTER SYSTEM SET ssl = off");
    batch(&mut link.pair.replica.client("postgres"), "SELECT pg_reload_conf()");
    wait_until("TLS is off", || scalar::<String>(&mut link.pair.replica.client("postgres"), "SHOW ssl") == "off");
    again("host=127.0.0.1", "verify-full");
    wait_until("it is not reached without", || link.status().reason.to_lowercase().contains("tls"));
    assert_eq!(link.status().state, "retrying");
}
