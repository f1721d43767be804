/*
 * settings.h - the settings contact_upsert.*
 */
#ifndef CU_SETTINGS_H
#define CU_SETTINGS_H

/* Defines the settings; called once, from _PG_init. */
extern void settings_define(void);

/* What contact_upsert.notify can be. */
typedef enum NotifySetting
{
	NOTIFY_EVENTS,
	NOTIFY_WAKEUP,
	NOTIFY_OFF,
} NotifySetting;

/* What contact_upsert.unknown_keys can be. */
typedef enum UnknownKeysSetting
{
	UNKNOWN_KEYS_NOTICE,
	UNKNOWN_KEYS_IGNORE,
	UNKNOWN_KEYS_REFUSE,
} UnknownKeysSetting;

extern int64 settings_workspace_id(void);
extern UnknownKeysSetting settings_unknown_keys(void);
extern NotifySetting settings_notify(void);
extern int settings_notify_interval(void); /* milliseconds */

#endif
