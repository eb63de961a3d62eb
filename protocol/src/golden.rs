//! The exact bytes of every format. A change here is a change of what sites exchange and keep: it
//! needs a new version byte, and readers that still understand the old one.

use crate::block::{Block, BlockBuilder};
use crate::bundle::{BundleHeader, BundleWriter};
use crate::chain::{Branch, Branches, Chain, Head, Origin};
use crate::codec;
use crate::conflict::{Conflict, ConflictId, ConflictKind, Version, VersionContent};
use crate::decimal::Decimal;
use crate::document::{Document, DocumentId, DocumentKind};
use crate::fork::Withheld;
use crate::identity::{Author, AuthorKey, SpaceId};
use crate::membership::{Admission, Founding, MemberOp, Role, SecondFounder};
use crate::merge::{Added, Offset, in_units};
use crate::op::{Action, CellColumn, Mode, Op, RowGroup, Settlement};
use crate::public_key::{PublicKey, PublicKeys};
use crate::request::{Asked, RequestKey};
use crate::schema::{ColumnId, ColumnType, Constant, NamedQuery, Schema, SchemaOp, TableId, ddl};
use crate::transaction::{self, Header, Previous, Transaction};
use crate::value::Value;
use crate::version::{Dot, Reference, VersionVector};
use crate::wide::Wide;

/// What is pinned in a file of `golden/`. `TANDEM_PIN=1` writes it down anew: for whoever changes a
/// format on purpose.
pub(crate) fn pinned(file: &str, now: &str) {
    let path = format!("{}/src/golden/{file}", env!("CARGO_MANIFEST_DIR"));
    if std::env::var_os("TANDEM_PIN").is_some() {
        std::fs::write(&path, format!("{now}\n")).unwrap();
    }
    assert_eq!(now, std::fs::read_to_string(&path).unwrap().trim(), "{file} pins other bytes");
}

fn hex(bytes: &[u8]) -> String {
    data_encoding::HEXLOWER.encode(bytes)
}

fn key() -> AuthorKey {
    AuthorKey::from_secret(&[7; 32])
}

fn request() -> RequestKey {
    let sets =
        vec![vec![Value::Integer(3), Value::Text("stylo".into())], vec![Value::Null, Value::Real(1.5)]];
    let statements =
        [("UPDATE items SET stock = stock - ? WHERE name = ?", sets), ("DELETE FROM tags", vec![])];
    let basis = VersionVector::from([(Author([5; 32]), Head { seq: 3, prefix: [9; 16] })]);
    let asked = Asked { basis: Some(&basis), by: Some("caisse 1"), message: None };
    RequestKey::new("sale-1", statements.iter().map(|(sql, sets)| (*sql, sets.as_slice())), asked)
}

fn header(seq: u64) -> Header {
    let head = Head { seq: 3, prefix: [9; 16] };
    let vector = VersionVector::from([(Author([5; 32]), head)]);
    Header {
        dot: Dot::new(key().author(), seq),
        time_ms: 1_735_689_600_000,
        context: vector.clone(),
        basis: (seq == 2).then_some(vector),
        key: (seq == 2).then(request),
        by: Some("caisse 1".into()),
        message: None,
    }
}

fn rows() -> Op {
    let column = |name: &str, id, mode| CellColumn { name: name.into(), id: ColumnId([id; 16]), mode };
    Op::Rows(RowGroup {
        table: "items".into(),
        table_id: TableId([1; 16]),
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

fn keys() -> PublicKeys {
    let key = |kind, len| PublicKey { kind, bytes: vec![kind as u8; len] };
    PublicKeys::new(vec![key(1, 3), key(300, 2)]).unwrap()
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
        keys: keys(),
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
    pinned("transaction.hex", &hex(&bytes));
    assert_eq!(Transaction::decode(&bytes).unwrap(), transaction);
    let hash = transaction::hash(Previous([1; 32]), &bytes);
    pinned("hash.txt", &hash.to_string());
    pinned("signature.hex", &hex(&key().sign(&hash).0));
    pinned("author.txt", &key().author().to_string());
}

#[test]
fn request_hashes() {
    let RequestKey { key, request } = request();
    pinned("request.txt", &format!("{} {}", hex(&key), hex(&request)));
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
    pinned("block-header.hex", &hex(&block[..6]));
    let raw = zstd::bulk::decompress(&block[6..], 1 << 20).unwrap();
    pinned("block-payload.hex", &hex(&raw));
    let block = Block::decode(&block).unwrap();
    let signed: Vec<bool> = block.iter().map(|(_, signature)| signature.is_some()).collect();
    assert_eq!(signed, [false, false, true]);
}

/// A trunk of three, a branch that leaves it after the first, and one that leaves that.
fn branches() -> (Branches, [Chain; 2]) {
    let trunk = Chain::from(key().author());
    let (outer, inner) = (trunk.beside([0xaa; 16].into()), trunk.beside([0xbb; 16].into()));
    let mut branches = Branches::default();
    let at = |parent, seq| Origin { parent, last: Head { seq, prefix: [seq as u8; 16] } };
    branches.begin(outer, at(Branch::TRUNK, 1)).unwrap();
    branches.begin(inner, at(outer.branch, 2)).unwrap();
    (branches, [outer, inner])
}

#[test]
fn branch_bytes() {
    let (branches, [outer, inner]) = branches();
    let head = |seq| Head { seq, prefix: [seq as u8 + 100; 16] };
    let heads = [(key().author().into(), head(3)), (inner, head(4))];
    let vector = VersionVector::of(heads, &branches);
    let mut block = BlockBuilder::default();
    for (seq, chain) in [(3, outer), (3, inner), (4, inner)] {
        let bytes = Transaction { header: header(seq), ops: vec![] }.encode();
        block.push_branch(chain, *branches.origin(&chain).unwrap(), &bytes, None);
    }
    let block = Block::decode(&block.finish()).unwrap();
    let placed: Vec<_> = (0..3).map(|at| block.branch(at).unwrap().0).collect();
    assert_eq!(placed, [outer.branch, inner.branch, inner.branch]);
    let withheld = Withheld([(inner, 3)].into());
    let lines = [
        codec::encode(&Dot::new(inner, 3)),
        codec::encode(&vector),
        codec::encode(&withheld),
        block.raw().to_vec(),
    ];
    pinned("branches.hex", &lines.map(|line| hex(&line)).join("\n"));
}

#[test]
fn schema_op_bytes_and_ids() {
    let sql = "CREATE TABLE t (id INTEGER PRIMARY KEY, n COUNTER(9,2) NOT NULL DEFAULT 1.5,
        at STAMP DEFAULT (uuid7()), r INTEGER UNIQUE CHECK (r > 0) REFERENCES t (id) ON DELETE CASCADE);
        CREATE INDEX i ON t (r);
        CREATE TABLE u (a TEXT, b INTEGER, c INTEGER, PRIMARY KEY (a, b), FOREIGN KEY (c) REFERENCES t (r));";
    let mut ops = ddl::plan(sql, &Schema::default()).unwrap();
    let mut schema = Schema::default();
    schema.add_next(&ops);
    schema.rejudge();
    let more = "ALTER TABLE t ADD COLUMN a TEXT; \
        ALTER TABLE t ADD FOREIGN KEY (r, a) REFERENCES u (b, a) ON DELETE SET NULL";
    ops.extend(ddl::plan(more, &schema).unwrap());
    let bytes: Vec<String> = ops.iter().map(|op| hex(&Op::Schema(op.clone()).to_bytes())).collect();
    pinned("schema.hex", &bytes.join("\n"));
    let SchemaOp::CreateTable(table) = &ops[0] else { panic!("{ops:?}") };
    let ids: Vec<String> = table.columns.iter().map(|column| column.id().to_string()).collect();
    let Some(SchemaOp::AddReference { of_id, reference, .. }) = ops.last() else { panic!("{ops:?}") };
    let ids = format!("{} {} {}", table.id(), ids.join(" "), reference.id(*of_id));
    pinned("schema-ids.txt", &ids);
}

/// A write of one cell in every mode.
fn cell_ops() -> Vec<Op> {
    let group = |mode, value| {
        Op::Rows(RowGroup {
            table: "items".into(),
            table_id: TableId([1; 16]),
            action: Action::Update,
            columns: vec![CellColumn { name: "note".into(), id: ColumnId([2; 16]), mode }],
            keys: vec![vec![Value::Integer(1025)]],
            cells: vec![vec![value]],
            times: vec![7],
        })
    };
    let beyond = Wide::from(i128::MAX);
    vec![
        group(Mode::Fresh, Value::Text("été".into())),
        group(Mode::Change, Value::Blob(vec![9; 20])),
        group(Mode::Counted, Value::Integer(38)),
        group(Mode::Set, Value::Decimal(Decimal { mantissa: 1 - 10i128.pow(38), scale: 38 })),
        group(Mode::Set, Offset::Number(beyond).value(ColumnType::COUNTER)),
        group(Mode::Delta, in_units(ColumnType::COUNTER, beyond + beyond)),
        group(Mode::Set, Offset::Null(Added { sum: Wide::from(-3), count: 2 }).value(ColumnType::COUNTER)),
    ]
}

fn choices_and_rules() -> Vec<Op> {
    let name = || "note".to_owned();
    vec![
        Op::Schema(SchemaOp::ChooseColumn {
            table: "items".into(),
            table_id: TableId([1; 16]),
            name: name(),
            column: ColumnId([2; 16]),
            looked_at: vec![ColumnId([2; 16]), ColumnId([3; 16])],
        }),
        Op::Schema(SchemaOp::ChooseTable {
            name: name(),
            table_id: TableId([1; 16]),
            looked_at: vec![TableId([1; 16])],
        }),
        Op::Schema(SchemaOp::AddUnique {
            table: "items".into(),
            table_id: TableId([1; 16]),
            columns: vec![name(), "day".into()],
        }),
        Op::Schema(SchemaOp::SetQuery(NamedQuery {
            name: name(),
            columns: vec!["day".into()],
            sql: Some("SELECT 1".into()),
        })),
    ]
}

fn settlements_and_members() -> Vec<Op> {
    let founding = Founding::new("école", "bureau", [3; 16]);
    let second = SecondFounder { author: Author([5; 32]), name: "papier".into(), keys: keys() };
    vec![
        Op::Settle(Settlement {
            conflict: ConflictId([3; 10]),
            looked_at: vec![Reference { dot: header(2).dot, prefix: [9; 16] }],
        }),
        Op::Member(MemberOp::Rename { author: Author([5; 32]), name: "salle".into(), revision: 2 }),
        Op::Member(MemberOp::Found(Founding::new("école", "bureau", [3; 16]))),
        Op::Member(MemberOp::Found(Founding { keys: keys(), second: Some(second), ..founding })),
    ]
}

#[test]
fn op_bytes_of_cells_choices_settlements_and_names() {
    let ops = [cell_ops(), choices_and_rules(), settlements_and_members()].concat();
    let bytes: Vec<String> = ops.iter().map(|op| hex(&op.to_bytes())).collect();
    pinned("ops.hex", &bytes.join("\n"));
    for op in ops {
        assert_eq!(Op::from_bytes(&op.to_bytes()).unwrap(), op);
    }
}

#[test]
fn conflict_ids_and_bytes() {
    let held = [
        VersionContent::Value { column: "name".into(), value: Constant::new(&Value::Text("été".into())) },
        VersionContent::Alive,
        VersionContent::Deleted,
        VersionContent::Row(vec![1, 2]),
        VersionContent::Definition("TEXT".into()),
        VersionContent::Transaction,
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
            conflict.versions_hash(),
            hex(&codec::encode(&conflict))
        )
    });
    pinned("conflicts.txt", &lines.join("\n"));
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
    pinned("document.hex", &lines.join("\n"));
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
    pinned("bundle.hex", &hex(&writer.finish().unwrap()));
}

#[test]
fn no_bytes_make_a_decoder_panic_or_over_allocate() {
    use proptest::prelude::*;
    let good = transaction().encode();
    let mut builder = BlockBuilder::default();
    builder.push(key().author(), &good, None);
    let (branches, [outer, _]) = branches();
    // Too short to be compressed.
    let mut branching = BlockBuilder::default();
    branching.push_branch(outer, *branches.origin(&outer).unwrap(), &[1, 2, 3], None);
    let (block, branching) = (builder.finish(), branching.finish());
    proptest!(|(at in 0usize..1000, byte: u8, cut in 0usize..1000, noise in prop::collection::vec(any::<u8>(), 0..80))| {
        for good in [&good, &block, &branching] {
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
