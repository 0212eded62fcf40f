/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * pci.tsv: PCI functions in columns, "-" where a fact is unknown:
 *   address, group (never read), class, vendor:device, header type, PCI Express type, bus range of a bridge,
 *   ACS capability, ACS control, ARI, name
 * Words are those of lspci -vv. Lines that start with # are comments. A malformed line refuses the whole file.
 */
#include "dump.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum column {
	BDF,
	GROUP,
	CLASS,
	IDS,
	HEADER,
	TYPE,
	BUSES,
	ACS_CAP,
	ACS_CTL,
	ARI,
	NAME,
	NCOLUMNS
};

#define VENDOR_INTEL 0x8086

static bool is_unknown(const char *text)
{
	return strcmp(text, "-") == 0;
}

/* All of `text`, hexadecimal, `min` to `max` digits. */
static bool parse_hex(const char *text, size_t min, size_t max, unsigned *value)
{
	size_t n = strspn(text, "0123456789abcdefABCDEF");

	if (n < min || n > max || text[n])
		return false;
	*value = (unsigned)strtoul(text, NULL, 16);
	return true;
}

static bool parse_class(const char *text, struct piommu_pci_function *fn)
{
	unsigned value;

	if (is_unknown(text))
		return true;
	if (parse_hex(text, 4, 4, &value))
		value <<= 8; /* without the programming interface */
	else if (!parse_hex(text, 6, 6, &value))
		return false;
	fn->class_code = value;
	return true;
}

/* "8086:7d01"; each half may be unknown. */
static bool parse_ids(char *text, struct piommu_pci_function *fn)
{
	char *colon = strchr(text, ':');
	unsigned vendor = 0;
	unsigned device = 0;

	if (is_unknown(text))
		return true;
	if (!colon)
		return false;
	*colon = '\0';
	if ((!is_unknown(text) && !parse_hex(text, 4, 4, &vendor)) ||
	    (!is_unknown(colon + 1) && !parse_hex(colon + 1, 4, 4, &device)))
		return false;
	fn->vendor = (uint16_t)vendor;
	fn->device = (uint16_t)device;
	return true;
}

static bool parse_header(const char *text, struct piommu_pci_function *fn)
{
	unsigned value;

	if (is_unknown(text)) {
		fn->header_type = 0;
		return true;
	}
	if (!parse_hex(text, 1, 2, &value) || (value & 0x7f) > 2)
		return false;
	fn->header_type = value & 0x7f;
	fn->multifunction = value & 0x80;
	return true;
}

/* lspci has had several wordings for one type. */
static uint16_t type_of(const char *text)
{
	static const struct {
		const char *word;
		uint16_t type;
	} types[] = {
		{ "conventional", PIOMMU_PCIE_NONE },
		{ "Legacy Endpoint", PIOMMU_PCIE_LEGACY_ENDPOINT },
		{ "Root Complex Integrated Endpoint", PIOMMU_PCIE_RC_INTEGRATED },
		{ "Endpoint", PIOMMU_PCIE_ENDPOINT },
		{ "Root Port", PIOMMU_PCIE_ROOT_PORT },
		{ "Upstream Port", PIOMMU_PCIE_UPSTREAM },
		{ "Downstream Port", PIOMMU_PCIE_DOWNSTREAM },
		{ "to PCI/PCI-X", PIOMMU_PCIE_PCI_BRIDGE },
		{ "PCI/PCI-X to", PIOMMU_PCIE_PCIE_BRIDGE },
		{ "Root Complex Event Collector", PIOMMU_PCIE_RC_EVENT_COLLECTOR },
	};

	for (size_t i = 0; i < sizeof(types) / sizeof(types[0]); i++) {
		if (strcasestr(text, types[i].word))
			return types[i].type;
	}
	return PIOMMU_PCIE_UNKNOWN;
}

static bool parse_buses(const char *text, struct piommu_pci_function *fn)
{
	unsigned first, last;
	char end;

	if (is_unknown(text))
		return true;
	if (strlen(text) != 5 || sscanf(text, "%2x-%2x%c", &first, &last, &end) != 2)
		return false;
	fn->secondary = (uint8_t)first;
	fn->subordinate = (uint8_t)last;
	return true;
}

/* "SrcValid+TransBlk-...": the bits with a plus. */
static bool parse_acs(const char *text, uint16_t *bits)
{
	static const struct {
		const char *word;
		uint16_t bit;
	} words[] = {
		{ "SrcValid", PIOMMU_ACS_SV },    { "TransBlk", PIOMMU_ACS_TB },    { "ReqRedir", PIOMMU_ACS_RR },
		{ "CmpltRedir", PIOMMU_ACS_CR },  { "UpstreamFwd", PIOMMU_ACS_UF }, { "EgressCtrl", PIOMMU_ACS_EC },
		{ "DirectTrans", PIOMMU_ACS_DT },
	};
	size_t i;

	for (*bits = 0; *text; text++) {
		size_t len = strcspn(text, "+-");

		for (i = 0; i < sizeof(words) / sizeof(words[0]); i++) {
			if (strlen(words[i].word) == len && strncmp(text, words[i].word, len) == 0)
				break;
		}
		if (i == sizeof(words) / sizeof(words[0]) || !text[len])
			return false;
		if (text[len] == '+')
			*bits |= words[i].bit;
		text += len;
		text += strspn(text + 1, " ");
	}
	return true;
}

/* A capability without its control word decides nothing, unless it has no bit to control. */
static bool parse_acs_columns(char *const columns[NCOLUMNS], struct piommu_pci_function *fn)
{
	bool cap = !is_unknown(columns[ACS_CAP]);
	bool ctl = !is_unknown(columns[ACS_CTL]);

	if ((cap && !parse_acs(columns[ACS_CAP], &fn->acs_cap)) || (ctl && !parse_acs(columns[ACS_CTL], &fn->acs_ctl)))
		return false;
	if (cap && (ctl || !fn->acs_cap))
		fn->acs = PIOMMU_PRESENT;
	return true;
}

static bool parse_ari(const char *text, struct piommu_pci_function *fn)
{
	if (is_unknown(text))
		return true;
	if (strcmp(text, "0") != 0 && strcmp(text, "1") != 0)
		return false;
	fn->ari = *text == '1' ? PIOMMU_PRESENT : PIOMMU_ABSENT;
	return true;
}

/* Whether the name is of a 100 or 200 series PCH: in words, or by the number that lspci prints where it has no words. */
static bool is_sunrise_point(const char *name)
{
	static const char *const words[] = { "100 Series/C230 Series Chipset", "200 Series PCH", "Sunrise Point" };
	const char *number = strstr(name, "Intel Corporation Device ");
	unsigned device;

	for (size_t i = 0; i < sizeof(words) / sizeof(words[0]); i++) {
		if (strstr(name, words[i]))
			return true;
	}
	return number && sscanf(number, "Intel Corporation Device %4x", &device) == 1 &&
	       piommu_topo_acs_elsewhere(VENDOR_INTEL, (uint16_t)device);
}

/* A listing without ids still names the parts. */
static void infer_from_name(struct piommu_pci_function *fn, const char *name)
{
	bool intel = fn->vendor ? fn->vendor == VENDOR_INTEL : strstr(name, "Intel Corporation") != NULL;
	bool elsewhere = fn->device ? piommu_topo_acs_elsewhere(fn->vendor, fn->device) : intel && is_sunrise_point(name);

	if (fn->header_type == 0 && (fn->secondary || fn->class_code >> 8 == 0x0604 || strncmp(name, "PCI bridge", 10) == 0))
		fn->header_type = 1;
	if (strstr(name, "Virtual Function"))
		fn->is_virtfn = true;
	fn->known_isolated = (intel && fn->pcie_type == PIOMMU_PCIE_RC_INTEGRATED) ||
			     (elsewhere && fn->pcie_type == PIOMMU_PCIE_ROOT_PORT && fn->acs == PIOMMU_PRESENT);
}

/* Fills `fn`. @return NULL, or what is wrong with the line */
static const char *parse_columns(char *const columns[NCOLUMNS], struct piommu_pci_function *fn)
{
	memset(fn, 0, sizeof(*fn));
	if (piommu_sbdf_parse(columns[BDF], &fn->sbdf) != 0)
		return "the address is not DDDD:BB:DD.F";
	fn->physfn = fn->sbdf;
	fn->pcie_type = type_of(columns[TYPE]);
	if (!parse_class(columns[CLASS], fn))
		return "the class is neither 4 nor 6 hexadecimal digits";
	if (!parse_ids(columns[IDS], fn))
		return "vendor and device are not vvvv:dddd";
	if (!parse_header(columns[HEADER], fn))
		return "the header type is not 0, 1 or 2";
	if (!parse_buses(columns[BUSES], fn))
		return "the bus range is not ss-ll, hexadecimal";
	if (!parse_acs_columns(columns, fn))
		return "ACS bits are not words of lspci, each with + or -";
	if (!parse_ari(columns[ARI], fn))
		return "ARI is not 0 or 1";
	if (!is_unknown(columns[NAME]))
		snprintf(fn->name, sizeof(fn->name), "%s", columns[NAME]);
	infer_from_name(fn, columns[NAME]);
	return NULL;
}

static const char *parse_line(char *line, struct piommu_pci_function *fn)
{
	char *columns[NCOLUMNS];
	unsigned n = 0;

	while (line && n < NCOLUMNS)
		columns[n++] = strsep(&line, "\t");
	if (n < NCOLUMNS)
		return "fewer than 11 columns, separated by tabs";
	return parse_columns(columns, fn);
}

static int append(struct dump_functions *to, const struct piommu_pci_function *fn)
{
	if ((to->n & (to->n - 1)) == 0) { /* full at each power of two */
		struct piommu_pci_function *grown = realloc(to->at, (to->n ? to->n * 2 : 1) * sizeof(*grown));

		if (!grown)
			return -ENOMEM;
		to->at = grown;
	}
	to->at[to->n++] = *fn;
	return 0;
}

/* The listing does not have the multi-function bit: a slot with a function other than 0 has it. */
static void find_multifunction(struct dump_functions *functions)
{
	for (size_t i = 0; i < functions->n; i++) {
		struct piommu_sbdf sbdf = functions->at[i].sbdf;

		for (size_t k = 0; k < functions->n && (sbdf.devfn & 7) != 0; k++) {
			struct piommu_pci_function *fn = &functions->at[k];

			if (fn->sbdf.segment == sbdf.segment && fn->sbdf.bus == sbdf.bus &&
			    fn->sbdf.devfn >> 3 == sbdf.devfn >> 3)
				fn->multifunction = true;
		}
	}
}

/* Groups can only be too large where a fact of a function is unknown; without parents they can be too small. */
static void warn_about_bridges(const struct dump_platform *dp, const struct dump_functions *functions)
{
	unsigned unplaced = 0;

	for (size_t i = 0; i < functions->n; i++)
		unplaced += functions->at[i].header_type == 1 && functions->at[i].secondary == 0;
	if (unplaced)
		log_warn(dp->plat.log,
			 "dump: %s/pci.tsv: %u bridges without a bus range: groups below them may be shown too small", dp->dir,
			 unplaced);
}

static int parse_lines(const struct dump_platform *dp, char *text, struct dump_functions *out)
{
	unsigned number = 0;
	char *line;
	int err = 0;

	while (!err && (line = strsep(&text, "\n"))) {
		struct piommu_pci_function fn;
		const char *wrong;

		number++;
		line[strcspn(line, "\r")] = '\0';
		if (!*line || *line == '#')
			continue;
		wrong = parse_line(line, &fn);
		if (wrong) {
			log_err(dp->plat.log, "dump: %s/pci.tsv:%u: %s", dp->dir, number, wrong);
			return -EBADMSG;
		}
		err = append(out, &fn);
	}
	return err;
}

int dump_parse_tsv(const struct dump_platform *dp, char *text, struct dump_functions *out)
{
	struct dump_functions functions = { NULL, 0 };
	int err = parse_lines(dp, text, &functions);

	if (err) {
		free(functions.at);
		return err;
	}
	find_multifunction(&functions);
	warn_about_bridges(dp, &functions);
	*out = functions;
	return 0;
}
