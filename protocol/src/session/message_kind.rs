//! The numbers of the kinds of messages. They never change; new ones are added at the end.

pub(super) const HELLO: u8 = 1;
pub(super) const WELCOME: u8 = 2;
pub(super) const REQUEST_ADMISSION: u8 = 3;
pub(super) const ADMISSION: u8 = 4;
pub(super) const OPEN: u8 = 5;
pub(super) const REFUSE: u8 = 6;
pub(super) const VECTOR: u8 = 7;
pub(super) const WINDOW: u8 = 8;
pub(super) const FRAME: u8 = 9;
pub(super) const STORED: u8 = 10;
pub(super) const DECLINED: u8 = 11;
pub(super) const HAVE: u8 = 12;
pub(super) const DIGEST: u8 = 13;
pub(super) const PING: u8 = 14;
pub(super) const CLOCK: u8 = 15;
pub(super) const ADDRESSES: u8 = 16;
pub(super) const BYE: u8 = 17;
pub(super) const FORKED: u8 = 18;
pub(super) const WITHHELD: u8 = 19;
