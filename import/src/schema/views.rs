//! The views of another database: their queries in the words of SQLite, as far as they can be said so.
//! Whether SQLite reads them is for whoever has one to say.

use std::collections::BTreeMap;
use std::ops::ControlFlow;

use sqlparser::ast::{
    BinaryOperator, DataType, DuplicateTreatment, ExactNumberInfo, Expr, Function, FunctionArg,
    FunctionArgExpr, FunctionArgumentClause, FunctionArgumentList, FunctionArguments, Ident, ObjectNamePart,
    Value, visit_expressions_mut, visit_relations_mut,
};
use tandem_protocol::cause::Cause;
use tandem_protocol::name;
use tandem_protocol::schema::{Schema, ddl};

use super::draft::{Draft, DraftView};
use super::plain::{function, plain_part};
use super::usable;
use crate::dialect::Dialect;
use crate::dump::View;
use crate::note::Notes;

/// Puts a dump's view into the draft.
pub(super) fn put(draft: &mut Draft, view: &View, dialect: Dialect, notes: &mut Notes) {
    let tables = draft.tables.iter().map(|table| table.name.as_str());
    let taken: Vec<&str> = tables.chain(draft.views.iter().map(|view| view.name.as_str())).collect();
    let name = usable(&view.name, &taken, view.line, notes);
    let mut query = view.query.clone();
    let _to_the_end: ControlFlow<()> = visit_relations_mut(&mut query, |relation| {
        if let Some(last) = relation.0.pop() {
            let known = last
                .as_ident()
                .and_then(|last| draft.tables.iter().find(|table| name::same(&table.source, &last.value)));
            let renamed = known.filter(|table| table.name != table.source);
            let last =
                renamed.map_or(last, |table| ObjectNamePart::Identifier(Ident::with_quote('"', &table.name)));
            relation.0 = vec![last];
        }
        ControlFlow::Continue(())
    });
    let _to_the_end: ControlFlow<()> = visit_expressions_mut(&mut query, |part| {
        let found = std::mem::replace(part, Expr::Value(Value::Null.into()));
        *part = said(found, dialect);
        ControlFlow::Continue(())
    });
    // Nobody writes to it meanwhile.
    query.locks.clear();
    let drafted =
        DraftView { name, line: view.line, columns: view.columns.clone(), query: query.to_string() };
    match ddl::plan(&drafted.sql(), &Schema::default()) {
        Ok(_) => draft.views.push(drafted),
        Err(fault) => notes.add(left_out(Cause::from(&fault)), view.line, view.name.clone()),
    }
}

/// That a view is left out, and why.
fn left_out(fault: Cause) -> Cause {
    Cause::new("dump_view_unread").with("fault", fault)
}

impl Draft {
    /// Tells what becomes of the views: those, by name, that SQLite does not read are left out.
    pub fn settle_views(&mut self, mut unread: BTreeMap<String, Cause>, notes: &mut Notes) {
        for view in std::mem::take(&mut self.views) {
            match unread.remove(&view.name) {
                Some(fault) => notes.add(left_out(fault), view.line, view.name),
                None => {
                    notes.add(Cause::new("dump_view"), view.line, view.name.clone());
                    self.views.push(view);
                }
            }
        }
    }
}

/// A part of a query in SQLite's words. Its own parts are so already.
fn said(part: Expr, dialect: Dialect) -> Expr {
    match part {
        Expr::Cast { expr, data_type, .. } => cast(*expr, &data_type),
        // `database.table.column`
        Expr::CompoundIdentifier(mut names) if names.len() > 2 => {
            Expr::CompoundIdentifier(names.split_off(names.len() - 2))
        }
        Expr::ILike { negated, any, expr, pattern, escape_char } => {
            Expr::Like { negated, any, expr, pattern, escape_char }
        }
        Expr::Extract { field, expr, syntax } => match of_date(&field.to_string()) {
            Some(format) => date_part(format, *expr),
            None => Expr::Extract { field, syntax, expr },
        },
        Expr::BinaryOp { left, op, right } => operation(*left, op, *right, dialect),
        Expr::Function(function) => call(function, dialect),
        other => plain_part(other),
    }
}

/// A value as another type. What SQLite's own CAST would not do, rounding and days, is called by name.
fn cast(value: Expr, data_type: &DataType) -> Expr {
    let digits = match data_type {
        DataType::Numeric(info) | DataType::Decimal(info) | DataType::Dec(info) => match info {
            ExactNumberInfo::PrecisionAndScale(_, scale) => Some(*scale),
            ExactNumberInfo::Precision(_) => Some(0),
            ExactNumberInfo::None => None,
        },
        _ => None,
    };
    if let Some(digits) = digits {
        return named("round", vec![value, number(&digits.to_string())]);
    }
    let words = data_type.to_string().to_ascii_uppercase();
    let is = |wanted: &[&str]| wanted.iter().any(|one| words.starts_with(one));
    match () {
        () if is(&["DATETIME", "TIMESTAMP"]) => named("datetime", vec![value]),
        () if is(&["DATE"]) => named("date", vec![value]),
        () if is(&["TIME"]) => named("time", vec![value]),
        () if is(&["INT", "BIGINT", "SMALLINT", "TINYINT", "MEDIUMINT", "SIGNED", "UNSIGNED", "BOOL"]) => {
            as_type(value, DataType::Integer(None))
        }
        () if is(&["REAL", "DOUBLE", "FLOAT"]) => as_type(value, DataType::Real),
        () if is(&["NUMERIC", "DECIMAL"]) => value,
        () if matches!(value, Expr::Value(_)) => plain_part(value),
        () => as_type(value, DataType::Text),
    }
}

fn as_type(value: Expr, data_type: DataType) -> Expr {
    let kind = sqlparser::ast::CastKind::Cast;
    Expr::Cast { kind, expr: Box::new(value), data_type, format: None }
}

fn operation(left: Expr, op: BinaryOperator, right: Expr, dialect: Dialect) -> Expr {
    let is_mysql = dialect == Dialect::MySql;
    let like = |negated, left, right| Expr::Like {
        negated,
        any: false,
        expr: Box::new(left),
        pattern: Box::new(right),
        escape_char: None,
    };
    let of = |left, op, right| Expr::BinaryOp { left: Box::new(left), op, right: Box::new(right) };
    match op {
        // There, whole numbers divide into parts.
        BinaryOperator::Divide if is_mysql => {
            of(of(left, BinaryOperator::Multiply, number("1.0")), BinaryOperator::Divide, right)
        }
        BinaryOperator::MyIntegerDivide => of(left, BinaryOperator::Divide, right),
        BinaryOperator::StringConcat if is_mysql => of(left, BinaryOperator::Or, right),
        BinaryOperator::Spaceship => Expr::IsNotDistinctFrom(Box::new(left), Box::new(right)),
        BinaryOperator::PGLikeMatch | BinaryOperator::PGILikeMatch => like(false, left, right),
        BinaryOperator::PGNotLikeMatch | BinaryOperator::PGNotILikeMatch => like(true, left, right),
        op => of(left, op, right),
    }
}

/// A function of another product, called as SQLite calls it.
fn call(function: Function, dialect: Dialect) -> Expr {
    let Expr::Function(mut function) = plain_part(Expr::Function(function)) else {
        return Expr::Value(Value::Null.into());
    };
    let name = function.name.to_string().to_ascii_lowercase();
    if ["current_timestamp", "current_date", "current_time"].contains(&name.as_str()) {
        function.args = FunctionArguments::None;
        return Expr::Function(function);
    }
    let FunctionArguments::List(list) = &mut function.args else { return Expr::Function(function) };
    match name.as_str() {
        // There, what is NULL makes all of it NULL.
        "concat" if dialect == Dialect::MySql => {
            let joined = arguments(list).into_iter().reduce(|all, next| Expr::BinaryOp {
                left: Box::new(all),
                op: BinaryOperator::StringConcat,
                right: Box::new(next),
            });
            return Expr::Nested(Box::new(joined.unwrap_or_else(|| Expr::Value(Value::Null.into()))));
        }
        "group_concat" => {
            let separator =
                list.clauses.iter().position(|clause| matches!(clause, FunctionArgumentClause::Separator(_)));
            if let Some(at) = separator
                && let FunctionArgumentClause::Separator(text) = list.clauses.remove(at)
            {
                let is_usual = matches!(&text.value, Value::SingleQuotedString(text) if text == ",");
                // SQLite takes no sign of one's own beside DISTINCT.
                if !is_usual || list.duplicate_treatment != Some(DuplicateTreatment::Distinct) {
                    list.args.push(FunctionArg::Unnamed(FunctionArgExpr::Expr(Expr::Value(text))));
                }
            }
        }
        "isnull" if list.args.len() == 1 => {
            if let Some(value) = arguments(list).pop() {
                return Expr::IsNull(Box::new(value));
            }
        }
        "date_part" => {
            let mut all = arguments(list);
            if let (Some(value), Some(Expr::Value(field))) = (all.pop(), all.pop())
                && let Value::SingleQuotedString(field) = &field.value
                && let Some(format) = of_date(field)
            {
                return date_part(format, value);
            }
        }
        field if list.args.len() == 1 => {
            if let Some(format) = of_date(field)
                && let Some(value) = arguments(list).pop()
            {
                return date_part(format, value);
            }
        }
        _ => {}
    }
    Expr::Function(function)
}

fn arguments(list: &FunctionArgumentList) -> Vec<Expr> {
    let plain = |argument: &FunctionArg| match argument {
        FunctionArg::Unnamed(FunctionArgExpr::Expr(value)) => Some(value.clone()),
        _ => None,
    };
    list.args.iter().filter_map(plain).collect()
}

/// What a part of a date or time is called where SQLite is asked for it.
fn of_date(field: &str) -> Option<&'static str> {
    Some(match field.to_ascii_lowercase().as_str() {
        "year" => "%Y",
        "month" => "%m",
        "day" | "dayofmonth" => "%d",
        "hour" => "%H",
        "minute" => "%M",
        "second" => "%S",
        _ => return None,
    })
}

fn date_part(format: &str, value: Expr) -> Expr {
    let format = Expr::Value(Value::SingleQuotedString(format.to_owned()).into());
    as_type(named("strftime", vec![format, value]), DataType::Integer(None))
}

fn number(digits: &str) -> Expr {
    Expr::Value(Value::Number(digits.to_owned(), false).into())
}

fn named(name: &str, arguments: Vec<Expr>) -> Expr {
    let args = arguments.into_iter().map(|one| FunctionArg::Unnamed(FunctionArgExpr::Expr(one))).collect();
    let list = FunctionArgumentList { duplicate_treatment: None, args, clauses: Vec::new() };
    function(name, FunctionArguments::List(list))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::dump::Dump;
    use crate::schema::draft;

    /// What the query of a view becomes.
    fn becomes(query: &str, dialect: Dialect) -> String {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("dump.sql");
        let table = "CREATE TABLE t (a int, b text, d date)";
        std::fs::write(&path, format!("{table};\nCREATE VIEW v AS {query};\n")).unwrap();
        let dump = Dump::read(&[&path], Some(dialect)).map_err(|(_, error)| error).unwrap();
        let (draft, notes) = draft(&dump);
        match draft.views.as_slice() {
            [view] => view.query.clone(),
            views => panic!("{query}: {views:?} {notes:?}"),
        }
    }

    #[test]
    fn what_each_product_says_is_said_in_sqlites_words() {
        for (dialect, query, expected) in [
            (Dialect::MySql, "SELECT a / 2, a DIV 2 FROM `x`.`t`", "SELECT a * 1.0 / 2, a / 2 FROM `t`"),
            (Dialect::MySql, "SELECT `x`.`t`.`a` FROM t", "SELECT `t`.`a` FROM t"),
            (Dialect::MySql, "SELECT lcase(b) FROM t", "SELECT lower(b) FROM t"),
            (Dialect::MySql, "SELECT concat(b, '-', a) FROM t", "SELECT (b || '-' || a) FROM t"),
            (
                Dialect::MySql,
                "SELECT a || d, b <=> NULL FROM t",
                "SELECT a OR d, b IS NOT DISTINCT FROM NULL FROM t",
            ),
            (Dialect::MySql, "SELECT \"text\", isnull(a) FROM t", "SELECT 'text', a IS NULL FROM t"),
            (
                Dialect::MySql,
                "SELECT GROUP_CONCAT(b ORDER BY a SEPARATOR '; ') FROM t",
                "SELECT GROUP_CONCAT(b, '; ' ORDER BY a) FROM t",
            ),
            (
                Dialect::MySql,
                "SELECT year(d), now(), curdate() FROM t",
                "SELECT CAST(strftime('%Y', d) AS INTEGER), current_timestamp, current_date FROM t",
            ),
            (
                Dialect::MySql,
                "SELECT CAST(b AS SIGNED), CAST(a AS CHAR) FROM t FOR UPDATE",
                "SELECT CAST(b AS INTEGER), CAST(a AS TEXT) FROM t",
            ),
            (
                Dialect::PostgreSql,
                "SELECT a::numeric(12,2), b::text, '1'::text FROM public.t",
                "SELECT round(a, 2), CAST(b AS TEXT), '1' FROM t",
            ),
            (
                Dialect::PostgreSql,
                "SELECT b ~~ 'x%', b !~~* 'y' FROM t",
                "SELECT b LIKE 'x%', b NOT LIKE 'y' FROM t",
            ),
            (
                Dialect::PostgreSql,
                "SELECT EXTRACT(month FROM d), date_part('day'::text, d) FROM t",
                "SELECT CAST(strftime('%m', d) AS INTEGER), CAST(strftime('%d', d) AS INTEGER) FROM t",
            ),
            (
                Dialect::PostgreSql,
                "SELECT d::date, (now())::timestamp FROM t WHERE a = ANY (ARRAY[1, 2])",
                "SELECT date(d), datetime(current_timestamp) FROM t WHERE a IN (1, 2)",
            ),
            (Dialect::Sqlite, "SELECT a / 2, b || 'x' FROM main.t", "SELECT a / 2, b || 'x' FROM t"),
        ] {
            assert_eq!(becomes(query, dialect), expected, "{query}");
        }
    }
}
