/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Reads reports of units out of text that somebody kept: lines of a kernel's log, or the bare words of a record. Finds whose they are, of
 * which unit, and the words; what those mean is the drivers' to say. Text from outside: lines that are nothing known are passed over.
 */
#include <ctype.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "ctl.h"

#define LINE_MAX_LEN 512u

struct reader {
	struct ctl_report report;
	bool open;         /* words follow, one a line */
	bool needs_reason; /* it is on the next line */
	bool needs_access; /* so is what a summary says of the access: */
	uint64_t iova, ipa;
	uint64_t printed; /* first word of the last record, whose summary may follow; 0: none */
	void (*fn)(void *ctx, const struct ctl_report *report);
	void *ctx;
};

static void begin(struct reader *r, const char *driver)
{
	r->report = (struct ctl_report){ .driver = driver };
	r->open = r->needs_reason = r->needs_access = false;
}

static void end(struct reader *r)
{
	if (r->report.n)
		r->fn(r->ctx, &r->report);
	begin(r, NULL);
}

/* `name` NULL: the next one of a record. */
static void add(struct reader *r, const char *name, uint64_t value)
{
	struct ctl_report *report = &r->report;

	if (report->n == CTL_WORDS_MAX)
		return;
	if (name)
		snprintf(report->names[report->n], sizeof(report->names[0]), "%s", name);
	report->words[report->n] = (struct piommu_word){ name ? report->names[report->n] : NULL, value };
	report->n++;
}

/* ---- Lines ------------------------------------------------------------------------------------------------------------------ */

static bool hex_word(const char *token, uint64_t *value)
{
	return token[0] == '0' && (token[1] | 0x20) == 'x' && isxdigit((unsigned char)token[2]) &&
	       ctl_parse_u64(token, false, value);
}

/* "arm-smmu-v3 NAME: what follows": the word before the last colon in front of `what`. */
static void take_unit(struct reader *r, const char *line, const char *what)
{
	const char *last = what;
	const char *first;

	while (last > line && *last != ':')
		last--;
	for (first = last; first > line && !isspace((unsigned char)first[-1]);)
		first--;
	if (first < last)
		snprintf(r->report.unit, sizeof(r->report.unit), "%.*s", (int)(last - first), first);
}

/* The number after `what`, in base 16 or 10; with 0x always in base 16. */
static bool number_after(const char *line, const char *what, int base, uint64_t *value)
{
	const char *at = strstr(line, what);
	char *end_at;

	if (!at)
		return false;
	at += strlen(what);
	*value = strtoull(at, &end_at, at[0] == '0' && (at[1] | 0x20) == 'x' ? 16 : base);
	return end_at != at;
}

/* "BB:DD.F", each perhaps with 0x. */
static bool source_after(const char *line, const char *what, uint64_t *source)
{
	const char *at = strstr(line, what);
	unsigned bus, device, function;

	if (!at || sscanf(at + strlen(what), "%8x:%8x.%8x", &bus, &device, &function) != 3 || bus > 0xff || device > 31 ||
	    function > 7)
		return false;
	*source = bus << 8 | device << 3 | function;
	return true;
}

/* Reasons were decimal once, and on a line of their own. */
static bool take_reason(struct reader *r, const char *line)
{
	uint64_t reason;

	if (!r->needs_reason || !number_after(line, "fault reason ", 10, &reason))
		return false;
	add(r, "reason", reason);
	end(r);
	return true;
}

/* "[DMA Read NO_PASID] Request device [81:00.0] fault addr 0xffffd000 [fault reason 0x59] .." */
static bool take_request(struct reader *r, const char *line)
{
	uint64_t source, at, pasid;
	bool is_index;

	if (!source_after(line, "Request device [", &source))
		return false;
	is_index = number_after(line, "fault index ", 16, &at);
	if (!is_index && !number_after(line, "fault addr ", 16, &at))
		return false;
	begin(r, "vtd");
	add(r, "sid", source);
	add(r, is_index ? "index" : "addr", at);
	add(r, "write", strstr(line, "DMA Write") != NULL);
	if (!strstr(line, "NO_PASID") && number_after(line, " PASID ", 16, &pasid) && pasid < 1u << 20)
		add(r, "pasid", pasid);
	r->needs_reason = true;
	take_reason(r, line);
	return true;
}

/* Registers by name: "fsr=0x402, iova=0x834e0d00" and "GFSR 0x80000002, GFSYNR0 0x00000000". */
static void add_registers(struct reader *r, char *text)
{
	const char *name = NULL;

	for (char *token = strtok_r(text, " ,=\t", &text); token; token = strtok_r(NULL, " ,=\t", &text)) {
		uint64_t value;

		if (name && ctl_parse_u64(token, false, &value)) {
			add(r, name, value);
			name = NULL;
		} else {
			name = token;
		}
	}
}

static bool take_registers(struct reader *r, char *line)
{
	char *fault = strstr(line, "Unhandled context fault:");
	char *at = fault ? fault + strlen("Unhandled context fault:") : strstr(line, "GFSR 0x");

	if (!at)
		return false;
	begin(r, "smmuv2");
	take_unit(r, line, fault ? fault : at);
	add_registers(r, at);
	end(r);
	return true;
}

/* "arm-smmu-v3 NAME: event 0x10 received:", and its words, one a line. */
static bool take_event(struct reader *r, const char *line)
{
	const char *event = strstr(line, "event 0x");

	if (!event || !strstr(event, "received"))
		return false;
	begin(r, "smmuv3");
	take_unit(r, line, event);
	r->open = true;
	return true;
}

/* A line of nothing but words is a record; below an event, the last one of a line counts. */
static bool take_words(struct reader *r, char *line)
{
	uint64_t values[CTL_WORDS_MAX], value = 0;
	unsigned n = 0, ntokens = 0;

	for (char *token = strtok_r(line, " \t,", &line); token; token = strtok_r(NULL, " \t,", &line)) {
		bool good = hex_word(token, &value);

		ntokens++;
		if (good && n < CTL_WORDS_MAX)
			values[n++] = value;
		else if (!good && r->open)
			n = 0;
	}
	if (!n || (!r->open && n != ntokens))
		return false;
	if (!r->open)
		begin(r, NULL);
	for (unsigned i = 0; i < n; i++)
		add(r, NULL, values[i]);
	if (!r->open || r->report.n >= 4) {
		r->printed = r->open ? r->report.words[0].value : 0;
		end(r);
	}
	return true;
}

/* ---- What newer kernels say of an event, in two lines below its words (SMMUv3 7.3) ------------------------------------------------- */

#define EVENT_SAME (UINT64_C(0xffffffff) << 32 | 0xff) /* type and stream */
#define EVENT_SSV (UINT64_C(1) << 11)

struct summary {
	const char *name;
	uint8_t type;
	bool has_access;
};

static const struct summary summaries[] = {
	{ "C_BAD_STREAMID", 0x02, false },    { "F_STE_FETCH", 0x03, false },       { "C_BAD_STE", 0x04, false },
	{ "F_STREAM_DISABLED", 0x06, false }, { "C_BAD_SUBSTREAMID", 0x08, false }, { "F_CD_FETCH", 0x09, false },
	{ "C_BAD_CD", 0x0a, false },          { "F_TRANSLATION", 0x10, true },      { "F_ADDR_SIZE", 0x11, true },
	{ "F_ACCESS", 0x12, true },           { "F_PERMISSION", 0x13, true },       { "F_VMS_FETCH", 0x25, false },
};

static const struct summary *find_summary(const char *name)
{
	size_t len = strcspn(name, " ");

	for (size_t i = 0; i < sizeof(summaries) / sizeof(summaries[0]); i++)
		if (strlen(summaries[i].name) == len && !strncmp(summaries[i].name, name, len))
			return &summaries[i];
	return NULL;
}

/* "event: F_TRANSLATION client: 0000:01:00.0 sid: 0x8 ssid: 0x0 iova: 0x5040 ipa: 0x0"; or "fetch_addr: ", or neither. */
static bool take_summary(struct reader *r, const char *line)
{
	const char *event = strstr(line, "event: ");
	const struct summary *summary = event ? find_summary(event + strlen("event: ")) : NULL;
	uint64_t stream, substream, first, at = 0;

	if (!summary || !number_after(event, " sid: ", 16, &stream) || stream > UINT32_MAX ||
	    !number_after(event, " ssid: ", 16, &substream) || substream >> 20)
		return false;
	first = stream << 32 | substream << 12 | (substream ? EVENT_SSV : 0) | summary->type;
	if (r->printed && !((r->printed ^ first) & EVENT_SAME)) {
		r->printed = 0; /* reported by its words */
		return true;
	}
	begin(r, "smmuv3");
	take_unit(r, line, event);
	add(r, NULL, first);
	r->needs_access = summary->has_access && number_after(event, " iova: ", 16, &r->iova) &&
			  number_after(event, " ipa: ", 16, &r->ipa);
	if (!summary->has_access) {
		number_after(event, " fetch_addr: ", 16, &at);
		add(r, NULL, 0);
		add(r, NULL, 0);
		add(r, NULL, at);
	}
	if (!r->needs_access)
		end(r);
	return true;
}

static uint64_t bit_if(const char *line, const char *word, unsigned bit)
{
	return strstr(line, word) ? UINT64_C(1) << bit : 0;
}

/* "unpriv data write s1 "Input address caused fault" stag: 0x0", perhaps with "ttd_read", "ttd_write", "stall". */
static bool take_access(struct reader *r, const char *line)
{
	uint64_t tag, word;

	if (!r->needs_access || !number_after(line, " stag: ", 16, &tag) || !strchr(line, '"'))
		return false;
	word = (tag & 0xffff) | bit_if(line, " stall ", 31) | bit_if(line, " inst ", 34) | bit_if(line, " read ", 35) |
	       bit_if(line, " s2 ", 39) | bit_if(line, "\"Stage 1 ", 40) | bit_if(line, "\"Input ", 41);
	if (!strstr(line, "unpriv "))
		word |= bit_if(line, "priv ", 33);
	add(r, NULL, word);
	add(r, NULL, r->iova);
	add(r, NULL, r->ipa);
	end(r);
	return true;
}

/* ---- All of them --------------------------------------------------------------------------------------------------------------- */

static void take_line(struct reader *r, const char *line)
{
	char copy[LINE_MAX_LEN];

	snprintf(copy, sizeof(copy), "%s", line);
	if (take_words(r, copy) || take_reason(r, line) || take_access(r, line))
		return;
	end(r); /* an event whose last words are missing */
	snprintf(copy, sizeof(copy), "%s", line);
	if (!take_event(r, copy) && !take_request(r, copy) && !take_summary(r, copy))
		take_registers(r, copy);
}

void ctl_log_reports(const char *text, void (*fn)(void *ctx, const struct ctl_report *report), void *ctx)
{
	struct reader r = { .fn = fn, .ctx = ctx };

	begin(&r, NULL);
	while (*text) {
		size_t len = strcspn(text, "\r\n");
		char line[LINE_MAX_LEN];

		snprintf(line, sizeof(line), "%.*s", (int)(len < LINE_MAX_LEN ? len : LINE_MAX_LEN - 1), text);
		if (line[strspn(line, " \t")])
			take_line(&r, line);
		text += len + (text[len] != '\0');
	}
	end(&r);
}
