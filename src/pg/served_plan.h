/*
 * served_plan.h - the plan of a function that a proxy calls in a partition by its name.
 */
#ifndef CU_SERVED_PLAN_H
#define CU_SERVED_PLAN_H

#include "executor/spi.h"

/* A WantedFunction is a function as the proxy names it. */
typedef struct WantedFunction
{
	const char *proxy_version;
	const char *name; /* schema.name */
	int argument_count;
} WantedFunction;

/*
 * served_plan() returns the plan of a statement that calls the function with arguments that are texts, and whose rows are texts. It stays:
 * PostgreSQL plans it again when something has changed but the signature. Raises 42883 where this database has no such function of ours. Needs
 * an SPI connection.
 */
extern SPIPlanPtr served_plan(const WantedFunction *wanted);

#endif
