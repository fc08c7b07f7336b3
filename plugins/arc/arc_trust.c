/* SPDX-License-Identifier: BSD-2-Clause */
#include "plugins/arc/arc_trust.h"

unsigned arc_trust_instance(const struct arc_sets *sets, bool (*trusted)(const void *arg, const char *domain), const void *arg)
{
	unsigned found = 0;

	for (unsigned i = arc_sets_count(sets); i >= 1; i--) {
		const struct dkim_signature *seal = arc_sets_seal(sets, i);

		if (!seal || !trusted(arg, seal->domain))
			break;
		found = i;
	}
	return found;
}
