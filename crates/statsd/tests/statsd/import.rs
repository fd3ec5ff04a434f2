//! What the import of a config.js writes is what our configuration reads.

use formats::statsd_config::convert;
use statsd::StatsdConfig;

#[test]
fn an_imported_configuration_reads() {
    let original = r#"{
        port: 9125, mgmt_address: '127.0.0.1', flushInterval: 2500, percentThreshold: [90, '99.9', -10],
        flush_counts: false, deleteIdleStats: true, deleteGauges: false, gaugesMaxTTL: 3, prefixStats: 'own "x"',
        keyNameSanitize: false, healthStatus: 'down', calculatedTimerMetrics: ['mean', "upper_percent"],
        histogram: [{metric: '', bins: [0.1, 1, 'inf']}], repeater: [{host: 'other', port: 8125}],
        repeaterProtocol: 'tcp', keyFlush: {interval: 10000, percent: 50, log: '/x'}, graphiteHost: 'elsewhere',
        graphite: {legacyNamespace: false, globalPrefix: '', globalSuffix: 'h'},
    }"#;
    let converted = convert(original).expect("the text is an object");
    assert_eq!(converted.problems, []);
    let tables: toml::Table = toml::from_str(&converted.toml).expect("it is TOML");
    let config: StatsdConfig = tables["statsd"].clone().try_into().expect("its keys are ours");
    assert_eq!(config.udp.to_string(), "0.0.0.0:9125");
    assert_eq!(config.admin.to_string(), "127.0.0.1:8126");
    assert_eq!(config.flush_interval.milliseconds(), 2500);
    assert_eq!((config.percentiles.len(), config.histogram[0].bins.len()), (3, 3));
    assert!(config.deletes_timers() && !config.deletes_gauges() && !config.legacy_namespace);
    assert_eq!((config.prefix_stats.as_str(), config.global_prefix.as_str()), ("own \"x\"", ""));
    assert_eq!(config.problems(), []);
}
