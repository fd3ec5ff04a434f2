//! Pictures: the size asked for, the colours where they belong, and nothing that brings the drawing down.

use graphite::{Answer, Defaults, Environment, NoEvents, Refusal, RenderRequest};
use jiff::tz::TimeZone;
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

fn answer(params: &str) -> Result<Answer, Refusal> {
    let params = format!("from=0&until=600&now=600&{params}");
    let pairs = params.split('&').filter_map(|pair| pair.split_once('='));
    let pairs: Vec<(String, String)> =
        pairs.map(|(name, value)| (name.to_owned(), value.to_owned())).collect();
    let request = RenderRequest::from_params(&pairs, Timestamp(0), &Defaults::of_zone(TimeZone::UTC))?;
    let (source, scope, limits) = (source(), Scope::everything(), QueryLimits::default());
    let environment = Environment { source: &source, events: &NoEvents, scope: &scope, limits: &limits };
    graphite::render(&request, environment).map(|(answer, _)| answer)
}

struct Pixels {
    width: u32,
    height: u32,
    colors: Vec<[u8; 3]>,
}

fn picture(params: &str) -> Result<Pixels, Refusal> {
    let answer = answer(params)?;
    assert_eq!(answer.content_type, "image/png");
    let mut reader = png::Decoder::new(std::io::Cursor::new(answer.body)).read_info().expect("a png");
    let mut bytes = vec![0; reader.output_buffer_size().expect("a size")];
    let info = reader.next_frame(&mut bytes).expect("pixels");
    let colors = bytes.chunks(info.line_size / info.width as usize).map(|part| [part[0], part[1], part[2]]);
    Ok(Pixels { width: info.width, height: info.height, colors: colors.collect() })
}

fn has(picture: &Pixels, color: [u8; 3]) -> bool {
    picture.colors.contains(&color)
}

#[test]
fn sizes_and_colors() {
    let check = |params: &str, size: (u32, u32), there: &[[u8; 3]], not_there: &[[u8; 3]]| {
        let picture = picture(params).unwrap_or_else(|refusal| panic!("{params}: {refusal}"));
        assert_eq!((picture.width, picture.height), size, "{params}");
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
    check("target=1:1&target=2:2&graphType=pie&hideLegend=1", (330, 250), &[blue, [0, 200, 0]], &[red]);
    check("target=steps&areaMode=stacked&lineMode=staircase&title=a&vtitle=b", (330, 250), &[blue], &[]);
    check("target=nothing", (330, 250), &[[255; 3]], &[blue]);
    check("target=one&width=1&height=1", (1, 1), &[], &[]);
    check("target=drawAsInfinite(one)&hideLegend=1", (330, 250), &[], &[blue]);
}

/// Whatever the values and parameters, there is a picture or a reason, and soon.
#[test]
fn odd_values_and_parameters() {
    let targets = [
        "odd",
        "tiny",
        "one",
        "secondYAxis(odd)",
        "stacked(odd)",
        "constantLine(1e308)",
        "dashed(level,0)",
        "dashed(level,0.0000001)",
        "target=steps&target=secondYAxis(level)",
        "areaBetween(odd,tiny)",
        "nothing",
    ];
    let looks = [
        "areaMode=stacked",
        "areaMode=all&areaAlpha=nan",
        "drawNullAsZero=true",
        "lineMode=connected",
        "yMin=-5&yMax=5",
        "yMin=5&yMax=5",
        "yUnitSystem=binary&fontSize=50",
        "margin=500",
        "margin=1000000000",
        "lineWidth=0",
        "lineWidth=1000000",
        "lineWidth=-5",
        "hideAxes=true&hideGrid=true",
        "width=3&height=3000",
        "width=1&height=1",
        "width=1000000000",
        "width=nan",
        "width=-1",
        "height=0",
        "width=32767&height=32767",
        "fontSize=0",
        "fontSize=-3",
        "fontSize=10000",
        "yStep=0.000000001",
        "yStep=0",
        "yStep=-1",
        "yMin=1000000000000000000000000&yMax=-5",
        "logBase=1",
        "logBase=0",
        "logBase=1.0000001&yMin=1",
        "logBase=-1",
        "logBase=e&yMin=1",
        "yDivisors=0",
        "yDivisors=100000000",
        "yDivisors=a",
        "minorY=1000000000",
        "minXStep=0",
        "minXStep=-1",
        "minXStep=0.00001",
        "xFormat=%1000000000d",
        "xFormat=%",
        "title=%0A%0A",
        "tz=Nowhere",
        "tz=5",
        "format=svg",
        "format=pdf",
        "graphType=pie",
        "graphType=pie&format=svg&pieMode=none",
        "bgcolor=5",
        "fontName=;;",
        "template=x",
        "yAxisSide=right&hideYAxis=1",
        "yAxisSide=middle",
        "graphOnly=1&format=svg",
        "connectedLimit=x",
    ];
    let pairs = targets.iter().flat_map(|target| looks[..6].iter().map(move |look| (target, look)));
    let more = looks[6..].iter().flat_map(|look| targets[6..9].iter().map(move |target| (target, look)));
    for (target, look) in pairs.chain(more) {
        match answer(&format!("target={target}&{look}")) {
            Ok(answer) => assert!(answer.body.len() > 60, "{target} {look}"),
            Err(refusal) => assert!(refusal.text.len() > 10, "{target} {look}"),
        }
    }
}

#[test]
fn what_cannot_be_drawn() {
    let check = |params: &str, part: &str| {
        let refusal = picture(params).err().unwrap_or_else(|| panic!("{params} is drawn"));
        assert_eq!(refusal.status, 500, "{params}");
        assert!(refusal.text.contains(part), "{params}: {refusal}");
    };
    check("target=level&width=0", "width must be from 1 to 32767, not '0'");
    check("target=level&width=32767&height=32767", "more than 16000000 pixels");
    check("target=level&bgcolor=nice", "'nice' is not a color");
    check("target=level&lineMode=wavy", "lineMode must be one of staircase, slope, connected, not 'wavy'");
    check("target=level&yStep=wide", "yStep must be a number, not 'wide'");
    check("target=level&logBase=10&yMin=-1", "values above 0");
    check("target=level&tz=Nowhere", "tz must be the name of a time zone");
    check("target=color(level,'nice')", "'nice' is not a color");
    check("target=a:b&graphType=pie", "neither name:number nor");
    check("target=a:0&graphType=pie", "must not add up to 0");
}

#[test]
fn svg_and_pdf() {
    let svg = answer("target=level&format=svg&title=A").unwrap();
    let text = String::from_utf8(svg.body).unwrap();
    assert_eq!(svg.content_type, "image/svg+xml");
    assert!(text.contains("width=\"330px\" height=\"250px\" viewBox=\"0 0 330 250\""), "{text}");
    assert!(text.contains("<g class=\"title\">") && text.ends_with("]]>\n</script>\n</svg>"), "{text}");
    assert_eq!(text.matches("<g").count(), text.matches("</g>").count());
    let called = answer("target=level&format=svg&jsonp=call").unwrap();
    assert_eq!(called.content_type, "text/javascript");
    assert!(called.body.starts_with(b"call(\"<?xml") && called.body.ends_with(b"</svg>\")"));
    let pdf = answer("target=level&format=pdf").unwrap();
    assert_eq!(pdf.content_type, "application/x-pdf");
    assert!(String::from_utf8(pdf.body).unwrap().contains("/MediaBox [ 0 0 79.2 60 ]"));
}
