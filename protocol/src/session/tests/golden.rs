//! The bytes of every message, frozen: programs of different versions meet on one stream.

use crate::fork::Withheld;
use crate::identity::{Author, Signature};
use crate::session::frame::FrameReader;
use crate::session::message::{Hello, Message, Welcome};
use crate::session::{Farewell, Listing};
use crate::verify::SignedTransaction;
use crate::version::{Head, VersionVector};

fn vector() -> VersionVector {
    let head = Head { seq: 300, prefix: [0xab; 16] };
    VersionVector::from([(Author([1; 32]), head)])
}

fn messages() -> Vec<(Message, &'static str)> {
    let proof = SignedTransaction { previous: [1; 32], bytes: vec![2, 3], signature: Signature([4; 64]) };
    let hello = Hello { min_version: 1, max_version: 2, clock_ms: 1_700_000_000_000, tags: vec![[7; 16]] };
    let welcome = Welcome { version: 1, clock_ms: -5, shared: vec![(0, [8; 16])] };
    let listing = Listing { author: Author([1; 32]), addresses: vec![vec![4, 5]] };
    vec![
        (Message::Hello(hello), "011c0102fd00d0ca9f170300000107070707070707070707070707070707"),
        (Message::Welcome(welcome), "02140109010008080808080808080808080808080808"),
        (Message::RequestAdmission(0), "030100"),
        (Message::Admission(0, None), "04020000"),
        (
            Message::Admission(0, Some(proof)),
            "04650001010101010101010101010101010101010101010101010101010101010101010102020304040404040404040404040404040404040404040404040404040404040404040404040404040404040404040404040404040404040404040404040404040404",
        ),
        (Message::Open(0, [9; 16]), "05110009090909090909090909090909090909"),
        (Message::Refuse(3), "060103"),
        (
            Message::Vector(0, vector(), true),
            "07360001020101010101010101010101010101010101010101010101010101010101010101fb2c01abababababababababababababababab",
        ),
        (Message::Window(0, 1 << 20), "080600fc00001000"),
        (
            Message::Frame(0, vector(), vec![1, 2, 3]),
            "093800020101010101010101010101010101010101010101010101010101010101010101fb2c01abababababababababababababababab010203",
        ),
        (Message::Stored(0, VersionVector::default()), "0a020000"),
        (Message::Declined(0), "0b0100"),
        (
            Message::Have(0, vector()),
            "0c3500020101010101010101010101010101010101010101010101010101010101010101fb2c01abababababababababababababababab",
        ),
        (Message::Digest(0, [6; 16]), "0d110006060606060606060606060606060606"),
        (Message::Ping(true), "0e0101"),
        (Message::Clock(1_700_000_000_000), "0f09fd00d0ca9f17030000"),
        (
            Message::Addresses(vec![listing]),
            "102501010101010101010101010101010101010101010101010101010101010101010101020405",
        ),
        (Message::Bye(Farewell::Other(9)), "110109"),
        (
            Message::Forked(0, Author([1; 32]).into(), Head { seq: 300, prefix: [0xab; 16] }),
            "123500010101010101010101010101010101010101010101010101010101010101010100fb2c01abababababababababababababababab",
        ),
        (
            Message::Withheld(0, Withheld([(Author([1; 32]).into(), 300)].into())),
            "13260001010101010101010101010101010101010101010101010101010101010101010100fb2c01",
        ),
    ]
}

fn hex(bytes: &[u8]) -> String {
    data_encoding::HEXLOWER.encode(bytes)
}

#[test]
fn every_message_keeps_its_bytes_and_reads_back() {
    for (message, golden) in messages() {
        let bytes = message.encode();
        assert_eq!(hex(&bytes), golden, "{}", message.name());
        let mut reader = FrameReader::default();
        reader.push(&bytes);
        let received = reader.next_message().unwrap().unwrap();
        assert_eq!(Message::decode(&received), Ok(message));
    }
}
