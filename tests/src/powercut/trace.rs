//! Reading the record; see `tandem-powercut` for what writes it.

use std::path::{Path, PathBuf};

/// One thing the program did, in the order in which it did it.
#[derive(Clone, Debug, PartialEq)]
pub enum Entry {
    /// Opened a file or folder.
    Open {
        /// Names this opening from now on.
        handle: u32,
        /// Flags of `open`.
        flags: u64,
        /// What was opened.
        path: PathBuf,
    },
    /// Wrote bytes.
    Write {
        /// To this opening.
        handle: u32,
        /// At this place.
        place: u64,
        /// These.
        bytes: Vec<u8>,
    },
    /// Set a file's length.
    Length {
        /// Of this opening.
        handle: u32,
        /// To this.
        len: u64,
    },
    /// A sync began.
    SyncBegins {
        /// Of this opening.
        handle: u32,
        /// Names the sync.
        serial: u64,
    },
    /// A sync ended well.
    SyncEnds {
        /// Names the sync.
        serial: u64,
    },
    /// Gave a file another name.
    Rename {
        /// The old one.
        from: PathBuf,
        /// The new one.
        to: PathBuf,
    },
    /// Removed a file or folder.
    Remove(PathBuf),
    /// Made a folder.
    MakeFolder(PathBuf),
    /// Said something.
    Mark(String),
}

/// Reads a record. A last entry that is not whole is left out; anything not understood ends the
/// test.
pub fn read(path: &Path) -> Vec<Entry> {
    let bytes =
        std::fs::read(path).unwrap_or_else(|error| panic!("no record was made: {}: {error}", path.display()));
    let mut rest = &bytes[..];
    let mut entries = Vec::new();
    while let Some((entry, behind)) = split(rest) {
        entries.push(entry);
        rest = behind;
    }
    entries
}

const HEAD: usize = 21;

fn split(bytes: &[u8]) -> Option<(Entry, &[u8])> {
    let (head, rest) = bytes.split_at_checked(HEAD)?;
    let word = |at: usize| u32::from_le_bytes(head[at..at + 4].try_into().unwrap());
    let handle = word(1);
    let number = u64::from_le_bytes(head[5..13].try_into().unwrap());
    let (first, rest) = rest.split_at_checked(word(13) as usize)?;
    let (second, rest) = rest.split_at_checked(word(17) as usize)?;
    let text = |bytes: &[u8]| String::from_utf8(bytes.to_vec()).unwrap();
    let path = |bytes: &[u8]| PathBuf::from(text(bytes));
    let entry = match head[0] {
        1 => Entry::Open { handle, flags: number, path: path(first) },
        2 => Entry::Write { handle, place: number, bytes: first.to_vec() },
        3 => Entry::Length { handle, len: number },
        4 => Entry::SyncBegins { handle, serial: number },
        5 => Entry::SyncEnds { serial: number },
        6 => Entry::Rename { from: path(first), to: path(second) },
        7 | 9 => Entry::Remove(path(first)),
        8 => Entry::MakeFolder(path(first)),
        10 => Entry::Mark(text(first)),
        kind => {
            panic!("the record holds what it cannot show (kind {kind}): {} {}", text(first), text(second))
        }
    };
    Some((entry, rest))
}
