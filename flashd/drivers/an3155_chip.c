/*
 * an3155_chip: see an3155_chip.h.
 */
#include "an3155_chip.h"

enum { QUARTER = 256 };

#define EVEN(quarters) \
	{ \
		{ \
			0, quarters \
		} \
	}
#define K1 EVEN(4)
#define K2 EVEN(8)
#define F2_1M \
	{ \
		{4, 64}, {1, 256}, \
		{ \
			0, 512 \
		} \
	}
#define F2_2M \
	{ \
		{4, 64}, {1, 256}, {7, 512}, {4, 64}, {1, 256}, \
		{ \
			0, 512 \
		} \
	}
#define F7_1M \
	{ \
		{4, 128}, {1, 512}, \
		{ \
			0, 1024 \
		} \
	}
#define KIB *1024u

/* clang-format off */
static const struct an3155_chip rows[] = {
	/* id    name                 size      erase_ms erased pages */
	{0x412, "F10x low density",   32 KIB,   40,      0xff, K1},
	{0x410, "F10x medium",        128 KIB,  40,      0xff, K1},
	{0x414, "F10x high density",  512 KIB,  40,      0xff, K2},
	{0x418, "F105/F107",          256 KIB,  40,      0xff, K2},
	{0x420, "F100 medium",        128 KIB,  40,      0xff, K1},
	{0x428, "F100 high density",  512 KIB,  40,      0xff, K2},
	{0x430, "F10x XL density",    1024 KIB, 40,      0xff, K2},
	{0x440, "F05x/F030x8",        64 KIB,   40,      0xff, K1},
	{0x442, "F09x/F030xC",        256 KIB,  40,      0xff, K2},
	{0x444, "F03x",               32 KIB,   40,      0xff, K1},
	{0x445, "F04x/F070x6",        32 KIB,   40,      0xff, K1},
	{0x448, "F07x/F070xB",        128 KIB,  40,      0xff, K2},
	{0x422, "F302/F303xB/C",      256 KIB,  40,      0xff, K2},
	{0x432, "F37x",               256 KIB,  40,      0xff, K2},
	{0x438, "F303x4-8/F334",      64 KIB,   40,      0xff, K2},
	{0x439, "F301/F302x4-8",      64 KIB,   40,      0xff, K2},
	{0x446, "F302/F303xD/E",      512 KIB,  40,      0xff, K2},
	{0x411, "F2xx",               1024 KIB, 4000,    0xff, F2_1M},
	{0x413, "F405/F407/F415/F417", 1024 KIB, 4000,   0xff, F2_1M},
	{0x419, "F42x/F43x",          2048 KIB, 4000,    0xff, F2_2M},
	{0x421, "F446",               512 KIB,  4000,    0xff, F2_1M},
	{0x423, "F401xB/C",           256 KIB,  4000,    0xff, F2_1M},
	{0x431, "F411",               512 KIB,  4000,    0xff, F2_1M},
	{0x433, "F401xD/E",           512 KIB,  4000,    0xff, F2_1M},
	{0x434, "F469/F479",          2048 KIB, 4000,    0xff, F2_2M},
	{0x441, "F412",               1024 KIB, 4000,    0xff, F2_1M},
	{0x458, "F410",               128 KIB,  4000,    0xff, {{4, 64}, {1, 256}}},
	{0x463, "F413/F423",          1536 KIB, 4000,    0xff, F2_1M},
	{0x449, "F74x/F75x",          1024 KIB, 8000,    0xff, F7_1M},
	{0x451, "F76x/F77x",          2048 KIB, 8000,    0xff, F7_1M},
	{0x452, "F72x/F73x",          512 KIB,  4000,    0xff, F2_1M},
	{0x450, "H74x/H75x",          2048 KIB, 4000,    0xff, EVEN(512)},
	{0x483, "H72x/H73x",          1024 KIB, 4000,    0xff, EVEN(512)},
	{0x480, "H7Ax/H7Bx",          2048 KIB, 25,      0xff, EVEN(32)},
	{0x417, "L05x/L06x",          64 KIB,   8,       0x00, {{0, 0}}},
	{0x425, "L03x/L04x",          32 KIB,   8,       0x00, {{0, 0}}},
	{0x447, "L07x/L08x",          192 KIB,  8,       0x00, {{0, 0}}},
	{0x457, "L01x/L02x",          16 KIB,   8,       0x00, {{0, 0}}},
	{0x416, "L1xxx6/8/B",         128 KIB,  8,       0x00, EVEN(1)},
	{0x429, "L1xxx6/8/BxxA",      128 KIB,  8,       0x00, EVEN(1)},
	{0x427, "L1xxxC",             256 KIB,  8,       0x00, EVEN(1)},
	{0x436, "L1xxxD",             384 KIB,  8,       0x00, EVEN(1)},
	{0x437, "L1xxxE",             512 KIB,  8,       0x00, EVEN(1)},
	{0x415, "L47x/L48x",          1024 KIB, 25,      0xff, K2},
	{0x435, "L43x/L44x",          256 KIB,  25,      0xff, K2},
	{0x461, "L496/L4A6",          1024 KIB, 25,      0xff, K2},
	{0x462, "L45x/L46x",          512 KIB,  25,      0xff, K2},
	{0x464, "L41x/L42x",          128 KIB,  25,      0xff, K2},
	{0x443, "C011",               32 KIB,   40,      0xff, K2},
	{0x453, "C031",               32 KIB,   40,      0xff, K2},
	{0x456, "G050/G051/G061",     64 KIB,   40,      0xff, K2},
	{0x460, "G070/G071/G081",     128 KIB,  40,      0xff, K2},
	{0x466, "G030/G031/G041",     64 KIB,   40,      0xff, K2},
	{0x467, "G0B0/G0B1/G0C1",     512 KIB,  40,      0xff, K2},
	{0x468, "G431/G441",          128 KIB,  25,      0xff, K2},
	{0x469, "G47x/G48x",          512 KIB,  25,      0xff, K2},
	{0x479, "G491/G4A1",          512 KIB,  25,      0xff, K2},
	{0x497, "WLE5/WL55",          256 KIB,  25,      0xff, K2},
	{0x494, "WB15",               320 KIB,  25,      0xff, K2},
	{0x495, "WB55",               1024 KIB, 25,      0xff, EVEN(16)},
	{0x482, "U575/U585",          2048 KIB, 5,       0xff, EVEN(32)},
};
/* clang-format on */

enum { N_ROWS = sizeof(rows) / sizeof(rows[0]) };

const struct an3155_chip *
an3155_chip_rows(size_t *n)
{
	*n = N_ROWS;
	return rows;
}

const struct an3155_chip *
an3155_chip_find(uint16_t id)
{
	for (size_t i = 0; i < N_ROWS; i++)
		if (rows[i].id == id)
			return &rows[i];
	return NULL;
}

/* A row without a size stands for half a quarter: 128 bytes. */
static uint32_t
page_size(const struct an3155_chip *c, size_t run)
{
	return c->runs[run].quarters ? c->runs[run].quarters * (uint32_t)QUARTER : QUARTER / 2;
}

bool
an3155_chip_page(const struct an3155_chip *c, uint32_t at, struct an3155_page *out)
{
	uint32_t number = 0, from = 0;
	size_t run = 0;

	if (at >= c->size)
		return false;
	while (run + 1 < AN3155_RUNS && c->runs[run].count > 0) {
		uint32_t span = c->runs[run].count * page_size(c, run);

		if (at - from < span)
			break;
		from += span;
		number += c->runs[run++].count;
	}
	uint32_t size = page_size(c, run), k = (at - from) / size;
	*out = (struct an3155_page){number + k, from + k * size, size};
	return true;
}
