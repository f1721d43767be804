"""A worker: handles the events of a consumer. Usage: worker.py CONSUMER [LEASE]; ../workers.sh says what handle() does."""

import json
import os


def say(**line):
    sys.stdout.write(json.dumps({"worker": os.environ["PGAPPNAME"], **line}) + "\n")  # in one piece: the workers share a file
    sys.stdout.flush()


def handle(event):
    """What is to be done about an event; if it raises an error, the event comes again."""
    tag = event["detail"].get("tag", {}).get("name") if event["attempts"] == 0 else None
    say(event=str(event["event_id"]))
    time.sleep(float(os.environ["PAUSE"]))
    while tag == "late" and not os.path.exists(os.environ["GATE"]):
        time.sleep(0.01)
    if tag == "fragile":
        raise ValueError("Python has no paper")
    say(event=str(event["event_id"]), done=True)


# region: worker
import select
import signal
import sys
import time

import psycopg
from psycopg.rows import dict_row


def drain(connection, consumer, lease, stopped):
    """Handles what is due, one event at a time: those of a page would share one lease."""

    def ask(call, *values):
        return connection.execute(f"SELECT * FROM contacts.{call}", [consumer, *values]).fetchone()

    while not stopped and (event := ask("claim(%s, 1, %s::interval)", lease)):
        try:
            handle(event)
        except Exception as error:
            ask("fail(%s, %s, %s, %s)", event["lease"], event["event_id"], str(error))
        else:
            done = ask("ack(%s, %s, ARRAY[%s::bigint])", event["lease"], event["event_id"])
            if done["ack"] == 0:
                print(f"event {event['event_id']} outlasted its lease: it is handled again", file=sys.stderr)


def work(consumer, lease, stopped):
    with (
        psycopg.connect("", autocommit=True) as listener,  # past a pooler: it would hear nothing
        psycopg.connect("", autocommit=True, row_factory=dict_row) as connection,
    ):
        listener.execute("LISTEN contact_automation")  # before the first look
        while not stopped:
            drain(connection, consumer, lease, stopped)
            if select.select([listener], [], [], 1.0)[0]:  # a bell may be missed: look every second
                listener.pgconn.consume_input()
                while listener.pgconn.notifies():  # what execute() would find, psycopg 3.2 would keep for ever
                    pass


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
