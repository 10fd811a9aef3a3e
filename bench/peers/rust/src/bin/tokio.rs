//! The workloads of the suite `tasks` on tokio's current-thread runtime.
//!
//! ```text
//! tokio spawn|joined|chained|ping-pong|yield [--milliseconds N]
//! ```
//!
//! What they do, and how they are measured, is in `bench/README.md`; the other ends are in
//! `bench/suites/tasks/programs`.

use std::future::Future;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering::Relaxed};
use std::time::{Duration, Instant};

use rondo_bench_peers::{Arguments, cpu_time, report};
use tokio::runtime::{Builder, Runtime};
use tokio::sync::oneshot;
use tokio::task::{spawn, yield_now};

const SPAWNS: usize = 10_000;
const CHAIN: usize = 1_000;
const PINGS: usize = 1_000;
const TASKS: usize = 200;
const YIELDS: usize = 1_000;

/// A sample has as many iterations as make it at least this long; nanoseconds of CPU time.
const SAMPLE: u64 = 20_000_000;
const SAMPLES: usize = 31;

/// Ends when so many parts have.
struct Countdown {
    left: AtomicUsize,
    done: std::sync::Mutex<Option<oneshot::Sender<()>>>,
}

impl Countdown {
    fn new(parts: usize) -> (Arc<Self>, oneshot::Receiver<()>) {
        let (done, ended) = oneshot::channel();
        let left = AtomicUsize::new(parts);
        (Arc::new(Self { left, done: std::sync::Mutex::new(Some(done)) }), ended)
    }

    fn part_ended(&self) {
        if self.left.fetch_sub(1, Relaxed) == 1 {
            let done = self.done.lock().expect("one thread").take();
            done.expect("the last part ends once").send(()).expect("somebody waits");
        }
    }
}

/// Tasks that do nothing but count; the last one ends the iteration.
async fn spawn_many() {
    let (countdown, ended) = Countdown::new(SPAWNS);
    for _ in 0..SPAWNS {
        let countdown = Arc::clone(&countdown);
        spawn(async move { countdown.part_ended() });
    }
    ended.await.expect("the last task says so");
}

/// Tasks that do nothing, each of which is waited for.
async fn spawn_joined() {
    let mut handles = Vec::with_capacity(SPAWNS);
    for _ in 0..SPAWNS {
        handles.push(spawn(async {}));
    }
    for handle in handles {
        handle.await.expect("nothing panics");
    }
}

fn link(done: oneshot::Sender<()>, left: usize) {
    if left == 0 {
        done.send(()).expect("somebody waits");
    } else {
        spawn(async move { link(done, left - 1) });
    }
}

/// Each task starts the next one and ends.
async fn chained() {
    let (done, ended) = oneshot::channel();
    spawn(async move { link(done, CHAIN) });
    ended.await.expect("the last task says so");
}

async fn ping(countdown: Arc<Countdown>) {
    let (to, from) = oneshot::channel();
    let (back_to, back_from) = oneshot::channel();
    spawn(async move {
        from.await.expect("a ping");
        back_to.send(()).expect("somebody waits");
    });
    to.send(()).expect("somebody waits");
    back_from.await.expect("a pong");
    countdown.part_ended();
}

/// Pairs of tasks, each pair with a oneshot to and a oneshot fro.
async fn ping_pong() {
    let (countdown, ended) = Countdown::new(PINGS);
    spawn(async move {
        for _ in 0..PINGS {
            spawn(ping(Arc::clone(&countdown)));
        }
    });
    ended.await.expect("the last pair says so");
}

/// Tasks that let the others go first, again and again.
async fn yield_many() {
    let (countdown, ended) = Countdown::new(TASKS);
    for _ in 0..TASKS {
        let countdown = Arc::clone(&countdown);
        spawn(async move {
            for _ in 0..YIELDS {
                yield_now().await;
            }
            countdown.part_ended();
        });
    }
    ended.await.expect("the last task says so");
}

fn median(values: &mut [f64]) -> f64 {
    values.sort_by(f64::total_cmp);
    values[values.len() / 2]
}

/// Runs `iterate` for so much CPU time as a warm-up, then as long again; prints the line.
fn measure<F: Future<Output = ()>>(
    runtime: &Runtime,
    operations: usize,
    budget: Duration,
    iterate: impl Fn() -> F,
) {
    let budget = budget.as_nanos() as u64;
    let (mut iterations, begin) = (0, cpu_time());
    while cpu_time() - begin < budget {
        runtime.block_on(iterate());
        iterations += 1;
    }
    let batch = SAMPLE.div_ceil((cpu_time() - begin) / iterations);
    let share = (batch as usize * operations) as f64;
    let (mut walls, mut cpus) = (Vec::new(), Vec::new());
    let begin = cpu_time();
    while walls.len() < SAMPLES || cpu_time() - begin < budget {
        let (start, cpu_start) = (Instant::now(), cpu_time());
        for _ in 0..batch {
            runtime.block_on(iterate());
        }
        walls.push(start.elapsed().as_nanos() as f64 / share);
        cpus.push((cpu_time() - cpu_start) as f64 / share);
    }
    let samples = walls.len();
    let count = samples as u64 * batch * operations as u64;
    let (wall, cpu) = (median(&mut walls), median(&mut cpus));
    let more = format!(",\"cpu\":{cpu},\"wall\":{wall},\"samples\":{samples}");
    report(count, u128::from(cpu_time() - begin), &more);
}

fn main() {
    let arguments = Arguments::read();
    let budget = Duration::from_millis(arguments.number("--milliseconds", 500));
    let runtime = Builder::new_current_thread().build().expect("a runtime");
    match arguments.mode.as_str() {
        "spawn" => measure(&runtime, SPAWNS, budget, spawn_many),
        "joined" => measure(&runtime, SPAWNS, budget, spawn_joined),
        "chained" => measure(&runtime, CHAIN, budget, chained),
        "ping-pong" => measure(&runtime, PINGS, budget, ping_pong),
        "yield" => measure(&runtime, TASKS * YIELDS, budget, yield_many),
        other => panic!("no workload is called {other}"),
    }
}
