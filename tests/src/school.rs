//! The school's data, entered into a running site.

use tandem_school::School;

use crate::site::Site;

/// Whether the long forms of the tests were asked for: `TANDEM_FULL=1`.
pub fn full() -> bool {
    std::env::var("TANDEM_FULL").is_ok_and(|value| value == "1")
}

/// Rows of attendance in the tests' school: 100,000 in full, else 5,000.
pub fn attendance_rows() -> usize {
    if full() { 100_000 } else { 5_000 }
}

/// Founds the space `school` with the school's schema on a site.
pub fn found(site: &Site) {
    found_with(site, tandem_school::SCHEMA);
}

/// Founds the space `school` with another schema.
pub fn found_with(site: &Site, schema: &str) {
    let file = site.file("schema.sql", schema);
    site.tandem(&["init", "--space", "school", "--name", site.name(), "--schema", file.to_str().unwrap()])
        .succeeded();
}

/// Enters a school year with that many rows of attendance; gives the number of all rows.
pub fn load(site: &Site, attendance_rows: usize) -> usize {
    let school = School::generate(7, attendance_rows);
    site.http(|http| {
        for batch in school.batches() {
            let (status, reply) = http.transact(&[&batch]).unwrap();
            assert_eq!(status, 200, "{}: {reply}", batch.table);
        }
    });
    school.counts().iter().map(|(_, rows)| rows).sum()
}
