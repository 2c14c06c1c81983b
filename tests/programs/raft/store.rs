//! What a node of openraft keeps: its log and its vote on a disk, its words in memory.

use std::collections::BTreeMap;
use std::fmt::Debug;
use std::io;
use std::ops::RangeBounds;
use std::sync::{Arc, Mutex, MutexGuard};

use futures::{Stream, TryStreamExt};
use openraft::alias::{EntryOf, LogIdOf, SnapshotMetaOf, SnapshotOf, StoredMembershipOf, VoteOf};
use openraft::storage::{
    EntryResponder, IOFlushed, LogState, RaftLogReader, RaftLogStorage, RaftSnapshotBuilder,
    RaftStateMachine,
};
use openraft::{EntryPayload, OptionalSend};

use super::node::Types;

type Entry = EntryOf<Types>;
type LogId = LogIdOf<Types>;

/// The log and the vote of a node. It outlives the process, as a disk does on which every write is
/// synced: without it Raft promises nothing over a crash.
#[derive(Clone, Default)]
pub(super) struct Disk(Arc<Mutex<Stored>>);

#[derive(Default)]
struct Stored {
    vote: Option<VoteOf<Types>>,
    log: BTreeMap<u64, Entry>,
    committed: Option<LogId>,
    purged: Option<LogId>,
}

impl Disk {
    fn stored(&self) -> MutexGuard<'_, Stored> {
        self.0.lock().expect("nobody panics while it is held")
    }
}

impl RaftLogReader<Types> for Disk {
    async fn try_get_log_entries<R: RangeBounds<u64> + Clone + Debug + OptionalSend>(
        &mut self,
        range: R,
    ) -> io::Result<Vec<Entry>> {
        Ok(self.stored().log.range(range).map(|(_, entry)| entry.clone()).collect())
    }

    async fn read_vote(&mut self) -> io::Result<Option<VoteOf<Types>>> {
        Ok(self.stored().vote)
    }
}

impl RaftLogStorage<Types> for Disk {
    type LogReader = Disk;

    async fn get_log_state(&mut self) -> io::Result<LogState<Types>> {
        let stored = self.stored();
        let last = stored.log.last_key_value().map(|(_, entry)| entry.log_id);
        Ok(LogState { last_purged_log_id: stored.purged, last_log_id: last.or(stored.purged) })
    }

    async fn get_log_reader(&mut self) -> Disk {
        self.clone()
    }

    async fn save_vote(&mut self, vote: &VoteOf<Types>) -> io::Result<()> {
        self.stored().vote = Some(*vote);
        Ok(())
    }

    async fn save_committed(&mut self, committed: Option<LogId>) -> io::Result<()> {
        self.stored().committed = committed;
        Ok(())
    }

    async fn read_committed(&mut self) -> io::Result<Option<LogId>> {
        Ok(self.stored().committed)
    }

    async fn append<I>(&mut self, entries: I, written: IOFlushed<Types>) -> io::Result<()>
    where
        I: IntoIterator<Item = Entry> + OptionalSend,
        I::IntoIter: OptionalSend,
    {
        let entries = entries.into_iter().map(|entry| (entry.log_id.index, entry));
        self.stored().log.extend(entries);
        written.io_completed(Ok(()));
        Ok(())
    }

    async fn truncate_after(&mut self, last: Option<LogId>) -> io::Result<()> {
        let first_gone = last.map_or(0, |last| last.index + 1);
        self.stored().log.split_off(&first_gone);
        Ok(())
    }

    async fn purge(&mut self, last: LogId) -> io::Result<()> {
        let mut stored = self.stored();
        stored.purged = Some(last);
        stored.log = stored.log.split_off(&(last.index + 1));
        Ok(())
    }
}

/// The words that were written, in the order of the log: made anew from it at every start.
#[derive(Clone, Default)]
pub(super) struct Words(Arc<Mutex<Applied>>);

#[derive(Clone, Default)]
struct Applied {
    last: Option<LogId>,
    membership: StoredMembershipOf<Types>,
    words: Vec<String>,
}

impl Words {
    fn applied(&self) -> MutexGuard<'_, Applied> {
        self.0.lock().expect("nobody panics while it is held")
    }

    pub(super) fn all(&self) -> Vec<String> {
        self.applied().words.clone()
    }

    fn snapshot(&self) -> SnapshotOf<Types, Vec<String>> {
        let Applied { last, membership, words } = self.applied().clone();
        let meta = SnapshotMetaOf::<Types> { last_log_id: last, last_membership: membership };
        SnapshotOf::<Types, _> { meta, snapshot: words }
    }
}

impl RaftSnapshotBuilder<Types> for Words {
    type SnapshotData = Vec<String>;

    async fn build_snapshot(&mut self) -> io::Result<SnapshotOf<Types, Vec<String>>> {
        Ok(self.snapshot())
    }
}

impl RaftStateMachine<Types> for Words {
    type SnapshotData = Vec<String>;
    type SnapshotBuilder = Words;

    async fn applied_state(&mut self) -> io::Result<(Option<LogId>, StoredMembershipOf<Types>)> {
        let applied = self.applied();
        Ok((applied.last, applied.membership.clone()))
    }

    async fn apply<S>(&mut self, mut entries: S) -> io::Result<()>
    where
        S: Stream<Item = io::Result<EntryResponder<Types>>> + Unpin + OptionalSend,
    {
        while let Some((entry, responder)) = entries.try_next().await? {
            let mut applied = self.applied();
            applied.last = Some(entry.log_id);
            match entry.payload {
                EntryPayload::Blank => {}
                EntryPayload::Normal(word) => applied.words.push(word),
                EntryPayload::Membership(membership) => {
                    applied.membership = StoredMembershipOf::<Types>::new(applied.last, membership);
                }
            }
            if let Some(responder) = responder {
                responder.send(String::new());
            }
        }
        Ok(())
    }

    async fn get_snapshot_builder(&mut self) -> Words {
        self.clone()
    }

    async fn install_snapshot(
        &mut self,
        meta: &SnapshotMetaOf<Types>,
        words: Vec<String>,
    ) -> io::Result<()> {
        let (last, membership) = (meta.last_log_id, meta.last_membership.clone());
        *self.applied() = Applied { last, membership, words };
        Ok(())
    }

    async fn get_current_snapshot(&mut self) -> io::Result<Option<SnapshotOf<Types, Vec<String>>>> {
        Ok(Some(self.snapshot()).filter(|snapshot| snapshot.meta.last_log_id.is_some()))
    }
}
