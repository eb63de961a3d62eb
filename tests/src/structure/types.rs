//! How many lines a type has: its definition and all its `impl` blocks, wherever they stand.

use std::cmp::Reverse;
use std::collections::{BTreeMap, BTreeSet};
use std::path::PathBuf;

use syn::{Item, Type};

use super::source::lines_of;
use super::tree::{Place, Tree};

/// A type with all that is written for it.
#[derive(Clone, PartialEq, Eq, Debug, Default)]
pub struct TypeSize {
    /// What it is called.
    pub name: String,
    /// Lines of its definition and its `impl` blocks.
    pub lines: usize,
    /// Where these stand.
    pub files: BTreeSet<PathBuf>,
}

/// The types of a crate, the largest first.
pub fn types(tree: &Tree) -> Vec<TypeSize> {
    let mut found: BTreeMap<Place, TypeSize> = BTreeMap::new();
    for (at, module) in tree.modules.iter().enumerate() {
        for item in &module.items {
            let Some(place) = path_of(item).and_then(|path| tree.find(at, &path)) else { continue };
            let Some(name) = place.item.clone() else { continue };
            let size = found.entry(place).or_default();
            size.name = name;
            size.lines += lines_of(item);
            size.files.insert(tree.sources[module.source].path.clone());
        }
    }
    let mut sizes: Vec<TypeSize> = found.into_values().collect();
    sizes.sort_by_key(|size| Reverse(size.lines));
    sizes
}

/// The path of the type that an item is about.
fn path_of(item: &Item) -> Option<Vec<String>> {
    match item {
        Item::Struct(item) => Some(vec![item.ident.to_string()]),
        Item::Enum(item) => Some(vec![item.ident.to_string()]),
        Item::Union(item) => Some(vec![item.ident.to_string()]),
        Item::Impl(item) => path_of_type(&item.self_ty),
        _ => None,
    }
}

fn path_of_type(of: &Type) -> Option<Vec<String>> {
    match of {
        Type::Path(of) => Some(of.path.segments.iter().map(|segment| segment.ident.to_string()).collect()),
        Type::Reference(of) => path_of_type(&of.elem),
        Type::Paren(of) => path_of_type(&of.elem),
        Type::Group(of) => path_of_type(&of.elem),
        _ => None,
    }
}
