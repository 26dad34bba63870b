/*
 * modbus_steps: see modbus_steps.h.
 */
#include "modbus_steps.h"

#include <stdio.h>
#include <string.h>

enum { WAIT_MS = 10000, MS_MAX = 600000 };

static const char *const holes[MODBUS_HOLES] = {[MODBUS_SIZE] = "{size}",
    [MODBUS_CRC32] = "{crc32}",
    [MODBUS_OFFSET] = "{offset}",
    [MODBUS_CRC16] = "{crc16}",
    [MODBUS_CCITT] = "{ccitt}",
    [MODBUS_LENGTH] = "{length}",
    [MODBUS_BLOCK] = "{block}"};

static const char *const kinds[] = {"set", "write", "wait", "expect", "pause"};

enum { KINDS = sizeof(kinds) / sizeof(kinds[0]) };

size_t
modbus_steps_word(const char **at, const char **word)
{
	*at += strspn(*at, " \t");
	*word = *at;
	size_t n = strcspn(*at, " \t");
	*at += n;
	return n;
}

bool
modbus_steps_number(const char *text, size_t len, uint32_t max, uint32_t *out)
{
	bool hex = len > 2 && text[0] == '0' && (text[1] | 0x20) == 'x';
	uint64_t v = 0;

	if (len == 0 || len > 12)
		return false;
	for (size_t i = hex ? 2 : 0; i < len; i++) {
		char c = text[i];
		int digit = c >= '0' && c <= '9'                            ? c - '0'
			    : hex && (c | 0x20) >= 'a' && (c | 0x20) <= 'f' ? (c | 0x20) - 'a' + 10
									    : -1;

		if (digit < 0)
			return false;
		v = v * (hex ? 16 : 10) + (unsigned)digit;
	}
	*out = (uint32_t)v;
	return v <= max;
}

static bool
is_word(const char *word, size_t n, const char *name)
{
	return strlen(name) == n && strncmp(word, name, n) == 0;
}

static bool
take_value(const char *word, size_t n, struct modbus_value *out)
{
	uint32_t number = 0;

	for (int i = MODBUS_SIZE; i < MODBUS_HOLES; i++) {
		if (!is_word(word, n, holes[i]))
			continue;
		*out = (struct modbus_value){(enum modbus_hole)i, 0};
		return true;
	}
	if (!modbus_steps_number(word, n, UINT16_MAX, &number))
		return false;
	*out = (struct modbus_value){MODBUS_NUMBER, (uint16_t)number};
	return true;
}

/* As many values as follow. */
static void
take_values(const char **at, struct modbus_step *s, size_t most)
{
	while (s->n < most) {
		const char *before = *at, *word;
		size_t len = modbus_steps_word(at, &word);

		if (len == 0 || !take_value(word, len, &s->values[s->n])) {
			*at = before;
			return;
		}
		s->n++;
	}
}

static bool
take_number(const char **at, uint32_t max, uint32_t *out)
{
	const char *before = *at, *word;
	size_t len = modbus_steps_word(at, &word);

	if (len > 0 && modbus_steps_number(word, len, max, out))
		return true;
	*at = before;
	return false;
}

/* MASK VALUE [MS] [unless MASK VALUE]: numbers, no placeholders. */
static bool
take_wait(const char **at, struct modbus_step *s)
{
	const char *word;

	s->ms = WAIT_MS;
	take_values(at, s, 2);
	if (s->n != 2)
		return false;
	take_number(at, MS_MAX, &s->ms);
	const char *before = *at;
	size_t len = modbus_steps_word(at, &word);

	if (!is_word(word, len, "unless")) {
		*at = before;
		return true;
	}
	take_values(at, s, 4);
	return s->n == 4;
}

static bool
are_numbers(const struct modbus_step *s)
{
	for (size_t i = 0; i < s->n; i++)
		if (s->values[i].hole != MODBUS_NUMBER)
			return false;
	return true;
}

static bool
take_step(const char **at, struct modbus_step *s)
{
	uint32_t reg = 0;
	const char *word;
	size_t len = modbus_steps_word(at, &word), kind = 0;

	while (kind < KINDS && !is_word(word, len, kinds[kind]))
		kind++;
	*s = (struct modbus_step){.kind = (enum modbus_step_kind)kind};
	if (kind == KINDS)
		return false;
	if (s->kind == MODBUS_STEP_PAUSE)
		return take_number(at, MS_MAX, &s->ms);
	if (!take_number(at, UINT16_MAX, &reg))
		return false;
	s->reg = (uint16_t)reg;
	if (s->kind == MODBUS_STEP_WAIT)
		return take_wait(at, s) && are_numbers(s);
	take_values(at, s, s->kind == MODBUS_STEP_SET ? 1 : MODBUS_VALUES);
	return s->n > 0 && (s->kind != MODBUS_STEP_SET || s->values[0].hole > MODBUS_OFFSET ||
			       s->values[0].hole == MODBUS_NUMBER);
}

enum err
modbus_steps_parse(const char *text, struct modbus_steps *out, char *why, size_t why_size)
{
	const char *at = text;

	*out = (struct modbus_steps){0};
	while (*(at += strspn(at, " \t"))) {
		const char *begin = at;

		if (out->n < MODBUS_STEPS && take_step(&at, &out->step[out->n])) {
			out->n++;
			continue;
		}
		snprintf(why, why_size,
		    "expected at most %d steps set, write, wait, expect, pause with their values, "
		    "got '%.40s'",
		    MODBUS_STEPS, begin);
		return ERR_CONFIG;
	}
	return ERR_OK;
}

static void
put16(uint8_t *out, uint32_t v)
{
	out[0] = (uint8_t)(v >> 8);
	out[1] = (uint8_t)v;
}

size_t
modbus_steps_fill(
    const struct modbus_step *s, const struct modbus_values *v, uint8_t out[4 * MODBUS_VALUES])
{
	size_t n = 0;

	for (size_t i = 0; i < s->n; i++) {
		enum modbus_hole hole = s->values[i].hole;
		bool wide = hole >= MODBUS_SIZE && hole <= MODBUS_OFFSET;
		uint32_t value = hole ? v->of[hole] : s->values[i].number;

		if (wide)
			put16(out + 2 * n++, v->little ? value : value >> 16);
		put16(out + 2 * n++, wide && v->little ? value >> 16 : value);
	}
	return n;
}

bool
modbus_steps_places(const struct modbus_steps *s)
{
	for (size_t i = 0; i < s->n; i++)
		for (size_t k = 0; k < s->step[i].n; k++)
			if (s->step[i].values[k].hole == MODBUS_OFFSET ||
			    s->step[i].values[k].hole == MODBUS_BLOCK)
				return true;
	return false;
}
