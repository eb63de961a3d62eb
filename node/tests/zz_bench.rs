//! temporary
use std::time::{Duration, Instant};
use tandem_node::net::{NetSettings, Network};
use tandem_protocol::membership::Role;
use tandem_protocol::value::Value;
use tandem_store::*;

fn w(space: &Space, rows: usize, base: i64) {
    let sets = (0..rows).map(|n| vec![Value::Integer(base + n as i64), Value::Text(format!("some text present {n} absent late"))]).collect();
    let st = Statement { sql: "INSERT INTO notes (id, text) VALUES (?1, ?2)".into(), params: Params::Many(sets) };
    space.wait(|r| space.write(Write { statements: vec![st], ..Write::default() }, r)).unwrap();
}
fn settings() -> NetSettings { NetSettings::parse(&["/ip4/127.0.0.1/tcp/0".into()], &[], false).unwrap() }

#[test]
fn bench() {
    let _ = tracing_subscriber::fmt().with_env_filter(tracing_subscriber::EnvFilter::from_default_env()).with_test_writer().try_init();
    let rt = tokio::runtime::Builder::new_multi_thread().worker_threads(2).enable_all().build().unwrap();
    rt.block_on(async {
        let (fa, fb) = (tempfile::tempdir().unwrap(), tempfile::tempdir().unwrap());
        let sa = Store::open(fa.path(), "x").unwrap();
        let a = sa.create_space("s", "a", Some("CREATE TABLE notes (id INTEGER PRIMARY KEY, text TEXT)")).unwrap();
        let t = Instant::now();
        for n in 0..1000 { w(&a, 100, n * 100); }
        println!("S1 {:?}", t.elapsed());
        let na = Network::start(sa.clone(), &settings()).unwrap();
        na.ready().await.unwrap();
        let sb = Store::open(fb.path(), "x").unwrap();
        let nb = Network::start(sb.clone(), &settings()).unwrap();
        nb.ready().await.unwrap();
        let inv = na.invite(&a, Role::Member, 1_000_000).unwrap();
        let t = Instant::now();
        let b = nb.join(&inv, "b", &[], |_| ()).await.unwrap();
        println!("join {:?}", t.elapsed());
        while a.vector() != b.vector() { tokio::time::sleep(Duration::from_micros(200)).await; }
        println!("S2 {:?} bytes {}", t.elapsed(), nb.peer(&sa.author()).bytes_received);
        for round in 0..5 {
            nb.pause();
            while na.peer(&sb.author()).connected || nb.peer(&sa.author()).connected { tokio::time::sleep(Duration::from_millis(1)).await; }
            for n in 0..50 { w(&a, 1, 1_000_000 + round * 1000 + n); }
            let p = na.peer(&sb.author());
            let before = p.bytes_sent + p.bytes_received;
            let t = Instant::now();
            nb.resume();
            while a.vector() != b.vector() { tokio::time::sleep(Duration::from_micros(100)).await; }
            let e = t.elapsed();
            tokio::time::sleep(Duration::from_millis(200)).await;
            let p = na.peer(&sb.author());
            println!("S3 {:?} bytes {}", e, p.bytes_sent + p.bytes_received - before);
        }
        let (tx, rx) = std::sync::mpsc::channel();
        b.subscribe(move |_| { let _ = tx.send(Instant::now()); });
        let mut ls = vec![]; let mut ws = vec![];
        let a2 = a.clone();
        tokio::task::spawn_blocking(move || {
            for n in 0..400 {
                let t = Instant::now();
                w(&a2, 1, 5_000_000 + n);
                let wt = t.elapsed();
                let at = rx.recv_timeout(Duration::from_secs(5)).unwrap();
                if n >= 50 { ls.push(at - t); ws.push(wt); }
                std::thread::sleep(Duration::from_millis(3));
            }
            ls.sort(); ws.sort();
            println!("S4 p50 {:?} p99 {:?}; local write p50 {:?} p99 {:?}", ls[175], ls[346], ws[175], ws[346]);
        }).await.unwrap();
        na.shutdown().await; nb.shutdown().await;
    });
}
