//! `/tags` and what is below it: the tags of series, their values, and series by tag.

use vocabulary::SeriesSource;
use vocabulary::ValueKind;
use vocabulary::ports::{QueryLimits, Scope, StoreError, TagExpression, TagListQuery, TagQuery};
use vocabulary::series;

use crate::answer::Answer;
use crate::error::Refusal;
use crate::find::Names;
use crate::json::Json;
use crate::parameters::{Parameters, not_an_integer, python_int};
use crate::tag_expressions;

/// How many completions the original gives unless asked for another number.
const USUAL_COMPLETIONS: i64 = 100;

/// Its complaints are objects.
pub fn refusal(status: u16, text: &str) -> Refusal {
    let mut json = Json::new(false);
    json.object(|json| {
        json.key("error");
        json.text(text);
    });
    Refusal { status, text: String::from_utf8_lossy(&json.out).into_owned() }
}

/// What the database of the original stumbles over is answered with 500 there, as a text of Python's.
fn of_store(error: &StoreError) -> Refusal {
    match error {
        StoreError::BadQuery(why) => refusal(500, why),
        other => {
            let Refusal { status, text } = Refusal::of_store(other);
            refusal(status, &text)
        }
    }
}

/// Several, by one of two spellings: `path=a&path=b`, or `path[]=a&path[]=b` of Rails, PHP and jQuery. The latter
/// count only without the former.
pub fn several<'p>(params: &'p [(String, String)], name: &str) -> Vec<&'p str> {
    let params = Parameters(params);
    let plain = params.all(name);
    if plain.is_empty() { params.all(&format!("{name}[]")) } else { plain }
}

/// A list begins at 1, as the ids of the original do; nothing else may be read from them.
fn numbered<T>(json: &mut Json, rows: &[T], mut row: impl FnMut(&mut Json, &T, i64)) {
    json.list(|json| {
        for (index, one) in rows.iter().enumerate() {
            json.item();
            json.object(|json| row(json, one, index as i64 + 1));
        }
    });
}

fn answer(params: Parameters<'_>, write: impl FnOnce(&mut Json)) -> Answer {
    let mut json = Json::new(params.is_set("pretty"));
    write(&mut json);
    Answer::json(json.out, None)
}

struct Lists<'a> {
    source: &'a dyn SeriesSource,
    scope: &'a Scope,
    most: usize,
}

impl<'a> Lists<'a> {
    fn of(names: Names<'a>) -> Lists<'a> {
        let QueryLimits { max_series, .. } = names.limits;
        Lists { source: names.source, scope: names.scope, most: *max_series }
    }

    fn query<'q>(
        &'q self,
        expressions: &'q [TagExpression],
        prefix: &'q str,
        limit: usize,
    ) -> TagListQuery<'q> {
        let limit = limit.min(self.most);
        TagListQuery { expressions, prefix, filter: None, scope: self.scope, limit }
    }

    fn values(&self, tag: &str, query: &TagListQuery<'_>) -> Result<Vec<(String, u64)>, Refusal> {
        // A limit of none is answered here: what stores make of it differs.
        if query.limit == 0 {
            return Ok(Vec::new());
        }
        self.source.tag_values(tag, query).map_err(|error| of_store(&error))
    }

    fn tags(&self, query: &TagListQuery<'_>) -> Result<Vec<String>, Refusal> {
        if query.limit == 0 {
            return Ok(Vec::new());
        }
        self.source.tags(query).map_err(|error| of_store(&error))
    }
}

/// `limit` as SQL takes it: nothing, or less than none, is no limit.
fn limit_of_list(params: Parameters<'_>) -> Result<usize, Refusal> {
    let Some(text) = params.get("limit").filter(|text| !text.is_empty()) else { return Ok(usize::MAX) };
    let limit = python_int(text).ok_or_else(|| refusal(400, &not_an_integer(text)))?;
    Ok(usize::try_from(limit).unwrap_or(usize::MAX))
}

/// `limit` of a completion: where Python's slices take a negative one, the last ones are left out.
#[derive(Clone, Copy)]
struct Completions(i64);

impl Completions {
    fn of(params: Parameters<'_>) -> Result<Completions, Refusal> {
        let Some(text) = params.get("limit") else { return Ok(Completions(USUAL_COMPLETIONS)) };
        python_int(text).map(Completions).ok_or_else(|| refusal(400, &not_an_integer(text)))
    }

    fn at_most(self) -> usize {
        usize::try_from(self.0).unwrap_or(usize::MAX)
    }

    /// With expressions the original collects until there are enough, and there always are more than none.
    fn cut(self, found: &mut Vec<String>, by_expressions: bool) {
        match usize::try_from(self.0) {
            Ok(limit) => found.truncate(limit),
            Err(_) if by_expressions => found.clear(),
            Err(_) => {
                let left_out = usize::try_from(self.0.unsigned_abs()).unwrap_or(usize::MAX);
                found.truncate(found.len().saturating_sub(left_out));
            }
        }
    }
}

/// `/tags`
pub fn list(params: &[(String, String)], names: Names<'_>) -> Result<Answer, Refusal> {
    let (params, lists) = (Parameters(params), Lists::of(names));
    let query = TagListQuery { filter: params.get("filter"), ..lists.query(&[], "", limit_of_list(params)?) };
    let tags = lists.tags(&query)?;
    Ok(answer(params, |json| {
        numbered(json, &tags, |json, tag, id| {
            json.key("id");
            json.integer(id);
            json.key("tag");
            json.text(tag);
        });
    }))
}

/// `/tags/TAG`
pub fn one(tag: &str, params: &[(String, String)], names: Names<'_>) -> Result<Answer, Refusal> {
    let (params, lists) = (Parameters(params), Lists::of(names));
    let limit = limit_of_list(params)?;
    let is_known = !lists.values(tag, &lists.query(&[], "", 1))?.is_empty();
    let query = TagListQuery { filter: params.get("filter"), ..lists.query(&[], "", limit) };
    let values = if is_known { lists.values(tag, &query)? } else { Vec::new() };
    Ok(answer(params, |json| {
        if !is_known {
            return json.raw("null");
        }
        json.object(|json| {
            json.key("id");
            json.integer(1);
            json.key("tag");
            json.text(tag);
            json.key("values");
            numbered(json, &values, |json, (value, count), id| {
                // Python sorts keys when it prints prettily; in this order they are sorted but for the id.
                json.key("count");
                json.integer(*count as i64);
                json.key("id");
                json.integer(id);
                json.key("value");
                json.text(value);
            });
        });
    }))
}

/// All expressions read; at least one must not be fulfilled by the empty text.
fn read_expressions(texts: &[&str]) -> Result<Vec<TagExpression>, Refusal> {
    let parsed: Result<Vec<_>, _> = texts.iter().map(|text| tag_expressions::parse_one(text)).collect();
    let parsed = parsed.map_err(|error| refusal(400, &error.to_string()))?;
    let mut narrow = false;
    for expression in &parsed {
        narrow |= !tag_expressions::matches_empty(expression).map_err(|error| of_store(&error))?;
    }
    if !narrow {
        return Err(refusal(400, tag_expressions::NOT_NARROW));
    }
    Ok(parsed)
}

/// `/tags/findSeries`
pub fn find_series(params: &[(String, String)], names: Names<'_>) -> Result<Answer, Refusal> {
    let texts = several(params, "expr");
    if texts.is_empty() {
        return Err(refusal(400, "no tag expressions specified"));
    }
    let expressions = read_expressions(&texts)?;
    let query = TagQuery {
        expressions: &expressions,
        kind: ValueKind::Number,
        scope: names.scope,
        limit: names.limits.max_series,
    };
    let found = names.source.find_tagged(&query).map_err(|error| of_store(&error))?;
    Ok(answer(Parameters(params), |json| json.texts(found.iter().map(|found| &*found.name))))
}

/// `/tags/autoComplete/tags`
pub fn complete_tags(params: &[(String, String)], names: Names<'_>) -> Result<Answer, Refusal> {
    let (texts, lists) = (several(params, "expr"), Lists::of(names));
    let params = Parameters(params);
    let wanted = Completions::of(params)?;
    let expressions = if texts.is_empty() { Vec::new() } else { read_expressions(&texts)? };
    // Tags that the expressions name already are left out, so as many more are asked for.
    let limit = wanted.at_most().saturating_add(expressions.len());
    let mut tags =
        lists.tags(&lists.query(&expressions, params.get("tagPrefix").unwrap_or_default(), limit))?;
    tags.retain(|tag| !expressions.iter().any(|expression| expression.tag == *tag));
    wanted.cut(&mut tags, !texts.is_empty());
    Ok(answer(params, |json| json.texts(tags.iter().map(String::as_str))))
}

/// `/tags/autoComplete/values`
pub fn complete_values(params: &[(String, String)], names: Names<'_>) -> Result<Answer, Refusal> {
    let (mut texts, lists) = (several(params, "expr"), Lists::of(names));
    let params = Parameters(params);
    let tag = params.get("tag").filter(|tag| !tag.is_empty());
    let tag = tag.ok_or_else(|| refusal(400, "no tag specified"))?;
    let wanted = Completions::of(params)?;
    // The original asks for series that have the tag at all, which makes any expressions narrow enough.
    let has_tag = format!("{tag}!=");
    let by_expressions = !texts.is_empty();
    if by_expressions {
        texts.push(&has_tag);
    }
    let expressions = if by_expressions { read_expressions(&texts)? } else { Vec::new() };
    let prefix = params.get("valuePrefix").unwrap_or_default();
    let values = lists.values(tag, &lists.query(&expressions, prefix, wanted.at_most()))?;
    let mut values: Vec<String> = values.into_iter().map(|(value, _)| value).collect();
    wanted.cut(&mut values, by_expressions);
    Ok(answer(params, |json| json.texts(values.iter().map(String::as_str))))
}

/// Names as json, one or a list of them.
pub fn told(params: &[(String, String)], tagged: &[String], one: bool) -> Answer {
    answer(Parameters(params), |json| match tagged {
        [name] if one => json.text(name),
        names => json.texts(names.iter().map(String::as_str)),
    })
}

/// The canonical form of a name, or what is wrong with it in the words of the original, which answers 500.
pub fn canonical(path: &str) -> Result<String, Refusal> {
    series::canonical(path).map(|name| name.into_owned()).map_err(|error| {
        let fault = fault_of(path).unwrap_or_else(|| error.to_string());
        refusal(500, &fault)
    })
}

fn fault_of(path: &str) -> Option<String> {
    if path.ends_with("\"}") && path.contains('{') {
        return Some(format!("Cannot parse path {path}"));
    }
    let mut segments = path.split(';');
    let metric = segments.next().unwrap_or_default();
    if metric.is_empty() {
        return Some(format!("Cannot parse path {path}, no metric found"));
    }
    segments.find_map(|segment| fault_of_segment(path, segment)).or_else(|| {
        let empty = metric.trim_start_matches('~').is_empty();
        empty.then(|| format!("Cannot use metric name {metric} as tag value, results in empty string"))
    })
}

fn fault_of_segment(path: &str, segment: &str) -> Option<String> {
    let Some((tag, value)) = segment.split_once('=').filter(|(tag, _)| !tag.is_empty()) else {
        return Some(format!("Cannot parse path {path}, invalid segment {segment}"));
    };
    if value.is_empty() {
        return Some(format!("Value for tag \"{tag}\" may not be empty"));
    }
    if let Some(prohibited) = tag.chars().find(|character| ['!', '^'].contains(character)) {
        return Some(format!("Character \"{prohibited}\" is not allowed in tag \"{tag}\""));
    }
    let tilde = value.starts_with('~');
    tilde.then(|| format!("Tag values are not allowed to start with \"~\" in tag \"{tag}\""))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_wrong_with_a_name() {
        let check = |path: &str, wanted: &str| {
            let refused = canonical(path).unwrap_err();
            assert_eq!((refused.status, refused.text), (500, refusal(500, wanted).text), "{path}");
        };
        check("", "Cannot parse path , no metric found");
        check(";a=1", "Cannot parse path ;a=1, no metric found");
        check("a;b", "Cannot parse path a;b, invalid segment b");
        check("a;=1", "Cannot parse path a;=1, invalid segment =1");
        check("a;b=", "Value for tag \"b\" may not be empty");
        check("a;b!c=1", "Character \"!\" is not allowed in tag \"b!c\"");
        check("a;b=~1", "Tag values are not allowed to start with \"~\" in tag \"b\"");
        check("~;b=1", "Cannot use metric name ~ as tag value, results in empty string");
        assert_eq!(canonical("a;c=2;b=1").unwrap(), "a;b=1;c=2");
    }

    #[test]
    fn limits_of_completions() {
        let check = |limit: i64, by_expressions: bool, wanted: &[&str]| {
            let mut found = vec!["a".to_owned(), "b".to_owned(), "c".to_owned()];
            Completions(limit).cut(&mut found, by_expressions);
            assert_eq!(found, wanted, "{limit}");
        };
        check(2, true, &["a", "b"]);
        check(9, false, &["a", "b", "c"]);
        check(0, true, &[]);
        check(-1, true, &[]);
        check(-1, false, &["a", "b"]);
        check(i64::MIN, false, &[]);
    }

    #[test]
    fn one_of_two_spellings() {
        let params = |pairs: &[(&str, &str)]| -> Vec<(String, String)> {
            pairs.iter().map(|(name, value)| ((*name).to_owned(), (*value).to_owned())).collect()
        };
        assert_eq!(several(&params(&[("a[]", "1"), ("a", "2"), ("a", "3")]), "a"), ["2", "3"]);
        assert_eq!(several(&params(&[("a[]", "1")]), "a"), ["1"]);
    }
}
