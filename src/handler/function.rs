//! A handler that is a closure or a function.

use crate::handler::request::Request;
use crate::handler::{Handler, Reply, Responder};

/// A [`Handler`] made of a closure or a function by [`handler_fn`].
///
/// ```
/// use fourway::{Handler, handler_fn};
///
/// fn any_handler() -> impl Handler {
///     handler_fn(|_request, responder| responder.send(200, "text/plain", b"hello"))
/// }
/// # let _ = any_handler();
/// ```
#[derive(Debug, Clone)]
pub struct HandlerFn<F>(F);

impl<F> Handler for HandlerFn<F>
where
    F: for<'r> FnMut(&Request<'_>, Responder<'r>) -> Reply<'r>,
{
    fn request<'r>(&mut self, request: &Request<'_>, responder: Responder<'r>) -> Reply<'r> {
        (self.0)(request, responder)
    }
}

/// Makes a [`Handler`] of a closure or a function.
///
/// Write a closure into the call, and keep what the call returns:
///
/// ```
/// let mut hello = fourway::handler_fn(|_request, responder| {
///     responder.send(200, "text/plain", b"hello")
/// });
/// # let _ = &mut hello;
/// ```
///
/// A function has this signature. It names one lifetime, that of the responder and its reply:
///
/// ```
/// use fourway::{Reply, Request, Responder};
///
/// fn hello<'r>(request: &Request<'_>, responder: Responder<'r>) -> Reply<'r> {
///     responder.send(200, "text/plain", format!("hello, {}", request.host()))
/// }
///
/// let mut handler = fourway::handler_fn(hello);
/// # let _ = &mut handler;
/// ```
///
/// # What the compiler says
///
/// | it says | because | write |
/// | --- | --- | --- |
/// | type annotations needed; one type is more general than the other | The closure was in a variable before the call. There the compiler takes it for one that answers requests of one lifetime. | the closure into the call |
/// | missing lifetime specifier | A function has left the lifetime of its reply out. | the signature above. The compiler proposes one lifetime for everything, but that does not fit. |
/// | implementation of `FnMut` is not general enough | A function has one lifetime for the request and the reply. | the signature above |
/// | `impl` item signature doesn't match `trait` item signature | A method of [`Handler`] has left the lifetime of its reply out. | the signature of the trait, with `'r` |
/// | expected `Reply`, found `()` | The handler does not return its reply. | no semicolon after the last call |
/// | lifetime may not live long enough, where a responder is stored | A responder lives during the call only. | [`Responder::defer`], and keep the id |
/// | … is no handler | A closure or a function was passed to [`Server::process`](crate::Server::process). | `handler_fn` around it |
///
/// The compiler gives these errors for the first two:
///
/// ```compile_fail,E0282
/// let answer = |_request, responder| responder.send(200, "text/plain", b"hello");
/// let mut hello = fourway::handler_fn(answer);
/// ```
///
/// ```compile_fail,E0106
/// # use fourway::{Reply, Request, Responder};
/// fn hello(request: &Request, responder: Responder) -> Reply {
///     responder.send(200, "text/plain", b"hello")
/// }
/// ```
pub fn handler_fn<F>(function: F) -> HandlerFn<F>
where
    F: for<'r> FnMut(&Request<'_>, Responder<'r>) -> Reply<'r>,
{
    HandlerFn(function)
}
