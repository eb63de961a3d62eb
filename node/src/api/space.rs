//! Founding a space.

use serde::{Deserialize, Serialize};

use tandem_protocol::cause::Cause;
use tandem_protocol::name::{self, NameFault};

use super::error::Result;
use super::{Api, error_kind};

/// A new space on this site.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct NewSpace {
    /// Its name.
    pub name: String,
    /// The name of this site in it.
    pub site_name: String,
    /// Its first schema, in SQL.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub schema: Option<String>,
}

/// A space just founded.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Founded {
    /// Its name.
    pub name: String,
    /// Its id.
    pub id: String,
    /// This site's id.
    pub site: String,
    /// This site's name.
    pub site_name: String,
    /// Names of its tables.
    pub tables: Vec<String>,
}

impl Api {
    /// Founds a space. It is durable when this returns.
    pub fn create_space(&self, request: &NewSpace) -> Result<Founded> {
        let (name, site_name) = (typed_name(&request.name)?, typed_name(&request.site_name)?);
        let held = self.store().spaces();
        if let Some(held) = held.iter().find(|held| name::looks_same(held.name(), &name)) {
            return Err(error_kind::space_exists.with("space", held.name()));
        }
        let space = self.store().create_space(&name, &site_name, request.schema.as_deref())?;
        if let Some(peers) = self.peers() {
            peers.spaces_changed();
        }
        Ok(Founded {
            name: space.name().to_owned(),
            id: space.id().to_string(),
            site: self.store().author().to_string(),
            site_name,
            tables: space.schema().tables().map(|table| table.shown.name.clone()).collect(),
        })
    }
}

/// A typed name in the form in which names travel: keyboards and other systems write an accent apart
/// from its letter. Refused as [`check_name`] does.
pub fn typed_name(name: &str) -> Result<String> {
    let name = name::composed(name);
    check_name(&name).map(|()| name)
}

/// Names appear in addresses, in tables and as names of files: what would be confusing there is
/// refused.
pub fn check_name(name: &str) -> Result<()> {
    let refused =
        |fault: Cause| Err(error_kind::name_refused.with("name", format!("{name:?}")).with("detail", fault));
    if name.trim() != name || name.is_empty() {
        return refused(Cause::from(&NameFault::Empty));
    }
    if name.starts_with('.') || name.ends_with('.') {
        return refused(Cause::new("name_stop"));
    }
    // What travels in the membership is judged by the same rule on every site.
    if let Err(fault) = name::check(name) {
        return refused(Cause::from(&fault));
    }
    match name.chars().find(|c| r#"/\:*?"<>|"#.contains(*c)) {
        Some(_) => refused(Cause::new("name_file")),
        None => Ok(()),
    }
}

#[cfg(test)]
mod tests {
    use super::super::ApiError;
    use super::*;

    #[test]
    fn an_accent_apart_from_its_letter_is_put_on_it() {
        assert_eq!(typed_name("E\u{301}cole").unwrap(), "École");
        let cause = |error: ApiError| error.params["detail"].to_string();
        assert_eq!(cause(check_name("E\u{301}cole").unwrap_err()), "name_not_composed");
        assert_eq!(cause(typed_name("Cai\u{200b}sse").unwrap_err()), "name_hidden (character: U+200B)");
    }

    #[test]
    fn names_fit_for_files_are_accepted() {
        for name in ["school", "École n° 2", "bureau d'accueil", "a"] {
            check_name(name).unwrap();
        }
        for name in [
            "",
            " ",
            "..",
            ".x",
            "a/b",
            "a\\b",
            "C:",
            "a\nb",
            " a",
            "a.",
            "a\u{202e}b",
            "a\u{200b}",
            &"é".repeat(65),
        ] {
            assert_eq!(check_name(name).unwrap_err().code, "name_refused", "{name:?}");
        }
    }
}
