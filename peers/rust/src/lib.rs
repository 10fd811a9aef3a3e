//! Rings of typed messages in shared memory, between threads, processes and languages.
//!
//! This is the Rust peer of Rondo's rings; `spec/ring.md` of the project says what lies where
//! and in which order it is written. A [`Segment`] is a piece of shared memory with rings; a
//! [`Producer`] pushes messages into one lane of a ring, a [`Consumer`] takes them. Messages
//! are `repr(C)` structs with a [`Schema`]; text and bytes of any length lie beside them in a
//! slab.
//!
//! ```
//! use rondo_ring::{Message, RingOptions, RingSpec, Schema, Segment};
//!
//! #[derive(Clone, Copy, Debug, PartialEq)]
//! #[repr(C)]
//! struct Point {
//!     x: f64,
//!     y: f64,
//! }
//!
//! // SAFETY: two floats where the schema says, no padding, every value valid.
//! unsafe impl Message for Point {
//!     const SCHEMA: Schema = Schema::new(
//!         "rondo-struct 1\nname demo.Point\nfield x f64 0\nfield y f64 8\nsize 16 align 8\n",
//!     );
//! }
//!
//! let segment = Segment::create(&[RingSpec::new::<Point>(RingOptions::spsc(1024))?])?;
//! let mut producer = segment.producer::<Point>(0, Default::default())?;
//! let mut consumer = segment.consumer::<Point>(0, Default::default())?;
//! let thread = std::thread::spawn(move || {
//!     producer.push(&Point { x: 1.0, y: 2.0 }, None)?;
//!     producer.close();
//!     Ok::<(), rondo_ring::Error>(())
//! });
//! assert_eq!(consumer.pop(None)?, Some(Point { x: 1.0, y: 2.0 }));
//! # thread.join().unwrap()?;
//! # Ok::<(), rondo_ring::Error>(())
//! ```
//!
//! Without the feature `std`, [`ring`] remains: the algorithms, on `core` alone.

#![cfg_attr(not(feature = "std"), no_std)]
#![deny(unsafe_op_in_unsafe_fn, missing_docs)]
#![warn(clippy::undocumented_unsafe_blocks)]

mod message;
pub mod ring;

#[cfg(feature = "std")]
mod consumer;
#[cfg(feature = "std")]
mod directory;
#[cfg(feature = "std")]
mod error;
#[cfg(feature = "std")]
mod evolution;
#[cfg(feature = "ffi")]
mod ffi;
#[cfg(feature = "std")]
mod intake;
#[cfg(feature = "std")]
mod producer;
#[cfg(feature = "std")]
mod references;
#[cfg(feature = "std")]
mod segment;
#[cfg(feature = "std")]
mod sys;
#[cfg(all(test, feature = "std"))]
mod tests;
#[cfg(feature = "std")]
mod wait;

pub use message::{Message, Record, SlabRef};
pub use ring::{Schema, Topology};

#[cfg(feature = "std")]
pub use consumer::{Consumer, ConsumerOptions};
#[cfg(feature = "std")]
pub use directory::Directory;
#[cfg(feature = "std")]
pub use error::{Error, Result};
#[cfg(feature = "std")]
pub use producer::{Producer, ProducerOptions, Slot};
#[cfg(feature = "std")]
pub use segment::{RingOptions, RingSpec, RingStatus, Segment};
#[cfg(feature = "std")]
pub use wait::Waiting;
