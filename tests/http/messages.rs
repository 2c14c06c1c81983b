//! What the journal keeps of requests and replies.

use super::*;

/// Every message of a journal in full, one a line.
fn messages(journal: &Journal) -> String {
    let line = |message: HttpMessage<'_>| {
        let answers = message.answers().map_or_else(String::new, |request| {
            format!(" to {} {}", request.method(), request.target())
        });
        let headers = message.headers().filter(|(name, _)| *name != "traceparent");
        let headers: Vec<String> = headers.map(|(n, v)| format!("{n}={v}")).collect();
        let first = message.status().map_or_else(
            || format!("{} {} ? {}", message.method(), message.path(), message.query()),
            |status| status.to_string(),
        );
        let body = String::from_utf8_lossy(&message.body()).into_owned();
        format!("{first}{answers} [{}] {body:?}\n", headers.join(", "))
    };
    journal.http_messages().map(line).collect()
}

#[test]
fn requests_and_replies_are_kept_with_their_heads_and_bodies() {
    let run = run_with([], |sim| {
        sim.service("shop", |_| {
            let reply = |body: Bytes| async move { ([("x-a", "1"), ("x-a", "2")], body) };
            Router::new().route("/orders/{id}", post(reply))
        });
        client(sim, |ctx| async move {
            let url = "http://shop/orders/7?size=2&x";
            let reply = ctx.http().post(url).header("x-b", "c: d").body("seven").send().await;
            assert_eq!(reply.unwrap().text(), "seven");
            let reply = ctx.http().get("http://shop/orders/7").send().await;
            assert_eq!(reply.unwrap().status(), StatusCode::METHOD_NOT_ALLOWED);
        });
    });
    expect![[r#"
        POST /orders/7 ? size=2&x [x-b=c: d] "seven"
        200 to POST /orders/7?size=2&x [content-type=application/octet-stream, x-a=2, content-length=5] "seven"
        GET /orders/7 ?  [] ""
        405 to GET /orders/7 [allow=POST, content-length=0] ""
    "#]]
    .assert_eq(&messages(&run.journal));
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("journal");
    run.journal.save(&path).unwrap();
    let loaded = Journal::load(&path).unwrap();
    assert_eq!(loaded, run.journal);
    assert_eq!(messages(&loaded), messages(&run.journal));
    let first = run.journal.http_messages().next().unwrap();
    assert_eq!(first.header("x-b"), Some("c: d"));
    assert_eq!(first.event().kind(), Kind::Send);
    assert!(first.is_request() && first.event().http().is_some());
}

/// The network doubles a request: the service answers twice, and both answers say to what.
#[test]
fn an_answer_to_a_copy_answers_the_request() {
    let fault = Fault::Message {
        from: "client".into(),
        to: "shop".into(),
        label: None,
        n: 1,
        leg: Leg::Request,
        effect: Effect::Duplicate,
    };
    let run = run_with([fault], |sim| {
        sim.service("shop", |_| Router::new().route("/", get(async || "open")));
        client(sim, |ctx| async move {
            assert_eq!(ctx.http().get("http://shop/").send().await.unwrap().text(), "open");
            ctx.sleep(ms(5)).await;
        });
    });
    let replies = run.journal.http_messages().filter(|message| !message.is_request());
    let asked: Vec<&str> = replies.map(|reply| reply.answers().unwrap().target()).collect();
    assert_eq!(asked, ["/", "/"]);
}
