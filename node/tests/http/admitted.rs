//! Joining by files alone: request, admission, bundle.

use tandem_node::api::admission::{Admit, Admitted, WantJoin};
use tandem_node::api::{Api, Result};
use tandem_protocol::bundle::BundleReader;
use tandem_store::{Statement, Store, Write, Written};
use tempfile::TempDir;

const SCHEMA: &str = "CREATE TABLE notes (id INTEGER PRIMARY KEY, text TEXT)";

struct Site {
    api: Api,
    folder: TempDir,
}

impl Site {
    fn new() -> Self {
        let folder = tempfile::tempdir().unwrap();
        Self { api: Api::new(Store::open(folder.path(), "a test").unwrap()), folder }
    }

    fn founder() -> Self {
        let site = Self::new();
        site.api.store().create_space("school", "office", Some(SCHEMA)).unwrap();
        site
    }

    fn write(&self, text: &str) {
        let sql = format!("INSERT INTO notes (text) VALUES ('{text}')");
        let statement = Statement { sql, params: tandem_store::Params::One(Vec::new()) };
        let write = Write { edits: vec![statement].into(), ..Write::default() };
        let space = self.api.store().space("school").unwrap();
        space.wait::<Written, tandem_store::WriteError>(|reply| space.write(write, reply)).unwrap();
    }

    fn request(&self, name: &str) -> String {
        self.api.admission().request_join(&WantJoin { site_name: name.into() }).unwrap().request
    }

    fn admit(&self, request: &str) -> Result<Admitted> {
        self.api.admission().admit("school", &Admit { request: request.into(), role: None })
    }

    fn export(&self, site: Option<&str>) -> Vec<u8> {
        let mut bundle = Vec::new();
        self.api.bundles().export("school", site).unwrap().write(&mut bundle).unwrap();
        bundle
    }

    /// The code with which it refuses the bundle, after making sure that nothing of it stayed.
    fn refusal(&self, bundle: &[u8]) -> String {
        let before = self.files();
        let error = self.api.bundles().take(bundle, false).unwrap_err();
        assert_eq!(self.files(), before);
        error.code.to_string()
    }

    /// All that a space or a half-read bundle would leave.
    fn files(&self) -> (usize, Vec<String>) {
        let files = std::fs::read_dir(self.folder.path()).unwrap();
        let mut names: Vec<_> = files.map(|file| file.unwrap().file_name().into_string().unwrap()).collect();
        names.sort();
        (self.api.store().spaces().len(), names)
    }
}

#[test]
fn a_site_joins_and_works_by_files_alone() {
    let (a, b) = (Site::founder(), Site::new());
    a.write("from a");
    let request = b.request("class");
    let admitted = a.admit(&request).unwrap();
    assert_eq!(
        (admitted.site_name.as_str(), admitted.role.as_str(), admitted.new),
        ("class", "member", true)
    );
    let again = a.admit(&request).unwrap();
    assert_eq!(again, Admitted { new: false, ..admitted.clone() });

    let bundle = a.export(Some(&admitted.site));
    let trial = b.api.bundles().take(&bundle[..], true).unwrap();
    assert_eq!((trial.transactions, trial.joined.as_deref(), trial.dry_run), (3, Some("school"), true));
    assert!(b.api.store().spaces().is_empty(), "a dry run changes nothing");
    let taken = b.api.bundles().take(&bundle[..], false).unwrap();
    assert_eq!((taken.transactions, taken.joined.as_deref(), taken.complete), (3, Some("school"), true));
    assert_eq!(taken.changes, trial.changes);
    assert_eq!(b.api.store().site_name(), "class");
    let twice = b.api.bundles().take(&bundle[..], false).unwrap();
    assert_eq!((twice.transactions, twice.joined), (0, None));

    b.write("from b");
    assert_eq!(a.api.bundles().take(&b.export(Some("office"))[..], false).unwrap().transactions, 1);
    let (of_a, of_b) = (a.api.store().space("school").unwrap(), b.api.store().space("school").unwrap());
    assert_eq!(of_a.vector(), of_b.vector());
    assert_eq!(of_a.status().tables, of_b.status().tables);
}

#[test]
fn a_bundle_that_does_not_admit_this_site_leaves_nothing() {
    let (a, b, c) = (Site::founder(), Site::new(), Site::new());
    let for_b = {
        a.admit(&b.request("class")).unwrap();
        a.export(Some("class"))
    };
    assert_eq!(c.refusal(&for_b), "bundle_not_admitting");
    assert_eq!(c.refusal(&for_b[..for_b.len() - 40]), "bundle_unreadable");
    assert_eq!(c.refusal(b"not a bundle at all, really not"), "bundle_unreadable");
    // What b holds by now is known from what it writes: the next bundle continues that.
    b.api.bundles().take(&for_b[..], false).unwrap();
    b.write("so that a knows what b holds");
    a.api.bundles().take(&b.export(None)[..], false).unwrap();
    assert_eq!(c.refusal(&a.export(Some("class"))), "bundle_early");
}

#[test]
fn a_bundle_that_names_another_space_in_its_header_leaves_nothing() {
    let (a, other, b) = (Site::founder(), Site::founder(), Site::new());
    a.admit(&b.request("class")).unwrap();
    let bundle = a.export(None);
    let mut reader = BundleReader::new(&bundle[..]).unwrap();
    let id = other.api.store().space("school").unwrap().id();
    let header = tandem_protocol::bundle::BundleHeader { space: id, ..reader.header().clone() };
    let mut forged = tandem_protocol::bundle::BundleWriter::new(Vec::new(), &header).unwrap();
    while let Some(block) = reader.next_block().unwrap() {
        forged.block(&block).unwrap();
    }
    assert_eq!(b.refusal(&forged.finish().unwrap()), "bundle_unreadable");
}

#[test]
fn a_bundle_cut_after_the_admission_brings_what_is_whole() {
    let (a, b) = (Site::founder(), Site::new());
    a.admit(&b.request("class")).unwrap();
    let mut bundle = a.export(None);
    bundle.truncate(bundle.len() - 1);
    let taken = b.api.bundles().take(&bundle[..], false).unwrap();
    assert_eq!((taken.transactions, taken.joined.as_deref(), taken.complete), (2, Some("school"), false));
    assert!(taken.fault.is_some_and(|fault| fault.code == "bundle_cut"));
}

#[test]
fn a_site_with_a_space_of_its_own_joins_no_other() {
    let (a, b, own) = (Site::founder(), Site::new(), Site::new());
    let request = own.request("class");
    a.admit(&request).unwrap();
    own.api.store().create_space("mine", "class", None).unwrap();
    assert_eq!(own.refusal(&a.export(Some("class"))), "two_spaces");
    assert_eq!(own.refusal(&a.export(None)), "bundle_foreign");
    let again = own.api.admission().request_join(&WantJoin { site_name: "class".into() }).unwrap_err();
    assert_eq!(again.code, "two_spaces");
    assert_eq!(b.api.store().spaces().len(), 0);
}

#[test]
fn a_request_that_is_wrong_is_refused() {
    let (a, b, c) = (Site::founder(), Site::new(), Site::new());
    let request = b.request("class");
    let code = |request: &str| a.admit(request).unwrap_err().code.to_string();
    assert_eq!(code("something else"), "join_request_malformed");
    assert_eq!(code(&request[..request.len() - 1]), "join_request_malformed");
    let changed = request.replacen("tandem-join-a", "tandem-join-b", 1);
    assert_eq!(code(&changed), "join_request_malformed");
    assert_eq!(code(&c.request("office")), "join_request_refused");
    let sites = |site: &Site| site.api.sites("school").unwrap().len();
    assert_eq!(sites(&a), 1, "nobody was admitted");

    a.admit(&request).unwrap();
    b.api.bundles().take(&a.export(Some("class"))[..], false).unwrap();
    let member = b.admit(&c.request("third")).unwrap_err();
    assert_eq!(member.code, "membership", "only an admin admits");
    let name = c.api.admission().request_join(&WantJoin { site_name: "a/b".into() }).unwrap_err();
    assert_eq!(name.code, "name_refused");
    assert_eq!((sites(&a), sites(&b)), (2, 2));
}
