#![doc = include_str!("../README.md")]

mod address;
mod allowed;
mod client;
mod error;
mod names;
mod origin;
mod redirect;
mod request;

pub use address::not_public;
pub use allowed::{AllowedHosts, InvalidHost};
pub use client::{Answer, Web};
pub use error::{Error, Failure};
pub use names::{InvalidNames, Names};
pub use request::Request;
