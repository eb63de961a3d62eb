//! Files that somebody made to do harm, that broke on their way, or that are only large: each is read, or
//! refused with its place named, and none of them makes a file anywhere.

use std::fs::File;
use std::io::{Cursor, Write};
use std::path::{Path, PathBuf};

use tempfile::TempDir;
use zip::write::SimpleFileOptions;
use zip::{CompressionMethod, ZipWriter};

use super::*;

fn packed(files: &[(&str, &[u8])], method: CompressionMethod) -> Vec<u8> {
    let mut writer = ZipWriter::new(Cursor::new(Vec::new()));
    for (name, bytes) in files {
        writer.start_file(*name, SimpleFileOptions::default().compression_method(method)).unwrap();
        writer.write_all(bytes).unwrap();
    }
    writer.finish().unwrap().into_inner()
}

fn zipped(files: &[(&str, &[u8])]) -> Vec<u8> {
    packed(files, CompressionMethod::Deflated)
}

fn written(name: &str, bytes: &[u8]) -> (TempDir, PathBuf) {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join(name);
    std::fs::write(&path, bytes).unwrap();
    (folder, path)
}

fn opened(path: &Path) -> Result<Brought, SheetError> {
    Brought::open(path, &std::env::temp_dir())
}

/// Rows, each with its line and its values joined.
type Lines = Vec<(u64, String)>;

fn lines(sheet: &Sheet) -> Result<Lines, SheetError> {
    let mut lines = Vec::new();
    sheet.each(&mut |row: &Row| -> Result<(), SheetError> {
        lines.push((row.line, row.values.iter().collect::<Vec<_>>().join("|")));
        Ok(())
    })?;
    Ok(lines)
}

fn all(path: &Path) -> Result<Vec<(String, Lines)>, SheetError> {
    let brought = opened(path)?;
    brought.sheets.iter().map(|sheet| Ok((sheet.name.clone(), lines(sheet)?))).collect()
}

/// The code of what is wrong, and its line.
fn told(error: &SheetError) -> (String, Option<u64>) {
    match error {
        SheetError::Wrong { cause, line, .. } => (cause.code.to_string(), *line),
        SheetError::Io { error, .. } => panic!("{error}"),
    }
}

fn cause(name: &str, bytes: &[u8]) -> String {
    let (_folder, path) = written(name, bytes);
    match all(&path) {
        Ok(read) => panic!("{name} is read: {read:?}"),
        Err(error) => told(&error).0,
    }
}

const LIST: &[u8] = b"id,name\n1,A\n2,B\n";

#[test]
fn an_archive_and_a_folder_hold_the_same_lists() {
    let expected = vec![
        ("cours".to_owned(), vec![(2, "1|A".to_owned()), (3, "2|B".to_owned())]),
        ("élèves".to_owned(), vec![(2, "1|é".to_owned())]),
    ];
    let files: [(&str, &[u8]); 4] = [
        ("été/cours.csv", LIST),
        ("élèves.CSV", "id;nom\n1;é\n".as_bytes()),
        ("lisez-moi.pdf", b"%PDF"),
        ("__MACOSX/._cours.csv", b"\0\x05"),
    ];
    let (_folder, path) = written("friday.zip", &zipped(&files));
    assert_eq!(all(&path).unwrap(), expected);
    let brought = opened(&path).unwrap();
    assert!(
        brought.passed.len() == 1 && brought.passed[0].ends_with("lisez-moi.pdf"),
        "{:?}",
        brought.passed
    );
    assert!(brought.sheets[0].shown().ends_with("friday.zip: été/cours.csv"));
    let folder = tempfile::tempdir().unwrap();
    std::fs::write(folder.path().join("cours.csv"), LIST).unwrap();
    std::fs::write(folder.path().join("élèves.csv"), "id\tnom\n1\té\n").unwrap();
    std::fs::write(folder.path().join("notes.doc"), "x").unwrap();
    assert_eq!(all(folder.path()).unwrap(), expected);
}

#[test]
fn an_archive_with_anything_hostile_in_it_is_refused_as_a_whole() {
    for name in ["../a.csv", "x/../../a.csv", "/etc/a.csv", "C:/a.csv", "..\\a.csv", "\\\\server\\a.csv"] {
        assert_eq!(cause("a.zip", &zipped(&[("good.csv", LIST), (name, LIST)])), "zip_path", "{name}");
    }
    assert_eq!(cause("a.zip", &zipped(&[("a.csv", LIST), ("A.csv", LIST)])), "zip_twice");
    // The same name twice, which no writer writes: one of two names is changed afterwards.
    let mut twice = packed(&[("a.csv", LIST), ("b.csv", LIST)], CompressionMethod::Stored);
    replace(&mut twice, b"b.csv", b"a.csv");
    assert_eq!(cause("a.zip", &twice), "zip_twice");
    let many: Vec<(String, &[u8])> = (0..1001).map(|at| (format!("{at}.csv"), LIST)).collect();
    let many: Vec<(&str, &[u8])> = many.iter().map(|(name, bytes)| (name.as_str(), *bytes)).collect();
    assert_eq!(cause("a.zip", &zipped(&many)), "zip_many");
    let mut locked = zipped(&[("a.csv", LIST)]);
    set_flag(&mut locked, 1);
    assert_eq!(cause("a.zip", &locked), "zip_encrypted");
    let mut link = ZipWriter::new(Cursor::new(Vec::new()));
    link.add_symlink("a.csv", "/etc/passwd", SimpleFileOptions::default()).unwrap();
    assert_eq!(cause("a.zip", &link.finish().unwrap().into_inner()), "zip_link");
    assert_eq!(cause("a.zip", &zipped(&[("inner.zip", &zipped(&[("a.csv", LIST)]))])), "sheets_none");
    assert_eq!(cause("a.zip", b"PK\x03\x04 and no more"), "zip_none");
    assert_eq!(cause("a.zip", b""), "zip_none");
    assert_eq!(cause("a.zip", &zipped(&[("a.csv", b"id\n1\0\n")])), "file_not_text");
}

fn replace(bytes: &mut [u8], from: &[u8], to: &[u8]) {
    for at in 0..=bytes.len() - from.len() {
        if bytes[at..].starts_with(from) {
            bytes[at..at + to.len()].copy_from_slice(to);
        }
    }
}

/// Sets a flag of every entry, where it stands and in the list.
fn set_flag(bytes: &mut [u8], flag: u8) {
    for at in 0..bytes.len() - 10 {
        match &bytes[at..at + 4] {
            b"PK\x03\x04" => bytes[at + 6] |= flag,
            b"PK\x01\x02" => bytes[at + 8] |= flag,
            _ => {}
        }
    }
}

#[test]
fn what_would_fill_the_disk_is_refused_before_it_does() {
    // 64 MiB of spaces, pressed to 64 KiB: more than 250 times.
    let bomb = zipped(&[("a.csv", &vec![b' '; 64 << 20])]);
    assert!(bomb.len() < 100 << 10);
    assert_eq!(cause("a.zip", &bomb), "zip_large");
    // One that says to be small, and is not.
    let mut liar = bomb.clone();
    for at in 0..liar.len() - 30 {
        let size = match &liar[at..at + 4] {
            b"PK\x03\x04" => at + 22,
            b"PK\x01\x02" => at + 24,
            _ => continue,
        };
        liar[size..size + 4].copy_from_slice(&100u32.to_le_bytes());
    }
    let liar = cause("a.zip", &liar);
    assert!(["zip_large", "zip_damaged"].contains(&liar.as_str()), "{liar}");
    // Many entries that lie on one another.
    let row = format!("id\n{}\n", "x".repeat(15 << 20));
    let many: Vec<String> = (0..40).map(|at| format!("{at}.csv")).collect();
    let many: Vec<(&str, &[u8])> = many.iter().map(|name| (name.as_str(), row.as_bytes())).collect();
    assert_eq!(cause("a.zip", &zipped(&many)), "zip_large");
    // The same in a workbook.
    let sheet = format!("<worksheet><sheetData>{}</sheetData></worksheet>", " ".repeat(64 << 20));
    assert_eq!(cause("a.xlsx", &workbook(&sheet, "")), "zip_large");
}

/// A workbook of one sheet, as spreadsheets write it.
fn workbook(sheet: &str, strings: &str) -> Vec<u8> {
    let files: [(&str, &str); 7] = [
        (
            "[Content_Types].xml",
            "<Types xmlns=\"http://schemas.openxmlformats.org/package/2006/content-types\"/>",
        ),
        (
            "_rels/.rels",
            "<Relationships><Relationship Id=\"rId1\" Type=\"http://schemas.openxmlformats.org/officeDocument/2006/\
             relationships/officeDocument\" Target=\"xl/workbook.xml\"/></Relationships>",
        ),
        (
            "xl/workbook.xml",
            "<workbook xmlns:r=\"http://schemas.openxmlformats.org/officeDocument/2006/relationships\"><sheets>\
             <sheet name=\"élèves\" sheetId=\"1\" r:id=\"rId1\"/></sheets></workbook>",
        ),
        (
            "xl/_rels/workbook.xml.rels",
            "<Relationships><Relationship Id=\"rId1\" Type=\"http://schemas.openxmlformats.org/officeDocument/2006/\
             relationships/worksheet\" Target=\"worksheets/sheet1.xml\"/></Relationships>",
        ),
        ("xl/sharedStrings.xml", strings),
        (
            "xl/styles.xml",
            "<styleSheet><cellXfs><xf numFmtId=\"0\"/><xf numFmtId=\"14\"/><xf numFmtId=\"22\"/><xf numFmtId=\"21\"/>\
             </cellXfs></styleSheet>",
        ),
        ("xl/worksheets/sheet1.xml", sheet),
    ];
    let files = files.iter().filter(|(_, text)| !text.is_empty());
    zipped(&files.map(|(name, text)| (*name, text.as_bytes())).collect::<Vec<_>>())
}

const STRINGS: &str =
    "<sst><si><t>id</t></si><si><t>nom</t></si><si><r><t>Zo</t></r><r><t>é &amp; A</t></r></si></sst>";

const SHEET: &str = "<worksheet><dimension ref=\"A1:XFD1048576\"/><sheetData>\
    <row r=\"2\"><c r=\"A2\" t=\"s\"><v>0</v></c><c r=\"B2\" t=\"s\"><v>1</v></c>\
      <c r=\"C2\" t=\"inlineStr\"><is><t>le</t></is></c><c r=\"D2\" t=\"inlineStr\"><is><t>prix</t></is></c></row>\
    <row r=\"4\"><c r=\"A4\"><v>1</v></c><c r=\"B4\" t=\"s\"><v>2</v></c><c r=\"C4\" s=\"1\"><v>46053</v></c>\
      <c r=\"D4\"><f>A4*12.5</f><v>12.5</v></c></row>\
    <row r=\"5\"><c r=\"A5\"><v>2</v></c><c r=\"C5\" s=\"2\"><v>46053.25</v></c><c r=\"D5\" t=\"str\"><f>HYPERLINK(1)</f><v>x</v></c>\
      <c r=\"XFD5\"/></row>\
    <row r=\"6\"><c r=\"A6\" t=\"b\"><v>1</v></c><c r=\"C6\" s=\"3\"><v>0.25</v></c></row></sheetData></worksheet>";

#[test]
fn a_workbook_gives_what_its_cells_show() {
    let (_folder, path) = written("liste.xlsx", &workbook(SHEET, STRINGS));
    let brought = opened(&path).unwrap();
    let [sheet] = brought.sheets.as_slice() else { panic!("one sheet") };
    assert_eq!((sheet.name.as_str(), sheet.file.as_str()), ("élèves", "liste"));
    assert_eq!(sheet.head(), ["id", "nom", "le", "prix"]);
    let expected = [(4, "1|Zoé & A|2026-01-31|12.5"), (5, "2||2026-01-31 06:00:00|x"), (6, "1||06:00:00|")];
    assert_eq!(lines(sheet).unwrap(), expected.map(|(line, row)| (line, row.to_owned())));
    let (_folder, archive) = written("a.zip", &zipped(&[("liste.xlsm", &workbook(SHEET, STRINGS))]));
    assert_eq!(all(&archive).unwrap()[0].1.len(), 3);
}

#[test]
fn a_workbook_made_to_exhaust_its_reader_is_refused() {
    let of = |from: &str, to: &str| {
        assert!(SHEET.contains(from));
        let (_folder, path) = written("a.xlsx", &workbook(&SHEET.replacen(from, to, 1), STRINGS));
        all(&path).map_err(|error| told(&error))
    };
    let wrong = |code: &str, line: Option<u64>| Err((code.to_owned(), line));
    assert_eq!(of("<c r=\"XFD5\"/>", "<c r=\"XFD5\"><v>1</v></c>"), wrong("csv_width", Some(5)));
    assert_eq!(of("<row r=\"6\"><c r=\"A6\"", "<row r=\"6\"><c r=\"A1\""), wrong("xlsx_damaged", Some(1)));
    assert_eq!(of("<v>12.5</v>", "<v>12.5</v></c><c r=\"B4\"><v>1</v>"), wrong("xlsx_damaged", Some(4)));
    assert_eq!(
        of("<c r=\"D4\"><f>A4*12.5</f><v>12.5</v>", "<c r=\"D4\" t=\"e\"><v>#DIV/0!</v>"),
        wrong("xlsx_error", Some(4))
    );
    let long = format!("<v>{}</v>", "1".repeat(2 << 20));
    assert_eq!(of("<v>12.5</v>", &long), wrong("xlsx_part", None));
    assert_eq!(of("<sheetData>", "<!-- x --><sheetData>"), wrong("xlsx_part", None));
    let entity = "<!DOCTYPE a [<!ENTITY b \"bb\">]><sst><si><t>&b;</t></si></sst>";
    assert_eq!(cause("a.xlsx", &workbook(SHEET, entity)), "xlsx_part");
    // Ten million empty cells of a million columns are no more than their rows.
    let empty = "<row r=\"7\"/>".repeat(100_000) + &"<c r=\"XFD9\"/>".repeat(100);
    assert_eq!(of("<row r=\"6\">", &format!("{empty}<row r=\"8\">")).unwrap()[0].1.len(), 3);
}

#[test]
fn a_list_that_never_ends_is_said_with_its_line() {
    let open = format!("id,name\n1,A\n2,\"{}", "x\n".repeat(12 << 20));
    let (_folder, path) = written("a.csv", open.as_bytes());
    let (code, line) = told(&all(&path).unwrap_err());
    assert_eq!((code.as_str(), line), ("csv_long", Some(3)));
    let wide = format!("{}\n", "a,".repeat(200_000));
    assert_eq!(cause("a.csv", wide.as_bytes()), "csv_column_twice");
}

/// Draws numbers that are the same in every run.
struct Chance(u64);

impl Chance {
    fn draw(&mut self, below: usize) -> usize {
        self.0 = self.0.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        (self.0 >> 33) as usize % below.max(1)
    }

    /// Changes bytes here and there, cuts some out, puts some in.
    fn damage(&mut self, bytes: &mut Vec<u8>, pieces: &[&[u8]]) {
        for _ in 0..1 + self.draw(4) {
            let at = self.draw(bytes.len());
            match self.draw(5) {
                0 => bytes.truncate(at),
                1 => drop(bytes.drain(at..(at + self.draw(40)).min(bytes.len()))),
                2 if at < bytes.len() => bytes[at] = self.draw(256) as u8,
                _ => drop(bytes.splice(at..at, pieces[self.draw(pieces.len())].iter().copied())),
            }
        }
    }
}

/// Whatever somebody does to a file, it is read or refused: nothing else.
#[test]
fn a_damaged_file_is_read_or_refused() {
    let archive = zipped(&[("cours.csv", LIST), ("b.xlsx", &workbook(SHEET, STRINGS))]);
    let plain = packed(&[("cours.csv", LIST), ("élèves.csv", LIST)], CompressionMethod::Stored);
    let utf16: Vec<u8> = "\u{feff}id;é\n1;\"x\"\n".encode_utf16().flat_map(u16::to_le_bytes).collect();
    let files: [(&str, Vec<u8>); 4] = [
        ("a.zip", archive),
        ("a.zip", plain),
        ("a.csv", "id,né\n1,\"a\"\"b\"\n2,\n".as_bytes().to_vec()),
        ("a.csv", utf16),
    ];
    let pieces: [&[u8]; 12] = [
        b"PK\x03\x04",
        b"PK\x01\x02",
        b"PK\x05\x06",
        b"\0",
        b"\xff\xff\xff\xff",
        b"\"",
        b"\n",
        b",",
        b"\xe9",
        b"../",
        b"\r",
        b"PK\x06\x06",
    ];
    let mut chance = Chance(7);
    let (mut taken, mut refused) = (0, 0);
    for round in 0..2000 {
        let (name, mut bytes) = files[round % files.len()].clone();
        chance.damage(&mut bytes, &pieces);
        let (_folder, path) = written(name, &bytes);
        *(if all(&path).is_ok() { &mut taken } else { &mut refused }) += 1;
    }
    assert!(taken > 200 && refused > 400, "{taken} taken, {refused} refused");
}

/// The same of the parts of a workbook, which in the archive are guarded by their sums.
#[test]
fn a_damaged_workbook_is_read_or_refused() {
    let pieces: [&[u8]; 14] = [
        b"<",
        b">",
        b"</c>",
        b"<c r=\"A0\">",
        b"<v>-1</v>",
        b"r=\"ZZZZ9\"",
        b"<row r=\"0\">",
        b"t=\"s\"",
        b"s=\"9999999999\"",
        b"&",
        b"\0",
        b"\"",
        b"<v>1e999</v>",
        b"<c t=\"d\"><v>x</v></c>",
    ];
    let mut chance = Chance(9);
    let (mut taken, mut refused) = (0, 0);
    for round in 0..2000 {
        let (mut sheet, mut strings) = (SHEET.as_bytes().to_vec(), STRINGS.as_bytes().to_vec());
        let damaged = if round % 3 == 0 { &mut strings } else { &mut sheet };
        chance.damage(damaged, &pieces);
        let (sheet, strings) = (String::from_utf8_lossy(&sheet), String::from_utf8_lossy(&strings));
        let (_folder, path) = written("a.xlsx", &workbook(&sheet, &strings));
        *(if all(&path).is_ok() { &mut taken } else { &mut refused }) += 1;
    }
    assert!(taken > 200 && refused > 400, "{taken} taken, {refused} refused");
}

#[test]
fn what_is_unpacked_is_gone_with_its_reader() {
    let (_folder, path) = written("a.zip", &zipped(&[("a.csv", LIST)]));
    let brought = opened(&path).unwrap();
    let unpacked = brought.unpacked().unwrap().to_owned();
    assert_eq!(std::fs::read_dir(&unpacked).unwrap().count(), 1);
    assert!(File::open(unpacked.join("a.csv")).is_err(), "no name of the archive is used");
    drop(brought);
    assert!(!unpacked.exists());
}
