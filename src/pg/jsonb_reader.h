/*
 * jsonb_reader.h - jsonb to the core's trees.
 *
 * The trees are palloc'd in the current memory context and may point into the jsonb, which must outlive them.
 */
#ifndef CU_JSONB_READER_H
#define CU_JSONB_READER_H

#include "utils/jsonb.h"

#include "core/contact_core.h"

/*
 * jsonb_read_request() reads a request. One that is larger than CU_MAX_REQUEST_BYTES or deeper than CU_MAX_DEPTH is
 * read only so far that the core can reject it; of keys that the core does not know, the values are left out. Never
 * recurses.
 */
extern cu_document jsonb_read_request(Datum jsonb);

/* jsonb_read_element() reads an element of an array of requests, as JsonbIteratorNext returns it: a scalar or jbvBinary. */
extern cu_document jsonb_read_element(const JsonbValue *element);

/*
 * jsonb_read_value() reads the value of a key of a request, as findJsonbValueFromContainer returns it; one that is too
 * large or deep as null.
 */
extern cu_json jsonb_read_value(const JsonbValue *value);

/*
 * jsonb_read_document() reads a value; it is complete unless it is larger than CU_MAX_REQUEST_BYTES or deeper than
 * CU_MAX_DEPTH.
 */
extern cu_document jsonb_read_document(Datum jsonb);

/*
 * jsonb_read() reads a value of any size that one of our tables holds, or a statement of ours returns; raises if it is
 * too deep.
 */
extern cu_json jsonb_read(Jsonb *jsonb);

#endif
