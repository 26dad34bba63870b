/*
 * gauge: what counts as flat over the last part of a soak.
 */
#include "../soak/gauge.h"

#include <criterion/criterion.h>
#include <string.h>

enum { SAMPLES = 16 };

struct scene {
	struct gauge_sample samples[SAMPLES];
	struct gauge g;
	char why[300];
};

static void
fill(struct scene *s)
{
	*s = (struct scene){.g = {.n = SAMPLES, .samples = s->samples}};
	for (int i = 0; i < SAMPLES; i++)
		for (int k = 0; k < GAUGE_DAEMONS; k++) {
			s->samples[i].memory_kib[k] = 2000 + i % 3;
			s->samples[i].descriptors[k] = 20;
		}
}

static bool
is_flat(struct scene *s, unsigned first)
{
	return gauge_is_flat(&s->g, first, s->why, sizeof(s->why));
}

Test(gauge, takes_a_peak_that_passes_for_flat)
{
	struct scene s;

	fill(&s);
	s.samples[SAMPLES - 2].memory_kib[1] = 90000;
	s.samples[SAMPLES / 2].descriptors[0] = 500;
	cr_expect(is_flat(&s, 0), "%s", s.why);
	cr_expect_str_empty(s.why);
}

Test(gauge, finds_the_daemon_whose_memory_or_descriptors_have_grown)
{
	static const char *const names[] = {"flashd", "fetchd", "cloudd"};

	for (int k = 0; k < GAUGE_DAEMONS; k++) {
		struct scene s;

		fill(&s);
		for (int i = 0; i < SAMPLES; i++)
			s.samples[i].memory_kib[k] += 200 * i;
		cr_expect_not(is_flat(&s, 0));
		cr_expect(strstr(s.why, names[k]) == s.why, "%s", s.why);
		fill(&s);
		for (int i = 0; i < SAMPLES; i++)
			s.samples[i].descriptors[k] += (unsigned)i;
		cr_expect_not(is_flat(&s, 0));
		cr_expect(strstr(s.why, names[k]) == s.why, "%s", s.why);
	}
}

Test(gauge, looks_at_nothing_before_the_last_death_and_knows_nothing_of_less_than_two_samples)
{
	struct scene s;

	fill(&s);
	s.samples[0].memory_kib[2] = s.samples[1].memory_kib[2] = 100;
	s.samples[2].memory_kib[2] = s.samples[3].memory_kib[2] = 100;
	cr_expect_not(is_flat(&s, 0));
	cr_expect(is_flat(&s, 4), "%s", s.why);
	cr_expect_not(is_flat(&s, SAMPLES - 1));
	cr_expect_not(is_flat(&s, SAMPLES + 5));
}
