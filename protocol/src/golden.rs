//! The exact bytes of every format. A change here is a change of what sites exchange and keep: it
//! needs a new version byte, and readers that still understand the old one.

use crate::block::{Block, BlockBuilder};
use crate::bundle::{BundleHeader, BundleWriter};
use crate::codec;
use crate::conflict::{Conflict, ConflictId, ConflictKind, Held, Version};
use crate::decimal::Decimal;
use crate::document::{Document, DocumentId, DocumentKind};
use crate::identity::{Author, AuthorKey, SpaceId};
use crate::membership::{Admission, MemberOp, Role};
use crate::merge::{Added, Offset, in_units};
use crate::op::{Action, CellColumn, Mode, Op, RowGroup, Settlement};
use crate::schema::{ColumnId, ColumnType, Constant, Schema, SchemaOp, TableId, ddl};
use crate::transaction::{self, Header, Previous, Transaction};
use crate::value::Value;
use crate::version::{Dot, Head, VersionVector};
use crate::wide::Wide;

fn hex(bytes: &[u8]) -> String {
    data_encoding::HEXLOWER.encode(bytes)
}

fn key() -> AuthorKey {
    AuthorKey::from_secret(&[7; 32])
}

fn header(seq: u64) -> Header {
    let head = Head { seq: 3, prefix: [9; 8] };
    let vector = VersionVector([(Author([5; 32]), head)].into());
    Header {
        dot: Dot { author: key().author(), seq },
        time_ms: 1_735_689_600_000,
        context: vector.clone(),
        basis: (seq == 2).then_some(vector),
        key: (seq == 2).then(|| transaction::idempotency_hash("sale-1")),
        by: Some("caisse 1".into()),
        message: None,
    }
}

fn rows() -> Op {
    let column = |name: &str, id, mode| CellColumn { name: name.into(), id: ColumnId(id), mode };
    Op::Rows(RowGroup {
        table: "items".into(),
        table_id: TableId(1),
        action: Action::Update,
        columns: vec![column("name", 2, Mode::Set), column("stock", 3, Mode::Delta)],
        keys: vec![vec![Value::Integer(1025), Value::Integer(2049)]],
        cells: vec![
            vec![Value::Text("stylo".into()), Value::Null],
            vec![Value::Integer(-3), Value::Integer(-5)],
        ],
        times: vec![],
    })
}

fn member() -> Op {
    Op::Member(MemberOp::Admit(Admission {
        space: SpaceId([6; 32]),
        author: Author([5; 32]),
        name: "salle".into(),
        role: Role::Member,
        ordinal: 2,
        ordinals: None,
        invitation: Some([4; 16]),
    }))
}

fn transaction() -> Transaction {
    let ops = vec![rows(), member(), Op::Unknown { kind: 77, body: vec![1, 2, 3] }];
    Transaction { header: header(2), ops }
}

#[test]
fn transaction_bytes_hash_and_signature() {
    let transaction = transaction();
    let bytes = transaction.encode();
    assert_eq!(hex(&bytes), include_str!("golden/transaction.hex").trim());
    assert_eq!(Transaction::decode(&bytes).unwrap(), transaction);
    let hash = transaction::hash(Previous([1; 32]), &bytes);
    assert_eq!(hash.to_string(), include_str!("golden/hash.txt").trim());
    assert_eq!(hex(&key().sign(&hash).0), include_str!("golden/signature.hex").trim());
    assert_eq!(key().author().to_string(), include_str!("golden/author.txt").trim());
}

#[test]
fn block_bytes() {
    let mut builder = BlockBuilder::default();
    for seq in 1..=3 {
        let bytes = Transaction { header: header(seq), ops: vec![rows()] }.encode();
        let hash = transaction::hash(Previous([1; 32]), &bytes);
        builder.push(key().author(), &bytes, Some(key().sign(&hash)));
    }
    // What zstd makes of it may change with its version; what it unpacks to may not.
    let block = builder.finish();
    assert_eq!(hex(&block[..6]), include_str!("golden/block-header.hex").trim());
    let raw = zstd::bulk::decompress(&block[6..], 1 << 20).unwrap();
    assert_eq!(hex(&raw), include_str!("golden/block-payload.hex").trim());
    let block = Block::decode(&block).unwrap();
    let signed: Vec<bool> = block.iter().map(|(_, signature)| signature.is_some()).collect();
    assert_eq!(signed, [false, false, true]);
}

#[test]
fn schema_op_bytes_and_ids() {
    let sql = "CREATE TABLE t (id INTEGER PRIMARY KEY, n COUNTER(9,2) NOT NULL DEFAULT 1.5,
        at STAMP DEFAULT (uuid7()), r INTEGER UNIQUE CHECK (r > 0) REFERENCES t (id) ON DELETE CASCADE);
        CREATE INDEX i ON t (r);";
    let ops = ddl::plan(sql, &Schema::default()).unwrap();
    let bytes: Vec<String> = ops.iter().map(|op| hex(&Op::Schema(op.clone()).to_bytes())).collect();
    assert_eq!(bytes.join("\n"), include_str!("golden/schema.hex").trim());
    let SchemaOp::CreateTable(table) = &ops[0] else { panic!("{ops:?}") };
    let ids: Vec<String> = table.columns.iter().map(|column| format!("{:016x}", column.id().0)).collect();
    let ids = format!("{:016x} {}", table.id().0, ids.join(" "));
    assert_eq!(ids, include_str!("golden/schema-ids.txt").trim());
}

#[test]
fn op_bytes_of_cells_choices_settlements_and_names() {
    let column = |mode| CellColumn { name: "note".into(), id: ColumnId(2), mode };
    let group = |mode, value| {
        Op::Rows(RowGroup {
            table: "items".into(),
            table_id: TableId(1),
            action: Action::Update,
            columns: vec![column(mode)],
            keys: vec![vec![Value::Integer(1025)]],
            cells: vec![vec![value]],
            times: vec![7],
        })
    };
    let name = || "note".to_owned();
    let beyond = Wide::from(i128::MAX);
    let ops = [
        group(Mode::Fresh, Value::Text("été".into())),
        group(Mode::Change, Value::Blob(vec![9; 20])),
        group(Mode::Counted, Value::Integer(38)),
        group(Mode::Set, Value::Decimal(Decimal { mantissa: 1 - 10i128.pow(38), scale: 38 })),
        group(Mode::Set, Offset::Number(beyond).value(ColumnType::COUNTER)),
        group(Mode::Delta, in_units(ColumnType::COUNTER, beyond + beyond)),
        group(Mode::Set, Offset::Null(Added { sum: Wide::from(-3), count: 2 }).value(ColumnType::COUNTER)),
        Op::Schema(SchemaOp::ChooseColumn {
            table: "items".into(),
            table_id: TableId(1),
            name: name(),
            column: ColumnId(2),
            seen: vec![ColumnId(2), ColumnId(3)],
        }),
        Op::Schema(SchemaOp::ChooseTable { name: name(), table_id: TableId(1), seen: vec![TableId(1)] }),
        Op::Settle(Settlement { conflict: ConflictId([3; 10]), seen: vec![header(2).dot] }),
        Op::Member(MemberOp::Rename { author: Author([5; 32]), name: "salle".into(), revision: 2 }),
    ];
    let bytes: Vec<String> = ops.iter().map(|op| hex(&op.to_bytes())).collect();
    assert_eq!(bytes.join("\n"), include_str!("golden/ops.hex").trim());
    for op in ops {
        assert_eq!(Op::from_bytes(&op.to_bytes()).unwrap(), op);
    }
}

#[test]
fn conflict_ids_and_bytes() {
    let held = [
        Held::Value { column: "name".into(), value: Constant::new(&Value::Text("été".into())) },
        Held::Alive,
        Held::Deleted,
        Held::Row(vec![1, 2]),
        Held::Definition("TEXT".into()),
        Held::Transaction,
    ];
    let by = header(2).write_id();
    let versions: Vec<Version> = held.into_iter().map(|held| Version { by, held }).collect();
    let lines = ConflictKind::ALL.map(|kind| {
        let (table, key, columns) = ("items".to_owned(), vec![1, 2, 3], vec!["name".to_owned()]);
        let conflict = Conflict { kind, table, key, columns, versions: versions.clone() };
        format!(
            "{} {} {:016x} {}",
            kind.name(),
            conflict.id(),
            conflict.seen(),
            hex(&codec::encode(&conflict))
        )
    });
    assert_eq!(lines.join("\n"), include_str!("golden/conflicts.txt").trim());
}

#[test]
fn document_ids_and_bytes() {
    let mut lines = Vec::new();
    for (kind, before, after) in [
        (DocumentKind::RichText, "Réunion lundi", "Réunion mardi"),
        (DocumentKind::Json, r#"{"a":[1,2.5,"x"],"b":null}"#, r#"{"a":[1,"x"],"b":{"c":true}}"#),
    ] {
        let id = DocumentId::of(kind, before, None);
        let mut document = Document::create(kind, id, before);
        let created = document.save();
        let change = document.edit(key().author(), after).unwrap();
        lines.extend([hex(&id.0), hex(&created), hex(&change)]);
        let salted = DocumentId::of(kind, before, Some(header(2).dot));
        lines.push(hex(&salted.0));
    }
    assert_eq!(lines.join("\n"), include_str!("golden/document.hex").trim());
}

#[test]
fn bundle_bytes() {
    let header = BundleHeader {
        space: SpaceId([1; 32]),
        space_name: "school".into(),
        from: key().author(),
        from_name: "bureau".into(),
        to: None,
        since: VersionVector::default(),
        until: header(1).context,
        created_ms: 7,
    };
    let mut writer = BundleWriter::new(Vec::new(), &header).unwrap();
    writer.block(b"a block").unwrap();
    assert_eq!(hex(&writer.finish().unwrap()), include_str!("golden/bundle.hex").trim());
}

#[test]
fn no_bytes_make_a_decoder_panic_or_over_allocate() {
    use proptest::prelude::*;
    let good = transaction().encode();
    let mut builder = BlockBuilder::default();
    builder.push(key().author(), &good, None);
    let block = builder.finish();
    proptest!(|(at in 0usize..1000, byte: u8, cut in 0usize..1000, noise in prop::collection::vec(any::<u8>(), 0..80))| {
        for good in [&good, &block] {
            let mut changed = good.clone();
            let at = at % changed.len();
            changed[at] = byte;
            let _ = (Transaction::decode(&changed), Block::decode(&changed));
            changed.truncate(cut % good.len());
            let _ = (Transaction::decode(&changed), Block::decode(&changed));
            changed.extend_from_slice(&noise);
            let _ = (Transaction::decode(&changed), Block::decode(&changed));
        }
        let _ = (Transaction::decode(&noise), Block::decode(&noise));
    });
    // A length field that promises more than there is.
    let huge = [&[1u8, 1][..], &u32::MAX.to_le_bytes(), &[0; 16]].concat();
    assert!(Block::decode(&huge).is_err());
}
