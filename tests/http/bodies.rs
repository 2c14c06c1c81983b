//! Bodies travel frame by frame, with their trailers.

use futures::stream;
use http_body::Frame;
use http_body_util::StreamBody;

use super::*;

fn frames() -> impl http_body::Body<Data = Bytes, Error = Infallible> {
    let mut trailers = HeaderMap::new();
    trailers.insert("grpc-status", "0".parse().unwrap());
    let frames = [
        Frame::data(Bytes::from_static(b"one")),
        Frame::data(Bytes::from_static(b"two")),
        Frame::trailers(trailers),
    ];
    StreamBody::new(stream::iter(frames.map(Ok)))
}

/// The frames of a body, in words.
async fn told<B: http_body::Body<Data = Bytes>>(body: B) -> String {
    let mut body = std::pin::pin!(body);
    let mut told = Vec::new();
    while let Some(Ok(frame)) = body.frame().await {
        told.push(match (frame.data_ref(), frame.trailers_ref()) {
            (Some(data), _) => String::from_utf8_lossy(data).into_owned(),
            (_, Some(trailers)) => format!("{trailers:?}"),
            _ => "?".to_owned(),
        });
    }
    told.join(", ")
}

/// A server that echoes frames, and a client that sends some.
fn echo(sim: &mut Sim) {
    sim.service("server", |ctx: Ctx| {
        tower::service_fn(move |request: http::Request<Body>| async move {
            ctx.record(format_args!("got {}", told(request.into_body()).await));
            Ok::<_, Infallible>(http::Response::new(frames()))
        })
    });
    client(sim, |ctx| async move {
        let request = http::Request::post("http://server/").body(frames()).unwrap();
        let answer = tower::ServiceExt::<http::Request<_>>::oneshot(ctx.http(), request).await;
        ctx.record(format_args!("got {}", told(answer.unwrap().into_body()).await));
    });
}

#[test]
fn frames_and_trailers_are_kept_end_to_end() {
    check(
        [],
        echo,
        expect![[r#"
        1.000 ms  server: got one, two, {"grpc-status": "0"}
        2.000 ms  client: got one, two, {"grpc-status": "0"}
    "#]],
    );
}

#[test]
fn a_flipped_bit_leaves_frames_and_trailers_apart() {
    let corrupt = |leg| Fault::Message {
        from: "client".into(),
        to: "server".into(),
        label: None,
        n: 1,
        leg,
        effect: Effect::Corrupt,
    };
    check(
        [corrupt(Leg::Request), corrupt(Leg::Reply)],
        echo,
        expect![[r#"
        1.000 ms  server: got nne, two, {"grpc-status": "0"}
        2.000 ms  client: got mne, two, {"grpc-status": "0"}
    "#]],
    );
}

/// A request without a body has no bit to flip: that strikes nothing.
#[test]
fn an_empty_body_cannot_be_corrupted() {
    let world = |sim: &mut Sim| {
        sim.service("server", || Router::new().route("/", get(|| async {})));
        client(sim, |ctx| async move {
            ctx.http().get("http://server/").send().await.unwrap();
        });
    };
    let corrupt = |leg| Fault::Message {
        from: "client".into(),
        to: "server".into(),
        label: None,
        n: 1,
        leg,
        effect: Effect::Corrupt,
    };
    let run = run_with([corrupt(Leg::Request), corrupt(Leg::Reply)], world);
    assert!(run.tallies.iter().all(|tally| (tally.opportunities, tally.hits) == (1, 0)));
    assert_eq!(run.journal.of_kind(Kind::FaultHit).count(), 0);
}

#[test]
fn a_body_may_be_streamed_over_time() {
    let world = |sim: &mut Sim| {
        sim.service("server", |ctx: Ctx| {
            Router::new().route(
                "/",
                get(move || async move {
                    let parts = stream::unfold(0, move |n| async move {
                        ctx.sleep(ms(10)).await;
                        (n < 3).then(|| (Ok::<_, Infallible>(format!("part{n} ")), n + 1))
                    });
                    axum::body::Body::from_stream(Box::pin(parts))
                }),
            )
        });
        client(sim, |ctx| async move {
            ctx.record(ctx.http().get("http://server/").send().await.unwrap().text());
        });
    };
    check(
        [],
        world,
        expect![[r#"
        42.000 ms  client: part0 part1 part2 
    "#]],
    );
}

#[test]
fn ten_megabytes_arrive_in_one_piece() {
    const SIZE: usize = 10 << 20;
    let world = |sim: &mut Sim| {
        sim.service("server", || {
            let echo = post(|body: Bytes| async move { body });
            Router::new().route("/", echo).layer(axum::extract::DefaultBodyLimit::disable())
        });
        client(sim, |ctx| async move {
            let sent: Bytes = (0..SIZE).map(|i| (i % 251) as u8).collect::<Vec<u8>>().into();
            let answer = ctx.http().post("http://server/").body(sent.clone()).send().await;
            assert!(answer.unwrap().bytes() == sent);
        });
    };
    let run = run_with([], world);
    let lengths: Vec<usize> =
        run.journal.of_kind(Kind::Send).filter_map(|e| e.payload()).map(<[u8]>::len).collect();
    assert_eq!(lengths, [SIZE, SIZE]);
}
