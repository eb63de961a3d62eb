//! The schema: tables, columns and rules, declared in SQL and merged like everything else.
//!
//! A schema change is an op. All of them add, so any two merge: the schema is the union of what was
//! declared. Each op gets one of three verdicts, a pure function of the *set* of schema ops:
//!
//! - **void**: it breaks a rule by itself ([`SchemaOp::check`]), on every site for ever;
//! - **waiting**: a table, a column or a function that it needs is not there yet, or there are more
//!   than a bound allows and it comes after them ([`Waiting`]);
//! - it **counts**.
//!
//! Where two things declared apart cannot both be had, the one that comes first in [`OpPlace`]'s
//! order is: causes before effects, then by time. But a definition by which more sites wrote rows,
//! not knowing the other, comes before one by which fewer did, whatever anybody's clock says: a table
//! that people work with is never put aside by one that somebody declared elsewhere.

pub mod text_forms;
mod column_type;
mod external;
mod type_mismatch;
mod number;
mod canonical_value;
mod op_value;

mod id;
mod named_query;
mod constant;
pub mod expression;
pub mod definition;
mod reference;
mod op;
mod place;
mod table;
mod rules;
mod writers;
mod waiting;
mod judgement;
mod drafts;
mod table_order;
mod set;
pub mod ddl;

#[cfg(test)]
mod laws;

pub use column_type::{ColumnType, MergeKind, Storage};
pub use constant::Constant;
pub use definition::{Check, ColumnDef, DefaultValue, IndexDef, TableDeclaration, TableDef, Unique};
pub use expression::Judge;
pub use external::ExternalType;
pub use id::{ColumnId, RuleId, TableId};
pub use named_query::NamedQuery;
pub use op::{SchemaOp, VoidReason};
pub use place::{KnownSchema, OpPlace, OpPlaces};
pub use reference::{OnDelete, Reference, ReferenceDeclaration, ReferringColumn};
pub use rules::Rule;
pub use set::Schema;
pub use table::Table;
pub use table_order::TableOrder;
pub use type_mismatch::{MismatchReason, TypeMismatch};
pub use waiting::{WaitReason, Waiting};
