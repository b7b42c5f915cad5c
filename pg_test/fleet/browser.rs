//! The report as a person sees it: in a browser.

use crate::control::{Fleet, SHOP};
use crate::support::link::scalar;
use crate::support::say;
use std::path::Path;
use std::process::{Command, Output};

/// A page in a browser without a window; none where there is no browser.
fn browse(page: &Path, options: &[&str]) -> Option<Output> {
    let profile = tempfile::tempdir().expect("a directory");
    let mut command = Command::new("timeout");
    command.args([
        "120",
        "chromium",
        "--headless",
        "--no-sandbox",
        "--disable-gpu",
        "--disable-dev-shm-usage",
        "--no-first-run",
        "--enable-logging=stderr",
    ]);
    command.arg(format!("--user-data-dir={}", profile.path().display())).args(options).arg(format!("file://{}", page.display()));
    let output = command.output().expect("run timeout");
    (output.status.code() != Some(127)).then_some(output)
}

/// Each line of the page that is seen, from the document that the browser made of it.
fn visible(dom: &str) -> String {
    let body = dom.split("<main>").nth(1).unwrap_or_default();
    let (mut text, mut inside) = (String::new(), false);
    for c in body.chars() {
        match c {
            '<' => inside = true,
            '>' => {
                inside = false;
                text.push(' ');
            }
            c if !inside => text.push(c),
            _ => {}
        }
    }
    text.split_whitespace().collect::<Vec<_>>().join(" ")
}

#[test]
fn the_report_opens_in_a_browser() {
    let mut fleet = Fleet::shared();
    for name in ["a", "b", "c"] {
        fleet.add(name, "{}", SHOP);
    }
    fleet.execute("SELECT accord.register_baseline('shop', '1', from_database => 'a')", &[]);
    fleet.wait();
    fleet.there("b", "DROP VIEW shop.open; ALTER TABLE shop.orders ALTER state SET DEFAULT '</pre><script>document.title = 1</script>'");
    fleet.there("c", "DROP VIEW shop.open; DROP INDEX shop.orders_state");
    fleet.compare();
    let mut alarms = vec![
        "critical | open | 2 databases: view shop.open is missing",
        "critical | open | 1 database: index shop.orders_state is missing",
        "warning | open | 1 database: default shop.orders.state differs in expression",
    ];
    fleet.alarms(&alarms);
    fleet.add_at("gone", "host=127.0.0.1 port=1 dbname=x user=x", "{}");
    fleet.compare();
    alarms.push("warning | open | 1 database: cannot be read: connection");
    fleet.alarms(&alarms);
    let directory = tempfile::tempdir().expect("a directory");
    let page = directory.path().join("report.html");
    std::fs::write(&page, scalar::<String>(&mut fleet.client, "SELECT accord.fleet_report('html')")).expect("write");

    let Some(output) = browse(&page, &["--dump-dom"]) else {
        return say!("not tried: the report in a browser (`make browser` puts one here)");
    };
    let (dom, said) = (String::from_utf8_lossy(&output.stdout), String::from_utf8_lossy(&output.stderr));
    assert!(output.status.success(), "{said}");
    // What the page's own console says: something was refused, or is no HTML.
    assert!(!said.contains("CONSOLE"), "{said}");
    assert!(dom.contains("<title>Fleet report</title>"), "a script in a default ran: {dom}");
    let text = visible(&dom);
    for part in [
        "Fleet: 4 databases",
        "shop deviates 2",
        "view shop.open is missing",
        "CREATE VIEW shop.open",
        "CREATE INDEX orders_state ON shop.orders",
        "&lt;script&gt;document.title",
        "Not read",
    ] {
        assert!(text.contains(part), "{part} in {text}");
    }
    let picture = directory.path().join("report.png");
    let shot = format!("--screenshot={}", picture.display());
    browse(&page, &[&shot, "--window-size=1200,1600", "--hide-scrollbars"]);
    let drawn = std::fs::read(&picture).expect("a picture");
    // An empty page of this size takes a fraction of that.
    assert!(drawn.starts_with(b"\x89PNG") && drawn.len() > 40_000, "{} bytes", drawn.len());
    if let Some(kept) = std::env::var_os("ACCORD_PICTURE") {
        std::fs::copy(&picture, kept).expect("keep the picture");
    }
}
