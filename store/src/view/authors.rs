//! Authors by the numbers under which the view's own tables name them, from 1.

use std::collections::HashMap;

use tandem_protocol::chain::Chain;
use tandem_protocol::identity::Author;

/// The authors known, with the numbers that the view's own tables give them.
#[derive(Clone, Default)]
pub(crate) struct Authors {
    numbers: HashMap<Author, i64>,
    list: Vec<Author>,
}

impl Authors {
    pub(crate) fn from_list(list: Vec<Author>) -> Self {
        let numbers = list.iter().zip(1..).map(|(author, number)| (*author, number)).collect();
        Self { numbers, list }
    }

    pub(crate) fn number(&self, author: &Author) -> Option<i64> {
        self.numbers.get(author).copied()
    }

    /// The number of a chain's author. No branches are kept yet: what is held is on trunks.
    pub(crate) fn number_of_trunk(&self, chain: &Chain) -> Option<i64> {
        if chain.branch.is_trunk() { self.number(&chain.author) } else { None }
    }

    pub(crate) fn author(&self, number: i64) -> Option<Author> {
        self.list.get(usize::try_from(number - 1).ok()?).copied()
    }

    /// Numbers an author that has no number yet.
    pub(super) fn add(&mut self, author: Author) -> i64 {
        self.list.push(author);
        let number = self.list.len() as i64;
        debug_assert_eq!(self.author(number), Some(author), "a number names its author");
        let before = self.numbers.insert(author, number);
        assert_eq!(before, None, "an author has one number");
        number
    }
}
