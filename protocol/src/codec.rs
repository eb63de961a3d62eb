//! One configuration of bincode for every format: little endian, variable-length integers, and a
//! limit on what a decoder may claim, so that a length field can never make it over-allocate.

use crate::bounds;

const CONFIG: bincode::config::Configuration<
    bincode::config::LittleEndian,
    bincode::config::Varint,
    bincode::config::Limit<{ 2 * bounds::BLOCK_RAW_BYTES }>,
> = bincode::config::standard().with_limit::<{ 2 * bounds::BLOCK_RAW_BYTES }>();

/// Why bytes could not be read.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum DecodeError {
    /// The bytes end early, or a length, tag or text in them is not valid.
    #[error("the bytes are not a valid {0}")]
    Malformed(&'static str),
    /// The format is newer than this program.
    #[error("{what} has format version {version}, newer than this program understands")]
    Newer {
        /// What was being read.
        what: &'static str,
        /// The version found.
        version: u8,
    },
    /// A bound of [`crate::bounds`] is exceeded.
    #[error("{0} is larger than allowed")]
    TooLarge(&'static str),
}

/// Encodes any of the protocol's types.
pub fn encode(value: &impl bincode::Encode) -> Vec<u8> {
    // Encoding into memory fails only on types that cannot be encoded at all. Nothing instead of the
    // bytes would be hashed and signed like any.
    let encoded = bincode::encode_to_vec(value, CONFIG);
    assert!(encoded.is_ok(), "every type of the protocol can be encoded");
    encoded.unwrap_or_default()
}

/// Decodes all of `bytes`; anything left over is an error.
pub fn decode<T: bincode::Decode<()>>(bytes: &[u8], what: &'static str) -> Result<T, DecodeError> {
    match bincode::decode_from_slice(bytes, CONFIG) {
        Ok((value, read)) if read == bytes.len() => Ok(value),
        _ => Err(DecodeError::Malformed(what)),
    }
}

/// Decodes from the front of `bytes`; also says how many were read.
pub fn decode_prefix<T: bincode::Decode<()>>(
    bytes: &[u8],
    what: &'static str,
) -> Result<(T, usize), DecodeError> {
    bincode::decode_from_slice(bytes, CONFIG).map_err(|_| DecodeError::Malformed(what))
}

/// Appends `value` as LEB128.
pub(crate) fn put_varint(out: &mut Vec<u8>, mut value: u64) {
    while value >= 0x80 {
        out.push(value as u8 | 0x80);
        value >>= 7;
    }
    out.push(value as u8);
}

/// Appends a signed integer, small magnitudes short (zigzag).
pub(crate) fn put_signed(out: &mut Vec<u8>, value: i64) {
    put_varint(out, ((value << 1) ^ (value >> 63)) as u64);
}

/// Appends a signed integer of up to 128 bits, in the same form.
pub(crate) fn put_signed_128(out: &mut Vec<u8>, value: i128) {
    let mut rest = ((value << 1) ^ (value >> 127)) as u128;
    while rest >= 0x80 {
        out.push(rest as u8 | 0x80);
        rest >>= 7;
    }
    out.push(rest as u8);
}

/// Reads from a slice front to back; every read is checked.
pub(crate) struct Reader<'a> {
    rest: &'a [u8],
    what: &'static str,
}

impl<'a> Reader<'a> {
    pub(crate) fn new(bytes: &'a [u8], what: &'static str) -> Self {
        Self { rest: bytes, what }
    }

    pub(crate) fn malformed(&self) -> DecodeError {
        DecodeError::Malformed(self.what)
    }

    pub(crate) fn byte(&mut self) -> Result<u8, DecodeError> {
        Ok(self.take(1)?[0])
    }

    pub(crate) fn take(&mut self, len: usize) -> Result<&'a [u8], DecodeError> {
        if len > self.rest.len() {
            return Err(self.malformed());
        }
        let (head, rest) = self.rest.split_at(len);
        self.rest = rest;
        Ok(head)
    }

    pub(crate) fn array<const N: usize>(&mut self) -> Result<[u8; N], DecodeError> {
        let bytes = self.take(N)?;
        bytes.try_into().map_err(|_| self.malformed())
    }

    pub(crate) fn varint(&mut self) -> Result<u64, DecodeError> {
        let mut value = 0u64;
        for shift in (0..64).step_by(7) {
            let byte = self.byte()?;
            value |= u64::from(byte & 0x7f) << shift;
            if byte < 0x80 {
                return Ok(value);
            }
        }
        Err(self.malformed())
    }

    pub(crate) fn signed(&mut self) -> Result<i64, DecodeError> {
        let raw = self.varint()?;
        Ok((raw >> 1) as i64 ^ -((raw & 1) as i64))
    }

    pub(crate) fn signed_128(&mut self) -> Result<i128, DecodeError> {
        let mut raw = 0u128;
        for shift in (0..128).step_by(7) {
            let byte = self.byte()?;
            let bits = u128::from(byte & 0x7f);
            if bits.leading_zeros() < shift {
                return Err(self.malformed());
            }
            raw |= bits << shift;
            if byte < 0x80 {
                return Ok((raw >> 1) as i128 ^ -((raw & 1) as i128));
            }
        }
        Err(self.malformed())
    }

    /// A count or length: never more than the bytes that are left could hold.
    pub(crate) fn length(&mut self) -> Result<usize, DecodeError> {
        let value = self.varint()?;
        match usize::try_from(value) {
            Ok(len) if len <= self.rest.len() => Ok(len),
            _ => Err(self.malformed()),
        }
    }

    pub(crate) fn text(&mut self, len: usize) -> Result<&'a str, DecodeError> {
        let bytes = self.take(len)?;
        std::str::from_utf8(bytes).map_err(|_| self.malformed())
    }

    pub(crate) fn rest(self) -> &'a [u8] {
        self.rest
    }

    /// How many bytes are left.
    pub(crate) fn left(&self) -> usize {
        self.rest.len()
    }

    pub(crate) fn is_empty(&self) -> bool {
        self.rest.is_empty()
    }

    pub(crate) fn end(&self) -> Result<(), DecodeError> {
        if self.is_empty() { Ok(()) } else { Err(self.malformed()) }
    }
}
