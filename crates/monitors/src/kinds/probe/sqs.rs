//! `type = "sqs"`: how much waits in queues of Amazon's SQS, or of whatever speaks its JSON protocol.

mod sigv4;

use outbound::Url;
use outbound::http::{Answer, Request};
use serde_json::{Value, json};

use super::condition::number;
use super::limits::QUEUES_MAX;
use super::seen::{CRITICAL, Seen, UNKNOWN};
use super::{Asked, Probe, Trouble, keys, text, tls};
use crate::config::{CheckConfig, CheckType};
use crate::services::pattern::Glob;

pub const PROBE: Probe = Probe {
    kind: CheckType::Sqs,
    name: "sqs",
    keys: &[
        "url",
        "region",
        "queues",
        "access_key",
        "secret_key",
        "secret_key_file",
        "ca_file",
        "verify",
        "tls_name",
        "connect_to",
    ],
    required: &["region"],
    main: "visible",
    problems,
    look: |asked| Box::pin(look(asked)),
};

/// SQS's own names, and ours.
const ATTRIBUTES: [(&str, &str, &str); 4] = [
    ("ApproximateNumberOfMessages", "visible", ""),
    ("ApproximateNumberOfMessagesNotVisible", "in_flight", ""),
    ("ApproximateNumberOfMessagesDelayed", "delayed", ""),
    // Amazon tells it through CloudWatch only; others as an attribute.
    ("ApproximateAgeOfOldestMessage", "oldest_age", "s"),
];

async fn look(asked: &Asked<'_>) -> Result<Seen, Trouble> {
    let client = Client::new(asked)?;
    let mut urls = client.queues().await?;
    let found = urls.len();
    urls.truncate(QUEUES_MAX);
    let mut seen = Seen::default();
    let mut totals = [0.0, 0.0, 0.0];
    let mut oldest = None::<f64>;
    for url in &urls {
        let attributes = client.attributes(url).await?;
        let name = queue_name(url);
        for (index, (attribute, label, unit)) in ATTRIBUTES.iter().enumerate() {
            let told = number(&attributes[*attribute]);
            let value = if *label == "oldest_age" { told.or(client.oldest_age(name).await?) } else { told };
            let Some(value) = value else { continue };
            seen.value(format!("{name}.{label}"), value, unit).min = Some(0.0);
            match totals.get_mut(index) {
                Some(total) => *total += value,
                None => oldest = Some(oldest.map_or(value, |oldest| oldest.max(value))),
            }
        }
    }
    for (total, (_, label, unit)) in totals.iter().zip(&ATTRIBUTES) {
        seen.value(*label, *total, unit).min = Some(0.0);
    }
    if let Some(oldest) = oldest {
        seen.value("oldest_age", oldest, "s").min = Some(0.0);
    }
    let age = oldest.map(|oldest| format!(", the oldest for {}", text::duration(oldest))).unwrap_or_default();
    seen.summary = format!(
        "{} wait in {}{age}, {} are being worked on",
        text::count(totals[0] as usize, "message"),
        text::count(found, "queue"),
        totals[1]
    );
    if found == 0 {
        seen.problem(UNKNOWN, "there is no such queue");
    }
    if found > QUEUES_MAX {
        seen.details.push(format!(
            "{found} queues, of which the first {QUEUES_MAX} were looked at: name some with queues"
        ));
    }
    Ok(seen)
}

fn queue_name(url: &str) -> &str {
    url.rsplit('/').next().unwrap_or(url)
}

struct Client<'a> {
    asked: &'a Asked<'a>,
    endpoint: Url,
    region: &'a str,
    keys: Option<sigv4::Keys>,
}

impl<'a> Client<'a> {
    fn new(asked: &'a Asked<'a>) -> Result<Client<'a>, Trouble> {
        let check = asked.check;
        let region = check.region.as_deref().unwrap_or_default();
        let endpoint = check.url.clone().unwrap_or_else(|| format!("https://sqs.{region}.amazonaws.com/"));
        let secret = keys::secret(&check.secret_key, &check.secret_key_file)?;
        let keys =
            check.access_key.clone().zip(secret).map(|(access, secret)| sigv4::Keys { access, secret });
        Ok(Client { asked, endpoint: Url::parse(&endpoint).map_err(Trouble::unknown)?, region, keys })
    }

    /// URLs of those that are wanted: whole names are asked for by name, patterns are looked for among all.
    async fn queues(&self) -> Result<Vec<String>, Trouble> {
        let wanted = &self.asked.check.queues;
        let globs: Vec<Glob> = wanted.iter().map(|pattern| Glob::new(pattern)).collect();
        let names: Option<Vec<String>> = globs.iter().map(Glob::literal).collect();
        let mut urls = Vec::new();
        if let Some(names) = names.filter(|names| !names.is_empty()) {
            for name in names {
                let found = self
                    .ask("GetQueueUrl", json!({ "QueueName": name }))
                    .await
                    .map_err(|trouble| trouble.while_doing(&name))?;
                urls.extend(found["QueueUrl"].as_str().map(str::to_owned));
            }
            return Ok(urls);
        }
        let mut page = Value::Null;
        // 1,000 a page; so many are enough to say that there are too many.
        for _ in 0..5 {
            let mut question = json!({ "MaxResults": 1000 });
            if page.is_string() {
                question["NextToken"] = page;
            }
            let found = self.ask("ListQueues", question).await?;
            let listed = found["QueueUrls"].as_array().map(Vec::as_slice).unwrap_or_default();
            urls.extend(listed.iter().filter_map(Value::as_str).map(str::to_owned));
            page = found["NextToken"].clone();
            if !page.is_string() {
                break;
            }
        }
        urls.retain(|url| globs.is_empty() || globs.iter().any(|glob| glob.matches(queue_name(url))));
        urls.sort();
        Ok(urls)
    }

    async fn attributes(&self, url: &str) -> Result<Value, Trouble> {
        let question = json!({ "QueueUrl": url, "AttributeNames": ["All"] });
        let answer = self
            .ask("GetQueueAttributes", question)
            .await
            .map_err(|trouble| trouble.while_doing(queue_name(url)))?;
        Ok(answer["Attributes"].clone())
    }

    /// Of CloudWatch, where it is Amazon's own queue: the last five minutes' largest. It says nothing of idle queues.
    async fn oldest_age(&self, queue: &str) -> Result<Option<f64>, Trouble> {
        if !self.endpoint.host().ends_with(".amazonaws.com") {
            return Ok(None);
        }
        let endpoint = format!("https://monitoring.{}.amazonaws.com/", self.region);
        let question = json!({
            "Namespace": "AWS/SQS",
            "MetricName": "ApproximateAgeOfOldestMessage",
            "Dimensions": [{ "Name": "QueueName", "Value": queue }],
            "StartTime": self.asked.now.0 - 300,
            "EndTime": self.asked.now.0,
            "Period": 300,
            "Statistics": ["Maximum"],
        });
        let endpoint = Url::parse(&endpoint).map_err(Trouble::unknown)?;
        let target = "GraniteServiceVersion20100801.GetMetricStatistics";
        let answer = self.call(&endpoint, "monitoring", target, question).await?;
        let points = answer["Datapoints"].as_array().map(Vec::as_slice).unwrap_or_default();
        Ok(points.iter().filter_map(|point| number(&point["Maximum"])).reduce(f64::max))
    }

    async fn ask(&self, action: &str, question: Value) -> Result<Value, Trouble> {
        let answer = self.call(&self.endpoint, "sqs", &format!("AmazonSQS.{action}"), question).await;
        answer.map_err(|trouble| trouble.while_doing(action))
    }

    async fn call(&self, url: &Url, service: &str, target: &str, question: Value) -> Result<Value, Trouble> {
        let mut request = Request::new(outbound::http::post(), url.clone());
        request.body = question.to_string().into();
        request.timeout = self.asked.deadline.left();
        request.redirects_most = 0;
        request.tls = tls::options(self.asked.check);
        request.connect_to = self.asked.check.connect_to.clone();
        request.header("Content-Type", "application/x-amz-json-1.0")?;
        request.header("X-Amz-Target", target)?;
        if let Some(keys) = &self.keys {
            let scope = sigv4::Scope { region: self.region, service, now: self.asked.now };
            for (name, value) in sigv4::sign(keys, &scope, url, target, &request.body) {
                request.header(name, &value)?;
            }
        }
        read(&outbound::http::call(self.asked.egress, &request).await?)
    }
}

/// Not being let in is ours to mend.
fn read(answer: &Answer) -> Result<Value, Trouble> {
    let parsed: Option<Value> = serde_json::from_slice(&answer.body).ok();
    if answer.status.is_success() {
        return parsed.ok_or_else(|| {
            Trouble::critical(format!("what came is not JSON: {}", text::excerpt(&answer.body)))
        });
    }
    let told = parsed.as_ref().map(|parsed| {
        let kind =
            parsed["__type"].as_str().unwrap_or_default().rsplit('#').next().unwrap_or_default().to_owned();
        let message = parsed["message"].as_str().or(parsed["Message"].as_str()).unwrap_or_default();
        format!("{kind} {message}")
    });
    let told = told.unwrap_or_else(|| text::excerpt(&answer.body));
    let status = if answer.status.is_server_error() { CRITICAL } else { UNKNOWN };
    Err(Trouble { status, text: text::line(&format!("{} {told}", answer.status)) })
}

fn problems(check: &CheckConfig) -> Vec<(&'static str, String)> {
    let mut problems = Vec::new();
    if let Some(Err(why)) = check.url.as_deref().map(Url::parse) {
        problems.push(("url", why));
    }
    let has_secret = check.secret_key.is_some() || check.secret_key_file.is_some();
    if check.access_key.is_some() != has_secret {
        problems.push((
            "access_key",
            "access_key goes with secret_key or secret_key_file: write both or none".into(),
        ));
    }
    problems
}
