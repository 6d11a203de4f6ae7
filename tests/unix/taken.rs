//! Unix sockets that the host takes over.

use fourway::Stream;

use super::*;
use crate::common::taken::{self, UPGRADE};

#[test]
fn the_host_takes_a_unix_socket_over_as_what_it_is() {
    for was_watched in [false, true] {
        let folder = Folder::new();
        let path = folder.path("socket");
        let mut site = taken::Site::new(Config::default());
        site.server.add_listener(UnixListener::bind(&path).expect("a new path")).expect("a listener");
        let mut client = Client::over(UnixStream::connect(&path).expect("a connection"));
        if was_watched {
            client.send(get("/first"));
            site.until("it is answered", |site| site.taker.asked == 1);
            site.settle();
            assert_eq!(client.body(), b"/first");
        }
        client.send([UPGRADE, "ahead"].concat());
        site.until_taken();
        assert!(matches!(&site.taker.taken[0], (Stream::Unix(_), ahead) if ahead == b"ahead"));
        site.begin_to_echo();
        client.send(", and after");
        client.0.get_ref().shutdown(Shutdown::Write).expect("an end");
        site.until("the host hears of the end", |site| site.echoing() == 0);
        let mut all = String::new();
        client.0.read_to_string(&mut all).expect("an end, not an error");
        let (head, echo) = all.split_once("\r\n\r\n").expect("a head");
        assert!(head.starts_with("HTTP/1.1 101 "), "{head}");
        assert_eq!(echo, "ahead, and after");
        assert_eq!(site.server.stats().closes(Reason::TakenOver), 1);
    }
}
