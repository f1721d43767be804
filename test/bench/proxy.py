# Usage: proxy.py ROUNDS - see proxy.sh.
# Calls a refused, an unchanged and a changed upsert, directly on the partition and through the proxy in turn, 100 times each. Prints the
# latency of each way, the CPU that the partition's and the proxy's backend have used a call (schedstat), each as the fastest tenth
# saw it, and what the proxy's are to the direct ones. Directly, a call is a prepared statement, and beside it one that is not, by the same messages: PL/Proxy prepares nothing. Where there are two
# processors, the partition's sessions have one of them, as if the proxy were on a machine of its own: else its work would empty the partition's caches.
import os
import random
import sys
import time

from libpq import Connection

ROUNDS = int(sys.argv[1])
BLOCK = 100
REFUSED = '{"email_address":"nobody"}'
CALLS = {
    "refused": lambda: REFUSED,
    "unchanged": lambda: '{"email_address":"c%d@example.com","partial_update":true}' % random.randint(1, 10000),
    "changed": lambda: '{"email_address":"c%d@example.com","partial_update":true,"fields":{"value":"%d"}}'
    % (random.randint(1, 10000), random.randint(1, 10**9)),
}


CALL = "SELECT contacts.upsert($1, 1)"


def connect(database):
    connection = Connection("dbname=" + database)
    connection.prepare("upsert", CALL)
    return connection


def pid_of(connection):
    return int(connection.query("SELECT pg_backend_pid()"))


def cpu(pid):
    with open("/proc/%d/schedstat" % pid) as file:
        return int(file.read().split()[0]) / 1000


direct, unprepared, proxy = connect("cu_bench_1"), connect("cu_bench_1"), connect("cu_bench_proxy")
proxy.execute("upsert", REFUSED, expect="22023")
behind = int(
    direct.query(
        "SELECT pid FROM pg_stat_activity WHERE datname = 'cu_bench_1' AND pid NOT IN ($1, $2) AND backend_type = 'client backend'",
        pid_of(direct),
        pid_of(unprepared),
    )
)
# way: call, the partition's backend, the proxy's
WAYS = {
    "direct": (lambda *a, **k: direct.execute("upsert", *a, **k), pid_of(direct), None),
    "not prepared": (lambda *a, **k: unprepared.query(CALL, *a, **k), pid_of(unprepared), None),
    "proxy": (lambda *a, **k: proxy.execute("upsert", *a, **k), behind, pid_of(proxy)),
}

processors = sorted(os.sched_getaffinity(0))
for way, (_, partition, own) in WAYS.items():
    os.sched_setaffinity(partition, processors[-1:])
    os.sched_setaffinity(own or 0, processors[:1])

print("%-10s %-13s %12s %22s %18s" % ("call", "way", "latency, µs", "CPU of partition, µs", "CPU of proxy, µs"))
for name, make in CALLS.items():
    times = {way: [] for way in WAYS}
    used = {way: [[], []] for way in WAYS}
    for _ in range(ROUNDS // BLOCK):
        for way, (call, partition, own) in WAYS.items():
            before = cpu(partition), own and cpu(own)
            for _ in range(BLOCK):
                request = make()
                start = time.perf_counter()
                call(request, expect="22023" if request == REFUSED else None)
                times[way].append((time.perf_counter() - start) * 1e6)
            time.sleep(0.001)  # what follows the last answer is the calls', too
            used[way][0].append((cpu(partition) - before[0]) / BLOCK)
            used[way][1].append((cpu(own) - before[1]) / BLOCK if own else 0)
    # of the fastest tenth: what interrupts the others is not theirs
    least = lambda values: sorted(values)[len(values) // 10]
    result = {way: (least(times[way]), least(used[way][0]), least(used[way][1])) for way in WAYS}
    for way, row in result.items():
        print("%-10s %-13s %12.1f %22.1f %18.1f" % (name, way, *row))
    print(
        "%-10s the proxy's latency is %.2f times that of a direct call, %.2f times that of one not prepared; the partition's CPU %.2f times, %.2f times"
        % (
            name,
            result["proxy"][0] / result["direct"][0],
            result["proxy"][0] / result["not prepared"][0],
            result["proxy"][1] / result["direct"][1],
            result["proxy"][1] / result["not prepared"][1],
        )
    )
