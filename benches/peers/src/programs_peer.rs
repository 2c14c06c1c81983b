//! Unmodified programs: `axum::serve` and a client on a kept-alive connection, bytes and all. On real loopback, inside
//! of Stormglass, and, since it takes no unmodified program, the same router on turmoil's own sockets.

#[cfg(madsim)]
use std::sync::{
    Arc, Mutex,
    atomic::{AtomicU32, Ordering::Relaxed},
    mpsc,
};
use std::{cell::Cell, io, net::SocketAddr, rc::Rc, time::Duration};

use axum::serve::Listener;
#[cfg(madsim)]
use axum::{Json, Router, http::StatusCode, routing::post};
use http_body_util::{BodyExt, Full};
use hyper_util::rt::TokioIo;
#[cfg(madsim)]
use stormglass::{
    chaos::Chaos,
    sim::{RunConfig, Sim, run},
};
#[cfg(madsim)]
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::{
    io::{AsyncRead, AsyncWrite},
    net::TcpListener,
};
use turmoil::Builder;

use crate::{
    axum_peer::{Order, Receipt, router},
    contender::{Build, Contender},
    work::{Idle, Outcome, Posts},
};

/// The floor: the kernel's own loopback, server and client on one thread.
pub const LOOPBACK: Contender = Contender {
    programs: Some(loopback),
    ..Contender::new("real loopback", "tokio", Build::Plain)
};

/// The same two functions as programs of a world.
#[cfg(madsim)]
pub const STORMGLASS: Contender = Contender {
    programs: Some(stormglass),
    trios: Some(trios),
    turns: Some(turns),
    crowd: Some(crowd),
    ..Contender::new("stormglass programs", "stormglass", Build::Sealed)
};

/// The same with the client that turmoil has.
#[cfg(madsim)]
pub const STORMGLASS_HYPER: Contender = Contender {
    programs: Some(stormglass_hyper),
    ..Contender::new("stormglass programs, hyper's client", "stormglass", Build::Sealed)
};

/// turmoil's TCP. Its client is hyper's own: reqwest cannot be told to use another socket.
pub const TURMOIL: Contender =
    Contender { programs: Some(turmoil), ..Contender::new("turmoil TCP", "turmoil", Build::Plain) };

async fn serve(at: &str) -> io::Result<()> {
    let listener = TcpListener::bind(at).await?;
    axum::serve(listener, router()).await
}

async fn ask(url: String, calls: u32) -> reqwest::Result<()> {
    let client = reqwest::Client::new();
    for id in 0..u64::from(calls) {
        let order = Order { id, item: "lamp".to_owned() };
        let reply = client.post(&url).json(&order).send().await?;
        assert_eq!(reply.status().as_u16(), 201);
        assert_eq!(reply.json::<Receipt>().await?.id, id);
    }
    Ok(())
}

/// The same calls without a pool, redirects and URLs: by hyper's own client on a connection.
async fn ask_by_hyper<Io>(stream: Io, calls: u32) -> Result<(), Box<dyn std::error::Error>>
where
    Io: AsyncRead + AsyncWrite + Send + Unpin + 'static,
{
    let (mut sender, connection) =
        hyper::client::conn::http1::handshake(TokioIo::new(stream)).await?;
    tokio::spawn(connection);
    for id in 0..u64::from(calls) {
        let order = serde_json::to_vec(&Order { id, item: "lamp".to_owned() })?;
        let request = hyper::Request::post("/orders")
            .header("host", "shop")
            .header("content-type", "application/json")
            .body(Full::new(bytes::Bytes::from(order)))?;
        let reply = sender.send_request(request).await?;
        assert_eq!(reply.status().as_u16(), 201);
        let body = reply.into_body().collect().await?.to_bytes();
        assert_eq!(serde_json::from_slice::<Receipt>(&body)?.id, id);
    }
    Ok(())
}

fn loopback(work: &Posts) -> Outcome {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build();
    runtime.expect("a runtime is made").block_on(async {
        let listener = TcpListener::bind("127.0.0.1:0").await.expect("a port is free");
        let port = listener.local_addr().expect("it is bound").port();
        tokio::spawn(async { axum::serve(listener, router()).await });
        ask(format!("http://127.0.0.1:{port}/orders"), work.calls)
            .await
            .expect("all calls succeed");
    });
    Outcome { units: u64::from(work.calls), virtual_time: Duration::ZERO }
}

#[cfg(madsim)]
fn stormglass(work: &Posts) -> Outcome {
    let calls = work.calls;
    world(calls, move || async move {
        ask("http://shop/orders".to_owned(), calls).await.expect("all calls succeed");
    })
}

#[cfg(madsim)]
fn stormglass_hyper(work: &Posts) -> Outcome {
    let calls = work.calls;
    world(calls, move || async move {
        let stream = tokio::net::TcpStream::connect("shop:80").await.expect("the shop listens");
        ask_by_hyper(stream, calls).await.expect("all calls succeed");
    })
}

/// The shop and somebody who asks, as programs.
#[cfg(madsim)]
fn world<F>(calls: u32, ask: impl Fn() -> F + Copy + Send + Sync + 'static) -> Outcome
where
    F: Future<Output = ()> + 'static,
{
    let world = move |sim: &mut Sim| {
        sim.chaos(Chaos::none());
        sim.time_limit(Duration::from_secs(1_000_000));
        sim.program("shop", || serve("0.0.0.0:80"));
        sim.program("shopper", move || async move {
            tokio::time::sleep(Duration::from_millis(10)).await;
            ask().await;
        })
        .drives();
    };
    let run = std::thread::spawn(move || run(&world, &RunConfig::seed(1))).join().expect("it ends");
    assert!(run.verdict().holds(), "{}", run.verdict());
    let virtual_time = run.duration.since(Default::default());
    Outcome { units: u64::from(calls), virtual_time }
}

/// Worlds of a client, a service and the service that it asks, ten calls each, a thread a world.
#[cfg(madsim)]
fn trios(worlds: u32) -> Outcome {
    let world = |sim: &mut Sim| {
        sim.chaos(Chaos::none());
        sim.program("shop", || serve("0.0.0.0:80"));
        sim.program("front", || async {
            let client = reqwest::Client::new();
            let pass_on = move |Json(order): Json<Order>| async move {
                let reply = client.post("http://shop/orders").json(&order).send().await;
                let receipt = reply.expect("it is there").json::<Receipt>().await;
                (StatusCode::CREATED, Json(receipt.expect("a receipt")))
            };
            let listener = TcpListener::bind("0.0.0.0:80").await?;
            let router = Router::new().route("/orders", post(pass_on));
            axum::serve(listener, router).await
        });
        sim.program("shopper", || async {
            tokio::time::sleep(Duration::from_millis(10)).await;
            ask("http://front/orders".to_owned(), 10).await.expect("all calls succeed");
        })
        .drives();
    };
    let mut virtual_time = Duration::ZERO;
    for seed in 0..u64::from(worlds) {
        let run = std::thread::spawn(move || run(&world, &RunConfig::seed(seed))).join();
        let run = run.expect("it ends");
        assert!(run.verdict().holds(), "{}", run.verdict());
        virtual_time += run.duration.since(Default::default());
    }
    Outcome { units: u64::from(worlds), virtual_time }
}

/// Each sleep ends a turn of the program.
#[cfg(madsim)]
fn turns(turns: u32) -> Outcome {
    let world = move |sim: &mut Sim| {
        sim.chaos(Chaos::none());
        sim.time_limit(Duration::from_secs(1_000_000));
        sim.program("sleeper", move || async move {
            for _ in 0..turns {
                tokio::time::sleep(Duration::from_millis(1)).await;
            }
        })
        .drives();
    };
    let run = std::thread::spawn(move || run(&world, &RunConfig::seed(1))).join().expect("it ends");
    assert!(run.verdict().holds(), "{}", run.verdict());
    Outcome { units: u64::from(turns), virtual_time: run.duration.since(Default::default()) }
}

/// 100 programs that each hold a share of the connections open, after a byte there and back.
#[cfg(madsim)]
fn crowd(work: &Idle, ready: &mut dyn FnMut()) -> Outcome {
    const PROGRAMS: u32 = 100;
    let (connections, each) = (work.nodes, work.nodes.div_ceil(PROGRAMS));
    let open = Arc::new(AtomicU32::new(0));
    let (up, is_up) = mpsc::channel();
    let (go_on, may_go_on) = mpsc::channel();
    let wait = Arc::new(Mutex::new((up, may_go_on)));
    let world = std::thread::spawn(move || {
        let world = move |sim: &mut Sim| {
            sim.chaos(Chaos::none());
            for number in 0..PROGRAMS {
                let open = open.clone();
                sim.program(&format!("p{number}"), move || {
                    hold(number, each, PROGRAMS, open.clone())
                });
            }
            let (wait, open) = (wait.clone(), open.clone());
            sim.client("observer", move |ctx| {
                let (wait, open) = (wait.clone(), open.clone());
                async move {
                    while open.load(Relaxed) < each * PROGRAMS {
                        ctx.sleep(Duration::from_millis(1)).await;
                    }
                    let (up, may_go_on) = &*wait.lock().expect("one thread");
                    up.send(()).expect("somebody waits");
                    may_go_on.recv().map_err(|error| error.to_string())
                }
            });
        };
        assert!(run(&world, &RunConfig::seed(1)).verdict().holds());
    });
    is_up.recv().expect("the world comes up");
    ready();
    go_on.send(()).expect("the world waits");
    world.join().expect("the world ends well");
    Outcome { units: u64::from(connections), virtual_time: Duration::ZERO }
}

#[cfg(madsim)]
async fn hold(number: u32, each: u32, programs: u32, open: Arc<AtomicU32>) -> io::Result<()> {
    let listener = TcpListener::bind("0.0.0.0:80").await?;
    tokio::spawn(async move {
        while let Ok((mut stream, _)) = listener.accept().await {
            tokio::spawn(async move {
                while let Ok(byte) = stream.read_u8().await {
                    stream.write_u8(byte).await?;
                }
                io::Result::Ok(())
            });
        }
    });
    tokio::time::sleep(Duration::from_millis(10)).await;
    let mut held = Vec::new();
    for other in 1..=each {
        let name = format!("p{}:80", (number + other) % programs);
        let mut stream = tokio::net::TcpStream::connect(name).await?;
        stream.write_u8(7).await?;
        assert_eq!(stream.read_u8().await?, 7);
        held.push(stream);
        open.fetch_add(1, Relaxed);
    }
    std::future::pending().await
}

/// turmoil's listener as axum asks for one.
struct Door(turmoil::net::TcpListener);

impl Listener for Door {
    type Io = turmoil::net::TcpStream;
    type Addr = SocketAddr;

    async fn accept(&mut self) -> (Self::Io, Self::Addr) {
        self.0.accept().await.expect("the listener lives as long as the world")
    }

    fn local_addr(&self) -> io::Result<SocketAddr> {
        self.0.local_addr()
    }
}

fn turmoil(work: &Posts) -> Outcome {
    let calls = work.calls;
    let mut sim = Builder::new()
        .simulation_duration(Duration::MAX)
        .min_message_latency(Duration::from_micros(150))
        .max_message_latency(Duration::from_micros(350))
        .build();
    sim.host("shop", || async {
        let door = Door(turmoil::net::TcpListener::bind(("0.0.0.0", 80)).await?);
        Ok(axum::serve(door, router()).await?)
    });
    let done = Rc::new(Cell::new(false));
    let is_done = done.clone();
    sim.client("shopper", async move {
        let stream = turmoil::net::TcpStream::connect("shop:80").await?;
        ask_by_hyper(stream, calls).await?;
        done.set(true);
        Ok(())
    });
    while !is_done.get() {
        sim.step().expect("no host fails");
    }
    Outcome { units: u64::from(calls), virtual_time: sim.elapsed() }
}
