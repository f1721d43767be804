# Usage: proxy.py ROUNDS - see proxy.sh.
# Calls a refused, an unchanged and a changed upsert, directly on the partition and through the proxy in turn, 100 times each. Prints the
# median latency of each way, the CPU that the partition's and the proxy's backend have used a call (schedstat), and what the proxy's are to the direct
# ones. Directly, a call is a prepared statement, and beside it one that is not: PL/Proxy prepares nothing.
import random
import sys
import time

import psycopg2

ROUNDS = int(sys.argv[1])
BLOCK = 100
REFUSED = '{"email_address":"nobody"}'
CALLS = {
    "refused": lambda: REFUSED,
    "unchanged": lambda: '{"email_address":"c%d@example.com","partial_update":true}' % random.randint(1, 10000),
    "changed": lambda: '{"email_address":"c%d@example.com","partial_update":true,"fields":{"value":"%d"}}'
    % (random.randint(1, 10000), random.randint(1, 10**9)),
}


def connect(database):
    connection = psycopg2.connect(dbname=database)
    connection.autocommit = True
    cursor = connection.cursor()
    cursor.execute("PREPARE upsert(jsonb) AS SELECT contacts.upsert($1, 1)")
    return cursor


def pid_of(cursor, sql="SELECT pg_backend_pid()"):
    cursor.execute(sql)
    return cursor.fetchone()[0]


def cpu(pid):
    with open("/proc/%d/schedstat" % pid) as file:
        return int(file.read().split()[0]) / 1000


def call(cursor, sql):
    try:
        cursor.execute(sql)
    except psycopg2.Error as error:
        assert error.pgcode == "22023", error


direct, plain, proxy = connect("cu_bench_1"), connect("cu_bench_1"), connect("cu_bench_proxy")
call(proxy, "SELECT contacts.upsert('%s', 1)" % REFUSED)
behind = pid_of(
    direct,
    "SELECT pid FROM pg_stat_activity WHERE datname = 'cu_bench_1' AND pid NOT IN (%d, %d) AND backend_type = 'client backend'"
    % (pid_of(direct), pid_of(plain)),
)
# way: cursor, statement, the partition's backend, the proxy's
WAYS = {
    "direct": (direct, "EXECUTE upsert('%s')", pid_of(direct), None),
    "not prepared": (plain, "SELECT contacts.upsert('%s', 1)", pid_of(plain), None),
    "proxy": (proxy, "EXECUTE upsert('%s')", behind, pid_of(proxy)),
}

print("%-10s %-13s %12s %22s %18s" % ("call", "way", "latency, µs", "CPU of partition, µs", "CPU of proxy, µs"))
for name, make in CALLS.items():
    times = {way: [] for way in WAYS}
    used = {way: [[], []] for way in WAYS}
    for _ in range(ROUNDS // BLOCK):
        for way, (cursor, statement, partition, own) in WAYS.items():
            before = cpu(partition), own and cpu(own)
            for _ in range(BLOCK):
                sql = statement % make()
                start = time.perf_counter()
                call(cursor, sql)
                times[way].append((time.perf_counter() - start) * 1e6)
            time.sleep(0.001)  # what follows the last answer is the calls', too
            used[way][0].append((cpu(partition) - before[0]) / BLOCK)
            used[way][1].append((cpu(own) - before[1]) / BLOCK if own else 0)
    # of most: what interrupts a few is not theirs
    median = lambda values: sorted(values)[len(values) // 2]
    result = {way: (median(times[way]), median(used[way][0]), median(used[way][1])) for way in WAYS}
    for way, row in result.items():
        print("%-10s %-13s %12.1f %22.1f %18.1f" % (name, way, *row))
    print(
        "%-10s the proxy's latency is %.2f times that of a direct call; the partition's CPU %.2f times, %.2f times that of one not prepared"
        % (
            name,
            result["proxy"][0] / result["direct"][0],
            result["proxy"][1] / result["direct"][1],
            result["proxy"][1] / result["not prepared"][1],
        )
    )
