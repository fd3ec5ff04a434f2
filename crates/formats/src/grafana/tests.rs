use super::*;

fn one(text: &str) -> Dashboard {
    read(text).unwrap().remove(0)
}

fn lost(board: &Dashboard) -> Vec<String> {
    board.lost.iter().map(|lost| format!("{}: {}", lost.place, lost.why)).collect()
}

const NEW: &str = r##"{
  "__inputs": [{"name": "DS_GRAPHITE", "type": "datasource", "pluginId": "graphite"},
               {"name": "DS_PROM", "type": "datasource", "pluginId": "prometheus"}],
  "__elements": {"lib1": {"name": "Shared", "uid": "lib1", "kind": 1, "model": {
      "type": "stat", "title": "Shared", "datasource": {"type": "graphite", "uid": "x"},
      "targets": [{"refId": "A", "target": "shop.orders"}]}}},
  "title": "Shop", "uid": "abc", "schemaVersion": 36, "tags": ["shop"], "time": {"from": "now-6h", "to": "now"},
  "templating": {"list": [
    {"name": "server", "type": "query", "query": {"target": "servers.*", "refId": "x"}, "current": {"value": ["web1", "web2"]},
     "options": [], "datasource": {"type": "graphite", "uid": "x"}},
    {"name": "all", "type": "custom", "query": "a, b", "current": {"value": "$__all"}, "allValue": null},
    {"name": "span", "type": "interval", "query": "1m,5m", "current": {"value": "$__auto_interval_span"}},
    {"name": "adhoc", "type": "adhoc"}]},
  "annotations": {"list": [{"builtIn": 1, "name": "Annotations & Alerts", "datasource": "-- Grafana --"},
    {"name": "Deploys", "datasource": {"type": "graphite", "uid": "x"}, "enable": true, "target": {"tags": ["deploy", "web"]}},
    {"name": "Errors", "datasource": "${DS_PROM}", "expr": "x"}]},
  "panels": [
    {"type": "row", "title": "Front", "collapsed": true, "panels": [
      {"id": 1, "type": "timeseries", "title": "Requests", "datasource": "${DS_GRAPHITE}",
       "fieldConfig": {"defaults": {"unit": "reqps", "thresholds": {"steps": [{"value": null}, {"value": 80}]},
                                    "custom": {"stacking": {"mode": "normal"}}}},
       "timeShift": "1d", "repeat": "server",
       "targets": [{"refId": "A", "target": "servers.$server.requests", "hide": true},
                   {"refId": "B", "target": "sumSeries(#A)"},
                   {"refId": "C", "target": "scale(#B, 2)", "targetFull": "old"},
                   {"refId": "D", "datasource": {"type": "prometheus", "uid": "p"}, "expr": "up"},
                   {"refId": "E", "target": " "}]}]},
    {"id": 2, "libraryPanel": {"uid": "lib1", "name": "Shared"}},
    {"id": 3, "title": "Gone", "libraryPanel": {"uid": "lib2", "name": "Other"}},
    {"id": 4, "type": "text", "title": "", "content": "hello"},
    {"id": 5, "type": "heatmap", "title": "Heat", "targets": [{"target": "a.b"}], "alert": {"name": "x"}},
    {"id": 6, "type": "graph", "title": "Prom", "datasource": {"type": "prometheus"}, "targets": [{"expr": "up"}]},
    {"id": 7, "type": "graph", "title": "Default", "datasource": null, "targets": [{"expr": "up"}, {"rawSql": "select"}]}
  ]}"##;

#[test]
fn panels_of_today() {
    let board = one(NEW);
    assert_eq!((board.title.as_str(), board.schema_version, board.from.as_str()), ("Shop", 36, "now-6h"));
    let panels: Vec<_> =
        board.panels.iter().map(|p| (p.row.as_str(), p.title.as_str(), p.targets.len())).collect();
    assert_eq!(panels, [("Front", "Requests", 3), ("Front", "", 1), ("Front", "Heat", 1)]);
    let requests = &board.panels[0];
    assert_eq!(
        (requests.unit.as_str(), requests.stacked, &requests.thresholds),
        ("reqps", true, &vec![80.0])
    );
    let targets: Vec<_> = requests.targets.iter().map(|t| (t.text.as_str(), t.hidden)).collect();
    assert_eq!(
        targets,
        [
            ("servers.$server.requests", true),
            ("sumSeries(servers.$server.requests)", false),
            ("scale(sumSeries(servers.$server.requests), 2)", false)
        ]
    );
    assert_eq!(board.annotations.len(), 1);
    assert_eq!(board.annotations[0].source, AnnotationSource::Events(vec!["deploy".into(), "web".into()]));
    assert_eq!(
        lost(&board),
        [
            "variable \"adhoc\": variables of type adhoc are not carried over",
            "annotation \"Errors\": comes from prometheus",
            "panel \"Requests\": target D asks prometheus",
            "panel \"Requests\": target E is empty",
            "panel \"Requests\": one panel instead of one for each value of $server",
            "panel \"Gone\": the library panel \"Other\" is not in the file: export with \"for sharing externally\"",
            "panel 4: a panel of type text, which draws no series",
            "panel \"Heat\": type heatmap: its targets are kept, to be drawn as lines",
            "panel \"Heat\": its alert: write it as a [[monitor]]",
            "panel \"Prom\": asks prometheus",
            "panel \"Default\": target A looks like one for Prometheus or Loki",
            "panel \"Default\": target B looks like one for an SQL database",
        ]
    );
}

#[test]
fn rows_of_old() {
    let board = one(
        r#"{"meta": {}, "dashboard": {"title": "Old", "version": 6, "rows": [{"title": "Top", "panels": [
          {"type": "graph", "title": "Load", "datasource": null, "stack": true, "y_formats": ["short", "ms"],
           "grid": {"threshold1": 5, "threshold2": "7.5"},
           "targets": [{"target": "alias(a.b, 'x')"}, {"target": "c.d", "hide": false}]},
          {"type": "singlestat", "title": "One", "thresholds": "50, 80", "format": "percent", "targets": [{"refId": "A", "target": "x"}]}]}],
          "annotations": {"list": [{"name": "E", "datasource": "g", "tags": "deploy"}, {"name": "T", "target": "drawAsInfinite(x)"}, {"name": "N"}]}}}"#,
    );
    assert_eq!((board.title.as_str(), board.schema_version, board.panels.len()), ("Old", 6, 2));
    let load = &board.panels[0];
    assert_eq!((load.row.as_str(), load.unit.as_str(), load.stacked), ("Top", "short", true));
    assert_eq!(load.thresholds, [5.0, 7.5]);
    assert_eq!(load.targets[1], Target { ref_id: "B".into(), text: "c.d".into(), hidden: false });
    assert_eq!(board.panels[1].thresholds, [50.0, 80.0]);
    assert_eq!(board.annotations[0].source, AnnotationSource::Events(vec!["deploy".into()]));
    assert_eq!(board.annotations[1].source, AnnotationSource::Target("drawAsInfinite(x)".into()));
    assert_eq!(lost(&board), ["annotation \"N\": neither a target nor tags of events"]);
}

#[test]
fn variables_stand_for_their_chosen_values() {
    let mut board = one(NEW);
    board.variables.push(Variable { name: "n".into(), current: vec!["7".into()], ..Variable::default() });
    let check = |target: &str, expected: &str| assert_eq!(substituted(target, &board), expected);
    check("servers.$server.cpu", "servers.{web1,web2}.cpu");
    check("servers.${server:regex}.[[server:csv]]", "servers.(web1|web2).web1,web2");
    check("x.${all}.$n.[[n]]", "x.{a,b}.7.7");
    check("movingAverage(a, '$span')", "movingAverage(a, '1min')");
    check("summarize(a, '$__interval')", "summarize(a, '1min')");
    check(
        "aliasSub(a, '(x)', '\\1 $1') [ab] $ ${ [[ $none",
        "aliasSub(a, '(x)', '\\1 $1') [ab] $ ${ [[ $none",
    );
    assert_eq!(variables::unknown("a.$none.$1.${server}.[[other]]", &board), ["none", "other"]);
}

#[test]
fn what_is_no_dashboard_is_told() {
    let message = |text: &str| read(text).unwrap_err().to_string();
    assert!(message("{\"a\":\n x}").starts_with("2:2: not JSON"), "{}", message("{\"a\":\n x}"));
    assert!(message("{}").contains("neither `panels` nor `rows`"));
    assert!(message(r#"{"panels": 5}"#).contains("is a list"));
    assert!(message("[]").contains("an empty list"));
    assert!(message("5").contains("no dashboard"));
    assert!(
        message(r#"{"apiVersion": "dashboard.grafana.app/v2", "spec": {"elements": {}}}"#)
            .contains("schema v2")
    );
    assert!(message(&"[".repeat(10_000)).contains("not JSON"));
}

#[test]
fn targets_in_a_circle_end() {
    let circle = one(r##"{"panels": [{"type": "graph", "targets": [
        {"refId": "A", "target": "sumSeries(#B,#B,#B,#B)"}, {"refId": "B", "target": "sumSeries(#A,#A,#A,#A)"}]}]}"##);
    assert!(circle.panels[0].targets.iter().all(|target| target.text.len() <= 8 * MAX_TARGET_BYTES));
}

#[test]
fn whatever_comes_is_read_or_refused() {
    crate::fuzzing::mutate(&[NEW.as_bytes().to_vec()], 3_000, crate::fuzzing::grafana);
}
