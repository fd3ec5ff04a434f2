//! What people do: who has it, who is called, one from two and two from one, and again.

use vocabulary::Timestamp;
use vocabulary::state::{NoticeKind, State};
use vocabulary::time::HumanDuration;

use super::{NOBODY, Story, change, contact, key};
use crate::deeds::Declaration;
use crate::incident::{IncidentId, Key, Phase};
use crate::people::{Deed, Refusal};

impl Story {
    fn with_rest() -> Story {
        let mut story = Story::new();
        story.incidents.book.config.reopen_within = HumanDuration(std::time::Duration::from_secs(600));
        story
    }

    pub(super) fn act_as(&mut self, who: &str, id: IncidentId, deed: Deed) -> Result<Vec<String>, Refusal> {
        self.incidents.act(id, who, &deed, Timestamp(self.now))?;
        let pages = self.incidents.take(&[], &[], Timestamp(self.now));
        Ok(self.told(pages))
    }

    fn owner(&self, id: IncidentId) -> Option<String> {
        self.incidents.live[&id].owner().map(|(name, _)| name.to_owned())
    }

    fn declare(&mut self, declared: &Declaration) -> (IncidentId, bool, Vec<String>) {
        let (id, new) = self.incidents.declare("cem", declared, Timestamp(self.now)).unwrap();
        let pages = self.incidents.take(&[], &[], Timestamp(self.now));
        (id, new, self.told(pages))
    }
}

fn none() -> String {
    String::new()
}

#[test]
fn the_first_who_acknowledges_has_it_and_the_other_is_told_who() {
    let mut story = Story::new();
    story.goes("latency", State::Critical);
    assert_eq!(story.act_as("ana", 1, Deed::Acknowledge { comment: none() }), Ok(vec![]));
    let at = story.now;
    let second = story.act_as("ben", 1, Deed::Acknowledge { comment: none() });
    assert_eq!(second, Err(Refusal::Taken { by: "ana".into(), at }));
    assert_eq!(story.owner(1).as_deref(), Some("ana"));
    story.act_as("ben", 1, Deed::Take { comment: "she sleeps".into() }).unwrap();
    assert_eq!(story.owner(1).as_deref(), Some("ben"));
    assert_eq!(story.incidents.live[&1].detail.acknowledged.as_ref().map(|by| by.by.as_str()), Some("ana"));
}

#[test]
fn handing_over_tells_who_gets_it_and_its_end_too() {
    let mut story = Story::new();
    story.goes("latency", State::Critical);
    let to_nobody = Deed::HandOver { to: "zoe".into(), comment: none() };
    assert!(
        matches!(story.act_as("bea", 1, to_nobody), Err(Refusal::Bad(why)) if why.contains("GET /api/v1/contacts"))
    );
    let hand_over = Deed::HandOver { to: "ana".into(), comment: "my shift ends".into() };
    assert_eq!(story.act_as("bea", 1, hand_over).unwrap(), ["handed_over ana by mail"]);
    assert_eq!(
        (story.owner(1).as_deref(), story.incidents.live[&1].phase),
        (Some("ana"), Phase::Acknowledged)
    );
    let end = story.goes("latency", State::Ok);
    assert_eq!(end, ["recovery ana by mail", "recovery ops by hook", "recovery ops by mail"]);
}

#[test]
fn who_was_called_for_a_warning_hears_that_it_is_worse() {
    let mut story = Story::new();
    let declared = Declaration {
        title: "Alpha is slow".into(),
        severity: Some(State::Warning),
        contacts: vec!["ana".into()],
        ..Declaration::default()
    };
    let (id, _, told) = story.declare(&declared);
    assert!(told.contains(&"problem ana by mail".to_owned()), "{told:?}");
    let worse = Deed::SetSeverity { severity: State::Critical, comment: none() };
    let told = story.act_as("cem", id, worse.clone()).unwrap();
    assert!(told.contains(&"worse ana by mail".to_owned()), "{told:?}");
    assert_eq!(story.act_as("cem", id, worse).unwrap(), [""; 0], "once");
}

#[test]
fn escalating_calls_whom_it_names_else_who_has_not_heard_of_it() {
    let mut story = Story::new();
    story.goes("latency", State::Critical);
    let named = Deed::Escalate { to: vec!["ana".into()], comment: "need you".into() };
    assert_eq!(story.act(1, named).unwrap(), ["still ana by mail"]);
    let next = Deed::Escalate { to: vec![], comment: none() };
    assert_eq!(story.act(1, next.clone()).unwrap(), ["still default by hook"]);
    assert_eq!(story.act(1, next).unwrap().len(), 3, "all have heard of it: all of its own again");
    assert_eq!(story.goes("latency", State::Ok).len(), 4);
    assert!(story.believes.is_empty());
}

#[test]
fn a_severity_by_hand_holds_until_it_is_worse_than_it_ever_was() {
    let mut story = Story::new();
    let say = |severity| Deed::SetSeverity { severity, comment: none() };
    assert_eq!(story.goes("latency|a", State::Warning), NOBODY);
    assert_eq!(story.act(1, say(State::Critical)).unwrap(), ["problem ops by mail", "problem ops by hook"]);
    assert_eq!(story.incidents.live[&1].detail.severity, State::Critical);
    story.act(1, say(State::Warning)).unwrap();
    assert_eq!(story.incidents.live[&1].detail.severity, State::Warning);
    story.goes("latency|b", State::Warning);
    assert_eq!(story.incidents.live[&1].detail.severity, State::Warning);
    story.goes("latency|b", State::Critical);
    assert_eq!(story.incidents.live[&1].detail.severity, State::Critical, "it was said of a warning");
    assert!(matches!(story.act(1, say(State::Ok)), Err(Refusal::Bad(_))));
}

#[test]
fn what_comes_back_within_ten_minutes_is_the_same_incident() {
    let mut story = Story::with_rest();
    assert_eq!(story.goes("latency", State::Critical).len(), 2);
    story.act_as("ana", 1, Deed::Acknowledge { comment: none() }).unwrap();
    assert_eq!(story.goes("latency", State::Ok).len(), 2);
    story.tick(500);
    assert_eq!(story.goes("latency", State::Critical), ["problem ops by mail", "problem ops by hook"]);
    let incident = &story.incidents.live[&1];
    assert_eq!(
        (incident.phase, incident.detail.reopened, story.incidents.next_incident),
        (Phase::Open, 1, 2)
    );
    assert_eq!(story.goes("latency", State::Ok).len(), 2);
    story.tick(600);

    assert_eq!(story.goes("latency", State::Critical).len(), 2);
    assert_eq!(story.incidents.next_incident, 3);
}

#[test]
fn what_was_closed_while_it_was_bad_counts_again_when_it_opens_again() {
    let mut story = Story::with_rest();
    story.goes("latency|a", State::Critical);
    story.act(1, Deed::Resolve { comment: "known".into(), helped: String::new() }).unwrap();
    assert_eq!(story.goes("latency|a", State::Critical), NOBODY, "dismissed");
    assert_eq!(story.goes("latency|b", State::Critical).len(), 2);
    assert_eq!(story.incidents.live[&1].bad().count(), 2);
    assert_eq!(story.goes("latency|b", State::Ok), NOBODY);
    assert_eq!(story.goes("latency|a", State::Ok).len(), 2);
}

#[test]
fn what_was_dismissed_with_another_incident_does_not_come_back_with_this_one() {
    let mut story = Story::with_rest();
    story.goes("latency", State::Critical);
    story.goes("unclaimed", State::Critical);
    story.act(2, Deed::Merge { into: 1 }).unwrap();
    story.goes("unclaimed", State::Ok);
    story.tick(700);
    story.goes("unclaimed", State::Critical);
    assert_eq!(story.incidents.next_incident, 4, "it was over for so long that it is an incident of its own");
    story.act(3, Deed::Resolve { comment: "known".into(), helped: none() }).unwrap();
    story.goes("latency", State::Ok);
    story.goes("latency", State::Critical);
    assert_eq!(story.incidents.live[&1].bad().count(), 1);
    story.goes("unclaimed", State::Ok);
    story.goes("latency", State::Ok);
    assert_eq!(story.incidents.open_count(), 0);
}

#[test]
fn people_open_an_incident_again_and_then_only_people_end_it() {
    let mut story = Story::with_rest();
    story.goes("latency", State::Critical);
    assert!(
        matches!(story.act(1, Deed::Reopen { comment: none(), back: Vec::new() }), Err(Refusal::No(_))),
        "it is open"
    );
    story.goes("latency", State::Ok);
    let pages =
        story.act(1, Deed::Reopen { comment: "users still complain".into(), back: Vec::new() }).unwrap();
    assert_eq!(pages, ["problem default by hook"]);
    assert_eq!(story.tick(3_600), NOBODY);
    assert_eq!(story.incidents.open_count(), 1);
    assert_eq!(
        story.act(1, Deed::Resolve { comment: none(), helped: none() }).unwrap(),
        ["resolved default by hook"]
    );
    assert!(story.incidents.held.is_empty());
}

#[test]
fn what_was_ended_with_an_incident_comes_back_with_it_and_ends_by_itself() {
    let mut story = Story::with_rest();
    story.goes("latency|disk", State::Critical);
    story.goes("latency|net", State::Critical);
    story.act(1, Deed::Resolve { comment: none(), helped: none() }).unwrap();
    // Whoever closed it ended both, and the sender of one has said since that it is over.
    story.goes("latency|disk", State::Ok);
    story.goes("latency|net", State::Ok);
    story.act(1, Deed::Reopen { comment: none(), back: vec![key("latency|disk"), key("nobody")] }).unwrap();
    let bad =
        |story: &Story| -> Vec<Key> { story.incidents.live[&1].bad().map(|(key, _)| key.clone()).collect() };
    assert_eq!(bad(&story), [key("latency|disk")]);
    story.killed();
    story.goes("latency|disk", State::Critical);
    assert_eq!(
        (story.incidents.open_count(), bad(&story)),
        (1, vec![key("latency|disk")]),
        "it is said again"
    );
    story.goes("latency|disk", State::Ok);
    assert_eq!(story.incidents.open_count(), 0, "nobody has to close it by hand");
}

#[test]
fn whoever_was_told_of_a_merged_incident_hears_of_the_end_of_the_other() {
    let mut story = Story::new();
    story.goes("latency", State::Critical);
    story.goes("unclaimed", State::Critical);
    assert_eq!(story.act(2, Deed::Merge { into: 1 }).unwrap(), NOBODY);
    assert!(matches!(story.act(1, Deed::Merge { into: 2 }), Err(Refusal::Bad(_))));
    assert_eq!(story.incidents.open_count(), 1);
    assert_eq!(
        story.goes("unclaimed|b", State::Critical),
        NOBODY,
        "a further one of either reason is of the same incident"
    );
    assert_eq!(story.incidents.live[&1].bad().count(), 3);
    assert_eq!(story.goes("latency", State::Ok), NOBODY);
    assert_eq!(story.goes("unclaimed", State::Ok), NOBODY);
    let mut end = story.goes("unclaimed|b", State::Ok);
    end.sort();
    assert_eq!(end, ["recovery ops by hook", "recovery ops by mail", "resolved default by hook"]);
    assert!(story.believes.is_empty());
    story.tick(1);
    assert!(!story.incidents.knows(1) && !story.incidents.knows(2));
}

#[test]
fn a_checks_own_recovery_ends_what_it_told_though_its_incident_was_merged() {
    let mut story = Story::new();
    story.goes("latency", State::Critical);
    story.goes("web/http", State::Critical);
    story.notice("web/http", NoticeKind::Problem, State::Critical, "ops");
    story.act(2, Deed::Merge { into: 1 }).unwrap();
    story.goes("web/http", State::Ok);
    assert_eq!(story.notice("web/http", NoticeKind::Recovery, State::Ok, "ops").len(), 2);
    assert_eq!(story.goes("latency", State::Ok).len(), 2);
    assert!(story.believes.is_empty());
}

#[test]
fn a_part_that_is_split_off_has_an_end_of_its_own() {
    let mut story = Story::new();
    for name in ["latency|a", "latency|b", "latency|c"] {
        story.goes(name, State::Critical);
    }
    let now = Timestamp(story.now);
    let mut split = |members: &[&str]| {
        let members: Vec<_> = members.iter().map(|name| key(name)).collect();
        story.incidents.split(1, "bea", &members, "another disk", now)
    };
    assert!(matches!(split(&["latency|x"]), Err(Refusal::Bad(_))), "no member");
    assert!(
        matches!(split(&["latency|a", "latency|b", "latency|c"]), Err(Refusal::Bad(_))),
        "one has to stay"
    );
    assert_eq!(split(&["latency|c"]), Ok(2));
    story.killed();
    // Told of the whole, so of the part.
    story.believes.extend([(2, "ops by mail".into()), (2, "ops by hook".into())]);
    assert_eq!(story.goes("latency|a", State::Ok), NOBODY);
    assert_eq!(story.goes("latency|b", State::Ok).len(), 2);
    assert_eq!(story.incidents.open_count(), 1);
    assert_eq!(story.goes("latency|c", State::Ok).len(), 2);
    assert!(story.believes.is_empty());
}

#[test]
fn somebody_declares_what_no_monitor_sees() {
    let mut story = Story::new();
    let declared = Declaration {
        title: "nobody can pay".into(),
        what: "three calls".into(),
        key: "pay".into(),
        contacts: vec!["ana".into()],
        ..Declaration::default()
    };
    let (id, new, pages) = story.declare(&declared);
    assert_eq!((id, new), (1, true));
    assert_eq!(pages, ["problem default by hook", "problem ana by mail"]);
    let again = Declaration { what: "a fourth".into(), contacts: vec![], ..declared };
    assert_eq!(story.declare(&again), (1, false, vec![]));
    story.tick(86_400);
    assert_eq!(
        (story.incidents.open_count(), story.incidents.live[&1].title.as_str()),
        (1, "nobody can pay")
    );
    assert_eq!(story.act(1, Deed::Resolve { comment: none(), helped: none() }).unwrap().len(), 2);
    assert!(story.incidents.held.is_empty() && story.believes.is_empty());
    let empty = story.incidents.declare("cem", &Declaration::default(), Timestamp(story.now));
    assert!(matches!(empty, Err(Refusal::Bad(_))));
}

#[test]
fn what_is_declared_by_the_key_of_one_that_was_opened_again_is_that_one() {
    let mut story = Story::with_rest();
    let declared =
        |title: &str| Declaration { title: title.into(), key: "pay".into(), ..Declaration::default() };
    assert_eq!(story.declare(&declared("nobody can pay")).0, 1);
    story.act(1, Deed::Resolve { comment: none(), helped: none() }).unwrap();
    story.act(1, Deed::Reopen { comment: "still so".into(), back: Vec::new() }).unwrap();
    story.act_as("ana", 1, Deed::Acknowledge { comment: none() }).unwrap();
    let entries = story.incidents.live[&1].detail.entries;
    assert_eq!(story.declare(&declared("the till is on fire")), (1, false, vec![]));
    let incident = &story.incidents.live[&1];
    assert_eq!((incident.title.as_str(), incident.phase), ("nobody can pay", Phase::Acknowledged));
    assert_eq!(incident.detail.entries, entries + 1, "it says what was declared");
    assert_eq!(incident.bad().count(), 1);
    assert_eq!(
        story.act(1, Deed::Resolve { comment: none(), helped: none() }).unwrap(),
        ["resolved default by hook"]
    );
}

#[test]
fn what_is_declared_keeps_its_title_though_it_was_merged_and_split_off() {
    let mut story = Story::new();
    for title in ["Alpha broken", "Beta broken"] {
        story.declare(&Declaration { title: title.into(), ..Declaration::default() });
    }
    story.act(1, Deed::Merge { into: 2 }).unwrap();
    let now = Timestamp(story.now);
    let id = story.incidents.split(2, "bea", &[key("declared:1")], "", now).unwrap();
    story.killed();
    assert_eq!(story.incidents.live[&id].title, "Alpha broken");
    assert_eq!(story.incidents.live[&2].title, "Beta broken");
}

#[test]
fn pages_of_what_is_declared_say_what_is_wrong_by_one_name() {
    let mut story = Story::with_rest();
    let now = Timestamp(story.now);
    let declared =
        Declaration { title: "nobody can pay".into(), key: "pay".into(), ..Declaration::default() };
    let (id, _) = story.incidents.declare("cem", &declared, now).unwrap();
    let said: Vec<_> = story.incidents.unsaved.entries.iter().map(|(_, entry)| entry.text.clone()).collect();
    assert_eq!(said[..2], ["nobody can pay", "nobody can pay is CRITICAL"]);
    let first = story.incidents.take(&[], &[], now);
    assert_eq!(first[0].message.instances[0].instance, "nobody can pay");
    story.told(first.clone());
    story.act(id, Deed::Resolve { comment: none(), helped: none() }).unwrap();
    story.incidents.act(id, "bea", &Deed::Reopen { comment: none(), back: Vec::new() }, now).unwrap();
    let again = story.incidents.take(&[], &[], now);
    let name = |page: &crate::page::Page| (page.message.about, page.message.name.clone());
    assert_eq!(name(&again[0]), name(&first[0]));
    assert_eq!(again[0].message.instances[0].instance, "nobody can pay");
}

#[test]
fn what_is_opened_again_by_hand_is_named_as_before() {
    let mut story = Story::with_rest();
    story.goes("latency", State::Critical);
    story.goes("latency", State::Ok);
    let now = Timestamp(story.now);
    story.incidents.act(1, "bea", &Deed::Reopen { comment: none(), back: Vec::new() }, now).unwrap();
    let pages = story.incidents.take(&[], &[], now);
    let message = &pages[0].message;
    assert_eq!((message.about, message.name.as_str()), (crate::page::About::Monitor, "latency"));
}

#[test]
fn a_title_that_somebody_declares_is_one_line() {
    let mut story = Story::new();
    let of = |title: &str| Declaration { title: title.into(), ..Declaration::default() };
    let (id, ..) = story.declare(&of(" a\nb\u{0}c "));
    assert_eq!(story.incidents.live[&id].title, "a b c");
    let nothing = story.incidents.declare("cem", &of("\u{0}\n"), Timestamp(story.now));
    assert!(matches!(nothing, Err(Refusal::Bad(_))));
}

#[test]
fn whoever_has_no_channel_is_offered_to_no_mention() {
    let story = Story::new();
    let mut book = story.incidents.book.clone();
    book.contacts.insert("silent".into(), contact(&[]));
    let desk = crate::Desk::open(story.store.clone(), book, b"secret").unwrap();
    let names = desk.mentionable();
    let has = |wanted: &str| names.iter().any(|name| name == wanted);
    assert_eq!((has("ana"), has("silent"), names.is_sorted()), (true, false, true));
}

#[test]
fn a_note_pages_whom_it_mentions_and_nobody_else_hears_of_an_end_by_it() {
    let mut story = Story::new();
    story.goes("latency|a", State::Critical);
    let note = |text: &str| Deed::Note { text: text.into() };
    assert_eq!(story.act_as("bea", 1, note("looks like the disk")).unwrap(), NOBODY);
    assert_eq!(story.act_as("bea", 1, note("@Ana, is it the disk? @ana?")).unwrap(), ["mention ana by mail"]);
    assert_eq!(story.act_as("ana", 1, note("not mine, says @ana")).unwrap(), NOBODY);
    assert!(!story.incidents.live[&1].detail.told.contains_key("ana"), "it is no word of trouble");
    story.incidents.act(1, "bea", &note("@ana and @zoe"), Timestamp(story.now)).unwrap();
    let said: Vec<_> = story.incidents.unsaved.entries.iter().map(|(_, entry)| entry.text.clone()).collect();
    assert_eq!(said, ["@ana and @zoe", "mention for ana by mail", "not paged: @zoe is no contact"]);
    let [page] = &story.incidents.unsaved.pages[..] else { panic!("one page") };
    assert_eq!((page.message.author.as_str(), page.message.comment.as_str()), ("bea", "@ana and @zoe"));
    assert_eq!(page.message.state, State::Critical);
    story.incidents.take(&[], &[], Timestamp(story.now));
    let end = story.goes("latency|a", State::Ok);
    assert_eq!(end, ["recovery ops by hook", "recovery ops by mail"]);

    let many: String = (0..51).map(|n| format!("@c{n} ")).collect();
    for n in 0..51 {
        story.incidents.book.contacts.insert(format!("c{n}").as_str().into(), super::contact(&["mail"]));
    }
    story.goes("latency|a", State::Critical);
    let refused = story.incidents.act(2, "bea", &note(&many), Timestamp(story.now));
    assert!(matches!(refused, Err(Refusal::Bad(why)) if why.contains("50 contacts")));
}

#[test]
fn what_comes_back_is_told_to_whoever_has_heard_of_the_end_though_others_have_not() {
    let mut story = Story::with_rest();
    let latency = story.incidents.book.subjects.get_mut(&(false, "latency".into())).unwrap();
    latency.contacts = vec!["ops".into(), "ana".into()];
    assert_eq!(story.goes("latency", State::Critical).len(), 3);
    // Ana's day is over.
    let hours = |contact: &str, _: bool, _: Timestamp| contact != "ana";
    story.incidents.book.periods = Some(std::sync::Arc::new(hours));
    let now = Timestamp(story.now);
    let ends = story.incidents.apply(&change("latency", State::Ok, None, story.now), now);
    assert_eq!(story.told(ends).len(), 2);
    let pages = story.incidents.apply(&change("latency", State::Critical, None, story.now), now);
    assert_eq!(story.told(pages), ["still ops by mail", "still ops by hook"]);
}

/// What was over in one incident and is bad in another one ends there, after a restart and a merger too.
#[test]
fn what_is_bad_elsewhere_since_ends_there() {
    for merged in [false, true] {
        let mut story = Story::new();
        for name in ["latency|a", "latency|b", "latency|c"] {
            story.goes(name, State::Critical);
        }
        let now = Timestamp(story.now);
        story.incidents.split(1, "bea", &[key("latency|b"), key("latency|c")], "", now).unwrap();
        story.killed();
        story.believes.extend([(2, "ops by mail".into()), (2, "ops by hook".into())]);
        story.goes("latency|c", State::Ok);
        story.goes("latency|c", State::Critical);
        if merged {
            story.goes("unclaimed", State::Critical);
            story.act(2, Deed::Merge { into: 3 }).unwrap();
        }
        assert_eq!(story.goes("latency|c", State::Ok), NOBODY);
        assert_eq!(story.goes("latency|a", State::Ok).len(), 2, "{merged}");
    }
}

#[test]
fn what_was_closed_while_it_was_bad_and_is_over_since_does_not_come_back_with_the_rest() {
    let mut story = Story::with_rest();
    story.goes("latency|a", State::Critical);
    story.act(1, Deed::Resolve { comment: none(), helped: none() }).unwrap();
    story.goes("latency|a", State::Ok);
    assert_eq!(story.goes("latency|b", State::Critical).len(), 2);
    assert_eq!(story.incidents.live[&1].bad().count(), 1);
    assert_eq!(story.goes("latency|b", State::Ok).len(), 2);
}

#[test]
fn who_was_to_hear_of_it_later_does_though_it_was_merged_meanwhile() {
    let mut story = Story::new();
    story.goes("unclaimed", State::Critical);
    story.office_hours = true;
    assert_eq!(story.goes("latency", State::Critical), NOBODY);
    story.act(2, Deed::Merge { into: 1 }).unwrap();
    story.office_hours = false;
    assert_eq!(story.tick(1), ["still ops by mail", "still ops by hook"]);
}

#[test]
fn a_provider_stops_calling_when_it_is_taken_or_handed_over() {
    let take = Deed::Take { comment: none() };
    let hand_over = Deed::HandOver { to: "ana".into(), comment: none() };
    for deed in [take, hand_over] {
        let mut story = Story::new();
        story.incidents.book.followers.insert("hook".into());
        story.goes("latency", State::Critical);
        let told = story.act(1, deed).unwrap();
        assert!(told.contains(&"acknowledgement ops by hook".to_owned()), "{told:?}");
    }
}

#[test]
fn an_answer_to_a_page_of_what_was_merged_acknowledges_what_it_is_a_part_of() {
    let mut story = Story::new();
    story.goes("latency", State::Critical);
    story.goes("unclaimed", State::Critical);
    story.act(2, Deed::Merge { into: 1 }).unwrap();
    story.act_as("ana", 2, Deed::Acknowledge { comment: none() }).unwrap();
    assert_eq!(story.owner(1).as_deref(), Some("ana"));
}

#[test]
fn what_is_declared_again_soon_after_its_end_tells_whom_it_names_again() {
    let mut story = Story::with_rest();
    let declared = Declaration {
        title: "nobody can pay".into(),
        key: "pay".into(),
        contacts: vec!["ana".into()],
        ..Declaration::default()
    };
    assert_eq!(story.declare(&declared).2, ["problem default by hook", "problem ana by mail"]);
    assert_eq!(story.act(1, Deed::Resolve { comment: none(), helped: none() }).unwrap().len(), 2);
    assert_eq!(story.declare(&declared).2, ["problem default by hook", "problem ana by mail"]);
}

#[test]
fn one_person_cannot_wake_people_without_end() {
    let mut story = Story::with_rest();
    let declared = |n: usize| Declaration { title: format!("nothing works {n}"), ..Declaration::default() };
    for n in 0..crate::limits::MAX_DECLARED {
        story.declare(&declared(n));
    }
    let more = story.incidents.declare("cem", &declared(1_000), Timestamp(story.now));
    assert!(matches!(more, Err(Refusal::No(_))));
    assert!(story.incidents.declare("dee", &declared(1_001), Timestamp(story.now)).is_ok());
}

#[test]
fn a_program_is_counted_by_itself_whomever_it_names() {
    let mut story = Story::with_rest();
    let now = Timestamp(story.now);
    let mut declare = |n: usize, only_looks: bool, now: Timestamp| {
        let asked_by = "hook".to_owned();
        let one = Declaration { title: format!("no {n}"), asked_by, only_looks, ..Declaration::default() };
        story.incidents.declare(&format!("author {n}"), &one, now).map(drop)
    };
    let soon = crate::limits::MAX_DECLARED_SOON;
    assert_eq!((0..soon + 5).filter(|n| declare(*n, true, now).is_ok()).count(), soon);
    let later = now.plus(crate::limits::DECLARED_SOON_SECONDS);
    assert!(declare(100, true, later).is_ok());
    let most = crate::limits::MAX_DECLARED;
    assert_eq!((200..200 + most).filter(|n| declare(*n, false, later).is_ok()).count(), most - soon - 1);
}

#[test]
fn all_that_is_declared_has_a_bound_that_keeps_no_call_for_help_out() {
    let mut story = Story::with_rest();
    let now = Timestamp(story.now);
    let mut declare = |by: usize, key: String| {
        let one = Declaration { title: "no".into(), key, ..Declaration::default() };
        story.incidents.declare(&format!("author {by}"), &one, now).is_ok()
    };
    let most = crate::limits::MAX_DECLARED_OPEN;
    assert_eq!((0..most + 5).filter(|n| declare(n / 10, format!("k{n}"))).count(), most);
    assert!(declare(1_000, "911/shop/1".into()));
}

#[test]
fn whoever_may_only_look_names_nobody_in_what_others_declared() {
    let mut story = Story::with_rest();
    let now = Timestamp(story.now);
    let of = |only_looks, contacts: &[&str]| Declaration {
        title: "nobody can pay".into(),
        key: "pay".into(),
        contacts: contacts.iter().map(|name| (*name).to_owned()).collect(),
        only_looks,
        ..Declaration::default()
    };
    let mut declare = |by: &str, one: &Declaration| story.incidents.declare(by, one, now).map(|it| it.1);
    assert!(declare("cem", &of(true, &["ana"])).unwrap());
    assert!(matches!(declare("eve", &of(true, &["ana"])), Err(Refusal::No(_))));
    // Whom a program names as who declares changes nothing.
    let asked = Declaration { asked_by: "eve".into(), ..of(true, &["ana"]) };
    assert!(matches!(declare("cem", &asked), Err(Refusal::No(_))));
    assert!(!declare("eve", &of(true, &[])).unwrap());
    assert!(!declare("cem", &of(true, &["ana"])).unwrap());
    assert!(!declare("bea", &of(false, &["ana"])).unwrap());
}

#[test]
fn what_others_declared_and_ended_is_not_opened_again_by_whoever_may_only_look() {
    let mut story = Story::with_rest();
    let of = |title: &str, only_looks| Declaration {
        title: title.into(),
        key: "pay".into(),
        only_looks,
        ..Declaration::default()
    };
    story.declare(&of("payment down", false));
    story.act(1, Deed::Resolve { comment: none(), helped: none() }).unwrap();
    let now = Timestamp(story.now);
    assert!(matches!(story.incidents.declare("eve", &of("mine", true), now), Err(Refusal::No(_))));
    // Whoever may act opens it again, and it stays what it was and whose it was.
    assert_eq!(story.incidents.declare("bea", &of("still down", false), now).unwrap().0, 1);
    let again = &story.incidents.live[&1];
    assert_eq!(
        (again.title.as_str(), again.detail.declared_by.as_deref(), again.detail.reopened),
        ("payment down", Some("cem"), 1)
    );
}

#[test]
fn of_production_and_something_else_together_it_is_production_that_suffers() {
    for (from, into) in [(1, 2), (2, 1)] {
        let mut story = Story::new();
        assert_eq!(story.goes("latency|cpu;env=staging", State::Critical), NOBODY);
        story.goes("unclaimed", State::Warning);
        story.act(from, Deed::Merge { into }).unwrap();
        assert!(story.incidents.live[&into].detail.production, "{from} into {into}");
        let told = story.goes("unclaimed", State::Critical);
        assert!(told.contains(&"problem default by hook".to_owned()), "{from} into {into}: {told:?}");
    }
}

#[test]
fn whoever_has_a_part_has_the_whole_unless_somebody_has_that() {
    let mut story = Story::new();
    story.goes("latency", State::Critical);
    story.goes("unclaimed", State::Critical);
    story.act_as("ana", 2, Deed::Acknowledge { comment: none() }).unwrap();
    assert_eq!(story.act_as("bea", 2, Deed::Merge { into: 1 }).unwrap(), ["joined ana by mail"]);
    assert_eq!(
        (story.owner(1).as_deref(), story.incidents.live[&1].phase),
        (Some("ana"), Phase::Acknowledged)
    );
    assert!(matches!(
        story.act_as("bea", 1, Deed::Acknowledge { comment: none() }),
        Err(Refusal::Taken { by, .. }) if by == "ana"
    ));
    story.goes("web/disk", State::Critical);
    story.act_as("ops", 3, Deed::Acknowledge { comment: none() }).unwrap();
    assert_eq!(story.act_as("ops", 3, Deed::Merge { into: 1 }).unwrap(), NOBODY, "once");
    assert_eq!(story.owner(1).as_deref(), Some("ana"));
}

#[test]
fn what_was_merged_and_is_split_off_again_takes_along_who_was_told_of_it() {
    let mut story = Story::new();
    story.goes("latency", State::Critical);
    story.goes("unclaimed", State::Critical);
    story.act(2, Deed::Merge { into: 1 }).unwrap();
    let now = Timestamp(story.now);
    story.incidents.split(1, "bea", &[key("unclaimed")], "it was another one after all", now).unwrap();
    story.killed();
    // Told of the whole, so of the part.
    story.believes.extend([(3, "ops by mail".into()), (3, "ops by hook".into())]);
    assert_eq!(story.goes("latency", State::Ok).len(), 2, "default was told of the other one, which is bad");
    let mut end = story.goes("unclaimed", State::Ok);
    end.sort();
    assert_eq!(end, ["recovery ops by hook", "recovery ops by mail", "resolved default by hook"]);
    assert!(story.believes.is_empty());
}
