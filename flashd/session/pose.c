/*
 * pose: see pose.h. The kernel's termios2 does not go together with the C library's <termios.h>.
 */
#include "pose.h"

#include <asm/ioctls.h>
#include <asm/termbits.h>
#include <errno.h>
#include <linux/gpio.h>
#include <string.h>

int ioctl(int fd, unsigned long request, ...);

enum { DTR = 0x002, RTS = 0x004 }; /* TIOCM_DTR, TIOCM_RTS */

_Static_assert(sizeof(struct termios2) <= sizeof(((struct pose *)0)->kept), "room for termios2");

static int
real_ioctl(int fd, unsigned long request, void *arg)
{
	return ioctl(fd, request, arg);
}

void
pose_init(struct pose *p, int link_fd, int gpio_fd, pose_ioctl *call)
{
	*p = (struct pose){
	    .link_fd = link_fd, .gpio_fd = gpio_fd, .call = call ? call : real_ioctl};
}

void
pose_begin(struct pose *p, Pb__Pin boot, Pb__Pin reset)
{
	p->boot = boot;
	p->reset = reset;
	p->known = false;
}

uint8_t
pose_pins(const struct pose *p)
{
	return (uint8_t)((p->boot ? DRIVER_BOOT : 0) | (p->reset ? DRIVER_RESET : 0));
}

static int
set_modem(struct pose *p, int line, bool on)
{
	return p->call(p->link_fd, on ? TIOCMBIS : TIOCMBIC, &line);
}

static int
set_gpio(struct pose *p, unsigned index, bool on)
{
	struct gpio_v2_line_values v = {
	    .bits = (uint64_t)on << index, .mask = UINT64_C(1) << index};

	errno = EBADF;
	return p->gpio_fd < 0 ? -1 : p->call(p->gpio_fd, GPIO_V2_LINE_SET_VALUES_IOCTL, &v);
}

static enum err
set_pin(struct pose *p, const char *name, Pb__Pin pin, bool on, char why[WHY_SIZE])
{
	int rc = 0;

	switch ((int)pin) {
	case PB__PIN__PIN_DTR:
	case PB__PIN__PIN_NOT_DTR:
		rc = set_modem(p, DTR, on == (pin == PB__PIN__PIN_DTR));
		break;
	case PB__PIN__PIN_RTS:
	case PB__PIN__PIN_NOT_RTS:
		rc = set_modem(p, RTS, on == (pin == PB__PIN__PIN_RTS));
		break;
	case PB__PIN__PIN_GPIO_FIRST:
		rc = set_gpio(p, 0, on);
		break;
	case PB__PIN__PIN_GPIO_SECOND:
		rc = set_gpio(p, 1, on);
		break;
	default:
		break;
	}
	if (rc == 0)
		return ERR_OK;
	return why_say(why, ERR_LINK, "expected to set the %s pin, got: %s", name, strerror(errno));
}

/* With what is still to be written gone out first. */
static enum err
set_even(struct pose *p, bool even, char why[WHY_SIZE])
{
	struct termios2 t = {0};

	if (even) {
		if (p->call(p->link_fd, TCGETS2, &t) < 0) {
			if (errno == ENOTTY || errno == EOPNOTSUPP || errno == EINVAL)
				return ERR_OK; /* no serial line: whoever has one sets it */
			return why_say(
			    why, ERR_LINK, "expected a serial line, got: %s", strerror(errno));
		}
		memcpy(p->kept, &t, sizeof(t));
		p->framed = true;
		t.c_cflag = (t.c_cflag & ~(tcflag_t)(CSIZE | PARODD)) | CS8 | PARENB;
		t.c_iflag |= INPCK | IGNPAR;
	} else if (p->framed) {
		memcpy(&t, p->kept, sizeof(t));
		p->framed = false;
	} else {
		return ERR_OK;
	}
	if (p->call(p->link_fd, TCSETSW2, &t) == 0)
		return ERR_OK;
	return why_say(why, ERR_LINK, "expected to set the parity, got: %s", strerror(errno));
}

enum err
pose_take(struct pose *p, struct driver_line want, char why[WHY_SIZE])
{
	uint8_t changed = p->known ? want.pins ^ p->is.pins : pose_pins(p);
	enum err e = ERR_OK;

	/* the choice before the reset that it is for */
	if (changed & DRIVER_BOOT)
		e = set_pin(p, "boot", p->boot, want.pins & DRIVER_BOOT, why);
	if (!e && (changed & DRIVER_RESET))
		e = set_pin(p, "reset", p->reset, want.pins & DRIVER_RESET, why);
	if (!e && want.even != (p->known && p->is.even))
		e = set_even(p, want.even, why);
	p->known = true;
	p->is = want;
	return e;
}
