//! A queue before a number of servers, with all statistics.

use std::collections::VecDeque;

use crate::stats::{Level, QueueStats};
use crate::time::Time;

/// Classes of priority of a queue: relief goods before the rest.
pub const CLASSES: usize = 2;

/// Servers and those who wait for them: the lower class first, within a class in the order of arrival.
#[derive(Clone, Debug)]
pub struct Station<T> {
    servers: u32,
    queues: [VecDeque<(T, Time)>; CLASSES],
    /// Queue.
    pub stats: QueueStats,
    /// Servers at work.
    pub busy: Level,
}

impl<T> Station<T> {
    /// Idle servers.
    pub fn new(servers: u32) -> Self {
        Self {
            servers,
            queues: std::array::from_fn(|_| VecDeque::new()),
            stats: QueueStats::default(),
            busy: Level::default(),
        }
    }
    /// Number of servers.
    pub fn servers(&self) -> u32 {
        self.servers
    }
    /// How many wait.
    pub fn waiting(&self) -> usize {
        self.queues.iter().map(VecDeque::len).sum()
    }
    /// Share of the servers' time that was worked.
    pub fn utilisation(&self, now: Time) -> f64 {
        if self.servers == 0 { 0.0 } else { self.busy.mean(now) / f64::from(self.servers) }
    }
    /// One comes: handed back where a server takes it at once.
    #[inline]
    pub fn arrive(&mut self, now: Time, item: T, class: u8) -> Option<T> {
        if self.busy.value() < u64::from(self.servers) {
            self.busy.add(now, 1);
            self.stats.pass();
            return Some(item);
        }
        self.stats.enter(now);
        self.queues[usize::from(class).min(CLASSES - 1)].push_back((item, now));
        None
    }
    /// A server has done its work: the next that it takes.
    #[inline]
    pub fn done(&mut self, now: Time) -> Option<T> {
        for q in &mut self.queues {
            if let Some((item, since)) = q.pop_front() {
                self.stats.leave(now, since);
                return Some(item);
            }
        }
        self.busy.take(now, 1);
        None
    }
}
