//! The log as people read it: who changed what, where and when.

use serde::{Deserialize, Serialize};
use serde_json::{Map, Value as Json, json};
use tandem_protocol::cause::Cause;
use tandem_protocol::membership::{MemberOp, Membership};
use tandem_protocol::name;
use tandem_protocol::op::{Action, CellColumn, Mode, Op, RowGroup};
use tandem_protocol::schema::expression::{Style, spelled};
use tandem_protocol::schema::{ColumnDef, Schema, SchemaOp, TableDef};
use tandem_protocol::value::Value;
use tandem_protocol::version::Dot;
use tandem_store::LogFilter;

use super::cell::Cell;
use super::error::Result;
use super::{Api, error_kind, from_iso, page_limit, site, to_iso};

/// Which transactions to show, newest first.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct LogQuery {
    /// Only changes of this table.
    pub table: Option<String>,
    /// Only changes of rows with this key. One of several columns: its values separated by commas,
    /// or, together with `table`, by name: `a=1,b=2`.
    pub key: Option<String>,
    /// Only transactions of this site: its name or id.
    pub site: Option<String>,
    /// Not before this time, ISO 8601.
    pub since: Option<String>,
    /// Not after this time, ISO 8601.
    pub until: Option<String>,
    /// At most that many: 100 when not said, never more than 1,000.
    pub limit: Option<usize>,
    /// Only what arrived at that arrival number or later.
    pub from: Option<u64>,
    /// Only what arrived before that arrival number: the `next` of the page before.
    pub before: Option<u64>,
}

/// One page of the log.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct LogPage {
    /// Transactions, newest arrival first.
    pub entries: Vec<LogEntry>,
    /// Where the next page begins, if there is more.
    pub next: Option<u64>,
}

/// One transaction.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct LogEntry {
    /// Its name.
    pub dot: String,
    /// Id of the site that wrote it.
    pub site: String,
    /// That site's name.
    pub site_name: String,
    /// When it was written, by that site's clock, ISO 8601.
    pub time: String,
    /// Who wrote it, if said.
    pub by: Option<String>,
    /// Why, if said.
    pub message: Option<String>,
    /// Its place in the order of arrival here, from 0.
    pub arrival: u64,
    /// Its hash; covers all that its author wrote before.
    pub hash: String,
    /// What it changed (with a filter on tables or keys: only what matches).
    pub ops: Vec<LogOp>,
}

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

/// Bytes before the change itself in the value of a [`Mode::Change`].
const DOCUMENT_ID_BYTES: usize = 16;

/// Which ops of a transaction to show.
#[derive(Default)]
struct Shown {
    table: Option<String>,
    key: Option<String>,
}

impl Api {
    /// A page of the log, newest first.
    pub fn log(&self, space: &str, query: &LogQuery) -> Result<LogPage> {
        let space = self.space(space)?;
        let (membership, schema) = (space.membership(), space.schema());
        let limit = page_limit(query.limit);
        let mut filter = filter(query, &membership, &schema)?;
        // One more than asked for tells whether there is another page.
        filter.limit = Some(limit + 1);
        let mut found = space.log().find(&filter)?;
        let next = if found.len() > limit {
            found.truncate(limit);
            found.last().map(|last| last.arrival)
        } else {
            None
        };
        let shown = Shown { table: filter.table, key: filter.key };
        let entries = found.iter().map(|entry| describe(entry, &membership, &schema, &shown)).collect();
        Ok(LogPage { entries, next })
    }

    /// One transaction.
    pub fn transaction(&self, space: &str, dot: &str) -> Result<LogEntry> {
        let space = self.space(space)?;
        let unknown = || error_kind::transaction_unknown.with("dot", dot);
        let name = find_dot(dot, &space.membership()).ok_or_else(unknown)?;
        let entry = space.log().transaction(&name)?.ok_or_else(unknown)?;
        Ok(describe(&entry, &space.membership(), &space.schema(), &Shown::default()))
    }
}

/// A dot in full, or with a site's short id or name in place of its author.
pub(super) fn find_dot(dot: &str, membership: &Membership) -> Option<Dot> {
    dot.parse().ok().or_else(|| {
        let (site, seq) = dot.rsplit_once(':')?;
        Some(Dot::new(site::find(membership, site).ok()?, seq.parse().ok()?))
    })
}

fn filter(query: &LogQuery, membership: &Membership, schema: &Schema) -> Result<LogFilter> {
    if let Some(table) = query.table.as_ref().filter(|table| schema.table(table).is_none()) {
        return Err(error_kind::table_unknown.with("table", table));
    }
    let time = |text: &Option<String>| match text {
        None => Ok(None),
        Some(text) => from_iso(text).map(Some).ok_or_else(|| {
            error_kind::request_malformed.with("detail", Cause::new("request_time").with("text", text))
        }),
    };
    let key = match (&query.key, query.table.as_ref().and_then(|table| schema.table(table))) {
        (Some(key), Some(table)) => Some(key_of(key, &table.shown)?),
        (key, _) => key.clone(),
    };
    Ok(LogFilter {
        table: query.table.clone(),
        key,
        author: query.site.as_ref().map(|name| site::find(membership, name)).transpose()?,
        since_ms: time(&query.since)?,
        until_ms: time(&query.until)?,
        from: query.from,
        before: query.before,
        limit: None,
    })
}

/// A key as it is typed for one table, in the form in which keys are compared: its values in order,
/// `7,2026-03-01`, or by name and in any order, `day=2026-03-01,id=7`. A part of a key is none.
fn key_of(typed: &str, table: &TableDef) -> Result<String> {
    let (names, parts) = (&table.key, typed.split(',').collect::<Vec<_>>());
    let by_name = |part: &str| {
        let (name, value) = part.split_once('=')?;
        let place = names.iter().position(|known| name::same(known, name.trim()))?;
        Some((place, value.to_owned()))
    };
    // A value may hold commas of its own; then it is given in order.
    let named: Option<Vec<(usize, String)>> = parts.iter().map(|part| by_name(part)).collect();
    if let Some(mut named) = named {
        named.sort_by_key(|(place, _)| *place);
        if named.iter().map(|(place, _)| *place).eq(0..names.len()) {
            return Ok(named.into_iter().map(|(_, value)| value).collect::<Vec<_>>().join(","));
        }
    } else if parts.len() >= names.len() {
        return Ok(typed.to_owned());
    }
    let example = names.iter().map(|name| format!("{name}=…")).collect::<Vec<_>>().join(",");
    Err(error_kind::key_incomplete
        .with("table", &table.name)
        .with("count", names.len())
        .with("columns", names.join(", "))
        .with("example", format!("--key \"{example}\"")))
}

impl Shown {
    fn takes_any_op(&self) -> bool {
        self.table.is_none() && self.key.is_none()
    }

    fn takes_table(&self, name: &str) -> bool {
        self.table.as_ref().is_none_or(|table| table.eq_ignore_ascii_case(name))
    }

    fn takes_row(&self, group: &RowGroup, at: usize) -> bool {
        self.key.as_ref().is_none_or(|key| {
            let values: Vec<_> = group.keys.iter().map(|column| column[at].to_string()).collect();
            values.join(",") == *key
        })
    }
}

fn describe(
    entry: &tandem_store::LogEntry,
    membership: &Membership,
    schema: &Schema,
    shown: &Shown,
) -> LogEntry {
    let header = &entry.transaction.header;
    let mut ops = Vec::new();
    for op in &entry.transaction.ops {
        describe_op(op, schema, shown, &mut ops);
    }
    LogEntry {
        dot: header.dot.to_string(),
        site: header.dot.author.to_string(),
        site_name: site_name(membership, &header.dot.author),
        time: to_iso(header.time_ms),
        by: header.by.clone(),
        message: header.message.clone(),
        arrival: entry.arrival,
        hash: entry.hash.to_string(),
        ops,
    }
}

/// What a site is called here, wherever one is named; see [`Membership::shown_name`].
pub(crate) fn site_name(membership: &Membership, author: &tandem_protocol::identity::Author) -> String {
    membership.shown_name(author)
}

fn describe_op(op: &Op, schema: &Schema, shown: &Shown, ops: &mut Vec<LogOp>) {
    let system = |table: &str, kind: &str, values: Json| LogOp {
        table: table.to_owned(),
        kind: kind.to_owned(),
        key: Map::new(),
        values: match values {
            Json::Object(values) => values,
            _ => Map::new(),
        },
    };
    match op {
        Op::Rows(group) if shown.takes_table(&group.table) => {
            let rows = (0..group.rows()).filter(|&at| shown.takes_row(group, at));
            ops.extend(rows.map(|at| describe_row(group, at, schema)));
        }
        Op::Rows(_) => {}
        Op::Schema(_) if shown.key.is_some() => {}
        Op::Schema(SchemaOp::CreateTable(table)) if shown.takes_table(&table.name) => {
            let columns: Map<_, _> =
                table.columns.iter().map(|c| (c.name.clone(), json!(c.kind.to_string()))).collect();
            ops.push(system(&table.name, "create_table", Json::Object(columns)));
        }
        Op::Schema(SchemaOp::AddColumn { table, column, .. }) if shown.takes_table(table) => {
            let values = json!({ &*column.name: column.kind.to_string() });
            ops.push(system(table, "add_column", values));
        }
        Op::Schema(SchemaOp::CreateIndex(index)) if shown.takes_table(&index.table) => {
            let values = json!({ "name": index.name, "columns": index.columns });
            ops.push(system(&index.table, "create_index", values));
        }
        Op::Schema(SchemaOp::ChooseColumn { table, table_id, name, column, .. })
            if shown.takes_table(table) =>
        {
            let known = schema.table_by_id(*table_id).and_then(|table| table.column_by_id(*column));
            let chosen = known.map_or_else(|| unseen(column), ColumnDef::definition);
            ops.push(system(table, "choose_column", json!({ &**name: chosen })));
        }
        Op::Schema(SchemaOp::ChooseTable { name, table_id, .. }) if shown.takes_table(name) => {
            let known = schema.table_by_id(*table_id);
            let chosen = known.map_or_else(|| unseen(table_id), |table| table.shown.definition());
            ops.push(system(name, "choose_table", json!({ "definition": chosen })));
        }
        Op::Schema(SchemaOp::AddUnique { table, columns, .. }) if shown.takes_table(table) => {
            ops.push(system(table, "add_unique", json!({ "columns": columns })));
        }
        Op::Schema(SchemaOp::AddCheck { table, table_id, check }) if shown.takes_table(table) => {
            let known = schema.table_by_id(*table_id);
            let name = |id| Some(known?.column_by_id(id)?.name.clone());
            let told = check.render(Style::People, &|id| {
                Some(name(id).map_or_else(|| unseen(id), |name| spelled(&name)))
            });
            ops.push(system(table, "add_check", json!({ "check": told })));
        }
        Op::Schema(_) => {}
        Op::Member(_) | Op::Settle(_) | Op::Unknown { .. } | Op::Void if !shown.takes_any_op() => {}
        Op::Settle(settlement) => {
            let seen: Vec<_> = settlement.seen.iter().map(|seen| seen.dot.to_string()).collect();
            let values = json!({ "conflict": settlement.conflict.to_string(), "seen": seen });
            ops.push(system("", "settle", values));
        }
        Op::Member(MemberOp::Found(founding)) => {
            let mut values = json!({ "space": founding.space, "site": founding.site });
            if let Some(second) = &founding.second {
                values["second"] = json!({ "site": second.author.to_string(), "name": second.name });
            }
            ops.push(system("", "found", values));
        }
        Op::Member(MemberOp::Admit(admission)) => {
            let values = json!({ "site": admission.author.to_string(), "name": admission.name,
                "role": admission.role.to_string(), "ordinal": admission.ordinal });
            ops.push(system("", "admit", values));
        }
        Op::Member(MemberOp::Rename { author, name, .. }) => {
            ops.push(system("", "rename", json!({ "site": author.to_string(), "name": name })));
        }
        Op::Void => ops.push(system("", "void", json!({}))),
        Op::Unknown { kind, .. } => ops.push(system("", "unknown", json!({ "kind": kind }))),
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
    use tandem_protocol::version::Reference;

    use super::*;

    fn told(op: &Op, schema: &Schema) -> (String, Json) {
        let mut ops = Vec::new();
        describe_op(op, schema, &Shown::default(), &mut ops);
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
    fn a_key_of_several_columns_is_given_whole() {
        let mut schema = Schema::default();
        let sql = "CREATE TABLE lines (sale INTEGER, \"no\" TEXT, PRIMARY KEY (sale, \"no\"));
                   CREATE TABLE tags (name TEXT PRIMARY KEY)";
        schema.add_next(&ddl::plan(sql, &schema).unwrap());
        schema.settle();
        let key = |table: &str, typed: &str| key_of(typed, &schema.table(table).unwrap().shown);
        for typed in ["7,a", "sale=7,no=a", "NO=a,sale=7"] {
            assert_eq!(key("lines", typed).unwrap(), "7,a");
        }
        for part in ["7", "sale=7", "no=a", "sale=7,sale=7", ""] {
            let refused = key("lines", part).unwrap_err();
            assert_eq!(
                (&*refused.code, &*refused.params["columns"].to_string()),
                ("key_incomplete", "sale, no"),
                "{part}"
            );
            assert!(refused.to_string().contains("--key \"sale=…,no=…\""), "{refused}");
        }
        for (typed, meant) in
            [("a,b", "a,b"), ("name=x", "x"), ("name=name=x", "name=x"), ("other=1", "other=1")]
        {
            assert_eq!(key("tags", typed).unwrap(), meant);
        }
    }

    #[test]
    fn what_settles_conflicts_is_readable() {
        let mut schema = Schema::default();
        let planned = ddl::plan("CREATE TABLE a (id INTEGER PRIMARY KEY, b TEXT DEFAULT 'x')", &schema);
        schema.add_next(&planned.unwrap());
        schema.settle();
        let table = schema.table("a").unwrap();
        let (table_id, column) = (table.id(), table.columns_named("b")[0]);
        let choose = |column| {
            let (table, name) = ("a".into(), "b".into());
            Op::Schema(SchemaOp::ChooseColumn { table, table_id, name, column, seen: vec![column] })
        };
        assert_eq!(
            told(&choose(column), &schema),
            ("choose_column".into(), json!({ "b": "TEXT DEFAULT 'x'" }))
        );
        assert_eq!(told(&choose(ColumnId([255; 16])), &schema).1, json!({ "b": "f".repeat(32) }));
        let table = Op::Schema(SchemaOp::ChooseTable { name: "a".into(), table_id, seen: vec![table_id] });
        let shown = json!({ "definition": "PRIMARY KEY (id INTEGER)" });
        assert_eq!(told(&table, &schema), ("choose_table".into(), shown));
        let (conflict, dot) = (ConflictId([0; 10]), Dot::new(Author([1; 32]), 1));
        let settled = told(
            &Op::Settle(Settlement { conflict, seen: vec![Reference { dot, prefix: [9; 16] }] }),
            &schema,
        );
        let values = json!({ "conflict": "a".repeat(16), "seen": [dot.to_string()] });
        assert_eq!(settled, ("settle".into(), values));
    }
}
