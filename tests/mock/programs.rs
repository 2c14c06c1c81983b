//! Programs on real sockets call a mock through its node's port.

use super::*;

type Failure = Box<dyn std::error::Error>;

/// Sends one line of HTTP/1.1, and gives what comes until the end, or how it ended.
async fn raw(path: &str) -> String {
    use tokio::io::{AsyncReadExt, AsyncWriteExt};
    let mut connection = tokio::net::TcpStream::connect("payment:80").await.unwrap();
    let request = format!("GET {path} HTTP/1.1\r\nhost: payment\r\nconnection: close\r\n\r\n");
    connection.write_all(request.as_bytes()).await.unwrap();
    let mut bytes = Vec::new();
    match connection.read_to_end(&mut bytes).await {
        Ok(length) => format!(
            "{length} bytes, then the end: {}",
            String::from_utf8_lossy(&bytes[..bytes.len().min(24)]).trim_end()
        ),
        Err(error) => format!("{:?} after {} bytes", error.kind(), bytes.len()),
    }
}

fn stubs() -> Stubs {
    let fault = |fault: MockFault, path: &str| {
        Stub::new(RequestPattern::new("GET").path(path), Reply::fault(fault)).named(path)
    };
    Stubs::new()
        .with(fault(MockFault::EmptyResponse, "/empty"))
        .with(fault(MockFault::MalformedResponseChunk, "/chunk"))
        .with(fault(MockFault::RandomDataThenClose, "/random"))
        .with(fault(MockFault::ConnectionResetByPeer, "/reset"))
        .with(Stub::new(
            RequestPattern::new("POST").path("/charge"),
            Reply::status(201)
                .template("{{jsonPath request.body '$.id'}}")
                .delay(Delay::Fixed(ms(300))),
        ))
}

fn world(sim: &mut Sim) {
    sim.links(LinkProfile::with_delay(ms(1))).chaos(Chaos::none());
    ServiceMockManager::new().install(sim, "payment", &stubs());
    sim.program("shop", || async {
        let tell = |what: String| Ctx::current().record(what);
        let client = reqwest::Client::new();
        let reply = client.post("http://payment/charge").body(r#"{"id": 7}"#).send().await?;
        tell(format!("{} {}", reply.status().as_u16(), reply.text().await?));
        for path in ["/empty", "/chunk", "/random", "/reset"] {
            let seen = raw(path).await;
            // Garbage is drawn: how long it is says enough.
            tell(seen.split(": ").next().unwrap_or_default().to_owned());
        }
        let error = client.get("http://payment/reset").send().await.map(|r| r.status());
        tell(format!("reqwest fails: {}", error.is_err()));
        let chunk = client.get("http://payment/chunk").send().await?;
        tell(format!(
            "{} and a body that fails: {}",
            chunk.status().as_u16(),
            chunk.bytes().await.is_err()
        ));
        Ok::<_, Failure>(())
    })
    .drives();
}

/// As real WireMock does it, to the byte: 0, 83 and 36 bytes and then the end, or a reset.
#[test]
fn bytes_delays_and_resets_reach_a_program() {
    let run = run(&world, &RunConfig::seed(1));
    let notes: String = notes(&run)
        .lines()
        .filter(|l| l.contains("shop: "))
        .map(|l| format!("{}\n", l.split("shop: ").last().unwrap()))
        .collect();
    expect![[r#"
        201 7
        0 bytes, then the end
        83 bytes, then the end
        36 bytes, then the end
        ConnectionReset after 0 bytes
        reqwest fails: true
        200 and a body that fails: true
    "#]]
    .assert_eq(&notes);
    let again = stormglass::prelude::run(&world, &RunConfig::seed(1));
    assert_eq!(run.journal.fingerprint(), again.journal.fingerprint());
}
