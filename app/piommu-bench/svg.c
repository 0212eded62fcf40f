/* SPDX-License-Identifier: BSD-3-Clause */
/* Writes SVG 1.1. */
#include <errno.h>
#include <math.h>
#include <stdarg.h>

#include "svg.h"

static void put_escaped(FILE *to, const char *text)
{
	for (; *text; text++) {
		switch (*text) {
		case '&':
			fputs("&amp;", to);
			break;
		case '<':
			fputs("&lt;", to);
			break;
		case '>':
			fputs("&gt;", to);
			break;
		default:
			fputc((unsigned char)*text < ' ' ? ' ' : *text, to);
		}
	}
}

void svg_begin(FILE *to, double width, double height)
{
	fprintf(to,
		"<?xml version=\"1.0\" encoding=\"UTF-8\"?>\n"
		"<svg xmlns=\"http://www.w3.org/2000/svg\" width=\"%.0f\" height=\"%.0f\" viewBox=\"0 0 %.0f %.0f\"\n"
		"     font-family=\"Inter, 'Helvetica Neue', Helvetica, Arial, 'DejaVu Sans', sans-serif\">\n"
		"<rect width=\"100%%\" height=\"100%%\" fill=\"" SVG_PAPER "\"/>\n",
		width, height, width, height);
}

int svg_end(FILE *to)
{
	fputs("</svg>\n", to);
	return ferror(to) ? -EIO : 0;
}

void svg_text(FILE *to, struct svg_point at, enum svg_anchor anchor, double size, int weight, const char *color,
	      const char *fmt, ...)
{
	static const char *const anchors[] = { "start", "middle", "end" };
	char text[256];
	va_list args;

	va_start(args, fmt);
	vsnprintf(text, sizeof(text), fmt, args);
	va_end(args);
	fprintf(to, "<text x=\"%.1f\" y=\"%.1f\" text-anchor=\"%s\" font-size=\"%.1f\" font-weight=\"%d\" fill=\"%s\">", at.x,
		at.y, anchors[anchor], size, weight, color);
	put_escaped(to, text);
	fputs("</text>\n", to);
}

void svg_line(FILE *to, struct svg_point from, struct svg_point end, const char *color, double width, const char *dash)
{
	const struct svg_point both[] = { from, end };

	svg_path(to, both, 2, color, width, dash);
}

void svg_path(FILE *to, const struct svg_point *points, size_t n, const char *color, double width, const char *dash)
{
	fprintf(to,
		"<path fill=\"none\" stroke=\"%s\" stroke-width=\"%.1f\" stroke-linejoin=\"round\" stroke-linecap=\"round\"",
		color, width);
	if (*dash)
		fprintf(to, " stroke-dasharray=\"%s\"", dash);
	fputs(" d=\"", to);
	for (size_t i = 0; i < n; i++)
		fprintf(to, "%c%.1f %.1f", i ? 'L' : 'M', points[i].x, points[i].y);
	fputs("\"/>\n", to);
}

void svg_band(FILE *to, const struct svg_point *low, const struct svg_point *high, size_t n, const char *color)
{
	fprintf(to, "<path fill=\"%s\" fill-opacity=\"0.13\" stroke=\"none\" d=\"", color);
	for (size_t i = 0; i < n; i++)
		fprintf(to, "%c%.1f %.1f", i ? 'L' : 'M', low[i].x, low[i].y);
	for (size_t i = n; i-- > 0;)
		fprintf(to, "L%.1f %.1f", high[i].x, high[i].y);
	fputs("Z\"/>\n", to);
}

void svg_dot(FILE *to, struct svg_point at, double radius, const char *color, const char *tip)
{
	fprintf(to, "<circle cx=\"%.1f\" cy=\"%.1f\" r=\"%.1f\" fill=\"%s\" stroke=\"" SVG_PAPER "\" stroke-width=\"1.2\">",
		at.x, at.y, radius, color);
	fputs("<title>", to);
	put_escaped(to, tip);
	fputs("</title></circle>\n", to);
}

void svg_frame(FILE *to, struct svg_point corner, double width, double height)
{
	fprintf(to, "<rect x=\"%.1f\" y=\"%.1f\" width=\"%.1f\" height=\"%.1f\" fill=\"#ffffff\" stroke=\"" SVG_GRID "\"/>\n",
		corner.x, corner.y, width, height);
}

/* ---- Axes -------------------------------------------------------------------------------------------------------------- */

static const double steps[] = { 1, 2, 5, 10 };

void svg_axis_round(struct svg_axis *axis)
{
	double low = pow(10, floor(log10(axis->lo))), high = pow(10, floor(log10(axis->hi)));
	int i = 2;

	while (i && steps[i] * low > axis->lo * 1.0001)
		i--;
	axis->lo = steps[i] * low;
	for (i = 0; i < 3 && steps[i] * high < axis->hi * 0.9999; i++)
		;
	axis->hi = steps[i] * high;
	if (axis->hi <= axis->lo)
		axis->hi = 10 * axis->lo;
}

double svg_axis_at(const struct svg_axis *axis, double value)
{
	double span = log(axis->hi / axis->lo);

	return span > 0 ? axis->from + (axis->to - axis->from) * log(value / axis->lo) / span : (axis->from + axis->to) / 2;
}

void svg_axis_ticks(const struct svg_axis *axis, void (*fn)(void *ctx, double value, int minor), void *ctx)
{
	enum {
		FEW = 3 /* decades: then there is room for more */
	};
	int minor = log10(axis->hi / axis->lo) > FEW;

	for (double decade = pow(10, floor(log10(axis->lo))); decade <= axis->hi * 1.0001; decade *= 10)
		for (int i = 0; i < 3; i++)
			if (steps[i] * decade >= axis->lo * 0.9999 && steps[i] * decade <= axis->hi * 1.0001)
				fn(ctx, steps[i] * decade, i && minor);
}
