"""A worker: handles the events of a consumer. Usage: worker.py CONSUMER [LEASE]"""

import json
import sys
import time


def handle(event):
    """What is to be done about an event; if it raises an error, the event comes again."""
    time.sleep(0.003)
    said = json.dumps({"event": str(event["event_id"]), "type": event["type"]})
    sys.stdout.write(said + "\n")  # in one piece: the workers share a file, and PYTHONUNBUFFERED may be set
    sys.stdout.flush()


# region: worker
import select
import signal

import psycopg
from psycopg.rows import dict_row


def drain(connection, consumer, lease, stopped):
    """Handles what is due, a page at a time; of a contact one event at a time, in order."""
    claim = "SELECT * FROM contacts.claim(%s, 20, %s::interval)"
    while not stopped and (events := connection.execute(claim, [consumer, lease]).fetchall()):
        for event in events:
            try:
                handle(event)
            except Exception as error:
                fail = "SELECT contacts.fail(%s, %s, %s, %s)"
                connection.execute(fail, [consumer, event["lease"], event["event_id"], str(error)])
            else:
                ack = "SELECT contacts.ack(%s, %s, ARRAY[%s::bigint])"
                connection.execute(ack, [consumer, event["lease"], event["event_id"]])


def work(consumer, lease, stopped):
    with (
        psycopg.connect("", autocommit=True) as listener,  # past a pooler: it would hear nothing
        psycopg.connect("", autocommit=True, row_factory=dict_row) as connection,
    ):
        listener.execute("LISTEN contact_automation")  # before the first look
        while not stopped:
            drain(connection, consumer, lease, stopped)
            if select.select([listener], [], [], 1.0)[0]:  # a bell may be missed: look every second
                listener.execute("SELECT 1")  # takes what has come


def main(consumer, lease="30 s"):
    stopped = []
    signal.signal(signal.SIGTERM, lambda *_: stopped.append(True))
    while not stopped:
        try:
            work(consumer, lease, stopped)
        except psycopg.Error as error:  # a connection that is lost, most likely: anew
            print(error, file=sys.stderr)
            time.sleep(1)
# end region


if __name__ == "__main__":
    main(*sys.argv[1:])
