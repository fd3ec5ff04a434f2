//! Pictures: the size asked for, the colours where they belong, and nothing that brings the drawing down.

use graphite::{Defaults, Environment, NoEvents, RenderRequest};
use jiff::tz::TimeZone;
use tiny_skia::Pixmap;
use vocabulary::Timestamp;
use vocabulary::ports::{QueryLimits, Scope};

use crate::memory::{Memory, archive};

fn source() -> Memory {
    let mut source = Memory::default();
    let mut add = |name: &str, value: fn(i64) -> f64| {
        let points = (1..=60).map(|index| (index * 10, value(index)));
        source.add(name, vec![(archive("10s:1h"), points.collect())]);
    };
    add("level", |_| 5.0);
    add("steps", |index| (index / 10) as f64);
    add("odd", |index| [f64::INFINITY, f64::NEG_INFINITY, 1e308, -1e308][index as usize % 4]);
    add("tiny", |index| index as f64 * 5e-324);
    add("one", |index| if index == 30 { 7.0 } else { f64::NAN });
    source
}

fn picture(params: &str) -> Result<Pixmap, graphite::Refusal> {
    let params = format!("from=0&until=600&now=600&{params}");
    let pairs = params.split('&').filter_map(|pair| pair.split_once('='));
    let pairs: Vec<(String, String)> =
        pairs.map(|(name, value)| (name.to_owned(), value.to_owned())).collect();
    let request = RenderRequest::from_params(&pairs, Timestamp(0), &Defaults { zone: TimeZone::UTC })?;
    let (source, scope, limits) = (source(), Scope::everything(), QueryLimits::default());
    let environment = Environment { source: &source, events: &NoEvents, scope: &scope, limits: &limits };
    let (answer, _) = graphite::render(&request, environment)?;
    assert_eq!(answer.content_type, "image/png");
    Ok(Pixmap::decode_png(&answer.body).expect("a png"))
}

fn has(picture: &Pixmap, [red, green, blue]: [u8; 3]) -> bool {
    picture.pixels().iter().any(|pixel| (pixel.red(), pixel.green(), pixel.blue()) == (red, green, blue))
}

#[test]
fn sizes_and_colors() {
    let check = |params: &str, size: (u32, u32), there: &[[u8; 3]], not_there: &[[u8; 3]]| {
        let picture = picture(params).unwrap_or_else(|refusal| panic!("{params}: {refusal}"));
        assert_eq!((picture.width(), picture.height()), size, "{params}");
        there.iter().for_each(|color| assert!(has(&picture, *color), "{params}: {color:?}"));
        not_there.iter().for_each(|color| assert!(!has(&picture, *color), "{params}: {color:?}"));
    };
    let (blue, red) = ([100, 100, 255], [200, 0, 50]);
    check("target=level", (330, 250), &[blue, [255; 3]], &[red]);
    check("target=level&width=800&height=100&bgcolor=black&fgcolor=white", (800, 100), &[blue, [0; 3]], &[]);
    check(
        "target=level&target=steps&colorList=red,ff8800&lineWidth=3",
        (330, 250),
        &[red, [255, 136, 0]],
        &[blue],
    );
    check("target=color(level,'red')&hideLegend=true&lineWidth=3", (330, 250), &[red], &[blue]);
    check("target=level&areaMode=all&graphOnly=true", (330, 250), &[blue], &[]);
    check("target=steps&areaMode=stacked&lineMode=staircase&title=a&vtitle=b", (330, 250), &[blue], &[]);
    check("target=nothing", (330, 250), &[[255; 3]], &[blue]);
    check("target=one&width=1&height=1", (1, 1), &[], &[]);
    check("target=drawAsInfinite(one)&hideLegend=1", (330, 250), &[], &[blue]);
}

#[test]
fn odd_values_and_parameters() {
    for target in
        ["odd", "tiny", "one", "secondYAxis(odd)", "stacked(odd)", "constantLine(1e308)", "dashed(level,0)"]
    {
        for look in [
            "areaMode=stacked",
            "drawNullAsZero=true",
            "lineMode=connected",
            "yMin=-5&yMax=5",
            "yMin=5&yMax=5",
            "yUnitSystem=binary&fontSize=50",
            "margin=500",
            "lineWidth=0",
            "hideAxes=true&hideGrid=true",
            "width=3&height=3000",
        ] {
            picture(&format!("target={target}&{look}"))
                .unwrap_or_else(|refusal| panic!("{target} {look}: {refusal}"));
        }
    }
}

#[test]
fn what_cannot_be_drawn() {
    let check = |params: &str, status: u16, part: &str| {
        let refusal = picture(params).err().unwrap_or_else(|| panic!("{params} is drawn"));
        assert_eq!(refusal.status, status);
        assert!(refusal.text.contains(part), "{params}: {refusal}");
    };
    check("target=level&width=0", 400, "width must be a number from 1 to 4000");
    check("target=level&bgcolor=nice", 400, "bgcolor must be a color, not 'nice'");
    check("target=level&lineMode=wavy", 400, "lineMode must be");
    check("target=level&format=svg", 400, "not svg");
    check("target=level&graphType=pie", 400, "not pie charts");
    check("target=color(level,'nice')", 500, "nice is not a color");
}
