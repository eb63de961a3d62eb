//! Which file of a crate names what is in which other.
//!
//! What a file hands on (`pub use`, also `pub(crate) use`) it does not name: whoever uses it names the
//! file it is from. Methods and fields are not looked at.

use std::collections::BTreeSet;

use proc_macro2::{TokenStream, TokenTree};
use syn::visit::{self, Visit};
use syn::{Attribute, ItemUse, Macro, Path, Visibility};

use super::tree::{Tree, imported};

/// For each file of a crate the files it names.
pub fn imports(tree: &Tree) -> Vec<BTreeSet<usize>> {
    let mut found = vec![BTreeSet::new(); tree.sources.len()];
    for (at, module) in tree.modules.iter().enumerate() {
        let mut reader = Reader { tree, module: at, named: &mut found[module.source] };
        module.items.iter().for_each(|item| reader.visit_item(item));
    }
    for (at, named) in found.iter_mut().enumerate() {
        named.remove(&at);
    }
    found
}

/// Reads what a module names.
struct Reader<'a> {
    tree: &'a Tree,
    module: usize,
    named: &'a mut BTreeSet<usize>,
}

impl Reader<'_> {
    fn name(&mut self, path: &[String]) {
        // A module that is named is only a way to what is in it.
        if let Some(place) = self.tree.find(self.module, path).filter(|place| place.item.is_some()) {
            self.named.insert(self.tree.modules[place.module].source);
        }
    }

    /// The paths in what a macro is given; of single words those that begin like a type.
    fn tokens(&mut self, tokens: TokenStream) {
        let mut path: Vec<String> = Vec::new();
        let mut colons = 0;
        for token in tokens {
            let goes_on = matches!(&token, TokenTree::Ident(_)) && colons == 2 && !path.is_empty();
            let is_colon = matches!(&token, TokenTree::Punct(sign) if sign.as_char() == ':');
            if !goes_on && !is_colon {
                self.words(&std::mem::take(&mut path));
            }
            colons = if is_colon { colons + 1 } else { 0 };
            match token {
                TokenTree::Ident(word) => path.push(word.to_string()),
                TokenTree::Group(group) => self.tokens(group.stream()),
                _ => {}
            }
        }
        self.words(&path);
    }

    fn words(&mut self, path: &[String]) {
        let begins_like_a_type = |word: &String| word.starts_with(char::is_uppercase);
        if path.len() > 1 || path.first().is_some_and(begins_like_a_type) {
            self.name(path);
        }
    }
}

impl<'ast> Visit<'ast> for Reader<'_> {
    fn visit_path(&mut self, path: &'ast Path) {
        if path.leading_colon.is_none() {
            let words: Vec<String> = path.segments.iter().map(|one| one.ident.to_string()).collect();
            self.name(&words);
        }
        visit::visit_path(self, path);
    }

    fn visit_item_use(&mut self, import: &'ast ItemUse) {
        if matches!(import.vis, Visibility::Inherited) {
            imported(&import.tree).iter().for_each(|one| self.name(&one.path));
        }
    }

    fn visit_macro(&mut self, call: &'ast Macro) {
        self.tokens(call.tokens.clone());
        visit::visit_macro(self, call);
    }

    fn visit_visibility(&mut self, _: &'ast Visibility) {}

    fn visit_attribute(&mut self, _: &'ast Attribute) {}
}
