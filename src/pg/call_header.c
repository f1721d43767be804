/*
 * call_header.c - writes the header of a proxy's call, and accepts it in the partition: no call that is for another database, or of a proxy
 * that this library does not know, reads or writes anything.
 */
#include "postgres.h"

#include <ctype.h>

#include "call_header.h"
#include "numbering.h"
#include "settings.h"
#include "versions.h"

void
call_header_append(StringInfo text, int number, int count, int64 workspace_id)
{
	const char *settings = settings_for_partition();

	appendStringInfo(text, "%s %d %d " INT64_FORMAT, versions_library(), number, count, workspace_id);
	if (settings)
		appendStringInfo(text, " %s", settings);
}

/* Reads a number behind a space, and moves the text behind it; false where there is none. */
static bool
read_number(const char **text, int64 *number)
{
	char *end;

	/* strtoi64() would skip more of them. */
	if (**text != ' ' || isspace((unsigned char)(*text)[1]))
		return false;
	errno = 0;
	*number = strtoi64(*text + 1, &end, 10);
	if (errno != 0 || end == *text + 1)
		return false;
	*text = end;
	return true;
}

static void
check_partition(const Partition *called)
{
	Partition self = partition_self();

	if (self.number == called->number && self.count == called->count)
		return;
	ereport(ERROR,
			/* Not one that contact-worker takes for lasting: it passes while partitions are split. */
			(errcode(ERRCODE_SQLSERVER_REJECTED_ESTABLISHMENT_OF_SQLCONNECTION),
			 errmsg("This database was called as partition %lld of %lld, and is partition %lld of %lld.",
					(long long)called->number,
					(long long)called->count,
					(long long)self.number,
					(long long)self.count),
			 errdetail("Nothing was read or written."),
			 errhint("The options p0, p1 ... of the proxy's server contacts must name the partitions in the order of "
					 "their numbers; "
					 "contacts.set_partition() gives a partition its number.")));
}

int64
call_header_accept(const char *text, const char **rest)
{
	size_t version_length = strcspn(text, " \n");
	const char *behind = text + version_length;
	const char *end = behind + strcspn(behind, "\n");
	Partition called;
	int64 workspace_id;

	/* Above all: what follows the version may be another in a newer one. */
	versions_check_proxy(pnstrdup(text, version_length));
	if (!read_number(&behind, &called.number) || !read_number(&behind, &called.count) ||
		!read_number(&behind, &workspace_id) || (behind != end && *behind != ' '))
		ereport(ERROR,
				(errcode(ERRCODE_PROTOCOL_VIOLATION),
				 errmsg("The call of the proxy has no header that this partition understands.")));
	check_partition(&called);
	if (behind != end)
		settings_of_proxy(pnstrdup(behind, (Size)(end - behind)));
	*rest = *end == '\n' ? end + 1 : NULL;
	return workspace_id;
}
