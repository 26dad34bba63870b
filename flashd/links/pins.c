/*
 * pins: see pins.h.
 */
#include "pins.h"

#include <errno.h>
#include <fcntl.h>
#include <linux/gpio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>

#include "auto.h"

enum { LINE_MAX_NUMBER = 4095 };

static bool
parse_gpio(const char *text, struct pin *out)
{
	const char *colon = strrchr(text, ':');
	size_t len = colon ? (size_t)(colon - text) : 0;
	char *end = NULL;

	if (text[0] != '/' || len == 0 || len >= sizeof(out->chip) || colon[1] < '0' ||
	    colon[1] > '9')
		return false;
	memcpy(out->chip, text, len);
	out->chip[len] = 0;
	unsigned long line = strtoul(colon + 1, &end, 10);
	out->line = (uint32_t)line;
	return *end == 0 && line <= LINE_MAX_NUMBER;
}

static enum err
parse(const char *key, const char *text, struct pin *out, char why[WHY_SIZE])
{
	bool turned = text[0] == '!';
	const char *name = text + turned;

	*out = (struct pin){.where = PB__PIN__PIN_NONE, .inverted = turned};
	if (!text[0])
		return ERR_OK;
	if (strcmp(name, "dtr") == 0)
		out->where = turned ? PB__PIN__PIN_NOT_DTR : PB__PIN__PIN_DTR;
	else if (strcmp(name, "rts") == 0)
		out->where = turned ? PB__PIN__PIN_NOT_RTS : PB__PIN__PIN_RTS;
	else if (parse_gpio(name, out))
		out->where = PB__PIN__PIN_GPIO_FIRST;
	else
		return why_say(why, ERR_CONFIG,
		    "%s: expected dtr, rts or /dev/gpiochipN:LINE, perhaps after a !, got %.80s",
		    key, text);
	return ERR_OK;
}

enum err
pins_parse(const char *boot, const char *reset, struct pins *out, char why[WHY_SIZE])
{
	*out = (struct pins){.fd = -1};
	enum err e = parse("boot_pin", boot, &out->boot, why);

	if (!e)
		e = parse("reset_pin", reset, &out->reset, why);
	if (e || !out->boot.chip[0] || !out->reset.chip[0])
		return e;
	out->reset.where = PB__PIN__PIN_GPIO_SECOND;
	if (strcmp(out->boot.chip, out->reset.chip) == 0 && out->boot.line != out->reset.line)
		return ERR_OK;
	return why_say(why, ERR_CONFIG,
	    "boot_pin, reset_pin: expected two lines of one GPIO chip, got %s:%u and %s:%u",
	    out->boot.chip, (unsigned)out->boot.line, out->reset.chip, (unsigned)out->reset.line);
}

static void
add_line(struct gpio_v2_line_request *r, const struct pin *p, uint64_t *inverted)
{
	if (!p->chip[0])
		return;
	*inverted |= (uint64_t)p->inverted << r->num_lines;
	r->offsets[r->num_lines++] = p->line;
}

static int
real_ioctl(int fd, unsigned long request, void *arg)
{
	return ioctl(fd, request, arg);
}

enum err
pins_open(struct pins *p, pins_ioctl *call, char why[WHY_SIZE])
{
	struct gpio_v2_line_request r = {.consumer = "subota"};
	const char *chip = p->boot.chip[0] ? p->boot.chip : p->reset.chip;
	uint64_t inverted = 0;

	add_line(&r, &p->boot, &inverted);
	add_line(&r, &p->reset, &inverted);
	if (r.num_lines == 0)
		return ERR_OK;
	AUTO(fd) int fd = open(chip, O_RDWR | O_CLOEXEC);
	if (fd < 0)
		return why_say(why, errno == EACCES ? ERR_DENIED : ERR_LINK,
		    "%s: expected a GPIO chip, got: %s", chip, strerror(errno));
	/* all are outputs and off; those in `inverted` are high when they are off */
	r.config.flags = GPIO_V2_LINE_FLAG_OUTPUT;
	r.config.num_attrs = 2;
	r.config.attrs[0].attr.id = GPIO_V2_LINE_ATTR_ID_FLAGS;
	r.config.attrs[0].attr.flags = GPIO_V2_LINE_FLAG_OUTPUT | GPIO_V2_LINE_FLAG_ACTIVE_LOW;
	r.config.attrs[0].mask = inverted;
	r.config.attrs[1].attr.id = GPIO_V2_LINE_ATTR_ID_OUTPUT_VALUES;
	r.config.attrs[1].attr.values = 0;
	r.config.attrs[1].mask = (UINT64_C(1) << r.num_lines) - 1;
	if (!inverted) { /* the kernel takes no attribute for nobody */
		r.config.attrs[0] = r.config.attrs[1];
		r.config.num_attrs = 1;
	}
	if ((call ? call : real_ioctl)(fd, GPIO_V2_GET_LINE_IOCTL, &r) < 0)
		return why_say(why, errno == EBUSY ? ERR_BUSY : ERR_LINK,
		    "%s: expected its lines for us alone, got: %s", chip, strerror(errno));
	p->fd = r.fd;
	return ERR_OK;
}

void
pins_close(struct pins *p)
{
	if (p->fd >= 0)
		close(p->fd);
	p->fd = -1;
}
