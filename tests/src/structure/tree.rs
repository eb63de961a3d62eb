//! The modules of one crate, and what a path means in each of them.

use std::collections::HashMap;
use std::path::{Path, PathBuf};

use syn::{Item, UseTree};

use super::source::{Source, TestCode};

/// How many imports lead from one to the next before it is called a circle.
const STEPS: usize = 32;

/// A crate: its files and their modules. The root is the first of each.
#[derive(Default)]
pub struct Tree {
    /// Its files.
    pub sources: Vec<Source>,
    /// Its modules, those within files as well.
    pub modules: Vec<Module>,
}

/// A module.
pub struct Module {
    /// The file it stands in.
    pub source: usize,
    /// What it declares, without the modules in it.
    pub items: Vec<Item>,
    parent: Option<usize>,
    modules: HashMap<String, usize>,
    names: HashMap<String, Named>,
    /// What `use path::*` brings in.
    globs: Vec<Vec<String>>,
}

/// What a name in a module stands for, if not for a module in it.
#[derive(Debug)]
enum Named {
    /// An item of this module.
    Here,
    /// What is found under that path.
    Import(Vec<String>),
}

/// What a path leads to.
#[derive(Clone, PartialEq, Eq, Hash, PartialOrd, Ord, Debug)]
pub struct Place {
    /// The module it is in, or is.
    pub module: usize,
    /// The item; `None`: the module itself.
    pub item: Option<String>,
}

/// One name that a `use` brings in.
pub(super) struct Imported {
    pub path: Vec<String>,
    /// What it is called here; `None`: everything under the path.
    pub name: Option<String>,
}

impl Tree {
    /// Reads the crate that begins with a file, a path from the root of the repository.
    pub fn read(root: &Path, first: &Path, tests: TestCode) -> Result<Self, String> {
        let mut reading = Reading { tree: Self::default(), root, tests };
        let folder = first.parent().unwrap_or(Path::new("")).to_owned();
        reading.file(first, &folder, None)?;
        Ok(reading.tree)
    }

    /// What a path means in a module; `None`: nothing of this crate.
    pub fn find(&self, module: usize, path: &[String]) -> Option<Place> {
        self.follow(module, path, STEPS)
    }

    fn follow(&self, module: usize, path: &[String], steps: usize) -> Option<Place> {
        let steps = steps.checked_sub(1)?;
        let first = path.first()?;
        let mut place = match first.as_str() {
            "crate" => Place { module: 0, item: None },
            "self" => Place { module, item: None },
            "super" => Place { module: self.modules[module].parent?, item: None },
            name => self.named(module, name, path.len() == 1, steps)?,
        };
        for (at, name) in path.iter().enumerate().skip(1) {
            if place.item.is_some() {
                // What belongs to an item is where the item is.
                break;
            }
            place = match name.as_str() {
                "super" => Place { module: self.modules[place.module].parent?, item: None },
                "self" => place,
                // What is not seen in a module is made there by a macro.
                name => self
                    .named(place.module, name, at + 1 == path.len(), steps)
                    .unwrap_or(Place { module: place.module, item: Some(name.to_owned()) }),
            };
        }
        Some(place)
    }

    /// What a name means in a module. An item and a module can share one: at the end of a path it is
    /// the item.
    fn named(&self, at: usize, name: &str, is_last: bool, steps: usize) -> Option<Place> {
        let steps = steps.checked_sub(1)?;
        let module = &self.modules[at];
        let inner = || module.modules.get(name).map(|module| Place { module: *module, item: None });
        let item = || match module.names.get(name)? {
            Named::Here => Some(Place { module: at, item: Some(name.to_owned()) }),
            Named::Import(path) => self.follow(at, path, steps),
        };
        let found = if is_last { item().or_else(inner) } else { inner().or_else(item) };
        found.or_else(|| {
            module.globs.iter().find_map(|path| match self.follow(at, path, steps)? {
                Place { module, item: None } if module != at => self.named(module, name, is_last, steps),
                _ => None,
            })
        })
    }
}

impl Module {
    fn take(&mut self, item: Item) {
        let name = match &item {
            Item::Const(item) => Some(&item.ident),
            Item::Enum(item) => Some(&item.ident),
            Item::Fn(item) => Some(&item.sig.ident),
            Item::Macro(item) => item.ident.as_ref(),
            Item::Static(item) => Some(&item.ident),
            Item::Struct(item) => Some(&item.ident),
            Item::Trait(item) => Some(&item.ident),
            Item::Type(item) => Some(&item.ident),
            Item::Union(item) => Some(&item.ident),
            _ => None,
        };
        if let Some(name) = name {
            self.names.insert(name.to_string(), Named::Here);
        }
        if let Item::Use(import) = &item {
            for Imported { path, name } in imported(&import.tree) {
                match name {
                    Some(name) => drop(self.names.entry(name).or_insert(Named::Import(path))),
                    None => self.globs.push(path),
                }
            }
        }
        self.items.push(item);
    }
}

/// The names that a `use` brings in.
pub(super) fn imported(tree: &UseTree) -> Vec<Imported> {
    let mut found = Vec::new();
    unfold(tree, &mut Vec::new(), &mut found);
    found
}

fn unfold(tree: &UseTree, before: &mut Vec<String>, found: &mut Vec<Imported>) {
    let under = |before: &[String], last: String| {
        // `path::{self}` is the path.
        let last = (last != "self" || before.is_empty()).then_some(last);
        before.iter().cloned().chain(last).collect::<Vec<_>>()
    };
    match tree {
        UseTree::Path(inner) => {
            before.push(inner.ident.to_string());
            unfold(&inner.tree, before, found);
            before.pop();
        }
        UseTree::Name(last) => {
            let path = under(before, last.ident.to_string());
            found.push(Imported { name: path.last().cloned(), path });
        }
        UseTree::Rename(last) => {
            let path = under(before, last.ident.to_string());
            found.push(Imported { path, name: Some(last.rename.to_string()) });
        }
        UseTree::Glob(_) => found.push(Imported { path: before.clone(), name: None }),
        UseTree::Group(group) => group.items.iter().for_each(|inner| unfold(inner, before, found)),
    }
}

/// A crate that is being read.
struct Reading<'a> {
    tree: Tree,
    root: &'a Path,
    tests: TestCode,
}

impl Reading<'_> {
    /// Reads a file whose modules have theirs in `folder`.
    fn file(&mut self, path: &Path, folder: &Path, parent: Option<usize>) -> Result<usize, String> {
        let (source, items) = Source::read(self.root, path, self.tests)?;
        self.tree.sources.push(source);
        self.module(self.tree.sources.len() - 1, items, folder, parent)
    }

    fn module(
        &mut self,
        source: usize,
        items: Vec<Item>,
        folder: &Path,
        parent: Option<usize>,
    ) -> Result<usize, String> {
        let at = self.tree.modules.len();
        let (modules, names) = (HashMap::new(), HashMap::new());
        self.tree.modules.push(Module {
            source,
            items: Vec::new(),
            parent,
            modules,
            names,
            globs: Vec::new(),
        });
        for item in items {
            let Item::Mod(inner) = item else {
                self.tree.modules[at].take(item);
                continue;
            };
            let name = inner.ident.to_string();
            let folder = folder.join(&name);
            let child = match inner.content {
                Some((_, items)) => self.module(source, items, &folder, Some(at))?,
                None => self.file(&self.path_of(&folder), &folder, Some(at))?,
            };
            self.tree.modules[at].modules.insert(name, child);
        }
        Ok(at)
    }

    /// The file of a module whose own modules are in `folder`.
    fn path_of(&self, folder: &Path) -> PathBuf {
        let beside = folder.with_extension("rs");
        if self.root.join(&beside).exists() { beside } else { folder.join("mod.rs") }
    }
}
