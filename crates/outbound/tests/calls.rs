//! Calls against servers that mean well, and others.

#![allow(clippy::unwrap_used)] // A failed unwrap is a failed test.

use std::net::{Ipv4Addr, SocketAddr};
use std::time::{Duration, Instant};

use hyper::Method;
use outbound::connection::Target;
use outbound::http::{Answer, Auth, Request, call};
use outbound::{Connection, Deadline, Egress, EgressConfig, Failure, Kind, Secret, Url};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpSocket, TcpStream};

/// A server that does the same with each connection.
async fn serve<F, W>(work: F) -> SocketAddr
where
    F: Fn(TcpStream) -> W + Send + 'static,
    W: Future<Output = ()> + Send + 'static,
{
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap();
    tokio::spawn(async move {
        while let Ok((stream, _)) = listener.accept().await {
            tokio::spawn(work(stream));
        }
    });
    address
}

/// The head of a request, and as much of its body as came with it.
async fn request_of(stream: &mut TcpStream) -> String {
    let mut got = Vec::new();
    let mut buffer = [0; 4096];
    while !got.windows(4).any(|window| window == b"\r\n\r\n") {
        match stream.read(&mut buffer).await {
            Ok(0) | Err(_) => break,
            Ok(count) => got.extend_from_slice(&buffer[..count]),
        }
    }
    String::from_utf8_lossy(&got).into_owned()
}

/// Answers each request with what a function of it says.
async fn answering(answer: impl Fn(&str) -> String + Clone + Send + 'static) -> SocketAddr {
    serve(move |mut stream| {
        let answer = answer.clone();
        async move {
            let asked = request_of(&mut stream).await;
            let _ = stream.write_all(answer(&asked).as_bytes()).await;
        }
    })
    .await
}

fn ok(body: &str) -> String {
    format!("HTTP/1.1 200 OK\r\nContent-Length: {}\r\n\r\n{body}", body.len())
}

fn redirect(status: u16, to: &str) -> String {
    format!("HTTP/1.1 {status} x\r\nLocation: {to}\r\nContent-Length: 0\r\n\r\n")
}

fn get(address: SocketAddr, path: &str) -> Request {
    let mut request = Request::new(Method::GET, Url::parse(&format!("http://{address}{path}")).unwrap());
    request.timeout = Duration::from_secs(5);
    request
}

async fn asked(request: &Request) -> Result<Answer, Failure> {
    call(&Egress::default(), request).await
}

/// Where the time that a call may take is over in a test.
const SOON: Duration = Duration::from_millis(400);
/// Where it is not, on a busy machine either.
const PATIENCE: Duration = Duration::from_secs(10);

/// How a call fails with a server that does this, and that it does so within two seconds.
async fn fails(work: &'static [u8], then_drip: bool, timeout: Duration) -> Kind {
    let address = serve(move |mut stream| async move {
        request_of(&mut stream).await;
        let _ = stream.write_all(work).await;
        while then_drip && stream.write_all(b"x").await.is_ok() {
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
    })
    .await;
    let mut request = get(address, "/");
    request.timeout = timeout;
    let begun = Instant::now();
    let failure = asked(&request).await.unwrap_err();
    assert!(begun.elapsed() < Duration::from_secs(2), "{failure}");
    failure.kind
}

#[tokio::test]
async fn answers_come_with_status_body_and_times() {
    let address = answering(|_| ok("hello")).await;
    let answer = asked(&get(address, "/a?b=c")).await.unwrap();
    assert_eq!((answer.status.as_u16(), &*answer.body, answer.is_cut), (200, &b"hello"[..], false));
    assert!(answer.timings.total >= answer.timings.first_byte);
}

#[tokio::test]
async fn what_is_sent_is_what_was_asked_for() {
    let address = answering(|asked| ok(&asked.to_lowercase())).await;
    let mut request = get(address, "/a?b=c");
    request.method = Method::POST;
    request.body = "payload".into();
    request.header("User-Agent", "mine").unwrap();
    request.header("Host", "virtual.example").unwrap();
    request.auth = Some(Auth::Basic { user: "me".into(), password: Secret("pass".into()) });
    let sent = String::from_utf8(asked(&request).await.unwrap().body.to_vec()).unwrap();
    for line in ["post /a?b=c http/1.1", "user-agent: mine", "host: virtual.example", "content-length: 7"] {
        assert!(sent.contains(line), "{line}: {sent}");
    }
    assert!(sent.contains("authorization: basic bwu6cgfzcw=="), "{sent}");
    assert_eq!(sent.matches("host:").count(), 1, "{sent}");
    let wrong = request.header("X", "secret\r\nInjected: 1").unwrap_err();
    assert!(!wrong.message.contains("secret"), "{wrong}");
}

#[tokio::test]
async fn hostile_answers_are_bounded_in_time() {
    assert_eq!(fails(b"HTTP/1.1 200", true, PATIENCE).await, Kind::Garbled, "garbage, drop by drop");
    assert_eq!(fails(b"HTTP/1.1 200 OK\r\nX: ", true, SOON).await, Kind::Late, "a header without end");
    assert_eq!(fails(b"HTTP/1.1 200 OK\r\n\r\n", true, SOON).await, Kind::Late, "a body without end");
    assert_eq!(fails(b"", false, PATIENCE).await, Kind::Closed);
    let cut_off = b"HTTP/1.1 200 OK\r\nContent-Length: 10\r\n\r\nabc";
    assert_eq!(fails(cut_off, false, PATIENCE).await, Kind::Closed);
    assert_eq!(fails(b"SSH-2.0-OpenSSH_9.2\r\n", true, PATIENCE).await, Kind::Garbled);
}

#[tokio::test]
async fn hostile_answers_are_bounded_in_size() {
    let address = serve(|mut stream| async move {
        request_of(&mut stream).await;
        let _ = stream.write_all(b"HTTP/1.1 200 OK\r\n\r\n").await;
        while stream.write_all(&[b'x'; 65_536]).await.is_ok() {}
    })
    .await;
    let mut request = get(address, "/");
    request.body_most = 100_000;
    let answer = asked(&request).await.unwrap();
    assert_eq!((answer.body.len(), answer.is_cut), (100_000, true));

    let headers: String = (0..100_000).map(|index| format!("X-{index}: y\r\n")).collect();
    let address = answering(move |_| format!("HTTP/1.1 200 OK\r\n{headers}\r\n")).await;
    assert_eq!(asked(&get(address, "/")).await.unwrap_err().kind, Kind::TooMuch);
}

#[tokio::test]
async fn redirects_are_followed_so_far() {
    let address = answering(|asked| match asked.split(' ').nth(1).unwrap() {
        "/a" => redirect(302, "b?x=1"),
        "/b?x=1" => redirect(301, "/end"),
        "/end" => ok("there"),
        _ => redirect(307, "/loop"),
    })
    .await;
    let answer = asked(&get(address, "/a")).await.unwrap();
    assert_eq!((&*answer.body, answer.redirects), (&b"there"[..], 2));
    let failure = asked(&get(address, "/loop")).await.unwrap_err();
    assert_eq!(failure.kind, Kind::Redirected);
    assert!(failure.message.contains("more than 5 redirects"), "{failure}");
    let mut request = get(address, "/a");
    request.redirects_most = 0;
    assert_eq!(asked(&request).await.unwrap().status, 302);
}

#[tokio::test]
async fn redirects_obey_the_rules_and_tell_nobody_else_a_secret() {
    for to in
        ["http://169.254.169.254/latest/meta-data/", "http://[::ffff:169.254.169.254]/", "http://0.0.0.0/"]
    {
        let address = answering(move |_| redirect(302, to)).await;
        assert_eq!(asked(&get(address, "/")).await.unwrap_err().kind, Kind::Forbidden, "{to}");
    }
    let address = answering(|_| redirect(302, "file:///etc/passwd")).await;
    assert_eq!(asked(&get(address, "/")).await.unwrap_err().kind, Kind::Redirected);

    let other = answering(ok).await;
    let address = answering(move |_| redirect(307, &format!("http://{other}/"))).await;
    let mut request = get(address, "/");
    request.method = Method::POST;
    request.body = "payload".into();
    request.header("X-Api-Key", "sesame").unwrap();
    request.auth = Some(Auth::Bearer(Secret("sesame".into())));
    let sent = String::from_utf8(asked(&request).await.unwrap().body.to_vec()).unwrap();
    assert!(sent.starts_with("POST / ") && !sent.contains("sesame") && !sent.contains("payload"), "{sent}");
}

#[tokio::test]
async fn methods_change_as_in_browsers() {
    for (status, method) in [(301, "GET"), (302, "GET"), (303, "GET"), (307, "POST"), (308, "POST")] {
        let address = answering(move |asked| match asked.split(' ').nth(1).unwrap() {
            "/end" => ok(asked),
            _ => redirect(status, "/end"),
        })
        .await;
        let mut request = get(address, "/");
        request.method = Method::POST;
        let sent = asked(&request).await.unwrap().body;
        assert!(sent.starts_with(method.as_bytes()), "{status}");
    }
}

#[tokio::test]
async fn names_and_addresses_are_judged() {
    let address = answering(|_| ok("")).await;
    let deny = EgressConfig {
        allow: vec![],
        deny: vec!["127.0.0.0/8".parse().unwrap(), "::1/128".parse().unwrap()],
    };
    let egress = Egress::new(&deny);
    for host in ["127.0.0.1", "localhost", "[::ffff:127.0.0.1]", "2130706433"] {
        let url = format!("http://{host}:{}/secret-path", address.port());
        let failure = call(&egress, &Request::new(Method::GET, Url::parse(&url).unwrap())).await.unwrap_err();
        assert_eq!(failure.kind, Kind::Forbidden, "{host}: {failure}");
        assert!(
            !failure.message.contains("secret-path") && failure.message.contains("[egress]"),
            "{failure}"
        );
    }
}

#[tokio::test]
async fn who_is_not_there_is_told_plainly() {
    let check = async |host: &str, port: u16, kind: Kind| {
        let deadline = Deadline::after(Duration::from_secs(10));
        let failure =
            Connection::open(&Egress::default(), Target::new(host, port), deadline).await.err().unwrap();
        assert_eq!(failure.kind, kind, "{host}: {failure}");
        assert!(!failure.message.contains("os error"), "{failure}");
    };
    // Taken, so that nobody else can listen there meanwhile, and not listened to.
    let closed = TcpSocket::new_v4().unwrap();
    closed.bind((Ipv4Addr::LOCALHOST, 0).into()).unwrap();
    check("127.0.0.1", closed.local_addr().unwrap().port(), Kind::Refused).await;
    check("no-such-name.invalid", 80, Kind::Unresolved).await;
}

#[tokio::test]
async fn plain_connections_read_so_far() {
    let address = serve(|mut stream| async move {
        let _ = stream.write_all(b"220 ready\r\n").await;
        while stream.write_all(&[b'x'; 4096]).await.is_ok() {}
    })
    .await;
    let deadline = Deadline::after(Duration::from_secs(5));
    let target = Target::new("127.0.0.1", address.port());
    let mut connection = Connection::open(&Egress::default(), target, deadline).await.unwrap();
    let banner = connection.read_until(1_000, deadline, |got| got.contains(&b'\n')).await.unwrap();
    assert!(banner.starts_with(b"220 ready\r\n"));
    let rest = connection.read_until(10_000, deadline, |_| false).await.unwrap();
    assert_eq!(rest.len(), 10_000);
}
