use super::unfolded::VALUE_BYTES;
use super::*;
use crate::bounds;
use crate::schema::{ColumnId, TableId};
use crate::value::{Key, Value};

fn group(columns: &[(u8, Mode)], keys: Vec<Value>) -> RowGroup {
    let column =
        |(id, mode): &(u8, Mode)| CellColumn { name: "x".into(), id: ColumnId([*id; 16]), mode: *mode };
    RowGroup {
        table: "t".into(),
        table_id: TableId([1; 16]),
        action: Action::Update,
        columns: columns.iter().map(column).collect(),
        cells: columns.iter().map(|_| vec![Value::Integer(1)]).collect(),
        keys: keys.into_iter().map(|key| vec![key]).collect(),
        times: Vec::new(),
    }
}

fn is_known(group: RowGroup) -> bool {
    let op = Op::Rows(group);
    match Op::from_bytes(&op.to_bytes()).unwrap() {
        Op::Unknown { .. } => false,
        known => {
            assert_eq!(known, op);
            true
        }
    }
}

#[test]
fn a_group_that_no_honest_site_writes_is_not_understood() {
    let one = || vec![Value::Integer(1)];
    assert!(is_known(group(&[(1, Mode::Set), (2, Mode::Delta)], one())));
    assert!(is_known(group(&[(1, Mode::Set), (1, Mode::Counted)], one())), "a stock-take");
    assert!(!is_known(group(&[(1, Mode::Set), (1, Mode::Set)], one())));
    assert!(!is_known(group(&[(1, Mode::Set), (2, Mode::Set), (1, Mode::Delta)], one())));
    let named = |table: String| RowGroup { table, ..group(&[], one()) };
    assert!(is_known(named("t".into())));
    assert!(!is_known(named("t".repeat(10 << 20))));
}

#[test]
fn rows_are_counted_before_they_are_unfolded() {
    let nulls = |rows: usize, columns: usize| {
        let cells = vec![vec![Value::Null; rows]; columns];
        let columns = (0..columns as u16).map(|id| CellColumn {
            name: String::new(),
            id: ColumnId(std::array::from_fn(|at| if at < 2 { id.to_le_bytes()[at] } else { 0 })),
            mode: Mode::Set,
        });
        let one = group(&[], Vec::new());
        let keys = vec![(0..rows as i64).map(Value::Integer).collect()];
        Op::Rows(RowGroup { columns: columns.collect(), keys, cells, ..one })
    };
    let wide = bounds::TRANSACTION_UNFOLDED_BYTES / VALUE_BYTES / 512;
    for (op, counts) in [(nulls(wide - 100, 511), true), (nulls(wide + 1, 511), false)] {
        let bytes = op.to_bytes();
        assert!(bytes.len() < 2 << 20);
        assert_eq!(matches!(Op::from_bytes(&bytes), Ok(Op::Rows(_))), counts);
    }
}

#[test]
fn a_key_beyond_its_bound_is_not_understood() {
    for (key, fits) in [
        (vec![Value::Text("k".repeat(bounds::KEY_BYTES - 3))], true),
        (vec![Value::Text("k".repeat(bounds::KEY_BYTES - 2))], false),
        (vec![Value::Blob(vec![0; 10 << 20])], false),
        (vec![Value::Text("k".repeat(600)), Value::Blob(vec![0; 600])], false),
        (vec![Value::Integer(i64::MIN); 93], true),
        (vec![Value::Integer(i64::MIN); 94], false),
    ] {
        let bytes = Key(key.clone()).to_bytes().len();
        assert_eq!(bytes <= bounds::KEY_BYTES, fits, "{bytes}");
        assert_eq!(is_known(group(&[], key)), fits, "{bytes}");
    }
}
