/*
 * triggers.h - what the triggers in C have in common.
 */
#ifndef CU_TRIGGERS_H
#define CU_TRIGGERS_H

#include "commands/trigger.h"
#include "fmgr.h"
#include "utils/reltrigger.h"

/*
 * triggers_data() returns what a trigger is called with; raises unless it is called for a row, at such a time (TRIGGER_EVENT_BEFORE,
 * TRIGGER_EVENT_AFTER) of such an event.
 */
extern TriggerData *triggers_data(FunctionCallInfo fcinfo, TriggerEvent timing, TriggerEvent event);

/* triggers_is_enabled() says whether a trigger fires in this session. */
extern bool triggers_is_enabled(const Trigger *trigger);

#endif
