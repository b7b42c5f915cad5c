//! The watch's settings.

use pgrx::{GucContext, GucFlags, GucRegistry, GucSetting};
use std::time::Duration;

static INTERVAL: GucSetting<i32> = GucSetting::<i32>::new(300);
static READ_INTERVAL: GucSetting<i32> = GucSetting::<i32>::new(86_400);
static CONNECTIONS: GucSetting<i32> = GucSetting::<i32>::new(16);
static KEPT: GucSetting<i32> = GucSetting::<i32>::new(0);
static RETENTION: GucSetting<i32> = GucSetting::<i32>::new(7_776_000);
static TIMEOUT: GucSetting<i32> = GucSetting::<i32>::new(60);

/// Defines them.
pub fn init() {
    let seconds = |name, short, long, setting: &'static GucSetting<i32>, least| {
        GucRegistry::define_int_guc(name, short, long, setting, least, 31_536_000, GucContext::Sighup, GucFlags::UNIT_S);
    };
    seconds(
        c"accord.fleet_interval",
        c"Time between comparisons of a fleet's database with its baselines; 0 for none but those that are asked for.",
        c"Each time is spread by a tenth in either direction.",
        &INTERVAL,
        0,
    );
    seconds(
        c"accord.fleet_read_interval",
        c"Time after which a database's catalogs are read although its pg_accord says that nothing changed.",
        c"What fires no event trigger is found then at the latest.",
        &READ_INTERVAL,
        0,
    );
    seconds(
        c"accord.fleet_retention",
        c"Time after which events of a fleet, acts and sent reports are forgotten; 0 to keep them.",
        c"What waits or still counts is kept.",
        &RETENTION,
        0,
    );
    seconds(
        c"accord.fleet_timeout",
        c"Longest time for reading one database of a fleet.",
        c"One that takes longer counts as unreadable, and is asked again later.",
        &TIMEOUT,
        1,
    );
    GucRegistry::define_int_guc(
        c"accord.fleet_connections",
        c"Databases of a fleet that are read at the same time.",
        c"Also how many connections a fleet that comes back at once has to bear.",
        &CONNECTIONS,
        1,
        1024,
        GucContext::Sighup,
        GucFlags::default(),
    );
    GucRegistry::define_int_guc(
        c"accord.fleet_kept",
        c"Connections to databases of a fleet that are kept from one comparison to the next.",
        c"Each saves a connection's set-up, takes one of its server's max_connections, and is in the way of DROP DATABASE there.",
        &KEPT,
        0,
        10_000,
        GucContext::Sighup,
        GucFlags::default(),
    );
}

fn seconds(setting: &GucSetting<i32>) -> Duration {
    Duration::from_secs(u64::try_from(setting.get()).unwrap_or(0))
}

/// `accord.fleet_interval`; none where it is off.
pub fn interval() -> Option<Duration> {
    Some(seconds(&INTERVAL)).filter(|interval| !interval.is_zero())
}

/// `accord.fleet_read_interval`
pub fn read_interval() -> Duration {
    seconds(&READ_INTERVAL)
}

/// `accord.fleet_retention`; none where everything is kept.
pub fn retention() -> Option<Duration> {
    Some(seconds(&RETENTION)).filter(|retention| !retention.is_zero())
}

/// `accord.fleet_timeout`
pub fn timeout() -> Duration {
    seconds(&TIMEOUT)
}

/// `accord.fleet_connections`
pub fn connections() -> usize {
    usize::try_from(CONNECTIONS.get()).unwrap_or(1)
}

/// `accord.fleet_kept`
pub fn kept() -> usize {
    usize::try_from(KEPT.get()).unwrap_or(0)
}

/// How long a kept connection is idle at most: over two comparisons.
pub fn idle() -> Duration {
    interval().map_or(Duration::from_secs(600), |interval| interval * 5 / 2).max(Duration::from_secs(60))
}
