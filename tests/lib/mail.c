/*
 * mail: see mail.h.
 */
#include <criterion/criterion.h>

#include "mail.h"

Pb__Envelope *
mail_copy(const Pb__Envelope *e)
{
	size_t len = pb__envelope__get_packed_size(e);
	AUTO(mem) uint8_t *bytes = malloc(len);
	Pb__Envelope *copy = NULL;

	pb__envelope__pack(e, bytes);
	cr_assert_eq(msg_unpack(bytes, len, len, &copy), ERR_OK);
	return copy;
}
