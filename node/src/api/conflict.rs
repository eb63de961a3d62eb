//! Open conflicts: what concurrent edits left for a person to decide, and how it is decided.

use serde::{Deserialize, Deserializer, Serialize};
use serde_json::{Map, Value as Json};
use tandem_protocol::cause::Cause;
use tandem_protocol::conflict::{self as told, ConflictId};
use tandem_protocol::membership::Membership;
use tandem_store::{Choice, Resolution, Space, WriteError, Written};

use super::cell::Cell;
use super::conflict_presenter::ConflictPresenter;
use super::error::Result;
use super::log_filter::find_dot;
use super::transaction::{TableChange, Transacted};
use super::{Api, error_kind, page_limit};

/// A page of the open conflicts.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Conflicts {
    /// By kind, table and key.
    pub conflicts: Vec<Conflict>,
    /// How many are open in all.
    pub open: u64,
    /// Where the next page begins: for `after`. None: this is the last.
    #[serde(default)]
    pub next: Option<String>,
}

/// Which page of the open conflicts.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct ConflictQuery {
    /// At most so many: 100 when not said, never more than 1,000.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub limit: Option<usize>,
    /// The `next` of the page before.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub after: Option<String>,
}

/// One open conflict.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Conflict {
    /// Its name, the same on every site.
    pub id: String,
    /// `register`, `deleted`, `unique`, `reference`, `check`, `schema` or `duplicate`.
    pub kind: String,
    /// The table; empty where there is none.
    pub table: String,
    /// The row's key by column; for `unique` the value given twice; none where there is no row.
    pub key: Option<Map<String, Json>>,
    /// The columns it is about; for `check` the rule.
    pub columns: Vec<String>,
    /// Names what was looked at: who settles it sends this back.
    pub seen: String,
    /// What cannot all be had.
    pub versions: Vec<Version>,
    /// For `reference`: the first rows that refer to the deleted one, by table, column and key.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub referrers: Vec<Referrer>,
    /// How many refer to it in all.
    #[serde(default, skip_serializing_if = "is_zero")]
    pub referrer_count: u64,
}

/// One of the things that cannot all be had.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Version {
    /// The transaction that wrote it.
    pub dot: String,
    /// Id of the site that wrote it.
    pub site: String,
    /// That site's name.
    pub site_name: String,
    /// When it was written, ISO 8601.
    pub time: String,
    /// Whether it is what everybody sees now.
    pub shown: bool,
    /// Who wrote it, if said; told of a single conflict, not in a list.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub by: Option<String>,
    /// Why, if said; as `by`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub message: Option<String>,
    /// What it is.
    #[serde(flatten)]
    pub held: VersionContent,
    /// The column of a `value`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub column: Option<String>,
    /// What a `transaction` changed, per table; as `by`.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub changes: Vec<TableChange>,
}

/// What a version is: one field of it, which tells the kind by its name.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum VersionContent {
    /// A cell's value.
    Value(Cell),
    /// The key of a row that holds the value.
    Row(Map<String, Json>),
    /// Whether the row is deleted.
    Deleted(bool),
    /// A definition, in SQL.
    Definition(String),
    /// Always true: the whole transaction.
    Transaction(bool),
}

/// A row that refers to another.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Referrer {
    /// Its table.
    pub table: String,
    /// The column that refers.
    pub column: String,
    /// Its key by column.
    pub key: Map<String, Json>,
}

/// What is to become of a conflict: one of `use`, `value` and `keep_all`.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Resolve {
    /// The version of that transaction.
    #[serde(rename = "use", default, skip_serializing_if = "Option::is_none")]
    pub version: Option<String>,
    /// Another value.
    #[serde(default, deserialize_with = "given", skip_serializing_if = "Option::is_none")]
    pub value: Option<Cell>,
    /// All of them: for `duplicate`, they are different requests after all.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub keep_all: bool,
    /// The `seen` of what was looked at; what is open now when not said.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub seen: Option<String>,
    /// Who.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub by: Option<String>,
    /// Why.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub message: Option<String>,
}

/// A field that is there, be it null.
fn given<'de, D: Deserializer<'de>>(deserializer: D) -> std::result::Result<Option<Cell>, D::Error> {
    Cell::deserialize(deserializer).map(Some)
}

fn is_zero(count: &u64) -> bool {
    *count == 0
}

/// Characters with which the beginning of an id is taken for it.
const SHORTEST: usize = 4;

/// What can be asked of a site about conflicts.
pub struct ConflictRequests<'a>(&'a Api);

impl Api {
    /// Requests about conflicts.
    pub fn conflicts(&self) -> ConflictRequests<'_> {
        ConflictRequests(self)
    }
}

impl ConflictRequests<'_> {
    /// A page of the open conflicts.
    pub fn page(&self, space: &str, query: &ConflictQuery) -> Result<Conflicts> {
        let space = self.0.space(space)?;
        let presenter = ConflictPresenter::of(&space);
        let malformed = |_| error_kind::request_malformed.with("detail", Cause::new("request_after"));
        let after = query.after.as_deref().map(str::parse).transpose().map_err(malformed)?;
        let limit = page_limit(query.limit);
        let (page, next) = space.conflicts().page(after.as_ref(), limit)?;
        assert!(page.len() <= limit, "a page holds no more than was asked for");
        let conflicts = page.iter().map(|conflict| presenter.present(conflict)).collect::<Result<_>>()?;
        let open = space.status().open_conflicts;
        Ok(Conflicts { conflicts, open, next: next.map(|next| next.to_string()) })
    }

    /// One open conflict, by its id or the id's beginning.
    pub fn one(&self, space: &str, id: &str) -> Result<Conflict> {
        let space = self.0.space(space)?;
        let mut conflict = ConflictPresenter::of(&space).present(&find(&space, id)?)?;
        for version in &mut conflict.versions {
            version.complete(&space)?;
        }
        Ok(conflict)
    }

    /// Settles a conflict by an ordinary transaction. Blocks until that is durable.
    pub fn resolve(&self, space: &str, id: &str, request: Resolve) -> Result<Transacted> {
        let space = self.0.space(space)?;
        let conflict = find(&space, id)?;
        let seen = match &request.seen {
            None => conflict.versions_hash(),
            Some(token) => seen_of(token)?,
        };
        let choice = request.choice(&conflict, &space.membership())?;
        let Resolve { by, message, .. } = request;
        let resolution = Resolution { id: conflict.id(), seen, choice, by, message };
        let written = space.wait::<Written, WriteError>(|reply| space.resolve(resolution, reply))?;
        Ok(written.into())
    }
}

fn seen_of(token: &str) -> Result<u64> {
    let malformed =
        |_| error_kind::request_malformed.with("detail", Cause::new("request_seen").with("token", token));
    u64::from_str_radix(token, 16).map_err(malformed)
}

impl Resolve {
    fn choice(&self, conflict: &told::Conflict, membership: &Membership) -> Result<Choice> {
        match (&self.version, &self.value, self.keep_all) {
            (Some(dot), None, false) => {
                let found = find_dot(dot, membership);
                let version = conflict.versions.iter().find(|version| Some(version.dot()) == found);
                let version = version.ok_or_else(|| {
                    error_kind::conflict_choice
                        .with("detail", Cause::new("conflict_version").with("version", dot))
                })?;
                Ok(Choice::Use(version.dot()))
            }
            (None, Some(value), false) => Ok(Choice::Value(value.0.clone())),
            (None, None, true) => Ok(Choice::KeepAll),
            _ => Err(error_kind::request_malformed.with("detail", Cause::new("request_resolution"))),
        }
    }
}

/// The open conflict that people call `id`: by its id, or the id's beginning if no other's begins
/// so.
fn find(space: &Space, id: &str) -> Result<told::Conflict> {
    let unknown = || error_kind::conflict_unknown.with("id", id);
    if let Ok(id) = id.parse::<ConflictId>() {
        return space.conflicts().get(id)?.ok_or_else(unknown);
    }
    if id.len() < SHORTEST {
        return Err(unknown());
    }
    let mut found = space.conflicts().called(&id.to_ascii_lowercase())?;
    match found.len() {
        0 => Err(unknown()),
        1 => Ok(found.remove(0)),
        _ => Err(error_kind::conflict_unclear.with("id", id)),
    }
}

impl Version {
    /// Adds what only the transaction itself tells.
    fn complete(&mut self, space: &Space) -> Result<()> {
        let Ok(dot) = self.dot.parse() else { return Ok(()) };
        if let Some(entry) = space.log().transaction(&dot)? {
            self.by = entry.transaction.header.by.clone();
            self.message = entry.transaction.header.message.clone();
            if matches!(self.held, VersionContent::Transaction(_)) {
                self.changes = TableChange::of_ops(&entry.transaction.ops);
            }
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use tandem_protocol::conflict::ConflictKind;
    use tandem_protocol::value::Value;

    use super::super::to_iso;
    use super::*;

    #[test]
    fn a_version_says_what_it_is_by_the_name_of_a_field() {
        let version = |held, column: Option<&str>| Version {
            dot: "a:1".into(),
            site: "a".into(),
            site_name: "office".into(),
            time: to_iso(0),
            shown: true,
            by: None,
            message: None,
            held,
            column: column.map(str::to_owned),
            changes: Vec::new(),
        };
        for (version, field) in [
            (
                version(VersionContent::Value(Cell(Value::Null)), Some("name")),
                r#""value":null,"column":"name""#,
            ),
            (
                version(VersionContent::Value(Cell(Value::Blob(vec![0]))), Some("b")),
                r#""value":{"$blob":"AA=="}"#,
            ),
            (version(VersionContent::Deleted(false), None), r#""deleted":false"#),
            (version(VersionContent::Definition("TEXT".into()), None), r#""definition":"TEXT""#),
            (version(VersionContent::Transaction(true), None), r#""transaction":true"#),
        ] {
            let json = serde_json::to_string(&version).unwrap();
            assert!(json.contains(field), "{json}");
            assert_eq!(serde_json::from_str::<Version>(&json).unwrap(), version);
        }
    }

    #[test]
    fn null_is_a_value_and_nothing_is_no_choice() {
        let null: Resolve = serde_json::from_str(r#"{"value": null}"#).unwrap();
        assert_eq!(null.value, Some(Cell(Value::Null)));
        assert_eq!(serde_json::to_string(&null).unwrap(), r#"{"value":null}"#);
        let conflict = told::Conflict {
            kind: ConflictKind::Register,
            table: String::new(),
            key: Vec::new(),
            columns: Vec::new(),
            versions: Vec::new(),
        };
        let refused = |request: &str| {
            let request: Resolve = serde_json::from_str(request).unwrap();
            request.choice(&conflict, &Membership::default()).unwrap_err().code.clone()
        };
        assert_eq!(refused("{}"), "request_malformed");
        assert_eq!(refused(r#"{"value": 1, "keep_all": true}"#), "request_malformed");
        assert_eq!(refused(r#"{"use": "nobody:1"}"#), "conflict_choice");
        assert!(matches!(null.choice(&conflict, &Membership::default()), Ok(Choice::Value(Value::Null))));
        assert_eq!(seen_of("00ff").unwrap(), 255);
        assert_eq!(seen_of("yesterday").unwrap_err().code, "request_malformed");
    }
}
