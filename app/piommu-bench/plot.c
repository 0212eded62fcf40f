/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Two pictures side by side: nanoseconds per operation over the burst, and operations per second over the threads. A line is
 * what has all else in common, in one colour in both; its floor is dotted in that colour. Where one of the two lists has one
 * value, the picture is over the other one, or over the pages. Labels name only what differs between lines.
 */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "bench.h"
#include "svg.h"

#define MAX_LINES 12u
#define MAX_POINTS MAX_LIST
#define WIDTH 1360.0
#define TOP 118.0
#define PLOT_WIDTH 400.0
#define PLOT_HEIGHT 400.0
#define HEIGHT 640.0
#define LEFT 78.0
#define SECOND 760.0 /* left edge of the second panel */
#define LABEL_GAP 15.0

static const char *const colors[MAX_LINES] = { "#0b62a4", "#d1495b", "#1b998b", "#b7791f", "#6b4fa0", "#3d7a2c",
					       "#c2559d", "#4a5a6a", "#2aa9d2", "#8c4a2f", "#8f8f1c", "#111111" };

enum dimension {
	BURST,
	PAGES,
	THREADS,
	INFLIGHT,
	MODE,
	NDIMENSIONS
};

struct line {
	const struct workload *workload;
	unsigned value[NDIMENSIONS]; /* what its rows have in common */
	const char *color;
	char label[96];
};

struct plot {
	const struct row *rows;
	size_t n;
	enum dimension over[2]; /* x of latency, of throughput */
	bool varies[NDIMENSIONS];
	struct line lines[MAX_LINES];
	unsigned nlines;
	unsigned left_out;
};

static unsigned value_of(const struct row *row, enum dimension which)
{
	switch (which) {
	case BURST:
		return row->burst;
	case PAGES:
		return row->pages;
	case THREADS:
		return row->threads;
	case INFLIGHT:
		return row->inflight;
	default:
		return row->mode;
	}
}

static bool is_drawn(const struct row *row)
{
	return isfinite(row->ns_p50) && row->ns_p50 > 0 && row->ops_per_s > 0;
}

/* ---- Lines --------------------------------------------------------------------------------------------------------------- */

static void find_dimensions(struct plot *plot)
{
	for (unsigned which = 0; which < NDIMENSIONS; which++)
		for (size_t i = 1; i < plot->n; i++)
			if (value_of(&plot->rows[i], which) != value_of(&plot->rows[0], which))
				plot->varies[which] = true;
	plot->over[0] = BURST;
	plot->over[1] = THREADS;
	if (!plot->varies[BURST])
		plot->over[0] = plot->varies[PAGES] ? PAGES : plot->varies[THREADS] ? THREADS : BURST;
	if (!plot->varies[THREADS])
		plot->over[1] = plot->over[0];
}

static bool is_over(const struct plot *plot, enum dimension which)
{
	return which == plot->over[0] || which == plot->over[1];
}

static bool belongs(const struct plot *plot, const struct line *line, const struct row *row)
{
	if (line->workload != row->workload)
		return false;
	for (unsigned which = 0; which < NDIMENSIONS; which++)
		if (!is_over(plot, which) && line->value[which] != value_of(row, which))
			return false;
	return true;
}

static void append(struct line *line, const char *text)
{
	size_t len = strlen(line->label);

	snprintf(line->label + len, sizeof(line->label) - len, "%s", text);
}

static void name_line(const struct plot *plot, struct line *line, const struct row *row)
{
	unsigned flags = row->workload->flags;
	char text[32];

	append(line, row->workload->name);
	if (flags & WORK_MODE && plot->varies[MODE] && strcmp(mode_name(row->mode), row->workload->name)) {
		snprintf(text, sizeof(text), ", %s", mode_name(row->mode));
		append(line, text);
	}
	if (flags & WORK_PAGES && plot->varies[PAGES] && !is_over(plot, PAGES)) {
		snprintf(text, sizeof(text), ", %u page%s", row->pages, row->pages == 1 ? "" : "s");
		append(line, text);
	}
	if (flags & WORK_INFLIGHT && plot->varies[INFLIGHT]) {
		snprintf(text, sizeof(text), ", %u in flight", row->inflight);
		append(line, text);
	}
}

static void find_lines(struct plot *plot)
{
	for (size_t i = 0; i < plot->n; i++) {
		const struct row *row = &plot->rows[i];
		struct line *line = plot->lines;
		struct line *end = plot->lines + plot->nlines;

		while (line != end && !belongs(plot, line, row))
			line++;
		if (line != end || !is_drawn(row))
			continue;
		if (plot->nlines == MAX_LINES) {
			plot->left_out++;
			continue;
		}
		line->workload = row->workload;
		for (unsigned which = 0; which < NDIMENSIONS; which++)
			line->value[which] = value_of(row, which);
		line->color = colors[plot->nlines++];
		name_line(plot, line, row);
	}
}

/* ---- One panel ------------------------------------------------------------------------------------------------------------- */

struct panel {
	const struct plot *plot;
	FILE *to;
	bool throughput;
	enum dimension over;
	struct svg_axis x, y;
};

static double height_of(const struct panel *panel, const struct row *row)
{
	return panel->throughput ? row->ops_per_s : row->ns_p50;
}

/* Where the panels are over two lists, one shows the fewest threads, the other one the largest burst. */
static bool is_in(const struct panel *panel, const struct line *line, const struct row *row)
{
	const struct plot *plot = panel->plot;
	enum dimension other = plot->over[!panel->throughput];
	unsigned best = 0;

	if (!is_drawn(row) || !belongs(plot, line, row))
		return false;
	if (other == panel->over)
		return true;
	for (size_t i = 0; i < plot->n; i++) {
		unsigned value = value_of(&plot->rows[i], other);

		if (belongs(plot, line, &plot->rows[i]) && (!best || (panel->throughput ? value > best : value < best)))
			best = value;
	}
	return value_of(row, other) == best;
}

/* The rows of a line in the order of x. */
static unsigned rows_of(const struct panel *panel, const struct line *line, const struct row **out)
{
	const struct plot *plot = panel->plot;
	unsigned n = 0;

	for (size_t i = 0; i < plot->n && n < MAX_POINTS; i++) {
		const struct row *row = &plot->rows[i];
		unsigned at = n;

		if (!is_in(panel, line, row))
			continue;
		for (; at && value_of(out[at - 1], panel->over) > value_of(row, panel->over); at--)
			out[at] = out[at - 1];
		out[at] = row;
		n++;
	}
	return n;
}

static void widen(struct svg_axis *axis, double value)
{
	if (!(isfinite(value) && value > 0))
		return;
	axis->lo = axis->lo > 0 && axis->lo < value ? axis->lo : value;
	axis->hi = axis->hi > value ? axis->hi : value;
}

static void find_axes(struct panel *panel, double left)
{
	panel->x = (struct svg_axis){ .from = left + 20, .to = left + PLOT_WIDTH - 20 };
	panel->y = (struct svg_axis){ .from = TOP + PLOT_HEIGHT, .to = TOP };
	for (unsigned i = 0; i < panel->plot->nlines; i++) {
		const struct row *rows[MAX_POINTS];
		unsigned n = rows_of(panel, &panel->plot->lines[i], rows);

		for (unsigned j = 0; j < n; j++) {
			widen(&panel->x, value_of(rows[j], panel->over));
			widen(&panel->y, height_of(panel, rows[j]));
			if (!panel->throughput) {
				widen(&panel->y, rows[j]->ns_p99);
				widen(&panel->y, rows[j]->floor_ns);
			}
		}
	}
	if (panel->y.lo > 0)
		svg_axis_round(&panel->y);
}

/* 1500 as "1.5 k" and so on, without zeros that say nothing. */
static void format_value(char *text, size_t len, double value, bool throughput)
{
	static const struct {
		double least;
		const char *ns, *ops;
	} units[] = { { 1e9, "s", "G" }, { 1e6, "ms", "M" }, { 1e3, "\xc2\xb5s", "k" }, { 0, "ns", "" } };
	size_t i = 0;

	while (value < units[i].least * 0.9999)
		i++;
	snprintf(text, len, "%.3g %s", value / (units[i].least > 0 ? units[i].least : 1),
		 throughput ? units[i].ops : units[i].ns);
}

static void draw_tick(void *ctx, double value, int minor)
{
	const struct panel *panel = ctx;
	double left = panel->x.from - 20, y = svg_axis_at(&panel->y, value);
	char text[32];

	svg_line(panel->to, (struct svg_point){ left, y }, (struct svg_point){ left + PLOT_WIDTH, y }, SVG_GRID,
		 minor ? 0.5 : 1, "");
	if (minor)
		return;
	format_value(text, sizeof(text), value, panel->throughput);
	svg_text(panel->to, (struct svg_point){ left - 8, y + 4 }, SVG_END, 12, 400, SVG_FAINT, "%s", text);
}

static void draw_x_ticks(const struct panel *panel)
{
	static const char *const names[] = { "operations in a burst", "pages of an operation", "threads" };
	unsigned drawn[MAX_LIST];
	unsigned n = 0;

	for (size_t i = 0; i < panel->plot->n; i++) {
		unsigned value = value_of(&panel->plot->rows[i], panel->over);
		double x = svg_axis_at(&panel->x, value);
		unsigned j = 0;

		while (j < n && drawn[j] != value)
			j++;
		if (j < n || n == MAX_LIST)
			continue;
		drawn[n++] = value;
		svg_line(panel->to, (struct svg_point){ x, TOP }, (struct svg_point){ x, TOP + PLOT_HEIGHT }, SVG_GRID, 0.5,
			 "");
		svg_text(panel->to, (struct svg_point){ x, TOP + PLOT_HEIGHT + 20 }, SVG_MIDDLE, 12, 400, SVG_FAINT, "%u",
			 value);
	}
	svg_text(panel->to, (struct svg_point){ (panel->x.from + panel->x.to) / 2, TOP + PLOT_HEIGHT + 44 }, SVG_MIDDLE, 13,
		 400, SVG_INK, "%s", names[panel->over]);
}

static void tip_of(const struct line *line, const struct row *row, char *text, size_t len)
{
	char ns[32], ops[32], floor[32];

	format_value(ns, sizeof(ns), row->ns_p50, false);
	format_value(ops, sizeof(ops), row->ops_per_s, true);
	format_value(floor, sizeof(floor), row->floor_ns, false);
	snprintf(text, len, "%s, burst %u, %u threads: %s, %s a second, floor %s (%s)", line->label, row->burst, row->threads,
		 ns, ops, floor, row->floor);
}

static void draw_line(const struct panel *panel, const struct line *line)
{
	const struct row *rows[MAX_POINTS];
	struct svg_point at[MAX_POINTS], p99[MAX_POINTS], floor[MAX_POINTS];
	unsigned n = rows_of(panel, line, rows);
	char tip[320];

	for (unsigned i = 0; i < n; i++) {
		double x = svg_axis_at(&panel->x, value_of(rows[i], panel->over));

		at[i] = (struct svg_point){ x, svg_axis_at(&panel->y, height_of(panel, rows[i])) };
		if (panel->throughput)
			continue;
		p99[i] = (struct svg_point){ x, svg_axis_at(&panel->y, rows[i]->ns_p99) };
		floor[i] = (struct svg_point){ x, svg_axis_at(&panel->y, rows[i]->floor_ns) };
	}
	if (!panel->throughput && n > 1) {
		svg_band(panel->to, at, p99, n, line->color);
		svg_path(panel->to, floor, n, line->color, 1.4, "1 5");
	}
	if (n > 1)
		svg_path(panel->to, at, n, line->color, 2.4, "");
	for (unsigned i = 0; i < n; i++) {
		tip_of(line, rows[i], tip, sizeof(tip));
		svg_dot(panel->to, at[i], 4.2, line->color, tip);
	}
}

/* Labels stand at the right of the panel, at the height of their lines' ends, pushed apart where they would overlap. */
struct label {
	const struct line *line;
	double y;
};

static int by_height(const void *a, const void *b)
{
	const struct label *one = a, *two = b;

	return (one->y > two->y) - (one->y < two->y);
}

static void spread(struct label *labels, unsigned n)
{
	double last = TOP + PLOT_HEIGHT + LABEL_GAP;

	for (unsigned i = 1; i < n; i++)
		if (labels[i].y < labels[i - 1].y + LABEL_GAP)
			labels[i].y = labels[i - 1].y + LABEL_GAP;
	for (unsigned i = n; i-- > 0; last = labels[i].y)
		if (labels[i].y > last - LABEL_GAP)
			labels[i].y = last - LABEL_GAP;
}

static void draw_labels(const struct panel *panel)
{
	struct label labels[MAX_LINES] = { { 0 } };
	double edge = panel->x.to + 20;
	unsigned n = 0;

	for (unsigned i = 0; i < panel->plot->nlines; i++) {
		const struct row *rows[MAX_POINTS];
		unsigned points = rows_of(panel, &panel->plot->lines[i], rows);

		if (points)
			labels[n++] = (struct label){ &panel->plot->lines[i],
						      svg_axis_at(&panel->y, height_of(panel, rows[points - 1])) };
	}
	qsort(labels, n, sizeof(labels[0]), by_height);
	spread(labels, n);
	for (unsigned i = 0; i < n; i++)
		svg_text(panel->to, (struct svg_point){ edge + 8, labels[i].y + 4 }, SVG_START, 12, 600, labels[i].line->color,
			 "%s", labels[i].line->label);
}

/* Names what the panel holds fast where the other one is over it. */
static void draw_title(const struct panel *panel, double left)
{
	const char *what = panel->throughput ? "Operations per second, all threads" : "Time of one operation";
	const char *held = panel->throughput ? ", largest burst" : ", fewest threads";
	const struct plot *plot = panel->plot;

	svg_text(panel->to, (struct svg_point){ left, TOP - 14 }, SVG_START, 15, 600, SVG_INK, "%s%s", what,
		 plot->over[0] == BURST && plot->over[1] == THREADS ? held : "");
}

static void draw_panel(struct panel *panel, double left)
{
	find_axes(panel, left);
	svg_frame(panel->to, (struct svg_point){ left, TOP }, PLOT_WIDTH, PLOT_HEIGHT);
	draw_title(panel, left);
	if (!(panel->y.lo > 0))
		return;
	svg_axis_ticks(&panel->y, draw_tick, panel);
	draw_x_ticks(panel);
	for (unsigned i = 0; i < panel->plot->nlines; i++)
		draw_line(panel, &panel->plot->lines[i]);
	draw_labels(panel);
}

/* ---- All of it -------------------------------------------------------------------------------------------------------------- */

static void draw_head(FILE *to, const struct options *options, const struct floors *floors)
{
	struct svg_point at = { LEFT, 42 };

	svg_text(to, at, SVG_START, 22, 700, SVG_INK, "piommu-bench");
	at.y = 66;
	svg_text(to, at, SVG_START, 13, 400, SVG_FAINT,
		 "%s \xc2\xb7 %.3g s a row \xc2\xb7 two-core round trip %.0f ns, the hardware's answer %.0f ns, locked add "
		 "%.1f ns",
		 options->platform ? options->platform : "simulated VT-d unit on a processor of its own", options->seconds,
		 floors->round_trip, floors->answer, floors->locked_add);
}

/* What the kinds of strokes mean; colours are named at their lines. */
static void draw_legend(FILE *to, const struct plot *plot)
{
	static const char ink[] = SVG_INK;
	double y = HEIGHT - 32, x = LEFT;
	struct svg_point band[2][2] = { { { x + 150, y - 11 }, { x + 180, y - 11 } },
					{ { x + 150, y + 1 }, { x + 180, y + 1 } } };

	svg_line(to, (struct svg_point){ x, y - 4 }, (struct svg_point){ x + 30, y - 4 }, ink, 2.4, "");
	svg_dot(to, (struct svg_point){ x + 15, y - 4 }, 4.2, ink, "median");
	svg_text(to, (struct svg_point){ x + 38, y }, SVG_START, 12, 400, ink, "median");
	svg_band(to, band[0], band[1], 2, ink);
	svg_text(to, (struct svg_point){ x + 188, y }, SVG_START, 12, 400, ink, "up to 99 %%");
	svg_line(to, (struct svg_point){ x + 360, y - 4 }, (struct svg_point){ x + 390, y - 4 }, ink, 1.4, "1 5");
	svg_text(to, (struct svg_point){ x + 398, y }, SVG_START, 12, 400, ink,
		 "the floor of this machine that bounds the line");
	if (plot->left_out)
		svg_text(to, (struct svg_point){ WIDTH - 24, y }, SVG_END, 12, 400, SVG_FAINT,
			 "%u rows of more lines than can be told apart are left out", plot->left_out);
}

int plot_write(const char *path, const struct options *options, const struct floors *floors, const struct row *rows, size_t n)
{
	struct plot plot = { .rows = rows, .n = n };
	struct panel latency = { .plot = &plot }, throughput = { .plot = &plot, .throughput = true };
	FILE *to = fopen(path, "w");
	int err;

	if (!to)
		return -errno;
	find_dimensions(&plot);
	find_lines(&plot);
	latency.to = throughput.to = to;
	latency.over = plot.over[0];
	throughput.over = plot.over[1];
	svg_begin(to, WIDTH, HEIGHT);
	draw_head(to, options, floors);
	draw_panel(&latency, LEFT);
	draw_panel(&throughput, SECOND);
	draw_legend(to, &plot);
	err = svg_end(to);
	if (fclose(to) && !err)
		err = -errno;
	return err;
}
