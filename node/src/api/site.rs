//! The sites of a space.

use serde::{Deserialize, Serialize};
use tandem_protocol::identity::Author;
use tandem_protocol::membership::Membership;
use tandem_protocol::name;

use super::error::Result;
use super::space::typed_name;
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

/// Characters with which the beginning of an id is taken for it.
const SHORTEST: usize = 4;

/// Characters of a short id.
const SHORT: usize = 7;

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
                name: membership.shown_name(&member.author),
                role: member.role.to_string(),
                ordinal: member.ordinal,
                admitted_by: member.admitted_by.map(|author| author.to_string()),
                this: member.author == own,
                transactions: vector.seq(member.author),
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
        let found = typed_name(&request.name)
            .and_then(|name| Ok((name, self.space(space)?)))
            .and_then(|(name, space)| Ok((name, find(&space.membership(), site)?, space)));
        match found {
            Ok((name, author, space)) => space.rename(author, name, move |renamed| {
                reply(renamed.map(|_| ()).map_err(Into::into));
            }),
            Err(error) => reply(Err(error)),
        }
    }
}

/// The member that people call `wanted`: by name, by id, or by the id's beginning; one only.
pub(super) fn find(membership: &Membership, wanted: &str) -> Result<Author> {
    let members: Vec<Author> = membership.members().map(|member| member.author).collect();
    let called = members.iter().map(|author| (author.to_string(), membership.shown_name(author)));
    choose(&called.collect::<Vec<_>>(), wanted).map(|at| members[at])
}

/// The same among sites that were listed.
pub fn pick<'a>(sites: &'a [Site], wanted: &str) -> Result<&'a Site> {
    let called: Vec<_> = sites.iter().map(|site| (site.id.clone(), site.name.clone())).collect();
    choose(&called, wanted).map(|at| &sites[at])
}

/// Which of several sites, each with its id and the name it is shown with, is meant.
fn choose(sites: &[(String, String)], wanted: &str) -> Result<usize> {
    let all = |matches: &dyn Fn(&str, &str) -> bool| -> Vec<usize> {
        (0..sites.len()).filter(|&at| matches(&sites[at].0, &sites[at].1)).collect()
    };
    let mut found = all(&|id, _| id == wanted);
    if found.is_empty() {
        found = all(&|_, shown| name::looks_same(shown, wanted));
    }
    if found.is_empty() {
        // Where several are called so, each is shown with its id behind the name.
        found = all(&|id, shown| {
            let plain = shown.strip_suffix(')').and_then(|shown| shown.rsplit_once(" ("));
            plain.is_some_and(|(name, short)| id.starts_with(short) && name::looks_same(name, wanted))
        });
    }
    if found.is_empty() && wanted.len() >= SHORTEST {
        found = all(&|id, _| id.starts_with(wanted));
    }
    match found.as_slice() {
        [] => Err(error_kind::site_unknown.with("site", wanted)),
        [one] => Ok(*one),
        several => {
            let sites: Vec<_> = several.iter().map(|&at| told(&sites[at])).collect();
            Err(error_kind::site_unclear.with("site", wanted).with("sites", sites.join(", ")))
        }
    }
}

/// With the short id in any case.
fn told((id, shown): &(String, String)) -> String {
    let short = &id[..id.len().min(SHORT)];
    if shown.ends_with(&format!("({short})")) { shown.clone() } else { format!("{shown} ({short})") }
}

#[cfg(test)]
mod tests {
    use tandem_protocol::identity::SpaceId;

    use super::*;
    use tandem_protocol::membership::{Candidate, Founding, MemberOp, Role, VoidReason};
    use tandem_protocol::merge::WriteId;
    use tandem_protocol::version::Dot;

    #[test]
    fn a_site_goes_by_name_by_id_and_by_the_beginning_of_its_id() {
        let (office, class) = (Author([1; 32]), Author([2; 32]));
        let mut membership = Membership::default();
        let found = MemberOp::Found(Founding::new("s", "Bureau", [0; 16]));
        let write = |seq| WriteId::new(0, Dot::new(office, seq));
        membership.apply(write(1), &found).unwrap();
        let admission = membership
            .next_admission((SpaceId([9; 32]), &office), Candidate::new(class, "Salle"), Role::Member, None)
            .unwrap();
        membership.apply(write(2), &MemberOp::Admit(admission)).unwrap();

        assert_eq!(find(&membership, "salle").unwrap(), class);
        assert_eq!(find(&membership, &office.to_string()).unwrap(), office);
        assert_eq!(find(&membership, &class.short()).unwrap(), class);
        for nobody in ["", "x", "Sall", &class.short()[..3]] {
            assert_eq!(find(&membership, nobody).unwrap_err().code, "site_unknown");
        }
    }

    #[test]
    fn sites_that_came_to_look_the_same_are_told_apart_by_their_ids() {
        let (office, till, other) = (Author([1; 32]), Author([2; 32]), Author([3; 32]));
        let mut membership = Membership::default();
        let found = MemberOp::Found(Founding::new("s", "Bureau", [0; 16]));
        let write = |seq| WriteId::new(0, Dot::new(office, seq));
        membership.apply(write(1), &found).unwrap();
        let admit = |membership: &Membership, author, name: &str| {
            membership.next_admission(
                (SpaceId([9; 32]), &office),
                Candidate::new(author, name),
                Role::Member,
                None,
            )
        };
        let first = admit(&membership, till, "École").unwrap();
        membership.apply(write(2), &MemberOp::Admit(first)).unwrap();
        assert_eq!(membership.shown_name(&till), "École");
        // Known here, it is refused; made elsewhere at the same time, it counts.
        assert_eq!(admit(&membership, other, "école").unwrap_err(), VoidReason::NameTaken);
        assert_eq!(
            membership.next_rename(&office, office, "ÉCOLE".into()).unwrap_err(),
            VoidReason::NameTaken
        );
        membership.next_rename(&office, till, "ÉCOLE".into()).unwrap();
        let mut second = admit(&membership, other, "x").unwrap();
        second.name = "école".into();
        membership.apply(write(3), &MemberOp::Admit(second)).unwrap();

        let (one, two) = (format!("École ({})", till.short()), format!("école ({})", other.short()));
        assert_eq!((membership.shown_name(&till), membership.shown_name(&other)), (one.clone(), two.clone()));
        for (typed, meant) in [(&one, till), (&two, other), (&other.short(), other)] {
            assert_eq!(find(&membership, typed).unwrap(), meant);
        }
        let unclear = find(&membership, "e\u{301}cole").unwrap_err();
        assert_eq!(unclear.code, "site_unclear");
        assert_eq!(unclear.params["sites"].to_string(), format!("{one}, {two}"));
        assert_eq!(membership.shown_name(&office), "Bureau");
    }
}
