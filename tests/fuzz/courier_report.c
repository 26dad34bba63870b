/*
 * What a courier sends, as the gate takes it: unpacked, admitted, held against the order.
 */
#include "auto.h"
#include "image.h"
#include "msg.h"
#include "route.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	AUTO(msg) Pb__Envelope *e = NULL;
	struct image i = {.state = IMAGE_FETCHING, .size = 1000, .has_md5 = true};

	if (msg_unpack(data, size, ROUTE_PIPE_MAX, &e) != ERR_OK)
		return 0;
	if (route_admit(e, size, WHO_COURIER, WHO_FETCHD, ROUTE_READY) != ERR_OK)
		return 0;
	if (e->body_case != PB__ENVELOPE__BODY_COURIER_REPORT)
		return 0;
	if (image_take_report(&i, e->courier_report) == ERR_OK &&
	    (i.done > i.size || i.durable > i.done))
		abort();
	return 0;
}
