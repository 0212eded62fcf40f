/* SPDX-License-Identifier: BSD-3-Clause */
/* The little SVG that a plot needs: shapes, text, and axes with a logarithm. Sizes in pixels. */
#ifndef SVG_H
#define SVG_H

#include <stddef.h>
#include <stdio.h>

#define SVG_INK "#1f2933"
#define SVG_FAINT "#66727f"
#define SVG_GRID "#e3e7ec"
#define SVG_PAPER "#fcfcfa"

struct svg_point {
	double x, y;
};

enum svg_anchor {
	SVG_START,
	SVG_MIDDLE,
	SVG_END,
};

void svg_begin(FILE *to, double width, double height);
/* @return 0 or -EIO */
int svg_end(FILE *to);

/* `size` of the font; `weight` 400 is normal. What XML would take for markup is escaped. */
void svg_text(FILE *to, struct svg_point at, enum svg_anchor anchor, double size, int weight, const char *color,
	      const char *fmt, ...) __attribute__((format(printf, 7, 8)));
void svg_line(FILE *to, struct svg_point from, struct svg_point end, const char *color, double width, const char *dash);
/* `dash` "" is solid. */
void svg_path(FILE *to, const struct svg_point *points, size_t n, const char *color, double width, const char *dash);
/* Filled, between one path and the other. */
void svg_band(FILE *to, const struct svg_point *low, const struct svg_point *high, size_t n, const char *color);
/* `tip` is shown where a viewer points at it. */
void svg_dot(FILE *to, struct svg_point at, double radius, const char *color, const char *tip);
void svg_frame(FILE *to, struct svg_point corner, double width, double height);

/* ---- Axes -------------------------------------------------------------------------------------------------------------- */

/* From value `lo` at pixel `from` to value `hi` at pixel `to`, by their logarithms. */
struct svg_axis {
	double lo, hi;
	double from, to;
};

/* Rounds the ends outwards to 1, 2 or 5 times a power of ten. */
void svg_axis_round(struct svg_axis *axis);
double svg_axis_at(const struct svg_axis *axis, double value);
/*
 * Calls `fn` for each value that deserves a line: powers of ten, and where those are few 2 and 5 times them; `minor`: a thinner one.
 */
void svg_axis_ticks(const struct svg_axis *axis, void (*fn)(void *ctx, double value, int minor), void *ctx);

#endif
