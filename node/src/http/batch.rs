//! `POST /v1/spaces/{space}/batch`: transactions one after the other, each judged by itself.

use std::fmt;

use axum::Extension;
use axum::extract::State;
use axum::http::{HeaderMap, header};
use axum::response::{IntoResponse, Response};
use serde::Deserialize;
use serde::de::{Deserializer, SeqAccess, Visitor};
use serde_json::value::RawValue;
use tandem_protocol::cause::Cause;
use tandem_store::ANSWER_BYTES;
use tandem_words::Language;

use super::body::{Path, Raw};
use super::caller::{Caller, Waits};
use super::problem;
use super::site::Site;
use super::unreadable;
use super::waiting::answered;
use crate::api::access::Access;
use crate::api::batch::{BatchItem, BatchResult, MOST};
use crate::api::transaction::{Transact, Transacted};
use crate::api::{Result, error_kind};

pub(super) async fn batch(
    State(site): State<Site>,
    Path(space): Path<String>,
    Extension(caller): Extension<Caller>,
    Extension(access): Extension<Access>,
    headers: HeaderMap,
    Raw(body): Raw,
) -> Result<Response> {
    let Items { items, count } =
        serde_json::from_slice(&body).map_err(|error| unreadable::of_json(&error))?;
    if count > MOST {
        return Err(error_kind::batch_too_large.with("most", MOST).with("count", count));
    }
    site.api.space(&space)?;
    assert_eq!(items.len(), count, "a batch within its bound is carried out whole");
    let mut answer = Answer::new(problem::language_of(&headers));
    let name = caller.name(&headers);
    for item in items {
        let result = match answer.has_room() {
            true => one(&site, &space, (&name, &access), item).await,
            false => Err(error_kind::batch_cut.with("most", ANSWER_BYTES >> 20)),
        };
        answer.push(result)?;
    }
    assert_eq!(answer.counts.iter().sum::<usize>(), count, "each transaction of a batch has its answer");
    Ok(problem::is_told_in(answer.language, answer.finish()))
}

/// Carries out one transaction of the batch.
async fn one(
    site: &Site,
    space: &str,
    (caller, access): (&str, &Access),
    item: &RawValue,
) -> Result<Transacted> {
    let item: BatchItem = serde_json::from_str(item.get()).map_err(|error| unreadable::of_json(&error))?;
    let mut request = Transact::from(item);
    request.by = access.sign(request.by);
    let owner = site.api.writer(caller, request.by.as_deref(), request.deadline)?;
    let waits = Waits::new(owner.clone());
    let answer = answered(|reply| site.api.transact_for(space, request, owner, reply)).await;
    waits.no_longer();
    answer
}

/// The transactions of a batch, not looked into yet: one that cannot be read is refused alone.
struct Items<'a> {
    items: Vec<&'a RawValue>,
    /// How many there are, those too many included, of which none is kept.
    count: usize,
}

impl<'de> Deserialize<'de> for Items<'de> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> std::result::Result<Self, D::Error> {
        deserializer.deserialize_seq(ItemsVisitor)
    }
}

struct ItemsVisitor;

impl<'de> Visitor<'de> for ItemsVisitor {
    type Value = Items<'de>;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("[{\"statements\": […], \"key\": …}, …]")
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut list: A) -> std::result::Result<Items<'de>, A::Error> {
        let mut found = Items { items: Vec::new(), count: 0 };
        while let Some(item) = list.next_element()? {
            found.count += 1;
            if found.count <= MOST {
                found.items.push(item);
            }
        }
        Ok(found)
    }
}

/// `{"results": […], "done": …, "repeated": …, "refused": …}`, of which no result is held but as text.
struct Answer {
    language: Language,
    text: Vec<u8>,
    /// How many were done, repeated, refused.
    counts: [usize; 3],
}

impl Answer {
    fn new(language: Language) -> Self {
        Self { language, text: b"{\"results\":[".to_vec(), counts: [0; 3] }
    }

    /// Whether another transaction may be carried out: none is whose answer cannot be given.
    fn has_room(&self) -> bool {
        self.text.len() <= ANSWER_BYTES
    }

    fn push(&mut self, result: Result<Transacted>) -> Result<()> {
        let result = match result {
            Ok(written) => BatchResult::from(written),
            Err(error) => BatchResult::Refused { error: error.problem(self.language) },
        };
        if self.counts.iter().sum::<usize>() > 0 {
            self.text.push(b',');
        }
        self.counts[match result {
            BatchResult::Done(_) => 0,
            BatchResult::Repeated(_) => 1,
            BatchResult::Refused { .. } => 2,
        }] += 1;
        let unmade = |error: serde_json::Error| Cause::new("json_made").with("said", error.to_string());
        serde_json::to_writer(&mut self.text, &result)
            .map_err(|error| error_kind::failed.with("detail", unmade(error)))
    }

    fn finish(mut self) -> Response {
        let [done, repeated, refused] = self.counts;
        let end = format!("],\"done\":{done},\"repeated\":{repeated},\"refused\":{refused}}}");
        self.text.extend_from_slice(end.as_bytes());
        ([(header::CONTENT_TYPE, "application/json")], self.text).into_response()
    }
}
