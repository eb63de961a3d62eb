//! Schema ops that no honest site writes.

use tandem_protocol::bounds;
use tandem_protocol::schema::expression::{Expression, Node, Operator};
use tandem_protocol::schema::{
    ColumnDef, ColumnType, Constant, DefaultValue, ExternalType, IndexDef, NamedQuery, OnDelete,
    ReferenceDeclaration, ReferringColumn, SchemaOp, TableDeclaration,
};

use super::rows::Named;
use super::text::{PROOF, text, value};
use crate::random::Random;

const OPERATORS: &[Operator] = &[
    Operator::Not,
    Operator::Negate,
    Operator::IsNull,
    Operator::Add,
    Operator::Multiply,
    Operator::Divide,
    Operator::Equal,
    Operator::Less,
    Operator::Like,
    Operator::Glob,
    Operator::And,
    Operator::Or,
    Operator::Concat,
    Operator::Between,
    Operator::In,
    Operator::Case,
    Operator::CaseOf,
    Operator::ToInteger,
    Operator::ToText,
];

const FUNCTIONS: &[&str] = &[
    "abs",
    "coalesce",
    "length",
    "max",
    "replace",
    "round",
    "json_extract",
    "json_valid",
    "random",
    "randomblob",
    "uuid7",
    "datetime",
    "strftime",
    "load_extension",
    "zeroblob",
    "writefile",
    "tandem_next",
    "instr",
];

/// A schema op: one that makes sense in most of its parts.
pub fn made(named: &Named, random: &mut Random) -> SchemaOp {
    let (table, table_id) = named.table(random);
    match random.below(11) {
        0 | 1 => SchemaOp::CreateTable(undemanding(declaration(named, random))),
        2 | 3 => {
            let mut column = column(named, random);
            if random.one_in(2) {
                column.not_null = false;
            }
            SchemaOp::AddColumn { table, table_id, column }
        }
        4 => SchemaOp::CreateIndex(IndexDef {
            name: text(random),
            table,
            table_id,
            columns: names(named, random),
        }),
        5 => {
            let (name, column) = named.column(random);
            let looked_at = (0..count(random, bounds::COLUMNS)).map(|_| named.column(random).1).collect();
            SchemaOp::ChooseColumn { table, table_id, name, column, looked_at }
        }
        6 => {
            let looked_at = (0..count(random, bounds::TABLES)).map(|_| named.table(random).1).collect();
            SchemaOp::ChooseTable { name: table, table_id, looked_at }
        }
        7 => SchemaOp::SetQuery(query(named, random)),
        8 => SchemaOp::AddUnique { table, table_id, columns: names(named, random) },
        9 => SchemaOp::AddReference { of: table, of_id: table_id, reference: reference(named, random) },
        _ => SchemaOp::AddCheck { table, table_id, check: expression(named, random) },
    }
}

/// A view: of a name that others may have, and a text that may be no query, too long, or more than SQLite
/// bears.
fn query(named: &Named, random: &mut Random) -> NamedQuery {
    let from = |random: &mut Random| match random.below(3) {
        0 => named.table(random).0,
        1 => format!("v{}", random.below(40)),
        _ => text(random),
    };
    let quoted = |name: String| format!("\"{}\"", name.replace('"', "\"\""));
    let sql = match random.below(9) {
        0 => text(random),
        1 => format!("SELECT '{}'", "x".repeat(bounds::QUERY_BYTES - 12 + random.below(4) as usize)),
        2 => format!("SELECT * FROM {}; CREATE TABLE {PROOF} (a)", quoted(from(random))),
        3 => format!("SELECT {}1{}", "(".repeat(900), ")".repeat(900)),
        4 => {
            let next = |at: usize| format!("c{at}(n) AS (SELECT x.n FROM c{0} x, c{0} y)", at - 1);
            let all: Vec<String> = (1..40).map(next).collect();
            format!("WITH c0(n) AS (SELECT 1), {} SELECT n FROM c39", all.join(", "))
        }
        5 => {
            let doubled = quoted(from(random));
            format!("SELECT 1 AS n FROM {doubled} x, {doubled} y, {doubled} z")
        }
        6 => format!("SELECT {}", quoted(named.column(random).0)),
        _ => format!("SELECT * FROM {}", quoted(from(random))),
    };
    let columns = if random.one_in(4) { names(named, random) } else { Vec::new() };
    NamedQuery { name: from(random), columns, sql: (!random.one_in(8)).then_some(sql) }
}

/// Mostly a few; now and then as many as allowed, or one more.
fn count(random: &mut Random, most: usize) -> usize {
    match random.below(40) {
        0 => most,
        1 => most + 1,
        2 => 0,
        _ => 1 + random.below(3) as usize,
    }
}

fn names(named: &Named, random: &mut Random) -> Vec<String> {
    (0..count(random, bounds::RULE_COLUMNS)).map(|_| name(named, random)).collect()
}

fn name(named: &Named, random: &mut Random) -> String {
    if random.one_in(2) { named.column(random).0 } else { text(random) }
}

/// Any member may demand what it likes of a table. Of the one by which honest sites go on writing none does,
/// but in the one way that must not count: a column of its own that is `NOT NULL`.
fn undemanding(mut table: TableDeclaration) -> TableDeclaration {
    if table.name.eq_ignore_ascii_case("kept") {
        table.checks.clear();
        table.uniques.clear();
        table.references.clear();
        for column in &mut table.columns {
            if matches!(column.default, DefaultValue::Expression(_)) {
                column.default = DefaultValue::None;
            }
        }
    }
    table
}

fn declaration(named: &Named, random: &mut Random) -> TableDeclaration {
    let wide = if random.one_in(40) { count(random, bounds::COLUMNS) } else { random.below(5) as usize };
    let mut columns: Vec<ColumnDef> = (0..wide).map(|_| column(named, random)).collect();
    if wide > 5 {
        // So that nothing but their number is wrong.
        for (at, column) in columns.iter_mut().enumerate() {
            *column = ColumnDef { name: format!("c{at}"), default: DefaultValue::None, ..column.clone() };
        }
    }
    let plain = ColumnDef {
        name: "id".into(),
        kind: *random.pick(&[ColumnType::Integer, ColumnType::Text, ColumnType::Uuid, ColumnType::Blob]),
        default: DefaultValue::None,
        not_null: random.one_in(2),
    };
    let mut key = vec!["id".to_owned()];
    if !random.one_in(6) {
        columns.insert(0, plain);
    }
    if random.one_in(6) {
        key = names(named, random);
    }
    let name = if random.one_in(3) { named.table(random).0 } else { text(random) };
    let few = |random: &mut Random| if random.one_in(3) { random.below(3) as usize } else { 0 };
    let checks = (0..few(random)).map(|_| expression(named, random)).collect();
    let uniques = (0..few(random)).map(|_| names(named, random)).collect();
    let references = (0..few(random)).map(|_| reference(named, random)).collect();
    TableDeclaration { name, columns, key, checks, uniques, references }
}

fn column(named: &Named, random: &mut Random) -> ColumnDef {
    let digits = |random: &mut Random| *random.pick(&[0u8, 1, 2, 9, 15, 16, 18, 255]);
    let kind = match random.below(15) {
        0 => ColumnType::Integer,
        1 => ColumnType::Real,
        2 | 3 => ColumnType::Text,
        4 => ColumnType::Blob,
        5 => ColumnType::Boolean,
        6 => ColumnType::Uuid,
        7 => ColumnType::Timestamp,
        8 => ColumnType::Decimal { precision: digits(random), scale: digits(random) },
        9 => ColumnType::Counter { precision: digits(random), scale: digits(random) },
        10 => ColumnType::Counter { precision: 18, scale: 0 },
        11 => ColumnType::RichText,
        12 => ColumnType::Json,
        13 => *random.pick(&[ColumnType::Stamp, ColumnType::Quiet, ColumnType::Date, ColumnType::Time]),
        _ => {
            let name = random.pick(&["inet", "'); DROP TABLE t; --", "a\"b'c", "\u{202e}x"]);
            ExternalType::named(name).map_or(ColumnType::Text, ColumnType::External)
        }
    };
    let default = match random.below(6) {
        0 | 1 => DefaultValue::Constant(Constant::new(&value(random))),
        2 => DefaultValue::Expression(expression(named, random)),
        _ => DefaultValue::None,
    };
    ColumnDef { name: name(named, random), kind, default, not_null: random.one_in(4) }
}

/// A reference; now and then of nothing, or of columns that are none.
fn reference(named: &Named, random: &mut Random) -> ReferenceDeclaration {
    let (table, table_id) = named.table(random);
    let on_delete = *random.pick(&[OnDelete::Restrict, OnDelete::Cascade, OnDelete::SetNull]);
    let kinds = [ColumnType::Integer, ColumnType::Text, ColumnType::Decimal { precision: 99, scale: 2 }];
    let column = |random: &mut Random| ReferringColumn {
        name: name(named, random),
        kind: kinds[random.below(5).min(2) as usize],
        target: if random.one_in(2) { "id".to_owned() } else { name(named, random) },
        target_kind: kinds[random.below(2) as usize],
    };
    let columns = (0..count(random, bounds::RULE_COLUMNS)).map(|_| column(random)).collect();
    ReferenceDeclaration { columns, table, table_id, on_delete }
}

/// A tree; now and then none, one too large, or one that is too deep.
pub fn expression(named: &Named, random: &mut Random) -> Expression {
    let mut nodes = Vec::new();
    match random.below(30) {
        0 => nodes.extend((0..random.below(40)).map(|_| leaf(named, random))),
        1 => {
            let deep = bounds::EXPRESSION_DEPTH as u64 - 2 + random.below(5);
            nodes.extend((0..deep).map(|_| Node::Apply(Operator::Not, 1)));
            nodes.push(leaf(named, random));
        }
        2 => {
            let many = bounds::EXPRESSION_NODES as u16 - 2 + random.below(5) as u16;
            nodes.push(Node::Apply(Operator::And, many));
            nodes.extend((0..many).map(|_| leaf(named, random)));
        }
        3 => nodes.extend((0..100_000).map(|_| Node::Apply(Operator::Negate, 1))),
        _ => tree(&mut nodes, 3, named, random),
    }
    Expression::new(nodes)
}

fn tree(nodes: &mut Vec<Node>, depth: u64, named: &Named, random: &mut Random) {
    if depth == 0 || random.one_in(3) {
        return nodes.push(leaf(named, random));
    }
    let operands = if random.one_in(20) { random.below(9) as u16 } else { 1 + random.below(3) as u16 };
    if random.one_in(3) {
        let name = if random.one_in(6) { text(random) } else { (*random.pick(FUNCTIONS)).to_owned() };
        nodes.push(Node::Call(name, operands));
    } else {
        nodes.push(Node::Apply(*random.pick(OPERATORS), operands));
    }
    (0..operands).for_each(|_| tree(nodes, depth - 1, named, random));
}

fn leaf(named: &Named, random: &mut Random) -> Node {
    match random.below(3) {
        0 => Node::Column(named.column(random).1),
        _ => Node::Literal(Constant::new(&value(random))),
    }
}
