//! Lists as people bring them, the same in each form: a folder of CSV files, a ZIP of such, a workbook.

use std::fs::{self, File};
use std::io::{Cursor, Write};
use std::path::Path;

use zip::ZipWriter;
use zip::write::SimpleFileOptions;

/// A list: what it is called, and its rows, the names of the columns first.
pub type List = (&'static str, Vec<Vec<String>>);

/// Writes them in the form that the name of a file says: `.zip`, `.xlsx`, else a folder.
pub fn write(path: &Path, lists: &[List]) {
    let files = || lists.iter().map(|(name, rows)| (format!("{name}.csv"), csv(rows)));
    match path.extension().and_then(|ending| ending.to_str()) {
        Some("zip") => zip(path, files()),
        Some("xlsx") => zip(path, workbook(lists).into_iter()),
        _ => {
            fs::create_dir_all(path).unwrap();
            files().for_each(|(name, text)| fs::write(path.join(name), text).unwrap());
        }
    }
}

fn csv(rows: &[Vec<String>]) -> String {
    rows.iter().map(|row| row.join(";") + "\n").collect()
}

fn zip(path: &Path, files: impl Iterator<Item = (String, String)>) {
    let mut writer = ZipWriter::new(Cursor::new(Vec::new()));
    for (name, text) in files {
        writer.start_file(name, SimpleFileOptions::default()).unwrap();
        writer.write_all(text.as_bytes()).unwrap();
    }
    let bytes = writer.finish().unwrap().into_inner();
    File::create(path).unwrap().write_all(&bytes).unwrap();
}

/// The parts of a workbook with a sheet for each list, all cells texts.
fn workbook(lists: &[List]) -> Vec<(String, String)> {
    const OF: &str = "http://schemas.openxmlformats.org/officeDocument/2006/relationships";
    let relation = |id: usize, kind: &str, target: &str| {
        format!("<Relationship Id=\"rId{id}\" Type=\"{OF}/{kind}\" Target=\"{target}\"/>")
    };
    let relations = |all: String| format!("<Relationships>{all}</Relationships>");
    let numbered = || lists.iter().enumerate().map(|(at, list)| (at + 1, list));
    let sheets: String = numbered()
        .map(|(at, (name, _))| format!("<sheet name=\"{name}\" sheetId=\"{at}\" r:id=\"rId{at}\"/>"))
        .collect();
    let targets =
        numbered().map(|(at, _)| relation(at, "worksheet", &format!("worksheets/sheet{at}.xml"))).collect();
    let mut parts = vec![
        ("_rels/.rels".to_owned(), relations(relation(1, "officeDocument", "xl/workbook.xml"))),
        ("xl/_rels/workbook.xml.rels".to_owned(), relations(targets)),
        (
            "xl/workbook.xml".to_owned(),
            format!("<workbook xmlns:r=\"{OF}\"><sheets>{sheets}</sheets></workbook>"),
        ),
    ];
    parts.extend(numbered().map(|(at, (_, rows))| (format!("xl/worksheets/sheet{at}.xml"), worksheet(rows))));
    parts
}

fn worksheet(rows: &[Vec<String>]) -> String {
    let cell = |(at, text): (usize, &String)| {
        let column = char::from(b'A' + u8::try_from(at).unwrap());
        (column, format!("t=\"inlineStr\"><is><t>{text}</t></is></c>"))
    };
    let row = |(at, row): (usize, &Vec<String>)| {
        let line = at + 1;
        let filled = row.iter().enumerate().filter(|(_, text)| !text.is_empty()).map(cell);
        let cells: String = filled.map(|(column, text)| format!("<c r=\"{column}{line}\" {text}")).collect();
        format!("<row r=\"{line}\">{cells}</row>")
    };
    let rows: String = rows.iter().enumerate().map(row).collect();
    format!("<worksheet><sheetData>{rows}</sheetData></worksheet>")
}
