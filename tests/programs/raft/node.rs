//! A node of openraft: its network of axum and reqwest, and what it offers to clients.

use std::sync::Arc;

use axum::extract::State;
use axum::http::StatusCode;
use axum::routing::{get, post};
use axum::{Json, Router};
use openraft::alias::{SnapshotMetaOf, SnapshotOf, VoteOf};
use openraft::async_runtime::WatchReceiver;
use openraft::errors::{RPCError, ReplicationClosed, StreamingError, Unreachable};
use openraft::network::RPCOption;
use openraft::raft::{
    AppendEntriesRequest, AppendEntriesResponse, SnapshotResponse, VoteRequest, VoteResponse,
};
use openraft::{
    BasicNode, Config, OptionalSend, Raft, RaftNetworkFactory, RaftNetworkV2, ReadPolicy,
};
use serde::Serialize;
use serde::de::DeserializeOwned;

use super::store::{Disk, Words};
use super::*;

// Standard Raft, with one leader a term: openraft's default permits more.
openraft::declare_raft_types!(
    pub(super) Types:
        LeaderId = openraft::impls::leader_id_std::LeaderId<u64, u64>,
        AsyncRuntime = openraft::TokioRuntime,
);

#[derive(Clone)]
struct Node {
    raft: Raft<Types, Words>,
    words: Words,
}

/// One of the three nodes, as its process runs.
pub(super) async fn run(id: u64, disk: Disk) -> Result<(), BoxError> {
    let config = Config { heartbeat_interval: 100, ..Config::default() };
    let config = Config { election_timeout_min: 300, election_timeout_max: 600, ..config };
    let (network, words) = (Peers(reqwest::Client::new()), Words::default());
    let raft = Raft::new(id, Arc::new(config.validate()?), network, disk, words.clone()).await?;
    tokio::spawn(tell_terms(raft.clone()));
    if id == 1 && !raft.is_initialized().await? {
        let address = |id| (id, BasicNode::new(format!("raft-{id}:80")));
        raft.initialize(std::collections::BTreeMap::from([1, 2, 3].map(address))).await?;
    }
    let router = Router::new()
        .route("/append", post(append))
        .route("/vote", post(vote))
        .route("/snapshot", post(snapshot))
        .route("/words", get(read).post(write))
        .with_state(Node { raft, words });
    let listener = tokio::net::TcpListener::bind("0.0.0.0:80").await?;
    Ok(axum::serve(listener, router).await?)
}

/// Tells of each term that the node leads.
async fn tell_terms(raft: Raft<Types, Words>) {
    let mut metrics = raft.metrics();
    let mut last = 0;
    while metrics.changed().await.is_ok() {
        let (term, leads) = {
            let metrics = metrics.borrow_watched();
            (metrics.current_term, metrics.state.is_leader())
        };
        if leads && term != last {
            last = term;
            tell(format_args!("leads term {term}"));
        }
    }
}

type Answer<T> = Result<Json<T>, (StatusCode, String)>;

/// Who does not lead, or could not, says so.
fn answer<T, E: ToString>(result: Result<T, E>) -> Answer<T> {
    let unavailable = |error: E| (StatusCode::SERVICE_UNAVAILABLE, error.to_string());
    result.map(Json).map_err(unavailable)
}

async fn append(
    State(node): State<Node>,
    Json(request): Json<AppendEntriesRequest<Types>>,
) -> Answer<AppendEntriesResponse<Types>> {
    answer(node.raft.append_entries(request).await)
}

async fn vote(
    State(node): State<Node>,
    Json(request): Json<VoteRequest<Types>>,
) -> Answer<VoteResponse<Types>> {
    answer(node.raft.vote(request).await)
}

type Snapshot = SnapshotOf<Types, Vec<String>>;

async fn snapshot(
    State(node): State<Node>,
    Json((vote, meta, snapshot)): Json<(VoteOf<Types>, SnapshotMetaOf<Types>, Vec<String>)>,
) -> Answer<SnapshotResponse<Types>> {
    answer(node.raft.install_full_snapshot(vote, Snapshot { meta, snapshot }).await)
}

/// Answers once the word is in the logs of a majority.
async fn write(State(node): State<Node>, word: String) -> Answer<()> {
    answer(node.raft.client_write(word).await.map(|_| ()))
}

/// Answers with every word that was acknowledged before the question, or not at all.
async fn read(State(node): State<Node>) -> Answer<Vec<String>> {
    let is_current = node.raft.ensure_linearizable(ReadPolicy::ReadIndex).await;
    answer(is_current.map(|_| node.words.all()))
}

/// The way to the others.
struct Peers(reqwest::Client);

impl RaftNetworkFactory<Types> for Peers {
    type Network = Peer;

    async fn new_client(&mut self, _: u64, node: &BasicNode) -> Peer {
        Peer { client: self.0.clone(), url: format!("http://{}", node.addr) }
    }
}

struct Peer {
    client: reqwest::Client,
    url: String,
}

impl Peer {
    async fn ask<Q: Serialize, A: DeserializeOwned>(
        &self,
        path: &str,
        question: &Q,
        option: &RPCOption,
    ) -> Result<A, Unreachable<Types>> {
        let request = self.client.post(format!("{}/{path}", self.url)).json(question);
        let answer = async {
            let answer = request.timeout(option.soft_ttl()).send().await?;
            answer.error_for_status()?.json().await
        };
        answer.await.map_err(|error: reqwest::Error| Unreachable::new(&error))
    }
}

impl RaftNetworkV2<Types> for Peer {
    type SnapshotData = Vec<String>;

    async fn append_entries(
        &mut self,
        request: AppendEntriesRequest<Types>,
        option: RPCOption,
    ) -> Result<AppendEntriesResponse<Types>, RPCError<Types>> {
        Ok(self.ask("append", &request, &option).await?)
    }

    async fn vote(
        &mut self,
        request: VoteRequest<Types>,
        option: RPCOption,
    ) -> Result<VoteResponse<Types>, RPCError<Types>> {
        Ok(self.ask("vote", &request, &option).await?)
    }

    async fn full_snapshot(
        &mut self,
        vote: VoteOf<Types>,
        Snapshot { meta, snapshot }: Snapshot,
        _cancel: impl Future<Output = ReplicationClosed> + OptionalSend + 'static,
        option: RPCOption,
    ) -> Result<SnapshotResponse<Types>, StreamingError<Types>> {
        Ok(self.ask("snapshot", &(vote, meta, snapshot), &option).await?)
    }
}
