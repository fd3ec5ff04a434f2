//! What an svg says about itself at its end, for scripts: scales, colours, and the series.

use super::graph::Graph;
use super::line_graph::{Line, LineGraph};
use crate::error::EvaluationError;
use crate::json::Json;
use crate::python::push_float;
use crate::series::{NULL, Options, is_null};

pub fn of_lines(picture: &LineGraph<'_>) -> Result<Vec<u8>, EvaluationError> {
    let lines: Vec<&Line> = picture.lines.iter().filter(|line| !line.series.options.stacked).collect();
    let points = lines.iter().map(|line| line.series.points()).collect::<Result<Vec<_>, _>>()?;
    let mut json = Json::new(false);
    json.object(|json| {
        json.key("x");
        json.object(|json| {
            json.key("start");
            json.integer(picture.start.0);
            json.key("end");
            json.integer(picture.end.0);
        });
        json.key("options");
        json.object(|json| {
            json.key("lineWidth");
            number(json, picture.line_width);
        });
        font(json, &picture.graph);
        area(json, &picture.graph);
        json.key("series");
        json.list(|json| {
            for (line, points) in lines.iter().zip(&points) {
                json.item();
                series(json, line, points);
            }
        });
        if !picture.second_axis {
            y_axis(json, picture);
        }
    });
    Ok(json.out)
}

/// The block that ends an svg.
pub fn script(metadata: &[u8]) -> Vec<u8> {
    let mut out = b"<script>\n  <![CDATA[\n    metadata = ".to_vec();
    // A name may hold what ends the block.
    let text = String::from_utf8_lossy(metadata).replace("]]>", "]]\\u003e");
    out.extend_from_slice(text.as_bytes());
    out.extend_from_slice(b"\n  ]]>\n</script>\n</svg>");
    out
}

fn font(json: &mut Json, graph: &Graph<'_>) {
    json.key("font");
    json.object(|json| {
        json.key("name");
        json.text(&graph.font.name);
        json.key("size");
        json.integer(graph.font.size as i64);
        json.key("bold");
        json.raw(if graph.font.bold { "true" } else { "false" });
        json.key("italic");
        json.raw(if graph.font.italic { "true" } else { "false" });
    });
}

fn area(json: &mut Json, graph: &Graph<'_>) {
    let area = graph.area;
    json.key("area");
    json.object(|json| {
        for (name, value) in
            [("xmin", area.left), ("xmax", area.right), ("ymin", area.top), ("ymax", area.bottom)]
        {
            json.key(name);
            number(json, value);
        }
    });
}

fn y_axis(json: &mut Json, picture: &LineGraph<'_>) {
    let axis = &picture.left;
    json.key("y");
    json.object(|json| {
        json.key("top");
        number(json, axis.top);
        json.key("bottom");
        number(json, axis.bottom);
        json.key("step");
        number(json, axis.step.unwrap_or(NULL));
        json.key("labels");
        json.list(|json| {
            for label in &axis.labels {
                json.item();
                json.text(label);
            }
        });
        json.key("labelValues");
        json.list(|json| {
            for mark in &axis.marks {
                json.item();
                number(json, *mark);
            }
        });
    });
}

fn series(json: &mut Json, line: &Line, points: &[f64]) {
    let series = &line.series;
    json.object(|json| {
        json.key("name");
        json.text(&series.name);
        for (name, value) in [
            ("start", series.start.0),
            ("end", series.end.0),
            ("step", series.step.seconds()),
            ("valuesPerPoint", series.values_per_point as i64),
        ] {
            json.key(name);
            json.integer(value);
        }
        json.key("color");
        json.text(&line.color);
        json.key("data");
        json.list(|json| {
            for value in points {
                json.item();
                number(json, *value);
            }
        });
        json.key("options");
        options(json, &series.options);
    });
}

fn options(json: &mut Json, options: &Options) {
    let numbers = [("lineWidth", options.line_width), ("dashed", options.dashed), ("alpha", options.alpha)];
    let flags = [
        ("secondYAxis", options.second_y_axis),
        ("drawAsInfinite", options.draw_as_infinite),
        ("invisible", options.invisible),
    ];
    json.object(|json| {
        for (name, value) in numbers {
            if let Some(value) = value {
                json.key(name);
                number(json, value);
            }
        }
        for (name, _) in flags.into_iter().filter(|(_, set)| *set) {
            json.key(name);
            json.raw("true");
        }
    });
}

/// As Python's json writes it; scripts of browsers read that too.
fn number(json: &mut Json, value: f64) {
    if is_null(value) {
        return json.raw("null");
    }
    match value {
        value if value.is_nan() => json.raw("NaN"),
        f64::INFINITY => json.raw("Infinity"),
        f64::NEG_INFINITY => json.raw("-Infinity"),
        value => push_float(&mut json.out, value),
    }
}
