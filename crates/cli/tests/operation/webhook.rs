//! `watch --webhook`, against a receiver on a real socket that fails, is slow or never answers.

use super::{HEADER, PATIENCE, USUAL, Watching, fitted};
use serde_json::Value;
use std::io::{BufRead as _, BufReader, Read as _, Write as _};
use std::net::{TcpListener, TcpStream};
use std::sync::mpsc::{Receiver, channel};
use std::thread;
use std::time::{Duration, Instant};

const ALARM: &str = "900,-900,900,-900\n";

/// Answers one request with each of `statuses` and then with 204. Returns its address and the bodies as they come.
fn service(statuses: &'static [&'static str]) -> (String, Receiver<Value>) {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let address = listener.local_addr().unwrap().to_string();
    let (bodies, received) = channel();
    thread::spawn(move || {
        let mut statuses = statuses.iter();
        for stream in listener.incoming() {
            let stream = stream.unwrap();
            let Some(body) = body_of(&stream) else { continue };
            let status = statuses.next().unwrap_or(&"204 No Content");
            let answer = format!("HTTP/1.1 {status}\r\nContent-Length: 0\r\nConnection: close\r\n\r\n");
            (&stream).write_all(answer.as_bytes()).unwrap();
            if bodies.send(body).is_err() {
                break;
            }
        }
    });
    (address, received)
}

fn body_of(stream: &TcpStream) -> Option<Value> {
    let mut reader = BufReader::new(stream);
    let (mut length, mut lines) = (0, Vec::new());
    loop {
        let mut line = String::new();
        reader.read_line(&mut line).ok()?;
        if line.trim().is_empty() {
            break;
        }
        if let Some(value) = line.to_ascii_lowercase().strip_prefix("content-length:") {
            length = value.trim().parse().unwrap();
        }
        lines.push(line.to_ascii_lowercase());
    }
    assert!(lines.first()?.starts_with("post /hook?key=secret "), "{lines:?}");
    assert!(lines.iter().any(|line| line.starts_with("content-type: application/json")), "{lines:?}");
    let mut body = vec![0; length];
    reader.read_exact(&mut body).ok()?;
    Some(serde_json::from_slice(&body).unwrap())
}

fn next(received: &Receiver<Value>) -> Value {
    received.recv_timeout(PATIENCE).expect("a message")
}

fn arguments(address: &str, more: &str) -> String {
    format!("--webhook http://{address}/hook?key=secret {more}")
}

#[test]
fn an_alarm_is_sent_again_until_it_is_accepted() {
    let place = fitted();
    let (address, received) = service(&["500 Oops", "503 Busy"]);
    let mut watch = Watching::start(&place, &arguments(&address, "--webhook-interval 0 --explain"));
    watch.feed(&format!("{HEADER}{USUAL}{ALARM}"));
    assert_eq!(watch.verdict()["verdict"], "normal");
    let verdict = watch.verdict();
    let messages = [next(&received), next(&received), next(&received)];
    for message in &messages {
        assert_eq!((&message["count"], &message["dropped"]), (&1.into(), &0.into()), "{message}");
        assert_eq!(message["detector"], "d.safetensors");
        let alarm = &message["alarms"][0];
        for key in ["line", "verdict", "score", "p_value", "threshold", "severity", "explanation"] {
            assert_eq!(alarm[key], verdict[key], "{key}");
        }
        assert!(alarm["time"].as_str().is_some_and(|time| time.ends_with('Z')), "{alarm}");
        let text = message["text"].as_str().unwrap();
        assert!(
            text.starts_with("anomaly found by d.safetensors on ") && text.contains("line 3, "),
            "{text}"
        );
    }
    // Each message is sent once it was accepted, and no row but the anomalous one is told.
    watch.feed(ALARM);
    assert_eq!(next(&received)["alarms"][0]["line"], 4);
    let ran = watch.end();
    assert_eq!(ran.code, Some(0));
    assert!(received.recv_timeout(Duration::from_millis(200)).is_err(), "nothing else is sent");
    let shown = format!("webhook: http://{address}: the server answered 500 (server error); trying again");
    assert!(ran.stderr.contains(&shown) && ran.stderr.contains("answers again"), "{}", ran.stderr);
    assert!(!ran.stderr.contains("secret"), "{}", ran.stderr);
}

#[test]
fn alarms_that_follow_each_other_are_sent_together() {
    let place = fitted();
    let (address, received) = service(&[]);
    let mut watch = Watching::start(&place, &arguments(&address, "--webhook-interval 600"));
    watch.feed(&format!("{HEADER}{ALARM}"));
    watch.verdict();
    assert_eq!(next(&received)["count"], 1, "the first alarm does not wait");
    watch.feed(&ALARM.repeat(30));
    (0..30).for_each(|_| assert_eq!(watch.verdict()["verdict"], "anomalous"));
    assert!(received.recv_timeout(Duration::from_millis(500)).is_err(), "the others wait");
    // The end of the watch does not.
    assert_eq!(watch.end().code, Some(0));
    let message = next(&received);
    assert_eq!(message["count"], 30);
    let lines: Vec<&Value> =
        message["alarms"].as_array().unwrap().iter().map(|alarm| &alarm["line"]).collect();
    assert_eq!((lines.len(), lines[0]), (20, &3.into()), "the first are written out");
    assert!(message["text"].as_str().unwrap().starts_with("30 anomalies found by "), "{message}");
}

#[test]
fn a_message_that_is_refused_for_good_is_given_up_and_counted() {
    let place = fitted();
    let (address, received) = service(&["404 Not Found"]);
    let mut watch = Watching::start(&place, &arguments(&address, "--webhook-interval 0"));
    watch.feed(&format!("{HEADER}{ALARM}"));
    assert_eq!(next(&received)["alarms"][0]["line"], 2);
    watch.feed(ALARM);
    let message = next(&received);
    assert_eq!((&message["alarms"][0]["line"], &message["dropped"]), (&3.into(), &1.into()), "{message}");
    let ran = watch.end();
    assert!(ran.stderr.contains("the server answered 404 (not found); alarms given up: 1"), "{}", ran.stderr);
}

#[test]
fn a_service_that_never_answers_does_not_slow_the_watch() {
    let place = fitted();
    // Connections are taken by the system, and nobody ever reads.
    let silent = TcpListener::bind("127.0.0.1:0").unwrap();
    let address = silent.local_addr().unwrap().to_string();
    let mut watch = Watching::start(&place, &arguments(&address, "--webhook-interval 0"));
    watch.feed(&format!("{HEADER}{ALARM}"));
    watch.verdict();
    let begun = Instant::now();
    for line in 3..=200 {
        watch.feed(ALARM);
        assert_eq!(watch.verdict()["line"], line);
    }
    // One wait for an answer alone would take ten seconds.
    assert!(begun.elapsed() < Duration::from_secs(9), "{:?}", begun.elapsed());
    let begun = Instant::now();
    let ran = watch.end();
    assert_eq!(ran.code, Some(0));
    assert!(begun.elapsed() < Duration::from_secs(9), "the end waits for 5 s: {:?}", begun.elapsed());
    let told = format!("webhook: alarms that could not be sent to http://{address} in time: 199");
    assert!(ran.stderr.contains(&told), "{}", ran.stderr);
}

#[test]
fn addresses_that_are_none_are_refused_without_being_shown() {
    let place = fitted();
    for address in ["ftp://example.org/secret", "example.org/secret", "/secret"] {
        let watch = format!("detect watch --model d.safetensors --webhook {address}");
        let told = ["--webhook is not an http or https address", "https://example.org/alarms"];
        place.check_refused(&watch, 2, &told);
        assert!(!place.run(&watch).stderr.contains("secret"));
    }
    place.check("detect watch --model d.safetensors --webhook-interval 5", 2, &["--webhook <URL>"]);
}
