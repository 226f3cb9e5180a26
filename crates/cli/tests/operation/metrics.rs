//! `watch --metrics`, scraped over real sockets while the watch runs.

use super::common::Place;
use super::{HEADER, USUAL, Watching, fitted, within};
use std::collections::BTreeMap;
use std::io::{Read as _, Write as _};
use std::net::TcpStream;
use std::time::Duration;

/// The answer to a request, whole.
fn asked(address: &str, request: &str) -> String {
    let mut stream = TcpStream::connect(address).unwrap();
    stream.set_read_timeout(Some(Duration::from_secs(20))).unwrap();
    // A server that has heard enough may close before it has read all.
    let _ = stream.write_all(request.as_bytes());
    let mut answer = Vec::new();
    let _ = stream.read_to_end(&mut answer);
    String::from_utf8(answer).unwrap()
}

/// The samples of a scrape by name, after a check of the text format.
fn scraped(address: &str) -> BTreeMap<String, f64> {
    let answer = asked(address, "GET /metrics HTTP/1.1\r\nHost: x\r\n\r\n");
    let (head, body) = answer.split_once("\r\n\r\n").expect("a head and a body");
    assert!(head.starts_with("HTTP/1.1 200 OK\r\n"), "{head}");
    assert!(head.contains("Content-Type: text/plain; version=0.0.4; charset=utf-8"), "{head}");
    assert!(head.contains(&format!("Content-Length: {}", body.len())), "{head}");
    let mut samples = BTreeMap::new();
    let mut lines = body.lines();
    while let Some(help) = lines.next() {
        let name = help.strip_prefix("# HELP ").and_then(|rest| rest.split(' ').next()).expect(help);
        let kind = lines.next().and_then(|line| line.strip_prefix(&format!("# TYPE {name} "))).expect(name);
        assert!(matches!(kind, "counter" | "gauge"), "{kind}");
        assert_eq!(kind == "counter", name.ends_with("_total"), "{name} is a {kind}");
        let (sample, value) = lines.next().and_then(|line| line.rsplit_once(' ')).expect(name);
        assert!(sample == name || sample.starts_with(&format!("{name}{{")), "{sample}");
        samples.insert(name.to_string(), value.parse().expect(value));
    }
    samples
}

/// A watch whose metrics are served at a free port, and the address.
fn scraped_watch(place: &Place) -> (Watching, String) {
    let mut watch = Watching::start(place, "--metrics 127.0.0.1:0");
    let told = watch.told();
    let address = told.strip_prefix("metrics: http://").and_then(|rest| rest.strip_suffix("/metrics"));
    let address = address.unwrap_or_else(|| panic!("an address in {told:?}")).to_string();
    (watch, address)
}

#[test]
fn the_state_of_a_watch_is_scraped_while_it_runs() {
    let place = fitted();
    let (mut watch, address) = scraped_watch(&place);
    let before = scraped(&address);
    assert_eq!((before["ae_watch_rows_total"], before["ae_build_info"]), (0.0, 1.0));
    assert!(before["ae_watch_score"].is_nan() && before["ae_watch_threshold"] > 0.0, "{before:?}");

    watch.feed(&format!("{HEADER}{USUAL}1,2\n,,,\n900,-900,900,-900\n"));
    let [.., last] = [(); 4].map(|()| watch.verdict());
    assert_eq!(last["verdict"], "anomalous", "{last}");
    // The verdict is written before it is counted.
    let after = within("the last row is counted", || {
        let samples = scraped(&address);
        (samples["ae_watch_line"] == 5.0).then_some(samples)
    });
    for (name, expected) in [
        ("ae_watch_rows_total", 3.0),
        ("ae_watch_alarms_total", 1.0),
        ("ae_watch_unknown_rows_total", 1.0),
        ("ae_watch_bad_lines_total", 1.0),
        ("ae_watch_drifting", 0.0),
        ("ae_watch_score", last["score"].as_f64().unwrap()),
        ("ae_watch_threshold", last["threshold"].as_f64().unwrap()),
    ] {
        assert_eq!(after[name], expected, "{name}");
    }
    assert!(after["ae_watch_drift_evidence"].is_finite(), "{after:?}");
    let silent = |samples: &BTreeMap<String, f64>| samples["ae_watch_seconds_since_last_row"];
    within("silence is counted", || (silent(&scraped(&address)) >= 0.5).then_some(()));
    watch.feed("1,1,1,1\n");
    watch.verdict();
    within("a row ends it", || (silent(&scraped(&address)) < 0.5).then_some(()));
    assert_eq!(watch.end().code, Some(0));
    assert!(TcpStream::connect(&address).is_err(), "the server ends with the watch");
}

#[test]
fn odd_requests_and_slow_clients_are_answered_or_closed_and_delay_no_verdict() {
    let place = fitted();
    let (mut watch, address) = scraped_watch(&place);
    let starts = |request: &str, expected: &str| {
        let answer = asked(&address, request);
        assert!(answer.starts_with(expected), "{request:?}: {answer:?}");
    };
    starts("GET / HTTP/1.1\r\n\r\n", "HTTP/1.1 404 ");
    starts("GET /metrics?x=1 HTTP/1.0\r\n\r\n", "HTTP/1.1 200 ");
    starts("POST /metrics HTTP/1.1\r\n\r\n", "HTTP/1.1 405 ");
    starts("\u{0}\u{1}\r\n\r\n", "HTTP/1.1 405 ");
    let answer = asked(&address, &format!("GET /{} HTTP/1.1\r\n", "x".repeat(20_000)));
    assert!(answer.is_empty() || answer.starts_with("HTTP/1.1 431 "), "{answer:?}");
    // More clients than are answered at a time, none of which ends its request.
    let slow: Vec<TcpStream> = (0..12)
        .map(|_| {
            let mut stream = TcpStream::connect(&address).unwrap();
            stream.write_all(b"GET /metrics").unwrap();
            stream
        })
        .collect();
    watch.feed(&format!("{HEADER}1,1,1,1\n"));
    assert_eq!(watch.verdict()["line"], 2);
    within("the server is free again", || {
        let answer = asked(&address, "GET /metrics HTTP/1.1\r\n\r\n");
        answer.starts_with("HTTP/1.1 200 ").then_some(())
    });
    drop(slow);

    // Its port is taken, which is told before anything is read.
    let watch_at = |place: &Place, at: &str, code, told: &[&str]| {
        place.check_refused(&format!("detect watch --model d.safetensors --metrics {at}"), code, told);
    };
    watch_at(&place, &address, 1, &["cannot listen on", &address, "give another port"]);
    for nowhere in [":9184", "nowhere", "70000"] {
        watch_at(&place, nowhere, 2, &["no address to listen on", nowhere, "such as 9184"]);
    }
    assert_eq!(watch.end().code, Some(0));
}
