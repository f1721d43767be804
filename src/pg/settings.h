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

extern int64 settings_workspace_id(void);
extern NotifySetting settings_notify(void);
extern int settings_notify_interval(void); /* milliseconds */

#endif
