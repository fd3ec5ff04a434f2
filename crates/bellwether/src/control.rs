//! What the API asks of the rest of the process.

use std::path::Path;

use http_api::control::{
    Arriving, BackedUp, BoxFuture, Cardinality, Checked, Compacted, Control, DefinedChannel, ExportCounts,
    Health, Help, Identity, ImportCounts, Move, NotHeard, OfferedWay, Panel, Posted, ProviderAnswer,
    ProviderQuestion, Readiness, Repolicied, Retention, RetentionQuestion, Said, SettingDifference, State,
    TestedWay, ToSay, Usual, WhisperExport, WhisperImport,
};
use incidents::page::Message;
use monitors::Definitions;
use monitors::config::CheckConfig;
use monitors::kinds::check::Job;
use monitors::kinds::metric::Blind;
use monitors::machine::ObjectName;
use notify::channels::push;
use state_store::StateError;
use tokio::sync::oneshot;
use vocabulary::ports::{PointSink, Scope, StoreError};
use vocabulary::{SeriesRef, ValueKind};

use crate::house::{House, Phase};
use crate::whisper;
use crate::{arriving, backup, config, health, process, provider, reaching, retention, telling, usual};

impl Control for House {
    fn readiness(&self) -> Readiness {
        match *self.phase.lock() {
            Phase::Starting => Readiness::Starting,
            Phase::Stopping => Readiness::Stopping,
            Phase::Running => match self.store.health().read_only {
                Some(why) => Readiness::Impaired(format!("read-only: {}", why.reason)),
                None => Readiness::Ready,
            },
        }
    }

    fn health(&self) -> Health {
        health::health(self)
    }

    fn state(&self) -> (State, Option<String>) {
        health::state(self)
    }

    fn cardinality(&self) -> Cardinality {
        Cardinality {
            series: self.store.names().len() as u64,
            max_series: self.config.load().storage.max_series,
            refused: health::refused(self),
            widest: health::widest(self),
            newest: health::newest(self),
        }
    }

    fn retention(&self, question: Option<RetentionQuestion>) -> Result<Retention, String> {
        retention::retention(self, question)
    }

    fn hear(&self, posted: &Posted) -> Result<(), NotHeard> {
        telling::hear(self, posted)
    }

    fn is_of_telephone(&self, url: &str, form: &[(String, String)], signature: &str) -> Option<bool> {
        notify::incoming::is_of_telephone(&self.config.load().channel, url, form, signature)
    }

    fn compact(&self) -> Result<Compacted, String> {
        let started = std::time::Instant::now();
        self.store.compact().map_err(|error| error.to_string())?;
        let tiers = self.store.health().tiers;
        Ok(Compacted {
            seconds: started.elapsed().as_secs_f64(),
            files: tiers.iter().map(|tier| tier.files).sum(),
            bytes: tiers.iter().map(|tier| tier.bytes).sum(),
        })
    }

    fn fsck(&self) -> Result<Checked, String> {
        Ok(retention::check(self))
    }

    fn repolicy(&self, apply: bool) -> Result<Repolicied, String> {
        retention::repolicy(self, apply)
    }

    fn backup(&self, directory: &Path) -> Result<BackedUp, String> {
        // What was received before the backup is part of it.
        self.store.sync().map_err(|error| error.to_string())?;
        backup::backup(self, directory)
    }

    fn import_whisper(
        &self,
        wanted: &WhisperImport,
        tell: &mut dyn FnMut(Move<ImportCounts>) -> bool,
    ) -> Result<ImportCounts, String> {
        whisper::importing::import(self, wanted, tell)
    }

    fn export_whisper(
        &self,
        wanted: &WhisperExport,
        tell: &mut dyn FnMut(Move<ExportCounts>) -> bool,
    ) -> Result<ExportCounts, String> {
        whisper::exporting::export(self, wanted, tell)
    }

    fn configuration(&self) -> String {
        config::show(&self.config.load()).unwrap_or_else(|error| format!("# {error}\n"))
    }

    fn set_log_level(&self, level: &str) -> Result<(), String> {
        match &self.log {
            Some(log) => log.set_named(level),
            None => Err("there is no log to change: no server is running".into()),
        }
    }

    fn identity(&self) -> Identity {
        Identity { version: env!("CARGO_PKG_VERSION"), host: process::host_name(), started: self.started }
    }

    fn for_each_series(&self, scope: &Scope, take: &mut dyn FnMut(SeriesRef, &str)) {
        self.store
            .names()
            .for_each(ValueKind::Number, scope, |id, name| take(SeriesRef(u64::from(id)), name));
    }

    fn register_series(&self, names: &[String]) -> Result<u64, StoreError> {
        self.store.register(names)
    }

    fn delete_series(&self, series: &[SeriesRef]) -> Result<u64, String> {
        self.store.delete(series).map_err(|error| error.to_string())
    }

    fn arriving(&self) -> Vec<Arriving> {
        arriving::arriving(self)
    }

    fn host_panels(&self) -> Vec<Panel> {
        arriving::host_panels(self)
    }

    fn away(&self) -> Blind {
        self.alive.away()
    }

    fn next_check(&self, name: &ObjectName) -> Option<f64> {
        self.watching.load().as_ref().as_ref()?.next_run(name)
    }

    fn run_check(&self, name: &ObjectName) -> Result<oneshot::Receiver<()>, String> {
        match self.watching.load().as_ref() {
            Some(watching) => watching.run_now(name),
            None => Err("checks are run by a server, and none is running".into()),
        }
    }

    fn trial(&self, check: CheckConfig) -> Result<Job, String> {
        match self.watching.load().as_ref() {
            Some(watching) => watching.trial(check),
            None => Err("checks are run by a server, and none is running".into()),
        }
    }

    fn error_retention_changed(&self) {
        self.errors.upkeep_bell.ring();
    }

    fn definitions_changed(&self) {
        self.renew_book();
        // Whoever has made a heartbeat may ping it in the next moment.
        self.heartbeats.reload(&self.monitors.definitions(), &self.config.load().heartbeats);
        if let Some(watching) = self.watching.load().as_ref() {
            watching.schedule(&self.config.load());
        }
    }

    fn people_changed(&self) {
        self.renew_book();
    }

    fn definitions_in_files(&self) -> Result<Definitions, Vec<String>> {
        let Some(origin) = self.origin.get() else { return Ok(self.config.load().definitions()) };
        let told = |problems: Vec<config::Problem>| problems.iter().map(ToString::to_string).collect();
        origin.load().map(|config| config.definitions()).map_err(told)
    }

    fn settings_that_differ(&self) -> Vec<SettingDifference> {
        let file = self.origin.get().and_then(|origin| origin.load().ok());
        file.map(|file| config::differences(&self.config.load(), &file)).unwrap_or_default()
    }

    fn ask_provider(&self, question: ProviderQuestion) -> BoxFuture<Result<ProviderAnswer, String>> {
        Box::pin(provider::ask(self.egress.clone(), question))
    }

    fn channels(&self) -> Vec<DefinedChannel> {
        telling::defined(&self.config.load())
    }

    fn ways_offered(&self) -> Vec<OfferedWay> {
        reaching::offered(&self.config.load())
    }

    fn push_key(&self) -> Option<String> {
        let key = push::vapid::public_key(self.push_key.reveal());
        key.inspect_err(|why| tracing::error!(why, "browsers cannot subscribe")).ok()
    }

    fn check_way(
        &self,
        kind: &str,
        address: &str,
        channel: Option<&str>,
    ) -> Result<(), (&'static str, String)> {
        reaching::check(&self.config.load(), kind, address, channel)
    }

    fn tested(&self, person: &str) -> Result<Vec<TestedWay>, StateError> {
        reaching::tested(&self.config.load(), &self.state, person)
    }

    fn say(&self, way: &accounts::Way, what: ToSay) -> Said {
        reaching::say(self, way, what)
    }

    fn usual(&self, message: &Message) -> Usual {
        Usual { words: usual::usual(self, message), series: usual::series(self, message) }
    }

    fn help(&self, series: &str) -> Option<Help> {
        arriving::help(series)
    }
}
