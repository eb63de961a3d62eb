//! Functions and how long they are, and the asserts in them.

use std::path::{Path, PathBuf};

use syn::spanned::Spanned;
use syn::visit::{self, Visit};
use syn::{Block, ImplItemFn, Item, ItemFn, Macro, Signature, TraitItemFn};

/// What counts as an assert.
const ASSERTS: [&str; 6] =
    ["assert", "assert_eq", "assert_ne", "debug_assert", "debug_assert_eq", "debug_assert_ne"];

/// A function.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Function {
    /// What it is called.
    pub name: String,
    /// From its `fn` to its end.
    pub lines: usize,
    /// Where it stands.
    pub file: PathBuf,
    /// Where it begins.
    pub line: usize,
}

/// What the functions of some items come to.
#[derive(Default, Debug)]
pub struct Functions {
    /// All of them.
    pub found: Vec<Function>,
    /// How many asserts there are.
    pub asserts: usize,
    file: PathBuf,
}

impl Functions {
    /// Takes in the items of a file.
    pub fn add(&mut self, file: &Path, items: &[Item]) {
        self.file = file.to_owned();
        items.iter().for_each(|item| self.visit_item(item));
    }

    fn function(&mut self, signature: &Signature, block: &Block) {
        let line = signature.span().start().line;
        let lines = block.span().end().line + 1 - line;
        let (name, file) = (signature.ident.to_string(), self.file.clone());
        self.found.push(Function { name, lines, file, line });
    }
}

impl<'ast> Visit<'ast> for Functions {
    fn visit_item_fn(&mut self, item: &'ast ItemFn) {
        self.function(&item.sig, &item.block);
        visit::visit_item_fn(self, item);
    }

    fn visit_impl_item_fn(&mut self, item: &'ast ImplItemFn) {
        self.function(&item.sig, &item.block);
        visit::visit_impl_item_fn(self, item);
    }

    fn visit_trait_item_fn(&mut self, item: &'ast TraitItemFn) {
        if let Some(block) = &item.default {
            self.function(&item.sig, block);
        }
        visit::visit_trait_item_fn(self, item);
    }

    fn visit_macro(&mut self, call: &'ast Macro) {
        let name = call.path.segments.last();
        self.asserts += usize::from(name.is_some_and(|name| ASSERTS.iter().any(|one| name.ident == one)));
        visit::visit_macro(self, call);
    }
}
