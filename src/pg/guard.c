/*
 * guard.c - looks suppressed addresses up for upserts, before they are decided on and again once they are written.
 *
 * Again, because a contact may opt out and go between the two. A suppression that is committed by the time of the second look is
 * seen; one that comes later is of a contact that is deleted later, which is the one that has just been written, or a later one.
 * For the INSERT has waited for whatever session was deleting a contact with the address.
 */
#include "postgres.h"

#include "utils/builtins.h"

#include "definitions.h"
#include "guard.h"
#include "store.h"
#include "suppression.h"

/* Returns the addresses of the upserts of those numbers. */
static Datum *
emails_of(Upsert *const *upserts, const size_t *numbers, size_t count)
{
	Datum *emails = palloc(sizeof(Datum) * Max(count, 1));

	for (size_t i = 0; i < count; i++)
		emails[i] = upserts[numbers[i]]->found.email;
	return emails;
}

/* Sets suppressed of the upserts of those numbers. */
static void
look_up(int64 workspace_id, Upsert *const *upserts, const size_t *numbers, size_t count)
{
	bool *suppressed = palloc(sizeof(bool) * Max(count, 1));

	suppression_find(workspace_id, emails_of(upserts, numbers, count), count, suppressed);
	for (size_t i = 0; i < count; i++)
		upserts[numbers[i]]->suppressed = suppressed[i];
}

void
guard_look_up(int64 workspace_id, Upsert *const *upserts, size_t count)
{
	size_t *asking = palloc(sizeof(size_t) * Max(count, 1));
	size_t asking_count = 0;

	for (size_t i = 0; i < count; i++)
	{
		upserts[i]->suppressed = false;
		if (upserts[i]->asks)
			asking[asking_count++] = i;
	}
	if (asking_count > 0)
		look_up(workspace_id, upserts, asking, asking_count);
}

/* Whether a contact that was written is mailed now and was not before, with consent: else the policy had not let it pass. */
static bool
has_consent(int64 workspace_id, const Upsert *upsert)
{
	const cu_decision *decision = &upsert->decision;

	return !upsert->restores && cu_is_mailable(decision->status) &&
		   (decision->outcome == CU_CREATED || !cu_is_mailable(decision->old_status)) &&
		   definitions_are_guarded(workspace_id);
}

bool
guard_check_written(int64 workspace_id, Upsert *const *upserts, size_t count, bool *refused)
{
	size_t *asking = palloc(sizeof(size_t) * Max(count, 1));
	size_t *consenting = palloc(sizeof(size_t) * Max(count, 1));
	size_t asking_count = 0;
	size_t consenting_count = 0;
	bool has_refused = false;

	memset(refused, 0, sizeof(bool) * count);
	for (size_t i = 0; i < count; i++)
		if (upserts[i]->decision.outcome == CU_CREATED && upserts[i]->asks)
			asking[asking_count++] = i;
		else if (has_consent(workspace_id, upserts[i]))
			consenting[consenting_count++] = i;
	if (consenting_count > 0)
		(void)suppression_lift(workspace_id, emails_of(upserts, consenting, consenting_count), consenting_count);
	if (asking_count == 0)
		return false;
	look_up(workspace_id, upserts, asking, asking_count);
	for (size_t i = 0; i < asking_count; i++)
	{
		const Upsert *upsert = upserts[asking[i]];

		if (!upsert->suppressed)
			continue;
		store_delete_contact(workspace_id, CStringGetTextDatum(upsert->after.id));
		refused[asking[i]] = has_refused = true;
	}
	return has_refused;
}
