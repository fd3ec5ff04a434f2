//! The task of each channel: what is due is sent, and what became of it is on the disk before the next round.

use std::collections::HashMap;
use std::sync::Arc;
use std::time::{Duration, Instant};

use incidents::desk::Attempt;
use incidents::learning::earlier::in_words;
use incidents::outbox::Waiting;
use incidents::page::Message;
use incidents::{Answer, Desk, Page};
use jiff::tz::TimeZone;
use outbound::Egress;
use ring::hmac;
use tokio::runtime::Handle;
use tokio::sync::{Notify, mpsc, watch};
use tokio::task::{JoinHandle, JoinSet};
use vocabulary::{Clock, Timestamp};

use crate::channels::pictures::Pictures;
use crate::channels::unopened::{Undrawn, Unheard, Unopened};
use crate::channels::{self, Channel, Letter, Post, Results, Sent};
use crate::config::{ChannelConfig, Secret};
use crate::illustrating::{Illustrating, Told};
use crate::limits::{
    LOOK_EVERY, MARKS, MARKS_BEFORE_SECONDS, PICTURES, PICTURES_WAITING, ROUND, STOP_TIMEOUT, USUALS_PATIENCE,
};
use crate::listening::Listening;
use crate::readable::for_people;
use crate::retry::{Failure, next_try};

/// What happened shortly before, from the annotations.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Mark {
    pub at: i64,
    pub what: String,
}

/// What a page says beside what the incident knows.
pub trait Surroundings: Send + Sync {
    /// Events between two moments that this contact may see, in order.
    fn marks(&self, contact: &str, from: i64, until: i64) -> Vec<Mark>;
    /// What the value usually is, in words.
    fn usual(&self, message: &Message) -> Option<String>;
    /// The graph of the incident that this token acknowledges, as PNG; none: nothing is measured of it.
    fn picture(&self, token: &str) -> Option<Vec<u8>>;
    /// Where that graph is below the address of this server, for whoever may not act; none: nothing is measured of it, others
    /// do not reach this server, or it shows what is not for this contact.
    fn picture_path(&self, incident: i64, contact: &str) -> Option<String>;
    /// Somebody has answered a page: it is that contact's deed now. False: it cannot be done now, and is to be asked for again.
    fn answered(&self, answer: &Answer) -> bool;
    /// A receiver has said that this address of a contact is there no more. Must not wait.
    fn gone(&self, contact: &str, kind: &str, address: &str);
}

/// What may change while pages are sent.
#[derive(Clone)]
pub struct Settings {
    pub channels: Vec<ChannelConfig>,
    /// Where the pages are, for links.
    pub url: String,
    /// Links work only on this machine: nobody has said by which address others reach it.
    pub url_is_local: bool,
    /// Differs from that of any other server, so that its mails and deliveries do too.
    pub server_id: String,
    /// Of the server's own secret: what others must not guess is made of it.
    pub secret: Secret,
    /// With which web push is signed.
    pub push_key: Secret,
    pub zone: TimeZone,
}

impl Settings {
    /// Always the same for one purpose, and nobody else's guess.
    pub fn derived(&self, purpose: &str) -> String {
        let key = hmac::Key::new(hmac::HMAC_SHA256, self.secret.reveal().as_bytes());
        let tag = hmac::sign(&key, purpose.as_bytes());
        tag.as_ref()[..12].iter().map(|byte| format!("{byte:02x}")).collect()
    }
}

/// What the tasks share.
pub(crate) struct Shared {
    pub desk: Arc<Desk>,
    pub egress: Arc<Egress>,
    pub clock: Arc<dyn Clock>,
    pub surroundings: Arc<dyn Surroundings>,
    pub woken: Arc<Notify>,
    /// When this process began to send: what is older may have been sent by one that died. What others send at a reload is
    /// sent to its end.
    pub since: i64,
}

pub struct Sender {
    settings: watch::Sender<Option<Arc<Settings>>>,
    task: JoinHandle<()>,
    runtime: Handle,
}

impl Sender {
    pub fn start(
        desk: Arc<Desk>,
        settings: Settings,
        egress: Arc<Egress>,
        clock: Arc<dyn Clock>,
        surroundings: Arc<dyn Surroundings>,
        runtime: &Handle,
    ) -> Sender {
        let woken = Arc::new(Notify::new());
        let waker = woken.clone();
        desk.set_waker(move || waker.notify_waiters());
        let since = clock.now().0;
        let shared = Arc::new(Shared { desk, egress, clock, surroundings, woken, since });
        let (sender, receiver) = watch::channel(Some(Arc::new(settings)));
        let task = runtime.spawn(supervise(shared, receiver));
        Sender { settings: sender, task, runtime: runtime.clone() }
    }

    /// Other channels from now on; what is being sent is sent to its end.
    pub fn reconfigure(&self, settings: Settings) {
        self.settings.send_replace(Some(Arc::new(settings)));
    }

    /// What is being sent has a moment to end; what waits is on the disk.
    pub fn stop(self) {
        self.settings.send_replace(None);
        if self.runtime.block_on(async { tokio::time::timeout(STOP_TIMEOUT, self.task).await }).is_err() {
            tracing::warn!("some pages were being sent at the stop; they are sent again at the next start");
        }
    }
}

/// Starts the tasks of the channels, and others when the settings change.
async fn supervise(shared: Arc<Shared>, mut receiver: watch::Receiver<Option<Arc<Settings>>>) {
    let mut before: Option<Arc<Settings>> = None;
    loop {
        let Some(settings) = receiver.borrow_and_update().clone() else { return };
        if let Some(before) = &before {
            forgive_changed(&shared, before, &settings).await;
        }
        let (stop, stopped) = watch::channel(false);
        let mut tasks = JoinSet::new();
        for config in &settings.channels {
            spawn(config, &settings, &shared, &mut tasks, &stopped);
        }
        abandon_unknown(&shared, &settings).await;
        before = Some(settings);
        // An error: the sender is gone, which is the end too.
        let changed = receiver.changed().await;
        stop.send_replace(true);
        shared.woken.notify_waiters();
        while tasks.join_next().await.is_some() {}
        if changed.is_err() {
            return;
        }
    }
}

/// The task that sends, and the one that hears what comes back. Pages of what cannot be opened do not wait for somebody to mend
/// it: they fail, and go other ways.
fn spawn(
    config: &ChannelConfig,
    settings: &Arc<Settings>,
    shared: &Arc<Shared>,
    tasks: &mut JoinSet<()>,
    stopped: &watch::Receiver<bool>,
) {
    let entry = channels::of(config.kind);
    let channel = (entry.open)(config).unwrap_or_else(|why| {
        tracing::error!(
            channel = config.name,
            why,
            "this channel cannot be used: it is tried with each page"
        );
        Box::new(Unopened::new(config))
    });
    let ear = (entry.ear)(config).unwrap_or_else(|why| {
        tracing::error!(
            channel = config.name,
            why,
            "what comes back by this channel is not heard until it can be"
        );
        Some(Box::new(Unheard::new(config)))
    });
    let told = illustrator(config, settings, shared, tasks, stopped);
    let (name, settings, shared) = (config.name.clone(), settings.clone(), shared.clone());
    if let Some(ear) = ear {
        let (name, settings, shared) = (name.clone(), settings.clone(), shared.clone());
        tasks.spawn(Listening { name, ear, settings, shared, heard_until: i64::MIN }.run(stopped.clone()));
    }
    let (give_up, within) = (entry.give_up, matches!(entry.pictures, Pictures::Within));
    let task = Task { name, channel, give_up, within, told, settings, shared, failures: 0 };
    tasks.spawn(task.run(stopped.clone()));
}

/// What sends graphs after their pages, if this type does that.
fn illustrator(
    config: &ChannelConfig,
    settings: &Arc<Settings>,
    shared: &Arc<Shared>,
    tasks: &mut JoinSet<()>,
    stopped: &watch::Receiver<bool>,
) -> Option<mpsc::Sender<Told>> {
    let Pictures::After(open) = channels::of(config.kind).pictures else { return None };
    let illustrator = open(config).unwrap_or_else(|why| {
        tracing::error!(
            channel = config.name,
            why,
            "pages of this channel go without a graph until it can be used"
        );
        Some(Box::new(Undrawn { config: config.clone(), open }))
    });
    let illustrator = illustrator?;
    let (told, queue) = mpsc::channel(PICTURES_WAITING);
    let (settings, shared) = (settings.clone(), shared.clone());
    let illustrating = Illustrating { name: config.name.clone(), illustrator, settings, shared, told: queue };
    tasks.spawn(illustrating.run(stopped.clone()));
    Some(told)
}

/// A channel that is defined in another way is tried anew, whatever it was before.
async fn forgive_changed(shared: &Arc<Shared>, before: &Arc<Settings>, now: &Arc<Settings>) {
    let of = |settings: &Settings, name: &str| {
        settings.channels.iter().find(|channel| channel.name == name).cloned()
    };
    let names = now.channels.iter().map(|channel| channel.name.clone());
    let changed: Vec<String> = names.filter(|name| of(before, name) != of(now, name)).collect();
    let shared = shared.clone();
    let work = tokio::task::spawn_blocking(move || {
        for channel in changed {
            if let Err(error) = shared.desk.forgive(&channel, shared.clock.now()) {
                tracing::error!(%error, channel, "that this channel is another one now could not be written");
            }
        }
    });
    // A task that panicked has said so.
    let _ = work.await;
}

/// Pages for channels that are not there any more go another way, and nobody is told any longer that such a channel fails.
async fn abandon_unknown(shared: &Arc<Shared>, settings: &Arc<Settings>) {
    let (shared, settings) = (shared.clone(), settings.clone());
    let work = tokio::task::spawn_blocking(move || {
        let known = |name: &str| settings.channels.iter().any(|channel| channel.name == name);
        for channel in shared.desk.channels_at_work().iter().filter(|name| !known(name)) {
            if let Err(error) = shared.desk.abandon(channel, shared.clock.now()) {
                tracing::error!(%error, %channel, "pages of a channel that is gone could not be sent another way");
            }
        }
    });
    // A task that panicked has said so.
    let _ = work.await;
}

struct Task {
    name: String,
    channel: Box<dyn Channel>,
    give_up: i64,
    /// Its pages hold the graph.
    within: bool,
    /// Where pages go whose graph follows.
    told: Option<mpsc::Sender<Told>>,
    settings: Arc<Settings>,
    shared: Arc<Shared>,
    /// Rounds in a row in which nobody was there.
    failures: u32,
}

impl Task {
    async fn run(mut self, mut stopped: watch::Receiver<bool>) {
        while !*stopped.borrow_and_update() {
            let woken = self.shared.woken.clone();
            let woken = woken.notified();
            tokio::pin!(woken);
            // From here on a wake-up is not missed.
            woken.as_mut().enable();
            let pause = self.round().await;
            if pause.is_zero() {
                continue;
            }
            tokio::select! {
                () = tokio::time::sleep(pause) => {}
                () = woken, if self.failures == 0 => {}
                _ = stopped.changed() => {}
            }
        }
    }

    /// Sends what is due, and tells how long there is nothing to do.
    async fn round(&mut self) -> Duration {
        let now_ms = self.now_ms();
        let letters = self.letters(now_ms).await;
        if letters.is_empty() {
            let next = self.shared.desk.next_due(&self.name);
            let wait =
                next.map(|next| Duration::from_millis(next.saturating_sub(now_ms).max(0).unsigned_abs()));
            return wait.unwrap_or(LOOK_EVERY).clamp(Duration::from_millis(50), LOOK_EVERY);
        }
        let results = if self.shared.desk.is_off(&self.name) {
            let why = "it is switched off: it has answered 410".to_owned();
            let gone = |letter: &Letter| (letter.waiting.page.id, Err(Failure::Gone { why: why.clone() }));
            letters.iter().map(gone).collect()
        } else {
            let surroundings = &self.shared.surroundings;
            let gone = |contact: &str, kind: &str, address: &str| surroundings.gone(contact, kind, address);
            let (settings, egress) = (&self.settings, &self.shared.egress);
            let post = Post { settings, egress, now: now_ms / 1_000, since: self.shared.since, gone: &gone };
            self.channel.send(&letters, &post).await
        };
        if results.is_empty() {
            // As many as may be in this minute.
            return Duration::from_secs(1);
        }
        let nobody_there = results.iter().any(|(_, result)| matches!(result, Err(Failure::Channel { .. })));
        self.failures = if nobody_there { self.failures + 1 } else { 0 };
        let attempts = self.attempts(&letters, results);
        let wait = attempts.iter().filter_map(|(_, attempt)| match attempt {
            Attempt::Later { at_ms, .. } if nobody_there => Some(at_ms.saturating_sub(self.now_ms())),
            _ => None,
        });
        let wait = wait.max().unwrap_or(0).max(0).unsigned_abs();
        self.record(&attempts).await;
        self.illustrate(letters, attempts);
        Duration::from_millis(wait)
    }

    fn attempts(&self, letters: &[Letter], results: Results) -> Vec<(i64, Attempt)> {
        let by_id: HashMap<i64, &Waiting> =
            letters.iter().map(|letter| (letter.waiting.page.id, &letter.waiting)).collect();
        let attempt = |(id, result): (i64, Result<Sent, Failure>)| {
            let waiting = by_id.get(&id)?;
            let failure = match result {
                Ok(Sent { is_unsaid: true, .. }) => return Some((id, Attempt::Unsaid)),
                Ok(Sent { handle: None, .. }) => return Some((id, Attempt::Delivered)),
                Ok(Sent { handle: Some(handle), .. }) => return Some((id, Attempt::Taken { handle })),
                Err(failure) => failure,
            };
            let why = failure.why().to_owned();
            tracing::warn!(channel = self.name, page = id, why, "a page was not delivered");
            if matches!(failure, Failure::Gone { .. }) {
                return Some((id, Attempt::Gone { why }));
            }
            if matches!(failure, Failure::Person { .. }) {
                return Some((id, Attempt::Unreached { why }));
            }
            // As often as the channel has failed, if that is why.
            let tries = waiting.tries.max(self.failures.saturating_sub(1));
            let began = waiting.page.at.0;
            let next = next_try(&failure, tries, id, began, self.give_up, self.now_ms());
            Some((
                id,
                next.map_or(Attempt::GivenUp { why: why.clone() }, |at_ms| Attempt::Later { at_ms, why }),
            ))
        };
        results.into_iter().filter_map(attempt).collect()
    }

    async fn letters(&self, now_ms: i64) -> Vec<Letter> {
        let (shared, name, pictures) = (self.shared.clone(), self.name.clone(), self.within);
        let url = self.settings.url.clone();
        let looked_up = tokio::task::spawn_blocking(move || {
            let due = shared.desk.due(&name, now_ms, ROUND);
            let mut marks: HashMap<(Arc<str>, i64), Vec<Mark>> = HashMap::new();
            let mut usual: HashMap<(String, String), Option<String>> = HashMap::new();
            let mut last_times: HashMap<i64, Option<String>> = HashMap::new();
            let (began, mut drawn) = (Instant::now(), 0);
            let letter = |waiting: Waiting| {
                let Page { id, incident, kind, contact, channel, message, .. } = &waiting.page;
                let first = incident.and_then(|incident| shared.desk.first_page(incident, contact, channel));
                let earlier =
                    incident.map_or_else(Vec::new, |incident| shared.desk.handles(incident, channel));
                let marks = marks.entry((contact.clone(), message.since / 60));
                let marks = marks.or_insert_with(|| shared.marks_before(contact, message.since)).clone();
                // A burst of pages of one storm looks a few of them up, and is not kept waiting for the rest.
                let what = (message.name.clone(), message.instance.clone());
                let may_look = kind.is_problem() && began.elapsed() < USUALS_PATIENCE;
                let usual = match (usual.get(&what), may_look) {
                    (Some(known), _) => known.clone(),
                    (None, false) => None,
                    (None, true) => {
                        usual.entry(what).or_insert_with(|| shared.surroundings.usual(message)).clone()
                    }
                };
                let last_time = incident.filter(|_| may_look).and_then(|incident| {
                    last_times.entry(incident).or_insert_with(|| shared.last_time(incident)).clone()
                });
                let token = incident.filter(|_| kind.is_problem());
                let token = token.map(|incident| shared.desk.acknowledge_token(incident, contact));
                let picture = token.as_ref().filter(|_| pictures && drawn < PICTURES);
                drawn += usize::from(picture.is_some());
                let picture = picture.and_then(|token| shared.surroundings.picture(token));
                let graph = incident.filter(|_| kind.is_problem());
                let graph = graph.and_then(|incident| shared.surroundings.picture_path(incident, contact));
                for_people(Letter {
                    first: first.unwrap_or(*id),
                    earlier,
                    marks,
                    usual,
                    last_time,
                    token,
                    picture,
                    graph: graph.map(|path| format!("{}{path}", url.trim_end_matches('/'))),
                    waiting,
                })
            };
            due.into_iter().map(letter).collect()
        });
        looked_up.await.unwrap_or_default()
    }

    /// On the disk before anything else is sent: else a page would be sent twice after a crash more often than needed.
    async fn record(&self, attempts: &[(i64, Attempt)]) {
        let (shared, name, attempts) = (self.shared.clone(), self.name.clone(), attempts.to_vec());
        let now = Timestamp(self.now_ms() / 1_000);
        let recorded = tokio::task::spawn_blocking(move || shared.desk.record(&name, &attempts, now)).await;
        if let Ok(Err(error)) = recorded {
            tracing::error!(%error, channel = self.name, "what became of pages could not be written");
            // They would be sent again at once.
            tokio::time::sleep(LOOK_EVERY).await;
        }
    }

    /// Of what was just taken: of a storm the first few, the rest is on the page that each link leads to.
    fn illustrate(&self, letters: Vec<Letter>, attempts: Vec<(i64, Attempt)>) {
        let Some(told) = &self.told else { return };
        let taken: HashMap<i64, Option<String>> = attempts
            .into_iter()
            .filter_map(|(id, attempt)| match attempt {
                Attempt::Delivered => Some((id, None)),
                Attempt::Taken { handle } => Some((id, Some(handle))),
                _ => None,
            })
            .collect();
        let has_graph = |letter: &Letter| letter.token.is_some() && letter.earlier.is_empty();
        for letter in letters.into_iter().filter(has_graph) {
            let Some(handle) = taken.get(&letter.waiting.page.id).cloned() else { continue };
            // No room: there are more pages than anybody looks at graphs.
            let _ = told.try_send(Told { letter, handle });
        }
    }

    fn now_ms(&self) -> i64 {
        i64::try_from(self.shared.clock.since_epoch().as_millis()).unwrap_or(i64::MAX)
    }
}

impl Shared {
    /// A page without it is better than none.
    fn last_time(&self, incident: i64) -> Option<String> {
        let earlier = self.desk.earlier(incident);
        let earlier = earlier.inspect_err(|error| tracing::warn!(%error, "what happened the last time"));
        earlier.ok().and_then(|earlier| in_words(&earlier))
    }

    fn marks_before(&self, contact: &str, since: i64) -> Vec<Mark> {
        // To the end of that second.
        let mut marks = self.surroundings.marks(contact, since - MARKS_BEFORE_SECONDS, since + 1);
        let old = marks.len().saturating_sub(MARKS);
        marks.drain(..old);
        marks
    }
}
