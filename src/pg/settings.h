/*
 * settings.h - the settings contact_upsert.*
 */
#ifndef CU_SETTINGS_H
#define CU_SETTINGS_H

#include "fmgr.h"

/* settings_define() defines the settings; called once, from _PG_init. */
extern void settings_define(void);

/* NotifySetting is what contact_upsert.notify can be. */
typedef enum NotifySetting
{
	NOTIFY_EVENTS,
	NOTIFY_WAKEUP,
	NOTIFY_OFF,
} NotifySetting;

/* UnknownKeysSetting is what contact_upsert.unknown_keys can be. */
typedef enum UnknownKeysSetting
{
	UNKNOWN_KEYS_NOTICE,
	UNKNOWN_KEYS_IGNORE,
	UNKNOWN_KEYS_REFUSE,
} UnknownKeysSetting;

extern int64 settings_workspace_id(void);

/* settings_workspace_argument() returns the workspace that a function is called for: an argument of it, or for NULL the setting. */
extern int64 settings_workspace_argument(FunctionCallInfo fcinfo, int number);

extern UnknownKeysSetting settings_unknown_keys(void);
extern bool settings_fast_path(void); /* whether look-ups and events may do without statements */
extern bool settings_events(void);	  /* for the tables' owner to turn off */
extern NotifySetting settings_notify(void);
extern int settings_notify_interval(void); /* milliseconds */

/* settings_proxy_in_transaction() returns contact_upsert_proxy.allow_in_transaction. */
extern bool settings_proxy_in_transaction(void);

/* settings_for_partition() returns the settings of the session that a partition is to go by, those that are not the default; NULL if there are none. */
extern const char *settings_for_partition(void);

/* settings_of_proxy() makes these settings those of the transaction. */
extern void settings_of_proxy(char *words);

#endif
