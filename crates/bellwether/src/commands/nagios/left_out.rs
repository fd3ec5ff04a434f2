//! What a configuration says and we do not do: each line once, where it was written.

use formats::nagios::objects::kinds::Kind;
use formats::nagios::objects::{Definition, Estate, MainConfig, Problem};

/// Directives, and why they are not carried over. Those that change nothing that anybody sees are not told.
fn why(kind: Kind, key: &str, text: &str) -> Option<&'static str> {
    let is_off = text == "0";
    Some(match (kind, key) {
        (Kind::HostGroup, "hostgroup_name") => {
            "groups of hosts are not kept: what they were used for is written out for each host"
        }
        (Kind::ServiceGroup, "servicegroup_name") => {
            "groups of services are not kept: what they were used for is written out for each check"
        }
        (Kind::HostExtInfo | Kind::ServiceExtInfo, "host_name" | "hostgroup_name") => {
            "pictures and notes have no place here; `playbook` is a link to what is to be done"
        }
        (Kind::Contact, "host_notification_commands" | "service_notification_commands") => {
            "notification commands are not run: the contact tells its `channels`, which is `log` until a [[channel]] is named there"
        }
        (
            Kind::Contact,
            "pager" | "address1" | "address2" | "address3" | "address4" | "address5" | "address6",
        ) => "only the e-mail address is kept; others belong to a [[channel]]",
        (Kind::Contact, "can_submit_commands") if is_off => "who may do what is not decided by contacts here",
        (_, "minimum_importance" | "importance") if !is_off => {
            "there is no importance: use escalations or `notification_options`"
        }
        (Kind::Host | Kind::Service, "stalking_options") if text != "n" => {
            "every change of text is kept anyway, so there is nothing to stalk"
        }
        (
            Kind::Host | Kind::Service,
            "icon_image" | "icon_image_alt" | "vrml_image" | "statusmap_image" | "2d_coords" | "3d_coords",
        ) => "there are no pictures of hosts",
        (Kind::Host | Kind::Service, "notes" | "action_url") => {
            "only `notes_url` is carried over, as `playbook`"
        }
        (Kind::HostGroup | Kind::ServiceGroup, "notes" | "notes_url" | "action_url") => "groups are not kept",
        (Kind::Host | Kind::Service, "display_name") => "names are shown as they are",
        (Kind::Host | Kind::Service, "initial_state") if text != "o" => {
            "everything is PENDING until its first result"
        }
        (Kind::Service, "parents") => "a check has no parents; a [[dependency]] does the same",
        (Kind::Host | Kind::Service, "process_perf_data") if is_off => "performance data is always kept",
        (Kind::Host | Kind::Service, "passive_checks_enabled") if is_off => {
            "results that are sent in are always taken"
        }
        (Kind::Host | Kind::Service, "retain_status_information") if is_off => "states outlive a restart",
        _ => return None,
    })
}

/// Settings of nagios.cfg with something else than their default, and why they are not carried over.
const SETTINGS: [(&str, &str, &str); 14] = [
    ("global_host_event_handler", "", "there is no event handler for all hosts: give each its own"),
    ("global_service_event_handler", "", "there is no event handler for all services: give each its own"),
    (
        "obsess_over_services",
        "0",
        "results are not handed to a command; another server can be sent them by webhook",
    ),
    (
        "obsess_over_hosts",
        "0",
        "results are not handed to a command; another server can be sent them by webhook",
    ),
    ("host_perfdata_command", "", "performance data goes into series"),
    ("service_perfdata_command", "", "performance data goes into series"),
    ("host_perfdata_file", "", "performance data goes into series"),
    ("service_perfdata_file", "", "performance data goes into series"),
    ("broker_module", "", "there are no modules"),
    (
        "use_aggressive_host_checking",
        "0",
        "a host check that is WARNING is UP, as without aggressive checking",
    ),
    ("soft_state_dependencies", "0", "dependencies go by HARD states"),
    ("execute_service_checks", "1", "checks are run; `type = \"passive\"` keeps one from being run"),
    ("execute_host_checks", "1", "checks are run; a host without a command is not checked"),
    ("service_check_timeout_state", "c", "a check that takes too long is CRITICAL"),
];

pub fn notes(estate: &Estate, main: &MainConfig) -> Vec<Problem> {
    let mut notes = Vec::new();
    for definition in &estate.written {
        let name = name_of(definition);
        for (key, value) in &definition.values {
            let text = value.text.as_deref().unwrap_or_default();
            if let Some(why) = why(definition.kind, key, text) {
                let message = format!("{key} of {name}: {why}");
                notes.push(Problem { place: value.place.clone(), message });
            }
        }
    }
    for (key, default, why) in SETTINGS {
        if let Some((text, place)) = main.text(key).zip(main.places.get(key))
            && !text.is_empty()
            && text != default
        {
            notes.push(Problem { place: place.clone(), message: format!("{key}={text}: {why}") });
        }
    }
    notes
}

fn name_of(definition: &Definition) -> String {
    let kind = definition.kind;
    let name = definition.text(kind.name_key()).or(definition.text("name")).unwrap_or("without a name");
    format!("{} `{name}`", kind.word())
}
