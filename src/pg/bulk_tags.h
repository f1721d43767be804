/*
 * bulk_tags.h - the tags that an array of requests creates.
 */
#ifndef CU_BULK_TAGS_H
#define CU_BULK_TAGS_H

#include "bulk_requests.h"

/*
 * Creates the tags that requests of an array ask for and that do not exist yet: all names of the requests whose address and
 * whose tags are good, in the order of the array. Requests are given in that order. Needs no SPI connection.
 */
extern void bulk_tags_create(int64 workspace_id, const Requests *requests);

#endif
