//! The members of a consumer group, and which of them has which partition.

use std::cell::RefCell;
use std::collections::{BTreeMap, BTreeSet};
use std::rc::Rc;
use std::time::Duration;

use super::broker::Join;
use super::signal::Signal;
use super::state::Place;
use crate::journal::NodeId;
use crate::node;
use crate::service::Ctx;

/// A consumer that is in a group.
#[derive(Clone)]
pub(super) struct Member {
    /// Where it gets its events.
    pub(super) address: (NodeId, u32),
    topics: Vec<String>,
    beats: Rc<Signal>,
}

impl Member {
    /// None if the world has no such node.
    pub(super) fn new(ctx: Ctx, join: Join) -> Option<Member> {
        let node = node::resolve(ctx.node(), &join.node).ok()?;
        Some(Member { address: (node, join.mailbox), topics: join.topics, beats: Rc::default() })
    }
}

/// A consumer group.
pub(super) struct Group {
    pub(super) name: String,
    members: RefCell<BTreeMap<String, Member>>,
    /// The partitions that somebody works at.
    pub(super) workers: RefCell<BTreeSet<Place>>,
    /// Tells that members came or went.
    pub(super) changed: Signal,
}

impl Group {
    pub(super) fn new(name: &str) -> Group {
        Group {
            name: name.to_owned(),
            members: RefCell::default(),
            workers: RefCell::default(),
            changed: Signal::default(),
        }
    }

    /// Takes a member in, or in anew, until it is silent for `session`.
    pub(super) fn add(self: &Rc<Group>, ctx: Ctx, id: &str, member: Member, session: Duration) {
        let beats = member.beats.clone();
        let before = self.members.borrow_mut().insert(id.to_owned(), member);
        if before.is_none() {
            ctx.record(format_args!("group {}: {id} joins", self.name));
        }
        self.changed.notify();
        let (group, id) = (self.clone(), id.to_owned());
        ctx.spawn(async move {
            loop {
                let seen = beats.seen();
                if ctx.timeout(session, beats.after(seen)).await.is_err() {
                    break;
                }
            }
            // It may have left, or joined again.
            if group.members.borrow().get(&id).is_some_and(|m| Rc::ptr_eq(&m.beats, &beats)) {
                group.remove(ctx, &id, "is silent for too long");
            }
        });
    }

    /// Notes that a member lives; false if it is none.
    pub(super) fn beat(&self, id: &str) -> bool {
        let members = self.members.borrow();
        members.get(id).map(|member| member.beats.notify()).is_some()
    }

    pub(super) fn remove(&self, ctx: Ctx, id: &str, why: &str) {
        let removed = self.members.borrow_mut().remove(id);
        if removed.is_some() {
            ctx.record(format_args!("group {}: {id} {why}", self.name));
            self.changed.notify();
        }
    }

    /// The member that has the partition: those who want the topic share it evenly, in the order of their
    /// ids.
    pub(super) fn owner(&self, place: &Place) -> Option<Member> {
        let members = self.members.borrow();
        let wanting: Vec<&Member> =
            members.values().filter(|member| member.topics.contains(&place.topic)).collect();
        let index = (place.partition as usize).checked_rem(wanting.len())?;
        Some(wanting[index].clone())
    }

    /// Ready when that member is no longer one.
    pub(super) async fn left(&self, member: &Member) {
        loop {
            let seen = self.changed.seen();
            let stays = |m: &Member| Rc::ptr_eq(&m.beats, &member.beats);
            if !self.members.borrow().values().any(stays) {
                return;
            }
            self.changed.after(seen).await;
        }
    }
}
