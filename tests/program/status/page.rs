//! The page `/` in a browser that others wrote, beside a load that others wrote.

use std::collections::BTreeMap;
use std::process::Command;

use super::{start, stats};
use crate::common::child::Child;
use crate::common::chromium::Page;
use crate::common::json::Json;
use crate::common::tools;
use crate::common::{Client, wait_until};

/// The fields that do not change while only the page asks. The others are of the loop and of the kernel.
const STILL: [&str; 6] = ["connections", "requests", "responses", "bytes", "capacity", "steering"];

/// What the page shows: a field, its value and its text.
const FIELDS: &str = "JSON.stringify([...document.querySelectorAll('[data-field]')].map((element) => \
    ({ field: element.dataset.field, value: element.dataset.value, text: element.textContent, \
       unit: element.dataset.unit ?? 'count' })))";

/// The rows of a table: names and counts.
const ROWS: &str = "JSON.stringify(Object.fromEntries(['closes', 'errors'].map((id) => [id, Object.fromEntries(\
    [...document.getElementById(id).rows].map((row) => [row.cells[0].textContent, \
    [...row.cells].slice(1).map((cell) => Number(cell.dataset.value))]))])))";

const REQUESTS: &str = "document.querySelector('dd[data-field=requests]').dataset.value";
const RATE: &str = "document.querySelector('[data-rate=requests]').textContent";

/// The sums of the counts in a table of the page, by the name in the first column.
fn sums(rows: &Json, table: &str) -> BTreeMap<String, u64> {
    rows.members(table).iter().map(|(name, counts)| (name.clone(), counts.sum())).collect()
}

/// The counts of an object that are not zero, by the name that the page has for them.
fn expected(counts: &BTreeMap<String, Json>, name: impl Fn(&str) -> String) -> BTreeMap<String, u64> {
    let sums = counts.iter().map(|(key, count)| (name(key), count.sum()));
    sums.filter(|(_, sum)| *sum > 0).collect()
}

fn check_fields(page: &mut Page, stats: &Json) {
    let Json::Array(shown) = Json::parse(&page.value(FIELDS)) else { panic!("an array") };
    let is_still = |field: &&Json| STILL.iter().any(|name| field.text("field").starts_with(name));
    let mut compared = 0;
    for field in shown.iter().filter(is_still) {
        let count = stats.count(field.text("field"));
        assert_eq!(field.text("value"), count.to_string(), "{field:?}");
        if field.text("unit") == "count" {
            assert_eq!(field.text("text").replace(',', ""), count.to_string(), "{field:?}");
        }
        compared += 1;
    }
    assert!(compared > 30, "{compared} fields");
}

#[test]
fn the_page_has_the_numbers_of_stats_json_after_a_load_and_no_errors() {
    let Some(wrk) = tools::find(&["wrk"]) else { return };
    let (program, address) = start(&[]);
    let Some(mut page) = Page::open(&format!("http://{address}/")) else { return };
    page.wait_for(REQUESTS, |requests| requests == "0");
    let url = format!("http://{}/?r=503:5,200", program.address);
    let load = |header| {
        let mut command = Command::new(&wrk);
        command.args(["-t1", "-c8", "-d60s", "-H", header]).arg(&url);
        Child::start(&mut command)
    };
    let loads = [load("Connection: close"), load("X: keep-alive")];
    program.connect().send("nonsense\r\n\r\n");
    page.wait_for(RATE, |rate| rate != "0" && rate != "–");
    drop(loads);
    let mut status = Client::connect(address);
    let mut last = Json::Null;
    wait_until("the load is over", || {
        last = stats(&mut status);
        last.count("connections.live") == 0
    });
    assert!(last.count("requests") > 0 && last.count("responses.5xx") > 0, "{last:?}");
    page.wait_for(REQUESTS, |requests| requests == last.count("requests").to_string());
    check_fields(&mut page, &last);
    let rows = Json::parse(&page.value(ROWS));
    let reasons = expected(last.members("connections.closes"), |name| name.replace('_', " "));
    assert_eq!(sums(&rows, "closes"), reasons);
    let errors = expected(last.members("errors.answered"), |status| format!("status {status}"));
    assert_eq!((sums(&rows, "errors"), errors.len()), (errors.clone(), 1));
    // The last second of the load may still become the busiest.
    wait_until("the page has the verdict", || {
        page.value("document.getElementById('limit').textContent") == stats(&mut status).text("verdict.limit")
    });
    assert_eq!(page.complaints(), [] as [&str; 0]);
    program.end();
    page.wait_for("String(document.getElementById('problem').hidden)", |hidden| hidden == "false");
}

#[test]
fn a_page_that_is_hidden_or_paused_asks_for_nothing() {
    const POLLS: &str = "(poll(), String(polls))";
    const HIDE: &str = "Object.defineProperty(document, 'hidden', { value: true, configurable: true }); ''";
    const SHOW: &str = "delete document.hidden; document.dispatchEvent(new Event('visibilitychange')); ''";
    const PRESS: &str = "document.getElementById('pause').click(); \
        document.getElementById('pause').getAttribute('aria-pressed')";
    let (_program, address) = start(&[]);
    let Some(mut page) = Page::open(&format!("http://{address}/")) else { return };
    page.wait_for(REQUESTS, |requests| requests == "0");
    for is_hidden in [true, false] {
        let begun = if is_hidden { page.value(HIDE) } else { page.value(PRESS) };
        assert_eq!(begun, if is_hidden { "" } else { "true" });
        let polls = page.value(POLLS);
        assert_eq!(page.value(POLLS), polls);
        let ended = if is_hidden { page.value(SHOW) } else { page.value(PRESS) };
        assert_eq!(ended, if is_hidden { "" } else { "false" });
        page.wait_for("String(polls)", |now| now != polls);
    }
}

#[test]
fn the_page_writes_numbers_with_units_and_says_what_keeps_ports_from_running_out() {
    const OUTLOOK: &str = "outlookOf({ age_us: 1, ports_left: 9, time_left_us: 12_500_000, remedy: 'fin' })";
    let (_program, address) = start(&[]);
    let Some(mut page) = Page::open(&format!("http://{address}/")) else { return };
    page.wait_for(REQUESTS, |requests| requests == "0");
    let short = page.value("[0, 999.6, 9999, 10_000, 123_456, 9_999_999].map(short).join(' ')");
    assert_eq!(short, "0 1,000 9,999 10k 123k 10M");
    let bytes = page.value("[0, 999, 1500, 99_960, 2.5e9].map(bytes).join(', ')");
    assert_eq!(bytes, "0 B, 999 B, 1.5 kB, 100 kB, 2.5 GB");
    let times = page.value("[7, 1500, 12_340_000, 60_000_000, 90_061_000_000].map(time).join(', ')");
    assert_eq!(times, "7 µs, 1.5 ms, 12.3 s, 1 min 0 s, 1 d 1 h");
    let scales = page.value("[0, 1, 1.1, 2, 3, 51, 1000].map(nice).join()");
    assert_eq!(scales, "1,1,2,2,5,100,1000");
    let sentence = page.value(OUTLOOK);
    assert!(sentence.contains("EADDRNOTAVAIL in 12.5 s. --close fin avoids that."), "{sentence}");
    let lasting = page.value(&OUTLOOK.replace("12_500_000", "null"));
    assert!(lasting.contains("the ports last"), "{lasting}");
}

#[test]
fn the_page_suits_a_phone_a_dark_room_and_eyes_that_dislike_motion() {
    const WIDTHS: &str = "[innerWidth, document.documentElement.scrollWidth].join()";
    const LARGE: &str = "isPaused = true; const address = '[2001:db8:aaaa:bbbb:cccc:dddd:eeee:ffff]:65535'; \
        const large = JSON.parse(JSON.stringify(before).replace(/:[0-9]+(?=[,}])/g, ':987654321987')); \
        Object.assign(large.ledger, { client: address, server: address, ports_left: 65535, age_us: 1e15, \
            time_left_us: 1e15, remedy: 'fin' }); \
        large.listeners = [{ address }, { address }]; show(large); ''";
    const GROUND: &str = "getComputedStyle(document.body).backgroundColor";
    const MOTION: &str = "(() => { const dots = document.querySelector('.dots'); dots.classList.remove('still'); \
        dots.dataset.step = 1; const before = dots.style.strokeDashoffset; moveDots(); \
        return String(dots.style.strokeDashoffset !== before); })()";
    let (program, address) = start(&[]);
    program.connect().ask("/");
    let Some(mut page) = Page::open(&format!("http://{address}/")) else { return };
    page.wait_for(REQUESTS, |requests| requests == "1");
    // The second time with the largest numbers and the longest addresses.
    for change in ["''", LARGE] {
        page.value(change);
        for width in [320, 360, 1200] {
            page.resize(width, 740);
            page.wait_for(WIDTHS, |widths| widths == format!("{width},{width}"));
        }
    }
    page.value("isPaused = false; ''");
    page.prefer("prefers-color-scheme", "light");
    assert_eq!(page.value(GROUND), "rgb(244, 245, 247)");
    page.prefer("prefers-color-scheme", "dark");
    assert_eq!(page.value(GROUND), "rgb(13, 17, 23)");
    page.prefer("prefers-reduced-motion", "no-preference");
    assert_eq!(page.value(MOTION), "true");
    page.prefer("prefers-reduced-motion", "reduce");
    assert_eq!(page.value(MOTION), "false");
}

#[test]
fn the_keyboard_reaches_all_controls_and_everything_has_a_name() {
    const FOCUSED: &str = "document.activeElement.textContent";
    const NAMELESS: &str = "[...document.querySelectorAll('section, nav, figure svg, [role=img], table')]\
        .filter((it) => !(it.ariaLabel || it.caption?.textContent || \
            document.getElementById(it.getAttribute('aria-labelledby'))?.textContent))\
        .map((it) => it.outerHTML.slice(0, 80)).join()";
    const SCOPELESS: &str = "String(document.querySelectorAll('th:not([scope])').length)";
    const FLOW: &str = "document.getElementById('d-flow').textContent";
    const PLOT: &str = "document.querySelector('figure svg').getAttribute('aria-label')";
    let (_program, address) = start(&[]);
    let Some(mut page) = Page::open(&format!("http://{address}/")) else { return };
    page.wait_for(PLOT, |plot| plot.contains("Requests: now"));
    assert_eq!([page.value(NAMELESS), page.value(SCOPELESS)], ["", "0"]);
    assert!(page.value(FLOW).contains("0 accepted, 0 requests"), "{}", page.value(FLOW));
    for control in ["Skip to the figures", "Pause"] {
        page.press("Tab");
        assert_eq!(page.value(FOCUSED), control);
    }
    page.press(" ");
    assert_eq!(page.value("String(isPaused)"), "true");
    for control in ["stats.json", "metrics", "ledger.json", "healthz"] {
        page.press("Tab");
        assert_eq!(page.value(FOCUSED), control);
    }
}

#[test]
fn the_page_tells_browsers_to_trust_nothing_else() {
    let (_program, address) = start(&[]);
    let response = Client::connect(address).ask("/");
    assert_eq!((response.status, response.header("Content-Type")), (200, Some("text/html; charset=utf-8")));
    let policy = response.header("Content-Security-Policy").expect("a policy");
    assert!(policy.starts_with("default-src 'none'; style-src 'sha256-"), "{policy}");
    assert!(!policy.contains("unsafe") && !policy.contains("http") && !policy.contains('*'), "{policy}");
    assert_eq!(response.header("X-Content-Type-Options"), Some("nosniff"));
    assert!(response.body.len() < 64 * 1024, "{}", response.body.len());
}

#[test]
fn a_poll_a_second_takes_less_than_a_hundredth_of_the_loop() {
    const POLLS: u64 = 200;
    let (_program, address) = start(&[]);
    let mut status = Client::connect(address);
    let before = stats(&mut status);
    if before.at("busy.running_us") == &Json::Null {
        return tools::skipped("this kernel does not count the time of a thread");
    }
    for _ in 1..POLLS {
        status.ask("/stats.json");
    }
    let spent = stats(&mut status).count("busy.running_us") - before.count("busy.running_us");
    println!("{} µs a poll", spent / POLLS);
    assert!(spent / POLLS < 10_000, "{spent} µs in {POLLS} polls");
}
