//! A PostgreSQL server as a value: started by [`Cluster::start`], gone with its files on drop.
//!
//! Servers run from the private copy that `make server` put below `.tools`, as the current user, or as user
//! `postgres` where the current one is root (which PostgreSQL refuses). A small shell process watches over
//! each: should this process end without dropping its clusters (a signal, an abort, a `static`), the server
//! is stopped and its files are removed all the same.

use pg_accord::model::MAJORS;
use postgres::{Client, NoTls};
use std::collections::BTreeMap;
use std::fs::{self, File};
use std::io::Write as _;
use std::net::TcpListener;
use std::os::unix::fs::{PermissionsExt as _, chown};
use std::os::unix::process::CommandExt as _;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::sync::{LazyLock, Mutex, MutexGuard};
use std::time::Duration;

/// How a cluster differs from the ordinary test cluster.
#[derive(Clone, Copy, Default)]
pub struct Options<'a> {
    /// For messages and the directory's name.
    pub name: &'a str,
    /// Settings for postgresql.conf, after the harness's own.
    pub conf: &'a [(&'a str, &'a str)],
    /// Writes reach the disk as in production.
    pub durable: bool,
}

/// A running server.
pub struct Cluster {
    installation: Mutex<&'static Installation>,
    name: String,
    dir: PathBuf,
    port: u16,
    postmaster: Mutex<Option<Child>>,
    watcher: Child,
}

/// Where the private server is, and as whom it runs.
struct Installation {
    root: PathBuf,
    bin: PathBuf,
    template: PathBuf,
    /// Set when this process is root: uid and gid of user postgres.
    run_as: Option<(u32, u32)>,
}

static INSTALLATION: LazyLock<&'static Installation> = LazyLock::new(|| Installation::of(major()));

impl Installation {
    /// The private server of a major, found once.
    fn of(major: u32) -> &'static Self {
        Self::at(private_server(major))
    }

    fn at(server: PathBuf) -> &'static Self {
        static FOUND: Mutex<BTreeMap<PathBuf, &'static Installation>> = Mutex::new(BTreeMap::new());
        let mut found = FOUND.lock().expect("installations");
        found.entry(server.clone()).or_insert_with(|| Box::leak(Box::new(Self::find(&server))))
    }

    fn find(server: &Path) -> Self {
        let server = server
            .canonicalize()
            .unwrap_or_else(|_| panic!("{} is missing: run `make server` (or `make test`, which does)", server.display()));
        let this = Self { root: server.clone(), bin: server.join("bin"), template: server.join("template"), run_as: run_as() };
        this.template();
        this
    }

    /// One initdb serves every cluster.
    fn template(&self) {
        if self.template.exists() {
            return;
        }
        self.remove_remains();
        let fresh = self.template.with_extension(std::process::id().to_string());
        make_dir(&fresh, self.run_as);
        let password = random_word();
        let file = fresh.join("password");
        fs::write(&file, &password).expect("write the password file");
        if let Some((uid, gid)) = self.run_as {
            chown(&file, Some(uid), Some(gid)).expect("chown the password file");
        }
        let output = self
            .command("initdb")
            .arg("-D")
            .arg(fresh.join("data"))
            .args(["--no-sync", "--username=postgres", "--encoding=UTF8", "--locale=C.UTF-8"])
            .args(["--auth-local=trust", "--auth-host=scram-sha-256"])
            .arg(format!("--pwfile={}", file.display()))
            .current_dir(&fresh)
            .output()
            .expect("run initdb");
        assert!(output.status.success(), "initdb failed: {}", String::from_utf8_lossy(&output.stderr));
        if fs::rename(&fresh, &self.template).is_err() {
            fs::remove_dir_all(&fresh).ok(); // another process was quicker
        }
    }

    /// Templates of processes that were ended in the middle of it.
    fn remove_remains(&self) {
        for entry in fs::read_dir(&self.root).expect("read the private server").flatten() {
            let name = entry.file_name();
            let maker = name.to_str().and_then(|name| name.strip_prefix("template."));
            if maker.is_some_and(|pid| !Path::new("/proc").join(pid).exists()) {
                fs::remove_dir_all(entry.path()).ok();
            }
        }
    }

    fn password(&self) -> String {
        fs::read_to_string(self.template.join("password")).expect("read the password")
    }

    /// A program of the server, as the clusters' user, without the caller's PG* settings.
    fn command(&self, program: &str) -> Command {
        let mut command = Command::new(self.bin.join(program));
        command.env_clear().env("PATH", "/usr/bin:/bin").env("LC_ALL", "C.UTF-8").stdin(Stdio::null());
        if let Some((uid, gid)) = self.run_as {
            command.uid(uid).gid(gid);
        }
        command
    }
}

/// The PostgreSQL major under test.
pub fn major() -> u32 {
    std::env::var("PG").ok().and_then(|text| text.parse().ok()).unwrap_or(15)
}

/// Whether the server under test has what came with this major; where it has not, what is left out is said.
pub fn knows(since: u32, what: &str) -> bool {
    if major() < since {
        println!("left out: {what}, since {since}");
    }
    major() >= since
}

/// Whether a program is of the server's own minor version, as pg_upgrade insists to be. One of a server that was put
/// together from several packages may have another's.
pub fn is_of_this_server(program: &str) -> bool {
    let version = |program: &str| {
        let output = Command::new(server_root().join("bin").join(program)).arg("--version").output().expect("a program of the server");
        let words = String::from_utf8_lossy(&output.stdout).into_owned();
        words.split_once("(PostgreSQL) ").and_then(|(_, version)| version.split_whitespace().next()).map(str::to_owned)
    };
    let (own, server) = (version(program), version("postgres"));
    if own != server {
        println!("left out: {program}, which is {own:?} beside {server:?}");
    }
    own == server
}

fn private_server(major: u32) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join(format!(".tools/server-{major}"))
}

/// The majors whose private servers are here, with the extension in them.
pub fn majors_at_hand() -> Vec<u32> {
    MAJORS.filter(|major| private_server(*major).join("installed").exists()).collect()
}

/// The private server with an earlier release in it, where `make released` has put it.
fn released_server(version: &str) -> Option<PathBuf> {
    let server = Path::new(env!("CARGO_MANIFEST_DIR")).join(format!(".tools/server-{}-{version}", major()));
    server.join("installed").exists().then_some(server)
}

/// The root below which the private server's directories lie as they do on the system.
pub fn server_root() -> PathBuf {
    INSTALLATION.root.clone()
}

/// Where a server's files may lie: reachable by user postgres; on a disk where that is measured, else in memory where there
/// is plenty: hundreds of databases are made and dropped, which keeps some file systems busier than PostgreSQL.
fn state_dir(durable: bool) -> PathBuf {
    static IN_MEMORY: LazyLock<bool> = LazyLock::new(|| {
        const ENOUGH: u64 = 12 << 20;
        let kilobytes = |text: &str| text.split_whitespace().find_map(|word| word.parse::<u64>().ok()).unwrap_or_default();
        let memory = fs::read_to_string("/proc/meminfo").unwrap_or_default();
        let memory = memory.lines().find(|line| line.starts_with("MemAvailable:")).map_or(0, kilobytes);
        let space = Command::new("df").args(["--output=avail", "--type=tmpfs", SHARED_MEMORY]).output();
        let space = space.map_or(0, |output| kilobytes(&String::from_utf8_lossy(&output.stdout)));
        memory.min(space) > ENOUGH
    });
    match std::env::var_os("ACCORD_STATE") {
        Some(named) => named.into(),
        None if !durable && *IN_MEMORY => SHARED_MEMORY.into(),
        None => "/var/tmp".into(),
    }
}

const SHARED_MEMORY: &str = "/dev/shm";

fn run_as() -> Option<(u32, u32)> {
    let me = fs::metadata("/proc/self").map(|meta| std::os::unix::fs::MetadataExt::uid(&meta)).ok()?;
    if me != 0 {
        return None;
    }
    let users = fs::read_to_string("/etc/passwd").expect("read /etc/passwd");
    let fields: Vec<&str> = users
        .lines()
        .map(|line| line.split(':').collect())
        .find(|user: &Vec<&str>| user[0] == "postgres")
        .expect("user postgres is missing: PostgreSQL does not run as root (the package postgresql-common creates it)");
    Some((fields[2].parse().expect("uid"), fields[3].parse().expect("gid")))
}

fn make_dir(path: &Path, owner: Option<(u32, u32)>) {
    fs::create_dir(path).unwrap_or_else(|error| panic!("create {}: {error}", path.display()));
    fs::set_permissions(path, fs::Permissions::from_mode(0o700)).expect("chmod");
    if let Some((uid, gid)) = owner {
        chown(path, Some(uid), Some(gid)).expect("chown");
    }
}

fn random_word() -> String {
    uuid::Uuid::now_v7().simple().to_string()
}

/// Mounts a tmpfs of this size, where this process may.
fn mount(path: &Path, megabytes: u32, owner: Option<(u32, u32)>) -> bool {
    make_dir(path, owner);
    let mounted =
        Command::new("mount").args(["-t", "tmpfs", "-o", &format!("size={megabytes}m,mode=0700"), "pg_accord"]).arg(path).output();
    let mounted = mounted.is_ok_and(|output| output.status.success());
    if let (true, Some((uid, gid))) = (mounted, owner) {
        chown(path, Some(uid), Some(gid)).expect("chown the volume");
    }
    mounted
}

/// Whether volumes can be mounted here.
pub fn can_mount() -> bool {
    let path = state_dir(false).join(format!("pg_accord-{}-volume", &random_word()[20..]));
    let mounted = mount(&path, 1, None);
    if mounted {
        Command::new("umount").arg(&path).status().ok();
    }
    fs::remove_dir(&path).ok();
    mounted
}

/// A free port below the range that outgoing connections take theirs from.
pub fn free_port() -> u16 {
    let seed = uuid::Uuid::now_v7().as_u128() % 12_000;
    (0..2000_u128)
        .map(|step| 20_000 + u16::try_from((seed + step * 7) % 12_000).expect("below 12,000"))
        .find(|port| TcpListener::bind(("127.0.0.1", *port)).is_ok())
        .expect("a free port")
}

/// Whether a process works in this directory, as those of a server do.
fn has_processes(directory: &Path) -> bool {
    let works = |entry: &fs::DirEntry| fs::read_link(entry.path().join("cwd")).is_ok_and(|cwd| cwd == directory);
    fs::read_dir("/proc").expect("read /proc").flatten().any(|entry| works(&entry))
}

/// Sends a signal to a process that this harness started.
fn signal(name: &str, pid: u32) {
    Command::new("sh").args(["-c", "kill -s \"$1\" \"$2\" 2>/dev/null", "sh", name, &pid.to_string()]).status().ok();
}

/// Waits for its parent's end (the pipe closes), then stops the server and removes its files. The server's processes
/// are known by where they work: one that has just been started has written no pid file.
const WATCHER: &str = r#"
cat >/dev/null
[ -d "$1" ] || exit 0
unmount() { while mountpoint -q "$1/data" 2>/dev/null && umount -l "$1/data" 2>/dev/null; do :; done; }
processes() {
    for each in /proc/[0-9]*; do
        case $(readlink "$each/cwd") in "$1" | "$1/data") echo "${each#/proc/}" ;; esac
    done
}
for signal in QUIT QUIT QUIT QUIT KILL KILL; do
    pids=$(processes "$1")
    [ -n "$pids" ] || break
    kill -s "$signal" $pids
    for pid in $pids; do
        tries=0
        while [ -d "/proc/$pid" ] && [ $tries -lt 40 ]; do sleep 0.05; tries=$((tries + 1)); done
    done
done
unmount "$1"
tries=0
# A copy may still be on its way into it.
until rm -rf "$1" && [ ! -e "$1" ] || [ $tries -gt 50 ]; do sleep 0.1; tries=$((tries + 1)); done
"#;

impl Cluster {
    /// Starts a fresh server and waits until it takes connections.
    pub fn start(options: Options) -> Self {
        Self::start_on(&INSTALLATION, options, None)
    }

    /// As [`Self::start`], with the server of a major.
    pub fn start_major(major: u32, options: Options) -> Self {
        Self::start_on(Installation::of(major), options, None)
    }

    /// As [`Self::start`], its data on a volume of their own of that many megabytes, for [`Self::fill_disk`].
    pub fn start_on_volume(options: Options, megabytes: u32) -> Self {
        Self::start_on(&INSTALLATION, options, Some(megabytes))
    }

    /// As [`Self::start`], with an earlier release in the server; none where `make released` has not put it there.
    pub fn start_released(version: &str, options: Options) -> Option<Self> {
        released_server(version).map(|server| Self::start_on(Installation::at(server), options, None))
    }

    /// The stopped server's programs and libraries become those under test: what an update of packages does.
    pub fn update(&self) {
        *self.installation.lock().expect("installation") = &INSTALLATION;
    }

    fn installation(&self) -> &'static Installation {
        *self.installation.lock().expect("installation")
    }

    /// A place for a server's files, and who removes them.
    fn settle(installation: &'static Installation, name: &str, durable: bool) -> Self {
        let dir = state_dir(durable).join(format!("pg_accord-{}", &random_word()[20..]));
        // First of all: from here on nothing is left behind, whenever this process ends.
        let watcher = Command::new("sh")
            .args(["-c", WATCHER, "sh"])
            .arg(&dir)
            .current_dir("/")
            .stdin(Stdio::piped())
            .stdout(Stdio::null())
            .stderr(Stdio::null())
            .process_group(0)
            .spawn()
            .expect("start the watcher");
        make_dir(&dir, installation.run_as);
        Self {
            installation: Mutex::new(installation),
            name: name.to_owned(),
            dir,
            port: free_port(),
            postmaster: Mutex::new(None),
            watcher,
        }
    }

    fn start_on(installation: &'static Installation, options: Options, volume: Option<u32>) -> Self {
        let cluster = Self::settle(installation, options.name, options.durable);
        if let Some(megabytes) = volume {
            assert!(mount(&cluster.data(), megabytes, installation.run_as), "no volume could be mounted");
        }
        cluster.copy(&installation.template.join("data"), &cluster.data());
        cluster.configure(options);
        cluster.boot();
        cluster
    }

    fn configure(&self, options: Options) {
        let mut conf = String::new();
        let mut set = |key: &str, value: &str| {
            conf.push_str(&format!("{key} = '{}'\n", value.replace('\'', "''")));
        };
        set("listen_addresses", "127.0.0.1");
        set("port", &self.port.to_string());
        set("unix_socket_directories", &self.dir.to_string_lossy());
        set("shared_preload_libraries", "pg_accord");
        set("cluster_name", &self.name);
        set("max_connections", "200");
        set("max_worker_processes", "64");
        set("max_prepared_transactions", "20");
        set("max_locks_per_transaction", "1024");
        set("shared_buffers", "64MB");
        set("wal_level", "logical");
        set("jit", "off");
        set("timezone", "UTC");
        set("lc_messages", "C");
        set("log_line_prefix", "%m [%p] %b %d ");
        if !options.durable {
            set("fsync", "off");
            set("full_page_writes", "off");
        }
        for (key, value) in options.conf {
            set(key, value);
        }
        self.append("postgresql.conf", &conf);
    }

    fn append(&self, file: &str, text: &str) {
        let mut file = fs::OpenOptions::new().append(true).open(self.data().join(file)).expect("open a configuration file");
        file.write_all(text.as_bytes()).expect("write a configuration file");
    }

    /// Where a copy of another server's files is to be found.
    fn readdress(&self) {
        let (port, dir, name) = (self.port, self.dir.display(), self.name.replace('\'', "''"));
        self.append("postgresql.conf", &format!("port = {port}\nunix_socket_directories = '{dir}'\ncluster_name = '{name}'\n"));
    }

    /// A running physical standby of this server, by pg_basebackup.
    pub fn standby(&self, name: &str) -> Self {
        let standby = Self::settle(self.installation(), name, !self.dir.starts_with(SHARED_MEMORY));
        let output = self
            .installation()
            .command("pg_basebackup")
            .args(["--checkpoint=fast", "--wal-method=stream", "--write-recovery-conf", "--no-sync", "--username=postgres", "--host"])
            .arg(&self.dir)
            .args(["--port", &self.port.to_string(), "--pgdata"])
            .arg(standby.data())
            .current_dir("/")
            .output()
            .expect("run pg_basebackup");
        assert!(output.status.success(), "pg_basebackup: {}", String::from_utf8_lossy(&output.stderr));
        standby.readdress();
        standby.boot();
        standby
    }

    /// A standby has replayed everything that this server has written.
    #[track_caller]
    pub fn wait_for_standby(&self, standby: &Self) {
        let lsn: String = self.client("postgres").query_one("SELECT pg_current_wal_flush_lsn()::text", &[]).expect("the WAL's end").get(0);
        super::wait_until("the standby has replayed everything", || {
            standby.try_client("postgres").is_ok_and(|mut client| {
                client.query_one("SELECT pg_last_wal_replay_lsn() >= $1::text::pg_lsn", &[&lsn]).is_ok_and(|row| row.get(0))
            })
        });
    }

    /// The standby takes the stopped (or crashed) server's place and address, still in recovery: `pg_promote()` makes it
    /// the primary.
    pub fn replace_by(&self, standby: Self) {
        standby.stop();
        self.copy(&standby.data(), &self.data());
        self.readdress();
        self.boot();
    }

    fn data(&self) -> PathBuf {
        self.dir.join("data")
    }

    fn postmaster(&self) -> MutexGuard<'_, Option<Child>> {
        self.postmaster.lock().unwrap_or_else(std::sync::PoisonError::into_inner)
    }

    /// Starts the stopped server; tries again while the remains of a crashed one still end.
    pub fn boot(&self) {
        for attempt in 0..20 {
            if self.try_boot() {
                return;
            }
            assert!(attempt < 19, "{} did not start:\n{}", self.name, self.log_tail(30));
            std::thread::sleep(Duration::from_millis(300));
        }
    }

    fn try_boot(&self) -> bool {
        let log = File::options().create(true).append(true).open(self.dir.join("log")).expect("open the log");
        let mut child = self
            .installation()
            .command("postgres")
            .arg("-D")
            .arg(self.data())
            .current_dir(&self.dir)
            .stdout(log.try_clone().expect("clone the log"))
            .stderr(log)
            .process_group(0)
            .spawn()
            .expect("start postgres");
        for _ in 0..3000 {
            if self.try_client("postgres").is_ok() {
                *self.postmaster() = Some(child);
                return true;
            }
            if child.try_wait().expect("wait for postgres").is_some() {
                return false;
            }
            std::thread::sleep(Duration::from_millis(20));
        }
        signal("KILL", child.id());
        child.wait().ok();
        false
    }

    /// Ends the server in order ("fast": open transactions are rolled back).
    pub fn stop(&self) {
        self.end("INT");
    }

    /// As a power cut: SIGKILL to the postmaster, whose children then end by themselves.
    pub fn crash(&self) {
        self.end("KILL");
    }

    /// [`Self::stop`], then [`Self::boot`].
    pub fn restart(&self) {
        self.stop();
        self.boot();
    }

    /// pg_upgrade of the stopped server into a new cluster, here of the same major, which gives objects new OIDs all the
    /// same and takes every step that it takes between two.
    pub fn pg_upgrade(&self) {
        let installation = self.installation();
        let [old, new] = ["old", "data"].map(|name| self.dir.join(name));
        fs::rename(self.data(), &old).expect("set the old cluster aside");
        let run = |command: &mut Command| {
            let output = command.current_dir(&self.dir).output().expect("run a program");
            let words = [String::from_utf8_lossy(&output.stdout), String::from_utf8_lossy(&output.stderr)].concat();
            assert!(output.status.success(), "{command:?}: {words}");
        };
        run(installation.command("initdb").arg("-D").arg(&new).args([
            "--no-sync",
            "--username=postgres",
            "--encoding=UTF8",
            "--locale=C.UTF-8",
            "--auth-local=trust",
        ]));
        for file in ["postgresql.conf", "pg_hba.conf", "postgresql.auto.conf"] {
            let copied = Command::new("cp").arg("-a").arg(old.join(file)).arg(new.join(file)).status();
            assert!(copied.is_ok_and(|status| status.success()), "copy {file}");
        }
        run(installation
            .command("pg_upgrade")
            .args(["--username=postgres", "--old-datadir"])
            .arg(&old)
            .arg("--new-datadir")
            .arg(&new)
            .arg("--old-bindir")
            .arg(&installation.bin)
            .arg("--new-bindir")
            .arg(&installation.bin)
            .arg("--socketdir")
            .arg(&self.dir));
        fs::remove_dir_all(&old).ok();
    }

    /// A copy of the stopped server's files, for [`Self::restore`].
    pub fn backup(&self) {
        self.copy(&self.data(), &self.dir.join("backup"));
    }

    /// Puts the files of [`Self::backup`] back in place of the stopped server's.
    pub fn restore(&self) {
        self.copy(&self.dir.join("backup"), &self.data());
    }

    /// Makes the stopped server a standby of nobody: from its next start it is in recovery, until `pg_promote()`.
    pub fn make_standby(&self) {
        let path = self.data().join("standby.signal");
        File::create(&path).expect("create standby.signal");
        if let Some((uid, gid)) = INSTALLATION.run_as {
            chown(&path, Some(uid), Some(gid)).expect("chown standby.signal");
        }
    }

    /// Copies a server's files in place of what is there (which may be a volume's root).
    fn copy(&self, from: &Path, to: &Path) {
        if to.exists() {
            // What a crash left behind of the server still writes, for a moment.
            super::wait_until("the server's last processes end", || !has_processes(to));
            for entry in fs::read_dir(to).expect("read a data directory").flatten() {
                let path = entry.path();
                if path.is_dir() { fs::remove_dir_all(path) } else { fs::remove_file(path) }.expect("empty a data directory");
            }
        } else {
            make_dir(to, self.installation().run_as);
        }
        let copied = Command::new("cp").arg("-a").arg(from.join(".")).arg(to).status();
        assert!(copied.is_ok_and(|status| status.success()), "copy a data directory");
    }

    fn end(&self, how: &str) {
        if let Some(mut child) = self.postmaster().take() {
            signal(how, child.id());
            child.wait().ok();
        }
    }

    /// Fills the volume to the last byte.
    pub fn fill_disk(&self) {
        let filler = self.data().join("filler");
        let mut file = File::create(filler).expect("create the filler");
        for size in [1 << 20, 4096, 1] {
            let block = vec![0_u8; size];
            while file.write_all(&block).is_ok() {}
        }
    }

    /// Makes room again; starts the server where it gave up.
    pub fn free_disk(&self) {
        fs::remove_file(self.data().join("filler")).ok();
        let ended = self.postmaster().as_mut().is_none_or(|child| child.try_wait().is_ok_and(|status| status.is_some()));
        if ended {
            self.end("QUIT");
            self.boot();
        }
    }

    /// The server's port on 127.0.0.1.
    pub fn port(&self) -> u16 {
        self.port
    }

    /// Whom messages call it.
    pub fn name(&self) -> &str {
        &self.name
    }

    /// How another process reaches a database by TCP, with the superuser's password.
    pub fn conninfo(&self, database: &str) -> String {
        self.conninfo_at(database, self.port)
    }

    /// How a process on this machine reaches a database by the server's own socket.
    pub fn socket_conninfo(&self, database: &str) -> String {
        format!("host={} port={} user=postgres dbname={}", self.dir.display(), self.port, quote_conninfo(database))
    }

    /// As [`Self::conninfo`], by another port (a proxy's).
    pub fn conninfo_at(&self, database: &str, port: u16) -> String {
        format!("host=127.0.0.1 port={port} user=postgres password={} dbname={}", self.installation().password(), quote_conninfo(database))
    }

    /// A connection by the server's own socket, as superuser.
    #[track_caller]
    pub fn client(&self, database: &str) -> Client {
        self.try_client(database).unwrap_or_else(|error| panic!("connect to {database} on {}: {error}\n{}", self.name, self.log_tail(10)))
    }

    /// As [`Self::client`], where failing is an answer.
    pub fn try_client(&self, database: &str) -> Result<Client, postgres::Error> {
        self.try_client_as(database, "postgres")
    }

    /// A connection by the server's own socket, as any role.
    pub fn try_client_as(&self, database: &str, role: &str) -> Result<Client, postgres::Error> {
        postgres::Config::new().host_path(&self.dir).port(self.port).user(role).dbname(database).application_name("harness").connect(NoTls)
    }

    /// Runs CREATE DATABASE.
    #[track_caller]
    pub fn createdb(&self, database: &str) {
        self.client("postgres").batch_execute(&format!("CREATE DATABASE {}", quote(database))).expect("CREATE DATABASE");
    }

    /// Drops a database, whoever is connected.
    #[track_caller]
    pub fn dropdb(&self, database: &str) {
        self.client("postgres").batch_execute(&format!("DROP DATABASE IF EXISTS {} WITH (FORCE)", quote(database))).expect("DROP DATABASE");
    }

    /// Sets `accord.databases` and reloads.
    pub fn serve(&self, databases: &[String]) {
        let mut client = self.client("postgres");
        let value = databases.join(", ").replace('\'', "''");
        client.batch_execute(&format!("ALTER SYSTEM SET accord.databases = '{value}'")).expect("ALTER SYSTEM");
        client.batch_execute("SELECT pg_reload_conf()").expect("reload");
    }

    /// Process ids of the extension's workers; of one database's where it is given.
    pub fn worker_pids(&self, database: Option<&str>) -> Vec<u32> {
        let rows = self.try_client("postgres").and_then(|mut client| {
            client.query(
                "SELECT pid FROM pg_stat_activity WHERE backend_type LIKE 'pg_accord%' \
                 AND ($1::text IS NULL OR datname = $1) ORDER BY backend_start",
                &[&database],
            )
        });
        // A server that is restarting its processes has none of ours at the moment.
        rows.unwrap_or_default().iter().map(|row| u32::try_from(row.get::<_, i32>(0)).expect("a pid")).collect()
    }

    /// SIGKILL to one of this server's processes, where it is one; the postmaster then restarts all others.
    pub fn kill(&self, pid: u32) -> bool {
        let parent = fs::read_to_string(format!("/proc/{pid}/status"))
            .ok()
            .and_then(|status| status.lines().find_map(|line| line.strip_prefix("PPid:").map(str::trim).map(str::to_owned)));
        let mine = self.postmaster().as_ref().map(|child| child.id().to_string());
        if parent.is_none() || parent != mine {
            return false;
        }
        let mut witness = self.try_client("postgres").ok();
        signal("KILL", pid);
        // The postmaster ends every session as soon as it has noticed.
        if let Some(client) = &mut witness {
            super::eventually(Duration::from_secs(10), || client.batch_execute("SELECT 1").is_err().then_some(()));
        }
        true
    }

    /// Blocks until the server takes connections again (after [`Self::kill`]).
    #[track_caller]
    pub fn wait_ready(&self) {
        super::wait_until("the server takes connections", || {
            self.try_client("postgres").is_ok_and(|mut client| client.batch_execute("SELECT 1").is_ok())
        });
    }

    /// The server's log so far.
    pub fn log(&self) -> String {
        fs::read(self.dir.join("log")).map(|bytes| String::from_utf8_lossy(&bytes).into_owned()).unwrap_or_default()
    }

    /// The log's last lines.
    pub fn log_tail(&self, lines: usize) -> String {
        let log = self.log();
        let all: Vec<&str> = log.lines().collect();
        all[all.len().saturating_sub(lines)..].join("\n")
    }

    /// A client program (psql, pg_dump) that finds this server by its environment.
    pub fn program(&self, name: &str, database: &str) -> Command {
        let mut command = Command::new(self.installation().bin.join(name));
        command
            .env_clear()
            .env("PATH", "/usr/bin:/bin")
            .env("LC_ALL", "C.UTF-8")
            .env("PGHOST", &self.dir)
            .env("PGPORT", self.port.to_string())
            .env("PGUSER", "postgres")
            .env("PGDATABASE", database)
            .env("PGCLIENTENCODING", "UTF8")
            .stdin(Stdio::null());
        command
    }

    /// Runs a file by the real psql, stopping at the first error; in one transaction if wanted.
    pub fn psql_file(&self, database: &str, path: &Path, transaction: bool) -> Result<(), String> {
        let mut command = self.program("psql", database);
        command.args(["--no-psqlrc", "--quiet", "--set=ON_ERROR_STOP=1", "--output=/dev/null", "--file"]).arg(path);
        if transaction {
            command.arg("--single-transaction");
        }
        let output = command.output().expect("run psql");
        if output.status.success() { Ok(()) } else { Err(String::from_utf8_lossy(&output.stderr).into_owned()) }
    }

    /// Runs SQL text by the real psql.
    pub fn psql(&self, database: &str, sql: &str) -> Result<String, String> {
        let mut child = self
            .program("psql", database)
            .args(["--no-psqlrc", "--quiet", "--set=ON_ERROR_STOP=1", "--file=-"])
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .spawn()
            .expect("run psql");
        let mut stdin = child.stdin.take().expect("psql's stdin");
        let text = sql.to_owned();
        let writer = std::thread::spawn(move || stdin.write_all(text.as_bytes()).ok());
        let output = child.wait_with_output().expect("wait for psql");
        writer.join().ok();
        if output.status.success() {
            Ok(String::from_utf8_lossy(&output.stdout).into_owned())
        } else {
            Err(String::from_utf8_lossy(&output.stderr).into_owned())
        }
    }
}

impl Drop for Cluster {
    fn drop(&mut self) {
        if std::thread::panicking() {
            eprintln!("--- log of {} (its end)\n{}\n---", self.name, self.log_tail(40));
        }
        self.end("QUIT");
        unmount(&self.data());
        fs::remove_dir_all(&self.dir).ok();
        drop(self.watcher.stdin.take());
        self.watcher.wait().ok();
    }
}

fn unmount(path: &Path) {
    let mounted = fs::read_to_string("/proc/mounts").is_ok_and(|mounts| mounts.lines().any(|line| line.split(' ').nth(1) == path.to_str()));
    if mounted {
        Command::new("umount").arg("-l").arg(path).status().ok();
    }
}

/// An identifier for SQL text.
pub fn quote(name: &str) -> String {
    format!("\"{}\"", name.replace('"', "\"\""))
}

/// A literal for SQL text.
pub fn literal(text: &str) -> String {
    format!("'{}'", text.replace('\'', "''"))
}

fn quote_conninfo(value: &str) -> String {
    format!("'{}'", value.replace('\\', "\\\\").replace('\'', "\\'"))
}
