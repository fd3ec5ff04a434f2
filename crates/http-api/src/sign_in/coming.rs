//! What follows from who comes by another's word, and from who does not come any more.

use std::sync::Arc;

use serde_json::{Value, json};

use crate::accounts::{self, Arrived, Change, Followed, Role};
use crate::answer::{Answer, Problem};
use crate::api_v1::off_thread;
use crate::config::AuthConfig;
use crate::guard::PROXY;
use crate::services::Services;
use crate::sign_in::taken::{look_again, uses};

/// Whose word it is.
pub struct Voucher<'a> {
    /// The provider's URL, or `proxy`.
    pub mark: &'a str,
    /// What people call it: it is who did what follows.
    pub name: &'a str,
    pub via: &'static str,
    /// Where whoever signs in is.
    pub source: String,
}

impl Voucher<'_> {
    fn note(&self, services: &Services, subject: String, before: Value, after: Value) {
        let change = Change {
            who: self.name.to_owned(),
            via: self.via,
            source: self.source.clone(),
            action: "changed".into(),
            subject,
            before: Some(before.to_string()),
            after: Some(after.to_string()),
            commit: None,
        };
        write(services, &change);
    }
}

/// A change that is done is not undone because it cannot be written down.
fn write(services: &Services, change: &Change) {
    if let Err(error) = accounts::note(&services.state, change, services.clock.now()) {
        tracing::error!(%error, "the audit log cannot be written");
    }
}

/// Who says in which groups people are: the provider, the proxy, both or neither.
pub fn say_groups(auth: &AuthConfig) -> Vec<&str> {
    let provider = auth.oidc.as_ref().filter(|oidc| oidc.groups_claim.is_some());
    let proxy = auth.proxy_groups_header.as_ref().map(|_| PROXY);
    provider.map(|oidc| oidc.issuer.as_str()).into_iter().chain(proxy).collect()
}

/// They join and leave the teams that are called as their groups, if they still are whom the voucher means by `subject`. What
/// is open of theirs is opened anew, with what they see now.
pub fn follow_groups(
    services: &Services,
    person: &str,
    voucher: &Voucher<'_>,
    subject: &str,
    groups: &[String],
) -> Answer<()> {
    let files = &services.settings.load().teams;
    let by = (voucher.mark, subject);
    let moved = match accounts::follow_groups(&services.state, files, person, by, groups)? {
        Followed::AsBefore => return Ok(()),
        Followed::Nobody => return Err(gone_meanwhile()),
        Followed::Moved(moved) => moved,
    };
    services.hub.close_of(Some(person));
    services.control.people_changed();
    let (before, after) = (json!({ "teams": moved.before }), json!({ "teams": moved.after }));
    voucher.note(services, format!("people/{person}/teams"), before, after);
    Ok(())
}

pub fn gone_meanwhile() -> Problem {
    Problem::forbidden("an administrator removed you here while you signed in").hint("begin again")
}

/// The voucher says another role than before, or none any more.
pub fn note_role(
    services: &Services,
    person: &str,
    voucher: &Voucher<'_>,
    before: Role,
    after: Option<Role>,
) {
    if Some(before) != after {
        let (before, after) = (json!({ "role": before }), json!({ "role": after }));
        voucher.note(services, format!("people/{person}/role"), before, after);
    }
}

/// So long before it somebody can still do something about it.
const SOON_SECONDS: i64 = 7 * 86_400;

/// Schedules, teams and contacts of the files mean people by name: whoever comes first under such a name is that one, and
/// administrators read of it in the audit log.
pub fn note_first(services: &Services, arrived: &Arrived, via: &'static str, source: String) {
    let uses = match arrived.is_new {
        true => uses(services, &arrived.name),
        false => Vec::new(),
    };
    if uses.is_empty() {
        return;
    }
    tracing::warn!(
        name = arrived.name,
        ?uses,
        "somebody came for the first time under a name that is used here"
    );
    let change = Change {
        who: arrived.name.clone(),
        via,
        source,
        action: "came for the first time, under a name that is used already".into(),
        subject: format!("people/{}", arrived.name),
        after: Some(json!({ "used_by": uses }).to_string()),
        ..Change::default()
    };
    write(services, &change);
}

/// Tokens of whoever has not come by the provider's word for long rest until they do, and what nobody says of groups any more
/// holds no more. Returns whose tokens rest, or do soon.
pub async fn look_after_people(services: &Arc<Services>) -> Answer<Vec<String>> {
    off_thread(services, |services| {
        let settings = services.settings.load();
        let oidc = settings.auth.oidc.as_ref();
        let unseen = oidc.and_then(|oidc| oidc.unseen());
        let now = services.clock.now();
        let suspended = accounts::suspend_unseen(&services.state, unseen, now)?;
        let asked = say_groups(&settings.auth);
        let left = accounts::forget_memberships(&services.state, &settings.teams, &asked)?;
        let provider = oidc.map(|oidc| oidc.issuer.as_str());
        let ended = accounts::end_sessions_of_others(&services.state, provider)?;
        if suspended || left || ended {
            services.hub.close_of(None);
            services.control.people_changed();
        }
        look_again(services)?;
        let Some(unseen) = unseen else { return Ok(Vec::new()) };
        Ok(accounts::unseen_by(&services.state, unseen, now.plus(SOON_SECONDS))?)
    })
    .await
}
