//! Whose SQL a file is written in.

use std::io::{self, BufRead};

use sqlparser::dialect::{Dialect as Grammar, MySqlDialect, PostgreSqlDialect, SQLiteDialect};

/// Bytes that are looked at to find out.
const LOOKED_AT: u64 = 4 << 20;

/// The product whose SQL it is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Dialect {
    /// MySQL and MariaDB.
    MySql,
    /// PostgreSQL.
    PostgreSql,
    /// SQLite, and SQL that is no product's own.
    Sqlite,
}

/// A product whose dumps are not read.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Other {
    /// Microsoft SQL Server.
    SqlServer,
    /// Oracle.
    Oracle,
}

/// What a line of each product's files holds, in lower case, and how much it tells.
const MYSQL: &[(&str, u32)] = &[
    ("-- mysql dump", 50),
    ("-- mariadb dump", 50),
    ("phpmyadmin sql dump", 50),
    ("engine=", 8),
    ("engine =", 8),
    ("auto_increment", 8),
    ("/*!", 5),
    ("unsigned", 3),
    ("lock tables", 5),
    ("int(11)", 3),
    ("longtext", 3),
    ("mediumtext", 3),
    ("enum(", 2),
    ("on update current_timestamp", 5),
    ("delimiter ", 3),
    ("set names", 2),
    ("`", 1),
];
const POSTGRESQL: &[(&str, u32)] = &[
    ("-- postgresql database dump", 50),
    ("from stdin", 10),
    ("serial", 4),
    ("::", 3),
    ("nextval(", 5),
    ("search_path", 5),
    ("character varying", 3),
    ("with time zone", 3),
    ("without time zone", 3),
    ("timestamptz", 3),
    ("owner to", 5),
    ("alter table only", 5),
    ("plpgsql", 5),
    ("bytea", 3),
    ("jsonb", 3),
    ("create sequence", 3),
    ("create extension", 5),
    ("as identity", 4),
    ("create domain", 4),
    ("\\c ", 5),
    ("\\connect ", 5),
];
const SQLITE: &[(&str, u32)] = &[
    ("pragma ", 8),
    ("autoincrement", 8),
    ("sqlite_sequence", 20),
    ("begin transaction;", 3),
    ("without rowid", 8),
    ("strftime(", 2),
    ("datetime(''", 4),
    ("create virtual table", 8),
    ("[", 1),
];
const SQL_SERVER: &[(&str, u32)] = &[
    ("[dbo]", 10),
    ("set ansi_nulls", 20),
    ("set quoted_identifier", 20),
    ("identity(1,1)", 5),
    ("identity (1, 1)", 5),
    ("nonclustered", 8),
    ("clustered", 3),
    ("set nocount on", 8),
];
const ORACLE: &[(&str, u32)] = &[
    ("varchar2", 10),
    ("set define off", 20),
    ("sysdate", 3),
    ("number(", 3),
    ("tablespace", 2),
    ("create or replace trigger", 2),
];

/// A line without what stands in its texts: what people wrote says nothing of the product.
fn without_texts(line: &str) -> String {
    line.split('\'').step_by(2).collect::<Vec<_>>().join("''")
}

impl Dialect {
    /// Whose SQL a text is, as far as can be told; whose it would have to be, if it is none of ours.
    pub fn of(text: impl BufRead) -> io::Result<Result<Self, Other>> {
        let mut scores = [0; 5];
        let mut is_copying = false;
        for line in text.take(LOOKED_AT).lines() {
            // The end of what is looked at may cut a letter.
            let Ok(line) = line else { break };
            let mut head: &str = line.trim_start();
            // Rows say little, and are long.
            if let Some((at, _)) = head.char_indices().nth(400) {
                head = &head[..at];
            }
            let line = without_texts(head).to_ascii_lowercase();
            // Below a COPY stand rows.
            if is_copying {
                is_copying = line != "\\.";
                continue;
            }
            is_copying = line.starts_with("copy ") && line.contains("from stdin");
            for (score, signs) in scores.iter_mut().zip([MYSQL, POSTGRESQL, SQLITE, SQL_SERVER, ORACLE]) {
                *score +=
                    signs.iter().filter(|(sign, _)| line.contains(sign)).map(|(_, much)| much).sum::<u32>();
            }
            scores[3] += if line == "go" { 5 } else { 0 };
        }
        let [mysql, postgresql, sqlite, sql_server, oracle] = scores;
        let most = scores.into_iter().max().unwrap_or_default();
        Ok(match () {
            () if most == 0 || sqlite == most => Ok(Self::Sqlite),
            () if mysql == most => Ok(Self::MySql),
            () if postgresql == most => Ok(Self::PostgreSql),
            () if sql_server == most => Err(Other::SqlServer),
            () => {
                debug_assert_eq!(oracle, most, "the last that is left");
                Err(Other::Oracle)
            }
        })
    }

    /// Its name.
    pub fn name(self) -> &'static str {
        match self {
            Self::MySql => "MySQL / MariaDB",
            Self::PostgreSql => "PostgreSQL",
            Self::Sqlite => "SQLite",
        }
    }

    /// How its words and expressions are read.
    pub(crate) fn grammar(self) -> &'static dyn Grammar {
        match self {
            Self::MySql => &MySqlDialect {},
            Self::PostgreSql => &PostgreSqlDialect {},
            Self::Sqlite => &SQLiteDialect {},
        }
    }
}

impl Other {
    /// Its name.
    pub fn name(self) -> &'static str {
        match self {
            Self::SqlServer => "Microsoft SQL Server",
            Self::Oracle => "Oracle",
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_people_wrote_says_nothing_of_the_product() {
        let of = |text: &str| Dialect::of(text.as_bytes()).unwrap().unwrap();
        let names =
            "INSERT INTO discs (name) VALUES ('Live [Disc 1]'), ('It''s [Disc 2]'), ('[a] AUTOINCREMENT');\n";
        assert_eq!(
            of(&format!("\\c shop;\nCREATE TABLE discs (name VARCHAR(9));\n{names}")),
            Dialect::PostgreSql
        );
        assert_eq!(of(&format!("CREATE TABLE [discs] ([name] VARCHAR(9));\n{names}")), Dialect::Sqlite);
        let rows = "[a] [b]\n".repeat(20);
        let copied = format!("CREATE TABLE a (b INT);\nCOPY a (b) FROM stdin DELIMITER '|';\n{rows}\\.\n");
        assert_eq!(of(&copied), Dialect::PostgreSql);
        assert_eq!(of("CREATE TABLE a (b TEXT DEFAULT (datetime('now')), c TEXT);\n"), Dialect::Sqlite);
    }
}
