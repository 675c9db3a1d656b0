//! `routo-receiver`: takes an SMS gateway's callbacks and keeps every one.

pub mod domain;
