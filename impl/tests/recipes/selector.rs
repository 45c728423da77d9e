//! Leadership as a piece of work, and numbers that are listened to.

use crate::{Place, children, close_by_another, eventually, sessions, soon};
use std::sync::atomic::{AtomicUsize, Ordering::SeqCst};
use std::sync::{Arc, Mutex};
use std::time::Duration;
use tokio::sync::{Notify, mpsc};
use zab::Zxid;
use zabkeeper::recipes::{LeaderSelector, Requeue, Sessions, SharedCount};

#[tokio::test(flavor = "multi_thread")]
async fn one_works_at_a_time_and_everybody_in_turn() {
    let place = Place::new();
    let inside = Arc::new(AtomicUsize::new(0));
    let turns = Arc::new(Mutex::new(Vec::<(usize, Zxid)>::new()));
    let mut selectors = Vec::new();
    for index in 0..3 {
        let (inside, turns) = (inside.clone(), turns.clone());
        let work = move |leadership: zabkeeper::recipes::Leadership| {
            let (inside, turns) = (inside.clone(), turns.clone());
            async move {
                assert_eq!(inside.fetch_add(1, SeqCst), 0, "another works");
                turns.lock().unwrap().push((index, leadership.number));
                tokio::time::sleep(Duration::from_millis(5)).await;
                inside.fetch_sub(1, SeqCst);
            }
        };
        let id = index.to_string();
        selectors.push(LeaderSelector::start(&sessions(&place).await, "/selector", &id, Requeue::Always, work));
    }
    eventually("twelve turns", || async { turns.lock().unwrap().len() >= 12 }).await;
    drop(selectors);
    let turns = turns.lock().unwrap().clone();
    assert!(turns.windows(2).all(|pair| pair[0].1 < pair[1].1), "numbers grow: {turns:?}");
    // Who has had its turn is behind the others, as soon as all are there.
    assert!((0..3).all(|index| turns.iter().filter(|turn| turn.0 == index).count() >= 3), "{turns:?}");
    children(&place.client().await, "/selector", 0).await;
}

/// A selector whose work says when it begins, lasts until it is told to end, and says how it ended.
struct Watched {
    selector: LeaderSelector,
    sessions: Sessions,
    begun: mpsc::UnboundedReceiver<Zxid>,
    dropped: mpsc::UnboundedReceiver<()>,
    end: Arc<Notify>,
}

/// Dropped unless the work came to its end.
struct OnDrop(Option<mpsc::UnboundedSender<()>>);

impl Drop for OnDrop {
    fn drop(&mut self) {
        let _ = self.0.as_ref().map(|sender| sender.send(()));
    }
}

async fn watched(place: &Place, id: &str, requeue: Requeue) -> Watched {
    let sessions = sessions(place).await;
    let ((begins, begun), (drops, dropped)) = (mpsc::unbounded_channel(), mpsc::unbounded_channel());
    let end = Arc::<Notify>::default();
    let ends = end.clone();
    let work = move |leadership: zabkeeper::recipes::Leadership| {
        let (begins, drops, ends) = (begins.clone(), drops.clone(), ends.clone());
        async move {
            let mut guard = OnDrop(Some(drops));
            begins.send(leadership.number).expect("the test hears");
            ends.notified().await;
            guard.0 = None;
        }
    };
    let selector = LeaderSelector::start(&sessions, "/selector", id, requeue, work);
    Watched { selector, sessions, begun, dropped, end }
}

#[tokio::test(flavor = "multi_thread")]
async fn work_ends_when_leadership_may_be_gone() {
    let mut place = Place::new();
    let mut one = watched(&place, "one", Requeue::Always).await;
    let mut last = soon("it leads", one.begun.recv()).await.expect("a number");
    assert!(one.selector.is_leader());
    assert_eq!(soon("its name", one.selector.leader()).await, Ok(Some("one".to_owned())));
    // The session ends, the server goes, the owner interrupts: each time the work is dropped and begun anew.
    for how in 0..3 {
        match how {
            0 => close_by_another(&place.options(), &one.sessions.client().await.expect("a client")).await,
            1 => {
                place.stop();
                soon("it is dropped", one.dropped.recv()).await.expect("dropped");
                assert!(!one.selector.is_leader());
                place.start();
            }
            _ => one.selector.interrupt_leadership(),
        }
        if how != 1 {
            soon("it is dropped", one.dropped.recv()).await.expect("dropped");
        }
        let next = soon("it leads again", one.begun.recv()).await.expect("a number");
        assert!(next > last, "a new leadership has a greater number");
        last = next;
    }
    // Its znode goes by another's hand.
    let other = place.client().await;
    let names = soon("names", one.selector.participants()).await.expect("names");
    other.delete(&format!("/selector/{}", names[0]), None).await.expect("deleted");
    soon("it is dropped", one.dropped.recv()).await.expect("dropped");
    soon("it leads again", one.begun.recv()).await.expect("a number");
    drop(one.selector);
    soon("it is dropped", one.dropped.recv()).await.expect("dropped");
    children(&other, "/selector", 0).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn who_is_not_requeued_leads_once() {
    let place = Place::new();
    let mut one = watched(&place, "one", Requeue::WhenAsked).await;
    let mut two = watched(&place, "two", Requeue::WhenAsked).await;
    let (mut leads, mut waits) = tokio::select! {
        _ = one.begun.recv() => (one, two),
        _ = two.begun.recv() => (two, one),
    };
    // To interrupt one that does not lead does nothing, now or later.
    waits.selector.interrupt_leadership();
    leads.end.notify_one();
    soon("the other leads", waits.begun.recv()).await.expect("a number");
    children(&place.client().await, "/selector", 1).await;
    assert!(!leads.selector.is_leader() && waits.selector.is_leader());
    leads.selector.requeue();
    children(&place.client().await, "/selector", 2).await;
    waits.end.notify_one();
    soon("it leads again", leads.begun.recv()).await.expect("a number");
    assert!(waits.dropped.try_recv().is_err() && leads.dropped.try_recv().is_err(), "all work came to its end");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_number_is_told_whenever_it_is_another() {
    let mut place = Place::new();
    let (writer, reader) = (place.client().await, place.client().await);
    let count = SharedCount::new(&writer, "/numbers/n", 7);
    let mut values = SharedCount::new(&reader, "/numbers/n", 7).values();
    assert_eq!(soon("the seed", values.next()).await.expect("a number").value, 7);
    for number in 8..12 {
        count.add(1).await.expect("added");
        assert_eq!(soon("the next", values.next()).await.expect("a number").value, number);
    }
    // What is given up loses nothing; a server that goes and comes is no news.
    assert!(tokio::time::timeout(Duration::from_millis(20), values.next()).await.is_err());
    place.stop();
    place.start();
    soon("connected", async { writer.state().wait_for(|state| state.is_connected()).await.map(drop) })
        .await
        .expect("it comes back");
    for _ in 0..100 {
        soon("added", async {
            while count.add(1).await.is_err() {
                tokio::time::sleep(Duration::from_millis(5)).await;
            }
        })
        .await;
    }
    let (mut told, mut last) = (0, 11);
    while last < 111 {
        let value = soon("the next", values.next()).await.expect("a number").value;
        assert!(value > last, "{value} after {last}");
        (told, last) = (told + 1, value);
    }
    assert!(told <= 101);
}
