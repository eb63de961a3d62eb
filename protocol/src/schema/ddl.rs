//! SQL DDL in, schema ops out.

use sqlparser::ast::{
    AlterTableOperation, CheckConstraint, ColumnOption, Expr, IndexColumn, ObjectName, ReferentialAction,
    Statement, TableConstraint, UnaryOperator, Value as Literal,
};
use sqlparser::dialect::SQLiteDialect;
use sqlparser::parser::Parser;

use super::check::refuse_changing;
use super::{
    ColumnDef, ColumnType, Constant, DefaultValue, IndexDef, OnDelete, Reference, Schema, SchemaOp, TableDef,
};
use crate::bounds;
use crate::decimal::DIGITS;
use crate::value::Value;

/// Why a schema is refused. Nothing of it was applied.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum DdlError {
    /// Not SQL that can be read.
    #[error("the schema cannot be read: {0}")]
    Syntax(String),
    /// SQL, but none that a schema may hold.
    #[error("{0}")]
    NotSupported(String),
    /// A column of a type that is not tandem's.
    #[error(
        "column {column} has type {found}, which is not one of: INTEGER REAL TEXT BLOB BOOLEAN UUID DATE TIME TIMESTAMP DECIMAL(p,s) COUNTER COUNTER(p,s) RICHTEXT JSON STAMP QUIET"
    )]
    UnknownType {
        /// `table.column`.
        column: String,
        /// As written.
        found: String,
    },
    /// A table that no row of which could be named.
    #[error("table {0} has no PRIMARY KEY: every row needs one, so that all sites mean the same row")]
    NoPrimaryKey(String),
    /// A change of something that is there.
    #[error("{0}: a schema change can only add tables, columns and indices")]
    NotAdditive(String),
}

/// Reads `sql` and gives what it adds to `current`; what is already there is passed over, so a
/// schema file can be applied again after it has grown.
pub fn plan(sql: &str, current: &Schema) -> Result<Vec<SchemaOp>, DdlError> {
    let statements =
        Parser::parse_sql(&SQLiteDialect {}, sql).map_err(|error| DdlError::Syntax(error.to_string()))?;
    let mut ops = Vec::new();
    let mut known: Vec<TableDef> = current.tables().map(|table| table.shown.clone()).collect();
    for statement in statements {
        match statement {
            Statement::CreateTable(create) => {
                let def = table(&create)?;
                match known.iter_mut().find(|table| table.name.eq_ignore_ascii_case(&def.name)) {
                    None => {
                        known.push(def.clone());
                        ops.push(SchemaOp::CreateTable(def));
                    }
                    Some(table) => ops.extend(grow(table, &def)?),
                }
            }
            Statement::AlterTable(alter) => {
                let name = name(&alter.name)?;
                let table = known
                    .iter_mut()
                    .find(|table| table.name.eq_ignore_ascii_case(&name))
                    .ok_or_else(|| DdlError::NotSupported(format!("there is no table {name}")))?;
                for operation in &alter.operations {
                    let AlterTableOperation::AddColumn { column_def, .. } = operation else {
                        return Err(DdlError::NotAdditive(format!("{operation}")));
                    };
                    let (column, extra) = column(&table.name, column_def)?;
                    if extra.primary_key {
                        return Err(DdlError::NotAdditive(format!("{operation}")));
                    }
                    let mut grown = table.clone();
                    grown.columns.push(column);
                    ops.extend(grow(table, &grown)?);
                }
            }
            Statement::CreateIndex(create) => {
                let index = index(&create)?;
                let there = current.indices().any(|known| known == &index);
                let table = known.iter().find(|table| table.name.eq_ignore_ascii_case(&index.table));
                let columns_exist = table
                    .is_some_and(|table| index.columns.iter().all(|column| table.column(column).is_some()));
                if !columns_exist {
                    let message = format!("index {} names a table or column that is not there", index.name);
                    return Err(DdlError::NotSupported(message));
                }
                if !there {
                    ops.push(SchemaOp::CreateIndex(index));
                }
            }
            Statement::Drop { .. } => return Err(DdlError::NotAdditive(format!("{statement}"))),
            Statement::CreateTrigger(_) => {
                return Err(refuse("triggers", "they would run again on every site"));
            }
            Statement::CreateView(_) => return Err(refuse("views", "write the query where it is used")),
            other => {
                let first = other.to_string().chars().take(60).collect::<String>();
                return Err(DdlError::NotSupported(format!("not a schema statement: {first}")));
            }
        }
    }
    check_references(&known)?;
    Ok(ops)
}

fn refuse(what: &str, why: &str) -> DdlError {
    DdlError::NotSupported(format!("{what} are not supported in a schema: {why}"))
}

/// The columns `wanted` has and `table` lacks. Anything else that differs is refused.
fn grow(table: &mut TableDef, wanted: &TableDef) -> Result<Vec<SchemaOp>, DdlError> {
    let mut ops = Vec::new();
    if !wanted.key.iter().eq(table.key.iter()) {
        return Err(DdlError::NotAdditive(format!("the primary key of {} differs", table.name)));
    }
    for column in &wanted.columns {
        match table.column(&column.name) {
            Some(known) if known == column => {}
            Some(known) => {
                let (name, old, new) = (&column.name, known.kind, column.kind);
                let message =
                    format!("column {}.{name} is declared differently ({old}, now {new})", table.name);
                return Err(DdlError::NotAdditive(message));
            }
            None => {
                if column.not_null && matches!(column.default, DefaultValue::None) {
                    let message = format!(
                        "new column {}.{} is NOT NULL and needs a DEFAULT for the rows that are there",
                        table.name, column.name
                    );
                    return Err(DdlError::NotSupported(message));
                }
                let table_id = table.id();
                table.columns.push(column.clone());
                ops.push(SchemaOp::AddColumn { table: table.name.clone(), table_id, column: column.clone() });
            }
        }
    }
    let missing = table.columns.iter().find(|column| wanted.column(&column.name).is_none());
    if let Some(column) = missing {
        return Err(DdlError::NotAdditive(format!("column {}.{} is missing", table.name, column.name)));
    }
    Ok(ops)
}

fn name(name: &ObjectName) -> Result<String, DdlError> {
    match name.0.as_slice() {
        [part] => part.as_ident().map(|ident| ident.value.clone()),
        _ => None,
    }
    .ok_or_else(|| DdlError::NotSupported(format!("{name} is not a simple name")))
    .and_then(checked_name)
}

fn checked_name(name: String) -> Result<String, DdlError> {
    let lower = name.to_ascii_lowercase();
    let reserved = lower.starts_with("_tandem") || lower.starts_with("sqlite_") || lower == "rowid";
    if reserved || name.is_empty() || name.len() > bounds::NAME_BYTES || name.contains('\0') {
        return Err(DdlError::NotSupported(format!("the name {name:?} is reserved, empty or too long")));
    }
    Ok(name)
}

fn table(create: &sqlparser::ast::CreateTable) -> Result<TableDef, DdlError> {
    let name = name(&create.name)?;
    if create.query.is_some() || create.temporary {
        return Err(DdlError::NotSupported(format!("table {name} must be declared with its columns")));
    }
    let mut def = TableDef {
        name: name.clone(),
        columns: Vec::new(),
        key: Vec::new(),
        checks: Vec::new(),
        uniques: Vec::new(),
    };
    for declared in &create.columns {
        let (column, extra) = column(&name, declared)?;
        if def.column(&column.name).is_some() {
            return Err(DdlError::NotSupported(format!("column {name}.{} is declared twice", column.name)));
        }
        if extra.primary_key {
            def.key.push(column.name.clone());
        }
        def.columns.push(column);
    }
    for constraint in &create.constraints {
        table_constraint(&mut def, constraint)?;
    }
    if def.key.is_empty() {
        return Err(DdlError::NoPrimaryKey(name));
    }
    if def.columns.len() > bounds::COLUMNS {
        return Err(DdlError::NotSupported(format!(
            "table {name} has more than {} columns",
            bounds::COLUMNS
        )));
    }
    for key in &def.key {
        let mergeable = def.columns.iter().find(|column| column.name.eq_ignore_ascii_case(key));
        match mergeable.map(|column| column.kind) {
            None => return Err(DdlError::NotSupported(format!("table {name} has no column {key}"))),
            Some(
                ColumnType::Counter { .. }
                | ColumnType::RichText
                | ColumnType::Json
                | ColumnType::Stamp
                | ColumnType::Quiet
                | ColumnType::Real,
            ) => {
                return Err(DdlError::NotSupported(format!(
                    "column {name}.{key} cannot be a primary key: its type is not one whose values stay as they are"
                )));
            }
            Some(_) => {}
        }
    }
    for column in &mut def.columns {
        if def.key.iter().any(|key| key.eq_ignore_ascii_case(&column.name)) {
            column.not_null = true;
        }
    }
    Ok(def)
}

fn check_of(place: &str, check: &CheckConstraint) -> Result<String, DdlError> {
    let expression = check.expr.to_string();
    refuse_changing(&expression).map_err(|part| {
        DdlError::NotSupported(format!(
            "the CHECK of {place} uses {part}, which is not the same on every site and every day"
        ))
    })?;
    Ok(expression)
}

fn table_constraint(def: &mut TableDef, constraint: &TableConstraint) -> Result<(), DdlError> {
    let one = |columns: &[String]| match columns {
        [one] => Some(one.clone()),
        _ => None,
    };
    match constraint {
        TableConstraint::PrimaryKey(key) if def.key.is_empty() => def.key = names(&key.columns)?,
        TableConstraint::PrimaryKey(_) => {
            return Err(DdlError::NotSupported(format!("table {} has two primary keys", def.name)));
        }
        TableConstraint::Unique(unique) => def.uniques.push(names(&unique.columns)?),
        TableConstraint::Check(expression) => def.checks.push(check_of(&def.name, expression)?),
        TableConstraint::ForeignKey(foreign) => {
            let columns: Vec<String> = foreign.columns.iter().map(|ident| ident.value.clone()).collect();
            let reference = reference(&foreign.foreign_table, foreign.on_delete, foreign.on_update)?;
            let column = one(&columns).and_then(|only| {
                def.columns.iter_mut().find(|column| column.name.eq_ignore_ascii_case(&only))
            });
            column
                .ok_or_else(|| refuse("references of several columns", "refer to a single-column key"))?
                .references = Some(reference);
        }
        other => return Err(DdlError::NotSupported(format!("not supported in table {}: {other}", def.name))),
    }
    Ok(())
}

fn names(columns: &[IndexColumn]) -> Result<Vec<String>, DdlError> {
    let plain = |column: &IndexColumn| match &column.column.expr {
        Expr::Identifier(ident) => Ok(ident.value.clone()),
        other => Err(DdlError::NotSupported(format!("{other} is not a column name"))),
    };
    columns.iter().map(plain).collect()
}

fn index(create: &sqlparser::ast::CreateIndex) -> Result<IndexDef, DdlError> {
    let index_name =
        create.name.as_ref().ok_or_else(|| DdlError::NotSupported("an index needs a name".into()))?;
    if create.unique {
        return Err(refuse("unique indices", "declare UNIQUE in the table"));
    }
    if create.predicate.is_some() {
        return Err(refuse("partial indices", "index the whole column"));
    }
    Ok(IndexDef {
        name: name(index_name)?,
        table: name(&create.table_name)?,
        columns: names(&create.columns)?,
    })
}

/// What a column's options say about the table.
struct ColumnExtra {
    primary_key: bool,
}

fn column(table: &str, declared: &sqlparser::ast::ColumnDef) -> Result<(ColumnDef, ColumnExtra), DdlError> {
    let name = checked_name(declared.name.value.clone())?;
    let place = format!("{table}.{name}");
    let found = declared.data_type.to_string();
    let kind = column_type(&found)
        .ok_or_else(|| DdlError::UnknownType { column: place.clone(), found: found.clone() })?;
    let mut column = ColumnDef {
        name,
        kind,
        default: DefaultValue::None,
        not_null: false,
        unique: false,
        check: None,
        references: None,
    };
    let mut extra = ColumnExtra { primary_key: false };
    for option in &declared.options {
        match &option.option {
            ColumnOption::Null => {}
            ColumnOption::NotNull => column.not_null = true,
            ColumnOption::Default(expression) => column.default = default(&place, kind, expression)?,
            ColumnOption::PrimaryKey(_) => extra.primary_key = true,
            ColumnOption::Unique(_) => column.unique = true,
            ColumnOption::Check(expression) => column.check = Some(check_of(&place, expression)?),
            ColumnOption::ForeignKey(foreign) => {
                column.references =
                    Some(reference(&foreign.foreign_table, foreign.on_delete, foreign.on_update)?);
            }
            ColumnOption::Generated { .. } => {
                return Err(refuse("generated columns", "compute the value in the query"));
            }
            ColumnOption::Collation(_) => {
                return Err(refuse("collations", "all sites compare text byte by byte"));
            }
            other => return Err(DdlError::NotSupported(format!("column {place}: {other} is not supported"))),
        }
    }
    Ok((column, extra))
}

fn column_type(text: &str) -> Option<ColumnType> {
    let upper = text.to_ascii_uppercase();
    let (word, digits) = match upper.split_once('(') {
        Some((word, rest)) => (word.trim(), Some(rest.trim_end_matches(')'))),
        None => (upper.trim(), None),
    };
    let digits: Option<Vec<u8>> = digits
        .map(|list| list.split(',').map(|part| part.trim().parse().ok()).collect())
        .unwrap_or(Some(Vec::new()));
    let exact = |most: u8| match digits.as_deref()? {
        [precision] if (1..=most).contains(precision) => Some((*precision, 0)),
        [precision, scale] if (1..=most).contains(precision) && scale <= precision => {
            Some((*precision, *scale))
        }
        _ => None,
    };
    Some(match (word, digits.as_deref()?) {
        ("INTEGER" | "INT" | "BIGINT", []) => ColumnType::Integer,
        ("REAL" | "DOUBLE" | "DOUBLE PRECISION" | "FLOAT", []) => ColumnType::Real,
        ("TEXT", []) => ColumnType::Text,
        ("BLOB", []) => ColumnType::Blob,
        ("BOOLEAN" | "BOOL", []) => ColumnType::Boolean,
        ("UUID", []) => ColumnType::Uuid,
        ("DATE", []) => ColumnType::Date,
        ("TIME", []) => ColumnType::Time,
        ("TIMESTAMP" | "DATETIME", []) => ColumnType::Timestamp,
        ("DECIMAL" | "NUMERIC", [_, ..]) => {
            exact(DIGITS).map(|(precision, scale)| ColumnType::Decimal { precision, scale })?
        }
        ("COUNTER", []) => ColumnType::COUNTER,
        ("COUNTER", [_, ..]) => {
            exact(DIGITS).map(|(precision, scale)| ColumnType::Counter { precision, scale })?
        }
        ("RICHTEXT", []) => ColumnType::RichText,
        ("JSON", []) => ColumnType::Json,
        ("STAMP", []) => ColumnType::Stamp,
        ("QUIET", []) => ColumnType::Quiet,
        _ => return None,
    })
}

fn reference(
    table: &ObjectName,
    on_delete: Option<ReferentialAction>,
    on_update: Option<ReferentialAction>,
) -> Result<Reference, DdlError> {
    if !matches!(on_update, None | Some(ReferentialAction::NoAction | ReferentialAction::Restrict)) {
        return Err(refuse("ON UPDATE actions", "a key's value never changes"));
    }
    let on_delete = match on_delete {
        None | Some(ReferentialAction::NoAction | ReferentialAction::Restrict) => OnDelete::Restrict,
        Some(ReferentialAction::Cascade) => OnDelete::Cascade,
        Some(ReferentialAction::SetNull) => OnDelete::SetNull,
        Some(ReferentialAction::SetDefault) => return Err(refuse("ON DELETE SET DEFAULT", "use SET NULL")),
    };
    Ok(Reference { table: name(table)?, on_delete })
}

fn default(place: &str, kind: ColumnType, expression: &Expr) -> Result<DefaultValue, DdlError> {
    let Some(value) = literal(expression) else {
        let text = match expression {
            Expr::Nested(inner) => inner.to_string(),
            other => other.to_string(),
        };
        return Ok(DefaultValue::Expression(text));
    };
    if value.is_null() {
        return Ok(DefaultValue::None);
    }
    let value = kind
        .canonical(value)
        .map_err(|error| DdlError::NotSupported(format!("the default of {place}: {error}")))?;
    Ok(DefaultValue::Constant(Constant::new(&value)))
}

fn literal(expression: &Expr) -> Option<Value> {
    match expression {
        Expr::Nested(inner) => literal(inner),
        Expr::UnaryOp { op: UnaryOperator::Minus, expr } => match literal(expr)? {
            Value::Integer(number) => Some(Value::Integer(number.checked_neg()?)),
            Value::Real(number) => Some(Value::Real(-number)),
            _ => None,
        },
        Expr::Value(value) => match &value.value {
            Literal::Null => Some(Value::Null),
            Literal::Boolean(flag) => Some(Value::Integer(i64::from(*flag))),
            Literal::Number(text, _) => {
                text.parse().map(Value::Integer).or_else(|_| text.parse().map(Value::Real)).ok()
            }
            Literal::SingleQuotedString(text) => Some(Value::Text(text.clone())),
            _ => None,
        },
        _ => None,
    }
}

fn check_references(tables: &[TableDef]) -> Result<(), DdlError> {
    for table in tables {
        for column in &table.columns {
            let Some(reference) = &column.references else { continue };
            let target = tables.iter().find(|other| other.name.eq_ignore_ascii_case(&reference.table));
            let single = target.is_some_and(|target| target.key.len() == 1);
            if !single {
                return Err(DdlError::NotSupported(format!(
                    "column {}.{} refers to {}, which is not a table with a primary key of one column",
                    table.name, column.name, reference.table
                )));
            }
        }
    }
    if tables.len() > bounds::TABLES {
        return Err(DdlError::NotSupported(format!("more than {} tables", bounds::TABLES)));
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::identity::Author;
    use crate::merge::WriteId;

    fn by(seq: u64) -> WriteId {
        WriteId { time_ms: 1, author: Author([1; 32]), seq }
    }

    fn refused(sql: &str) -> String {
        plan(sql, &Schema::default()).unwrap_err().to_string()
    }

    #[test]
    fn every_type_and_rule_is_read() {
        let sql = "CREATE TABLE levels (id INTEGER PRIMARY KEY, name TEXT NOT NULL);
            CREATE TABLE IF NOT EXISTS t (
              id UUID PRIMARY KEY DEFAULT (uuid7()), n COUNTER NOT NULL DEFAULT 0, m COUNTER(9,2),
              money DECIMAL(12,2) CHECK (money >= 0), at TIMESTAMP, seen STAMP, who QUIET, note RICHTEXT,
              data JSON, flag BOOLEAN DEFAULT TRUE, b BLOB, r REAL DEFAULT -1.5, d DATE, h TIME,
              code TEXT UNIQUE, level INTEGER REFERENCES levels (id) ON DELETE SET NULL,
              UNIQUE (at, code), CHECK (r < 5));
            CREATE INDEX t_at ON t (at);";
        let ops = plan(sql, &Schema::default()).unwrap();
        assert_eq!(ops.len(), 3);
        let SchemaOp::CreateTable(t) = &ops[1] else { panic!("{ops:?}") };
        let kinds: Vec<String> = t.columns.iter().map(|column| column.kind.to_string()).collect();
        assert_eq!(
            kinds.join(" "),
            "UUID COUNTER COUNTER(9,2) DECIMAL(12,2) TIMESTAMP STAMP QUIET RICHTEXT JSON BOOLEAN BLOB REAL DATE TIME TEXT INTEGER"
        );
        assert_eq!(t.column("flag").unwrap().unwritten(), Value::Integer(1));
        assert_eq!(t.column("r").unwrap().unwritten(), Value::Real(-1.5));
        assert_eq!(t.column("id").unwrap().default, DefaultValue::Expression("uuid7()".into()));
        assert_eq!(t.column("level").unwrap().references.as_ref().unwrap().on_delete, OnDelete::SetNull);
        assert_eq!((t.uniques.len(), t.checks.len(), t.key.len()), (1, 1, 1));

        let mut schema = Schema::default();
        ops.iter().for_each(|op| assert!(schema.apply(op, by(1))));
        assert_eq!(plan(sql, &schema).unwrap(), vec![], "applying again adds nothing");
        let grown = plan("ALTER TABLE t ADD COLUMN extra TEXT DEFAULT 'x'", &schema).unwrap();
        assert!(matches!(&grown[..], [SchemaOp::AddColumn { column, .. }] if column.name == "extra"));
    }

    #[test]
    fn what_cannot_be_replicated_is_refused_with_a_reason() {
        for (sql, reason) in [
            ("CREATE TABLE t (a TEXT)", "no PRIMARY KEY"),
            ("CREATE TABLE t (a MONEY PRIMARY KEY)", "type MONEY"),
            ("CREATE TABLE t (a DECIMAL(39,2) PRIMARY KEY)", "type DECIMAL(39,2)"),
            (
                "CREATE TABLE t (a INTEGER PRIMARY KEY, b INTEGER GENERATED ALWAYS AS (a + 1) STORED)",
                "generated",
            ),
            ("CREATE TRIGGER x AFTER INSERT ON t BEGIN SELECT 1; END", "trigger"),
            ("CREATE TABLE t (a COUNTER PRIMARY KEY)", "cannot be a primary key"),
            ("CREATE TABLE t (a TEXT COLLATE NOCASE PRIMARY KEY)", "collations"),
            ("CREATE TABLE t (a INTEGER PRIMARY KEY, b INTEGER REFERENCES u (id))", "refers to u"),
            ("CREATE TABLE _tandem_x (a INTEGER PRIMARY KEY)", "reserved"),
            ("CREATE TABLE t (a INTEGER PRIMARY KEY, b DATE DEFAULT 'demain')", "default of t.b"),
            ("VACUUM", "not a schema statement"),
            ("CREATE UNIQUE INDEX i ON t (a)", "unique indices"),
            ("CREATE TABLE", "cannot be read"),
        ] {
            assert!(refused(sql).to_lowercase().contains(&reason.to_lowercase()), "{sql}: {}", refused(sql));
        }
    }

    #[test]
    fn changes_that_are_not_additive_are_refused() {
        let mut schema = Schema::default();
        let start = "CREATE TABLE t (a INTEGER PRIMARY KEY, b TEXT)";
        plan(start, &schema).unwrap().iter().for_each(|op| assert!(schema.apply(op, by(1))));
        for sql in [
            "CREATE TABLE t (a INTEGER PRIMARY KEY)",
            "CREATE TABLE t (a INTEGER PRIMARY KEY, b INTEGER)",
            "CREATE TABLE t (a INTEGER, b TEXT PRIMARY KEY)",
            "ALTER TABLE t DROP COLUMN b",
            "ALTER TABLE t RENAME TO u",
            "DROP TABLE t",
        ] {
            assert!(matches!(plan(sql, &schema), Err(DdlError::NotAdditive(_))), "{sql}");
        }
        assert!(plan("ALTER TABLE t ADD COLUMN c TEXT NOT NULL", &schema).is_err());
    }

    #[test]
    fn concurrent_definitions_merge_the_same_in_any_order() {
        let ops = [
            (
                plan("CREATE TABLE t (a INTEGER PRIMARY KEY, x TEXT, y TEXT)", &Schema::default()).unwrap(),
                by(1),
            ),
            (
                plan("CREATE TABLE t (a INTEGER PRIMARY KEY, y TEXT, x INTEGER, z DATE)", &Schema::default())
                    .unwrap(),
                by(2),
            ),
            (plan("CREATE TABLE t (a TEXT PRIMARY KEY, w TEXT)", &Schema::default()).unwrap(), by(3)),
        ];
        let merged = |order: [usize; 3]| {
            let mut schema = Schema::default();
            for at in order {
                ops[at].0.iter().for_each(|op| {
                    schema.apply(op, ops[at].1);
                });
            }
            schema
        };
        let first = merged([0, 1, 2]);
        for order in [[0, 2, 1], [1, 0, 2], [1, 2, 0], [2, 0, 1], [2, 1, 0]] {
            assert_eq!(merged(order), first, "{order:?}");
        }
        let shown = &first.table("t").unwrap().shown;
        let columns: Vec<_> =
            shown.columns.iter().map(|column| (column.name.as_str(), column.kind)).collect();
        assert_eq!(
            columns,
            [
                ("a", ColumnType::Integer),
                ("x", ColumnType::Text),
                ("y", ColumnType::Text),
                ("z", ColumnType::Date),
            ]
        );
    }
}
