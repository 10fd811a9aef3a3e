//! Models of the ring algorithms for loom: see `tests/loom.rs`.
