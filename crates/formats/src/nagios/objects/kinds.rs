//! Types of objects, and the names of their directives.

use std::sync::Arc;

#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Kind {
    TimePeriod,
    Command,
    Contact,
    ContactGroup,
    Host,
    HostGroup,
    Service,
    ServiceGroup,
    HostDependency,
    ServiceDependency,
    HostEscalation,
    ServiceEscalation,
    HostExtInfo,
    ServiceExtInfo,
}

const GENERAL: &str = "use name register";
const PEOPLE: &str = "contacts contact_groups";
const PICTURES: &str =
    "notes notes_url action_url icon_image icon_image_alt vrml_image statusmap_image 2d_coords 3d_coords";
/// Of hosts and services.
const CHECKED: &str = "display_name check_command check_period check_interval retry_interval max_check_attempts \
    active_checks_enabled passive_checks_enabled event_handler event_handler_enabled freshness_threshold check_freshness \
    low_flap_threshold high_flap_threshold flap_detection_enabled flap_detection_options notification_period \
    notification_options notifications_enabled notification_interval first_notification_delay stalking_options \
    process_perf_data obsess initial_state importance retain_status_information retain_nonstatus_information \
    failure_prediction_enabled failure_prediction_options";

/// Other names that Nagios takes.
const ALSO: [(&str, &str); 22] = [
    ("host", "host_name"),
    ("hosts", "host_name"),
    ("hostgroup", "hostgroup_name"),
    ("description", "service_description"),
    ("servicegroup", "servicegroup_name"),
    ("dependent_host", "dependent_host_name"),
    ("dependent_hostgroup", "dependent_hostgroup_name"),
    ("dependent_hostgroups", "dependent_hostgroup_name"),
    ("dependent_description", "dependent_service_description"),
    ("dependent_servicegroup", "dependent_servicegroup_name"),
    ("dependent_servicegroups", "dependent_servicegroup_name"),
    ("execution_failure_options", "execution_failure_criteria"),
    ("notification_failure_options", "notification_failure_criteria"),
    ("normal_check_interval", "check_interval"),
    ("retry_check_interval", "retry_interval"),
    ("checks_enabled", "active_checks_enabled"),
    ("obsess_over_host", "obsess"),
    ("obsess_over_service", "obsess"),
    ("hourly_value", "importance"),
    ("minimum_value", "minimum_importance"),
    ("gd2_image", "statusmap_image"),
    ("contactgroups", "contact_groups"),
];

impl Kind {
    pub const ALL: [Kind; 14] = [
        Kind::TimePeriod,
        Kind::Command,
        Kind::Contact,
        Kind::ContactGroup,
        Kind::Host,
        Kind::HostGroup,
        Kind::Service,
        Kind::ServiceGroup,
        Kind::HostDependency,
        Kind::ServiceDependency,
        Kind::HostEscalation,
        Kind::ServiceEscalation,
        Kind::HostExtInfo,
        Kind::ServiceExtInfo,
    ];

    pub fn word(self) -> &'static str {
        match self {
            Kind::TimePeriod => "timeperiod",
            Kind::Command => "command",
            Kind::Contact => "contact",
            Kind::ContactGroup => "contactgroup",
            Kind::Host => "host",
            Kind::HostGroup => "hostgroup",
            Kind::Service => "service",
            Kind::ServiceGroup => "servicegroup",
            Kind::HostDependency => "hostdependency",
            Kind::ServiceDependency => "servicedependency",
            Kind::HostEscalation => "hostescalation",
            Kind::ServiceEscalation => "serviceescalation",
            Kind::HostExtInfo => "hostextinfo",
            Kind::ServiceExtInfo => "serviceextinfo",
        }
    }

    pub fn of(word: &str) -> Option<Kind> {
        Kind::ALL.into_iter().find(|kind| kind.word() == word)
    }

    pub fn has_variables(self) -> bool {
        matches!(self, Kind::Host | Kind::Service | Kind::Contact)
    }

    fn directives(self) -> [&'static str; 4] {
        match self {
            Kind::TimePeriod => [GENERAL, "timeperiod_name alias exclude", "", ""],
            Kind::Command => [GENERAL, "command_name command_line", "", ""],
            Kind::Contact => [
                GENERAL,
                "contact_name alias contact_groups email pager address1 address2 address3 address4 address5 address6",
                "host_notification_period host_notification_commands host_notification_options host_notifications_enabled \
                 service_notification_period service_notification_commands service_notification_options service_notifications_enabled",
                "can_submit_commands minimum_importance retain_status_information retain_nonstatus_information",
            ],
            Kind::ContactGroup => [GENERAL, "contactgroup_name alias members contactgroup_members", "", ""],
            Kind::Host => [GENERAL, "host_name alias address parents hostgroups", CHECKED, PICTURES],
            Kind::HostGroup => {
                [GENERAL, "hostgroup_name alias members hostgroup_members notes notes_url action_url", "", ""]
            }
            Kind::Service => [
                GENERAL,
                "host_name hostgroup_name service_description servicegroups parents is_volatile parallelize_check",
                CHECKED,
                PICTURES,
            ],
            Kind::ServiceGroup => [
                GENERAL,
                "servicegroup_name alias members servicegroup_members notes notes_url action_url",
                "",
                "",
            ],
            Kind::HostDependency => [
                GENERAL,
                "host_name hostgroup_name dependent_host_name dependent_hostgroup_name",
                "dependency_period inherits_parent execution_failure_criteria notification_failure_criteria",
                "",
            ],
            Kind::ServiceDependency => [
                GENERAL,
                "host_name hostgroup_name servicegroup_name service_description dependent_host_name dependent_hostgroup_name \
                 dependent_servicegroup_name dependent_service_description",
                "dependency_period inherits_parent execution_failure_criteria notification_failure_criteria",
                "",
            ],
            Kind::HostEscalation => [
                GENERAL,
                "host_name hostgroup_name",
                "first_notification last_notification notification_interval escalation_period escalation_options",
                "",
            ],
            Kind::ServiceEscalation => [
                GENERAL,
                "host_name hostgroup_name servicegroup_name service_description",
                "first_notification last_notification notification_interval escalation_period escalation_options",
                "",
            ],
            Kind::HostExtInfo | Kind::ServiceExtInfo => {
                [GENERAL, "host_name hostgroup_name service_description", PICTURES, ""]
            }
        }
    }

    fn is_about_people(self) -> bool {
        matches!(self, Kind::Host | Kind::Service | Kind::HostEscalation | Kind::ServiceEscalation)
    }

    /// The name that Nagios prefers, where it is a directive of this kind at all.
    pub fn canonical(self, key: &str) -> Option<Arc<str>> {
        let preferred = match (self, key) {
            (Kind::Host, "host_groups") => "hostgroups",
            (Kind::Service, "service_groups") => "servicegroups",
            (Kind::Host, "hostgroups") | (Kind::Service, "servicegroups") => key,
            (_, "hostgroups") => "hostgroup_name",
            (_, "servicegroups") => "servicegroup_name",
            (Kind::ServiceDependency | Kind::HostDependency, "master_host" | "master_host_name") => {
                "host_name"
            }
            (Kind::ServiceDependency, "master_description" | "master_service_description") => {
                "service_description"
            }
            _ => ALSO.iter().find(|(also, _)| *also == key).map_or(key, |(_, preferred)| preferred),
        };
        let people = if self.is_about_people() { PEOPLE } else { "" };
        let mut known = self.directives().into_iter().chain([people]).flat_map(str::split_ascii_whitespace);
        known.any(|name| name == preferred).then(|| preferred.into())
    }

    /// Its name in the directive that gives it one.
    pub fn name_key(self) -> &'static str {
        match self {
            Kind::TimePeriod => "timeperiod_name",
            Kind::Command => "command_name",
            Kind::Contact => "contact_name",
            Kind::ContactGroup => "contactgroup_name",
            Kind::HostGroup => "hostgroup_name",
            Kind::ServiceGroup => "servicegroup_name",
            Kind::Service => "service_description",
            _ => "host_name",
        }
    }
}
