/*
 * relation_changes.c - one callback for changes of relations, which calls those of the modules in the order in which they registered.
 */
#include "postgres.h"

#include "relation_changes.h"

/* MAX_LISTENERS is more than there are modules. */
#define MAX_LISTENERS 12

static struct
{
	RelcacheCallbackFunction callback;
	Datum argument;
} listeners[MAX_LISTENERS];
static int listener_count;

static void
at_relation_change(Datum arg, Oid relation)
{
	for (int i = 0; i < listener_count; i++)
		listeners[i].callback(listeners[i].argument, relation);
}

void
relation_changes_register(RelcacheCallbackFunction callback, Datum argument)
{
	if (listener_count == MAX_LISTENERS)
		elog(ERROR, "too many modules listen to changes of relations");
	if (listener_count == 0)
		CacheRegisterRelcacheCallback(at_relation_change, (Datum)0);
	listeners[listener_count].callback = callback;
	listeners[listener_count].argument = argument;
	listener_count++;
}
