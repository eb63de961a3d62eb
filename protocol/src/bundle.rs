//! The bundle: a file that carries transactions where no network goes.
//!
//! ```text
//! "tandem bundle\n" · version (1) · header length (u32 LE) · header (bincode)
//! per block: length (u32 LE, not 0) · block · checksum (first 8 bytes of its BLAKE3)
//! 0 (u32 LE) · BLAKE3 of everything before (32 bytes)
//! ```
//!
//! A file cut anywhere is noticed; the complete blocks before the cut can still be used, for
//! every block is verified on its own like a frame from the network.

use std::io::{self, Read, Write};

use bincode::{Decode, Encode};

use crate::bounds;
use crate::codec::{self, DecodeError};
use crate::identity::{Author, SpaceId};
use crate::version::VersionVector;

const MAGIC: &[u8] = b"tandem bundle\n";
const VERSION: u8 = 1;
const HEADER_BYTES: u32 = 1 << 20;
const WHAT: &str = "bundle";

/// What a bundle says of itself.
#[derive(Clone, PartialEq, Eq, Debug, Encode, Decode)]
pub struct BundleHeader {
    /// The space it belongs to.
    pub space: SpaceId,
    /// Name of the space.
    pub space_name: String,
    /// The site that wrote it.
    pub from: Author,
    /// That site's name.
    pub from_name: String,
    /// The site it was made for; none: for any.
    pub to: Option<Author>,
    /// What the receiver must hold already.
    pub since: VersionVector,
    /// What it will hold afterwards.
    pub until: VersionVector,
    /// When it was written, milliseconds since the Unix epoch.
    pub created_ms: i64,
}

/// Why reading a bundle stopped.
#[derive(Debug, thiserror::Error)]
pub enum BundleError {
    /// The file could not be read.
    #[error(transparent)]
    Io(#[from] io::Error),
    /// It is no bundle at all.
    #[error("this is not a tandem bundle")]
    NotABundle,
    /// It was made by a newer program.
    #[error(transparent)]
    Newer(DecodeError),
    /// It ends early: a copy was interrupted, or the stick was pulled.
    #[error("the bundle is cut off after {blocks} complete blocks")]
    Truncated {
        /// Complete blocks before the cut.
        blocks: usize,
    },
    /// Bytes in it were changed.
    #[error("the bundle is damaged after {blocks} intact blocks")]
    Damaged {
        /// Intact blocks before the damage.
        blocks: usize,
    },
}

/// Writes a bundle.
pub struct BundleWriter<W: Write> {
    out: W,
    hasher: blake3::Hasher,
}

impl<W: Write> BundleWriter<W> {
    /// Begins with the header.
    pub fn new(out: W, header: &BundleHeader) -> io::Result<Self> {
        let mut writer = Self { out, hasher: blake3::Hasher::new() };
        let header = codec::encode(header);
        assert!(header.len() <= HEADER_BYTES as usize, "no reader takes a longer header");
        writer.put(MAGIC)?;
        writer.put(&[VERSION])?;
        writer.put(&(header.len() as u32).to_le_bytes())?;
        writer.put(&header)?;
        Ok(writer)
    }

    /// Adds a block.
    pub fn block(&mut self, block: &[u8]) -> io::Result<()> {
        // Of a file that is copied the reader has seen to both.
        assert!(!block.is_empty(), "a block of no bytes would end the bundle");
        assert!(block.len() <= bounds::FRAME_BYTES, "no reader takes a longer block");
        self.put(&(block.len() as u32).to_le_bytes())?;
        self.put(block)?;
        self.put(&blake3::hash(block).as_bytes()[..8])
    }

    /// Ends with the footer and hands the output back, to be synced.
    pub fn finish(mut self) -> io::Result<W> {
        self.put(&0u32.to_le_bytes())?;
        let hash = self.hasher.finalize();
        self.out.write_all(hash.as_bytes())?;
        self.out.flush()?;
        Ok(self.out)
    }

    fn put(&mut self, bytes: &[u8]) -> io::Result<()> {
        self.hasher.update(bytes);
        self.out.write_all(bytes)
    }
}

/// Reads a bundle block by block.
pub struct BundleReader<R: Read> {
    input: R,
    hasher: blake3::Hasher,
    header: BundleHeader,
    blocks: usize,
    ended: bool,
}

impl<R: Read> BundleReader<R> {
    /// Reads the header.
    pub fn new(mut input: R) -> Result<Self, BundleError> {
        let mut hasher = blake3::Hasher::new();
        let mut prelude = [0; MAGIC.len() + 5];
        input.read_exact(&mut prelude).map_err(|error| match error.kind() {
            io::ErrorKind::UnexpectedEof => BundleError::NotABundle,
            _ => error.into(),
        })?;
        let (magic, rest) = prelude.split_at(MAGIC.len());
        if magic != MAGIC {
            return Err(BundleError::NotABundle);
        }
        if rest[0] < VERSION {
            // None was ever written.
            return Err(BundleError::NotABundle);
        }
        if rest[0] > VERSION {
            return Err(BundleError::Newer(DecodeError::Newer { what: WHAT, version: rest[0] }));
        }
        let len = u32::from_le_bytes([rest[1], rest[2], rest[3], rest[4]]);
        if len > HEADER_BYTES {
            return Err(BundleError::Damaged { blocks: 0 });
        }
        let mut header = vec![0; len as usize];
        input.read_exact(&mut header).map_err(|error| cut(error, 0))?;
        hasher.update(&prelude);
        hasher.update(&header);
        let header = codec::decode(&header, WHAT).map_err(|_| BundleError::Damaged { blocks: 0 })?;
        Ok(Self { input, hasher, header, blocks: 0, ended: false })
    }

    /// What the bundle says of itself. Not yet verified: only its blocks are signed.
    pub fn header(&self) -> &BundleHeader {
        &self.header
    }

    /// The next block; `None` after the last, once the footer has proved the file complete.
    pub fn next_block(&mut self) -> Result<Option<Vec<u8>>, BundleError> {
        if self.ended {
            return Ok(None);
        }
        let damaged = BundleError::Damaged { blocks: self.blocks };
        let mut len = [0; 4];
        self.fill(&mut len)?;
        let len = u32::from_le_bytes(len) as usize;
        if len == 0 {
            let expected = self.hasher.finalize();
            let mut footer = [0; 32];
            self.fill(&mut footer)?;
            self.ended = true;
            return if footer == *expected.as_bytes() { Ok(None) } else { Err(damaged) };
        }
        if len > bounds::FRAME_BYTES {
            return Err(damaged);
        }
        let mut block = Vec::new();
        let read = (&mut self.input).take(len as u64).read_to_end(&mut block)?;
        if read < len {
            return Err(BundleError::Truncated { blocks: self.blocks });
        }
        self.hasher.update(&block);
        let mut checksum = [0; 8];
        self.fill(&mut checksum)?;
        if checksum != blake3::hash(&block).as_bytes()[..8] {
            return Err(damaged);
        }
        self.blocks += 1;
        Ok(Some(block))
    }

    fn fill(&mut self, buffer: &mut [u8]) -> Result<(), BundleError> {
        self.input.read_exact(buffer).map_err(|error| cut(error, self.blocks))?;
        self.hasher.update(buffer);
        Ok(())
    }
}

fn cut(error: io::Error, blocks: usize) -> BundleError {
    match error.kind() {
        io::ErrorKind::UnexpectedEof => BundleError::Truncated { blocks },
        _ => BundleError::Io(error),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn bundle() -> Vec<u8> {
        let header = BundleHeader {
            space: SpaceId([1; 32]),
            space_name: "school".into(),
            from: Author([2; 32]),
            from_name: "office".into(),
            to: None,
            since: VersionVector::default(),
            until: VersionVector::default(),
            created_ms: 7,
        };
        let mut writer = BundleWriter::new(Vec::new(), &header).unwrap();
        writer.block(b"first block").unwrap();
        writer.block(b"second").unwrap();
        writer.finish().unwrap()
    }

    fn read(bytes: &[u8]) -> (usize, Result<(), BundleError>) {
        let mut blocks = 0;
        let result = BundleReader::new(bytes).and_then(|mut reader| {
            while let Some(block) = reader.next_block()? {
                assert!([&b"first block"[..], b"second"].contains(&&block[..]));
                blocks += 1;
            }
            Ok(())
        });
        (blocks, result)
    }

    #[test]
    fn a_cut_anywhere_is_noticed_and_complete_blocks_before_it_are_read() {
        let bytes = bundle();
        assert!(matches!(read(&bytes), (2, Ok(()))));
        let mut seen = [0; 3];
        for len in 0..bytes.len() {
            let (blocks, result) = read(&bytes[..len]);
            assert!(result.is_err(), "cut at {len} unnoticed");
            seen[blocks] += 1;
        }
        assert!(seen.iter().all(|count| *count > 0), "{seen:?}");
    }

    #[test]
    fn a_changed_byte_anywhere_is_noticed() {
        let bytes = bundle();
        for at in 0..bytes.len() {
            let mut changed = bytes.clone();
            changed[at] ^= 1;
            let (_, result) = read(&changed);
            assert!(result.is_err(), "change at {at} unnoticed");
        }
    }
}
