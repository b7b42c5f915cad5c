//! Migration histories: folders of numbered folders with `up.sql`, `down.sql` and, where a migration must not
//! be wrapped in a transaction, an empty file `no-transaction`.

use std::fs;
use std::path::{Path, PathBuf};

/// A folder of migrations.
pub struct History {
    /// The folder's name.
    pub name: String,
    /// In their order.
    pub migrations: Vec<Migration>,
}

/// One migration.
pub struct Migration {
    /// The folder's name.
    pub name: String,
    /// What psql runs.
    pub up: PathBuf,
    /// How its authors would take it back.
    pub down: PathBuf,
    /// Run it in one transaction.
    pub transaction: bool,
}

impl Migration {
    /// Its statements by the parts that a client sends: whole, or one by one where they cannot share a transaction.
    pub fn parts(&self) -> Vec<String> {
        let text = fs::read_to_string(&self.up).unwrap_or_else(|error| panic!("read {}: {error}", self.up.display()));
        if self.transaction { vec![text] } else { text.split_inclusive(';').map(str::to_owned).collect() }
    }
}

impl History {
    /// Its name as part of a database's.
    pub fn identifier(&self) -> String {
        self.name.chars().map(|c| if c.is_ascii_alphanumeric() { c.to_ascii_lowercase() } else { '_' }).collect()
    }
}

/// The project's own history.
pub fn shop() -> History {
    read(&Path::new(env!("CARGO_MANIFEST_DIR")).join("pg_test/histories/shop"))
}

/// Every history below the folder that `ACCORD_HISTORIES` names, by default `../shared/histories`.
pub fn found() -> Vec<History> {
    let folder = std::env::var_os("ACCORD_HISTORIES")
        .map_or_else(|| Path::new(env!("CARGO_MANIFEST_DIR")).join("../shared/histories"), PathBuf::from);
    let Ok(entries) = fs::read_dir(&folder) else {
        return Vec::new();
    };
    let mut histories: Vec<History> =
        entries.flatten().map(|entry| entry.path()).filter(|path| path.is_dir()).map(|path| read(&path)).collect();
    histories.retain(|history| !history.migrations.is_empty());
    histories.sort_by(|a, b| a.name.cmp(&b.name));
    histories
}

fn read(folder: &Path) -> History {
    let mut migrations: Vec<Migration> = fs::read_dir(folder)
        .unwrap_or_else(|error| panic!("read {}: {error}", folder.display()))
        .flatten()
        .map(|entry| entry.path())
        .filter(|path| path.join("up.sql").exists())
        .map(|path| Migration {
            name: file_name(&path),
            up: path.join("up.sql"),
            down: path.join("down.sql"),
            transaction: !path.join("no-transaction").exists(),
        })
        .collect();
    migrations.sort_by(|a, b| a.name.cmp(&b.name));
    History { name: file_name(folder), migrations }
}

fn file_name(path: &Path) -> String {
    path.file_name().map(|name| name.to_string_lossy().into_owned()).unwrap_or_default()
}
