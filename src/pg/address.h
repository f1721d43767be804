/*
 * address.h - what is kept of a contact's earlier addresses.
 */
#ifndef CU_ADDRESS_H
#define CU_ADDRESS_H

/*
 * address_note_change() keeps in the history, at level all, that a contact had the address old before new; both are texts. For code
 * that has checked what its caller may do. Needs an SPI connection.
 */
extern void address_note_change(int64 workspace_id, const char *contact_id, int64 contact_version, Datum old,
								Datum new);

#endif
