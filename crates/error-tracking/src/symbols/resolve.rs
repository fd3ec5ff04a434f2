//! The stacks of an event, in the words of those who wrote the program. What the client sent stays beside them, as
//! `raw_stacktrace`.

use std::borrow::Cow;
use std::collections::HashMap;
use std::sync::Arc;

use formats::sentry::bundle::{ArtifactKind, DebugId, INLINE};
use state_store::StateError;

use super::frames::{Spot, is_scripted, rewrite};
use super::maps::{Lines, Map, Origin, Place, inline};
use super::tables::{self, Build, FoundFile};
use super::{Artifacts, urls};
use crate::digest::Symbols;
use crate::limits::{
    MAX_MAP_BYTES, MAX_MAPPED_FRAMES, MAX_MINIFIED_BYTES, MAX_MISSING_MAPS, MAX_PLACES, MAX_SOURCE_BYTES,
};
use crate::project::Project;
use crate::read::{Tree, frames, frames_mut, text_at, values_mut};

/// Where a client says what it knows of errors in the event itself.
const ERRORS: &str = "errors";
const RAW: &str = "raw_stacktrace";

impl Symbols for Artifacts {
    fn resolve(&self, project: &Project, event: &mut Tree<'_>) {
        if !self.serves(project.id) {
            return;
        }
        let mut looking = Looking::new(self, project, event);
        for holder in ["exception", "threads"] {
            values_mut(event, holder).iter_mut().for_each(|one| looking.stack_of(one));
        }
        looking.stack_of(event);
        looking.tell_missing(event);
    }
}

/// Which map belongs to a file, once it has been looked for.
#[derive(Clone, PartialEq, Eq, Hash)]
pub(super) enum Wanted {
    Id(u64, DebugId),
    Url(Build, String),
}

/// What of an event decides on the maps of its frames.
struct Looking<'s> {
    artifacts: &'s Artifacts,
    build: Build,
    is_script: bool,
    /// By what the browser loaded.
    ids: HashMap<String, DebugId>,
    left: usize,
    /// Bytes of source that may still be put beside frames.
    room: usize,
    /// Files whose map is said to be there and is not, with why.
    missing: Vec<(String, String)>,
}

impl<'s> Looking<'s> {
    fn new(artifacts: &'s Artifacts, project: &Project, event: &Tree<'_>) -> Looking<'s> {
        let text = |key: &str| text_at(event, &[key]).unwrap_or_default().to_owned();
        let images = event.at(&["debug_meta", "images"]).map(Tree::list).unwrap_or_default();
        let id = |image: &Tree<'_>| {
            let id = DebugId::read(text_at(image, &["debug_id"])?)?;
            Some((text_at(image, &["code_file"])?.to_owned(), id))
        };
        Looking {
            artifacts,
            build: Build { project: project.id, release: text("release"), dist: text("dist") },
            is_script: is_scripted(text_at(event, &["platform"]).unwrap_or_default()),
            ids: images.iter().filter_map(id).collect(),
            left: MAX_MAPPED_FRAMES,
            room: MAX_SOURCE_BYTES,
            missing: Vec::new(),
        }
    }

    fn stack_of<'a>(&mut self, holder: &mut Tree<'a>) {
        let Some(stack) = holder.get_mut("stacktrace") else { return };
        let origins: Vec<Option<(Origin, Arc<str>)>> =
            frames(stack).iter().map(|frame| self.origin(frame)).collect();
        if origins.iter().all(Option::is_none) {
            return;
        }
        let raw: Tree<'a> = stack.clone();
        // The outermost call comes first: who calls is the one before.
        let mut caller: Option<String> = None;
        for (frame, origin) in frames_mut(stack).iter_mut().zip(origins) {
            let called = origin.as_ref().and_then(|(origin, _)| origin.name.clone());
            if let Some((origin, map)) = origin {
                rewrite(frame, origin, caller.as_deref(), &map);
            }
            caller = called;
        }
        if holder.get(RAW).is_none_or(Tree::is_null) {
            holder.set(RAW, raw);
        }
    }

    fn origin(&mut self, frame: &Tree<'_>) -> Option<(Origin, Arc<str>)> {
        let spot = Spot::of(frame, self.is_script)?;
        self.left = self.left.checked_sub(1)?;
        let (map, url) = self.map(&spot.url)?;
        let mut origin = map.origin(spot.line, spot.column, spot.function.as_deref())?;
        // The log takes events up to a length, which this one may have almost.
        let bytes = origin.lines.as_ref().map_or(0, Lines::bytes);
        match self.room.checked_sub(bytes) {
            Some(room) => self.room = room,
            None => origin.lines = None,
        }
        Some((origin, url))
    }

    fn map(&mut self, url: &str) -> Option<(Arc<Map>, Arc<str>)> {
        let place = match self.place(url) {
            Ok(place) => place,
            // Of the state database: the next event may have more luck.
            Err(error) => {
                tracing::warn!(%error, "cannot look for a source map");
                None
            }
        }?;
        match self.artifacts.map(&place) {
            Ok(map) => Some((map, place.url.into())),
            Err(why) => {
                self.miss(url, why);
                None
            }
        }
    }

    /// By its id, else by its name in the release.
    fn place(&mut self, url: &str) -> Result<Option<Place>, StateError> {
        let id = self.ids.get(url).cloned();
        if let Some(id) = &id
            && let Some(place) = self.artifacts.place(&Wanted::Id(self.build.project, id.clone()))?
        {
            return Ok(Some(place));
        }
        let place = match self.build.release.is_empty() {
            true => None,
            false => self.artifacts.place(&Wanted::Url(self.build.clone(), url.to_owned()))?,
        };
        if let (None, Some(id)) = (&place, id) {
            self.miss(url, format!("nothing was uploaded with the debug id {}", id.as_str()));
        }
        Ok(place)
    }

    fn miss(&mut self, url: &str, why: String) {
        let is_told = self.missing.iter().any(|(told, _)| told == url);
        if !is_told && self.missing.len() < MAX_MISSING_MAPS {
            self.missing.push((url.to_owned(), why));
        }
    }

    /// Beside what the client itself could not do.
    fn tell_missing(self, event: &mut Tree<'_>) {
        let told = self.missing.into_iter().map(|(url, why)| {
            let entry = |key: &'static str, text: String| (Cow::Borrowed(key), Tree::owned_text(text));
            Tree::Map(vec![entry("type", "js_no_source_map".into()), entry("url", url), entry("value", why)])
        });
        let told: Vec<Tree<'_>> = told.collect();
        match event.get_mut(ERRORS) {
            _ if told.is_empty() => {}
            Some(Tree::List(errors)) => errors.extend(told),
            _ => event.set(ERRORS, Tree::List(told)),
        }
    }
}

impl Artifacts {
    fn place(&self, wanted: &Wanted) -> Result<Option<Place>, StateError> {
        if let Some(known) = self.places.lock().get(wanted) {
            return Ok(known.clone());
        }
        let found = match wanted {
            Wanted::Id(project, id) => of_id(&tables::by_debug_id(&self.store, *project, id)?),
            Wanted::Url(build, url) => self.of_url(build, url)?,
        };
        let mut places = self.places.lock();
        if places.len() >= MAX_PLACES {
            places.clear();
        }
        places.insert(wanted.clone(), found.clone());
        Ok(found)
    }

    /// A minified file says where its map is; one that does not has it beside it.
    fn of_url(&self, build: &Build, url: &str) -> Result<Option<Place>, StateError> {
        for name in urls::candidates(url) {
            let minified = tables::by_url(&self.store, build, &name, ArtifactKind::MinifiedSource)?;
            let Some(minified) = minified else { continue };
            if holds_map(&minified) {
                return Ok(Some(place(&minified, Some(&minified))));
            }
            let said = minified.source_map.as_ref().map(|map| urls::beside(&minified.url, map));
            let map = said.unwrap_or_else(|| format!("{}.map", minified.url));
            for map in urls::candidates(&map) {
                if let Some(map) = tables::by_url(&self.store, build, &map, ArtifactKind::SourceMap)? {
                    return Ok(Some(place(&map, Some(&minified))));
                }
            }
        }
        Ok(None)
    }

    fn map(&self, place: &Place) -> Result<Arc<Map>, String> {
        self.used.lock().insert(place.bundle);
        self.maps.get(place, || {
            if place.minified.as_ref() == Some(&place.map) {
                let file = self.file(place, &place.map, MAX_MAP_BYTES)?;
                let text = String::from_utf8_lossy(&file);
                let (json, minified) = inline(&text)?;
                return Ok((json, Some(minified.to_owned())));
            }
            let json = self.file(place, &place.map, MAX_MAP_BYTES)?;
            // Without it only names are missing.
            let minified = place.minified.as_ref();
            let minified = minified.and_then(|path| self.file(place, path, MAX_MINIFIED_BYTES).ok());
            Ok((json, minified.map(|text| String::from_utf8_lossy(&text).into_owned())))
        })
    }
}

fn of_id(files: &[FoundFile]) -> Option<Place> {
    let is = |file: &FoundFile, kind: ArtifactKind| file.kind == kind.word();
    let Some(map) = files.iter().find(|file| is(file, ArtifactKind::SourceMap)) else {
        return files.iter().find(|file| holds_map(file)).map(|file| place(file, Some(file)));
    };
    let minified =
        files.iter().find(|file| file.bundle == map.bundle && is(file, ArtifactKind::MinifiedSource));
    Some(place(map, minified))
}

fn holds_map(file: &FoundFile) -> bool {
    file.source_map.as_deref().is_some_and(|map| map.starts_with(INLINE))
}

/// The minified file is of use only where it lies beside the map.
fn place(map: &FoundFile, minified: Option<&FoundFile>) -> Place {
    let minified = minified.filter(|minified| minified.bundle == map.bundle);
    Place {
        bundle: map.bundle,
        checksum: map.checksum,
        map: map.path.clone(),
        minified: minified.map(|minified| minified.path.clone()),
        url: map.url.clone(),
    }
}
