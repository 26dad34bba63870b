/*
 * tty: see tty.h. termios2 is the kernel's own, whose header does not go together with the C
 * library's <termios.h>.
 */
#include <asm/ioctls.h>
#include <asm/termbits.h>
#include <errno.h>
#include <fcntl.h>
#include <linux/serial.h>
#include <string.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <sys/sysmacros.h>

#include "auto.h"
#include "tty.h"

/* <sys/ioctl.h> would bring the other termios. */
int ioctl(int fd, unsigned long request, ...);

enum { PTY_MAJOR_FIRST = 136, PTY_MAJOR_LAST = 143 };

static enum err
open_error(int number)
{
	if (number == EACCES || number == EPERM)
		return ERR_DENIED;
	return number == EBUSY ? ERR_BUSY : ERR_LINK;
}

static bool
is_pty(int fd)
{
	struct stat st;

	if (fstat(fd, &st) < 0)
		return false;
	return major(st.st_rdev) >= PTY_MAJOR_FIRST && major(st.st_rdev) <= PTY_MAJOR_LAST;
}

static enum err
take_alone(int fd, const char *path, char why[WHY_SIZE])
{
	if (flock(fd, LOCK_EX | LOCK_NB) < 0)
		return why_say(why, ERR_BUSY,
		    "%.80s: expected it to be free, got: in use by another program", path);
	if (is_pty(fd)) /* exclusive would outlive us as long as its other end holds it open */
		return ERR_OK;
	if (ioctl(fd, TIOCEXCL) < 0)
		return why_say(why, errno == ENOTTY ? ERR_CONFIG : ERR_LINK,
		    "%.80s: expected a serial line for us alone, got: %s", path, strerror(errno));
	return ERR_OK;
}

static void
make_raw(struct termios2 *t, const struct tty_settings *s)
{
	t->c_iflag = 0;
	t->c_oflag = 0;
	t->c_lflag = 0;
	t->c_cflag = CREAD | CLOCAL | CS8 | BOTHER;
	if (s->parity != TTY_NONE) {
		t->c_cflag |= PARENB | (s->parity == TTY_ODD ? PARODD : 0);
		t->c_iflag |= INPCK | IGNPAR;
	}
	if (s->two_stop_bits)
		t->c_cflag |= CSTOPB;
	if (s->flow == TTY_RTSCTS)
		t->c_cflag |= CRTSCTS;
	t->c_cc[VMIN] = 1;
	t->c_cc[VTIME] = 0;
	t->c_ispeed = t->c_ospeed = s->baud;
}

/* Within 3 %: what a divisor cannot hit exactly, a UART still understands. */
static bool
is_near(uint32_t wanted, uint32_t got)
{
	uint64_t off = wanted > got ? wanted - got : got - wanted;

	return off * 100 <= (uint64_t)wanted * 3;
}

/* What a divisor has no part in is taken or it is not. */
static enum err
same_shape(const struct termios2 *want, const struct termios2 *got, const struct tty_settings *s,
    char why[WHY_SIZE])
{
	static const struct {
		tcflag_t bits;
		const char *name;
	} rows[] = {{PARENB | PARODD, "the parity"},
	    {CSTOPB, "the stop bits"},
	    {CRTSCTS, "flow control by RTS and CTS"}};

	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++)
		if ((want->c_cflag & rows[i].bits) != (got->c_cflag & rows[i].bits))
			return why_say(why, ERR_LINK,
			    "%.80s: expected %s to be taken, got another setting", s->path,
			    rows[i].name);
	return ERR_OK;
}

bool
tty_same(const struct tty_settings *a, const struct tty_settings *b)
{
	return a->baud == b->baud && a->parity == b->parity && a->flow == b->flow &&
	       a->two_stop_bits == b->two_stop_bits && a->may_hold_back == b->may_hold_back;
}

static enum err
set_line(int fd, const struct tty_settings *s, char why[WHY_SIZE])
{
	struct termios2 t = {0}, got = {0};

	if (ioctl(fd, TCGETS2, &t) < 0)
		return why_say(why, ERR_CONFIG, "%.80s: expected a serial line, got: %s", s->path,
		    strerror(errno));
	make_raw(&t, s);
	if (ioctl(fd, TCSETS2, &t) < 0 || ioctl(fd, TCGETS2, &got) < 0)
		return why_say(why, ERR_LINK, "%.80s: expected %u baud, got: %s", s->path,
		    (unsigned)s->baud, strerror(errno));
	if (is_pty(fd))
		return ERR_OK;
	if (!is_near(s->baud, got.c_ospeed) || !is_near(s->baud, got.c_ispeed))
		return why_say(why, ERR_LINK, "%.80s: expected %u baud, got %u", s->path,
		    (unsigned)s->baud, (unsigned)got.c_ospeed);
	return same_shape(&t, &got, s, why);
}

/* Some drivers hold bytes back for 16 ms and more; where they cannot be told, it is only slower. */
static void
ask_for_low_latency(int fd)
{
	struct serial_struct serial = {0};

	if (ioctl(fd, TIOCGSERIAL, &serial) < 0)
		return;
	serial.flags |= ASYNC_LOW_LATENCY;
	if (ioctl(fd, TIOCSSERIAL, &serial) < 0)
		errno = 0;
}

enum err
tty_open(const struct tty_settings *s, int *fd, char why[WHY_SIZE])
{
	AUTO(fd) int file = open(s->path, O_RDWR | O_NOCTTY | O_NONBLOCK | O_CLOEXEC);

	if (file < 0)
		return why_say(why, open_error(errno), "%.80s: expected a serial line, got: %s",
		    s->path, strerror(errno));
	enum err e = take_alone(file, s->path, why);
	if (e == ERR_OK)
		e = set_line(file, s, why);
	if (e != ERR_OK)
		return e;
	if (!s->may_hold_back)
		ask_for_low_latency(file);
	tty_flush(file);
	*fd = hand_over_fd(&file);
	return ERR_OK;
}

void
tty_flush(int fd)
{
	if (ioctl(fd, TCFLSH, TCIFLUSH) < 0)
		errno = 0; /* gone: whoever reads next finds out */
}

bool
tty_renew(int fd, const struct tty_settings *s)
{
	char why[WHY_SIZE];

	return set_line(fd, s, why) == ERR_OK;
}
