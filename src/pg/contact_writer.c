/*
 * contact_writer.c - contact_writer_write(): all contacts by one statement, or one by one.
 *
 * Usually all contacts are written together, by one statement. Two things speak against that. Where the user has rules that act
 * on an INSERT (own_rules.h), contacts are written one by one, as single requests would do it. And where these rules may reject
 * a contact, the others must stay: so there is a subtransaction around the write, and when it fails the contacts are written
 * one by one, to see which it was. A contact that was rejected costs those before it another write, for they were in its
 * subtransaction:
 *
 *   a b c d e		c is rejected
 *   a b			again, and kept
 *         d e		and so on
 *
 * Where none may be rejected, contacts that were looked up by index, and are all new or all there, are inserted or updated as if no other
 * session wrote them (store_bulk.h). That needs a subtransaction, too; when it fails, the contacts are written together, as they will be
 * for the rest of the call.
 *
 * An order of locks is kept throughout: what a subtransaction gives back is taken again in the same order, and nothing is taken
 * behind a contact that was rejected and that is wanted again.
 */
#include "postgres.h"

#include "access/xact.h"
#include "miscadmin.h"
#include "utils/resowner.h"

#include "contact_writer.h"
#include "partition.h"
#include "row_error.h"

/* An Attempt is the contacts that one subtransaction writes. */
typedef struct Attempt
{
	ContactWriter *writer;
	ContactWrite *writes;
	size_t next; /* the one that is being written */
	size_t end;
} Attempt;

static void
write_together(Attempt *attempt)
{
	store_write_together(attempt->writer->workspace_id, &attempt->writes[attempt->next], attempt->end - attempt->next);
}

static void
write_each(Attempt *attempt)
{
	for (; attempt->next < attempt->end; attempt->next++)
	{
		CHECK_FOR_INTERRUPTS();
		if (attempt->writes[attempt->next].error == NULL)
			store_write_alone(attempt->writer->workspace_id, &attempt->writes[attempt->next]);
	}
}

/* Writes in a subtransaction; returns the error of the contact that was rejected, or NULL. Raises every other error. */
static ErrorData *
write_in_subtransaction(void (*write)(Attempt *attempt), Attempt *attempt)
{
	MemoryContext memory = CurrentMemoryContext;
	ResourceOwner owner = CurrentResourceOwner;
	ErrorData *volatile error = NULL;

	BeginInternalSubTransaction(NULL);
	MemoryContextSwitchTo(memory);
	PG_TRY();
	{
		write(attempt);
		ReleaseCurrentSubTransaction();
	}
	PG_CATCH();
	{
		MemoryContextSwitchTo(memory);
		error = CopyErrorData();
		FlushErrorState();
		RollbackAndReleaseCurrentSubTransaction();
	}
	PG_END_TRY();
	MemoryContextSwitchTo(memory);
	CurrentResourceOwner = owner;
	if (error && !row_error_is_own(error))
		ReThrowError(error);
	if (error)
		partition_name_error(error);
	return error;
}

static void
insert_together(Attempt *attempt)
{
	store_insert_together(attempt->writer->workspace_id, &attempt->writes[attempt->next], attempt->end - attempt->next);
}

static void
update_together(Attempt *attempt)
{
	store_update_together(attempt->writer->workspace_id,
						  attempt->writer->snapshot,
						  &attempt->writes[attempt->next],
						  attempt->end - attempt->next);
}

/* Whether all contacts have that outcome. */
static bool
all_are(const Attempt *attempt, cu_outcome outcome)
{
	for (size_t i = attempt->next; i < attempt->end; i++)
		if (attempt->writes[i].decision->outcome != outcome)
			return false;
	return true;
}

/* Writes contacts that no rule of the user's own can reject. */
static void
write_unhindered(Attempt *attempt)
{
	ContactWriter *writer = attempt->writer;
	void (*write)(Attempt *) = all_are(attempt, CU_CREATED)	  ? insert_together
							   : all_are(attempt, CU_UPDATED) ? update_together
															  : NULL;

	/* For one contact a subtransaction costs more than it saves. */
	if (write && writer->snapshot && !writer->has_failed && attempt->end - attempt->next > 1 &&
		store_may_try_together())
	{
		writer->has_failed = write_in_subtransaction(write, attempt) != NULL;
		if (!writer->has_failed)
			return;
	}
	write_together(attempt);
}

/* Writes up to a rejected contact that has more requests; returns how many it has dealt with. */
static size_t
write_one_by_one(Attempt attempt, size_t count)
{
	size_t first = 0;
	size_t done = count;

	while (first < count)
	{
		ErrorData *error;

		attempt.next = first;
		error = write_in_subtransaction(write_each, &attempt);
		if (error)
		{
			attempt.writes[attempt.next].error = error;
			attempt.writes[attempt.next].written = false;
			if (attempt.writes[attempt.next].has_more)
			{
				count = attempt.next;
				done = count + 1;
			}
			attempt.end = attempt.next; /* those before it again */
		}
		else
		{
			first = attempt.end;
			attempt.end = count;
		}
	}
	return done;
}

bool
contact_writer_write(ContactWriter *writer, ContactWrite *writes, size_t count)
{
	Attempt attempt = {.writer = writer, .writes = writes, .end = count};
	size_t done = count;

	if (!writer->knows_rules)
		writer->rules = own_rules_read();
	writer->knows_rules = true;
	if (!writer->rules.may_reject)
		write_unhindered(&attempt);
	else if (writer->rules.act_on_insert || write_in_subtransaction(write_together, &attempt) != NULL)
		done = write_one_by_one(attempt, count);
	for (size_t i = done; i < count; i++)
		writes[i].postponed = writes[i].error == NULL;
	return done == count;
}
