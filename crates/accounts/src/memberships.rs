//! Which teams somebody is in by the word of a sign-in provider or a proxy: those that are called as a group of theirs is
//! there, to the letter. Who is a member by hand is written with the team, and none of this changes that.

use std::collections::{BTreeMap, BTreeSet};

use state_store::{Row, StateError, StateStore};

use crate::config::TeamConfig;
use crate::identities::is_still;
use crate::teams::names;

/// No team is called so: a membership in it says that this voucher was asked for their groups.
const FOLLOWED: &str = "";

/// The teams of somebody by one voucher's word, before and after it was given again.
#[derive(Clone, Debug, PartialEq)]
pub struct Moved {
    pub before: BTreeSet<String>,
    pub after: BTreeSet<String>,
}

/// What comes of somebody's groups.
#[derive(Clone, Debug, PartialEq)]
pub enum Followed {
    AsBefore,
    Moved(Moved),
    /// Whom the voucher calls so is that person no more: they were removed or unlinked meanwhile.
    Nobody,
}

/// They are in the teams that are called as these groups, and by this voucher's word in no others. Groups that no team is
/// called as are not kept, but that they were asked for is.
pub fn follow_groups(
    state: &StateStore,
    files: &[TeamConfig],
    person: &str,
    (voucher, subject): (&str, &str),
    groups: &[String],
) -> Result<Followed, StateError> {
    let groups: BTreeSet<&str> = groups.iter().map(String::as_str).collect();
    let mut after = names(state, files)?;
    after.retain(|team| groups.contains(team.as_str()));
    after.insert(FOLLOWED.to_owned());
    const OF_PERSON: &str = "SELECT team FROM membership WHERE person = ?1 AND voucher = ?2";
    // A proxy gives its word with each request: most change nothing.
    if teams_in(&state.query(OF_PERSON, &[person.into(), voucher.into()])?) == after {
        return Ok(Followed::AsBefore);
    }
    state.transaction(|tx| {
        if !is_still(tx, person, (voucher, subject))? {
            return Ok(Followed::Nobody);
        }
        let before = teams_in(&tx.query(OF_PERSON, &[person.into(), voucher.into()])?);
        for team in after.difference(&before) {
            tx.execute(
                "INSERT INTO membership (person, team, voucher) VALUES (?1, ?2, ?3)",
                &[person.into(), team.as_str().into(), voucher.into()],
            )?;
        }
        for team in before.difference(&after) {
            tx.execute(
                "DELETE FROM membership WHERE person = ?1 AND team = ?2 AND voucher = ?3",
                &[person.into(), team.as_str().into(), voucher.into()],
            )?;
        }
        let teams = |all: &BTreeSet<String>| all.iter().filter(|team| *team != FOLLOWED).cloned().collect();
        Ok(match before == after {
            true => Followed::AsBefore,
            false => Followed::Moved(Moved { before: teams(&before), after: teams(&after) }),
        })
    })
}

/// Memberships of teams that are no more end, and those by whoever is asked for no groups any more. That somebody was asked
/// about stays while anybody is: another provider's address makes nobody see more. Whether there were any.
pub fn forget_memberships(
    state: &StateStore,
    files: &[TeamConfig],
    vouchers: &[&str],
) -> Result<bool, StateError> {
    let teams = names(state, files)?;
    state.transaction(|tx| {
        let rows = tx.query("SELECT DISTINCT team, voucher FROM membership", &[])?;
        let mut ended = 0;
        for row in &rows {
            let (team, voucher) = (row.text(0), row.text(1));
            let stays = match team {
                FOLLOWED => !vouchers.is_empty(),
                team => teams.contains(team) && vouchers.contains(&voucher),
            };
            if !stays {
                ended += tx.execute(
                    "DELETE FROM membership WHERE team = ?1 AND voucher = ?2",
                    &[team.into(), voucher.into()],
                )?;
            }
        }
        Ok(ended > 0)
    })
}

/// Names of the teams that this person is in so.
pub(crate) fn of_person(state: &StateStore, person: &str) -> Result<BTreeSet<String>, StateError> {
    let rows = state.query("SELECT team FROM membership WHERE person = ?1", &[person.into()])?;
    Ok(teams_in(&rows))
}

/// Does somebody vouch for the groups of this person?
pub(crate) fn is_followed(state: &StateStore, person: &str) -> Result<bool, StateError> {
    let sql = "SELECT 1 FROM membership WHERE person = ?1 AND team = ?2 LIMIT 1";
    Ok(!state.query(sql, &[person.into(), FOLLOWED.into()])?.is_empty())
}

/// Does this one?
pub(crate) fn is_followed_by(state: &StateStore, person: &str, voucher: &str) -> Result<bool, StateError> {
    let sql = "SELECT 1 FROM membership WHERE person = ?1 AND voucher = ?2 AND team = ?3";
    Ok(!state.query(sql, &[person.into(), voucher.into(), FOLLOWED.into()])?.is_empty())
}

/// Who is in which team so.
pub(crate) fn by_team(state: &StateStore) -> Result<BTreeMap<String, Vec<String>>, StateError> {
    let rows = state.query("SELECT DISTINCT team, person FROM membership ORDER BY team, person", &[])?;
    let mut by_team: BTreeMap<String, Vec<String>> = BTreeMap::new();
    for row in &rows {
        by_team.entry(row.text(0).to_owned()).or_default().push(row.text(1).to_owned());
    }
    Ok(by_team)
}

fn teams_in(rows: &[Row]) -> BTreeSet<String> {
    rows.iter().map(|row| row.text(0).to_owned()).collect()
}

#[cfg(test)]
mod tests {
    use vocabulary::Timestamp;

    use super::*;
    use crate::{
        MIGRATIONS, Role, Vouched, arrive, remove_person, remove_team, scope_of, set_person, set_team, teams,
        teams_of,
    };

    const PROVIDER: &str = "https://login.example";

    fn team(name: &str, members: &[&str]) -> TeamConfig {
        TeamConfig {
            name: name.into(),
            members: members.iter().map(|member| (*member).to_owned()).collect(),
            prefixes: vec![format!("{name}.")],
            ..TeamConfig::default()
        }
    }

    fn state() -> (tempfile::TempDir, StateStore) {
        let directory = tempfile::tempdir().unwrap();
        let state = StateStore::open(&directory.path().join("state.db"), &[MIGRATIONS]).unwrap();
        for name in ["ana", "ben"] {
            set_person(&state, name, "correct horse", Role::Responder, Timestamp(1_000)).unwrap();
            come(&state, name, PROVIDER);
            come(&state, name, "proxy");
        }
        (directory, state)
    }

    /// Somebody is known to the voucher by their name.
    fn come(state: &StateStore, name: &str, by: &str) {
        let role = Some(Role::Responder);
        let vouched = Vouched {
            by,
            subject: name,
            name,
            display_name: "",
            role,
            role_is_said: false,
            join_existing: true,
        };
        arrive(state, &vouched, Timestamp(1_000)).unwrap();
    }

    fn follow_ana(state: &StateStore, files: &[TeamConfig], voucher: &str, names: &[&str]) -> Option<Moved> {
        match follow_groups(state, files, "ana", (voucher, "ana"), &groups(names)).unwrap() {
            Followed::AsBefore => None,
            Followed::Moved(moved) => Some(moved),
            Followed::Nobody => panic!("ana is here"),
        }
    }

    fn groups(names: &[&str]) -> Vec<String> {
        names.iter().map(|name| (*name).to_owned()).collect()
    }

    #[test]
    fn groups_are_teams_of_the_same_name_while_they_hold_somebody() {
        let (_directory, state) = state();
        let files = [team("shop", &["ben"])];
        set_team(&state, &files, &team("mail", &["ana"])).unwrap();
        set_team(&state, &files, &team("post", &[])).unwrap();
        let of_ana = || -> Vec<String> {
            teams_of(&state, &files, "ana").unwrap().into_iter().map(|team| team.name).collect()
        };
        let follow = |names: &[&str]| follow_ana(&state, &files, PROVIDER, names);
        let moved = follow(&["shop", "post", "strangers"]).unwrap();
        assert_eq!((moved.before.len(), moved.after.len()), (0, 2));
        assert_eq!(follow(&["post", "shop", "shop"]), None, "the same again");
        assert_eq!(of_ana(), ["mail", "post", "shop"]);
        assert_eq!(
            scope_of(&state, &files, "ana", Role::Responder).unwrap().as_prefixes(),
            ["mail.", "post.", "shop."]
        );
        let shop = teams(&state, &files).unwrap().into_iter().find(|team| team.team.name == "shop").unwrap();
        assert_eq!((shop.team.members.clone(), shop.by_groups.clone()), (groups(&["ben"]), groups(&["ana"])));
        assert_eq!(shop.members().collect::<Vec<_>>(), ["ben", "ana"]);
        // What was made by hand stays, and is not taken for the provider's.
        follow(&["mail"]).unwrap();
        follow(&[]).unwrap();
        assert_eq!(of_ana(), ["mail"]);
        // Another's word is another's.
        follow_ana(&state, &files, "proxy", &["shop"]);
        follow(&["post"]);
        assert_eq!(of_ana(), ["mail", "post", "shop"]);
        assert!(forget_memberships(&state, &files, &[PROVIDER]).unwrap());
        assert!(!forget_memberships(&state, &files, &[PROVIDER]).unwrap());
        assert_eq!(of_ana(), ["mail", "post"]);
    }

    #[test]
    fn a_team_that_comes_later_under_a_name_takes_nobody_over() {
        let (_directory, state) = state();
        let files: [TeamConfig; 0] = [];
        set_team(&state, &files, &team("post", &[])).unwrap();
        follow_ana(&state, &files, PROVIDER, &["post", "later"]);
        remove_team(&state, &files, "post").unwrap();
        set_team(&state, &files, &team("post", &[])).unwrap();
        set_team(&state, &files, &team("later", &[])).unwrap();
        assert!(teams_of(&state, &files, "ana").unwrap().is_empty(), "with the next sign-in");
        follow_ana(&state, &files, PROVIDER, &["post", "later"]);
        assert_eq!(teams_of(&state, &files, "ana").unwrap().len(), 2);
        remove_person(&state, "ana").unwrap();
        set_person(&state, "ana", "correct horse", Role::Responder, Timestamp(2_000)).unwrap();
        // A sign-in that began before, of whom the voucher means, gives another of the same name no teams.
        let late = follow_groups(&state, &files, "ana", (PROVIDER, "ana"), &groups(&["post"])).unwrap();
        assert_eq!(late, Followed::Nobody);
        assert!(teams_of(&state, &files, "ana").unwrap().is_empty(), "another of the same name");
    }

    #[test]
    fn whoever_has_no_prefixes_by_groups_sees_nothing() {
        let (_directory, state) = state();
        let rota = TeamConfig { name: "rota".into(), members: groups(&["ben"]), ..TeamConfig::default() };
        let all = TeamConfig { name: "all".into(), prefixes: groups(&["*"]), ..TeamConfig::default() };
        let files = [team("shop", &[]), rota, all];
        let scope = |role| scope_of(&state, &files, "ana", role).unwrap();
        let follow = |names: &[&str]| follow_ana(&state, &files, PROVIDER, names);
        let of_ben = scope_of(&state, &files, "ben", Role::Editor).unwrap();
        assert!(of_ben.is_everything(), "nobody was asked about ben");
        assert!(scope(Role::Editor).is_everything(), "nobody was asked");
        follow(&["shop"]);
        assert_eq!(scope(Role::Editor).as_prefixes(), ["shop."]);
        assert!(follow(&[]).is_some());
        assert!(!scope(Role::Editor).is_everything() && !scope(Role::Editor).sees("shop.x"));
        assert!(scope(Role::Admin).is_everything());
        follow(&["shop", "rota"]);
        assert_eq!(scope(Role::Editor).as_prefixes(), ["shop."]);
        follow(&["rota"]);
        let by_accident = "to lose a group is not to see more by a team without prefixes";
        assert!(!scope(Role::Editor).is_everything() && !scope(Role::Editor).sees("shop.x"), "{by_accident}");
        follow(&["shop", "all"]);
        assert!(scope(Role::Editor).is_everything(), "by a team that says so");
        follow(&[]);
        assert!(!forget_memberships(&state, &files, &[PROVIDER]).unwrap(), "that they were asked for stays");
        assert!(!forget_memberships(&state, &files, &["another provider"]).unwrap());
        assert!(!scope(Role::Editor).is_everything());
        assert!(forget_memberships(&state, &files, &[]).unwrap(), "it is asked no more");
        assert!(scope(Role::Editor).is_everything());
        assert!(teams(&state, &files).unwrap().iter().all(|team| team.by_groups.is_empty()));
    }

    #[test]
    fn what_only_looks_like_a_team_is_none() {
        let (_directory, state) = state();
        let files = [team("shop", &[]), team("sh%p", &[])];
        let near = ["Shop", " shop", "shop ", "shop\n", "/shop", "shop,sh%p", "sh?p", "shop' OR '1'='1", ""];
        let moved = follow_ana(&state, &files, PROVIDER, &near).unwrap();
        assert_eq!((moved.before.len(), moved.after.len()), (0, 0), "only that they were asked for");
        assert_eq!(follow_ana(&state, &files, PROVIDER, &near), None);
        let many: Vec<String> = (0..10_000).map(|n| format!("group {n}")).chain(["shop".into()]).collect();
        let many: Vec<&str> = many.iter().map(String::as_str).collect();
        let moved = follow_ana(&state, &files, PROVIDER, &many).unwrap();
        assert_eq!(moved.after.into_iter().collect::<Vec<_>>(), ["shop"]);
        assert!(teams_of(&state, &files, "ben").unwrap().is_empty());
    }
}
