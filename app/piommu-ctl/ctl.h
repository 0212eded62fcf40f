/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * piommu-ctl: one file a command, one table of them in ctl_main.c. Messages for people go to stderr, results to stdout.
 * Exit codes, flags and output are fixed by doc/piommu-ctl.1.
 */
#ifndef CTL_H
#define CTL_H

#include <jansson.h>

#include "piommu.h"

enum ctl_exit {
	CTL_DONE = 0,
	CTL_FAILED = 1,
	CTL_USAGE = 2,
	CTL_NOT_FOUND = 3,
	CTL_UNSAFE = 4,
};

#define CTL_MAPS_MAX 16u

/** What the command line said, and what was said back. */
struct ctl {
	const char *platform;
	bool json;
	bool verbose;
	bool quiet; /**< doctor: errors are findings, not messages */
	const char *maps[CTL_MAPS_MAX];
	unsigned nmaps;
	unsigned nerrors;
	char last_error[512];
};

struct ctl_command {
	const char *name;
	const char *args;
	const char *help;
	unsigned min_args, max_args;
	int (*run)(struct ctl *ctl, int argc, char **argv); /**< argv[0] is the first argument; returns enum ctl_exit */
};

/** The whole tool. `argv` is put into another order. @return enum ctl_exit. ctl_main.c */
int ctl_main(int argc, char **argv);

int ctl_units(struct ctl *ctl, int argc, char **argv);
int ctl_groups(struct ctl *ctl, int argc, char **argv);
int ctl_walk(struct ctl *ctl, int argc, char **argv);
int ctl_decode(struct ctl *ctl, int argc, char **argv);
int ctl_doctor(struct ctl *ctl, int argc, char **argv);

/* ---- ctl.c ---- */

/** Opens the machine, only to look at it or to drive it. @return CTL_DONE and `*p`, or the exit code, the reason said */
int ctl_open(struct ctl *ctl, bool inspect, struct piommu **p);
/** Says why, once: not if the library has said it already. Returns `code`. */
int ctl_fail(struct ctl *ctl, int code, const char *fmt, ...) __attribute__((format(printf, 3, 4)));
/** The warnings of the firmware tables, for people; with --json they are in the document. */
void ctl_warn_all(const struct ctl *ctl, const struct piommu *p);
/** "DDDD:BB:DD.F" or short. @return CTL_DONE or CTL_USAGE, said */
int ctl_parse_sbdf(struct ctl *ctl, const char *text, struct piommu_sbdf *out);
/** Whether it is how firmware names a platform node: "\\_SB.I2C0", "/soc/dma@1000". ctl_groups.c */
bool ctl_is_node_name(const char *text);
/** Prints the document and drops it. @return CTL_DONE or CTL_FAILED, said */
int ctl_print_json(struct ctl *ctl, json_t *document);
/** A hexadecimal string, "0x..". */
json_t *ctl_json_hex(uint64_t value);
/** Text from outside, which need not be UTF-8 as JSON wants it: bytes that are not become "?". */
json_t *ctl_json_text(const char *text);
/** The address as a string; null where it is not known. */
json_t *ctl_json_sbdf(bool known, struct piommu_sbdf sbdf);

/* ---- ctl_log.c ---- */

#define CTL_WORDS_MAX 8u

/** What a unit reported once, as text has it. */
struct ctl_report {
	const char *driver; /**< whose words they are; NULL: not said */
	char unit[64];      /**< "" where it is not said */
	struct piommu_word words[CTL_WORDS_MAX];
	unsigned n;
	char names[CTL_WORDS_MAX][16]; /**< of the words */
};
/** Calls fn for each report in a text, in order. */
void ctl_log_reports(const char *text, void (*fn)(void *ctx, const struct ctl_report *report), void *ctx);

/* ---- ctl_text.c ---- */

/** A number, decimal or 0x and hexadecimal, all of `text`. With `suffix`, k, m or g may follow. */
bool ctl_parse_u64(const char *text, bool suffix, uint64_t *out);

#define CTL_SIZE_LEN 24
/** "4 KiB", "1.5 GiB". Returns `text`. */
char *ctl_size_text(uint64_t bytes, char text[CTL_SIZE_LEN]);

#define CTL_SCOPE_LEN 128
/** "0000:00:02.0", "I/O APIC 2": what a scope names, for people. Returns `text`. */
char *ctl_scope_text(const struct piommu_scope_info *scope, uint32_t segment, char text[CTL_SCOPE_LEN]);

/** Items in a column, wrapped at the right margin: "    label  one, two," and so on, blanks under the label. */
struct ctl_wrap {
	const char *label;
	char separator;
	unsigned width; /**< of label and the blanks before and after it */
	unsigned column;
	unsigned nitems;
};
void ctl_wrap_item(struct ctl_wrap *wrap, const char *item);
void ctl_wrap_end(struct ctl_wrap *wrap);

#endif
