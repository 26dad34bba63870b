/*
 * modbus_dump: see modbus_dump.h. A frame does not say whether it asks or answers; its length does,
 * except where an answer repeats the request.
 */
#include "modbus_dump.h"

#include <cjson/cJSON.h>
#include <stdbool.h>
#include <string.h>

#include "auto.h"
#include "modbus_frame.h"

AUTO_DEFINE(cjson, cJSON *, cJSON_Delete)

struct frame {
	bool tcp;
	unsigned unit, transaction;
	const uint8_t *pdu;
	size_t len;
};

static unsigned
get16(const uint8_t *p)
{
	return (unsigned)p[0] << 8 | p[1];
}

static enum err
unframe(const uint8_t *data, size_t len, struct frame *f)
{
	if (len < 4)
		return ERR_TRUNCATED;
	const uint8_t *sum = data + len - 2;
	if (modbus_frame_crc(data, len - 2) == (sum[0] | sum[1] << 8)) {
		*f = (struct frame){false, data[0], 0, data + 1, len - 3};
		return f->len <= MODBUS_PDU ? ERR_OK : ERR_LIMIT;
	}
	if (get16(data + 2) != 0)
		return ERR_FRAME_SUM;
	if (len < 8)
		return ERR_TRUNCATED;
	unsigned says = get16(data + 4);
	if (says < 2 || says > MODBUS_PDU + 1)
		return ERR_FRAME_SUM;
	if (len != 6 + says)
		return len < 6 + says ? ERR_TRUNCATED : ERR_MALFORMED;
	*f = (struct frame){true, data[6], get16(data), data + 7, len - 7};
	return ERR_OK;
}

static const char *
name_of(unsigned function)
{
	static const struct {
		unsigned function;
		const char *name;
	} names[] = {{MODBUS_READ_HOLDING, "read holding registers"},
	    {MODBUS_READ_INPUT, "read input registers"}, {MODBUS_SET, "write single register"},
	    {MODBUS_WRITE, "write multiple registers"}, {MODBUS_WRITE_FILE, "write file record"}};

	for (size_t i = 0; i < sizeof(names) / sizeof(names[0]); i++)
		if (names[i].function == function)
			return names[i].name;
	return NULL;
}

static bool
put_number(cJSON *into, const char *name, unsigned v)
{
	return cJSON_AddNumberToObject(into, name, v) != NULL;
}

static bool
put_text(cJSON *into, const char *name, const char *text)
{
	return cJSON_AddStringToObject(into, name, text) != NULL;
}

static bool
put_hex(cJSON *into, const uint8_t *data, size_t len)
{
	char text[2 * MODBUS_PDU + 1] = "";

	for (size_t i = 0; i < len; i++)
		snprintf(text + 2 * i, 3, "%02x", data[i]);
	return put_text(into, "data", text);
}

/* One file record; a request with several is more than the driver ever makes. */
static enum err
put_file(cJSON *into, const uint8_t *p, size_t len)
{
	if (len < 9 || p[2] != 6 || len != 9u + 2u * get16(p + 7))
		return ERR_MALFORMED;
	return put_number(into, "file", get16(p + 3)) && put_number(into, "record", get16(p + 5)) &&
		       put_number(into, "registers", get16(p + 7)) && put_hex(into, p + 9, len - 9)
		   ? ERR_OK
		   : ERR_NOMEM;
}

static enum err
put_request(cJSON *into, const uint8_t *p, size_t len)
{
	bool data = p[0] == MODBUS_WRITE && len > 5; /* its answer has none */

	if (data && len != 6u + 2u * get16(p + 3))
		return ERR_MALFORMED;
	bool fine = put_number(into, "address", get16(p + 1)) &&
		    put_number(into, p[0] == MODBUS_SET ? "value" : "registers", get16(p + 3)) &&
		    (!data || put_hex(into, p + 6, len - 6));
	return fine ? ERR_OK : ERR_NOMEM;
}

static enum err
put_pdu(cJSON *into, const uint8_t *p, size_t len)
{
	bool ask = modbus_frame_request_len(p, len) == (int)len;
	bool tell = modbus_frame_answer_len(p, len) == (int)len;

	if (!ask && !tell)
		return ERR_MALFORMED;
	if (!put_text(into, "meaning",
		p[0] & MODBUS_FAILED ? "exception"
		: ask && tell        ? "either"
		: ask                ? "request"
				     : "answer"))
		return ERR_NOMEM;
	if (p[0] & MODBUS_FAILED)
		return put_number(into, "exception", p[1]) &&
			       put_text(into, "text", modbus_frame_exception(p[1]))
			   ? ERR_OK
			   : ERR_NOMEM;
	if (p[0] == MODBUS_WRITE_FILE)
		return put_file(into, p, len);
	if (ask || p[0] == MODBUS_WRITE)
		return put_request(into, p, len);
	return put_hex(into, p + 2, len - 2) ? ERR_OK : ERR_NOMEM;
}

enum err
modbus_dump_json(const uint8_t *data, size_t len, char **out)
{
	struct frame f = {0};
	enum err e = unframe(data, len, &f);

	if (e)
		return e;
	unsigned function = f.pdu[0] & 0x7f;
	if (!name_of(function))
		return ERR_UNSUPPORTED;
	AUTO(cjson) cJSON *doc = cJSON_CreateObject();
	if (!doc || !put_text(doc, "framing", f.tcp ? "tcp" : "rtu") ||
	    !put_number(doc, "unit", f.unit) ||
	    (f.tcp && !put_number(doc, "transaction", f.transaction)) ||
	    !put_number(doc, "function", function) || !put_text(doc, "name", name_of(function)))
		return ERR_NOMEM;
	e = put_pdu(doc, f.pdu, f.len);
	if (e)
		return e;
	*out = cJSON_PrintUnformatted(doc);
	return *out ? ERR_OK : ERR_NOMEM;
}
