/* SPDX-License-Identifier: BSD-3-Clause */
/* What a thread is to RCU: registered or not, online on the fast path, offline while it sleeps or on a slow path. */
#include "core.h"

bool core_slow_enter(void)
{
	bool online = rcu_thread_registered() && rcu_thread_is_online();

	if (online)
		rcu_thread_offline();
	return online;
}

void core_slow_exit(bool was_online)
{
	if (was_online)
		rcu_thread_online();
}

void piommu_thread_register(void)
{
	rcu_thread_register();
}

void piommu_thread_unregister(void)
{
	rcu_thread_unregister();
}

void piommu_thread_offline(void)
{
	rcu_thread_offline();
}

void piommu_thread_online(void)
{
	rcu_thread_online();
}

struct core_read core_read_enter(void)
{
	struct core_read was = { rcu_thread_registered(), false };

	if (!was.registered)
		rcu_thread_register();
	else if (rcu_thread_is_online())
		was.online = true;
	else
		rcu_thread_online();
	return was;
}

void core_read_exit(struct core_read was)
{
	if (!was.registered)
		rcu_thread_unregister();
	else if (!was.online)
		rcu_thread_offline();
}
