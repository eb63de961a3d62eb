//! One source file, without what is there for tests alone.

use std::path::{Path, PathBuf};

use syn::spanned::Spanned;
use syn::{Attribute, ImplItem, Item};

/// Whether test code is measured or left out.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum TestCode {
    /// It counts like any other.
    Counts,
    /// It is as if it was not there.
    LeftOut,
}

/// A source file.
#[derive(Debug)]
pub struct Source {
    /// From the root of the repository.
    pub path: PathBuf,
    /// All its lines.
    pub lines: usize,
    /// Those that were left out.
    pub left_out: usize,
}

impl Source {
    /// Reads a file, and what it declares.
    pub fn read(root: &Path, path: &Path, tests: TestCode) -> Result<(Self, Vec<Item>), String> {
        let named = |error: &dyn std::fmt::Display| format!("{}: {error}", path.display());
        let text = std::fs::read_to_string(root.join(path)).map_err(|error| named(&error))?;
        let mut items = syn::parse_file(&text).map_err(|error| named(&error))?.items;
        let left_out = if tests == TestCode::LeftOut { leave_out_tests(&mut items) } else { 0 };
        Ok((Self { path: path.to_owned(), lines: text.lines().count(), left_out }, items))
    }
}

/// From the first line of something to its last.
pub(super) fn lines_of(what: &impl Spanned) -> usize {
    let span = what.span();
    span.end().line + 1 - span.start().line
}

/// Removes the items of tests. How many lines these were.
fn leave_out_tests(items: &mut Vec<Item>) -> usize {
    let mut lines = 0;
    items.retain_mut(|item| {
        if is_for_tests(attributes(item)) {
            lines += lines_of(item);
            return false;
        }
        match item {
            Item::Mod(inner) => {
                lines += inner.content.as_mut().map_or(0, |(_, items)| leave_out_tests(items));
            }
            Item::Impl(inner) => inner.items.retain(|item| {
                let is_test = matches!(item, ImplItem::Fn(function) if is_for_tests(&function.attrs));
                lines += if is_test { lines_of(item) } else { 0 };
                !is_test
            }),
            _ => {}
        }
        true
    });
    lines
}

/// Whether something is there only where tests are built.
fn is_for_tests(attributes: &[Attribute]) -> bool {
    attributes.iter().any(|attribute| {
        let condition = || attribute.meta.require_list().map(|list| list.tokens.to_string());
        match attribute.path().segments.last() {
            Some(name) if name.ident == "test" => true,
            Some(name) if name.ident == "cfg" => condition().is_ok_and(|condition| {
                let condition = condition.replace(' ', "");
                condition == "test" || condition.starts_with("all(test,")
            }),
            _ => false,
        }
    })
}

fn attributes(item: &Item) -> &[Attribute] {
    match item {
        Item::Const(item) => &item.attrs,
        Item::Enum(item) => &item.attrs,
        Item::ExternCrate(item) => &item.attrs,
        Item::Fn(item) => &item.attrs,
        Item::ForeignMod(item) => &item.attrs,
        Item::Impl(item) => &item.attrs,
        Item::Macro(item) => &item.attrs,
        Item::Mod(item) => &item.attrs,
        Item::Static(item) => &item.attrs,
        Item::Struct(item) => &item.attrs,
        Item::Trait(item) => &item.attrs,
        Item::Type(item) => &item.attrs,
        Item::Union(item) => &item.attrs,
        Item::Use(item) => &item.attrs,
        _ => &[],
    }
}
