/*
 * new_tags.h - the tags that the requests of an array create, as if one request came after the other.
 */
#ifndef CU_NEW_TAGS_H
#define CU_NEW_TAGS_H

#include "requests.h"

/* A name that a request makes a tag. */
typedef struct NewTag
{
	int64 position; /* of the first request that does */
	Datum name;
	int64 tag_id; /* once it is created */
} NewTag;

typedef struct NewTags
{
	MemoryContext memory;
	NewTag *tags;
	size_t count;
	size_t capacity;
	int64 *ids; /* of the created ones, by position */
} NewTags;

/* Begins with none, in the current memory. */
extern void new_tags_begin(NewTags *new_tags);

/* Adds a copy of a name, a text of the database. */
extern void new_tags_add(NewTags *new_tags, int64 position, Datum name);

/*
 * Adds the names that are no tags yet. is_excluded, by position, has the requests that create none because they turned out
 * to be rejected; the others are believed to be good. Needs no SPI connection.
 */
extern void new_tags_collect(NewTags *new_tags, int64 workspace_id, const Requests *requests, const bool *is_excluded);

/*
 * Creates them; what exists by now, or comes first with another position, is left out. Keeps others from creating some until
 * the transaction ends. Needs no SPI connection.
 */
extern void new_tags_create(NewTags *new_tags, int64 workspace_id);

/* The definitions as a request finds them: with the tags that it and earlier ones create. */
extern const cu_definitions *new_tags_definitions(const NewTags *new_tags, const cu_definitions *definitions,
												  int64 position);

#endif
