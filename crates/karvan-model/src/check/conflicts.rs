//! Rules that contradict one another, and rules whose conditions never meet.

use std::collections::BTreeMap;

use jiff::civil::Date;
use karvan_units::DayInterval;

use super::Check;
use crate::cell::{List, Ref};
use crate::rules::specificity;
use crate::tables::{Effect, Governs, Group, Rule, State};

/// Whether two lists of conditions can hold together; an empty one admits all.
fn meet<T: PartialEq>(a: &[T], b: &[T]) -> bool {
    a.is_empty() || b.is_empty() || a.iter().any(|x| b.contains(x))
}

/// The same for codes of which the shorter admits all that begin with it.
fn codes_meet(a: &[String], b: &[String]) -> bool {
    let within = |x: &String, y: &String| x.starts_with(y.as_str()) || y.starts_with(x.as_str());
    a.is_empty() || b.is_empty() || a.iter().any(|x| b.iter().any(|y| within(x, y)))
}

impl<'m> Check<'m> {
    /// Reports both.
    pub(super) fn conflicts(&mut self) {
        self.never_met();
        if !self.lacks(&["rule", "member"]) {
            self.contradictions();
        }
    }

    fn never_met(&mut self) {
        if self.lacks(&["equipment"]) {
            return;
        }
        let t = &self.tables.rule;
        for (i, r) in t.iter().enumerate() {
            let moves =
                |e: &crate::tables::Equipment| r.equipment.contains(&e.kind) && r.modes.contains(&e.mode);
            if r.modes.is_empty() || r.equipment.is_empty() || self.tables.equipment.iter().any(moves) {
                continue;
            }
            let words = |all: Vec<&str>| all.join(", ");
            let what = format!(
                "rule `{}` can never apply: no {} moves by {}",
                r.id,
                words(r.equipment.iter().map(|e| e.word()).collect()),
                words(r.modes.iter().map(|m| m.word()).collect())
            );
            self.warn(t, i, "equipment", what).hint =
                Some("leave `modes` or `equipment` empty, or name what goes together".into());
        }
    }

    /// The states that a condition names, by themselves and by the groups of which they are members on some day.
    pub(super) fn named(&self, states: &List<Ref<State>>, groups: &List<Ref<Group>>) -> Vec<&'m str> {
        let of_group = |g: &Ref<Group>| {
            let g = g.as_str().to_owned();
            self.tables.member.iter().filter(move |m| m.group.as_str() == g).map(|m| m.state.as_str())
        };
        let by_name = self.tables.state.iter().map(|s| s.id.as_str());
        let mut out: Vec<&str> = by_name.filter(|id| states.iter().any(|s| s.as_str() == *id)).collect();
        out.extend(groups.iter().flat_map(of_group));
        out
    }

    fn states_meet(
        &self,
        a: (&List<Ref<State>>, &List<Ref<Group>>),
        b: (&List<Ref<State>>, &List<Ref<Group>>),
    ) -> bool {
        let all = |x: (&List<Ref<State>>, &List<Ref<Group>>)| x.0.is_empty() && x.1.is_empty();
        all(a) || all(b) || {
            let (a, b) = (self.named(a.0, a.1), self.named(b.0, b.1));
            a.iter().any(|s| b.contains(s))
        }
    }

    fn overlap(&self, a: &Rule, b: &Rule) -> bool {
        let days = |r: &Rule| DayInterval { from: r.from, till: r.till };
        let fits =
            |least: &Rule, most: &Rule| least.min_t.zip(most.max_t).is_none_or(|(l, m)| l.get() <= m.get());
        // Of carriage and transit at a node, only rules that name nodes are asked.
        let apart = matches!(a.governs, Governs::Carriage | Governs::Transit)
            && a.nodes.is_empty() != b.nodes.is_empty();
        !apart
            && days(a).overlaps(&days(b))
            && meet(&a.nodes, &b.nodes)
            && meet(&a.modes, &b.modes)
            && meet(&a.equipment, &b.equipment)
            && meet(&a.cargo_kinds, &b.cargo_kinds)
            && codes_meet(&a.hs, &b.hs)
            && codes_meet(&a.rid, &b.rid)
            && fits(a, b)
            && fits(b, a)
            && self.states_meet((&a.states, &a.state_groups), (&b.states, &b.state_groups))
            && self.states_meet((&a.origin, &a.origin_groups), (&b.origin, &b.origin_groups))
            && self.states_meet(
                (&a.registration, &a.registration_groups),
                (&b.registration, &b.registration_groups),
            )
            && self.states_meet((&a.flag, &a.flag_groups), (&b.flag, &b.flag_groups))
            && self
                .states_meet((&a.destination, &a.destination_groups), (&b.destination, &b.destination_groups))
    }

    fn contradictions(&mut self) {
        let t = &self.tables.rule;
        // Only rules of one rank can contradict; the rest is what precedence is for.
        let mut ranks: BTreeMap<(Governs, u32, Option<Date>), [Vec<usize>; 2]> = BTreeMap::new();
        for (i, r) in t.iter().enumerate() {
            let side = match r.effect {
                Effect::Forbid => 0,
                Effect::Permit => 1,
                _ => continue,
            };
            ranks.entry((r.governs, specificity(r), r.from)).or_default()[side].push(i);
        }
        for [forbids, permits] in ranks.into_values() {
            for &p in &permits {
                let permit = &t[p];
                let Some(forbid) = forbids.iter().map(|f| &t[*f]).find(|f| self.overlap(f, permit)) else {
                    continue;
                };
                let what = format!(
                    "rule `{}` permits what rule `{}` forbids, with as many conditions and from the same day",
                    permit.id, forbid.id
                );
                self.warn(t, p, "effect", what).hint = Some(
                    "what forbids prevails: give the one that is to prevail a condition more, or the later day".into(),
                );
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn conditions_that_can_hold_together() {
        assert!(meet::<u8>(&[], &[1]) && meet(&[1, 2], &[2]) && !meet(&[1], &[2]));
        let code = |c: &str| vec![c.to_owned()];
        assert!(codes_meet(&code("27"), &code("2710")) && codes_meet(&code("2710"), &code("27")));
        assert!(!codes_meet(&code("2709"), &code("2710")) && codes_meet(&[], &code("2710")));
    }
}
