# shellcheck shell=bash
# Sourced by the tests of http/, which drop roles of the names that users have, at the end: ends the test anywhere but on a throwaway server.
if [[ ${PGUSER:-} != tester ]]; then
	echo "This test drops roles such as contacts_authenticator: run it by scripts/server.sh ${0##*/}, on a server of its own." >&2
	exit 2
fi
