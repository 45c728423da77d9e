//! What a subscriber of `tracing` is told of requests.

use crate::{Place, soon, until};
use std::collections::{BTreeMap, HashMap};
use std::fmt::Debug;
use std::sync::{Arc, Mutex};
use tracing::field::{Field, Visit};
use tracing::span::{Attributes, Id, Record};
use tracing::subscriber::DefaultGuard;
use tracing_subscriber::layer::{Context, Layer, SubscriberExt};
use zabkeeper::client::{Acl, Client, Code, CreateMode, Error, SessionState};

/// The fields of a span, and the name of the one above it.
#[derive(Clone, Debug, Default, PartialEq)]
struct Fields(BTreeMap<String, String>, Option<&'static str>);

impl Fields {
    fn get(&self, name: &str) -> &str {
        self.0.get(name).map_or("", String::as_str)
    }
}

impl Visit for Fields {
    fn record_debug(&mut self, field: &Field, value: &dyn Debug) {
        self.0.insert(field.name().to_owned(), format!("{value:?}"));
    }

    fn record_str(&mut self, field: &Field, value: &str) {
        self.0.insert(field.name().to_owned(), value.to_owned());
    }
}

/// Spans of requests.
#[derive(Debug, Default)]
struct Spans {
    open: HashMap<u64, Fields>,
    ended: Vec<Fields>,
}

#[derive(Clone, Debug, Default)]
struct Listener(Arc<Mutex<Spans>>);

impl<S: tracing::Subscriber + for<'a> tracing_subscriber::registry::LookupSpan<'a>> Layer<S> for Listener {
    fn on_new_span(&self, attributes: &Attributes<'_>, id: &Id, context: Context<'_, S>) {
        if attributes.metadata().name() == "request" {
            let mut fields = Fields::default();
            attributes.record(&mut fields);
            fields.1 = context.span(id).and_then(|span| span.parent()).map(|parent| parent.name());
            self.0.lock().unwrap().open.insert(id.into_u64(), fields);
        }
    }

    fn on_record(&self, id: &Id, values: &Record<'_>, _: Context<'_, S>) {
        if let Some(fields) = self.0.lock().unwrap().open.get_mut(&id.into_u64()) {
            values.record(fields);
        }
    }

    fn on_close(&self, id: Id, _: Context<'_, S>) {
        let mut spans = self.0.lock().unwrap();
        let ended = spans.open.remove(&id.into_u64());
        spans.ended.extend(ended);
    }
}

impl Listener {
    /// Hears what this thread does, on which everything of a client runs in these tests.
    fn listen() -> (Listener, DefaultGuard) {
        let listener = Listener::default();
        let subscriber = tracing_subscriber::registry().with(listener.clone());
        (listener, tracing::subscriber::set_default(subscriber))
    }

    /// The spans that ended since; none is open.
    fn ended(&self) -> Vec<Fields> {
        let mut spans = self.0.lock().unwrap();
        assert!(spans.open.is_empty(), "{spans:?}");
        std::mem::take(&mut spans.ended)
    }
}

fn session(client: &Client) -> String {
    format!("0x{:x}", client.session_id().0)
}

#[tokio::test]
async fn a_request_is_a_span_from_its_call_to_its_answer() {
    let (listener, _guard) = Listener::listen();
    let place = Place::new();
    let client = place.client().await;
    let above = tracing::info_span!("above");
    let pending = above.in_scope(|| client.create("/a", b"", CreateMode::Persistent, &Acl::open()));
    let (_, stat) = pending.await.expect("created");
    let created = &listener.ended()[0];
    let zxid = format!("0x{:x}", stat.persisted.czxid.0);
    let told = ["operation", "path", "xid", "zxid", "error"].map(|field| created.get(field));
    assert!(told[0].starts_with("Create"), "{created:?}");
    assert_eq!(told[1..], ["/a", "1", &zxid, ""]);
    assert_eq!((created.get("session"), created.1), (&*session(&client), Some("above")));
    client.close().await;
}

#[tokio::test]
async fn a_span_says_what_went_wrong() {
    let (listener, _guard) = Listener::listen();
    let mut place = Place::new();
    let client = place.client().await;
    assert_eq!(client.get_data("/none").await, Err(Error::Server(Code::NoNode)));
    let refused = listener.ended();
    assert_eq!([refused[0].get("operation"), refused[0].get("path")], ["GetData", "/none"]);
    assert!(!refused[0].get("error").is_empty() && !refused[0].get("zxid").is_empty(), "{refused:?}");
    // The server goes with a request that it may not have seen.
    let lost = client.get_data("/lost");
    place.stop();
    let result = soon("an answer", lost).await;
    until(&client, SessionState::Connecting).await;
    // Of one that waits for a connection nothing was sent.
    let waits = client.get_data("/waits");
    drop(client);
    let unsent = soon("an answer", waits).await.expect_err("there is no server");
    let ended = listener.ended();
    let find = |path: &str| ended.iter().find(|span| span.get("path") == path).expect("a span").clone();
    assert_eq!(find("/lost").get("error").is_empty(), result.is_ok() || result == Err(Error::Server(Code::NoNode)));
    assert_eq!((find("/waits").get("error"), find("/waits").get("xid")), (&*unsent.to_string(), ""));
}

#[tokio::test]
async fn who_drops_the_future_leaves_the_span_until_the_answer() {
    let (listener, _guard) = Listener::listen();
    let place = Place::new();
    let client = place.client().await;
    drop(client.get_data("/"));
    client.sync("/").await.expect("synced");
    let ended = listener.ended();
    assert_eq!(ended.iter().map(|span| span.get("operation")).collect::<Vec<_>>(), ["GetData", "Sync"]);
    assert!(ended.iter().all(|span| !span.get("zxid").is_empty()), "{ended:?}");
}
