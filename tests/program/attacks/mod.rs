//! Attacks on the program, by tools that others wrote and by a crowd. Attacks on the library are in `tests/alone/hostile`.

mod backlog;
mod slowhttptest;
