//! One request to the upstream: HTTP/1.0 on a connection of its own. So no response is chunked, and none follows it.

use std::io::{self, BufWriter, ErrorKind, Read, Write};
use std::{net::SocketAddr, time::Instant};

use fourway::mio::{Interest, Registry, Token, net::TcpStream};
use fourway::{BodyWriter, More, Request, RequestId, Server};
use httparse::{EMPTY_HEADER, Status};

/// The headers that are about one connection (RFC 9110 §7.6.1), and those that each side writes anew.
const OWN: &str = "Connection,Content-Length,Expect,Host,Keep-Alive,Proxy-Connection,TE,Trailer,\
    Transfer-Encoding,Upgrade";

/// A request that is not sent yet, and the part of its response that is here.
pub struct Upstream {
    stream: BufWriter<TcpStream>,
    received: Vec<u8>,
    /// The length of the rest of the body. If it is not known, the body ends with the connection.
    left: Option<u64>,
}

impl Upstream {
    /// Begins to connect. The request is sent when there is a connection.
    pub fn ask(to: SocketAddr, request: &Request<'_>, registry: &Registry, token: Token) -> io::Result<Self> {
        let mut stream = TcpStream::connect(to)?;
        registry.register(&mut stream, token, Interest::READABLE | Interest::WRITABLE)?;
        let (host, minor, body) = (request.host(), request.minor_version(), request.body());
        let mut stream = BufWriter::with_capacity(64 * 1024 + body.len(), stream);
        write!(stream, "{} {} HTTP/1.0\r\n", request.method(), request.target())?;
        write!(stream, "Host: {host}\r\nVia: 1.{minor} fourway\r\nContent-Length: {}\r\n", body.len())?;
        for (name, value) in end_to_end(request.headers()) {
            stream.write_all(&[name.as_bytes(), b": ", value, b"\r\n"].concat())?;
        }
        stream.write_all(&[b"\r\n", body].concat())?;
        Ok(Upstream { stream, received: Vec::new(), left: None })
    }

    /// Begins the response to the client, and returns its id. Fails with `WouldBlock` until the upstream's head is here.
    pub fn respond(&mut self, id: RequestId, server: &mut Server, now: Instant) -> io::Result<RequestId> {
        // An upstream may respond before it has got everything. So only reading shows whether it has failed.
        let _ = self.stream.flush();
        let room = 64 * 1024 - self.received.len() as u64;
        let read = self.stream.get_mut().take(room).read_to_end(&mut self.received);
        let end = read.err().map_or(ErrorKind::UnexpectedEof, |error| error.kind());
        let malformed = || io::Error::other("the upstream's response is malformed");
        let mut space = [EMPTY_HEADER; 100];
        let mut head = httparse::Response::new(&mut space);
        let parsed = head.parse(&self.received).map_err(|_| malformed())?;
        let (Status::Complete(body), ErrorKind::WouldBlock | ErrorKind::UnexpectedEof) = (parsed, end) else {
            return Err(end.into());
        };
        let headers = || head.headers.iter().map(|header| (header.name, header.value));
        let find = |wanted| headers().find(|header| header.0.eq_ignore_ascii_case(wanted));
        let length = |value| std::str::from_utf8(value).ok()?.parse().ok();
        self.left =
            find("Content-Length").map(|header| length(header.1).ok_or_else(malformed)).transpose()?;
        let status = head.code.filter(|&code| code >= 200 && find("Transfer-Encoding").is_none());
        let status = status.ok_or_else(malformed)?;
        let mut response = server.respond(id, now).map_err(io::Error::other)?.status(status);
        for (name, value) in end_to_end(headers()) {
            response = response.header(name, value);
        }
        let via = format!("1.{} fourway", head.version.unwrap_or(0));
        let (id, _reply) = response.header("Via", via).stream(self.left);
        self.received.drain(..body);
        Ok(id)
    }

    /// Passes on what has come of the body.
    pub fn pass_on(&mut self, piece: &mut BodyWriter<'_>) -> More {
        let _ = self.stream.flush();
        let mut bytes = [0; 16 * 1024];
        let fits = piece.room_left().min(bytes.len());
        let most = self.left.unwrap_or(u64::MAX).min(fits as u64) as usize;
        let read = match self.received.len().min(most) {
            0 => self.stream.get_mut().read(&mut bytes[..most]),
            ahead => self.received.drain(..ahead).as_slice().read(&mut bytes),
        };
        match read {
            Ok(0) if self.left.is_some_and(|left| left > 0) => More::Abort,
            Ok(0) => More::End,
            Ok(len) => {
                self.left = self.left.map(|left| left - len as u64);
                piece.write_all(&bytes[..len]).map_or(More::Abort, |()| More::Again)
            }
            Err(error) if error.kind() == ErrorKind::WouldBlock => More::Later,
            Err(_) => More::Abort,
        }
    }
}

fn end_to_end<'a>(headers: impl Iterator<Item = (&'a str, &'a [u8])>) -> Vec<(&'a str, &'a [u8])> {
    let (mut headers, mut own) = (headers.collect::<Vec<_>>(), OWN.to_owned());
    for (_, value) in headers.iter().filter(|(name, _)| name.eq_ignore_ascii_case("Connection")) {
        own = own + "," + &String::from_utf8_lossy(value);
    }
    headers.retain(|(name, _)| !own.split(',').any(|own| own.trim().eq_ignore_ascii_case(name)));
    headers
}
