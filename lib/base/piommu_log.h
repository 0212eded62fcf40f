/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Messages. A message is logged once, where the decision is made, and names the device, the reason and the remedy. There
 * is no global logger: every object that can speak holds a pointer to one of these.
 */
#ifndef PIOMMU_LOG_H
#define PIOMMU_LOG_H

#ifdef __cplusplus
extern "C" {
#endif
#pragma GCC visibility push(default)

enum piommu_log_level {
	PIOMMU_LOG_ERR,   /**< the call fails because of this */
	PIOMMU_LOG_WARN,  /**< goes on, but a person should know */
	PIOMMU_LOG_INFO,  /**< what was decided */
	PIOMMU_LOG_DEBUG, /**< how it was decided */
};

/** Receives one line, without newline. May be called from any thread that calls piommu, never from the fast path. */
typedef void (*piommu_log_fn)(void *ctx, enum piommu_log_level level, const char *line);

struct piommu_log {
	piommu_log_fn fn; /**< NULL: silent */
	void *ctx;
	enum piommu_log_level level; /**< lines above this level are dropped */
};

/** Formats and hands on one line (cut at 512 bytes). `log` may be NULL. */
void piommu_log(const struct piommu_log *log, enum piommu_log_level level, const char *fmt, ...)
	__attribute__((format(printf, 3, 4), cold));

/** A `piommu_log_fn` that writes "piommu: warning: line" to stderr. */
void piommu_log_stderr(void *ctx, enum piommu_log_level level, const char *line);

#define log_err(log, ...) piommu_log((log), PIOMMU_LOG_ERR, __VA_ARGS__)
#define log_warn(log, ...) piommu_log((log), PIOMMU_LOG_WARN, __VA_ARGS__)
#define log_info(log, ...) piommu_log((log), PIOMMU_LOG_INFO, __VA_ARGS__)
#define log_debug(log, ...) piommu_log((log), PIOMMU_LOG_DEBUG, __VA_ARGS__)

#pragma GCC visibility pop
#ifdef __cplusplus
}
#endif
#endif
