//! The connection to a PostgreSQL database, and its transactions.

use std::collections::HashMap;
use std::time::Duration;

use postgres::config::{Host, SslMode};
use postgres::types::ToSql;
use postgres::{Client, Config, NoTls, Row, Statement};
use tandem_protocol::cause::Cause;

use super::failure::failed;
use crate::engine::Outcome;
use crate::error::BridgeError;

/// How long a connection may take to be made.
const CONNECT: Duration = Duration::from_secs(5);

/// What each connection asks for, so that values have one form.
const SETTINGS: &str = "
SET timezone = 'UTC'; SET datestyle = 'ISO'; SET intervalstyle = 'iso_8601'; SET bytea_output = 'hex';
SET extra_float_digits = 1; SET lc_monetary = 'C';
SET default_transaction_isolation = 'read committed'; SET default_transaction_read_only = off;
SET synchronous_commit = on; SET idle_in_transaction_session_timeout = 0; SET statement_timeout = 0;
SET application_name = 'tandem'";

/// Statements that are kept prepared: several for each table.
const PREPARED: usize = 2_000;

/// The oldest version that is known to do.
const OLDEST: i32 = 13_00_00;

/// A PostgreSQL database.
pub(crate) struct Postgres {
    pub(super) client: Client,
    /// Statements that were prepared, by their text.
    prepared: HashMap<String, Statement>,
}

impl Postgres {
    /// Connects to the database at that address.
    pub fn connect(url: &str) -> Outcome<Self> {
        let mut config = configured(url)?;
        config.connect_timeout(CONNECT);
        let mut client = config.connect(NoTls).map_err(failed)?;
        client.batch_execute(SETTINGS).map_err(failed)?;
        // Less than the time after which PostgreSQL looks for deadlocks, so that it is this side which gives way.
        let sql = "SELECT set_config('lock_timeout', least(500, setting::int / 2)::text, false)
                   FROM pg_settings WHERE name = 'deadlock_timeout'";
        client.query(sql, &[]).map_err(failed)?;
        let sql = "SELECT current_setting('server_version_num')::int, current_setting('server_encoding')";
        let row = client.query_one(sql, &[]).map_err(failed)?;
        let (version, encoding): (i32, String) = (row.get(0), row.get(1));
        if version < OLDEST {
            let version = format!("{}", version / 10_000);
            return Err(BridgeError::Stopped(Cause::new("bridge_version").with("version", version)));
        }
        if encoding == "SQL_ASCII" {
            return Err(BridgeError::stopped("bridge_sql_ascii"));
        }
        Ok(Self { client, prepared: HashMap::new() })
    }

    /// Runs a statement that is run often.
    pub(super) fn all(&mut self, sql: &str, parameters: &[&(dyn ToSql + Sync)]) -> Outcome<Vec<Row>> {
        let statement = match self.prepared.get(sql) {
            Some(statement) => statement.clone(),
            None => {
                let statement = self.client.prepare(sql).map_err(failed)?;
                if self.prepared.len() >= PREPARED {
                    self.prepared.clear();
                }
                self.prepared.insert(sql.to_owned(), statement.clone());
                statement
            }
        };
        self.client.query(&statement, parameters).map_err(failed)
    }

    /// The row that such a statement returns.
    pub(super) fn one(&mut self, sql: &str, parameters: &[&(dyn ToSql + Sync)]) -> Outcome<Row> {
        let mut rows = self.all(sql, parameters)?;
        debug_assert_eq!(rows.len(), 1, "what returns one row is asked for it");
        rows.pop().ok_or_else(|| BridgeError::Waits(Cause::new("bridge_no_answer")))
    }

    /// Runs statements that return nothing.
    pub(super) fn run(&mut self, sql: &str) -> Outcome {
        self.client.batch_execute(sql).map_err(failed)
    }
}

/// Where a database is, for people: without its password.
pub(crate) fn shown(url: &str) -> Outcome<String> {
    let config = configured(url)?;
    let host = match config.get_hosts().first() {
        Some(Host::Tcp(name)) => name.clone(),
        #[cfg(unix)]
        Some(Host::Unix(path)) => path.display().to_string(),
        None => "localhost".to_owned(),
    };
    let port = config.get_ports().first().copied().unwrap_or(5432);
    let name = config.get_dbname().or(config.get_user()).unwrap_or_default();
    Ok(format!("postgres://{host}:{port}/{name}"))
}

fn configured(url: &str) -> Outcome<Config> {
    if !["postgres://", "postgresql://"].iter().any(|scheme| url.starts_with(scheme)) {
        return Err(BridgeError::stopped("bridge_scheme"));
    }
    let mut config: Config = url.parse().map_err(|_: postgres::Error| BridgeError::stopped("bridge_url"))?;
    if config.get_ssl_mode() == SslMode::Require {
        return Err(BridgeError::stopped("bridge_tls"));
    }
    if config.get_hosts().is_empty() {
        config.host("localhost");
    }
    Ok(config)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_password_is_never_shown() {
        let url = "postgres://anna:secret@127.0.0.1:5433/ecole";
        assert_eq!(shown(url).unwrap(), "postgres://127.0.0.1:5433/ecole");
        assert_eq!(shown("postgres://anna@localhost/ecole").unwrap(), "postgres://localhost:5432/ecole");
    }

    #[test]
    fn an_address_of_something_else_is_refused() {
        for (url, code) in [
            ("mysql://localhost/ecole", "bridge_scheme"),
            ("ecole", "bridge_scheme"),
            ("postgres://localhost:port/ecole", "bridge_url"),
            ("postgres://localhost/ecole?sslmode=require", "bridge_tls"),
        ] {
            assert_eq!(shown(url).unwrap_err().cause().code, code, "{url}");
        }
    }
}
