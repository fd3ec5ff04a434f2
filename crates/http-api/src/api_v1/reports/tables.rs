//! The parts of a report as rows, for spreadsheets.

use super::csv::number;
use super::{DealingItem, FiguresItem, ReportAnswer};
use crate::answer::{Answer, Problem};

type Rows = Vec<Vec<String>>;
type Table = fn(&ReportAnswer) -> Rows;

const TABLES: [(&str, Table); 5] = [
    ("summary", summary),
    ("services", services),
    ("people", people),
    ("noisiest", noisiest),
    ("headroom", headroom),
];

pub fn named(name: &str) -> Answer<Table> {
    let found = TABLES.iter().find(|(table, _)| *table == name).map(|(_, table)| *table);
    found.ok_or_else(|| {
        let all: Vec<&str> = TABLES.iter().map(|(name, _)| *name).collect();
        Problem::bad_request(format!("`table` is `{name}`")).hint(format!("write one of {}", all.join(", ")))
    })
}

fn row<const N: usize>(fields: [&str; N]) -> Vec<String> {
    fields.iter().map(|field| (*field).to_owned()).collect()
}

const DEALING: [&str; 14] = [
    "incidents",
    "flapped",
    "untold",
    "not_production",
    "self_healed",
    "failures",
    "mtta_mean_seconds",
    "mtta_median_seconds",
    "mtta_p95_seconds",
    "mttr_mean_seconds",
    "mttr_median_seconds",
    "mttr_p95_seconds",
    "mtbf_mean_seconds",
    "mtbf_median_seconds",
];

const READ: [fn(FiguresItem) -> f64; 3] = [|of| of.mean, |of| of.median, |of| of.p95];

fn dealing(of: &DealingItem) -> Vec<String> {
    let left = &of.left_out;
    let counts = [of.incidents, left.flapped, left.untold, left.not_production, of.self_healed, of.failures];
    let figure = |figures: Option<FiguresItem>, read: fn(FiguresItem) -> f64| number(figures.map(read));
    let mut fields: Vec<String> = counts.iter().map(ToString::to_string).collect();
    for figures in [of.to_acknowledge, of.to_recover] {
        fields.extend(READ.map(|read| figure(figures, read)));
    }
    fields.extend(READ[..2].iter().map(|read| figure(of.between_failures, *read)));
    fields
}

fn summary(report: &ReportAnswer) -> Rows {
    let named = |name: &str, of: &DealingItem| [row([name]), dealing(of)].concat();
    let head = [row(["service"]), row(DEALING)].concat();
    let all = std::iter::once(named("", &report.all));
    let services = report.services.iter().map(|service| named(&service.name, &service.dealing));
    std::iter::once(head).chain(all).chain(services).collect()
}

fn services(report: &ReportAnswer) -> Rows {
    let head = row([
        "service",
        "month",
        "attained_percent",
        "available_seconds",
        "in_trouble_seconds",
        "planned_seconds",
        "unknown_seconds",
        "outages",
        "available_seconds_per_outage",
    ]);
    let of_service = |service: &super::ServiceItem| {
        let of_month = |month: &super::MonthItem| {
            vec![
                service.name.clone(),
                month.month.clone(),
                number(month.attained_percent),
                month.available_seconds.to_string(),
                month.in_trouble_seconds.to_string(),
                month.planned_seconds.to_string(),
                month.unknown_seconds.to_string(),
                month.outages.to_string(),
                number(month.available_seconds_per_outage),
            ]
        };
        service.months.iter().map(of_month).collect::<Rows>()
    };
    std::iter::once(head).chain(report.services.iter().flat_map(of_service)).collect()
}

fn people(report: &ReportAnswer) -> Rows {
    let head =
        row(["person", "pages", "pages_per_week", "lost", "incidents", "at_night", "nights", "acknowledged"]);
    let of = |person: &super::PersonItem| {
        vec![
            person.name.clone(),
            person.pages.to_string(),
            number(Some(person.pages_per_week)),
            person.lost.to_string(),
            person.incidents.to_string(),
            person.at_night.to_string(),
            person.nights.to_string(),
            person.acknowledged.to_string(),
        ]
    };
    std::iter::once(head).chain(report.people.iter().map(of)).collect()
}

fn noisiest(report: &ReportAnswer) -> Rows {
    let head =
        row(["reason", "incidents", "pages", "self_healed", "acknowledged", "useful", "useless", "too_late"]);
    let of = |noisy: &super::NoisyItem| {
        let counts = [
            noisy.incidents,
            noisy.pages,
            noisy.self_healed,
            noisy.acknowledged,
            noisy.useful,
            noisy.useless,
            noisy.too_late,
        ];
        let counts = counts.iter().map(ToString::to_string);
        std::iter::once(noisy.reason.clone()).chain(counts).collect()
    };
    std::iter::once(head).chain(report.noisiest.iter().map(of)).collect()
}

fn headroom(report: &ReportAnswer) -> Rows {
    let head = row(["kind", "name", "label", "limit", "of", "worst", "at", "share"]);
    let of = |near: &super::HeadroomItem| {
        vec![
            near.kind.to_owned(),
            near.name.clone(),
            near.label.clone(),
            number(Some(near.limit)),
            near.of.to_owned(),
            number(Some(near.worst)),
            near.at.to_string(),
            number(Some(near.share)),
        ]
    };
    std::iter::once(head).chain(report.headroom.iter().map(of)).collect()
}
