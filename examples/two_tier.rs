//! Two processes over one Redis: one changes a price, the other reads it, and says which tier answered.
//!
//! ```sh
//! cargo run --release --example two_tier
//! CACHEMACRO_URL=redis://localhost cargo run --release --example two_tier
//! ```
//!
//! Without `CACHEMACRO_URL` it starts a redis-server of its own, if one is installed. It prints, beside how long each took:
//!
//! ```text
//! writer  the price is 100
//! reader  100  from the body
//! reader  100  from Redis
//! reader  100  from this process
//! writer  the price is 101
//! reader  101  from the body
//! …
//! ```

use std::error::Error;
use std::path::{Path, PathBuf};
use std::process::{ExitCode, Stdio};
use std::time::{Duration, Instant};
use std::{env, fs, io};

use cachemacro::{Cache, TierName, cache_result, invalidates};
use tokio::io::{AsyncBufReadExt, AsyncWriteExt, BufReader, Lines};
use tokio::process::{Child, ChildStdin, ChildStdout, Command};
use tokio::time::sleep;

/// What the thing costs of which all this is about. The database is a file.
#[cache_result(ttl = "10m", key = "two-tier:price:<id>", skip(db))]
async fn price(db: &Path, id: u32) -> io::Result<u64> {
    let _ = id;
    let text = fs::read_to_string(db)?;
    text.trim().parse().map_err(io::Error::other)
}

#[invalidates(price(id))]
async fn set_price(db: &Path, id: u32, to: u64) -> io::Result<()> {
    let _ = id;
    fs::write(db, to.to_string())
}

const ID: u32 = 7;

/// How long Redis may take to start, or to tell of changes; far longer than it does.
const START_MAX: Duration = Duration::from_secs(10);

#[tokio::main]
async fn main() -> Result<ExitCode, Box<dyn Error>> {
    let args: Vec<String> = env::args().collect();
    if let [_, role, url, db] = &args[..]
        && role == "writer"
    {
        return write(url, Path::new(db)).await;
    }
    let (url, _server) = match env::var("CACHEMACRO_URL") {
        Ok(url) => (url, None),
        Err(_) => match Server::start().await? {
            Some(server) => (server.url(), Some(server)),
            None => {
                println!("redis-server is not installed: install it, or give CACHEMACRO_URL");
                return Ok(ExitCode::SUCCESS);
            }
        },
    };
    read(&url).await
}

/// The process that reads: it keeps what it reads again, and Redis tells it of changes.
async fn read(url: &str) -> Result<ExitCode, Box<dyn Error>> {
    let db = env::temp_dir().join(format!("cachemacro-two-tier-{}", std::process::id()));
    let cache = Cache::connect(url).await?;
    cache.clone().install()?;
    until("Redis tells of changes", async || {
        cache.status().near.is_some_and(|near| near.coherent_for.is_some())
    })
    .await?;

    let mut writer = Writer::start(url, &db)?;
    for to in 100..103 {
        writer.set(to).await?;
        while show(&db, to).await? != TierName::Near {}
    }
    println!("near:   {}", cache.status().near.ok_or("nothing is kept near")?);
    writer.end().await?;
    fs::remove_file(&db)?;
    Ok(ExitCode::SUCCESS)
}

/// Reads once, and says which tier had the value.
async fn show(db: &Path, expected: u64) -> Result<TierName, Box<dyn Error>> {
    let tier = price::peek(ID).await?.map(|peek| peek.tier);
    let began = Instant::now();
    let value = price(db, ID).await?;
    let took = began.elapsed();
    let from = match tier {
        Some(TierName::Near) => "this process",
        Some(_) => "Redis",
        None => "the body",
    };
    // What was kept may be served for a moment after another process has changed it.
    let late = if value == expected { "" } else { ", which Redis has not told of yet" };
    println!("reader  {value}  from {from:<13} {took:>10.1?}{late}");
    Ok(tier.unwrap_or(TierName::Shared))
}

/// The process that writes: a price for each line that it is given.
async fn write(url: &str, db: &Path) -> Result<ExitCode, Box<dyn Error>> {
    Cache::connect(url).await?.install()?;
    let mut lines = BufReader::new(tokio::io::stdin()).lines();
    while let Some(line) = lines.next_line().await? {
        let began = Instant::now();
        set_price(db, ID, line.parse()?).await?;
        println!("writer  the price is {line}          {:>10.1?}", began.elapsed());
    }
    Ok(ExitCode::SUCCESS)
}

/// The other process, as seen from this one.
struct Writer {
    child: Child,
    orders: ChildStdin,
    answers: Lines<BufReader<ChildStdout>>,
}

impl Writer {
    fn start(url: &str, db: &Path) -> Result<Self, Box<dyn Error>> {
        let mut command = Command::new(env::current_exe()?);
        command.arg("writer").arg(url).arg(db);
        command.stdin(Stdio::piped()).stdout(Stdio::piped()).kill_on_drop(true);
        let mut child = command.spawn()?;
        let (orders, answers) = (child.stdin.take(), child.stdout.take());
        let orders = orders.ok_or("a process without an input")?;
        let answers = BufReader::new(answers.ok_or("a process without an output")?).lines();
        Ok(Self { child, orders, answers })
    }

    /// Returns once the price is changed, and invalidated.
    async fn set(&mut self, to: u64) -> Result<(), Box<dyn Error>> {
        self.orders.write_all(format!("{to}\n").as_bytes()).await?;
        println!("{}", self.answers.next_line().await?.ok_or("the writer has ended")?);
        Ok(())
    }

    async fn end(self) -> io::Result<()> {
        let Self { mut child, orders, .. } = self;
        drop(orders);
        child.wait().await.map(drop)
    }
}

/// A redis-server on a free port, with an empty memory; it ends with its handle.
struct Server {
    port: u16,
    folder: PathBuf,
    _child: Child,
}

impl Server {
    /// None, if it is not installed.
    async fn start() -> Result<Option<Self>, Box<dyn Error>> {
        let port = std::net::TcpListener::bind(("127.0.0.1", 0))?.local_addr()?.port();
        let folder = env::temp_dir().join(format!("cachemacro-two-tier-redis-{}", std::process::id()));
        fs::create_dir_all(&folder)?;
        let mut command = Command::new("redis-server");
        command.args([
            "--port",
            &port.to_string(),
            "--bind",
            "127.0.0.1",
            "--save",
            "",
            "--appendonly",
            "no",
        ]);
        command.current_dir(&folder).stdout(Stdio::null()).kill_on_drop(true);
        let child = match command.spawn() {
            Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(None),
            spawned => spawned?,
        };
        let is_up = async || tokio::net::TcpStream::connect(("127.0.0.1", port)).await.is_ok();
        until("redis-server has started", is_up).await?;
        Ok(Some(Self { port, folder, _child: child }))
    }

    fn url(&self) -> String {
        format!("redis://127.0.0.1:{}", self.port)
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        // It is empty, and harms nobody if it stays.
        let _ = fs::remove_dir_all(&self.folder);
    }
}

async fn until(what: &str, is: impl AsyncFn() -> bool) -> Result<(), Box<dyn Error>> {
    let began = Instant::now();
    while !is().await {
        if began.elapsed() > START_MAX {
            return Err(format!("not within {START_MAX:?}: {what}").into());
        }
        sleep(Duration::from_millis(5)).await;
    }
    Ok(())
}
