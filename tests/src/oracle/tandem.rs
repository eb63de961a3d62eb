//! tandem's side: one simulated site, the real writer, log and view.

use std::path::{Path, PathBuf};

use tandem_protocol::cause::Param;
use tandem_protocol::identity::AuthorKey;
use tandem_protocol::value::Value;
use tandem_store::simulated::{Answer as SiteAnswer, Founding, Request, Site};
use tandem_store::{Params, Statement, StatementResult, Write, WriteError};

use super::plain::keys_of;
use super::sql::Sql;
use super::table::Table;

/// When the space was founded.
const FOUNDED_MS: i64 = 1_767_225_600_000;

/// A site.
pub struct Tandem {
    site: Site,
    scratch: PathBuf,
    tables: Vec<Table>,
    now_ms: i64,
}

/// What it answered to a transaction.
#[derive(Debug)]
pub struct Answer {
    results: Result<Vec<StatementResult>, Refused>,
    /// By statement, the keys that were there after it.
    keys: Vec<Option<Vec<Value>>>,
}

/// A refusal.
#[derive(Clone, Debug)]
pub struct Refused {
    /// Its code; of what is no refusal, `fault`.
    pub code: &'static str,
    /// What it says.
    pub message: String,
}

impl Answer {
    /// Whether it was refused.
    pub fn is_refused(&self) -> bool {
        self.results.is_err()
    }

    /// The keys that were there after a statement that could make some.
    pub fn keys(&self, at: usize) -> Option<&[Value]> {
        self.keys.get(at)?.as_deref()
    }

    /// What each statement gave.
    pub fn results(&self) -> Result<&[StatementResult], &Refused> {
        self.results.as_deref()
    }
}

impl Tandem {
    /// Founds a space with these tables.
    pub fn found(folder: &Path, tables: &[Table]) -> Result<Self, String> {
        let schema: String = tables.iter().map(Table::for_tandem).collect();
        let founding = Founding { space: "oracle", site: "a", schema: &schema, nonce: [7; 16] };
        let site = Site::found(AuthorKey::from_secret(&[7; 32]), folder.join("site"), founding, FOUNDED_MS);
        let site = site.map_err(|error| error.to_string())?;
        Ok(Self { site, scratch: folder.join("scratch"), tables: tables.to_vec(), now_ms: FOUNDED_MS })
    }

    /// Runs a transaction; behind each statement that may make keys, it asks which there are.
    pub fn run(&mut self, statements: &[Sql]) -> Answer {
        let mut all = Vec::new();
        for sql in statements {
            all.push(Statement { sql: sql.tandem.clone(), params: Params::One(sql.params.clone()) });
            if let Some(table) = sql.generates {
                all.push(Statement { sql: keys_of(&self.tables[table]), params: Params::One(Vec::new()) });
            }
        }
        self.now_ms += 1000;
        let write = Request::Write(Write { edits: all.into(), ..Write::default() });
        let refused = |code, message| Answer { results: Err(Refused { code, message }), keys: Vec::new() };
        let answered = match self.site.run(vec![write], self.now_ms).pop() {
            Some(SiteAnswer::Written(Ok(written))) => written.results,
            Some(SiteAnswer::Written(Err(WriteError::Refused(refusal)))) => {
                return refused(refusal.code, refusal.to_string());
            }
            Some(SiteAnswer::Written(Err(error))) => return refused("fault", error.to_string()),
            other => return refused("fault", format!("{other:?}")),
        };
        let mut answered = answered.into_iter();
        let (mut results, mut keys) = (Vec::new(), Vec::new());
        for sql in statements {
            results.extend(answered.next());
            let probe = sql.generates.and_then(|_| answered.next());
            keys.push(probe.map(|probe| probe.rows.into_iter().flatten().collect()));
        }
        Answer { results: Ok(results), keys }
    }

    /// Asks a reader.
    pub fn query(&self, sql: &str, params: &[Value]) -> Result<Vec<Vec<Value>>, Refused> {
        let Some(space) = self.site.space() else {
            return Err(Refused { code: "fault", message: "the site has stopped".into() });
        };
        let rows = space.query(sql, params);
        rows.map(|(rows, _)| rows.rows)
            .map_err(|refusal| Refused { code: refusal.code, message: refusal.to_string() })
    }

    /// Makes the view anew from the log, after the log was verified.
    pub fn rebuild(&mut self) -> Result<(), String> {
        let problems =
            self.site.space().map(|space| space.verify(&self.scratch).problems).unwrap_or_default();
        if !problems.is_empty() {
            return Err(Param::from(problems).to_string());
        }
        self.site.rebuild_view().map_err(|error| error.to_string())
    }
}
