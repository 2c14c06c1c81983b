//! gRPC over tonic's own transport; the service is written as generated code would be.

use std::convert::Infallible;
use std::pin::Pin;
use std::task::{Context, Poll};

use ::http::uri::PathAndQuery;
use expect_test::expect;
use futures::future::BoxFuture;
use futures::{Stream, StreamExt};
use tokio::time::sleep;
use tonic::body::Body;
use tonic::client::Grpc;
use tonic::codegen::Service;
use tonic::server::{self, NamedService};
use tonic::transport::{Channel, Endpoint, Server};
use tonic::{Request, Response, Status};
use tonic_prost::ProstCodec;

use super::*;

#[derive(Clone, PartialEq, prost::Message)]
pub(super) struct Number {
    #[prost(uint64, tag = "1")]
    pub(super) value: u64,
}

pub(super) type Codec = ProstCodec<Number, Number>;
type Answer<T> = BoxFuture<'static, Result<Response<T>, Status>>;
type Numbers = Pin<Box<dyn Stream<Item = Result<Number, Status>> + Send>>;

/// Doubles a number, and takes as many milliseconds.
struct Double;

impl server::UnaryService<Number> for Double {
    type Response = Number;
    type Future = Answer<Number>;

    fn call(&mut self, request: Request<Number>) -> Answer<Number> {
        Box::pin(async move {
            let Number { value } = request.into_inner();
            sleep(ms(value)).await;
            let value = value.checked_mul(2).ok_or_else(|| Status::out_of_range("too large"))?;
            Ok(Response::new(Number { value }))
        })
    }
}

/// Counts to a number, 10 ms each.
struct CountTo;

impl server::ServerStreamingService<Number> for CountTo {
    type Response = Number;
    type ResponseStream = Numbers;
    type Future = Answer<Numbers>;

    fn call(&mut self, request: Request<Number>) -> Answer<Numbers> {
        let numbers =
            futures::stream::iter(1..=request.into_inner().value).then(|value| async move {
                sleep(ms(10)).await;
                Ok(Number { value })
            });
        Box::pin(async move { Ok(Response::new(Box::pin(numbers) as Numbers)) })
    }
}

#[derive(Clone)]
pub(super) struct Arithmetic;

impl NamedService for Arithmetic {
    const NAME: &'static str = "arithmetic.Arithmetic";
}

impl Service<::http::Request<Body>> for Arithmetic {
    type Response = ::http::Response<Body>;
    type Error = Infallible;
    type Future = BoxFuture<'static, Result<Self::Response, Infallible>>;

    fn poll_ready(&mut self, _: &mut Context<'_>) -> Poll<Result<(), Infallible>> {
        Poll::Ready(Ok(()))
    }

    fn call(&mut self, request: ::http::Request<Body>) -> Self::Future {
        Box::pin(async move {
            let mut grpc = server::Grpc::new(Codec::default());
            Ok(match request.uri().path() {
                "/arithmetic.Arithmetic/Double" => grpc.unary(Double, request).await,
                "/arithmetic.Arithmetic/CountTo" => grpc.server_streaming(CountTo, request).await,
                _ => Status::unimplemented("no such method").into_http(),
            })
        })
    }
}

pub(super) async fn serve() -> Result<(), tonic::transport::Error> {
    let addr = "0.0.0.0:50051".parse().expect("an address");
    Server::builder().add_service(Arithmetic).serve(addr).await
}

/// A client, as generated code has it.
#[derive(Clone)]
pub(super) struct Client {
    calls: Grpc<Channel>,
    /// What its requests say in `traceparent`.
    trace: Option<&'static str>,
}

impl Client {
    pub(super) fn new() -> Client {
        let endpoint = Endpoint::from_static("http://server:50051");
        let channel = endpoint.connect_timeout(secs(1)).connect_lazy();
        Client { calls: Grpc::new(channel), trace: None }
    }

    pub(super) fn traced(self, trace: &'static str) -> Client {
        Client { trace: Some(trace), ..self }
    }

    pub(super) async fn double(&mut self, value: u64, limit: Duration) -> Result<u64, Status> {
        let path = PathAndQuery::from_static("/arithmetic.Arithmetic/Double");
        let mut request = Request::new(Number { value });
        request.set_timeout(limit);
        if let Some(trace) = self.trace {
            request.metadata_mut().insert("traceparent", trace.parse().expect("it is ASCII"));
        }
        self.calls.ready().await.map_err(|error| Status::unknown(error.to_string()))?;
        Ok(self.calls.unary(request, path, Codec::default()).await?.into_inner().value)
    }

    pub(super) async fn count_to(
        &mut self,
        value: u64,
    ) -> Result<tonic::Streaming<Number>, Status> {
        let path = PathAndQuery::from_static("/arithmetic.Arithmetic/CountTo");
        self.calls.ready().await.map_err(|error| Status::unknown(error.to_string()))?;
        let request = Request::new(Number { value });
        Ok(self.calls.server_streaming(request, path, Codec::default()).await?.into_inner())
    }
}

fn say(result: Result<u64, Status>) {
    match result {
        Ok(value) => tell(value),
        Err(status) => tell(format_args!("{:?}: {}", status.code(), status.message())),
    }
}

fn calls(sim: &mut Sim) {
    calm(sim);
    sim.program("server", serve);
    sim.program("client", || async {
        sleep(ms(10)).await;
        let mut client = Client::new();
        say(client.double(21, secs(1)).await);
        say(client.double(2000, secs(1)).await);
        let mut numbers = client.count_to(3).await?;
        while let Some(number) = numbers.message().await? {
            tell(number.value);
        }
        Ok::<(), Status>(())
    })
    .drives();
}

#[test]
fn calls_streams_and_deadlines() {
    let run = twice(&calls, &RunConfig::seed(1));
    assert!(run.verdict().holds(), "{}\n{}", run.verdict(), run.journal.story());
    expect![[r#"
        35.000 ms client 42
        1035.000 ms client Cancelled: Timeout expired
        1047.000 ms client 1
        1057.000 ms client 2
        1067.000 ms client 3
    "#]]
    .assert_eq(&told(&run));
}

/// Asks every second; the channel connects again by itself.
fn patient(sim: &mut Sim) {
    calm(sim);
    sim.program("server", serve);
    sim.program("client", || async {
        let mut client = Client::new();
        for n in 0..12 {
            say(client.double(n, ms(700)).await);
            sleep(secs(1)).await;
        }
    })
    .drives();
}

#[track_caller]
fn during(fault: Fault, expected: expect_test::Expect) {
    let run = twice(&patient, &RunConfig::seed(1).plan(FaultPlan::new(vec![fault])));
    assert!(run.verdict().holds(), "{}\n{}", run.verdict(), run.journal.story());
    expected.assert_eq(&told(&run));
}

#[test]
fn a_channel_connects_again_after_a_crash() {
    let (at, lasts) = (ms(2_500), Some(secs(3)));
    during(
        Fault::Crash { node: "server".to_owned(), at, lasts },
        expect![[r#"
        4.000 ms client 0
        1007.000 ms client 2
        2011.000 ms client 4
        3013.000 ms client Unavailable: tcp connect error
        4015.000 ms client Unavailable: tcp connect error
        5017.000 ms client Unavailable: tcp connect error
        6027.000 ms client 12
        7036.000 ms client 14
        8046.000 ms client 16
        9057.000 ms client 18
        10069.000 ms client 20
        11082.000 ms client 22
    "#]],
    );
}

#[test]
fn a_deadline_passes_in_a_partition_and_a_pause() {
    let (at, lasts) = (ms(2_500), Some(secs(3)));
    let node = |name: &str| vec![name.to_owned()];
    let (a, b) = (node("server"), node("client"));
    during(
        Fault::Partition { a, b, one_way: false, at, lasts },
        expect![[r#"
        4.000 ms client 0
        1007.000 ms client 2
        2011.000 ms client 4
        3711.000 ms client Cancelled: Timeout expired
        5411.000 ms client Cancelled: Timeout expired
        6418.000 ms client 10
        7426.000 ms client 12
        8435.000 ms client 14
        9445.000 ms client 16
        10456.000 ms client 18
        11468.000 ms client 20
        12481.000 ms client 22
    "#]],
    );
    during(
        Fault::Pause { node: "server".to_owned(), at, lasts },
        expect![[r#"
        4.000 ms client 0
        1007.000 ms client 2
        2011.000 ms client 4
        3711.000 ms client Cancelled: Timeout expired
        5411.000 ms client Cancelled: Timeout expired
        6418.000 ms client 10
        7426.000 ms client 12
        8435.000 ms client 14
        9445.000 ms client 16
        10456.000 ms client 18
        11468.000 ms client 20
        12481.000 ms client 22
    "#]],
    );
}

/// Reads a stream of a second, and tells how it ends; gives up after four seconds of silence.
async fn read() {
    sleep(ms(10)).await;
    let mut numbers = match Client::new().count_to(100).await {
        Ok(numbers) => numbers,
        Err(status) => return say(Err(status)),
    };
    let (mut last, mut silences) = (0, 0);
    while silences < 2 {
        match tokio::time::timeout(secs(2), numbers.message()).await {
            Ok(Ok(Some(number))) => (last, silences) = (number.value, 0),
            Ok(Ok(None)) => return tell(format_args!("{last} is the last")),
            Ok(Err(status)) => return say(Err(status)),
            Err(_) => {
                silences += 1;
                tell(format_args!("nothing after {last} for two seconds"));
            }
        }
    }
}

#[track_caller]
fn while_reading(fault: Fault, expected: expect_test::Expect) {
    let world = |sim: &mut Sim| {
        calm(sim);
        sim.program("server", serve);
        sim.program("client", read).drives();
    };
    let run = twice(&world, &RunConfig::seed(1).plan(FaultPlan::new(vec![fault])));
    assert!(run.verdict().holds(), "{}\n{}", run.verdict(), run.journal.story());
    expected.assert_eq(&told(&run));
}

#[test]
fn a_stream_ends_with_its_server_and_waits_for_the_rest_otherwise() {
    let (at, lasts) = (ms(500), Some(secs(3)));
    while_reading(
        Fault::Crash { node: "server".to_owned(), at, lasts },
        expect![[r#"
        501.000 ms client Unknown: h2 protocol error: error reading a body from connection
    "#]],
    );
    let (a, b) = (vec!["server".to_owned()], vec!["client".to_owned()]);
    while_reading(
        Fault::Partition { a, b, one_way: false, at, lasts },
        expect![[r#"
        2494.000 ms client nothing after 48 for two seconds
        3506.000 ms client 100 is the last
    "#]],
    );
    while_reading(
        Fault::Pause { node: "server".to_owned(), at, lasts },
        expect![[r#"
        2494.000 ms client nothing after 48 for two seconds
        4011.000 ms client 100 is the last
    "#]],
    );
}

#[test]
fn every_storm_replays() {
    let stormy = |sim: &mut Sim| {
        patient(sim);
        // Nothing tells a reader that its server is gone if the reset is lost: it may wait for ever.
        sim.program("reader", read);
        sim.chaos(Chaos::default()).time_limit(secs(300));
    };
    storms(&stormy, "programs::grpc::every_storm_replays");
}
