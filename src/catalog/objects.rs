//! What a filtered read asks for.

use std::ops::{BitOr, Sub};

/// Objects to read, each with everything that belongs to it. OIDs are those of the catalogs named.
#[derive(Clone, Debug, Default)]
pub struct Objects {
    /// `pg_namespace`.
    pub schemas: Vec<u32>,
    /// `pg_extension`.
    pub extensions: Vec<u32>,
    /// `pg_class`: tables, views, materialized views, sequences, composite types.
    pub relations: Vec<u32>,
    /// `pg_type`: enumerated types, domains, ranges, base types. Composite types are relations.
    pub types: Vec<u32>,
    /// `pg_proc`: functions, procedures, aggregates.
    pub routines: Vec<u32>,
    /// (classid, objid) of objects in all other catalogs: with all that belongs to them (publications with their tables).
    pub others: Vec<(u32, u32)>,
    /// Which parts of the relations to read. Of the others everything is read, but comments, owners
    /// and privileges, and edges only where these say so.
    pub aspects: Aspects,
}

impl Objects {
    /// The OIDs among the other objects that are in this catalog.
    pub(super) fn in_class(&self, class: u32) -> Vec<u32> {
        self.others.iter().filter(|(classid, _)| *classid == class).map(|(_, oid)| *oid).collect()
    }
}

/// Which of a relation's facts to read.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct Aspects(u16);

impl Aspects {
    /// Nothing.
    pub const NONE: Self = Self(0);
    /// The table, view, materialized view or composite type itself.
    pub const RELATION: Self = Self(1);
    /// Columns and attributes, and their positions.
    pub const COLUMNS: Self = Self(1 << 1);
    /// Defaults and generation expressions.
    pub const DEFAULTS: Self = Self(1 << 2);
    /// Identities.
    pub const IDENTITY: Self = Self(1 << 3);
    /// Table constraints.
    pub const CONSTRAINTS: Self = Self(1 << 4);
    /// Indexes that belong to no constraint, and statistics objects with their owners.
    pub const INDEXES: Self = Self(1 << 5);
    /// Triggers.
    pub const TRIGGERS: Self = Self(1 << 6);
    /// Row security policies.
    pub const POLICIES: Self = Self(1 << 7);
    /// Rewrite rules.
    pub const RULES: Self = Self(1 << 8);
    /// Parents: by inheritance and by partitioning.
    pub const INHERITANCE: Self = Self(1 << 9);
    /// Sequences among the relations.
    pub const SEQUENCES: Self = Self(1 << 10);
    /// Comments and security labels on the relation, on its columns, and on whatever else is read.
    pub const COMMENTS: Self = Self(1 << 11);
    /// Owners, and privileges on the relation and its columns.
    pub const PRIVILEGES: Self = Self(1 << 12);
    /// What the facts that are read depend on.
    pub const EDGES: Self = Self(1 << 13);
    /// Everything.
    pub const ALL: Self = Self((1 << 14) - 1);

    /// Both, where `|` cannot stand: in a constant.
    #[must_use]
    pub const fn and(self, other: Self) -> Self {
        Self(self.0 | other.0)
    }

    /// Whether all of these are among them.
    pub fn contains(self, other: Self) -> bool {
        self.0 & other.0 == other.0
    }
}

impl Default for Aspects {
    fn default() -> Self {
        Self::ALL
    }
}

impl BitOr for Aspects {
    type Output = Self;
    fn bitor(self, other: Self) -> Self {
        Self(self.0 | other.0)
    }
}

impl Sub for Aspects {
    type Output = Self;
    fn sub(self, other: Self) -> Self {
        Self(self.0 & !other.0)
    }
}
