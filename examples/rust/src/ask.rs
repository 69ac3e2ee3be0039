//! ask.rs: one question to a raft-key-value cluster, from node to node, to the leader (docs/clients.md).
use std::time::{Duration, Instant};
use tonic::codegen::http::uri::PathAndQuery;
use tonic::{codec::ProstCodec, transport::Endpoint, Code, Request};

const TIME: Duration = Duration::from_secs(10); // for all of it
const READ_TIME: Duration = Duration::from_secs(2); // for one node that is asked to read: another can answer as well
const DIAL_TIME: Duration = Duration::from_secs(1);
const PAUSE: Duration = Duration::from_millis(100); // nobody there, an election, a full queue
const LEADER: &str = "x-openraft-leader-endpoint";

pub enum Failure {
    Refused(String), // nothing was done
    Unknown(String), // the write may or may not have happened
}

/// What may have been done all the same, unless the node says that it did nothing.
fn open(code: Code) -> bool {
    use Code::*;
    matches!(code, Unavailable | Cancelled | DeadlineExceeded | Aborted | Internal | Unknown | DataLoss)
}

/// One message to AppService/`method`, one back. `read`: a level, and the question may be asked twice.
pub async fn ask<Q, A>(nodes: &[&str], method: &str, question: Q, read: Option<&str>) -> Result<A, Failure>
where
    Q: prost::Message + Clone + 'static,
    A: prost::Message + Default + 'static,
{
    let (end, mut turn, mut leader, mut why) = (Instant::now() + TIME, 0, None, "no node answers".to_string());
    while Instant::now() < end {
        let node = leader.take().unwrap_or_else(|| nodes[turn % nodes.len()].to_string());
        turn += 1;
        let endpoint = match Endpoint::from_shared(format!("http://{node}")) {
            Ok(endpoint) => endpoint.connect_timeout(DIAL_TIME),
            Err(error) => return Err(Failure::Refused(format!("{node}: {error}"))),
        };
        let Ok(channel) = endpoint.connect().await else {
            tokio::time::sleep(PAUSE).await; // no connection: nothing was sent
            continue;
        };
        let mut client = tonic::client::Grpc::new(channel).max_decoding_message_size(usize::MAX);
        let mut request = Request::new(question.clone());
        let left = end.saturating_duration_since(Instant::now());
        request.set_timeout(if read.is_some() { left.min(READ_TIME) } else { left });
        if let Some(level) = read {
            request.metadata_mut().insert("rkv-read", level.parse().expect("a level"));
        }
        let path = PathAndQuery::try_from(format!("/openraftpb.AppService/{method}")).expect("a path");
        if client.ready().await.is_err() {
            continue; // the connection is gone: nothing was sent
        }
        let status = match client.unary(request, path, ProstCodec::default()).await {
            Ok(answer) => return Ok(answer.into_inner()),
            Err(status) => status,
        };
        leader = status.metadata().get(LEADER).and_then(|v| v.to_str().ok()).map(str::to_string);
        let nothing_done = status.code() == Code::ResourceExhausted
            || leader.is_some()
            || status.metadata().contains_key("rkv-refused");
        why = format!("{node}: {} ({:?})", status.message(), status.code());
        if !nothing_done && !open(status.code()) {
            return Err(Failure::Refused(why));
        } else if !nothing_done && read.is_none() {
            return Err(Failure::Unknown(why));
        } else if leader.is_none() {
            tokio::time::sleep(PAUSE).await;
        }
    }
    Err(Failure::Refused(why))
}
