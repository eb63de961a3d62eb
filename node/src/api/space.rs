//! Founding a space.

use serde::{Deserialize, Serialize};

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
        check_name(&request.name)?;
        check_name(&request.site_name)?;
        if self.store().space(&request.name).is_some() {
            return Err(error_kind::space_exists.with("space", &request.name));
        }
        let space =
            self.store().create_space(&request.name, &request.site_name, request.schema.as_deref())?;
        if let Some(peers) = self.peers() {
            peers.spaces_changed();
        }
        Ok(Founded {
            name: space.name().to_owned(),
            id: space.id().to_string(),
            site: self.store().author().to_string(),
            site_name: request.site_name.clone(),
            tables: space.schema().tables().map(|table| table.shown.name.clone()).collect(),
        })
    }
}

/// Names become folders and appear in addresses and tables: what would be confusing there is
/// refused.
pub fn check_name(name: &str) -> Result<()> {
    let refused = |detail: &str| {
        let params = [("name", format!("{name:?}")), ("detail", detail.to_owned())];
        Err(super::ApiError::new(&error_kind::name_refused, &params))
    };
    if name.trim().is_empty() {
        return refused("it is empty");
    }
    if name.trim() != name || name.starts_with('.') || name.ends_with('.') {
        return refused("it begins or ends with a space or a full stop");
    }
    // What travels in the membership is judged by the same rule on every site.
    if let Err(fault) = tandem_protocol::name::check(name) {
        return refused(&fault.to_string());
    }
    match name.chars().find(|c| r#"/\:*?"<>|"#.contains(*c)) {
        Some(_) => refused("it contains a character that file names cannot have"),
        None => Ok(()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

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
