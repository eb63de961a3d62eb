//! The functions that the plain spelling calls: canonical forms, keys that stand for tandem's, the
//! last id.

use std::sync::{Arc, Mutex, PoisonError};

use rusqlite::functions::{Context, FunctionFlags};
use rusqlite::types::{ToSqlOutput, Value as Sqlite, ValueRef};
use rusqlite::{Connection, ToSql};
use tandem_protocol::value::Value;

use super::canonical::canonical;
use super::kind::Kind;

/// Stands for the time that tandem fills in.
pub const NOW: &str = "~now~";

/// Keys made on the plain side begin here, until they are exchanged for tandem's.
const MADE: i64 = 1 << 61;

/// What the functions share with whoever runs the statements.
#[derive(Default)]
pub struct State {
    /// Keys made so far.
    made: i64,
    /// What `last_insert_rowid()` gives.
    pub last: i64,
    /// A value met that its type does not hold.
    pub misfit: bool,
    /// A value was written in another form than given.
    pub changed_form: bool,
    /// A decimal was written that is too long for floating point.
    pub long_decimal: bool,
    /// A value was compared in another form than given.
    pub compared_form: bool,
}

/// A value as a parameter.
pub struct Bound<'a>(pub &'a Value);

impl ToSql for Bound<'_> {
    fn to_sql(&self) -> rusqlite::Result<ToSqlOutput<'_>> {
        Ok(match self.0 {
            Value::Null => ToSqlOutput::Borrowed(ValueRef::Null),
            Value::Integer(number) => ToSqlOutput::Borrowed(ValueRef::Integer(*number)),
            Value::Real(number) => ToSqlOutput::Borrowed(ValueRef::Real(*number)),
            Value::Text(text) => ToSqlOutput::Borrowed(ValueRef::Text(text.as_bytes())),
            Value::Blob(bytes) => ToSqlOutput::Borrowed(ValueRef::Blob(bytes)),
            Value::Decimal(decimal) => ToSqlOutput::Owned(Sqlite::Text(decimal.to_string())),
        })
    }
}

/// A value as SQLite gives it.
pub fn read(value: ValueRef<'_>) -> Value {
    match value {
        ValueRef::Null => Value::Null,
        ValueRef::Integer(number) => Value::Integer(number),
        ValueRef::Real(number) => Value::Real(number),
        ValueRef::Text(text) => Value::Text(String::from_utf8_lossy(text).into_owned()),
        ValueRef::Blob(bytes) => Value::Blob(bytes.to_vec()),
    }
}

fn written(value: Value) -> Sqlite {
    match value {
        Value::Null => Sqlite::Null,
        Value::Integer(number) => Sqlite::Integer(number),
        Value::Real(number) => Sqlite::Real(number),
        Value::Text(text) => Sqlite::Text(text),
        Value::Blob(bytes) => Sqlite::Blob(bytes),
        Value::Decimal(decimal) => Sqlite::Text(decimal.to_string()),
    }
}

/// Whether a key stands for one that tandem makes.
pub fn is_made(key: &str) -> bool {
    key.starts_with("ffffffff-ffff-7")
        || key.parse::<i64>().is_ok_and(|id| (MADE..MADE + (1 << 40)).contains(&id))
}

/// Adds the functions.
pub fn install(connection: &Connection, state: &Arc<Mutex<State>>) -> rusqlite::Result<()> {
    let plain = FunctionFlags::SQLITE_UTF8;
    let locked = |state: &Arc<Mutex<State>>, act: &mut dyn FnMut(&mut State)| {
        act(&mut state.lock().unwrap_or_else(PoisonError::into_inner));
    };
    let kind = |context: &Context<'_>| -> rusqlite::Result<Kind> {
        let name: String = context.get(0)?;
        Kind::named(&name).ok_or_else(|| rusqlite::Error::UserFunctionError(name.into()))
    };
    let own = Arc::clone(state);
    connection.create_scalar_function("canonical", 2, plain, move |context| {
        let given = read(context.get_raw(1));
        let kind = kind(context)?;
        let form = canonical(kind, &given);
        locked(&own, &mut |state| {
            state.long_decimal |= kind.is_long();
            match &form {
                Some(form) => state.changed_form |= form != &given,
                None => state.misfit = true,
            }
        });
        Ok(written(form.unwrap_or(given)))
    })?;
    let own = Arc::clone(state);
    connection.create_scalar_function("comparable", 2, plain, move |context| {
        let given = read(context.get_raw(1));
        let form = canonical(kind(context)?, &given).unwrap_or_else(|| given.clone());
        locked(&own, &mut |state| state.compared_form |= form != given);
        Ok(written(form))
    })?;
    connection.create_scalar_function("is_canonical", 2, plain, move |context| {
        let given = read(context.get_raw(1));
        Ok(canonical(kind(context)?, &given).as_ref() == Some(&given) || given == Value::Text(NOW.into()))
    })?;
    connection.create_scalar_function("is_utf8", 1, plain, |context| {
        Ok(!matches!(context.get_raw(0), ValueRef::Text(bytes) if std::str::from_utf8(bytes).is_err()))
    })?;
    let next = |state: &Arc<Mutex<State>>| {
        let mut state = state.lock().unwrap_or_else(PoisonError::into_inner);
        state.made += 1;
        state.made
    };
    let own = Arc::clone(state);
    connection.create_scalar_function("next_id", 0, plain, move |_| Ok(MADE + next(&own)))?;
    let own = Arc::clone(state);
    connection.create_scalar_function("next_uuid", 0, plain, move |_| {
        Ok(format!("ffffffff-ffff-7fff-bfff-{:012x}", next(&own)))
    })?;
    let own = Arc::clone(state);
    connection.create_scalar_function("last_insert_rowid", 0, plain, move |_| {
        Ok(own.lock().unwrap_or_else(PoisonError::into_inner).last)
    })
}
