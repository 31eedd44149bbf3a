//! A Redis Cluster of the test's own, which ends with it.

use super::redis_server::free_port;
use super::{RedisServer, eventually};

/// How many slots a cluster has.
const SLOTS: usize = 16_384;

/// Servers that share all slots, in equal ranges, and a replica of each if that was asked for.
pub(crate) struct RedisCluster {
    pub(crate) servers: Vec<RedisServer>,
    pub(crate) replicas: Vec<RedisServer>,
}

impl RedisCluster {
    pub(crate) async fn start(count: usize) -> Self {
        Self::start_with(count, false).await
    }

    pub(crate) async fn start_with_replicas(count: usize) -> Self {
        Self::start_with(count, true).await
    }

    async fn start_with(count: usize, with_replicas: bool) -> Self {
        let servers: Vec<RedisServer> = (0..count).map(|_| member()).collect();
        let replicas: Vec<RedisServer> = (0..count * usize::from(with_replicas)).map(|_| member()).collect();
        let cluster = Self { servers, replicas };
        for (number, server) in cluster.servers.iter().enumerate() {
            let (first, next) = (number * SLOTS / count, (number + 1) * SLOTS / count);
            let range = [first.to_string(), (next - 1).to_string()];
            assert_eq!(server.cli(&["CLUSTER", "ADDSLOTSRANGE", &range[0], &range[1]]), "OK");
            assert_eq!(server.cli(&["CLUSTER", "SET-CONFIG-EPOCH", &(number + 1).to_string()]), "OK");
        }
        for server in cluster.all() {
            cluster.meet(server);
        }
        let members = cluster.all().count();
        let have_met = |server: &RedisServer| {
            let nodes = server.cli(&["CLUSTER", "NODES"]);
            nodes.lines().count() == members && !nodes.contains("handshake")
        };
        eventually("all have met", async || cluster.all().all(have_met)).await;
        for (replica, server) in cluster.replicas.iter().zip(&cluster.servers) {
            let id = id_of(server);
            let is_replica = async || replica.cli(&["CLUSTER", "REPLICATE", &id]) == "OK";
            eventually("a replica follows", is_replica).await;
        }
        eventually("all agree", async || cluster.all().all(|server| is_ok(server, SLOTS))).await;
        let follows =
            |server: &RedisServer| server.cli(&["INFO", "replication"]).contains("master_link_status:up");
        eventually("replicas follow", async || cluster.replicas.iter().all(follows)).await;
        cluster
    }

    /// Starts a server more, which has no slots.
    pub(crate) async fn add(&mut self) {
        self.servers.push(member());
        let added = &self.servers[self.servers.len() - 1];
        self.meet(added);
        let members = self.all().count();
        let knows_all = |server: &RedisServer| server.cli(&["CLUSTER", "NODES"]).lines().count() == members;
        eventually("all have met", async || self.all().all(knows_all)).await;
        eventually("the new one is taken in", async || is_ok(added, SLOTS)).await;
    }

    /// Moves the slot of a key, with all that is in it, to another server.
    pub(crate) fn move_slot(&self, key: &str, to: usize) {
        let slot = self.servers[0].cli(&["CLUSTER", "KEYSLOT", key]);
        let from = self.owner_of(key);
        let (source, target) = (&self.servers[from], &self.servers[to]);
        let (source_id, target_id) = (id_of(source), id_of(target));
        assert_eq!(target.cli(&["CLUSTER", "SETSLOT", &slot, "IMPORTING", &source_id]), "OK");
        assert_eq!(source.cli(&["CLUSTER", "SETSLOT", &slot, "MIGRATING", &target_id]), "OK");
        let keys = source.cli(&["CLUSTER", "GETKEYSINSLOT", &slot, "100"]);
        let port = target.port().to_string();
        for key in keys.lines() {
            assert_eq!(source.cli(&["MIGRATE", "127.0.0.1", &port, key, "0", "5000"]), "OK");
        }
        for server in [target, source] {
            assert_eq!(server.cli(&["CLUSTER", "SETSLOT", &slot, "NODE", &target_id]), "OK");
        }
    }

    /// Which server has a key.
    pub(crate) fn owner_of(&self, key: &str) -> usize {
        let has_it = |server: &RedisServer| !is_moved(&server.cli(&["EXISTS", key]));
        self.servers.iter().position(has_it).expect("somebody has it")
    }

    pub(crate) fn url(&self) -> String {
        let hosts: Vec<String> =
            self.servers.iter().map(|server| format!("127.0.0.1:{}", server.port())).collect();
        format!("redis+cluster://{}", hosts.join(","))
    }

    /// Runs a command on the server that has the key.
    pub(crate) fn cli_on(&self, key: &[u8], args: &[&[u8]]) -> String {
        let answers = self.servers.iter().map(|server| server.cli_bytes(args));
        let mut answers = answers.filter(|answer| !is_moved(answer));
        answers.next().unwrap_or_else(|| panic!("nobody has {}", String::from_utf8_lossy(key)))
    }

    fn all(&self) -> impl Iterator<Item = &RedisServer> {
        self.servers.iter().chain(&self.replicas)
    }

    fn meet(&self, server: &RedisServer) {
        let [port, bus] = [self.servers[0].port(), self.servers[0].bus_port()].map(|port| port.to_string());
        assert_eq!(server.cli(&["CLUSTER", "MEET", "127.0.0.1", &port, &bus]), "OK");
    }
}

fn member() -> RedisServer {
    let bus = free_port().to_string();
    let mut args = vec!["--cluster-enabled", "yes", "--cluster-port", &bus];
    // A server that is left without a slot stays what it is.
    args.extend(["--cluster-allow-replica-migration", "no"]);
    // About the least that a failover waits for.
    args.extend(["--cluster-node-timeout", "1000"]);
    RedisServer::start_with(&args)
}

/// Whether a server says that another one has the key.
fn is_moved(answer: &str) -> bool {
    answer.to_lowercase().contains("moved")
}

fn id_of(server: &RedisServer) -> String {
    server.cli(&["CLUSTER", "MYID"])
}

fn is_ok(server: &RedisServer, slots: usize) -> bool {
    let info = server.cli(&["CLUSTER", "INFO"]);
    info.contains("cluster_state:ok") && info.contains(&format!("cluster_slots_ok:{slots}"))
}
