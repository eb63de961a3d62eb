//! Writing a new content over the one a document has: as little as possible, so that what others
//! do to the rest at the same time stands.

use std::collections::BTreeMap;

use automerge::transaction::{Transactable, Transaction};
use automerge::{AutomergeError, ObjId, ObjType, Prop, ROOT, ReadDoc, ScalarValue};

use super::content::{Content, JSON, TEXT, text_object};
use super::diff::{Replaced, replaced, replaced_text};
use super::json::Json;
use crate::bounds;

/// Turns `old`, which the document contains, into `new`.
pub(super) fn update(tx: &mut Transaction<'_>, old: &Content, new: &Content) -> Result<(), AutomergeError> {
    match (old, new) {
        (Content::RichText(old), Content::RichText(new)) => match text_object(tx) {
            Some(object) => update_text(tx, &object, old, new),
            None => replace_text(tx, new),
        },
        (Content::Json(old), Content::Json(new)) => update_value(tx, &ROOT, JSON.into(), old, new),
        _ => Ok(()),
    }
}

/// Puts `new` in the place of whatever the document contains.
pub(super) fn replace(tx: &mut Transaction<'_>, new: &Content) -> Result<(), AutomergeError> {
    match new {
        Content::RichText(new) => replace_text(tx, new),
        Content::Json(new) => put(tx, &ROOT, JSON.into(), new),
    }
}

fn replace_text(tx: &mut Transaction<'_>, new: &str) -> Result<(), AutomergeError> {
    let object = tx.put_object(&ROOT, TEXT, ObjType::Text)?;
    if new.is_empty() { Ok(()) } else { tx.splice_text(&object, 0, 0, new) }
}

fn update_text(tx: &mut Transaction<'_>, object: &ObjId, old: &str, new: &str) -> Result<(), AutomergeError> {
    let found = replaced_text(old, new);
    if found.iter().map(|one| one.old.len()).sum::<usize>() > bounds::DOCUMENT_CHANGE_OPS {
        return replace_text(tx, new);
    }
    let bytes: Vec<usize> = new.char_indices().map(|(byte, _)| byte).chain([new.len()]).collect();
    // From the end, so that positions in the old text hold throughout.
    for one in found.into_iter().rev() {
        let inserted = &new[bytes[one.new.start]..bytes[one.new.end]];
        tx.splice_text(object, one.old.start, one.old.len() as isize, inserted)?;
    }
    Ok(())
}

fn update_value(
    tx: &mut Transaction<'_>,
    object: &ObjId,
    prop: Prop,
    old: &Json,
    new: &Json,
) -> Result<(), AutomergeError> {
    match (old, new) {
        _ if old == new => Ok(()),
        (Json::Object(old), Json::Object(new)) => match tx.get(object, prop.clone())? {
            Some((_, inner)) => update_object(tx, &inner, old, new),
            None => Ok(()),
        },
        (Json::List(before), Json::List(after)) => {
            let found = replaced(before, after);
            let deleted: usize = found.iter().map(|one| one.old.len().saturating_sub(one.new.len())).sum();
            match tx.get(object, prop.clone())? {
                Some((_, inner)) if deleted <= bounds::DOCUMENT_CHANGE_OPS => {
                    update_list(tx, &inner, before, after, found)
                }
                _ => put(tx, object, prop, new),
            }
        }
        _ => put(tx, object, prop, new),
    }
}

fn update_object(
    tx: &mut Transaction<'_>,
    object: &ObjId,
    old: &BTreeMap<String, Json>,
    new: &BTreeMap<String, Json>,
) -> Result<(), AutomergeError> {
    for key in old.keys().filter(|key| !new.contains_key(*key)) {
        tx.delete(object, key.as_str())?;
    }
    for (key, value) in new {
        match old.get(key) {
            Some(before) => update_value(tx, object, key.into(), before, value)?,
            None => put(tx, object, key.into(), value)?,
        }
    }
    Ok(())
}

/// Items that stand in the place of others are taken for the same ones, changed.
fn update_list(
    tx: &mut Transaction<'_>,
    object: &ObjId,
    old: &[Json],
    new: &[Json],
    found: Vec<Replaced>,
) -> Result<(), AutomergeError> {
    for one in found.into_iter().rev() {
        let (before, after) = (&old[one.old.clone()], &new[one.new.clone()]);
        let both = before.len().min(after.len());
        for at in (one.old.start + both..one.old.end).rev() {
            tx.delete(object, at)?;
        }
        for (at, value) in after.iter().enumerate().skip(both) {
            insert(tx, object, one.old.start + at, value)?;
        }
        for (at, (before, after)) in before.iter().zip(after).enumerate() {
            update_value(tx, object, (one.old.start + at).into(), before, after)?;
        }
    }
    Ok(())
}

fn put(tx: &mut Transaction<'_>, object: &ObjId, prop: Prop, value: &Json) -> Result<(), AutomergeError> {
    match shape(value) {
        Shape::Scalar(scalar) => tx.put(object, prop, scalar),
        Shape::Object(kind) => {
            let inner = tx.put_object(object, prop, kind)?;
            fill(tx, &inner, value)
        }
    }
}

fn insert(tx: &mut Transaction<'_>, object: &ObjId, at: usize, value: &Json) -> Result<(), AutomergeError> {
    match shape(value) {
        Shape::Scalar(scalar) => tx.insert(object, at, scalar),
        Shape::Object(kind) => {
            let inner = tx.insert_object(object, at, kind)?;
            fill(tx, &inner, value)
        }
    }
}

fn fill(tx: &mut Transaction<'_>, object: &ObjId, value: &Json) -> Result<(), AutomergeError> {
    match value {
        Json::Object(entries) => {
            entries.iter().try_for_each(|(key, value)| put(tx, object, key.into(), value))
        }
        Json::List(items) => {
            items.iter().enumerate().try_for_each(|(at, value)| insert(tx, object, at, value))
        }
        _ => Ok(()),
    }
}

/// How automerge holds a value: by itself, or as an object that is filled.
enum Shape {
    Scalar(ScalarValue),
    Object(ObjType),
}

fn shape(value: &Json) -> Shape {
    Shape::Scalar(match value {
        Json::Object(_) => return Shape::Object(ObjType::Map),
        Json::List(_) => return Shape::Object(ObjType::List),
        Json::Null => ScalarValue::Null,
        Json::Boolean(truth) => ScalarValue::Boolean(*truth),
        Json::Integer(number) => ScalarValue::Int(*number),
        Json::Real(number) => ScalarValue::F64(*number),
        Json::Text(text) => ScalarValue::Str(text.as_str().into()),
    })
}
