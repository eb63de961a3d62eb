//! What documents cost: `cargo run --release -p tandem-protocol --example document_cost`.

use std::time::{Duration, Instant};

use tandem_protocol::bounds;
use tandem_protocol::document::{Document, DocumentId, DocumentKind};
use tandem_protocol::identity::Author;

const NOTE: &str = "L'élève a bien participé au cours d'aujourd'hui, à revoir : les fractions. ";

#[expect(clippy::disallowed_methods, reason = "time is what is measured")]
fn timed<T>(run: impl FnOnce() -> T) -> (T, Duration) {
    let start = Instant::now();
    let result = run();
    (result, start.elapsed())
}

fn main() {
    println!("a note of 2 KB, 5000 edits of one character, each: load, edit, append; compact every 100");
    note();
    for (kind, content) in [
        (
            DocumentKind::RichText,
            NOTE.chars().cycle().take(bounds::DOCUMENT_BYTES * 9 / 10).collect::<String>(),
        ),
        (DocumentKind::Json, format!("[{}0]", "[],".repeat(bounds::DOCUMENT_BYTES / 3 - 2))),
        (
            DocumentKind::Json,
            format!("[{}0]", "{\"n\":12.5,\"name\":\"Awa\"},".repeat(bounds::DOCUMENT_BYTES / 25)),
        ),
    ] {
        println!("{kind:?}, {} KB", content.len() >> 10);
        large(kind, &content);
    }
}

fn note() {
    let kind = DocumentKind::RichText;
    let mut content: Vec<char> = NOTE.chars().cycle().take(2000).collect();
    let first: String = content.iter().collect();
    let id = DocumentId::of(kind, &first, None);
    let mut start = Document::create(kind, id, &first);
    let mut stored = start.save();
    println!("  created: {} bytes", stored.len());
    let (mut change_bytes, mut random) = (0, 1u64);
    let mut changes = Vec::new();
    let mut spent = [Duration::ZERO; 3];
    for number in 1..=5000 {
        random = random.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        let at = (random >> 33) as usize % content.len();
        if number % 2 == 0 {
            content.remove(at);
        } else {
            content.insert(at, 'é');
        }
        let text: String = content.iter().collect();
        let author = Author([(number % 3) as u8; 32]);
        let (document, load) = timed(|| Document::load(kind, id, &stored));
        let Ok(mut document) = document else { return };
        let (change, edit) = timed(|| document.edit(author, &text).unwrap_or_default());
        change_bytes += change.len();
        stored.extend_from_slice(&change);
        changes.push((author, change));
        if number % 100 == 0 {
            let (saved, save) = timed(|| document.save());
            stored = saved;
            spent[2] += save;
        }
        spent[0] += load;
        spent[1] += edit;
        if number % 1000 == 0 {
            println!(
                "  edit {number}: load {load:.1?}, edit {edit:.1?}; compact {} bytes; so far {:.1?} per edit",
                stored.len(),
                spent.iter().sum::<Duration>() / number
            );
        }
    }
    println!("  the changes: {} bytes each, {change_bytes} in all", change_bytes / 5000);
    let (_, apply) = timed(|| changes.iter().for_each(|(author, change)| drop(start.apply(*author, change))));
    println!("  another site, one change after the other: {:.1?} each", apply / 5000);
}

fn large(kind: DocumentKind, content: &str) {
    let id = DocumentId::of(kind, content, None);
    let (mut document, create) = timed(|| Document::create(kind, id, content));
    let (bytes, save) = timed(|| document.save());
    let (loaded, load) = timed(|| Document::load(kind, id, &bytes));
    println!(
        "  create {create:.1?}, save {save:.1?} ({} bytes), load {load:.1?} {}",
        bytes.len(),
        loaded.is_ok()
    );
    let (read, time) = timed(|| document.content());
    println!("  read {time:.1?} {}", read == content);
    let mut other = document.clone();
    let edited = content.replacen("12.5", "13", 1).replacen("bien", "peu", 1).replacen("[]", "[1]", 1);
    for (what, content) in [("small edit", &edited[..]), ("emptied", "1"), ("written again", content)] {
        let (change, edit) = timed(|| document.edit(Author([1; 32]), content));
        let bytes = change.as_ref().map(Vec::len);
        let (taken, apply) = timed(|| change.map(|change| other.apply(Author([1; 32]), &change)));
        println!("  {what}: {edit:.1?} ({bytes:?} bytes), applied elsewhere {apply:.1?} {taken:?}");
    }
    let status = std::fs::read_to_string("/proc/self/status").unwrap_or_default();
    println!("  {}", status.lines().find(|line| line.starts_with("VmHWM")).unwrap_or_default());
}
