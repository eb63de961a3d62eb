//! A story as it is written: one step a line.

use std::fmt;

use super::stage::{Choice, Write};

/// A whole story.
#[derive(Debug)]
pub struct Script {
    /// Where it was read.
    pub file: String,
    /// Its steps in order.
    pub lines: Vec<Line>,
}

/// A step, and where it is written.
#[derive(Debug)]
pub struct Line {
    /// From 1.
    pub number: usize,
    /// As written; what continues it follows after a line break.
    pub text: String,
    /// What it says.
    pub step: Step,
}

/// See `docs/simulation.md`. A `String` beginning a variant is a site.
#[derive(Debug, PartialEq, Eq)]
pub enum Step {
    /// `schema CREATE TABLE …`
    Schema(String),
    /// `site caisse clock=2009-01-01T08:00:00`
    Site(String, Option<Clock>),
    /// `apply caisse: ALTER TABLE …`
    Apply(String, String),
    /// `cut bureau caisse`, `cut caisse`
    Cut(String, Option<String>),
    /// `heal`
    Heal,
    /// `caisse as "sale 1" from form: UPDATE …`
    Write(String, Write),
    /// `refused caisse: UPDATE … -> constraint_check`
    Refused(String, Write, String),
    /// `remember form caisse`
    Remember(String, String),
    /// `sync`
    Sync,
    /// `crash caisse`
    Crash(String),
    /// `start caisse`
    Start(String),
    /// `expect caisse: SELECT … = 32`; without a site, `everywhere: SELECT … = 32`
    Expect(Option<String>, String, String),
    /// `conflicts 1`
    Conflicts(usize),
    /// `conflict register articles.shelf`
    Conflict(String, String),
    /// `resolve caisse: USE "x"`; of `USE`, the text is what the version shows
    Resolve(String, Choice),
}

/// A clock on the wall: what it shows when its site starts.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Clock {
    /// As written.
    pub text: String,
    /// Milliseconds since the Unix epoch.
    pub ms: i64,
}

/// A line that says nothing.
#[derive(Debug)]
pub struct Malformed {
    place: String,
    text: String,
    expected: String,
}

impl fmt::Display for Malformed {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}: {}\n  expected: {}", self.place, self.text, self.expected)
    }
}

impl Script {
    /// Reads a story; `file` is for messages.
    pub fn parse(file: &str, text: &str) -> Result<Self, Malformed> {
        let mut reader = Reader::default();
        let mut lines = Vec::new();
        for (number, text) in logical_lines(text) {
            let step = reader.step(&text).map_err(|expected| Malformed {
                place: format!("{file}:{number}"),
                text: text.clone(),
                expected,
            })?;
            lines.push(Line { number, text, step });
        }
        Ok(Self { file: file.to_owned(), lines })
    }
}

/// Without comments and empty lines; indented lines belong to the one before.
fn logical_lines(text: &str) -> Vec<(usize, String)> {
    let mut lines: Vec<(usize, String)> = Vec::new();
    for (at, line) in text.lines().enumerate() {
        let said = line.trim();
        if said.is_empty() || said.starts_with('#') {
            continue;
        }
        match lines.last_mut().filter(|_| line.starts_with(char::is_whitespace)) {
            Some((_, begun)) => *begun += &format!("\n  {said}"),
            None => lines.push((at + 1, said.to_owned())),
        }
    }
    lines
}

/// What was declared so far.
#[derive(Default)]
struct Reader {
    schema: bool,
    sites: Vec<String>,
    forms: Vec<String>,
}

impl Reader {
    /// The error says what was expected.
    fn step(&mut self, text: &str) -> Result<Step, String> {
        let (verb, rest) = text.split_once(char::is_whitespace).unwrap_or((text, ""));
        let rest = rest.trim();
        match verb {
            "schema" if self.sites.is_empty() => {
                self.schema = true;
                Ok(Step::Schema(rest.to_owned()))
            }
            "schema" => Err("`schema` before the first site; later, `apply SITE: SQL`".into()),
            "site" => self.declare(rest),
            "apply" => {
                let (site, sql) = self.addressed(rest)?;
                Ok(Step::Apply(site, sql.to_owned()))
            }
            "cut" => match rest.split_once(' ') {
                Some((one, other)) => Ok(Step::Cut(self.site(one)?, Some(self.site(other.trim())?))),
                None => Ok(Step::Cut(self.site(rest)?, None)),
            },
            "heal" => bare(rest, Step::Heal),
            "sync" => bare(rest, Step::Sync),
            "crash" => Ok(Step::Crash(self.site(rest)?)),
            "start" => Ok(Step::Start(self.site(rest)?)),
            "remember" => {
                let (form, site) = rest.split_once(' ').ok_or("`remember FORM SITE`")?;
                self.forms.push(form.to_owned());
                Ok(Step::Remember(form.to_owned(), self.site(site.trim())?))
            }
            "refused" => {
                let (asked, code) = rest.rsplit_once(" -> ").ok_or("`refused SITE: SQL -> CODE`")?;
                let (site, write) = self.write(asked)?;
                Ok(Step::Refused(site, write, code.to_owned()))
            }
            "expect" => {
                let (site, query) = self.addressed(rest)?;
                let (sql, rows) = expected(query)?;
                Ok(Step::Expect(Some(site), sql, rows))
            }
            "everywhere:" => {
                let (sql, rows) = expected(rest)?;
                Ok(Step::Expect(None, sql, rows))
            }
            "conflicts" => rest.parse().map(Step::Conflicts).map_err(|_| "`conflicts NUMBER`".into()),
            "conflict" => {
                let (kind, place) = rest.split_once(' ').unwrap_or((rest, ""));
                let known = tandem_protocol::conflict::ConflictKind::ALL.map(|kind| kind.name());
                if !known.contains(&kind) {
                    return Err(format!("`conflict KIND TABLE.COLUMN`, KIND of {}", known.join(", ")));
                }
                Ok(Step::Conflict(kind.to_owned(), place.trim().to_owned()))
            }
            "resolve" => {
                let (site, choice) = self.addressed(rest)?;
                Ok(Step::Resolve(site, chosen(choice)?))
            }
            _ if text.contains(':') => self.write(text).map(|(site, write)| Step::Write(site, write)),
            _ => Err("a step, or `SITE: SQL`".into()),
        }
    }

    fn declare(&mut self, rest: &str) -> Result<Step, String> {
        if !self.schema {
            return Err("`schema CREATE TABLE …` before the first site".into());
        }
        let (name, more) = rest.split_once(' ').unwrap_or((rest, ""));
        let plain = !name.is_empty() && name.chars().all(|letter| letter.is_ascii_alphanumeric());
        if !plain || self.sites.iter().any(|site| site == name) {
            return Err("a new name of letters and digits".into());
        }
        self.sites.push(name.to_owned());
        let clock = match more.trim() {
            "" => None,
            more => Some(
                more.strip_prefix("clock=").and_then(Clock::parse).ok_or("`clock=2009-01-01T08:00:00`")?,
            ),
        };
        Ok(Step::Site(name.to_owned(), clock))
    }

    fn site(&self, name: &str) -> Result<String, String> {
        let known = self.sites.iter().find(|site| *site == name);
        known.cloned().ok_or_else(|| format!("a site (of {}) and not `{name}`", self.sites.join(", ")))
    }

    /// `SITE: …`
    fn addressed<'a>(&self, text: &'a str) -> Result<(String, &'a str), String> {
        let (site, rest) = text.split_once(':').ok_or("`SITE: …`")?;
        Ok((self.site(site.trim())?, rest.trim()))
    }

    /// `SITE as "KEY" from FORM: SQL; SQL`
    fn write(&self, text: &str) -> Result<(String, Write), String> {
        let (head, sql) = text.split_once(':').ok_or("`SITE: SQL`")?;
        let (head, from) = match head.split_once(" from ") {
            Some((head, form)) if self.forms.iter().any(|known| known == form.trim()) => {
                (head, Some(form.trim().to_owned()))
            }
            Some((_, form)) => return Err(format!("`remember {form} SITE` before")),
            None => (head, None),
        };
        let (site, key) = match head.split_once(" as ") {
            Some((site, key)) => (site, Some(quoted(key)?)),
            None => (head, None),
        };
        let statements = statements(sql);
        if statements.is_empty() {
            return Err("SQL after the colon".into());
        }
        Ok((self.site(site.trim())?, Write { statements, key, from }))
    }
}

impl Clock {
    fn parse(text: &str) -> Option<Self> {
        let sqlite = rusqlite::Connection::open_in_memory().ok()?;
        let sql = "SELECT CAST(strftime('%s', ?1) AS INTEGER) * 1000";
        let ms: Option<i64> = sqlite.query_row(sql, [text], |row| row.get(0)).ok()?;
        Some(Self { text: text.to_owned(), ms: ms? })
    }
}

fn bare(rest: &str, step: Step) -> Result<Step, String> {
    if rest.is_empty() { Ok(step) } else { Err("nothing after this word".into()) }
}

/// `SQL = CELL|CELL; CELL|CELL`: the last ` = ` counts, SQL has its own.
fn expected(text: &str) -> Result<(String, String), String> {
    let (sql, rows) = text.rsplit_once(" = ").ok_or("`SQL = CELLS`")?;
    Ok((sql.to_owned(), rows.trim().to_owned()))
}

fn chosen(text: &str) -> Result<Choice, String> {
    let how = "`USE \"what is shown\"`, `VALUE json` or `KEEP ALL`";
    match text.split_once(' ') {
        Some(("USE", shown)) => Ok(Choice::Use(quoted(shown)?)),
        Some(("VALUE", value)) => {
            serde_json::from_str(value).map(Choice::Value).map_err(|error| format!("{how}: {error}"))
        }
        Some(("KEEP", "ALL")) => Ok(Choice::KeepAll),
        _ => Err(how.into()),
    }
}

fn quoted(text: &str) -> Result<String, String> {
    serde_json::from_str(text.trim()).map_err(|_| format!("a text in double quotes and not `{text}`"))
}

/// Parts them at semicolons outside of quotes.
fn statements(sql: &str) -> Vec<String> {
    let mut inside = false;
    let parts = sql.split(|letter| {
        inside ^= letter == '\'';
        letter == ';' && !inside
    });
    parts.map(str::trim).filter(|part| !part.is_empty()).map(str::to_owned).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    const BEGINNING: &str = "schema CREATE TABLE a (id INTEGER PRIMARY KEY)\nsite bureau\n";

    fn last(line: &str) -> Result<Step, String> {
        let script = Script::parse("story.scn", &format!("{BEGINNING}{line}"));
        script.map(|mut script| script.lines.pop().unwrap().step).map_err(|error| error.to_string())
    }

    #[test]
    fn steps_say_what_they_say() {
        let bureau = || "bureau".to_owned();
        let statements = vec!["INSERT INTO a VALUES ('1; 2')".to_owned(), "DELETE FROM a".to_owned()];
        let write = Write { statements, key: Some("sale 1".into()), from: None };
        let line = "bureau as \"sale 1\":\n  INSERT INTO a VALUES ('1; 2');\n  DELETE FROM a";
        assert_eq!(last(line), Ok(Step::Write(bureau(), write)));
        let query = "SELECT id FROM a WHERE id = 7".to_owned();
        let expect = Step::Expect(Some(bureau()), query, "7|x; 8|y".into());
        assert_eq!(last("expect bureau: SELECT id FROM a WHERE id = 7 = 7|x; 8|y"), Ok(expect));
        let clock = Clock { text: "2009-01-01T08:00:00".into(), ms: 1_230_796_800_000 };
        let site = Step::Site("caisse".into(), Some(clock));
        assert_eq!(last("site caisse clock=2009-01-01T08:00:00"), Ok(site));
        let choice = Choice::Value(serde_json::json!("x"));
        assert_eq!(last("resolve bureau: VALUE \"x\""), Ok(Step::Resolve(bureau(), choice)));
    }

    #[test]
    fn mistakes_are_told_with_their_line() {
        for (line, told) in [
            ("sing", "a step, or `SITE: SQL`"),
            ("cut caisse", "a site (of bureau) and not `caisse`"),
            ("schema CREATE TABLE b (id INTEGER PRIMARY KEY)", "before the first site"),
            ("site bureau", "a new name"),
            ("site caisse clock=yesterday", "`clock=2009-01-01T08:00:00`"),
            ("expect bureau: SELECT 1", "`SQL = CELLS`"),
            ("refused bureau: SELECT 1", "`refused SITE: SQL -> CODE`"),
            ("bureau from form: DELETE FROM a", "`remember form SITE` before"),
            ("bureau as sale: DELETE FROM a", "a text in double quotes"),
            ("conflict quarrel a", "KIND of register, deleted"),
            ("resolve bureau: FORGET", "`KEEP ALL`"),
            ("sync bureau", "nothing after this word"),
        ] {
            let error = last(line).unwrap_err();
            assert!(error.starts_with(&format!("story.scn:3: {line}\n  expected: ")), "{error}");
            assert!(error.contains(told), "{error}");
        }
    }
}
