//! A line of single track with sidings, on which trains of both directions never block each other for good.
//!
//! A section holds one train. A train enters one only once it has also reserved a place in the siding at its end, and each
//! siding has a place for each direction, so trains of one direction wait for each other only, in a chain that ends at
//! the end of the line, where there is room for all; and a section is always left, since the place behind it is kept.
//! So every train arrives: no deadlock needs to be looked for, and none can arise. Of two trains that want one section, relief
//! goods go first, then who waits longer.

use std::collections::VecDeque;

use crate::stats::{Level, QueueStats};
use crate::time::Time;

/// A train on the line.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Run {
    /// Which train.
    pub train: u32,
    /// Whether it goes from the first section to the last.
    pub forward: bool,
    /// Class of priority.
    pub class: u8,
    /// Section in which it is.
    pub section: u32,
}

#[derive(Clone, Debug, Default)]
struct Siding {
    /// Whether the place of a direction is taken or reserved, forward first. At the ends of the line there is room for all.
    taken: [bool; 2],
    /// Who waits here, by direction.
    waiting: [VecDeque<(Run, Time)>; 2],
}

/// A line of single track.
#[derive(Clone, Debug)]
pub struct Line {
    /// Whether a section is occupied.
    occupied: Vec<bool>,
    /// Sidings, the two ends among them: one more than sections.
    sidings: Vec<Siding>,
    /// Trains that wait at a siding or an end.
    pub stats: QueueStats,
    /// Occupied sections.
    pub busy: Level,
}

impl Line {
    /// A line of some sections; of none it is taken to have one.
    pub fn new(sections: usize) -> Self {
        let n = sections.max(1);
        Self {
            occupied: vec![false; n],
            sidings: vec![Siding::default(); n + 1],
            stats: QueueStats::default(),
            busy: Level::default(),
        }
    }
    /// Number of sections.
    pub fn sections(&self) -> usize {
        self.occupied.len()
    }

    /// A train comes to an end of the line. Those that enter a section now are added to `entered`.
    pub fn arrive(&mut self, now: Time, train: u32, forward: bool, class: u8, entered: &mut Vec<Run>) {
        let last = self.sections() as u32 - 1;
        let section = if forward { 0 } else { last };
        self.wait(now, Run { train, forward, class, section });
        self.dispatch(now, section as usize, entered);
    }

    /// A train has come through its section. Those that enter one now are added to `entered`; returned is whether it has left
    /// the line.
    pub fn leave_section(&mut self, now: Time, run: Run, entered: &mut Vec<Run>) -> bool {
        let s = run.section as usize;
        assert!(std::mem::replace(&mut self.occupied[s], false), "a train leaves a section that it was in");
        self.busy.take(now, 1);
        let gone = if run.forward { s + 1 == self.sections() } else { s == 0 };
        if !gone {
            let section = if run.forward { run.section + 1 } else { run.section - 1 };
            self.wait(now, Run { section, ..run });
            self.dispatch(now, section as usize, entered);
        }
        self.dispatch(now, s, entered);
        gone
    }

    /// The siding before a section, in the direction of travel.
    fn before(section: usize, forward: bool) -> usize {
        if forward { section } else { section + 1 }
    }

    fn wait(&mut self, now: Time, run: Run) {
        let at = Self::before(run.section as usize, run.forward);
        self.sidings[at].waiting[usize::from(!run.forward)].push_back((run, now));
        self.stats.enter(now);
    }

    /// Lets a train into a section if it is free, and then into the section that this train's place makes free.
    fn dispatch(&mut self, now: Time, section: usize, entered: &mut Vec<Run>) {
        let mut section = section;
        loop {
            if self.occupied[section] {
                return;
            }
            let ends = |siding: usize| siding == 0 || siding == self.sections();
            let best = [true, false]
                .into_iter()
                .filter_map(|forward| {
                    let (here, there) = (Self::before(section, forward), Self::before(section, !forward));
                    let way = usize::from(!forward);
                    if !ends(there) && self.sidings[there].taken[way] {
                        return None;
                    }
                    let queue = &self.sidings[here].waiting[way];
                    let (i, (run, since)) =
                        queue.iter().enumerate().min_by_key(|(i, (run, _))| (run.class, *i))?;
                    Some(((run.class, *since, !forward), here, there, way, i))
                })
                .min_by_key(|c| c.0);
            let Some((_, here, there, way, i)) = best else { return };
            let (here_ends, there_ends) = (ends(here), ends(there));
            let Some((run, since)) = self.sidings[here].waiting[way].remove(i) else { return };
            self.stats.leave(now, since);
            self.busy.add(now, 1);
            self.occupied[section] = true;
            if !there_ends {
                self.sidings[there].taken[way] = true;
            }
            entered.push(run);
            if here_ends {
                return;
            }
            self.sidings[here].taken[way] = false;
            // The train behind may come up to this siding.
            section = if run.forward { section - 1 } else { section + 1 };
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::kernel::Kernel;
    use crate::time::Span;
    use proptest::prelude::*;

    #[derive(Clone, Copy)]
    enum Event {
        Comes(u32, bool, u8),
        Through(Run),
    }

    /// Runs trains over a line; the times at which they leave it.
    fn leave(sections: usize, trains: &[(u64, bool, u8, u64)]) -> Vec<Option<Time>> {
        let (mut k, mut line, mut entered) = (Kernel::new(), Line::new(sections), Vec::new());
        let mut left = vec![None; trains.len()];
        for (i, (at, forward, class, _)) in trains.iter().enumerate() {
            k.at(Time(*at), Event::Comes(i as u32, *forward, *class));
        }
        while let Some(e) = k.next() {
            let now = k.now();
            match e {
                Event::Comes(i, forward, class) => line.arrive(now, i, forward, class, &mut entered),
                Event::Through(run) => {
                    if line.leave_section(now, run, &mut entered) {
                        left[run.train as usize] = Some(now);
                    }
                }
            }
            for run in entered.drain(..) {
                let (.., pace) = trains[run.train as usize];
                k.after(Span(pace + u64::from(run.section) * 3 % 7), Event::Through(run));
            }
            assert!(line.stats.little(now));
            let inside = line.occupied.iter().filter(|o| **o).count() as u64;
            assert_eq!(inside, line.busy.value());
        }
        left
    }

    proptest! {
        /// No deadlock: on any line any trains all arrive, none sooner than its running time.
        #[test]
        fn every_train_arrives(
            sections in 1usize..9,
            trains in prop::collection::vec((0u64..300, any::<bool>(), 0u8..2, 1u64..60), 1..60),
        ) {
            for (left, (at, _, _, pace)) in leave(sections, &trains).iter().zip(&trains) {
                let left = left.expect("it arrives");
                prop_assert!(left.0 >= at + pace * sections as u64);
            }
        }
    }

    /// Two trains meet at the siding in the middle: the later one's way is free once the other has cleared the section.
    #[test]
    fn two_trains_cross_at_a_siding() {
        let left = leave(2, &[(0, true, 1, 100), (0, false, 1, 100)]);
        // Both enter at once. The second section takes 103: at the siding the one waits for it from 100 on, the other
        // finds the first section free.
        assert_eq!(left, [Some(Time(103 + 103)), Some(Time(103 + 100))]);
    }

    #[test]
    fn relief_goods_enter_first() {
        let left = leave(1, &[(0, true, 1, 100), (1, true, 1, 100), (2, false, 0, 100)]);
        assert_eq!(left[2], Some(Time(200)));
        assert_eq!(left[1], Some(Time(300)));
    }
}
