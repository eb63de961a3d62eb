//! The sites of a space.

use serde::{Deserialize, Serialize};
use tandem_protocol::identity::Author;
use tandem_protocol::membership::Membership;

use super::error::Result;
use super::space::check_name;
use super::{Api, error_kind};

/// One site.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Site {
    /// Its id.
    pub id: String,
    /// The id's first characters, enough for people.
    pub short: String,
    /// Its name.
    pub name: String,
    /// `admin`, `member` or `reader`.
    pub role: String,
    /// The low ten bits of the ids it generates.
    pub ordinal: u16,
    /// Id of the admin who admitted it; none for the founder.
    pub admitted_by: Option<String>,
    /// Whether it is this site.
    pub this: bool,
    /// How many of its transactions this site holds.
    pub transactions: u64,
}

/// A site's new name.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Rename {
    /// The new name.
    pub name: String,
}

impl Api {
    /// All sites, by ordinal.
    pub fn sites(&self, space: &str) -> Result<Vec<Site>> {
        let space = self.space(space)?;
        let (membership, vector, own) = (space.membership(), space.vector(), self.store().author());
        let mut sites: Vec<Site> = membership
            .members()
            .map(|member| Site {
                id: member.author.to_string(),
                short: member.author.short(),
                name: member.name.clone(),
                role: member.role.to_string(),
                ordinal: member.ordinal,
                admitted_by: member.admitted_by.map(|author| author.to_string()),
                this: member.author == own,
                transactions: vector.seq(&member.author),
            })
            .collect();
        sites.sort_by_key(|site| site.ordinal);
        Ok(sites)
    }

    /// Renames a site: itself, or any if this site is an admin.
    pub fn rename_site(
        &self,
        space: &str,
        site: &str,
        request: &Rename,
        reply: impl FnOnce(Result<()>) + Send + 'static,
    ) {
        let found = check_name(&request.name)
            .and_then(|()| self.space(space))
            .and_then(|space| Ok((find(&space.membership(), site)?, space)));
        match found {
            Ok((author, space)) => space.rename(author, request.name.clone(), move |renamed| {
                reply(renamed.map(|_| ()).map_err(Into::into));
            }),
            Err(error) => reply(Err(error)),
        }
    }
}

/// The member that people call `site`: by name, by id, or by the id's beginning; one only.
pub(super) fn find(membership: &Membership, site: &str) -> Result<Author> {
    let unknown = || error_kind::site_unknown.with("site", site);
    let pick = |matches: &dyn Fn(&Author, &str) -> bool| {
        let mut found = membership.members().filter(|member| matches(&member.author, &member.name));
        match (found.next(), found.next()) {
            (Some(member), None) => Some(member.author),
            _ => None,
        }
    };
    pick(&|author, _| author.to_string() == site)
        .or_else(|| pick(&|_, name| name == site))
        .or_else(|| pick(&|_, name| name.to_lowercase() == site.to_lowercase()))
        .or_else(
            || if site.len() < 4 { None } else { pick(&|author, _| author.to_string().starts_with(site)) },
        )
        .ok_or_else(unknown)
}

#[cfg(test)]
mod tests {
    use tandem_protocol::identity::SpaceId;

    use super::*;
    use tandem_protocol::membership::{MemberOp, Role};
    use tandem_protocol::merge::WriteId;

    #[test]
    fn a_site_goes_by_name_by_id_and_by_the_beginning_of_its_id() {
        let (office, class) = (Author([1; 32]), Author([2; 32]));
        let mut membership = Membership::default();
        let found = MemberOp::Found { space: "s".into(), site: "Bureau".into(), nonce: [0; 16] };
        let write = |seq| WriteId { time_ms: 0, author: office, seq };
        membership.apply(write(1), &found).unwrap();
        let admission = membership
            .next_admission((SpaceId([9; 32]), &office), class, "Salle".into(), Role::Member, None)
            .unwrap();
        membership.apply(write(2), &MemberOp::Admit(admission)).unwrap();

        assert_eq!(find(&membership, "salle").unwrap(), class);
        assert_eq!(find(&membership, &office.to_string()).unwrap(), office);
        assert_eq!(find(&membership, &class.short()).unwrap(), class);
        for nobody in ["", "x", "Sall", &class.short()[..3]] {
            assert_eq!(find(&membership, nobody).unwrap_err().code, "site_unknown");
        }
    }
}
