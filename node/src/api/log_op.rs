//! A change of the log in words: what it did to which row, or to what else.

use serde::{Deserialize, Serialize};
use serde_json::{Map, Value as Json, json};
use tandem_protocol::membership::MemberOp;
use tandem_protocol::op::{Action, CellColumn, Mode, Op, RowGroup};
use tandem_protocol::schema::expression::{Style, spelled};
use tandem_protocol::schema::{ColumnDef, Schema, SchemaOp};
use tandem_protocol::value::Value;

use super::cell::Cell;
use tandem_store::is_key_text;

/// One change.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct LogOp {
    /// The table; empty for a change of the membership.
    pub table: String,
    /// `insert`, `update`, `delete`, `create_table`, `add_column`, `create_index`, `choose_column`,
    /// `choose_table`, `settle`, `found`, `admit`, `rename`, `void` or `unknown`.
    pub kind: String,
    /// The row's key, by column.
    pub key: Map<String, Json>,
    /// Written values, by column; a number added to a counter as `{"$add": n}`, an edit inside of
    /// a document as `{"$change": n}`, its size in bytes.
    pub values: Map<String, Json>,
}

impl LogOp {
    /// A change that is of no row.
    fn of_no_row(table: &str, kind: &str, values: Json) -> Self {
        let values = match values {
            Json::Object(values) => values,
            _ => Map::new(),
        };
        Self { table: table.to_owned(), kind: kind.to_owned(), key: Map::new(), values }
    }
}

/// Bytes before the change itself in the value of a [`Mode::Change`].
const DOCUMENT_ID_BYTES: usize = 16;

/// Which changes of a transaction are asked for.
#[derive(Default)]
pub(super) struct AskedChanges {
    pub table: Option<String>,
    pub key: Option<String>,
}

impl AskedChanges {
    fn takes_any_op(&self) -> bool {
        self.table.is_none() && self.key.is_none()
    }

    fn takes_table(&self, name: &str) -> bool {
        self.table.as_ref().is_none_or(|table| table.eq_ignore_ascii_case(name))
    }

    fn takes_row(&self, group: &RowGroup, at: usize) -> bool {
        self.key.as_ref().is_none_or(|key| is_key_text(key, &group.keys, at))
    }
}

/// The changes of an op that are asked for, in words.
pub(super) fn describe(op: &Op, schema: &Schema, asked: &AskedChanges, ops: &mut Vec<LogOp>) {
    match op {
        Op::Rows(group) if asked.takes_table(&group.table) => {
            let rows = (0..group.rows()).filter(|&at| asked.takes_row(group, at));
            ops.extend(rows.map(|at| describe_row(group, at, schema)));
        }
        Op::Rows(_) => {}
        Op::Schema(op) => {
            let described = Some(describe_schema(op, schema));
            ops.extend(described.filter(|op| asked.key.is_none() && asked.takes_table(&op.table)));
        }
        Op::Member(_) | Op::Settle(_) | Op::Unknown { .. } | Op::Void if !asked.takes_any_op() => {}
        Op::Settle(settlement) => {
            let seen: Vec<_> = settlement.looked_at.iter().map(|one| one.dot.to_string()).collect();
            let values = json!({ "conflict": settlement.conflict.to_string(), "seen": seen });
            ops.push(LogOp::of_no_row("", "settle", values));
        }
        Op::Member(op) => ops.push(describe_member(op)),
        Op::Void => ops.push(LogOp::of_no_row("", "void", json!({}))),
        Op::Unknown { kind, .. } => ops.push(LogOp::of_no_row("", "unknown", json!({ "kind": kind }))),
    }
}

fn describe_member(op: &MemberOp) -> LogOp {
    match op {
        MemberOp::Found(founding) => {
            let mut values = json!({ "space": founding.space, "site": founding.site });
            if let Some(second) = &founding.second {
                values["second"] = json!({ "site": second.author.to_string(), "name": second.name });
            }
            LogOp::of_no_row("", "found", values)
        }
        MemberOp::Admit(admission) => {
            let values = json!({ "site": admission.author.to_string(), "name": admission.name,
                "role": admission.role.to_string(), "ordinal": admission.ordinal });
            LogOp::of_no_row("", "admit", values)
        }
        MemberOp::Rename { author, name, .. } => {
            LogOp::of_no_row("", "rename", json!({ "site": author.to_string(), "name": name }))
        }
    }
}

fn describe_schema(op: &SchemaOp, schema: &Schema) -> LogOp {
    match op {
        SchemaOp::CreateTable(table) => {
            let columns: Map<_, _> =
                table.columns.iter().map(|c| (c.name.clone(), json!(c.kind.to_string()))).collect();
            LogOp::of_no_row(&table.name, "create_table", Json::Object(columns))
        }
        SchemaOp::AddColumn { table, column, .. } => {
            LogOp::of_no_row(table, "add_column", json!({ &*column.name: column.kind.to_string() }))
        }
        SchemaOp::CreateIndex(index) => {
            let values = json!({ "name": index.name, "columns": index.columns });
            LogOp::of_no_row(&index.table, "create_index", values)
        }
        SchemaOp::ChooseColumn { table, table_id, name, column, .. } => {
            let known = schema.table_by_id(*table_id).and_then(|table| table.column_by_id(*column));
            let chosen = known.map_or_else(|| unseen(column), ColumnDef::definition);
            LogOp::of_no_row(table, "choose_column", json!({ &**name: chosen }))
        }
        SchemaOp::ChooseTable { name, table_id, .. } => {
            let known = schema.table_by_id(*table_id);
            let chosen = known.map_or_else(|| unseen(table_id), |table| table.shown.definition());
            LogOp::of_no_row(name, "choose_table", json!({ "definition": chosen }))
        }
        SchemaOp::AddUnique { table, columns, .. } => {
            LogOp::of_no_row(table, "add_unique", json!({ "columns": columns }))
        }
        SchemaOp::AddCheck { table, table_id, check } => {
            let known = schema.table_by_id(*table_id);
            let name = |id| Some(known?.column_by_id(id)?.name.clone());
            let told = check.render(Style::People, &|id| {
                Some(name(id).map_or_else(|| unseen(id), |name| spelled(&name)))
            });
            LogOp::of_no_row(table, "add_check", json!({ "check": told }))
        }
        SchemaOp::AddReference { of, reference, .. } => {
            let columns: Vec<&String> = reference.columns.iter().map(|column| &column.name).collect();
            let targets: Vec<&String> = reference.columns.iter().map(|column| &column.target).collect();
            let values = json!({ "columns": columns, "references": reference.table, "targets": targets });
            LogOp::of_no_row(of, "add_reference", values)
        }
        SchemaOp::SetQuery(query) => match &query.sql {
            Some(sql) => LogOp::of_no_row(
                &query.name,
                "create_view",
                json!({ "columns": query.columns, "query": sql }),
            ),
            None => LogOp::of_no_row(&query.name, "drop_view", json!({})),
        },
    }
}

/// A definition that has not arrived here.
fn unseen(id: impl std::fmt::Display) -> String {
    id.to_string()
}

fn describe_row(group: &RowGroup, at: usize, schema: &Schema) -> LogOp {
    let kind = match group.action {
        Action::Insert => "insert",
        Action::Update => "update",
        Action::Delete => "delete",
    };
    // An op whose table is not known yet still shows its key, by place.
    let key_names = schema.table_by_id(group.table_id).map(|table| table.shown.key.clone());
    let key_name = |place: usize| {
        let known = key_names.as_ref().and_then(|names| names.get(place)).cloned();
        known.unwrap_or_else(|| format!("key{}", place + 1))
    };
    let key = group.keys.iter().enumerate().map(|(place, column)| (key_name(place), to_json(&column[at])));
    // What a counter showed is said in place of its offset.
    let counted = |of: &CellColumn| {
        let mut row = group.row(at);
        row.find(|(column, _)| column.id == of.id && column.mode == Mode::Counted).map(|(_, value)| value)
    };
    let cell = |(column, value): (&CellColumn, &Value)| {
        let value = match column.mode {
            Mode::Set => to_json(counted(column).unwrap_or(value)),
            // A new document says what it contains.
            Mode::Fresh | Mode::Counted => to_json(value),
            Mode::Delta => json!({ "$add": to_json(value) }),
            Mode::Change => json!({ "$change": change_bytes(value) }),
        };
        (column.name.clone(), value)
    };
    LogOp {
        table: group.table.clone(),
        kind: kind.to_owned(),
        key: key.collect(),
        values: group.row(at).filter(|(column, _)| column.mode != Mode::Counted).map(cell).collect(),
    }
}

/// Bytes of a document's change, behind the document's id.
fn change_bytes(value: &Value) -> usize {
    match value {
        Value::Blob(bytes) => bytes.len().saturating_sub(DOCUMENT_ID_BYTES),
        _ => 0,
    }
}

pub(super) fn to_json(value: &Value) -> Json {
    // A cell is a scalar or a one-entry object: it always has a JSON form.
    serde_json::to_value(Cell(value.clone())).unwrap_or(Json::Null)
}

#[cfg(test)]
mod tests {
    use tandem_protocol::conflict::ConflictId;
    use tandem_protocol::identity::Author;
    use tandem_protocol::op::Settlement;
    use tandem_protocol::schema::{ColumnId, TableId, ddl};
    use tandem_protocol::version::{Dot, Reference};

    use super::*;

    fn told(op: &Op, schema: &Schema) -> (String, Json) {
        let mut ops = Vec::new();
        describe(op, schema, &AskedChanges::default(), &mut ops);
        assert_eq!(ops.len(), 1, "{ops:?}");
        (ops[0].kind.clone(), Json::Object(ops.remove(0).values))
    }

    #[test]
    fn documents_show_their_content_or_how_much_was_edited() {
        let op = |mode, value| {
            let column = CellColumn { name: "body".into(), id: ColumnId([1; 16]), mode };
            Op::Rows(RowGroup {
                table: "notes".into(),
                table_id: TableId([1; 16]),
                action: Action::Update,
                columns: vec![column],
                keys: vec![vec![Value::Integer(1)]],
                cells: vec![vec![value]],
                times: Vec::new(),
            })
        };
        let values = |mode, value| told(&op(mode, value), &Schema::default()).1;
        assert_eq!(values(Mode::Fresh, Value::Text("x".into())), json!({ "body": "x" }));
        assert_eq!(values(Mode::Set, Value::Null), json!({ "body": null }));
        assert_eq!(values(Mode::Delta, Value::Integer(-3)), json!({ "body": { "$add": -3 } }));
        assert_eq!(values(Mode::Change, Value::Blob(vec![0; 61])), json!({ "body": { "$change": 45 } }));
    }

    #[test]
    fn what_settles_conflicts_is_readable() {
        let mut schema = Schema::default();
        let planned = ddl::plan("CREATE TABLE a (id INTEGER PRIMARY KEY, b TEXT DEFAULT 'x')", &schema);
        schema.add_next(&planned.unwrap());
        schema.rejudge();
        let table = schema.table("a").unwrap();
        let (table_id, column) = (table.id(), table.columns_named("b")[0]);
        let choose = |column| {
            let (table, name) = ("a".into(), "b".into());
            Op::Schema(SchemaOp::ChooseColumn { table, table_id, name, column, looked_at: vec![column] })
        };
        assert_eq!(
            told(&choose(column), &schema),
            ("choose_column".into(), json!({ "b": "TEXT DEFAULT 'x'" }))
        );
        assert_eq!(told(&choose(ColumnId([255; 16])), &schema).1, json!({ "b": "f".repeat(32) }));
        let table =
            Op::Schema(SchemaOp::ChooseTable { name: "a".into(), table_id, looked_at: vec![table_id] });
        let shown = json!({ "definition": "PRIMARY KEY (id INTEGER)" });
        assert_eq!(told(&table, &schema), ("choose_table".into(), shown));
        let (conflict, dot) = (ConflictId([0; 10]), Dot::new(Author([1; 32]), 1));
        let settled = told(
            &Op::Settle(Settlement { conflict, looked_at: vec![Reference { dot, prefix: [9; 16] }] }),
            &schema,
        );
        let values = json!({ "conflict": "a".repeat(16), "seen": [dot.to_string()] });
        assert_eq!(settled, ("settle".into(), values));
    }
}
