//! SQL functions for decimals that SQLite has no number for: in order, added, and summed, exactly.

use rusqlite::functions::{Aggregate, Context, FunctionFlags};
use rusqlite::types::ValueRef;
use rusqlite::{Connection, Error, Result};
use tandem_protocol::cause::Cause;
use tandem_protocol::decimal::{DIGITS, Decimal};
use tandem_protocol::wide::Wide;

use crate::cause::sqlite::refused_by_function;

/// Adds the functions to a connection.
pub(crate) fn install(connection: &Connection) -> Result<()> {
    let flags = FunctionFlags::SQLITE_UTF8 | FunctionFlags::SQLITE_DETERMINISTIC;
    connection
        .create_scalar_function("decimal_key", 1, flags, |context| Ok(argument(context, 0)?.map(key)))?;
    connection.create_scalar_function("decimal_add", 2, flags, |context| {
        let (Some(first), Some(second)) = (argument(context, 0)?, argument(context, 1)?) else {
            return Ok(None);
        };
        let mut sum = Sum::default();
        sum.add(first)?;
        sum.add(second)?;
        sum.text().map(Some)
    })?;
    connection.create_aggregate_function("decimal_sum", 1, flags, DecimalSum)
}

/// A number given to a function; `None`: NULL.
fn argument(context: &Context<'_>, at: usize) -> Result<Option<Decimal>> {
    let text = match context.get_raw(at) {
        ValueRef::Null => return Ok(None),
        ValueRef::Integer(number) => number.to_string(),
        ValueRef::Real(number) => number.to_string(),
        ValueRef::Text(text) => String::from_utf8_lossy(text).into_owned(),
        ValueRef::Blob(_) => return Err(refused_by_function(Cause::new("decimal_blob"))),
    };
    let cause = || Cause::new("decimal_text").with("text", &text).with("most", DIGITS);
    Decimal::exact(&text).map(Some).ok_or_else(|| refused_by_function(cause()))
}

/// A text that sorts, byte by byte, as the number does; equal for equal numbers.
fn key(decimal: Decimal) -> String {
    let digits = decimal.mantissa.unsigned_abs().to_string();
    // Digits before the point, of the number without leading zeros: more are a greater number.
    let whole = 100 + digits.len() as i64 - i64::from(decimal.scale);
    let significant = digits.trim_end_matches('0');
    let nines =
        |text: &str| -> String { text.bytes().map(|digit| char::from(b'0' + b'9' - digit)).collect() };
    match decimal.mantissa {
        0 => "1".to_owned(),
        1.. => format!("2{whole:03}{significant}"),
        // A tilde comes after all digits: of two negative numbers the longer is the less.
        _ => format!("0{}{}~", nines(&format!("{whole:03}")), nines(significant)),
    }
}

/// An exact sum.
#[derive(Default)]
struct Sum {
    units: Wide,
    scale: u8,
}

impl Sum {
    fn add(&mut self, decimal: Decimal) -> Result<()> {
        let mut units = Wide::from(decimal.mantissa);
        (decimal.scale..self.scale).for_each(|_| units = units.times_ten());
        for _ in self.scale..decimal.scale {
            if self.units.narrow().is_none() {
                return Err(too_long());
            }
            self.units = self.units.times_ten();
        }
        self.scale = self.scale.max(decimal.scale);
        self.units = self.units + units;
        Ok(())
    }

    fn text(&self) -> Result<String> {
        let mantissa = self.units.narrow().ok_or_else(too_long)?;
        Ok(Decimal { mantissa, scale: self.scale }.to_string())
    }
}

/// The aggregate `decimal_sum`.
fn too_long() -> Error {
    refused_by_function(Cause::new("decimal_sum"))
}

struct DecimalSum;

impl Aggregate<Option<Sum>, Option<String>> for DecimalSum {
    fn init(&self, _: &mut Context<'_>) -> Result<Option<Sum>> {
        Ok(None)
    }

    fn step(&self, context: &mut Context<'_>, sum: &mut Option<Sum>) -> Result<()> {
        match argument(context, 0)? {
            Some(decimal) => sum.get_or_insert_default().add(decimal),
            None => Ok(()),
        }
    }

    fn finalize(&self, _: &mut Context<'_>, sum: Option<Option<Sum>>) -> Result<Option<String>> {
        sum.flatten().map(|sum| sum.text()).transpose()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn keys_sort_as_numbers_do() {
        let ascending = [
            "-12345678901234567890123456789012345678",
            "-100",
            "-99.5",
            "-99.49",
            "-9",
            "-1.25",
            "-1.2",
            "-1",
            "-0.5",
            "-0.05",
            "-0.001",
            "0",
            "0.001",
            "0.05",
            "0.5",
            "1",
            "1.2",
            "1.25",
            "9",
            "10",
            "99.49",
            "99.5",
            "100",
            "12345678901234567890123456789012345677.5",
            "12345678901234567890123456789012345678",
        ];
        let keys: Vec<String> = ascending.iter().filter_map(|text| Decimal::exact(text)).map(key).collect();
        assert_eq!(keys.len(), ascending.len() - 1, "one has 39 digits");
        assert!(keys.windows(2).all(|pair| pair[0] < pair[1]), "{keys:?}");
        let of = |text| key(Decimal::exact(text).unwrap());
        assert_eq!((of("1.50"), of("-0.00"), of("100")), (of("1.5"), of("0"), of("1e2")));
    }

    #[test]
    fn sums_are_exact_and_null_is_passed_over() {
        crate::view::heap::count();
        let connection = Connection::open_in_memory().unwrap();
        install(&connection).unwrap();
        let one = |sql: &str| connection.query_row(sql, [], |row| row.get::<_, Option<String>>(0));
        let all =
            "FROM (SELECT column1 AS c FROM (VALUES ('99999999999999999999.99'), (NULL), (0.01), (-5)))";
        assert_eq!(one(&format!("SELECT decimal_sum(c) {all}")).unwrap().unwrap(), "99999999999999999995.00");
        assert_eq!(one("SELECT decimal_sum(NULL)").unwrap(), None);
        assert_eq!(
            one("SELECT decimal_add('12345678901234567.89', '-0.9')").unwrap().unwrap(),
            "12345678901234566.99"
        );
        assert_eq!(one("SELECT decimal_add(NULL, 1)").unwrap(), None);
        assert!(one("SELECT decimal_key('zwei')").is_err());
    }
}
