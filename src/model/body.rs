//! A fact's attributes: one struct per kind, gathered in one enum.

use super::{
    AccessMethod, Aggregate, Attribute, BaseType, Cast, Collation, Column, Comment, Composite, Constraint, Conversion, Default, Domain,
    DomainConstraint, Enum, EnumLabel, Extension, Grant, Identity, Index, Inherit, Kind, Language, MaterializedView, Operator,
    OperatorClass, OperatorFamily, Owner, Partition, Policy, Position, Range, Routine, Rule, Schema, Sequence, Statistics, Table,
    TextSearchConfiguration, TextSearchDictionary, TextSearchParser, TextSearchTemplate, Transform, Trigger, Unmodelled, View,
};
use super::{
    DefaultPrivilege, EventTrigger, ForeignDataWrapper, Publication, PublicationSchema, PublicationTable, SecurityLabel, Server,
    Subscription, UserMapping,
};
use serde::{Serialize, de::DeserializeOwned};
use serde_json::Value;

macro_rules! stored {
    ($kind:ident) => { $kind };
    ($kind:ident boxed) => { Box<$kind> };
}

macro_rules! bodies {
    ($($kind:ident $($boxed:ident)?),* $(,)?) => {
        /// The attributes of a fact, by kind. The largest are boxed: there are millions of small ones.
        #[derive(Clone, Debug, PartialEq, Serialize)]
        #[serde(untagged)]
        #[allow(missing_docs)]
        pub enum Body { $($kind(stored!($kind $($boxed)?))),* }

        impl Kind {
            /// Every kind, in the order of the declaration.
            pub const ALL: &[Kind] = &[$(Kind::$kind),*];
        }

        impl Body {
            /// The kind that these attributes belong to.
            pub fn kind(&self) -> Kind {
                match self { $(Body::$kind(_) => Kind::$kind),* }
            }

            /// Reads the attributes of a fact of the given kind.
            pub fn from_json(kind: Kind, attributes: Value) -> Result<Self, serde_json::Error> {
                fn read<T: DeserializeOwned>(attributes: Value) -> Result<T, serde_json::Error> {
                    serde_json::from_value(attributes)
                }
                Ok(match kind { $(Kind::$kind => Body::$kind(read(attributes)?)),* })
            }
        }

        $(impl From<$kind> for Body {
            fn from(attributes: $kind) -> Self { Body::$kind(attributes.into()) }
        })*
    };
}

bodies!(
    Schema,
    Extension,
    Enum,
    EnumLabel,
    Domain,
    DomainConstraint,
    Composite,
    Attribute,
    Range,
    Sequence,
    Table,
    Inherit,
    Partition,
    Column,
    Position,
    Default,
    Identity,
    Constraint,
    Index,
    View,
    MaterializedView,
    Routine boxed,
    Aggregate,
    Trigger,
    Policy,
    Rule,
    BaseType boxed,
    Cast,
    Operator boxed,
    OperatorFamily,
    OperatorClass,
    Collation,
    Conversion,
    TextSearchParser,
    TextSearchTemplate,
    TextSearchDictionary,
    TextSearchConfiguration,
    Statistics,
    AccessMethod,
    Language,
    Transform,
    Comment,
    Owner,
    Grant,
    ForeignDataWrapper,
    Server,
    UserMapping,
    Publication,
    PublicationTable,
    PublicationSchema,
    Subscription,
    EventTrigger,
    DefaultPrivilege,
    SecurityLabel,
    Unmodelled,
);
