//! x
#[path = "../support/mod.rs"]
mod support;
#[test]
fn harness_smoke() {
    let t = std::time::Instant::now();
    let pair = support::Pair::own("smoke");
    eprintln!("started {:?}", t.elapsed());
    pair.source.psql("postgres", "CREATE TABLE p(id int primary key, e text not null); CREATE TABLE c(id serial, p int not null references p, d numeric(10,2), x varchar(3));").unwrap();
    let mut c = pair.source.client("postgres");
    eprintln!("{}", support::rows::fill(&mut c, 3));
    eprintln!("{}", pair.source.psql("postgres", "TABLE p; TABLE c").unwrap());
    eprintln!("{}", support::dump::schema(&pair.source, "postgres"));
    pair.source.crash(); pair.source.boot();
    let p = support::Proxy::to(pair.source.port());
    eprintln!("{}", pair.source.conninfo_at("postgres", p.port()));
    eprintln!("crash+boot {:?}", t.elapsed());
}
