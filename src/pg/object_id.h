/*
 * object_id.h - ids of new contacts.
 */
#ifndef CU_OBJECT_ID_H
#define CU_OBJECT_ID_H

#include "store.h"

/* Writes an ObjectId that no other call of any backend has made: the time, the backend's random number, a counter. */
extern void object_id_make(char id[OBJECT_ID_SIZE]);

#endif
