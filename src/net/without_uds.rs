//! What the compiler says about a Unix socket where the feature `uds` is off.
//!
//! The conversions below have a condition that nothing meets. So a host that passes a Unix socket does not compile, and
//! the compiler prints the message of the condition, which names the feature.

use std::os::unix::net as std_net;

use mio::net as mio_net;

use super::sockets::{Listener, Stream};

/// Nothing implements this trait.
#[diagnostic::on_unimplemented(
    message = "a Unix socket needs the feature `uds` of fourway",
    label = "this is a Unix socket",
    note = "in Cargo.toml: fourway = {{ version = \"0.1\", features = [\"uds\"] }}"
)]
pub trait Enabled {}

/// The feature.
#[derive(Debug)]
pub enum FeatureUds {}

macro_rules! refuse {
    ($kind:ident, $($socket:ty),*) => {
        $(
            /// Needs the feature `uds`.
            // Without the `for`, the compiler would reject the conversion itself, because it never holds.
            impl From<$socket> for $kind
            where
                for<'never> FeatureUds: Enabled,
            {
                fn from(_: $socket) -> Self {
                    unreachable!("nothing meets the condition")
                }
            }
        )*
    };
}

refuse!(Listener, mio_net::UnixListener, std_net::UnixListener);
refuse!(Stream, mio_net::UnixStream, std_net::UnixStream);
