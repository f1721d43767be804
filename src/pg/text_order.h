/*
 * text_order.h - texts of the database by their bytes, which is the order of collation "C": no locale takes part.
 */
#ifndef CU_TEXT_ORDER_H
#define CU_TEXT_ORDER_H

/* Less than, equal to or greater than 0, as memcmp. */
extern int compare_texts(Datum left, Datum right);

static inline int
compare_positions(int64 left, int64 right)
{
	return (left > right) - (left < right);
}

#endif
