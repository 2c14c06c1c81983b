//! What a broker knows: its topics and how far each group has come. It follows from the log's records
//! alone, so a broker that starts again knows it again.

use std::collections::BTreeMap;
use std::rc::Rc;

use rustc_hash::FxHashMap;
use xxhash_rust::xxh3::xxh3_64;

use super::record::{Record, Stored};

/// A partition of a topic.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct Place {
    pub(super) topic: String,
    pub(super) partition: u32,
}

/// How far a group is in a partition.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) struct Progress {
    /// The offset that is next.
    pub(super) next: u64,
    /// How often that one was delivered in vain.
    pub(super) failed: u32,
}

/// All partitions, and the groups' places in them.
#[derive(Debug, Default)]
pub(super) struct State {
    partitions: BTreeMap<Place, Vec<Rc<Stored>>>,
    progress: BTreeMap<(String, Place), Progress>,
    /// Where the events are whose publishers asked for each id to be taken once, by topic and id.
    once: FxHashMap<(String, String), (u32, u64)>,
}

impl State {
    /// Does what the record says. An event has the place that is returned: the one that it got, or
    /// the one that its id has had before.
    pub(super) fn apply(&mut self, record: Record) -> Option<(u32, u64)> {
        match record {
            Record::Event { topic, partition, event, once } => {
                let name = once.then(|| (topic.clone(), event.id.clone()));
                if let Some(place) = name.as_ref().and_then(|name| self.once.get(name)) {
                    return Some(*place);
                }
                let place = Place { topic, partition };
                let events = self.partitions.entry(place).or_default();
                let offset = events.len() as u64;
                events.push(Rc::new(event));
                if let Some(name) = name {
                    self.once.insert(name, (partition, offset));
                }
                Some((partition, offset))
            }
            Record::Progress { group, topic, partition, next, failed } => {
                let place = Place { topic, partition };
                self.progress.insert((group, place), Progress { next, failed });
                None
            }
        }
    }

    pub(super) fn event(&self, place: &Place, offset: u64) -> Option<Rc<Stored>> {
        let index = usize::try_from(offset).ok()?;
        self.partitions.get(place)?.get(index).cloned()
    }

    /// A group that has never been in a partition begins with its first event.
    pub(super) fn progress(&self, group: &str, place: &Place) -> Progress {
        let key = (group.to_owned(), place.clone());
        self.progress.get(&key).copied().unwrap_or_default()
    }

    /// How many events of the topics a group has not got behind it.
    pub(super) fn lag(&self, group: &str, topics: &[String]) -> u64 {
        let of_topics = self.partitions.iter().filter(|(place, _)| topics.contains(&place.topic));
        of_topics
            .map(|(place, events)| {
                (events.len() as u64).saturating_sub(self.progress(group, place).next)
            })
            .sum()
    }

    /// The number of events in a topic.
    pub(super) fn len(&self, topic: &str) -> u64 {
        let of_topic = self.partitions.iter().filter(|(place, _)| place.topic == topic);
        of_topic.map(|(_, events)| events.len() as u64).sum()
    }
}

/// The partition of a key: equal keys go to the same one.
pub(super) fn partition_of(key: &str, partitions: u32) -> u32 {
    u32::try_from(xxh3_64(key.as_bytes()) % u64::from(partitions)).expect("below a u32")
}
