//! `[reports]`: the report of each month, mailed when it is over.

use std::sync::Arc;

use serde::{Deserialize, Serialize};
use vocabulary::ports::{QueryLimits, Scope};

use super::months::{self, Month};
use super::{DealingItem, FiguresItem, ReportAnswer, made};
use crate::answer::Answer;
use crate::api_v1::off_thread;
use crate::services::Services;

/// It comes in the morning, not at midnight.
const HOUR: i64 = 8;
/// Lines of each part; the rest is on the page.
const LINES: usize = 10;

/// `[reports]`
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct ReportsConfig {
    /// Who gets the report of each month by mail.
    pub contacts: Vec<String>,
}

/// Mails the report of the month that is over, unless that has been done. To be called now and then.
pub async fn mail(services: &Arc<Services>) -> Answer<()> {
    let contacts = services.settings.load().reports.contacts.clone();
    if contacts.is_empty() {
        return Ok(());
    }
    let Some(month) = off_thread(services, due).await? else { return Ok(()) };
    services.query(move |services, limits| send(services, limits, &month, &contacts)).await?
}

fn due(services: &Services) -> Answer<Option<Month>> {
    let morning = services.clock.now().0 - HOUR * 3_600;
    let Some(month) = months::before(morning, &services.zone) else { return Ok(None) };
    Ok((!services.desk.month_is_mailed(&month.name)?).then_some(month))
}

fn send(services: &Services, limits: &QueryLimits, month: &Month, contacts: &[String]) -> Answer<()> {
    let report = made(services, limits, &Scope::default(), (month.from, month.until), &services.zone)?;
    let follow_ups = services.desk.follow_ups_of(None)?;
    let now = services.clock.now();
    let today =
        jiff::Timestamp::from_second(now.0).unwrap_or_default().to_zoned(services.zone.clone()).date();
    let late = follow_ups.iter().filter(|one| one.new.is_late(today)).count();
    let base = services.settings.load().http.public_url.trim_end_matches('/').to_owned();
    let text = letter(&report, &month.name, (follow_ups.len(), late), &base);
    let subject = format!("[Bellwether] The report of {}", month.name);
    for contact in services.desk.mail_month(&month.name, contacts, (&subject, &text), now)? {
        tracing::warn!(contact, "[reports] contacts names somebody whom no mail reaches: they get no report");
    }
    Ok(())
}

fn letter(report: &ReportAnswer, month: &str, (open, late): (usize, usize), base: &str) -> String {
    let mut out = format!("The report of {month} ({})\n\n", report.tz);
    out += &incidents(&report.all);
    let services = report.services.iter().flat_map(|service| {
        service.months.iter().map(|of| {
            let Some(percent) = of.attained_percent else {
                return format!("{}: unknown, nothing that watches it has said how it was", service.name);
            };
            format!(
                "{}: {percent:.3} %, {} in trouble, {} planned, {} unknown, {} outages",
                service.name,
                long(of.in_trouble_seconds as f64),
                long(of.planned_seconds as f64),
                long(of.unknown_seconds as f64),
                of.outages
            )
        })
    });
    out += &list("Availability", services);
    let people = report.people.iter().map(|one| {
        format!(
            "{}: {} pages, {} at night in {} nights, had {} incidents first",
            one.name, one.pages, one.at_night, one.nights, one.acknowledged
        )
    });
    out += &list("People", people);
    let noisy = report.noisiest.iter().filter(|one| one.pages > 0).map(|one| {
        format!(
            "{}: {} incidents, {} pages, {} judged useless",
            one.reason, one.incidents, one.pages, one.useless
        )
    });
    out += &list("The noisiest", noisy);
    let near = report
        .headroom
        .iter()
        .map(|one| format!("{} {}: {:.0} % of its limit", one.name, one.label, one.share * 100.0));
    out += &list("Closest to their limits", near);
    out += &format!("\nOpen follow-ups of post-mortems: {open}, of which {late} are late\n");
    if !base.is_empty() {
        out += &format!("\nAll of it, and as CSV: {base}/reports?month={month}\n");
    }
    out
}

fn incidents(all: &DealingItem) -> String {
    let left = &all.left_out;
    let mut out = format!(
        "Incidents: {}, of which {} paged somebody and {} healed by themselves\n",
        all.incidents, all.paged, all.self_healed
    );
    out += &format!(
        "Left out: {} flapped, {} untold, {} not production\n",
        left.flapped, left.untold, left.not_production
    );
    for (word, of) in [
        ("Until somebody had it (MTTA)", all.to_acknowledge),
        ("Until it was over (MTTR)", all.to_recover),
        ("Between failures (MTBF)", all.between_failures),
    ] {
        out += &format!("{word}: {}\n", of.map_or("none".to_owned(), figures));
    }
    out
}

/// The mean alone lies.
fn figures(of: FiguresItem) -> String {
    format!(
        "mean {}, median {}, 95 % within {} (of {})",
        long(of.mean),
        long(of.median),
        long(of.p95),
        of.count
    )
}

fn long(seconds: f64) -> String {
    vocabulary::time::spell(seconds.round() as i64)
}

fn list(title: &str, lines: impl Iterator<Item = String>) -> String {
    let lines: Vec<String> = lines.collect();
    let shown: String = lines.iter().take(LINES).map(|line| format!("  {line}\n")).collect();
    match lines.len() {
        0 => String::new(),
        count if count > LINES => format!("\n{title}\n{shown}  and {} more\n", count - LINES),
        _ => format!("\n{title}\n{shown}"),
    }
}

#[cfg(test)]
mod tests {
    use super::super::{HeadroomItem, LeftOut};
    use super::*;

    #[test]
    fn what_is_close_to_its_limit_is_named_and_what_there_is_none_of_is_not() {
        let all = DealingItem {
            incidents: 0,
            left_out: LeftOut { flapped: 0, untold: 0, not_production: 0 },
            paged: 0,
            self_healed: 0,
            open: 0,
            to_acknowledge: None,
            to_recover: None,
            between_failures: None,
            failures: 0,
        };
        let near = |name: String| HeadroomItem {
            kind: "check",
            name,
            label: "used".into(),
            limit: 95.0,
            of: "critical",
            worst: 90.0,
            at: 10,
            share: 90.0 / 95.0,
            series: "checks.disk.used".into(),
        };
        let headroom = (0..12).map(|number| near(format!("disk{number}"))).collect();
        let report = ReportAnswer {
            now: 20,
            from: 0,
            until: 20,
            tz: "UTC".into(),
            record_begins: None,
            all,
            services: Vec::new(),
            people: Vec::new(),
            noisiest: Vec::new(),
            headroom,
            headroom_left_out: 0,
        };
        let text = letter(&report, "2026-10", (2, 1), "");
        let close = "\nClosest to their limits\n  disk0 used: 95 % of its limit\n";
        assert!(text.contains(close) && text.contains("\n  and 2 more\n"), "{text}");
        assert!(text.contains("Open follow-ups of post-mortems: 2, of which 1 are late\n"), "{text}");
        for word in ["Availability", "People", "The noisiest", "/reports"] {
            assert!(!text.contains(word), "{word} in {text}");
        }
    }
}
