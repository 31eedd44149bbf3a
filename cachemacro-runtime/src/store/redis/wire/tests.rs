//! Callers on one end of a socket pair, a server by hand on the other.

use std::future::poll_fn;
use std::io::ErrorKind::WouldBlock;

use tokio::net::UnixStream;
use tokio::task::{JoinHandle, yield_now};

use super::*;
use crate::task::Tasks;

/// A connection, and the server's end of it.
fn connect() -> (Wire, JoinHandle<Failure>, UnixStream) {
    let (ours, theirs) = UnixStream::pair().expect("a pair");
    let (wire, carrier) = Wire::over(ours);
    (wire, spawn(carrier), theirs)
}

fn spawn<T: Send + 'static>(task: impl Future<Output = T> + Send + 'static) -> JoinHandle<T> {
    Tasks::new().spawn_awaited(task).expect("there is a runtime")
}

/// A deadline that no test comes to.
fn far() -> Instant {
    Instant::now() + Duration::from_secs(3600)
}

/// Has one who asks send its commands, and then leaves it alone.
async fn poll_once(mut ask: Pin<&mut impl Future<Output = Result<Bytes, Failure>>>) {
    let is_pending = poll_fn(|context| Poll::Ready(ask.as_mut().poll(context).is_pending()));
    assert!(is_pending.await, "it waits for its reply");
}

/// Waits until the server has read so many bytes, and no more.
async fn read(server: &UnixStream, len: usize) -> Vec<u8> {
    let mut all = Vec::new();
    while all.len() < len {
        server.readable().await.expect("an open stream");
        let mut bytes = [0; 1024];
        let room = bytes.len().min(len - all.len());
        match server.try_read(&mut bytes[..room]) {
            Ok(0) => panic!("an open stream"),
            Ok(read) => all.extend_from_slice(&bytes[..read]),
            Err(error) => assert_eq!(error.kind(), WouldBlock),
        }
    }
    all
}

async fn write(server: &UnixStream, mut bytes: &[u8]) {
    while !bytes.is_empty() {
        server.writable().await.expect("an open stream");
        match server.try_write(bytes) {
            Ok(written) => bytes = &bytes[written..],
            Err(error) => assert_eq!(error.kind(), WouldBlock),
        }
    }
}

#[tokio::test]
async fn replies_go_to_those_who_asked_however_they_come_in() {
    let (wire, _carrier, server) = connect();
    let server = async {
        assert_eq!(read(&server, 3).await, b"abc");
        for byte in b"+1\r\n$3\r\nfor\r\n:2\r\n*1\r\n+3\r\n" {
            write(&server, &[*byte]).await;
            yield_now().await;
        }
        assert_eq!(read(&server, 2).await, b"de");
        write(&server, b"+4\r\n+5\r\n").await;
    };
    let callers = async {
        let (a, b, c) = tokio::join!(
            wire.ask(b"a".into(), 1, far()),
            wire.ask(b"b".into(), 2, far()),
            wire.ask(b"c".into(), 1, far())
        );
        assert_eq!([a, b, c].map(Result::unwrap), [&b"+1\r\n"[..], b"$3\r\nfor\r\n:2\r\n", b"*1\r\n+3\r\n"]);
        let (d, e) = tokio::join!(wire.ask(b"d".into(), 1, far()), wire.ask(b"e".into(), 1, far()));
        assert_eq!([d, e].map(Result::unwrap), [&b"+4\r\n"[..], b"+5\r\n"]);
    };
    tokio::join!(server, callers);
}

#[tokio::test]
async fn who_leaves_takes_nobodys_reply() {
    let (wire, _carrier, server) = connect();
    let wire = std::sync::Arc::new(wire);
    let ask = |name: &'static [u8]| {
        let wire = std::sync::Arc::clone(&wire);
        spawn(async move { wire.ask(name.into(), 1, far()).await })
    };
    let sent = ask(b"a");
    read(&server, 1).await;
    sent.abort();
    assert!(sent.await.is_err());
    let (unsent, stays) = (ask(b"b"), ask(b"c"));
    unsent.abort();
    read(&server, 1).await;
    write(&server, b"+a\r\n+c\r\n").await;
    assert_eq!(stays.await.unwrap().unwrap(), &b"+c\r\n"[..]);
}

#[tokio::test]
async fn more_than_the_stream_takes_at_once_goes_out_while_replies_come_in() {
    let (wire, _carrier, server) = connect();
    let (large, asks) = (vec![b'x'; 1 << 20], 8);
    let server = async {
        for _ in 0..asks {
            // It answers as soon as it is asked, and reads later.
            let begun = read(&server, 1).await.len();
            write(&server, format!("${}\r\n", large.len()).as_bytes()).await;
            write(&server, &large).await;
            write(&server, b"\r\n").await;
            read(&server, large.len() - begun).await;
        }
    };
    let callers = async {
        for _ in 0..asks {
            let reply = wire.ask(large.clone(), 1, far()).await.expect("a reply");
            assert!(reply.len() > large.len());
        }
    };
    tokio::join!(callers, server);
}

#[tokio::test]
async fn a_connection_that_ends_is_lost_for_all_who_wait_and_for_who_comes() {
    let (wire, carrier, server) = connect();
    let (first, second, ()) =
        tokio::join!(wire.ask(b"a".into(), 1, far()), wire.ask(b"b".into(), 2, far()), async {
            read(&server, 2).await;
            write(&server, b"+a\r\n+b").await;
            drop(server);
        });
    assert_eq!((first.unwrap(), second), (Bytes::from_static(b"+a\r\n"), Err(Failure::LOST)));
    assert_eq!(carrier.await.unwrap(), Failure::LOST);
    assert_eq!(wire.ask(b"c".into(), 1, far()).await, Err(Failure::LOST));
}

#[tokio::test]
async fn a_reply_that_nobody_asked_for_ends_the_connection() {
    let (_wire, carrier, server) = connect();
    write(&server, b"+OK\r\n").await;
    assert_eq!(carrier.await.unwrap(), Failure::NO_PROTOCOL);
}

#[tokio::test]
async fn who_asks_alone_needs_no_carrier() {
    let (ours, server) = UnixStream::pair().expect("a pair");
    let (wire, _idle) = Wire::over(ours);
    for _ in 0..3 {
        let (reply, ()) = tokio::join!(wire.ask(b"a".into(), 2, far()), async {
            read(&server, 1).await;
            write(&server, b"+1\r\n").await;
            yield_now().await;
            write(&server, b"+2\r\n").await;
        });
        assert_eq!(reply.unwrap(), &b"+1\r\n+2\r\n"[..]);
    }
}

#[tokio::test]
async fn a_leader_that_is_not_polled_or_leaves_holds_nobody_up() {
    for leaves in [false, true] {
        let (wire, carrier, server) = connect();
        let mut leader = Box::pin(wire.ask(b"a".into(), 1, far()));
        poll_once(leader.as_mut()).await;
        assert_eq!(read(&server, 1).await, b"a");
        write(&server, b"+a\r\n").await;
        let leader = (!leaves).then_some(leader);
        let (reply, ()) = tokio::join!(wire.ask(b"b".into(), 1, far()), async {
            assert_eq!(read(&server, 1).await, b"b");
            write(&server, b"+b\r\n").await;
        });
        assert_eq!(reply.unwrap(), &b"+b\r\n"[..]);
        if let Some(leader) = leader {
            assert_eq!(leader.await.unwrap(), &b"+a\r\n"[..]);
        }
        drop(server);
        assert_eq!(carrier.await.unwrap(), Failure::LOST);
    }
}

#[tokio::test]
async fn an_end_is_seen_after_the_last_leader_has_left() {
    let (wire, carrier, server) = connect();
    let leader = async {
        tokio::select! {
            biased;
            _ = wire.ask(b"a".into(), 1, far()) => panic!("there is no reply"),
            _ = read(&server, 1) => {}
        }
    };
    leader.await;
    drop(server);
    assert_eq!(carrier.await.unwrap(), Failure::LOST);
}

#[tokio::test]
async fn more_than_the_queue_holds_wait_for_room() {
    let (wire, _carrier, server) = connect();
    let callers = 3 * QUEUE_LEN_MAX;
    let asks = crate::task::join_all((0..callers).map(|_| wire.ask(b"a".into(), 1, far())));
    let (replies, ()) = tokio::join!(asks, async {
        for _ in 0..callers {
            read(&server, 1).await;
            write(&server, b"+\r\n").await;
        }
    });
    assert!(replies.iter().all(Result::is_ok));
    // More than the stream takes, so that the queue is full at the end.
    let asks = crate::task::join_all((0..callers).map(|_| wire.ask(vec![b'a'; 4 << 10], 1, far())));
    let (replies, ()) = tokio::join!(asks, async {
        // Until the stream takes no more, and the queue is full again.
        for _ in 0..8 {
            yield_now().await;
        }
        drop(server);
    });
    assert!(replies.iter().all(|reply| *reply == Err(Failure::LOST)), "nor is there room after the end");
}

#[tokio::test]
async fn a_leader_whose_reply_is_in_leaves_the_next_one_alone() {
    let (wire, _carrier, server) = connect();
    let wire = Arc::new(wire);
    let mut leader = Box::pin(wire.ask(b"a".into(), 1, far()));
    poll_once(leader.as_mut()).await;
    read(&server, 1).await;
    write(&server, b"+a\r\n").await;
    // The carrier reads the first one's reply, who is not polled meanwhile.
    let (second, ()) = tokio::join!(wire.ask(b"b".into(), 1, far()), async {
        read(&server, 1).await;
        write(&server, b"+b\r\n").await;
    });
    assert_eq!(second.unwrap(), &b"+b\r\n"[..]);
    let next = spawn({
        let wire = Arc::clone(&wire);
        async move { wire.ask(b"c".into(), 1, far()).await }
    });
    read(&server, 1).await;
    assert_eq!(leader.await.unwrap(), &b"+a\r\n"[..]);
    write(&server, b"+c\r\n").await;
    assert_eq!(next.await.unwrap().unwrap(), &b"+c\r\n"[..]);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn on_many_threads_everybody_gets_its_own_reply_or_is_told_that_its_time_is_over() {
    WATCHDOG.start().expect("a thread");
    let (wire, _carrier, server) = connect();
    let wire = Arc::new(wire);
    let server = spawn(async move {
        loop {
            let asked = read(&server, 4).await;
            write(&server, &[b":", &asked[..], b"\r\n"].concat()).await;
        }
    });
    let callers = (0..8).map(|caller| {
        let wire = Arc::clone(&wire);
        spawn(async move {
            for call in 0..1_000 {
                let name = format!("{:04}", caller * 1_000 + call);
                let soon = Instant::now() + Duration::from_micros(20 * (call % 8));
                let ask = wire.ask(name.clone().into_bytes(), 1, if call % 3 == 1 { soon } else { far() });
                // Some leave, at any point.
                if call % 3 == 0 {
                    tokio::select! {
                        biased;
                        _ = ask => {}
                        () = yield_now() => {}
                    }
                } else {
                    match ask.await {
                        Err(Failure::TIMED_OUT) => assert!(call % 3 == 1, "there is time left"),
                        reply => assert_eq!(reply.unwrap(), format!(":{name}\r\n").as_bytes()),
                    }
                }
                if call % 16 == 0 {
                    yield_now().await;
                }
            }
        })
    });
    for caller in callers.collect::<Vec<_>>() {
        caller.await.expect("no caller panics");
    }
    server.abort();
}

const MINUTE: Duration = Duration::from_secs(60);

#[tokio::test]
async fn a_leaders_time_is_over_and_its_reply_is_nobodys() {
    let (wire, _carrier, server) = connect();
    let wire = Arc::new(wire);
    for _ in 0..3 {
        let over = Instant::now() + MINUTE;
        let leader = spawn({
            let wire = Arc::clone(&wire);
            async move { wire.ask(b"a".into(), 1, over).await }
        });
        read(&server, 1).await;
        assert_eq!(wire.shared.look(over - MINUTE / 2), Some(over));
        yield_now().await;
        assert!(!leader.is_finished(), "there is time left");
        assert_eq!(wire.shared.look(over), None);
        assert_eq!(leader.await.unwrap(), Err(Failure::TIMED_OUT));
        let (reply, ()) = tokio::join!(wire.ask(b"b".into(), 1, far()), async {
            read(&server, 1).await;
            write(&server, b"+a\r\n+b\r\n").await;
        });
        assert_eq!(reply.unwrap(), &b"+b\r\n"[..]);
    }
}

#[tokio::test]
async fn who_has_less_time_than_those_before_waits_no_longer_for_them() {
    let (wire, _carrier, server) = connect();
    let begins = Instant::now();
    let over = |minutes| begins + minutes * MINUTE;
    let look_at = || wire.shared.queue().look_at;
    let (first, second, third, ()) = tokio::join!(
        wire.ask(b"a".into(), 1, over(3)),
        wire.ask(b"b".into(), 1, over(1)),
        wire.ask(b"c".into(), 1, over(2)),
        async {
            read(&server, 3).await;
            assert_eq!(look_at(), Some(over(1)), "that of the second, though the first was there before it");
            for minutes in [1, 2] {
                assert_eq!(wire.shared.look(over(minutes)), Some(over(minutes + 1)));
                assert_eq!(look_at(), Some(over(minutes + 1)));
            }
            write(&server, b"+a\r\n+b\r\n+c\r\n").await;
        }
    );
    assert_eq!((second, third), (Err(Failure::TIMED_OUT), Err(Failure::TIMED_OUT)));
    assert_eq!(first.unwrap(), &b"+a\r\n"[..]);
    assert_eq!(wire.shared.look(over(3)), None, "nobody is left");
}

#[tokio::test]
async fn what_was_not_sent_in_time_is_never_sent() {
    let (wire, _carrier, server) = connect();
    let (large, over) = (vec![b'a'; 1 << 20], Instant::now() + MINUTE);
    let (first, answers, ()) = tokio::join!(
        wire.ask(large.clone(), 1, far()),
        // Those in the queue, and those who wait for room in it.
        crate::task::join_all((0..2 * QUEUE_LEN_MAX).map(|_| wire.ask(b"b".into(), 1, over))),
        async {
            for _ in 0..4 {
                yield_now().await;
                wire.shared.look(over);
            }
            read(&server, large.len()).await;
            write(&server, b"+a\r\n").await;
        }
    );
    assert_eq!(first.unwrap(), &b"+a\r\n"[..]);
    assert!(answers.iter().all(|answer| *answer == Err(Failure::TIMED_OUT)));
    let (reply, ()) = tokio::join!(wire.ask(b"c".into(), 1, far()), async {
        assert_eq!(read(&server, 1).await, b"c");
        write(&server, b"+c\r\n").await;
    });
    assert_eq!(reply.unwrap(), &b"+c\r\n"[..]);
}

#[tokio::test]
async fn who_comes_while_an_answered_command_is_still_being_written_is_forgotten_by_nobody() {
    let (wire, _carrier, server) = connect();
    let wire = Arc::new(wire);
    let ask = |name: Vec<u8>| {
        let wire = Arc::clone(&wire);
        spawn(async move { wire.ask(name, 1, far()).await })
    };
    let large = vec![b'a'; 1 << 20];
    let first = ask(large.clone());
    read(&server, 1).await;
    // A server may refuse a command whose end it has not seen.
    write(&server, b"-no\r\n").await;
    assert_eq!(first.await.unwrap().unwrap(), &b"-no\r\n"[..]);
    let others = [ask(b"b".into()), ask(b"c".into())];
    yield_now().await;
    read(&server, large.len() - 1 + 2).await;
    write(&server, b"+b\r\n+c\r\n").await;
    for (other, reply) in others.into_iter().zip([b"+b\r\n", b"+c\r\n"]) {
        assert_eq!(other.await.unwrap().unwrap(), &reply[..]);
    }
}

#[tokio::test]
async fn an_end_is_seen_after_a_leader_whose_time_was_over_as_the_stream_woke_it() {
    let (wire, carrier, server) = connect();
    // So that the carrier waits already.
    yield_now().await;
    let over = Instant::now() + MINUTE;
    let mut leader = Box::pin(wire.ask(b"a".into(), 1, over));
    poll_once(leader.as_mut()).await;
    read(&server, 1).await;
    // It is woken, and is told before it looks.
    write(&server, b"+").await;
    for _ in 0..100 {
        yield_now().await;
    }
    wire.shared.look(over);
    assert_eq!(leader.await, Err(Failure::TIMED_OUT));
    drop(server);
    assert_eq!(carrier.await.unwrap(), Failure::LOST);
}

/// Nothing but the watchdog sees to it: the runtime that has the connection is not driven.
#[test]
fn where_nothing_moves_the_bytes_nobody_waits_for_ever() {
    WATCHDOG.start().expect("a thread");
    let runtime = || tokio::runtime::Builder::new_current_thread().enable_all().build().expect("a runtime");
    let (home, elsewhere) = (runtime(), runtime());
    let (wire, _carrier, _server) = home.block_on(async { connect() });
    elsewhere.block_on(async {
        // The first one leads; the others wait, as it has no reply.
        for _ in 0..3 {
            let over = Instant::now() + Duration::from_millis(5);
            assert_eq!(wire.ask(b"a".into(), 1, over).await, Err(Failure::TIMED_OUT));
            assert!(Instant::now() >= over);
        }
    });
}
