#![doc = include_str!("../README.md")]

mod aws;
mod config;

pub use aws::Aws;
pub use config::{Config, ConfigError};
