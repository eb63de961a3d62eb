use super::*;

fn pieces(text: &str, dialect: Dialect) -> Result<Vec<(u64, String)>, DumpError> {
    let mut statements = Statements::new(text.as_bytes(), dialect);
    let mut found = Vec::new();
    while let Some(piece) = statements.next()? {
        found.push(match piece {
            Piece::Statement { line, text } => (line, text),
            Piece::CopiedRow { line, text } => (line, format!("row {text}")),
            Piece::Command { line, text } => (line, format!("command {text}")),
        });
    }
    Ok(found)
}

fn told(found: &[(u64, &str)]) -> Vec<(u64, String)> {
    found.iter().map(|(line, text)| (*line, (*text).to_owned())).collect()
}

#[test]
fn a_semicolon_ends_a_statement_where_it_is_none_of_something_else() {
    let text = "-- one; two\n\nSELECT 'a;''b', \"c;d\", `e;f` /* g; */ ; SELECT\n1;\n SELECT 2";
    let found = told(&[(3, "SELECT 'a;''b', \"c;d\", `e;f`"), (3, "SELECT\n1"), (5, "SELECT 2")]);
    for dialect in [Dialect::MySql, Dialect::PostgreSql, Dialect::Sqlite] {
        assert_eq!(pieces(text, dialect).unwrap(), found, "{dialect:?}");
    }
}

#[test]
fn mysql_has_signs_of_its_own() {
    let text = "# a;\n--b;\nINSERT 'it\\'s;';\n/*!40101 SET a=1 */;\nDELIMITER //\nCREATE TRIGGER t BEGIN a; b; END//\n\
                DELIMITER ;\nSELECT 1--2;\n/*!50001 CREATE VIEW v */ /*!50002 AS SELECT ';' */;\n";
    let found = told(&[
        (3, "INSERT 'it\\'s;'"),
        (4, "SET a=1"),
        (6, "CREATE TRIGGER t BEGIN a; b; END"),
        (8, "SELECT 1--2"),
        (9, "CREATE VIEW v     AS SELECT ';'"),
    ]);
    assert_eq!(pieces(text, Dialect::MySql).unwrap(), found);
}

#[test]
fn postgresql_has_signs_of_its_own() {
    let text = "\\connect x;\nCOPY public.t (a, b) FROM stdin;\n1\t;\n'\t\\N\n\\.\n\
                CREATE FUNCTION f() AS $body$ a; $$ b; $body$ /* c /* d; */ ; */ x;\nSELECT E'a\\';', $1, a$b$;";
    let found = told(&[
        (1, "command \\connect x;"),
        (2, "COPY public.t (a, b) FROM stdin"),
        (3, "row 1\t;"),
        (4, "row '\t\\N"),
        (6, "CREATE FUNCTION f() AS $body$ a; $$ b; $body$   x"),
        (7, "SELECT E'a\\';', $1, a$b$"),
    ]);
    assert_eq!(pieces(text, Dialect::PostgreSql).unwrap(), found);
}

#[test]
fn the_body_of_a_trigger_is_one_statement() {
    let trigger = "CREATE TRIGGER t AFTER INSERT ON a BEGIN\n UPDATE a SET x = CASE WHEN 1 THEN 2 END;\n\
                   DELETE FROM [b;c]; END";
    let found = pieces(&format!(".mode x\n{trigger};\nSELECT 1;"), Dialect::Sqlite).unwrap();
    assert_eq!(found, told(&[(1, "command .mode x"), (2, trigger), (5, "SELECT 1")]));
}

#[test]
fn what_never_ends_is_told_with_the_line_where_it_begins() {
    let line_of = |text: &str, dialect| match pieces(text, dialect).unwrap_err() {
        DumpError::NeverCloses { line, mark } => (line, mark),
        DumpError::EndsEarly { line } => (line, "early".to_owned()),
        other => panic!("{other:?}"),
    };
    for (text, dialect, line, mark) in [
        ("SELECT 1;\nSELECT 'a;\nSELECT 2;\n", Dialect::Sqlite, 2, "'"),
        ("SELECT 1;\n/* a;\n", Dialect::MySql, 2, "/*"),
        ("SELECT $a$ b;\n", Dialect::PostgreSql, 1, "$a$"),
        ("SELECT [a;\n", Dialect::Sqlite, 1, "["),
        ("COPY a FROM stdin;\n1\n", Dialect::PostgreSql, 3, "early"),
    ] {
        assert_eq!(line_of(text, dialect), (line, mark.to_owned()), "{text}");
    }
}
