//! Clients that mean harm to the program. Those that mean harm to the library are in `tests/alone/hostile`.

mod backlog;
mod slowhttptest;
