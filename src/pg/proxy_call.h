/*
 * proxy_call.h - a call from a proxy to one of its partitions.
 */
#ifndef CU_PROXY_CALL_H
#define CU_PROXY_CALL_H

/* PROXY_SERVER is the foreign server that names the partitions, PL/Proxy's cluster. */
#define PROXY_SERVER "contacts"

/* proxy_call_init() watches for changes of the server. Called once, when the module is loaded. */
extern void proxy_call_init(void);

/* proxy_partition_count() returns how many partitions there are. Raises what to do if there are none. */
extern int proxy_partition_count(void);

/* proxy_partition_of() returns the partition that has a workspace. */
extern int proxy_partition_of(int64 workspace_id);

/*
 * proxy_refuse_in_transaction() raises 25001 for a call that writes where a rollback of the proxy's would not undo it, unless
 * contact_upsert_proxy.allow_in_transaction is on: its name, with parentheses.
 */
extern void proxy_refuse_in_transaction(const char *call);

/*
 * proxy_call() has a partition call a function, schema.name, with arguments that are texts. Its rows are in SPI_tuptable, without errors:
 * proxy_row() reads them. Needs an SPI connection. Raises the partition's errors as they were raised there.
 */
extern uint64 proxy_call(int number, const char *function, Datum *arguments, bool *nulls, int argument_count);

/* proxy_answer() has a partition call contact_upsert(), with a request or 0 for NULL, and returns the answer. Needs no SPI. */
extern char *proxy_answer(int64 workspace_id, Datum request);

/* proxy_row() returns the value of a row, from 0; NULL for null. */
extern char *proxy_row(uint64 row);

#endif
