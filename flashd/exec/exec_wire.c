/*
 * exec_wire: see exec_wire.h.
 */
#include "exec_wire.h"

#include <assert.h>
#include <string.h>

size_t
exec_wire_format(enum exec_kind kind, const void *data, size_t len, uint8_t out[EXEC_WIRE_FRAME])
{
	assert(len <= EXEC_WIRE_DATA);
	out[0] = (uint8_t)kind;
	out[1] = (uint8_t)(len >> 8);
	out[2] = (uint8_t)len;
	if (len > 0)
		memcpy(out + EXEC_WIRE_HEAD, data, len);
	return EXEC_WIRE_HEAD + len;
}

enum exec_got
exec_wire_gather(struct exec_gather *g, uint8_t byte, size_t *len)
{
	if (g->len == 0 && (byte == 0 || !strchr("IWROX", byte)))
		return EXEC_NONSENSE;
	g->data[g->len++] = byte;
	if (g->len < EXEC_WIRE_HEAD)
		return EXEC_MORE;
	*len = (size_t)g->data[1] << 8 | g->data[2];
	if (*len > EXEC_WIRE_DATA)
		return EXEC_NONSENSE;
	if (g->len < EXEC_WIRE_HEAD + *len)
		return EXEC_MORE;
	g->len = 0;
	return EXEC_FRAME;
}
