# Usage: calls.py PORT prepared|unprepared SCENARIO COUNT CONTACTS WORKSPACES [PARTITION...] - see scale_out_instructions.sh.
# One session that makes so many calls, to each of the workspaces in turn. Prints the process that has served it, and those of the partitions if
# it was a proxy.
import os
import random
import sys

from libpq import Connection

CALL = "SELECT contacts.upsert($1, $2)"
port, protocol, scenario = sys.argv[1:4]
count, contacts, workspaces = map(int, sys.argv[4:7])
partitions = range(len(sys.argv[7:]))
numbers = random.Random(1)
session = os.getpid()  # what one session has written, another one does not write again


def request(i):
    number = 2 * numbers.randrange(contacts // 2)
    score = 1
    if scenario == "refused":
        return '{"email_address": "nobody"}'
    if scenario == "create":
        number = "x%d.%d" % (session, i)
    elif scenario == "change":
        score = 100000 * session + i
    else:  # the others do not change
        number += 1
    return (
        '{"email_address": "c%s@example.com", "partial_update": true, "fields": {"first_name": "Tywin", "score": %d}}'
        % (number, score)
    )


connection = Connection("port=" + port)
connection.prepare("call", CALL)
for i in range(count):
    parameters = request(i), 2 + i % workspaces
    expect = "22023" if scenario == "refused" else None
    if protocol == "prepared":
        connection.execute("call", *parameters, expect=expect)
    else:
        connection.query(CALL, *parameters, expect=expect)
print(connection.query("SELECT pg_backend_pid()"), *[connection.query("SELECT session_of($1)", n) for n in partitions])
connection.close()
