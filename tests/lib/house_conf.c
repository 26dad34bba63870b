/*
 * house_conf: see house_conf.h.
 */
#include "house_conf.h"

#include <errno.h>
#include <libgen.h>
#include <netinet/in.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>

#include "house_crowd.h"
#include "house_look.h"
#include "house_pack.h"
#include "json.h"

#define GATEWAY_SECRET "R2F0ZXdheVNlY3JldA"
#define DEVICE_SECRET "TWV0ZXJTZWNyZXQxMg"

enum { OLD_SEQUENCE = 1, OLD_SIZE = 20000 };

static enum err
make_directory(struct house *h, const char *name)
{
	char path[300];

	snprintf(path, sizeof(path), "%s/%s", h->dir, name);
	if (mkdir(path, 0755) == 0)
		return ERR_OK;
	return house_fail(h, ERR_SYSTEM, "%s: %s", path, strerror(errno));
}

/* The programs of this very build: tests lie in ../tests beside bin, the demo in it. */
static void
find_programs(struct house *h)
{
	char self[280] = "";

	if (readlink("/proc/self/exe", self, sizeof(self) - 1) > 0)
		snprintf(h->programs, sizeof(h->programs), "%s/../bin", dirname(self));
}

static enum err
make_old_image(struct house *h)
{
	struct bundle_bytes image = h->options.stm32
					? house_pack_stm32(HOUSE_OLD, OLD_SIZE)
					: house_pack_image(HOUSE_OLD, OLD_SEQUENCE, OLD_SIZE);

	if (!image.data)
		return ERR_NOMEM;
	kit_write(h->dir, "old.img", image.data, image.len);
	free(image.data);
	return ERR_OK;
}

enum err
house_conf_directories(struct house *h)
{
	char name[32];
	enum err e = ERR_OK;

	find_programs(h);
	if (chmod(h->dir, 0755) < 0)
		return house_fail(h, ERR_SYSTEM, "%s: %s", h->dir, strerror(errno));
	e = make_directory(h, "log");
	for (unsigned i = 0; e == ERR_OK && i < h->options.devices; i++)
		e = make_directory(h, house_name(HOUSE_DEVICE + i, name));
	if (e == ERR_OK && h->options.crowd)
		e = make_directory(h, "crowd");
	h->kit = kit_new(h->dir);
	return e == ERR_OK ? make_old_image(h) : e;
}

/* --- the platform ----------------------------------------------------------------------------- */

static enum err
must(struct house *h, const struct tool_result *r, const char *what)
{
	if (r->status == 0)
		return ERR_OK;
	return house_fail(
	    h, ERR_SYSTEM, "subota-devcenter %s: status %d: %.200s", what, r->status, r->out);
}

#define DC(h, e, ...) \
	do { \
		if ((e) == ERR_OK) { \
			struct tool_result r_ = HOUSE_DC(h, __VA_ARGS__); \
			(e) = must(h, &r_, #__VA_ARGS__); \
		} \
	} while (0)

enum err
house_conf_platform(struct house *h)
{
	char device[64];
	enum err e = ERR_OK;

	DC(h, e, "init");
	DC(h, e, "product", "add", HOUSE_GATEWAY_PK, "--ps", GATEWAY_SECRET);
	DC(h, e, "product", "add", HOUSE_PK, "--kind", "subdevice", "--ps", DEVICE_SECRET);
	DC(h, e, "gateway", "add", HOUSE_GATEWAY_PK "/" HOUSE_GATEWAY_DK);
	for (unsigned i = 0; i < h->options.devices / h->options.parts; i++) {
		snprintf(device, sizeof(device), "%s/METER%u", HOUSE_PK, i + 1);
		DC(h, e, "subdevice", "add", device, "--gateway",
		    HOUSE_GATEWAY_PK "/" HOUSE_GATEWAY_DK);
	}
	return e;
}

enum err
house_conf_ports(struct house *h)
{
	char path[300];

	snprintf(path, sizeof(path), "%s/devcenter/ready.json", h->dir);
	AUTO(json) cJSON *doc = json_file(path);
	const cJSON *mqtt = cJSON_GetObjectItem(doc, "mqtt_port");
	const cJSON *https = cJSON_GetObjectItem(doc, "https_port");
	const cJSON *console = cJSON_GetObjectItem(doc, "console_port");

	if (!cJSON_IsNumber(mqtt) || !cJSON_IsNumber(https) || !cJSON_IsNumber(console))
		return house_fail(h, ERR_MALFORMED, "%s: expected three ports", path);
	h->mqtt = (unsigned)mqtt->valueint;
	h->https = (unsigned)https->valueint;
	h->console = (unsigned)console->valueint;
	return ERR_OK;
}

/* Held until all are chosen, so that no two are the same. */
enum err
house_conf_device_ports(struct house *h)
{
	int type = strcmp(h->options.link, "tcp") == 0 ? SOCK_STREAM : SOCK_DGRAM;
	int held[HOUSE_DEVICES];
	enum err e = ERR_OK;

	for (unsigned i = 0; i < h->options.devices; i++) {
		struct sockaddr_in at = {
		    .sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
		socklen_t len = sizeof(at);

		held[i] = socket(AF_INET, type | SOCK_CLOEXEC, 0);
		if (held[i] < 0 || bind(held[i], (struct sockaddr *)&at, len) < 0 ||
		    getsockname(held[i], (struct sockaddr *)&at, &len) < 0)
			e = house_fail(h, ERR_SYSTEM, "no free port: %s", strerror(errno));
		h->device_port[i] = ntohs(at.sin_port);
	}
	for (unsigned i = 0; i < h->options.devices; i++)
		if (held[i] >= 0)
			close(held[i]);
	return e;
}

/* --- the configuration file ------------------------------------------------------------------- */

static void
write_common(const struct house *h, FILE *f)
{
	bool root = geteuid() == 0;
	unsigned me = (unsigned)geteuid();

	fprintf(f, "[common]\nrun_dir = %s/run\nstate_dir = %s/state\nstore_dir = %s/store\n",
	    h->dir, h->dir, h->dir);
	fprintf(f,
	    "lib_dir = %s\ncloud_user = %u\nfetch_user = %u\ncourier_user = %u\n"
	    "flash_user = %u\nsession_user = %u\noperator_group = %u\ndevice_group = %u\n",
	    h->programs, root ? HOUSE_CLOUD_UID : me, root ? HOUSE_FETCH_UID : me,
	    root ? HOUSE_COURIER_UID : me, root ? HOUSE_FLASH_UID : me,
	    root ? HOUSE_SESSION_UID : me, (unsigned)getegid(), (unsigned)getegid());
	if (h->options.degrade)
		fprintf(f, "sandbox = degrade\n");
}

static void
write_cloudd(const struct house *h, FILE *f)
{
	fprintf(f,
	    "\n[cloudd]\nhost = 127.0.0.1\nport = %u\nca_file = %s/devcenter/ca.pem\n"
	    "product_key = %s\ndevice_key = %s\nsecrets = %s/secrets\n",
	    h->mqtt, h->dir, HOUSE_GATEWAY_PK, HOUSE_GATEWAY_DK, h->dir);
	bool asks = h->options.cloudd && strstr(h->options.cloudd, "request_interval");

	if (h->options.hasty && !asks)
		fprintf(f, "request_interval = %s\nkeepalive = 10 s\n",
		    h->options.asks    ? h->options.asks
		    : h->options.crowd ? "10 s"
				       : "2 s");
	if (h->options.cloudd)
		fprintf(f, "%s\n", h->options.cloudd);
}

static void
write_fetchd(const struct house *h, FILE *f)
{
	/* the package server is on this machine */
	fprintf(f,
	    "\n[fetchd]\ntrust_dir = %s\nca_file = %s/devcenter/ca.pem\n"
	    "allow_private_hosts = yes\nmark_bytes = 64 KiB\n",
	    h->kit->anchor_dir, h->dir);
	if (!h->options.fetchd || !strstr(h->options.fetchd, "package_ports"))
		fprintf(f, "package_ports = %u\n", h->https);
	if (h->options.fetchd)
		fprintf(f, "%s\n", h->options.fetchd);
}

static void
write_port(const struct house *h, unsigned i, FILE *f)
{
	if (house_is_networked(h))
		fprintf(f, "port = %s:127.0.0.1:%u\n", h->options.link, h->device_port[i - 1]);
	else
		fprintf(f, "port = %s/device%u/tty\n", h->dir, i);
	if (h->options.link && strcmp(h->options.link, "raw") == 0)
		fprintf(f, "framing = raw\nraw_quiet_ms = 200\n");
}

/* What a configuration says of the loaders of tests/subdevices. */
static void
write_loader(const struct house *h, FILE *f)
{
	bool gecko = strcmp(h->options.loader, "gecko") == 0;

	if (strcmp(h->options.loader, "mcuboot") == 0) {
		fprintf(f, "driver = mcuboot\nreply_ms = 300\nretries = 3\nreset_wait_ms = 50\n");
		return;
	}
	fprintf(f, "driver = xmodem\n%s",
	    gecko ? "recipe = gecko\nidentify = send 'version\\n' expect 'app {version}'\n"
		    "launch = send 'bootloader\\n' expect 'BL > '\n"
		  : "recipe = u-boot\nprotocol = ymodem\naddress = 40200000\n"
		    "verify = send '\\r' expect '=> ' 5000 send 'crc32 {address} {size}\\r' "
		    "expect '==> {crc32}' send 'sf update {address} 0 {size}\\r' expect "
		    "'written' send 'setenv fw_version {target}\\r' expect '=> ' send "
		    "'saveenv\\r' expect '=> '\nrun = send 'reset\\r'\n");
	if (h->options.hasty)
		fprintf(f, "start_ms = 10000\nreply_ms = 2500\neot_ms = 300\n"
			   "run_wait_ms = 100\ntries = 2\n");
}

static void
write_stm32(FILE *f)
{
	fprintf(f, "driver = an3155\n"
		   "identify = send 'version\\n' expect 'app {version}\\r' 400\n"
		   "launch = send 'boot\\n' expect 'ok' 400\ntries = 2\n"
		   "reply_ms = 500\nsync_ms = 80\nrun_wait_ms = 100\n");
}

/* `second`: of the processor behind the one that answers, whose component is "radio". */
static void
write_device(const struct house *h, unsigned i, bool second, FILE *f)
{
	fprintf(f,
	    "\n[flashd.device meter%u%s]\nproduct_key = %s\ndevice_key = METER%u\n"
	    "component = %s\nvendor = %s\nmodel = %s\nbaud = %u\n",
	    i, second ? "-radio" : "", HOUSE_PK, (i - 1) / h->options.parts + 1,
	    second ? "radio" : house_component(h, i - 1), HOUSE_VENDOR, HOUSE_MODEL,
	    h->options.baud);
	write_port(h, i, f);
	if (second)
		fprintf(f, "image = 1\n");
	if (h->options.device)
		fprintf(f, "%s\n", h->options.device);
	if (h->options.loader)
		write_loader(h, f);
	else if (h->options.stm32)
		write_stm32(f);
	else if (h->options.hasty)
		fprintf(f, "reply_ms = 300\nretries = 2\nreset_wait_ms = 50\n");
}

static void
write_flashd(const struct house *h, FILE *f)
{
	fprintf(f, "\n[flashd]\ntrust_dir = %s\n", h->kit->anchor_dir);
	if (h->options.flashd)
		fprintf(f, "%s\n", h->options.flashd);
	else if (h->options.hasty)
		fprintf(f,
		    "ask_every = 2 s\naway_retry = 60 s\nflash_deadline = 90 s\n"
		    "reboot_deadline = 30 s\ntest_deadline = 30 s\nconfirm_deadline = 30 s\n");
	for (unsigned i = 1; i <= h->options.devices; i++) {
		write_device(h, i, false, f);
		if (h->options.second)
			write_device(h, i, true, f);
	}
}

enum err
house_conf_write(struct house *h)
{
	char path[300], secrets[300];
	mode_t old = umask(077);

	snprintf(secrets, sizeof(secrets), "%s/secrets", h->dir);
	AUTO(file) FILE *s = fopen(secrets, "we");
	umask(old);
	snprintf(path, sizeof(path), "%s/subota.conf", h->dir);
	AUTO(file) FILE *f = fopen(path, "we");
	if (!s || !f)
		return house_fail(h, ERR_SYSTEM, "%s, %s: %s", secrets, path, strerror(errno));
	fprintf(s, "[product %s]\nsecret = %s\n[product %s]\nsecret = %s\n", HOUSE_GATEWAY_PK,
	    GATEWAY_SECRET, HOUSE_PK, DEVICE_SECRET);
	write_common(h, f);
	write_cloudd(h, f);
	write_fetchd(h, f);
	write_flashd(h, f);
	if (h->options.crowd)
		house_crowd_write(h, s, f);
	if (ferror(s) || ferror(f))
		return house_fail(h, ERR_FULL, "%s: cannot be written", path);
	return ERR_OK;
}
