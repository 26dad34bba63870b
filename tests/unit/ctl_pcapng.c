/*
 * ctl_pcapng: captures are read as they were written, up to where a writer was killed, and files of
 * somebody else are refused without a read beyond their end.
 */
#include <criterion/criterion.h>
#include <string.h>

#include "auto.h"
#include "ctl/pcapng.h"

enum { FILE_SIZE = 4096 };

struct read {
	int n;
	char text[500];
};

static enum err
on_packet(void *arg, const struct pcapng_packet *p)
{
	struct read *r = arg;
	size_t used = strlen(r->text);

	r->n++;
	snprintf(r->text + used, sizeof(r->text) - used, "%s %llu %.*s/%zu %s;", p->link,
	    (unsigned long long)p->at_ms, (int)p->len, (const char *)p->data, p->original,
	    p->comment);
	return ERR_OK;
}

/* Three packets on two links; how many bytes. */
static size_t
write_three(uint8_t out[FILE_SIZE])
{
	static const struct pcapng_packet packets[] = {
	    {"a", 1764000000000, (const uint8_t *)"one", 3, 3, ""},
	    {"b", 1764000000001, (const uint8_t *)"", 0, 70000, "LIMIT"},
	    {"a", 0, (const uint8_t *)"four", 4, 4, ""}};
	struct pcapng_writer w;
	AUTO(file) FILE *f = fmemopen(out, FILE_SIZE, "w");

	cr_assert_eq(pcapng_begin(&w, f, "a comment\n"), ERR_OK);
	for (size_t i = 0; i < 3; i++)
		cr_assert_eq(pcapng_add(&w, &packets[i]), ERR_OK);
	cr_assert_eq(fflush(f), 0);
	return (size_t)ftell(f);
}

/* In a buffer of just this size, so that a read beyond it is seen by the sanitizer. */
static enum err
read_file(const uint8_t *data, size_t len, struct read *r)
{
	AUTO(mem) uint8_t *copy = malloc(len + !len);
	char why[WHY_SIZE];

	*r = (struct read){0};
	memcpy(copy, data, len);
	return pcapng_read(copy, len, on_packet, r, why);
}

Test(ctl_pcapng, what_is_written_is_read)
{
	uint8_t file[FILE_SIZE];
	struct read r;

	cr_assert_eq(read_file(file, write_three(file), &r), ERR_OK);
	cr_expect_str_eq(
	    r.text, "a 1764000000000 one/3 ;b 1764000000001 /70000 LIMIT;a 0 four/4 ;");
}

Test(ctl_pcapng, a_file_that_was_cut_off_anywhere_gives_its_whole_packets)
{
	uint8_t file[FILE_SIZE];
	size_t len = write_three(file);
	int last = 0;

	for (size_t n = 0; n <= len; n++) {
		struct read r;
		enum err e = read_file(file, n, &r);

		cr_expect(e == ERR_OK || (e == ERR_MALFORMED && r.n == 0), "%zu", n);
		cr_expect_geq(r.n, last, "%zu", n);
		last = r.n;
	}
	cr_expect_eq(last, 3);
}

Test(ctl_pcapng, any_byte_may_be_another_and_nothing_is_read_beyond_the_end)
{
	static const uint8_t values[] = {0, 1, 0x7f, 0x80, 0xff};
	uint8_t file[FILE_SIZE];
	size_t len = write_three(file);

	for (size_t at = 0; at < len; at++)
		for (size_t i = 0; i < sizeof(values); i++) {
			uint8_t before = file[at];
			struct read r;

			file[at] = values[i];
			enum err e = read_file(file, len, &r);
			cr_expect(e == ERR_OK || e == ERR_MALFORMED || e == ERR_LIMIT);
			cr_expect_leq(r.n, 3);
			file[at] = before;
		}
}

Test(ctl_pcapng, too_many_links_and_too_long_a_packet_are_refused)
{
	uint8_t file[64 * 1024], *big = calloc(1, PCAPNG_PACKET_MAX + 1);
	struct pcapng_writer w;
	AUTO(file) FILE *f = fmemopen(file, sizeof(file), "w");
	struct pcapng_packet p = {"x", 0, big, PCAPNG_PACKET_MAX + 1, 0, ""};

	cr_assert_eq(pcapng_begin(&w, f, ""), ERR_OK);
	cr_expect_eq(pcapng_add(&w, &p), ERR_LIMIT);
	p.len = 1;
	for (int i = 0; i < PCAPNG_LINKS; i++) {
		char name[24];

		snprintf(name, sizeof(name), "link %d", i);
		p.link = name;
		cr_expect_eq(pcapng_add(&w, &p), ERR_OK);
	}
	p.link = "one more";
	cr_expect_eq(pcapng_add(&w, &p), ERR_LIMIT);
	free(big);
}
