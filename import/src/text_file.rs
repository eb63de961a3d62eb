//! A text file, in whatever characters a program wrote it.

use std::fs::File;
use std::io::{self, BufRead, BufReader, ErrorKind, Read};
use std::path::{Path, PathBuf};

use encoding_rs::{Encoding, UTF_8, UTF_16BE, UTF_16LE, WINDOWS_1252};
use encoding_rs_io::{DecodeReaderBytes, DecodeReaderBytesBuilder};

/// Bytes that are looked at together.
const PIECE: usize = 64 << 10;

/// See the module.
pub struct TextFile {
    path: PathBuf,
    /// How its characters are written.
    pub encoding: &'static Encoding,
    /// Stands for the content: of two files of one content it is the same.
    pub hash: String,
    /// The first line that is not UTF-8, though there are other letters beyond ASCII that are: two
    /// programs wrote the file, or one wrote bytes that are no text into it.
    pub mixed: Option<u64>,
}

/// The text of a file, in UTF-8, as it is read.
pub type Decoded = BufReader<DecodeReaderBytes<File, Vec<u8>>>;

impl TextFile {
    /// Finds out how a file is written: as its first bytes say, else in UTF-8, and what is not, as
    /// Windows wrote French before that.
    pub fn open(path: &Path) -> io::Result<Self> {
        let file = File::open(path)?;
        if file.metadata()?.is_dir() {
            return Err(ErrorKind::IsADirectory.into());
        }
        let mut file = BufReader::with_capacity(PIECE, file);
        let marked = Encoding::for_bom(file.fill_buf()?).map(|(encoding, _)| encoding);
        // A mark of UTF-16 says that there will be some.
        let takes_nul = marked.is_some_and(|encoding| encoding != UTF_8);
        let survey = Survey::of(file, takes_nul)?;
        let encoding = match marked {
            Some(encoding) if encoding == UTF_16LE || encoding == UTF_16BE => encoding,
            _ if survey.has_nul => return Err(ErrorKind::InvalidData.into()),
            _ if survey.malformed.is_none() => UTF_8,
            _ => WINDOWS_1252,
        };
        let is_bytewise = encoding == WINDOWS_1252;
        let mixed = survey.malformed.filter(|_| is_bytewise && survey.has_letters);
        Ok(Self { path: path.to_owned(), encoding, hash: survey.hash, mixed })
    }

    /// Its text from the beginning, without a mark of its encoding.
    pub fn text(&self) -> io::Result<Decoded> {
        let file = File::open(&self.path)?;
        let mut builder = DecodeReaderBytesBuilder::new();
        let decoded = builder.encoding(Some(self.encoding)).bom_override(true).strip_bom(true).build(file);
        Ok(BufReader::with_capacity(PIECE, decoded))
    }

    /// Where it is.
    pub fn path(&self) -> &Path {
        &self.path
    }
}

/// What the bytes of a file are.
struct Survey {
    hash: String,
    has_nul: bool,
    /// Whether there are letters beyond ASCII, in UTF-8.
    has_letters: bool,
    /// The line of the first byte that is not UTF-8.
    malformed: Option<u64>,
}

impl Survey {
    /// Looks at all of them; up to a NUL, where none may be.
    fn of(mut file: impl Read, takes_nul: bool) -> io::Result<Self> {
        let mut hasher = blake3::Hasher::new();
        let (mut has_nul, mut has_letters, mut malformed, mut line) = (false, false, None, 1);
        let mut bytes = vec![0; PIECE];
        // What a piece ended with, when a letter was cut.
        let mut cut = 0;
        loop {
            let read = file.read(&mut bytes[cut..])?;
            hasher.update(&bytes[cut..cut + read]);
            let (mut from, end) = (0, cut + read);
            cut = 0;
            while from < end {
                let piece = &bytes[from..end];
                let (valid, skipped) = match std::str::from_utf8(piece) {
                    Ok(_) => (piece.len(), 0),
                    Err(error) => match error.error_len() {
                        Some(length) => (error.valid_up_to(), length),
                        None if read == 0 => (error.valid_up_to(), piece.len() - error.valid_up_to()),
                        None => {
                            cut = piece.len() - error.valid_up_to();
                            (error.valid_up_to(), 0)
                        }
                    },
                };
                let text = &piece[..valid];
                has_nul |= text.contains(&0);
                has_letters |= !text.is_ascii();
                if malformed.is_none() {
                    line += text.iter().filter(|byte| **byte == b'\n').count() as u64;
                    malformed = (skipped > 0).then_some(line);
                }
                from += valid + skipped;
                if cut > 0 {
                    bytes.copy_within(from..end, 0);
                    break;
                }
            }
            if read == 0 || has_nul && !takes_nul {
                break;
            }
        }
        let hash = hasher.finalize().to_hex()[..32].to_owned();
        Ok(Self { hash, has_nul, has_letters, malformed })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn opened(bytes: &[u8]) -> io::Result<(String, Option<u64>)> {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("file.sql");
        std::fs::write(&path, bytes).unwrap();
        let file = TextFile::open(&path)?;
        let mut text = String::new();
        file.text()?.read_to_string(&mut text)?;
        Ok((text, file.mixed))
    }

    #[test]
    fn it_is_read_however_it_is_written() {
        let text = "-- les élèves\nœuf €\n";
        let utf16 = |big: bool| -> Vec<u8> {
            let unit = |unit: u16| if big { unit.to_be_bytes() } else { unit.to_le_bytes() };
            std::iter::once(0xfeff).chain(text.encode_utf16()).flat_map(unit).collect()
        };
        let windows = WINDOWS_1252.encode(text).0.into_owned();
        let with_mark = ["\u{feff}".as_bytes(), text.as_bytes()].concat();
        for bytes in [text.as_bytes().to_vec(), with_mark, utf16(false), utf16(true), windows] {
            assert_eq!(opened(&bytes).unwrap(), (text.to_owned(), None));
        }
    }

    #[test]
    fn two_encodings_in_one_file_are_noticed_with_the_line() {
        let (_, mixed) = opened(b"caf\xc3\xa9\nplain\ncaf\xe9\n").unwrap();
        assert_eq!(mixed, Some(3));
        assert_eq!(opened(b"a\0b").unwrap_err().kind(), ErrorKind::InvalidData);
    }

    #[test]
    fn a_letter_may_be_cut_where_a_piece_ends() {
        for before in PIECE - 4..PIECE + 2 {
            let text = format!("{}é€\u{1f600}\n", "x".repeat(before));
            assert_eq!(opened(text.as_bytes()).unwrap(), (text, None));
        }
        let half = [b"x".repeat(PIECE - 1), b"\xc3".to_vec()].concat();
        assert_eq!(opened(&half).unwrap().0.chars().last(), Some('Ã'));
    }
}
