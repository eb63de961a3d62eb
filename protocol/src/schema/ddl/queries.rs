//! Queries under a name, out of CREATE VIEW and DROP VIEW.

use sqlparser::ast::{CreateTableOptions, CreateView, ObjectName};

use super::Plan;
use super::error::DdlError;
use super::names::object_name;
use crate::cause::Cause;
use crate::name;
use crate::schema::SchemaOp;
use crate::schema::named_query::NamedQuery;

impl Plan {
    /// Declares a query under a name, or, if that is said, another in place of the one that is there.
    pub(super) fn create_query(&mut self, create: &CreateView) -> Result<(), DdlError> {
        let name = object_name(&create.name)?;
        let said_more = create.temporary
            || create.materialized
            || create.params.is_some()
            || !matches!(create.options, CreateTableOptions::None)
            || create.columns.iter().any(|column| column.data_type.is_some() || column.options.is_some());
        if said_more {
            return Err(DdlError::NotSupported(Cause::new("schema_view_option").with("view", name)));
        }
        if self.place(&name).is_some() {
            return Err(DdlError::NotAdditive(Cause::new("schema_view_table").with("view", name)));
        }
        let columns = create.columns.iter().map(|column| name::composed(&column.name.value)).collect();
        let query = NamedQuery { name, columns, sql: Some(create.query.to_string()) };
        match self.query_at(&query.name) {
            Some(at) if self.queries[at].is(&query) || create.if_not_exists => return Ok(()),
            Some(at) if create.or_replace => {
                self.queries.remove(at);
            }
            Some(_) => {
                return Err(DdlError::NotAdditive(
                    Cause::new("schema_view_differs").with("view", query.name),
                ));
            }
            None => {}
        }
        self.queries.push(query.clone());
        self.add(SchemaOp::SetQuery(query));
        Ok(())
    }

    /// Takes a query's name away. There are no rows behind it.
    pub(super) fn drop_query(&mut self, name: &ObjectName, if_exists: bool) -> Result<(), DdlError> {
        let name = object_name(name)?;
        match self.query_at(&name) {
            Some(at) => {
                let known = self.queries.remove(at);
                self.add(SchemaOp::SetQuery(NamedQuery { name: known.name, columns: Vec::new(), sql: None }));
                Ok(())
            }
            None if if_exists => Ok(()),
            None => Err(DdlError::NotSupported(Cause::new("schema_no_view").with("view", name))),
        }
    }

    fn query_at(&self, name: &str) -> Option<usize> {
        self.queries.iter().position(|query| name::same(&query.name, name))
    }
}
