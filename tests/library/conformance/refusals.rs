//! The catalogue of malformed requests: each is refused with the status that its section asks for, and with nothing else.

use super::{Client, Closes, Host, Row, check, error, host, row};
use crate::common::wait_until;
use crate::malformed::{self, Case, DEFAULT, Part};

fn refused(case: &Case) -> Row {
    let answer = if case.is_head() { error(case.status).for_head() } else { error(case.status) };
    row(case.source, case.title(), &case.bytes, &[answer], Closes)
}

#[test]
fn a_malformed_request_is_refused_as_its_section_asks() {
    let rows: Vec<Row> = malformed::all(&DEFAULT).iter().map(refused).collect();
    check(&rows);
}

/// The answer to bytes behind which nothing comes, or a FIN.
fn refusal(host: &Host, pieces: &[&[u8]], sends_fin: bool) -> u16 {
    let mut client = Client::connect(host.address);
    for piece in pieces {
        let before = host.stats().bytes_in;
        client.send(piece);
        wait_until("the piece is read", || host.stats().bytes_in > before);
    }
    if sends_fin {
        client.finish();
    }
    let response = client.response();
    assert_eq!(response.header("Connection"), Some("close"));
    client.expect_end();
    response.status
}

#[test]
fn a_bad_head_is_refused_before_it_ends_however_it_comes() {
    let host = host();
    let cases =
        malformed::all(&DEFAULT).into_iter().filter(|case| case.part == Part::Head && !case.is_head());
    for case in cases {
        let Some(proof) = case.proof else { continue };
        let bytes = &case.bytes[..proof];
        let (front, back) = bytes.split_at(proof / 2);
        let (most, last) = bytes.split_at(proof - 1);
        for pieces in [&[bytes][..], &[front, back], &[most, last]] {
            // A piece of nothing would never be read.
            let pieces: Vec<&[u8]> = pieces.iter().copied().filter(|piece| !piece.is_empty()).collect();
            for sends_fin in [false, true] {
                assert_eq!(
                    refusal(&host, &pieces, sends_fin),
                    case.status,
                    "{} in {}",
                    case.title(),
                    pieces.len()
                );
            }
        }
    }
}
