//! What the programs share: the message, places on processors, and the line that they print.

use std::collections::HashMap;
use std::ffi::c_int;

/// `bench.Tick`, as everybody else has it.
#[derive(Clone, Copy, Debug, Default)]
#[repr(C)]
pub struct Tick {
    pub id: u64,
    pub price: f64,
    pub quantity: u32,
    pub flags: u32,
    pub time: f64,
}

impl Tick {
    #[must_use]
    pub fn new(id: u64) -> Self {
        let low = id as u32;
        Self { id, price: id as f64, quantity: low, flags: low & 7, time: 0.5 }
    }

    /// Reads every field.
    #[must_use]
    pub fn sum(&self) -> f64 {
        self.id as f64 + self.price + f64::from(self.quantity) + f64::from(self.flags) + self.time
    }
}

unsafe extern "C" {
    fn sched_setaffinity(process: c_int, bytes: usize, mask: *const u64) -> c_int;
}

/// Keeps the calling thread on one processor.
pub fn pin(cpu: usize) {
    let mut mask = [0u64; 16];
    mask[cpu / 64 % 16] = 1 << (cpu % 64);
    // SAFETY: the mask has the size that is given; 0 is the calling thread. Failing is harmless.
    unsafe { sched_setaffinity(0, size_of_val(&mask), mask.as_ptr()) };
}

#[repr(C)]
struct TimeSpec {
    seconds: i64,
    nanoseconds: i64,
}

unsafe extern "C" {
    fn clock_gettime(clock: c_int, time: *mut TimeSpec) -> c_int;
}

/// CPU time of all threads of the process, nanoseconds.
#[must_use]
pub fn cpu_time() -> u64 {
    const PROCESS_CPU: c_int = 2;
    let mut time = TimeSpec { seconds: 0, nanoseconds: 0 };
    // SAFETY: the structure is the one of 64-bit Linux; this clock is always there.
    unsafe { clock_gettime(PROCESS_CPU, &raw mut time) };
    (time.seconds * 1_000_000_000 + time.nanoseconds).cast_unsigned()
}

/// The command line: a mode, and `--name value` pairs.
pub struct Arguments {
    pub mode: String,
    options: HashMap<String, String>,
}

impl Arguments {
    /// Reads those of the process. A name without a value has an empty one.
    #[must_use]
    pub fn read() -> Self {
        let mut rest = std::env::args().skip(1).peekable();
        let mode = rest.next().unwrap_or_default();
        let mut options = HashMap::new();
        while let Some(name) = rest.next() {
            let value = rest.next_if(|value| !value.starts_with("--")).unwrap_or_default();
            options.insert(name, value);
        }
        Self { mode, options }
    }

    /// # Panics
    ///
    /// When it is no number.
    #[must_use]
    pub fn number(&self, name: &str, or: u64) -> u64 {
        self.options.get(name).map_or(or, |value| value.parse().expect("a number"))
    }
}

/// Prints the line that the benchmark reads.
pub fn report(count: u64, nanoseconds: u128, more: &str) {
    println!("{{\"count\":{count},\"nanoseconds\":{nanoseconds}{more}}}");
}
